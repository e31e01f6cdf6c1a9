"""Running the origins of zoos: for each one for its protocol, and one for the bytes of large files."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from attrs import field, frozen

from zooclient.errors import ConfigError
from zooclient.serve.accounts import Accounts
from zooclient.serve.asgi import App, Application, Receive, Send, Witness
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.protocol import Options, Origins, Site
from zooclient.serve.protocols import zoo_of
from zooclient.serve.shelf import Shelf
from zooclient.serve.signing import Signer

if TYPE_CHECKING:
    from uvicorn import Server


@frozen(kw_only=True)
class Bound:
    """What a server listens on.

    Attributes:
        urls: Scheme to the zoo's own origin, ``http://host:port``, in the order in which they were named.
        byte_urls: Scheme to the origin of its large files; the same with one origin.
    """

    urls: Mapping[str, str] = field(hash=False)
    byte_urls: Mapping[str, str] = field(hash=False)

    @property
    def url(self) -> str:
        """Own origin of the first zoo."""
        return next(iter(self.urls.values()))

    @property
    def byte_url(self) -> str:
        """Origin of large files of the first zoo."""
        return next(iter(self.byte_urls.values()))


class ZooServer:
    """A shelf served by the protocols of one or several zoos, each on two ports of its own. A context manager.

    A path of one zoo could be one of another, so no two share a port. The own origins of all zoos share a thread and
    a loop, their byte origins another.

    Args:
        shelf: What is served. Not closed here.
        zoos: Schemes of the zoos.
        host: Address or name to listen on.
        port: Port of the first zoo; the others take the ports that follow. 0: free ones.
        byte_port: The same for large files. None: free ones.
        one_origin: Send large files from the zoo's own port too; ``byte_port`` is not used.
        accounts: Scheme to who may log in there. A zoo that is not named: nobody, and tokens that are sent are not
            looked at.
        options: How the zoos answer where a choice is left.
        witness: Is told of every exchange, and may change it.
        grace: Seconds that running answers get to finish when it stops. 0: they are cut.

    Raises:
        ConfigError: The address or a port cannot be had, or no zoo of that scheme is spoken for here.
        Unsupported: The shelf holds nothing that can be shown as a zoo's.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        zoos: Sequence[str] = ("hf",),
        host: str = "127.0.0.1",
        port: int = 0,
        byte_port: int | None = None,
        one_origin: bool = False,
        accounts: Mapping[str, Accounts] | None = None,
        options: Options | None = None,
        witness: Witness | None = None,
        grace: float = 0.0,
    ) -> None:
        chosen = list(dict.fromkeys(map(zoo_of, zoos)))
        shelves = [shelf.at(zoo.scheme) for zoo in chosen]
        self._host = host
        self._schemes = [zoo.scheme for zoo in chosen]
        self._hubs = _listen_all(host, port, len(chosen), [])
        self._cdns = self._hubs if one_origin else _listen_all(host, byte_port or 0, len(chosen), self._hubs)
        hubs: dict[int, Application] = {}
        cdns: dict[int, Application] = {}
        # One for all: what zoos share they find there.
        how = options or Options()
        self._depot = how.depot if options is None else None
        for zoo, shown, hub, cdn in zip(chosen, shelves, self._hubs, self._cdns, strict=True):
            site = Site(
                shelf=shown,
                accounts=(accounts or {}).get(zoo.scheme, Accounts()),
                signer=Signer(),
                byte_origin=_same if one_origin else partial(_with_port, port=_port(cdn)),
                one_origin=one_origin,
                options=how,
            )
            spoken = zoo.speak(site)
            app = partial(
                App,
                zoo=zoo.scheme,
                methods=zoo.methods if spoken.intake is None else zoo.methods | zoo.write_methods,
                max_body=zoo.max_body,
                witness=witness,
                intake=spoken.intake,
            )
            hubs[_port(hub)] = app(partial(_both, spoken, zoo.byte_path) if one_origin else spoken.hub)
            cdns[_port(cdn)] = app(spoken.cdn, origin="cdn")
        self._loops = [_Loop(hubs, self._hubs, grace)]
        if not one_origin:
            self._loops.append(_Loop(cdns, self._cdns, grace))

    @property
    def bound(self) -> Bound:
        """What it listens on."""
        base = _base(self._host)
        urls = [[_with_port(base, _port(listener)) for listener in group] for group in (self._hubs, self._cdns)]
        return Bound(
            urls=dict(zip(self._schemes, urls[0], strict=True)),
            byte_urls=dict(zip(self._schemes, urls[1], strict=True)),
        )

    def start(self) -> Bound:
        """Starts serving and returns what it listens on."""
        bound = self.bound
        for loop in self._loops:
            loop.start()
        return bound

    def stop(self) -> None:
        """Stops serving; returns when every port is closed. May be called again."""
        for loop in self._loops:
            loop.ask_to_stop()
        for loop in self._loops:
            loop.join()
        if self._depot is not None:
            self._depot.close()

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
    zoos: Sequence[str] = ("hf",),
    host: str = "127.0.0.1",
    port: int = 8000,
    cdn_port: int | None = None,
    one_origin: bool = False,
    on_model: Callable[[str, int], None] | None = None,
    on_ready: Callable[[Bound], None] | None = None,
    options: Options | None = None,
    stop: threading.Event | None = None,
    grace: float = 5.0,
) -> int | None:
    """Serves a folder of models, or another shelf, until Ctrl-C, SIGTERM or ``stop``.

    Called in the main thread it takes these signals for itself once it serves, and gives them back afterwards;
    elsewhere only ``stop`` ends it. A folder is hashed before the first client is answered.

    Args:
        source: A folder that holds ``owner/name/…``, or a shelf, which is not closed here.
        zoos: Schemes of the zoos whose protocols are spoken.
        host: Address or name to listen on.
        port: Port of the first zoo, for ``HF_ENDPOINT=http://host:port``; others take those that follow. 0: free ones.
        cdn_port: The same for large files. None: free ones.
        one_origin: Send large files from the zoo's own port too.
        on_model: Called with id and number of files for each model of a folder once it is hashed.
        on_ready: Called once when every port answers.
        options: How the zoos answer where a choice is left.
        stop: Ends it when set. None: only a signal does.
        grace: Seconds that running answers get to finish.

    Returns:
        The number of the signal that ended it; None when ``stop`` did.

    Raises:
        ConfigError: The address or a port cannot be had, the folder is none or holds no model, or no zoo of that
            scheme is spoken for here.
        Unsupported: The shelf holds nothing that can be shown as a zoo's.
        StoreError: A file cannot be read.
    """
    make = partial(
        ZooServer,
        zoos=zoos,
        host=host,
        port=port,
        byte_port=cdn_port,
        one_origin=one_origin,
        options=options,
        grace=grace,
    )
    if not isinstance(source, str | os.PathLike):
        return _run(make(source), on_ready, stop or threading.Event())
    folder = FolderShelf(Path(source))
    try:
        server = make(folder)
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


