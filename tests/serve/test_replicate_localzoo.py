"""Replicate in a ``LocalZoo``: over sockets, with what can go wrong there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from zooclient import Client
from zooclient.testing import Body, Cut, Edit, Flip, LocalZoo, Lost, Slow, Stall, Status
from zooclient.testing.replicate import Input, Made, Work

MODEL = "acme/tiny"


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=["replicate"]) as made:
        made.commit(MODEL, {"README.md": "---\nlicense: mit\n---\n# Tiny\n\nA tiny thing.\n"})
        yield made


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {zoo.tokens['replicate']}"}
    with httpx.Client(base_url=zoo.endpoints["replicate"], headers=headers, trust_env=False, timeout=20) as client:
        yield client


def create(zoo: LocalZoo, web: httpx.Client, prefer: str | None = None, **sent: Any) -> Any:
    """Creates a prediction that has to be taken."""
    body = {"version": zoo.replicate.version(MODEL), "input": sent or {"prompt": "hi"}}
    answer = web.post("/v1/predictions", json=body, headers={} if prefer is None else {"prefer": prefer})
    assert answer.status_code in (201, 202), answer.text
    return answer.json()


def test_it_is_started_with_the_others(tmp_path: Path) -> None:
    """By default it runs beside the other zoos, with a token of its own form, and the client finds its way."""
    with LocalZoo() as zoo:
        zoo.commit(MODEL, {"README.md": "# Tiny\n\nA tiny thing.\n"})
        assert zoo.tokens["replicate"].startswith("r8_")
        zoo.replicate.offer(MODEL, weights_url="https://huggingface.co/acme/tiny")
        with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            record = client.resolve(zoo.replicate.ref(MODEL))
            assert (str(record.ref), record.pin) == (zoo.replicate.ref(MODEL), "version")
            assert [str(hit.ref.id) for hit in client.search("tiny", zoos=["replicate"])] == [MODEL]
            zoo.replicate.keep(MODEL)
            assert client.resolve(zoo.replicate.ref(MODEL)).pin == "none"


def test_a_create_that_waits_comes_back_as_soon_as_it_is_over(zoo: LocalZoo, web: httpx.Client) -> None:
    """It waits for the model and no longer, and tells for how long it would have."""
    go = threading.Event()
    zoo.replicate.offer(MODEL, output="files", run=lambda job: [Made(b"x", "a.png")] if go.wait(10) else [])
    threading.Timer(0.05, go.set).start()
    begun = time.monotonic()
    answer = web.post(
        "/v1/predictions",
        json={"version": zoo.replicate.version(MODEL), "input": {"prompt": "x"}},
        headers={"prefer": "wait"},
    )
    assert time.monotonic() - begun < 10
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=60")
    assert answer.json()["output"] == ["data:image/png;base64,eA=="]


def test_many_may_wait_at_once(zoo: LocalZoo, web: httpx.Client) -> None:
    """Forty clients that wait keep nobody from being answered, and each gets its own answer."""
    go = threading.Event()
    zoo.replicate.offer(MODEL, run=lambda job: job.input["prompt"] if go.wait(20) else "")
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = create(zoo, web, "wait=30", prompt=str(number))["output"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    while len(zoo.replicate.predictions(MODEL)) < len(threads):
        assert web.get("/v1/account").status_code == 200
    go.set()
    for thread in threads:
        thread.join(20)
    assert answers == {number: str(number) for number in range(40)}


def test_a_stream_is_sent_as_the_model_speaks(zoo: LocalZoo, web: httpx.Client) -> None:
    """Each piece is there before the next is made, from the other origin and without a token."""
    turns = [threading.Event() for _ in range(3)]

    def work(job: Work) -> Iterator[str]:
        for number, turn in enumerate(turns):
            assert turn.wait(10)
            yield f"piece {number}"

    zoo.replicate.offer(MODEL, output="tokens", run=work)
    prediction = create(zoo, web)
    url = prediction["urls"]["stream"]
    assert url.startswith(zoo.byte_origins["replicate"])
    seen = []
    with httpx.stream("GET", url, headers={"accept": "text/event-stream"}, trust_env=False, timeout=20) as answer:
        assert "content-length" not in answer.headers
        turns[0].set()
        for line in answer.iter_lines():
            if line.startswith("data: piece"):
                seen.append(line)
                if len(seen) < len(turns):
                    turns[len(seen)].set()
    assert seen == ["data: piece 0", "data: piece 1", "data: piece 2"]
    assert [seen.method for seen in zoo.requests if seen.origin == "cdn"] == ["GET"]


def test_a_stream_that_is_cut_can_be_taken_up(zoo: LocalZoo, web: httpx.Client) -> None:
    """The line breaks in the middle of an event; with the last id the rest comes."""
    zoo.replicate.offer(MODEL, output="tokens", run=lambda job: iter(["one", "two", "three"]))
    url = create(zoo, web, "wait")["urls"]["stream"]
    whole = httpx.get(url, trust_env=False).text
    end = whole.index("event: output", 1)
    cut = zoo.fail("/pbxt/v1/streams/*", Cut(after=end + 5))
    got = ""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("GET", url, trust_env=False, timeout=20) as answer,
    ):
        for text in answer.iter_text():
            got += text
    assert (got, cut.hits) == (whole[: end + 5], 1)
    last = got.split("id: ")[1].partition("\n")[0]
    assert httpx.get(url, headers={"last-event-id": last}, trust_env=False).text == whole[end:]


def test_streams_are_spoilt_as_files_are(zoo: LocalZoo, web: httpx.Client) -> None:
    """A bit that is wrong, a slow line and one that dries up hold for what comes about while it is sent, too."""
    zoo.replicate.offer(MODEL, output="tokens", run=lambda job: iter(["one", "two"]))
    url = create(zoo, web, "wait")["urls"]["stream"]
    whole = httpx.get(url, trust_env=False).content
    thrown = zoo.fail("/pbxt/*", Flip(0, times=1)), zoo.fail("/pbxt/*", Slow(1_000_000.0, times=1))
    assert httpx.get(url, trust_env=False).content == bytes([whole[0] ^ 1]) + whole[1:]
    zoo.fail("/pbxt/*", Stall(10))
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, trust_env=False, timeout=0.2)
    zoo.fail("/pbxt/*", Stall(10, seconds=0.01))
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url, trust_env=False, timeout=20)
    assert [fault.hits for fault in thrown] == [1, 1]
    assert httpx.get(url, trust_env=False).content == whole


def test_a_post_whose_answer_is_lost_was_taken(zoo: LocalZoo, web: httpx.Client) -> None:
    """The client times out, and exactly one prediction runs: whoever looks finds it, whoever repeats pays twice."""
    zoo.fail(MODEL, Lost())
    with pytest.raises(httpx.ReadTimeout):
        web.post(
            "/v1/predictions",
            json={"version": zoo.replicate.version(MODEL), "input": {"prompt": "x"}},
            timeout=0.2,
        )
    (run,) = zoo.replicate.predictions(MODEL)
    assert run.stopped.wait(10)
    assert [row["id"] for row in web.get("/v1/predictions").json()["results"]] == [run.id]
    assert [(seen.method, seen.status) for seen in zoo.requests] == [("POST", 0), ("GET", 200)]
    assert create(zoo, web)["status"] == "starting"
    assert len(zoo.replicate.predictions()) == 2


def test_an_answer_that_is_lost_after_a_while_is_closed(zoo: LocalZoo, web: httpx.Client) -> None:
    """The connection is closed without an answer, and only POSTs are concerned."""
    zoo.fail("/v1/predictions", Lost(seconds=0.01))
    assert web.get("/v1/predictions").status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        create(zoo, web)
    assert len(zoo.replicate.predictions()) == 1


def test_faults_hold_here_too(zoo: LocalZoo, web: httpx.Client) -> None:
    """Statuses, bodies and edits by path, by model and by method spoil these answers as those of the other zoos."""
    busy = zoo.fail("/v1/models", Status(429, method="QUERY", body='{"retry_after": 1}'), zoo="replicate")
    assert web.get("/v1/models").status_code == 200
    assert web.request("QUERY", "/v1/models", content="tiny").json() == {"retry_after": 1}
    assert web.request("QUERY", "/v1/models", content="tiny").json()["results"][0]["name"] == "tiny"
    assert busy.hits == 1
    zoo.fail(MODEL, Edit(lambda told: {**told, "status": "melted"}, times=1))
    assert create(zoo, web)["status"] == "melted"
    zoo.fail("/v1/account", Body(b"<html>", code=502))
    assert web.get("/v1/account").status_code == 502
    zoo.heal()
    assert web.get("/v1/account").json()["username"] == "me"


def test_files_come_from_the_other_origin(zoo: LocalZoo, web: httpx.Client) -> None:
    """An upload of several megabytes becomes an input, and what comes of it can be cut as any other file."""
    content = bytes(range(256)) * 40_000
    upload = web.post("/v1/files", files={"content": ("in.bin", content, "application/x-own")}).json()
    assert (upload["size"], upload["content_type"]) == (len(content), "application/x-own")
    zoo.replicate.offer(
        MODEL, inputs={"image": Input("file")}, output="file", run=lambda job: Made(job.read("image"), "out.bin")
    )
    prediction = create(zoo, web, image=upload["urls"]["get"])
    (run,) = zoo.replicate.predictions()
    assert run.stopped.wait(10)
    url = web.get(f"/v1/predictions/{prediction['id']}").json()["output"]
    assert url.startswith(zoo.byte_origins["replicate"])
    assert httpx.get(url, trust_env=False).content == content
    zoo.fail("out.bin", Cut(after=1000))
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url, trust_env=False)
    zoo.replicate.course(MODEL, outputs="gone")
    assert httpx.get(url, trust_env=False).status_code == 200


def test_a_zoo_that_stops_waits_for_no_model() -> None:
    """Neither a model that never ends, nor one who waits for it or reads its stream, keeps the zoo from stopping."""
    with LocalZoo(zoos=["replicate"]) as zoo:
        zoo.commit(MODEL, {"README.md": "x"})
        zoo.replicate.course(MODEL, ends="never")
        headers = {"authorization": f"Bearer {zoo.tokens['replicate']}"}
        web = httpx.Client(base_url=zoo.endpoints["replicate"], headers=headers, trust_env=False, timeout=20)
        url = create(zoo, web)["urls"]["stream"]
        broken = []

        def ask(call: Any) -> None:
            try:
                call()
            except httpx.TransportError as error:
                broken.append(error)

        waiting = [
            threading.Thread(target=ask, args=(lambda: create(zoo, web, "wait"),)),
            threading.Thread(target=ask, args=(lambda: httpx.get(url, trust_env=False, timeout=20),)),
        ]
        for thread in waiting:
            thread.start()
        # The first creation, the one that waits, and the stream.
        while sum(seen.path != "/v1/account" for seen in zoo.requests) < 3:
            web.get("/v1/account")
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    for thread in waiting:
        thread.join(10)
    web.close()
    assert len(broken) == 2
