"""Keeping house: nothing that is needed goes, and what nothing needs goes whole."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from storekit import (
    COMMIT,
    CONTENTS,
    OTHER_COMMIT,
    WEIGHTS,
    blobs,
    entry,
    fetch,
    find,
    observed,
    put,
    record,
    run,
    sha256,
)

from zooclient.errors import NotFound, StoreError
from zooclient.net.cancel import Cancel
from zooclient.records.model import Access
from zooclient.records.receipt import Receipt
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes
from zooclient.store.ingest import IngestSlot
from zooclient.store.store import Store

REF = f"hf:org/Tiny@{COMMIT}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store that links large files hard."""
    return Store(tmp_path / "home", link_mode="hardlink")


def flip(path: Path) -> None:
    """Changes one byte of a file, keeping its size."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_what_is_held_is_listed_with_its_rights(store: Store) -> None:
    """Each snapshot is listed with size, wishes and the access state that whoever exports it must heed."""
    put(store)
    put(store, record(id="org/closed", access=Access(state="gated", how="Ask.", url="https://zoo/ask")))
    closed, open_ = sorted(store.entries(), key=lambda item: item.access or "")
    assert (str(open_.ref), open_.access, open_.place, open_.files) == (REF, "open", "store", 3)
    assert open_.size == sum(map(len, CONTENTS.values()))
    assert open_.selections == (Wishes().key(),)
    assert (closed.ref.id, closed.access) == ("org/closed", "gated")
    assert open_.to_dict()["ref"] == REF
    Path(store.layout.record("hf", "org/closed", COMMIT)).unlink()
    assert {item.access for item in store.entries()} == {"open", None}


def test_usage_counts_every_byte_once(store: Store) -> None:
    """Linked bytes count once, copies count as what snapshots hold, and the parts make the whole."""
    put(store)
    put(store, record(revision=OTHER_COMMIT))
    usage = store.usage()
    assert usage.blobs == sum(map(len, CONTENTS.values()))
    assert len(WEIGHTS) > usage.snapshots > 0
    assert usage.total == sum(usage.to_dict().values()) - usage.total


def test_removing_takes_the_snapshot_and_its_record(store: Store) -> None:
    """A removed revision is forgotten, record and names; others stay."""
    from datetime import UTC, datetime

    put(store)
    put(store, record(revision=OTHER_COMMIT))
    store.save_ref("hf", "org/Tiny", "main", COMMIT, datetime.now(UTC))
    store.save_ref("hf", "org/Tiny", "dev", OTHER_COMMIT, datetime.now(UTC))
    store.save_record("hf", record(), id="org/Former")
    (removed,) = store.remove(REF)
    assert str(removed.ref) == REF
    assert find(store) is None
    assert store.load_record("hf", "org/Tiny", COMMIT) is None
    assert store.load_record("hf", "org/Former", COMMIT) is None
    assert store.find_ref("hf", "org/Tiny", "main") is None
    assert store.find_ref("hf", "org/Tiny", "dev") is not None
    assert find(store, record(revision=OTHER_COMMIT)) is not None


def test_a_selector_removes_what_it_names(store: Store) -> None:
    """A reference without a revision means all of a model; a digest, a snapshot or an entry means that one."""
    snapshot = put(store)
    part = put(store, record(), {"config.json": CONTENTS["config.json"]}, wishes=Wishes(files=("*.json",)))
    store.remove(Ref(scheme="hf", id="org/Tiny", content_digest=part.content_digest))
    assert [item.content_digest for item in store.entries()] == [snapshot.content_digest]
    assert store.load_record("hf", "org/Tiny", COMMIT) is not None
    store.remove(snapshot)
    assert store.entries() == ()
    put(store)
    store.remove(store.entries()[0])
    put(store)
    put(store, record(revision=OTHER_COMMIT))
    assert len(store.remove("hf:org/Tiny")) == 2
    with pytest.raises(NotFound):
        store.remove("hf:org/Tiny")


def test_pruning_frees_what_nothing_needs(store: Store) -> None:
    """After a removal, pruning deletes contents, their index, damaged files and unfinished ones, and nothing else."""
    put(store)
    other = {"other.safetensors": WEIGHTS + b"other", "config.json": CONTENTS["config.json"]}
    put(store, record(other, id="org/other"), other)
    store.remove("hf:org/other")
    with store.ingest(entry("half.bin", b"never whole", "sha256"), owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(b"never")
    would = store.prune(dry_run=True)
    assert sha256(WEIGHTS + b"other") in blobs(store)
    done = store.prune()
    assert (
        (done.contents, done.unfinished, done.damaged) == (would.contents, would.unfinished, would.damaged) == (1, 1, 0)
    )
    assert done.bytes_freed == would.bytes_freed == len(WEIGHTS) + len(b"other") + len(b"never")
    assert blobs(store) == sorted(map(sha256, CONTENTS.values()))
    assert list(Path(store.layout.slots).iterdir()) == []
    assert find(store) is not None
    assert store.held(entry("config.json", CONTENTS["config.json"])) == "store"
    assert store.prune().bytes_freed == 0


def test_pruning_by_age_spares_what_is_kept(store: Store) -> None:
    """Snapshots go by their age only when that was asked for, and never those that were named."""
    put(store)
    put(store, record(revision=OTHER_COMMIT))
    assert store.prune().snapshots == ()
    assert store.prune(older_than=timedelta(days=1)).snapshots == ()
    would = store.prune(older_than=timedelta(0), keep=[REF], dry_run=True)
    done = store.prune(older_than=timedelta(0), keep=[REF])
    assert [item.ref.revision for item in would.snapshots] == [OTHER_COMMIT]
    assert [item.ref.revision for item in done.snapshots] == [OTHER_COMMIT]
    assert [item.ref.revision for item in store.entries()] == [COMMIT]


def test_pruning_leaves_alone_what_another_store_is_bringing(store: Store) -> None:
    """A content that has passed the door and waits for its snapshot is not pruned by anybody."""
    model = record()
    receipts = [Receipt(path=file.path, observed=fetch(store, file, CONTENTS[file.path])) for file in model.files]
    assert Store(store.home).prune().contents == 0
    store.assemble("hf", model, Wishes(), receipts)
    assert find(store) is not None


def test_pruning_leaves_alone_an_unfinished_file_that_somebody_is_at(store: Store) -> None:
    """A download under way goes on while another process prunes."""
    file = entry("model.safetensors", WEIGHTS)
    with store.ingest(file, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(WEIGHTS)
        assert Store(store.home).prune().unfinished == 0
        slot.commit(observed(WEIGHTS))
    assert store.held(file) == "store"


def test_what_a_killed_process_left_is_pruned(store: Store) -> None:
    """Builds and contents of a killed process are nobody's: they are pruned, and nothing was visible."""
    script = """
import sys
from storekit import *
store = Store(sys.argv[1])
fetch(store, entry("model.safetensors", WEIGHTS), WEIGHTS)
(store.scratch() / "half a snapshot").write_bytes(b"x" * 1000)
print("half", flush=True)
sys.stdin.read()
"""
    process = run(script, str(store.home))
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    assert store.prune().contents == 0
    process.kill()
    process.communicate()
    assert store.entries() == ()
    done = store.prune()
    assert (done.contents, done.unfinished) == (1, 1)
    assert blobs(store) == []


