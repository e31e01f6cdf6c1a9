"""Every example in the README and in the documentation runs, and prints what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pages import ROOT, blocks, pages, shown
from replicate_answers import document, model, version
from replicate_double import TOKEN, ReplicateDouble

import zooclient.testing
from zooclient.embedded import zoo_folder
from zooclient.providers.registry import own_schemes
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
    "zooclient serve ./models --zoo hf --zoo modelscope --zoo civitai --port 8000": "tests of the server serve so",
    "zooclient serve --port 8000": "tests of the server run it over the store",
    "zooclient serve \"$(python -c 'import zooclient.embedded as e; print(e.zoo_folder())')\" --zoo hf "
    "--zoo modelscope --zoo civitai\n"
    "export ZOOCLIENT_HF_ENDPOINT=http://127.0.0.1:8000 ZOOCLIENT_MODELSCOPE_ENDPOINT=http://127.0.0.1:8001\n"
    "export ZOOCLIENT_CIVITAI_ENDPOINT=http://127.0.0.1:8002": "the zoos that run these examples are these",
    "python -m pip install 'zooclient[socks]'": "installs",
    "nox -s bench": "takes minutes",
    "python -m pip install build twine\npython -m build\npython -m twine upload dist/*": "publishes",
    "zooclient doctor --live": "asks the real zoos",
}

#: Languages of blocks that are neither commands nor programs.
TEXT = {"", "text", "dockerfile", "yaml"}

#: Pages whose examples need the zoos' own clients: they publish, or run models of the Hub.
OFFICIAL = {"README.md", "docs/guides/publish.md", "docs/guides/run.md"}

CARD = "---\nlicense: apache-2.0\n---\n# A story teller\n\n## Limitations\n\nIt tells stories, not facts.\n"

#: Two models that the pages call by their numbers at Civitai. Numbers are made from names and contents: these makers
#: and counts of uploads give short ones.
LANTERNS, SOON = "maker246/lanterns", "maker433/soon"
LANTERNS_CARD = (
    "---\ntitle: Paper lanterns\nlicense: apache-2.0\ntags: [lora, style]\n"
    "base_model: stabilityai/stable-diffusion-xl-base-1.0\ntrigger_words: [paper lantern]\n---\n"
    "Paper lanterns, in any light. Upload 1126.\n"
)
SOON_CARD = "---\ntitle: Soon\ntags: [lora]\n---\nNot yet. Upload 18622.\n"


def ident(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def runs(page: Path) -> bool:
    return any(block.language in RUN or shown(block) is not None for block in blocks(page))


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """The zoos of the pages, three with the same models: the embedded one, some in several formats, some gated."""
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
        running.commit("acme/secret", {"README.md": CARD, "config.json": "{}", "model.safetensors": weights})
        running.hide("acme/secret")
        for name in ("acme/parrot", "acme/painter"):
            running.commit(name, {"README.md": CARD, "config.json": "{}"})
        running.host("acme/parrot")
        running.host("acme/painter", lambda asked: b"\x89PNG\r\n\x1a\n", task="text-to-image")
        running.commit(LANTERNS, {"README.md": LANTERNS_CARD, "paperLanterns_v1.safetensors": weights})
        running.commit(SOON, {"README.md": SOON_CARD, "soon.safetensors": weights + b"!"})
        running.civitai.sell(SOON, until=datetime(2999, 1, 1, tzinfo=UTC))
        yield running


@pytest.fixture
def replicate(zoo: LocalZoo) -> Iterator[ReplicateDouble]:
    """The Replicate of the pages: one with weights at the Hub, an official one, one that paints, one with an image."""
    of_image = version(id=zoo.replicate.version("acme/story"))
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
    paints = document(image={"type": "string", "format": "uri", "x-order": 1, "default": None})
    paints["components"]["schemas"]["Output"] = {"type": "string", "format": "uri"}
    painter = version(id="b2" * 32, openapi_schema=paints)
    weights = "https://huggingface.co/acme/story"
    with ReplicateDouble() as running:
        running.name = "me"
        running.models = {
            "acme/lanterns": model(name="lanterns", latest_version=latest, weights_url=weights),
            "acme/official": model(name="official", is_official=True),
            "acme/paint": model(name="paint", latest_version=painter),
            "acme/story": model(name="story", latest_version=of_image),
        }
        running.versions = {"acme/lanterns": [latest], "acme/paint": [painter], "acme/story": [of_image]}
        running.works = {painter["id"]: lambda inputs: b"\x89PNG\r\n\x1a\n" + inputs["prompt"].encode()}
        running.readmes = {"acme/lanterns": "# Lanterns\n\nPaper lanterns, in any light.\n"}
        yield running


@pytest.fixture
def environment(zoo: LocalZoo, replicate: ReplicateDouble, tmp_path: Path) -> dict[str, str]:
    """A reader's machine: an empty home, the commands on the path, the zoos named by variables."""
    tools, site = tmp_path / "bin", tmp_path / "site"
    putter = Path(__file__).with_name("put_on_path.py")
    pip = f'[ "$1 $2 $3" = "-m pip install" ] && shift 3 && exec "{sys.executable}" "{putter}" "{site}" "$@"\n'
    tools.mkdir()
    for name, words in {"zooclient": "-m zooclient", "zoo": "-m zooclient", "python": ""}.items():
        (tools / name).write_text(f'#!/bin/sh\n{pip}exec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "home").mkdir()
    return {
        "PATH": os.pathsep.join((str(tools), "/usr/local/bin", "/usr/bin", "/bin")),
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join((str(site), str(Path(zooclient.__file__).parents[1]))),
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        **{f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": endpoint for scheme, endpoint in zoo.endpoints.items()},
        "ZOOCLIENT_REPLICATE_ENDPOINT": replicate.url,
        # The names under which the pages speak of the reader's own tokens.
        "MY_TOKEN": zoo.tokens["hf"],
        **{f"MY_{scheme.upper()}_TOKEN": token for scheme, token in zoo.tokens.items()},
        "MY_REPLICATE_TOKEN": TOKEN,
    }


@pytest.mark.skipif(shutil.which("bash") is None, reason="the console examples are for a Unix shell")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.official] if ident(page) in OFFICIAL else [], id=ident(page))
        for page in pages()
        if runs(page)
    ],
)
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


