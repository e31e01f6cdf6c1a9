"""Every example in the README and in the documentation runs, and prints what the page says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from civzoo import CivZoo
from pages import ROOT, blocks, pages
from replicate_answers import document, model, version
from replicate_double import TOKEN, ReplicateDouble

import zooclient
from zooclient.embedded import zoo_folder
from zooclient.testing import LocalZoo

#: Languages of blocks that are run, and of blocks that are read.
RUN = {"python", "console"}
READ = {"toml", "json"}

#: Shown, not run here: why.
SHOWN = {
    "python3 -m venv .venv && . .venv/bin/activate && python -m pip install . && zooclient tour": "e2e/ runs it",
    "python -m pip install nox && nox -s tests": "runs this very test",
    'eval "$(_ZOOCLIENT_COMPLETE=bash_source zooclient)"': "tests of the command line ask for the completion script",
    "zooclient serve ./models --host 127.0.0.1 --port 8000": "e2e/ serves a real model so",
    "zooclient serve ./models --zoo hf --zoo modelscope --port 8000": "tests of the command line serve so",
    "zooclient serve --port 8000": "tests of the server run it over the store",
    "zooclient serve \"$(python -c 'import zooclient.embedded as e; print(e.zoo_folder())')\"\n"
    "export ZOOCLIENT_HF_ENDPOINT=http://127.0.0.1:8000": "the zoo that runs these examples is this one",
    "python -m pip install 'zooclient[socks]'": "installs",
    "nox -s bench": "takes minutes",
    "zooclient doctor --live": "asks the real zoos",
}

#: Languages of blocks that are neither commands nor programs.
TEXT = {"", "text", "dockerfile", "yaml"}

CARD = "---\nlicense: apache-2.0\n---\n# A story teller\n\n## Limitations\n\nIt tells stories, not facts.\n"


def ident(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def runs(page: Path) -> bool:
    return any(block.language in RUN for block in blocks(page))


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """The zoo of the pages: the embedded model, one in several formats, one behind a gate."""
    with LocalZoo(zoo_folder()) as running:
        weights = (zoo_folder() / "zooclient" / "digits" / "model.safetensors").read_bytes()
        running.commit(
            "acme/story",
            {
                "README.md": CARD,
                "config.json": "{}",
                "model.safetensors": weights,
                "pytorch_model.bin": b"\x80\x02.",
            },
        )
        running.commit(
            "acme/story-gguf",
            {"README.md": CARD, "story-Q4_K_M.gguf": b"GGUF" + bytes(900), "story-Q8_0.gguf": b"GGUF" + bytes(1800)},
        )
        running.commit("acme/gated", {"README.md": CARD, "config.json": "{}", "model.safetensors": weights})
        running.gate("acme/gated", readers=("me",))
        yield running


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    """The Civitai of the pages: a model with a version that is open, and one in early access."""
    weights = (zoo_folder() / "zooclient" / "digits" / "model.safetensors").read_bytes()
    with CivZoo() as running:
        running.add({"paperLanterns_v1.safetensors": weights}, model=1024, version=2048, trainedWords=["paper lantern"])
        running.add(
            {"soon.safetensors": weights + b"!"},
            model=1025,
            version=2050,
            paidAccess={"permanent": False, "endsAt": "2999-01-01T00:00:00Z"},
        )
        running.models[1024]["name"] = "Paper lanterns"
        yield running


@pytest.fixture
def replicate() -> Iterator[ReplicateDouble]:
    """The Replicate of the pages: a model whose weights lie at the Hub, and an official one."""
    takes = document(
        steps={
            "type": "integer",
            "default": 20,
            "minimum": 1,
            "maximum": 50,
            "x-order": 1,
            "description": "How long to think",
        },
        image={"type": "string", "format": "uri", "x-order": 2, "default": None},
    )
    latest = version(openapi_schema=takes)
    weights = "https://huggingface.co/acme/story"
    with ReplicateDouble() as running:
        running.name = "me"
        running.models = {
            "acme/lanterns": model(name="lanterns", latest_version=latest, weights_url=weights),
            "acme/official": model(name="official", is_official=True),
        }
        running.versions = {"acme/lanterns": [latest]}
        running.readmes = {"acme/lanterns": "# Lanterns\n\nPaper lanterns, in any light.\n"}
        yield running


@pytest.fixture
def environment(zoo: LocalZoo, civitai: CivZoo, replicate: ReplicateDouble, tmp_path: Path) -> dict[str, str]:
    """A reader's machine: an empty home, the commands on the path, the zoo named by a variable."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in {"zooclient": "-m zooclient", "zoo": "-m zooclient", "python": ""}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "home").mkdir()
    return {
        "PATH": os.pathsep.join((str(tools), "/usr/local/bin", "/usr/bin", "/bin")),
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(Path(zooclient.__file__).parents[1]),
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
        "ZOOCLIENT_MODELSCOPE_ENDPOINT": os.environ["ZOOCLIENT_MODELSCOPE_ENDPOINT"],
        "ZOOCLIENT_CIVITAI_ENDPOINT": civitai.endpoint,
        "ZOOCLIENT_REPLICATE_ENDPOINT": replicate.url,
        # The name under which the pages speak of the reader's own token.
        "MY_TOKEN": zoo.tokens["hf"],
        "MY_REPLICATE_TOKEN": TOKEN,
    }


@pytest.mark.skipif(shutil.which("bash") is None, reason="the console examples are for a Unix shell")
@pytest.mark.parametrize("page", [page for page in pages() if runs(page)], ids=ident)
def test_examples_do_what_the_page_says(page: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """The examples of a page run from top to bottom on a machine that has only zooclient."""
    work = tmp_path / "work"
    work.mkdir()
    walker = Path(__file__).with_name("walk_page.py")
    done = subprocess.run(
        [sys.executable, str(walker), str(page)],
        env=environment,
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", pages(), ids=ident)
def test_every_block_is_run_or_read_or_listed(page: Path) -> None:
    """No example escapes: what is not run stands in a written list with its reason."""
    for block in blocks(page):
        if block.language.startswith("{") or block.language in RUN | TEXT:
            continue
        if block.language == "sh":
            assert block.text.strip() in SHOWN, f"{ident(page)}:{block.line} is neither run nor listed"
        else:
            assert block.language in READ, f"{ident(page)}:{block.line}: {block.language!r} is not a known language"


@pytest.mark.parametrize("page", pages(), ids=ident)
def test_data_examples_can_be_read(page: Path) -> None:
    """TOML and JSON on the pages are well formed."""
    for block in blocks(page):
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)


def test_every_listed_block_is_still_shown() -> None:
    """The list of what is not run holds nothing that has gone."""
    shown = {block.text.strip() for page in pages() for block in blocks(page) if block.language == "sh"}
    assert set(SHOWN) <= shown


def test_the_readme_has_the_two_commands_of_a_fresh_machine() -> None:
    """The README's first two commands are the two lines that somebody types on a fresh machine, to the letter."""
    lines = [block.text for block in blocks(ROOT / "README.md") if block.language == "sh"]
    assert lines == [
        "python3 -m venv .venv && . .venv/bin/activate && python -m pip install . && zooclient tour",
        "python -m pip install nox && nox -s tests",
    ]
