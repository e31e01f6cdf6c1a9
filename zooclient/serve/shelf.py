"""What a server serves: repositories, each a set of immutable commits and the names that point at them.

A :class:`Shelf` answers from records; it is asked for a place in the file system only by digest. No name that a
client sends is ever joined to a path, so no client can leave the shelf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from attrs import field, frozen

from zooclient.serve.civitai.offer import Offer
from zooclient.serve.modelscope_profile import Profile
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.served import Served

#: What the Hub states as the creation time of everything older than its records. A folder keeps no such time,
#: and an id made from it is the same after a restart.
FLOOR = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)


@frozen(kw_only=True)
class ShelfFile:
    """One file of a commit.

    Attributes:
        path: POSIX path below the root of the repository.
        size: Bytes of the content.
        oid: 40 hex. Git blob sha1 of the content, or of the pointer text where ``sha256`` is set.
        sha256: 64 hex of the content of a large file (git LFS). None: git holds the content itself.
        pointer_size: Bytes of the pointer text; 0 where there is none.
        content: 64 hex, the sha256 of the content, however it is kept; what zoos state that do not speak git's ids.
    """

    path: str
    size: int
    oid: str
    sha256: str | None = None
    pointer_size: int = 0
    content: str

    @property
    def digest(self) -> str:
        """What the content is kept under: sha256 for a large file, the git blob sha1 for any other."""
        return self.sha256 or self.oid


@frozen(kw_only=True)
class Commit:
    """One immutable state of a repository.

    Attributes:
        id: 40 hex, see :func:`commit_id`.
        files: By path, sorted by the UTF-8 bytes of the path.
        date: When its newest file was written, aware UTC.
        title: First line of what was said about it.
    """

    id: str
    files: Mapping[str, ShelfFile] = field(hash=False)
    date: datetime
    title: str = "Update"


@frozen(kw_only=True)
class Terms:
    """Who may have a repository, and what is told about its use.

    Attributes:
        gated: ``False``, ``"auto"`` (a click lets one in) or ``"manual"`` (its authors do).
        private: Only ``readers`` know that it is there.
        internal: Whoever is logged in knows that it is there, and nobody else.
        disabled: Its bytes are withheld from all.
        readers: Names of accounts that were let in.
        pending: Names of accounts that asked and wait.
        masked: Digests in listings are hidden from those who may not have the bytes.
        downloads: Count that listings tell.
        likes: Count that listings tell.
        trending: Score that the default order of listings goes by.
        demos: Ids of Spaces that show it at work.
        offer: What Civitai alone knows of it.
        hosted: What Replicate alone knows of it.
        profile: What ModelScope alone knows of it.
        served: How it is run at the inference APIs of the Hub and of ModelScope. None: nobody runs it.
    """

    gated: Literal[False, "auto", "manual"] = False
    private: bool = False
    internal: bool = False
    disabled: bool = False
    readers: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    masked: bool = False
    downloads: int = 0
    likes: int = 0
    trending: int = 0
    demos: tuple[str, ...] = ()
    offer: Offer = field(factory=Offer)
    hosted: Hosted = field(factory=Hosted)
    profile: Profile = field(factory=Profile)
    served: Served | None = None


@frozen(kw_only=True)
class Repository:
    """A repository as it is at this moment.

    Attributes:
        id: ``owner/name``.
        stable_id: 24 hex that survive a rename.
        commits: Every commit still known, by id.
        branches: Name to commit id; the default one is always among them.
        tags: Name to commit id.
        pulls: Number of a pull request to commit id.
        logs: Branch to its commit ids, newest first.
        terms: Who may have it.
        main: Name of the default branch.
    """

    id: str
    stable_id: str
    commits: Mapping[str, Commit] = field(hash=False, repr=False)
    branches: Mapping[str, str] = field(hash=False)
    tags: Mapping[str, str] = field(factory=dict, hash=False)
    pulls: Mapping[str, str] = field(factory=dict, hash=False)
    logs: Mapping[str, tuple[str, ...]] = field(factory=dict, hash=False, repr=False)
    terms: Terms = Terms()
    main: str = "main"

    def find(self, revision: str) -> Commit | None:
        """Returns the commit that a branch, a tag, a ``refs/…`` name, a commit id or a unique short one names."""
        target = self._named(revision)
        if target is None and _is_hex(revision) and 7 <= len(revision) <= 40:
            matches = [commit for commit in self.commits if commit.startswith(revision)]
            target = matches[0] if len(matches) == 1 else None
        return None if target is None else self.commits.get(target)

    def _named(self, revision: str) -> str | None:
        for prefix, names in (("refs/heads/", self.branches), ("refs/tags/", self.tags), ("refs/pr/", self.pulls)):
            if revision.startswith(prefix):
                return names.get(revision.removeprefix(prefix))
        return self.branches.get(revision) or self.tags.get(revision)


@frozen(kw_only=True)
class Place:
    """Where bytes lie, and how to tell that they are still the ones that were hashed.

    Attributes:
        path: A file.
        stamp: Size, mtime in ns and inode when it was hashed.
    """

    path: Path
    stamp: tuple[int, int, int]


class Shelf(Protocol):
    """A set of repositories. Safe between threads."""

    def at(self, scheme: str) -> Shelf:
        """This shelf as the zoo of ``scheme`` shows it: with commits and a default branch of its own.

        Raises:
            Unsupported: Nothing that is held here can be shown as that zoo's.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """The ids of all repositories, sorted."""
        ...

    def canonical(self, name: str) -> str | None:
        """The id that ``name`` (another case, an older name) leads to; None when it leads nowhere."""
        ...

    def repository(self, name: str) -> Repository | None:
        """The repository with exactly this id as it is now; None when there is none."""
        ...

    def place(self, digest: str) -> Place | None:
        """Where the content with this :attr:`ShelfFile.digest` lies; None when its bytes are gone."""
        ...


def main_of(scheme: str) -> str:
    """Returns the name that a zoo's default branches have."""
    return "master" if scheme == "modelscope" else "main"


def commit_id(files: Mapping[str, ShelfFile]) -> str:
    """Returns the id of the state that holds exactly these files.

    It is the sha1 over one line ``path NUL size NUL digest LF`` a file, sorted by the UTF-8 bytes of the path: the
    same files are the same commit, on whichever machine and after whatever detour.
    """
    listing = hashlib.sha1(usedforsecurity=False)
    for path in sorted(files, key=str.encode):
        entry = files[path]
        listing.update(f"{path}\0{entry.size}\0{entry.digest}\n".encode())
    return listing.hexdigest()


def stable_id(name: str) -> str:
    """Returns the 24-hex id of a repository first seen under ``name``; its first half is a time, as at the Hub."""
    return f"{int(FLOOR.timestamp()):08x}" + hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:16]


def pointer(sha256: str, size: int) -> bytes:
    """Returns the text that git keeps in place of a large file (git-lfs specification, version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def _is_hex(text: str) -> bool:
    return bool(text) and all(character in "0123456789abcdef" for character in text)
