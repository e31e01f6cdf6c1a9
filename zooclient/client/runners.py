"""Who runs a model that a client has opened or loaded, in the client's colour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zooclient.client.making import StrPath, cancel_of, folder_of, own_cancel
from zooclient.client.running import read_run, repeat, run
from zooclient.loading.streams import AsyncRunStream, RunStream

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.loading.streams import Told
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.run import Run, RunRequest

Drive = Callable[["Flow[Run]", "Cancel | None"], "Run"]
AsyncDrive = Callable[["Flow[Run]", "Cancel | None"], Awaitable["Run"]]


class SyncRunner:
    """Runs models for ordinary code.

    Args:
        steps: The client's.
        drive: Runs a flow.
    """

    def __init__(self, steps: Steps, drive: Drive) -> None:
        self._steps = steps
        self._drive = drive

    def run(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> Run:
        """One run or training, from its inputs to its saved outputs."""
        stop = cancel_of(cancel, request.deadline)
        return self._drive(run(self._steps.wiring, record, request, to=folder_of(to), via=via), stop)

    def stream(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> RunStream:
        """The same, told while it goes on."""
        wiring, drive, folder = self._steps.wiring, self._drive, folder_of(to)

        def start(told: Told, stop: Cancel) -> Run:
            return drive(run(wiring, record, request, told=told, to=folder, via=via), stop)

        return RunStream(start, own_cancel(cancel, request.deadline))

    def repeat(
        self,
        saved: Run | StrPath,
        inputs: Mapping[str, Any] | None,
        *,
        to: StrPath | None,
        deadline: float | None,
        via: str | None,
        cancel: Cancel | None,
    ) -> Run:
        """A saved run once more."""
        found, folder, stop = _saved(saved), folder_of(to), cancel_of(cancel, deadline)
        return self._drive(repeat(self._steps, found, inputs or {}, to=folder, via=via, deadline=deadline), stop)


class AsyncRunner:
    """Runs models for ``asyncio``.

    Args:
        steps: The client's.
        drive: Runs a flow.
    """

    def __init__(self, steps: Steps, drive: AsyncDrive) -> None:
        self._steps = steps
        self._drive = drive

    async def run(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> Run:
        """One run or training, from its inputs to its saved outputs."""
        stop = own_cancel(cancel, request.deadline)
        return await self._drive(run(self._steps.wiring, record, request, to=folder_of(to), via=via), stop)

    def stream(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> AsyncRunStream:
        """The same, told while it goes on."""
        wiring, drive, folder = self._steps.wiring, self._drive, folder_of(to)

        def start(told: Told, stop: Cancel) -> Awaitable[Run]:
            return drive(run(wiring, record, request, told=told, to=folder, via=via), stop)

        return AsyncRunStream(start, own_cancel(cancel, request.deadline))

    async def repeat(
        self,
        saved: Run | StrPath,
        inputs: Mapping[str, Any] | None,
        *,
        to: StrPath | None,
        deadline: float | None,
        via: str | None,
        cancel: Cancel | None,
    ) -> Run:
        """A saved run once more."""
        found, folder, stop = _saved(saved), folder_of(to), own_cancel(cancel, deadline)
        flow = repeat(self._steps, found, inputs or {}, to=folder, via=via, deadline=deadline)
        return await self._drive(flow, stop)


def _saved(saved: Run | StrPath) -> Run:
    from zooclient.records.run import Run

    return read_run(saved if isinstance(saved, Run) else Path(saved))
