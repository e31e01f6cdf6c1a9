"""Models that hosts run for the Hub: what comes of a run, who is asked, and what goes wrong."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostedkit import PNG, Hosted, hosted, hosting
from netdoubles import Answer, Asked, Server
from support import recorded

from zooclient import Client
from zooclient.errors import (
    AccessError,
    Cancelled,
    ConfigError,
    NetworkError,
    Offline,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.cancel import Cancel
from zooclient.providers.huggingface.endpoint import ROUTER
from zooclient.providers.huggingface.hosts import Host, chosen, read_hosts
from zooclient.providers.registry import origins_of, provider_for
from zooclient.records.run import RunEvent, RunRequest
from zooclient.settings import Settings
from zooclient.testing import Body, Status

pytestmark = pytest.mark.official
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Hosted]:
    """A zoo and a client that is logged in."""
    with hosted(tmp_path) as both:
        yield both


def test_a_chat_is_answered(at: Hosted) -> None:
    """A prompt becomes a chat at the router; the run tells the text, who answered, tokens, and that it is unpinned."""
    name = at.model("acme/chat")
    run = at.run(f"hf:{name}@main", prompt="one two three", max_tokens=9)
    assert (run.output, run.status, run.task, run.served_by) == (
        "one two three ",
        "succeeded",
        "conversational",
        "hf-inference",
    )
    assert run.metrics["completion_tokens"] == 3 and run.extra["finish_reason"] == "stop"
    assert run.id is not None and run.created_at is not None
    assert run.inputs == {"prompt": "one two three", "max_tokens": 9}
    assert run.ref.revision is None and run.version is None
    assert ["revision main" in problem for problem in run.problems] == [True]
    sent = json.loads(at.zoo.requests[-1].body)
    assert (sent["model"], sent["max_tokens"]) == (name, 9)


def test_pieces_are_told_while_the_model_still_talks(at: Hosted) -> None:
    """The first piece is told before the last one exists, and all of them together are the output."""
    heard = threading.Event()

    def talk(asked: Any) -> Iterator[str]:
        yield "first "
        assert heard.wait(30)
        yield "last"

    told: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        told.append(event)
        heard.set()

    run = at.run("hf:" + at.model("acme/chat", talk), told=listen, prompt="x")
    assert [(event.kind, event.text) for event in told] == [("output", "first "), ("output", "last")]
    assert run.output == "first last" and run.metrics["completion_tokens"] == 2


def test_what_a_model_thinks_is_told_as_logs(at: Hosted) -> None:
    """Thoughts that a host tells apart stand in the logs and not in the output."""
    pieces = [{"reasoning_content": "hm "}, {"reasoning_content": "yes"}, {"content": "42"}]
    told: list[RunEvent] = []
    run = at.run("hf:" + at.model("acme/chat", lambda asked: pieces), told=told.append, prompt="x")
    assert (run.output, run.logs) == ("42", "hm yes")
    assert [event.kind for event in told] == ["logs", "logs", "output"]


def test_calls_of_tools_come_whole(at: Hosted) -> None:
    """A message that is more than text is the output as it is."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    run = at.run("hf:" + at.model("acme/chat", lambda asked: message), messages=[{"role": "user", "content": "x"}])
    assert run.output["tool_calls"][0]["function"]["name"] == "look"


def test_a_picture_is_a_file(at: Hosted) -> None:
    """Bytes come as a file with its type, without Pillow."""
    run = at.run("hf:" + at.model("acme/paint", lambda asked: PNG, task="text-to-image"), prompt="a cat")
    assert run.output == {"file": "output.png"}
    (file,) = run.files
    assert (file.name, file.media_type) == ("output.png", "image/png")
    assert base64.b64decode((file.url or "").partition(",")[2]) == PNG


