"""A conversation with a server, as a generator without colour.

A provider's operation yields a :class:`Request` (or a tuple of them, sent together) and is sent the
:class:`Response` (or the tuple of them). It opens no socket, so the same text runs sync, async, and in
a test that feeds it recorded answers. :mod:`zooclient.net.drivers` runs it over a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from attrs import field, frozen

from zooclient.errors import IntegrityError, ProtocolError

T = TypeVar("T")

#: Redirect statuses that a GET follows (RFC 9110 §15.4).
REDIRECTS = frozenset({301, 302, 303, 307, 308})

#: Hops at the most that a metadata request follows.
MAX_HOPS = 5


@frozen(kw_only=True)
class Request:
    """One question to a server.

    Attributes:
        method: HTTP method.
        url: Absolute URL. Credentials are never part of it; the driver asks for them by origin.
        headers: Further headers.
        content: Body. None: none.
        max_bytes: Bytes of the answer's body at the most; a larger one is a ``ProtocolError``.
        token: A credential to try instead of the stored one (``login`` checks a new token with it),
            sent as bearer token and to this URL only. None: what the origin is entitled to.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    content: bytes | None = None
    max_bytes: int = 64 * 1024 * 1024
    token: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Response:
    """One answer, whole.

    Attributes:
        request: What was asked.
        status: HTTP status.
        headers: Header names in lower case. A header that came more than once is joined by ``, ``.
        body: Decoded body.
    """

    request: Request
    status: int
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def text(self) -> str:
        """Returns the body as UTF-8, odd bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Returns the body as JSON values.

        Raises:
            ProtocolError: The body is not JSON, or nests too deeply to be read.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "no content type")
            raise ProtocolError(
                f"The answer of {masked(self.request.url)} is not JSON ({kind}, {len(self.body)} bytes).",
                url=masked(self.request.url),
                hint='A proxy or a login page may stand in between. via="official" asks through the zoo\'s own client.',
            ) from error


#: What a flow may yield, and what it is then sent.
Ask = Request | tuple[Request, ...]
Answer = Any
Flow = Generator[Ask, Answer, T]


def fetch(request: Request) -> Flow[Response]:
    """Sends one request and follows redirects within its origin, by hand.

    A redirect to another origin is an answer like any other: the caller sees the 3xx.

    Raises:
        ProtocolError: More than :data:`MAX_HOPS` redirects.
    """
    hops = 0
    while True:
        response: Response = yield request
        target = redirect_target(response)
        if target is None or origin(target) != origin(request.url):
            return response
        hops += 1
        if hops > MAX_HOPS:
            raise ProtocolError(
                f"{masked(request.url)} redirects more than {MAX_HOPS} times.", url=masked(request.url)
            )
        request = Request(
            url=target,
            method=request.method,
            headers=request.headers,
            content=request.content,
            max_bytes=request.max_bytes,
            token=request.token,
        )


def redirect_target(response: Response) -> str | None:
    """Returns the absolute URL that a 3xx answer points at; None when it is no redirect."""
    location = response.headers.get("location")
    if response.status not in REDIRECTS or not location:
        return None
    return urljoin(response.request.url, location)


def origin(url: str) -> str:
    """Returns ``scheme://host:port`` in lower case, the port always written.

    Raises:
        IntegrityError: The URL is not absolute http or https, or holds user info.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.username or parts.password:
        raise IntegrityError(f"A server named an address that is not plain http or https: {masked(url)!r}.")
    host = parts.hostname.lower()
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{port or (443 if scheme == 'https' else 80)}"


def masked(url: str) -> str:
    """Returns the URL fit for a log: no query, no fragment, no user info; these may be secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")


def replay(flow: Flow[T], answer: Callable[[Request], Response]) -> T:
    """Runs a flow with ``answer`` in place of a network; for tests and recorded exchanges."""
    try:
        ask = next(flow)
        while True:
            if isinstance(ask, tuple):
                ask = flow.send(tuple(answer(request) for request in ask))
            else:
                ask = flow.send(answer(ask))
    except StopIteration as stop:
        result: T = stop.value
        return result
