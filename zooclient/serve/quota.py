"""Rate limits: a budget of requests per client, kind and window."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from attrs import frozen

#: Seconds of a window.
WINDOW = 300


@frozen(kw_only=True)
class Spent:
    """What a request left of its budget.

    Attributes:
        granted: Whether the budget had room for it.
        limit: Requests of a window.
        left: Requests that may follow in this one.
        seconds: Until the next one begins.
    """

    granted: bool
    limit: int
    left: int
    seconds: int


class Quota:
    """Counts requests and says what is left.

    Args:
        limits: Requests per window for ``api``, ``resolvers`` and ``pages``; a kind that is not named is not
            limited in earnest, and a budget is stated that nobody uses up.
        clock: Seconds, rising.
    """

    def __init__(self, limits: Mapping[str, int] | None, clock: Callable[[], float]) -> None:
        self._limits = dict(limits or {})
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], tuple[float, int]] = {}

    def spend(self, client: str, kind: str) -> Spent:
        """Takes one request out of a budget."""
        limit = self._limits.get(kind, 1_000_000)
        now = self._clock()
        with self._lock:
            began, used = self._used.get((client, kind), (now, 0))
            if now - began >= WINDOW:
                began, used = now, 0
            used += 1
            self._used[client, kind] = (began, used)
        return Spent(
            granted=used <= limit,
            limit=limit,
            left=max(0, limit - used),
            seconds=max(1, math.ceil(began + WINDOW - now)),
        )
