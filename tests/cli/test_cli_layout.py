"""``zooclient get --layout``: it prints where each file went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_shell import environment, typed

from zooclient.testing import LocalZoo


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])


def test_each_file_s_place_is_a_line(zoo: LocalZoo, tmp_path: Path, env: dict[str, str]) -> None:
    """One path a line in place of the folder, and the same in JSON."""
    pin, app = f"hf:org/tiny@{zoo.head('org/tiny')}", tmp_path / "app"
    words = ("get", pin, "--to", str(app), "--layout", "a1111", "--kind", "checkpoint")
    done = typed(*words, "--no-preview", env=env, cwd=tmp_path)
    placed = app / "models/Stable-diffusion/tiny.safetensors"
    assert (done.returncode, done.stdout) == (0, f"{placed}\n")
    assert placed.is_file() and placed.with_suffix(".json").is_file()
    data = json.loads(typed(*words, "--json", env=env, cwd=tmp_path).stdout)
    assert data["placed"] == {"model.safetensors": "models/Stable-diffusion/tiny.safetensors"}
    assert data["to"] == str(app)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--layout", "comfyui"), "--to DIR"),
        (("--layout", "comfyui", "--to", "app"), "--kind lora"),
        (("--layout", "comfyui", "--to", "app", "--kind", "loras"), "Known: checkpoint, lora"),
        (("--layout", "other", "--to", "app"), "comfyui"),
    ],
)
def test_what_is_missing_is_said(
    zoo: LocalZoo, tmp_path: Path, env: dict[str, str], words: tuple[str, ...], told: str
) -> None:
    """Without a folder, a kind or a known application the exit code is 2, and the hint says what to write."""
    done = typed("get", f"hf:org/tiny@{zoo.head('org/tiny')}", *words, env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert not [asked for asked in zoo.requests if "safetensors" in asked.path]
