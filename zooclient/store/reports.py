"""What the store tells about itself: what is held, what it takes, what was freed, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from zooclient.records.ref import Ref


@frozen(kw_only=True)
class CacheEntry:
    """One snapshot that is held.

    Attributes:
        ref: The pinned reference.
        zoo: The server that claimed it: scheme, or ``scheme+8hex`` where it is not the official one.
        path: Its folder.
        content_digest: ``sha256:HEX``.
        weights_digest: ``sha256:HEX``; None when it holds no weights.
        files: Number of files.
        size: Bytes of all files.
        selections: The wishes that it answers, as :meth:`~zooclient.records.wishes.Wishes.key` spells them.
        made_at: When it was built, aware UTC.
        verified_at: When every byte was last hashed, aware UTC.
        access: Access state that its record tells, such as ``open`` or ``gated``. None when there is no record.
            Whoever serves or exports a store leaves out what is not ``open``, unless it is named.
        place: ``store``, or ``read-only store``.
    """

    ref: Ref
    zoo: str
    path: Path
    content_digest: str
    weights_digest: str | None
    files: int
    size: int
    selections: tuple[str, ...]
    made_at: datetime
    verified_at: datetime
    access: str | None
    place: str

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ref": str(self.ref),
            "zoo": self.zoo,
            "path": str(self.path),
            "content_digest": self.content_digest,
            "weights_digest": self.weights_digest,
            "files": self.files,
            "size": self.size,
            "selections": list(self.selections),
            "made_at": self.made_at.isoformat(),
            "verified_at": self.verified_at.isoformat(),
            "access": self.access,
            "place": self.place,
        }


@frozen(kw_only=True)
class Usage:
    """What a store takes on the disk, in bytes; a file with several names counts once, in the first group it is in.

    Attributes:
        blobs: Contents.
        snapshots: What snapshots hold beyond the contents: copies.
        unfinished: What was not fetched to its end, or is being built.
        damaged: What was set aside.
    """

    blobs: int
    snapshots: int
    unfinished: int
    damaged: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.blobs + self.snapshots + self.unfinished + self.damaged

    def to_dict(self) -> dict[str, int]:
        """Returns plain JSON values."""
        return {
            "blobs": self.blobs,
            "snapshots": self.snapshots,
            "unfinished": self.unfinished,
            "damaged": self.damaged,
            "total": self.total,
        }


@frozen(kw_only=True)
class Pruned:
    """What pruning freed, or would free.

    Attributes:
        snapshots: Snapshots that were removed for their age.
        contents: Number of contents that no snapshot holds.
        unfinished: Number of unfinished files and abandoned builds.
        damaged: Number of damaged files and folders.
        bytes_freed: Bytes on the disk.
        dry_run: Nothing was done.
    """

    snapshots: tuple[CacheEntry, ...]
    contents: int
    unfinished: int
    damaged: int
    bytes_freed: int
    dry_run: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "snapshots": [entry.to_dict() for entry in self.snapshots],
            "contents": self.contents,
            "unfinished": self.unfinished,
            "damaged": self.damaged,
            "bytes_freed": self.bytes_freed,
            "dry_run": self.dry_run,
        }


@frozen(kw_only=True)
class Checked:
    """What was found of one file.

    Attributes:
        ref: Pinned reference of the snapshot.
        path: POSIX path within the snapshot.
        file: The file.
        size: Bytes that it must have.
        sha256: Digest that it must have.
        observed: Digest that it has. None when it cannot be read.
        state: ``ok``, ``damaged`` (other bytes) or ``missing`` (not there, or it cannot be read).
        claimed: The zoo stated a digest when it was fetched; False: only what we observed then is compared.
    """

    ref: Ref
    path: str
    file: Path
    size: int
    sha256: str
    observed: str | None
    state: Literal["ok", "damaged", "missing"]
    claimed: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ref": str(self.ref),
            "path": self.path,
            "file": str(self.file),
            "size": self.size,
            "sha256": self.sha256,
            "observed": self.observed,
            "state": self.state,
            "claimed": self.claimed,
        }


@frozen(kw_only=True)
class Verdict:
    """What hashing again found.

    Attributes:
        files: Every file that was looked at, snapshot by snapshot.
        verified_at: When it began, aware UTC.
    """

    files: tuple[Checked, ...]
    verified_at: datetime

    @property
    def ok(self) -> bool:
        """Whether every file has the bytes that it must have."""
        return all(file.state == "ok" for file in self.files)

    @property
    def bad(self) -> tuple[Checked, ...]:
        """The files that have not."""
        return tuple(file for file in self.files if file.state != "ok")

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ok": self.ok,
            "verified_at": self.verified_at.isoformat(),
            "size": self.size,
            "files": [file.to_dict() for file in self.files],
        }


@frozen(kw_only=True)
class Holder:
    """A file of a model that the store remembers, though it may hold no byte of it.

    Attributes:
        ref: The pinned reference.
        zoo: The server that claimed it: scheme, or ``scheme+8hex`` where it is not the official one.
        path: POSIX path of the file in the model.
        size: Bytes. None where the zoo does not say.
        digests: Digests of the whole file, as on ``FileEntry``.
        hashes: Further hashes that the zoo tells, under its own names, in lower case: of parts of the file, or the
            first digits of a digest. They prove nothing.
        title: Name of the model to show. None when it is not told.
        claimed: The zoo states these digests; False: the sha256 is what we observed when its bytes came.
    """

    ref: Ref
    zoo: str
    path: str
    size: int | None
    digests: Mapping[str, str] = field(hash=False)
    hashes: Mapping[str, str] = field(factory=dict, hash=False)
    title: str | None = None
    claimed: bool = True