def test_a_snapshot_without_a_manifest_is_pruned(store: Store) -> None:
    """What a process left that was killed between the rename and the manifest is no snapshot, and goes."""
    snapshot = put(store)
    Path(f"{snapshot.path}.json").unlink()
    assert find(store) is None
    assert store.prune().unfinished == 1
    assert not snapshot.path.exists()


def test_removing_waits_for_who_holds_the_snapshot(store: Store) -> None:
    """A held snapshot stays until its holder, in any process, is done; the wait has a bound."""
    snapshot = put(store)
    other = Store(store.home, lock_timeout=0.1)
    with store.hold(snapshot), pytest.raises(StoreError, match="in use"):
        other.remove(REF)
    assert find(store) is not None
    patient = Store(store.home)
    waiter = threading.Thread(target=patient.remove, args=(REF,))
    with store.hold(snapshot):
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
    waiter.join(20)
    assert find(store) is None


def test_verifying_hashes_every_byte(store: Store) -> None:
    """A sound snapshot gets a new time of verification; every file is reported."""
    before = put(store)
    verdict = store.verify()
    assert verdict.ok
    assert [(file.path, file.state) for file in verdict.files] == [(path, "ok") for path in CONTENTS]
    after = find(store)
    assert after is not None
    assert after.verified_at == verdict.verified_at > before.verified_at


def test_verifying_finds_what_keeps_its_size_and_time(store: Store) -> None:
    """A changed byte that no stamp tells is found, reported and set aside; what is sound stays."""
    import os

    snapshot = put(store)
    put(store, record({"config.json": b"{}"}, id="org/else"), {"config.json": b"{}"})
    weights = snapshot.path / "model.safetensors"
    status = weights.stat()
    flip(weights)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find(store) is not None
    verdict = store.verify()
    assert not verdict.ok
    assert [(file.path, file.state) for file in verdict.bad] == [("model.safetensors", "damaged")]
    assert verdict.to_dict()["ok"] is False
    assert find(store) is None
    assert [item.ref.id for item in store.entries()] == ["org/else"]
    assert store.prune().damaged >= 1


def test_verifying_tells_what_is_missing(store: Store) -> None:
    """A file that is gone is reported as missing, and asking for what is not held is NotFound."""
    snapshot = put(store)
    (snapshot.path / "config.json").unlink()
    verdict = store.verify("hf", "org/Tiny", COMMIT)
    assert [(file.path, file.state) for file in verdict.bad] == [("config.json", "missing")]
    with pytest.raises(NotFound, match="nothing of hf:org/Tiny@"):
        store.verify("hf", "org/Tiny", COMMIT)
    assert store.verify().ok


def test_a_further_store_is_verified_and_not_written(store: Store, tmp_path: Path) -> None:
    """Damage in a store that is only read is told, and left to its owner."""
    snapshot = put(store)
    mine = Store(tmp_path / "mine", stores=[store.home])
    flip(snapshot.path / "model.safetensors")
    verdict = mine.verify()
    assert [file.state for file in verdict.bad] == ["damaged"]
    assert snapshot.path.exists()
