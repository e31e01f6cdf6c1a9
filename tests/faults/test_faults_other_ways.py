"""Bytes that come another way: out of the official cache, through the official client; and exchanges that are kept."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from faultkit import carries_on, client_at, ends, pin

from zooclient import Client, IntegrityError, NotFound, ProtocolError, Ref
from zooclient.providers.registry import provider_for
from zooclient.testing import Flip, LocalZoo, Resize, Truncated, replay

WEIGHTS = "model.safetensors"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


# -- the official cache -------------------------------------------------------------------------


def cached(root: Path, models: Path, model: str, commit: str) -> None:
    """Builds what the official client leaves behind: contents by entity tag, and links to them by name."""
    folder = root / f"models--{model.replace('/', '--')}"
    (folder / "blobs").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    for path in (models / model).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            large = path.suffix in (".safetensors", ".bin")
            git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            tag = (hashlib.sha256(content) if large else git).hexdigest()
            name = folder / "snapshots" / commit / path.relative_to(models / model)
            name.parent.mkdir(parents=True, exist_ok=True)
            (folder / "blobs" / tag).write_bytes(content)
            name.symlink_to(os.path.relpath(folder / "blobs" / tag, name.parent))


def state(root: Path) -> dict[str, tuple[int, int, int, int]]:
    """Everything that is to be seen of a folder from outside, links counted."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(root))] = (status.st_size, status.st_mtime_ns, status.st_mode, status.st_nlink)
    return found


def test_what_the_official_client_has_is_not_fetched_again(
    zoo: LocalZoo, models: Path, home: Path, tmp_path: Path
) -> None:
    """A model in the official cache costs no byte; it is proved, ours from then on, and theirs is never changed."""
    cached(tmp_path / "hf" / "hub", models, "org/tiny", zoo.head("org/tiny"))
    before = state(tmp_path / "hf")
    with client_at(zoo, home, surroundings=True, environ={"HF_HOME": str(tmp_path / "hf")}) as client:
        plan = client.plan(pin(zoo))
        assert plan.bytes_to_fetch == 0
        assert {item.place for item in plan.reuse} == {"huggingface cache"}
        snapshot = client.download(plan)
        assert client.verify(snapshot).ok
    assert not any("/resolve/" in seen.path for seen in zoo.requests)
    assert state(tmp_path / "hf") == before
    for file in snapshot.files:
        theirs = tmp_path / "hf" / "hub" / "models--org--tiny" / "snapshots" / zoo.head("org/tiny") / file.path
        assert (snapshot.path / file.path).stat().st_ino != theirs.stat().st_ino


def test_a_damaged_official_cache_is_not_believed(zoo: LocalZoo, models: Path, home: Path, tmp_path: Path) -> None:
    """A content that is not what its name says is fetched instead, and left as it is."""
    cached(tmp_path / "hf" / "hub", models, "org/tiny", zoo.head("org/tiny"))
    for blob in (tmp_path / "hf" / "hub" / "models--org--tiny" / "blobs").iterdir():
        blob.write_bytes(b"!" + blob.read_bytes()[1:])
    before = state(tmp_path / "hf")
    with client_at(zoo, home, surroundings=True, environ={"HF_HOME": str(tmp_path / "hf")}) as client:
        carries_on(client, zoo, pin(zoo))
    assert state(tmp_path / "hf") == before


def test_the_official_cache_is_not_looked_into_unasked(zoo: LocalZoo, models: Path, home: Path, tmp_path: Path) -> None:
    """A client that was given no surroundings takes nothing from them."""
    cached(tmp_path / "hf" / "hub", models, "org/tiny", zoo.head("org/tiny"))
    with client_at(zoo, home, environ={"HF_HOME": str(tmp_path / "hf")}) as client:
        assert client.plan(pin(zoo)).reuse == ()


# -- the official client ------------------------------------------------------------------------


@pytest.mark.official
def test_bytes_through_the_official_client_pass_the_same_door(zoo: LocalZoo, home: Path) -> None:
    """``via="official"`` loads the same model, with the same digests, and held from then on."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    ours = home.with_name("ours")
    with client_at(zoo, home, limits={"read_timeout": 10.0}) as official, client_at(zoo, ours) as client:
        snapshot = official.download(pin(zoo), via="official")
        assert official.verify(snapshot).ok
        assert all("hf_hub/" in seen.headers["user-agent"] for seen in zoo.requests if "/resolve/" in seen.path)
        assert snapshot.content_digest == client.download(pin(zoo)).content_digest
        reference = pin(zoo)
        zoo.stop()
        assert official.load(reference).path == snapshot.path


@pytest.mark.official
@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_flipped_byte_is_refused_whoever_brings_it(zoo: LocalZoo, home: Path, name: str) -> None:
    """The official client takes a wrong byte for a right one; our door does not."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    zoo.fail(name, Flip())
    with client_at(zoo, home) as client:
        error = ends(IntegrityError, lambda: client.download(pin(zoo), files=name, via="official"), home)
        assert name in error.message
        carries_on(client, zoo, pin(zoo))


@pytest.mark.official
def test_a_body_that_is_short_is_refused_whoever_brings_it(zoo: LocalZoo, home: Path) -> None:
    """What the official client itself gives up ends in an error of ours, and the next run carries on."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    zoo.fail(WEIGHTS, Resize(-1000))
    with client_at(zoo, home) as client:
        ends(IntegrityError, lambda: client.download(pin(zoo), files=WEIGHTS, via="official"), home)
        carries_on(client, zoo, pin(zoo))


# -- exchanges that are kept --------------------------------------------------------------------


def test_what_was_recorded_can_be_played_again(zoo: LocalZoo, home: Path, tmp_path: Path) -> None:
    """ZOOCLIENT_RECORD: each exchange is kept without a secret, and the same questions get the same answers from it."""
    kept = tmp_path / "kept"
    with client_at(zoo, home, record_dir=kept) as recording:
        client = Client(settings=recording.settings, tokens=zoo.tokens)
        record = client.resolve("hf:org/tiny@main")
        with pytest.raises(NotFound):
            client.resolve("hf:org/none")
        client.close()
    text = "".join(path.read_text() for path in kept.iterdir())
    assert zoo.tokens["hf"] not in text
    zoo.stop()
    provider = provider_for("hf", client.settings)
    played = replay(kept)
    assert played.run(provider.resolve(Ref.parse("hf:org/tiny@main"))) == record
    with pytest.raises(NotFound):
        played.run(provider.resolve(Ref.parse("hf:org/none")))


def test_a_broken_answer_can_be_kept_and_looked_at(zoo: LocalZoo, home: Path, tmp_path: Path) -> None:
    """What made a run fail is in the recording, so that the failure can be had again without the zoo."""
    kept = tmp_path / "kept"
    zoo.fail("/api/models/*", Truncated())
    with client_at(zoo, home, record_dir=kept) as client:
        with pytest.raises(ProtocolError) as seen:
            client.resolve("hf:org/tiny@main")
        provider = provider_for("hf", client.settings)
        zoo.stop()
        with pytest.raises(ProtocolError) as again:
            replay(kept).run(provider.resolve(Ref.parse("hf:org/tiny@main")))
    assert str(again.value) == str(seen.value)
    assert all(json.loads(path.read_text())["status"] == 200 for path in kept.iterdir())
