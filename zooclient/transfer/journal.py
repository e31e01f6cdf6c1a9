"""The engine's notes on an unfinished file: lines that survive ``kill -9``. Pure.

One line per note: eight hex digits of the CRC-32 of the rest, a space, a JSON array, a line feed. The first
says whose bytes these are; the others are appended after the bytes that they speak of were written. Reading
stops at the first line that is torn or makes no sense, and what stands before it holds. ::

    ["zooclient-journal", 1, "sha256:…", 2147483648]     claim and size (null: not known)
    ["origin", "https://cdn.example:443", "\\"etag\\""]    validator of one origin (null: it gave none)
    ["have", 0, 4194304]                                 bytes [0, 4194304) are in the file

No address, no credential and no signed link is ever noted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from attrs import field, frozen

from zooclient.transfer.ranges import Spans

MAGIC = "zooclient-journal"
VERSION = 1

#: A longer journal is not read: a file of 500 GB noted every megabyte needs half of it.
MAX_BYTES = 64 * 1024 * 1024

#: Beyond what a file can hold; a larger number in a note is damage.
_MAX_POSITION = 1 << 62


@frozen(kw_only=True)
class Notes:
    """What a journal says.

    Attributes:
        claim: Whose bytes these are, as :func:`opening` was told.
        size: Bytes of the whole file. None: was not known.
        validators: Origin → entity tag that its answers carried; None: they carried none.
        have: Spans that were written.
        length: Bytes of the journal that hold; what follows must be cut off before a line is appended.
    """

    claim: str
    size: int | None
    validators: Mapping[str, str | None] = field(factory=dict)
    have: tuple[tuple[int, int], ...] = ()
    length: int = 0


def opening(claim: str, size: int | None) -> bytes:
    """Returns the first line of a journal."""
    return _line([MAGIC, VERSION, claim, size])


def origin_note(origin: str, validator: str | None) -> bytes:
    """Returns the line that remembers the validator of an origin's answers."""
    return _line(["origin", origin, validator])


def have_note(start: int, stop: int) -> bytes:
    """Returns the line that says that ``[start, stop)`` was written."""
    return _line(["have", start, stop])


def read(data: bytes) -> Notes | None:
    """Reads a journal; None when not even its first line can be used."""
    lines = data[:MAX_BYTES].split(b"\n")[:-1]  # what follows the last line feed is torn
    first = _values(lines[0]) if lines else None
    if first is None or len(first) != 4 or first[0] != MAGIC or first[1] != VERSION:
        return None
    claim, size = first[2], first[3]
    if not isinstance(claim, str) or not (size is None or _position(size)):
        return None
    validators: dict[str, str | None] = {}
    have = Spans()
    length = len(lines[0]) + 1
    for line in lines[1:]:
        match _values(line):
            case ["have", start, stop] if _position(start) and _position(stop) and start < stop <= _end(size):
                have.add(start, stop)
            case ["origin", str(origin), None | str() as validator]:
                validators[origin] = validator
            case _:
                break
        length += len(line) + 1
    return Notes(claim=claim, size=size, validators=validators, have=tuple(have), length=length)


def _line(values: list[Any]) -> bytes:
    text = json.dumps(values, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (crc32(text), text)


def _values(line: bytes) -> list[Any] | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % crc32(text):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _position(value: object) -> bool:
    return type(value) is int and 0 <= value < _MAX_POSITION


def _end(size: int | None) -> int:
    return _MAX_POSITION if size is None else size
