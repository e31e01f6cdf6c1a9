"""Looking at a folder of weights on this machine: which files, how large, with which sha256."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from zooclient.errors import ConfigError, IntegrityError, NotFound, StoreError

#: Folders that are about files, not of them.
SKIPPED = frozenset({"__pycache__"})
#: Folders with a dot in front that hold a part of a model: the Hub's evaluation results.
KEPT = frozenset({".eval_results"})
#: Files that desktops leave behind.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})

#: Files at the most; more is no model but a mistaken folder.
MOST_FILES = 100_000
#: Bytes of a card that are read at the most.
_CARD = 10_000_000
_BLOCK = 1024 * 1024


@frozen(kw_only=True)
class Scanned:
    """One file as found.

    Attributes:
        path: POSIX path below the folder.
        size: Bytes.
        sha256: Lower-case hex.
        changed_at: Last change, aware UTC.
    """

    path: str
    size: int
    sha256: str
    changed_at: datetime


@frozen(kw_only=True)
class Scan:
    """A folder as found.

    Attributes:
        files: Sorted by path.
        card: Text of the card. None: there is none.
        problems: Sentences on what was left out.
    """

    files: tuple[Scanned, ...]
    card: str | None
    problems: tuple[str, ...]


def scan(place: Path) -> Scan:
    """Hashes every file of a folder, or the one file that ``place`` is. This blocks, for as long as reading takes.

    Raises:
        NotFound: Nothing is there.
        ConfigError: There are far more files than a model has.
        IntegrityError: A link leads out of the folder, something is no file, or a file changed meanwhile.
        StoreError: Something may not be read.
    """
    try:
        root = place.resolve(strict=True)
        if root.is_dir():
            return _folder(root)
        if not stat.S_ISREG(root.stat().st_mode):
            raise IntegrityError(f"{place} is neither a folder nor a plain file.")
        return Scan(files=(hashed(root, place.name),), card=None, problems=())
    except FileNotFoundError as error:
        raise NotFound(f"There is nothing at {place}.", hint="A relative path begins where you are now.") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{place} cannot be read: {reason}.", hint="Who may read it?") from error


def _folder(root: Path) -> Scan:
    problems: list[str] = []
    files = tuple(hashed(root / name, name) for name in sorted(_names(root, problems)))
    names = {file.path.lower(): file.path for file in files}
    card = None
    if "readme.md" in names:
        with (root / names["readme.md"]).open("rb") as opened:
            card = opened.read(_CARD).decode("utf-8", "replace")
    return Scan(files=files, card=card, problems=tuple(problems))


def _names(root: Path, problems: list[str]) -> Iterator[str]:
    seen = 0
    for folder, folders, names in os.walk(root, onerror=_raise):
        here = Path(folder)
        for name in list(folders):
            hidden = name.startswith(".") and name not in KEPT
            if hidden or name in SKIPPED:
                folders.remove(name)
            elif (here / name).is_symlink():
                stay_inside(here / name, root)
                folders.remove(name)
                problems.append(f"The linked folder {below(here / name, root)!r} was left out.")
        for name in names:
            path = here / name
            if name in LITTER:
                continue
            seen += 1
            if seen > MOST_FILES:
                raise ConfigError(f"{root} holds more than {MOST_FILES} files: is it the folder of one model?")
            stay_inside(path, root)
            if not stat.S_ISREG(path.stat().st_mode):
                raise IntegrityError(f"{path} is no plain file.", hint="Only plain files can be part of a model.")
            yield below(path, root)


def stay_inside(path: Path, root: Path) -> None:
    """Refuses a link that leads out of the folder or nowhere.

    Raises:
        IntegrityError: It is one.
    """
    if not path.is_symlink():
        return
    try:
        inside = path.resolve(strict=True).is_relative_to(root)
    except FileNotFoundError as error:
        raise IntegrityError(f"The link {path} leads nowhere.", hint="Remove it, or put the file there.") from error
    if not inside:
        raise IntegrityError(
            f"The link {path} leads out of the folder.",
            hint="Copy the files without links (cp -rL) and name the copy.",
        )


def below(path: Path, root: Path) -> str:
    """Returns the POSIX path of something below a folder.

    Raises:
        IntegrityError: A name that is no UTF-8.
    """
    name = path.relative_to(root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise IntegrityError(f"The file name {name!r} is no UTF-8.", hint="Rename the file.") from error
    return name


def hashed(path: Path, name: str) -> Scanned:
    """Returns a file as found. It blocks for as long as reading takes.

    Raises:
        IntegrityError: It changed meanwhile.
    """
    digest = hashlib.sha256()
    buffer = bytearray(_BLOCK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        while count := file.readinto(buffer):
            digest.update(view[:count])
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise IntegrityError(f"{path} changed while it was being read.", hint="Run it again when nobody writes there.")
    return Scanned(
        path=name,
        size=after.st_size,
        sha256=digest.hexdigest(),
        changed_at=datetime.fromtimestamp(after.st_mtime, UTC),
    )


def _raise(error: OSError) -> None:
    raise error
