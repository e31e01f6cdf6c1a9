"""The files of a snapshot, by the names that it lists and by no other."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from zooclient.errors import ConfigError, NotFound
from zooclient.records.globs import matches
from zooclient.records.paths import safe_path
from zooclient.records.snapshot import Snapshot, SnapshotFile


def path_of(snapshot: Snapshot, name: str) -> Path:
    """Returns where a file of the snapshot lies.

    Raises:
        IntegrityError: The name would leave the folder of the snapshot.
    """
    return snapshot.path / safe_path(name)


def chosen(snapshot: Snapshot, pattern: str | None, endings: tuple[str, ...]) -> tuple[SnapshotFile, ...]:
    """Returns the files with one of these endings that a pattern means; None means all."""
    return tuple(
        file
        for file in snapshot.files
        if file.path.lower().endswith(endings) and (pattern is None or matches(file.path, pattern))
    )


def open_file(snapshot: Snapshot, name: str, mode: str, encoding: str) -> IO[Any]:
    """Opens one file for reading; see :meth:`zooclient.Model.open`."""
    if mode not in ("r", "rt", "rb"):
        raise ConfigError(
            f"{name} cannot be opened with the mode {mode!r}: a verified file is only read.",
            ref=str(snapshot.ref),
            operation="load",
            hint='"rb" gives bytes, "r" text; `download(..., to=DIR)` makes copies that are yours to change.',
        )
    names = [file.path for file in snapshot.files]
    if name not in names:
        near = get_close_matches(name, names, n=3)
        raise NotFound(
            f"{snapshot.ref} holds no file {name!r}.",
            ref=str(snapshot.ref),
            zoo=snapshot.ref.scheme,
            operation="load",
            hint=f"Near it: {', '.join(near)}." if near else "`.files` lists what was downloaded.",
        )
    path = path_of(snapshot, name)
    return path.open("rb") if mode == "rb" else path.open(encoding=encoding)
