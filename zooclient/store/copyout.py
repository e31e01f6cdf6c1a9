"""Plain copies of a snapshot in a folder of the user's: each file whole or not at all, and nothing of theirs lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from zooclient.errors import IntegrityError, StoreError
from zooclient.store.files import copy_file, hash_file, storing, token
from zooclient.store.links import reflink
from zooclient.store.names import check_names

if TYPE_CHECKING:
    from zooclient.records.snapshot import Snapshot, SnapshotFile


def copy_out(
    snapshot: Snapshot,
    folder: str,
    *,
    names: Mapping[str, str] | None,
    overwrite: bool,
    replaceable: Callable[[str], bool],
    check: Callable[[], None],
) -> None:
    """Puts a plain copy of each file into a folder; never a link to the store.

    Like ``git checkout``, it refuses before it writes anything when a file in the way would be lost. One that has the
    same content stays as it is, and one whose content the store holds is replaced: it can be had again.

    Args:
        snapshot: What to copy.
        folder: Where to; made when it is missing.
        names: Path in the snapshot → path below the folder, of the files that are wanted. None: all, as they are.
        overwrite: Whether files in the way may be lost.
        replaceable: Whether a content, by its sha256, can be had again.
        check: Called now and then; raises to stop.

    Raises:
        StoreError: A file is in the way, or the disk refuses.
        IntegrityError: A file of the snapshot was changed.
    """
    targets = {file.path: file.path for file in snapshot.files} if names is None else names
    check_names(targets.values())
    with storing("making a folder", folder):
        os.makedirs(folder, exist_ok=True)
    wanted: list[SnapshotFile] = []
    in_the_way: list[str] = []
    for file in snapshot.files:
        if file.path not in targets:
            continue
        target = _target(folder, targets[file.path])
        with storing("reading what is there", target):
            there = _content(target, check)
        if there == file.sha256:
            continue
        wanted.append(file)
        if there is not None and not overwrite and not (there and replaceable(there)):
            in_the_way.append(targets[file.path])
    if in_the_way:
        more = f" and {len(in_the_way) - 3} more" if len(in_the_way) > 3 else ""
        raise StoreError(
            f"{folder} holds other files under the names {', '.join(in_the_way[:3])}{more}. Nothing was written.",
            hint="Choose an empty folder, or move them away.",
        )
    for file in wanted:
        source = os.path.join(os.fspath(snapshot.path), *file.path.split("/"))
        _copy(source, _target(folder, targets[file.path]), file, check)


def put_beside(folder: str, path: str, content: bytes) -> bool:
    """Writes a small file, whole or not at all, unless there is one of that name; whether it did.

    Args:
        folder: Where to; made when it is missing.
        path: POSIX path below it.
        content: What goes into it.

    Raises:
        StoreError: The disk refuses.
        IntegrityError: The path is hostile.
    """
    check_names([path])
    target = _target(folder, path)
    with storing(f"writing {path}", target, len(content)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            return False
        temporary = os.path.join(os.path.dirname(target), f".{token()}.part")
        try:
            with open(temporary, "xb") as file:
                file.write(content)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    return True


def _target(folder: str, path: str) -> str:
    """Returns where a file goes; a link in the way must not lead out of the folder."""
    target = os.path.join(folder, *path.split("/"))
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(os.path.dirname(target))]) != root:
        raise StoreError(f"A symbolic link leads {path!r} out of {folder}.", hint="Choose an empty folder.")
    return target


def _content(path: str, check: Callable[[], None]) -> str | None:
    """Returns the sha256 of what is there; None for nothing, empty for what is no plain file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return ""
    return hash_file(path, check=check).sha256


def _copy(source: str, target: str, file: SnapshotFile, check: Callable[[], None]) -> None:
    with storing(f"copying {file.path}", target, file.size):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = os.path.join(os.path.dirname(target), f".{token()}.part")
        try:
            if reflink(source, temporary):
                os.chmod(temporary, 0o644)
                sha256 = file.sha256  # the same blocks, which the store compared a moment ago
            else:
                sha256 = copy_file(source, temporary, check=check).sha256
            if sha256 != file.sha256:
                raise IntegrityError(
                    f"{file.path!r} of {os.path.dirname(source)} was changed: it has the sha256 {sha256}.",
                    hint="`zooclient cache verify` sets aside what is damaged; the next run fetches it again.",
                )
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
