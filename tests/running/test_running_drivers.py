"""What the drivers do for runs: an answer handed on as it comes, a pause, and a last word; in both colours."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from netdoubles import FAST, Answer, Asked, QuickClock, Server, driver, text

from zooclient.errors import Cancelled, NetworkError, ProtocolError, RateLimited
from zooclient.net.auth import Auth, Credential
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Listen, Parting, Pause, Request, Response
from zooclient.net.policy import Outcome, body_wait, decide
from zooclient.settings import Limits, Settings
from zooclient.testing import replay

Run = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Each test that takes this runs in both colours."""

    def in_threads(flow: Flow[Any], *, cancel: Cancel | None = None, **wishes: Any) -> Any:
        with driver(**wishes) as made:
            return made.run(flow, cancel)

    def in_a_loop(flow: Flow[Any], *, cancel: Cancel | None = None, **wishes: Any) -> Any:
        async def main() -> Any:
            with driver(**wishes) as made:
                try:
                    return await made.arun(flow, cancel)
                finally:
                    await made.aclose()

        return asyncio.run(main())

    return in_threads if request.param == "sync" else in_a_loop


def into(heard: bytearray) -> Callable[[bytes], bool]:
    """Keeps what is heard; never enough."""

    def hear(piece: bytes) -> bool:
        heard.extend(piece)
        return False

    return hear


def listen(url: str, heard: Callable[[bytes], bool], *, most: int = 1 << 20, **wishes: Any) -> Flow[Response]:
    """A flow that listens to one answer."""
    response: Response = yield Listen(request=Request(url=url, max_bytes=most), heard=heard, **wishes)
    return response


def chunked(*pieces: bytes, whole: bool = True) -> Answer:
    """An answer in pieces, and perhaps without an end."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if whole else b"")
    return Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n" + body)


def test_an_answer_is_handed_on(run: Run) -> None:
    """Every byte is heard, in order, uncompressed; the response tells status and headers."""
    heard = bytearray()
    with Server(lambda asked: chunked(b"one ", b"two")) as server:
        response = run(listen(server.url, into(heard)))
    assert bytes(heard) == b"one two"
    assert (response.status, response.headers["x-a"], response.body) == (200, "b", b"")
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_enough_is_enough(run: Run) -> None:
    """Who has heard enough is sent the response though the body has not ended."""
    with Server(lambda asked: chunked(b"done", whole=False)) as server:
        assert run(listen(server.url, lambda piece: True)).ok


def test_a_refusal_is_gathered(run: Run) -> None:
    """The body of an answer that is no success is in the response, and is not heard."""
    heard = bytearray()
    with Server(text("no such file", 404)) as server:
        response = run(listen(server.url, into(heard)))
    assert (response.status, response.text(), bytes(heard)) == (404, "no such file", b"")


def test_what_was_heard_is_not_asked_for_again(run: Run) -> None:
    """A cut before the first byte is repeated, one after it is raised."""
    answers = iter([Answer(raw=b""), chunked(b"half", whole=False)])
    heard = bytearray()
    with Server(lambda asked: next(answers)) as server, pytest.raises(NetworkError):
        run(listen(server.url, into(heard)))
    assert (bytes(heard), len(server.asked)) == (b"half", 2)


def test_it_has_bounds(run: Run) -> None:
    """More bytes than were allowed, and a body that takes too long, are errors."""
    with Server(lambda asked: chunked(b"x" * 40)) as server:
        with pytest.raises(ProtocolError, match="larger than the 10 bytes"):
            run(listen(server.url, lambda piece: False, most=10))
        with pytest.raises(NetworkError, match="fell silent"):
            run(listen(server.url, lambda piece: False, seconds=-1.0))


def test_silence_has_a_bound_of_its_own(run: Run) -> None:
    """A stream may be silent for as long as it says, and not as long as any answer."""
    held = threading.Event()

    def silent(asked: Asked) -> Answer:
        held.wait(20)
        return Answer()

    limits = Settings(limits=evolve(FAST, read_timeout=15.0, retries=0))
    with Server(silent) as server:
        try:
            with pytest.raises(NetworkError, match="fell silent"):
                run(listen(server.url, lambda piece: False, silence=0.05), settings=limits)
        finally:
            held.set()


def test_what_a_listener_raises_is_the_flow_s(run: Run) -> None:
    """An error of the one who hears comes into the flow, which may go on."""

    def flow(url: str) -> Flow[str]:
        def heard(piece: bytes) -> bool:
            raise OSError("the disk is full")

        try:
            yield Listen(request=Request(url=url), heard=heard)
        except OSError as error:
            return str(error)
        return "nothing"

    with Server(text("body")) as server:
        assert run(flow(server.url)) == "the disk is full"


def test_a_listener_s_credential_is_its_origin_s(run: Run) -> None:
    """The token goes to its own origin, asked for by each request, and nowhere when none is to be sent."""
    with Server(text("body")) as server, Server(text("body")) as other:
        auth = Auth([Credential(origin=server.url, token="r8_secret")])
        for url in (server.url, other.url):
            run(listen(url, lambda piece: False), auth=auth)
        assert server.asked[0].headers["authorization"] == "Bearer r8_secret"
        assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_wish_to_stop_is_heard_in_silence(colour: str) -> None:
    """Neither a stream nor an answer that was asked to wait keeps a caller who wants to stop."""
    asked, held = threading.Semaphore(0), threading.Event()

    def silent(question: Asked) -> Answer:
        asked.release()
        held.wait(20)
        return Answer()

    def waited(url: str) -> Flow[Response]:
        response: Response = yield Request(url=url, wait=60)
        return response

    settings = Settings(limits=evolve(FAST, read_timeout=15.0))
    with Server(silent) as server, driver(settings) as made:
        try:
            for flow in (listen(server.url, lambda piece: False), waited(server.url)):
                stop = Cancel()
                stopper = threading.Thread(target=lambda stop=stop: (asked.acquire(), stop.cancel()))
                stopper.start()
                with pytest.raises(Cancelled):
                    if colour == "sync":
                        made.run(flow, stop)
                    else:
                        asyncio.run(made.arun(flow, stop))
                stopper.join()
        finally:
            held.set()


def test_a_pause_is_the_clock_s(run: Run) -> None:
    """A flow waits by the driver's clock, and a wish to stop ends that too."""

    def flow() -> Flow[str]:
        yield Pause(seconds=60)
        return "rested"

    clock = QuickClock()
    assert run(flow(), clock=clock) == "rested"
    assert clock.waits == [60]
    with pytest.raises(Cancelled):
        run(flow(), cancel=Cancel(0.01))


