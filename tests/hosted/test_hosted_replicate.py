"""Runs through Replicate's own client: what comes of them, what it may carry, and what it fails with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hostedkit import PNG, Hosted, hosted
from netdoubles import Answer, Asked, Server

from zooclient import Client
from zooclient.errors import (
    AccessError,
    Cancelled,
    ConfigError,
    IntegrityError,
    NetworkError,
    ProtocolError,
    RateLimited,
    RunFailed,
    Unsupported,
    ZooError,
)
from zooclient.net.cancel import Cancel
from zooclient.providers.replicate import official
from zooclient.providers.replicate.official import OfficialReplicate, judged
from zooclient.providers.replicate.official_child import guarded
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest
from zooclient.testing import Status
from zooclient.testing.replicate import AtReplicate, Input, Made

pytestmark = pytest.mark.official
pytest.importorskip("replicate", reason="replicate is not installed, or cannot be imported in this Python")

TOKEN = "r8_secret"
MODEL = "acme/tiny"
HEX = "1" * 64


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Hosted]:
    """A zoo with one model, and a client that is logged in."""
    with hosted(tmp_path) as both:
        both.zoo.commit(MODEL, {"README.md": "# Tiny\n"})
        yield both


def shout(at: Hosted, **more: Any) -> AtReplicate:
    """Lets the model shout."""
    at.zoo.replicate.offer(
        MODEL,
        inputs={"text": Input("string"), "times": Input("integer", default=1)},
        output="tokens",
        run=lambda job: (job.input["text"].upper() + " " for _ in range(job.input["times"])),
        **more,
    )
    return at.zoo.replicate


def run(at: Hosted, **inputs: Any) -> Run:
    """Runs the model at its version through the zoo's own client."""
    return at.client.open(at.zoo.replicate.ref(MODEL)).run(inputs, via="official")


def test_a_version_is_run(at: Hosted) -> None:
    """The pinned version ran through the package; the run tells output, id, version and what went in."""
    zoo = shout(at)
    done = run(at, text="hi", times=2)
    assert (done.output, done.status, done.version) == ("HI HI ", "succeeded", zoo.version(MODEL))
    assert done.inputs == {"text": "hi", "times": 2} and done.id == zoo.predictions(MODEL)[0].id
    agents = {seen.headers.get("user-agent", "").partition("/")[0] for seen in at.zoo.requests if seen.method == "POST"}
    assert agents == {"replicate-python"}


def test_an_official_model_is_run(at: Hosted) -> None:
    """A model without versions is run by its name."""
    shout(at, official=True)
    assert run(at, text="hi").output == "HI "
    assert at.asked() == [f"/v1/models/{MODEL}/predictions"]


def test_pieces_are_told(at: Hosted) -> None:
    """The stream of the package is handed on piece by piece."""
    shout(at)
    stream = at.client.open(at.zoo.replicate.ref(MODEL)).stream(text="hi", times=2, via="official")
    assert [event.text for event in stream if event.kind == "output"] == ["HI ", "HI "]
    assert stream.result().output == "HI HI "


def test_a_file_goes_in_and_a_picture_comes_out(at: Hosted, tmp_path: Path) -> None:
    """A file is uploaded by the package and told by its digest; an output is saved and hashed by us."""
    heard: list[bytes] = []

    def paint(job: Any) -> Made:
        heard.append(job.input["image"] if isinstance(job.input["image"], bytes) else b"")
        return Made(PNG, "cat.png")

    at.zoo.replicate.offer(MODEL, inputs={"image": Input("file")}, output="file", run=paint)
    (tmp_path / "in.png").write_bytes(PNG)
    done = run(at, image=tmp_path / "in.png")
    assert done.inputs["image"]["file"] == "in.png" and "/v1/files" in at.asked()
    assert [path.read_bytes() for path in done.paths] == [PNG]


@pytest.mark.parametrize("ends", ["failed", "canceled", "aborted"])
def test_every_other_end_is_told(at: Hosted, ends: str) -> None:
    """A run that did not end well is RunFailed with its record, ``aborted`` too, which the package cannot read."""
    shout(at).course(MODEL, ends=ends)
    with pytest.raises(RunFailed) as caught:
        run(at, text="hi")
    failed = caught.value.run
    assert isinstance(failed, Run) and failed.status == ends


def test_wrong_inputs_are_told_before_anything_is_sent(at: Hosted) -> None:
    """The schema of the model is asked before the package is."""
    shout(at)
    with pytest.raises(ConfigError, match="fish"):
        run(at, text="hi", fish=1)
    with pytest.raises(ConfigError, match="for one task"):
        at.client.open(at.zoo.replicate.ref(MODEL)).run(text="hi", task="chat", via="official")
    assert at.asked() == []


def test_what_it_fails_with_is_said_in_our_words(at: Hosted) -> None:
    """The API's refusals become our errors, with their words."""
    zoo = shout(at)
    zoo.bill(MODEL)
    with pytest.raises(AccessError, match="paid for"):
        run(at, text="hi")
    zoo.throttle(MODEL, 9, times=None)
    with pytest.raises(RateLimited) as caught:
        run(at, text="hi")
    assert caught.value.retry_after == 9
    assert (caught.value.zoo, caught.value.operation) == ("replicate", "run")
    zoo.admit(MODEL)
    at.zoo.fail("/v1/predictions", Status(500, body="<html>"))
    with pytest.raises(NetworkError, match="500"):
        run(at, text="hi")


