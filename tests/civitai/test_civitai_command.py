"""Civitai on the command line."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from civzoo import CivZoo, listed_file
from conftest import safetensors

from zooclient.cli.main import run
from zooclient.cli.output import Desk

PIN = "civitai:10@20"
NAME = "tiny.safetensors"
WEIGHTS = safetensors(7, 500_000)


class Shell:
    """Runs verbs with the zoo named by a variable; keeps what they said."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.err = ""

    def __call__(self, *words: str, code: int = 0, **extra: str) -> str:
        out, err = io.StringIO(), io.StringIO()
        ended = run(words, obj=Desk(out=out, err=err, environ=self.environ | extra, project=None))
        self.err = err.getvalue()
        assert ended == code, self.err
        return out.getvalue()


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    """Civitai with one model, whose size is about right."""
    with CivZoo() as running:
        running.add({NAME: WEIGHTS})["files"][0]["sizeKB"] = 1953
        yield running


@pytest.fixture
def shell(civitai: CivZoo, tmp_path: Path) -> Shell:
    return Shell(
        {
            "HOME": str(tmp_path),
            "ZOOCLIENT_HOME": str(tmp_path / "home"),
            "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml"),
            "ZOOCLIENT_CIVITAI_ENDPOINT": civitai.endpoint,
            "ZOOCLIENT_HF_ENDPOINT": os.environ["ZOOCLIENT_MODELSCOPE_ENDPOINT"],
            "ZOOCLIENT_MODELSCOPE_ENDPOINT": os.environ["ZOOCLIENT_MODELSCOPE_ENDPOINT"],
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
    )


def test_from_search_to_card(shell: Shell, civitai: CivZoo) -> None:
    """Every verb of reading, and what it says of sizes that are only about right and of adult models left out."""
    listed = {zoo["scheme"]: zoo for zoo in json.loads(shell("zoos", "--json"))}
    assert listed["civitai"]["endpoint"] == civitai.endpoint
    assert listed["civitai"]["capability"]["max_connections"] == 4
    assert f"civitai\t{civitai.endpoint}\tsearch download login" in shell("zoos")
    assert shell("search", "tiny", "--zoo", "civitai").startswith(f"{PIN}\tLORA\t")
    assert "civitai was asked for what is for everybody; --nsfw" in shell.err
    shell("search", "tiny", "--zoo", "civitai", "--nsfw")
    assert "for everybody" not in shell.err
    shell("search", "tiny", "--zoo", "modelscope")
    assert "for everybody" not in shell.err
    assert shell("resolve", "civitai:10").strip() == PIN
    assert "No version was asked for" in shell.err
    assert "files:       1, about 2.0 MB" in shell("show", PIN, "--files")
    assert shell("plan", PIN).split() == ["fetch", "about", "2.0", "MB", NAME]
    assert "about 2.0 MB to fetch" in shell.err
    assert json.loads(shell("plan", PIN, "--json"))["approximate"] is True
    assert Path(shell("get", PIN).strip(), NAME).read_bytes() == WEIGHTS
    shell("verify", PIN)
    card = shell("card", PIN)
    assert "It draws **tiny** things." in card and "## Trigger words" in card and "<script" not in card
    assert json.loads(shell("card", PIN, "--json"))["license"]["kind"] == "open-weight"


def test_how_it_ends(shell: Shell, civitai: CivZoo) -> None:
    """Exit codes by what the caller does next: decides, distrusts, asks for access, looks elsewhere."""
    found = civitai.version(20)
    assert found is not None
    shell("get", PIN, ZOOCLIENT_STRICT="1", code=6)
    assert f"zooclient resolve {PIN}" in shell.err
    shell("resolve", PIN)
    shell("get", PIN, ZOOCLIENT_STRICT="1")
    found[0]["files"][0] |= listed_file(200, NAME, WEIGHTS + b"!")
    shell("resolve", PIN, code=5)
    assert "replaced upstream" in shell.err and f"zooclient resolve --accept-replaced {PIN}" in shell.err
    shell("resolve", "--accept-replaced", PIN)
    assert Path(shell("get", PIN).strip(), NAME).read_bytes() == WEIGHTS + b"!"
    civitai.add({"a.safetensors": b"a" * 3000}, version=21, paidAccess={"permanent": True, "endsAt": None})
    shell("get", "civitai:10@21", code=4)
    assert f"ask at: {civitai.endpoint}/models/10?modelVersionId=21" in shell.err
    civitai.add({"b.safetensors": b"b" * 3000}, model=12, version=22)
    civitai.models[12]["mode"] = "Archived"
    shell("get", "civitai:12@22", code=3)
    shell("get", "civitai:99", code=3)
    assert [asked.path for asked in civitai.downloads] == ["/api/download/models/20"] * 2


def test_a_login_is_checked_stored_and_forgotten(shell: Shell, civitai: CivZoo, tmp_path: Path) -> None:
    """A key is tried at the site, kept for its owner alone, used from then on, and never printed."""
    shell("whoami", "civitai", code=4)
    said = []
    for key, code in ((civitai.key, 0), ("civ-wrong", 4)):
        done = subprocess.run(
            [sys.executable, "-m", "zooclient", "login", "civitai", "--stdin"],
            env={**shell.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            input=f"{key}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        said += [done.stdout, done.stderr]
    (kept,) = (path for path in tmp_path.rglob("civitai") if path.is_file())
    assert kept.read_text() == civitai.key
    if os.name == "posix":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert shell("whoami", "civitai").strip() == "me"
    civitai.wants_key.add(20)
    said += [shell("get", PIN), shell.err, shell("doctor", "--json"), shell("zoos", "--json")]
    assert not any(civitai.key in words for words in said)
    shell("logout", "civitai")
    assert not kept.exists()
    shell("whoami", "civitai", code=4)


def test_the_doctor_looks_at_it(shell: Shell, civitai: CivZoo) -> None:
    """Its answer, its clock and its key are looked at as every zoo's; a key that is none is a finding."""
    found = [one for one in json.loads(shell("doctor", "--json")) if one["zoo"] == "civitai"]
    assert {one["check"]: one["verdict"] for one in found} == {
        **dict.fromkeys(("proxy", "dns", "https", "clock", "token"), "ok"),
    }
    told = json.loads(shell("doctor", "--json", CIVITAI_API_KEY=civitai.key))
    assert "The token belongs to me." in [one["text"] for one in told]
    told = json.loads(shell("doctor", "--json", CIVITAI_TOKEN="civ-wrong", code=7))
    assert [one["check"] for one in told if one["verdict"] == "fail"] == ["token"]
    assert civitai.downloads == []
