"""The table of bad input and bad luck: a cell for each zoo and each trouble, or the reason why there is none."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, Literal

from attrs import frozen
from faultroads import Elsewhere
from zoosites import MODEL, SITES, WEIGHTS, Following, Site, objects

from zooclient import (
    AccessError,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    StoreError,
    ZooError,
)
from zooclient.records.model import ModelRecord
from zooclient.testing import Body, Edit, LocalZoo, NullList, Redirect, Status, Thrown, Truncated

#: Another model, for searches that go on.
SECOND = "org/tiny-second"
PAGE = "<!doctype html><html><title>502</title><h1>Bad gateway</h1></html>"

_NEEDS_LOGIN = "(?i)log.?in|logged|key|token"


@frozen(kw_only=True)
class Cell:
    """One trouble at one zoo.

    Attributes:
        throw: Lets it happen; given the running zoo, the site and a server that is no zoo. The faults that it
            returns have to come to pass.
        act: Which call meets it.
        ref: What is asked for. None: the pin of the model.
        error: How it ends, exactly. None: it does no harm.
        said: Pattern that the sentence has.
        hint: Pattern that the hint has.
        token: The token that is used. None: none; ``me``: the right one.
        after: The token of the next run.
        limit: Hits that a search asks for. None: all.
        foreign: The server that is no zoo is asked, too.
        holds: What the answer has to be, or the error.
    """

    throw: Callable[[LocalZoo, Site, Elsewhere], object] = lambda zoo, site, other: None
    act: Literal["search", "resolve", "download"] = "download"
    ref: Callable[[LocalZoo, Site], str] | None = None
    error: type[ZooError] | None = None
    said: str = ""
    hint: str = ""
    token: str | None = None
    after: str | None = None
    limit: int | None = None
    foreign: bool = False
    holds: Callable[[Any, LocalZoo, Site], object] = lambda answer, zoo, site: True


@frozen
class Never:
    """A trouble that a zoo cannot have.

    Attributes:
        reason: Why.
    """

    reason: str


Row = dict[str, Cell | Never]


def everywhere(cell: Cell, **other: Cell | Never) -> Row:
    """The same at every zoo but those that are named."""
    return {scheme: other.get(scheme, cell) for scheme in SITES}


# -- what is thrown -----------------------------------------------------------------------------


def _gated(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
    zoo.gate(MODEL, "manual", readers=("me",))


def _for_members(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
    zoo.civitai.need_login(MODEL)


def _named(name: str) -> Cell:
    return Cell(
        throw=lambda zoo, site, other: zoo.fail(site.listing, Edit(site.rename(name)), zoo=site.scheme),
        error=IntegrityError,
        said="name",
        hint="Nothing was fetched",
    )


def _reserved(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
    zoo.commit("org/devices", {"aux.txt": "not a device", "config.json": "{}"})
    zoo.civitai.keep_names("org/devices")


def _odd_words(**changes: Any) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    """Fields of these names get these values, wherever they stand."""

    def change(document: Any) -> Any:
        for holder in objects(document):
            holder.update({name: value for name, value in changes.items() if name in holder})
        return document

    return lambda zoo, site, other: zoo.fail(site.record, Edit(change), zoo=site.scheme)


def _no_rows(document: Any) -> Any:
    """A page of a search without its rows."""
    if isinstance(document, list):
        return []
    next(holder for holder in objects(document) if "items" in holder)["items"] = []
    return document


def _rows_of_others(document: Any) -> Any:
    """A page of a search whose rows are of another owner than was asked for."""
    for holder in objects(document):
        if str(holder.get("id", "")).startswith("org/"):
            holder["id"] = "else/where"
    return document


def _empty_page(change: Callable[[Any], Any]) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    def throw(zoo: LocalZoo, site: Site, other: Elsewhere) -> Thrown:
        zoo.commit(SECOND, {"config.json": "{}", WEIGHTS: b"weights of it"})
        return zoo.fail(site.search, Edit(change, times=1), zoo=site.scheme)

    return throw


def _next_cursor(cursor: Callable[[], str]) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    def change(document: Any) -> Any:
        document["metadata"]["nextCursor"] = cursor()
        return document

    return lambda zoo, site, other: zoo.fail(site.search, Edit(change), zoo=site.scheme)


def _link(cursor: Callable[[], str]) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    return lambda zoo, site, other: zoo.fail(site.search, Following(cursor), zoo=site.scheme)


def _counting() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: str(next(numbers))


def _same_rows_for_ever(zoo: LocalZoo, site: Site, other: Elsewhere) -> Thrown:
    rows: list[Any] = []

    def change(document: Any) -> Any:
        rows[:] = rows or document["data"]["models"]
        document["data"] |= {"models": rows, "total_count": 10**9}
        return document

    return zoo.fail(site.search, Edit(change), zoo=site.scheme)


# -- what has to hold ---------------------------------------------------------------------------


def _asked(zoo: LocalZoo, site: Site) -> int:
    return sum(seen.zoo == site.scheme for seen in zoo.requests)


def _once_and_an_end(hits: Any, zoo: LocalZoo, site: Site) -> bool:
    return [hit.title for hit in hits] == ["tiny"] and _asked(zoo, site) <= 60


def _no_byte_asked(error: Any, zoo: LocalZoo, site: Site) -> bool:
    return not any(
        seen.origin == "cdn" or seen.path.endswith("/repo") or "resolve" in seen.path for seen in zoo.requests
    )


def _task(word: str) -> Callable[[Any, LocalZoo, Site], bool]:
    return lambda record, zoo, site: isinstance(record, ModelRecord) and record.task == word


# -- the table ----------------------------------------------------------------------------------

TROUBLES: dict[str, Row] = {
    "model not found": everywhere(
        Cell(act="resolve", ref=lambda zoo, site: site.missing, error=NotFound, hint="(?i)bare number|login|name right")
    ),
    "no such revision": everywhere(
        Cell(
            act="resolve", ref=lambda zoo, site: site.at(zoo, "gone"), error=NotFound, said="gone", hint="Branches and"
        ),
        civitai=Cell(
            act="resolve",
            ref=lambda zoo, site: site.at(zoo, "2147483000"),
            error=NotFound,
            said="2147483000",
            hint="these versions",
        ),
    ),
    "needs login": everywhere(
        Cell(throw=_gated, error=AccessError, hint=_NEEDS_LOGIN, after="me", holds=_no_byte_asked),
        civitai=Cell(throw=_for_members, error=AccessError, hint=_NEEDS_LOGIN, after="me"),
    ),
    "wrong token": everywhere(
        # An open model is given to a wrong token, too, by ModelScope and Civitai: it passes for none there.
        Cell(throw=_gated, token="wrong", error=AccessError, hint=_NEEDS_LOGIN, after="me"),
        civitai=Cell(throw=_for_members, token="wrong", error=AccessError, hint=_NEEDS_LOGIN, after="me"),
    ),
    "rate limited, and told how long": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                site.record, Status(429, retry_after=3600, times=None), zoo=site.scheme
            ),
            error=RateLimited,
            said="wait 3600 s",
            hint="ZOOCLIENT_MAX_WAIT",
            holds=lambda error, zoo, site: error.retry_after == 3600,
        )
    ),
    "rate limited, and not told": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.record, Status(429, times=None), zoo=site.scheme),
            error=RateLimited,
            said="wait",
            hint="token",
            holds=lambda error, zoo, site: error.retry_after is None,
        )
    ),
    "rate limited for a moment": everywhere(
        Cell(
            throw=lambda zoo, site, other: (
                zoo.fail(site.record, Status(429, retry_after=0), zoo=site.scheme),
                zoo.fail(WEIGHTS, Status(429, retry_after=0), zoo=site.scheme),
            )
        )
    ),
    "rate limited at the bytes": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                WEIGHTS, Status(429, retry_after=3600, times=None), zoo=site.scheme
            ),
            error=RateLimited,
            said="wait",
            hint=".",
            holds=lambda error, zoo, site: error.retry_after == 3600,
        )
    ),
    "rate limited at the search": everywhere(
        Cell(
            act="search",
            throw=lambda zoo, site, other: zoo.fail(
                site.search, Status(429, retry_after=3600, times=None), zoo=site.scheme
            ),
            error=RateLimited,
            said="wait 3600 s",
            hint="ZOOCLIENT_MAX_WAIT",
            holds=lambda error, zoo, site: error.retry_after == 3600,
        )
    ),
    "5xx with a page": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                site.record,
                Status(502, body=PAGE, headers={"content-type": "text/html"}, times=None),
                zoo=site.scheme,
            ),
            error=NetworkError,
            said="502|failed",
            hint="(?i)again|online",
        )
    ),
    "5xx with a page at the bytes": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                WEIGHTS,
                Status(502, body=PAGE, headers={"content-type": "text/html"}, times=None, origin="cdn"),
                zoo=site.scheme,
            ),
            error=NetworkError,
            said="502",
            hint="again",
        )
    ),
    "5xx with a page at the search": everywhere(
        Cell(
            act="search",
            throw=lambda zoo, site, other: zoo.fail(
                site.search,
                Status(503, body=PAGE, headers={"content-type": "text/html"}, times=None),
                zoo=site.scheme,
            ),
            error=NetworkError,
            said="503",
            hint="again",
        )
    ),
    "JSON that is cut": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.listing, Truncated(), zoo=site.scheme),
            error=ProtocolError,
            said="is not JSON",
            hint="proxy",
        )
    ),
    "JSON that is cut, of a search": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.search, Truncated(), zoo=site.scheme),
            act="search",
            error=ProtocolError,
            said="is not JSON",
            hint="proxy",
        )
    ),
    "an empty page in a search that goes on": everywhere(
        Cell(
            throw=_empty_page(_no_rows),
            act="search",
            limit=1,
            holds=lambda hits, zoo, site: len(hits) == 1 and _asked(zoo, site) == 2,
        ),
        # Its pages go by number, and one without a row is behind the last. What it may send is a page of which
        # nothing is left when the rows are looked at.
        modelscope=Cell(
            throw=_empty_page(_rows_of_others),
            act="search",
            limit=1,
            holds=lambda hits, zoo, site: len(hits) == 1 and _asked(zoo, site) == 2,
        ),
    ),
    "an unknown enum value": {
        "hf": Cell(
            act="resolve",
            throw=_odd_words(pipeline_tag="dream-reading", library_name="abacus"),
            holds=_task("dream-reading"),
        ),
        "modelscope": Cell(
            act="resolve",
            throw=_odd_words(Visibility=77, ProtectedMode=9, Tasks=[{"Name": "dream-reading"}]),
            holds=lambda record, zoo, site: any("visibility" in problem for problem in record.problems),
        ),
        "civitai": Cell(
            act="resolve",
            throw=_odd_words(type="Hologram", baseModel="SD 99", availability="Members", pickleScanResult="Perhaps"),
            holds=_task("Hologram"),
        ),
    },
    "null for an optional list": everywhere(
        Cell(
            act="resolve",
            throw=lambda zoo, site, other: zoo.fail(site.record, NullList(site.optional), zoo=site.scheme),
            holds=lambda record, zoo, site: record.tags == () and len(record.files) >= 4,
        )
    ),
    "null for the list of files": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.listing, NullList(site.files), zoo=site.scheme),
            error=ProtocolError,
            said="null in place of the list of files",
            hint="endpoint",
        ),
        # An empty list may be null there, and no file at all is how it tells that a revision is not there.
        modelscope=Cell(
            throw=lambda zoo, site, other: zoo.fail(site.listing, NullList(site.files), zoo=site.scheme),
            error=NotFound,
            said="has no revision",
            hint="Branches and tags",
        ),
    ),
    "null for the list of hits": everywhere(
        Cell(
            act="search",
            throw=lambda zoo, site, other: zoo.fail(site.search, NullList(site.hits), zoo=site.scheme),
            error=ProtocolError,
            said="null in place of",
            hint="endpoint",
        )
    ),
    "a name that climbs": everywhere(_named("../escape.json")),
    "a name that climbs in Windows": everywhere(_named("..\\escape.json")),
    "a name that is absolute": everywhere(_named("/escape.json")),
    "a name with a drive letter": everywhere(_named("C:escape.json")),
    "a name with NUL": everywhere(_named("escape\x00.json")),
    "a name that Windows reserves": everywhere(
        Cell(
            throw=_reserved,
            ref=lambda zoo, site: site.pin(zoo, "org/devices"),
            error=StoreError if os.name == "nt" else None,
            said="aux.txt",
            hint=".",
            holds=lambda snapshot, zoo, site: (
                os.name == "nt" or any("reserved" in problem for problem in snapshot.record.problems)
            ),
        )
    ),
    "a foreign host asks for a credential": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                WEIGHTS, Redirect(f"{other.url}/weights", origin="hub"), zoo=site.scheme
            ),
            token="me",
            foreign=True,
            error=AccessError,
            said="401",
            hint=".",
        )
    ),
    "the same cursor again": {
        "hf": Cell(act="search", throw=_link(lambda: "same"), error=ProtocolError, said="same page", hint="endpoint"),
        "modelscope": Never("Its pages go by number, which is counted here: it names no cursor that could come again."),
        "civitai": Cell(
            act="search", throw=_next_cursor(lambda: "7"), error=ProtocolError, said="same page", hint="endpoint"
        ),
    },
    "a cursor that never ends": {
        "hf": Cell(act="search", throw=_link(_counting()), holds=_once_and_an_end),
        "modelscope": Cell(act="search", throw=_same_rows_for_ever, holds=_once_and_an_end),
        "civitai": Cell(act="search", throw=_next_cursor(_counting()), holds=_once_and_an_end),
    },
    "a page for people in place of the record": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.record, Body(), zoo=site.scheme),
            error=ProtocolError,
            said=".",
            hint="(?i)proxy|page|endpoint",
        )
    ),
}