def test_each_line_of_the_table_of_zoos_works(environment: dict[str, str], tmp_path: Path) -> None:
    """The command that the README gives for each zoo works as it stands there."""
    shutil.copytree(zoo_folder() / "zooclient" / "digits", tmp_path / "digits")
    rows = re.findall(r"^\|.*\| `(zooclient [^`]+)` \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [row.split()[-1].partition(":")[0] for row in rows] == ["hf", "ms", "civitai", "replicate", "file"]
    env = {**environment, "REPLICATE_API_TOKEN": environment["MY_REPLICATE_TOKEN"]}  # it answers nobody without one
    for row in rows:
        done = subprocess.run(row.split(), env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{row}\n{done.stderr}"


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


@pytest.mark.parametrize("scheme", own_schemes())
def test_the_page_of_the_zoos_gets_a_model_of_each(scheme: str) -> None:
    """Each zoo that is known has a line on the page of the zoos, which the walk of that page shows to work."""
    shown = [block.text for block in blocks(ROOT / "docs" / "zoos.md") if block.language == "console"]
    assert any(re.search(rf"^\$ zooclient (get|resolve) {scheme}:", text, re.MULTILINE) for text in shown)


@pytest.mark.parametrize("name", zooclient.testing.__all__)
def test_every_name_for_tests_stands_in_the_reference(name: str) -> None:
    """The reference has a directive for each public name of ``zooclient.testing``."""
    text = (ROOT / "docs" / "reference" / "testing.md").read_text("utf-8")
    assert re.search(rf"^\.\. auto\w+:: zooclient\.testing\.{name}$", text, re.MULTILINE)


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
