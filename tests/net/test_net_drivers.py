"""Flows over real sockets, in both colours."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from netdoubles import FAST, Answer, Asked, QuickClock, Server, driver, one, text

from zooclient.errors import (
    Cancelled,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    ProtocolError,
    RateLimited,
    ZooError,
)
from zooclient.net.auth import Auth, Credential
from zooclient.net.cancel import Cancel
from zooclient.net.conversation import USER_AGENT, Clock, Send, Talk, Wait
from zooclient.net.drivers import Driver
from zooclient.net.exchange import Call, Flow, Request, Response, fetch
from zooclient.net.proxy import Proxies
from zooclient.settings import Limits, Settings

#: Runs a flow, in one colour or the other.
Run = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Each test that takes this runs twice: the colours must not differ."""

    def in_threads(
        flow: Flow[Any],
        settings: Settings | None = None,
        auth: Auth | None = None,
        clock: Clock | None = None,
        cancel: Cancel | None = None,
    ) -> Any:
        with driver(settings, auth=auth, clock=clock) as made:
            return made.run(flow, cancel)

    def in_a_loop(
        flow: Flow[Any],
        settings: Settings | None = None,
        auth: Auth | None = None,
        clock: Clock | None = None,
        cancel: Cancel | None = None,
    ) -> Any:
        async def main() -> Any:
            with driver(settings, auth=auth, clock=clock) as made:
                try:
                    return await made.arun(flow, cancel)
                finally:
                    await made.aclose()

        return asyncio.run(main())

    return in_threads if request.param == "sync" else in_a_loop


def closed_port() -> int:
    """Returns a port at which nobody listens."""
    with Server(text("")) as server:
        return server.port


def test_an_answer_arrives_whole(run: Run) -> None:
    """Status, headers in small letters, joined, without cookies; the body decoded."""

    def answer(asked: Asked) -> Answer:
        packed = gzip.compress(b'{"a": 1}')
        head = b"HTTP/1.1 201 Created\r\nX-One: a\r\nX-One: b\r\nSet-Cookie: id=1\r\nContent-Encoding: gzip\r\n"
        return Answer(raw=head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed)

    with Server(answer) as server:
        response = run(one(f"{server.url}/x?q=ä b"))
    assert response.status == 201
    assert response.json() == {"a": 1}
    assert response.headers["x-one"] == "a, b"
    assert "set-cookie" not in response.headers


def test_what_is_sent(run: Run) -> None:
    """Our name, gzip, the flow's own headers and body; no cookie of an earlier answer, no other credential."""
    with Server(text("", Set_Cookie="id=1")) as server:

        def flow() -> Flow[None]:
            yield Request(url=server.url)
            yield Request(
                url=server.url,
                method="POST",
                content=b"body",
                headers={"Accept": "x/y", "authorization": "Bearer stolen", "Cookie": "c=1", "User-Agent": "chrome"},
            )

        run(flow())
    sent = server.asked[1]
    assert sent.method == "POST"
    assert sent.body == b"body"
    assert sent.headers["accept"] == "x/y"
    assert sent.headers["user-agent"] == USER_AGENT
    assert sent.headers["accept-encoding"] == "gzip"
    assert "cookie" not in sent.headers
    assert "authorization" not in sent.headers


def test_our_name_is_no_browser_s() -> None:
    """Civitai answers with pages whoever has one of these words in their name."""
    for word in ("mozilla", "chrome", "safari", "firefox", "opera", "edge"):
        assert word not in USER_AGENT.lower()


def test_a_tuple_is_answered_in_order(run: Run) -> None:
    """Requests of a tuple are sent together and answered in the order of asking; an empty one is answered too."""
    barrier = threading.Barrier(3, timeout=5)

    def answer(asked: Asked) -> Answer:
        barrier.wait()
        return Answer(body=asked.path.encode())

    with Server(answer) as server:

        def flow() -> Flow[tuple[Response, ...]]:
            nothing = yield ()
            assert nothing == ()
            answers: tuple[Response, ...] = yield tuple(Request(url=f"{server.url}/{name}") for name in "abc")
            return answers

        assert [response.text() for response in run(flow())] == ["/a", "/b", "/c"]


