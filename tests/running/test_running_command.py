"""``zooclient run``: words in, text and paths out, talk beside them, and an exit code for each end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_shell import ZOOCLIENT, environment, typed
from hypothesis import given
from hypothesis import strategies as st
from runzoo import record

from zooclient.cli.inputs import read_inputs
from zooclient.errors import ConfigError
from zooclient.records.schema import Schema
from zooclient.serve.replicate.hosted import Input, Made
from zooclient.serve.replicate.runs import Work
from zooclient.testing import LocalZoo

SAY, DRAW, MAP, STUCK = "acme/say", "acme/draw", "acme/map", "acme/stuck"


def say(job: Work) -> Iterator[str]:
    """A model that logs, and says a word so many times."""
    job.log("thinking")
    for _ in range(job.input["times"]):
        yield job.input["text"] + " "


@pytest.fixture(scope="module")
def zoo() -> Iterator[LocalZoo]:
    """A Replicate with a model for each kind of output."""
    with LocalZoo(zoos=("replicate",)) as running:
        for name in (SAY, DRAW, MAP, STUCK, "me/mine"):
            running.commit(name, {"README.md": "# A model\n"})
        inputs = {"text": Input("string"), "times": Input("integer", default=2, minimum=1, maximum=5)}
        running.replicate.offer(SAY, inputs=inputs, output="tokens", run=say)
        running.replicate.teach(SAY, {"rate": Input("number", default=0.5)}, train=lambda job: b"trained")
        running.replicate.offer(
            DRAW, inputs={"image": Input("file")}, output="files", run=lambda job: [Made(job.read("image"), "a.png")]
        )
        running.replicate.offer(MAP, output="object", run=lambda job: {"mood": "ü", "score": 0.5})
        running.replicate.offer(STUCK)
        running.replicate.course(STUCK, ends="never")
        yield running


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A person who is logged in, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    yield environment(
        tmp_path,
        ZOOCLIENT_REPLICATE_ENDPOINT=zoo.endpoints["replicate"],
        ZOOCLIENT_REPLICATE_TOKEN=zoo.tokens["replicate"],
    )
    zoo.replicate.course(SAY)
    zoo.replicate.admit(SAY)


def test_a_text_goes_to_stdout(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """The output alone is the result; how it went is talk, with the folder that holds the record."""
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", "times=3", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hi hi hi \n")
    assert done.stderr.startswith("succeeded in 0.0 s: ")
    assert str(tmp_path / "home") in done.stderr


def test_a_name_that_moves_is_told(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """What is run may be another tomorrow, and the pin to write is said."""
    done = typed("run", f"replicate:{SAY}", "text=hi", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hi hi \n")
    assert f"The pin to use instead: {zoo.replicate.ref(SAY)}" in done.stderr


def test_files_go_to_stdout_as_paths(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """A file goes in by @ and comes out as the path that it was saved to."""
    (tmp_path / "cat.png").write_bytes(b"meow")
    words = ("run", zoo.replicate.ref(DRAW), f"image=@{tmp_path / 'cat.png'}", "--to", str(tmp_path / "out"))
    done = typed(*words, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'a.png'}\n"
    assert (tmp_path / "out" / "a.png").read_bytes() == b"meow"
    assert json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["inputs"]["image"]["file"] == "cat.png"


def test_anything_else_is_json(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """An object is one line of JSON; --json is the whole record."""
    done = typed("run", zoo.replicate.ref(MAP), "prompt=x", env=env, cwd=tmp_path)
    assert json.loads(done.stdout) == {"mood": "ü", "score": 0.5}
    done = typed("run", zoo.replicate.ref(MAP), "prompt=x", "--json", env=env, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (told["status"], told["output"]["score"], told["inputs"]) == ("succeeded", 0.5, {"prompt": "x"})


def test_a_stream_is_printed_as_it_comes(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Pieces go to stdout and end in one line, what the model writes and how far it is to stderr."""
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", "--stream", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hi hi \n")
    assert "thinking" in done.stderr
    assert "status: succeeded" in done.stderr
    done = typed("run", zoo.replicate.ref(MAP), "prompt=x", "--stream", env=env, cwd=tmp_path)
    assert json.loads(done.stdout)["score"] == 0.5
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", "--stream", "--json", env=env, cwd=tmp_path)
    assert json.loads(done.stdout)["output"] == "hi hi "


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("text=hi", "times=many"), 2, "times: it is to be an integer"),
        (("times=1",), 2, "text: it is required"),
        (("text=hi", "times=9"), 2, "times: it is at most 5"),
        (("text",), 2, "'text' is no input"),
        (("text=@nothing.txt",), 2, "cannot be read from nothing.txt"),
        (("text=a", "text=b"), 2, "given 2 times"),
        (("--deadline", "0", "text=hi"), 2, "deadline"),
        (("--via", "official", "--stream", "--train", "replicate:me/mine"), 2, "neither a stream nor a task"),
        (("--repeat", "."), 2, "cannot be read"),
    ],
)
def test_what_is_typed_wrongly_costs_nothing(
    zoo: LocalZoo, env: dict[str, str], tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """Each mistake is a sentence and exit code 2, before anything is billed."""
    before = len(zoo.replicate.predictions())
    done = typed("run", zoo.replicate.ref(SAY), *words, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(zoo.replicate.predictions()) == before


def test_nothing_named_is_told(env: dict[str, str], tmp_path: Path) -> None:
    """Without a reference there is nothing to run."""
    done = typed("run", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "zooclient run replicate:owner/name key=value" in done.stderr


def test_a_run_that_fails_has_an_exit_code_of_its_own(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Its logs go to stderr, and with --json the record to stdout; without money it is access that is missing."""
    zoo.replicate.course(SAY, ends="failed", error="no voice")
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (10, "")
    assert "no voice" in done.stderr
    assert "thinking" in done.stderr
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", "--stream", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (10, "hi hi \n")
    assert done.stderr.count("thinking") == 1
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", "--json", env=env, cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (10, "no voice")
    zoo.replicate.bill(SAY)
    done = typed("run", zoo.replicate.ref(SAY), "text=hi", env=env, cwd=tmp_path)
    assert done.returncode == 4
    assert "https://replicate.com/account/billing" in done.stderr


def test_a_training_and_a_repetition(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """--train names the model that gets the version; --repeat runs again what was saved, with inputs changed."""
    words = ("run", zoo.replicate.ref(SAY), "rate=1", "--train", "replicate:me/mine")
    done = typed(*words, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"].startswith("me/mine:")
    assert Path(told["weights"]).read_bytes() == b"trained"
    first = typed("run", zoo.replicate.ref(SAY), "text=hi", "--to", "out", env=env, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    done = typed("run", "--repeat", "out", "times=1", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hi \n"), done.stderr
    done = typed("run", "--repeat", "out", "--stream", env=env, cwd=tmp_path)
    assert done.returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stream", [False, True])
def test_ctrl_c_cancels_the_run_at_the_zoo(
    zoo: LocalZoo, env: dict[str, str], tmp_path: Path, sent: int, code: int, stream: bool
) -> None:
    """Whoever stops the command stops the model too, and does not go on paying."""
    before = len(zoo.replicate.predictions(STUCK))
    words = [*ZOOCLIENT, "run", zoo.replicate.ref(STUCK), "prompt=hi", *(["--stream"] if stream else [])]
    with subprocess.Popen(words, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        tick = threading.Event()
        while len(zoo.replicate.predictions(STUCK)) == before:
            assert process.poll() is None
            tick.wait(0.01)
        run = zoo.replicate.predictions(STUCK)[0]
        process.send_signal(sent)
        assert run.stopped.wait(30)
        assert process.wait(30) == code
    assert run.state.status == "canceled"


def test_show_tells_what_a_model_takes(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Each input has its type, default, bounds and words, and so has the output."""
    shown = typed("show", zoo.replicate.ref(SAY), env=env, cwd=tmp_path).stdout
    assert "takes:       text, times?" in shown
    assert "text:      string, required" in shown
    assert "times:     integer, default 2, from 1, to 5" in shown
    assert "gives:       text, piece by piece" in shown
    assert "image:     file, required" in typed("show", zoo.replicate.ref(DRAW), env=env, cwd=tmp_path).stdout


# -- how values are read ------------------------------------------------------------------------


def schema(**inputs: Any) -> Schema:
    """What a model takes that has these inputs beside a prompt."""
    found = record(**inputs).schema
    assert found is not None
    return found


TAKES = {
    "steps": {"type": "integer"},
    "scale": {"type": "number"},
    "loud": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "sizes": {"type": "array", "items": {"type": "integer"}},
    "images": {"type": "array", "items": {"type": "string", "format": "uri"}},
    "image": {"type": "string", "format": "uri"},
    "options": {"type": "object"},
    "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["prompt=7"], {"prompt": "7"}),
        (["prompt=a=b"], {"prompt": "a=b"}),
        (["prompt="], {"prompt": ""}),
        (["prompt=@@me"], {"prompt": "@me"}),
        (["steps=7"], {"steps": 7}),
        (["steps=7.5"], {"steps": "7.5"}),
        (["scale=7"], {"scale": 7}),
        (["scale=0.5"], {"scale": 0.5}),
        (["loud=true"], {"loud": True}),
        (["loud=yes"], {"loud": "yes"}),
        (["tags=a", "tags=b"], {"tags": ["a", "b"]}),
        (["tags=a"], {"tags": ["a"]}),
        (['tags=["a", "b"]'], {"tags": ["a", "b"]}),
        (["sizes=1", "sizes=2"], {"sizes": [1, 2]}),
        (["sizes=[1, 2]"], {"sizes": [1, 2]}),
        (['options={"a": 1}'], {"options": {"a": 1}}),
        (["image=https://example.org/a.png"], {"image": "https://example.org/a.png"}),
        (["either=7"], {"either": 7}),
        (["either=seven"], {"either": "seven"}),
        (["unknown=7"], {"unknown": 7}),
        (["unknown=seven", "unknown=8"], {"unknown": ["seven", 8]}),
    ],
)
def test_a_value_is_of_the_type_that_is_wanted(words: list[str], expected: dict[str, Any]) -> None:
    """By the schema, and not by what it looks like; what cannot be read stays text, which the check refuses."""
    assert read_inputs(words, schema(**TAKES)) == expected


def test_files_are_read_by_what_is_wanted(tmp_path: Path) -> None:
    """A file input gets the file, a text the words in it, an array of files each of them."""
    (tmp_path / "a.txt").write_text("words", "utf-8")
    (tmp_path / "n.txt").write_text("7", "utf-8")
    (tmp_path / "b.bin").write_bytes(b"\xff")
    at = str(tmp_path)
    words = [f"image=@{at}/a.txt", f"prompt=@{at}/a.txt", f"steps=@{at}/n.txt", f"images=@{at}/a.txt"]
    assert read_inputs([*words, f"images=@{at}/b.bin"], schema(**TAKES)) == {
        "image": tmp_path / "a.txt",
        "prompt": "words",
        "steps": 7,
        "images": [tmp_path / "a.txt", tmp_path / "b.bin"],
    }
    assert read_inputs([f"x=@{at}/a.txt"], None) == {"x": tmp_path / "a.txt"}
    for word in (f"image=@{at}/none", f"prompt=@{at}/none", f"prompt=@{at}/b.bin", f"prompt=@{at}"):
        with pytest.raises(ConfigError) as caught:
            read_inputs([word], schema(**TAKES))
        assert "key=@@text" in (caught.value.hint or "")


@given(st.text(), st.sampled_from(sorted(TAKES)))
def test_no_text_breaks_the_reading(text: str, name: str) -> None:
    """Whatever is typed is read as something, or refused with a sentence."""
    try:
        read = read_inputs([f"{name}={text}"], schema(**TAKES))
    except ConfigError as error:
        assert error.message
    else:
        assert set(read) == {name}


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe is closed otherwise there")
def test_a_reader_that_goes_cancels_the_run(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Who pipes a stream into ``head`` does not pay for what nobody reads."""
    zoo.commit("acme/endless", {"README.md": "# Endless\n"})

    def endless(job: Work) -> Iterator[str]:
        while not job.wait(0.01):
            yield "words " * 200

    zoo.replicate.offer("acme/endless", output="tokens", run=endless)
    words = [*ZOOCLIENT, "run", zoo.replicate.ref("acme/endless"), "prompt=hi", "--stream"]
    with subprocess.Popen(
        words, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == "words"
        process.stdout.close()
        assert process.wait(60) == 141
    run = zoo.replicate.predictions("acme/endless")[0]
    assert run.stopped.wait(30)
    assert run.state.status == "canceled"
