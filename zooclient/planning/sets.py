"""Weights files that belong together: one file, or all shards of one with their index."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from zooclient.planning.naming import WeightName, read_name
from zooclient.records.model import FileEntry


@frozen(kw_only=True)
class WeightSet:
    """One set of weights in one format.

    Attributes:
        name: What its files have in common; ``shard`` and ``index`` mean nothing here.
        files: In the order of the record.
        whole: Every shard is there.
    """

    name: WeightName
    files: tuple[FileEntry, ...]
    whole: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Folder, stem and variant: the same for twins in different formats."""
        return self.name.folder, self.name.stem, self.name.variant

    @property
    def label(self) -> str:
        """What to call it: the path of its only file, or its path with a star for the shards."""
        if len(self.files) == 1:
            return self.files[0].path
        path = f"{self.name.folder}/{self.name.stem}" if self.name.folder else self.name.stem
        ending = self.files[0].path.rpartition(".")[2]
        return path + (f".{self.name.variant}" if self.name.variant else "") + f"-*.{ending}"

    @property
    def size(self) -> int | None:
        """Bytes of all its files, about; None while one is unknown."""
        sizes = [entry.expected_size for entry in self.files]
        return sum(size for size in sizes if size is not None) if None not in sizes else None


def group(files: Iterable[FileEntry]) -> tuple[WeightSet, ...]:
    """Puts the weights files among ``files`` into sets, in the order of their first file."""
    found: dict[tuple[object, ...], list[tuple[WeightName, FileEntry]]] = {}
    indexes: list[tuple[WeightName, FileEntry]] = []
    for entry in files:
        name = read_name(entry)
        if name is None:
            continue
        if name.index:
            indexes.append((name, entry))
            continue
        # NAME-1-of-2 and NAME-1-of-3 are two sets, and an unnumbered NAME is a third.
        of = name.shard[1] if name.shard is not None else None
        # A file and its data (model.onnx, model.onnx_data), a bundle of files: one set each by stem.
        found.setdefault((name.folder, name.format, name.stem, name.variant, of), []).append((name, entry))
    numbered = {key[:4]: members for key, members in found.items() if key[4] is not None}
    for index, entry in indexes:
        key = (index.folder, index.format, index.stem, index.variant)
        numbered.get(key, found.setdefault((*key, "index"), [])).append((index, entry))
    return tuple(_set(members) for members in found.values() if members)


def _set(members: list[tuple[WeightName, FileEntry]]) -> WeightSet:
    shards = {name.shard for name, _ in members if name.shard is not None}
    alone = any(name.shard is None and not name.index for name, _ in members)
    whole = alone
    if shards:
        (many,) = {of for _, of in shards}
        numbers = {number for number, _ in shards}
        whole = numbers in (set(range(1, many + 1)), set(range(many)))
    return WeightSet(name=members[0][0], files=tuple(entry for _, entry in members), whole=whole)
