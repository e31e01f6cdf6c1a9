"""What may stand between a client and a zoo: a server elsewhere, a proxy, an end of TLS. All on loopback."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_MARK = b"\r\n\r\n"


class Road:
    """A server whose connections are each handled in a thread. A context manager."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        road = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # Whoever hangs up in the middle, or does not believe our certificate, is no failure of the test.
                with suppress(OSError):
                    wrapped = context.wrap_socket(self.request, server_side=True) if context else self.request
                    with wrapped:
                        road.carry(wrapped)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def carry(self, client: socket.socket) -> None:
        """Handles one connection."""
        raise TypeError(f"{type(self).__name__} carries nothing.")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Elsewhere(Road):
    """A server that is no zoo: it notes the head of each request, and answers all with the same.

    Args:
        body: What it answers.
        head: Status line of the answer without the version, and perhaps lines of headers.
    """

    def __init__(self, body: bytes = b"", head: str = "200 OK") -> None:
        super().__init__()
        self.heads: list[str] = []
        self._body = body
        self._head = head

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def carry(self, client: socket.socket) -> None:
        """Answers one request and closes."""
        self.heads.append(_head(client).decode("latin-1"))
        lines = f"HTTP/1.1 {self._head}\r\nContent-Length: {len(self._body)}\r\nConnection: close\r\n\r\n"
        client.sendall(lines.encode() + self._body)


class Proxy(Road):
    """A proxy: CONNECT, and plain http in absolute form.

    Args:
        ways: ``host:port`` → port of this machine. A port that is not listed leads to the same one here.
        login: ``user:password`` that it wants. None: it lets everybody through.
    """

    def __init__(self, ways: Mapping[str, int], login: str | None = None) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._ways = ways
        self._wanted = None if login is None else f"basic {base64.b64encode(login.encode()).decode()}".lower()

    def carry(self, client: socket.socket) -> None:
        """Carries one tunnel, or one plain exchange."""
        first, *lines = _head(client).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if self._wanted is not None and headers.get("proxy-authorization", "").lower() != self._wanted:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = first.split(" ")
        self.asked.append(f"{method} {target.partition('?')[0]}")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        place = f"{parts.hostname}:{parts.port or 80}"
        with socket.create_connection(("127.0.0.1", self._ways.get(place, parts.port or 80))) as zoo:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                path = target.partition(parts.netloc)[2]
                kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
                zoo.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close\r\n\r\n"]).encode())
            _pump(client, zoo)


class Tls(Road):
    """The end of TLS before a zoo, which is told so, as a load balancer does.

    Args:
        context: With certificate and key.
        target: Port of the zoo.
    """

    def __init__(self, context: ssl.SSLContext, target: int) -> None:
        super().__init__(context)
        self._target = target

    def carry(self, client: socket.socket) -> None:
        """Carries one connection."""
        with socket.create_connection(("127.0.0.1", self._target)) as zoo:
            _pump(client, zoo, b"X-Forwarded-Proto: https")


def _head(client: socket.socket) -> bytes:
    """Returns the head of a request that has no body."""
    head = b""
    while not head.endswith(_MARK):
        piece = client.recv(65536)
        if not piece:
            raise ConnectionError
        head += piece
    return head


def _pump(client: socket.socket, zoo: socket.socket, header: bytes | None = None) -> None:
    """Carries bytes both ways until one side ends; ``header`` is added to each request, all of which lack a body."""
    ends: dict[Any, socket.socket] = {client: zoo, zoo: client}
    waiting = b""
    while True:
        ready = [client] if isinstance(client, ssl.SSLSocket) and client.pending() else select.select(ends, [], [])[0]
        for end in ready:
            piece = end.recv(65536)
            if not piece:
                return
            if end is client and header is not None:
                waiting += piece
                *heads, waiting = waiting.split(_MARK)
                piece = b"".join(head + b"\r\n" + header + _MARK for head in heads)
            ends[end].sendall(piece)
