"""What threads change and loops wait for: the bell between a model that runs and those who watch it."""

from __future__ import annotations

import asyncio
import threading


class Bell:
    """Wakes loops when a thread says that something changed.

    Attributes:
        rung: How often it was rung.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self.rung = 0

    def ring(self) -> None:
        """Wakes everybody who waits."""
        with self._lock:
            self.rung += 1
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:
                # The loop has closed since: nobody is left in it to be woken.
                continue

    async def after(self, rung: int, seconds: float | None = None) -> bool:
        """Waits until it was rung more often than ``rung``; returns whether it was, within that time.

        Args:
            rung: What :attr:`rung` was before the caller looked at what may change.
            seconds: How long at the most. None: as long as it takes.
        """
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self.rung > rung:
                return True
            self._waiting.add(entry)
        try:
            await asyncio.wait_for(entry[1].wait(), seconds)
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiting.discard(entry)
        return True
