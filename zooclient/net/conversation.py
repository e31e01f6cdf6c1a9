"""One request until it is answered: offline, pacing, credentials, attempts; written once for both colours.

A :func:`conversation` yields what has to be done, a :class:`Send` or a :class:`Wait`, and is sent how it went.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from zooclient import __version__
from zooclient.errors import Offline, RateLimited
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Means, Request, Response
from zooclient.net.failures import Failed
from zooclient.net.origin import masked, origin
from zooclient.net.policy import BUSY, Outcome, body_wait, decide, longest, server_wait
from zooclient.net.proxy import Proxies
from zooclient.net.recording import Recorder
from zooclient.settings import Settings
from zooclient.settings.variables import why_offline

#: Civitai takes whatever contains the name of a browser for a person and answers with pages; so no further words.
USER_AGENT = f"zooclient/{__version__}"

#: Bytes of an answer that holds a token at the most.
_TOKEN_ANSWER = 256 * 1024

_OURS = frozenset({"authorization", "cookie", "proxy-authorization", "user-agent", "accept-encoding"})

log = logging.getLogger("zooclient.net")


class Clock:
    """Time as a driver sees it; another one may be given for tests."""

    def now(self) -> float:
        """Returns seconds that only grow."""
        return time.monotonic()

    def wall(self) -> float:
        """Returns seconds since the epoch."""
        return time.time()

    def jitter(self) -> float:
        """Returns a number from 0 to 1."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    def sleep(self, seconds: float, cancel: Cancel | None) -> None:
        """Waits.

        Raises:
            Cancelled: The wish to stop came before the time was over.
        """
        if cancel is not None:
            cancel.wait(seconds)
        else:
            time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Waits."""
        import asyncio

        await asyncio.sleep(seconds)


@frozen(kw_only=True)
class Send:
    """Send this once, and read the whole answer.

    Attributes:
        request: What the flow asked.
        headers: All headers, credentials included.
        proxy: Proxy to go through. None: none.
    """

    request: Request
    headers: Mapping[str, str] = field(repr=False, hash=False)
    proxy: str | None = field(repr=False)


@frozen(kw_only=True)
class Wait:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


Conversation = Generator[Send | Wait, Response | Failed | None, Response]


class Pacer:
    """Until when an origin wants to be left alone. Safe between threads.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def hold(self, place: str, seconds: float) -> None:
        """Notes that an origin asked to wait."""
        until = self._clock.now() + seconds
        with self._lock:
            self._until[place] = max(until, self._until.get(place, 0.0))

    def wait(self, place: str) -> float:
        """Returns the seconds that an origin is still to be left alone; 0: none."""
        with self._lock:
            until = self._until.get(place)
            if until is None:
                return 0.0
            left = until - self._clock.now()
            if left <= 0:
                del self._until[place]
            return max(0.0, left)


