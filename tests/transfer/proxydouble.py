"""Proxies on loopback that want a user and a password."""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

USER, PASSWORD = "user", "p@ss"


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carries bytes both ways until one side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = source.recv(65536)
                while data:
                    key.data.sendall(data)
                    data = source.recv(65536) if isinstance(source, ssl.SSLSocket) and source.pending() else b""
                    if not data:
                        break
                else:
                    return


def _head(sock: socket.socket) -> tuple[str, dict[str, str]]:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise ConnectionError
        data += byte
    first, *lines = data.decode("latin-1").strip().split("\r\n")
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _http(sock: socket.socket, seen: list[str]) -> None:
    while True:
        first, headers = _head(sock)
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("proxy-authorization") != expected:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        seen.append(first)
        method, target, _ = first.split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as out:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pump(sock, out)
            return
        parts = urlsplit(target)
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as out:
            path = target.partition(parts.netloc)[2]
            kept = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "proxy-authorization")
            out.sendall(f"{method} {path} HTTP/1.1\r\n{kept}Connection: close\r\n\r\n".encode("latin-1"))
            while data := out.recv(65536):
                sock.sendall(data)
        return


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _socks(sock: socket.socket, seen: list[str]) -> None:
    """SOCKS 5 with user and password (RFC 1928, RFC 1929)."""
    _exactly(sock, _exactly(sock, 2)[1])
    sock.sendall(b"\x05\x02")
    user = _exactly(sock, _exactly(sock, 2)[1])
    password = _exactly(sock, _exactly(sock, 1)[0])
    good = (user, password) == (USER.encode(), PASSWORD.encode())
    sock.sendall(b"\x01" + (b"\x00" if good else b"\x01"))
    if not good:
        return
    kind = _exactly(sock, 4)[3]
    host = socket.inet_ntoa(_exactly(sock, 4)) if kind == 1 else _exactly(sock, _exactly(sock, 1)[0]).decode()
    port = int.from_bytes(_exactly(sock, 2), "big")
    seen.append(host)
    with socket.create_connection((host, port)) as out:
        sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        _pump(sock, out)


@pytest.fixture
def run_proxy() -> Iterator[Callable[[str, trustme.CA], tuple[str, list[str]]]]:
    """Starts a proxy that wants a user and a password; returns its URL, and what it was asked."""
    with contextlib.ExitStack() as stack:

        def start(kind: str, authority: trustme.CA) -> tuple[str, list[str]]:
            seen: list[str] = []
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)

            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    sock: Any = self.request
                    with contextlib.suppress(OSError):
                        if kind == "https":
                            sock = context.wrap_socket(sock, server_side=True)
                        with sock:
                            (_socks if kind.startswith("socks") else _http)(sock, seen)

            class Server(socketserver.ThreadingTCPServer):
                daemon_threads = True
                block_on_close = False

            server = Server(("127.0.0.1", 0), Handler)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return f"{kind}://{USER}:p%40ss@localhost:{server.server_address[1]}", seen

        yield start
