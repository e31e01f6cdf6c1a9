"""Running the origins of a zoo: one for the Hub's protocol, one for the bytes of large files."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from attrs import frozen

from zooclient.errors import ConfigError
from zooclient.serve.accounts import Accounts
from zooclient.serve.asgi import App, Witness
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.huggingface import ByteOrigin, Hub, HubOptions
from zooclient.serve.shelf import Shelf
from zooclient.serve.signing import Signer

if TYPE_CHECKING:
    from uvicorn import Server

#: First part of every path that a signed link leads to.
_BYTES = "/xet-bridge-us/"


@frozen(kw_only=True)
class Bound:
    """What a server listens on.

    Attributes:
        url: Origin of the Hub's protocol, ``http://host:port``.
        byte_url: Origin of large files; the same as ``url`` with one origin.
    """

    url: str
    byte_url: str


class ZooServer:
    """A shelf on two ports, each with a thread and a loop of its own. A context manager.

    Args:
        shelf: What is served. Not closed here.
        host: Address or name to listen on.
        port: Port of the Hub's protocol. 0: a free one.
        byte_port: Port of large files. None: a free one.
        one_origin: Send large files from ``port`` too; ``byte_port`` is not used.
        accounts: Who may log in. None: nobody, and tokens that are sent are not looked at.
        options: How the Hub answers where a choice is left.
        witness: Is told of every exchange, and may change it.
        grace: Seconds that running answers get to finish when it stops. 0: they are cut.

    Raises:
        ConfigError: The address or a port cannot be had.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        byte_port: int | None = None,
        one_origin: bool = False,
        accounts: Accounts | None = None,
        options: HubOptions | None = None,
        witness: Witness | None = None,
        grace: float = 0.0,
    ) -> None:
        signer = Signer()
        self._host = host
        self._sockets = [_listen(host, port)]
        if not one_origin:
            try:
                self._sockets.append(_listen(host, byte_port or 0))
            except ConfigError:
                self._sockets[0].close()
                raise
        byte_at: int = self._sockets[-1].getsockname()[1]
        hub = Hub(
            shelf,
            accounts=accounts or Accounts(),
            signer=signer,
            byte_origin=lambda base: base if one_origin else _with_port(base, byte_at),
            options=options,
        )
        bytes_ = ByteOrigin(shelf, signer, repeat=one_origin)

        def both(question: Question) -> Answer:
            return bytes_.answer(question) if question.path.startswith(_BYTES) else hub.answer(question)

        apps = [App(both if one_origin else hub.answer, witness=witness)]
        if not one_origin:
            apps.append(App(bytes_.answer, origin="cdn", witness=witness))
        self._origins = [_Origin(app, listener, grace) for app, listener in zip(apps, self._sockets, strict=True)]

    @property
    def bound(self) -> Bound:
        """What it listens on."""
        urls = [_with_port(_base(self._host), listener.getsockname()[1]) for listener in self._sockets]
        return Bound(url=urls[0], byte_url=urls[-1])

    def start(self) -> Bound:
        """Starts serving and returns what it listens on."""
        bound = self.bound
        for origin in self._origins:
            origin.start()
        return bound

    def stop(self) -> None:
        """Stops serving; returns when both ports are closed. May be called again."""
        for origin in self._origins:
            origin.ask_to_stop()
        for origin in self._origins:
            origin.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    source: Shelf | str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    cdn_port: int | None = None,
    one_origin: bool = False,
    on_model: Callable[[str, int], None] | None = None,
    on_ready: Callable[[Bound], None] | None = None,
    options: HubOptions | None = None,
    stop: threading.Event | None = None,
    grace: float = 5.0,
) -> int | None:
    """Serves a folder of models, or another shelf, until Ctrl-C, SIGTERM or ``stop``.

    Called in the main thread it takes these signals for itself once it serves, and gives them back afterwards;
    elsewhere only ``stop`` ends it. A folder is hashed before the first client is answered.

    Args:
        source: A folder that holds ``owner/name/…``, or a shelf, which is not closed here.
        host: Address or name to listen on.
        port: Port of the Hub's protocol, for ``HF_ENDPOINT=http://host:port``. 0: a free one.
        cdn_port: Port of large files. None: a free one.
        one_origin: Send large files from ``port`` too.
        on_model: Called with id and number of files for each model of a folder once it is hashed.
        on_ready: Called once when both ports answer.
        options: How the Hub answers where a choice is left.
        stop: Ends it when set. None: only a signal does.
        grace: Seconds that running answers get to finish.

    Returns:
        The number of the signal that ended it; None when ``stop`` did.

    Raises:
        ConfigError: The address or a port cannot be had, or the folder is none or holds no model.
        StoreError: A file cannot be read.
    """
    if not isinstance(source, str | os.PathLike):
        server = ZooServer(
            source, host=host, port=port, byte_port=cdn_port, one_origin=one_origin, options=options, grace=grace
        )
        return _run(server, on_ready, stop or threading.Event())
    folder = FolderShelf(Path(source))
    try:
        server = ZooServer(
            folder, host=host, port=port, byte_port=cdn_port, one_origin=one_origin, options=options, grace=grace
        )
        try:
            folder.warm(on_model or (lambda name, files: None))
            if not folder.names():
                raise ConfigError(
                    f"{os.fspath(source)!r} holds no models.",
                    hint="A model is served from DIR/owner/name/, so that its id is owner/name.",
                )
            return _run(server, on_ready, stop or threading.Event())
        finally:
            server.stop()
    finally:
        folder.close()


def _run(server: ZooServer, on_ready: Callable[[Bound], None] | None, done: threading.Event) -> int | None:
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM) if main}
    try:
        bound = server.start()
        if on_ready is not None:
            on_ready(bound)
        # A handler may run while this very thread holds the lock of the event, so it sets nothing.
        while not caught and not done.wait(0.2):
            continue
    finally:
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    return caught[0] if caught else None


class _Origin:
    """One port: a uvicorn server with a loop in a thread."""

    def __init__(self, app: App, listener: socket.socket, grace: float) -> None:
        self._app = app
        self._listener = listener
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._server: Server | None = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zooclient-serve", daemon=True)

    def start(self) -> None:
        from zooclient.serve.uvicorn_server import make_server

        self._server = make_server(self._app, self._stop, self._grace)
        self._thread.start()
        self._running.wait()

    def ask_to_stop(self) -> None:
        if self._loop is not None and self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                # The loop has closed since: it has stopped.
                return

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._running.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running.set()
        if self._server is not None:
            await self._server.serve(sockets=[self._listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"{host!r} is not an address to listen on: {error}.") from error
    try:
        if os.name != "nt":
            # Elsewhere (Windows) the option would let two programs share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {port} at {host} cannot be had: {error.strerror or error}.",
            hint="Name another with --port or --cdn-port; 0 takes a free one.",
        ) from error
    return listener


def _base(host: str) -> str:
    shown = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # only shown
    return f"http://[{shown}]" if ":" in shown else f"http://{shown}"


def _with_port(base: str, port: int) -> str:
    parts = urlsplit(base)
    host = parts.hostname or "localhost"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
