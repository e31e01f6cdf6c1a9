"""The tour, from its first line to what it leaves on the disk."""

from __future__ import annotations

import json
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from cli_shell import ZOOCLIENT, environment, ran


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the tour makes its home."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_the_tour_walks_the_whole_line_and_leaves_nothing(tmp_path: Path, scratch: Path) -> None:
    """Every step is shown with its command at three zoos, the lie is refused, and the disk is as it was."""
    done = ran("tour", env=environment(tmp_path, TMPDIR=str(scratch)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for shown in ("search digits", "resolve hf:zooclient/digits", "plan hf:", "get hf:", "verify hf:", "card hf:"):
        assert f"$ zooclient {shown}" in done.stdout
    for prefix in ("hf", "modelscope", "civitai"):
        assert f"$ zooclient resolve {prefix}:" in done.stdout
        assert f"$ zooclient get {prefix}:" in done.stdout
    assert done.stdout.count("\n  0 bytes of weights moved.") == 2
    assert "Of the weights came 5000 bytes from hf, 9776 bytes from modelscope." in done.stdout
    assert "0 requests." in done.stdout
    assert "Refused with exit code 5" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "It is a 4." in done.stdout
    if all(find_spec(name) for name in ("huggingface_hub", "modelscope")):
        assert done.stdout.count("3 files verified, 19.3 kB sent.") == 2
        assert "$ zooclient get modelscope:me/digits-ms@" in done.stdout
    else:
        assert "Publishing is left out" in done.stdout
    assert list(scratch.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch"]


def test_the_tour_uses_no_token_and_no_settings_of_the_person(tmp_path: Path, scratch: Path) -> None:
    """Who is logged in at Hugging Face, or has a project file at hand, takes the same tour."""
    stored = tmp_path / ".cache" / "huggingface" / "token"
    stored.parent.mkdir(parents=True)
    stored.write_text("hf_ofaperson")
    (tmp_path / "zoo.toml").write_text("strict = true\noffline = true\n")
    env = environment(tmp_path, TMPDIR=str(scratch), HF_TOKEN="hf_ofaperson", HF_HUB_OFFLINE="1")
    done = ran("tour", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hf_ofaperson" not in done.stdout + done.stderr


def test_keep_leaves_the_home_and_says_where(tmp_path: Path, scratch: Path) -> None:
    """``--keep --json`` prints one JSON value with every step, and the home that it names holds the model."""
    done = ran("tour", "--keep", "--json", env=environment(tmp_path, TMPDIR=str(scratch)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [step["step"] for step in told["steps"]] == [
        *("search", "resolve", "plan", "get", "verify", "use", "card", "warm"),
        *("resolve", "get", "same bytes", "resolve", "get", "same bytes", "get", "failover", "get", "run"),
        *(("publish", "publish", "get", "get") if find_spec("modelscope") and find_spec("huggingface_hub") else ()),
    ]
    assert [step["exit_code"] for step in told["steps"] if step.get("exit_code")] == [5]
    assert [str(path) for path in scratch.iterdir()] == [told["home"]]
    assert list(Path(told["home"]).rglob("home/v1/snapshots/**/model.safetensors"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_tour_wherever_it_is(
    tmp_path: Path, scratch: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM end the tour with their own code, and nothing is left behind."""
    with subprocess.Popen(
        [*ZOOCLIENT, "tour"],
        env=environment(tmp_path, TMPDIR=str(scratch)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("$ zooclient search" in line for line in process.stdout)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == code, error
    assert "Traceback" not in error
    assert list(scratch.iterdir()) == []
