"""The way to one file's bytes at one source: located once, redirects walked by hand, a signed link renewed.

Addresses live here, in memory, and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from attrs import define, frozen

from zooclient.errors import AccessError, NetworkError, Offline, ProtocolError
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import REDIRECTS, Request, Response
from zooclient.net.origin import masked, origin
from zooclient.net.policy import PASSING_STATUSES
from zooclient.settings import Settings, is_loopback
from zooclient.transfer.failures import Passing, Refusal, status_error
from zooclient.transfer.item import Source
from zooclient.transfer.transport import Lines, Reply

#: Redirects that are followed for one answer.
MAX_HOPS = 10

#: Statuses by which byte servers say that a signed link has run out: S3 and CloudFront 403, Google 400, and 401, 404
#: or 410 elsewhere.
_EXPIRED = frozenset({400, 401, 403, 404, 410})

#: What a source's own headers may not say.
_OURS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "user-agent", "accept-encoding", "range", "if-range"}
)


class Manners:
    """Until when an origin asked to be left alone; shared by all files of a transfer."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def spare(self, place: str, seconds: float) -> None:
        """Asks nothing of an origin for some seconds."""
        with self._lock:
            self._until[place] = max(self._until.get(place, 0.0), self._clock() + seconds)

    def wait(self, place: str, cancel: Cancel) -> None:
        """Waits until an origin may be asked.

        Raises:
            Cancelled: While waiting.
        """
        with self._lock:
            seconds = self._until.get(place, 0.0) - self._clock()
        if seconds > 0:
            cancel.wait(seconds)


@frozen(kw_only=True)
class Tools:
    """What every way needs.

    Attributes:
        settings: Limits, and what is allowed.
        auth: Which credential goes where.
        lines: The connections.
        manners: Who asked to be spared.
        cancel: The wish to stop.
        agent: ``User-Agent``.
    """

    settings: Settings
    auth: Auth
    lines: Lines
    manners: Manners
    cancel: Cancel
    agent: str