def test_vectors_are_lists(at: Hosted) -> None:
    """Embeddings come as numbers, asked for at the address that names the task."""
    run = at.run("hf:" + at.model("acme/embed", lambda asked: [[0.5, 1.0]], task="feature-extraction"), text="x")
    assert run.output == [[0.5, 1.0]]
    assert at.asked() == ["/hf-inference/models/acme/embed/pipeline/feature-extraction"]


@pytest.mark.parametrize(
    ("task", "inputs", "answer", "output"),
    [
        ("summarization", {"text": "long"}, [{"summary_text": "short"}], {"summary_text": "short"}),
        ("translation", {"text": "Hallo"}, [{"translation_text": "hello"}], {"translation_text": "hello"}),
        ("text-classification", {"text": "x"}, [[{"label": "good", "score": 0.9}]], [{"label": "good", "score": 0.9}]),
        ("text-generation", {"prompt": "x"}, [{"generated_text": "y"}], "y"),
        ("image-classification", {"image": PNG}, [{"label": "cat", "score": 1.0}], [{"label": "cat", "score": 1.0}]),
    ],
)
def test_each_task_has_its_shape(at: Hosted, task: str, inputs: dict[str, Any], answer: Any, output: Any) -> None:
    """What the official client knows to ask of a task and to read of its answer, is asked and read."""
    run = at.run("hf:" + at.model("acme/model", lambda asked: answer, task=task), **inputs)
    assert run.output == output and run.task == task


def test_a_file_among_the_inputs(at: Hosted, tmp_path: Path) -> None:
    """A path is sent as its bytes, and told by name, size and digest."""
    heard: list[Any] = []

    def listen(asked: Any) -> Any:
        heard.append(asked.inputs)
        return {"text": "hello"}

    sound = tmp_path / "hello.wav"
    sound.write_bytes(b"RIFF....WAVE")
    name = at.model("acme/hear", listen, task="automatic-speech-recognition")
    run = at.run(f"hf:{name}", audio=sound)
    assert run.output == {"text": "hello"} and heard == [b"RIFF....WAVE"]
    told = run.inputs["audio"]
    assert (told["file"], told["size"], len(told["sha256"])) == ("hello.wav", 12, 64)
    with sound.open("rb") as file:
        assert at.run(f"hf:{name}", audio=file).inputs["audio"]["file"] == "hello.wav"
    with pytest.raises(ConfigError, match="cannot be read"):
        at.run(f"hf:{name}", audio=tmp_path / "none.wav")


def test_a_host_may_be_named(at: Hosted) -> None:
    """``served_by`` goes to the router with the model, and one that does not serve it is refused before."""
    name = at.model("acme/chat", hosts=("together", "groq"))
    assert at.run(f"hf:{name}", served_by="groq", prompt="x").served_by == "groq"
    assert json.loads(at.zoo.requests[-1].body)["model"] == "acme/chat:groq"
    at.zoo.forget()
    with pytest.raises(Unsupported, match="novita") as caught:
        at.run(f"hf:{name}", served_by="novita", prompt="x")
    assert "conversational at together" in (caught.value.hint or "") and at.asked() == []


def test_nobody_hosts_it(at: Hosted) -> None:
    """Unsupported, with the Spaces that show the model and what runs it here; nothing was posted."""
    at.zoo.commit("acme/alone", {"config.json": "{}"})
    with pytest.raises(Unsupported, match="No host") as caught:
        at.run("hf:acme/alone", prompt="x")
    assert "No Space shows it either" in (caught.value.hint or "") and "into(" in (caught.value.hint or "")
    at.zoo.demos("acme/alone", "acme/show")
    with pytest.raises(Unsupported) as caught:
        at.run("hf:acme/alone", prompt="x")
    assert "/spaces/acme/show (RUNNING)" in (caught.value.hint or "")
    at.model("acme/failing", hosts={"together": "error"})
    with pytest.raises(Unsupported) as caught:
        at.run("hf:acme/failing", prompt="x")
    assert "together (failing)" in (caught.value.hint or "") and at.asked() == []


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({}, "either messages or a prompt"),
        ({"prompt": "x", "messages": []}, "either messages or a prompt"),
        ({"messages": "x"}, "list of objects"),
        ({"prompt": "x", "fish": 1}, "fish is not known"),
        ({"prompt": object()}, "object"),
    ],
)
def test_wrong_inputs_are_told_before_anything_is_sent(at: Hosted, inputs: dict[str, Any], word: str) -> None:
    """ConfigError names what does not fit, and nothing was posted."""
    name = at.model("acme/chat")
    with pytest.raises(ConfigError, match=word):
        at.run(f"hf:{name}", **inputs)
    assert at.asked() == []


