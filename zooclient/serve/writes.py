"""What clients write: new repositories, the contents of large files, and commits. The same for every zoo.

A zoo's protocol says who may write and in which words it refuses; what is written is here. The content of a large
file comes before the commit that names it, straight to a temporary folder of the zoo, and is kept once its sha256 and
its size are those that were promised. A commit is made as :meth:`~zooclient.serve.folder.FolderShelf.commit` makes
one. The folder that is served is never written.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

from zooclient.errors import ConfigError
from zooclient.serve.folder import FolderShelf
from zooclient.serve.mirrored import mirrored_id
from zooclient.serve.shelf import Stored, Terms, main_of


class Full(Exception):
    """There is no room left for what a client wants to write."""


class Absent(ConfigError):
    """A commit names the content of a large file that never came, or removes a file that is not there."""


class Incoming:
    """A body on its way to disk: a :class:`~zooclient.serve.exchange.Sink`.

    Args:
        path: File that it goes to; it is there once there is a byte.
        most: Bytes that are taken.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._lock = threading.Lock()
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self._kept = False
        self.size = 0

    @property
    def sha256(self) -> str:
        """Digest of what came so far, 64 hex."""
        return self._hash.hexdigest()

    def write(self, block: bytes) -> bool:
        """Takes some of it. False: that is more than is taken."""
        with self._lock:
            if self.size + len(block) > self._most or self._file.closed:
                return False
            self._file.write(block)
            self._hash.update(block)
            self.size += len(block)
            return True

    def keep(self) -> Path:
        """Ends it, and leaves the file to the caller."""
        with self._lock:
            self._kept = True
            self._file.close()
            return self._path

    def close(self) -> None:
        """Ends it, and removes the file unless somebody keeps it."""
        with self._lock:
            self._file.close()
            if not self._kept:
                self._path.unlink(missing_ok=True)


class Writes:
    """Takes what clients write, and gives it to a shelf. Safe between threads.

    Args:
        shelf: Where it goes. Not closed here.
        room: Bytes of content that clients may write in all. None: no bound.
    """

    def __init__(self, shelf: FolderShelf, *, room: int | None = None) -> None:
        self._shelf = shelf
        self._room = room
        self._lock = threading.Lock()
        self._used = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Removes every content that came. Close the shelf before."""
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    # Repositories

    def create(self, name: str, terms: Terms, files: Mapping[str, bytes]) -> bool:
        """Makes a repository; nobody sees it before its terms hold. False: the name, in whatever case, is taken.

        Args:
            name: ``owner/name``.
            terms: Who may have it.
            files: What its first commit holds.

        Raises:
            ConfigError: The name is none that a repository can have.
        """
        return self._shelf.create(name, terms, files)

    def set_terms(self, name: str, terms: Terms) -> None:
        """Changes who may have a repository.

        Raises:
            ConfigError: There is no such repository.
        """
        self._shelf.set_terms(name, terms)

    # Contents of large files

    def holds(self, content: Stored) -> bool:
        """Whether a content of this digest and size is here already, whoever sent it."""
        place = self._shelf.place(content.sha256)
        return place is not None and place.stamp[0] == content.size

    def fits(self, size: int) -> bool:
        """Whether there is room for so many bytes."""
        with self._lock:
            return self._room is None or self._used + size <= self._room

    def incoming(self, most: int) -> Incoming:
        """Returns what takes a body of ``most`` bytes at the most."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="zooclient-writes-", ignore_cleanup_errors=True)
            return Incoming(Path(self._folder.name) / uuid.uuid4().hex, most)

    def store(self, body: Incoming, content: Stored) -> bool:
        """Keeps what came. False: it is not what was promised.

        Raises:
            Full: There is no room for it.
        """
        if (body.sha256, body.size) != (content.sha256, content.size):
            return False
        if not self.holds(content):
            self._take(content.size)
            self._shelf.hold(content, body.keep())
        return True

    # Commits

    def commit(
        self, name: str, files: Mapping[str, bytes | Stored | None], *, zoo: str, branch: str, title: str
    ) -> None:
        """Moves a branch to a new state; the other files stay.

        Args:
            name: ``owner/name``.
            files: Path to content; None removes the file.
            zoo: Scheme of the zoo that is told, by whose name for the default branch ``branch`` goes.
            branch: What moves, by its name there.
            title: First line of what is said about it.

        Raises:
            Absent: A content never came, or a file to be removed is not there.
            ConfigError: A path is none that a repository can hold.
            Full: There is no room for it.
        """
        here = "main" if branch == main_of(zoo) else branch
        repository = self._shelf.repository(name)
        commit = None if repository is None else repository.find(here)
        before = {} if commit is None else commit.files
        for path, content in files.items():
            if content is None and path not in before:
                raise Absent(f"{path!r} is not there to be removed.")
            if isinstance(content, Stored) and not self.holds(content):
                raise Absent(f"The content {content.sha256} of {path!r} never came.")
        _check_folders({*before, *files} - {path for path, content in files.items() if content is None})
        self._take(sum(len(content) for content in files.values() if isinstance(content, bytes)))
        self._shelf.commit(name, files, branch=here, title=title)

    def tag(self, name: str, tag: str, commit: str, *, zoo: str) -> None:
        """Sets a tag to a commit.

        Args:
            name: ``owner/name``.
            tag: Its name.
            commit: Id of the commit as the zoo tells it.
            zoo: Scheme of the zoo.

        Raises:
            ConfigError: There is no such repository or commit.
        """
        repository = self._shelf.repository(name)
        known = () if repository is None else repository.commits
        self._shelf.point(name, "tag", tag, next((id for id in known if mirrored_id(zoo, id) == commit), commit))

    def _take(self, size: int) -> None:
        with self._lock:
            if self._room is not None and self._used + size > self._room:
                raise Full
            self._used += size


def _check_folders(paths: set[str]) -> None:
    """Refuses what no file system holds: a file and a folder of one name."""
    for path in paths:
        for end in (end for end, character in enumerate(path) if character == "/"):
            if path[:end] in paths:
                raise ConfigError(f"{path[:end]!r} is a file and a folder.")
