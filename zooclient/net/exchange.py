"""A conversation with a server, as a generator without colour.

A provider's operation yields a :class:`Request` (or a tuple of them, sent together) and is sent the
:class:`Response` (or the tuple of them); what fails is thrown into it. It opens no socket, so the same
text runs sync, async, and in a test that feeds it recorded answers. :mod:`zooclient.net.drivers` runs it
over a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import urljoin

from attrs import evolve, field, frozen

from zooclient.errors import ProtocolError
from zooclient.net.origin import masked, origin

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
        anonymous: Send no credential at all, whatever the origin is entitled to; so a mirror is asked.
        wait: Seconds that the server was asked to think before it answers, beyond those that any answer may take.
        secrets: Texts in the question, or to be expected in the answer, that no recording of them may hold.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    content: bytes | None = field(default=None, repr=False)
    max_bytes: int = 64 * 1024 * 1024
    token: str | None = field(default=None, repr=False)
    anonymous: bool = False
    wait: float = 0.0
    secrets: tuple[str, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class Response:
    """One answer, whole.

    Attributes:
        request: What was asked.
        status: HTTP status.
        headers: Header names in lower case. A header that came more than once is joined by comma and blank.
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
                hint="A proxy or a login page may stand in between.",
            ) from error


@frozen(kw_only=True)
class Call:
    """Work that blocks, such as hashing a file: the driver runs it where it keeps nobody waiting.

    Attributes:
        run: What to call; the flow is sent what it returns, or has thrown into it what it raises.
    """

    run: Callable[[], Any]


class Stop(Protocol):
    """Whoever may have to stop, see :class:`~zooclient.net.cancel.Cancel`."""

    def check(self) -> None:
        """Raises Cancelled when it is time to stop."""
        ...


class _Never:
    def check(self) -> None:
        """Nobody wishes so."""


@frozen(kw_only=True)
class Means:
    """What a request to one address would be sent with.

    Attributes:
        token: The credential that the address is entitled to. None: none.
        environ: Environment that certificates, proxies and switches may be read from.
        proxy: Proxy for the address. None: none.
        stop: To be asked often.
    """

    token: str | None = field(default=None, repr=False)
    environ: Mapping[str, str] = field(factory=dict, repr=False, hash=False)
    proxy: str | None = field(default=None, repr=False)
    stop: Stop = field(factory=_Never, hash=False)


@frozen(kw_only=True)
class Entrusted:
    """Work that a zoo's own client does, which speaks to a server by itself: like a call, but with our means.

    Attributes:
        url: Address that the client is to speak to.
        run: What to call; it blocks, and obeys ``Means.stop``.
    """

    url: str
    run: Callable[[Means], Any]


@frozen(kw_only=True)
class Listen:
    """A request whose answer is handed on piece by piece as it comes: a stream of events, a file of any size.

    It is sent for the bytes as they are (``identity``), and on a connection of its own, so that a long answer keeps
    no other waiting. What fails after the first piece is raised and not repeated, because what was handed on cannot be
    taken back. The flow is sent the response, whose body means nothing; that of an answer which is no success is
    gathered as always.

    Attributes:
        request: What to ask. Its ``max_bytes`` bound the whole body.
        heard: Called with each piece of a success, in the driver's thread; True: that is enough. What it raises is
            thrown into the flow.
        silence: Seconds that may pass without a byte. None: as for any answer.
        seconds: Seconds that the whole answer may take. None: as long as it comes.
    """

    request: Request
    heard: Callable[[bytes], bool]
    silence: float | None = None
    seconds: float | None = None


@frozen(kw_only=True)
class Pause:
    """Nothing, for a while.

    Attributes:
        seconds: How long; a wish to stop ends it.
    """

    seconds: float


@frozen(kw_only=True)
class Parting:
    """What is to be said if the conversation is left before its end: at Ctrl-C, a wish to stop, a deadline.

    Holds from now on, in place of what was to be said before; the flow is sent None. A flow that ends by itself, well
    or with an error of its own, says nothing more.

    Attributes:
        leave: Makes the flow that says it. None: there is nothing to say any more.
        seconds: How long that may take at the most.
    """

    leave: Callable[[], Generator[Any, Any, Any]] | None
    seconds: float = 10.0


#: What a flow may yield, and what it is then sent.
Ask = Request | tuple[Request, ...] | Call | Entrusted | Listen | Pause | Parting
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
            raise ProtocolError(f"{masked(request.url)} redirects more than {MAX_HOPS} times.", url=masked(request.url))
        request = evolve(request, url=target)


def redirect_target(response: Response) -> str | None:
    """Returns the absolute URL that a 3xx answer points at; None when it is no redirect."""
    location = response.headers.get("location")
    if response.status not in REDIRECTS or not location:
        return None
    try:
        return urljoin(response.request.url, location)
    except ValueError:
        return location  # no URL at all; origin() refuses it


def resumed(flow: Flow[T], first: Ask) -> Flow[T]:
    """Returns a flow that asks ``first``, already taken out of ``flow``, and then goes on as ``flow``."""
    ask = first
    try:
        while True:
            try:
                answer = yield ask
            except GeneratorExit:
                flow.close()
                raise
            except BaseException as error:
                ask = flow.throw(error)  # a driver's error belongs to the flow that asked
            else:
                ask = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


def replay(flow: Flow[T], answer: Callable[[Request], Response]) -> T:
    """Runs a flow with ``answer`` in place of a network; for tests and recorded exchanges.

    What ``answer`` raises is thrown into the flow, as a driver throws what a network does.
    """
    try:
        ask = next(flow)
        while True:
            try:
                if isinstance(ask, Call):
                    reply = ask.run()
                elif isinstance(ask, Entrusted):
                    reply = ask.run(Means())
                elif isinstance(ask, Listen):
                    reply = answer(ask.request)
                    if reply.ok and reply.body:
                        ask.heard(reply.body)
                elif isinstance(ask, Pause | Parting):
                    reply = None
                elif isinstance(ask, tuple):
                    reply = tuple(answer(request) for request in ask)
                else:
                    reply = answer(ask)
            except Exception as error:
                ask = flow.throw(error)
            else:
                ask = flow.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()
