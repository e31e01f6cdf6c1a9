"""Bringing contents in: one slot for each, shared by all threads and processes that want it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.errors import IntegrityError, StoreError
from zooclient.records.digest import PROOF
from zooclient.records.receipt import Observed
from zooclient.store.door import Door, Outcome, check, find_content, refuse_unproved
from zooclient.store.files import copy_file, discard, hash_file, storing
from zooclient.store.layout import Layout
from zooclient.store.links import reflink
from zooclient.store.locks import Held, Locks, NoLocks

if TYPE_CHECKING:
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry
    from zooclient.store.work import Work


def slot_key(file: FileEntry, owner: str) -> str:
    """Returns the name of a file's slot: by its claimed digest, so that all who want that content share it.

    Args:
        file: The file.
        owner: Pinned reference, which with the path tells files apart for which no digest is claimed.
    """
    for name in PROOF:
        if name in file.digests:
            return f"{name}-{file.digests[name]}"
    stated = sorted(file.digests.items())
    text = "\0".join([owner, file.path, str(file.size), *(f"{name}={value}" for name, value in stated)])
    return "unproved-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class IngestSlot:
    """The unfinished state of one content, see :class:`zooclient.transfer.sink.Slot`.

    Attributes:
        partial: File for the bytes.
        journal: File for notes on them.
        outcome: What became of the bytes; None before :meth:`commit`.
    """

    def __init__(
        self,
        folder: str,
        file: FileEntry,
        door: Door,
        work: Work,
        cancel: Cancel,
        *,
        allow_unverified: bool,
    ) -> None:
        self.partial = Path(folder, "partial")
        self.journal = Path(folder, "journal")
        self.outcome: Outcome | None = None
        self._folder = folder
        self._file = file
        self._door = door
        self._work = work
        self._cancel = cancel
        self._allow_unverified = allow_unverified

    def commit(self, observed: Observed) -> None:
        """The door, see :class:`zooclient.transfer.sink.Slot`."""
        partial = os.fspath(self.partial)
        try:
            with storing(f"checking {self._file.path}", partial):
                observed = check(self._file, observed, partial, allow_unverified=self._allow_unverified)
        except IntegrityError:
            self.clear()
            raise
        self.outcome = self._door.admit(partial, observed, self._work, self._cancel)
        with storing("tidying up", self._folder):
            discard(os.fspath(self.journal))

    def clear(self) -> None:
        """Throws the bytes and the notes away."""
        with storing("starting over", self._folder):
            # Unlinked, never truncated: where locks lie, another machine may write into the same file.
            discard(os.fspath(self.journal))
            discard(os.fspath(self.partial))


class Ingest:
    """Opens slots.

    Args:
        layout: Where they lie.
        locks: The locks of the store.
        door: Where the bytes pass.
    """

    def __init__(self, layout: Layout, locks: Locks, door: Door) -> None:
        self._layout = layout
        self._locks = locks
        self._door = door

    @contextmanager
    def open(
        self, file: FileEntry, work: Work, *, owner: str, cancel: Cancel, allow_unverified: bool
    ) -> Iterator[IngestSlot | Observed]:
        """Opens the slot of a file's content, see :class:`zooclient.transfer.sink.Sink`."""
        refuse_unproved(file, allow_unverified)
        folder = self._layout.slot(slot_key(file, owner))
        lock_path = folder + ".lock"
        try:
            found = self._enter(file, work, folder, lock_path, cancel)
        except NoLocks:
            # A file of our own: nothing can be resumed or shared, and nothing can go wrong.
            folder = work.path()
            with storing("beginning a file", folder, file.size):
                os.makedirs(folder)
            try:
                yield IngestSlot(folder, file, self._door, work, cancel, allow_unverified=allow_unverified)
            finally:
                discard(folder)
            return
        if isinstance(found, Observed):
            yield found
            return
        slot = IngestSlot(folder, file, self._door, work, cancel, allow_unverified=allow_unverified)
        try:
            yield slot
        finally:
            self._leave(slot, folder, lock_path, found)

    def _enter(self, file: FileEntry, work: Work, folder: str, lock_path: str, cancel: Cancel) -> Held | Observed:
        """Waits for the slot, or for its content, whichever comes first."""
        patience = self._locks.patience(cancel)
        seen = None
        while True:
            with self._locks.gate(cancel):
                held = find_content(self._layout, file)
                if held is not None:
                    work.hold_contents([held.sha256])
                    return held
                lock = self._locks.take(lock_path)
                if lock is not None:
                    try:
                        with storing("beginning a file", folder, file.size):
                            os.makedirs(folder, exist_ok=True)
                    except StoreError:
                        lock.release()
                        raise
                    return lock
            progress = _progress(folder)
            if progress != seen:
                patience.moved()
                seen = progress
            patience.wait(f"another process or thread is fetching {file.path!r}, and nothing has arrived meanwhile")

    def _leave(self, slot: IngestSlot, folder: str, lock_path: str, lock: Held) -> None:
        if slot.outcome is None:
            lock.release()  # what has arrived waits for the next attempt
            return
        # Lock files are deleted at the gate only, so nobody can hold one that has lost its name. A gate that does not
        # open must not make a failure of what is done; the folder waits to be pruned then.
        try:
            with self._locks.gate(), storing("tidying up", folder):
                discard(folder)
                lock.release()
                discard(lock_path)
        except StoreError:
            lock.release()


