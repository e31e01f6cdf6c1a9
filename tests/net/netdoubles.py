"""Small real servers on loopback, and a clock that need not be waited for."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import trustme
from attrs import field, frozen

from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.conversation import Clock
from zooclient.net.drivers import Driver
from zooclient.net.exchange import Flow, Request, Response
from zooclient.net.proxy import Proxies
from zooclient.settings import Limits, Settings

FAST = Limits(retries=2, backoff_base=0.001, connect_timeout=5, read_timeout=5)


@frozen
class Asked:
    """What a server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@frozen
class Answer:
    """What a server answers; ``raw`` goes out as it is, in place of all else."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    raw: bytes | None = None


class Server:
    """An http server that answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Asked], Answer], context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                server.asked.append(asked)
                told = answer(asked)
                if told.raw is not None:
                    self.wfile.write(told.raw)
                    self.close_connection = True
                    return
                self.send_response(told.status)
                for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(told.body)

            do_GET = do_POST = do_HEAD = do_QUERY = serve  # noqa: N815

            def log_message(self, *args: object) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Tunnel:
    """A proxy: CONNECT, plain http in absolute form, or SOCKS5; every host leads to one port of this machine.

    Args:
        target: Port that it leads to.
        login: ``user:password`` that it wants. None: it lets everybody through.
    """

    def __init__(self, target: int, login: str | None = None) -> None:
        self.asked: list[str] = []
        self.seen = bytearray()
        tunnel = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                first = self.request.recv(1, socket.MSG_PEEK)
                with contextlib.suppress(OSError):
                    self.socks() if first == b"\x05" else self.http()

            def http(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = self.request.recv(65536)
                    if not piece:
                        return
                    head += piece
                tunnel.seen += head
                line, *rest = head.decode("latin-1").split("\r\n")
                method, address, _ = line.split(" ")
                tunnel.asked.append(f"{method} {address}")
                wanted = f"Basic {base64.b64encode((login or '').encode()).decode()}"
                given = [item.partition(":")[2].strip() for item in rest if item.lower().startswith("proxy-authoriz")]
                if login is not None and given != [wanted]:
                    self.request.sendall(
                        b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                        b"Proxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                    return
                if method == "CONNECT":
                    self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    self.pipe(b"")
                    return
                parts = urlsplit(address)
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                self.pipe(head.replace(address.encode(), path.encode(), 1))

            def socks(self) -> None:
                self.request.recv(64)
                self.request.sendall(b"\x05\x00")
                asked = self.request.recv(512)
                tunnel.asked.append(f"SOCKS {asked[5 : 5 + asked[4]].decode()}" if asked[3] == 3 else "SOCKS address")
                self.request.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                self.pipe(b"")

            def pipe(self, first: bytes) -> None:
                with socket.create_connection(("127.0.0.1", target)) as onward:
                    onward.sendall(first)
                    ends = {self.request: onward, onward: self.request}
                    while True:
                        ready, _, _ = select.select(list(ends), [], [], 10)
                        for end in ready:
                            piece = end.recv(65536)
                            tunnel.seen += piece
                            if not piece:
                                return
                            ends[end].sendall(piece)
                        if not ready:
                            return

        class Threading(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self._server = Threading(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Tunnel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class QuickClock(Clock):
    """A clock that passes only when somebody waits, and then at once; it notes each wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._time = 1000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._time

    def wall(self) -> float:
        return 1_700_000_000.0 + self._time

    def jitter(self) -> float:
        return 1.0

    def _pass(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self._time += seconds

    def sleep(self, seconds: float, cancel: Cancel | None) -> None:
        self._pass(seconds)
        if cancel is not None:
            cancel.check()

    async def asleep(self, seconds: float) -> None:
        self._pass(seconds)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Returns a server's TLS context with a certificate of an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def text(body: str, status: int = 200, **headers: str) -> Callable[[Asked], Answer]:
    """Returns an answer that is always the same."""
    return lambda asked: Answer(
        status, body.encode(), {name.replace("_", "-"): value for name, value in headers.items()}
    )


def one(url: str, **wishes: Any) -> Flow[Response]:
    """A flow of one request."""
    response: Response = yield Request(url=url, **wishes)
    return response


@contextlib.contextmanager
def driver(
    settings: Settings | None = None, *, auth: Auth | None = None, clock: Clock | None = None
) -> Iterator[Driver]:
    """A driver, closed at the end."""
    settings = settings or Settings(limits=FAST)
    made = Driver(settings, auth or Auth(), Proxies.of(settings), clock=clock)
    try:
        yield made
    finally:
        made.close()
