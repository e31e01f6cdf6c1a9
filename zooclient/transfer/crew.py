"""How many connections to use: one budget for all files, whose size is found out by trying.

On a link without delay a further connection costs time; where the server caps each connection it multiplies
the rate. Nobody can tell beforehand, so the budget starts small, grows in long steps (a short one is lost among the
bursts with which servers begin an answer), and goes back where a step brought nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from zooclient.net.cancel import Cancel

#: Seconds of a measurement, and the bytes that may end it; a slow link is measured until ``_LONGEST``.
_WINDOW = 0.15
_ENOUGH = 4 * 1024 * 1024
_LONGEST = 3.0

#: Seconds that new connections get to start before they are measured.
_SETTLE = 0.1

#: A budget of so many connections is a small one.
_FEW = 4

#: A step up multiplies the connections by this, and is worth keeping where the rate grows by that.
_STEP = 4
_WORTH = 1.2

#: Seconds until a size that was found good is doubted again; doubled each time, up to ``_HOLD_MOST``.
_HOLD = 1.5
_HOLD_MOST = 120.0


class Climb:
    """Finds the number of connections that the line is worth. Pure: told the time, and what has arrived.

    Args:
        start: Connections to begin with.
        most: Connections at the most.
    """

    def __init__(self, start: int, most: int) -> None:
        self.limit = min(start, most)
        self._most = most
        self._before: tuple[int, float] | None = None  # limit and rate before the trial that is under way
        self._hold = _HOLD
        self._since: float | None = None
        self._total = 0
        self._quiet_until: float | None = None

    def observe(self, now: float, total: int, active: int) -> bool:
        """Looks at the rate; returns whether :attr:`limit` has changed.

        Args:
            now: Any clock, seconds.
            total: Bytes that have arrived so far.
            active: Connections that are under way.
        """
        if self._quiet_until is None:
            self._quiet_until = now + _SETTLE
        if active < self.limit or now < self._quiet_until:
            self._since = None  # the rate would say nothing about the limit
            return False
        if self._since is None:
            self._since, self._total = now, total
            return False
        elapsed, count = now - self._since, total - self._total
        if elapsed < _WINDOW or (count < _ENOUGH and elapsed < _LONGEST):
            return False
        self._since = None
        return self._judge(now, count / elapsed)

    def back_off(self, now: float) -> None:
        """Halves the limit: the server asks to be spared."""
        self.limit = max(1, self.limit // 2)
        self._rest(now)

    def bound(self, most: int) -> None:
        """Never goes above this from now on."""
        self._most = min(self._most, most)
        self.limit = min(self.limit, self._most)

    def _judge(self, now: float, rate: float) -> bool:
        if self._before is not None:
            limit, earlier = self._before
            if rate < earlier * _WORTH:
                self.limit = min(limit, self._most)
                self._rest(now)
                return True
        self._before = None
        if self.limit >= self._most:
            return False
        self._before = (self.limit, rate)
        self.limit = min(_STEP * self.limit, self._most)
        self._quiet_until = now + _SETTLE
        return True

    def _rest(self, now: float) -> None:
        self._before = None
        self._since = None
        self._quiet_until = now + self._hold
        self._hold = min(2 * self._hold, _HOLD_MOST)


class Crew:
    """One budget of connections for all files.

    Args:
        most: Connections at the most.
        recruit: Called, from any thread and without a lock, when a connection has become free to help.
        clock: Seconds, monotonic.
    """

    def __init__(self, most: int, recruit: Callable[[], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        # A zoo that bears few connections is asked with one at first, for small files too.
        few = most <= _FEW
        self._climb = Climb(1 if few else 2, most)
        self._for_small = 1 if few else most // 2
        self._recruit = recruit
        self._clock = clock
        self._changed = threading.Condition()
        self._active = 0
        self._waiting = 0
        self._total = 0

    def join(self, cancel: Cancel, *, small: bool) -> None:
        """Waits for a connection for a file's main stream.

        Small files may use half of the budget from the start, where it is no small one.

        Raises:
            Cancelled: While waiting.
        """
        with self._changed:
            self._waiting += 1
            try:
                while self._active >= max(self._climb.limit, self._for_small if small else 1):
                    cancel.check()
                    self._changed.wait(cancel.remaining(1.0))
                cancel.check()
                self._active += 1
            finally:
                self._waiting -= 1

    def try_join(self) -> bool:
        """Takes a connection for a helper, if one is free and no other file waits for it."""
        with self._changed:
            if self._waiting or self._active >= self._climb.limit:
                return False
            self._active += 1
            return True

    def crowded(self) -> bool:
        """Whether a helper should go: the limit has sunk, or another file waits."""
        with self._changed:
            return self._active > self._climb.limit

    def leave(self) -> None:
        """Gives a connection back."""
        with self._changed:
            self._active -= 1
            self._changed.notify_all()
        self._recruit()

    def bound(self, most: int, cancel: Cancel) -> None:
        """Uses so many connections at the most from now on. The caller has one, and waits until it is among these.

        Raises:
            Cancelled: While waiting.
        """
        with self._changed:
            self.most = min(self.most, most)
            self._climb.bound(most)
            self._for_small = min(self._for_small, 1 if most <= _FEW else most // 2)
            self._active -= 1
            self._changed.notify_all()
            try:
                while self._active >= self.most:
                    cancel.check()
                    self._changed.wait(cancel.remaining(1.0))
            finally:
                self._active += 1

    def call(self) -> None:
        """Tells that a file has work for more than one connection."""
        self._recruit()

    def wake(self) -> None:
        """Lets those who wait look at their wish to stop."""
        with self._changed:
            self._changed.notify_all()

    def arrived(self, count: int) -> None:
        """Counts bytes, and looks whether the limit should change."""
        with self._changed:
            self._total += count
            if not self._climb.observe(self._clock(), self._total, self._active):
                return
            self._changed.notify_all()
        self._recruit()

    def back_off(self) -> None:
        """Uses fewer connections from now on."""
        with self._changed:
            self._climb.back_off(self._clock())
