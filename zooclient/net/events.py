"""Server-sent events out of bytes as they come, by the rules of the HTML standard (§9.2.6); pure.

A byte order mark is passed over, lines end with CR, LF or both, ``data`` lines are joined by LF, an event without data
is none, and what is left unfinished at the end is dropped. Comments, which the standard drops, are handed on: some
servers say with one why a stream is over.
"""

from __future__ import annotations

import re

from attrs import frozen

from zooclient.errors import ProtocolError

#: Bytes that one event may take.
MOST = 8 * 1024 * 1024

_BREAK = re.compile(rb"\r\n|\r|\n")


@frozen(kw_only=True)
class Event:
    """One event.

    Attributes:
        kind: Its name; ``message`` where it has none.
        data: Its text.
        id: What a stream may be taken up after. Empty: nothing was said of it so far.
    """

    kind: str
    data: str
    id: str = ""


@frozen(kw_only=True)
class Comment:
    """A line that is no part of any event.

    Attributes:
        text: What stands behind the colon.
    """

    text: str


class EventReader:
    """Reads one stream, in pieces that may be cut anywhere."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._begun = False
        self._size = 0
        self._kind = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, piece: bytes) -> list[Event | Comment]:
        """Returns what is complete with this piece.

        Raises:
            ProtocolError: An event is larger than :data:`MOST`.
        """
        self._rest += piece
        found: list[Event | Comment] = []
        for line in self._lines():
            if not self._begun:
                self._begun = True
                line = line.removeprefix(b"\xef\xbb\xbf")
            told = self._read(line.decode("utf-8", "replace")) if line else self._dispatched()
            if told is not None:
                found.append(told)
        if self._size + len(self._rest) > MOST:
            raise ProtocolError(f"A stream holds an event of more than {MOST} bytes.")
        return found

    def _lines(self) -> list[bytes]:
        """The whole lines; a CR at the end may be half of a break, and waits."""
        whole = bytes(self._rest)
        held = b"\r" if whole.endswith(b"\r") else b""
        *lines, rest = _BREAK.split(whole[: len(whole) - len(held)])
        self._rest = bytearray(rest + held)
        return lines

    def _read(self, line: str) -> Comment | None:
        self._size += len(line)
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if colon and not name:
            self._size -= len(line)
            return Comment(text=value)
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatched(self) -> Event | None:
        kind, data = self._kind, self._data
        self._kind, self._data, self._size = "", [], 0
        return Event(kind=kind or "message", data="\n".join(data), id=self._id) if data else None
