"""Snapshots: whole or not there, shared by wishes, found without a lock or a write, and never wrong in silence."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from storekit import (
    COMMIT,
    CONTENTS,
    OTHER_COMMIT,
    WEIGHTS,
    below,
    blobs,
    entry,
    find,
    finished,
    observed,
    put,
    record,
    run,
    sha256,
)

from zooclient.errors import DamagedWarning, IntegrityError, StoreError
from zooclient.records.digest import content_digest
from zooclient.records.receipt import Receipt
from zooclient.records.snapshot import Snapshot
from zooclient.records.wishes import Wishes
from zooclient.store.links import LinkMode
from zooclient.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "home")


def read(snapshot: Snapshot) -> dict[str, bytes]:
    """Returns the files of a snapshot's folder."""
    return {path: (snapshot.path / path).read_bytes() for path in below(snapshot.path)}


def overwrite(path: Path, content: bytes) -> None:
    """Writes into a file as somebody might who should not."""
    path.chmod(0o644)
    path.write_bytes(content)


def test_a_snapshot_holds_exactly_its_files_under_their_names(store: Store) -> None:
    """What was brought in is there as real files, with both digests, in the order of the record."""
    snapshot = put(store)
    assert read(snapshot) == CONTENTS
    assert not any(path.is_symlink() for path in snapshot.path.rglob("*"))
    assert [file.path for file in snapshot.files] == list(CONTENTS)
    assert snapshot.content_digest == content_digest((sha256(c), len(c), p) for p, c in CONTENTS.items())
    assert snapshot.path.name == snapshot.content_digest[7:23]
    assert snapshot.record == record()


def test_a_warm_load_gives_the_same_snapshot(store: Store) -> None:
    """Another process finds what this one built, record included."""
    snapshot = put(store)
    again = find(Store(store.home))
    assert again is not None
    assert again.to_dict() == snapshot.to_dict()
    assert again.record == record()
    assert store.find("hf", "org/Tiny", COMMIT, Wishes().key(), snapshot.content_digest) is not None


@pytest.mark.parametrize(
    "asked",
    [
        ("hf+12345678", "org/Tiny", COMMIT, Wishes().key(), None),
        ("hf", "org/tiny", COMMIT, Wishes().key(), None),
        ("hf", "org/Tiny", OTHER_COMMIT, Wishes().key(), None),
        ("hf", "org/Tiny", COMMIT, Wishes(weights="all").key(), None),
        ("hf", "org/Tiny", COMMIT, Wishes().key(), "sha256:" + "0" * 64),
    ],
)
def test_what_was_not_asked_for_is_not_found(store: Store, asked: tuple[str, str, str, str, str | None]) -> None:
    """Another server, id, revision, wish or digest is another answer."""
    put(store)
    assert store.find(*asked) is None


def test_wishes_that_select_the_same_files_share_a_snapshot(store: Store) -> None:
    """A second wish adds itself to the manifest and builds nothing."""
    first = put(store)
    inode = (first.path / "config.json").stat().st_ino
    second = put(store, wishes=Wishes(weights="all"))
    assert second.path == first.path
    assert (second.path / "config.json").stat().st_ino == inode
    assert find(store) is not None
    assert find(store, wishes=Wishes(weights="all")) is not None
    some = {"config.json": CONTENTS["config.json"]}
    other = put(store, record(), some, wishes=Wishes(files=("*.json",)))
    assert other.path.parent == first.path.parent
    assert read(other) == some


def test_large_files_are_linked_and_small_ones_copied(store: Store) -> None:
    """A large content takes its bytes once; a small one in a snapshot is a file of its own."""
    linked = Store(store.home, link_mode="hardlink")
    snapshot = put(linked)
    weights, config = snapshot.path / "model.safetensors", snapshot.path / "config.json"
    assert weights.samefile(linked.layout.blob(sha256(WEIGHTS)))
    assert config.stat().st_nlink == 1


@pytest.mark.parametrize("mode", ["auto", "reflink", "hardlink", "copy"])
def test_every_link_mode_gives_the_same_snapshot(tmp_path: Path, mode: LinkMode) -> None:
    """Whatever way works, the files are the same and read-only."""
    store = Store(tmp_path, link_mode=mode)
    snapshot = put(store)
    assert read(snapshot) == CONTENTS
    assert all((snapshot.path / path).stat().st_mode & 0o222 == 0 for path in CONTENTS)
    if mode == "copy":
        assert (snapshot.path / "model.safetensors").stat().st_nlink == 1
    assert find(store) is not None


