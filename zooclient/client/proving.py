"""Whether a zoo has the same files as a folder: by digest, and by nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from zooclient.records.digest import git_blob_header
from zooclient.records.model import FileEntry
from zooclient.records.publication import PublishFile

_BLOCK = 1024 * 1024


def held(root: Path, files: Sequence[PublishFile], there: Mapping[str, FileEntry]) -> set[str]:
    """Returns the paths of the files that a zoo has with the same content, proved by digest. This blocks."""
    return {file.path for file in files if file.path in there and _same(root, file, there[file.path])}


def _same(root: Path, file: PublishFile, entry: FileEntry) -> bool:
    if entry.size not in (None, file.size):
        return False
    if "sha256" in entry.digests:
        return entry.digests["sha256"] == file.sha256
    return "git-sha1" in entry.digests and entry.digests["git-sha1"] == _git_sha1(root / file.path)


def _git_sha1(path: Path) -> str:
    digest = hashlib.sha1(git_blob_header(path.stat().st_size), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
