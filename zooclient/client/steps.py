"""The order of the steps from a reference to a model, written once for both colours.

Every step is a flow: what needs the network yields requests, what blocks on the disk yields a
:class:`~zooclient.net.exchange.Call`. A step that needs neither, such as a warm pinned load, yields nothing. What a
step does stands in a module of its own, which is imported when the step is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zooclient.client.making import record_of, ref_of
from zooclient.client.memory import stored
from zooclient.client.telling import telling
from zooclient.client.wiring import Wiring
from zooclient.errors import AccessError, IntegrityError, NotFound
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from pathlib import Path

    from zooclient.lock.format import LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.planning.layouts import Wish
    from zooclient.providers.base import Account
    from zooclient.records.card import Card
    from zooclient.records.identity import Identification
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.snapshot import Snapshot
    from zooclient.records.sources import Sources
    from zooclient.records.wishes import Wishes
    from zooclient.store.reports import Verdict
    from zooclient.transfer.reporter import Reporter


class Steps:
    """The steps, over one :class:`Wiring`.

    Args:
        wiring: What they need.
        policies: Files whose policies hold beside those of the settings.
    """

    def __init__(self, wiring: Wiring, policies: tuple[Path, ...] = ()) -> None:
        self.wiring = wiring
        self.settings = wiring.settings
        self.policies = policies

    @property
    def policed(self) -> bool:
        """Whether any policy is to be asked; strict mode is one."""
        return bool(self.policies) or self.wiring.policed

    # -- name → what is locked ------------------------------------------------------------------

    def _locked(self, target: object, operation: str) -> LockedModel | None:
        """What the project's lock says of a name; None where a reference was given, or there is no project."""
        project = self.settings.project
        if project is None or not isinstance(target, str) or ":" in target or "/" in target:
            return None
        from zooclient.client.named import locked

        return locked(project, target, operation)

    # -- reference → record ---------------------------------------------------------------------

    def resolve(self, ref: str | Ref, *, demos: bool = False, accept_replaced: bool = False) -> Flow[ModelRecord]:
        """The record of the one revision that ``ref`` names; of the pinned one where it is a name of the project."""
        from zooclient.client.resolving import resolve

        model = self._locked(ref, "resolve")
        meant = ref_of(ref) if model is None else model.ref
        return (yield from resolve(self.wiring, meant, demos=demos, accept_replaced=accept_replaced))

    def record_of(self, target: str | Ref | ModelRecord, operation: str | None = None) -> Flow[ModelRecord]:
        """A record for whatever a caller gave.

        Args:
            target: A text, a reference or a record.
            operation: The step that is to work with it; a moving name is then told, or refused in strict mode. None:
                it may move.
        """
        if not isinstance(target, (str, Ref)):
            return record_of(target)
        if operation is None:
            return (yield from self.resolve(target))
        model = self._locked(target, operation)
        if model is not None:
            from zooclient.client.named import named_record

            return (yield from named_record(self, model))
        from zooclient.client.resolving import resolve_for

        return (yield from resolve_for(self.wiring, ref_of(target), operation))

    # -- record → plan --------------------------------------------------------------------------

    def plan(self, target: str | Ref | ModelRecord, wishes: Wishes) -> Flow[Plan]:
        """What a download would do."""
        return (yield from self._plan_for(target, wishes, "plan"))

    def _plan_for(self, target: str | Ref | ModelRecord, wishes: Wishes, operation: str) -> Flow[Plan]:
        model = self._locked(target, operation)
        if model is not None:
            from zooclient.client.named import named_plan

            return (yield from named_plan(self, model, wishes))
        plan = self._plan((yield from self.listed(target, operation)), wishes)
        yield from self._allowed(plan, operation)
        return plan

    def listed(self, target: str | Ref | ModelRecord, operation: str) -> Flow[ModelRecord]:
        """A record with its files, where their zoo tells them only when they are wanted."""
        from zooclient.client.listing import listed

        return (yield from listed(self.wiring, (yield from self.record_of(target, operation)), operation))

    def _allowed(self, plan: Plan, operation: str) -> Flow[None]:
        """Holds a plan against every policy; costs nothing where there is none."""
        if self.policed:
            from zooclient.client.policing import hold_plan

            with telling(operation, plan.record.ref):
                yield from hold_plan(self, plan)

    def _plan(self, record: ModelRecord, wishes: Wishes) -> Plan:
        from zooclient.client.plans import plan_of

        return plan_of(self.wiring, record, wishes)

    # -- plan → snapshot ------------------------------------------------------------------------

    def held(self, target: str | Ref | ModelRecord | Plan, wishes: Wishes, operation: str) -> Snapshot | None:
        """The snapshot that answers a pinned wish without asking anybody; None when there is none.

        Raises:
            PolicyError: There is one, and a policy refuses it.
        """
        found = self._found(target, wishes, operation)
        if found is None or not self.policed:
            return found
        from zooclient.client.policing import held_passes

        with telling(operation, found.ref):
            return found if held_passes(self, found) else None

    def _found(self, target: str | Ref | ModelRecord | Plan, wishes: Wishes, operation: str) -> Snapshot | None:
        model = self._locked(target, operation)
        if model is not None:
            from zooclient.client.named import named_snapshot

            return named_snapshot(self, model, wishes)
        if isinstance(target, (str, Ref)):
            ref = ref_of(target)
        else:
            from zooclient.records.plan import Plan  # not for a warm load by text, which needs no plan

            wishes = target.wishes if isinstance(target, Plan) else wishes
            ref = target.record.ref if isinstance(target, Plan) else record_of(target).ref
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
                yield from self._allowed(plan, operation)
            else:
                plan = yield from self._plan_for(target, wishes, operation)
            snapshot = yield from self._bring(plan, operation, layout, reporter, cancel, via, only_from)
        if to is not None:
            yield from self._copy_out(snapshot, operation, to, layout, cancel)
        return snapshot

    def _bring(
        self,
        plan: Plan,
        operation: str,
        layout: Wish | None,
        reporter: Reporter | None,
        cancel: Cancel | None,
        via: str | None,
        only_from: str | None,
    ) -> Flow[Snapshot]:
        from zooclient.client.bringing import bring
        from zooclient.client.memory import doubting
        from zooclient.client.pins import look_again

        with telling(operation, plan.record.ref), doubting(self.wiring, plan.record):
            if layout is not None:
                from zooclient.planning.layouts import arrange

                arrange(plan.record, (file.path for file in plan.files), layout)  # before the first byte
            try:
                return (
                    yield from bring(self.wiring, plan, reporter=reporter, cancel=cancel, via=via, only_from=only_from)
                )
            except (IntegrityError, NotFound) as error:
                yield from look_again(self.wiring, plan.record, error)
                raise

    def bring_all(
        self, plans: tuple[Plan, ...], reporter: Reporter | None, cancel: Cancel | None
    ) -> Flow[tuple[Snapshot, ...]]:
        """The snapshots of several plans, in one transfer."""
        if not plans:
            return ()
        from zooclient.client.bringing import bring_all

        return (yield from bring_all(self.wiring, plans, reporter=reporter, cancel=cancel))

    def _copy_out(
        self, snapshot: Snapshot, operation: str, to: Path, layout: Wish | None, cancel: Cancel | None
    ) -> Flow[None]:
        from zooclient.net.exchange import Call

        with telling(operation, snapshot.ref):
            if layout is None:
                yield Call(run=lambda: self.wiring.store().copy_out(snapshot, to, cancel=cancel))
            else:
                from zooclient.client.layout import lay_out

                yield from lay_out(self.wiring, snapshot, to, layout, cancel)

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
        from pathlib import Path

        from zooclient.records.wishes import Wishes

        wishes = Wishes(files=(path,), weights="all", allow_unverified=allow_unverified)
        if self.held(target, wishes, "file") is None:
            from zooclient.planning.reaching import may_hold

            target = yield from self.listed(target, "file")
            # The path is meant as it stands: a pattern would fetch what it matches.
            known = any(file.path == path for file in target.files)
            if target.files and not known and not may_hold(target, path):
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
        from zooclient.client.guests import guarded
        from zooclient.net.exchange import Call
        from zooclient.providers.further import AsksForCards, MakesCards
        from zooclient.records.card import Card

        record = yield from self.record_of(target)
        entry = next((file for file in record.files if file.role == "card"), None)
        provider = self.wiring.provider(record.ref.scheme)
        with guarded(record.ref.scheme):
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

    # -- questions ------------------------------------------------------------------------------

    def sources(self, target: str | Ref | ModelRecord, zoos: tuple[str, ...] | None) -> Flow[Sources]:
        """Where else the files of a model lie, each place proved by digest."""
        from zooclient.client.elsewhere import sources_of
        from zooclient.client.listing import listed

        record = yield from listed(self.wiring, (yield from self.record_of(target)), "sources")
        return (yield from sources_of(self.wiring, record, zoos))

    def identify(
        self, paths: Sequence[Path], *, online: bool, reporter: Reporter | None, cancel: Cancel | None
    ) -> Flow[Identification]:
        """Which model at which zoo each local file is."""
        from zooclient.client.identify import identify
        from zooclient.net.cancel import Cancel
        from zooclient.transfer.reporter import Reporter

        told, stop = reporter or Reporter(), cancel or Cancel()
        with telling("identify", None):
            return (yield from identify(self.wiring, paths, online=online, reporter=told, cancel=stop))

    def whoami(self, zoo: str, token: str | None = None) -> Flow[Account]:
        """Whose token this is."""
        from zooclient.client.accounts import whoami

        return (yield from whoami(self.wiring, zoo, token))

    def verify(self, target: str | Ref | Snapshot) -> Flow[Verdict]:
        """Hashes every byte of what the store holds of a reference again; no network."""
        from zooclient.client.verifying import verify
        from zooclient.records.snapshot import Snapshot

        if isinstance(target, Snapshot):
            return (yield from verify(self.wiring, target.ref))
        model = self._locked(target, "verify")
        return (yield from verify(self.wiring, ref_of(target) if model is None else model.ref))
