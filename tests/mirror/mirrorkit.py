"""A mirror served by Python's own file server, which notes what it is asked and may be told to misbehave."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from zooclient import Client, Limits, Settings, ZooSettings
from zooclient.testing import LocalZoo

#: Bounds that a test can wait for.
IMPATIENT = Limits(retries=1, connect_retries=0, backoff_base=0.0, read_timeout=2.0, stall_timeout=2.0)

WEIGHTS = "model.safetensors"

#: What a server may do in place of answering; True: it did.
Prank = Callable[[SimpleHTTPRequestHandler], bool]


class Served:
    """A folder behind ``http.server``, which knows neither ranges nor kept connections.

    Args:
        folder: What is served.
        below: Path before its files, such as ``/mirror``.
        behind: Origin of a zoo to which everything else is passed on. None: there is none.
    """

    def __init__(self, folder: Path, *, below: str = "", behind: str | None = None) -> None:
        served = self
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.prank: Prank | None = None

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                served.asked.append((unquote(self.path), {name.lower(): text for name, text in self.headers.items()}))
                if served.prank is not None and served.prank(self):
                    return
                if behind is not None and not self.path.startswith(below):
                    _pass_on(self, behind)
                    return
                self.path = self.path.removeprefix(below)
                super().do_GET()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever hangs up in the middle is no failure of the test."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.origin + below

    @property
    def paths(self) -> list[str]:
        """What was asked for, percent-decoded."""
        return [path for path, _ in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _pass_on(handler: SimpleHTTPRequestHandler, zoo: str) -> None:
    parts = urlsplit(zoo)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port)
    line.request("GET", handler.path, headers={name: text for name, text in handler.headers.items() if name != "Host"})
    answer = line.getresponse()
    body = answer.read()
    handler.send_response(answer.status)
    for name, text in answer.getheaders():
        if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
            handler.send_header(name, text)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    line.close()


def status(code: int, *, of: str = "", location: str | None = None) -> Prank:
    """Answers with a status where the path holds ``of``."""

    def play(handler: SimpleHTTPRequestHandler) -> bool:
        if of not in handler.path:
            return False
        handler.send_response(code)
        if location is not None:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return play


def body(text: bytes, *, of: str = "", length: int | None = None) -> Prank:
    """Answers with another body where the path holds ``of``; ``length`` is told in place of the true one."""

    def play(handler: SimpleHTTPRequestHandler) -> bool:
        if of not in handler.path:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(text) if length is None else length))
        handler.end_headers()
        handler.wfile.write(text)
        return True

    return play


def flipped(of: str) -> Prank:
    """Answers with the last byte of a file changed where the path holds ``of``."""

    def play(handler: SimpleHTTPRequestHandler) -> bool:
        if of not in handler.path:
            return False
        true = Path(handler.translate_path(handler.path)).read_bytes()
        return body(true[:-1] + bytes([true[-1] ^ 1]))(handler)

    return play


def nobody() -> str:
    """Returns an address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def reader(zoo: LocalZoo, home: Path, mirror: str, policy: str | None = None, **options: Any) -> Client:
    """Returns a client with a home of its own that has one mirror."""
    named = ZooSettings(
        endpoint=options.pop("endpoint", zoo.endpoints["hf"]),
        mirrors=(mirror,),
        mirror_policy=policy,
        mirrors_trusted=options.pop("trusted", True),
        token=options.pop("token", None),
    )
    return Client(home=home, settings=Settings(zoos={"hf": named}, limits=IMPATIENT, **options))


def pin(zoo: LocalZoo, model: str = "org/tiny") -> str:
    """Returns the pinned reference of what a model is now."""
    return f"hf:{model}@{zoo.head(model)}"


def byte_requests(zoo: LocalZoo) -> list[str]:
    """What the zoo was asked for that is a file."""
    return [seen.path for seen in zoo.requests if seen.origin == "cdn" or "/resolve" in seen.path]


def only(folder: Path, pattern: str) -> Path:
    """Returns the one file below a folder that matches."""
    (found,) = folder.glob(pattern)
    return found


def edit(path: Path, **changes: Any) -> None:
    """Changes a JSON file of a mirror, as whoever keeps it may."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