def _progress(folder: str) -> tuple[tuple[int, int] | None, ...]:
    """Returns what changes while somebody fetches into a slot."""
    seen: list[tuple[int, int] | None] = []
    for name in ("partial", "journal"):
        try:
            status = os.stat(os.path.join(folder, name))
            seen.append((status.st_size, status.st_mtime_ns))
        except OSError:
            seen.append(None)
    return tuple(seen)


class StoreSink:
    """The store as the byte engine sees it; fulfils :class:`zooclient.transfer.sink.Sink`.

    Args:
        ingest: Opens slots.
        work: Returns what notes what is needed.
        allow_unverified: Whether files without a proving digest may pass.
    """

    def __init__(self, ingest: Ingest, work: Callable[[], Work], *, allow_unverified: bool) -> None:
        self._ingest = ingest
        self._work = work
        self._allow_unverified = allow_unverified

    def ingest(self, file: FileEntry, *, owner: str, cancel: Cancel) -> AbstractContextManager[IngestSlot | Observed]:
        """Opens the slot of a file's content, waiting while another thread or process has it.

        Args:
            file: The file, with the digests that the zoo claims.
            owner: Pinned reference, which with the path tells files apart for which no digest is claimed.
            cancel: Ends the wait.

        Raises:
            IntegrityError: No digest is claimed, and that was not allowed.
            StoreError: The store cannot be written.
            Cancelled: While waiting.
        """
        return self._ingest.open(
            file, self._work(), owner=owner, cancel=cancel, allow_unverified=self._allow_unverified
        )


def bring(
    file: FileEntry, source: str, door: Door, work: Work, cancel: Cancel, *, allow_unverified: bool, ours: bool
) -> Observed:
    """Brings a file of somebody else in through the door: hashed as we have it, so nobody can change it meanwhile.

    Args:
        file: The claims.
        source: The file; a symbolic link is followed.
        door: Where it passes.
        work: Gives the temporary name.
        cancel: Ends the reading.
        allow_unverified: Whether a file without a proving digest may pass.
        ours: It was made for us and may be moved; otherwise it is only read.

    Raises:
        IntegrityError: It is not what is claimed.
        StoreError: It cannot be read or written.
    """
    target = work.path()
    with storing(f"taking over {file.path}", source, file.size):
        try:
            # It must have one name only: another one could be written through.
            if (
                ours and not os.path.islink(source) and os.stat(source).st_nlink == 1 and _moved(source, target)
            ) or reflink(source, target):
                observed = hash_file(target, git=True, check=cancel.check)
            else:
                observed = copy_file(source, target, git=True, check=cancel.check)
            if "git-sha1" not in file.digests:
                observed = evolve(observed, git_sha1=None)
            observed = check(file, observed, target, allow_unverified=allow_unverified)
            door.admit(target, observed, work, cancel)
        finally:
            discard(target)
    return observed


def _moved(source: str, target: str) -> bool:
    """Whether the file could be moved; it cannot from another file system."""
    try:
        os.replace(source, target)
    except OSError:
        return False
    return True
