"""``GET /api/v1/models``: its parameters, its filters, its order and its pages, quirks included. Pure.

The quirks are the site's: an unknown key or tag is passed over, a comma list is one unknown word, some flags mean yes
whatever their value is, and with words the search engine cuts the page before the other filters are applied, so that
pages come short or empty although others follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import field, frozen

from zooclient.providers.civitai import names
from zooclient.serve.civitai.catalogue import Model, Version
from zooclient.serve.civitai.numbers import parse_id
from zooclient.serve.civitai.payloads import paid_access
from zooclient.serve.exchange import Question

#: Items of a page at the most, and of all pages that are asked for by number.
PAGE: Final = 100
WINDOW: Final = 1000

SORTS: Final = (
    *("Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images", "Newest"),
    "Oldest",
)
_PERIODS: Mapping[str, int | None] = {"AllTime": None, "Year": 365, "Month": 30, "Week": 7, "Day": 1}
_AVAILABILITY = ("Public", "Unsearchable", "Private", "EarlyAccess")
_COMMERCIAL = ("None", "Image", "RentCivit", "Rent", "Sell")
_YES, _NO = ("true", "1", "yes", "on", "y", "enabled"), ("false", "0", "no", "off", "n", "disabled")
_PG = 1
#: Numbers of a cursor without words: of the sort, a second one, and of the model.
_KEYS = 3


class Invalid(Exception):
    """A parameter that fails the whole question.

    Attributes:
        path: Name of the parameter.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


@frozen(kw_only=True)
class Candidate:
    """A model that may be listed.

    Attributes:
        model: The model.
        downloads: Its downloads.
    """

    model: Model
    downloads: int


@frozen(kw_only=True)
class Search:
    """A question that was read.

    Attributes:
        limit: Items of a page.
        page: Number of the page, from 1. None: pages go by cursors.
        cursor: Where the page begins. None: at the beginning.
        text: Words. Empty: none.
        sort: One of :data:`SORTS`.
        tests: What a model has to pass.
        engine: Those of the tests that the search engine knows of.
        versions: What a version has to pass to be shown.
    """

    limit: int
    page: int | None
    cursor: str | None
    text: str
    sort: str
    tests: tuple[Callable[[Model], bool], ...] = field(repr=False)
    engine: tuple[Callable[[Model], bool], ...] = field(repr=False)
    versions: Callable[[Version], bool] = field(repr=False)


@frozen(kw_only=True)
class Found:
    """A page.

    Attributes:
        models: What is on it.
        cursor: Of the next page. None: there is none.
    """

    models: tuple[Model, ...]
    cursor: str | None


def read(question: Question, tags: Callable[[], Iterable[str]], now: datetime) -> Search:
    """Reads the parameters of a listing.

    Args:
        question: What was asked.
        tags: Returns every tag that there is.
        now: The time, aware UTC.

    Raises:
        Invalid: A parameter has a value that the site refuses.
    """
    text = (question.value("query") or "").strip()
    cursor = question.value("cursor") or None
    paged = cursor is None and question.value("page") is not None
    engine = _engine(question)
    families, numbers = question.values("baseModels"), _ids(question, "modelVersionIds")
    if any("," in family for family in families):
        raise Invalid("baseModels", "Invalid input")

    def shown(version: Version) -> bool:
        named = not families or version.told.base_model in families
        return named and (numbers is None or version.id in numbers) and not _truthy(question, "supportsGeneration")

    return Search(
        limit=number(question, "limit", PAGE, 0, PAGE),
        page=number(question, "page", 1, 1, 2**31 - 1) if paged else None,
        cursor=cursor,
        text=text,
        sort=_one(question, "sort", SORTS) or SORTS[0],
        tests=(*engine, *_filters(question, tags, now), lambda model: any(map(shown, model.versions))),
        engine=engine,
        versions=shown,
    )


