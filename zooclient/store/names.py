"""Names of a model's files that the store's file system cannot hold."""

from __future__ import annotations

import os
from collections.abc import Iterable

from zooclient.errors import IntegrityError, StoreError
from zooclient.records.paths import safe_path
from zooclient.store.layout import is_device

_LONGEST_NAME = 255
_NOT_ON_WINDOWS = frozenset('<>:"|?*')


def check_names(paths: Iterable[str], *, windows: bool = os.name == "nt", folds_case: bool = os.name == "nt") -> None:
    """Refuses file names that would leave their folder, and those that this file system cannot hold.

    Args:
        paths: POSIX paths below the snapshot's folder.
        windows: Whether the rules of Windows hold.
        folds_case: Whether the file system takes two names for one that differ only in case.

    Raises:
        IntegrityError: A name is hostile, or two entries contradict each other; true on every system.
        StoreError: A name cannot be held here.
    """
    spellings: dict[str, str] = {}
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        safe_path(path)
        _check_holdable(path, windows)
        if path in files:
            raise IntegrityError(f"The zoo lists the file {path!r} twice.")
        files.add(path)
        steps = path.split("/")
        for depth in range(1, len(steps) + 1):
            name = "/".join(steps[:depth])
            if depth < len(steps):
                folders.add(name)
            other = spellings.setdefault(name.casefold() if folds_case else name, name)
            if other != name:
                raise StoreError(
                    f"The file system of the store cannot hold both {other!r} and {name!r}: they differ only in case.",
                    hint="Leave one of them out (exclude), or put the store on a file system that tells them apart.",
                )
    both = files & folders
    if both:
        raise IntegrityError(f"The zoo lists {min(both)!r} both as a file and as a folder.")


def _check_holdable(path: str, windows: bool) -> None:
    for step in path.split("/"):
        length = len(step.encode("utf-16-le")) // 2 if windows else len(step.encode())
        reason = None
        if length > _LONGEST_NAME:
            reason = f"a name may have {_LONGEST_NAME} bytes at the most, and this one has {length}"
        elif windows and is_device(step):
            reason = "Windows keeps that name for a device"
        elif windows and (step[-1] in ". " or _NOT_ON_WINDOWS & set(step)):
            reason = "Windows has no such names"
        if reason:
            raise StoreError(
                f"The file {path!r} cannot be held here: {reason}.",
                hint="Leave it out (exclude), or put the store on another file system.",
            )
