"""Rate limits as the Hub states them: a budget of requests per client, kind and window."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

#: Seconds of a window.
WINDOW = 300


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

    def spend(self, client: str, kind: str) -> tuple[bool, dict[str, str]]:
        """Takes one request out of a budget. Returns whether it was there, and the headers that tell what is left."""
        limit = self._limits.get(kind, 1_000_000)
        now = self._clock()
        with self._lock:
            began, used = self._used.get((client, kind), (now, 0))
            if now - began >= WINDOW:
                began, used = now, 0
            used += 1
            self._used[client, kind] = (began, used)
        left = max(0, limit - used)
        seconds = max(1, math.ceil(began + WINDOW - now))
        return used <= limit, {
            "ratelimit": f'"{kind}";r={left};t={seconds}',
            "ratelimit-policy": f'"fixed window";"{kind}";q={limit};w={WINDOW}',
        }
