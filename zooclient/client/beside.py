"""Flows side by side: as tasks of the caller's event loop, or for a caller without one in a loop of its own.

A thread that waits for a silent server cannot be made to stop; a task can. So the plain client too runs such flows as
tasks, in one thread that lives as long as they are wanted, however many there are. A single flow needs neither: it is
run where the caller stands.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from zooclient.net.drivers import Driver
from zooclient.net.exchange import Flow

K = TypeVar("K")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Seconds after which a waiting caller looks up: Windows lets nobody interrupt a wait before it ends.
_TICK = 0.5


class Landed(Protocol[T_co]):
    """A flow that has come to its end."""

    def result(self) -> T_co:
        """Returns what the flow returned, or raises what it raised."""
        ...


class Tasks(Generic[K, T]):
    """Flows under way in the running event loop. Who lets go of this ends them.

    Args:
        run: Runs one flow.
    """

    def __init__(self, run: Callable[[Flow[T]], Coroutine[Any, Any, T]]) -> None:
        self._run = run
        self._under_way: dict[asyncio.Task[T], K] = {}
        self._end = weakref.finalize(self, _let_go, self._under_way)

    def ask(self, key: K, flow: Flow[T]) -> None:
        """Begins a flow; ``key`` tells it from the others."""
        task = asyncio.get_running_loop().create_task(self._run(flow))
        task.add_done_callback(_looked_at)
        self._under_way[task] = key

    def ready(self) -> list[tuple[K, Landed[T]]]:
        """Returns the flows that have ended, in the order of asking, without waiting for any."""
        done = [task for task in self._under_way if task.done()]
        return [(self._under_way.pop(task), task) for task in done]

    async def wait(self) -> None:
        """Waits until a flow has ended."""
        await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Ends the flows that are under way, and waits until they have."""
        tasks = list(self._under_way)
        self._under_way.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Keeps asyncio from complaining of an error that nobody is left to hear."""
    if not task.cancelled():
        task.exception()


def _let_go(under_way: dict[asyncio.Task[Any], Any]) -> None:
    """Ends tasks that nobody waits for any longer; called wherever the collector runs."""
    for task in under_way:
        with suppress(RuntimeError):  # the loop has ended, and its tasks with it
            task.get_loop().call_soon_threadsafe(task.cancel)


class Beside(Generic[K, T]):
    """Flows under way in a thread of its own. Who lets go of this ends them, and the thread.

    Nothing is begun before the first flow. After a fork the child has no such thread: what was under way is
    :meth:`lost`, and the next flow begins another.

    Args:
        driver: Sends what the flows ask.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._begun: _Begun[K, T] | None = None

    def ask(self, key: K, flow: Flow[T]) -> None:
        """Begins a flow; ``key`` tells it from the others."""
        if self._begun is None:
            self._begun = _Begun(self._driver)
            weakref.finalize(self, self._begun.end)
        self._begun.ask(key, self._driver.arun(flow))

    def ready(self) -> list[tuple[K, Landed[T]]]:
        """Returns the flows that have ended, in that order, without waiting for any."""
        found: list[tuple[K, Landed[T]]] = []
        while self._begun is not None:
            try:
                found.append(self._begun.landed.get_nowait())
            except Empty:
                break
        return found

    def wait(self) -> tuple[K, Landed[T]]:
        """Waits until a flow has ended, and returns it."""
        if self._begun is None:
            raise RuntimeError("Nothing is under way.")
        return self._begun.wait()

    def lost(self) -> bool:
        """Whether what was under way belongs to another process, which has forked into this one; told once."""
        if self._begun is None or self._begun.process == os.getpid():
            return False
        _inherited.append(self._begun)
        self._begun = None
        return True

    def close(self) -> None:
        """Ends the flows that are under way, and waits until the thread has ended."""
        if self._begun is not None:
            self._begun.end()
            self._begun = None


class _Begun(Generic[K, T]):
    """A thread with an event loop in it."""

    def __init__(self, driver: Driver) -> None:
        self.process = os.getpid()
        self.landed: SimpleQueue[tuple[K, Landed[T]]] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        # A daemon: an interpreter that wants to end need not wait for a server.
        self._thread = threading.Thread(
            target=_serve, args=(self._loop, driver.aclose_here), name="zooclient-beside", daemon=True
        )
        self._thread.start()

    def ask(self, key: K, work: Coroutine[Any, Any, T]) -> None:
        landed = self.landed

        def note(done: Future[T]) -> None:
            landed.put((key, done))

        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(note)

    def wait(self) -> tuple[K, Landed[T]]:
        while True:
            with suppress(Empty):
                return self.landed.get(timeout=_TICK)
            if not self._thread.is_alive():
                raise RuntimeError("The thread that was to wait for an answer has ended.")

    def end(self) -> None:
        if self.process != os.getpid() or not self._thread.is_alive():
            return
        with suppress(RuntimeError):  # it ends at this moment
            self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not threading.current_thread():  # the collector runs where it likes
            self._thread.join()


#: Loops of a process that has forked into this one: to close them would be felt there.
_inherited: list[_Begun[Any, Any]] = []


def _serve(loop: asyncio.AbstractEventLoop, leave: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_wind_up(leave))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _wind_up(leave: Callable[[], Coroutine[Any, Any, None]]) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await leave()
    await asyncio.get_running_loop().shutdown_default_executor()


def together(driver: Callable[[], Driver], run: Callable[[Flow[T]], T], flows: Iterable[Flow[T]]) -> Sequence[T]:
    """Runs flows side by side to their ends, for a caller without an event loop.

    Args:
        driver: Gives what sends their questions; called where there are several flows.
        run: Runs a single one where the caller stands.
        flows: The flows.

    Returns:
        What each returns, in their order. What one raises is raised, and the others are ended.
    """
    waiting = list(flows)
    if len(waiting) < 2:
        return [run(flow) for flow in waiting]
    beside: Beside[int, T] = Beside(driver())
    try:
        for number, flow in enumerate(waiting):
            beside.ask(number, flow)
        landed = dict(beside.wait() for _ in waiting)
        return [landed[number].result() for number in range(len(waiting))]
    finally:
        beside.close()