def test_the_first_failure_of_a_tuple_is_thrown_in(run: Run) -> None:
    """By the order of asking, whichever came first."""
    port = closed_port()
    with Server(text("")) as server:

        def flow() -> Flow[str]:
            try:
                yield Request(url=server.url), Request(url="ftp://x/"), Request(url=f"http://127.0.0.1:{port}/")
            except IntegrityError:
                return "the second"
            return "none"

        assert run(flow()) == "the second"


def test_a_call_is_made_and_answered(run: Run) -> None:
    """Work that blocks runs, its value comes back, and what it raises can be caught by the flow."""

    def broken() -> None:
        raise NotFound("no such file")

    def flow() -> Flow[list[Any]]:
        got: list[Any] = [(yield Call(run=lambda: 5))]
        try:
            yield Call(run=broken)
        except NotFound as error:
            got.append(error.message)
        return got

    assert run(flow()) == [5, "no such file"]


def test_a_call_does_not_block_the_loop() -> None:
    """In an event loop it runs in another thread."""
    threads: list[int] = []

    def flow() -> Flow[None]:
        yield Call(run=lambda: threads.append(threading.get_ident()))

    async def main() -> None:
        with driver() as made:
            await made.arun(flow())

    asyncio.run(main())
    assert threads != [threading.get_ident()]


def test_what_nobody_catches_comes_out(run: Run) -> None:
    """An error passes through the flow, whose own tidying is done."""
    tidy: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield Request(url=f"http://127.0.0.1:{closed_port()}/?token=secret")
        finally:
            tidy.append("done")

    with pytest.raises(NetworkError, match=r"refuses connections.* tried 3 times") as caught:
        run(flow())
    assert tidy == ["done"]
    assert "secret" not in f"{caught.value!r} {caught.value.url} {caught.value.hint}"
    assert caught.value.url is not None
    assert caught.value.hint is not None
    assert caught.value.__cause__ is not None


def test_redirects_are_answers(run: Run) -> None:
    """The driver follows none; ``fetch`` follows those within the origin."""
    with Server(lambda asked: Answer(302, headers={"Location": "/b"}) if asked.path == "/a" else Answer()) as server:
        assert run(one(f"{server.url}/a")).status == 302
        assert run(fetch(Request(url=f"{server.url}/a"))).request.url == f"{server.url}/b"


def test_no_token_crosses_to_another_origin(run: Run) -> None:
    """The zoo gets its token at each hop; another port of the same host is another origin, even if asked by hand."""
    with Server(text("bytes")) as other:
        moved = {"Location": f"{other.url}/steal"}
        with Server(lambda asked: Answer(302, headers=moved) if asked.path == "/away" else Answer()) as zoo:
            auth = Auth([Credential(origin=zoo.url, token="hf_secret")])

            def flow() -> Flow[None]:
                yield from fetch(Request(url=f"{zoo.url}/first"))
                response = yield from fetch(Request(url=f"{zoo.url}/away"))
                yield Request(url=response.headers["location"])
                yield Request(url=f"{other.url}/beside")

            run(flow(), auth=auth)
    assert [asked.headers.get("authorization") for asked in zoo.asked] == ["Bearer hf_secret"] * 2
    assert [asked.path for asked in other.asked] == ["/steal", "/beside"]
    assert all("authorization" not in asked.headers for asked in other.asked)


def test_a_token_to_try_takes_the_place_of_the_stored_one(run: Run) -> None:
    """``Request.token`` goes with that request alone."""
    with Server(text("")) as zoo:
        auth = Auth([Credential(origin=zoo.url, token="stored")])

        def flow() -> Flow[None]:
            yield Request(url=zoo.url, token="tried")
            yield Request(url=zoo.url)

        run(flow(), auth=auth)
    assert [asked.headers["authorization"] for asked in zoo.asked] == ["Bearer tried", "Bearer stored"]


def test_a_failing_server_is_asked_again(run: Run) -> None:
    """5xx twice, then an answer: the flow sees the answer; an error that stays is an answer as well."""
    left = [500, 503]
    clock = QuickClock()
    with Server(lambda asked: Answer(left.pop() if left else 200)) as server:
        assert run(one(server.url), clock=clock).status == 200
        assert len(server.asked) == 3
        assert clock.waits == [FAST.backoff_base, FAST.backoff_base * 2]
    with Server(text("", 502)) as server:
        assert run(one(server.url), clock=clock).status == 502
        assert len(server.asked) == 1 + FAST.retries


