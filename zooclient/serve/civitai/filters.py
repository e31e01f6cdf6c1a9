"""What a model has to be to be listed, by the parameters of a question. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from zooclient.providers.civitai import names
from zooclient.serve.civitai.entities import Model
from zooclient.serve.civitai.parameters import Invalid, flag, ids, many, one, truthy
from zooclient.serve.civitai.payloads import paid_access
from zooclient.serve.exchange import Question

_PERIODS: Mapping[str, int | None] = {"AllTime": None, "Year": 365, "Month": 30, "Week": 7, "Day": 1}
_AVAILABILITY = ("Public", "Unsearchable", "Private", "EarlyAccess")
_COMMERCIAL = ("None", "Image", "RentCivit", "Rent", "Sell")
_PG = 1


def engine_tests(question: Question) -> tuple[Callable[[Model], bool], ...]:
    """Returns the tests that the search engine makes by itself: the kind, and for whom it is.

    Raises:
        Invalid: A parameter has a value that the site refuses.
    """
    kinds = many(question, "types", names.TYPES)
    everything = flag(question, "nsfw")
    return (
        lambda model: not kinds or model.told.kind in kinds,
        lambda model: not model.offer.minor if everything else bool(model.level & _PG),
    )


def other_tests(
    question: Question, tags: Callable[[], Iterable[str]], now: datetime
) -> Iterable[Callable[[Model], bool]]:
    """Yields the tests that the database makes.

    Args:
        question: What was asked.
        tags: Returns every tag that there is: one that is not known is passed over.
        now: The time, aware UTC.

    Raises:
        Invalid: A parameter has a value that the site refuses.
    """
    tag = question.value("tag") or question.value("tagname")
    if tag and tag.lower() in set(tags()):
        yield lambda model: tag.lower() in model.told.tags
    name = question.value("username") or question.value("user")
    if name:
        yield lambda model: slug(model.owner) == slug(name)
    numbers = ids(question, "ids")
    if numbers is not None:
        yield lambda model: model.id in numbers
    made = one(question, "checkpointType", ("Trained", "Merge"))
    if made:
        yield lambda model: model.told.kind != "Checkpoint" or model.told.merged == (made == "Merge")
    yield from _dates(question, now)
    yield from _odd(question)
    if truthy(question, "earlyAccess"):
        yield lambda model: (paid_access(model, now) or {}).get("endsAt") is not None
    archived = truthy(question, "archived")
    yield lambda model: archived or not model.offer.archived
    kind = one(question, "availability", _AVAILABILITY)
    if kind == "Private" and not name:
        raise Invalid("availability", "Only moderators may ask for private models of everybody")
    yield lambda model: ("Private" if model.repository.terms.private else "Public") == (kind or "Public")
    yield lambda model: not model.offer.poi


def _dates(question: Question, now: datetime) -> Iterable[Callable[[Model], bool]]:
    days = _PERIODS[one(question, "period", tuple(_PERIODS)) or "AllTime"]
    mode = one(question, "periodMode", ("published", "stats")) or "published"
    if days is not None and mode == "published":
        since = now.astimezone(UTC) - timedelta(days=days)
        yield lambda model: model.versions[0].original.date >= since


def _odd(question: Question) -> Iterable[Callable[[Model], bool]]:
    """Parameters that do something else than their names say."""
    for key in ("allowNoCredit", "allowDerivatives", "allowDifferentLicense"):
        if question.values(key):
            # The schema wants booleans, and all that a query can say is text.
            raise Invalid(key, "Invalid input: expected boolean, received string")
    uses = many(question, "allowCommercialUse", _COMMERCIAL)
    if uses:
        yield lambda model: len(uses) > 1 and bool(set(uses) & {*model.told.terms.commercial})
    formats = question.values("fileFormats")
    if len(formats) == 1:
        raise Invalid("fileFormats", "Invalid input: expected array, received string")
    if any(truthy(question, name) for name in ("supportsGeneration", "fromPlatform")):
        yield lambda model: False
    if any(flag(question, name) for name in ("favorites", "hidden")):
        yield lambda model: False


def slug(name: str) -> str:
    """Returns the name of a creator as the site looks it up."""
    return re.sub(r"[^A-Za-z0-9_]", "", name.replace(" ", "_", 1)).lower()
