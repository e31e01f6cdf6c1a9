"""What lies on this machine already is taken from there, and nothing that is not ours is ever changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from storekit import CONTENTS, OTHER_COMMIT, WEIGHTS, below, blobs, entry, git_sha1, put, record, sha256

from zooclient.errors import IntegrityError, StoreError
from zooclient.records.model import FileEntry
from zooclient.store.store import Store


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """An official cache: one blob by sha256, one by git sha1, one a link into its shared store."""
    root = tmp_path / "hub"
    folder = root / "models--org--Tiny" / "blobs"
    shared = root / "blobs" / "ab"
    folder.mkdir(parents=True)
    shared.mkdir(parents=True)
    (folder / git_sha1(CONTENTS["config.json"])).write_bytes(CONTENTS["config.json"])
    (shared / "xet").write_bytes(WEIGHTS)
    (folder / sha256(WEIGHTS)).symlink_to("../../blobs/ab/xet")
    (folder / (sha256(b"half") + ".1234abcd.incomplete")).write_bytes(b"ha")
    (root / "version.txt").write_text("1")
    return root


def state(folder: Path) -> list[tuple[str, int, int, int, int]]:
    """Returns what would change if somebody touched a file below a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.append((str(path), status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns))
    return found


def test_the_official_cache_is_asked_by_digest_and_never_changed(cache: Path, tmp_path: Path) -> None:
    """Its blobs are found by git sha1 and by sha256, hashed once and brought in; theirs stay as they were."""
    before = state(cache)
    store = Store(tmp_path / "home", official_cache=lambda: cache)
    for path in ("config.json", "model.safetensors"):
        file = entry(path, CONTENTS[path])
        assert store.held(file) == "huggingface cache"
        seen = store.adopt(file)
        assert seen is not None
        assert seen.sha256 == sha256(CONTENTS[path])
        assert store.held(file) == "store"
    for blob in Path(store.layout.blobs).glob("*/*"):
        assert not blob.is_symlink()
        assert blob.stat().st_nlink == 1
    assert state(cache) == before


def test_a_damaged_blob_of_the_official_cache_is_not_taken(cache: Path, tmp_path: Path) -> None:
    """What does not hash to its name is no content: the file is fetched instead."""
    (cache / "blobs" / "ab" / "xet").write_bytes(WEIGHTS[:-1] + b"!")
    store = Store(tmp_path / "home", official_cache=lambda: cache)
    assert store.adopt(entry("model.safetensors", WEIGHTS)) is None
    assert blobs(store) == []


@pytest.mark.parametrize(
    "file",
    [entry("a", b"half"), entry("a", b"no digest", "none"), FileEntry(path="a", size=1, digests={"md5": "0" * 32})],
)
def test_what_is_held_nowhere_is_not_adopted(cache: Path, tmp_path: Path, file: FileEntry) -> None:
    """An unfinished blob, or a file without a digest that proves it, is held nowhere."""
    store = Store(tmp_path / "home", official_cache=lambda: cache)
    assert store.held(file) is None
    assert store.adopt(file) is None


def test_no_official_cache_is_no_problem(tmp_path: Path) -> None:
    """A cache that is switched off, or not there, holds nothing."""
    file = entry("a", b"a")
    assert Store(tmp_path / "home", official_cache=lambda: None).held(file) is None
    assert Store(tmp_path / "home", official_cache=lambda: tmp_path / "none").held(file) is None
    assert not (tmp_path / "home").exists()


def test_a_damaged_content_of_a_further_store_is_not_taken(tmp_path: Path) -> None:
    """A content that is copied from a further store is hashed on its way."""
    further = Store(tmp_path / "further")
    put(further)
    blob = Path(further.layout.blob(sha256(WEIGHTS)))
    blob.chmod(0o644)
    blob.write_bytes(WEIGHTS[:-1] + b"!")
    store = Store(tmp_path / "home", stores=[tmp_path / "further"], link_mode="copy")
    assert store.adopt(entry("model.safetensors", WEIGHTS)) is None


def test_plain_copies_share_nothing_with_the_store(tmp_path: Path) -> None:
    """Copies for others are plain files that may be written, and no links, whatever the link mode."""
    store = Store(tmp_path / "home", link_mode="hardlink")
    snapshot = put(store)
    out = store.copy_out(snapshot, tmp_path / "out")
    assert {path: (out / path).read_bytes() for path in below(out)} == CONTENTS
    for path in below(out):
        assert (out / path).stat().st_nlink == 1
        assert os.access(out / path, os.W_OK)
        assert (out / path).stat().st_mode & 0o200


def test_copies_that_are_there_already_stay(tmp_path: Path) -> None:
    """Copying again writes nothing, and another model's copies are replaced: the store can give them again."""
    store = Store(tmp_path / "home")
    snapshot = put(store)
    out = store.copy_out(snapshot, tmp_path / "out")
    before = state(out)
    store.copy_out(snapshot, out)
    assert state(out) == before
    changed = {**CONTENTS, "config.json": b"{}"}
    store.copy_out(put(store, record(changed, revision=OTHER_COMMIT), changed), out)
    assert (out / "config.json").read_bytes() == b"{}"


def test_what_the_user_has_there_is_not_lost(tmp_path: Path) -> None:
    """A file in the way that nobody could bring back is a refusal before anything is written, unless told."""
    store = Store(tmp_path / "home")
    snapshot = put(store)
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "tokenizer.json").write_text("mine")
    with pytest.raises(StoreError, match=r"sub/tokenizer\.json"):
        store.copy_out(snapshot, out)
    assert below(out) == ["sub/tokenizer.json"]
    store.copy_out(snapshot, out, overwrite=True)
    assert (out / "sub" / "tokenizer.json").read_bytes() == b"{}"


def test_a_link_in_the_way_leads_nowhere(tmp_path: Path) -> None:
    """Copies are not written through symbolic links out of the folder."""
    store = Store(tmp_path / "home")
    snapshot = put(store)
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        store.copy_out(snapshot, tmp_path / "out")
    assert below(tmp_path / "elsewhere") == []


def test_a_changed_file_is_not_copied(tmp_path: Path) -> None:
    """A copy is hashed on its way; what is wrong leaves no file behind."""
    store = Store(tmp_path / "home", link_mode="copy")
    snapshot = put(store)
    config = snapshot.path / "config.json"
    config.chmod(0o644)
    config.write_bytes(b"evil")
    with pytest.raises(IntegrityError):
        store.copy_out(snapshot, tmp_path / "out")
    assert "config.json" not in below(tmp_path / "out")
    assert not [path for path in below(tmp_path / "out") if path.endswith(".part")]