def parting(url: str, *, end: BaseException | None = None) -> Flow[str]:
    """A flow that has something to say when it is left."""

    def leave() -> Flow[None]:
        yield Request(method="POST", url=f"{url}/bye")

    yield Parting(leave=leave)
    yield Request(url=f"{url}/hello")
    if end is not None:
        raise end
    yield Parting(leave=None)
    return "well"


def test_who_stays_says_no_last_word(run: Run) -> None:
    """A flow that ends by itself, well or with an error of its own, has said all that it wanted."""
    with Server(text("")) as server:
        assert run(parting(server.url)) == "well"
        with pytest.raises(NetworkError):
            run(parting(server.url, end=NetworkError("mine")))
    assert [one.path for one in server.asked] == ["/hello"] * 2


def test_who_leaves_says_a_last_word(run: Run) -> None:
    """At a wish to stop, at a deadline and at Ctrl-C the last word is said, and the error is the caller's."""
    with Server(text("")) as server:
        stop = Cancel()
        stop.cancel()
        for wish in (stop, Cancel(0.0)):
            with pytest.raises(Cancelled):
                run(parting(server.url), cancel=wish)
        with pytest.raises(KeyboardInterrupt):
            run(parting(server.url, end=KeyboardInterrupt()))
    assert [f"{one.method} {one.path}" for one in server.asked if one.path != "/hello"] == ["POST /bye"] * 3


def test_a_last_word_that_cannot_be_said_hides_nothing(run: Run) -> None:
    """Where nobody is there to hear it, the caller still learns why the conversation was left."""
    with Server(text("")) as server:
        url = server.url
    stop = Cancel()
    stop.cancel()
    with pytest.raises(Cancelled):
        run(parting(url), cancel=stop)


