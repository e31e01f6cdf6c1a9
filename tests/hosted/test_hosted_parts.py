"""The parts that runs at hosts are made of: chats put together, files told, work entrusted to a client of the zoo's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient import Client
from zooclient.errors import Cancelled, ConfigError, NetworkError, Offline, ProtocolError
from zooclient.net.auth import Auth, Credential
from zooclient.net.cancel import Cancel
from zooclient.net.drivers import Driver
from zooclient.net.exchange import Entrusted, Means, Request, Response, replay
from zooclient.net.proxy import Proxies
from zooclient.providers.chat import Pieces, events, question, read_completion
from zooclient.providers.child import ask_child
from zooclient.providers.given import MOST, Given, made_file, read_inputs, told_inputs
from zooclient.settings import Settings, ZooSettings

# Chats


def _chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


_END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"total_tokens": 3, "odd": True}}


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@given(st.lists(st.text(), max_size=8), st.lists(st.text(), max_size=8))
def test_pieces_make_the_whole(said: list[str], thought: list[str]) -> None:
    """However a text is cut, its pieces are told in order and make the text."""
    pieces = Pieces()
    told = [pieces.add(_chunk(reasoning_content=piece)) for piece in thought]
    told += [pieces.add(_chunk(content=piece)) for piece in said]
    pieces.add(_END)
    whole = pieces.completion()
    assert [text for text, _ in told if text] == [text for text in map(_clean, said) if text]
    if said:
        assert len(whole.output) == len("".join(said)) and whole.metrics == {"total_tokens": 3}
    assert len(whole.thoughts) == len("".join(thought))


def test_calls_of_tools_are_put_together() -> None:
    """The arguments of a call come in pieces, by index."""
    pieces = Pieces()
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": '{"x"'}}
    pieces.add(_chunk(role="assistant", tool_calls=[first]))
    pieces.add(_chunk(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]))
    pieces.add(_chunk(tool_calls=[{"index": 1, "id": "b", "function": {"name": "go", "arguments": "{}"}}]))
    pieces.add(_END)
    calls = pieces.completion().output["tool_calls"]
    assert [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("a", "look", '{"x": 1}'),
        ("b", "go", "{}"),
    ]


def test_several_answers_are_a_list() -> None:
    """Who asks for several gets them all, and the first is what is told."""
    pieces = Pieces()
    assert pieces.add({"choices": [{"index": 1, "delta": {"content": "b"}}]}) == ("", "")
    assert pieces.add({"choices": [{"index": 0, "delta": {"content": "a"}}]}) == ("a", "")
    with pytest.raises(NetworkError, match="before the answer did"):
        pieces.completion()
    pieces.add({"choices": [{"index": n, "delta": {}, "finish_reason": "stop"} for n in (0, 1)]})
    assert pieces.completion().output == ["a", "b"]
    assert [event.kind for event in events("a", "t")] == ["logs", "output"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "message", "delta", "content", "tool_calls", "function", "index", "usage", "error"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_odd_answers_are_errors_of_ours(payload: Any) -> None:
    """Whatever a host answers is read or refused, and never a crash."""
    for read in (read_completion, Pieces().add):
        try:
            read(payload)
        except (ProtocolError, NetworkError):
            continue


def test_a_question_is_made_of_what_was_given() -> None:
    """A prompt, a number that a command line read, and a picture become messages."""
    assert question({"prompt": 42})["messages"] == [{"role": "user", "content": "42"}]
    asked = question({"text": "what", "image": Given("a.png", b"\x89PNG\r\n\x1a\n"), "top_p": 1})
    assert asked["top_p"] == 1 and asked["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png")
    filed = question({"prompt": Given("a.txt", "grüß".encode()), "system": Given("b.txt", b"be kind")})
    assert [message["content"] for message in filed["messages"]] == ["be kind", "grüß"]
    told = b'[{"role": "user", "content": "hi"}]'
    assert question({"messages": Given("chat.json", told)})["messages"] == json.loads(told)
    for odd in ({"prompt": Given("a.png", b"\xff")}, {"messages": Given("a", b"hi")}, {"messages": Given("a", b"7")}):
        with pytest.raises(ConfigError):
            question(odd)
    nested = question({"messages": [{"role": "user", "content": [{"image": Given("", b"x")}]}]})
    assert nested["messages"][0]["content"][0]["image"].startswith("data:application/octet-stream;base64,")


# Files


def test_files_are_read_once_and_told_by_digest(tmp_path: Path) -> None:
    """Paths, bytes and open files, nested ones too; what is no input is refused."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    with (tmp_path / "a.txt").open("rb") as file:
        read = read_inputs({"one": tmp_path / "a.txt", "two": [b"abc", {"x": file}], "three": (1, "s", None)})
    told = told_inputs(read)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert told["one"] == {"file": "a.txt", "size": 3, "sha256": digest}
    assert [told["two"][0]["file"], told["two"][1]["x"]["file"]] == ["two", "a.txt"] and told["three"] == [1, "s", None]
    round_and_round: list[Any] = []
    round_and_round.append(round_and_round)
    for odd in (
        tmp_path,
        tmp_path / "none",
        object(),
        {"a": {1, 2}},
        [float("nan")],
        float("inf"),
        "\udcff",
        {"\udcff": 1},
        {1: 2},
        10**400,
        round_and_round,
        (tmp_path / "a.txt").open("rt"),
    ):
        with pytest.raises(ConfigError):
            read_inputs({"odd": odd})
        if hasattr(odd, "close"):
            odd.close()
    with pytest.raises(ConfigError, match="too large"):
        read_inputs({"big": bytes(MOST)})


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "output.png", "image/png"),
        (b"RIFF\0\0\0\0WAVE", "output.wav", "audio/wav"),
        (b"\0\0\0\x18ftypmp42", "output.mp4", "video/mp4"),
        (b"", "output.bin", "application/octet-stream"),
    ],
)
def test_a_made_file_is_named_by_what_it_is(content: bytes, name: str, kind: str) -> None:
    """The first bytes tell the type; a second file has another name."""
    made = made_file(0, content)
    assert (made.name, made.media_type) == (name, kind)
    assert made_file(1, content).name != name and made_file(0, content, "text/x").media_type == "text/x"


