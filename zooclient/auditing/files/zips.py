"""The members of a zip: those that its directory lists, and those that only stand in it.

Readers differ in whom they believe, the directory at the end or the header before each member, and scanners were evaded
by names, flags, methods and sums that differ (CVE-2025-1944, CVE-2025-1945, CVE-2025-10156). So both are read, nothing
depends on flags and sums, and where the two differ that is told. The format: https://pkware.cachefly.net/webdocs/APPNOTE/APPNOTE-6.3.10.TXT.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from zooclient.auditing.files.source import Source

_TAIL = 65_557 + 20 + 56
_DIRECTORY = 8 << 20
_ALL = 0xFFFFFFFF


class Member(NamedTuple):
    """One member.

    Attributes:
        name: As the directory has it, or the header.
        start: Where its bytes begin.
        size: How many they are, packed.
        methods: How they may be packed, as numbers of the format: more than one where the two differ.
        locked: Whether it says that it is encrypted.
        wrong: What the two differ in; empty where they agree.
    """

    name: str
    start: int
    size: int
    methods: tuple[int, ...]
    locked: bool
    wrong: str


class _Listed(NamedTuple):
    name: bytes
    at: int
    size: int
    method: int
    flags: int


def end_of_directory(source: Source) -> bool:
    """Whether a zip ends here, whatever the source begins with."""
    return b"PK\x05\x06" in source.read(max(0, source.size - _TAIL), _TAIL)


def members(source: Source) -> Iterator[Member]:
    """Gives the members.

    Raises:
        ValueError: There is no directory that could be read, and no member either.
    """
    seen: set[int] = set()
    for one in _listed(source):
        header = source.read(one.at, 30)
        if one.at in seen:
            continue
        seen.add(one.at)
        if header[:4] != b"PK\x03\x04":
            yield Member(_text(one.name), one.at, 0, (), False, "its header is not where the directory says")
            continue
        flags, method, name, extra = _local(header)
        local_name = source.read(one.at + 30, name)
        wrong = ""
        if local_name.replace(b"\\", b"/") != one.name.replace(b"\\", b"/"):
            wrong = f"its header calls it {_text(local_name)[:100]!r}"
        elif method != one.method:
            wrong = "its header says that it is packed another way"
        elif (flags ^ one.flags) & 1:
            wrong = "they differ in whether it is encrypted"
        methods = tuple(dict.fromkeys((one.method, method)))
        locked = bool(flags & one.flags & 1)
        yield Member(_text(one.name), one.at + 30 + name + extra, one.size, methods, locked, wrong)
    listed = sorted(seen)
    at = 0
    while (header := source.read(at, 30))[:4] == b"PK\x03\x04" and len(header) == 30:
        flags, method, name, extra = _local(header)
        size = int.from_bytes(header[18:22], "little")
        start = at + 30 + name + extra
        if at not in seen:
            seen.add(at)
            reach = size if size and size != _ALL else source.size - start
            missing = "the directory does not list it"
            yield Member(_text(source.read(at + 30, name)), start, reach, (method,), False, missing)
        if size == 0 or size == _ALL:
            following = bisect_right(listed, at)
            if following == len(listed):
                break
            at = listed[following]
        else:
            at = start + size
    if not seen:
        raise ValueError("no member could be found")


def _local(header: bytes) -> tuple[int, int, int, int]:
    """Flags, method, bytes of the name and of the extra field."""
    numbers = [int.from_bytes(header[at : at + 2], "little") for at in (6, 8, 26, 28)]
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _listed(source: Source) -> Iterator[_Listed]:
    """What the directories list: every one whose end lies in the tail."""
    start = max(0, source.size - _TAIL)
    tail = source.read(start, _TAIL)
    at = tail.rfind(b"PK\x05\x06")
    tries = 0
    while at >= 0 and tries < 4:
        yield from _directory(source, tail, at, start)
        tries += 1
        at = tail.rfind(b"PK\x05\x06", 0, at)


def _directory(source: Source, tail: bytes, at: int, start: int) -> Iterator[_Listed]:
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    place = int.from_bytes(tail[at + 16 : at + 20], "little")
    end = start + at
    if (place == _ALL or size == _ALL) and tail[at - 20 : at - 16] == b"PK\x06\x07":
        far = source.read(int.from_bytes(tail[at - 12 : at - 4], "little"), 56)
        if far[:4] != b"PK\x06\x06":
            far = tail[max(0, at - 76) : at - 20]
        if far[:4] == b"PK\x06\x06":
            size, place = int.from_bytes(far[40:48], "little"), int.from_bytes(far[48:56], "little")
            end -= 76
    shift = 0
    if source.read(place, 4) != b"PK\x01\x02":
        shift = end - size - place  # something stands before the zip
    data = source.read(place + shift, min(size, _DIRECTORY))
    at = 0
    while data[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(data):
        name, extra, comment = (int.from_bytes(data[at + x : at + x + 2], "little") for x in (28, 30, 32))
        packed = int.from_bytes(data[at + 20 : at + 24], "little")
        unpacked = int.from_bytes(data[at + 24 : at + 28], "little")
        offset = int.from_bytes(data[at + 42 : at + 46], "little")
        more = data[at + 46 + name : at + 46 + name + extra]
        packed, offset = _wide(more, packed, unpacked, offset)
        yield _Listed(
            data[at + 46 : at + 46 + name],
            offset + shift,
            packed,
            int.from_bytes(data[at + 10 : at + 12], "little"),
            int.from_bytes(data[at + 8 : at + 10], "little"),
        )
        at += 46 + name + extra + comment


def _wide(extra: bytes, packed: int, unpacked: int, offset: int) -> tuple[int, int]:
    """Packed size and offset, from the extra field where they did not fit."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        if kind == 1:
            numbers = [int.from_bytes(extra[x : x + 8], "little") for x in range(at + 4, at + 4 + size, 8)]
            if unpacked == _ALL and numbers:
                numbers.pop(0)
            if packed == _ALL and numbers:
                packed = numbers.pop(0)
            if offset == _ALL and numbers:
                offset = numbers.pop(0)
            break
        at += 4 + size
    return packed, offset


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
