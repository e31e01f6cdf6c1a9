"""Predictions and trainings: each a thread that runs a Python callable, and what is known of how far it is.

A run is watched by several at once: whoever polls it, whoever waits for it to end, whoever reads its stream.
:class:`Run` holds what they see; its bell rings when that changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from zooclient.serve.live import Bell
from zooclient.serve.replicate.hosted import Course, Made
from zooclient.serve.replicate.naming import new_id, new_key

_log = logging.getLogger(__name__)

Status = Literal["starting", "processing", "succeeded", "failed", "canceled", "aborted"]
Kind = Literal["predictions", "trainings"]

#: Statuses after which nothing changes any more.
OVER: Final = frozenset({"succeeded", "failed", "canceled", "aborted"})


@frozen(kw_only=True)
class Kept:
    """A file that a run made, where it can be had.

    Attributes:
        key: What makes its URL hard to guess.
        made: The file.
    """

    key: str
    made: Made


@frozen(kw_only=True)
class Event:
    """Something that a stream tells.

    Attributes:
        kind: ``output`` or ``logs``.
        value: Text, a file, or what is told as JSON.
        moment: Unix time.
    """

    kind: Literal["output", "logs"]
    value: Any = field(hash=False)
    moment: float


@frozen(kw_only=True)
class State:
    """How far a run is.

    Attributes:
        status: In the API's words.
        output: What it put out so far, with :class:`Kept` for files. None: nothing.
        logs: What it logged so far.
        error: Why it failed. None: it has not.
        metrics: Name to number.
        started: Unix time. None: it has not.
        completed: The same for its end.
    """

    status: Status = "starting"
    output: Any = field(default=None, hash=False)
    logs: str = ""
    error: str | None = None
    metrics: Mapping[str, float] = field(factory=dict, hash=False)
    started: float | None = None
    completed: float | None = None

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in OVER


@frozen(kw_only=True)
class Order:
    """What somebody wants to be run.

    Attributes:
        kind: ``predictions`` or ``trainings``.
        owner: Name of the account that wants it.
        model: ``owner/name``.
        version: 64 hex, or ``hidden`` for a model that the zoo keeps itself.
        sent: Input as it was sent.
        input: The same with defaults, without what the model does not know.
        course: How it goes.
        iterates: Whether the output comes piece by piece.
        lifetime: Seconds from creation to its deadline. None: it has none.
    """

    kind: Kind = "predictions"
    owner: str
    model: str
    version: str
    sent: Mapping[str, Any] = field(hash=False)
    input: Mapping[str, Any] = field(hash=False)
    course: Course
    iterates: bool = False
    lifetime: float | None = None


class Work:
    """What a model that runs is given.

    Attributes:
        id: Of the prediction or training.
        model: ``owner/name``.
        version: 64 hex; ``hidden`` for a model that the zoo keeps itself.
        input: What was sent, with the defaults of what was not.
    """

    def __init__(self, run: Run, read: Callable[[str], bytes]) -> None:
        self._run = run
        self._read = read
        self.id = run.id
        self.model = run.order.model
        self.version = run.order.version
        self.input = run.order.input

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self._run.state.over

    def log(self, text: str) -> None:
        """Adds a line to the logs."""
        self._run.log(text)

    def count(self, name: str, value: float) -> None:
        """Tells a metric of its own, such as ``image_count``."""
        self._run.count(name, value)

    def read(self, name: str) -> bytes:
        """Returns the bytes of an input that is a file: one that was uploaded here, or a data URI.

        Raises:
            ValueError: It is neither; nothing is fetched from anywhere.
        """
        return self._read(str(self.input[name]))

    def wait(self, seconds: float) -> bool:
        """Waits, and returns whether the run was cancelled meanwhile."""
        return self._run.stopped.wait(seconds)


class Run:
    """One prediction or training.

    Args:
        order: What is to be run.
        clock: Unix time in seconds.
        keep: Called with each file that it makes.

    Attributes:
        id: 26 letters and digits.
        key: What makes the URL of its stream hard to guess.
        order: What is run.
        created: Unix time.
        bell: Rings when something changes.
        stopped: Set when it is over.
    """

    def __init__(self, order: Order, clock: Callable[[], float], keep: Callable[[Run, Kept], None]) -> None:
        self.id = new_id()
        self.key = new_key()
        self.order = order
        self.created = clock()
        self.bell = Bell()
        self.stopped = threading.Event()
        self._clock = clock
        self._keep = keep
        self._lock = threading.Lock()
        self._state = State()
        self._events: list[Event] = []
        self._files = 0

    @property
    def state(self) -> State:
        """How far it is."""
        with self._lock:
            return self._state

    @property
    def deadline(self) -> float | None:
        """Unix time by which it has to be over. None: there is none."""
        return None if self.order.lifetime is None else self.created + self.order.lifetime

    def events(self, start: int = 0) -> tuple[tuple[Event, ...], State]:
        """Returns what its stream tells from the event with this number on, and how far it is."""
        with self._lock:
            return tuple(self._events[start:]), self._state

    def start(self, work: Callable[[Work], Any], read: Callable[[str], bytes]) -> None:
        """Begins, in a thread of its own."""
        threading.Thread(
            target=self._go, args=(work, Work(self, read)), name=f"zooclient-run-{self.id}", daemon=True
        ).start()
        if self.order.lifetime is not None:
            timer = threading.Timer(self.order.lifetime, self.expire)
            timer.daemon = True
            timer.start()

    def log(self, text: str) -> None:
        """Adds a line to the logs, unless it is over."""
        self._change(lambda state: evolve(state, logs=f"{state.logs}{text}\n"), Event, kind="logs", value=f"{text}\n")

    def count(self, name: str, value: float) -> None:
        """Tells a metric."""
        self._change(lambda state: evolve(state, metrics={**state.metrics, name: value}))

    def cancel(self) -> None:
        """Ends it, unless it is over."""
        self._end("canceled")

    def expire(self) -> None:
        """Ends it because its deadline has come, unless it is over."""
        self._end("aborted" if self.state.started is None else "canceled")

    def _go(self, work: Callable[[Work], Any], job: Work) -> None:
        course = self.order.course
        if course.boot and self.stopped.wait(course.boot):
            return
        if course.ends == "aborted":
            self._end("aborted")
            return
        self._change(lambda state: evolve(state, status="processing", started=self._clock()))
        if course.ends == "never":
            self.stopped.wait()
            return
        try:
            self._put_out(work(job))
        except Exception as error:  # the model's own code: whatever it raises is what the prediction tells
            _log.debug("The run %s failed.", self.id, exc_info=True)
            self._end("failed", str(error) or type(error).__name__)
            return
        self._end(course.ends, course.error if course.ends == "failed" else None)

    def _put_out(self, result: Any) -> None:
        if isinstance(result, Iterator):
            for piece in result:
                self._add(piece)
                if self.stopped.is_set():
                    return
        elif self.order.iterates and isinstance(result, list | tuple):
            for piece in result:
                self._add(piece)
        elif self.order.iterates:
            self._add(result)
        else:
            kept = self._held(result)
            self._change(lambda state: evolve(state, output=kept))
            for value in kept if isinstance(kept, list) else [kept]:
                self._change(lambda state: state, Event, kind="output", value=value)

    def _add(self, piece: Any) -> None:
        kept = self._held(piece)
        change = partial(_with, piece=kept)
        self._change(change, Event, kind="output", value=kept)

    def _held(self, value: Any) -> Any:
        """A value with its files put where they can be had."""
        if isinstance(value, bytes):
            return self._held(Made(value, f"out-{self._files}.bin"))
        if isinstance(value, Made):
            kept = Kept(key=new_key(), made=value)
            self._files += 1
            self._keep(self, kept)
            return kept
        if isinstance(value, Mapping):
            return {str(name): self._held(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._held(item) for item in value]
        return value

    def _end(self, status: Status, error: str | None = None) -> None:
        now = self._clock()

        def ended(state: State) -> State:
            begun = state.started
            times = {} if begun is None else {"predict_time": round(now - begun, 6)}
            metrics = {**state.metrics, **times, "total_time": round(now - self.created, 6)}
            return evolve(state, status=status, error=error, metrics=metrics, completed=now)

        self._change(ended)

    def _change(self, change: Callable[[State], State], event: type[Event] | None = None, **told: Any) -> None:
        """Changes the state unless it is over, and tells an event of it where there is one."""
        with self._lock:
            if self._state.over:
                return
            self._state = change(self._state)
            if event is not None:
                self._events.append(event(moment=self._clock(), **told))
            over = self._state.over
        if over:
            self.stopped.set()
        self.bell.ring()


class Runs:
    """Every run of a server. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._streams: dict[str, Run] = {}
        self._files: dict[str, tuple[Run, Kept]] = {}

    def create(self, order: Order, clock: Callable[[], float] = time.time) -> Run:
        """Makes a run that has not begun."""
        run = Run(order, clock, self._keep)
        with self._lock:
            self._runs[run.id] = run
            self._streams[run.key] = run
        return run

    def get(self, name: str) -> Run | None:
        """The run with this id."""
        with self._lock:
            return self._runs.get(name)

    def all(self) -> tuple[Run, ...]:
        """Every run, the newest first."""
        with self._lock:
            return tuple(reversed(self._runs.values()))

    def stream(self, key: str) -> Run | None:
        """The run whose stream has this key in its URL."""
        with self._lock:
            return self._streams.get(key)

    def file(self, key: str) -> tuple[Run, Kept] | None:
        """The file with this key in its URL, and the run that made it."""
        with self._lock:
            return self._files.get(key)

    def _keep(self, run: Run, kept: Kept) -> None:
        with self._lock:
            self._files[kept.key] = (run, kept)


def _with(state: State, piece: Any) -> State:
    return evolve(state, output=[*(state.output or ()), piece])
