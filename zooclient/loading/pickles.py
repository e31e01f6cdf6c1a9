"""Which files of a snapshot would be unpickled by whoever opens them: told by their names and by their first bytes.

Unpickling runs what the author of the file wrote (https://docs.python.org/3/library/pickle.html). So the question is
asked before a library gets the folder, and a file counts as pickled unless it is known not to be.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from zooclient.errors import PolicyError
from zooclient.loading.files import path_of
from zooclient.records.snapshot import Snapshot

#: Endings under which torch, joblib, NeMo and others keep pickles.
_ENDINGS = (
    ".bin", ".ckpt", ".dill", ".joblib", ".mar", ".nemo", ".pickle", ".pkl", ".pt", ".pt2", ".pth", ".t7", ".th",
)  # fmt: skip
#: First bytes of formats that share those endings and hold plain numbers: ggml, ggmf, ggjt (little-endian), GGUF.
_PLAIN = (b"lmgg", b"fmgg", b"tjgg", b"GGUF")
_ZIP = b"PK\x03\x04"
_TAR_AT = 257
_NAMED = 3


def refuse_pickles(snapshot: Snapshot, kind: str) -> None:
    """Raises when a library that gets this folder could unpickle something in it.

    Raises:
        PolicyError: It could.
    """
    found = list(pickled(snapshot))
    if not found:
        return
    more = len(found) - _NAMED
    names = ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    safe = any(file.path.endswith(".safetensors") for file in snapshot.files)
    raise PolicyError(
        f"{snapshot.ref} holds pickled files, and opening them runs whatever their author wrote: {names}.",
        ref=str(snapshot.ref),
        zoo=snapshot.ref.scheme,
        operation="load",
        hint=(
            'Leave them out with `weights="safetensors"`, or with `exclude=`.'
            if safe
            else f"If you trust the author: `.into({kind!r}, unsafe=True)`."
        ),
    )


def pickled(snapshot: Snapshot) -> Iterator[str]:
    """Gives the path of each file of the snapshot that is, or may be, a pickle."""
    for file in snapshot.files:
        if is_pickled(file.path, path_of(snapshot, file.path)):
            yield file.path


def is_pickled(name: str, path: Path) -> bool:
    """Whether a file is, or may be, a pickle.

    Args:
        name: Its path in the model.
        path: Where it lies.
    """
    base = name.lower().rpartition("/")[2]
    with path.open("rb") as file:
        first = file.read(_TAR_AT + 8)
    if first[:4] in _PLAIN:
        return False
    if base.startswith("openvino_") and base.endswith(".bin"):
        return _looks_pickled(first)  # raw numbers, described by the .xml beside it
    if base.endswith(_ENDINGS):
        return True
    if first.startswith(_ZIP):
        return _zip_holds_pickle(path)
    return _looks_pickled(first)


def _looks_pickled(first: bytes) -> bool:
    """Tells a pickle of protocol 2 or later, and the tar in which the oldest torch kept its pickles."""
    return (first[:1] == b"\x80" and first[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or (
        first[_TAR_AT : _TAR_AT + 5] == b"ustar"
    )


def _zip_holds_pickle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(_ENDINGS) for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):  # the latter: a version or method that zipfile does not know
        return True  # it begins as an archive and cannot be looked into
