"""Runs a flow over httpx, in both colours: the only place that sends requests which are not for a file's bytes.

httpx is used below its client, at the transports: there is no cookie jar, no redirect that is followed by itself, no
variable that is read, because the part that does such things is not there.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx
from attrs import evolve

from zooclient.errors import Cancelled, ProtocolError, ZooError
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.conversation import Clock, Send, Talk, Wait
from zooclient.net.exchange import Ask, Call, Entrusted, Flow, Listen, Parting, Pause, Request, Response
from zooclient.net.failures import RAISED, Failed, failed, proxy_wants_login
from zooclient.net.origin import masked
from zooclient.net.proxy import Proxies, socks_missing
from zooclient.net.tls import ssl_context
from zooclient.settings import Limits, Settings

T = TypeVar("T")

#: Seconds for which an idle connection is kept.
KEEP_ALIVE = 30.0
#: Bytes of what was listened to that are recorded; of a longer answer none are.
RECORDED = 1 << 20

log = logging.getLogger("zooclient.net")


class Driver:
    """Sends what flows ask, and sends them the answers.

    Whatever fails is thrown into the flow, which may catch it. One driver serves any number of threads and event
    loops; after a fork the child makes connections of its own.

    Args:
        settings: Limits, the environment for certificates, whether connections are allowed, where to record.
        auth: Which credential goes where.
        proxies: Which proxy for which address.
        offline: Allow no connection. None: as the settings say.
        clock: Time; another one may be given for tests.
    """

    def __init__(
        self,
        settings: Settings,
        auth: Auth,
        proxies: Proxies,
        *,
        offline: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._limits = settings.limits
        self._environ = settings.environ
        self._clock = clock or Clock()
        self._talk = Talk(settings, auth, proxies, offline, self._clock)
        self._left_by_fork: list[object] = []
        self._begin()
        _drivers.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._transports: dict[_Way, httpx.HTTPTransport] = {}
        self._async_transports: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[_Way, httpx.AsyncHTTPTransport]
        ] = weakref.WeakKeyDictionary()
        self._slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary()
        )

    def forget_after_fork(self) -> None:
        """Leaves the parent's connections alone; closing them here would speak on the parent's sockets."""
        self._left_by_fork += [self._transports, self._async_transports, self._slots]
        self._talk.forget_after_fork()
        self._begin()

    def close(self) -> None:
        """Closes the kept-alive connections of threads; the next run makes new ones."""
        with self._lock:
            transports, self._transports = self._transports, {}
        for transport in transports.values():
            transport.close()

    async def aclose(self) -> None:
        """Closes the kept-alive connections of this event loop, and those of threads."""
        self.close()
        await self.aclose_here()

    async def aclose_here(self) -> None:
        """Closes the kept-alive connections of this event loop alone."""
        for transport in self._async_transports.pop(asyncio.get_running_loop(), {}).values():
            await transport.aclose()

    # -- in threads -----------------------------------------------------------------------------

    def run(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """Runs a flow to its end.

        Args:
            flow: The conversation; closed in any case.
            cancel: Stops it from another thread. None: nothing does.

        Returns:
            What the flow returns.

        Raises:
            Cancelled: The wish to stop came first.
            ZooError: What the flow raises, or lets pass.
        """
        parting: Parting | None = None
        try:
            step: Callable[[], Ask] = functools.partial(next, flow)
            while True:
                ask = step()
                if isinstance(ask, Parting):
                    parting = ask
                    step = functools.partial(flow.send, None)
                    continue
                try:
                    answer = self._answer(ask, cancel)
                except Exception as error:  # whatever a call of the flow's own raises is the flow's to see
                    step = functools.partial(flow.throw, error)
                else:
                    step = functools.partial(flow.send, answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BaseException as error:
            if _is_left(error):
                self._part(parting)
            raise
        finally:
            flow.close()

    def _part(self, parting: Parting | None) -> None:
        if parting is None or parting.leave is None:
            return
        try:
            self.run(parting.leave(), Cancel(parting.seconds))
        except ZooError as error:  # why it is left is what the caller is to hear of
            log.info("The last word could not be said: %s", error.message)

    def _answer(self, ask: Ask, cancel: Cancel | None) -> Any:
        if cancel is not None:
            cancel.check()
        if isinstance(ask, Call):
            return ask.run()
        if isinstance(ask, Entrusted):
            return ask.run(self._talk.means(ask.url, cancel or Cancel()))
        if isinstance(ask, Pause):
            self._clock.sleep(ask.seconds, cancel)
            return None
        if isinstance(ask, Listen):
            return self._aside(functools.partial(self._converse, ask.request, listen=ask), cancel)
        if isinstance(ask, Request):
            if ask.wait > 0:
                return self._aside(functools.partial(self._converse, ask), cancel)
            return self._converse(ask, cancel)
        if isinstance(ask, Parting):
            raise TypeError("A parting is no question.")
        if len(ask) < 2:
            return tuple(self._converse(request, cancel) for request in ask)
        return self._together(ask, cancel)

    def _aside(self, work: Callable[[Cancel | None], Response], cancel: Cancel | None) -> Response:
        """Does what may be silent for long in a thread of its own, so that a wish to stop is heard meanwhile.

        The thread of a server that goes on being silent is left behind until one of its bounds ends it.
        """
        if cancel is None:
            return work(None)
        stop = cancel.child()
        woken = threading.Event()
        stop.on_cancel(woken.set)
        results: list[Response | Exception] = []

        def go() -> None:
            try:
                results.append(work(stop))
            except Exception as error:  # raised where the answer is waited for
                results.append(error)
            finally:
                woken.set()

        threading.Thread(target=go, name="zooclient-net", daemon=True).start()
        try:
            woken.wait(cancel.remaining(threading.TIMEOUT_MAX))
        finally:
            if not results:
                stop.cancel()
        if not results:
            cancel.check()
            raise Cancelled("Cancelled.")
        return _first_failure(results)[0]

    def _together(self, requests: tuple[Request, ...], cancel: Cancel | None) -> tuple[Response, ...]:
        stop = Cancel() if cancel is None else cancel.child()
        left = deque(enumerate(requests))
        results: dict[int, Response | Exception] = {}

        def work() -> None:
            while left:
                try:
                    number, request = left.popleft()
                except IndexError:  # another thread took the last
                    return
                try:
                    results[number] = self._converse(request, stop)
                except Exception as error:  # raised where the answers are waited for
                    results[number] = error

        # No pool: the interpreter would wait for its threads at Ctrl-C, for as long as a server is silent.
        count = min(len(requests), self._limits.connections)
        threads = [threading.Thread(target=work, name="zooclient-net", daemon=True) for _ in range(count)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # Ctrl-C above all: nobody waits for the threads any more
            stop.cancel()
            raise
        return tuple(_first_failure(results[number] for number in range(len(requests))))

    def _converse(self, request: Request, cancel: Cancel | None, listen: Listen | None = None) -> Response:
        talk = self._talk.conversation(request, encoding=_encoding(listen))
        try:
            todo = next(talk)
            while True:
                if cancel is not None:
                    cancel.check()
                if isinstance(todo, Wait):
                    self._clock.sleep(todo.seconds, cancel)
                    todo = next(talk)
                else:
                    todo = talk.send(self._attempt(todo, cancel, listen))
        except StopIteration as stop:
            response: Response = stop.value
            return response
        finally:
            talk.close()

    def _attempt(self, send: Send, cancel: Cancel | None, listen: Listen | None) -> Response | Failed:
        reader: _Reader | None = None
        try:
            asked = _httpx_request(send, self._limits, cancel, listen)
            answer = self._transport((send.proxy, listen is not None)).handle_request(asked)
            answer.request = asked
            try:
                reader = self._reader(send, answer, listen)
                for piece in answer.iter_bytes():
                    if cancel is not None:
                        cancel.check()
                    if reader.take(piece):
                        break
            finally:
                answer.close()
        except RAISED as error:
            return _told_apart(failed(error, send.request.url, send.proxy), reader)
        return reader.result()

    def _reader(self, send: Send, answer: httpx.Response, listen: Listen | None) -> _Reader:
        if listen is None or not 200 <= answer.status_code < 300:
            return _Reader(send, answer, self._clock, self._limits)
        return _Listener(send, answer, self._clock, self._limits, listen, keep=self._talk.records)

    def _transport(self, way: _Way) -> httpx.HTTPTransport:
        with self._lock:
            transport = self._transports.get(way)
            if transport is None:
                transport = self._transports[way] = _made(httpx.HTTPTransport, way, self._environ, self._limits)
            return transport

    # -- in an event loop -----------------------------------------------------------------------

    async def arun(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """As :meth:`run`, in an event loop; calls that block are made in threads.

        When the task is cancelled, the flow is closed where it stands; a call that is under way in its thread
        is not waited for.
        """
        stop = _Stop(cancel)
        parting: Parting | None = None
        try:
            step: Callable[[], Ask] = functools.partial(next, flow)
            while True:
                ask = step()
                if isinstance(ask, Parting):
                    parting = ask
                    step = functools.partial(flow.send, None)
                    continue
                try:
                    answer = await self._aanswer(ask, stop)
                except Exception as error:  # as in run
                    step = functools.partial(flow.throw, error)
                else:
                    step = functools.partial(flow.send, answer)
        except StopIteration as ended:
            result: T = ended.value
            return result
        except BaseException as error:
            if _is_left(error):
                await self._apart(parting)
            raise
        finally:
            stop.forget()
            flow.close()

    async def _apart(self, parting: Parting | None) -> None:
        if parting is None or parting.leave is None:
            return
        # A task of its own: the one that is being cancelled is not asked to wait for a server.
        last = asyncio.ensure_future(self.arun(parting.leave(), Cancel(parting.seconds)))
        await asyncio.wait({last}, timeout=parting.seconds)
        if last.done() and not last.cancelled() and (error := last.exception()) is not None:
            log.info("The last word could not be said: %s", error)

    async def _aanswer(self, ask: Ask, stop: _Stop) -> Any:
        stop.check()
        if isinstance(ask, Call):
            # Not raced against the wish to stop: who blocks there obeys the same Cancel, and has to tidy up.
            return await asyncio.to_thread(ask.run)
        if isinstance(ask, Entrusted):
            return await self._aentrusted(ask, stop.child())
        if isinstance(ask, Pause):
            return await stop.race(self._clock.asleep(ask.seconds))
        if isinstance(ask, Listen):
            return await stop.race(self._aconverse(ask.request, ask))
        if isinstance(ask, Request):
            return await stop.race(self._aconverse(ask))
        if isinstance(ask, Parting):
            raise TypeError("A parting is no question.")
        return await stop.race(self._atogether(ask))

    async def _aentrusted(self, ask: Entrusted, wish: Cancel) -> Any:
        try:
            return await asyncio.to_thread(ask.run, self._talk.means(ask.url, wish))
        except asyncio.CancelledError:
            wish.cancel()  # nobody waits for it any more, and it may be billed
            raise

    async def _atogether(self, requests: tuple[Request, ...]) -> tuple[Response, ...]:
        results = await asyncio.gather(*map(self._aconverse, requests), return_exceptions=True)
        return tuple(_first_failure(results))

    async def _aconverse(self, request: Request, listen: Listen | None = None) -> Response:
        talk = self._talk.conversation(request, encoding=_encoding(listen))
        try:
            todo = next(talk)
            while True:
                if isinstance(todo, Wait):
                    await self._clock.asleep(todo.seconds)
                    todo = next(talk)
                elif listen is not None:
                    sent = await self._aattempt(todo, listen)
                    todo = talk.send(sent)
                else:
                    # Thousands may wait: here each costs little, and the transport's own queue stays short.
                    async with self._slot():
                        sent = await self._aattempt(todo, None)
                    todo = talk.send(sent)
        except StopIteration as stop:
            response: Response = stop.value
            return response
        finally:
            talk.close()

    async def _aattempt(self, send: Send, listen: Listen | None) -> Response | Failed:
        reader: _Reader | None = None
        try:
            asked = _httpx_request(send, self._limits, None, listen)
            answer = await self._async_transport((send.proxy, listen is not None)).handle_async_request(asked)
            answer.request = asked
            try:
                reader = self._reader(send, answer, listen)
                async for piece in answer.aiter_bytes():
                    if reader.take(piece):
                        break
            finally:
                await answer.aclose()
        except RAISED as error:
            return _told_apart(failed(error, send.request.url, send.proxy), reader)
        return reader.result()

    def _slot(self) -> asyncio.Semaphore:
        """One of the connections that this event loop may have at a time."""
        loop = asyncio.get_running_loop()
        if loop not in self._slots:
            self._slots[loop] = asyncio.Semaphore(self._limits.connections)
        return self._slots[loop]

    def _async_transport(self, way: _Way) -> httpx.AsyncHTTPTransport:
        transports = self._async_transports.setdefault(asyncio.get_running_loop(), {})
        if way not in transports:
            transports[way] = _made(httpx.AsyncHTTPTransport, way, self._environ, self._limits)
        return transports[way]


class _Stop:
    """Lets a wish to stop, expressed in any thread, end what a task waits for."""

    def __init__(self, cancel: Cancel | None) -> None:
        self._cancel = cancel
        self._loop = asyncio.get_running_loop()
        self._current: asyncio.Task[Any] | None = None
        if cancel is not None:
            cancel.on_cancel(self._from_any_thread)

    def _from_any_thread(self) -> None:
        if self._current is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._current is not None:
            self._current.cancel()

    def forget(self) -> None:
        """The task ended; a later wish finds nothing to do, and perhaps no loop."""
        self._current = None

    def check(self) -> None:
        """Raises Cancelled when it is time to stop."""
        if self._cancel is not None:
            self._cancel.check()

    def child(self) -> Cancel:
        """Returns a wish of its own that holds as soon as this one does."""
        return Cancel() if self._cancel is None else self._cancel.child()

    async def race(self, work: Any) -> Any:
        """Awaits, but not past the wish to stop.

        Raises:
            Cancelled: The wish came first.
        """
        if self._cancel is None:
            return await work
        self._current = task = asyncio.ensure_future(work)
        if self._cancel.cancelled:  # expressed before there was anything to end
            task.cancel()
        left = self._cancel.remaining(float("inf"))
        try:
            async with asyncio.timeout(None if left == float("inf") else left):
                return await task
        except (asyncio.CancelledError, TimeoutError):
            current = asyncio.current_task()
            if current is None or not current.cancelling():
                self._cancel.check()
            raise
        finally:
            self._current = None


class _Reader:
    """Gathers an answer within its bounds."""

    def __init__(self, send: Send, answer: httpx.Response, clock: Clock, limits: Limits) -> None:
        self._send = send
        self._answer = answer
        self._clock = clock
        self._limits = limits
        self._until = clock.now() + limits.request_timeout
        self._body = bytearray()
        self._check_size(int(length) if (length := answer.headers.get("content-length", "")).isdecimal() else 0)

    def take(self, piece: bytes) -> bool:
        """Adds what arrived; returns whether that is enough.

        Raises:
            ProtocolError: It is more than was allowed.
            httpx.ReadTimeout: It takes too long altogether, however steadily it trickles.
        """
        self._body += piece
        self._check_size(len(self._body))
        if self._clock.now() > self._until:
            raise httpx.ReadTimeout("the whole answer took too long")
        return False

    def _check_size(self, size: int) -> None:
        request = self._send.request
        if size > request.max_bytes and request.method != "HEAD":
            raise ProtocolError(
                f"The answer of {masked(request.url)} is larger than the {request.max_bytes} bytes that it may have.",
                url=masked(request.url),
            )

    def result(self) -> Response | Failed:
        """Returns the whole answer; a proxy's own refusal is a failure, not an answer of the zoo."""
        if self._answer.status_code == 407 and self._send.proxy is not None:
            return proxy_wants_login(self._send.request.url, self._send.proxy)
        headers: dict[str, str] = {}
        for name, value in self._answer.headers.multi_items():
            if name != "set-cookie":  # nobody has a use for cookies, and they cannot be joined
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Response(
            request=self._send.request, status=self._answer.status_code, headers=headers, body=bytes(self._body)
        )