def test_a_missing_input_is_named(at: Hosted) -> None:
    """What the task takes is told along with what is missing."""
    with pytest.raises(ConfigError, match="candidate_labels is missing"):
        at.run("hf:" + at.model("acme/zero", task="zero-shot-classification"), text="x")
    assert at.asked() == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "word"),
    [
        (401, {"error": "Invalid username or password."}, AccessError, "logged in"),
        (402, {"error": "You have exceeded your monthly included credits"}, AccessError, "credits"),
        (403, {"error": "This authentication method does not have sufficient permissions"}, AccessError, "may not run"),
        (404, {"error": "Not Found"}, Unsupported, "any more"),
        (400, {"error": {"message": "max_tokens is too large"}}, ConfigError, "max_tokens is too large"),
        (422, {"error": ["inputs must not be empty"]}, ConfigError, "must not be empty"),
        (429, {"error": "slow down"}, RateLimited, "wait"),
        (503, {"error": "Model acme/chat is currently loading", "estimated_time": 20.0}, NetworkError, "loading"),
        (504, "<html>", NetworkError, "too long"),
        (500, "<html>", NetworkError, "500"),
    ],
)
def test_refusals_are_said_in_our_words(at: Hosted, status: int, body: Any, kind: type[ZooError], word: str) -> None:
    """Each status of a host is one error of ours, with its words, about the model; the token is in none."""
    name = at.model("acme/chat")
    text = body if isinstance(body, str) else json.dumps(body)
    after = 7.0 if status == 429 else None
    at.zoo.fail("/v1/chat/completions", Status(status, body=text, retry_after=after, times=None))
    with pytest.raises(kind, match=word) as caught:
        at.run(f"hf:{name}", prompt="x")
    assert type(caught.value) is kind
    assert (caught.value.zoo, caught.value.operation) == ("hf", "run") and name in (caught.value.ref or "")
    assert at.zoo.tokens["hf"] not in f"{caught.value}{caught.value.hint}"
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7.0
    assert len(at.asked()) == 1, "what may have been billed is not asked again"


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [1]}'])
def test_an_answer_of_another_shape(at: Hosted, body: bytes) -> None:
    """A success that is no chat is a ProtocolError."""
    name = at.model("acme/chat")
    at.zoo.fail("/v1/chat/completions", Body(body))
    with pytest.raises(ProtocolError):
        at.run(f"hf:{name}", prompt="x")


def test_a_stream_that_ends_too_soon(at: Hosted) -> None:
    """A stream without its end is no answer, though what came was told."""
    told: list[RunEvent] = []
    with pytest.raises(NetworkError, match="before the answer did"):
        at.run("hf:" + at.model("acme/chat", cut=1), told=told.append, prompt="one two")
    assert [event.text for event in told] == ["one "]


def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    """A host that does not know the token is an AccessError that says where to make one."""
    with hosted(tmp_path) as at:
        at.model("acme/chat")
        with Client(home=tmp_path, endpoints=at.zoo.endpoints) as stranger:
            other = Hosted(at.zoo, stranger)
            with pytest.raises(AccessError) as caught:
                other.run("hf:acme/chat", prompt="x")
    assert (caught.value.access_url or "").endswith("/settings/tokens")
    assert [seen.headers.get("authorization") for seen in at.zoo.requests] == [None] * len(at.zoo.requests)


