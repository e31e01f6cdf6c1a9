"""What clients write: new repositories, the contents of large files, and commits. The same for every zoo.

A zoo's protocol says who may write and in which words it refuses; what is written is here. The content of a large
file comes before the commit that names it, straight to a temporary folder of the zoo, and is kept once its sha256 and
its size are those that were promised. A commit is made as :meth:`~zooclient.serve.folder.FolderShelf.commit` makes
one. The folder that is served is never written.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from zooclient.errors import ConfigError
from zooclient.serve.exchange import Intake, Received
from zooclient.serve.folder import FolderShelf
from zooclient.serve.mirrored import mirrored_id
from zooclient.serve.shelf import ShelfFile, Stored, Terms, main_of


class Full(Exception):
    """There is no room left for what a client wants to write."""


class Absent(ConfigError):
    """A commit names the content of a large file that never came, or removes a file that is not there."""


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
        self._stored: dict[str, Path] = {}
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
        with self._shelf.held():
            if self._shelf.canonical(name) is not None:
                return False
            self._shelf.commit(name, files, title="Initial commit")
            self._shelf.set_terms(name, terms)
            return True

    def set_terms(self, name: str, terms: Terms) -> None:
        """Changes who may have a repository.

        Raises:
            ConfigError: There is no such repository.
        """
        self._shelf.set_terms(name, terms)

    # Contents of large files

    def holds(self, content: Stored) -> bool:
        """Whether a content of this digest and size is here already, whoever sent it."""
        return self._lies(content) is not None

    def fits(self, size: int) -> bool:
        """Whether there is room for so many bytes more."""
        with self._lock:
            return self._room is None or self._used + size <= self._room

    def intake(self, most: int) -> Intake:
        """Returns where a body of ``most`` bytes at the most goes while it comes."""
        return Intake(folder=self._home(), most=most)

    def store(self, body: Received, content: Stored) -> bool:
        """Keeps what came. False: it is not what was promised.

        Raises:
            Full: There is no room for it.
        """
        if (body.sha256, body.size) != (content.sha256, content.size):
            return False
        with self._shelf.held():
            if self._lies(content) is None:
                self._take(content.size)
                self._stored[content.sha256] = body.path.replace(self._home() / content.sha256)
        return True

    def _home(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="zooclient-writes-", ignore_cleanup_errors=True)
            return Path(self._folder.name)

    def _lies(self, content: Stored) -> Path | None:
        """Where a content lies that came, or that a commit has."""
        place = self._shelf.place(content.sha256)
        path = self._stored.get(content.sha256) if place is None else place.path
        return path if path is not None and path.stat().st_size == content.size else None

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
        with self._shelf.held():
            repository = self._shelf.repository(name)
            commit = None if repository is None else repository.find(here)
            entries = {} if commit is None else dict(commit.files)
            for path in [path for path, content in files.items() if content is None]:
                if entries.pop(path, None) is None:
                    raise Absent(f"{path!r} is not there to be removed.")
            news = {path: content for path, content in files.items() if content is not None}
            _check_folders({*entries, *news})
            self._take(sum(len(content) for content in news.values() if isinstance(content, bytes)))
            for path, content in news.items():
                entries[path] = self._entry(path, content)
            self._shelf.record(name, entries, branch=here, title=title)

    def _entry(self, path: str, content: bytes | Stored) -> ShelfFile:
        if isinstance(content, bytes):
            return self._shelf.put(path, content, large=False)
        place = self._lies(content)
        if place is None:
            raise Absent(f"The content {content.sha256} of {path!r} never came.")
        return self._shelf.adopt(path, place, content.sha256)

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
