"""ModelScope as flows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from zooclient.errors import (
    AccessError,
    ConfigError,
    IntegrityError,
    NotFound,
    ProtocolError,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Flow, Request, Response, fetch, redirect_target
from zooclient.net.origin import origin
from zooclient.providers.base import Account
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.endpoint import OFFICIAL, inference, is_official, normal_endpoint
from zooclient.providers.modelscope.refusal import (
    is_overload,
    no_access,
    no_revision,
    refusal,
    says_no,
    window_end,
)
from zooclient.providers.modelscope.studios import read_studios
from zooclient.providers.reading import is_commit
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest

#: Bytes of an answer at the most: a record with its whole card, and a listing of 3000 files.
_BYTES = 64 * 1024 * 1024
#: How often one question is asked where the zoo is known to refuse by mistake.
_TRIES = 4
#: Folders that are listed together; its own client does the same.
_TOGETHER = 8
#: Entries that are read for one model at the most, again and again ones included: the zoo takes 100 000 files a model.
_ENTRIES = 500_000

_HEX = re.compile(r"[0-9a-f]{7,39}")
_CURSOR = re.compile(r"(site:)?([1-9][0-9]{0,3})")

#: Commits on a page of a log, and pages of it at the most.
_LOG_SIZE = 100
_LOG_PAGES = 50

CAPABILITY: Final = Capability(
    search=True,
    download=True,
    run=True,
    publish=True,
    login=True,
    filters={
        **dict.fromkeys(("text", "author", "task", "library", "license", "format", "tags", "sort", "limit"), "exact"),
        **dict.fromkeys(("license_kind", "gated", "nsfw", "min_parameters", "max_parameters", "fits"), "emulated"),
        **dict.fromkeys(("base_model", "language"), "unsupported"),
    },
    sorts=tuple(wire.SORTS),
    max_connections=16,  # what its own client allows itself at the most for one file
    note=f"Words are matched loosely, and a search shows its first {wire.WINDOW} hits: narrow it to see others. "
    "Models are run by name: a revision cannot be chosen, and that nobody runs one is told when it is asked to run.",
)


@frozen
class ModelScope:
    """ModelScope, or a server that speaks its protocol; the international site is one.

    Args:
        endpoint: Address of the server, without a slash at the end; a path may follow the origin.

    Raises:
        ConfigError: The endpoint is no plain http or https address.
    """

    endpoint: str = OFFICIAL

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "endpoint", normal_endpoint(self.endpoint))

    @property
    def scheme(self) -> str:
        """``modelscope``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What ModelScope can do."""
        return CAPABILITY

    @property
    def official(self) -> bool:
        """Whether it is the Chinese site; the international one has other models under the same names."""
        return is_official(self.endpoint)

    @property
    def origins(self) -> tuple[str, ...]:
        """The site, and where it runs models."""
        return (self.endpoint, inference(self.endpoint))

    # -- search ---------------------------------------------------------------------------------

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page of models. The cursor is the number of the page, after ``site:`` for the website's own search.

        A server without the documented search is asked by the website's own.

        Raises:
            Unsupported: The zoo shows no more hits of this search.
            ConfigError: The cursor is none of ours.
        """
        found = _CURSOR.fullmatch(cursor or "1")
        if found is None:
            raise ConfigError(f"This is no cursor of ModelScope: {str(cursor)[:50]!r}.", zoo=wire.SCHEME)
        number, site = int(found[2]), found[1] is not None
        size = wire.page_size(query, thinned=filters.thinned(query, CAPABILITY))
        if number * size > wire.WINDOW:
            raise window_end()
        if not site:
            try:
                payload = yield from self._ask(wire.search_url(self.endpoint, query, number, size), None, "search")
                return _page(query, number, size, wire.read_page(payload, number, endpoint=self.endpoint))
            except NotFound:
                if number > 1:
                    raise
        payload = yield from self._answer(
            Request(
                url=wire.site_search_url(self.endpoint),
                method="PUT",
                headers={"Content-Type": "application/json"},
                content=wire.site_search_body(query, number, size),
                max_bytes=_BYTES,
            ),
            None,
            "search",
        )
        return _page(query, number, size, wire.read_site_page(payload, endpoint=self.endpoint), site=True)

    # -- resolve --------------------------------------------------------------------------------

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of a revision, in three requests: the log of commits, the model, the files of the commit.

        A full commit needs no log, so it takes two requests, sent together. Only a model of 3000 entries and more
        takes further ones.

        Raises:
            NotFound: No such model or revision, or none that the caller may see.
            AccessError: It is there, and its files may not be listed.
            IntegrityError: Another commit than the one asked for, or a file name that is not safe.
            ProtocolError: An answer of another shape.
        """
        info = self._request(wire.info_url(self.endpoint, ref))
        revision = ref.revision or wire.DEFAULT_BRANCH
        if is_commit(revision):
            commit = revision
            about, first = yield from self._both(info, self._request(self._tree_url(ref.id, commit)), ref)
        else:
            about, log = yield from self._both(info, self._request(wire.log_url(self.endpoint, ref.id, revision)), ref)
            commit = yield from self._commit(ref, revision, self._told(about, log, ref))
            first = None
        if isinstance(about, ZooError):
            raise about
        record = wire.read_info(about, ref, endpoint=self.endpoint)
        if first is None:
            first = yield from self._tried(self._request(self._tree_url(ref.id, commit)), ref)
        tree = wire.read_tree(self._told(about, first, ref))
        _hold_to_commit(ref, commit, tree)
        if not tree.entries:
            raise no_revision(str(ref), ref.revision)
        listed = (yield from self._walk(ref, commit, tree)) if tree.cut else tree.entries
        record = wire.with_files(record, commit, wire.read_files(listed), about)
        if demos:
            found, odd = read_studios(about, endpoint=self.endpoint)
            record = evolve(record, demos=found, problems=(*record.problems, *([odd] if odd is not None else [])))
        return record

    def about(self, ref: Ref) -> Flow[Any]:
        """What the zoo says about a model, as JSON with its envelope; its files are not part of it.

        Raises:
            NotFound: No such model, or none that the caller may see.
        """
        return (yield from self._ask(wire.info_url(self.endpoint, ref), ref, "resolve"))

    def _both(self, info: Request, other: Request, ref: Ref) -> Flow[tuple[Any, Any]]:
        """Asks two questions together. Each gives its JSON, or the error that its refusal means."""
        responses = yield (info, other)
        about = yield from self._settled(info, responses[0], ref, "resolve")
        second = yield from self._settled(other, responses[1], ref, "resolve", readable=not isinstance(about, ZooError))
        return about, second

    def _tried(self, request: Request, ref: Ref) -> Flow[Any]:
        response = yield from fetch(request)
        return (yield from self._settled(request, response, ref, "resolve", readable=True))

    def _told(self, about: Any, answer: Any, ref: Ref) -> Any:
        """Returns an answer about the files or commits of a model, or raises what its refusal means.

        Who may not see the files gets a 404 that tells not why; the record of the model may.
        """
        if not isinstance(answer, ZooError):
            return answer
        if isinstance(about, ZooError):
            raise about
        if isinstance(answer, AccessError):
            access = wire.read_info(about, ref, endpoint=self.endpoint).access
            if access.state != "open":
                raise no_access(ref, access, web=self.endpoint) from answer
        if isinstance(answer, NotFound):
            raise no_revision(str(ref), ref.revision) from answer  # the model itself was found
        raise answer

    def follows(self, newer: Ref, commit: str) -> Flow[bool | None]:
        """Whether a commit is among the newest ones that led to another; None: the log goes on, and it was not."""
        for number in range(1, _LOG_PAGES + 1):
            url = wire.log_url(self.endpoint, newer.id, newer.revision or "", number=number, size=_LOG_SIZE)
            page = wire.read_history((yield from self._ask(url, newer, "outdated")))
            if commit in page:
                return True
            if len(page) < _LOG_SIZE:
                return False
        return None

    def _commit(self, ref: Ref, revision: str, log: Any) -> Flow[str]:
        """The commit that a branch or tag points at, by the log.

        Seven hex digits and more may be the beginning of a commit or, unlikely, the name of a branch or tag such as
        ``20240101``; a server that answers those with another commit is asked for its names.
        """
        commit = wire.read_log(log)
        if commit is None:
            raise no_revision(str(ref), revision)
        if _HEX.fullmatch(revision) and not commit.startswith(revision):
            names = yield from self._ask(wire.names_url(self.endpoint, ref.id), ref, "resolve")
            if revision not in wire.read_names(names):
                raise _another_commit(ref, commit)
        return commit

    def _walk(self, ref: Ref, commit: str, cut: wire.Tree) -> Flow[tuple[Mapping[str, Any], ...]]:
        """Lists folder by folder what one listing cut off.

        Each folder is listed whole; one that is cut is listed by itself, and its folders in turn.

        Raises:
            Unsupported: A single folder holds more than the zoo lists, so that nobody can know all files.
        """
        found: dict[str, Mapping[str, Any]] = {}
        read = 0
        deep = [""]  # folders whose whole listing was cut
        while deep:
            folders: list[str] = []
            for some in _few(deep):
                for root, tree in (yield from self._trees(ref, commit, some, recursive=False)).items():
                    if tree.cut:
                        raise _too_wide(ref, root)
                    read += 1 + len(tree.entries)
                    folders += tree.folders
                    found.update((wire.path_of(entry), entry) for entry in tree.entries)
            deep = []
            for some in _few(folders):
                for root, tree in (yield from self._trees(ref, commit, some, recursive=True)).items():
                    read += 1 + len(tree.entries)
                    if tree.cut:
                        deep.append(root)
                    else:
                        found.update((wire.path_of(entry), entry) for entry in tree.entries)
                if read > _ENTRIES:
                    raise ProtocolError(f"The files of {ref} do not come to an end.", zoo=wire.SCHEME, ref=str(ref))
        lacking = [path for path in map(wire.path_of, cut.entries) if path not in found]
        if lacking:
            raise ProtocolError(
                f"The listings of {ref} contradict one another: {lacking[0][:200]!r} is in one and not in the next.",
                zoo=wire.SCHEME,
                ref=str(ref),
                hint='via="official" asks through the zoo\'s own client.',
            )
        return tuple(found.values())

    def _trees(self, ref: Ref, commit: str, roots: list[str], *, recursive: bool) -> Flow[dict[str, wire.Tree]]:
        """Lists several folders together."""
        requests = tuple(self._request(self._tree_url(ref.id, commit, root=r, recursive=recursive)) for r in roots)
        responses = yield requests
        found = {}
        for root, request, response in zip(roots, requests, responses, strict=True):
            payload = yield from self._settled(request, response, ref, "resolve", readable=True)
            if isinstance(payload, ZooError):
                raise payload
            found[root] = wire.read_tree(payload, root=root)
        return found

    def run(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One run at ModelScope's API-Inference: a chat, embeddings, or a picture.

        Raises:
            ConfigError: The inputs do not fit.
            Unsupported: Nobody runs the model.
            AccessError: A login is needed, or the account may not.
            NetworkError: It failed, or its answer broke off.
        """
        from zooclient.providers.modelscope.run import run

        return (yield from run(self.endpoint, record, request, told))

    # -- bytes, account, errors -----------------------------------------------------------------

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The request for the bytes of a file at the pinned commit."""
        revision = record.ref.revision or wire.DEFAULT_BRANCH
        return Request(url=wire.file_url(self.endpoint, record.ref.id, revision, file.path))

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Whose token this is. What it may do is not told.

        Raises:
            AccessError: The token is not valid, or there is none.
        """
        request = Request(url=wire.account_url(self.endpoint), token=token)
        return wire.read_account((yield from self._answer(request, None, "whoami")))

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns the error that an answer which is no success means; the byte engine asks it too."""
        return refusal(response, ref, operation, web=self.endpoint)

    def _tree_url(self, repository: str, commit: str, *, root: str = "", recursive: bool = True) -> str:
        return wire.tree_url(self.endpoint, repository, commit, root=root, recursive=recursive)

    def _request(self, url: str) -> Request:
        return Request(url=url, max_bytes=_BYTES)

    def _ask(self, url: str, ref: Ref | None, operation: str) -> Flow[Any]:
        return (yield from self._answer(self._request(url), ref, operation))

    def _answer(self, request: Request, ref: Ref | None, operation: str) -> Flow[Any]:
        response = yield from fetch(request)
        payload = yield from self._settled(request, response, ref, operation)
        if isinstance(payload, ZooError):
            raise payload
        return payload

    def _settled(
        self, request: Request, response: Response, ref: Ref | None, operation: str, *, readable: bool = False
    ) -> Flow[Any]:
        """Returns the JSON of an answer, or the error that its refusal means.

        A question is asked again where the zoo is known to refuse by mistake: "not found" from a database that is
        overloaded, and 403 for a listing of files of a model that is ``readable``.
        """
        for left in reversed(range(_TRIES)):
            target = redirect_target(response)
            if target is not None and origin(target) == origin(request.url):
                response = yield from fetch(request)  # what was sent with others was not followed yet
            if response.ok:
                payload = response.json()
                if not says_no(payload):
                    return payload
            by_mistake = is_overload(response) or (readable and response.status == 403)
            if not by_mistake or not left:
                break
            response = yield from fetch(request)
        return self.refused(response, ref, operation)


def _few(roots: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(roots), _TOGETHER):
        yield roots[start : start + _TOGETHER]


def _page(query: Query, number: int, size: int, listing: wire.Listing, *, site: bool = False) -> Page:
    more = listing.rows > 0 and (listing.rows >= size if listing.total is None else number * size < listing.total)
    cut = None
    if not listing.rows and listing.total is not None and (number - 1) * size < listing.total:
        cut = f"ModelScope counts {listing.total} hits, and page {number} of them came empty."
    unapplied = filters.unapplied(query, CAPABILITY, sorts=wire.SITE_SORTS if site else wire.SORTS)
    kept = (hit for hit in listing.hits if filters.suits(hit, query, CAPABILITY, names=wire.names(hit)))
    return Page(
        hits=tuple(kept),
        cursor=f"{'site:' if site else ''}{number + 1}" if more else None,
        unapplied=unapplied,
        cut=cut,
    )


def _hold_to_commit(ref: Ref, commit: str, tree: wire.Tree) -> None:
    """Refuses files of another commit than the one asked for, where the listing tells which it is of."""
    if tree.last is not None and not commit.startswith(tree.last):
        raise _another_commit(ref, tree.last)


def _another_commit(ref: Ref, commit: str) -> IntegrityError:
    return IntegrityError(
        f"{ref} was asked for, and the server answered with commit {commit}.",
        zoo=wire.SCHEME,
        ref=str(ref),
        operation="resolve",
        hint="A cache or a mirror in between may be broken. Do not take what it gives for what you asked.",
    )


def _too_wide(ref: Ref, root: str) -> Unsupported:
    return Unsupported(
        f"The folder {root or '/'!r} of {ref} holds {wire.CUT} entries or more, and ModelScope lists no more of them.",
        zoo=wire.SCHEME,
        ref=str(ref),
        operation="resolve",
        hint="Nobody can know all of its files. Clone it with git and git-lfs.",
    )
