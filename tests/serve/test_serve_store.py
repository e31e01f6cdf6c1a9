"""The store as a shelf."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from served_models import tiny, write

from zooclient.records.digest import content_digest
from zooclient.records.model import Access, AccessState, FileEntry, ModelRecord
from zooclient.records.receipt import Receipt
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile
from zooclient.records.wishes import Wishes
from zooclient.serve.server import ZooServer
from zooclient.serve.storeshelf import Held, StoreShelf
from zooclient.store.store import Store

_LARGE = ("model.safetensors", "onnx/model.onnx")


class Holding:
    """Snapshots that a store would tell of."""

    def __init__(self, *snapshots: Snapshot, main: str | None = None) -> None:
        self.held = list(snapshots)
        self.main = main

    def __call__(self) -> Iterable[Held]:
        """All of them."""
        return [Held(snapshot=snapshot, main=self.main) for snapshot in self.held]


def snapshot(
    root: Path,
    model: str,
    commit: str,
    files: dict[str, bytes],
    *,
    day: int = 1,
    state: AccessState = "open",
    endpoint: str = "https://huggingface.co:443",
) -> Snapshot:
    """A snapshot as the store assembles one, of files that lie in a folder of their own."""
    path = write(root / f"{commit[:4]}-{day}", model, files)
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    entries = tuple(
        FileEntry(
            path=name,
            size=len(content),
            digests={"sha256": sha256[name]}
            if name in _LARGE
            else {"git-sha1": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()},
        )
        for name, content in files.items()
    )
    ref = Ref(scheme="hf", id=model, revision=commit)
    record = ModelRecord(
        ref=ref,
        requested=Ref(scheme="hf", id=model, revision="main"),
        pin="commit",
        title=model,
        files=entries,
        endpoint=endpoint,
        access=Access(state=state),
        stable_id="5" * 24,
    )
    return Snapshot(
        ref=ref,
        path=path,
        files=tuple(SnapshotFile(path=name, size=len(content), sha256=sha256[name]) for name, content in files.items()),
        content_digest=content_digest((sha256[name], len(content), name) for name, content in files.items()),
        weights_digest=None,
        verified_at=datetime(2026, 1, day, tzinfo=UTC),
        read_record=lambda: record,
    )


def test_a_held_model_is_served_under_its_own_commit(tmp_path: Path) -> None:
    """Ids, commits and digests are the Hub's own; several selections of a commit are one."""
    some = {name: content for name, content in tiny().items() if name != "config.json"}
    held = Holding(
        snapshot(tmp_path, "org/tiny", "a" * 40, some, day=1),
        snapshot(tmp_path, "org/tiny", "a" * 40, {"config.json": tiny()["config.json"]}, day=2),
        snapshot(tmp_path, "org/tiny", "b" * 40, {"config.json": b"{}"}, day=3),
        main="a" * 40,
    )
    with ZooServer(StoreShelf(held)) as server, httpx.Client(trust_env=False, follow_redirects=True) as web:
        url = server.bound.url
        info = web.get(f"{url}/api/models/org/tiny?blobs=true").json()
        assert (info["sha"], info["_id"]) == ("a" * 40, "5" * 24)
        assert {entry["rfilename"] for entry in info["siblings"]} == set(tiny())
        for name, content in tiny().items():
            answer = web.get(f"{url}/org/tiny/resolve/main/{quote(name)}")
            assert answer.content == content, name
        other = web.get(f"{url}/org/tiny/resolve/{'b' * 40}/config.json")
        assert (other.content, other.headers["x-repo-commit"]) == (b"{}", "b" * 40)
        large = {entry["rfilename"] for entry in info["siblings"] if "lfs" in entry}
        assert large == set(_LARGE)


