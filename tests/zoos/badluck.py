"""The table of bad input and bad luck: a cell for each zoo and each trouble, or the reason why there is none."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Callable
from typing import Any, Literal

from attrs import evolve, frozen
from faultroads import Elsewhere
from zoosites import MODEL, SITES, WEIGHTS, Following, OfImages, Site, archive, objects

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
from zooclient.testing.registry import Further

#: Another model, for searches that go on.
SECOND = "org/tiny-second"
#: Where Replicate lists models, a page at a time.
LISTING = "/v1/models"
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
        token: The token that is used. None: none, and the right one at a zoo that answers nobody without; ``me``: the
            right one.
        login: The login that is used at a registry of images, in the same words.
        after: Token and login of the next run.
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
    login: str | None = None
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

_ONE_LOGIN = "Its files are given by whoever tells of them, for the same token."


def everywhere(cell: Cell | Never, **other: Cell | Never) -> Row:
    """The same at every zoo but those that are named."""
    return {scheme: other.get(scheme, cell) for scheme in SITES}


def _replicate_alone(reason: str, cell: Cell) -> Row:
    """A trouble that the other zoos cannot have, for one reason."""
    return everywhere(Never(reason), replicate=cell)


# -- what is thrown -----------------------------------------------------------------------------


def _gated(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
    zoo.gate(MODEL, "manual", readers=("me",))


def _for_members(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
    zoo.civitai.need_login(MODEL)


def _members_alone(challenge: Literal["Basic", "Bearer"]) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    """The registry of images gives nothing to strangers."""

    def throw(zoo: LocalZoo, site: Site, other: Elsewhere) -> None:
        zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, "no"

    return throw


def _layered(name: str) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    """A layer holds a file of this name."""
    return lambda zoo, site, other: zoo.r8.form(MODEL, further=(Further(archive(name)),))


def _of_images(pattern: str, change: Callable[[Any], Any]) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    return lambda zoo, site, other: zoo.fail(pattern, OfImages(change), zoo=site.keeper)


def _without_layers(document: Any) -> Any:
    return {**document, "layers": None} if "layers" in document else document


def _in_the_listing(
    change: Callable[[Any], Any], times: int | None = None
) -> Callable[[LocalZoo, Site, Elsewhere], object]:
    """Replicate's search is out of order, so that its listing is asked, whose pages go on; each is changed."""

    def throw(zoo: LocalZoo, site: Site, other: Elsewhere) -> tuple[Thrown, ...]:
        gone = zoo.fail(site.search, Status(503, body=PAGE, times=None), zoo=site.scheme)
        return gone, zoo.fail(LISTING, Edit(change, times=times), zoo=site.scheme)

    return throw


def _first_page_empty(document: Any) -> Any:
    return {**document, "results": [], "next": "https://api.replicate.com/v1/models?cursor=cD0w"}  # to where it begins


def _next_of_listing(cursor: Callable[[], str]) -> Callable[[Any], Any]:
    """Names the next page; the zoo's own cursors are places in its list, and this one leads to the beginning."""
    return lambda document: {**document, "next": f"https://api.replicate.com/v1/models?cursor={cursor()}"}


def _named(name: str, replicate: Cell, *, member: str | None = None) -> Row:
    """A file has this name; in a layer it is below the folder of the model, or is this member."""
    return everywhere(_listed(name), replicate=evolve(replicate, throw=_layered(member or f"src/{name}")))


def _listed(name: str) -> Cell:
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


def _places() -> Callable[[], str]:
    """Cursors of Replicate's that all differ, and lead to the beginning or behind it."""
    numbers = itertools.count()
    return lambda: base64.b64encode(f"p={'0' * (next(numbers) % 9)}0".encode()).decode()


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


def _told(path: str, reason: str) -> Callable[[Any, LocalZoo, Site], bool]:
    """The file is there, and its record says what some system will not do with its name."""

    def holds(answer: Any, zoo: LocalZoo, site: Site) -> bool:
        if os.name == "nt":
            return True
        named = any(path in problem and reason in problem for problem in answer.record.problems)
        return named and any(file.path == f"{site.folder}{path}" for file in answer.files)

    return holds


def _task(word: str) -> Callable[[Any, LocalZoo, Site], bool]:
    return lambda record, zoo, site: isinstance(record, ModelRecord) and record.task == word


