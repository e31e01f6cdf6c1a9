"""A folder of models as a shelf: ``DIR/owner/name/…``, each immutable state of a model's folder a commit.

The folder is looked at whenever a moving name is asked for; a state that was not seen before becomes a commit, and
``main`` moves to it. Commits that were seen stay known as long as the shelf lives. Their bytes stay as long as either
the file still lies unchanged in the folder, or it was small enough to be copied aside when it was first seen
(``keep_limit``); a hard link would not keep them, because a file written in place changes under every link. A large
file that was overwritten is gone, and is answered like a file that is not there. The folder itself is never written.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve, frozen

from zooclient.errors import Cancelled, ConfigError, StoreError
from zooclient.records.digest import git_blob_header
from zooclient.serve.attributes import Attributes
from zooclient.serve.mirrored import Mirrored
from zooclient.serve.shelf import Commit, Place, Repository, Shelf, ShelfFile, Terms, commit_id, pointer, stable_id

_log = logging.getLogger(__name__)

#: One half of a repository id at the Hub.
_NAME = re.compile(r"(?!.*(?:--|\.\.))(?![-.])[A-Za-z0-9_.-]{1,96}(?<![-.])")

#: Folders that the Hub refuses in a repository, and that clients leave behind in one.
_NEVER = frozenset({".git", ".cache"})

#: Nanoseconds that must lie between a file's mtime and its hashing before the mtime is trusted to tell of a later
#: change: clocks of file systems tick, and two writes within one tick look alike.
_TICK = 50_000_000

_BLOCK = 1024 * 1024


@frozen(kw_only=True)
class _Found:
    path: str
    place: Path
    stamp: tuple[int, int, int]


@frozen(kw_only=True)
class _Digests:
    sha256: str
    git: str | None

    @property
    def kept(self) -> str:
        """What the content is kept under."""
        return self.git or self.sha256


class _State:
    """What is remembered of one repository. Guarded by the lock of its shelf."""

    def __init__(self, name: str) -> None:
        self.stable_id = stable_id(name)
        self.seen: str | None = None
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.pulls: dict[str, str] = {}
        self.logs: dict[str, list[str]] = {}
        self.terms = Terms()

    def move(self, branch: str, commit: Commit) -> None:
        self.commits[commit.id] = commit
        self.branches[branch] = commit.id
        log = self.logs.setdefault(branch, [])
        if not log or log[0] != commit.id:
            log.insert(0, commit.id)


class FolderShelf:
    """A folder of models, and what was committed to it through :meth:`commit`.

    Args:
        root: The folder that holds ``owner/name/…``. None: nothing but what is committed.
        keep_limit: Bytes up to which a file is copied aside, so that older commits can still be served.

    Raises:
        ConfigError: ``root`` is no folder.
    """

    def __init__(self, root: Path | None, *, keep_limit: int = _BLOCK) -> None:
        if root is not None and not root.is_dir():
            raise ConfigError(f"{str(root)!r} is not a folder that could be served.")
        self._root = root
        self._keep_limit = keep_limit
        self._lock = threading.RLock()
        self._states: dict[str, _State] = {}
        self._moved: dict[str, str] = {}
        self._removed: set[str] = set()
        self._hashes: dict[tuple[Path, tuple[int, int, int], bool], _Digests] = {}
        self._places: dict[str, tuple[Place, ...]] = {}
        self._keep: tempfile.TemporaryDirectory[str] | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """Removes what was copied aside, and stops hashing that is under way."""
        self._closed.set()
        with self._lock:
            if self._keep is not None:
                self._keep.cleanup()
                self._keep = None

    # What a server asks

    def at(self, scheme: str) -> Shelf:
        """This folder as the zoo of ``scheme`` shows it; its own commits are those of the Hub."""
        return self if scheme == "hf" else Mirrored(self, scheme)

    def names(self) -> tuple[str, ...]:
        """The ids of all repositories, sorted."""
        with self._lock:
            held = (name for name, state in self._states.items() if state.commits and state.seen is None)
            return tuple(sorted(name for name in {*self._folders(), *held} if name.casefold() not in self._moved))

    def canonical(self, name: str) -> str | None:
        """The id that ``name`` (another case, an older name) leads to; None when it leads nowhere."""
        with self._lock:
            if name.casefold() not in self._moved and self._exists(name):
                return name
            folded = {known.casefold(): known for known in self.names()}
            for _ in range(8):
                found = self._moved.get(name.casefold())
                if found is None:
                    break
                name = found
            return folded.get(name.casefold())

    def repository(self, name: str) -> Repository | None:
        """The repository as its folder is now; None when there is none.

        Raises:
            StoreError: A file cannot be read.
            Cancelled: The shelf was closed meanwhile.
        """
        with self._lock:
            folder = self._folder(name)
            if folder is not None:
                self._look(name, folder)
            state = self._states.get(name)
            if state is None or "main" not in state.branches or not self._exists(name):
                return None
            return Repository(
                id=name,
                stable_id=state.stable_id,
                commits=dict(state.commits),
                branches=dict(state.branches),
                tags=dict(state.tags),
                pulls=dict(state.pulls),
                logs={branch: tuple(log) for branch, log in state.logs.items()},
                terms=state.terms,
            )

    def place(self, digest: str) -> Place | None:
        """Where this content lies; None when its bytes were overwritten or removed."""
        # No lock: bytes flow while a large newcomer is being hashed. Tuples are replaced, never changed.
        for place in self._places.get(digest, ()):
            try:
                if _stamp(place.path.stat()) == place.stamp:
                    return place
            except OSError:
                continue
        return None

    # What an owner does

    def commit(
        self,
        name: str,
        files: Mapping[str, bytes | None],
        *,
        branch: str = "main",
        title: str = "Update",
        fresh: bool = False,
    ) -> str:
        """Moves a branch (or ``refs/pr/N``) to a new state and returns its commit id. The folder is not touched.

        Args:
            name: ``owner/name``; it comes to exist when it does not.
            files: Path to content; None removes the file. Other files stay as they are on the branch, or on
                ``main`` where the branch is new.
            branch: What moves.
            title: First line of what is said about it.
            fresh: Leave out every file that ``files`` does not name.

        Raises:
            ConfigError: The id or a path is not one that the Hub takes.
        """
        _check_name(name)
        with self._lock:
            repository = self.repository(name)
            base = None if repository is None else (repository.find(branch) or repository.find("main"))
            entries = {} if fresh or base is None else dict(base.files)
            rule = self.attributes(entries, files.get(".gitattributes"))
            for path, content in files.items():
                check_path(path)
                entries.pop(path, None)
                if content is not None:
                    entries[path] = self.put(path, content, large=rule.large(path, len(content)))
            return self.record(name, entries, branch=branch, title=title)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps everybody else from changing anything, so that what was read still holds when it is written."""
        with self._lock:
            yield

    def put(self, path: str, content: bytes, *, large: bool) -> ShelfFile:
        """Keeps a content and returns the file that it is at ``path``; no commit has it yet.

        Raises:
            ConfigError: The path is not one that a repository can hold.
        """
        check_path(path)
        hashing = _Hashing(len(content), large=large)
        hashing.update(content)
        digests = hashing.digests()
        with self._lock:
            self._write(digests.kept, content)
        return _shelf_file(path, len(content), digests)

    def adopt(self, path: str, place: Path, sha256: str) -> ShelfFile:
        """Returns the large file at ``path`` whose content lies at ``place``, which is not copied.

        Raises:
            ConfigError: The path is not one that a repository can hold.
        """
        check_path(path)
        stamp = _stamp(place.stat())
        with self._lock:
            others = (other for other in self._places.get(sha256, ()) if other.path != place)
            self._places[sha256] = (*others, Place(path=place, stamp=stamp))
        return _shelf_file(path, stamp[0], _Digests(sha256=sha256, git=None))

    def attributes(self, entries: Mapping[str, ShelfFile], given: bytes | None = None) -> Attributes:
        """Returns the rule by which a state tells large files from others; ``given`` is a new ``.gitattributes``."""
        if given is None and ".gitattributes" in entries:
            place = self.place(entries[".gitattributes"].digest)
            given = None if place is None else place.path.read_bytes()
        return Attributes(None if given is None else given.decode("utf-8", "replace"))

    def record(
        self, name: str, entries: Mapping[str, ShelfFile], *, branch: str = "main", title: str = "Update"
    ) -> str:
        """Moves a branch (or ``refs/pr/N``) to the state that holds exactly these files; returns its commit id.

        Args:
            name: ``owner/name``; it comes to exist when it does not.
            entries: Path to file.
            branch: What moves.
            title: First line of what is said about it.

        Raises:
            ConfigError: The id is not one that the Hub takes.
        """
        _check_name(name)
        with self._lock:
            state = self._states.setdefault(name, _State(name))
            commit = _commit(entries, datetime.now(UTC), title)
            if branch.startswith("refs/pr/"):
                state.commits[commit.id] = commit
                state.pulls[branch.removeprefix("refs/pr/")] = commit.id
            else:
                state.move(branch, commit)
            if "main" not in state.branches:
                state.move("main", commit)
            return commit.id

    def point(self, name: str, kind: str, ref: str, revision: str | None) -> None:
        """Sets a branch, a tag or a pull request to a revision, or removes it.

        Args:
            name: ``owner/name``.
            kind: ``branch``, ``tag`` or ``pull``.
            ref: Its name, or the number of the pull request.
            revision: Any name of the target commit. None removes it.

        Raises:
            ConfigError: There is no such repository or revision.
        """
        with self._lock:
            state = self._known(name)
            repository = self.repository(name)
            names = {"branch": state.branches, "tag": state.tags, "pull": state.pulls}[kind]
            if revision is None:
                names.pop(ref, None)
                if kind == "branch":
                    state.logs.pop(ref, None)
                return
            commit = None if repository is None else repository.find(revision)
            if commit is None:
                raise ConfigError(f"{name} has no revision {revision!r}.")
            if kind == "branch":
                state.move(ref, commit)
            else:
                names[ref] = commit.id

    def forget(self, name: str, revision: str) -> None:
        """Makes a commit vanish, as a rewritten history does.

        Raises:
            ConfigError: There is no such repository.
        """
        with self._lock:
            self._known(name).commits.pop(revision, None)

    def terms(self, name: str) -> Terms:
        """Who may have the repository.

        Raises:
            ConfigError: There is no such repository.
        """
        with self._lock:
            return self._known(name).terms

    def set_terms(self, name: str, terms: Terms) -> None:
        """Changes who may have the repository.

        Raises:
            ConfigError: There is no such repository.
        """
        with self._lock:
            self._known(name).terms = terms

    def rename(self, old: str, new: str) -> None:
        """Lets ``old`` lead to ``new``. Where ``old`` exists and ``new`` does not, the repository moves.

        Raises:
            ConfigError: Neither exists, or the new id is not one that the Hub takes.
        """
        _check_name(new)
        with self._lock:
            if new.casefold() in self._moved or not self._exists(new):
                state = self._known(old)
                state.seen = None
                self._states[new] = self._states.pop(old)
                self._moved.pop(new.casefold(), None)
            self._moved[old.casefold()] = new

    def remove(self, name: str) -> None:
        """Takes a repository away. Its folder is not touched, and not looked at any more.

        Raises:
            ConfigError: There is no such repository.
        """
        with self._lock:
            self._known(name)
            del self._states[name]
            self._removed.add(name)

    def squash(self, name: str, branch: str) -> None:
        """Leaves of a branch's history its newest state; states that nothing else names are forgotten.

        Raises:
            ConfigError: There is no such repository.
        """
        with self._lock:
            state = self._known(name)
            state.logs[branch] = [state.branches[branch]]
            named = {*state.branches.values(), *state.tags.values(), *state.pulls.values()}
            named.update(commit for log in state.logs.values() for commit in log)
            state.commits = {commit: held for commit, held in state.commits.items() if commit in named}

    def warm(self, tell: Callable[[str, int], None]) -> None:
        """Looks at every model once, so that no client waits for hashing. Calls ``tell(id, files)`` for each."""
        for name in self.names():
            repository = self.repository(name)
            if repository is not None:
                commit = repository.find("main")
                tell(name, 0 if commit is None else len(commit.files))

    # The folder

    def _exists(self, name: str) -> bool:
        """Whether it is there now. What came from the folder goes with it; what was committed stays."""
        state = self._states.get(name)
        return self._folder(name) is not None or (state is not None and state.seen is None and bool(state.commits))

    def _known(self, name: str) -> _State:
        state = None if self.repository(name) is None else self._states.get(name)
        if state is None:
            raise ConfigError(f"There is no model {name!r} here.")
        return state

    def _folders(self) -> Iterator[str]:
        if self._root is None:
            return
        for owner in _folders(self._root):
            for name in _folders(self._root / owner):
                if f"{owner}/{name}" not in self._removed:
                    yield f"{owner}/{name}"

    def _folder(self, name: str) -> Path | None:
        owner, slash, model = name.partition("/")
        if self._root is None or not slash or not _NAME.fullmatch(owner) or not _NAME.fullmatch(model):
            return None
        if name.casefold() in self._moved or name in self._removed:
            return None
        folder = self._root / owner / model
        # A file system that folds case would let two names lead to one folder: the listing decides.
        return folder if owner in _folders(self._root) and model in _folders(self._root / owner) else None

    def _look(self, name: str, folder: Path) -> None:
        found = {entry.path: entry for entry in self._walk(folder)}
        attributes = found.get(".gitattributes")
        rule = Attributes(None if attributes is None else attributes.place.read_text("utf-8", "replace"))
        entries = {
            path: self._entry(entry, large=rule.large(path, entry.stamp[0]))
            for path, entry in sorted(found.items(), key=lambda item: item[0].encode())
        }
        newest = max((entry.stamp[1] for entry in found.values()), default=0)
        commit = _commit(entries, datetime.fromtimestamp(newest / 1e9, UTC), "Update")
        state = self._states.setdefault(name, _State(name))
        if commit.id != state.seen:
            state.seen = commit.id
            state.move("main", commit)

    def _walk(self, folder: Path) -> Iterator[_Found]:
        homes = ((self._root or folder).resolve(), folder.resolve())
        pending = [(folder, "")]
        while pending:
            directory, prefix = pending.pop()
            for entry in os.scandir(directory):
                path = prefix + entry.name
                if entry.name in _NEVER or not _servable(path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((Path(entry.path), path + "/"))
                elif entry.is_file() and _at_home(entry, homes):
                    yield _Found(path=path, place=Path(entry.path), stamp=_stamp(Path(entry.path).stat()))

    def _entry(self, found: _Found, *, large: bool) -> ShelfFile:
        key = (found.place, found.stamp, large)
        digests = self._hashes.get(key)
        if digests is None:
            digests, stamp = self._hash(found.place, large=large)
            if not 0 <= time.time_ns() - stamp[1] <= _TICK:
                self._hashes[found.place, stamp, large] = digests
            found = evolve(found, stamp=stamp)
        return _shelf_file(found.path, found.stamp[0], digests)

    def _hash(self, path: Path, *, large: bool) -> tuple[_Digests, tuple[int, int, int]]:
        for _ in range(5):
            try:
                with path.open("rb") as file:
                    stamp = _stamp(os.fstat(file.fileno()))
                    hashing = _Hashing(stamp[0], large=large)
                    kept: list[bytes] = []
                    while block := file.read(_BLOCK):
                        if self._closed.is_set():
                            raise Cancelled("The server is being stopped.")
                        hashing.update(block)
                        if stamp[0] <= self._keep_limit:
                            kept.append(block)
                    if _stamp(os.fstat(file.fileno())) != stamp:
                        continue
            except OSError as error:
                raise StoreError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
            digests = hashing.digests()
            if stamp[0] <= self._keep_limit:
                self._write(digests.kept, b"".join(kept))
            else:
                others = (place for place in self._places.get(digests.kept, ()) if place.path != path)
                self._places[digests.kept] = (Place(path=path, stamp=stamp), *others)
            return digests, stamp
        raise StoreError(f"{str(path)!r} changes faster than it can be read.")

    def _write(self, digest: str, content: bytes) -> None:
        if self._closed.is_set():
            raise Cancelled("The server is being stopped.")
        if self._keep is None:
            self._keep = tempfile.TemporaryDirectory(prefix="zooclient-serve-")
        path = Path(self._keep.name) / digest
        if not path.exists():
            path.write_bytes(content)
        self._places[digest] = (Place(path=path, stamp=_stamp(path.stat())),)


class _Hashing:
    """The digests of one content as it comes: its sha256, and git's where git holds the content itself."""

    def __init__(self, size: int, *, large: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._git = None if large else hashlib.sha1(git_blob_header(size), usedforsecurity=False)

    def update(self, block: bytes) -> None:
        self._sha256.update(block)
        if self._git is not None:
            self._git.update(block)

    def digests(self) -> _Digests:
        return _Digests(sha256=self._sha256.hexdigest(), git=None if self._git is None else self._git.hexdigest())


def _shelf_file(path: str, size: int, digests: _Digests) -> ShelfFile:
    if digests.git is not None:
        return ShelfFile(path=path, size=size, oid=digests.git, content=digests.sha256)
    text = pointer(digests.sha256, size)
    oid = hashlib.sha1(git_blob_header(len(text)) + text, usedforsecurity=False).hexdigest()
    return ShelfFile(
        path=path, size=size, oid=oid, sha256=digests.sha256, pointer_size=len(text), content=digests.sha256
    )


def _commit(entries: Mapping[str, ShelfFile], date: datetime, title: str) -> Commit:
    ordered = {path: entries[path] for path in sorted(entries, key=str.encode)}
    return Commit(id=commit_id(ordered), files=ordered, date=date, title=title)


def _folders(root: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(root) if entry.is_dir() and _NAME.fullmatch(entry.name)}
    except OSError:
        return set()


def _at_home(entry: os.DirEntry[str], homes: tuple[Path, ...]) -> bool:
    """Whether a link stays within what is served: a model from elsewhere must not hand out the host's own files."""
    if not entry.is_symlink():
        return True
    target = Path(entry.path).resolve()
    if any(target.is_relative_to(home) for home in homes):
        return True
    _log.warning("%s is left out: it is a link that leads out of what is served.", entry.path)
    return False


def _servable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return all(ord(character) >= 32 and ord(character) != 127 for character in path) and "\\" not in path


def _stamp(stat: os.stat_result) -> tuple[int, int, int]:
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _check_name(name: str) -> None:
    parts = name.split("/")
    if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(f"{name!r} is not an id that the Hub takes; it wants owner/name.")


def check_path(path: str) -> None:
    """Refuses what no repository can hold, above all a path that climbs out of it.

    Raises:
        ConfigError: It is such a path.
    """
    parts = path.split("/")
    if not _servable(path) or any(part in ("", ".", "..") or part in _NEVER for part in parts):
        raise ConfigError(f"{path!r} is not a path that a repository can hold.")
