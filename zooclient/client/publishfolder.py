"""Reading a folder that is to be published: what goes, what stays, and what stops it before a byte moves. It blocks."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from zooclient.errors import ConfigError, IntegrityError, NotFound, PolicyError, StoreError
from zooclient.loading.pickles import is_pickled
from zooclient.loading.safetensors import Extent, header_length, read_header
from zooclient.net.cancel import Cancel
from zooclient.providers.local.scan import KEPT, LITTER, MOST_FILES, SKIPPED, below, hashed, stay_inside
from zooclient.records.cardfacts import CONFIGS, RESULTS
from zooclient.records.classify import classify
from zooclient.records.globs import matches
from zooclient.records.paths import safe_path
from zooclient.records.publication import LeftOut, PublishFile
from zooclient.records.secrets import secret_by_name, secret_in

#: The card's name, to the letter: the zoos look for no other.
CARD = "README.md"

#: Bytes of a file that are looked through for a credential: of weights, whose beginning holds text, and of the rest.
_OF_WEIGHTS = 1024 * 1024
_OF_OTHERS = 16 * 1024 * 1024
#: Bytes of a config, and of a card, that are read at the most.
_CONFIG = 4_000_000
_CARD = 10_000_000
#: Files that an error names at the most.
_NAMED = 3

_CACHES = frozenset({".cache", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", *SKIPPED})


@frozen(kw_only=True)
class Folder:
    """A folder as it would be published.

    Attributes:
        root: Where it is, links resolved.
        paths: What goes, sorted.
        left_out: What does not.
        card: Its card. None: there is none.
        configs: Name of a config or of a file of results → its JSON.
        parameters: Type of the numbers → how many there are, over all safetensors files.
    """

    root: Path
    paths: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    card: bytes | None
    configs: Mapping[str, Any] = field(factory=dict)
    parameters: Mapping[str, int] = field(factory=dict)


def read_folder(place: Path, *, exclude: Sequence[str] = ()) -> Folder:
    """Looks at a folder; nothing is hashed, and nothing refused that only a publication would.

    Raises:
        NotFound: There is no such folder.
        ConfigError: It is no folder, or holds far more files than a model has.
        IntegrityError: A link leads out of it, something is no plain file, or a safetensors file is broken.
        StoreError: Something may not be read.
    """
    try:
        root = place.resolve(strict=True)
        if not root.is_dir():
            raise ConfigError(f"{place} is no folder.", hint="A model is published as the folder of its files.")
        left_out: list[LeftOut] = []
        paths = tuple(sorted(_walk(root, exclude, left_out)))
        return Folder(
            root=root,
            paths=paths,
            left_out=tuple(sorted(left_out, key=lambda item: item.path)),
            card=_beginning(root / CARD, _CARD) if CARD in paths else None,
            configs=dict(_configs(root, paths)),
            parameters=_parameters(root, paths),
        )
    except FileNotFoundError as error:
        raise NotFound(f"There is no folder at {place}.", hint="A relative path begins where you are now.") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{place} cannot be read: {reason}.", hint="Who may read it?") from error


def must_be_harmless(folder: Folder, *, allow_pickle: bool) -> None:
    """Refuses a folder that holds a credential, or a file that runs code when it is opened.

    Raises:
        PolicyError: It does. A credential is never let through; the file can be left out.
    """
    for path in (*(item.path for item in folder.left_out if item.reason == _HIDDEN), *folder.paths):
        found = secret_by_name(path)
        if found is None and path in folder.paths:
            weights = classify(path)[1] is not None
            found = secret_in(_beginning(folder.root / path, _OF_WEIGHTS if weights else _OF_OTHERS))
        if found is not None:
            where = "is" if found.line is None else "holds"
            line = "" if found.line is None else f" in line {found.line}"
            raise PolicyError(
                f"{path} {where} {found.what}{line} (rule {found.rule}); nothing was published.",
                operation="publish",
                hint=f"Take it out of the folder, or leave the file out with --exclude {path!r} (exclude=). "
                "What stood in a file that others have seen is to be revoked.",
            )
    if allow_pickle:
        return
    pickles = [path for path in folder.paths if is_pickled(path, folder.root / path)]
    if pickles:
        more = f" and {len(pickles) - _NAMED} more" if len(pickles) > _NAMED else ""
        raise PolicyError(
            f"Pickled files run whatever their author wrote when they are opened (rule pickle): "
            f"{', '.join(pickles[:_NAMED])}{more}; nothing was published.",
            operation="publish",
            hint="Save the weights as safetensors, leave the files out with --exclude, or say --allow-pickle.",
        )


def hashed_files(folder: Folder, cancel: Cancel) -> tuple[PublishFile, ...]:
    """Hashes every file that goes.

    Raises:
        IntegrityError: A file changed while it was read.
        StoreError: Something may not be read.
    """
    found = []
    for path in folder.paths:
        cancel.check()
        try:
            scanned = hashed(folder.root / path, path)
        except OSError as error:
            raise StoreError(f"{folder.root / path} cannot be read: {error.strerror or error}.") from error
        found.append(PublishFile(path=path, size=scanned.size, sha256=scanned.sha256, changed_at=scanned.changed_at))
    return tuple(found)


_HIDDEN = "hidden"


def _walk(root: Path, exclude: Sequence[str], left_out: list[LeftOut]) -> Iterator[str]:
    seen = 0
    for where, folders, names in os.walk(root, onerror=_raise):
        here = Path(where)
        for name in sorted(folders):
            path = below(here / name, root)
            reason = _why_folder(here / name, path, exclude)
            if reason is not None:
                folders.remove(name)
                left_out.append(LeftOut(path=f"{path}/", reason=reason))
            elif (here / name).is_symlink():
                stay_inside(here / name, root)
                folders.remove(name)
                left_out.append(LeftOut(path=f"{path}/", reason="a linked folder"))
        for name in names:
            path = below(here / name, root)
            reason = _why_file(name, path, exclude)
            if reason is not None:
                left_out.append(LeftOut(path=path, reason=reason))
                continue
            seen += 1
            if seen > MOST_FILES:
                raise ConfigError(f"{root} holds more than {MOST_FILES} files: is it the folder of one model?")
            stay_inside(here / name, root)
            if not stat.S_ISREG((here / name).stat().st_mode):
                raise IntegrityError(f"{here / name} is no plain file.", hint="Only plain files can be published.")
            yield safe_path(path)


def _why_folder(place: Path, path: str, exclude: Sequence[str]) -> str | None:
    if _excluded(f"{path}/", exclude) or _excluded(path, exclude):
        return "excluded"
    if place.name in _CACHES:
        return "a cache"
    return _HIDDEN if place.name.startswith(".") and place.name not in KEPT else None


def _why_file(name: str, path: str, exclude: Sequence[str]) -> str | None:
    if _excluded(path, exclude):
        return "excluded"
    if name in LITTER:
        return "left behind by a desktop"
    return _HIDDEN if name.startswith(".") else None


def _excluded(path: str, exclude: Sequence[str]) -> bool:
    return any(matches(path, pattern) for pattern in exclude)


def _beginning(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _configs(root: Path, paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for path in paths:
        if path in CONFIGS or RESULTS.fullmatch(path):
            data = _beginning(root / path, _CONFIG + 1)
            try:
                yield path, json.loads(data) if len(data) <= _CONFIG else None
            except (ValueError, RecursionError):
                continue  # it tells nothing then


def _parameters(root: Path, paths: Sequence[str]) -> dict[str, int]:
    """Counts the numbers of every safetensors file, whose headers are checked on the way."""
    counts: dict[str, int] = {}
    for path in paths:
        if not path.lower().endswith(".safetensors"):
            continue
        for extent in _header(root / path, path).values():
            number = 1
            for size in extent.shape:
                number *= size
            counts[extent.dtype] = counts.get(extent.dtype, 0) + number
    return counts


def _header(place: Path, path: str) -> dict[str, Extent]:
    size = place.stat().st_size
    try:
        with place.open("rb") as file:
            return read_header(file.read(header_length(file.read(8), size)), size)
    except IntegrityError as error:
        raise IntegrityError(
            f"{path} is broken: {error.message}", hint="Save it again: whoever downloaded it could not open it."
        ) from error


def _raise(error: OSError) -> None:
    raise error
