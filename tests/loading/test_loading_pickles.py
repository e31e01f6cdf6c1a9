"""Pickles are found by name and by content, and nobody gets them unasked."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest
from loading_models import one, snapshot

from zooclient.errors import PolicyError
from zooclient.loading.pickles import pickled, refuse_pickles


class Bomb:
    """Whoever unpickles this fails the test."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was opened",))


def zipped(*names: str) -> bytes:
    """A zip archive with these members, each a pickle that must not be opened."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, pickle.dumps(Bomb()))
    return buffer.getvalue()


def tarred() -> bytes:
    """What torch wrote before it wrote zips."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return buffer.getvalue()


PICKLE = pickle.dumps(Bomb())

FOUND = {
    "pytorch_model.bin": zipped("archive/data.pkl", "archive/data/0"),
    "old.pth": PICKLE,
    "oldest.dat": tarred(),
    "training_args.bin": PICKLE,
    "model.pt": b"anything at all",
    "x.ckpt": b"",
    "UPPER.PKL": b"(dp0\n.",  # protocol 0 has no first bytes to know it by
    "model.joblib": b"\x78\x9c",
    "renamed.weights": PICKLE,
    "vocab": pickle.dumps({}, protocol=2),
    "hidden.npz": zipped("a.npy", "data.pkl"),
    "cut.dat": zipped("a.npy")[:40],
    "lying.safetensors": PICKLE,
    "openvino_model.bin": PICKLE,
}
LEFT_ALONE = {
    "model.safetensors": one(),
    "config.json": b"{}",
    "README.md": "# Ünïcode €".encode(),
    "arrays.npz": zipped("a.npy", "b.npy"),
    "ggml-tiny.bin": b"lmgg" + b"\0" * 100,
    "model.gguf": b"GGUF\3\0\0\0",
    "openvino_model.bin": b"\0" * 64,
    "tokenizer.model": b"\n\x0e\n\x05<unk>",
    "empty": b"",
}


@pytest.mark.parametrize("name", FOUND)
def test_a_pickle_is_found(tmp_path: Path, name: str) -> None:
    """By its name or by its first bytes, each way to keep a pickle is found, and it is not opened."""
    assert list(pickled(snapshot(tmp_path, {"config.json": b"{}", name: FOUND[name]}))) == [name]


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_is_no_pickle_is_left_alone(tmp_path: Path, name: str) -> None:
    """Formats that only hold numbers and text are no pickles, whatever their ending."""
    assert list(pickled(snapshot(tmp_path, {name: LEFT_ALONE[name]}))) == []


def test_the_refusal_names_the_files_and_the_way_out(tmp_path: Path) -> None:
    """Exit 6, the files, and ``unsafe=True`` where there is nothing else."""
    held = snapshot(tmp_path, dict.fromkeys(["a.bin", "b.bin", "c.bin", "d.bin"], PICKLE))
    with pytest.raises(PolicyError) as caught:
        refuse_pickles(held, "transformers")
    assert caught.value.exit_code == 6
    assert "a.bin, b.bin, c.bin and 1 more" in caught.value.message
    assert "`.into('transformers', unsafe=True)`" in (caught.value.hint or "")


def test_where_safetensors_are_the_hint_is_to_take_those(tmp_path: Path) -> None:
    """Nobody is sent to ``unsafe`` who could have safe weights."""
    with pytest.raises(PolicyError) as caught:
        refuse_pickles(snapshot(tmp_path, {"model.safetensors": one(), "pytorch_model.bin": PICKLE}), "transformers")
    assert 'weights="safetensors"' in (caught.value.hint or "")
