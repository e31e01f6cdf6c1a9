"""Where uploads to ModelScope go: blobs first, then the commits that name them.

A blob comes before the commit, straight to a temporary folder of the zoo, and is kept once its sha256 and its size
are those that were promised. A commit is made as :meth:`~zooclient.serve.folder.FolderShelf.commit` makes one. The
folder that is served is never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zooclient.errors import ConfigError
from zooclient.serve.exchange import Received
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.mirrored import mirrored_id
from zooclient.serve.modelscope_orders import Blob, Creation, made
from zooclient.serve.shelf import ShelfFile, main_of

_MAIN = main_of("modelscope")


class Full(Exception):
    """There is no room left for what a client wants to write."""


class Absent(Exception):
    """A commit names a blob that never came, or removes a file that is not there."""


class Keeping:
    """Puts what clients write where it is kept. Safe between threads.

    Args:
        writable: What is written.
    """

    def __init__(self, writable: Writable) -> None:
        self._writable = writable
        self._shelf = writable.shelf

    def create(self, creation: Creation, files: Mapping[str, bytes]) -> bool:
        """Makes a model; nobody sees it before its terms hold. False: the name, in whatever case, is taken.

        Args:
            creation: What is made.
            files: What its first commit holds.

        Raises:
            ConfigError: The name is none that a model can have.
        """
        with self._shelf.held():
            if self._shelf.canonical(creation.id) is not None:
                return False
            self._shelf.commit(creation.id, files, title="Initial commit", fresh=True)
            members = self._writable.members(creation.id.partition("/")[0])
            self._shelf.set_terms(creation.id, made(creation, members))
            return True

    def holds(self, name: str, blob: Blob) -> bool:
        """Whether a blob is here already: some commit of any model has it, or it was sent to this one.

        As at the zoo, whoever knows the digest of a blob need not have its bytes to commit it.
        """
        return self._lies(name, blob) is not None

    def fits(self, name: str, size: int) -> bool:
        """Whether the owner of a model has room for so many bytes more."""
        quota, owner = self._writable.quota, name.partition("/")[0]
        return not size or quota is None or self._writable.used(owner) + size <= quota

    def store(self, name: str, blob: Blob, body: Received) -> bool:
        """Keeps a blob that came for a model. False: it is not what was promised.

        Raises:
            Full: There is no room for it.
        """
        if (body.sha256, body.size) != (blob.sha256, blob.size):
            return False
        with self._shelf.held():
            if self._lies(name, blob) is None:
                if self._writable.objects.full or not self.fits(name, blob.size):
                    raise Full
                self._writable.objects.add(self._id(name), blob.sha256, body.path, body.size)
        return True

    def commit(self, name: str, files: Mapping[str, bytes | Blob | None], *, branch: str, title: str) -> None:
        """Moves a branch to a new state: all of it, or nothing. The other files stay as they are at that moment.

        Args:
            name: ``owner/name``.
            files: Path to content; None removes the file.
            branch: What moves, by its name here.
            title: First line of what is said about it.

        Raises:
            Absent: A blob never came, or a file to be removed is not there.
            ConfigError: A path is none that a repository can hold.
            Full: There is no room for it.
        """
        with self._shelf.held():
            repository = self._shelf.repository(name)
            here = "main" if branch == _MAIN else branch
            commit = None if repository is None else repository.find(here)
            entries = {} if commit is None else dict(commit.files)
            for path in [path for path, content in files.items() if content is None]:
                if entries.pop(path, None) is None:
                    raise Absent(path)
            news = {path: content for path, content in files.items() if content is not None}
            _check_folders({*entries, *news})
            if not self.fits(name, sum(len(content) for content in news.values() if isinstance(content, bytes))):
                raise Full
            entries |= {path: self._entry(name, path, content) for path, content in news.items()}
            self._shelf.record(name, entries, branch=here, title=title)

    def tag(self, name: str, tag: str, commit: str) -> None:
        """Sets a tag to a commit, by its id here.

        Raises:
            ConfigError: There is no such model or commit.
        """
        repository = self._shelf.repository(name)
        known = () if repository is None else repository.commits
        there = next((id for id in known if mirrored_id("modelscope", id) == commit), commit)
        self._shelf.point(name, "tag", tag, there)

    def _entry(self, name: str, path: str, content: bytes | Blob) -> ShelfFile:
        if isinstance(content, bytes):
            return self._shelf.put(path, content, large=False)
        place = self._lies(name, content)
        if place is None:
            raise Absent(path)
        return self._shelf.adopt(path, place, content.sha256)

    def _lies(self, name: str, blob: Blob) -> Path | None:
        place = self._shelf.place(blob.sha256)
        if place is not None:
            return place.path if place.stamp[0] == blob.size else None
        sent = self._writable.objects.get(self._id(name), blob.sha256)
        return sent.path if sent is not None and sent.size == blob.size else None

    def _id(self, name: str) -> str:
        repository = self._shelf.repository(name)
        return "" if repository is None else repository.stable_id


def _check_folders(paths: set[str]) -> None:
    """Refuses what no file system holds: a file and a folder of one name."""
    for path in paths:
        for end in (end for end, character in enumerate(path) if character == "/"):
            if path[:end] in paths:
                raise ConfigError(f"{path[:end]!r} is a file and a folder.")