@define(eq=False)
class Route:
    """Where the bytes were found to be.

    Attributes:
        url: Address of the bytes, perhaps signed.
        asked: Address that the source named.
        renewed: It was made because the one before was refused.
        gave: A byte has come from it.
    """

    url: str
    asked: str
    renewed: bool
    gave: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the bytes lie at another origin than the one asked."""
        return origin(self.url) != origin(self.asked)


class Way:
    """The way to one file at one source. Safe between threads.

    Args:
        source: Where the file is.
        tools: What is needed.
    """

    def __init__(self, source: Source, tools: Tools) -> None:
        self._source = source
        self._tools = tools
        self._lock = threading.Lock()
        self._route: Route | None = None
        #: What was asked last, for messages.
        self.place = "the source"

    def forget(self) -> None:
        """Makes the next request ask the source again where the bytes are."""
        self._route = None

    def open(self, headers: Callable[[str], Mapping[str, str]]) -> tuple[Reply, Route]:
        """Asks for bytes.

        Args:
            headers: Origin → headers that say which bytes.

        Returns:
            An answer with status 200, 206 or 416, and where it came from.

        Raises:
            Passing: An answer that may be another the next time.
            Refusal: An answer that will not.
            OSError: The connection failed.
            http.client.HTTPException: The answer is no HTTP.
        """
        while True:
            route = self._route
            if route is None:
                with self._lock:
                    if self._route is None:
                        return self._locate(headers, renewed=False)
                continue
            reply = self._get(route.url, headers, asked=route.asked)
            if reply.status not in REDIRECTS and not (route.foreign and reply.status in _EXPIRED):
                return self._bytes(reply, route), route
            response = _whole(reply)
            with self._lock:
                if self._route is route:
                    self._refuse_twice(route, response)
                    return self._locate(headers, renewed=True)

    def _locate(self, headers: Callable[[str], Mapping[str, str]], *, renewed: bool) -> tuple[Reply, Route]:
        """Walks from the source's address to the bytes, the lock being held."""
        self._route = None
        while True:
            request = self._source.locate()
            reply = self._walk(request, headers)
            route = Route(url=reply.url, asked=request.url, renewed=renewed)
            if not route.foreign or reply.status not in _EXPIRED:
                reply = self._bytes(reply, route)
                self._route = route
                return reply, route
            self._refuse_twice(route, _whole(reply))
            renewed = True

    def _walk(self, request: Request, headers: Callable[[str], Mapping[str, str]]) -> Reply:
        url = request.url
        for _ in range(MAX_HOPS + 1):
            reply = self._get(url, headers, asked=request.url, request=request)
            target = reply.target if reply.status in REDIRECTS else None
            if target is None:
                return reply
            reply.drain()
            url = target
        place = masked(request.url)
        raise Refusal(ProtocolError(f"{place} redirects more than {MAX_HOPS} times.", url=place))

    def _get(
        self,
        url: str,
        headers: Callable[[str], Mapping[str, str]],
        *,
        asked: str,
        request: Request | None = None,
    ) -> Reply:
        tools, place = self._tools, origin(url)
        self.place = url
        if tools.settings.offline:
            raise Refusal(
                Offline(
                    "A file is not in the store, and connections are switched off.",
                    url=masked(url),
                    hint="Get it once while online, or name a store that holds it in ZOOCLIENT_STORES.",
                )
            )
        if place.startswith("http://") and not (
            tools.settings.allow_plain_http or is_loopback(urlsplit(place).hostname or "")
        ):
            raise Refusal(
                NetworkError(
                    f"{masked(url)} would be asked without encryption.",
                    url=masked(url),
                    hint="ZOOCLIENT_ALLOW_PLAIN_HTTP=1 allows it.",
                )
            )
        tools.manners.wait(place, tools.cancel)
        tools.cancel.check()
        # A file is asked for as it is: a compressed answer has another length, and no ranges.
        sent = {"User-Agent": tools.agent, "Accept": "*/*", "Accept-Encoding": "identity", **headers(place)}
        if request is not None and place == origin(request.url):
            sent.update({name: value for name, value in request.headers.items() if name.lower() not in _OURS})
        token = request.token if request is not None and url == request.url else None
        sent.update(tools.auth.headers_for(url, token=token, anonymous=self._source.anonymous))
        return tools.lines.get(url, sent, asked=asked)

    def _bytes(self, reply: Reply, route: Route) -> Reply:
        """Returns the answer if it is one to read bytes from."""
        if reply.status in (200, 206, 416):
            coding = reply.headers.get("content-encoding", "identity").lower()
            if coding in ("", "identity"):
                return reply
            reply.close()
            place = masked(reply.url)
            raise Refusal(
                ProtocolError(
                    f"{place} sends the file compressed ({coding}), which was not asked for.",
                    url=place,
                    hint="A proxy in between may do that.",
                )
            )
        response = _whole(reply)
        own = origin(reply.url) == origin(route.asked)
        error = self._source.refused(response) if own and self._source.refused is not None else status_error(response)
        if reply.status in PASSING_STATUSES:
            raise Passing(error, status=reply.status, headers=reply.headers, place=origin(reply.url))
        raise Refusal(error)

    def _refuse_twice(self, route: Route, response: Response) -> None:
        """Gives up where a link that was only just renewed is refused as well."""
        if route.renewed and not route.gave:
            error = status_error(response)
            if isinstance(error, AccessError):
                error.hint = "The link to the bytes was renewed, and refused again. Is the clock of this machine right?"
            raise Refusal(error)


def _whole(reply: Reply) -> Response:
    """Reads the beginning of a body that is no file, and gives the connection back."""
    try:
        body = reply.text()
    finally:
        reply.close()
    return Response(request=Request(url=reply.url), status=reply.status, headers=reply.headers, body=body)