def test_a_deadline_cancels_the_run_at_the_zoo(at: Hosted) -> None:
    """A run that does not end is cancelled when its time is over."""
    shout(at).course(MODEL, ends="never")
    with pytest.raises(ZooError):
        at.client.open(at.zoo.replicate.ref(MODEL)).run(text="hi", via="official", deadline=2)
    created = "/v1/predictions" in at.asked()  # on a busy machine the time may be over before
    assert any(path.endswith("/cancel") for path in at.asked()) == created


def test_the_wish_to_stop_cancels_the_run_at_the_zoo(at: Hosted) -> None:
    """Who gives a run up does not go on paying for it."""
    zoo = shout(at)
    zoo.course(MODEL, ends="never")
    cancel = Cancel()

    def stop() -> None:
        while not any(seen.method == "GET" and "/predictions/" in seen.path for seen in at.zoo.requests):
            if cancel.cancelled:
                return
            threading.Event().wait(0.05)
        cancel.cancel()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled) as caught:
        at.client.open(zoo.ref(MODEL)).run(text="hi", via="official", cancel=cancel)
    assert "next run goes on" not in (caught.value.hint or ""), "a run is no download"
    stopper.join()
    assert any(path.endswith("/cancel") for path in at.asked())


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot tell there that its parent has gone")
def test_who_is_killed_does_not_go_on_paying(at: Hosted, tmp_path: Path) -> None:
    """The package's process outlives nobody: it cancels the run, and ends."""
    zoo = shout(at)
    zoo.course(MODEL, ends="never")
    told = {"home": str(tmp_path / "other"), "endpoints": at.zoo.endpoints, "tokens": at.zoo.tokens}
    code = f"import zooclient; zooclient.Client(**{told!r}).open({zoo.ref(MODEL)!r}).run(text='hi', via='official')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    try:
        _until(lambda: any(seen.method == "GET" and "/predictions/" in seen.path for seen in at.zoo.requests))
    finally:
        process.kill()
        process.wait()
    _until(lambda: any(path.endswith("/cancel") for path in at.asked()))


def _until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        threading.Event().wait(0.05)


def test_trainings_are_not_its_business(at: Hosted) -> None:
    """A training through the package is refused with what to do."""
    shout(at).teach(MODEL, {"data": Input("string")})
    with pytest.raises(Unsupported, match="Trainings"):
        at.client.open(at.zoo.replicate.ref(MODEL)).train(data="x", destination="replicate:me/mine", via="official")


def test_a_zoo_without_a_client_that_runs_says_so(at: Hosted) -> None:
    """ModelScope's own client runs no hosted models, and files do not come through Replicate's."""
    name = at.model("acme/chat")
    with pytest.raises(Unsupported, match="own"):
        at.client.open(f"modelscope:{name}@{at.zoo.head(name, zoo='modelscope')}").run(prompt="x", via="official")
    with pytest.raises(Unsupported):
        at.client.download(at.zoo.replicate.ref(MODEL), via="official")


# What it may carry


def _prediction(**more: Any) -> dict[str, Any]:
    return {
        "id": "p1",
        "model": MODEL,
        "version": HEX,
        "status": "succeeded",
        "input": {},
        "output": None,
        "logs": "",
        "error": None,
        "created_at": "2026-01-01T00:00:00Z",
        "urls": {"get": "x", "cancel": "x"},
        **more,
    }


def _api(answer: Callable[[Asked], Answer | dict[str, Any]]) -> Server:
    def reply(asked: Asked) -> Answer:
        told = answer(asked)
        if isinstance(told, Answer):
            return told
        return Answer(status=201, body=json.dumps(told).encode(), headers={"Content-Type": "application/json"})

    return Server(reply)


def _record() -> ModelRecord:
    ref = Ref(scheme="replicate", id=MODEL, revision=HEX)
    return ModelRecord(ref=ref, requested=ref, pin="version", title="tiny")


def _through(api: Server, home: Path, told: Callable[[RunEvent], None] | None = None) -> Run:
    with Client(home=home, endpoints={"replicate": api.url}, tokens={"replicate": TOKEN}) as client:
        return client.run(OfficialReplicate(endpoint=api.url).run(_record(), RunRequest(), told=told))


def test_a_stream_on_a_foreign_host_carries_no_token(tmp_path: Path) -> None:
    """The package sends its token with the stream, too; behind the guard that host sees none, and is still heard."""
    stream = b"id: 1:0\nevent: output\ndata: hi\n\nid: 1:1\nevent: done\ndata: {}\n\n"
    with Server(lambda asked: Answer(body=stream, headers={"Content-Type": "text/event-stream"})) as foreign:
        streaming = {"get": "x", "cancel": "x", "stream": f"{foreign.url}/stream"}
        states = iter([_prediction(status="starting", urls=streaming), *[_prediction(output="hi")] * 9])
        told: list[RunEvent] = []
        with _api(lambda asked: next(states)) as api:
            done = _through(api, tmp_path, told.append)
    assert [event.text for event in told] == ["hi"] and done.output == "hi"
    assert [asked.headers.get("authorization") for asked in foreign.asked] == [None]
    assert {asked.headers.get("authorization") for asked in api.asked} == {f"Bearer {TOKEN}"}


