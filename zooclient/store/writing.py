"""The writing part of a store, put together when something is first written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zooclient.errors import IntegrityError
from zooclient.net.cancel import Cancel
from zooclient.store.assemble import Assembly
from zooclient.store.door import Door, find_content
from zooclient.store.files import discard, read_json, storing, write_json
from zooclient.store.hfcache import find_blob
from zooclient.store.ingest import Ingest, StoreSink, bring
from zooclient.store.layout import Layout
from zooclient.store.links import LinkMode, link
from zooclient.store.locks import Held, Locks, file_lock
from zooclient.store.mend import Mender
from zooclient.store.names import check_names
from zooclient.store.upkeep import Upkeep
from zooclient.store.work import Work

if TYPE_CHECKING:
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.receipt import Observed, Receipt
    from zooclient.records.wishes import Wishes
    from zooclient.store.snapshots import Manifest


class Writing:
    """What writes into one home; arguments as for :class:`zooclient.store.store.Store`."""

    def __init__(
        self,
        layout: Layout,
        link_mode: LinkMode,
        small_file: int,
        lock_timeout: float,
        take_lock: Callable[[str], Held | None] | None,
    ) -> None:
        self._layout = layout
        self._link_mode = link_mode
        self._small_file = small_file
        self._locks = Locks(layout, lock_timeout, take_lock or file_lock)
        self._door = Door(layout, self._locks)
        self._ingest = Ingest(layout, self._locks, self._door)
        self._assembly = Assembly(layout, self._locks, link_mode, small_file)
        self._making = threading.Lock()
        self._work: Work | None = None
        self._folds_case: bool | None = None
        self.mender = Mender(layout, self._locks, self.work)
        self.upkeep = Upkeep(layout, self._locks, self.work)

    def work(self) -> Work:
        """Returns the working folder of this process. Not to be called at the gate, which it may pass itself.

        Raises:
            StoreError: The store cannot be written.
        """
        with self._making:
            if self._work is None or self._work.gone:
                self._work = Work(self._layout, self._locks)
            return self._work

    def close(self) -> None:
        """Gives up the working folder."""
        with self._making:
            work, self._work = self._work, None
        if work is not None:
            work.end()

    def sink(self, allow_unverified: bool) -> StoreSink:
        """Returns the store as the byte engine sees it."""
        return StoreSink(self._ingest, self.work, allow_unverified=allow_unverified)

    def adopt(
        self, file: FileEntry, further: Sequence[Layout], cache: str | None, cancel: Cancel | None
    ) -> Observed | None:
        """Brings in what is held on this machine, see :meth:`zooclient.store.store.Store.adopt`."""
        stop = cancel or Cancel()
        work = self.work()
        with self._locks.gate(stop):
            held = find_content(self._layout, file)
            if held is not None:
                work.hold_contents([held.sha256])
                return held
        for layout in further:
            held = find_content(layout, file)
            if held is not None and self._take_over(layout, held, work, stop):
                return held
        blob = find_blob(cache, file) if cache is not None else None
        if blob is None:
            return None
        try:
            return bring(file, blob, self._door, work, stop, allow_unverified=False, ours=False)
        except IntegrityError:
            return None  # damaged where it lies: it is fetched instead

    def _take_over(self, layout: Layout, held: Observed, work: Work, cancel: Cancel) -> bool:
        """Links or copies a content of another store, which checked it when it came; whether it was sound.

        As in a snapshot, a small one is copied, and so hashed once more.
        """
        target = work.path()
        mode: LinkMode = "copy" if held.size < self._small_file else self._link_mode
        with storing("taking over from another store", target, held.size):
            try:
                link(layout.blob(held.sha256), target, held.sha256, mode, check=cancel.check)
                self._door.admit(target, held, work, cancel)
            except (IntegrityError, FileNotFoundError):
                return False
            finally:
                discard(target)
        return True

    def deposit(
        self, file: FileEntry, path: str, cancel: Cancel | None, *, allow_unverified: bool, move: bool
    ) -> Observed:
        """Takes a file that was fetched for us, see :meth:`zooclient.store.store.Store.deposit`."""
        stop = cancel or Cancel()
        return bring(file, path, self._door, self.work(), stop, allow_unverified=allow_unverified, ours=move)

    def rewrite(self, make: Callable[[], Mapping[str, object]]) -> None:
        """Writes JSON files, see :meth:`zooclient.store.store.Store.rewrite`."""
        temporary = self.work().path()
        with self._locks.gate():
            for path, data in make().items():
                if data is None:
                    with storing("removing", path):
                        discard(path)
                elif read_json(path) != data:
                    write_json(path, data, temporary)

    def assemble(
        self, zoo: str, record: ModelRecord, wishes: Wishes, receipts: Sequence[Receipt]
    ) -> tuple[str, Manifest]:
        """Builds a snapshot; returns the path of its manifest, and what that says."""
        return self._assembly.build(zoo, record, wishes, receipts, self.work())

    def check_names(self, paths: Iterable[str]) -> None:
        """Refuses names that the file system cannot hold."""
        check_names(paths, folds_case=self._case_is_folded())

    def _case_is_folded(self) -> bool:
        """Whether the file system takes two names for one that differ only in case."""
        if self._folds_case is None:
            probe = self.work().path() + "-Probe"
            with storing("asking the file system", probe):
                with open(probe, "xb"):
                    pass
                self._folds_case = os.path.exists(os.path.join(os.path.dirname(probe), os.path.basename(probe).upper()))
                with suppress(OSError):
                    os.unlink(probe)
        return self._folds_case

    @contextmanager
    def holding(self, path: str) -> Iterator[None]:
        """Keeps a snapshot from being removed."""
        name = os.path.relpath(path, self._layout.snapshots)
        with self.work().holding([name], self._locks):
            yield