def test_a_zoo_that_is_not_there_is_soon_given_up(run: Run) -> None:
    """Where no connection can be made, the store may have an answer: few attempts, whatever bytes are allowed."""
    clock = QuickClock()
    with pytest.raises(NetworkError, match="tried 3 times"):
        run(one(f"http://127.0.0.1:{closed_port()}/"), Settings(), clock=clock)
    assert sum(clock.waits) < 2


def test_a_write_is_not_repeated(run: Run) -> None:
    """A POST that failed on the server is not sent again."""
    with Server(text("", 500)) as server:
        assert run(one(server.url, method="POST", content=b"x")).status == 500
        assert len(server.asked) == 1


def test_a_server_s_wish_to_wait_is_obeyed(run: Run) -> None:
    """429 with a rate-limit header: that many seconds, then again."""
    left = [Answer(429, headers={"RateLimit": '"api";r=0;t=12'})]
    clock = QuickClock()
    with Server(lambda asked: left.pop() if left else Answer()) as server:
        assert run(one(server.url), clock=clock).status == 200
    assert clock.waits == [12.0]


def test_a_wait_that_is_too_long_is_an_error(run: Run) -> None:
    """The caller is told how long the zoo wants to be left alone, and nothing is waited for."""
    clock = QuickClock()
    with Server(text("", 429, Retry_After="3600")) as server, pytest.raises(RateLimited) as caught:
        run(one(server.url), clock=clock)
    assert caught.value.retry_after == 3600
    assert clock.waits == []


def test_a_limit_that_stays_is_an_error(run: Run) -> None:
    """429 as often as was tried: RateLimited."""
    with Server(text("", 429)) as server, pytest.raises(RateLimited):
        run(one(server.url), clock=QuickClock())
    assert len(server.asked) == 1 + FAST.retries


def test_others_wait_as_well() -> None:
    """When an origin asks to wait, the next request to it waits too, and one to another origin does not."""
    talk = Talk(Settings(), Auth(), Proxies({}), None, QuickClock())
    first = talk.conversation(busy := Request(url="https://busy.example/a"))
    assert isinstance(next(first), Send)
    assert first.send(Response(request=busy, status=429, headers={"retry-after": "100"})) == Wait(seconds=100)
    assert next(talk.conversation(Request(url="https://BUSY.example:443/b"))) == Wait(seconds=100)
    assert isinstance(next(talk.conversation(Request(url="https://other.example/"))), Send)


def test_a_body_that_stops_is_no_answer(run: Run) -> None:
    """A cut answer is asked for again, and in the end an error."""
    cut = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    left = [cut]
    with Server(lambda asked: left.pop() if left else Answer(body=b"whole")) as server:
        assert run(one(server.url)).text() == "whole"
    with Server(lambda asked: cut) as server, pytest.raises(NetworkError, match="broke off"):
        run(one(server.url))


def test_an_enormous_answer_is_refused(run: Run) -> None:
    """Announced, or found while it streams, or hidden in a compressed body: ProtocolError, and not tried again."""
    bomb = gzip.compress(bytes(5_000_000))
    answers = {
        "announced": Answer(body=bytes(2000)),
        "streamed": Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2000)),
        "packed": Answer(body=bomb, headers={"Content-Encoding": "gzip"}),
    }
    with Server(lambda asked: answers[asked.path[1:]]) as server:
        for name in answers:
            with pytest.raises(ProtocolError, match="larger than"):
                run(one(f"{server.url}/{name}", max_bytes=100_000 if name == "packed" else 1000))
        assert len(server.asked) == len(answers)


def test_a_large_file_can_be_asked_for_by_head(run: Run) -> None:
    """The length that a HEAD names is not the length of its answer."""
    with Server(text("x" * 5000)) as server:
        assert run(one(server.url, method="HEAD", max_bytes=100)).headers["content-length"] == "5000"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "cannot be unpacked"),
    ],
)
def test_what_is_not_http_is_told(run: Run, raw: bytes, sentence: str) -> None:
    """An answer that is none is a ProtocolError, once."""
    with Server(lambda asked: Answer(raw=raw)) as server:
        with pytest.raises(ProtocolError, match=sentence):
            run(one(server.url))
        assert len(server.asked) == 1


