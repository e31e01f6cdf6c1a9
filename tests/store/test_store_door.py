"""What may pass from ingest into the store, and what becomes of the rest."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from storekit import WEIGHTS, below, blobs, entry, fetch, finished, git_sha1, observed, run, sha256

from zooclient.errors import Cancelled, IntegrityError, StoreError
from zooclient.net.cancel import Cancel
from zooclient.records.model import FileEntry
from zooclient.records.receipt import Observed
from zooclient.store.ingest import IngestSlot
from zooclient.store.locks import Held, NoLocks
from zooclient.store.store import Store

FILE = entry("model.safetensors", WEIGHTS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "home")


def test_right_bytes_become_one_read_only_content(store: Store) -> None:
    """What agrees with its claim is held once, under its sha256, and nobody may write it."""
    assert fetch(store, FILE, WEIGHTS).sha256 == sha256(WEIGHTS)
    (blob,) = Path(store.layout.blobs).glob("*/*")
    assert blob.name == sha256(WEIGHTS)
    assert blob.stat().st_mode & 0o222 == 0
    assert not list(Path(store.layout.slots).iterdir())


def test_a_git_file_is_known_again_by_its_git_name(store: Store) -> None:
    """An unchanged git file is found in the next commit without its sha256 being claimed."""
    file = entry("config.json", b"{}")
    assert store.held(file) is None
    fetch(store, file, b"{}")
    assert store.held(file) == "store"
    seen = fetch(store, entry("other.json", b"{}"), b"never read")
    assert seen == Observed(size=2, sha256=sha256(b"{}"), git_sha1=git_sha1(b"{}"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (FILE, WEIGHTS[:-1] + b"x"),
        (FILE, WEIGHTS[:-1]),
        (FILE, b""),
        (entry("config.json", b"{}"), b"[]"),
        (FileEntry(path="a", size=3, digests={"sha256": sha256(b"{}")}), b"{}"),
    ],
)
def test_wrong_bytes_are_refused_and_not_kept(store: Store, file: FileEntry, content: bytes) -> None:
    """A wrong digest or size leaves no content, and the slot empty for a fresh start."""
    with pytest.raises(IntegrityError), store.ingest(file, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(content)
        slot.journal.write_text("{}")
        slot.commit(observed(content))
    assert blobs(store) == []
    with store.ingest(file, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        assert not slot.partial.exists()
        assert not slot.journal.exists()


def test_an_engine_that_miscounts_is_refused(store: Store) -> None:
    """What was observed must agree with the file that lies there."""
    with pytest.raises(IntegrityError), store.ingest(FILE, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(WEIGHTS[:100])
        slot.commit(observed(WEIGHTS))


def test_a_git_digest_that_nobody_computed_is_computed_at_the_door(store: Store) -> None:
    """Bytes pass by their git digest even when the engine computed only the sha256."""
    file = entry("config.json", b"{}")
    with store.ingest(file, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(b"{}")
        slot.commit(Observed(size=2, sha256=sha256(b"{}")))
    assert store.held(file) == "store"


@pytest.mark.parametrize("names", [("none",), ("md5",)])
def test_unproved_files_need_to_be_allowed(store: Store, names: tuple[str, ...]) -> None:
    """A file without a digest that proves it is refused before a byte is fetched, unless that was allowed."""
    file = entry("a.bin", b"abc", *names)
    with pytest.raises(IntegrityError, match="no digest"):
        fetch(store, file, b"abc")
    assert fetch(store, file, b"abc", allow_unverified=True).sha256 == sha256(b"abc")


def test_a_weak_digest_can_still_disprove(store: Store) -> None:
    """Even where unproved files are allowed, one whose md5 is wrong is refused."""
    with pytest.raises(IntegrityError, match="md5"):
        fetch(store, entry("a.bin", b"abc", "md5"), b"abd", allow_unverified=True)


def test_what_is_left_of_a_broken_attempt_waits_for_the_next(store: Store) -> None:
    """Leaving a slot without a commit keeps bytes and journal."""
    with store.ingest(FILE, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        slot.partial.write_bytes(b"half")
        slot.journal.write_text("note")
    with Store(store.home).ingest(FILE, owner="y", cancel=Cancel()) as again:
        assert isinstance(again, IngestSlot)
        assert (again.partial.read_bytes(), again.journal.read_text()) == (b"half", "note")
        again.clear()
        assert not again.partial.exists()


def test_a_killed_process_leaves_its_bytes_and_no_lock(store: Store) -> None:
    """After kill -9 in the middle of a file, the next attempt finds the bytes and enters at once."""
    script = """
import sys
from storekit import *
store = Store(sys.argv[1])
with store.ingest(entry("model.safetensors", WEIGHTS), owner="x", cancel=Cancel()) as slot:
    slot.partial.write_bytes(WEIGHTS[:1000])
    print("half", flush=True)
    sys.stdin.read()
