"""Bytes that are looked at: of a file, of a part of one, or of what was unpacked into memory."""

from __future__ import annotations

from io import FileIO
from typing import Protocol


class Source(Protocol):
    """Bytes that can be read at any place."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, at: int, count: int) -> bytes:
        """Returns bytes from a place on, fewer at the end."""


class FileSource:
    """An open file."""

    def __init__(self, file: FileIO, size: int) -> None:
        self._file = file
        self.size = size

    def read(self, at: int, count: int) -> bytes:
        """Returns bytes from a place on, fewer at the end."""
        if count <= 0 or at < 0 or at >= self.size:
            return b""
        self._file.seek(at)
        return self._file.read(count)


class Held:
    """Bytes in memory."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data
        self.size = len(data)

    def read(self, at: int, count: int) -> bytes:
        """Returns bytes from a place on, fewer at the end."""
        return bytes(self._data[at : at + count]) if at >= 0 and count > 0 else b""


class Window:
    """A part of a source, such as what an archive keeps as it is."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self._source = source
        self._start = start
        self.size = max(0, min(size, source.size - start))

    def read(self, at: int, count: int) -> bytes:
        """Returns bytes from a place on, fewer at the end."""
        return self._source.read(self._start + at, min(count, self.size - at)) if 0 <= at < self.size else b""


class Cursor:
    """Reads a source forward, in steps as small as a format has them, out of a buffer."""

    def __init__(self, source: Source, at: int = 0, *, buffer: int = 262_144) -> None:
        self._source = source
        self._buffer = b""
        self._start = at
        self._step = buffer
        self.at = at

    def take(self, count: int) -> bytes:
        """Returns exactly so many bytes.

        Raises:
            EOFError: There are fewer.
        """
        if count < 0 or self.at + count > self._source.size:
            raise EOFError
        offset = self.at - self._start
        if offset < 0 or offset + count > len(self._buffer):
            self._start, offset = self.at, 0
            self._buffer = self._source.read(self.at, max(count, self._step))
            if len(self._buffer) < count:
                raise EOFError
        self.at += count
        return self._buffer[offset : offset + count]

    def skip(self, count: int) -> None:
        """Leaves out bytes without reading them.

        Raises:
            EOFError: There are fewer.
        """
        if count < 0 or self.at + count > self._source.size:
            raise EOFError
        self.at += count
