"""The official Hugging Face cache as a place to look: read by digest, never written.

Its blobs are named by the ETag of the file, ``ROOT/models--org--name/blobs/NAME``: 40 hex is the git blob sha1, 64 hex
the sha256 (huggingface_hub, "Understand caching"). Since its shared store a blob may be a symbolic link to another, so
links are followed. Where it keeps no blobs (Windows without links) there is nothing to find.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zooclient.records.digest import PROOF

if TYPE_CHECKING:
    from zooclient.records.model import FileEntry


def find_blob(root: str, file: FileEntry) -> str | None:
    """Returns the path of a blob that, by its name and size, has the content of a file; None when there is none."""
    names = [file.digests[name] for name in PROOF if name in file.digests]
    if not names:
        return None
    try:
        with os.scandir(root) as entries:
            repositories = [entry.path for entry in entries if entry.name.startswith(("models--", "spaces--"))]
    except OSError:
        return None
    for repository in repositories:
        for name in names:
            path = os.path.join(repository, "blobs", name)
            try:
                status = os.stat(path)
            except OSError:
                continue
            if file.size is None or status.st_size == file.size:
                return path
    return None