WARM = """
import sys
before = set(sys.modules)
from zooclient.store.store import Store
def audit(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & 3
    if writes or event in {"os.mkdir", "os.rename", "os.remove", "os.chmod", "os.link", "fcntl.flock", "os.utime"}:
        sys.stderr.write(f"{event} {args}")
        raise SystemExit(3)
store = Store(sys.argv[1], stores=sys.argv[2:])
from zooclient.records.wishes import Wishes
sys.addaudithook(audit)
snapshot = store.find("hf", "org/Tiny", "3f2c" * 10, Wishes().key())
assert snapshot is not None
heavy = {"hashlib", "filelock", "logging", "asyncio", "socket", "shutil", "tempfile", "urllib.request", "subprocess"}
print(sorted(heavy & (set(sys.modules) - before)))
"""


def test_a_warm_load_locks_writes_and_imports_nothing(store: Store) -> None:
    """Finding a held snapshot opens no file for writing, takes no lock, and loads no heavy module."""
    put(store)
    store.close()
    before = sorted((path, path.stat().st_mtime_ns) for path in store.home.rglob("*"))
    assert finished(run(WARM, str(store.home))) == "[]\n"
    assert sorted((path, path.stat().st_mtime_ns) for path in store.home.rglob("*")) == before


def test_a_store_that_is_only_read_serves_snapshots_and_contents(store: Store, tmp_path: Path) -> None:
    """A further store answers warm loads, and gives its contents to new snapshots; nothing is written there."""
    put(store)
    store.close()
    before = sorted((path, path.stat().st_mtime_ns) for path in store.home.rglob("*"))
    mine = Store(tmp_path / "mine", stores=[store.home])
    assert finished(run(WARM, str(tmp_path / "mine"), str(store.home))) == "[]\n"
    assert find(mine) is not None
    assert not (tmp_path / "mine").exists()
    assert mine.held(entry("model.safetensors", WEIGHTS)) == "read-only store"
    model = record(revision=OTHER_COMMIT)
    receipts = []
    for file in model.files:
        seen = mine.adopt(file)
        assert seen is not None
        receipts.append(Receipt(path=file.path, observed=seen))
    assert read(mine.assemble("hf", model, Wishes(), receipts)) == CONTENTS
    assert [path for path, _ in before] == sorted(store.home.rglob("*"))
    assert {entry.place for entry in mine.entries()} == {"store", "read-only store"}


def test_a_touched_file_is_hashed_and_taken(store: Store) -> None:
    """A time stamp alone proves nothing: the file is hashed, and the manifest remembers the new stamp."""
    snapshot = put(store)
    os.utime(snapshot.path / "config.json", (1, 1))
    manifest = Path(f"{snapshot.path}.json")
    assert find(store) is not None
    stamps = {file["path"]: file["mtime_ns"] for file in json.loads(manifest.read_text())["files"]}
    assert stamps["config.json"] == 10**9


def test_a_written_file_is_set_aside_and_named(store: Store) -> None:
    """A changed byte is never loaded: the snapshot is taken out with a warning, and can be built anew."""
    snapshot = put(store)
    overwrite(snapshot.path / "config.json", b'{"model_type": "evil"}')
    with pytest.warns(DamagedWarning, match=r"config\.json"):
        assert find(store) is None
    assert not snapshot.path.exists()
    assert find(store) is None
    assert read(put(store)) == CONTENTS
    assert find(store) is not None


def test_what_was_written_through_a_link_is_set_aside_everywhere(tmp_path: Path) -> None:
    """A shared content that was written through is taken out of every snapshot that shares it; all are named."""
    store = Store(tmp_path, link_mode="hardlink")
    one, two = put(store), put(store, record(revision=OTHER_COMMIT))
    unhurt = put(store, record({"config.json": b"{}"}, id="org/else"), {"config.json": b"{}"})
    overwrite(one.path / "model.safetensors", WEIGHTS[:-1] + b"!")
    with pytest.warns(DamagedWarning, match=f"(?s)org/Tiny@{OTHER_COMMIT}.*{COMMIT}"):
        assert find(store, record(revision=OTHER_COMMIT)) is None
    assert not one.path.exists()
    assert not two.path.exists()
    assert unhurt.path.exists()
    assert sha256(WEIGHTS) not in blobs(store)
    assert store.held(entry("model.safetensors", WEIGHTS)) is None
    assert read(put(store)) == CONTENTS


