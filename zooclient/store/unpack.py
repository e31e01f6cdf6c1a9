"""The files of an image layer, out of the layer: streamed into a folder of ours, each hashed, none outside of it.

A layer was written by a stranger. No name of it is used as a path here; links, devices and the marks of deleted files
(whiteouts, image-spec "Layer Filesystem Changeset") are passed over, and what is hostile ends it.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from zooclient.errors import IntegrityError
from zooclient.records.model import Layer
from zooclient.records.paths import safe_path
from zooclient.store.files import CHUNK, discard, storing
from zooclient.store.inflate import Unpacked
from zooclient.store.tarstream import Member, TarStream

#: How much larger than its packed form a layer may be: weights hardly shrink, and text by a tenth.
_GROWTH = 64
_ROOM = 1 << 30
#: Bytes beside the files where their size is told: the headers of an archive, and what fills its blocks.
_HEADERS = 1 << 26
#: Files at the most that are taken out of one layer.
_FILES = 100_000

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@frozen(kw_only=True)
class Extracted:
    """One file that was taken out.

    Attributes:
        path: Its path below the root of the image.
        size: Bytes.
        sha256: Lower-case hex.
        place: Where its bytes lie now.
    """

    path: str
    size: int
    sha256: str
    place: Path


@frozen(kw_only=True)
class Contents:
    """What a layer was found to hold.

    Attributes:
        files: The files that were taken out, in the order of the layer.
        removed: Paths that it takes away from the layers below it; with ``/`` at the end all that is below.
        passed_over: Kind → how many members of it were passed over where files were looked for.
    """

    files: tuple[Extracted, ...] = ()
    removed: tuple[str, ...] = ()
    passed_over: Mapping[str, int] = field(factory=dict, hash=False)


def unpack(
    layer: Layer,
    source: str,
    into: Path,
    *,
    wanted: Callable[[str], str | None],
    room: Callable[[int], None] = lambda size: None,
    check: Callable[[], None] = lambda: None,
) -> Contents:
    """Takes files out of a layer.

    Args:
        layer: What is known of it.
        source: The layer, already held against its digest.
        into: A folder of ours; the files get names of ours in it.
        wanted: Path in the layer → the path by which it is wanted; None: it is not.
        room: Told the size of each file before it is written; raises where there is no room.
        check: Called now and then; raises to stop.

    Raises:
        IntegrityError: The layer is not what it is said to be, or holds what no layer should: a name that climbs or
            comes twice, a header that lies, more than it may. Nothing that was taken out may be used then.
        Unsupported: It is packed in a way that cannot be unpacked here.
        StoreError: The disk refuses.
    """
    told = layer.unpacked_size
    most = layer.size * _GROWTH + _ROOM if told is None else told * 2 + _HEADERS
    try:
        with storing("unpacking a layer", source), open(source, "rb") as packed:
            stream = Unpacked(packed, layer.compression, most=most, check=check)
            contents = _Taking(into, wanted, room).take(TarStream(stream.read))
            got = stream.finish()
    except IntegrityError as error:
        error.hint = (
            error.hint or "Nothing of the layer is kept. Its bytes are those that the image names: tell the zoo."
        )
        raise
    if layer.unpacked_digest not in (None, got):
        raise IntegrityError(
            f"The layer sha256:{layer.digest} has unpacked the sha256 {got}, and {layer.unpacked_digest} is claimed.",
            hint="The image contradicts itself; nothing of the layer is kept.",
        )
    return contents


@contextmanager
def unpacked(
    layer: Layer,
    source: str,
    into: Path,
    *,
    wanted: Callable[[str], str | None],
    room: Callable[[int], None],
    check: Callable[[], None],
) -> Iterator[Contents]:
    """As :func:`unpack`; the folder goes away at the end of the block, with what was not moved out of it."""
    try:
        yield unpack(layer, source, into, wanted=wanted, room=room, check=check)
    finally:
        discard(os.fspath(into))


class _Taking:
    """The files of one layer on their way out."""

    def __init__(self, into: Path, wanted: Callable[[str], str | None], room: Callable[[int], None]) -> None:
        self._into = into
        self._wanted = wanted
        self._room = room
        self._files: dict[str, Extracted] = {}
        self._removed: list[str] = []
        self._passed: Counter[str] = Counter()

    def take(self, tar: TarStream) -> Contents:
        for member in tar:
            self._member(tar, member)
        return Contents(files=tuple(self._files.values()), removed=tuple(self._removed), passed_over=dict(self._passed))

    def _member(self, tar: TarStream, member: Member) -> None:
        try:
            path = member.name.decode()
        except UnicodeDecodeError:
            self._passed["with a name that is not UTF-8"] += 1
            return
        while path.startswith(("./", "/")):
            path = path[path.index("/") + 1 :]
        path = path.rstrip("/")
        if path in ("", "."):
            return
        if ".." in path.split("/"):
            raise IntegrityError(
                f"A layer holds a file whose name climbs out of its folder: {path[:200]!r}.",
                hint="Do not trust this model; tell the zoo.",
            )
        folder, _, name = path.rpartition("/")
        if name.startswith(_WHITEOUT):
            gone = name.removeprefix(_WHITEOUT)
            self._removed.append(f"{folder}/" if name == _OPAQUE else f"{folder}/{gone}" if folder else gone)
            return
        target = self._wanted(path)
        if target is None or member.kind == "folder":
            return
        if member.kind != "file":
            self._passed[_NAMES[member.kind]] += 1
            return
        self._file(tar, member, _safe(target))

    def _file(self, tar: TarStream, member: Member, path: str) -> None:
        if path in self._files:
            raise IntegrityError(
                f"A layer holds the file {path!r} twice.", hint="Which of the two is meant, nobody can tell."
            )
        if len(self._files) >= _FILES:
            raise IntegrityError(f"A layer holds more than {_FILES} files.")
        self._room(member.size)
        place, digest = self._into / str(len(self._files)), hashlib.sha256()
        with storing(f"unpacking {path}", os.fspath(place), member.size), open(place, "xb") as out:
            while piece := tar.content(CHUNK):
                digest.update(piece)
                out.write(piece)
        self._files[path] = Extracted(path=path, size=member.size, sha256=digest.hexdigest(), place=place)


def _safe(path: str) -> str:
    try:
        return safe_path(path)
    except IntegrityError as error:
        error.hint = "Nothing of the layer is kept. Do not trust this model; tell the zoo."  # it was fetched by now
        raise


_NAMES = {"link": "links", "device": "devices", "sparse": "sparse files", "other": "of an unknown kind"}
