"""Which bytes of a file are here, which are on their way, and which to ask for next. Pure.

Positions count bytes from 0; a span is half open, ``[start, stop)``, where HTTP's own ranges
(RFC 9110 §14) include their last byte.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

_CONTENT_RANGE = re.compile(r"bytes +(?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.IGNORECASE)


@frozen(kw_only=True)
class ContentRange:
    """A ``Content-Range`` header (RFC 9110 §14.4).

    Attributes:
        start: First byte of the answer. None in a 416: no byte of what was asked exists.
        stop: One past the last byte. None likewise.
        size: Bytes of the whole file. None where the server does not say.
    """

    start: int | None
    stop: int | None
    size: int | None


def parse_content_range(text: str) -> ContentRange | None:
    """Reads the value of a ``Content-Range`` header; None when it makes no sense."""
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last, total = found.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return ContentRange(start=None, stop=None, size=size) if size is not None else None
    start, stop = int(first), int(last) + 1
    if stop <= start or (size is not None and stop > size):
        return None
    return ContentRange(start=start, stop=stop, size=size)


def range_header(start: int, stop: int | None) -> str:
    """Returns the value of a ``Range`` header for ``[start, stop)``; None: to the end."""
    return f"bytes={start}-{'' if stop is None else stop - 1}"


class Spans:
    """A set of byte positions, kept as disjoint spans in order."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in spans:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Adds ``[start, stop)``; touching and overlapping spans become one."""
        if stop <= start:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    @property
    def total(self) -> int:
        """Bytes in all spans."""
        return sum(self._stops) - sum(self._starts)

    @property
    def prefix(self) -> int:
        """Bytes from the beginning of the file without a gap."""
        return self._stops[0] if self._starts and self._starts[0] == 0 else 0

    @property
    def end(self) -> int:
        """One past the last byte of the set; 0 when it is empty."""
        return self._stops[-1] if self._stops else 0

    def gaps(self, size: int) -> Iterator[tuple[int, int]]:
        """Yields what is missing of ``[0, size)``, in order."""
        at = 0
        for start, stop in self:
            if start >= size:
                break
            if at < start:
                yield at, start
            at = stop
        if at < size:
            yield at, size


@define(eq=False)
class Lease:
    """A span that one connection is fetching.

    Attributes:
        start: Its first byte.
        stop: One past its last byte; another connection may move it down. None: to the unknown end of the file.
        at: The next byte to arrive.
        noted: Bytes before this one stand in the journal.
    """

    start: int
    stop: int | None
    at: int = field(init=False)
    noted: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.at = self.noted = self.start

    @property
    def left(self) -> int | None:
        """Bytes still to come. None: not known."""
        return None if self.stop is None else self.stop - self.at


class Ledger:
    """Hands out the missing spans of one file, each to one connection at a time. Not safe between threads.

    Args:
        size: Bytes of the file. None: not known yet; then a single lease covers all of it.
        done: What is here already.
    """

    def __init__(self, size: int | None, done: Spans | None = None) -> None:
        self.size = size
        self.done = done or Spans()
        self.leases: list[Lease] = []

    @property
    def complete(self) -> bool:
        """Whether every byte is here."""
        return self.size is not None and self.done.prefix >= self.size

    @property
    def free(self) -> int:
        """Bytes that nobody is fetching; 0 where the size is not known."""
        return 0 if self.size is None else sum(stop - start for start, stop in self._free(self.size))

    def take(self, piece: int) -> Lease | None:
        """Hands out the first missing span, ``piece`` bytes at the most; None when none is free."""
        if self.size is None:
            if self.leases:
                return None
            return self._lend(self.done.prefix, None)
        for start, stop in self._free(self.size):
            return self._lend(start, min(stop, start + piece))
        return None

    def split(self, least: int) -> Lease | None:
        """Takes the second half of the longest lease over, where each half keeps ``least`` bytes; else None."""
        known = [lease for lease in self.leases if lease.left is not None]
        longest = max(known, key=lambda lease: lease.left or 0, default=None)
        if longest is None or longest.left is None or longest.left < 2 * least or longest.stop is None:
            return None
        stop, middle = longest.stop, longest.at + (longest.left + 1) // 2
        longest.stop = middle
        return self._lend(middle, stop)

    def widen(self, lease: Lease) -> None:
        """Makes the only lease cover all that is behind it: the server sends the whole file whatever was asked."""
        lease.stop = self.size

    def learn(self, size: int) -> None:
        """Sets the size once the server has told it."""
        self.size = size
        for lease in self.leases:
            lease.stop = size if lease.stop is None else min(lease.stop, size)

    def advance(self, lease: Lease, count: int) -> int:
        """Records the arrival of ``count`` bytes; returns how many of them still belonged to the lease."""
        if lease.left is not None:
            count = min(count, lease.left)
        self.done.add(lease.at, lease.at + count)
        lease.at += count
        return count

    def release(self, lease: Lease) -> None:
        """Ends a lease; what has not arrived of it is free again."""
        self.leases.remove(lease)

    def _lend(self, start: int, stop: int | None) -> Lease:
        lease = Lease(start, stop)
        self.leases.append(lease)
        return lease

    def _free(self, size: int) -> Iterator[tuple[int, int]]:
        busy = Spans(self.done)
        for lease in self.leases:
            busy.add(lease.at, size if lease.stop is None else lease.stop)
        return busy.gaps(size)
