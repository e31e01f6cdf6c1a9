"""``Model`` is a path, a set of files by their names, and light."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loading_models import REF, model, one, snapshot

from zooclient.errors import ConfigError, IntegrityError, NotFound
from zooclient.loading.files import path_of
from zooclient.loading.model import Model


def test_a_model_is_a_path(tmp_path: Path) -> None:
    """A model can be given wherever a folder is wanted, and tells what it is."""
    opened = model(tmp_path, {"config.json": b"{}"})
    assert os.fspath(opened) == str(tmp_path)
    assert (opened.path, opened.ref, opened.record.title) == (tmp_path, REF, "name")
    assert [file.path for file in opened.files] == ["config.json"]
    assert "hf:owner/name" in repr(opened)


def test_models_of_one_snapshot_are_equal(tmp_path: Path) -> None:
    """Two models of the same snapshot are the same value."""
    held = snapshot(tmp_path, {"config.json": b"{}"})
    assert Model(held) == Model(held)
    assert Model(held) != Model(snapshot(tmp_path, {"other.json": b"{}"}))


def test_files_are_opened_as_bytes_and_as_text(tmp_path: Path) -> None:
    """``open`` reads bytes unless text is asked for."""
    opened = model(tmp_path, {"sub/note.txt": "für".encode()})
    with opened.open("sub/note.txt") as file:
        assert file.read() == "für".encode()
    with opened.open("sub/note.txt", "r") as file:
        assert file.read() == "für"


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "/etc/passwd", "config.JSON", "", ".", "sub"])
def test_only_listed_names_are_opened(tmp_path: Path, name: str) -> None:
    """No name but those that the snapshot lists is opened, wherever it might lead."""
    (tmp_path / "secret").write_text("secret")
    opened = model(tmp_path / "model", {"config.json": b"{}", "sub/a.txt": b""})
    with pytest.raises(NotFound):
        opened.open(name)


def test_a_file_beside_the_snapshot_is_not_opened(tmp_path: Path) -> None:
    """A file that was put into the folder later is no file of the model."""
    opened = model(tmp_path, {"config.json": b"{}"})
    (tmp_path / "added.txt").write_text("")
    with pytest.raises(NotFound) as caught:
        opened.open("added.txt")
    assert caught.value.hint is not None


@pytest.mark.parametrize("mode", ["w", "wb", "a", "r+", "x", "rb+"])
def test_files_are_not_opened_for_writing(tmp_path: Path, mode: str) -> None:
    """A verified file is only read."""
    opened = model(tmp_path, {"config.json": b"{}"})
    with pytest.raises(ConfigError, match="only read"):
        opened.open("config.json", mode)
    assert (tmp_path / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:/x", "a\\x", ""])
def test_a_listed_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Even a snapshot that lists a hostile name does not lead out of its folder."""
    with pytest.raises(IntegrityError):
        path_of(snapshot(tmp_path, {"a": b""}), name)


def test_opening_a_model_imports_nothing_heavy() -> None:
    """``zooclient.loading.model`` loads neither numpy nor a library of models."""
    heavy = "numpy ml_dtypes zipfile mmap difflib importlib.metadata logging urllib attrs"
    code = f"import sys, zooclient.loading.model; print([m for m in {heavy.split()!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_tensors_of_a_model_are_its_safetensors(tmp_path: Path) -> None:
    """All shards together are one mapping."""
    files = {"model-00001-of-00002.safetensors": one("a"), "model-00002-of-00002.safetensors": one("b"), "x.bin": b""}
    assert list(model(tmp_path, files).tensors()) == ["a", "b"]


def test_a_name_in_two_files_asks_for_a_choice(tmp_path: Path) -> None:
    """The same name in two files is no silent pick: the hint says how to choose, and the choice works."""
    opened = model(tmp_path, {"unet/m.safetensors": one("w"), "vae/m.safetensors": one("w", data=b"\1" * 8)})
    with pytest.raises(ConfigError) as caught:
        opened.tensors()
    assert 'tensors("vae/")' in (caught.value.hint or "")
    assert opened.tensors("vae/")["w"].tobytes() == b"\1" * 8
    assert opened.tensors("unet/m.safetensors")["w"].tobytes() == b"\0" * 8


def test_a_model_without_safetensors_says_what_it_has(tmp_path: Path) -> None:
    """Where there is nothing to read without unpickling, the error names the weights that there are."""
    with pytest.raises(NotFound) as caught:
        model(tmp_path, {"pytorch_model.bin": b"x"}).tensors()
    assert caught.value.hint == "Its weights are: pytorch_model.bin."
