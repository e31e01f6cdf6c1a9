"""Where else the bytes of a model's files lie, each place proved by digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from zooclient.errors import ZooError
from zooclient.records.checks import check_tuples
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.ref import Ref

#: How a copy was found: under the same ``name`` or an owner's other one, by a ``search`` for the name, by its
#: ``digest``, or among the records that the store has ``seen``.
Found = Literal["name", "search", "digest", "seen"]


@frozen(kw_only=True)
class FileCopy:
    """A file of another model, or of the same one at another zoo, with the same bytes.

    Attributes:
        path: Path of the file that was asked about.
        record: What the other zoo claims about the model that has it.
        file: The file there, with the same sha256; its path may be another.
        found: How it was found: ``name``, ``search``, ``digest`` or ``seen``.
    """

    path: str
    record: ModelRecord = field(repr=False)
    file: FileEntry
    found: Found

    @property
    def ref(self) -> Ref:
        """Pinned reference of the model that has it."""
        return self.record.ref

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "path": self.path,
            "ref": str(self.ref),
            "file": self.file.path,
            "size": self.file.size,
            "sha256": self.file.digests["sha256"],
            "access": self.record.access.state,
            "found": self.found,
        }


@frozen(kw_only=True)
class Sources:
    """Where else the files of a record lie.

    Attributes:
        ref: Pinned reference of the record that was asked about.
        copies: Every place that was found, by file in the order of the record, best first.
        alone: Paths of files that nobody who was asked has.
        unproved: Paths of files without a sha256: that another file is the same cannot be proved.
        asked: Schemes of the zoos that were asked, in that order.
        problems: Scheme → why a zoo could not be asked, or not for everything.
    """

    ref: Ref
    copies: tuple[FileCopy, ...] = ()
    alone: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    problems: Mapping[str, ZooError] = field(factory=dict, hash=False)

    def __attrs_post_init__(self) -> None:
        check_tuples(copies=self.copies, alone=self.alone, unproved=self.unproved, asked=self.asked)

    def of(self, path: str) -> tuple[FileCopy, ...]:
        """Returns the places that have a file, best first."""
        return tuple(copy for copy in self.copies if copy.path == path)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {
            "ref": str(self.ref),
            "copies": [copy.to_dict() for copy in self.copies],
            "alone": list(self.alone),
            "unproved": list(self.unproved),
            "asked": list(self.asked),
            "problems": {scheme: error.message for scheme, error in self.problems.items()},
        }
