"""A run that is told while it goes on: an iterator of its events, in either colour."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Self

from zooclient.net.cancel import Cancel
from zooclient.records.run import Run, RunEvent

Told = Callable[[RunEvent], None]

#: Seconds between two looks whether anything came, so that Ctrl-C is heard on every system.
_LOOK = 0.5
#: Seconds that a run which was given up may take to say so to its zoo.
_FAREWELL = 15.0


class RunStream(Iterator[RunEvent]):
    """The events of a run as they come; the run is under way from the start, whoever listens.

    At its end it raises what went wrong, if anything did. Closing it, dropping it and Ctrl-C give the run up, at the
    zoo too.

    Args:
        start: Does the work: told whom to tell, and what may stop it.
        cancel: The wish to stop it.
    """

    def __init__(self, start: Callable[[Told, Cancel], Run], cancel: Cancel) -> None:
        self._stop = cancel
        self._events: queue.SimpleQueue[RunEvent | None] = queue.SimpleQueue()
        self._outcome: list[Run | BaseException] = []
        self._over = False
        # A daemon: an interpreter that wants to end need not wait for a model.
        self._thread = threading.Thread(
            target=_work, args=(start, cancel, self._events, self._outcome), name="zooclient-run", daemon=True
        )
        self._thread.start()

    def __next__(self) -> RunEvent:
        if self._over:
            raise StopIteration
        try:
            event = self._next()
        except BaseException:  # Ctrl-C while waiting gives the run up at the zoo as well
            self.close()
            raise
        if event is not None:
            return event
        self._over = True
        self._ended()
        raise StopIteration

    def _next(self) -> RunEvent | None:
        while True:
            try:
                return self._events.get(timeout=_LOOK)
            except queue.Empty:
                continue

    def result(self, timeout: float | None = None) -> Run:
        """Waits for the whole run; events that nobody took are still there.

        Args:
            timeout: Seconds to wait. None: as long as it takes.

        Raises:
            TimeoutError: It is still under way; ask again, or close.
            ZooError: What ended it.
        """
        try:
            self._thread.join(timeout)
        except BaseException:  # as above
            self.close()
            raise
        if self._thread.is_alive():
            raise TimeoutError(f"The run is still under way after {timeout} seconds.")
        return self._ended()

    def _ended(self) -> Run:
        self._thread.join()
        outcome = self._outcome[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def close(self) -> None:
        """Gives the run up, unless it is over, and waits a moment until its zoo knows."""
        self._stop.cancel()
        self._over = True
        self._thread.join(_FAREWELL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._stop.cancel()


def _work(
    start: Callable[[Told, Cancel], Run],
    stop: Cancel,
    events: queue.SimpleQueue[RunEvent | None],
    outcome: list[Run | BaseException],
) -> None:
    """What the thread does; it knows nothing of the stream, which may be dropped meanwhile."""
    try:
        outcome.append(start(events.put, stop))
    except BaseException as error:
        outcome.append(error)
    finally:
        events.put(None)


class AsyncRunStream(AsyncIterator[RunEvent]):
    """As :class:`RunStream`, for ``asyncio``; the run begins when the first event is awaited, or the result.

    Args:
        start: Does the work: told whom to tell, and what may stop it.
        cancel: The wish to stop it.
    """

    def __init__(self, start: Callable[[Told, Cancel], Awaitable[Run]], cancel: Cancel) -> None:
        self._start = start
        self._stop = cancel
        self._events: asyncio.Queue[RunEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[Run] | None = None
        self._over = False

    def _under_way(self) -> asyncio.Task[Run]:
        if self._task is None:
            loop = asyncio.get_running_loop()

            def told(event: RunEvent | None) -> None:
                loop.call_soon_threadsafe(self._events.put_nowait, event)

            async def work() -> Run:
                try:
                    return await self._start(told, self._stop)
                finally:
                    told(None)

            self._task = asyncio.ensure_future(work())
        return self._task

    async def __anext__(self) -> RunEvent:
        if self._over:
            raise StopAsyncIteration
        task = self._under_way()
        try:
            event = await self._events.get()
        except BaseException:  # a task that is cancelled while waiting gives the run up at the zoo as well
            await self.aclose()
            raise
        if event is not None:
            return event
        self._over = True
        await task
        raise StopAsyncIteration

    async def result(self) -> Run:
        """Waits for the whole run.

        Raises:
            ZooError: What ended it.
        """
        return await self._under_way()

    async def aclose(self) -> None:
        """Gives the run up, unless it is over, and waits a moment until its zoo knows."""
        self._over = True
        self._stop.cancel()
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=_FAREWELL)
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.exception()  # seen: who gives a run up does not want to hear that it was

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
