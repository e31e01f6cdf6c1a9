"""Running a model where it is hosted, whether its files are here or not. Who does it is handed over by the client."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from zooclient.errors import ConfigError, Unsupported

if TYPE_CHECKING:
    from zooclient.loading.streams import AsyncRunStream, RunStream
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref
    from zooclient.records.run import Run, RunRequest

StrPath = str | os.PathLike[str]


class Runner(Protocol):
    """Runs hosted models. Its answers are in its client's colour: a run, or an awaitable of one."""

    def run(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> Any:
        """One run or training, from its inputs to its saved outputs."""
        ...

    def stream(
        self, record: ModelRecord, request: RunRequest, *, to: StrPath | None, via: str | None, cancel: Cancel | None
    ) -> Any:
        """The same, told while it goes on."""
        ...


#: Makes a runner when one is needed.
Runners = Callable[[], Runner]


class Hosted:
    """What a model can do where it is hosted."""

    __slots__ = ()

    _runners: Runners | None

    @property
    @abstractmethod
    def record(self) -> ModelRecord:
        """What the zoo claims about it."""

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        task: str | None = None,
        served_by: str | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> Run:
        """Runs the model where its zoo hosts it, and saves what comes of it.

        The inputs are held to what the model says that it takes before anything is sent, and so before anything is
        billed. A file among them is a ``Path``, bytes, an open file, or an ``https:`` address. Ctrl-C, ``cancel`` and
        the deadline cancel the run at the zoo as well.

        Args:
            inputs: Name → value; the way to write a name that is no Python identifier, or is an argument of ours.
            to: Folder that gets the outputs and ``run.json``; nothing in it is overwritten. None: a folder of the run's
                own below the store's home, ``v1/runs/ZOO/ID``.
            task: What it is to do, where a model is hosted for several tasks. None: its own.
            served_by: Which of the hosts that a zoo works with. None: the zoo chooses.
            deadline: Seconds after which it is given up, here and at the zoo. None: the zoo's own bound.
            via: ``official`` runs it through the zoo's own client. None: as the settings say.
            cancel: Gives it up from another thread. None: nothing does.
            named: Further inputs by name.

        Returns:
            The run. Its ``output`` is what came, ``paths`` are its files, ``logs`` what the model wrote; ``problems``
            tell what is odd, such as another version that ran.

        Raises:
            ConfigError: Inputs do not fit, or a file is too large; names each.
            RunFailed: It ended ``failed``, ``canceled`` or ``aborted``; ``error.run`` is the record.
            Unsupported: Nobody hosts the model.
            AccessError: A login or a payment is needed; tells where.
            NetworkError: The zoo cannot be reached, or it is not known what became of the run; says what to do.
            Cancelled: The caller wished so.
        """
        request = request_of(inputs, named, task=task, served_by=served_by, deadline=deadline)
        run: Run = runner_of(self._runners).run(self.record, request, to=to, via=via, cancel=cancel)
        return run

    def stream(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        task: str | None = None,
        served_by: str | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> RunStream:
        """As :meth:`run`, and tells what comes while it comes.

        Returns:
            An iterator of events, which raises at its end what :meth:`run` would raise; ``result()`` is the run.
        """
        request = request_of(inputs, named, task=task, served_by=served_by, deadline=deadline)
        stream: RunStream = runner_of(self._runners).stream(self.record, request, to=to, via=via, cancel=cancel)
        return stream

    def train(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        destination: str | Ref,
        to: StrPath | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> Run:
        """Trains the model into a new version of another, and waits for it.

        Args:
            inputs: As for :meth:`run`.
            destination: The model that gets the version; it is there already, and the caller's own.
            to: As for :meth:`run`.
            deadline: As for :meth:`run`.
            via: As for :meth:`run`.
            cancel: As for :meth:`run`.
            named: As for :meth:`run`.

        Returns:
            The training; its ``output`` names the new version.

        Raises:
            ConfigError: The model cannot be trained, or inputs do not fit.
            ZooError: As for :meth:`run`.
        """
        request = request_of(inputs, named, deadline=deadline, destination=destination)
        run: Run = runner_of(self._runners).run(self.record, request, to=to, via=via, cancel=cancel)
        return run


class AsyncHosted:
    """As :class:`Hosted`, for ``asyncio``."""

    __slots__ = ()

    _runners: Runners | None

    @property
    @abstractmethod
    def record(self) -> ModelRecord:
        """What the zoo claims about it."""

    async def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        task: str | None = None,
        served_by: str | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> Run:
        """As :meth:`zooclient.Model.run`."""
        request = request_of(inputs, named, task=task, served_by=served_by, deadline=deadline)
        run: Run = await runner_of(self._runners).run(self.record, request, to=to, via=via, cancel=cancel)
        return run

    def stream(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        task: str | None = None,
        served_by: str | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> AsyncRunStream:
        """As :meth:`zooclient.Model.stream`."""
        request = request_of(inputs, named, task=task, served_by=served_by, deadline=deadline)
        stream: AsyncRunStream = runner_of(self._runners).stream(self.record, request, to=to, via=via, cancel=cancel)
        return stream

    async def train(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        destination: str | Ref,
        to: StrPath | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
        **named: Any,
    ) -> Run:
        """As :meth:`zooclient.Model.train`."""
        request = request_of(inputs, named, deadline=deadline, destination=destination)
        run: Run = await runner_of(self._runners).run(self.record, request, to=to, via=via, cancel=cancel)
        return run


def request_of(
    inputs: Mapping[str, Any] | None,
    named: Mapping[str, Any],
    *,
    task: str | None = None,
    served_by: str | None = None,
    deadline: float | None = None,
    destination: str | Ref | None = None,
) -> RunRequest:
    """Returns what is asked of a hosted model.

    Raises:
        ConfigError: An input is given twice.
        RefError: The destination cannot be read.
    """
    from zooclient.records.ref import Ref
    from zooclient.records.run import RunRequest

    twice = sorted(set(inputs or {}) & set(named))
    if twice:
        raise ConfigError(f"The input {twice[0]!r} is given twice.")
    aim = Ref.parse(destination) if isinstance(destination, str) else destination
    joined = {**(inputs or {}), **named}
    return RunRequest(inputs=joined, task=task, served_by=served_by, deadline=deadline, destination=aim)


def runner_of(runners: Runners | None) -> Runner:
    """Returns who runs a model.

    Raises:
        Unsupported: It was not opened by a client.
    """
    if runners is None:
        raise Unsupported(
            "This model was opened without a client, which would run it.", hint="client.open(ref) has one."
        )
    return runners()
