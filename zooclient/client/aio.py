"""The client for ``asyncio``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from zooclient.client.making import (
    StrPath,
    Token,
    folder_of,
    layout_of,
    own_cancel,
    paths_of,
    query_of,
    refs_of,
    settings_of,
    several,
    wishes_of,
    zoos_of,
)
from zooclient.client.steps import Steps
from zooclient.client.wiring import Wiring
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from datetime import timedelta

    from zooclient.client.checking import Checked
    from zooclient.client.hits import AsyncHits
    from zooclient.client.mirroring import Mirrored
    from zooclient.client.outdated import Outdated
    from zooclient.client.runners import AsyncRunner
    from zooclient.client.syncing import Synced
    from zooclient.loading.model import AsyncModel
    from zooclient.loading.remote import AsyncRemoteModel
    from zooclient.lock.format import Lock, LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.providers.base import Account
    from zooclient.records.audit import AuditReport
    from zooclient.records.card import Card
    from zooclient.records.comparison import Comparison
    from zooclient.records.identity import Identification
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.policy import Policy
    from zooclient.records.publication import Published, PublishPlan
    from zooclient.records.query import Query
    from zooclient.records.run import Run
    from zooclient.records.snapshot import Snapshot
    from zooclient.records.sources import Sources
    from zooclient.settings import Settings
    from zooclient.store.reports import Pruned, Verdict
    from zooclient.store.store import Store
    from zooclient.transfer.reporter import Reporter

T = TypeVar("T")


class AsyncClient:
    """As :class:`~zooclient.Client`, with the same names, arguments and errors, for ``asyncio``.

    Conversations run natively; bytes move in threads, which stop when the awaiting task is cancelled.

    Args:
        home: Folder of the store. None: ``zooclient`` in the user's cache folder.
        endpoints: Scheme → origin to ask instead of the zoo's own.
        tokens: Scheme → token, or a function that returns one when it is needed.
        strict: Refuse moving revisions, stale answers, pickles and code of authors. None: as the settings say (False).
        offline: Open no connection at all. None: as the settings say (False).
        failover: Go on at another zoo that has the same bytes, when a source fails. None: as the settings say (True).
        settings: Everything else that may be set. None: the defaults.
        policy: What may be used, beside the policies that the settings name. None: as they say.
    """

    def __init__(
        self,
        *,
        home: StrPath | None = None,
        endpoints: Mapping[str, str] | None = None,
        tokens: Mapping[str, Token] | None = None,
        strict: bool | None = None,
        offline: bool | None = None,
        failover: bool | None = None,
        settings: Settings | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._wiring = Wiring(
            settings_of(
                settings,
                home=home,
                endpoints=endpoints,
                tokens=tokens,
                strict=strict,
                offline=offline,
                failover=failover,
            ),
            policy,
        )
        self._steps = Steps(self._wiring)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """As :meth:`zooclient.Client.from_env`."""
        from zooclient.settings import Settings

        return cls(settings=Settings.from_env(), **overrides)

    @classmethod
    def for_project(cls, folder: StrPath, **overrides: Any) -> Self:
        """As :meth:`zooclient.Client.for_project`."""
        from zooclient.settings import Settings

        return cls(settings=Settings.from_env(project=Path(folder)), **overrides)

    @property
    def settings(self) -> Settings:
        """Everything that is set."""
        return self._wiring.settings

    @property
    def store(self) -> Store:
        """The store, for its upkeep; its methods block."""
        return self._wiring.store()

    async def aclose(self) -> None:
        """Closes kept-alive connections."""
        await self._wiring.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def run(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """As :meth:`zooclient.Client.run`."""
        try:
            first = next(flow)
        except StopIteration as stop:  # nothing was asked of anybody: no driver need exist
            result: T = stop.value
            return result
        from zooclient.net.exchange import resumed

        try:
            return await self._wiring.driver().arun(resumed(flow, first), cancel=cancel)
        except asyncio.CancelledError:
            if cancel is not None:
                cancel.cancel()  # the thread that moves bytes does not see the task
            raise

    # -- find -----------------------------------------------------------------------------------

    def search(
        self, text: str | Query = "", /, *, zoos: str | Iterable[str] | None = None, **filters: Any
    ) -> AsyncHits:
        """As :meth:`zooclient.Client.search`."""
        from zooclient.client.hits import AsyncHits

        return AsyncHits(self._wiring, query_of(text, zoos, filters), self.run)

    async def resolve(self, ref: str | Ref, *, demos: bool = False, accept_replaced: bool = False) -> ModelRecord:
        """As :meth:`zooclient.Client.resolve`."""
        flow = self._steps.resolve(ref, demos=demos, accept_replaced=accept_replaced)
        return await self.run(flow)

    async def compare(self, refs: Iterable[str | Ref | ModelRecord]) -> Comparison:
        """As :meth:`zooclient.Client.compare`."""
        from zooclient.client.compare import column
        from zooclient.records.comparison import Comparison

        columns = await asyncio.gather(*(self.run(column(self._steps, ref)) for ref in several(refs)))
        return Comparison(columns=tuple(columns))

    async def card(self, ref: str | Ref | ModelRecord) -> Card:
        """As :meth:`zooclient.Client.card`."""
        return await self.run(self._steps.card(ref))

    @overload
    async def audit(
        self,
        ref: str | Ref | ModelRecord | Snapshot | LockedModel,
        *,
        files: bool = ...,
        off: Iterable[str] = ...,
        reporter: Reporter | None = ...,
        cancel: Cancel | None = ...,
    ) -> AuditReport: ...

    @overload
    async def audit(
        self,
        ref: Lock,
        *,
        files: bool = ...,
        off: Iterable[str] = ...,
        reporter: Reporter | None = ...,
        cancel: Cancel | None = ...,
    ) -> tuple[AuditReport, ...]: ...

    async def audit(
        self,
        ref: str | Ref | ModelRecord | Snapshot | LockedModel | Lock,
        *,
        files: bool = False,
        off: Iterable[str] = (),
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> AuditReport | tuple[AuditReport, ...]:
        """As :meth:`zooclient.Client.audit`."""
        from zooclient.client.auditing import audit
        from zooclient.client.making import names_of
        from zooclient.lock.format import Lock

        rules = names_of(off)
        stop = own_cancel(cancel, None)
        targets = ref.models if isinstance(ref, Lock) else (ref,)
        flows = [audit(self._steps, one, files=files, off=rules, reporter=reporter, cancel=stop) for one in targets]
        reports = await asyncio.gather(*(self.run(flow, stop) for flow in flows))
        return tuple(reports) if isinstance(ref, Lock) else reports[0]

    async def identify(
        self,
        paths: StrPath | Iterable[StrPath],
        *,
        online: bool = False,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> Identification:
        """As :meth:`zooclient.Client.identify`."""
        stop = own_cancel(cancel, deadline)
        flow = self._steps.identify(paths_of(paths), online=online, reporter=reporter, cancel=stop)
        return await self.run(flow, stop)

    # -- get ------------------------------------------------------------------------------------

    async def plan(
        self,
        ref: str | Ref | ModelRecord,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
    ) -> Plan:
        """As :meth:`zooclient.Client.plan`."""
        return await self.run(self._steps.plan(ref, wishes_of(files, exclude, weights, allow_unverified)))

    async def download(
        self,
        ref: str | Ref | ModelRecord | Plan,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        to: StrPath | None = None,
        layout: str | None = None,
        kind: str | None = None,
        preview: bool = True,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        via: str | None = None,
        only_from: str | None = None,
    ) -> Snapshot:
        """As :meth:`zooclient.Client.download`."""
        stop = own_cancel(cancel, deadline)
        flow = self._steps.download(
            ref,
            wishes_of(files, exclude, weights, allow_unverified),
            to=folder_of(to),
            layout=layout_of(layout, to, kind, preview),
            reporter=reporter,
            cancel=stop,
            via=via,
            only_from=only_from,
        )
        return await self.run(flow, stop)

    async def file(
        self,
        ref: str | Ref | ModelRecord,
        path: str,
        *,
        allow_unverified: bool = False,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> Path:
        """As :meth:`zooclient.Client.file`."""
        stop = own_cancel(cancel, deadline)
        return await self.run(self._steps.file(ref, path, cancel=stop, allow_unverified=allow_unverified), stop)

    async def load(
        self,
        ref: str | Ref | ModelRecord | Plan,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        via: str | None = None,
        only_from: str | None = None,
    ) -> AsyncModel:
        """As :meth:`zooclient.Client.load`."""
        from zooclient.loading.model import AsyncModel

        stop = own_cancel(cancel, deadline)
        flow = self._steps.download(
            ref,
            wishes_of(files, exclude, weights, allow_unverified),
            operation="load",
            reporter=reporter,
            cancel=stop,
            via=via,
            only_from=only_from,
        )
        return AsyncModel(await self.run(flow, stop), self._runner)

    async def sources(self, ref: str | Ref | ModelRecord, *, zoos: str | Iterable[str] | None = None) -> Sources:
        """As :meth:`zooclient.Client.sources`."""
        return await self.run(self._steps.sources(ref, zoos_of(zoos)))

    # -- projects -------------------------------------------------------------------------------

    async def add(
        self,
        name: str,
        ref: str | Ref,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        sources: str | Ref | Iterable[str | Ref] = (),
        groups: str | Iterable[str] = (),
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> LockedModel:
        """As :meth:`zooclient.Client.add`."""
        from zooclient.client.making import wanted_of
        from zooclient.client.projects import add, project_of

        wanted = wanted_of(name, ref, wishes_of(files, exclude, weights, allow_unverified), sources, groups)
        home = project_of(self.settings, folder_of(project))
        made = await self.run(add(self._steps, home, wanted, reporter=reporter, cancel=cancel), cancel)
        return next(model for model in made.models if model.name == name)

    async def remove(self, name: str, *, project: StrPath | None = None) -> None:
        """As :meth:`zooclient.Client.remove`."""
        from zooclient.client.projects import project_of, remove

        remove(project_of(self.settings, folder_of(project)), name)

    async def lock(
        self,
        *,
        check: bool = False,
        renew: str | Iterable[str] = (),
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> Lock:
        """As :meth:`zooclient.Client.lock`."""
        from zooclient.client.making import names_of
        from zooclient.client.projects import locked, project_of

        home = project_of(self.settings, folder_of(project))
        flow = locked(self._steps, home, check=check, renew=names_of(renew), reporter=reporter, cancel=cancel)
        return await self.run(flow, cancel)

    async def sync(
        self,
        *,
        frozen: bool = False,
        names: str | Iterable[str] | None = None,
        groups: str | Iterable[str] | None = None,
        shard: tuple[int, int] | None = None,
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Synced, ...]:
        """As :meth:`zooclient.Client.sync`."""
        from zooclient.client.making import names_of
        from zooclient.client.projects import project_of, synced

        stop = own_cancel(cancel, deadline)
        flow = synced(
            self._steps,
            project_of(self.settings, folder_of(project)),
            frozen=frozen,
            names=None if names is None else names_of(names),
            groups=None if groups is None else names_of(groups),
            shard=shard,
            reporter=reporter,
            cancel=stop,
        )
        return await self.run(flow, stop)

    async def outdated(
        self,
        names: str | Iterable[str] | None = None,
        *,
        project: StrPath | None = None,
        cancel: Cancel | None = None,
    ) -> tuple[Outdated, ...]:
        """As :meth:`zooclient.Client.outdated`."""
        from zooclient.client.making import names_of
        from zooclient.client.projects import fates, project_of

        home = project_of(self.settings, folder_of(project))
        return await self.run(fates(self._steps, home, None if names is None else names_of(names), cancel), cancel)

    async def check(
        self,
        refs: str | Ref | Iterable[str | Ref] | None = None,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        project: StrPath | None = None,
        cancel: Cancel | None = None,
    ) -> tuple[Checked, ...]:
        """As :meth:`zooclient.Client.check`."""
        from zooclient.client.checking import check_project, check_refs
        from zooclient.client.projects import project_of

        if refs is None:
            home = project_of(self.settings, folder_of(project))
            return await self.run(check_project(self._steps, home, cancel), cancel)
        wishes = wishes_of(files, exclude, weights, False)
        return await self.run(check_refs(self._steps, refs_of(refs), wishes, cancel), cancel)

    # -- run ------------------------------------------------------------------------------------

    async def open(self, ref: str | Ref | ModelRecord) -> AsyncRemoteModel:
        """As :meth:`zooclient.Client.open`."""
        from zooclient.loading.remote import AsyncRemoteModel

        return AsyncRemoteModel(await self.run(self._steps.record_of(ref, "open")), self._runner)

    async def repeat(
        self,
        run: Run | StrPath,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
    ) -> Run:
        """As :meth:`zooclient.Client.repeat`."""
        return await self._runner().repeat(run, inputs, to=to, deadline=deadline, via=via, cancel=cancel)

    def _runner(self) -> AsyncRunner:
        from zooclient.client.runners import AsyncRunner

        return AsyncRunner(self._steps, self.run)

    # -- keep -----------------------------------------------------------------------------------

    async def verify(self, ref: str | Ref | Snapshot) -> Verdict:
        """As :meth:`zooclient.Client.verify`."""
        return await self.run(self._steps.verify(ref))

    async def prune(
        self,
        *,
        older_than: timedelta | None = None,
        keep: str | Ref | Iterable[str | Ref] = (),
        dry_run: bool = False,
        cancel: Cancel | None = None,
    ) -> Pruned:
        """As :meth:`zooclient.Client.prune`."""
        from zooclient.client.projects import pruned

        flow = pruned(self._steps, older_than=older_than, keep=refs_of(keep), dry_run=dry_run, cancel=cancel)
        return await self.run(flow, cancel)

    async def mirror(
        self,
        folder: StrPath,
        refs: str | Ref | Iterable[str | Ref],
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        include: str | Ref | Iterable[str | Ref] = (),
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Mirrored, ...]:
        """As :meth:`zooclient.Client.mirror`."""
        from zooclient.client.mirroring import push

        stop = own_cancel(cancel, deadline)
        flow = push(
            self._steps,
            Path(folder),
            refs_of(refs),
            wishes_of(files, exclude, weights, False),
            include=refs_of(include),
            reporter=reporter,
            cancel=stop,
        )
        return await self.run(flow, stop)

    # -- give back ------------------------------------------------------------------------------

    async def plan_publish(
        self,
        folder: StrPath,
        refs: str | Ref | Iterable[str | Ref],
        *,
        visibility: str | None = None,
        exclude: str | Iterable[str] = (),
        allow_pickle: bool = False,
        message: str | None = None,
        tag: str | None = None,
        pull_request: bool = False,
        hardware: str = "cpu",
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> PublishPlan:
        """As :meth:`zooclient.Client.plan_publish`."""
        from zooclient.client.publishplan import asked_of, plan

        stop = own_cancel(cancel, deadline)
        asked = asked_of(visibility, exclude, allow_pickle, message, tag, pull_request, hardware)
        return await self.run(plan(self._wiring, Path(folder), refs_of(refs), asked, stop), stop)

    async def publish(
        self,
        folder: StrPath | PublishPlan,
        refs: str | Ref | Iterable[str | Ref] = (),
        *,
        visibility: str | None = None,
        exclude: str | Iterable[str] = (),
        allow_pickle: bool = False,
        message: str | None = None,
        tag: str | None = None,
        pull_request: bool = False,
        hardware: str = "cpu",
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Published, ...]:
        """As :meth:`zooclient.Client.publish`."""
        from zooclient.client.publishing import publish_folder
        from zooclient.client.publishplan import asked_of
        from zooclient.records.publication import PublishPlan

        stop = own_cancel(cancel, deadline)
        what = folder if isinstance(folder, PublishPlan) else Path(folder)
        asked = asked_of(visibility, exclude, allow_pickle, message, tag, pull_request, hardware)
        return await self.run(publish_folder(self._wiring, what, refs_of(refs), asked, stop), stop)

    # -- accounts -------------------------------------------------------------------------------

    async def whoami(self, zoo: str, *, token: str | None = None) -> Account:
        """As :meth:`zooclient.Client.whoami`."""
        return await self.run(self._steps.whoami(zoo, token))