def test_nothing_is_asked_offline(at: Hosted, tmp_path: Path) -> None:
    """A client that is offline starts no client of the zoo's either."""
    at.model("acme/chat")
    record = at.client.resolve("hf:acme/chat")
    at.zoo.forget()
    with Client(home=tmp_path, endpoints=at.zoo.endpoints, offline=True) as client, pytest.raises(Offline):
        client.run(hosting("hf", at.zoo.endpoints["hf"]).run(record, RunRequest(inputs={"prompt": "x"})))
    assert at.zoo.requests == []


def test_the_wish_to_stop_is_obeyed(at: Hosted) -> None:
    """A run that is cancelled ends, though the model goes on thinking."""
    asked, done, cancel = threading.Event(), threading.Event(), Cancel()

    def think(_: Any) -> str:
        asked.set()
        done.wait(30)
        return "too late"

    record = at.client.resolve("hf:" + at.model("acme/chat", think))

    def stop() -> None:
        asked.wait(30)
        cancel.cancel()

    stopper = threading.Thread(target=stop)
    stopper.start()
    flow = hosting("hf", at.zoo.endpoints["hf"]).run(record, RunRequest(inputs={"prompt": "x"}))
    try:
        with pytest.raises(Cancelled):
            at.client.run(flow, cancel=cancel)
    finally:
        done.set()
        stopper.join()


def test_a_host_that_is_silent_for_too_long(at: Hosted) -> None:
    """The deadline of a run bounds how long a host may be silent."""
    done = threading.Event()
    name = at.model("acme/chat", lambda asked: str(done.wait(30)))
    try:
        with pytest.raises(NetworkError, match="in time"):
            at.run(f"hf:{name}", prompt="x", deadline=0.3)
    finally:
        done.set()


def test_without_the_official_client(at: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where huggingface_hub is not installed, running is Unsupported and the hint installs it."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "huggingface_hub.py").write_text("raise ImportError('hidden')")
    name = at.model("acme/chat")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "hide"), *sys.path])
    with pytest.raises(Unsupported) as caught:
        at.run(f"hf:{name}", prompt="x")
    assert "pip install" in (caught.value.hint or "")


# Hosts that are others than the Hub's own


def _hub(answer: Callable[[Asked], Answer], host: str = "fal-ai") -> Callable[[Asked], Answer]:
    """A Hub whose model one host paints with, and its router."""
    told = {"_id": "0" * 24, "id": "acme/paint", "sha": "1" * 40, "siblings": []}
    mapping = {host: {"status": "live", "providerId": "acme/paint-v2", "task": "text-to-image"}}

    def reply(asked: Asked) -> Answer:
        if asked.method == "POST":
            return answer(asked)
        about = {**told, "inferenceProviderMapping": mapping} if "expand" in asked.path else told
        return Answer(body=json.dumps(about).encode(), headers={"Content-Type": "application/json"})

    return reply


def _paint(hub: Server, home: Path, token: str = "hf_secret") -> Any:
    with Client(home=home, endpoints={"hf": hub.url}, tokens={"hf": token}) as client:
        record = client.resolve("hf:acme/paint@" + "1" * 40)
        request = RunRequest(inputs={"prompt": "a cat"})
        return client.run(hosting("hf", hub.url).run(record, request))


def test_a_picture_on_a_foreign_host_is_fetched_without_the_token(tmp_path: Path) -> None:
    """A host names where its picture lies; that server sees no credential, the router sees it."""
    with Server(lambda asked: Answer(body=PNG)) as foreign:
        made = json.dumps({"images": [{"url": f"{foreign.url}/made.png"}]}).encode()
        with Server(_hub(lambda asked: Answer(body=made, headers={"Content-Type": "application/json"}))) as hub:
            run = _paint(hub, tmp_path)
    assert (run.served_by, run.files[0].media_type) == ("fal-ai", "image/png")
    (posted,) = [asked for asked in hub.asked if asked.method == "POST"]
    assert posted.path == "/fal-ai/acme/paint-v2" and posted.headers["authorization"] == "Bearer hf_secret"
    assert [asked.path for asked in foreign.asked] == ["/made.png"]
    assert all("hf_secret" not in str(asked.headers) for asked in foreign.asked)