# Work entrusted to a zoo's own client

PLACE, ELSEWHERE = "https://zoo.example", "https://else.example"


def _driver(**settings: Any) -> Driver:
    auth = Auth([Credential(origin=PLACE, token="t0ken")])
    return Driver(Settings(environ={"A": "b"}, **settings), auth, Proxies({}))


def _asking(url: str, seen: list[Means]) -> Generator[Any, Any, Any]:
    def work(means: Means) -> str:
        seen.append(means)
        return "done"

    return (yield Entrusted(url=url, run=work))


def test_it_is_handed_what_a_request_would_be_sent_with() -> None:
    """Token by origin, environment and proxy; in a test without a network, nothing."""
    seen: list[Means] = []
    assert _driver().run(_asking(f"{PLACE}/x", seen)) == "done"
    assert asyncio.run(_driver().arun(_asking(f"{ELSEWHERE}/x", seen))) == "done"
    assert replay(_asking(PLACE, seen), lambda request: Response(request=request, status=200)) == "done"
    assert [means.token for means in seen] == ["t0ken", None, None]
    assert seen[0].environ == {"A": "b"} and seen[2].environ == {} and "t0ken" not in repr(seen[0])
    seen[2].stop.check()


def test_it_is_not_begun_where_nobody_may_be_asked() -> None:
    """Offline and a closed origin hold for clients of others, too."""
    seen: list[Means] = []
    with pytest.raises(Offline):
        _driver(offline=True).run(_asking(PLACE, seen))
    with pytest.raises(Offline):
        Driver(Settings(), Auth(closed=lambda: [f"{PLACE}:443"]), Proxies({})).run(_asking(PLACE, seen))
    assert seen == []


