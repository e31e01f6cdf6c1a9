"""How fast a source gives a file, and when that is as good as nothing. Pure: told the time, and what has arrived."""

from __future__ import annotations

from collections import deque

#: A source that gives less than this part of its own best is far too slow. A share of the line falls by less when the
#: largest number of other connections joins in.
_PART = 20

#: Bytes a second that are never far too slow: a burst into an empty page cache would make any honest rate look small.
_ENOUGH = 1024 * 1024

#: Slices of the window in each of which the best is measured.
_SLICES = 10


class Pace:
    """The pace of one source.

    Args:
        window: Seconds over which it is looked at; as long as a source may give nothing at all.
        now: Any clock, seconds.
    """

    def __init__(self, window: float, now: float) -> None:
        self._window = window
        self._marks = deque([(now, 0)])
        self._total = 0
        self._best = 0.0
        #: When bytes last came; at first, when it began.
        self.last = now

    def arrived(self, now: float, count: int) -> None:
        """Counts bytes that have come."""
        self._total += count
        self.last = now
        since, before = self._marks[-1]
        if now - since < self._window / _SLICES:
            return
        self._best = max(self._best, (self._total - before) / (now - since))
        self._marks.append((now, self._total))

    def crawls(self, now: float) -> bool:
        """Whether it has been far too slow, against its own best, for a whole window."""
        while len(self._marks) > 1 and self._marks[1][0] <= now - self._window:
            self._marks.popleft()
        since, before = self._marks[0]
        if now - since < self._window:
            return False
        return (self._total - before) / (now - since) < min(self._best / _PART, _ENOUGH)