def test_a_silent_server_is_given_up(run: Run) -> None:
    """No answer within the limit: an error that names the limit."""
    done = threading.Event()

    def never(asked: Asked) -> Answer:
        done.wait(10)
        return Answer()

    with Server(never) as server:
        with pytest.raises(NetworkError, match="fell silent") as caught:
            run(one(server.url), Settings(limits=Limits(retries=0, read_timeout=0.1)))
        done.set()
    assert "ZOOCLIENT_TIMEOUT" in (caught.value.hint or "")


def test_a_name_that_does_not_exist_is_told(run: Run) -> None:
    """DNS failures have their own sentence, and one for the proxy that was meant."""
    with pytest.raises(NetworkError, match=r"name no\.such\.invalid cannot be looked up"):
        run(one("https://no.such.invalid/"))
    settings = Settings(limits=FAST, environ={"HTTPS_PROXY": "http://u:secret@no.proxy.invalid:1"})
    with pytest.raises(NetworkError, match=r"name of the proxy no\.proxy\.invalid:1 cannot") as caught:
        run(one("https://hub.example/"), settings)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x/", "http://a:b@x/", "nothing", "http://[::1/", f"http://{'x' * 70}.example/"])
def test_an_address_that_is_none_is_refused(run: Run, url: str) -> None:
    """A hostile or broken address is an error of ours, not of a library."""
    with pytest.raises(ZooError):
        run(one(url))


def test_offline_is_said(run: Run) -> None:
    """Nothing is asked; the error names the variable that switched connections off."""
    settings = Settings(offline=True, environ={"HF_HUB_OFFLINE": "1"})
    with Server(text("")) as server:
        with pytest.raises(Offline, match="HF_HUB_OFFLINE"):
            run(one(server.url), settings)
        assert server.connections == 0


