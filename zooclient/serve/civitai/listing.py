"""``GET /api/v1/models``: its parameters, its filters, its order and its pages, quirks included. Pure.

The quirks are the site's: an unknown key or tag is passed over, a comma list is one unknown word, some flags mean yes
whatever their value is, and with words the search engine cuts the page before the other filters are applied, so that
pages come short or empty although others follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import field, frozen

from zooclient.serve.civitai.entities import Model, Version
from zooclient.serve.civitai.filters import engine_tests, other_tests
from zooclient.serve.civitai.parameters import Invalid, flag, ids, number, one, truthy
from zooclient.serve.exchange import Question

#: Items of a page at the most, and of all pages that are asked for by number.
PAGE: Final = 100
WINDOW: Final = 1000

SORTS: Final = (
    *("Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images", "Newest"),
    "Oldest",
)
#: Numbers of a cursor without words: of the sort, a second one, and of the model.
_KEYS = 3


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
        primary: Show the primary file of each version alone.
    """

    limit: int
    page: int | None
    cursor: str | None
    text: str
    sort: str
    tests: tuple[Callable[[Model], bool], ...] = field(repr=False)
    engine: tuple[Callable[[Model], bool], ...] = field(repr=False)
    versions: Callable[[Version], bool] = field(repr=False)
    primary: bool


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
    engine = engine_tests(question)
    families, numbers = question.values("baseModels"), ids(question, "modelVersionIds")
    if any("," in family for family in families):
        raise Invalid("baseModels", "Invalid input")

    def shown(version: Version) -> bool:
        named = not families or version.told.base_model in families
        return named and (numbers is None or version.id in numbers) and not truthy(question, "supportsGeneration")

    return Search(
        limit=number(question, "limit", PAGE, 0, PAGE),
        page=number(question, "page", 1, 1, 2**31 - 1) if paged else None,
        cursor=cursor,
        text=text,
        sort=one(question, "sort", SORTS) or SORTS[0],
        tests=(*engine, *other_tests(question, tags, now), lambda model: any(map(shown, model.versions))),
        engine=engine,
        versions=shown,
        primary=flag(question, "primaryFileOnly"),
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


#: Seconds beyond any date, to count backwards from.
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