@pytest.mark.parametrize("state", ["gated", "private", "paid", "pending"])
def test_rights_are_not_passed_on(tmp_path: Path, state: AccessState) -> None:
    """A model that is not open is left out, unless it is named by reference or id."""
    held = Holding(
        snapshot(tmp_path, "org/tiny", "a" * 40, tiny()),
        snapshot(tmp_path, "org/walled", "c" * 40, tiny(), state=state),
    )
    assert StoreShelf(held).names() == ("org/tiny",)
    assert StoreShelf(held, include=["hf:org/walled@main"]).names() == ("org/tiny", "org/walled")
    assert StoreShelf(held, include=["org/walled"]).repository("org/walled") is not None
    assert StoreShelf(held).repository("org/walled") is None
    digest = hashlib.sha256(tiny()["model.safetensors"]).hexdigest()
    alone = StoreShelf(Holding(held.held[1]))
    assert alone.names() == ()
    assert alone.place(digest) is None


def test_what_was_changed_or_removed_is_not_served(tmp_path: Path) -> None:
    """Bytes that are no longer those that were verified are gone, and so is a model that was removed."""
    now = [0.0]
    held = Holding(snapshot(tmp_path, "org/tiny", "a" * 40, tiny()))
    shelf = StoreShelf(held, clock=lambda: now[0])
    assert shelf.canonical("ORG/tiny") == "org/tiny"
    digest = hashlib.sha256(tiny()["model.safetensors"]).hexdigest()
    assert shelf.place(digest) is not None
    (held.held[0].path / "model.safetensors").write_bytes(b"short")
    assert shelf.place(digest) is None
    held.held.clear()
    assert shelf.names() == ("org/tiny",)
    now[0] = 3.0
    assert shelf.names() == ()


def test_one_origin_speaks_for_a_model(tmp_path: Path) -> None:
    """What another server said about the same id is not mixed in."""
    held = Holding(
        snapshot(tmp_path, "org/tiny", "a" * 40, tiny(), day=1),
        snapshot(tmp_path, "org/tiny", "d" * 40, {"config.json": b"{}"}, day=2, endpoint="http://127.0.0.1:8000"),
    )
    repository = StoreShelf(held).repository("org/tiny")
    assert repository is not None
    assert set(repository.commits) == {"a" * 40}


def test_a_real_store_is_served_and_a_damaged_file_is_not(tmp_path: Path) -> None:
    """What the store assembled comes out under its commit; a snapshot that was written into is left out."""
    store = Store(tmp_path / "home", lock_timeout=10)
    made = {}
    for commit, files in (("a" * 40, tiny()), ("b" * 40, tiny(7))):
        told = snapshot(tmp_path / "source", "org/tiny", commit, files)
        receipts = []
        for entry in told.record.files:
            incoming = tmp_path / "incoming"
            incoming.write_bytes(files[entry.path])
            observed = store.deposit(entry, incoming, owner=str(told.ref))
            receipts.append(Receipt(path=entry.path, observed=observed, sources={"hf": entry.size or 0}))
        made[commit] = store.assemble("hf", told.record, Wishes(), receipts)
    store.save_ref("hf", "org/tiny", "main", "a" * 40, datetime.now(UTC))
    repository = StoreShelf(store).repository("org/tiny")
    assert repository is not None
    assert set(repository.commits) == {"a" * 40, "b" * 40}
    assert repository.branches == {"main": "a" * 40}
    with ZooServer(StoreShelf(store)) as server, httpx.Client(trust_env=False, follow_redirects=True) as web:
        for commit, files in (("a" * 40, tiny()), ("b" * 40, tiny(7))):
            for name, content in files.items():
                answer = web.get(f"{server.bound.url}/org/tiny/resolve/{commit}/{quote(name)}")
                assert answer.content == content
    damaged = made["a" * 40].path / "config.json"
    damaged.chmod(0o644)
    damaged.write_bytes(b"{}")
    repository = StoreShelf(store).repository("org/tiny")
    assert repository is not None
    assert set(repository.commits) == {"b" * 40}
    store.close()