def test_offline_opens_no_socket() -> None:
    """Neither a connection nor a name lookup: the interpreter's own audit sees none."""
    program = """
import asyncio, sys
from zooclient.errors import Offline
from zooclient.net.auth import Auth
from zooclient.net.drivers import Driver
from zooclient.net.exchange import Request
from zooclient.net.proxy import Proxies
from zooclient.settings import Settings

def flow():
    try:
        yield (Request(url="https://huggingface.co/api/models"), Request(url="http://127.0.0.1:9/"))
    except Offline:
        return "offline"

def audit(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise RuntimeError(event)

sys.addaudithook(audit)
settings = Settings(offline=True)
driver = Driver(settings, Auth(), Proxies.of(settings))
print(driver.run(flow()), asyncio.run(driver.arun(flow())))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("offline offline\n", "")


def test_a_cancelled_flow_asks_nothing(run: Run) -> None:
    """A wish that was there before: no request."""
    cancel = Cancel()
    cancel.cancel()
    with Server(text("")) as server:
        with pytest.raises(Cancelled):
            run(one(server.url), cancel=cancel)
        assert server.connections == 0


def test_cancel_ends_a_wait(run: Run) -> None:
    """While the driver waits for a busy server, another thread can stop it."""
    cancel = Cancel()

    def busy(asked: Asked) -> Answer:
        threading.Timer(0.05, cancel.cancel).start()
        return Answer(429, headers={"Retry-After": "60"})

    with Server(busy) as server:
        with pytest.raises(Cancelled):
            run(one(server.url), cancel=cancel)
        assert len(server.asked) == 1


def test_a_deadline_ends_a_silence(run: Run) -> None:
    """A deadline holds while an answer is waited for, alone or together with others."""
    done = threading.Event()

    def never(asked: Asked) -> Answer:
        done.wait(10)
        return Answer()

    def together(url: str) -> Flow[None]:
        yield Request(url=url), Request(url=url)

    with Server(never) as server:
        for flow in (one(server.url), together(server.url)):
            with pytest.raises(Cancelled, match="deadline"):
                run(flow, Settings(), cancel=Cancel(deadline=0.1))
        done.set()


def test_a_cancelled_task_closes_the_flow() -> None:
    """asyncio's own cancellation: the flow is closed where it stands, and CancelledError comes out."""
    arrived, done, tidy = threading.Event(), threading.Event(), []

    def never(asked: Asked) -> Answer:
        arrived.set()
        done.wait(10)
        return Answer()

    def flow(url: str) -> Flow[None]:
        try:
            yield Request(url=url)
        finally:
            tidy.append("done")

    async def main(url: str) -> None:
        with driver() as made:
            task = asyncio.create_task(made.arun(flow(url), Cancel()))
            await asyncio.to_thread(arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await made.aclose()

    with Server(never) as server:
        asyncio.run(main(server.url))
        done.set()
    assert tidy == ["done"]


def test_a_wish_after_the_end_does_no_harm() -> None:
    """The Cancel of a run that has ended, in a loop that is closed, may still be used."""
    cancel = Cancel()

    async def main(url: str) -> int:
        with driver() as made:
            response: Response = await made.arun(one(url), cancel)
            await made.aclose()
            return response.status

    with Server(text("")) as server:
        assert asyncio.run(main(server.url)) == 200
    cancel.cancel()


def test_connections_are_kept_and_shared() -> None:
    """Requests one after another use one connection; many threads may share a driver."""
    with Server(text("x")) as server, driver() as made:
        for _ in range(3):
            made.run(one(server.url))
        assert server.connections == 1
        answers: list[str] = []
        threads = [threading.Thread(target=lambda: answers.append(made.run(one(server.url)).text())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == ["x"] * 8
        made.close()
        assert made.run(one(server.url)).text() == "x"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_makes_connections_of_its_own() -> None:
    """The child's requests do not come over the parent's connection, and the parent's still works afterwards."""
    program = """
import os, sys
from zooclient.net.auth import Auth
from zooclient.net.drivers import Driver
from zooclient.net.exchange import Request
from zooclient.net.proxy import Proxies
from zooclient.settings import Settings

def flow():
    response = yield Request(url=sys.argv[1])
    return response.text()

driver = Driver(Settings(), Auth(), Proxies({}))
print(driver.run(flow()), flush=True)
with driver._lock:  # as another thread may hold it at the moment of the fork
    child = os.fork()
    if child == 0:
        print(driver.run(flow()), flush=True)
        os._exit(0)
print(os.waitpid(child, 0)[1], driver.run(flow()))
driver.close()
"""
    with Server(text("x")) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, server.url],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.stdout.split(), done.stderr) == (["x", "x", "0", "x"], "")
        assert server.connections == 2


def test_several_event_loops_may_use_one_driver() -> None:
    """Each loop has connections of its own."""
    with Server(text("x")) as server, driver() as made:

        async def main() -> str:
            try:
                answer: Response = await made.arun(one(server.url))
                return answer.text()
            finally:
                await made.aclose()

        assert [asyncio.run(main()) for _ in range(2)] == ["x", "x"]


def test_exchanges_are_recorded(run: Run, tmp_path: Any) -> None:
    """With a folder to record in, each answer is a file, without the token that was sent."""
    with Server(text('{"echo": "s3cr3t-token", "n": 1}', Set_Cookie="a=b", X_Request_Id="7")) as server:
        auth = Auth([Credential(origin=server.url, token="s3cr3t-token")])
        run(one(f"{server.url}/api/x"), Settings(limits=FAST, record_dir=tmp_path / "new"), auth)
    (file,) = (tmp_path / "new").iterdir()
    kept = json.loads(file.read_text())
    assert kept["request"] == {"method": "GET", "url": f"{server.url}/api/x", "body": None}
    assert kept["status"] == 200
    assert kept["body"] == {"echo": "REDACTED", "n": 1}
    assert kept["headers"]["x-request-id"] == "7"
    assert "s3cr3t" not in file.read_text()


def test_a_driver_can_be_told_to_stay_offline() -> None:
    """The argument wins over the settings."""
    made = Driver(Settings(), Auth(), Proxies({}), offline=True)
    with pytest.raises(Offline):
        made.run(one("https://hub.example/"))
