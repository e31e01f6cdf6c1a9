"""What a local file was found to be: its digests, and the files of models that have the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from zooclient.records.checks import check_count, check_tuples
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.errors import ZooError


@frozen(kw_only=True)
class Match:
    """A file of a model that has the hash of a local file.

    Attributes:
        ref: The model at its pinned revision.
        zoo: The server that says so: scheme, or ``scheme+8hex`` where it is not the official one.
        path: POSIX path of the file in the model. None where the zoo's answer does not tell.
        title: Name of the model to show. None when not told.
        by: Hash that agrees: ``sha256``, ``git-sha1``, ``blake3``, ``autov3``, ``autov2``, ``autov1`` or ``crc32``.
        proved: The hash is a full one over the whole file, one of the first three. False: it is short, or over a part
            of the file, so that it may be another one; the same ``autov3`` means the same tensors, most likely.
        source: Who says so: a ``record`` that the store remembers, a ``snapshot`` of the store (then the zoo states no
            such digest, and we computed it when the bytes came), or the ``zoo``, asked just now.
    """

    ref: Ref
    zoo: str
    path: str | None = None
    title: str | None = None
    by: str
    proved: bool
    source: Literal["record", "snapshot", "zoo"]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ref": str(self.ref),
            "zoo": self.zoo,
            "path": self.path,
            "title": self.title,
            "by": self.by,
            "proved": self.proved,
            "source": self.source,
        }


@frozen(kw_only=True)
class Identified:
    """A local file, and what it was found to be.

    Attributes:
        path: The file, as it was named or found.
        size: Bytes. None when it cannot be read.
        digests: ``sha256 | git-sha1 | blake3 | autov1 | autov2 | autov3 | crc32`` to lower-case hex, as far as they
            apply; empty when it cannot be read.
        matches: What has the same hashes, what is proved first.
        problem: Why it cannot be read. None when it was.
    """

    path: Path
    size: int | None = None
    digests: Mapping[str, str] = field(factory=dict, hash=False)
    matches: tuple[Match, ...] = ()
    problem: str | None = None

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_tuples(matches=self.matches)

    @property
    def known(self) -> bool:
        """Whether some match is proved."""
        return any(match.proved for match in self.matches)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "path": str(self.path),
            "size": self.size,
            "known": self.known,
            "digests": dict(self.digests),
            "matches": [match.to_dict() for match in self.matches],
            "problem": self.problem,
        }


@frozen(kw_only=True)
class Identification:
    """What local files were found to be.

    Attributes:
        files: Every file, in the order in which they were named; those of a folder sorted by name.
        problems: Scheme of a zoo that could not be asked → why. What the others know is told all the same.
    """

    files: tuple[Identified, ...] = ()
    problems: Mapping[str, ZooError] = field(factory=dict, hash=False)

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files)

    @property
    def ok(self) -> bool:
        """Whether every file is known."""
        return all(file.known for file in self.files)

    @property
    def unknown(self) -> tuple[Identified, ...]:
        """The files of which no match is proved."""
        return tuple(file for file in self.files if not file.known)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ok": self.ok,
            "files": [file.to_dict() for file in self.files],
            "problems": {zoo: error.message for zoo, error in self.problems.items()},
        }
