"""stdout, stderr, terminals and pipes, as a shell gives them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_shell import ZOOCLIENT, environment, ran, typed

from zooclient.testing import Flip, LocalZoo

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's devices and terminals")


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])


def on_a_terminal(words: list[str], env: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    """Runs a verb with stderr at a pseudo-terminal; returns its code, stdout and what the terminal was sent."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*ZOOCLIENT, *words],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux's end of a terminal
                break
            if not part:
                break
            shown += part
        os.close(ours)
        assert process.stdout is not None
        out = process.stdout.read()
    return process.returncode, out, shown.decode()


@linux
def test_a_person_at_a_terminal_sees_progress(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Bars are drawn on the terminal at stderr; stdout holds the path alone."""
    code, out, shown = on_a_terminal(["get", "hf:org/tiny"], env | {"TERM": "xterm"}, tmp_path)
    assert code == 0, shown
    assert "4 files" in shown
    assert "2.0 MB" in shown
    assert "\x1b" not in out
    assert Path(out.strip()).is_dir()


@linux
def test_bytes_thrown_away_are_no_speed_below_zero(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Where bytes turn out wrong the bars go back, and show neither a negative speed nor a traceback."""
    zoo.fail("*.safetensors", Flip())
    code, out, shown = on_a_terminal(["get", "hf:org/tiny"], env | {"TERM": "xterm"}, tmp_path)
    assert (code, out) == (5, ""), shown
    assert not re.search(r"-\d[\d.,]* \w+/s", shown)


@linux
def test_hashing_what_is_held_is_seen_at_a_terminal(env: dict[str, str], tmp_path: Path) -> None:
    """Long work without a transfer shows that it goes on."""
    assert ran("get", "hf:org/tiny", env=env, cwd=tmp_path).returncode == 0
    for words in (["verify", "hf:org/tiny"], ["cache", "verify"]):
        code, out, shown = on_a_terminal(words, env | {"TERM": "xterm"}, tmp_path)
        assert code == 0
        assert "Hashing" in shown
        assert "\x1b" not in out


@linux
@pytest.mark.parametrize("words", [["get", "hf:org/tiny"], ["resolve", "hf:org/none"]])
def test_a_dumb_terminal_is_sent_no_escape(env: dict[str, str], tmp_path: Path, words: list[str]) -> None:
    """With TERM=dumb nothing but plain lines is written."""
    _, out, shown = on_a_terminal(words, env | {"TERM": "dumb"}, tmp_path)
    assert "\x1b" not in out + shown


def test_no_terminal_gets_no_bars(env: dict[str, str], tmp_path: Path) -> None:
    """Into a pipe, stderr holds the one warning and no progress."""
    done = ran("get", "hf:org/tiny", env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr + done.stdout


@linux
def test_a_full_disk_at_stdout_is_a_sentence(env: dict[str, str], tmp_path: Path) -> None:
    """A result that cannot be written is exit 8, and says so."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ZOOCLIENT, "zoos"], env=env, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 8
    assert "stdout" in done.stderr
    assert "Traceback" not in done.stderr


@linux
def test_a_closed_stderr_or_stdout_is_no_crash(env: dict[str, str], tmp_path: Path) -> None:
    """A verb started without stderr or stdout ends with its own code."""
    for closing, words, code in ((">&-", "zoos", 0), ("2>&-", "resolve hf:org/none", 3)):
        line = f"'{sys.executable}' -m zooclient {words} {closing}"
        done = subprocess.run(["/bin/sh", "-c", line], env=env, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code, closing


def test_what_the_stream_cannot_spell_is_escaped(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Names beyond the stream's encoding are written as escapes, and JSON stays JSON."""
    zoo.commit("org/umlaut", {"größe.json": "{}", "config.json": "{}"})
    env |= {"PYTHONIOENCODING": "ascii"}
    done = ran("show", "hf:org/umlaut", "--files", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert r"gr\xf6\xdfe.json" in done.stdout
    told = json.loads(ran("show", "hf:org/umlaut", "--json", env=env, cwd=tmp_path).stdout)
    assert "größe.json" in [file["path"] for file in told["files"]]


@pytest.mark.parametrize("words", [["doctor"], ["zoos"], ["--help"], ["get", "--help"]])
def test_a_reader_that_has_gone_is_no_traceback(tmp_path: Path, words: list[str]) -> None:
    """Into a closed pipe a verb ends quietly with 141, also one that has failed."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT="http://127.0.0.1:1")
    with subprocess.Popen(
        [*ZOOCLIENT, *words], env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_completion(env: dict[str, str], tmp_path: Path, shell: str) -> None:
    """The script for a shell is printed, and names the program."""
    done = ran(env=env | {"_ZOOCLIENT_COMPLETE": f"{shell}_source"}, cwd=tmp_path)
    assert done.returncode == 0
    assert "_ZOOCLIENT_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("line", "offered"), [("zooclient se", {"search", "serve"}), ("zooclient cache ", {"ls", "rm", "prune", "verify"})]
)
def test_verbs_are_completed(env: dict[str, str], tmp_path: Path, line: str, offered: set[str]) -> None:
    """What a shell asks for while somebody types is answered."""
    words = line.count(" ")
    asked = {"_ZOOCLIENT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(words)}
    done = ran(env=env | asked, cwd=tmp_path)
    assert {row.partition(",")[2] for row in done.stdout.splitlines()} == offered


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["search", "x", "--zoo", "nowhere"], 2),
        (["show", "hf:org/none"], 3),
        (["resolve", "hf:org/none"], 3),
        (["plan", "hf:org/none"], 3),
        (["get", "hf:org/none"], 3),
        (["get", "hf:org/tiny", "--to", ""], 2),
        (["get", "hf:org/tiny", "--deadline", "nan"], 2),
        (["path", "hf:org/tiny"], 7),
        (["verify", "hf:org/tiny"], 3),
        (["card", "hf:org/none"], 3),
        (["cache", "rm", "hf:org/tiny"], 3),
        (["cache", "prune", "--keep", "bad"], 2),
        (["login"], 2),
        (["login", "file"], 9),
        (["logout", "nowhere"], 2),
        (["whoami"], 4),
        (["serve", "/nowhere"], 2),
    ],
)
def test_an_error_leaves_stdout_empty_with_json_too(
    env: dict[str, str], tmp_path: Path, words: list[str], code: int
) -> None:
    """With --json an error is still a sentence on stderr and an exit code; stdout stays empty."""
    done = typed(*words, "--json", env=env, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "rror: " in done.stderr
    assert "Traceback" not in done.stderr


def test_every_verb_that_succeeds_prints_one_json_value(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """--json prints one value that can be read, and nothing beside it."""
    pinned = f"hf:org/tiny@{zoo.head('org/tiny')}"
    env |= {"ZOOCLIENT_HF_TOKEN": zoo.tokens["hf"]}
    for words in (
        *(["search", "tiny"], ["search", "no-such"], ["show", pinned], ["resolve", pinned], ["plan", pinned]),
        *(
            ["get", pinned],
            ["get", pinned, "--to", str(tmp_path / "out")],
            ["path", pinned],
            ["verify", pinned],
            ["card", pinned],
        ),
        *(["cache", "ls"], ["cache", "verify"], ["cache", "prune", "--dry-run"], ["cache", "rm", pinned]),
        *(["zoos"], ["whoami"], ["doctor"], ["logout"]),
    ):
        done = typed(*words, "--json", env=env, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)
        assert isinstance(json.loads(done.stdout), (dict, list)), words
