"""Civitai as flows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from zooclient.errors import ConfigError, Gone, NotFound, ProtocolError, ZooError
from zooclient.net.exchange import MAX_HOPS, Flow, Request, Response, redirect_target
from zooclient.net.origin import masked
from zooclient.providers.base import Account
from zooclient.providers.civitai import names, wire
from zooclient.providers.civitai.endpoint import (
    OFFICIAL,
    entitled,
    is_login,
    is_official,
    is_page,
    is_site,
    normal_endpoint,
)
from zooclient.providers.civitai.files import ident
from zooclient.providers.civitai.refusal import refusal, unwanted
from zooclient.providers.reading import mapping
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query, cut_short
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from zooclient.records.card import Card

#: Bytes of an answer at the most.
_MOST_BYTES = 64 * 1024 * 1024
#: Pages in a row without a hit after which a search ends: with words the site filters after it has cut the page.
EMPTY_PAGES: Final = 20

_CURSOR = re.compile(r"(\d{1,3})~(.{1,2000})", re.DOTALL)
_HASH = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{10}|[0-9a-fA-F]{12}|[0-9a-fA-F]{64}")

CAPABILITY: Final = Capability(
    search=True,
    download=True,
    login=True,
    identify=True,
    filters={
        **dict.fromkeys(("text", "author", "task", "base_model", "tags", "nsfw", "sort", "limit"), "exact"),
        **dict.fromkeys(("license_kind", "format", "gated", "fits"), "emulated"),
        **dict.fromkeys(("library", "license", "language", "min_parameters", "max_parameters"), "unsupported"),
    },
    sorts=("relevance", *names.SORTS),
    max_connections=4,
    note=(
        "A task is one of its kinds of models, such as Checkpoint or LORA, and a base model one of its families, such "
        "as SDXL 1.0. Without nsfw only models that have something to show to everybody are found; some mature ones "
        "are listed at the endpoint https://civitai.red alone. Many files need a key. Sorting is by relevance where "
        "there are words."
    ),
)


def _now() -> datetime:
    return datetime.now(UTC)


@frozen
class Civitai:
    """The site, under one of its hosts, or a server that speaks its protocol.

    Args:
        endpoint: Address of the server, without a slash at the end; a path may follow the origin.
        clock: Tells the time, aware: gates run out.

    Raises:
        ConfigError: The endpoint is no plain http or https address.
    """

    endpoint: str = OFFICIAL
    clock: Callable[[], datetime] = field(default=_now, eq=False, repr=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "endpoint", normal_endpoint(self.endpoint))

    @property
    def scheme(self) -> str:
        """``civitai``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What the site can do."""
        return CAPABILITY

    @property
    def official(self) -> bool:
        """Whether it is the site itself, under any of its hosts."""
        return is_official(self.endpoint)

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that may be sent the key: the hosts of the site for one of them, else the endpoint's alone."""
        return entitled(self.endpoint)

    # -- search -----------------------------------------------------------------------------------

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page of models, in one request.

        Pages may be short or empty and others follow; after :data:`EMPTY_PAGES` in a row the walk ends.

        Raises:
            ConfigError: The cursor is none of ours.
            ProtocolError: An answer of another shape, or a page that names itself as the next.
        """
        empty, told = self._read_cursor(cursor)
        unapplied = filters.unapplied(query, CAPABILITY, sorts=wire.sorts_of(query), further=wire.foreign(query))
        url = wire.search_url(self.endpoint, query, told, thinned=filters.thinned(query, CAPABILITY))
        try:
            response = yield from self._ask(Request(url=url, max_bytes=_MOST_BYTES), None, "search")
        except NotFound:
            if not query.author:
                raise
            return Page(hits=(), unapplied=unapplied)  # there is no such creator
        payload = response.json()
        hits = wire.read_hits(payload, query, web=self.endpoint, now=self.clock())
        seen = {*unapplied, "base_model", "nsfw"}  # a family and what is for everybody: looked at in the row itself
        hits = tuple(hit for hit in hits if filters.suits(hit, query, CAPABILITY, skip=seen))
        following = wire.next_cursor(payload)
        if following is not None and following == told:
            raise ProtocolError("Civitai names the same page as the next.", zoo=self.scheme, operation="search")
        empty = 0 if hits else empty + 1
        more = following is not None and empty < EMPTY_PAGES
        return Page(
            hits=hits,
            cursor=f"{empty}~{following}" if more else None,
            unapplied=unapplied,
            cut=None if more or following is None else cut_short(EMPTY_PAGES),
        )

    def _read_cursor(self, cursor: str | None) -> tuple[int, str | None]:
        if cursor is None:
            return 0, None
        read = _CURSOR.fullmatch(cursor)
        if read is None:
            raise ConfigError(f"This is no cursor of Civitai: {cursor[:80]!r}.", zoo=self.scheme, operation="search")
        return int(read[1]), read[2]

    # -- resolve ----------------------------------------------------------------------------------

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of a version, in two requests: the model has the terms, the version the gates.

        A reference without a version gives the one that the creator shows first, and ``problems`` says so. There are
        no demos.

        Raises:
            NotFound: No such model, version or file, or none that the caller may see; or a version of another model.
            AccessError: Even the record may not be seen.
            IntegrityError: The answer is about another model, or a file name is not safe.
            ProtocolError: An answer of another shape.
        """
        version = (ref.revision or "").partition("+")[0]
        if not version:
            answers = yield from self._by_model(ref)
        elif not ref.id:
            answers = yield from self._by_version(ref, version)
        else:
            answers = yield from self._by_both(ref, version)
        return self._record(answers, ref)

    def _record(self, answers: wire.Answers, ref: Ref) -> ModelRecord:
        return wire.read_record(answers, ref, endpoint=self.endpoint, web=self.endpoint, now=self.clock())

    def refresh(self, pinned: ModelRecord) -> Flow[ModelRecord]:
        """The record of a pinned version as the site tells it now, held to what was pinned.

        The site lets creators put other bytes behind the id of a file, so the digests are part of a pin. A file whose
        digest the site does not state for the moment keeps the pinned one.

        Raises:
            IntegrityError: A file has other bytes under its id; both sha256 are named.
            Gone: The version was removed, or is hidden from this account.
            NotFound: A file is listed no longer. The hint names where the same bytes are.
        """
        ref, version = pinned.ref, (pinned.ref.revision or "").partition("+")[0]
        try:
            answers = yield from self._by_both(ref, version)
        except NotFound as error:
            raise Gone(
                f"{ref} was pinned, and was removed upstream, or is hidden from this account: {error.message}",
                hint=(yield from self._elsewhere(pinned.files, version)),
            ) from error
        whole = self._record(answers, ref.at(version))
        wire.hold(pinned, whole)
        lost = wire.withdrawn(pinned, whole)
        if lost is None:
            return wire.with_digests(self._record(answers, ref), pinned)
        hint = yield from self._elsewhere((lost,), version)
        if whole.access.state == "gone":
            raise Gone(f"{ref} was pinned, and its files are handed out no longer. {whole.access.how}", hint=hint)
        raise NotFound(
            f"{lost.path!r} (file {lost.key}) of {ref} was pinned, and the version lists it no longer.", hint=hint
        )

    def _elsewhere(self, files: Iterable[FileEntry], version: str) -> Flow[str]:
        """A sentence on where the bytes of files are that are here no longer."""
        digests = [file.digests["sha256"] for file in files if "sha256" in file.digests]
        try:
            found = yield from self.holders(digests)
        except ZooError:
            found = {}
        there = dict.fromkeys(str(ref) for refs in found.values() for ref in refs if ref.revision != version)
        if there:
            return f"The same bytes are in {', '.join(list(there)[:5])}, by sha256."
        return "No other version has the same bytes; what a store or a mirror holds of it still loads."

    def _by_model(self, ref: Ref) -> Flow[wire.Answers]:
        model = wire.read_model((yield from self._get(wire.model_url(self.endpoint, ref.id), ref)), ref.id)
        version = wire.default_version(model)
        try:
            alone = wire.read_version((yield from self._get(wire.version_url(self.endpoint, version), ref)), version)
        except NotFound as error:
            return wire.Answers(model, {}, (_untold("version", error),))
        self._hold_to_model(alone, ref.id, version)
        return wire.Answers(model, alone)

    def _by_version(self, ref: Ref, version: str) -> Flow[wire.Answers]:
        alone = wire.read_version((yield from self._get(wire.version_url(self.endpoint, version), ref)), version)
        identity = str(ident(alone["modelId"]))
        try:
            model = wire.read_model((yield from self._get(wire.model_url(self.endpoint, identity), ref)), identity)
        except NotFound as error:
            return wire.Answers({}, alone, (_untold("model", error),))
        return wire.Answers(model, alone)

    def _by_both(self, ref: Ref, version: str) -> Flow[wire.Answers]:
        urls = (wire.model_url(self.endpoint, ref.id), wire.version_url(self.endpoint, version))
        first: Sequence[Response] = yield tuple(Request(url=url, max_bytes=_MOST_BYTES) for url in urls)
        problems = []
        alone: Any = {}
        model: Any = {}
        missing: NotFound | None = None
        try:
            alone = wire.read_version((yield from self._settled(first[1], ref, "resolve")).json(), version)
            self._hold_to_model(alone, ref.id, version)
        except NotFound as error:
            if alone:
                raise  # it is there, and of another model
            missing = error
            problems.append(_untold("version", error))
        try:
            model = wire.read_model((yield from self._settled(first[0], ref, "resolve")).json(), ref.id)
        except NotFound as error:
            if not alone:
                raise
            problems.append(_untold("model", error))
        if missing is not None and not wire.version_in(model, version):
            there = ", ".join(str(ident(item["id"])) for item in wire.versions(model)[:10]) or "none"
            missing.hint = f"The model is there, with these versions: {there}."
            raise missing
        return wire.Answers(model, alone, tuple(problems))

    def _hold_to_model(self, alone: Any, model: str, version: str) -> None:
        got = ident(alone["modelId"])
        if got != model:
            raise NotFound(
                f"Version {version} is none of model {model}: it is of model {got}.",
                hint=f"Write civitai:{got}@{version} if that is meant.",
            )

    # -- files ------------------------------------------------------------------------------------

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The request for the bytes of a file, by its id.

        Each such request counts as a download at the site: the address to which it leads is to be kept while it
        holds. A file that is only linked is selected in the words of the address that was printed for it.
        """
        selector = _selector(file)
        if file.extra.get("linked") and "fileId" not in selector and selector:
            return Request(url=wire.file_url(self.endpoint, self._holder(record, file), None, selector))
        return Request(url=wire.file_url(self.endpoint, self._holder(record, file), file.key, selector))

    def locate_otherwise(self, record: ModelRecord, file: FileEntry) -> Request | None:
        """The printed address, to be tried once where :meth:`locate` finds nothing; None: there is no other.

        It may select another file: only a digest tells.
        """
        other = Request(url=wire.file_url(self.endpoint, self._holder(record, file), None, _selector(file)))
        return other if other != self.locate(record, file) else None

    def _holder(self, record: ModelRecord, file: FileEntry) -> str:
        """The version at which the file is asked for."""
        own = (record.ref.revision or "").partition("+")[0]
        return ident(file.extra.get("version")) or own

    def is_page(self, response: Response) -> bool:
        """Whether a success is a page for people in place of a file; then :meth:`refused` tells what it means.

        The site itself hands out no bytes, it sends on to where they lie. Another server that speaks its protocol
        may hand them out, and never as text.
        """
        url, kind = response.request.url, response.headers.get("content-type", "").lower()
        if is_page(url, response.headers, self.endpoint):
            return True
        return is_site(url, self.endpoint) and (self.official or kind.startswith(("text/", "application/json")))

    # -- hashes -----------------------------------------------------------------------------------

    def holders(self, digests: Iterable[str]) -> Flow[dict[str, tuple[Ref, ...]]]:
        """Which versions hold files of these sha256, in one request for 10 000 of them.

        Returns:
            Digest in lower case → versions; a digest that the site does not know is not there.

        Raises:
            ConfigError: One is no sha256.
        """
        asked = list(dict.fromkeys(digest.lower() for digest in digests))
        wrong = next((digest for digest in asked if re.fullmatch("[0-9a-f]{64}", digest) is None), None)
        if wrong is not None:
            raise ConfigError(f"This is no sha256: {wrong[:80]!r}.", zoo=self.scheme, operation="identify")
        found: dict[str, tuple[Ref, ...]] = {}
        for start in range(0, len(asked), wire.BATCH):
            request = Request(
                method="POST",
                url=wire.hashes_url(self.endpoint),
                headers={"Content-Type": "application/json"},
                content=wire.hashes_body(asked[start : start + wire.BATCH]),
                max_bytes=_MOST_BYTES,
            )
            response = yield from self._ask(request, None, "identify")
            found |= wire.read_matches(response.json())
        return {digest: refs for digest, refs in found.items() if digest in set(asked)}

    def holder(self, text: str) -> Flow[tuple[Ref, FileEntry | None] | None]:
        """Which version holds a file of this hash of any length: AutoV1 and CRC32 (8), AutoV2 (10), AutoV3, SHA256.

        Returns:
            The version and the file; the file is None where the answer does not show it, and the match unproven.
            None: the site knows none.

        Raises:
            ConfigError: It has no such length, or is no hex.
        """
        if _HASH.fullmatch(text) is None:
            raise ConfigError(f"This is no hash of Civitai: {text[:80]!r}.", zoo=self.scheme, operation="identify")
        try:
            payload = yield from self._get(wire.hash_url(self.endpoint, text.upper()), None, "identify")
        except NotFound:
            return None
        return wire.read_match(payload, text)

    # -- the rest ---------------------------------------------------------------------------------

    def card_text(self, record: ModelRecord) -> str:
        """What the page of a version tells, as a Markdown card with front matter; asks nobody."""
        from zooclient.providers.civitai.cards import card_text

        return card_text(record)

    def card(self, record: ModelRecord) -> Card:
        """The card of a version, read; its licence is the record's, in both layers."""
        from zooclient.records.card import Card

        return evolve(Card.parse(self.card_text(record)), license=record.license)

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Whose key this is; everywhere else a wrong key passes for none.

        Raises:
            AccessError: The key is not valid, or there is none.
        """
        response = yield from self._ask(Request(url=wire.me_url(self.endpoint), token=token), None, "whoami")
        return wire.read_account(response.json())

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns the error that an answer means: no success, or a page; the byte engine asks it too."""
        return refusal(response, ref, operation, endpoint=self.endpoint, web=self.endpoint)

    def _get(self, url: str, ref: Ref | None, operation: str = "resolve") -> Flow[Any]:
        response = yield from self._ask(Request(url=url, max_bytes=_MOST_BYTES), ref, operation)
        return response.json()

    def _ask(self, request: Request, ref: Ref | None, operation: str) -> Flow[Response]:
        response: Response = yield request
        return (yield from self._settled(response, ref, operation))

    def _settled(self, response: Response, ref: Ref | None, operation: str) -> Flow[Response]:
        """Follows redirects between the hosts of the site, by hand, and refuses what is no success."""
        hops = 0
        while True:
            target = redirect_target(response)
            if target is None or is_login(target, self.endpoint) or not is_site(target, self.endpoint):
                break
            hops += 1
            if hops > MAX_HOPS:
                place = masked(response.request.url)
                raise ProtocolError(f"{place} redirects more than {MAX_HOPS} times.", url=place)
            response = yield evolve(response.request, url=target)
        if unwanted(response, self.endpoint):
            raise self.refused(response, ref, operation)
        return response


def _untold(what: str, error: NotFound) -> str:
    return f"What Civitai tells about the {what} alone could not be had: {error.message}"


def _selector(file: FileEntry) -> dict[str, str]:
    return {name: value for name, value in mapping(file.extra.get("selector")).items() if isinstance(value, str)}
