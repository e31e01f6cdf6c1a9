"""The order of the steps from a reference to a model, written once for both colours.

Every step is a flow: what needs the network yields requests, what blocks on the disk yields a
:class:`~zooclient.net.exchange.Call`. A step that needs neither, such as a warm pinned load, yields nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zooclient.client.pins import held_to_noted, look_again, noted, refreshed, stored, too_loose
from zooclient.client.wiring import Wiring
from zooclient.errors import (
    AccessError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    ProtocolError,
    RateLimited,
    RefError,
    ZooError,
)
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from datetime import datetime

    from zooclient.client.mirrors import Mirrors, Told
    from zooclient.client.mirrorshelf import Shelf
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Ask, Flow
    from zooclient.planning.layouts import Wish
    from zooclient.providers.base import Account
    from zooclient.records.card import Card
    from zooclient.records.identity import Identification
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.query import Page, Query
    from zooclient.records.snapshot import Receipt, Snapshot
    from zooclient.records.sources import Sources
    from zooclient.records.wishes import Wishes
    from zooclient.store.reports import Verdict
    from zooclient.transfer.reporter import Reporter

T = TypeVar("T")


@contextmanager
def telling(operation: str, ref: Ref | None, zoo: str | None = None) -> Iterator[None]:
    """Fills in what an error from below could not know: verb, reference, zoo."""
    try:
        yield
    except ZooError as error:
        error.about(operation=operation, ref=str(ref) if ref else None, zoo=zoo or (ref.scheme if ref else None))
        if isinstance(error, ProtocolError) and operation in ("search", "resolve"):
            error.about(hint='Is the endpoint right? via="official" asks through the zoo\'s own client.')
        raise


class Steps:
    """The steps, over one :class:`Wiring`."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.settings = wiring.settings

    # -- search ---------------------------------------------------------------------------------

    def searchable(self, query: Query) -> tuple[str, ...]:
        """Returns the schemes that a query goes to.

        Raises:
            Unsupported: A zoo was named that cannot be searched.
            RefError: A zoo was named that nobody provides.
        """
        from zooclient.errors import Unsupported
        from zooclient.providers.registry import canonical, schemes

        if not query.zoos:
            return tuple(name for name in schemes() if self.wiring.provider(name).capability.search)
        named = tuple(dict.fromkeys(canonical(name) for name in query.zoos))
        for name in named:
            if not self.wiring.provider(name).capability.search:
                raise Unsupported(f"{name} cannot be searched.", zoo=name, operation="search")
        return named

    def has_token(self, zoo: str) -> bool:
        """Whether there is a token for a zoo; one that cannot be counts, for its error is to be told."""
        from zooclient.providers.registry import credential_for

        try:
            credential = credential_for(self.wiring.provider(zoo), self.settings)
            token = None if credential is None else credential.token
            return bool(token if token is None or isinstance(token, str) else token())
        except ConfigError:
            return True

    def online(self, zoos: Iterable[str]) -> None:
        """Raises Offline when connections are switched off and each of the zoos would need one."""
        if self.settings.offline and all(self.wiring.provider(zoo).endpoint is not None for zoo in zoos):
            raise Offline(
                "A search asks the zoos themselves, and connections are switched off (offline).",
                operation="search",
                hint="`zooclient cache ls` lists what is held on this machine.",
            )

    def page(self, zoo: str, query: Query, cursor: str | None) -> Flow[Page]:
        """One page of one zoo."""
        with telling("search", None, zoo):
            return (yield from self.wiring.provider(zoo).search(query, cursor))

    # -- resolve --------------------------------------------------------------------------------

    def resolve(self, ref: Ref, *, demos: bool = False, accept_replaced: bool = False) -> Flow[ModelRecord]:
        """The record of what ``ref`` names: from the store when it is pinned and known, else from the zoo.

        What a zoo tells of a version that it may replace is held to the record that is stored of it, unless what was
        replaced is to be accepted.
        """
        with telling("resolve", ref):
            provider = self.wiring.provider(ref.scheme)
            if provider.capability.in_place:
                return (yield from provider.resolve(ref, demos=demos))
            known = self._known(ref)
            settled = self.settings.offline or (ref.pinned and known is not None and _proves(known))
            if known is not None and not demos and settled:
                return known
            mirrors = self._mirrors(ref.scheme)
            if self.settings.offline:
                cause = Offline("Connections are switched off (offline).")
                return (yield from self._without_zoo(ref, known, cause, demos=demos))
            if mirrors is not None and mirrors.only:
                return (yield from self._without_zoo(ref, known, mirrors.closed(), demos=demos))
            try:
                if known is not None and ref.versioned and not ref.pinned and not accept_replaced:
                    record = yield from refreshed(self.wiring, known)
                else:
                    record = yield from provider.resolve(ref, demos=demos)
                if not accept_replaced:
                    record = yield from held_to_noted(self.wiring, record)
            except (ProtocolError, RateLimited):
                raise
            except NetworkError as error:
                return (yield from self._without_zoo(ref, known, error, demos=demos))
            self._remember(ref, record)
            return record

    def _mirrors(self, scheme: str) -> Mirrors | None:
        """The mirrors of a zoo; None where they play no part."""
        zoo = self.settings.zoo(scheme)
        if not zoo.mirrors and zoo.mirror_policy is None:
            return None
        from zooclient.client.mirrors import Mirrors

        return Mirrors(self.wiring, scheme)

    def _known(self, ref: Ref) -> ModelRecord | None:
        """The stored record of a reference that means the same for ever, alone or with the digests of that record."""
        if not (ref.pinned or ref.versioned) or ref.revision is None:
            return None
        from attrs import evolve

        record = noted(self.wiring, ref)
        return evolve(record, requested=ref) if record is not None else None

    def _without_zoo(
        self, ref: Ref, known: ModelRecord | None, cause: NetworkError, *, demos: bool
    ) -> Flow[ModelRecord]:
        """What a mirror says in the place of a zoo that is not reached, or what the store has.

        Args:
            ref: What was asked for.
            known: The stored record. None: there is none.
            cause: Why the zoo is not asked.
            demos: Hosted demos are wanted, of which neither knows.
        """
        from attrs import evolve

        mirrors, told = self._mirrors(ref.scheme), None
        if mirrors is not None and not demos:
            try:
                told = yield from mirrors.tell(ref)
            except NetworkError as error:
                cause = error
        if told is None and known is not None and not demos:
            return known
        if told is None or told.seen_at is not None:
            return self._from_store(ref, cause, told)
        self._remember(ref, told.record)
        return evolve(told.record, requested=ref)

    def _from_store(self, ref: Ref, cause: NetworkError, told: Told | None) -> ModelRecord:
        """What the store, or a mirror, last saw under a moving name, said with its age; refused in strict mode."""
        from datetime import UTC, datetime

        from attrs import evolve

        from zooclient.client import warn

        store, place = self.wiring.store(), self.wiring.place(ref.scheme)
        seen = store.find_ref(place, ref.id, ref.revision or "")
        record, seen_at, where = None, None if seen is None else seen.seen_at, "the store"
        if told is not None and told.seen_at is not None and (seen_at is None or told.seen_at >= seen_at):
            record, seen_at, where = told.record, told.seen_at, told.place
        elif seen is not None:
            record = store.load_record(place, ref.id, seen.revision)
        if seen_at is None or record is None:
            cause.about(hint="Nothing in the store answers it either. Get it once while online.")
            raise cause
        if self.settings.strict:
            cause.hint = f"Strict mode takes no stale answer. What {where} last saw: {record.ref}"
            raise cause
        if where != "the store":
            self._remember(ref, record, seen_at)
        warn.stale(str(ref), str(record.ref), datetime.now(UTC) - seen_at, cause.message.rstrip("."), where)
        return evolve(record, requested=ref)

    def _remember(self, ref: Ref, record: ModelRecord, seen_at: datetime | None = None) -> None:
        """Keeps the claim, and what the name meant (``seen_at``; None: now), for the day the zoo cannot be asked."""
        from datetime import UTC, datetime

        from zooclient.errors import StoreError

        if record.ref.revision is None:
            return
        store, place = self.wiring.store(), self.wiring.place(ref.scheme)
        try:
            # Under the name that was asked for too, so that an old name in a script stays warm after a rename.
            for name in dict.fromkeys((record.ref.id, ref.id)):
                store.save_record(place, record, id=name)
                if ref.revision != record.ref.revision:
                    store.save_ref(place, name, ref.revision or "", record.ref.revision, seen_at or datetime.now(UTC))
        except StoreError:
            # A home that cannot be written must not keep anybody from asking; the download will say so.
            return

    @contextmanager
    def _doubting(self, record: ModelRecord) -> Iterator[None]:
        """Lets go of a claim that failed before anything proved it, so that the next run asks the zoo again.

        One that is part of a pin stays: else a second run would take whatever the zoo has by then.
        """
        from zooclient.errors import StoreError

        try:
            yield
        except IntegrityError:
            if record.ref.revision is not None and not record.ref.versioned and not self._in_place(record.ref):
                with suppress(StoreError):  # what failed is the better news
                    self.wiring.store().distrust(
                        self.wiring.place(record.ref.scheme), record.ref.id, record.ref.revision
                    )
            raise

    # -- plan -----------------------------------------------------------------------------------

    def record_of(self, target: str | Ref | ModelRecord, operation: str) -> Flow[ModelRecord]:
        """A record for whatever a caller gave; a moving name is told, or refused in strict mode."""
        if not isinstance(target, (str, Ref)):
            return _record(target)
        ref = self.read(target)
        with telling(operation, ref):
            settled = ref.pinned or self._in_place(ref)
        if settled:
            return (yield from self.resolve(ref))
        known = self._known(ref)
        if known is not None and _proves(known) and known.access.state == "open":
            return known
        if self.settings.strict and known is None:
            raise too_loose(ref, operation)
        record = yield from self.resolve(ref)
        if not ref.versioned and not (ref.revision is None and record.pin == "none"):
            from zooclient.client import warn

            warn.unpinned(str(ref), str(record.ref))
        return record

    def read(self, target: str | Ref) -> Ref:
        """Returns the reference of a text.

        Raises:
            RefError: It cannot be read.
            TypeError: It is neither.
        """
        if not isinstance(target, (str, Ref)):
            raise TypeError(f"A reference is a str or a Ref, and this is a {type(target).__name__}.")
        return target if isinstance(target, Ref) else Ref.parse(target)

    def read_all(self, targets: str | Ref | Iterable[str | Ref]) -> tuple[Ref, ...]:
        """Returns the references of one text or several; errors as for :meth:`read`."""
        return tuple(self.read(target) for target in ([targets] if isinstance(targets, (str, Ref)) else targets))

    def _in_place(self, ref: Ref) -> bool:
        return self.wiring.provider(ref.scheme).capability.in_place

    def plan(self, target: str | Ref | ModelRecord, wishes: Wishes) -> Flow[Plan]:
        """What a download would do."""
        record = yield from self.record_of(target, "plan")
        return self._plan(record, wishes)

    def _plan(self, record: ModelRecord, wishes: Wishes) -> Plan:
        from zooclient.client.gates import refusal_of
        from zooclient.planning import build_plan

        with telling("plan", record.ref), self._doubting(record):
            if self._in_place(record.ref):
                from attrs import evolve

                # Digests of files on this machine were just computed by us: there is nothing to refuse.
                return build_plan(record, evolve(wishes, allow_unverified=True), lambda file: "in place")
            shut = refusal_of(self.wiring, record)
            try:
                plan = build_plan(record, wishes, self.wiring.store().held)
            except (IntegrityError, NotFound) as error:
                raise shut or error from error.__cause__
            # A card may be open where the rest is not.
            if shut is not None and (not plan.files or any(file.role != "card" for file in plan.fetch)):
                raise shut
            return plan

    # -- download -------------------------------------------------------------------------------

    def held(self, target: str | Ref | ModelRecord | Plan, wishes: Wishes, operation: str) -> Snapshot | None:
        """The snapshot that answers a pinned wish without asking anybody; None when there is none."""
        if isinstance(target, (str, Ref)):
            ref = self.read(target)
        else:
            from zooclient.records.plan import Plan  # not for a warm load by text, which needs no plan

            wishes = target.wishes if isinstance(target, Plan) else wishes
            ref = target.record.ref if isinstance(target, Plan) else _record(target).ref
        if ref.revision is None or not (ref.pinned or ref.versioned):
            return None
        with telling(operation, ref):
            return stored(self.wiring, ref, wishes)

    def download(
        self,
        target: str | Ref | ModelRecord | Plan,
        wishes: Wishes,
        *,
        operation: str = "download",
        to: Path | None = None,
        layout: Wish | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        via: str | None = None,
        only_from: str | None = None,
    ) -> Flow[Snapshot]:
        """A whole, verified snapshot; from the store when it is there."""
        snapshot = self.held(target, wishes, operation)
        if snapshot is None:
            from zooclient.records.plan import Plan

            if isinstance(target, Plan):
                plan = target
            else:
                record = yield from self.record_of(target, operation)
                plan = self._plan(record, wishes)
            with telling(operation, plan.record.ref), self._doubting(plan.record):
                if layout is not None:
                    from zooclient.planning.layouts import arrange

                    arrange(plan.record, (file.path for file in plan.files), layout)  # before the first byte
                try:
                    snapshot = yield from self._bring(plan, reporter, cancel, via, only_from)
                except (IntegrityError, NotFound) as error:
                    yield from look_again(self.wiring, plan.record, error)
                    raise
        if to is not None:
            from zooclient.net.exchange import Call

            found, folder = snapshot, to
            with telling(operation, snapshot.ref):
                if layout is None:
                    yield Call(run=lambda: self.wiring.store().copy_out(found, folder, cancel=cancel))
                else:
                    from zooclient.client.layout import lay_out

                    yield from lay_out(self.wiring, found, folder, layout, cancel)
        return snapshot

    def _bring(
        self, plan: Plan, reporter: Reporter | None, cancel: Cancel | None, via: str | None, only_from: str | None
    ) -> Flow[Snapshot]:
        from zooclient.net.cancel import Cancel
        from zooclient.net.exchange import Call

        stop = cancel or Cancel()
        if self._in_place(plan.record.ref):
            from zooclient.client.inplace import snapshot_in_place

            snapshot: Snapshot = yield Call(run=lambda: snapshot_in_place(plan))
            return snapshot
        found: Snapshot = yield Call(run=lambda: self._transfer(plan, reporter, stop, via, only_from))
        return found

    def _transfer(
        self, plan: Plan, reporter: Reporter | None, cancel: Cancel, via: str | None, only_from: str | None
    ) -> Snapshot:
        """Blocking: adopts what is held, fetches the rest, and builds the snapshot."""
        from attrs import evolve

        from zooclient.client.gates import refusal_of
        from zooclient.records.snapshot import Receipt

        record, store = plan.record, self.wiring.store()
        place = self.wiring.place(record.ref.scheme)
        # Somebody else, or an earlier plan for the same wishes, may have finished meanwhile.
        if record.ref.revision is not None:
            asked = evolve(record.ref, content_digest=record.requested.content_digest)
            ready = stored(self.wiring, asked, plan.wishes, record)
            if ready is not None:
                return ready
        store.check_names(plan.files)
        receipts: list[Receipt] = []
        missing = list(plan.fetch)
        for item in plan.reuse:
            cancel.check()
            observed = store.adopt(item.file, cancel=cancel)
            if observed is None:  # it was there when the plan was made
                missing.append(item.file)
            else:
                receipts.append(Receipt(path=item.file.path, observed=observed))
        shelf = self._shelf(record, cancel) if missing and only_from is None else None
        if shelf is not None and shelf.ahead:
            store.check_space(sum(file.size or 0 for file in missing))
            copied, missing = shelf.copies(missing)
            receipts += copied
        if missing:
            if self.settings.offline:
                count = f"{len(missing)} of {len(plan.files)} files"
                raise Offline(
                    f"{count} wanted of {record.ref} are not in the store, and connections are switched off.",
                    hint="Get it once while online, or name a store that holds it in ZOOCLIENT_STORES.",
                )
            shut = refusal_of(self.wiring, record)
            if shut is not None and any(file.role != "card" for file in missing):
                raise shut
            store.check_space(sum(file.expected_size or 0 for file in missing))
            receipts += self._fetch(plan, missing, reporter, cancel, via, only_from, shelf)
        self._hold_to_digest(plan, receipts)
        return store.assemble(place, record, plan.wishes, receipts)

    def _fetch(
        self,
        plan: Plan,
        files: list[FileEntry],
        reporter: Reporter | None,
        cancel: Cancel,
        via: str | None,
        only_from: str | None,
        shelf: Shelf | None,
    ) -> list[Receipt]:
        from zooclient.transfer.reporter import Reporter

        record, scheme = plan.record, plan.record.ref.scheme
        told = reporter or Reporter()
        via = via or self.settings.zoo(scheme).via
        if via is not None and via != "official":
            raise ConfigError(f"via={via!r} is not known.", hint='The one choice is via="official".')
        giver = self._giver(scheme, only_from, via)
        if via == "official" and not (shelf is not None and shelf.policy == "only"):
            from zooclient.client.official import fetch_officially

            return list(fetch_officially(self.wiring, plan, files, told, cancel))
        from zooclient.client.sources import items_of

        items = items_of(self.wiring, record, files, giver, shelf, cancel)
        engine = self.wiring.engine(giver or scheme)
        sink = self.wiring.store().sink(allow_unverified=plan.wishes.allow_unverified)
        try:
            return list(engine.transfer(items, sink, reporter=told, cancel=cancel))
        except (NetworkError, AccessError, NotFound, IntegrityError) as failure:
            if shelf is None or shelf.policy != "fallback":
                raise
            return shelf.rescue(files, failure)
        finally:
            engine.close()

    def _giver(self, scheme: str, only_from: str | None, via: str | None) -> str | None:
        """The one zoo that is to give the bytes; None: no single one was named.

        Raises:
            RefError: Nobody provides the zoo that was named.
            Unsupported: No file can be fetched from it.
            ConfigError: Another zoo's own client cannot bring them.
        """
        if only_from is None:
            return None
        from zooclient.providers.registry import provided

        giver = provided(only_from)
        if giver != scheme and via == "official":
            raise ConfigError(
                f'via="official" lets the client of {scheme} move the bytes, and only {giver} is to give them.',
                hint="Leave one of the two out.",
            )
        self._must_give(giver)
        return giver

    def _must_give(self, scheme: str) -> None:
        """Refuses a zoo from which no file can be fetched.

        Raises:
            Unsupported: It is one.
        """
        provider = self.wiring.provider(scheme)
        if provider.endpoint is None or not provider.capability.download:
            from zooclient.errors import Unsupported

            raise Unsupported(f"No file can be fetched from {scheme}.", zoo=scheme)

    def sources(self, target: str | Ref | ModelRecord, zoos: tuple[str, ...] | None) -> Flow[Sources]:
        """Where else the files of a model lie, each place proved by digest."""
        from zooclient.client.elsewhere import askable, find

        record = _record(target) if not isinstance(target, (str, Ref)) else (yield from self.resolve(self.read(target)))
        with telling("sources", record.ref):
            for scheme in zoos or ():
                self._must_give(scheme)
            asked = askable(self.wiring, record, by_itself=False) if zoos is None else zoos
            return (yield from find(self.wiring, record, record.files, asked, own=zoos is None))

    def _shelf(self, record: ModelRecord, cancel: Cancel) -> Shelf | None:
        """What the mirrors of a record's zoo hold of it; None where they play no part."""
        mirrors = self._mirrors(record.ref.scheme)
        if mirrors is None:
            return None
        from zooclient.client.mirrorshelf import Shelf

        return Shelf(mirrors, record, cancel)

    def _hold_to_digest(self, plan: Plan, receipts: list[Receipt]) -> None:
        """Refuses a snapshot that is not the one that the reference's fragment names, before it exists."""
        wanted = plan.record.requested.content_digest
        if wanted is None:
            return
        from zooclient.records.digest import content_digest

        got = content_digest((r.observed.sha256, r.observed.size, r.path) for r in receipts)
        if got != wanted:
            raise IntegrityError(
                f"The files of {plan.record.ref} have the content digest {got}, and {wanted} was asked for.",
                hint="The digest covers exactly the files selected: was it made with the same files and weights?",
            )

    # -- one file, the card ---------------------------------------------------------------------

    def file(
        self,
        target: str | Ref | ModelRecord,
        path: str,
        *,
        cancel: Cancel | None = None,
        allow_unverified: bool = False,
    ) -> Flow[Path]:
        """One file of a model, verified."""
        from zooclient.records.wishes import Wishes

        wishes = Wishes(files=(path,), weights="all", allow_unverified=allow_unverified)
        if self.held(target, wishes, "file") is None:
            target = yield from self.record_of(target, "file")
            # The path is meant as it stands: a pattern would fetch what it matches.
            if all(file.path != path for file in target.files):
                raise NotFound(
                    f"{target.ref} has no file {path!r}.",
                    ref=str(target.ref),
                    zoo=target.ref.scheme,
                    operation="file",
                    hint="`.files` of its record lists them; `download` takes patterns.",
                )
        snapshot = yield from self.download(target, wishes, operation="file", cancel=cancel)
        return Path(snapshot.path, path)

    def card(self, target: str | Ref | ModelRecord) -> Flow[Card]:
        """The model card; from the record's own metadata when there is no text or it may not be read."""
        from zooclient.net.exchange import Call
        from zooclient.providers.further import AsksForCards, MakesCards
        from zooclient.records.card import Card

        record = _record(target) if not isinstance(target, (str, Ref)) else (yield from self.resolve(self.read(target)))
        entry = next((file for file in record.files if file.role == "card"), None)
        provider = self.wiring.provider(record.ref.scheme)
        if entry is None and isinstance(provider, MakesCards):
            return provider.card(record)
        if entry is None and isinstance(provider, AsksForCards):
            return (yield from provider.ask_card(record))
        if entry is None:
            return Card.of(record, problem="The model has no card.")
        try:
            path = yield from self.file(record, entry.path)
        except AccessError as error:
            return Card.of(record, problem=f"The text of the card may not be read: {error.message}")
        text: bytes = yield Call(run=path.read_bytes)
        return Card.parse(text)

    # -- identify -------------------------------------------------------------------------------

    def identify(
        self, paths: Sequence[Path], *, online: bool, reporter: Reporter | None, cancel: Cancel | None
    ) -> Flow[Identification]:
        """Which model at which zoo each local file is."""
        from zooclient.client.identify import identify
        from zooclient.net.cancel import Cancel
        from zooclient.transfer.reporter import Reporter

        with telling("identify", None):
            return (
                yield from identify(
                    self.wiring, paths, online=online, reporter=reporter or Reporter(), cancel=cancel or Cancel()
                )
            )

    # -- accounts -------------------------------------------------------------------------------

    def whoami(self, zoo: str, token: str | None = None) -> Flow[Account]:
        """Whose token this is."""
        from zooclient.providers.registry import canonical, credential_for

        scheme = canonical(zoo)
        with telling("whoami", None, scheme):
            provider = self.wiring.provider(scheme)
            if token is None and provider.capability.login and credential_for(provider, self.settings) is None:
                raise AccessError(
                    f"No token is set for {provider.endpoint}.", hint=f"`zooclient login {scheme}` stores one."
                )
            return (yield from provider.whoami(token))

    # -- upkeep ---------------------------------------------------------------------------------

    def verify(self, target: str | Ref | Snapshot) -> Flow[Verdict]:
        """Hashes every byte of what the store holds of a reference again; no network."""
        from zooclient.net.exchange import Call
        from zooclient.records.snapshot import Snapshot

        ref = target.ref if isinstance(target, Snapshot) else self.read(target)
        with telling("verify", ref):
            store, place = self.wiring.store(), self.wiring.place(ref.scheme)
            if self._in_place(ref):
                raise RefError(
                    f"{ref} lies outside the store; resolving it hashes it.", hint=f"`zooclient resolve {ref}`"
                )
            revision = ref.revision
            if not ref.pinned:
                seen = store.find_ref(place, ref.id, revision or "")
                revision = seen.revision if seen is not None else revision
            record = None if revision is None else store.load_record(place, ref.id, revision)
            # Snapshots lie under the name that the model has now; the reference may hold one of old.
            name = ref.id if record is None else record.ref.id
            verdict: Verdict = yield Call(run=lambda: store.verify(place, name, revision))
            return verdict


def _proves(record: ModelRecord) -> bool:
    """Whether a record can prove every file; one without digests, as strangers get of a gated model, is not final."""
    from zooclient.records.digest import PROOF

    return all(any(name in file.digests for name in PROOF) for file in record.files)


def _record(target: object) -> ModelRecord:
    """Returns the record that a caller handed over; what is like one, such as a hit, has no files."""
    from zooclient.records.model import ModelRecord

    if not isinstance(target, ModelRecord):
        raise TypeError(
            f"This takes a reference, a record or a plan, and not a {type(target).__name__}; its `.ref` may do."
        )
    return target


def resumed(flow: Flow[T], first: Ask) -> Flow[T]:
    """Returns a flow that asks ``first``, already taken out of ``flow``, and then goes on as ``flow``."""
    ask = first
    try:
        while True:
            try:
                answer = yield ask
            except GeneratorExit:
                flow.close()
                raise
            except BaseException as error:
                ask = flow.throw(error)  # a driver's error belongs to the flow that asked
            else:
                ask = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
