"""A tar archive as it streams by: its members one after the other, and no more in memory than one header.

Read are the forms that image layers have (POSIX ustar and pax, GNU's long names and large numbers); see POSIX.1-2017,
``pax``, and GNU tar's manual, "Basic Tar Format". :mod:`tarfile` reads them too, and as much as a header asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from attrs import frozen

from zooclient.errors import IntegrityError

#: Returns as many bytes as it is asked for; fewer only at the end.
Read = Callable[[int], bytes]
Kind = Literal["file", "folder", "link", "device", "sparse", "other"]

BLOCK = 512
#: Bytes of a header that follows for a long name, at the most.
_LONG = 64 * 1024
#: Members at the most.
_MEMBERS = 1_000_000

_KINDS: Mapping[bytes, Kind] = {
    **dict.fromkeys((b"0", b"\0", b"7"), "file"),
    b"5": "folder",
    **dict.fromkeys((b"1", b"2"), "link"),
    **dict.fromkeys((b"3", b"4", b"6"), "device"),
    b"S": "sparse",
}


@frozen(kw_only=True)
class Member:
    """One member.

    Attributes:
        name: Its name, as it stands there.
        size: Bytes of its content.
        kind: What it is.
    """

    name: bytes
    size: int
    kind: Kind


class TarStream:
    """The members of an archive.

    Args:
        read: Gives its bytes.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        """Yields the members; what was not read of one is passed over.

        Raises:
            IntegrityError: It is no archive, or ends in the midst of one.
        """
        count = 0
        told: dict[str, bytes] = {}
        while (block := self._header()) is not None:
            count += 1
            if count > _MEMBERS:
                raise IntegrityError(f"An archive has more than {_MEMBERS} members, which no model needs.")
            kind, size = block[156:157], _number(block[124:136])
            if kind in (b"x", b"g", b"L", b"K"):
                further = self._further(size)
                if kind == b"L":
                    told["path"] = further.rstrip(b"\0")
                elif kind == b"x":
                    told |= _pax(further)
                continue
            if "size" in told:
                size = _decimal(told["size"])
            found: Kind = "sparse" if any(name.startswith("GNU.sparse") for name in told) else _KINDS.get(kind, "other")
            name = told.get("path", _name(block))
            if found == "file" and name.endswith(b"/"):
                found = "folder"
            told = {}
            # Links and folders have no content, whatever size stands there.
            size = 0 if found in ("folder", "link", "device") else size
            self._left, self._padding = size, -size % BLOCK
            yield Member(name=name, size=size, kind=found)
        if told:
            raise _torn()

    def content(self, most: int) -> bytes:
        """Returns the next bytes of the member at hand, ``most`` at the most; none at its end.

        Raises:
            IntegrityError: The archive ends in the midst of it.
        """
        wanted = min(most, self._left)
        got = self._exactly(wanted) if wanted else b""
        self._left -= len(got)
        return got

    def _header(self) -> bytes | None:
        """The next header; None at the end of the archive."""
        while self._left:
            self.content(1 << 20)
        if self._padding:
            self._exactly(self._padding)
            self._padding = 0
        block = self._read(BLOCK)
        if not block or block == bytes(BLOCK):
            return None  # two such blocks are due; one, or the bare end, is taken as well, as tar does
        if len(block) < BLOCK:
            raise _torn()
        stated = _number(block[148:156])
        summed = block[:148] + b" " * 8 + block[156:]
        if stated not in (sum(summed), sum(byte - 256 if byte > 127 else byte for byte in summed)):
            raise IntegrityError("What should be a tar archive has a header whose checksum is wrong.")
        return block

    def _further(self, size: int) -> bytes:
        if size > _LONG:
            raise IntegrityError(f"An archive has a header of {size} bytes, which no name needs.")
        content = self._exactly(size)
        self._exactly(-size % BLOCK)
        return content

    def _exactly(self, size: int) -> bytes:
        got = self._read(size) if size else b""
        if len(got) < size:
            raise _torn()
        return got


def _torn() -> IntegrityError:
    return IntegrityError("An archive ends in the midst of a member: it is cut, or lies about a size.")


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _number(field: bytes) -> int:
    """Octal digits, or GNU's binary form where the first bit is set."""
    if field[:1] and field[0] & 0x80:
        if field[0] != 0x80:
            raise IntegrityError("An archive has a member with a size below nothing.")
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if digits.strip(b"01234567"):
        raise IntegrityError("An archive has a header with a number that is none.")
    return int(digits, 8) if digits else 0


def _decimal(text: bytes) -> int:
    if not text or len(text) > 19 or text.strip(b"0123456789"):
        raise IntegrityError("An archive has a header with a size that is none.")
    return int(text)


def _pax(content: bytes) -> dict[str, bytes]:
    """The records ``LENGTH KEYWORD=VALUE\\n`` of a pax header that matter."""
    found: dict[str, bytes] = {}
    while content:
        digits, _, _ = content.partition(b" ")
        length = _decimal(digits)
        record, content = content[len(digits) + 1 : length], content[length:]
        keyword, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or length <= len(digits) + 1:
            raise IntegrityError("An archive has a pax header that cannot be read.")
        name = keyword.decode("ascii", "replace")
        if name in ("path", "size") or name.startswith("GNU.sparse"):
            found[name] = value[:-1]
    return found
