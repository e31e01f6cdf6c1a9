"""File names as zoos list them: which are hostile, and which some file system cannot hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from zooclient.errors import IntegrityError

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])(?:[. ].*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of characters, which UTF-8 has not
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')

#: Bytes of one name that the usual file systems hold (ext4, APFS, NTFS: 255 units).
_NAME_BYTES = 255
#: Bytes of a whole path that Linux takes, and a bound for what is worth reading.
_PATH_BYTES = 4096
#: Sentences of each kind at the most; a listing of nothing but odd names must not fill the memory.
_MOST = 10


def safe_path(path: str) -> str:
    """Returns the path as it is when it stays below the folder that it is put into.

    The rules are the same on every platform, so that what one refuses no other accepts.

    Raises:
        IntegrityError: It is empty, absolute, names a drive, leaves its folder, reaches into ``.git``, or holds a
            backslash or a control character.
    """
    reason = _hostile(path)
    if reason is not None:
        shown = path if len(path) <= 200 else path[:200] + "…"
        raise IntegrityError(
            f"The zoo lists a file whose name is not safe: {shown!r} {reason}.",
            hint="Nothing was fetched. Do not trust this model; tell the zoo.",
        )
    return path


def _hostile(path: str) -> str | None:
    if not path:
        return "is empty"
    if _CONTROL.search(path):
        return "holds a control character"
    if "\\" in path:
        return "holds a backslash"
    if path.startswith("/") or _DRIVE.match(path):
        return "is absolute"
    parts = path.split("/")
    if ".." in parts:
        return "leaves its folder"
    if "" in parts or "." in parts:
        return "has an empty part"
    if any(part.lower() == ".git" for part in parts):
        return "reaches into .git"
    return None


def path_problems(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns a sentence for each name that some file system cannot hold; the names were found safe before."""
    listed = list(paths)
    told: dict[str, list[str]] = {}
    for path in listed:
        reason = _awkward(path)
        if reason is not None:
            told.setdefault(reason, []).append(repr(path))
    sentences = [f"{_some(names)} {reason}." for reason, names in told.items()]
    return (*sentences, *_twins(listed))


def _awkward(path: str) -> str | None:
    parts = path.split("/")
    if any(_RESERVED.fullmatch(part) for part in parts):
        return "cannot be stored on Windows: the name is reserved there"
    if any(part.endswith((".", " ")) for part in parts):
        return "cannot be stored on Windows: a part of the name ends in a dot or a space"
    if _FORBIDDEN.search(path):
        return "cannot be stored on Windows: a character is not allowed there"
    if any(len(part.encode()) > _NAME_BYTES for part in parts) or len(path.encode()) > _PATH_BYTES:
        return "is longer than most file systems hold"
    if _TURNING.search(path):
        return "holds characters that reverse the direction of writing and may look like another name"
    return None


def _twins(paths: list[str]) -> list[str]:
    """Names that one file system tells apart and another does not: letter case, and composed letters."""
    seen: dict[str, str] = {}
    pairs = []
    for path in paths:
        other = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            pairs.append(f"{other!r} and {path!r}")
    return [f"{_some(pairs)} are one name on Windows and macOS."] if pairs else []


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
