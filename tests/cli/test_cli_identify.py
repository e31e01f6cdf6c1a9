"""``zooclient identify``: one line a file, and an exit code that a script can branch on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_shell import environment, typed

from zooclient.testing import LocalZoo


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])


def test_a_line_a_file_and_the_exit_code(zoo: LocalZoo, models: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """Known files end with 0; one that is not makes 3, and says so on stderr."""
    weights, other = models / "org/tiny/model.safetensors", tmp_path / "other.bin"
    other.write_bytes(b"other")
    assert typed("resolve", "hf:org/tiny", env=env, cwd=tmp_path).returncode == 0
    done = typed("identify", str(weights), env=env, cwd=tmp_path)
    pin = f"hf:org/tiny@{zoo.head('org/tiny')}"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{weights}\tknown\t{pin}\tmodel.safetensors\n", "")
    done = typed("identify", str(weights), str(other), env=env, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1] == f"{other}\tunknown"
    assert done.stderr == "2 files hashed, 1 not known.\n"


def test_json_holds_digests_and_matches(zoo: LocalZoo, models: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """--json prints every digest and every match, of a folder's files too."""
    typed("resolve", "hf:org/tiny", env=env, cwd=tmp_path)
    shutil.copytree(models / "org/tiny", tmp_path / "copy")
    done = typed("identify", str(tmp_path / "copy"), "--json", env=env, cwd=tmp_path)
    data = json.loads(done.stdout)
    assert done.returncode == 0 and data["ok"] and data["problems"] == {}
    assert len(data["files"]) == 5
    weights = next(file for file in data["files"] if file["path"].endswith("model.safetensors"))
    assert weights["known"] and weights["problem"] is None and len(weights["digests"]["sha256"]) == 64
    assert weights["matches"][0]["by"] == "sha256"


def test_what_is_missing_or_cannot_be_asked(tmp_path: Path, env: dict[str, str]) -> None:
    """A missing path is 3 with a sentence; --online without a network is 7; no path at all is 2."""
    done = typed("identify", str(tmp_path / "missing"), env=env, cwd=tmp_path)
    assert (done.returncode, "There is no file" in done.stderr) == (3, True)
    done = typed("identify", str(tmp_path), "--online", env=env | {"ZOOCLIENT_OFFLINE": "1"}, cwd=tmp_path)
    assert (done.returncode, "switched off" in done.stderr) == (7, True)
    assert typed("identify", env=env, cwd=tmp_path).returncode == 2


def test_help_says_when_hashes_leave(tmp_path: Path, env: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the one option that sends hashes says so."""
    assert typed("identify", "--help", env=env, cwd=tmp_path).returncode == 0
    assert "the sha256 of each file leaves this machine" in " ".join(capsys.readouterr().out.split())