"""
    process = run(script, str(store.home))
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert blobs(store) == []
    with store.ingest(FILE, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        assert slot.partial.read_bytes() == WEIGHTS[:1000]


def test_two_that_want_one_content_share_one_download(store: Store) -> None:
    """The one that waits finds the content and fetches nothing."""
    other = Store(store.home)
    entered, results = threading.Event(), []

    def wait() -> None:
        entered.set()
        results.append(fetch(other, entry("elsewhere/copy.safetensors", WEIGHTS), b"never written"))

    waiter = threading.Thread(target=wait)
    with store.ingest(FILE, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        waiter.start()
        entered.wait()
        waiter.join(0.2)
        assert not results
        slot.partial.write_bytes(WEIGHTS)
        slot.commit(observed(WEIGHTS))
    waiter.join(20)
    assert [result.sha256 for result in results] == [sha256(WEIGHTS)]


def test_the_first_one_of_two_names_for_one_content_stays(store: Store) -> None:
    """A content that arrives under its git name and its sha256 at once is held once, and the second is told so."""
    by_git = entry("model.safetensors", WEIGHTS, "git-sha1")
    with store.ingest(by_git, owner="x", cancel=Cancel()) as slot:
        assert isinstance(slot, IngestSlot)
        fetch(store, FILE, WEIGHTS)
        slot.partial.write_bytes(WEIGHTS)
        slot.commit(observed(WEIGHTS))
        assert slot.outcome == "already there"
    assert blobs(store) == [sha256(WEIGHTS)]


def test_a_wait_ends_when_the_caller_wants(store: Store) -> None:
    """A deadline or a cancel ends the wait for another's download."""
    with (
        store.ingest(FILE, owner="x", cancel=Cancel()),
        pytest.raises(Cancelled),
        Store(store.home).ingest(FILE, owner="x", cancel=Cancel(deadline=0.1)),
    ):
        pass


def test_a_wait_in_which_nothing_moves_has_a_bound(store: Store) -> None:
    """A download that stands still is waited for as long as the setting says, and no longer."""
    with (
        store.ingest(FILE, owner="x", cancel=Cancel()),
        pytest.raises(StoreError, match="nothing has arrived"),
        Store(store.home, lock_timeout=0.1).ingest(FILE, owner="x", cancel=Cancel()),
    ):
        pass


def no_locks(path: str) -> Held | None:
    """The locks of a file system that has none."""
    raise NoLocks


def test_without_locks_bytes_still_pass_the_door_whole(tmp_path: Path) -> None:
    """Where the file system has no locks, two write into files of their own, and the content is right."""
    one, two = (Store(tmp_path, take_lock=no_locks) for _ in range(2))
    with one.ingest(FILE, owner="x", cancel=Cancel()) as first, two.ingest(FILE, owner="x", cancel=Cancel()) as second:
        assert isinstance(first, IngestSlot)
        assert isinstance(second, IngestSlot)
        assert first.partial != second.partial
        for slot in (first, second):
            slot.partial.write_bytes(WEIGHTS)
            slot.commit(observed(WEIGHTS))
    assert blobs(one) == [sha256(WEIGHTS)]
    with pytest.raises(StoreError, match="without locks"):
        one.prune()


def test_a_lock_that_cannot_be_had_is_a_store_error(tmp_path: Path) -> None:
    """What the system says about a lock file reaches the caller as a store error that names it."""

    def broken(path: str) -> Held | None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    with pytest.raises(StoreError, match="taking a lock"):
        fetch(Store(tmp_path, take_lock=broken), FILE, WEIGHTS)


def test_foreign_files_pass_the_same_door(store: Store) -> None:
    """A file that another client brought is hashed here: right ones are moved in, wrong ones refused."""
    scratch = store.scratch()
    (scratch / "good").write_bytes(WEIGHTS)
    (scratch / "bad").write_bytes(WEIGHTS[:-1] + b"x")
    assert store.deposit(FILE, scratch / "good", owner="hf:x").sha256 == sha256(WEIGHTS)
    assert not (scratch / "good").exists()
    with pytest.raises(IntegrityError) as caught:
        store.deposit(entry("b", WEIGHTS + b"y"), scratch / "bad", owner="hf:x")
    assert caught.value.ref == "hf:x"
    assert blobs(store) == [sha256(WEIGHTS)]


def test_a_foreign_file_with_a_second_name_is_copied(store: Store, tmp_path: Path) -> None:
    """A link or a second name could be written through later, so such a file is copied."""
    (tmp_path / "original").write_bytes(WEIGHTS)
    (tmp_path / "link").symlink_to(tmp_path / "original")
    store.deposit(FILE, tmp_path / "link", owner="hf:x")
    (tmp_path / "original").write_bytes(b"changed")
    assert fetch(store, FILE, b"").sha256 == sha256(WEIGHTS)
    assert Path(store.layout.blob(sha256(WEIGHTS))).read_bytes() == WEIGHTS


def test_space_is_checked_before_the_first_byte(tmp_path: Path) -> None:
    """What cannot fit is refused, saying how much is needed and free; a home that is not there yet is no problem."""
    store = Store(tmp_path / "not" / "yet")
    store.check_space(1)
    with pytest.raises(StoreError, match=r"1000\.0 PB|needed.*free|0 TB are needed"):
        store.check_space(10**18)
    assert not (tmp_path / "not").exists()


FULL = """
import resource, signal, sys
from storekit import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(sys.argv[1], link_mode="copy")
fetch(store, entry("model.safetensors", WEIGHTS), WEIGHTS)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    put(store, record({"model.safetensors": WEIGHTS}), {"model.safetensors": WEIGHTS})
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_says_what_is_needed_and_free_and_leaves_nothing_visible(store: Store) -> None:
    """When the disk refuses in the midst of a snapshot, the error has the figures and no half snapshot is seen."""
    said = finished(run(FULL, str(store.home)))
    assert said.startswith("StoreError The disk is full")
    assert "2.1 MB are needed" in said
    assert "are free at" in said
    assert below(Path(store.layout.snapshots)) == []
