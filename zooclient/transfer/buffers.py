"""Memory that bytes pass through, used again and again: a new buffer costs the system more than a read."""

from __future__ import annotations

from collections import deque

#: Bytes of a buffer at the most.
BUFFER = 1024 * 1024

#: Buffers that are kept for later.
_KEPT = 16


class Buffers:
    """Lends buffers. Safe between threads; one that is never given back is simply gone.

    Args:
        size: Bytes of each.
    """

    def __init__(self, size: int = BUFFER) -> None:
        self._size = size
        self._spare: deque[memoryview] = deque(maxlen=_KEPT)

    def lend(self, most: int | None) -> memoryview:
        """Returns a buffer, a shorter one where ``most`` bytes are all that will come. None: not known."""
        if most is not None and most < self._size:
            return memoryview(bytearray(most))
        try:
            return self._spare.pop()
        except IndexError:
            return memoryview(bytearray(self._size))

    def give_back(self, buffer: memoryview) -> None:
        """Takes a buffer that nobody reads any more."""
        if len(buffer) == self._size:
            self._spare.append(buffer)