def test_a_redirect_to_a_foreign_host_carries_no_token(tmp_path: Path) -> None:
    """A router that sends the question on to another server does not send the token on."""
    with Server(lambda asked: Answer(status=404)) as foreign:
        on = Answer(status=307, headers={"Location": f"{foreign.url}/take"})
        with Server(_hub(lambda asked: on)) as hub, pytest.raises(ZooError):
            _paint(hub, tmp_path)
    assert all("hf_secret" not in str(asked.headers) for asked in foreign.asked)


def test_a_key_that_is_no_token_of_the_hub_goes_to_no_host(tmp_path: Path) -> None:
    """The official client would send such a key to the host itself; here the run is refused before it is sent."""
    with Server(_hub(lambda asked: Answer(status=500))) as hub, pytest.raises(ConfigError, match="hf_"):
        _paint(hub, tmp_path, token="fal-key")
    assert [asked.path for asked in hub.asked if asked.method == "POST"] == []


def test_the_token_is_at_home_at_the_hub_and_its_router_alone() -> None:
    """The official Hub has two origins; a server that was named in its place has one."""
    official = provider_for("hf", Settings())
    assert origins_of(official) == ("https://huggingface.co:443", f"{ROUTER}:443")
    assert origins_of(hosting_provider("http://127.0.0.1:9")) == ("http://127.0.0.1:9",)


def hosting_provider(endpoint: str) -> Any:
    """Returns the provider of a server."""
    return hosting("hf", endpoint)


def test_the_hub_says_who_runs_a_model() -> None:
    """The recorded answer of the Hub is read: five hosts, one of them staging; a list means the same."""
    told = json.loads(recorded("huggingface", "model_info_expand_inferenceProviderMapping_llama-3.3.json").read_text())
    hosts = read_hosts(told["body"])
    assert [host.name for host in hosts] == ["fireworks-ai", "sambanova", "together", "hf-inference", "nebius"]
    assert hosts[0] == Host(
        name="fireworks-ai",
        task="conversational",
        status="live",
        served_id="accounts/fireworks/models/llama-v3p3-70b-instruct",
    )
    assert hosts[4].status == "staging"
    listed = [{"provider": name, **about} for name, about in told["body"]["inferenceProviderMapping"].items()]
    assert read_hosts({"inferenceProviderMapping": listed}) == hosts
    picked = chosen(hosts, RunRequest(task="text-generation"))
    assert picked is not None and (picked.name, picked.method) == ("hf-inference", "chat_completion")
    assert chosen(hosts, RunRequest(task="text-to-image")) is None
    assert read_hosts({"id": "x"}) == read_hosts({"inferenceProviderMapping": ["x", {"provider": 1}]}) == ()


def test_a_text_that_comes_whole_is_told_whole(at: Hosted) -> None:
    """Where a task has no stream, who listens hears the whole as one piece."""
    told: list[RunEvent] = []
    name = at.model("acme/write", lambda asked: [{"generated_text": "a story"}], task="text-generation")
    assert at.run(f"hf:{name}", told=told.append, prompt="x").output == "a story"
    assert [event.text for event in told] == ["a story"]


def test_a_chat_that_no_host_takes_is_told_of_the_router(at: Hosted) -> None:
    """Where the router chose, the sentence blames the router."""
    name = at.model("acme/chat", hosts=("together", "groq"))
    at.zoo.fail("/v1/chat/completions", Status(503, body="{}"))
    with pytest.raises(NetworkError, match="router has no machine ready"):
        at.run(f"hf:{name}", prompt="x")
