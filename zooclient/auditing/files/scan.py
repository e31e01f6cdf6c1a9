"""A folder of files, looked at by content: no file is run, and hardly a byte is read twice."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from zooclient.auditing.files.archives import look_at_archive
from zooclient.auditing.files.catalogue import CATALOGUE
from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.source import FileSource
from zooclient.records.audit import Finding, ordered
from zooclient.records.paths import safe_path
from zooclient.records.secrets import secret_by_name

#: Files of a folder, and folders in folders.
_FILES = 200_000
_DEPTH = 64


def scan(folder: Path | str, files: Iterable[str] | None = None, *, off: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Looks at the content of files, whatever they are called, and runs nothing.

    Of safetensors and GGUF the header is read, of pickles what is not plain bytes, of the rest each byte once. At no
    time are more than 96 MiB held unpacked. What was not looked at is a finding of its own, ``scan-incomplete``.

    Args:
        folder: Where they lie, such as ``Snapshot.path``.
        files: Their paths in it. None: every file in the folder and the folders in it.
        off: Names of rules that are turned off.

    Returns:
        What was found, the gravest first; no finding does not mean that a file is safe. The rules are documented in
        ``docs/reference/audit-files.md``.

    Raises:
        OSError: The folder cannot be listed.
        IntegrityError: A path leads out of the folder.
    """
    root = Path(folder)
    left_out = frozenset(off)
    findings: list[Finding] = []
    paths = _walk(root, findings) if files is None else (safe_path(path) for path in files)
    for path in paths:
        findings.extend(one for one in scan_file(root / path, str(path)) if one.rule not in left_out)
    return ordered([one for one in findings if one.rule not in left_out])


def scan_file(path: Path, name: str) -> list[Finding]:
    """Looks at one file.

    Args:
        path: Where it lies.
        name: What it is called in the model.
    """
    looking = Looking()
    named = secret_by_name(name)
    if named is not None:
        looking.add("secret", name, f"It is called like {named.what} (shape {named.rule}).")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            looking.add("file-unreadable", name, "It is no ordinary file.")
            return looking.findings
        with path.open("rb", buffering=0) as file:
            look_at_archive(looking, name, FileSource(file, os.fstat(file.fileno()).st_size))
    except OSError as error:
        looking.add("file-unreadable", name, f"It could not be read: {error.strerror}.")
    return looking.findings


def _walk(root: Path, findings: list[Finding]) -> Iterator[str]:
    count = 0
    for at, folders, names in os.walk(root, onerror=_raise):
        folders.sort()
        if len(Path(at).relative_to(root).parts) >= _DEPTH:
            findings.append(CATALOGUE["scan-incomplete"].found(at, f"Folders lie more than {_DEPTH} deep."))
            folders.clear()
        for name in sorted(names):
            count += 1
            if count > _FILES:
                findings.append(CATALOGUE["scan-incomplete"].found(".", f"There are more than {_FILES} files."))
                return
            yield (Path(at) / name).relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error