class _Listener(_Reader):
    """Hands an answer on as it comes, and keeps nothing but what is to be recorded."""

    def __init__(
        self, send: Send, answer: httpx.Response, clock: Clock, limits: Limits, listen: Listen, *, keep: bool
    ) -> None:
        super().__init__(send, answer, clock, limits)
        self._until = float("inf") if listen.seconds is None else clock.now() + listen.seconds
        self._heard = listen.heard
        self._keep = keep
        self.handed = 0

    def take(self, piece: bytes) -> bool:
        self.handed += len(piece)
        self._check_size(self.handed)
        if self._keep:
            self._body += piece
            if len(self._body) > RECORDED:
                self._keep = False
                self._body.clear()
        enough = bool(piece) and self._heard(piece)
        if not enough and self._clock.now() > self._until:
            raise httpx.ReadTimeout("the whole answer took too long")
        return enough


#: Proxy to go through, and whether the answer may be a long one.
_Way = tuple[str | None, bool]


def _is_left(error: BaseException) -> bool:
    """Whether a conversation ended because somebody wished so, and not by itself."""
    return isinstance(error, Cancelled) or not isinstance(error, Exception)


def _encoding(listen: Listen | None) -> str:
    return "gzip" if listen is None else "identity"


def _told_apart(result: Failed, reader: _Reader | None) -> Failed:
    """What failed after a piece was handed on is not asked again."""
    return evolve(result, kind="told") if isinstance(reader, _Listener) and reader.handed else result


