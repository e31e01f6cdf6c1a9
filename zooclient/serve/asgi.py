"""Answers on a socket: the ASGI application that runs a handler and sends what it said.

Handlers block (they stat and hash files), so each runs in a thread. Bodies from files are read in large blocks, one
ahead of the socket.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, MutableMapping
from contextlib import aclosing
from io import FileIO
from typing import Any

from attrs import evolve

from zooclient.serve.exchange import Answer, Intake, Live, Question, Span
from zooclient.serve.receiving import receive_to

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Handler = Callable[[Question], Answer]

#: Bytes of a request's body at the most, where a zoo takes no more.
MAX_BODY = 4 * 1024 * 1024
#: Bytes read from a file and given to the socket at once.
BLOCK = 1024 * 1024
#: What a ``Host`` header may look like before absolute URLs are made from it.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
#: Sends a second at the most when a body is paced.
_BEATS = 20


class Witness:
    """Is told of every exchange. This one looks away."""

    def asked(self, question: Question, zoo: str, origin: str) -> Callable[[int, int], None]:
        """Called when a request came; what it returns is called with the status, and bytes as they are sent."""
        return lambda status, sent: None

    def refused(self, question: Question, zoo: str, origin: str) -> Answer | None:
        """Called before a question is answered; returns what is answered in its place, with nothing done."""
        return None

    def changed(self, question: Question, answer: Answer, zoo: str, origin: str, ask: Handler) -> Answer:
        """Called with the answer before it is sent; returns the one to send. ``ask`` puts another question."""
        return answer


class App:
    """An ASGI application around a handler.

    Args:
        handler: Question to answer; may block.
        zoo: Scheme of the zoo that the witness knows it by.
        origin: The same for its origin, ``hub`` or ``cdn``.
        methods: HTTP methods that are taken.
        witness: Is told of every exchange, and may change it.
        max_body: Bytes of a request's body at the most.
        intake: Called with a question whose body has not been read, says which file it goes to. None from it, or in
            its place: the body is held in memory.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        zoo: str = "hf",
        origin: str = "hub",
        methods: Collection[str] = ("GET", "HEAD", "POST"),
        max_body: int = MAX_BODY,
        witness: Witness | None = None,
        intake: Callable[[Question], Intake | None] | None = None,
    ) -> None:
        self._handler = handler
        self._intake = intake or _in_memory
        self._zoo = zoo
        self._origin = origin
        self._methods = methods
        self._max_body = max_body
        self._witness = witness or Witness()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request, as ASGI 3 has it."""
        if scope["type"] != "http":
            return
        try:
            await self._exchange(scope, receive, send)
        except asyncio.CancelledError:
            # The server is going down and has closed the connection; there is nobody left to tell.
            return

    async def _exchange(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        question = _question(scope)
        if question.method not in self._methods:
            await _body(receive, self._max_body)
            await _plain(send, 405, f"Only {', '.join(sorted(self._methods))} are served here.".encode())
            return
        intake = self._intake(question)
        if intake is None:
            body = await _body(receive, self._max_body)
            if body is None:
                await _plain(send, 413, b"The body of the request is too large.")
                return
            answer, tell = await self._ask(evolve(question, body=body))
        else:
            async with receive_to(intake, receive) as received:
                if received is None:
                    return
                answer, tell = await self._ask(evolve(question, received=received))
        await _deliver(answer, question.method, scope, receive, send, tell)

    async def _ask(self, question: Question) -> tuple[Answer, Callable[[int, int], None]]:
        tell = self._witness.asked(question, self._zoo, self._origin)
        answer = await asyncio.to_thread(self._answer, question)
        while answer.later is not None:
            answer = await asyncio.to_thread(self._changed, question, await answer.later.come())
        return answer, tell

    def _answer(self, question: Question) -> Answer:
        refusal = self._witness.refused(question, self._zoo, self._origin)
        return self._changed(question, self._handler(question)) if refusal is None else refusal

    def _changed(self, question: Question, answer: Answer) -> Answer:
        if answer.later is not None:
            return answer
        return self._witness.changed(question, answer, self._zoo, self._origin, self._handler)


async def _deliver(
    answer: Answer,
    method: str,
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    tell: Callable[[int, int], None],
) -> None:
    tell(answer.status, 0)
    if answer.delivery.delay:
        await asyncio.sleep(answer.delivery.delay)
    if answer.status == 0:
        await _hang_up(scope, receive)
        return
    headers = dict(answer.headers)
    if answer.status != 304 and not answer.live:
        headers.setdefault("content-length", str(answer.length + answer.delivery.pad))
    await send({"type": "http.response.start", "status": answer.status, "headers": _wire(headers)})
    if method == "HEAD" or answer.status == 304:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    promised = None if answer.live else int(headers["content-length"])
    sent = 0
    transport = scope.get("state", {}).get("transport")
    async with aclosing(_paced(answer)) as blocks:
        async for block in blocks:
            if transport is not None and transport.is_closing():
                return
            # Told before it is sent: whoever has the last byte finds it in the record.
            sent += len(block)
            tell(answer.status, len(block))
            await send({"type": "http.response.body", "body": block, "more_body": True})
    if sent in (answer.delivery.cut, answer.delivery.stall) if promised is None else sent < promised:
        await _hang_up(scope, receive)
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _paced(answer: Answer) -> AsyncGenerator[bytes, None]:
    """Yields the body as its delivery wants it; ends early where it is to be cut."""
    how = answer.delivery
    whole = answer.length + how.pad
    limit = min(whole, *(bound for bound in (how.cut, how.stall, whole) if bound is not None))
    step = BLOCK if how.pace is None else max(1, int(how.pace / _BEATS))
    position = 0
    async with aclosing(_blocks(answer)) as blocks:
        async for block in blocks:
            for start in range(0, len(block), step):
                piece = block[start : start + step][: limit - position]
                if piece:
                    yield piece
                    position += len(piece)
                    if how.pace is not None:
                        await asyncio.sleep(len(piece) / how.pace)
            if position >= limit:
                break
    if how.stall is not None and how.stall <= position < whole:
        await asyncio.sleep(how.stall_for)


async def _blocks(answer: Answer) -> AsyncGenerator[bytes, None]:
    """Yields the body with the byte turned that is to be wrong, and what is to follow it."""
    flip = answer.delivery.flip
    position = 0
    async with aclosing(_whole(answer.body)) as source:
        async for block in source:
            if flip is not None and position <= flip < position + len(block):
                turned = bytearray(block)
                turned[flip - position] ^= 1
                block = bytes(turned)
            position += len(block)
            yield block
    for start in range(0, answer.delivery.pad, BLOCK):
        yield bytes(min(BLOCK, answer.delivery.pad - start))


async def _whole(body: bytes | Span | Live) -> AsyncGenerator[bytes, None]:
    """Yields a body in blocks. Ends early where a file is no longer the one that was promised."""
    if isinstance(body, bytes):
        yield body
        return
    if not isinstance(body, Span):
        async with aclosing(body.blocks()) as blocks:
            async for block in blocks:
                yield block
        return
    file = _open(body)
    if file is None:
        return
    left = body.length
    ahead: asyncio.Task[bytes] | None = None
    try:
        while left:
            # One block is read while the one before it is sent.
            ahead = ahead or _read(file, left)
            block = await asyncio.shield(ahead)
            left -= len(block)
            ahead = _read(file, left) if block and left else None
            if not block:
                return
            yield block
    finally:
        try:
            if ahead is not None:
                # The thread that reads must be done with the file before it is closed.
                await asyncio.wait([ahead])
        finally:
            file.close()  # also when the loop is torn down, and nobody waits any longer


def _read(file: FileIO, left: int) -> asyncio.Task[bytes]:
    return asyncio.create_task(asyncio.to_thread(file.read, min(BLOCK, left)))


def _open(span: Span) -> FileIO | None:
    try:
        file = FileIO(span.place.path)
    except OSError:
        return None
    stat = os.fstat(file.fileno())
    if (stat.st_size, stat.st_mtime_ns, stat.st_ino) != span.place.stamp:
        file.close()
        return None
    file.seek(span.offset)
    return file


async def _hang_up(scope: MutableMapping[str, Any], receive: Receive) -> None:
    """Closes the connection after what was sent, and waits until it is closed.

    A server without a transport in its state closes by itself when an application returns early.
    """
    transport = scope.get("state", {}).get("transport")
    if transport is not None:
        transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _body(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _plain(send: Send, status: int, text: bytes) -> None:
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(text)), "connection": "close"}
    await send({"type": "http.response.start", "status": status, "headers": _wire(headers)})
    await send({"type": "http.response.body", "body": text, "more_body": False})


def _in_memory(question: Question) -> Intake | None:
    return None


def _question(scope: Mapping[str, Any]) -> Question:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    server = scope.get("server") or ("localhost", 80)
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = f"{server[0]}:{server[1]}"
    client = scope.get("client")
    question = Question(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        base=f"{scope['scheme']}://{host}",
        client=client[0] if client else "",
    )
    if not question.path.startswith("/"):
        # An absolute form, as a proxy is asked: the path alone matters here.
        return evolve(question, path="/" + question.path.partition("://")[2].partition("/")[2])
    return question


def _wire(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
