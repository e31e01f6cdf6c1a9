"""The store as a shelf: what was downloaded and verified is served on, under the commit that it was pinned to.

Each zoo's protocol serves what came from that zoo, because only that has the names and commits that it speaks of. A
commit holds the files that are held of it, which may be fewer than the Hub has. Rights are not passed on with bytes:
a model whose record says anything but ``open`` is left out unless it is named.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.errors import Unsupported
from zooclient.records.digest import git_blob_header
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile
from zooclient.serve.shelf import Commit, Place, Repository, Shelf, ShelfFile, Terms, main_of, pointer, stable_id
from zooclient.store.snapshots import read_manifest, suspects, to_snapshot

if TYPE_CHECKING:
    from zooclient.store.store import Store

_log = logging.getLogger(__name__)

#: Seconds for which the store is not read again.
_FRESH = 2.0

#: Scheme to the origin whose word goes before that of any other server about the same model.
_OFFICIAL = {"hf": "https://huggingface.co:443", "modelscope": "https://modelscope.cn:443"}


@frozen(kw_only=True)
class Held:
    """One snapshot that a store holds.

    Attributes:
        snapshot: The snapshot; its files are as they were verified.
        main: Commit that the default branch of this model was last seen at by the store. None: it was never asked for.
    """

    snapshot: Snapshot
    main: str | None = None


class StoreShelf:
    """A store's models as repositories. It reads the store again when what it knows is two seconds old.

    Args:
        store: The store, which is never written; or a function that tells what is held.
        include: References (``hf:org/name``, a revision is not looked at) or ids of gated, private or paid models
            that are to be served all the same. They are then served to everybody; an id is one at every zoo.
        scheme: Zoo whose models are served.
        clock: Seconds, rising.
    """

    def __init__(
        self,
        store: Store | Callable[[], Iterable[Held]],
        *,
        include: Iterable[str] = (),
        scheme: str = "hf",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = store if callable(store) else partial(_held, store)
        self._include = tuple(include)
        self._named = frozenset(map(_named, self._include))
        self._scheme = scheme
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._repositories: Mapping[str, Repository] = {}
        self._places: Mapping[str, tuple[Place, ...]] = {}

    def at(self, scheme: str) -> Shelf:
        """This store as the zoo of ``scheme`` shows it.

        Raises:
            Unsupported: What came from there has no commits to serve it under.
        """
        if scheme not in _OFFICIAL:
            raise Unsupported(
                f"The store cannot be served by the protocol of {scheme!r}.",
                hint=f"Serve a folder of models by it, or the store by those of {', '.join(_OFFICIAL)}.",
            )
        if scheme == self._scheme:
            return self
        return StoreShelf(self._held, include=self._include, scheme=scheme, clock=self._clock)

    def names(self) -> tuple[str, ...]:
        """The ids of all models that are served, sorted."""
        return tuple(sorted(self._now()))

    def canonical(self, name: str) -> str | None:
        """The id that ``name`` leads to in another case; None when it leads nowhere."""
        held = self._now()
        if name in held:
            return name
        return {known.casefold(): known for known in held}.get(name.casefold())

    def repository(self, name: str) -> Repository | None:
        """The model with exactly this id; None when nothing of it is held, or it is not to be served."""
        return self._now().get(name)

    def place(self, digest: str) -> Place | None:
        """Where this content lies; None when it was changed or removed since the store was read."""
        for place in self._places.get(digest, ()):
            try:
                stat = place.path.stat()
            except OSError:
                continue
            if (stat.st_size, stat.st_mtime_ns, stat.st_ino) == place.stamp:
                return place
        return None

    def _now(self) -> Mapping[str, Repository]:
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= _FRESH:
                self._repositories, self._places = self._read()
                self._read_at = now
            return self._repositories

    def _read(self) -> tuple[dict[str, Repository], dict[str, tuple[Place, ...]]]:
        shelves: dict[str, list[tuple[ModelRecord, Held]]] = {}
        for held in self._held():
            record = held.snapshot.record
            if record.ref.scheme == self._scheme and record.pin == "commit" and self._served(record):
                shelves.setdefault(record.ref.id, []).append((record, held))
        places: dict[str, tuple[Place, ...]] = {}
        return {name: _repository(name, held, places) for name, held in shelves.items()}, places

    def _served(self, record: ModelRecord) -> bool:
        named = {(None, record.ref.id), (record.ref.scheme, record.ref.id)}
        return record.access.state == "open" or bool(named & self._named)


def _held(store: Store) -> Iterator[Held]:
    """Reads what a store holds, and leaves out each snapshot of which a file is not as it was verified."""
    for entry in store.entries():
        folder = str(entry.path)
        manifest = read_manifest(f"{folder}.json")
        if manifest is None or suspects(folder, manifest):
            continue
        zoo, name, revision = manifest["zoo"], manifest["id"], manifest["revision"]
        record = store.load_record(zoo, name, revision)
        if record is not None:
            seen = store.find_ref(zoo, name, main_of(record.ref.scheme))
            snapshot = to_snapshot(f"{folder}.json", manifest, partial(_given, record))
            yield Held(snapshot=snapshot, main=None if seen is None else seen.revision)


def _given(record: ModelRecord) -> ModelRecord:
    return record


def _repository(name: str, held: list[tuple[ModelRecord, Held]], places: dict[str, tuple[Place, ...]]) -> Repository:
    # What one server said of a model is never served as another's word: one origin is chosen for each id.
    scheme = held[0][0].ref.scheme
    official = _OFFICIAL[scheme]
    origins = sorted({record.endpoint or "" for record, _ in held}, key=lambda origin: (origin != official, origin))
    if len(origins) > 1:
        _log.warning("%s is held from %s; only what came from %s is served.", name, ", ".join(origins), origins[0])
    ours = sorted(
        (pair for pair in held if (pair[0].endpoint or "") == origins[0]), key=lambda pair: pair[1].snapshot.verified_at
    )
    commits: dict[str, Commit] = {}
    for record, one in ours:
        revision = str(record.ref.revision)
        files = dict(commits[revision].files) if revision in commits else {}
        for file in one.snapshot.files:
            files[file.path] = _shelf_file(record, file)
            _remember(places, files[file.path], one.snapshot, file)
        ordered = {path: files[path] for path in sorted(files, key=str.encode)}
        commits[revision] = Commit(id=revision, files=ordered, date=_date(record, one.snapshot))
    newest, last = ours[-1]
    # Without word of the default branch, or where that commit is not held, it is the one that was verified last.
    main = last.main if last.main in commits else str(newest.ref.revision)
    return Repository(
        id=name,
        stable_id=newest.stable_id or stable_id(name),
        commits=commits,
        branches={main_of(scheme): str(main)},
        logs={main_of(scheme): tuple(reversed(commits))},
        main=main_of(scheme),
        terms=Terms(downloads=newest.downloads or 0, likes=newest.likes or 0),
    )


def _shelf_file(record: ModelRecord, file: SnapshotFile) -> ShelfFile:
    entry = record.file(file.path)
    digests = {} if entry is None else entry.digests
    if "git-sha1" in digests and "sha256" not in digests:
        return ShelfFile(path=file.path, size=file.size, oid=digests["git-sha1"], content=file.sha256)
    text = pointer(file.sha256, file.size)
    oid = hashlib.sha1(git_blob_header(len(text)) + text, usedforsecurity=False).hexdigest()
    return ShelfFile(
        path=file.path, size=file.size, oid=oid, sha256=file.sha256, pointer_size=len(text), content=file.sha256
    )


def _remember(places: dict[str, tuple[Place, ...]], entry: ShelfFile, snapshot: Snapshot, file: SnapshotFile) -> None:
    # Paths of a snapshot were checked at the store's door; they lead nowhere but below its folder.
    path = snapshot.path / file.path
    try:
        stat = path.stat()
    except OSError:
        return
    if stat.st_size == file.size:
        place = Place(path=path, stamp=(stat.st_size, stat.st_mtime_ns, stat.st_ino))
        places[entry.digest] = (*places.get(entry.digest, ()), place)


def _date(record: ModelRecord, snapshot: Snapshot) -> datetime:
    return record.updated_at or snapshot.verified_at


def _named(text: str) -> tuple[str | None, str]:
    """Scheme and id of a model; None for the scheme where an id alone was given."""
    if ":" not in text:
        return None, text
    ref = Ref.parse(text)
    return ref.scheme, ref.id