def _httpx_request(send: Send, limits: Limits, cancel: Cancel | None, listen: Listen | None) -> httpx.Request:
    silence = limits.read_timeout if listen is None or listen.silence is None else listen.silence

    def bound(seconds: float) -> float:
        return seconds if cancel is None else max(0.001, cancel.remaining(seconds))

    timeout = httpx.Timeout(
        connect=bound(limits.connect_timeout),
        read=bound(silence + send.request.wait),
        write=bound(limits.read_timeout),
        pool=bound(limits.max_wait or limits.read_timeout),
    )
    return httpx.Request(
        send.request.method,
        send.request.url,
        headers=dict(send.headers),
        content=send.request.content,
        extensions={"timeout": timeout.as_dict()},
    )


Transport = TypeVar("Transport", httpx.HTTPTransport, httpx.AsyncHTTPTransport)


def _made(kind: type[Transport], way: _Way, environ: Any, limits: Limits) -> Transport:
    proxy, long = way
    context = ssl_context(environ)
    through = None
    if proxy is not None:
        # socks5h is curl's word for leaving names to the proxy, which httpx does anyway, and does not always know.
        address = "socks5" + proxy.removeprefix("socks5h") if proxy.startswith("socks5h:") else proxy
        through = httpx.Proxy(address, ssl_context=context if proxy.startswith("https:") else None)
    try:
        return kind(
            verify=context,
            trust_env=False,
            proxy=through,
            limits=httpx.Limits(max_connections=None if long else limits.connections, keepalive_expiry=KEEP_ALIVE),
        )
    except ImportError as error:
        raise socks_missing(proxy or "") from error


def _first_failure(results: Iterable[Response | BaseException]) -> list[Response]:
    """Returns the answers, or raises the first failure by the order of asking, the same one in both colours."""
    answers = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        answers.append(result)
    return answers


_drivers: weakref.WeakSet[Driver] = weakref.WeakSet()


def _after_fork() -> None:
    for driver in list(_drivers):
        driver.forget_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