def find(search: Search, candidates: Sequence[Candidate]) -> Found:
    """Returns the page that a question asks for.

    Args:
        search: The question.
        candidates: Every model that may be listed.

    Raises:
        Invalid: The cursor is none.
    """
    if search.text:
        return _by_words(search, candidates)
    kept = [one for one in candidates if all(test(one.model) for test in search.tests)]
    keyed = sorted(((_key(search.sort, one), one.model) for one in kept), key=lambda pair: pair[0])
    start = 0
    if search.cursor is not None:
        after = read_cursor(search.cursor)
        start = sum(1 for key, _ in keyed if key < after)
    elif search.page is not None:
        start = (search.page - 1) * search.limit
    page = keyed[start : start + search.limit]
    rest = keyed[start + search.limit :] if search.limit else []
    return Found(models=tuple(model for _, model in page), cursor=cursor_of(rest[0][0]) if rest else None)


def _by_words(search: Search, candidates: Sequence[Candidate]) -> Found:
    """The engine cuts the page; what else was asked for is looked at afterwards, and leaves holes."""
    start = 0 if search.cursor is None else _offset(search.cursor)
    words = search.text.casefold().split()
    ranked = _ranked(search, candidates, words)
    page = ranked[start : start + search.limit]
    more = bool(search.limit) and len(ranked) > start + search.limit
    kept = tuple(model for model in page if all(test(model) for test in search.tests))
    return Found(models=kept, cursor=str(start + search.limit) if more else None)


def _ranked(search: Search, candidates: Sequence[Candidate], words: Sequence[str]) -> list[Model]:
    hits = [
        (-_relevance(one.model, words), -one.downloads, one.model.id, one.model)
        for one in candidates
        if _relevance(one.model, words) and all(test(one.model) for test in search.engine)
    ]
    return [hit[3] for hit in sorted(hits, key=lambda hit: hit[:3])]


def _relevance(model: Model, words: Sequence[str]) -> int:
    """How well a model suits words, of which each has to be found somewhere; 0: not at all."""
    told = model.told
    places = (
        (8, f"{model.name} {model.repository.id}"),
        (4, " ".join((*told.tags, *told.words))),
        (2, f"{model.owner} {told.kind} {told.base_model}"),
        (1, told.description or ""),
    )
    folded = [(weight, text.casefold()) for weight, text in places]
    scores = [sum(weight for weight, text in folded if word in text) for word in words]
    return sum(scores) if all(scores) else 0


def cursor_of(key: tuple[int, int, int]) -> str:
    """Returns the cursor of the page that begins with the model of this key."""
    return "|".join(str(abs(part)) for part in key)


def read_cursor(text: str) -> tuple[int, int, int]:
    """Returns the key that a cursor was made of.

    Raises:
        Invalid: It is no cursor.
    """
    parts = text.split("|")
    if len(parts) != _KEYS or not all(re.fullmatch("[0-9]{1,18}", part, re.ASCII) for part in parts):
        raise Invalid("cursor", "Invalid cursor")
    first, second, model = map(int, parts)
    return -first, -second, model


