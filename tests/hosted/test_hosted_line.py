"""Hosted models through the client: opened, run, streamed, repeated, in both colours; and asked by others' clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli_shell import environment, typed
from hostedkit import PNG, Hosted, hosted

from zooclient import AsyncClient
from zooclient.errors import NetworkError, RunFailed, Unsupported
from zooclient.records.run import Run

pytestmark = pytest.mark.official
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

SCHEMES = ("hf", "modelscope")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Hosted]:
    """A zoo and a client that is logged in."""
    with hosted(tmp_path / "home") as both:
        yield both


def pin(at: Hosted, scheme: str, name: str) -> str:
    """The pinned reference of a model."""
    return f"{scheme}:{name}@{at.zoo.head(name, zoo=scheme)}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_call_everywhere(at: Hosted, scheme: str) -> None:
    """A model is opened and run in the same words at either zoo; nothing of it is fetched, and the run is saved."""
    run = at.client.open(pin(at, scheme, at.model("acme/chat"))).run(prompt="one two")
    assert (run.output, run.status, run.ref.scheme) == ("one two ", "succeeded", scheme)
    assert run.folder is not None
    saved = Run.from_dict(json.loads(Path(run.folder, "run.json").read_text("utf-8")))
    assert (saved.output, saved.id, saved.inputs) == (run.output, run.id, {"prompt": "one two"})
    assert not any("resolve/" in seen.path or "/repo?" in seen.path for seen in at.zoo.requests)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stream_is_told_and_ends_in_the_run(at: Hosted, scheme: str) -> None:
    """Iterating gives the pieces; the result is the whole."""
    with at.client.open(pin(at, scheme, at.model("acme/chat"))).stream(prompt="one two") as stream:
        assert [event.text for event in stream] == ["one ", "two "]
        assert stream.result().output == "one two "


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stream_that_breaks_raises_at_its_end(at: Hosted, scheme: str) -> None:
    """What came is told, and then what went wrong."""
    pieces = []
    stream = at.client.open(pin(at, scheme, at.model("acme/chat", cut=1))).stream(prompt="one two")
    with pytest.raises(NetworkError):
        pieces += [event.text for event in stream]
    assert stream.result is not None and pieces in (["one "], [])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_picture_is_saved_and_hashed(at: Hosted, scheme: str, tmp_path: Path) -> None:
    """The file of a run lies in the folder that was named, with its digest in the record."""
    name = at.model("acme/paint", lambda asked: PNG, task="text-to-image")
    run = at.client.open(pin(at, scheme, name)).run(prompt="a cat", task="text-to-image", to=tmp_path / "out")
    (path,) = run.paths
    assert path.parent == tmp_path / "out" and path.read_bytes() == PNG
    assert run.output == {"file": path.name} and run.files[0].size == len(PNG) and run.files[0].sha256


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_saved_run_is_repeated(at: Hosted, scheme: str) -> None:
    """A run asks again for what it asked for, with what is to be another."""
    first = at.client.open(pin(at, scheme, at.model("acme/chat"))).run(prompt="one two", max_tokens=5)
    assert first.folder is not None
    again = at.client.repeat(first.folder, {"prompt": "three"})
    assert again.output == "three " and again.inputs == {"prompt": "three", "max_tokens": 5}
    assert json.loads(at.zoo.requests[-1].body)["max_tokens"] == 5


def test_a_picture_that_fails_is_a_run_that_failed(at: Hosted) -> None:
    """ModelScope's own words are in the error, and the record is with it."""
    name = at.model("acme/paint", lambda asked: "no cats here", task="text-to-image")
    with pytest.raises(RunFailed, match="no cats here"):
        at.client.open(pin(at, "modelscope", name)).run(prompt="a cat", task="text-to-image")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_hosts_it(at: Hosted, scheme: str) -> None:
    """Unsupported, with a hint that says what would."""
    at.zoo.commit("acme/alone", {"config.json": "{}"})
    with pytest.raises(Unsupported) as caught:
        at.client.open(pin(at, scheme, "acme/alone")).run(prompt="x")
    assert caught.value.hint and caught.value.exit_code == 9


