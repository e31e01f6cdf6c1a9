"""From a plan to a snapshot: adopts what is held, fetches the rest, builds the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.gates import refusal_of
from zooclient.client.layers import Layers
from zooclient.client.listing import came_along, listed_again
from zooclient.client.memory import stored
from zooclient.errors import AccessError, ConfigError, IntegrityError, NetworkError, NotFound, Offline, Unsupported
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Call
from zooclient.providers.further import ListsFiles
from zooclient.records.digest import content_digest
from zooclient.records.receipt import Receipt
from zooclient.transfer.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zooclient.client.mirrorshelf import Shelf
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import FileEntry
    from zooclient.records.plan import Plan
    from zooclient.records.snapshot import Snapshot
    from zooclient.transfer.item import Item


def bring(
    wiring: Wiring,
    plan: Plan,
    *,
    reporter: Reporter | None,
    cancel: Cancel | None,
    via: str | None,
    only_from: str | None,
) -> Flow[Snapshot]:
    """The snapshot of a plan; files that lie on this machine are used where they are.

    Args:
        wiring: The client's.
        plan: What is wanted.
        reporter: Told of progress. None: nobody is.
        cancel: Stops it. None: nothing does.
        via: ``official`` lets the zoo's own client move the bytes. None: as the settings say.
        only_from: Scheme of the one zoo that is to give the bytes. None: no single one is named.
    """
    found: Snapshot
    if wiring.in_place(plan.record.ref):
        from zooclient.client.inplace import snapshot_in_place

        found = yield Call(run=lambda: snapshot_in_place(plan))
        return found
    bringing = _Bringing(wiring, plan, reporter or Reporter(), cancel or Cancel(), via, only_from)
    found = yield Call(run=bringing.snapshot)
    return found


def bring_all(
    wiring: Wiring, plans: Sequence[Plan], *, reporter: Reporter | None, cancel: Cancel | None
) -> Flow[tuple[Snapshot, ...]]:
    """The snapshots of several plans whose every file has a sha256, in their order.

    They are one transfer, with one budget of connections, of which each zoo gets as many as it bears. What mirrors or
    a zoo's own client are to bring comes after the rest. The first failure ends it; what has arrived is kept.

    Args:
        wiring: The client's.
        plans: What is wanted.
        reporter: Told of progress, of all of them together. None: nobody is.
        cancel: Stops it. None: nothing does.
    """
    told, stop = reporter or Reporter(), cancel or Cancel()
    found: dict[int, Snapshot] = {}
    together = [number for number, plan in enumerate(plans) if _is_plain(wiring, plan)]
    brought = yield Call(run=lambda: _together(wiring, [plans[number] for number in together], told, stop))
    found.update(zip(together, brought, strict=True))
    for number, plan in enumerate(plans):
        if number not in found:
            found[number] = yield from bring(wiring, plan, reporter=told, cancel=stop, via=None, only_from=None)
    return tuple(found[number] for number in range(len(plans)))


def _is_plain(wiring: Wiring, plan: Plan) -> bool:
    """Whether its bytes come from the zoo itself by our engine."""
    zoo = wiring.settings.zoo(plan.record.ref.scheme)
    if any(file.layer is not None for file in plan.record.files):
        return False
    return not (zoo.mirrored or zoo.via is not None or wiring.in_place(plan.record.ref))


def _together(wiring: Wiring, plans: Sequence[Plan], reporter: Reporter, cancel: Cancel) -> list[Snapshot]:
    bringings = [_Bringing(wiring, plan, reporter, cancel, None, None) for plan in plans]
    begun = [(bringing, bringing.begin()) for bringing in bringings]
    items = {id(bringing): bringing.items() for bringing, ready in begun if ready is None}
    engine = wiring.engine(None)
    try:
        wanted = [item for of_one in items.values() for item in of_one]
        receipts = iter(engine.transfer(wanted, wiring.store().sink(), reporter=reporter, cancel=cancel))
    finally:
        engine.close()
    arrived = {key: [next(receipts) for _ in of_one] for key, of_one in items.items()}
    return [ready if ready is not None else bringing.end(arrived[id(bringing)]) for bringing, ready in begun]


class _Bringing:
    """One plan on its way into the store; everything here blocks."""

    def __init__(
        self,
        wiring: Wiring,
        plan: Plan,
        reporter: Reporter,
        cancel: Cancel,
        via: str | None,
        only_from: str | None,
    ) -> None:
        self._wiring = wiring
        self._store = wiring.store()
        self._plan = plan
        self._record = plan.record
        self._reporter = reporter
        self._cancel = cancel
        self._via = via
        self._only_from = only_from
        self._receipts: list[Receipt] = []
        self._missing: list[FileEntry] = []
        self._mirrors: Shelf | None = None

    def snapshot(self) -> Snapshot:
        """Returns the snapshot, with every file verified."""
        ready = self.begin()
        if ready is not None:
            return ready
        return self.end(self._fetched(self._missing, self._mirrors) if self._missing else [])

    def begin(self) -> Snapshot | None:
        """Takes what is on this machine and refuses what nobody can bring; returns the snapshot if it is there."""
        ready = self._ready()
        if ready is not None:
            return ready
        self._refuse_other_ways()
        layers = Layers(self._wiring, self._record, self._fetched_whole, self._cancel)
        if any(file.unopened for file in self._plan.files):
            self._refuse(list(self._plan.fetch))
            self._plan = layers.opened(self._plan)
            self._record = self._plan.record
        self._store.check_names(self._plan.files)
        receipts, missing = self._adopted()
        self._receipts = [layers.received(receipt.path) or receipt for receipt in receipts]
        self._mirrors = self._shelf() if missing else None
        if self._mirrors is not None and self._mirrors.ahead:
            self._store.check_space(sum(file.size or 0 for file in missing))
            copied, missing = self._mirrors.copies(missing)
            self._receipts += copied
        if missing:
            self._refuse(missing)
            self._store.check_space(sum(file.expected_size or 0 for file in missing))
            if self._only_from in (None, self._record.ref.scheme):
                self._receipts, missing = self._from_within(layers, self._receipts, missing, self._mirrors)
        self._missing = missing
        return None

    def items(self) -> list[Item]:
        """Returns what the engine is asked for, with the zoo as the source, over as many connections as it bears."""
        from zooclient.client.sources import items_of

        bears = self._wiring.connections(self._record.ref.scheme)
        items = items_of(self._wiring, self._record, self._missing, None, None, self._cancel)
        return [
            evolve(item, sources=tuple(evolve(source, bears=source.bears or bears) for source in item.sources))
            for item in items
        ]

    def end(self, fetched: list[Receipt]) -> Snapshot:
        """Builds the snapshot, once the rest has arrived."""
        receipts = self._receipts + fetched
        self._hold_to_digest(receipts)
        place = self._wiring.place(self._record.ref.scheme)
        return self._store.assemble(place, self._record, self._plan.wishes, receipts)

    def _ready(self) -> Snapshot | None:
        """What somebody else, or an earlier plan for the same wishes, may have finished meanwhile."""
        record = self._record
        if record.ref.revision is None:
            return None
        asked = evolve(record.ref, content_digest=record.requested.content_digest)
        return stored(self._wiring, asked, self._plan.wishes, record)

    def _adopted(self) -> tuple[list[Receipt], list[FileEntry]]:
        """Takes what the store has; returns it, and what is to be fetched."""
        receipts: list[Receipt] = []
        missing = list(self._plan.fetch)
        for item in self._plan.reuse:
            self._cancel.check()
            observed = self._store.adopt(item.file, cancel=self._cancel)
            if observed is None:  # it was there when the plan was made
                missing.append(item.file)
            else:
                receipts.append(Receipt(path=item.file.path, observed=observed))
        return receipts, missing

    def _refuse_other_ways(self) -> None:
        """Refuses what was asked for by name, where files are had only in the layers of an image.

        Raises:
            Unsupported: The zoo's own client, or another zoo, is to bring them.
        """
        scheme = self._record.ref.scheme
        if not isinstance(self._wiring.provider(scheme), ListsFiles):
            return
        if self._via == "official":
            raise Unsupported(
                f"No client of {scheme}'s own brings files out of images.",
                zoo=scheme,
                hint='Leave via="official" (--via official) out.',
            )
        closed = [file.path for file in self._plan.files if file.unopened]
        if closed and self._only_from not in (None, scheme):
            raise Unsupported(
                f"What {closed[0]} of {self._record.ref} holds is not known yet, so that {self._only_from} cannot be "
                "asked for it.",
                zoo=scheme,
                hint=f"Let {scheme} give it once: what it holds is known from then on, each file by its sha256.",
            )

    def _from_within(
        self, layers: Layers, receipts: list[Receipt], missing: list[FileEntry], shelf: Shelf | None
    ) -> tuple[list[Receipt], list[FileEntry]]:
        """Brings what is had only in or with something else: with the list of files, or in a layer of an image."""
        from zooclient.client.within import from_mirrors

        along = came_along(self._wiring, self._record, missing)
        left = [*along, *(file for file in missing if file.layer is not None)]
        if not left:
            return receipts, missing
        found: list[Receipt] = []
        if shelf is not None and shelf.ahead:
            found, left = from_mirrors(self._wiring, self._record, left, shelf, self._reporter, self._cancel)
        try:
            found += self._from_inside(layers, left)
        except (NetworkError, AccessError, NotFound, IntegrityError) as failure:
            if shelf is None or shelf.policy != "fallback":
                raise
            found, left = from_mirrors(self._wiring, self._record, left, shelf, self._reporter, self._cancel)
            found += shelf.rescue(left, failure)
        here = {receipt.path for receipt in found}
        return [*receipts, *found], [file for file in missing if file.path not in here]

    def _from_inside(self, layers: Layers, files: list[FileEntry]) -> list[Receipt]:
        along = [file for file in files if file.layer is None]
        packed = [file for file in files if file.layer is not None]
        found = listed_again(self._wiring, self._record, along, self._cancel)
        return [*found, *layers.take(packed)] if packed else found

    def _fetched_whole(self, files: list[FileEntry]) -> list[Receipt]:
        """Fetches layers, which no other zoo has as they are."""
        from zooclient.client.sources import items_of

        scheme = self._record.ref.scheme
        items = items_of(self._wiring, self._record, files, scheme, None, self._cancel)
        engine = self._wiring.engine(scheme)
        try:
            return list(engine.transfer(items, self._store.sink(), reporter=self._reporter, cancel=self._cancel))
        finally:
            engine.close()

    def _shelf(self) -> Shelf | None:
        """What the mirrors of the zoo hold of the record; None where they play no part."""
        scheme = self._record.ref.scheme
        if self._only_from is not None or not self._wiring.settings.zoo(scheme).mirrored:
            return None
        from zooclient.client.mirrors import Mirrors
        from zooclient.client.mirrorshelf import Shelf

        return Shelf(Mirrors(self._wiring, scheme), self._record, self._cancel)

    def _refuse(self, missing: list[FileEntry]) -> None:
        """Refuses to fetch what nobody can be asked for, or what the zoo has said it will not give.

        Raises:
            Offline: Connections are switched off.
            AccessError: The zoo does not hand it out.
            Gone: Likewise.
        """
        if self._wiring.settings.offline:
            count = f"{len(missing)} of {len(self._plan.files)} files"
            raise Offline(
                f"{count} wanted of {self._record.ref} are not in the store, and connections are switched off.",
                hint="Get it once while online, or name a store that holds it in ZOOCLIENT_STORES.",
            )
        shut = refusal_of(self._wiring, self._record)
        if shut is not None and any(file.role != "card" for file in missing):
            raise shut

    def _fetched(self, files: list[FileEntry], shelf: Shelf | None) -> list[Receipt]:
        """Fetches from whoever is to be asked: the zoo's own client, or by our engine its mirrors, itself, others."""
        scheme = self._record.ref.scheme
        via = self._via or self._wiring.settings.zoo(scheme).via
        if via is not None and via != "official":
            raise ConfigError(f"via={via!r} is not known.", hint='The one choice is via="official".')
        giver = self._giver(via)
        if via == "official" and not (shelf is not None and shelf.policy == "only"):
            from zooclient.client.official import fetch_officially

            return list(fetch_officially(self._wiring, self._plan, files, self._reporter, self._cancel))
        from zooclient.client.sources import items_of

        items = items_of(self._wiring, self._record, files, giver, shelf, self._cancel)
        engine = self._wiring.engine(giver or scheme)
        sink = self._store.sink(allow_unverified=self._plan.wishes.allow_unverified)
        try:
            return list(engine.transfer(items, sink, reporter=self._reporter, cancel=self._cancel))
        except (NetworkError, AccessError, NotFound, IntegrityError) as failure:
            if shelf is None or shelf.policy != "fallback":
                raise
            return shelf.rescue(files, failure)
        finally:
            engine.close()

    def _giver(self, via: str | None) -> str | None:
        """The one zoo that is to give the bytes; None: no single one was named.

        Raises:
            RefError: Nobody provides the zoo that was named.
            Unsupported: No file can be fetched from it.
            ConfigError: Another zoo's own client cannot bring them.
        """
        if self._only_from is None:
            return None
        from zooclient.client.elsewhere import must_give
        from zooclient.providers.registry import provided

        scheme, giver = self._record.ref.scheme, provided(self._only_from)
        if giver != scheme and via == "official":
            raise ConfigError(
                f'via="official" lets the client of {scheme} move the bytes, and only {giver} is to give them.',
                hint="Leave one of the two out.",
            )
        if giver != scheme:
            must_give(self._wiring.provider(giver))
        return giver

    def _hold_to_digest(self, receipts: list[Receipt]) -> None:
        """Refuses a snapshot that is not the one that the reference's fragment names, before it exists."""
        wanted = self._record.requested.content_digest
        if wanted is None:
            return
        got = content_digest((r.observed.sha256, r.observed.size, r.path) for r in receipts)
        if got != wanted:
            raise IntegrityError(
                f"The files of {self._record.ref} have the content digest {got}, and {wanted} was asked for.",
                hint="The digest covers exactly the files selected: was it made with the same files and weights?",
            )