# -- the table ----------------------------------------------------------------------------------

TROUBLES: dict[str, Row] = {
    "model not found": everywhere(
        Cell(
            act="resolve", ref=lambda zoo, site: site.missing, error=NotFound, hint="(?i)bare number|login|name right"
        ),
        replicate=Cell(
            act="resolve", ref=lambda zoo, site: site.missing, error=NotFound, said="org/none", hint="private, renamed"
        ),
    ),
    "no such revision": everywhere(
        Cell(act="resolve", ref=lambda zoo, site: site.at(zoo), error=NotFound, said="gone", hint="Branches and"),
        civitai=Cell(
            act="resolve",
            ref=lambda zoo, site: site.at(zoo),
            error=NotFound,
            said="2147483000",
            hint="these versions",
        ),
        replicate=Cell(
            act="resolve",
            ref=lambda zoo, site: site.at(zoo),
            error=NotFound,
            said="0000",
            hint="latest version is [0-9a-f]{64}",
        ),
    ),
    "needs login": everywhere(
        Cell(throw=_gated, error=AccessError, hint=_NEEDS_LOGIN, after="me", holds=_no_byte_asked),
        civitai=Cell(throw=_for_members, error=AccessError, hint=_NEEDS_LOGIN, after="me"),
        replicate=Cell(token="", error=AccessError, said="token", hint="zooclient login replicate"),
    ),
    "wrong token": everywhere(
        # An open model is given to a wrong token, too, by ModelScope and Civitai: it passes for none there.
        Cell(throw=_gated, token="wrong", error=AccessError, hint=_NEEDS_LOGIN, after="me"),
        civitai=Cell(throw=_for_members, token="wrong", error=AccessError, hint=_NEEDS_LOGIN, after="me"),
        replicate=Cell(token="r8_wrong", error=AccessError, said="valid token", hint="zooclient login replicate"),
    ),
    "needs login to search": _replicate_alone(
        "Anybody may search it.",
        Cell(act="search", token="r8_wrong", error=AccessError, said="valid token", hint="zooclient login replicate"),
    ),
    "needs another login for the files, asked for by Basic": _replicate_alone(
        _ONE_LOGIN, Cell(throw=_members_alone("Basic"), error=AccessError, said="not shown", hint="cog login")
    ),
    "needs another login for the files, asked for by Bearer": _replicate_alone(
        _ONE_LOGIN, Cell(throw=_members_alone("Bearer"), error=AccessError, said="not shown", hint="cog login")
    ),
    "wrong login for the files, asked for by Basic": _replicate_alone(
        _ONE_LOGIN,
        Cell(throw=_members_alone("Basic"), login="me:wrong", error=AccessError, said="not shown", hint="cog login"),
    ),
    "wrong login for the files, asked for by Bearer": _replicate_alone(
        _ONE_LOGIN,
        Cell(throw=_members_alone("Bearer"), login="me:wrong", error=AccessError, said="not shown", hint="cog login"),
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
                zoo.fail(WEIGHTS, Status(429, retry_after=0), zoo=site.keeper),
            )
        )
    ),
    "rate limited at the bytes": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                WEIGHTS, Status(429, retry_after=3600, times=None), zoo=site.keeper
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
                zoo=site.keeper,
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
        ),
        # Its search is a beta, and where it is out of order the older one is asked, which has to fail as well.
        replicate=Cell(
            act="search",
            throw=lambda zoo, site, other: tuple(
                zoo.fail(
                    path,
                    Status(503, body=PAGE, headers={"content-type": "text/html"}, times=None),
                    zoo=site.scheme,
                )
                for path in (site.search, LISTING)
            ),
            error=NetworkError,
            said="503",
            hint="again",
        ),
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
        replicate=Cell(
            throw=_in_the_listing(_first_page_empty, times=1),
            act="search",
            limit=1,
            holds=lambda hits, zoo, site: len(hits) == 1 and _asked(zoo, site) <= 5,
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
        "replicate": Cell(
            act="resolve",
            throw=_odd_words(visibility="members", cog_version="eleven", type="hologram", format="smell"),
            holds=lambda record, zoo, site: record.pin == "version" and record.schema is not None,
        ),
    },
    "null for an optional list": everywhere(
        Cell(
            act="resolve",
            throw=lambda zoo, site, other: zoo.fail(site.record, NullList(site.optional), zoo=site.scheme),
            holds=lambda record, zoo, site: record.tags == () and len(record.files) >= 4,
        ),
        replicate=Cell(
            act="resolve",
            throw=lambda zoo, site, other: zoo.fail(site.record, NullList(site.optional), zoo=site.scheme),
            holds=lambda record, zoo, site: not any(given.required for given in record.schema.inputs),
        ),
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
        # Its list is held against the digest that the version is, before anybody reads it.
        replicate=Cell(
            throw=_of_images("*/manifests/*", _without_layers),
            error=IntegrityError,
            said="is named",
            hint="Nothing of it is kept",
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
    "a name that climbs": _named("../../escape.json", Cell(error=IntegrityError, said="climbs", hint="Do not trust")),
    "a name that climbs in Windows": _named(
        "..\\escape.json", Cell(error=IntegrityError, said="backslash", hint="Nothing of the layer is kept")
    ),
    # In an archive every name is below the root of the image, with a slash before it or without.
    "a name that is absolute": _named(
        "/escape.json",
        Cell(holds=lambda snapshot, zoo, site: (snapshot.path / "src" / "escape.json").read_bytes() == b"{}"),
        member="/src/escape.json",
    ),
    "a name with a drive letter": _named(
        "C:escape.json",
        # Below the folder of a model it names no drive, and a file that Windows alone does not hold.
        Cell(
            error=StoreError if os.name == "nt" else None,
            said="C:escape",
            hint=".",
            holds=_told("C:escape.json", "cannot be stored on Windows"),
        ),
    ),
    "a name with NUL": _named(
        "escape\x00.json", Cell(error=IntegrityError, said="control character", hint="Nothing of the layer is kept")
    ),
    "a name that Windows reserves": everywhere(
        Cell(
            throw=_reserved,
            ref=lambda zoo, site: site.pin(zoo, "org/devices"),
            error=StoreError if os.name == "nt" else None,
            said="aux.txt",
            hint=".",
            holds=_told("aux.txt", "reserved"),
        )
    ),
    "a foreign host asks for a credential": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                WEIGHTS, Redirect(f"{other.url}/weights", origin="hub"), zoo=site.keeper
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
        "replicate": Cell(
            act="search",
            throw=_in_the_listing(_next_of_listing(lambda: "cD0w")),
            error=ProtocolError,
            said="same page",
            hint="endpoint",
        ),
    },
    "a cursor that never ends": {
        "hf": Cell(act="search", throw=_link(_counting()), holds=_once_and_an_end),
        "modelscope": Cell(act="search", throw=_same_rows_for_ever, holds=_once_and_an_end),
        "civitai": Cell(act="search", throw=_next_cursor(_counting()), holds=_once_and_an_end),
        "replicate": Cell(act="search", throw=_in_the_listing(_next_of_listing(_places())), holds=_once_and_an_end),
    },
    "a page for people in place of the record": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.record, Body(), zoo=site.scheme),
            error=ProtocolError,
            said=".",
            hint="(?i)proxy|page|endpoint",
        )
    ),
    "a page for people in place of the list of files": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(site.listing, Body(), zoo=site.scheme),
            error=ProtocolError,
            said=".",
            hint="(?i)proxy|page|endpoint",
        ),
        replicate=Cell(
            throw=lambda zoo, site, other: zoo.fail("*/manifests/*", Body(), zoo=site.keeper),
            error=IntegrityError,
            said="is named",
            hint="login page or a proxy",
        ),
    ),
    "5xx with a page in place of the list of files": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                "*/manifests/*" if site.keeper == "r8" else site.listing,
                Status(502, body=PAGE, headers={"content-type": "text/html"}, times=None),
                zoo=site.keeper,
            ),
            error=NetworkError,
            said="502",
            hint="(?i)again|online",
        )
    ),
    "rate limited at the list of files": everywhere(
        Cell(
            throw=lambda zoo, site, other: zoo.fail(
                "*/manifests/*" if site.keeper == "r8" else site.listing,
                Status(429, retry_after=3600, times=None),
                zoo=site.keeper,
            ),
            error=RateLimited,
            said="wait 3600 s",
            hint="ZOOCLIENT_MAX_WAIT",
            holds=lambda error, zoo, site: error.retry_after == 3600,
        )
    ),
}
