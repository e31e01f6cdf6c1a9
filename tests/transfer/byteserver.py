"""A small real server of bytes, with switches for what can go wrong, and a sink that is a folder."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, evolve, field, frozen

from zooclient.errors import IntegrityError
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request
from zooclient.net.proxy import Proxies
from zooclient.records.model import FileEntry
from zooclient.records.receipt import Observed, Receipt
from zooclient.settings import Limits, Settings
from zooclient.transfer.engine import Engine, Item, Source
from zooclient.transfer.reporter import Reporter

KIB = 1024
MIB = 1024 * KIB

#: Small pieces, no waiting.
LIMITS = Limits(
    backoff_base=0.0, piece_size=256 * KIB, journal_step=64 * KIB, small_file=KIB, stall_timeout=5.0, read_timeout=5.0
)


@frozen(kw_only=True)
class Fault:
    """How one answer differs from what it should be.

    Attributes:
        status: Status in place of bytes.
        headers: Further headers.
        body: Body to go with ``status``.
        cut: Bytes of the body after which the connection is closed.
        flip: Position in the file of a byte that is sent wrong.
        content: Another content altogether.
        etag: Another entity tag; empty: none.
        whole: Send the whole file whatever range was asked for.
        untold: Send the range asked for, and say so, under status 200.
        chunked: Send the body without its length.
        shift: Send, and say so, another range than the one asked for.
        before: Called once the request is read.
        during: Called after each block of the body, with the bytes sent so far.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    cut: int | None = None
    flip: int | None = None
    content: bytes | None = None
    etag: str | None = None
    whole: bool = False
    untold: bool = False
    chunked: bool = False
    shift: int = 0
    before: Callable[[], object] | None = None
    during: Callable[[int], object] | None = None


