"""Models that ModelScope runs: chats, embeddings and pictures, and what goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostedkit import PNG, Hosted, hosted

from zooclient import Client
from zooclient.errors import (
    AccessError,
    ConfigError,
    NetworkError,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.modelscope.endpoint import INTERNATIONAL
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.providers.registry import credentials, origins_of
from zooclient.records.run import RunEvent, RunRequest
from zooclient.settings import Settings, ZooSettings
from zooclient.testing import Body, Status

CHATS = "/v1/chat/completions"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Hosted]:
    """A zoo and a client that is logged in."""
    with hosted(tmp_path) as both:
        yield both


def test_a_chat_is_answered(at: Hosted) -> None:
    """A prompt becomes a chat; the run tells the text, tokens, what is left of the day, and that it is unpinned."""
    name = at.model("acme/chat")
    run = at.run(f"modelscope:{name}@master", prompt="one two", system="Be brief.", max_tokens=9)
    assert (run.output, run.status, run.task) == ("one two ", "succeeded", "conversational")
    assert run.metrics["completion_tokens"] == 2 and run.extra["requests"]["requests-remaining"] == "1999"
    assert run.ref.revision is None and "master" in run.problems[0]
    assert run.inputs == {"prompt": "one two", "system": "Be brief.", "max_tokens": 9}
    sent = json.loads(at.zoo.requests[-1].body)
    assert (sent["model"], sent["stream"], sent["max_tokens"]) == (name, True, 9)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]


def test_pieces_are_told_while_the_model_still_talks(at: Hosted) -> None:
    """The first piece is told before the last one exists."""
    heard = threading.Event()

    def talk(asked: Any) -> Iterator[Any]:
        yield {"reasoning_content": "hm"}
        yield "first "
        assert heard.wait(30)
        yield "last"

    told: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        told.append(event)
        if event.kind == "output":
            heard.set()

    run = at.run("modelscope:" + at.model("acme/chat", talk), told=listen, prompt="x")
    assert [(event.kind, event.text) for event in told] == [("logs", "hm"), ("output", "first "), ("output", "last")]
    assert (run.output, run.logs) == ("first last", "hm")


def test_a_picture_may_be_asked_about(at: Hosted, tmp_path: Path) -> None:
    """A file beside the prompt goes along as an address that holds it, and is told by its digest."""
    (tmp_path / "cat.png").write_bytes(PNG)
    run = at.run("modelscope:" + at.model("acme/see"), prompt="what is it", image=tmp_path / "cat.png")
    content = json.loads(at.zoo.requests[-1].body)["messages"][0]["content"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert run.inputs["image"]["file"] == "cat.png" and run.inputs["image"]["size"] == len(PNG)


def test_texts_become_vectors(at: Hosted) -> None:
    """One text gives one vector, several give a list of them."""
    name = at.model("acme/embed", lambda asked: [[0.5, 1.0]], task="feature-extraction")
    ref = f"modelscope:{name}"
    assert at.run(ref, task="feature-extraction", text="x").output == [0.5, 1.0]
    run = at.run(ref, task="sentence-embedding", input=["x"])
    assert (run.output, run.task) == ([[0.5, 1.0]], "feature-extraction")


def test_a_picture_is_made_meanwhile(at: Hosted) -> None:
    """A picture is asked for as a task until it is there; it is named by its address, and the run by the task."""
    run = at.run(
        "modelscope:" + at.model("acme/paint", lambda asked: PNG, task="text-to-image"),
        task="text-to-image",
        prompt="a cat",
    )
    (file,) = run.files
    assert run.output == {"file": file.name} and (file.url or "").endswith("/output") and run.id is not None
    assert at.asked() == ["/v1/images/generations"] and at.asked("GET")[-2:] == [f"/v1/tasks/{run.id}"] * 2


def test_a_picture_that_fails(at: Hosted) -> None:
    """A task that failed is a run that failed, with the zoo's words."""
    name = at.model("acme/paint", lambda asked: "no cats here", task="text-to-image")
    run = at.run(f"modelscope:{name}", task="text-to-image", prompt="a cat")
    assert (run.status, run.error) == ("failed", "no cats here")


def test_nobody_runs_it(at: Hosted) -> None:
    """Unsupported, with what can be done in place of it."""
    at.zoo.commit("acme/alone", {"config.json": "{}"})
    with pytest.raises(Unsupported, match="has no provider supported") as caught:
        at.run("modelscope:acme/alone", prompt="x")
    assert "into(" in (caught.value.hint or "") and "/models/acme/alone" in (caught.value.hint or "")
    with pytest.raises(Unsupported, match="hosts be chosen"):
        at.run("modelscope:acme/alone", served_by="x", prompt="x")