class Talk:
    """What conversations have in common.

    Args:
        settings: Limits, and whether connections are allowed.
        auth: Which credential goes where.
        proxies: Which proxy for which address.
        offline: Allow no connection. None: as the settings say.
        clock: Time.
    """

    def __init__(self, settings: Settings, auth: Auth, proxies: Proxies, offline: bool | None, clock: Clock) -> None:
        self._limits = limits = settings.limits
        # With nobody at the other end, the caller's store may have an answer: it should not be kept waiting for long.
        self._reaching = evolve(limits, retries=min(limits.retries, limits.connect_retries))
        self._environ = settings.environ
        self._auth = auth
        self._proxies = proxies
        self._offline = settings.offline if offline is None else offline
        self._clock = clock
        self._record_dir = settings.record_dir
        self.forget_after_fork()

    def forget_after_fork(self) -> None:
        """Makes the locks new: another thread of the parent may have held them."""
        self._auth.forget_after_fork()
        self._pacer = Pacer(self._clock)
        self._recorder = Recorder(self._record_dir) if self._record_dir is not None else None

    @property
    def records(self) -> bool:
        """Whether exchanges are recorded."""
        return self._recorder is not None

    def conversation(self, request: Request, *, encoding: str = "gzip") -> Conversation:
        """One request until it is answered, in an encoding that we read.

        An answer with an error status is an answer; only 429, and 503 with a wait that is too long, are raised.

        Raises:
            Offline: Connections are switched off.
            RateLimited: The server asks for more patience than the limits allow.
            NetworkError: No whole answer came, as often as was tried.
            IntegrityError: The address is not plain http or https.
        """
        self._refuse_offline(request.url)
        place = origin(request.url)
        attempt, patience = 0, self._limits.max_wait
        tried: set[str] = set()
        while True:
            while (paced := self._pacer.wait(place)) > 0:
                if paced > patience:
                    raise self._rate_limited(request, paced)
                patience -= paced
                yield Wait(seconds=paced)
            attempt += 1
            send = self._send(request, encoding)
            result = yield send
            if not isinstance(result, (Response, Failed)):
                raise TypeError(f"A Send was answered with {result!r}.")
            self._note(send, result)
            if isinstance(result, Response) and (yield from self._admitted(send, result, tried)):
                attempt -= 1
                continue
            limits = self._reaching if isinstance(result, Failed) and result.kind == "connect" else self._limits
            outcome = _outcome(request, result)
            retry = decide(attempt, outcome, limits, self._clock.wall(), jitter=self._clock.jitter())
            if retry is None:
                return self._final(request, result, attempt)
            log.info("%s: %s; again in %.1f s", masked(request.url), retry.reason, retry.wait)
            if retry.shared:
                self._pacer.hold(place, retry.wait)
                patience = max(patience, retry.wait)
            elif retry.wait > 0:
                yield Wait(seconds=retry.wait)

    def means(self, url: str, cancel: Cancel) -> Means:
        """Returns what a client that is not ours may speak to an address with.

        Raises:
            Offline: Connections are switched off, or the address is not to be asked.
        """
        self._refuse_offline(url)
        token = self._auth.headers_for(url).get("Authorization", "").removeprefix("Bearer ")
        return Means(token=token or None, environ=self._environ, proxy=self._proxies.for_url(url), stop=cancel)

    def _refuse_offline(self, url: str) -> None:
        if self._offline:
            variable = why_offline(self._environ)
            raise Offline(
                f"Connections are switched off (by {variable or 'the setting offline'}), and "
                f"{urlsplit(url).hostname} would have to be asked.",
                url=masked(url),
                hint="ZOOCLIENT_OFFLINE=0 switches them on." if variable else None,
            )

    def _send(self, request: Request, encoding: str) -> Send:
        # A flow cannot bring a credential of its own: that would go where no rule of ours has been asked.
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
        headers |= {"User-Agent": USER_AGENT, "Accept-Encoding": encoding}
        headers |= self._auth.headers_for(request.url, token=request.token, anonymous=request.anonymous)
        return Send(request=request, headers=headers, proxy=self._proxies.for_url(request.url))

    def _admitted(self, send: Send, response: Response, tried: set[str]) -> Generator[Send | Wait, Any, bool]:
        """Answers a registry's challenge; returns whether the question is to be put again."""
        asked = send.request
        if asked.anonymous or asked.token is not None:
            return False
        todo = self._auth.challenged(asked.url, response.status, response.headers, sent=send.headers, tried=tried)
        if isinstance(todo, bool):
            return todo
        # What it answers is a secret, and not recorded.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **todo.headers}
        realm = Request(url=todo.url, max_bytes=_TOKEN_ANSWER)
        got = yield Send(request=realm, headers=headers, proxy=self._proxies.for_url(todo.url))
        if isinstance(got, Failed):
            raise got.error
        log.debug("GET %s: %d", masked(todo.url), got.status)
        self._auth.take(todo, got.status, got.body)
        return True

    def _note(self, send: Send, result: Response | Failed) -> None:
        url = masked(send.request.url)
        if isinstance(result, Failed):
            log.debug("%s %s: %s", send.request.method, url, result.error.message)
            return
        log.debug("%s %s: %d, %d bytes", send.request.method, url, result.status, len(result.body))
        if self._recorder is not None:
            self._recorder.record(result, secrets=[send.headers.get("Authorization", "").rpartition(" ")[2]])

    def _final(self, request: Request, result: Response | Failed, attempts: int) -> Response:
        if isinstance(result, Failed):
            if attempts > 1:
                result.error.message += f" It was tried {attempts} times."
                result.error.args = (result.error.message,)
            raise result.error
        asked = (
            longest(server_wait(result.headers, self._clock.wall()), _said(result)) if result.status in BUSY else None
        )
        if result.status == 429 or (asked is not None and asked > self._limits.max_wait):
            raise self._rate_limited(request, asked)
        return result

    def _rate_limited(self, request: Request, wait: float | None) -> RateLimited:
        host = urlsplit(request.url).hostname
        long = f" {wait:.0f} s" if wait is not None else ""
        return RateLimited(
            f"{host} wants us to wait{long} before the next request.",
            retry_after=wait,
            url=masked(request.url),
            hint="With a token the budget is larger. ZOOCLIENT_MAX_WAIT sets the seconds that we wait by ourselves.",
        )


def _outcome(request: Request, result: Response | Failed) -> Outcome:
    if isinstance(result, Failed):
        return Outcome(failure=result.kind, method=request.method)
    return Outcome(status=result.status, headers=result.headers, method=request.method, said=_said(result))


def _said(result: Response) -> float | None:
    return body_wait(result.body) if result.status in BUSY else None
