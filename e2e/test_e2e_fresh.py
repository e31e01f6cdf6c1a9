"""The README's first command, in a fresh copy of the project and a new environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def first_command() -> str:
    found = re.search(r"^```sh\n(.+)\n```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.skipif(os.name == "nt", reason="the command is for a Unix shell")
def test_the_first_command_runs_the_tour(tmp_path: Path) -> None:
    """Somebody with nothing but Python and a network types one line, and sees the whole of it at work."""
    clone = tmp_path / "zooclient"
    kept_out = shutil.ignore_patterns(
        ".git", ".venv", ".nox", "__pycache__", "*_cache", ".hypothesis", "_build", "dist"
    )
    shutil.copytree(ROOT, clone, ignore=kept_out)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    kept = {
        name: text for name, text in os.environ.items() if name.startswith("PIP_") or name in ("PATH", "HOME", "LANG")
    }
    done = subprocess.run(
        ["bash", "-c", first_command()],
        cwd=clone,
        env={**kept, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "hf:zooclient/digits@" in done.stdout
    assert "digits that it never saw in training are right" in done.stdout
    assert "Refused with exit code 5" in done.stdout
    assert list(temporary.glob("zooclient-*")) == [], "the tour leaves nothing behind"