@pytest.mark.parametrize(
    ("status", "body", "kind", "word"),
    [
        (401, {"errors": {"message": "Authentication failed"}}, AccessError, "logged in"),
        (402, {"error": {"message": "insufficient credits"}}, AccessError, "credits"),
        (403, {"errors": {"message": "please bind your account"}}, AccessError, "bind your account"),
        (400, {"errors": {"message": "Invalid model id: acme/chat"}}, Unsupported, "Nobody runs"),
        (400, {"error": {"message": "max_tokens is too large"}}, ConfigError, "max_tokens is too large"),
        (404, "<html>", ZooError, "."),
        (429, {"errors": {"message": "Request limit exceeded."}}, RateLimited, "wait"),
        (503, {"errors": {"message": "loading"}}, NetworkError, "no machine ready"),
        (500, "<html>", NetworkError, "500"),
    ],
)
def test_refusals_are_said_in_our_words(at: Hosted, status: int, body: Any, kind: type[ZooError], word: str) -> None:
    """Each status is one error of ours, with the zoo's words, about the model; the token is in none."""
    name = at.model("acme/chat")
    text = body if isinstance(body, str) else json.dumps(body)
    after = 9999.0 if status == 429 else None
    at.zoo.fail(CHATS, Status(status, body=text, retry_after=after, times=None))
    with pytest.raises(kind, match=word) as caught:
        at.run(f"modelscope:{name}", prompt="x")
    assert (caught.value.zoo, caught.value.operation) == ("modelscope", "run") and name in (caught.value.ref or "")
    assert at.zoo.tokens["modelscope"] not in f"{caught.value}{caught.value.hint}"
    assert len(at.asked()) == 1 or status == 503, "what may have been counted is not asked again"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b'{"choices": []}',
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"choices": 1}\n\n',
    ],
)
def test_an_answer_of_another_shape(at: Hosted, body: bytes) -> None:
    """A success that is no chat is a ProtocolError."""
    name = at.model("acme/chat")
    at.zoo.fail(CHATS, Body(body))
    with pytest.raises(ProtocolError):
        at.run(f"modelscope:{name}", prompt="x")


def test_a_whole_answer_in_place_of_a_stream(at: Hosted) -> None:
    """A server that answers in one piece is read, too, and its answer is told."""
    name = at.model("acme/chat")
    whole = {"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}
    at.zoo.fail(CHATS, Body(json.dumps(whole).encode()))
    told: list[RunEvent] = []
    assert at.run(f"modelscope:{name}", told=told.append, prompt="x").output == "hello"
    assert [event.text for event in told] == ["hello"]


def test_a_stream_that_ends_too_soon(at: Hosted) -> None:
    """A stream without its end is no answer, though what came was told; and it is not asked again."""
    told: list[RunEvent] = []
    with pytest.raises(NetworkError, match="before the answer did"):
        at.run("modelscope:" + at.model("acme/chat", cut=1), told=told.append, prompt="one two")
    assert [event.text for event in told] == ["one "] and len(at.asked()) == 1


def test_an_error_in_the_middle_of_a_stream(at: Hosted) -> None:
    """What a host says in a stream went wrong is told."""
    name = at.model("acme/chat")
    at.zoo.fail(CHATS, Body(b'data: {"errors": {"message": "out of memory"}}\n\n'))
    with pytest.raises(NetworkError, match="out of memory"):
        at.run(f"modelscope:{name}", prompt="x")


@pytest.mark.parametrize("inputs", [{}, {"prompt": "x", "text": "y"}, {"messages": [1]}, {"prompt": {"a": 1}}])
def test_wrong_inputs_are_told_before_anything_is_sent(at: Hosted, inputs: dict[str, Any]) -> None:
    """What is no chat is refused here."""
    name = at.model("acme/chat")
    with pytest.raises(ConfigError):
        at.run(f"modelscope:{name}", **inputs)
    assert at.asked() == []


def test_a_stranger_is_told_to_log_in(at: Hosted, tmp_path: Path) -> None:
    """Without a token nothing is run."""
    at.model("acme/chat")
    with Client(home=tmp_path / "other", endpoints=at.zoo.endpoints) as stranger, pytest.raises(AccessError) as caught:
        Hosted(at.zoo, stranger).run("modelscope:acme/chat", prompt="x")
    assert (caught.value.access_url or "").endswith("/my/myaccesstoken")


def test_each_site_runs_its_models_at_an_origin_of_its_own() -> None:
    """The token goes to the site and to where that site runs models; a server that was named is both itself."""
    assert origins_of(ModelScope()) == ("https://modelscope.cn:443", "https://api-inference.modelscope.cn:443")
    assert origins_of(ModelScope(INTERNATIONAL))[1] == "https://api-inference.modelscope.ai:443"
    assert origins_of(ModelScope("http://127.0.0.1:9")) == ("http://127.0.0.1:9",)
    known = credentials(Settings(zoos={"modelscope": ZooSettings(token="ms-secret")}))
    places = {credential.origin for credential in known if credential.token == "ms-secret"}
    assert places == {"https://modelscope.cn:443", "https://api-inference.modelscope.cn:443"}


def test_the_official_site_is_asked_at_its_inference_host(at: Hosted) -> None:
    """What is sent for the official site goes to its own host for runs."""
    record = at.client.resolve("modelscope:" + at.model("acme/chat"))
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        end = b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
        return Response(request=request, status=200, body=end)

    run = replay(ModelScope().run(record, RunRequest(inputs={"prompt": "x"})), answer)
    assert run.output == "hi" and [request.url for request in seen] == [
        "https://api-inference.modelscope.cn/v1/chat/completions"
    ]
