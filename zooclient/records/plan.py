"""What a download would do, before it does it."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import frozen

from zooclient.records.checks import check_tuples
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.wishes import Wishes


@frozen(kw_only=True)
class Reuse:
    """A file that need not be fetched.

    Attributes:
        file: The file.
        place: Where it is held: ``store``, ``read-only store``, ``huggingface cache``, ``in place``.
    """

    file: FileEntry
    place: str


@frozen(kw_only=True)
class Skip:
    """A file that is not wanted.

    Attributes:
        file: The file.
        reason: Why, in a few words.
    """

    file: FileEntry
    reason: str


@frozen(kw_only=True)
class Plan:
    """What a download would do.

    Attributes:
        record: The model, pinned.
        wishes: What was asked for.
        fetch: Files to move over the network.
        reuse: Files that are held already.
        skip: Files that are left out.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("bytes_to_fetch", "bytes_on_disk", "bytes_skipped", "approximate")

    record: ModelRecord
    wishes: Wishes
    fetch: tuple[FileEntry, ...] = ()
    reuse: tuple[Reuse, ...] = ()
    skip: tuple[Skip, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_tuples(fetch=self.fetch, reuse=self.reuse, skip=self.skip)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of the snapshot to be, in the order of the record."""
        wanted = {entry.path for entry in self.fetch} | {item.file.path for item in self.reuse}
        return tuple(entry for entry in self.record.files if entry.path in wanted)

    @property
    def bytes_to_fetch(self) -> int:
        """Bytes over the network, about; a file of unknown size counts as none."""
        return sum(entry.expected_size or 0 for entry in self.fetch)

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of the whole snapshot, about; a file of unknown size counts as none."""
        return sum(entry.expected_size or 0 for entry in self.files)

    @property
    def bytes_skipped(self) -> int:
        """Bytes that are left out, about; a file of unknown size counts as none."""
        return sum(item.file.expected_size or 0 for item in self.skip)

    @property
    def approximate(self) -> bool:
        """Whether the bytes are only about right, because the zoo does not tell every size exactly."""
        return any(entry.size is None for entry in self.record.files)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        from zooclient.records.codec import to_dict

        return to_dict(self)
