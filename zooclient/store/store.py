"""The store: what was claimed, what is held, and the way in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from zooclient.store.layout import Layout, extended
from zooclient.store.snapshots import matching, suspects, to_snapshot

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry, Layer, ModelRecord
    from zooclient.records.receipt import Observed, Receipt
    from zooclient.records.ref import Ref
    from zooclient.records.snapshot import Snapshot
    from zooclient.records.wishes import Wishes
    from zooclient.store.claims import SeenRef
    from zooclient.store.ingest import IngestSlot, StoreSink
    from zooclient.store.links import LinkMode
    from zooclient.store.locks import Held
    from zooclient.store.reports import CacheEntry, Holder, Pruned, Usage, Verdict
    from zooclient.store.seen import Seen
    from zooclient.store.unpack import Contents
    from zooclient.store.work import Work
    from zooclient.store.writing import Writing


class Store:
    """One home that is written, and further stores that are only read. Safe between threads, processes and forks.

    Nothing is touched before the first call, and reading never writes. The layout is drawn in
    :mod:`zooclient.store.layout`, the locks are explained in :mod:`zooclient.store.locks`, what survives a power cut
    in :mod:`zooclient.store.files`.

    Args:
        home: Folder of the store; made when something is first written.
        stores: Homes of further stores, which are only read, asked in this order after the own one.
        link_mode: How a large file of a snapshot gets its bytes from the blob: ``auto`` tries reflink, hard link and
            copy; ``reflink`` and ``hardlink`` fall back to a copy.
        official_cache: Returns the official Hugging Face cache to look into, asked at each look. None: none.
        small_file: Bytes below which a file is copied instead of linked.
        lock_timeout: Seconds to wait for another process or thread while nothing moves.
        take_lock: Takes the lock of a file, None when it is taken; for embedders and tests. None: ``filelock``.
    """

    def __init__(
        self,
        home: str | os.PathLike[str],
        *,
        stores: Sequence[str | os.PathLike[str]] = (),
        link_mode: LinkMode = "auto",
        official_cache: Callable[[], Path | None] | None = None,
        small_file: int = 1 << 20,
        lock_timeout: float = 60.0,
        take_lock: Callable[[str], Held | None] | None = None,
    ) -> None:
        self._own = Layout(extended(os.path.abspath(home)))
        self._further = tuple(Layout(extended(os.path.abspath(store))) for store in stores)
        self._link_mode = link_mode
        self._official_cache = official_cache
        self._small_file = small_file
        self._lock_timeout = lock_timeout
        self._take_lock = take_lock
        self._making = threading.Lock()
        self._writing: Writing | None = None
        self._seen: Seen | None = None

    @property
    def home(self) -> Path:
        """The folder that is written."""
        from pathlib import Path

        return Path(self._own.home)

    @property
    def layout(self) -> Layout:
        """Where everything lies."""
        return self._own

    # -- what was claimed -----------------------------------------------------------------------

    def save_record(self, zoo: str, record: ModelRecord, *, id: str | None = None) -> None:
        """Keeps what a zoo claims about a revision.

        Args:
            zoo: The server that said so: scheme, or ``scheme+8hex`` where it is not the official one.
            record: What it said.
            id: The name under which it is to be found, such as one that the model had before. None: its own.

        Raises:
            StoreError: The store cannot be written.
        """
        from zooclient.store.claims import write_record

        write_record(self._own, zoo, record, self._work().path(), id or record.ref.id)

    def load_record(self, zoo: str, id: str, revision: str) -> ModelRecord | None:
        """Returns what a zoo claimed about a revision; None when nobody asked."""
        from zooclient.store.claims import read_record

        for layout in self._all():
            record = read_record(layout, zoo, id, revision)
            if record is not None:
                return record
        return None

    def save_ref(self, zoo: str, id: str, name: str, revision: str, seen_at: datetime) -> None:
        """Keeps what a moving name meant.

        Args:
            zoo: As for :meth:`save_record`.
            id: The model.
            name: Branch or tag; empty for the zoo's default.
            revision: The pinned revision that it meant.
            seen_at: When the zoo said so, aware.

        Raises:
            StoreError: The store cannot be written.
        """
        from zooclient.store.claims import SeenRef, write_ref

        write_ref(self._own, zoo, id, name, SeenRef(revision=revision, seen_at=seen_at), self._work().path())

    def distrust(self, zoo: str, id: str, revision: str) -> None:
        """Drops what a zoo claimed about a revision, because it could not be held to it.

        Where a snapshot stands, the claim was proved once and stays: a zoo that says something else now is not to
        be believed for saying it.

        Args:
            zoo: As for :meth:`save_record`.
            id: The model.
            revision: The pinned revision.

        Raises:
            StoreError: The store cannot be written.
        """
        from zooclient.store.claims import forget
        from zooclient.store.snapshots import manifests

        if not any(manifests(layout.revision(zoo, id, revision)) for layout in self._all()):
            forget(self._own, zoo, id, revision)

    def find_ref(self, zoo: str, id: str, name: str) -> SeenRef | None:
        """Returns what a moving name meant when it was last seen, in any of the stores; None when it never was."""
        from zooclient.store.claims import read_ref

        seen = [ref for layout in self._all() if (ref := read_ref(layout, zoo, id, name)) is not None]
        return max(seen, key=lambda ref: ref.seen_at, default=None)

    def seen(self, sha256s: Iterable[str]) -> Mapping[str, tuple[Holder, ...]]:
        """Returns which models, at which zoos, have files of these contents, as far as the store remembers.

        It knows every record of the own and the further stores, and every snapshot, which tells the sha256 of files
        that the zoo names by git alone. Nobody is asked, and nothing need be held.

        Args:
            sha256s: Digests, lower-case hex.

        Returns:
            Digest → the files that have it, those of the own store first; a digest that nothing has is not there.
        """
        from zooclient.store.seen import by_sha256

        wanted = frozenset(sha256s)
        return by_sha256(self.remembered(wanted), wanted)

    def remembered(self, hashes: Iterable[str]) -> tuple[Holder, ...]:
        """Returns the remembered files of which some hash agrees with one of these in its first 8 digits.

        For whoever holds other hashes than a sha256; what agrees in full, the caller compares.

        Args:
            hashes: Hashes of any kind, lower-case hex of 8 digits at the least.
        """
        from zooclient.store.seen import Seen

        if self._seen is None:  # two threads may make one each; either will do
            self._seen = Seen(self._own, self._further, self._temporary)
        return self._seen.find(hashes)

    # -- bytes ----------------------------------------------------------------------------------

    def held(self, file: FileEntry) -> str | None:
        """Returns where the content of a file is held; None when nowhere. Nothing is hashed.

        Args:
            file: The file, with the digests that the zoo claims.

        Returns:
            ``store``, ``read-only store`` or ``huggingface cache``.
        """
        from zooclient.store.door import find_content
        from zooclient.store.hfcache import find_blob

        if find_content(self._own, file) is not None:
            return "store"
        if any(find_content(layout, file) is not None for layout in self._further):
            return "read-only store"
        cache = self._official_cache() if self._official_cache is not None else None
        if cache is not None and find_blob(os.fspath(cache), file) is not None:
            return "huggingface cache"
        return None

    def adopt(self, file: FileEntry, *, cancel: Cancel | None = None) -> Observed | None:
        """Brings in the content of a file that is held somewhere on this machine.

        From a further store it is linked (hard links included: both sides never write) or copied. From the official
        cache it is reflinked or copied, never hard-linked, because that file is not ours to make read-only and may be
        written through; what we have then is hashed once.

        Args:
            file: The file, with the digests that the zoo claims.
            cancel: Ends the copying. None: nothing does.

        Returns:
            What is known of the content; None when it is held nowhere, or what is held is damaged.

        Raises:
            StoreError: The store cannot be written.
            Cancelled: While copying.
        """
        return self._open().adopt(file, self._further, self._cache(), cancel)

    def sink(self, *, allow_unverified: bool = False) -> StoreSink:
        """Returns the store as the byte engine sees it.

        Args:
            allow_unverified: Whether files may pass for which the zoo states no digest that proves them.
        """
        return self._open().sink(allow_unverified)

    def ingest(
        self, file: FileEntry, *, owner: str, cancel: Cancel, allow_unverified: bool = False
    ) -> AbstractContextManager[IngestSlot | Observed]:
        """Opens the slot of a file's content, see :class:`zooclient.transfer.sink.Sink`."""
        return self.sink(allow_unverified=allow_unverified).ingest(file, owner=owner, cancel=cancel)

    def scratch(self) -> Path:
        """Returns a folder inside the ingest area for files that :meth:`deposit` will take; it exists.

        It goes away with this store object, or is pruned when the process was killed.

        Raises:
            StoreError: The store cannot be written.
        """
        from pathlib import Path

        from zooclient.store.files import storing

        folder = self._work().path()
        with storing("making a folder", folder):
            os.makedirs(folder)
        return Path(folder)

    def deposit(
        self,
        file: FileEntry,
        path: str | os.PathLike[str],
        *,
        owner: str,
        allow_unverified: bool = False,
        cancel: Cancel | None = None,
        move: bool = True,
    ) -> Observed:
        """Takes a file that somebody else fetched for us through the same door; it is hashed here.

        Args:
            file: The file, with the digests that the zoo claims.
            path: Where the bytes lie. They are moved if they have one name only and lie on the same file system.
            owner: Pinned reference, for the error.
            allow_unverified: Whether it may pass when the zoo states no digest that proves it.
            cancel: Ends the hashing. None: nothing does.
            move: Whether the file may be moved; otherwise it is reflinked or copied, and only read.

        Raises:
            IntegrityError: It is not what is claimed, or nothing is claimed and that was not allowed.
            StoreError: The store cannot be written.
        """
        from zooclient.errors import IntegrityError

        try:
            return self._open().deposit(
                file, os.path.abspath(path), cancel, allow_unverified=allow_unverified, move=move
            )
        except IntegrityError as error:
            error.about(ref=owner)
            raise

    def put(self, file: FileEntry, content: bytes, *, owner: str, cancel: Cancel | None = None) -> Observed:
        """Takes bytes that are here already through the same door, such as those that an answer held.

        Args:
            file: The file, with the digests that they must have.
            content: The bytes.
            owner: As for :meth:`deposit`.
            cancel: As for :meth:`deposit`.

        Raises:
            IntegrityError: As for :meth:`deposit`.
            StoreError: The store cannot be written.
        """
        from zooclient.store.files import storing

        path = self._work().path()
        with storing(f"writing {file.path}", path, len(content)), open(path, "xb") as out:
            out.write(content)
        return self.deposit(file, path, owner=owner, cancel=cancel)

    def unpack(
        self, layer: Layer, *, wanted: Callable[[str], str | None], cancel: Cancel | None = None
    ) -> AbstractContextManager[Contents]:
        """Takes the files out of a layer that is held, into a folder that goes away at the end of the block.

        Args:
            layer: The layer.
            wanted: Path in the layer → the path by which it is wanted; None: it is not.
            cancel: Ends the unpacking. None: nothing does.

        Raises:
            ZooError: As for :func:`~zooclient.store.unpack.unpack`.
        """
        from zooclient.store.unpack import unpacked

        check = (lambda: None) if cancel is None else cancel.check
        return unpacked(
            layer, self._own.blob(layer.digest), self.scratch(), wanted=wanted, room=self.check_space, check=check
        )

    def check_space(self, needed: int) -> None:
        """Makes sure, before the first byte, that so many have room.

        Args:
            needed: Bytes to fetch; counted twice where snapshots are copies.

        Raises:
            StoreError: They have none; it says how much is needed and free.
        """
        from zooclient.errors import StoreError
        from zooclient.store.files import free_bytes, size_text

        total = needed * (2 if self._link_mode == "copy" else 1)
        free = free_bytes(self._own.root)
        if total > free:
            raise StoreError(
                f"{size_text(total)} are needed, and {size_text(free)} are free at {self._own.home}.",
                hint="`zooclient cache prune` frees what nothing needs; ZOOCLIENT_HOME moves the store elsewhere.",
            )

    def check_names(self, files: Iterable[FileEntry]) -> None:
        """Refuses, before the first byte, names that are hostile or that the store's file system cannot hold.

        Raises:
            IntegrityError: A name leaves its folder, or is listed twice.
            StoreError: A name cannot be held here.
        """
        self._open().check_names(file.path for file in files)

    # -- snapshots ------------------------------------------------------------------------------

    def find(
        self, zoo: str, id: str, revision: str, wishes_key: str, content_digest: str | None = None
    ) -> Snapshot | None:
        """Returns the snapshot that answers these wishes, without asking anybody, a lock or a write.

        Each file is compared with the manifest by size and time stamp. One that differs is hashed. If its content is
        right, it is taken; if not, it is set aside together with everything that shares its bytes, a
        :class:`~zooclient.errors.DamagedWarning` says so, and the answer is None, so that it is fetched again.

        Args:
            zoo: As for :meth:`save_record`.
            id: The model.
            revision: The pinned revision.
            wishes_key: What was wished, from :meth:`zooclient.records.wishes.Wishes.key`.
            content_digest: ``sha256:HEX`` that it must have. None: any.
        """
        for layout in self._all():
            for path, manifest in matching(layout, zoo, id, revision, wishes_key, content_digest):
                changed = suspects(path.removesuffix(".json"), manifest)
                if changed and not self._recheck(layout, path, manifest, changed):
                    continue
                return to_snapshot(path, manifest, self._record_reader(zoo, id, revision))
        return None

    def assemble(self, zoo: str, record: ModelRecord, wishes: Wishes, receipts: Sequence[Receipt]) -> Snapshot:
        """Builds the snapshot of the files that have arrived; the record is kept with it.

        Several wishes may select the same files: they share one snapshot.

        Args:
            zoo: As for :meth:`save_record`.
            record: What the zoo claims.
            wishes: What was wished, and will find this snapshot again.
            receipts: One for each file of the snapshot.

        Raises:
            IntegrityError: A receipt does not agree with the record, or a name is hostile.
            StoreError: The disk refuses, or cannot hold a name.
        """
        self.save_record(zoo, record)
        path, manifest = self._open().assemble(zoo, record, wishes, receipts)
        return to_snapshot(path, manifest, lambda: record)

    def copy_out(
        self,
        snapshot: Snapshot,
        to: str | os.PathLike[str],
        *,
        names: Mapping[str, str] | None = None,
        overwrite: bool = False,
        cancel: Cancel | None = None,
    ) -> Path:
        """Puts plain copies of a snapshot's files into a folder; never hard links, each file whole or not at all.

        A file that is there with the same content stays; one whose content the store holds is replaced, since it can
        be had again; any other is a reason to refuse before anything is written.

        Args:
            snapshot: What to copy.
            to: Where to; made when it is missing.
            names: Path in the snapshot → path below the folder, of the files that are wanted. None: all, as they are.
            overwrite: Whether other files in the way may be lost.
            cancel: Ends the copying. None: nothing does.

        Returns:
            The folder.

        Raises:
            StoreError: Something is in the way, or the disk refuses.
            IntegrityError: A file of the snapshot was changed.
        """
        from pathlib import Path

        from zooclient.net.cancel import Cancel
        from zooclient.store.copyout import copy_out
        from zooclient.store.door import sound

        folder = os.path.abspath(to)
        with self.hold(snapshot):
            copy_out(
                snapshot,
                extended(folder),
                names=names,
                overwrite=overwrite,
                replaceable=lambda sha256: any(sound(layout.blob(sha256), None) for layout in self._all()),
                check=(cancel or Cancel()).check,
            )
        return Path(folder)

    def put_beside(self, to: str | os.PathLike[str], path: str, content: bytes) -> bool:
        """Writes a small file beside what :meth:`copy_out` put into a folder; one that is there already stays.

        Args:
            to: The folder; made when it is missing.
            path: POSIX path below it.
            content: What goes into it.

        Returns:
            Whether it was written.

        Raises:
            StoreError: The disk refuses, or a link leads out of the folder.
            IntegrityError: The path is hostile.
        """
        from zooclient.store.copyout import put_beside

        return put_beside(extended(os.path.abspath(to)), path, content)

    @contextmanager
    def hold(self, snapshot: Snapshot) -> Iterator[Snapshot]:
        """Keeps a snapshot from being removed while the block runs, by other processes too.

        For whoever opens its files late, such as a server. Where the store cannot be written, or is a further one, this
        does nothing: its owner alone decides.
        """
        path = extended(os.fspath(snapshot.path))
        writing = self._try_open() if path.startswith(self._own.snapshots + os.sep) else None
        if writing is None:
            yield snapshot
            return
        with writing.holding(path):
            yield snapshot

    # -- upkeep ---------------------------------------------------------------------------------

    def entries(self) -> tuple[CacheEntry, ...]:
        """Returns every snapshot that is held, those of further stores included, each with its access state."""
        from zooclient.store.upkeep import list_entries

        return tuple(
            entry
            for layout in self._all()
            for entry in list_entries(layout, "store" if layout is self._own else "read-only store")
        )

    def usage(self) -> Usage:
        """Returns how many bytes the own store takes on the disk, and for what."""
        from zooclient.store.upkeep import measure

        return measure(self._own)

    def remove(
        self, selector: str | Ref | Snapshot | CacheEntry, *, cancel: Cancel | None = None
    ) -> tuple[CacheEntry, ...]:
        """Removes snapshots, and their records when nothing of the revision is left; :meth:`prune` frees the bytes.

        Args:
            selector: A snapshot, an entry, or a reference: without a revision all of that model, with a content digest
                that one snapshot. A moving name means what it last meant, a name of old the model that it led to.
            cancel: Ends the waiting. None: nothing does.

        Returns:
            What was removed.

        Raises:
            NotFound: Nothing matches.
            RefError: The reference cannot be read.
            StoreError: It is in use for longer than the lock timeout, or cannot be written.
        """
        return self._open().upkeep.remove(selector, cancel)

    def note_lock(self, path: str | os.PathLike[str]) -> None:
        """Notes that the models of a lock were brought here, so that pruning can ask it what is still needed.

        Args:
            path: The ``zoo.lock``.

        Raises:
            StoreError: The store cannot be written.
        """
        from zooclient.store.files import write_text

        told = os.path.abspath(path)
        note = self._own.lock_note(told)
        if not os.path.exists(note):
            write_text(note, told, self._work().path())

    def noted_locks(self) -> tuple[str, ...]:
        """Returns the paths of the locks whose models were brought here, sorted; some may be gone."""
        found = []
        try:
            names = os.listdir(self._own.locks)
        except OSError:
            return ()
        for name in names:
            with open(os.path.join(self._own.locks, name), encoding="utf-8", errors="surrogatepass") as file:
                found.append(file.read())
        return tuple(sorted(found))

    def prune(
        self,
        *,
        older_than: timedelta | None = None,
        keep: Iterable[str | Ref] = (),
        dry_run: bool = False,
        cancel: Cancel | None = None,
    ) -> Pruned:
        """Frees what nothing needs: contents that no snapshot holds, unfinished and damaged files that nobody is at.

        Args:
            older_than: Snapshots that were made or verified longer ago are removed too. None: none is.
            keep: References whose snapshots stay, whatever their age.
            dry_run: Only tell what would be freed.
            cancel: Ends the waiting. None: nothing does.

        Raises:
            RefError: A reference of ``keep`` cannot be read.
            StoreError: The store cannot be written or locked, or a snapshot is in use for too long.
        """
        return self._open().upkeep.prune(older_than=older_than, keep=keep, dry_run=dry_run, cancel=cancel)

    def verify(
        self,
        zoo: str | None = None,
        id: str | None = None,
        revision: str | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Verdict:
        """Hashes every byte of the snapshots of the own and the further stores again, with no network.

        What is sound gets a new time of verification; what is damaged is set aside, so that the next load fetches it
        again. Stores that cannot be written are only read.

        Args:
            zoo: Only this zoo's. None: all.
            id: Only this model's. None: all.
            revision: Only this revision's. None: all.
            cancel: Ends the hashing. None: nothing does.

        Raises:
            NotFound: A model or revision was named, and nothing of it is held.
        """
        from zooclient.store.verifying import verify

        return verify(self._own, self._further, zoo, id, revision, writing=self._try_open(), cancel=cancel)

    def rewrite(self, make: Callable[[], Mapping[str, object]]) -> None:
        """Writes JSON files of the store, each whole or not at all, where they do not say the same already.

        Args:
            make: Returns the path of each (see :attr:`layout`) and what it says, None where it is to go. Called while
                nobody else moves anything in or out.

        Raises:
            StoreError: The store cannot be written.
        """
        self._open().rewrite(make)

    def close(self) -> None:
        """Gives up what this store has noted as needed. It may be used again."""
        with self._making:
            writing, self._writing = self._writing, None
        if writing is not None:
            writing.close()

    # -- within ---------------------------------------------------------------------------------

    def _all(self) -> tuple[Layout, ...]:
        return (self._own, *self._further)

    def _cache(self) -> str | None:
        cache = self._official_cache() if self._official_cache is not None else None
        return None if cache is None else os.fspath(cache)

    def _open(self) -> Writing:
        """Returns the writing part, which is loaded on first use."""
        from zooclient.store.writing import Writing

        with self._making:
            if self._writing is None:
                self._writing = Writing(
                    self._own, self._link_mode, self._small_file, self._lock_timeout, self._take_lock
                )
            return self._writing

    def _try_open(self) -> Writing | None:
        """Returns the writing part; None where the home cannot be written."""
        from zooclient.errors import StoreError

        writing = self._open()
        try:
            writing.work()
        except StoreError:
            return None
        return writing

    def _work(self) -> Work:
        return self._open().work()

    def _temporary(self) -> str | None:
        """Returns a path for a temporary file; None where nothing was ever written, or nothing may be."""
        writing = self._try_open() if os.path.isdir(self._own.root) else None
        return None if writing is None else writing.work().path()

    def _recheck(
        self, layout: Layout, path: str, manifest: dict[str, object], changed: list[dict[str, object]]
    ) -> bool:
        from zooclient.store.mend import recheck

        writing = self._try_open() if layout is self._own else None
        return recheck(layout, path, manifest, changed, writing.mender if writing else None)

    def _record_reader(self, zoo: str, id: str, revision: str) -> Callable[[], ModelRecord]:
        def read() -> ModelRecord:
            record = self.load_record(zoo, id, revision)
            if record is None:
                from zooclient.errors import StoreError

                raise StoreError(
                    f"The record of {id} at {revision} is missing from the store, or cannot be read.",
                    hint="Resolving the reference while online brings it back.",
                )
            return record

        return read