def test_a_missing_file_makes_the_snapshot_absent(store: Store) -> None:
    """A snapshot that lost a file is not found, and is built again out of what is held."""
    snapshot = put(store)
    (snapshot.path / "model.safetensors").unlink()
    with pytest.warns(DamagedWarning, match="cannot be read"):
        assert find(store) is None
    assert read(put(store)) == CONTENTS


def test_what_a_power_cut_took_is_seen(tmp_path: Path) -> None:
    """A file of the right size and time whose blocks are gone is hashed, and not taken."""
    store = Store(tmp_path, link_mode="hardlink")
    snapshot = put(store)
    weights = snapshot.path / "model.safetensors"
    status = weights.stat()
    weights.chmod(0o644)
    with weights.open("r+b") as file:
        file.truncate(0)
        file.truncate(status.st_size)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.warns(DamagedWarning):
        assert find(store) is None
    assert store.held(entry("model.safetensors", WEIGHTS)) is None


def test_a_damaged_content_is_not_copied_into_a_snapshot(tmp_path: Path) -> None:
    """A blob that changed on the disk is set aside when it is used, and fetched again by the next run."""
    store = Store(tmp_path, link_mode="copy")
    put(store)
    overwrite(Path(store.layout.blob(sha256(WEIGHTS))), WEIGHTS[:-1] + b"!")
    with pytest.raises(IntegrityError):
        put(store, record(revision=OTHER_COMMIT))
    assert read(put(store, record(revision=OTHER_COMMIT))) == CONTENTS


def test_a_torn_manifest_is_as_good_as_none(store: Store) -> None:
    """A manifest that cannot be read, or of a later format, is no answer; the snapshot is built again."""
    snapshot = put(store)
    manifest = Path(f"{snapshot.path}.json")
    for text in ("", "{", '{"format": 99}', "[]"):
        manifest.write_text(text)
        assert find(store) is None
    assert read(put(store)) == CONTENTS
    assert find(store) is not None


def test_receipts_must_agree_with_the_record(store: Store) -> None:
    """A snapshot is never built of something that the zoo did not claim."""
    put(store)
    good = [Receipt(path=p, observed=observed(c)) for p, c in CONTENTS.items()]
    for bad in (
        Receipt(path="config.json", observed=observed(b"{}")),
        Receipt(path="not/listed", observed=observed(b"{}")),
    ):
        with pytest.raises(IntegrityError):
            store.assemble("hf", record(revision=OTHER_COMMIT), Wishes(), [*good, bad])
    assert find(store, record(revision=OTHER_COMMIT)) is None


def test_a_content_that_went_away_is_told(store: Store) -> None:
    """Building a snapshot of a content that somebody deleted is a store error that says what to do."""
    put(store)
    Path(store.layout.blob(sha256(WEIGHTS))).unlink()
    receipts = [Receipt(path=p, observed=observed(c)) for p, c in CONTENTS.items()]
    with pytest.raises(StoreError, match="has gone"):
        store.assemble("hf", record(revision=OTHER_COMMIT), Wishes(), receipts)


def test_records_and_names_are_remembered(store: Store) -> None:
    """What a zoo said about a revision and about a moving name is there for the day it cannot be asked."""
    assert store.load_record("hf", "org/Tiny", COMMIT) is None
    assert store.find_ref("hf", "org/Tiny", "main") is None
    assert not store.home.exists()
    store.save_record("hf", record())
    now = datetime.now(UTC)
    store.save_ref("hf", "org/Tiny", "refs/pr/1", OTHER_COMMIT, now - timedelta(days=1))
    store.save_ref("hf", "org/Tiny", "refs/pr/1", COMMIT, now)
    store.save_ref("hf", "org/Tiny", "", COMMIT, now)
    again = Store(store.home.parent / "mine", stores=[store.home])
    assert again.load_record("hf", "org/Tiny", COMMIT) == record()
    assert again.load_record("hf+00000000", "org/Tiny", COMMIT) is None
    seen = again.find_ref("hf", "org/Tiny", "refs/pr/1")
    assert seen is not None
    assert (seen.revision, seen.seen_at) == (COMMIT, now)
    assert again.find_ref("hf", "org/Tiny", "main") is None


def test_a_torn_record_is_as_good_as_none(store: Store) -> None:
    """A record that cannot be read is asked for again, not an exception."""
    store.save_record("hf", record())
    for text in ("", "{}", "[1]", '{"ref": 3}'):
        Path(store.layout.record("hf", "org/Tiny", COMMIT)).write_text(text)
        assert store.load_record("hf", "org/Tiny", COMMIT) is None
