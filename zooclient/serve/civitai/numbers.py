"""Names as numbers: Civitai's ids are positive int4, and what a shelf has are texts."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable

#: Ids are int4 columns.
MOST = 2**31 - 1

_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)


def number_of(key: tuple[str, ...], attempt: int = 0) -> int:
    """Returns the number that belongs to a key: from 1 to :data:`MOST`, the same on every machine.

    Args:
        key: What is numbered.
        attempt: How many numbers of this key were taken already.
    """
    text = "\0".join((*key, str(attempt)))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) % MOST + 1


def parse_id(text: str) -> int | None:
    """Returns an id that stands in a path or a query; None when it is no positive int4."""
    number = int(text) if _DIGITS.fullmatch(text) else 0
    return number if 0 < number <= MOST else None


class Numbers:
    """One space of ids: a number for each key that was ever asked for, and back. Safe between threads.

    A number depends on its key alone, so it is the same after a restart; where two keys would share one, the second
    to come takes its next.

    Args:
        derive: Key and attempt to number.
    """

    def __init__(self, derive: Callable[[tuple[str, ...], int], int] = number_of) -> None:
        self._derive = derive
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, ...], int] = {}
        self._keys: dict[int, tuple[str, ...]] = {}

    def of(self, *key: str) -> int:
        """The number of a key."""
        with self._lock:
            known = self._numbers.get(key)
            attempt = 0
            while known is None:
                number = self._derive(key, attempt)
                if self._keys.setdefault(number, key) == key:
                    known = self._numbers[key] = number
                attempt += 1
            return known

    def key(self, number: int) -> tuple[str, ...] | None:
        """The key that has this number; None when none had it yet."""
        with self._lock:
            return self._keys.get(number)
