"""Connections for bytes: blocking, kept alive, through a proxy where one is set, and stoppable from outside.

``http.client`` speaks the protocol. It was measured beside urllib3 and pycurl on 2 GiB over TLS and takes no more
processor time than they do, when it reads into a buffer that is used again. The way to the server (proxies, TLS,
time limits, and a handle on the socket by which another thread can end a read) is our own.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import cast
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from zooclient.net.origin import origin
from zooclient.net.proxy import Proxies, socks_missing
from zooclient.transfer.failures import ProxyRefused

#: Seconds after which :meth:`Reply.fill` hands over what has come, full or not.
_PATIENCE = 0.25

#: Bytes of a body that nobody wants that are read to keep its connection; a longer one is cut off with it.
_DRAIN = 64 * 1024

#: Characters that stay as they are in a request target (RFC 3986); the rest is percent-encoded.
_SAFE = "%/:=&?~#+!$,;'@()*[]-._"


class Lines:
    """The connections of one transfer.

    Args:
        proxies: Which proxy for which URL.
        context: Makes the TLS context; asked once, when first needed.
        connect_timeout: Seconds to connect, TLS and proxy included, each step.
        read_timeout: Seconds without a byte before the head of an answer.
        stall_timeout: Seconds without a byte within a body.
    """

    def __init__(
        self,
        *,
        proxies: Proxies,
        context: Callable[[], ssl.SSLContext],
        connect_timeout: float,
        read_timeout: float,
        stall_timeout: float,
    ) -> None:
        self._proxies = proxies
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout
        self.stall_timeout = stall_timeout
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str | None], list[Line]] = {}
        self._live: set[Line] = set()
        self.aborted = False

    def get(self, url: str, headers: Mapping[str, str], *, asked: str | None = None) -> Reply:
        """Asks for ``url`` and returns once the head of the answer is here.

        Args:
            url: Absolute URL.
            headers: All that is to be sent, besides the host.
            asked: The URL whose redirects led here. None: none did.

        Raises:
            OSError: The connection failed.
            http.client.HTTPException: The answer is no HTTP.
        """
        key = (origin(url), self._proxies.for_url(url, asked=asked))
        while True:
            line = self._kept(key)
            kept = line is not None
            if line is None:
                line = Line(self, *key)
                with self._lock:
                    self._live.add(line)
            try:
                return Reply(self, key, line, line.ask(url, headers), url)
            except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLEOFError):
                self.drop(line)
                if not kept or self.aborted:
                    raise
                # The server closed a kept connection just as it was used again: a new one decides.
            except BaseException:
                self.drop(line)
                raise

    def context(self) -> ssl.SSLContext:
        """Returns the TLS context."""
        with self._lock:
            if self._context is None:
                self._context = self._make_context()
            return self._context

    def keep(self, key: tuple[str, str | None], line: Line) -> None:
        """Takes a connection back whose answer has been read to its end."""
        with self._lock:
            if not self.aborted:
                self._idle.setdefault(key, []).append(line)
                return
        self.drop(line)

    def drop(self, line: Line) -> None:
        """Closes a connection."""
        with self._lock:
            self._live.discard(line)
        line.end()

    def abort(self) -> None:
        """Ends every read and connect that is under way, in whichever thread; nothing works afterwards."""
        with self._lock:
            self.aborted = True
            lines = list(self._live)
        for line in lines:
            line.abort()

    def close(self) -> None:
        """Closes the kept connections."""
        self.abort()
        with self._lock:
            lines, self._live = list(self._live), set()
            self._idle.clear()
        for line in lines:
            line.end()

    def _kept(self, key: tuple[str, str | None]) -> Line | None:
        while True:
            with self._lock:
                lines = self._idle.get(key)
                line = lines.pop() if lines else None
            if line is None or not line.closed_by_server():
                return line
            self.drop(line)


class Line(http.client.HTTPConnection):
    """One connection to one origin.

    Args:
        lines: Whose time limits hold.
        place: Origin, ``scheme://host:port``.
        proxy: Proxy URL. None: directly.
    """

    def __init__(self, lines: Lines, place: str, proxy: str | None) -> None:
        parts = urlsplit(place)
        self._tls = parts.scheme == "https"
        self.default_port = 443 if self._tls else 80
        super().__init__(parts.hostname or "", parts.port)
        self._lines = lines
        self._proxy = urlsplit(proxy) if proxy else None
        self._handle: socket.socket | None = None
        self._aborted = False
        #: Reads from the socket of the answer at hand.
        self.recv_into: Callable[[memoryview], int] = _nothing

    def ask(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Sends a GET and reads the head of the answer."""
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
        extra = {}
        plain_proxy = self._proxy if not self._tls and not self._socks else None
        if plain_proxy is not None:
            target = f"http://{parts.netloc}{target}"
            extra = _proxy_authorization(plain_proxy.username, plain_proxy.password)
        if self.sock is not None:
            self.sock.settimeout(self._lines.read_timeout)
        self.putrequest("GET", target, skip_accept_encoding=True)
        for name, value in {**headers, **extra}.items():
            self.putheader(name, value)
        self.endheaders()
        sock: socket.socket = self.sock  # http.client lets go of it where the server closes after this answer
        response = self.getresponse()
        if response.status == 407 and plain_proxy is not None:  # from the proxy: no server may say so to us
            response.close()
            raise ProxyRefused(response.status)
        sock.settimeout(self._lines.stall_timeout)
        self.recv_into = sock.recv_into
        return response

    @property
    def _socks(self) -> bool:
        return self._proxy is not None and self._proxy.scheme.startswith("socks")

    def connect(self) -> None:
        """Opens the socket: through the proxy where there is one, then TLS where the origin wants it."""
        if self._proxy is None:
            sock = self._dial(self.host, self.port)
        elif self._socks:
            sock = self._dial_socks(self._proxy)
        else:
            sock = self._dial_proxy(self._proxy)
        if self._tls:
            sock = self._secure(sock, self.host)
        sock.settimeout(self._lines.read_timeout)
        self.sock = sock

    def closed_by_server(self) -> bool:
        """Whether an idle connection has something to read, which can only be its end."""
        sock = self.sock
        if sock is None or self._lines.aborted:
            return True
        try:
            if hasattr(select, "poll"):  # select() itself fails beyond 1024 descriptors
                poll = select.poll()
                poll.register(sock, select.POLLIN)
                return bool(poll.poll(0))
            return bool(select.select([sock], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def abort(self) -> None:
        """Ends what is under way on the connection, from another thread."""
        self._aborted = True
        handle = self._handle
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Closes the connection for good; ``http.client`` calls ``close`` while a last body is still to be read."""
        self.close()
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def _hold(self, sock: socket.socket) -> None:
        """Keeps a second handle on a socket, for :meth:`abort`.

        ``ssl.SSLSocket.shutdown`` would first forget the encryption, and a read under way in another thread could take
        ciphertext for content; besides, TLS takes the first handle over before its handshake is done.
        """
        if self._handle is not None:
            self._handle.close()
        self._handle = sock.dup()
        if self._lines.aborted or self._aborted:  # looked at afterwards, so that no wish falls between
            raise ConnectionAbortedError("stopped")

    def _dial(self, host: str, port: int) -> socket.socket:
        failure: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._hold(sock)
                sock.settimeout(self._lines.connect_timeout)
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                failure = error
                if self._aborted:
                    break
            else:
                return sock
        raise failure or OSError(f"the name {host} has no address")

    def _secure(self, sock: socket.socket, name: str) -> socket.socket:
        with _closed_on_error(sock):
            sock.settimeout(self._lines.connect_timeout)
            context = self._lines.context()
            if isinstance(sock, ssl.SSLSocket):  # to a proxy: the standard library cannot wrap it once more
                from urllib3.util.ssltransport import SSLTransport

                return cast("socket.socket", SSLTransport(sock, context, server_hostname=name))
            return context.wrap_socket(sock, server_hostname=name)

    def _dial_proxy(self, proxy: SplitResult) -> socket.socket:
        sock = self._dial(proxy.hostname or "", proxy.port or (443 if proxy.scheme == "https" else 80))
        if proxy.scheme == "https":
            sock = self._secure(sock, proxy.hostname or "")
        if self._tls:
            with _closed_on_error(sock):
                sock.settimeout(self._lines.connect_timeout)
                self._tunnel_through(sock, _proxy_authorization(proxy.username, proxy.password))
        return sock

    def _tunnel_through(self, sock: socket.socket, headers: Mapping[str, str]) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"CONNECT {host}:{self.port} HTTP/1.1", f"Host: {host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = http.client.HTTPResponse(sock, method="CONNECT")
        try:
            answer.begin()
            if answer.status != 200:
                raise ProxyRefused(answer.status)
        finally:
            answer.close()

    def _dial_socks(self, proxy: SplitResult) -> socket.socket:
        try:
            import socks  # type: ignore[import-untyped]  # PySocks carries no types
        except ImportError as error:
            raise socks_missing(proxy.geturl()) from error
        sock: socket.socket = socks.socksocket()
        with _closed_on_error(sock):
            self._hold(sock)
            sock.settimeout(self._lines.connect_timeout)
            sock.set_proxy(  # type: ignore[attr-defined]  # a method of socks.socksocket
                socks.SOCKS5,
                proxy.hostname,
                proxy.port or 1080,
                rdns=proxy.scheme == "socks5h",  # the proxy looks names up
                username=unquote(proxy.username) if proxy.username else None,
                password=unquote(proxy.password) if proxy.password else None,
            )
            sock.connect((self.host, self.port))
        return sock


@contextlib.contextmanager
def _closed_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


def _nothing(buffer: memoryview) -> int:
    """Reads the body of an answer that has none."""
    return 0


class Reply:
    """The answer to a GET: its head, and a body to be read once.

    Args:
        lines: Where the connection goes back to.
        key: Under what it is kept there.
        line: The connection.
        response: The head, as ``http.client`` read it.
        url: What was asked.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; a header that came more than once is joined by ``, ``.
        length: Bytes of the body. None: not told, it ends when it ends.
    """

    def __init__(
        self, lines: Lines, key: tuple[str, str | None], line: Line, response: http.client.HTTPResponse, url: str
    ) -> None:
        self._lines = lines
        self._key = key
        self._line: Line | None = line
        self._response = response
        self.url = url
        self.status = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.getheaders():
            name = name.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.length: int | None = None if response.chunked else response.length
        self._receive: Callable[[memoryview], int] = response.fp.readinto1 if response.fp is not None else _nothing
        self._direct = line.recv_into
        self._left = self.length
        self._ended = self._left == 0

    @property
    def target(self) -> str | None:
        """Absolute URL that a redirect points at; None when it names none."""
        location = self.headers.get("location")
        if not location:
            return None
        # http.client reads headers as Latin-1; servers write UTF-8.
        return urljoin(self.url, quote(location.encode("latin-1"), safe=_SAFE))

    def fill(self, buffer: memoryview) -> int:
        """Reads into ``buffer`` until it is full, the body ends, or a moment has passed.

        Returns:
            Bytes read; 0 at the end of the body.

        Raises:
            OSError: The connection failed, or nothing came for too long.
            http.client.HTTPException: The body is malformed, or was cut off.
        """
        if self._ended:
            return 0
        if self._response.chunked:
            count = self._response.readinto(buffer[:_DRAIN])
            self._ended = count == 0
            return count
        until = time.monotonic() + _PATIENCE
        receive, direct = self._receive, self._direct
        filled, wanted = 0, len(buffer) if self._left is None else min(len(buffer), self._left)
        while filled < wanted:
            count = receive(buffer[filled:wanted])
            if count == 0:
                break
            if receive is not direct and wanted - filled >= io.DEFAULT_BUFFER_SIZE:
                # A read of that size has emptied the buffer in which the head came. From here on the bytes are taken
                # from the socket itself: two layers less for each of TLS's records of 16 KiB.
                receive = self._receive = direct
            filled += count
            if time.monotonic() >= until:
                break
        if self._left is not None:
            self._left -= filled
            if filled == 0:
                raise http.client.IncompleteRead(b"", self._left)
        self._ended = self._left == 0 or filled == 0
        return filled

    def text(self, limit: int = _DRAIN) -> bytes:
        """Returns the beginning of the body, ``limit`` bytes at the most."""
        buffer = memoryview(bytearray(limit))
        filled = 0
        while filled < limit:
            count = self.fill(buffer[filled:])
            if count == 0:
                break
            filled += count
        return bytes(buffer[:filled])

    def drain(self) -> None:
        """Reads a short rest of the body that nobody wants, so that the connection can be kept, and closes."""
        if self.length is not None and self.length <= _DRAIN:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.text()
        self.close()

    def abort(self) -> None:
        """Ends a read that is under way in another thread."""
        line = self._line
        if line is not None:
            line.abort()

    def close(self) -> None:
        """Gives the connection back when the body was read to its end, and closes it otherwise."""
        line, self._line = self._line, None
        if line is None:
            return
        self._response.close()
        if self._ended and not self._response.will_close and self.length is not None:
            self._lines.keep(self._key, line)
        else:
            self._lines.drop(line)


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