def test_a_task_that_is_cancelled_says_it() -> None:
    """Cancelling the task that awaits is a way to leave, too."""
    asked, held = threading.Event(), threading.Event()

    def answer(question: Asked) -> Answer:
        if question.path == "/hello":
            asked.set()
            held.wait(20)
        return Answer()

    async def main(url: str) -> None:
        with driver(Settings(limits=evolve(FAST, read_timeout=15.0))) as made:
            task = asyncio.ensure_future(made.arun(parting(url)))
            await asyncio.to_thread(asked.wait, 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await made.aclose()

    with Server(answer) as server:
        try:
            asyncio.run(main(server.url))
        finally:
            held.set()
    assert server.asked[-1].path == "/bye"


def test_what_was_heard_is_recorded_and_replayed(run: Run, tmp_path: Path) -> None:
    """An exchange that was listened to is recorded without its secrets, a long one without its body."""
    heard = bytearray()
    settings = Settings(limits=FAST, record_dir=tmp_path)
    stream = b'event: output\ndata: {"token": "r8_abcdefghijklmnopqrstuvwxyz"}\n\n'
    with Server(lambda asked: chunked(stream) if asked.path == "/short" else chunked(bytes(1 << 21))) as server:
        for name in ("short", "long"):
            run(listen(f"{server.url}/{name}", lambda piece: False, most=1 << 30), settings=settings)
        short, long = (json.loads(next(tmp_path.glob(f"*{one}.json")).read_text("utf-8")) for one in ("short", "long"))
        short = short["body"]
        assert short.startswith("event: output\ndata:")
        assert "abcdefghij" not in short
        assert long["body"] is None
        replay(tmp_path).run(listen(f"{server.url}/short", into(heard)))
    assert heard.decode() == short


# -- the wait that stands in a body ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        (b'{"detail": "Slow down", "status": 429, "retry_after": 7}', 7.0),
        (b'{"retry_after": 1.5}', 1.5),
        (b'{"retry_after": -1}', None),
        (b'{"retry_after": true}', None),
        (b'{"retry_after": 1e300}', None),
        (b'{"retry_after": NaN}', None),
        (b'{"retry_after": "7"}', None),
        (b'["retry_after"]', None),
        (b'"retry_after"', None),
        (b"<html>", None),
        (b'{"retry_after": 7' + b" " * 100_000 + b"}", None),
    ],
)
def test_a_wait_in_the_body_is_read(body: bytes, wait: float | None) -> None:
    """Seconds of an object's ``retry_after`` are read; nonsense is as good as nothing."""
    assert body_wait(body) == wait


def test_the_longest_wait_counts() -> None:
    """Of header and body the longer wait is obeyed, within the bound."""
    limits = Limits()
    first = decide(1, Outcome(status=429, headers={"retry-after": "3"}, method="POST", said=9.0), limits, 0.0)
    second = decide(1, Outcome(status=429, headers={"retry-after": "30"}, method="POST", said=9.0), limits, 0.0)
    assert first is not None
    assert second is not None
    assert (first.wait, second.wait) == (9.0, 30.0)
    assert decide(1, Outcome(status=429, method="POST", said=301.0), limits, 0.0) is None


def test_a_throttled_post_is_asked_again_when_it_said(run: Run) -> None:
    """Nothing was created by a POST that was answered with 429, so it is repeated; too long a wait is told."""
    busy = iter([b'{"retry_after": 7}', b""])

    def answer(asked: Asked) -> Answer:
        body = next(busy)
        return Answer(429 if body else 201, body)

    def flow(url: str) -> Flow[int]:
        response: Response = yield Request(method="POST", url=url, content=b"{}")
        return response.status

    clock = QuickClock()
    settings = Settings(limits=Limits())
    with Server(answer) as server:
        assert run(flow(server.url), clock=clock, settings=settings) == 201
    assert sum(clock.waits) == 7
    with Server(lambda asked: Answer(429, b'{"retry_after": 4000}')) as server, pytest.raises(RateLimited) as caught:
        run(flow(server.url), clock=clock, settings=settings)
    assert caught.value.retry_after == 4000
