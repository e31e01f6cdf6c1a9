"""The Hugging Face Hub as flows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

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
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.net.origin import masked, origin
from zooclient.providers.base import Account
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.endpoint import OFFICIAL, is_official, normal_endpoint, router
from zooclient.providers.huggingface.refusal import refusal
from zooclient.providers.reading import entries
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.model import Demo, FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest

#: Bytes of an answer at the most: a record with 100 000 files, and a page of a listing or of a tree.
_INFO_BYTES = 64 * 1024 * 1024
_PAGE_BYTES = 32 * 1024 * 1024
#: Pages of a log of commits at the most, of 1000 commits each.
_LOG_PAGES = 20
#: Pages of a tree at the most; the Hub gives 1000 entries a page and asks for fewer than 100 000 files.
_TREE_PAGES = 1000

_HEX = re.compile(r"[0-9a-f]{7,40}")

CAPABILITY: Final = Capability(
    search=True,
    download=True,
    run=True,
    publish=True,
    login=True,
    filters={
        **dict.fromkeys(
            (
                *("text", "author", "task", "library", "license", "base_model", "language", "format", "tags"),
                *("gated", "min_parameters", "max_parameters", "sort", "limit"),
            ),
            "exact",
        ),
        **dict.fromkeys(("license_kind", "nsfw", "fits"), "emulated"),
    },
    sorts=tuple(wire.SORTS),
    max_connections=16,
    note="Words are looked for in the ids of models, not in their cards. A run is done by the hosts that the Hub names "
    "for a model, which serve it by name: a revision cannot be chosen.",
)


@frozen
class HuggingFace:
    """The Hub, or a server that speaks its protocol.

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
        """``hf``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What the Hub can do."""
        return CAPABILITY

    @property
    def official(self) -> bool:
        """Whether it is the Hub itself."""
        return is_official(self.endpoint)

    @property
    def origins(self) -> tuple[str, ...]:
        """The Hub, and what hands runs to those who host its models."""
        return (self.endpoint, router(self.endpoint))

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page of models. The cursor is the address that the page before named.

        Raises:
            IntegrityError: The next page is on another server.
        """
        if cursor is not None and not self._is_cursor(cursor):
            raise ConfigError(
                f"This is no cursor of {self.endpoint}: {masked(cursor)!r}.", zoo="hf", operation="search"
            )
        foreign = ("base_model",) if query.base_model and wire.base_model_id(query) is None else ()
        unapplied = filters.unapplied(query, CAPABILITY, further=foreign)
        url = cursor or wire.search_url(self.endpoint, query, thinned=filters.thinned(query, CAPABILITY))
        response = yield from self._ask(url, None, "search", max_bytes=_PAGE_BYTES)
        hits = wire.read_hits(response.json(), endpoint=self.endpoint)
        return Page(
            hits=tuple(hit for hit in hits if filters.suits(hit, query, CAPABILITY, skip=unapplied)),
            cursor=wire.next_page(response, self.endpoint),
            unapplied=unapplied,
        )

    def _is_cursor(self, cursor: str) -> bool:
        """Whether it is an address that a page of this server named."""
        try:
            return origin(cursor) == origin(self.endpoint)
        except IntegrityError:
            return False

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of a revision, in one request where the server tells sizes and digests with it.

        Raises:
            NotFound: No such model or revision, or none that the caller may see.
            AccessError: Even the record may not be seen.
            IntegrityError: Another commit than the one asked for, or a file name that is not safe.
            ProtocolError: An answer of another shape.
        """
        response = yield from self._ask(wire.info_url(self.endpoint, ref), ref, "resolve", max_bytes=_INFO_BYTES)
        payload = response.json()
        record = wire.read_info(payload, ref, endpoint=self.endpoint)
        yield from self._hold_to_commit(ref, record)
        if wire.lacks_details(payload["siblings"]):
            record = yield from self._with_tree(record)
        if demos:
            record = yield from self._with_demos(record)
        return record

    def _hold_to_commit(self, ref: Ref, record: ModelRecord) -> Flow[None]:
        """Refuses another commit than the one asked for.

        Seven to forty hex digits may be the beginning of a commit or, unlikely, the name of a branch or tag such as
        ``20240101``; who answers such a name with another commit is asked for its names.
        """
        asked, got = (ref.revision or "").lower(), record.ref.revision or ""
        if not _HEX.fullmatch(asked) or got.startswith(asked):
            return
        if len(asked) < 40:
            try:
                response = yield from self._ask(wire.refs_url(self.endpoint, record.ref.id), ref, "resolve")
            except NotFound:
                named = {}
            else:
                named = wire.read_refs(response.json())
            if named.get(ref.revision or "") == got:
                return
        raise IntegrityError(
            f"{ref} was asked for, and the server answered with commit {got}.",
            zoo="hf",
            ref=str(ref),
            operation="resolve",
            hint="A cache or a mirror in between may be broken. Do not take what it gives for what you asked.",
        )

    def _with_tree(self, record: ModelRecord) -> Flow[ModelRecord]:
        """Asks for sizes and digests where the record came with names alone, as from mirrors."""
        found: list[object] = []
        url: str | None = wire.tree_url(self.endpoint, record.ref.id, record.ref.revision or "")
        seen: set[str] = set()
        try:
            while url is not None:
                if url in seen or len(seen) >= _TREE_PAGES:
                    raise ProtocolError(f"The listing of the files of {record.ref} does not end.", url=masked(url))
                seen.add(url)
                response: Response = yield from self._ask(url, record.ref, "resolve", max_bytes=_PAGE_BYTES)
                found += entries(response.json(), "the list of files")
                url = wire.next_page(response, self.endpoint)
        except (NotFound, AccessError, Unsupported) as error:
            problem = f"Sizes and digests of the files are not told: {error.message}"
            return evolve(record, problems=(*record.problems, problem))
        return wire.with_files(record, wire.read_files(found))

    def _with_demos(self, record: ModelRecord) -> Flow[ModelRecord]:
        try:
            response = yield from self._ask(
                wire.spaces_url(self.endpoint, record.ref.id), record.ref, "resolve", max_bytes=_PAGE_BYTES
            )
        except (NotFound, AccessError, Unsupported) as error:
            return evolve(record, problems=(*record.problems, f"Demos are not told: {error.message}"))
        demos: tuple[Demo, ...] = wire.read_demos(response.json(), endpoint=self.endpoint)
        return evolve(record, demos=demos)

    def follows(self, newer: Ref, commit: str) -> Flow[bool | None]:
        """Whether a commit is among the newest ones that led to another; None: the log goes on, and it was not."""
        url: str | None = wire.log_url(self.endpoint, newer.id, newer.revision or "")
        for _ in range(_LOG_PAGES):
            if url is None:
                return False
            response: Response = yield from self._ask(url, newer, "outdated", max_bytes=_PAGE_BYTES)
            if commit in wire.read_log(response.json()):
                return True
            url = wire.next_page(response, self.endpoint)
        return None if url is not None else False

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The request for the bytes of a file at the pinned commit."""
        return Request(url=wire.file_url(self.endpoint, record.ref.id, record.ref.revision or "main", file.path))

    def run(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One run at a host that the Hub names for the model, through ``huggingface_hub``.

        Raises:
            ConfigError: The inputs are not what the task takes.
            Unsupported: Nobody hosts the model for it, or ``huggingface_hub`` is not installed.
            AccessError: A login, a right or credits are lacking.
            NetworkError: The host failed, or its answer broke off.
        """
        from zooclient.providers.huggingface.run import run

        return (yield from run(self.endpoint, record, request, told))

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Whose token this is. The Hub allows few such questions: the answer is worth keeping.

        Raises:
            AccessError: The token is not valid, or there is none.
        """
        request = Request(url=f"{self.endpoint}/api/whoami-v2", token=token)
        response: Response = yield from fetch(request)
        if not response.ok:
            raise self.refused(response, None, "whoami")
        return wire.read_account(response.json())

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns the error that an answer which is no success means; the byte engine asks it too."""
        return refusal(response, ref, operation, web=self.endpoint)

    def _ask(self, url: str, ref: Ref | None, operation: str, *, max_bytes: int = _PAGE_BYTES) -> Flow[Response]:
        response: Response = yield from fetch(Request(url=url, max_bytes=max_bytes))
        if not response.ok:
            raise self.refused(response, ref, operation)
        return response
