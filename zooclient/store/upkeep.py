"""Keeping house: what is held, what it takes, removing and pruning."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.errors import NotFound, StoreError
from zooclient.net.cancel import Cancel
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot
from zooclient.store.claims import forget, read_access, read_record, read_ref
from zooclient.store.files import discard, storing
from zooclient.store.layout import Layout, plain
from zooclient.store.locks import Locks, NoLocks
from zooclient.store.mend import all_manifests
from zooclient.store.reports import CacheEntry, Pruned, Usage
from zooclient.store.reports import Verdict as Verdict
from zooclient.store.work import others, read_holds

if TYPE_CHECKING:
    from zooclient.store.snapshots import Manifest
    from zooclient.store.work import Work


def list_entries(layout: Layout, place: str) -> list[CacheEntry]:
    """Returns every snapshot of one store.

    Args:
        layout: The store.
        place: What to call it.
    """
    return [to_entry(layout, path, manifest, place) for path, manifest in all_manifests(layout)]


def to_entry(layout: Layout, path: str, manifest: Manifest, place: str) -> CacheEntry:
    """Returns what a manifest tells about a snapshot."""
    zoo, id, revision = manifest["zoo"], manifest["id"], manifest["revision"]
    longest = max((len(file["path"]) for file in manifest["files"]), default=0)
    return CacheEntry(
        ref=Ref(scheme=zoo.partition("+")[0], id=id, revision=revision or None),
        zoo=zoo,
        path=Path(plain(path.removesuffix(".json"), longest)),
        content_digest=manifest["content_digest"],
        weights_digest=manifest["weights_digest"],
        files=len(manifest["files"]),
        size=sum(file["size"] for file in manifest["files"]),
        selections=tuple(manifest["selections"]),
        made_at=datetime.fromisoformat(manifest["made_at"]),
        verified_at=datetime.fromisoformat(manifest["verified_at"]),
        access=read_access(layout, zoo, id, revision),
        place=place,
    )


def measure(layout: Layout) -> Usage:
    """Returns what a store takes on the disk."""
    seen: set[tuple[int, int]] = set()
    return Usage(
        blobs=_bytes_below(layout.blobs, seen),
        snapshots=_bytes_below(layout.snapshots, seen),
        damaged=_bytes_below(layout.damaged, seen),
        unfinished=_bytes_below(layout.slots, seen) + _bytes_below(layout.work, seen),
    )


def _bytes_below(folder: str, seen: set[tuple[int, int]]) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(parent, name))
            except OSError:
                continue
            inode = (status.st_dev, status.st_ino)
            if inode not in seen:
                seen.add(inode)
                total += status.st_size
    return total


class Upkeep:
    """Removes and prunes in one store.

    Args:
        layout: The store.
        locks: Its locks.
        work: Returns the working folder: what is thrown away is moved there first, so the gate opens soon.
    """

    def __init__(self, layout: Layout, locks: Locks, work: Callable[[], Work]) -> None:
        self._layout = layout
        self._locks = locks
        self._work = work

    def remove(self, selector: str | Ref | Snapshot | CacheEntry, cancel: Cancel | None) -> tuple[CacheEntry, ...]:
        """Removes snapshots, see :meth:`zooclient.store.store.Store.remove`."""
        chosen = [(path, entry) for path, entry in self._snapshots() if self._matches(selector, entry)]
        if not chosen:
            name = selector if isinstance(selector, (str, Ref)) else selector.ref
            raise NotFound(
                f"The store holds nothing of {name}.", ref=str(name), hint="`zooclient cache ls` lists what it holds."
            )
        self._remove([path for path, _ in chosen], cancel)
        entries = tuple(entry for _, entry in chosen)
        self._forget(entries)
        return entries

    def prune(
        self,
        *,
        older_than: timedelta | None,
        keep: Iterable[str | Ref],
        dry_run: bool,
        cancel: Cancel | None,
    ) -> Pruned:
        """Frees what nothing needs, see :meth:`zooclient.store.store.Store.prune`."""
        kept = tuple(Ref.parse(ref) if isinstance(ref, str) else ref for ref in keep)
        old: list[tuple[str, CacheEntry]] = []
        if older_than is not None:
            before = datetime.now(UTC) - older_than
            old = [
                (path, entry)
                for path, entry in self._snapshots()
                if max(entry.made_at, entry.verified_at) <= before
                and not any(self._matches(ref, entry) for ref in kept)
            ]
        if dry_run:
            return evolve(self._sweep({path for path, _ in old}, None, cancel), snapshots=tuple(e for _, e in old))
        trash = self._work().path()
        with storing("pruning", trash):
            os.makedirs(trash)
        self._remove([path for path, _ in old], cancel, trash)
        self._forget([entry for _, entry in old])
        swept = self._sweep(set(), trash, cancel)
        freed = disk_freed(trash)
        with storing("pruning", trash):
            discard(trash)
        return evolve(swept, snapshots=tuple(entry for _, entry in old), bytes_freed=freed)

    def _matches(self, selector: str | Ref | Snapshot | CacheEntry, entry: CacheEntry) -> bool:
        """Whether an entry is meant: by its own name or one of old, by its pin or a name that last meant it."""
        if isinstance(selector, (CacheEntry, Snapshot)):
            return selector.path == entry.path
        ref = Ref.parse(selector) if isinstance(selector, str) else selector
        if ref.scheme != entry.ref.scheme or ref.content_digest not in (None, entry.content_digest):
            return False
        pin = entry.ref.revision
        if ref.id != entry.ref.id:
            led = read_record(self._layout, entry.zoo, ref.id, pin or "")
            if led is None or led.ref.id != entry.ref.id:
                return False
        if ref.revision in (None, pin):
            return True
        seen = read_ref(self._layout, entry.zoo, ref.id, ref.revision or "")
        return seen is not None and seen.revision == pin

    def _snapshots(self) -> list[tuple[str, CacheEntry]]:
        return [
            (path, to_entry(self._layout, path, manifest, "store")) for path, manifest in all_manifests(self._layout)
        ]

    def _remove(self, paths: Sequence[str], cancel: Cancel | None, trash: str | None = None) -> None:
        """Takes snapshots out, once nobody holds them."""
        stop = cancel or Cancel()
        patience = self._locks.patience(stop)
        left = list(paths)
        own = self._work()
        own_trash = trash or own.path()
        while left:
            with self._locks.gate(stop):
                held = self._holds(own)
                busy = [path for path in left if self._name(path) in held]
                for path in left:
                    if path not in busy:
                        self._throw(path, own_trash)  # the manifest first: without it the folder is no snapshot
                        self._throw(path.removesuffix(".json"), own_trash)
                left = busy
            if left:
                patience.wait(f"{os.path.basename(os.path.dirname(os.path.dirname(left[0])))} is in use")
        if trash is None:
            with storing("removing", own_trash):
                discard(own_trash)

    def _name(self, path: str) -> str:
        return os.path.relpath(path.removesuffix(".json"), self._layout.snapshots)

    def _throw(self, path: str, trash: str) -> None:
        if not os.path.lexists(path):
            return
        with storing("removing", path):
            os.makedirs(trash, exist_ok=True)
            os.rename(path, os.path.join(trash, os.urandom(8).hex()))
            if path.endswith(".json"):
                return
            for folder in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
                if os.listdir(folder):
                    break
                os.rmdir(folder)

    def _forget(self, entries: Iterable[CacheEntry]) -> None:
        """Drops the records of revisions of which nothing is left."""
        left = {(manifest["zoo"], manifest["id"], manifest["revision"]) for _, manifest in all_manifests(self._layout)}
        for entry in entries:
            revision = entry.ref.revision or ""
            if (entry.zoo, entry.ref.id, revision) not in left:
                forget(self._layout, entry.zoo, entry.ref.id, revision)

    def _holds(self, own: Work) -> set[str]:
        """Returns what living stores need. At the gate."""
        held: set[str] = set()
        for folder in others(self._layout):
            if self._is_alive(folder, own):
                held |= read_holds(folder)
        return held

    def _is_alive(self, folder: str, own: Work) -> bool:
        """Whether the store object that a working folder belongs to still lives. At the gate."""
        if folder == own.folder:
            return True
        try:
            lock = self._locks.take(os.path.join(folder, "lock"))
        except NoLocks:
            return True  # nobody can tell
        if lock is None:
            return True
        lock.release()
        return False

    def _sweep(self, doomed: set[str], trash: str | None, cancel: Cancel | None) -> Pruned:
        """Throws away what nothing needs; only counts when there is no trash to throw it into.

        Args:
            doomed: Manifests that count as gone.
            trash: Where to throw it. None: nowhere.
            cancel: Ends the wait for the gate.
        """
        own = self._work()
        with self._locks.gate(cancel) as locked:
            if not locked and trash is not None:
                raise StoreError(
                    f"{self._layout.root} lies on a file system without locks, so nobody can tell who is at work.",
                    hint="Prune it from where its file system has locks, or delete the whole folder when it is idle.",
                )
            needed = self._holds(own)
            listed: set[str] = set()
            for path, manifest in all_manifests(self._layout):
                listed.add(path.removesuffix(".json"))
                if path not in doomed:
                    needed |= {file["sha256"] for file in manifest["files"]}
            contents = [path for path in _files(self._layout.blobs) if os.path.basename(path) not in needed]
            unfinished = [*self._idle_slots(trash is not None), *self._abandoned(listed, own)]
            damaged = _inner(self._layout.damaged)
            doomed_folders = [path.removesuffix(".json") for path in doomed]
            freed = sum(disk_freed(path) for path in (*unfinished, *damaged))
            freed += _freed_together([*contents, *doomed_folders])
            if trash is not None:
                for path in (*contents, *unfinished, *damaged):
                    with storing("pruning", path):
                        os.rename(path, os.path.join(trash, os.urandom(8).hex()))
                self._drop_index(needed)
        return Pruned(
            snapshots=(),
            contents=len(contents),
            unfinished=len(unfinished),
            damaged=len(damaged),
            bytes_freed=freed,
            dry_run=trash is None,
        )

    def _idle_slots(self, drop_locks: bool) -> list[str]:
        """Returns the slots that nobody is at. At the gate."""
        idle = []
        for path in _inner(self._layout.slots):
            if path.endswith(".lock") and (not drop_locks or os.path.exists(path.removesuffix(".lock"))):
                continue
            lock_path = path if path.endswith(".lock") else path + ".lock"
            try:
                lock = self._locks.take(lock_path)
            except NoLocks:
                continue
            if lock is None:
                continue
            lock.release()
            if drop_locks:
                discard(lock_path)
            if not path.endswith(".lock"):
                idle.append(path)
        return idle

    def _abandoned(self, listed: set[str], own: Work) -> list[str]:
        """Returns what killed processes left: working folders, and snapshots without a manifest. At the gate."""
        dead = [folder for folder in others(self._layout) if not self._is_alive(folder, own)]
        return dead + [path for path in _revision_folders(self._layout) if path not in listed]

    def _drop_index(self, needed: set[str]) -> None:
        for path in _files(self._layout.index):
            with storing("pruning", path):
                with open(path, encoding="ascii", errors="replace") as file:
                    sha256 = file.read(65)
                if sha256 not in needed:
                    discard(path)


def _inner(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries)
    except OSError:
        return []


def _files(folder: str) -> list[str]:
    """Returns the files of a folder that has one level of folders."""
    return [path for group in _inner(folder) for path in _inner(group)]


def _revision_folders(layout: Layout) -> list[str]:
    """Returns every folder where a snapshot may lie."""
    revisions = [revision for zoo in _inner(layout.snapshots) for model in _inner(zoo) for revision in _inner(model)]
    return [path for revision in revisions for path in _inner(revision) if os.path.isdir(path)]


def disk_freed(path: str) -> int:
    """Returns the bytes that deleting a path frees: files that have another name elsewhere count for nothing."""
    return _freed_together([path])


def _freed_together(paths: Iterable[str]) -> int:
    """Returns the bytes that deleting these paths together frees."""
    names: dict[tuple[int, int], int] = {}
    freed = 0
    for path in paths:
        found = [os.path.join(parent, name) for parent, _, files in os.walk(path) for name in files]
        for file in found if os.path.isdir(path) else [path]:
            try:
                status = os.lstat(file)
            except OSError:
                continue
            inode = (status.st_dev, status.st_ino)
            names[inode] = names.get(inode, 0) + 1
            if names[inode] == status.st_nlink:
                freed += status.st_size
    return freed
