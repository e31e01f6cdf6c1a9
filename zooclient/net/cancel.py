"""Stopping what is under way, from another thread or at a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from weakref import WeakSet

from zooclient.errors import Cancelled

#: What is said of most of what is stopped. Whoever stops what is another matter, such as a run, says so itself.
CARRIED_ON = "What has arrived is kept; the next run goes on from there."


class Cancel:
    """A wish to stop, shared by whoever may express it and whoever must obey.

    Args:
        deadline: Seconds from now after which the wish holds by itself. None: never.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self._event = threading.Event()
        self._until = None if deadline is None else time.monotonic() + deadline
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        # Weak: one wish may be given to thousands of calls in turn, each of which makes a child of it.
        self._children: WeakSet[Cancel] = WeakSet()
        self._parent: Cancel | None = None

    def cancel(self) -> None:
        """Expresses the wish. May be called from any thread, and more than once."""
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
            children = list(self._children)
        for callback in callbacks:
            callback()
        for child in children:
            child.cancel()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` once when :meth:`cancel` is called; at once when it has been."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def child(self, deadline: float | None = None) -> Cancel:
        """Returns a wish of its own that holds as soon as this one does, and may hold sooner.

        Args:
            deadline: Seconds from now after which it holds in any case. None: when this one does.
        """
        left = self.remaining(float("inf") if deadline is None else deadline)
        made = Cancel(None if left == float("inf") else left)
        made._parent = self  # a child that is alive keeps the way up to it
        with self._lock:
            if not self._event.is_set():
                self._children.add(made)
                return made
        made.cancel()
        return made

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""
        return self._event.is_set() or (self._until is not None and time.monotonic() >= self._until)

    def remaining(self, bound: float) -> float:
        """Returns the seconds until the deadline, ``bound`` at the most."""
        if self._until is None:
            return bound
        return max(0.0, min(bound, self._until - time.monotonic()))

    def wait(self, seconds: float) -> None:
        """Waits, but not past a wish to stop.

        Raises:
            Cancelled: The wish came before the time was over.
        """
        self._event.wait(self.remaining(seconds))
        self.check()

    def check(self) -> None:
        """Raises Cancelled when it is time to stop."""
        if self._event.is_set():
            raise Cancelled("Cancelled.", hint=CARRIED_ON)
        if self.cancelled:
            raise Cancelled("The deadline has passed.", hint=f"{CARRIED_ON} A longer deadline may help.")
