"""What is held: a whole, verified set of files of one revision, and how each was proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from zooclient.records.checks import check_count, check_hex, check_sha256, check_tuples, check_utc

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref


@frozen(kw_only=True)
class SnapshotFile:
    """One file of a snapshot.

    Attributes:
        path: POSIX path below the snapshot's folder.
        size: Bytes.
        sha256: Lower-case hex, computed on arrival.
        role: As on ``FileEntry``.
        claimed: The zoo stated a digest and it agreed; False: the sha256 is only what we observed.
    """

    path: str
    size: int
    sha256: str
    role: str = "other"
    claimed: bool = True

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_hex("sha256", "sha256", self.sha256)


def _time_text(value: datetime | str) -> str:
    if isinstance(value, str):
        return value
    check_utc("verified_at", value)
    return value.isoformat()


@frozen(kw_only=True)
class Snapshot:
    """A whole, verified set of files of one revision.

    Attributes:
        ref: The pinned reference.
        path: The folder that holds exactly these files; a ``Path`` whether it was given as one or as text.
        files: In the order of the record.
        content_digest: ``sha256:HEX`` over all files, see :mod:`zooclient.records.digest`.
        weights_digest: ``sha256:HEX`` over the weights; None when there are none.
        verified_at: When every byte was last hashed, an aware ``datetime`` in UTC; given as one, or in ISO 8601.
    """

    ref: Ref
    _path: str = field(converter=str, alias="path")
    files: tuple[SnapshotFile, ...]
    content_digest: str
    weights_digest: str | None
    _verified_at: str = field(converter=_time_text, alias="verified_at")
    _read_record: Callable[[], ModelRecord] = field(repr=False, eq=False, alias="read_record")

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files)
        check_sha256("content_digest", self.content_digest)
        check_sha256("weights_digest", self.weights_digest)

    # A warm load of text needs neither a Path nor a datetime, each of which costs it a millisecond or two.

    @property
    def path(self) -> Path:
        """The folder that holds exactly these files."""
        from pathlib import Path

        return Path(self._path)

    @property
    def verified_at(self) -> datetime:
        """When every byte was last hashed, aware UTC."""
        from datetime import datetime

        return datetime.fromisoformat(self._verified_at)

    @property
    def record(self) -> ModelRecord:
        """What the zoo claimed, read from the store when asked for."""
        return self._read_record()

    def __fspath__(self) -> str:
        return self._path

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ref": str(self.ref),
            "path": self._path,
            "files": [
                {"path": f.path, "size": f.size, "sha256": f.sha256, "role": f.role, "claimed": f.claimed}
                for f in self.files
            ],
            "content_digest": self.content_digest,
            "weights_digest": self.weights_digest,
            "verified_at": self.verified_at.isoformat().replace("+00:00", "Z"),
        }