@define
class Asked:
    """One request, as the server saw it."""

    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")

    def span(self, size: int) -> tuple[int, int]:
        """Positions asked for, of a file of ``size`` bytes."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.range or "")
        return (int(found[1]), int(found[2]) + 1) if found else (0, size)


class ByteServer:
    """Serves ``files`` on loopback; ``faults`` are used up one a request, ``always`` stays."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, block: int = 64 * KIB) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, deque[Fault]] = {}
        self.always: dict[str, Fault] = {}
        self.asked: list[Asked] = []
        self.block = block
        self.lock = threading.Lock()
        self._scheme = "https" if tls else "http"
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end()

    @property
    def origin(self) -> str:
        return f"{self._scheme}://localhost:{self._server.server_address[1]}"

    def serve(self, path: str, content: bytes, *faults: Fault, always: Fault | None = None) -> str:
        """Serves a file; returns its URL."""
        self.files[path] = content
        self.faults[path] = deque(faults)
        if always is not None:
            self.always[path] = always
        return self.origin + path

    def redirect(self, path: str, target: str, *faults: Fault, status: int = 302) -> str:
        """Sends whoever asks for ``path`` elsewhere."""
        return self.serve(path, b"", *faults, always=Fault(status=status, headers={"Location": target}, body=b"Found"))

    def requests(self, path: str) -> list[Asked]:
        with self.lock:
            return [asked for asked in self.asked if asked.path.partition("?")[0] == path]

    def sent(self, path: str) -> int:
        return sum(asked.sent for asked in self.requests(path))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end(self) -> None:
        for request in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(request, socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what these tests are about."""


def _handler(home: ByteServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked = Asked(path=self.path, headers={name.lower(): value for name, value in self.headers.items()})
            with home.lock:
                home.asked.append(asked)
                queue = home.faults.get(path)
                fault = queue.popleft() if queue else home.always.get(path, Fault())
            if fault.before is not None:
                fault.before()
            if fault.status is not None:
                self._plain(asked, fault.status, fault.headers, fault.body)
            elif path not in home.files:
                self._plain(asked, 404, {}, b"no such file")
            else:
                self._bytes(asked, home.files[path] if fault.content is None else fault.content, fault)

        def _plain(self, asked: Asked, status: int, headers: Mapping[str, str], body: bytes) -> None:
            asked.status = status
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _bytes(self, asked: Asked, content: bytes, fault: Fault) -> None:
            etag = f'"{hashlib.md5(content).hexdigest()}"' if fault.etag is None else fault.etag
            start, stop, partial = 0, len(content), False
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.range or "")
            if found and not fault.whole and asked.headers.get("if-range", etag) == etag:
                start, partial = int(found[1]) + fault.shift, True
                stop = min(int(found[2]) + 1, len(content)) if found[2] else len(content)
                if start >= len(content):
                    return self._plain(asked, 416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            asked.status = 206 if partial and not fault.untold else 200
            self.send_response(asked.status)
            if etag:
                self.send_header("ETag", etag)
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
            self.send_header(
                *(("Transfer-Encoding", "chunked") if fault.chunked else ("Content-Length", str(stop - start)))
            )
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.end_headers()
            return self._body(asked, bytearray(content[start:stop]), start, fault)

        def _body(self, asked: Asked, body: bytearray, start: int, fault: Fault) -> None:
            if fault.flip is not None and start <= fault.flip < start + len(body):
                body[fault.flip - start] ^= 1
            end = len(body) if fault.cut is None else min(fault.cut, len(body))
            for at in range(0, end, home.block):
                block = bytes(body[at : min(at + home.block, end)])
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if fault.chunked else block)
                asked.sent += len(block)
                if fault.during is not None:
                    fault.during(asked.sent)
            if fault.cut is not None and fault.cut < len(body):
                self.close_connection = True
            elif fault.chunked:
                self.wfile.write(b"0\r\n\r\n")

    return Handler


class FolderSlot:
    """A slot in a folder of its own."""

    def __init__(self, folder: Path, file: FileEntry) -> None:
        self.partial = folder / "partial"
        self.journal = folder / "journal"
        self._done = folder / "done"
        self._file = file

    def commit(self, observed: Observed) -> None:
        claim = self._file.digests.get("sha256")
        if hashlib.sha256(self.partial.read_bytes()).hexdigest() != observed.sha256 or claim not in (
            None,
            observed.sha256,
        ):
            self.clear()
            raise IntegrityError("the door was told something else than what lies there")
        self.journal.unlink(missing_ok=True)
        self.partial.replace(self._done)

    def clear(self) -> None:
        self.partial.unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)


class FolderSink:
    """A sink that is a folder: one folder below it for each file."""

    def __init__(self, folder: Path, slot: type[FolderSlot] = FolderSlot) -> None:
        self.folder = folder
        self._slot = slot

    def _place(self, file: FileEntry) -> Path:
        return self.folder / file.path.replace("/", "--")

    @contextmanager
    def ingest(self, file: FileEntry, *, owner: str, cancel: Cancel) -> Iterator[FolderSlot | Observed]:
        place = self._place(file)
        place.mkdir(parents=True, exist_ok=True)
        if (place / "done").exists():
            content = self.read(file)
            yield Observed(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        else:
            yield self._slot(place, file)

    def read(self, file: FileEntry) -> bytes:
        return (self._place(file) / "done").read_bytes()

    def has(self, file: FileEntry) -> bool:
        return (self._place(file) / "done").exists()

    def journal(self, file: FileEntry) -> Path:
        return self._place(file) / "journal"

    def partial(self, file: FileEntry) -> Path:
        return self._place(file) / "partial"


class Told(Reporter):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls: list[tuple[Any, ...]] = []
        self.arrived = 0
        self.on_advance: Callable[[int], None] = lambda arrived: None

    def planned(self, files: int, size: int) -> None:
        self.calls.append(("planned", files, size))

    def started(self, path: str, size: int | None, have: int) -> None:
        self.calls.append(("started", path, size, have))

    def advanced(self, path: str, count: int) -> None:
        with self.lock:
            self.arrived += count
            arrived = self.arrived
        self.on_advance(arrived)

    def finished(self, path: str) -> None:
        self.calls.append(("finished", path))

    def retried(self, path: str, reason: str, wait: float) -> None:
        self.calls.append(("retried", path, reason, wait))

    @property
    def retries(self) -> list[str]:
        return [call[2] for call in self.calls if call[0] == "retried"]


def entry(content: bytes, path: str = "model.bin", **changes: Any) -> FileEntry:
    """What a zoo would claim of a content."""
    claimed = FileEntry(path=path, size=len(content), digests={"sha256": hashlib.sha256(content).hexdigest()})
    return evolve(claimed, **changes)


def item(file: FileEntry, *urls: str, refused: Any = None) -> Item:
    """A file with a source for each URL, labelled a, b, …"""
    sources = tuple(
        Source(label=chr(ord("a") + number), locate=lambda url=url: Request(url=url), refused=refused)  # type: ignore[misc]
        for number, url in enumerate(urls)
    )
    return Item(file=file, sources=sources, owner="hf:org/tiny@0123")


def engine(
    *, connections: int = 1, limits: Limits = LIMITS, auth: Auth | None = None, environ: Mapping[str, str] | None = None
) -> Engine:
    """An engine for tests."""
    settings = Settings(environ=environ or {}, limits=limits)
    return Engine(settings=settings, auth=auth or Auth(), proxies=Proxies(environ or {}), max_connections=connections)


def bring(
    sink: FolderSink,
    *items: Item,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    **options: Any,
) -> tuple[Receipt, ...]:
    """Runs one transfer."""
    return engine(**options).transfer(items, sink, reporter=reporter, cancel=cancel or Cancel(60.0))