def test_an_output_on_a_foreign_host_is_read_without_the_token() -> None:
    """The package sends the token to whatever host an output names when that is read; behind the guard it does not."""
    from replicate.helpers import FileOutput

    with Server(lambda asked: Answer(body=PNG)) as foreign, _api(lambda asked: _prediction()) as api:
        client = guarded(api.url, TOKEN)
        assert FileOutput(f"{foreign.url}/out.png", client).read() == PNG
        client.predictions.get("p1")
        client._client.close()
    assert [asked.headers.get("authorization") for asked in foreign.asked] == [None]
    assert [asked.headers.get("authorization") for asked in api.asked] == [f"Bearer {TOKEN}"]


def test_the_next_page_on_a_foreign_host_is_asked_without_the_token() -> None:
    """Nor does a listing take the token to where it says that it goes on."""
    empty: dict[str, Any] = {"next": None, "previous": None, "results": []}
    page = Answer(body=json.dumps(empty).encode(), headers={"Content-Type": "application/json"})
    with Server(lambda asked: page) as foreign:
        first = {**empty, "next": f"{foreign.url}/v1/predictions?cursor=x"}
        with _api(lambda asked: first) as api:
            client = guarded(api.url, TOKEN)
            client.predictions.list(client.predictions.list().next)
            client._client.close()
    assert len(foreign.asked) == 1 and TOKEN not in str(foreign.asked[0].headers)


def test_a_redirect_to_a_foreign_host_takes_no_token_along(tmp_path: Path) -> None:
    """An API that sends the question on to another server does not send the token on."""
    with Server(lambda asked: Answer(status=404)) as foreign:
        on = Answer(status=307, headers={"Location": f"{foreign.url}/v1/predictions"})
        with _api(lambda asked: on) as api, pytest.raises(ZooError):
            _through(api, tmp_path)
    assert all(TOKEN not in str(asked.headers) for asked in foreign.asked)


def test_without_a_token_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The surroundings' token does not reach the package, nor does another address of the API."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_around")
    monkeypatch.setenv("REPLICATE_BASE_URL", "http://127.0.0.1:9")
    with (
        _api(lambda asked: _prediction(output="x")) as api,
        Client(home=tmp_path, endpoints={"replicate": api.url}) as client,
    ):
        done = client.run(OfficialReplicate(endpoint=api.url).run(_record(), RunRequest()))
    assert done.output == "x" and [asked.headers.get("authorization") for asked in api.asked] == [None]


def test_another_version_that_ran_is_told(tmp_path: Path) -> None:
    """The version that the API says ran is compared with the one that was asked for."""
    with _api(lambda asked: _prediction(version="2" * 64)) as api:
        done = _through(api, tmp_path)
    assert any("2" * 64 in problem for problem in done.problems)


def test_an_answer_of_another_shape(tmp_path: Path) -> None:
    """What the package cannot read is a ProtocolError."""
    with _api(lambda asked: {"id": "p1", "status": "odd", "input": {}}) as api, pytest.raises(ProtocolError):
        _through(api, tmp_path)


def test_in_a_python_that_is_too_new_for_it(at: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package cannot be imported, the way is Unsupported, and the hint says which Python it needs."""
    shout(at)
    monkeypatch.setattr(official, "_TOO_NEW", (3, 0))
    with pytest.raises(Unsupported, match=r"3\.14") as caught:
        run(at, text="hi")
    assert "3.13" in (caught.value.hint or "") and at.asked() == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"chain": [{"names": ["ImportError"], "text": "hidden"}]}, Unsupported),
        ({"chain": [{"names": ["ValidationError"], "text": "status"}]}, ProtocolError),
        ({"chain": [{"names": ["Crash"], "text": "-11"}]}, ProtocolError),
        ({"chain": [{"names": ["ConnectError", "TransportError", "HTTPError"], "text": "refused"}]}, NetworkError),
        (
            {"chain": [{"names": ["ReplicateError"], "text": "x"}], "refused": {"status": 401, "body": "{}"}},
            AccessError,
        ),
        (
            {
                "chain": [{"names": ["ReplicateError"], "text": "x"}],
                "refused": {"status": 302, "headers": {"location": "https://x.example/"}},
            },
            IntegrityError,
        ),
        ({"chain": [{"names": ["ValueError"], "text": "odd"}]}, ConfigError),
        ({}, ConfigError),
    ],
)
def test_every_failure_of_the_package_is_judged(answer: dict[str, Any], kind: type[ZooError]) -> None:
    """An exception of the package becomes one error of ours."""
    assert type(judged(answer, evolve(_record().ref))) is kind
