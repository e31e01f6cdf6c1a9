"""A question to a server and its answer, before and after HTTP: what the protocols are written in."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from attrs import field, frozen

from zooclient.errors import Cancelled, StoreError
from zooclient.serve.shelf import Place

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class Intake:
    """Where the body of a request goes that is not to be held in memory.

    Attributes:
        folder: A file of its own is made in it, and removed after the answer if it still lies there.
        most: Bytes that are kept. What a longer body has beyond them is read, counted and thrown away.
    """

    folder: Path
    most: int


@frozen(kw_only=True)
class Received:
    """A body that was written to a file while it came.

    Attributes:
        path: The file; whoever wants to keep it moves it away.
        size: Bytes that came, which are more than the file has where it was too long.
        sha256: 64 hex of all that came.
        md5: 32 hex of all that came.
    """

    path: Path
    size: int
    sha256: str
    md5: str


@frozen(kw_only=True)
class Question:
    """One request.

    Attributes:
        method: HTTP method.
        path: As sent, percent-encoded; begins with a slash.
        query: As sent, without the question mark.
        headers: Names in lower case.
        body: Whole body; empty where it was received.
        received: The body, where an intake was given for it. None: :attr:`body` is it.
        base: Origin that the client spoke to, ``http://host:port``, to make absolute URLs from.
        client: Address of the client; empty when not known.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    body: bytes = field(default=b"", repr=False)
    received: Received | None = None
    base: str = ""
    client: str = ""

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, each decoded by itself, so that ``%2F`` does not part anything."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))

    def values(self, name: str) -> list[str]:
        """Every value of a query parameter; ``name[]`` counts as ``name``."""
        return [value for key, value in parse_qsl(self.query, keep_blank_values=True) if key in (name, f"{name}[]")]

    def value(self, name: str) -> str | None:
        """Last value of a query parameter; None when it was not sent."""
        values = self.values(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes, in any of the ways that clients say it."""
        return (self.value(name) or "").lower() in ("true", "1", "yes")


@frozen(kw_only=True)
class Span:
    """A part of a file as a body.

    Attributes:
        place: The file.
        offset: First byte.
        length: Bytes.
    """

    place: Place
    offset: int
    length: int


class Live(Protocol):
    """A body that comes about while it is sent; nobody knows how long it will be."""

    def blocks(self) -> AsyncGenerator[bytes, None]:
        """Yields it in the loop of the server, as it comes."""
        ...


class Later(Protocol):
    """An answer that is not there yet."""

    async def come(self) -> Answer:
        """Returns it in the loop of the server, once it is there."""
        ...


@frozen(kw_only=True)
class Delivery:
    """How a body is sent, where it is not simply sent. Offsets count within this body.

    Attributes:
        delay: Seconds before anything is sent, the status included.
        cut: Bytes after which the connection is closed. None: never.
        stall: Bytes after which nothing more is sent, though the connection stays. None: never.
        stall_for: Seconds that a stall lasts.
        flip: Offset of a byte whose lowest bit is turned. None: none.
        pace: Bytes a second. None: as fast as it goes.
        pad: Bytes of zeros after the body.
    """

    delay: float = 0.0
    cut: int | None = None
    stall: int | None = None
    stall_for: float = 3600.0
    flip: int | None = None
    pace: float | None = None
    pad: int = 0


@frozen(kw_only=True)
class Answer:
    """One response.

    Attributes:
        status: HTTP status. 0: the connection is closed without one.
        headers: In order, names in lower case. ``content-length`` is added when sent, unless it is here or nobody
            knows it.
        body: Bytes, a part of a file, or what comes about while it is sent.
        model: Id of the repository that it is about. None: about none.
        file: Path within the repository that it is about. None: about none.
        delivery: How the body is sent.
        later: The answer is not there yet: this one comes in its place. None: it is this.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    body: bytes | Span | Live = field(default=b"", repr=False)
    model: str | None = None
    file: str | None = None
    delivery: Delivery = Delivery()
    later: Later | None = None

    @property
    def live(self) -> bool:
        """Whether the body comes about while it is sent."""
        return not isinstance(self.body, bytes | Span)

    @property
    def length(self) -> int:
        """Bytes of the body; of one that comes about while it is sent, more than there will be."""
        if isinstance(self.body, bytes):
            return len(self.body)
        return self.body.length if isinstance(self.body, Span) else sys.maxsize


class Refusal(Exception):
    """Not a failure: the answer to give instead."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def guarded(question: Question, route: Callable[[], Answer], unreadable: Answer) -> Answer:
    """Returns what is answered.

    Args:
        question: What was asked.
        route: Finds the answer; a refusal that it raises is one.
        unreadable: What the zoo says where the files of a model cannot be read.
    """
    try:
        return route()
    except Refusal as refusal:
        return refusal.answer
    except (StoreError, Cancelled, OSError):
        # The reason may name paths of this machine; it is for whoever runs it.
        _log.warning("%s could not be answered.", question.path, exc_info=True)
        return unreadable


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, **about: Any) -> Answer:
    """Returns an answer with a JSON body; ``about`` may name ``model`` and ``file``."""
    body = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(
        status=status,
        headers={"content-type": "application/json; charset=utf-8", **(headers or {})},
        body=body,
        **about,
    )


def text_answer(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **about: Any) -> Answer:
    """Returns an answer with a plain text body; ``about`` may name ``model`` and ``file``."""
    content = {"content-type": "text/plain; charset=utf-8", **(headers or {})}
    return Answer(status=status, headers=content, body=text.encode(), **about)


def plain(value: Any) -> Any:
    """Returns what an author's YAML held as JSON can say it: dates as text, NaN as null, every key a text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