@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_an_event_loop(at: Hosted, scheme: str, tmp_path: Path) -> None:
    """The same in the other colour: awaited, and streamed."""
    ref = pin(at, scheme, at.model("acme/chat"))

    async def work() -> tuple[Any, list[str | None]]:
        async with AsyncClient(home=tmp_path / "async", endpoints=at.zoo.endpoints, tokens=at.zoo.tokens) as client:
            model = await client.open(ref)
            run = await model.run(prompt="one two")
            async with model.stream(prompt="three four") as stream:
                return run.output, [event.text async for event in stream]

    assert asyncio.run(work()) == ("one two ", ["three ", "four "])


# What LocalZoo says to whoever asks


def test_anybody_may_talk_to_a_local_zoo_in_openais_words(at: Hosted) -> None:
    """Chats have OpenAI's shape at both zoos, whole and as a stream; strangers are refused as the zoo does."""
    name = at.model("acme/chat")
    for scheme, field in (("hf", "error"), ("modelscope", "errors")):
        url = f"{at.zoo.endpoints[scheme]}/v1/chat/completions"
        asked = {"model": name, "messages": [{"role": "user", "content": "one two"}]}
        mine = {"Authorization": f"Bearer {at.zoo.tokens[scheme]}"}
        whole = httpx.post(url, json=asked, headers=mine).json()
        assert whole["object"] == "chat.completion" and whole["choices"][0]["message"]["content"] == "one two "
        lines = httpx.post(url, json={**asked, "stream": True}, headers=mine).text.split("\n\n")
        assert lines[-2] == "data: [DONE]" and json.loads(lines[0][6:])["choices"][0]["delta"]["content"] == "one "
        stranger = httpx.post(url, json=asked)
        assert stranger.status_code == 401 and field in stranger.json()
        other = httpx.post(url, json={**asked, "model": "acme/none"}, headers=mine)
        assert other.status_code == 400 and field in other.json()
        assert httpx.post(url, content=b"x", headers=mine).status_code == 400


def test_modelscope_lists_the_chats_that_it_runs(at: Hosted) -> None:
    """``/v1/models`` names chats alone, and each answer tells what is left of the day."""
    at.model("acme/chat")
    at.model("acme/paint", lambda asked: PNG, task="text-to-image")
    answer = httpx.get(f"{at.zoo.endpoints['modelscope']}/v1/models")
    assert [row["id"] for row in answer.json()["data"]] == ["acme/chat"]
    assert answer.headers["modelscope-ratelimit-requests-remaining"] == "1999"


# On the command line


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_the_command_line(at: Hosted, scheme: str, tmp_path: Path) -> None:
    """``zooclient run`` prints the text, or the path of the file; with ``--stream`` as it comes."""
    env = environment(
        tmp_path,
        **{f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": at.zoo.endpoints[scheme]},
        **{f"ZOOCLIENT_{scheme.upper()}_TOKEN": at.zoo.tokens[scheme]},
    )
    ref = pin(at, scheme, at.model("acme/chat"))
    for words in (("run", ref, "prompt=one two", "max_tokens=7"), ("run", "--stream", ref, "prompt=one two")):
        done = typed(*words, env=env, cwd=tmp_path)
        assert (done.returncode, done.stdout.strip()) == (0, "one two"), done.stderr
    sent = [json.loads(seen.body) for seen in at.zoo.requests if seen.method == "POST"]
    assert [body.get("max_tokens") for body in sent] == [7, None]
    (tmp_path / "said.txt").write_text("a cat")
    done = typed("run", ref, f"prompt=@{tmp_path}/said.txt", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "a cat"), done.stderr
    picture = pin(at, scheme, at.model("acme/paint", lambda asked: PNG, task="text-to-image"))
    done = typed(
        "run",
        picture,
        f"prompt=@{tmp_path}/said.txt",
        "--task",
        "text-to-image",
        "--to",
        str(tmp_path / "out"),
        env=env,
        cwd=tmp_path,
    )
    assert done.returncode == 0 and Path(done.stdout.strip()).read_bytes() == PNG
    alone = typed("run", ref.replace("acme/chat", "acme/none").partition("@")[0], "prompt=x", env=env, cwd=tmp_path)
    assert alone.returncode == 3