class _Loop:
    """Some ports, each with an application: a uvicorn server with a loop in a thread."""

    def __init__(self, apps: Mapping[int, Application], listeners: Sequence[socket.socket], grace: float) -> None:
        self._apps = apps
        self._listeners = listeners
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._server: Server | None = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zooclient-serve", daemon=True)

    def start(self) -> None:
        from zooclient.serve.uvicorn_server import make_server

        self._server = make_server(self._answer, self._stop, self._grace)
        self._thread.start()
        self._running.wait()

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)

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
        for listener in self._listeners:
            listener.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._running.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running.set()
        if self._server is not None:
            await self._server.serve(sockets=list(self._listeners))


def _same(base: str) -> str:
    # Whatever stands in front of it and speaks TLS, say, is kept.
    return base


def _both(spoken: Origins, byte_path: str, question: Question) -> Answer:
    return spoken.cdn(question) if question.path.startswith(byte_path) else spoken.hub(question)


def _listen_all(host: str, port: int, count: int, held: Sequence[socket.socket]) -> list[socket.socket]:
    """Returns listeners on this port and those that follow; closes them and ``held`` when one cannot be had."""
    listeners: list[socket.socket] = []
    try:
        while len(listeners) < count:
            listeners.append(_listen(host, port + len(listeners) if port else 0))
    except ConfigError:
        for listener in (*held, *listeners):
            listener.close()
        raise
    return listeners


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


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