def test_the_wish_to_stop_reaches_it() -> None:
    """A cancelled conversation, and a task that is dropped, end it."""
    cancel, ended = Cancel(), threading.Event()

    def work(means: Means) -> None:
        try:
            while True:
                means.stop.check()
                threading.Event().wait(0.01)
        except Cancelled:
            ended.set()
            raise

    def flow() -> Generator[Any, Any, Any]:
        yield Entrusted(url=PLACE, run=work)

    threading.Timer(0.05, cancel.cancel).start()
    with pytest.raises(Cancelled):
        _driver().run(flow(), cancel)
    assert ended.is_set()
    ended.clear()

    async def dropped() -> None:
        task = asyncio.ensure_future(_driver().arun(flow()))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(ended.wait, 10)

    asyncio.run(dropped())
    assert ended.is_set()


def _child(tmp_path: Path, code: str) -> Path:
    script = tmp_path / "child.py"
    script.write_text(code)
    return script


def test_a_child_tells_lines_before_its_answer(tmp_path: Path) -> None:
    """What comes before the answer is told as it comes; noise is passed over, and a crash is told by its last words."""
    code = "import json, sys\nwish = json.load(sys.stdin)\nprint('noise')\nprint(json.dumps({'more': wish['a']}))\n"
    heard: list[Any] = []
    whole = _child(tmp_path, code + "print(json.dumps({'value': 2}))\n")
    assert ask_child(whole, {"a": 1}, dict(os.environ), Cancel(), heard.append) == {"value": 2} and heard == [1]
    crash = _child(tmp_path, code + "sys.exit('went wrong')\n")
    told = ask_child(crash, {"a": "x" * 200_000}, dict(os.environ), Cancel(), heard.append)
    assert told["chain"][0]["names"] == ["Crash"] and "went wrong" in told["chain"][0]["text"]


def test_a_listener_that_fails_ends_the_child(tmp_path: Path) -> None:
    """Whoever was told has failed: the process is gone, and the failure is theirs."""
    endless = "import json, time\nprint(json.dumps({'more': 1}), flush=True)\ntime.sleep(60)\n"

    def fail(_: Any) -> None:
        raise LookupError("theirs")

    with pytest.raises(LookupError, match="theirs"):
        ask_child(_child(tmp_path, endless), {}, dict(os.environ), Cancel(), fail)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no way to ask a process to end")
def test_a_child_may_tidy_up(tmp_path: Path) -> None:
    """One that is ended has its grace to say a last word."""
    note = tmp_path / "note"
    code = (
        "import json, pathlib, signal, sys, time\n"
        f"def leave(*_):\n    pathlib.Path({str(note)!r}).write_text('tidy')\n    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print(json.dumps({'more': 1}), flush=True)\ntime.sleep(60)\n"
    )
    cancel = Cancel()
    with pytest.raises(Cancelled):
        ask_child(_child(tmp_path, code), {}, dict(os.environ), cancel, lambda _: cancel.cancel(), grace=30)
    assert note.read_text() == "tidy"


def test_mirrors_alone_means_no_runs_either(tmp_path: Path) -> None:
    """Of a zoo of which only mirrors are asked, the host that runs its models is not asked."""
    settings = Settings(zoos={"modelscope": ZooSettings(mirror_policy="only")})

    def flow() -> Generator[Any, Any, Any]:
        return (yield Request(url="https://api-inference.modelscope.cn/v1/models"))

    with Client(home=tmp_path, settings=settings) as client, pytest.raises(Offline):
        client.run(flow())


def test_the_answer_of_a_run_is_json() -> None:
    """What is kept of a chat can be written down."""
    whole = read_completion({"choices": [{"message": {"content": "x", "audio": None}, "finish_reason": "stop"}]})
    assert json.dumps([whole.output, dict(whole.metrics), dict(whole.extra)])
