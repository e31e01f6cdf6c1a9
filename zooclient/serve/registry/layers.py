"""Layers: tar archives of files, packed or not. Pure but for the files that are read.

The same files make the same archive on every machine: times and owners are zero. What zlib makes of it may differ
from one of its versions to the next.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

from attrs import field, frozen

#: Called with what a shelf keeps a content under, yields the content. Raises ``LookupError`` where it is gone.
Read = Callable[[str], Iterator[bytes]]

Packing = Literal["tar", "gzip"]

_END: Final = bytes(1024)
_BLOCK: Final = 512
#: Packs large files in a bearable time.
_LEVEL: Final = 1


@frozen(kw_only=True)
class Member:
    """A file of an archive.

    Attributes:
        path: Below the root of the image, without a slash before it.
        size: Bytes.
        digest: What a shelf keeps the content under. None: it is here.
        content: The content.
    """

    path: str
    size: int
    digest: str | None = None
    content: bytes = field(default=b"", repr=False)


def member(path: str, content: bytes) -> Member:
    """Returns a file whose content is at hand."""
    return Member(path=path, size=len(content), content=content)


@frozen(kw_only=True)
class Recipe:
    """What a layer is made of.

    Attributes:
        members: Its files, in order. The folders above them come before them.
        packing: ``tar`` as it is, or ``gzip``.
        archive: The archive as it is, in place of files. None: there are files.
    """

    members: tuple[Member, ...] = ()
    packing: Packing = "gzip"
    archive: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Pressed:
    """What is known of a layer once it was made.

    Attributes:
        digest: ``sha256:HEX`` of its bytes.
        size: Bytes.
        diff_id: ``sha256:HEX`` of the archive before it was packed.
        unpacked: Bytes of that.
    """

    digest: str
    size: int
    diff_id: str
    unpacked: int


def press(recipe: Recipe, read: Read) -> Pressed:
    """Makes a layer to learn its digests; nothing is kept.

    Raises:
        LookupError: A content is gone.
    """
    plain, packed = _Measure(), _Measure()
    for block in _packed(map(plain.through, _archive(recipe, read)), recipe.packing):
        packed.through(block)
    return Pressed(digest=packed.digest(), size=packed.size, diff_id=plain.digest(), unpacked=plain.size)


def blocks(recipe: Recipe, read: Read) -> Iterator[bytes]:
    """Yields the bytes of a layer.

    Raises:
        LookupError: A content is gone.
    """
    return _packed(_archive(recipe, read), recipe.packing)


class _Measure:
    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def through(self, block: bytes) -> bytes:
        self.size += len(block)
        self._sha256.update(block)
        return block

    def digest(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"


def _archive(recipe: Recipe, read: Read) -> Iterator[bytes]:
    if recipe.archive is not None:
        yield recipe.archive
        return
    told: set[str] = set()
    for entry in recipe.members:
        parts = entry.path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in told:
                told.add(folder)
                yield _head(folder, type=tarfile.DIRTYPE, mode=0o755)
        yield _head(entry.path, size=entry.size)
        yield from (entry.content,) if entry.digest is None else read(entry.digest)
        yield bytes(-entry.size % _BLOCK)
    yield _END


def _head(path: str, **more: Any) -> bytes:
    info = tarfile.TarInfo(path)
    for name, value in more.items():
        setattr(info, name, value)
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _packed(archive: Iterable[bytes], packing: Packing) -> Iterator[bytes]:
    if packing == "tar":
        yield from archive
        return
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    for block in archive:
        yield packer.compress(block)
    yield packer.flush()
