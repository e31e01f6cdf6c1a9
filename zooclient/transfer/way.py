"""The way to one file's bytes at one source: located once, redirects walked by hand, a signed link renewed.

Addresses live here, in memory, and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from attrs import define, frozen

from zooclient.errors import AccessError, IntegrityError, NetworkError, Offline, ProtocolError
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import REDIRECTS, Request, Response
from zooclient.net.origin import masked, origin
from zooclient.net.policy import PASSING_STATUSES
from zooclient.net.reach import reach
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


_INSIDE = {"machine": "this machine", "network": "a private network"}


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
        foreign: The bytes lie elsewhere than at the source itself.
        renewed: It was made because the one before was refused.
        gave: A byte has come from it.
    """

    url: str
    asked: str
    foreign: bool
    renewed: bool
    gave: bool = False


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
        self._other: Request | None = None
        self._tried_other = source.otherwise is None
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
            request = self._other or self._source.locate()
            reply = self._walk(request, headers)
            route = Route(
                url=reply.url, asked=request.url, foreign=not self._owns(reply.url, request.url), renewed=renewed
            )
            if reply.status == 404 and not route.foreign and self._has_other():
                reply.drain()
                continue
            if not route.foreign or reply.status not in _EXPIRED:
                if route.foreign:
                    self._route = route  # who is only busy says nothing against the link: it is not asked for again
                reply = self._bytes(reply, route)
                self._route = route
                return reply, route
            self._refuse_twice(route, _whole(reply))
            renewed = True

    def _owns(self, url: str, asked: str) -> bool:
        """Whether an address is the source itself."""
        return origin(url) == origin(asked) or (self._source.owns is not None and self._source.owns(url))

    def _has_other(self) -> bool:
        """Turns to the other request for the file, the first time that it is needed; False where there is none."""
        if self._tried_other or self._source.otherwise is None:
            return False
        self._tried_other = True
        self._other = self._source.otherwise()
        return self._other is not None

    def _walk(self, request: Request, headers: Callable[[str], Mapping[str, str]]) -> Reply:
        url = request.url
        for _ in range(MAX_HOPS + 1):
            reply = self._get(url, headers, asked=request.url, request=request)
            target = _target(reply)
            if target is None:
                return reply
            reply.drain()
            self._refuse_inside(target, request.url)
            url = target
        place = masked(request.url)
        raise Refusal(ProtocolError(f"{place} redirects more than {MAX_HOPS} times.", url=place))

    def _refuse_inside(self, target: str, asked: str) -> None:
        """Refuses to be sent on to where only this machine, or its network, can ask: that is no place for a file."""
        origin(target)  # what can be read in two ways is refused before it is read
        where = reach(target)
        inside = (where == "machine" and reach(asked) != "machine") or (where == "network" and self._source.public)
        if inside:
            raise Refusal(
                IntegrityError(
                    f"{masked(asked)} sends on to an address inside {_INSIDE[where]} ({masked(target)}), which is not "
                    "followed.",
                    url=masked(asked),
                    hint="Nothing was asked there. Something in between may answer in the zoo's place.",
                )
            )

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
        tried: set[str] = set()
        while True:
            own = tools.auth.headers_for(url, token=token, anonymous=self._source.anonymous)
            reply = tools.lines.get(url, {**sent, **own}, asked=asked)
            if self._source.anonymous or token is not None:
                return reply
            try:
                again = self._admitted(reply, own, tried)
            except BaseException:
                reply.close()
                raise
            if not again:
                return reply
            reply.drain()

    def _admitted(self, reply: Reply, own: Mapping[str, str], tried: set[str]) -> bool:
        """Answers a registry's challenge; returns whether the question is to be put again."""
        tools = self._tools
        todo = tools.auth.challenged(reply.url, reply.status, reply.headers, sent=own, tried=tried)
        if isinstance(todo, bool):
            return todo
        tools.manners.wait(origin(todo.url), tools.cancel)
        headers = {"User-Agent": tools.agent, "Accept": "*/*", "Accept-Encoding": "identity", **todo.headers}
        got = _whole(tools.lines.get(todo.url, headers, asked=todo.url))
        try:
            tools.auth.take(todo, got.status, got.body)
        except NetworkError as error:
            raise Passing(error, status=got.status, headers=got.headers, place=origin(todo.url)) from error
        return True

    def _bytes(self, reply: Reply, route: Route) -> Reply:
        """Returns the answer if it is one to read bytes from."""
        if reply.status in (200, 206, 416):
            self._refuse_page(reply)
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
        told = None if route.foreign else self._source.refused
        error = status_error(response) if told is None else told(response)
        if reply.status in PASSING_STATUSES:
            raise Passing(error, status=reply.status, headers=reply.headers, place=origin(reply.url))
        raise Refusal(error)

    def _refuse_page(self, reply: Reply) -> None:
        """Refuses a success that is a page, in the source's own words."""
        source = self._source
        if source.is_page is None or reply.status == 416:
            return
        head = Response(request=Request(url=reply.url), status=reply.status, headers=reply.headers)
        if source.is_page(head):
            response = _whole(reply)
            raise Refusal(status_error(response) if source.refused is None else source.refused(response))

    def _refuse_twice(self, route: Route, response: Response) -> None:
        """Gives up where a link that was only just renewed is refused as well."""
        if route.renewed and not route.gave:
            error = status_error(response)
            if isinstance(error, AccessError):
                error.hint = "The link to the bytes was renewed, and refused again. Is the clock of this machine right?"
            raise Refusal(error)


def _target(reply: Reply) -> str | None:
    """Returns where an answer sends on to; None when it sends nowhere."""
    if reply.status not in REDIRECTS:
        return None
    try:
        return reply.target
    except ValueError as error:
        reply.close()
        place = masked(reply.url)
        raise Refusal(IntegrityError(f"{place} sends on to what is no address.", url=place)) from error


def _whole(reply: Reply) -> Response:
    """Reads the beginning of a body that is no file, and gives the connection back."""
    try:
        body = reply.text()
    finally:
        reply.close()
    return Response(request=Request(url=reply.url), status=reply.status, headers=reply.headers, body=body)