def _offset(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise Invalid("cursor", "Invalid cursor")
    return int(text)


_FAR = 10**12


def _key(sort: str, one: Candidate) -> tuple[int, int, int]:
    """Where a model stands, lowest first: its columns from above, and its number."""
    likes, model = one.model.repository.terms.likes, one.model
    seconds = int(model.versions[0].original.date.timestamp())
    first, second = {
        "Most Downloaded": (one.downloads, likes),
        "Newest": (seconds, 0),
        "Oldest": (_FAR - seconds, 0),
        "Most Discussed": (0, 0),
        "Most Collected": (0, 0),
        "Most Images": (0, 0),
    }.get(sort, (likes, one.downloads))
    return -first, -second, model.id


def _engine(question: Question) -> tuple[Callable[[Model], bool], ...]:
    kinds = _many(question, "types", names.TYPES)
    everything = _flag(question, "nsfw")
    return (
        lambda model: not kinds or model.told.kind in kinds,
        lambda model: not model.offer.minor if everything else bool(model.level & _PG),
    )


def _filters(question: Question, tags: Callable[[], Iterable[str]], now: datetime) -> Iterable[Callable[[Model], bool]]:
    tag = question.value("tag") or question.value("tagname")
    if tag and tag.lower() in set(tags()):
        yield lambda model: tag.lower() in model.told.tags
    name = question.value("username") or question.value("user")
    if name:
        yield lambda model: slug(model.owner) == slug(name)
    numbers = _ids(question, "ids")
    if numbers is not None:
        yield lambda model: model.id in numbers
    made = _one(question, "checkpointType", ("Trained", "Merge"))
    if made:
        yield lambda model: model.told.kind != "Checkpoint" or model.told.merged == (made == "Merge")
    yield from _dates(question, now)
    yield from _odd(question)
    if _truthy(question, "earlyAccess"):
        yield lambda model: (paid_access(model, now) or {}).get("endsAt") is not None
    archived = _truthy(question, "archived")
    yield lambda model: archived or not model.offer.archived
    kind = _one(question, "availability", _AVAILABILITY)
    if kind == "Private" and not name:
        raise Invalid("availability", "Only moderators may ask for private models of everybody")
    yield lambda model: ("Private" if model.repository.terms.private else "Public") == (kind or "Public")
    yield lambda model: not model.offer.poi


def _dates(question: Question, now: datetime) -> Iterable[Callable[[Model], bool]]:
    days = _PERIODS[_one(question, "period", tuple(_PERIODS)) or "AllTime"]
    mode = _one(question, "periodMode", ("published", "stats")) or "published"
    if days is not None and mode == "published":
        since = now.astimezone(UTC) - timedelta(days=days)
        yield lambda model: model.versions[0].original.date >= since


def _odd(question: Question) -> Iterable[Callable[[Model], bool]]:
    """Parameters that do something else than their names say."""
    for key in ("allowNoCredit", "allowDerivatives", "allowDifferentLicense"):
        if question.values(key):
            # The schema wants booleans, and all that a query can say is text.
            raise Invalid(key, "Invalid input: expected boolean, received string")
    uses = _many(question, "allowCommercialUse", _COMMERCIAL)
    if uses:
        yield lambda model: len(uses) > 1 and bool(set(uses) & {*model.told.terms.commercial})
    formats = question.values("fileFormats")
    if len(formats) == 1:
        raise Invalid("fileFormats", "Invalid input: expected array, received string")
    if any(_truthy(question, name) for name in ("supportsGeneration", "fromPlatform")):
        yield lambda model: False
    if any(_flag(question, name) for name in ("favorites", "hidden")):
        yield lambda model: False


def slug(name: str) -> str:
    """Returns the name of a creator as the site looks it up."""
    return re.sub(r"[^A-Za-z0-9_]", "", name.replace(" ", "_", 1)).lower()


def number(question: Question, name: str, default: int, least: int, most: int) -> int:
    """Returns a parameter that is a number.

    Raises:
        Invalid: It is none, or out of bounds.
    """
    text = question.value(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,12}", text.strip(), re.ASCII):
        raise Invalid(name, "Invalid input: expected number, received NaN")
    if int(text) < least:
        raise Invalid(name, f"Too small: expected number to be >={least}")
    if int(text) > most:
        raise Invalid(name, f"Too big: expected number to be <={most}")
    return int(text)


def _one(question: Question, name: str, legal: Sequence[str]) -> str | None:
    values = _many(question, name, legal)
    return values[-1] if values else None


def _many(question: Question, name: str, legal: Sequence[str]) -> list[str]:
    values = question.values(name)
    if any(value not in legal for value in values):
        options = "|".join(f'"{value}"' for value in legal)
        raise Invalid(name, f"Invalid option: expected one of {options}")
    return values


def _ids(question: Question, name: str) -> frozenset[int] | None:
    values = [part.strip() for value in question.values(name) for part in value.split(",") if part.strip()]
    if not values:
        return None
    numbers = [parse_id(value) for value in values]
    if None in numbers:
        raise Invalid(name, "Invalid input: expected number, received NaN")
    return frozenset(number for number in numbers if number is not None)


def _flag(question: Question, name: str) -> bool:
    text = question.value(name)
    if text is None:
        return False
    if text.lower() not in (*_YES, *_NO):
        raise Invalid(name, f"Invalid option: expected one of {'|'.join((*_YES, *_NO))}")
    return text.lower() in _YES


def _truthy(question: Question, name: str) -> bool:
    """As JavaScript has it: any text is true, ``false`` too."""
    return bool(question.value(name))


def zod(issues: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the site says of parameters that it refuses: no text, but an object."""
    listed = [{"code": "custom", "path": [path], "message": message} for path, message in issues.items()]
    return {"error": {"name": "ZodError", "issues": listed}}
