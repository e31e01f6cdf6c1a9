"""Reading what is held: the warm path. It lists one folder, reads one manifest, and compares each file's status.

Nothing here locks, writes or hashes, and little is imported; what a suspicious file needs stands in
:mod:`zooclient.store.mend`.

A manifest::

    {"format": 1, "ref": "hf:org/name@…", "zoo": "hf", "id": "org/name", "revision": "…",
     "content_digest": "sha256:…", "weights_digest": "sha256:…" | null,
     "made_at": "2026-01-31T12:00:00+00:00", "verified_at": "2026-01-31T12:00:00+00:00",
     "selections": ["{\\"weights\\":\\"auto\\"}"],
     "files": [{"path": "a/b.json", "size": 12, "sha256": "…", "mtime_ns": 17…, "role": "config", "claimed": true,
                "sparse": true}],
     "receipts": {"a/b.json": {"sources": {"hf": 12}, "resumed": 0}}}

``mtime_ns`` is read back from the file after it was made, so it is right in whatever precision the file system has.
``sparse`` stands only at files that have fewer blocks than bytes (compressed) and were hashed so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile
from zooclient.store.layout import Layout, plain

if TYPE_CHECKING:
    from zooclient.records.model import ModelRecord

#: Version of the manifests that are written; newer ones are not read.
FORMAT = 1

Manifest = dict[str, Any]


def manifests(folder: str) -> list[str]:
    """Returns the paths of the manifests of one revision, the newest first."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".json")]
    except OSError:
        return []
    paths = [os.path.join(folder, name) for name in names]
    return sorted(paths, key=_mtime, reverse=True) if len(paths) > 1 else paths


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def read_manifest(path: str) -> Manifest | None:
    """Returns a manifest; None when it is not there, not whole, or of a later format."""
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read())
    except (OSError, ValueError):
        return None
    whole = isinstance(data, dict) and data.get("format") == FORMAT and "files" in data and "selections" in data
    return data if whole else None


def matching(
    layout: Layout, zoo: str, id: str, revision: str, wishes_key: str, content_digest: str | None
) -> Iterator[tuple[str, Manifest]]:
    """Gives the manifests of one revision that answer these wishes, the newest first, each with its path."""
    for path in manifests(layout.revision(zoo, id, revision)):
        manifest = read_manifest(path)
        if manifest is None or wishes_key not in manifest["selections"]:
            continue
        if content_digest is None or manifest["content_digest"] == content_digest:
            yield path, manifest


def suspects(folder: str, manifest: Manifest) -> list[Manifest]:
    """Returns the entries of a manifest whose files are not as they were left: missing, or another size or time."""
    prefix = folder + os.sep
    found = []
    for entry in manifest["files"]:
        try:
            status = os.stat(prefix + entry["path"])
        except OSError:
            found.append(entry)
            continue
        if (
            status.st_size != entry["size"]
            or status.st_mtime_ns != entry["mtime_ns"]
            or (os.name == "posix" and status.st_blocks * 512 < status.st_size and not entry.get("sparse"))
        ):
            found.append(entry)
    return found


def to_snapshot(path: str, manifest: Manifest, read_record: Callable[[], ModelRecord]) -> Snapshot:
    """Returns the snapshot that a manifest describes.

    Args:
        path: Path of the manifest.
        manifest: What it says.
        read_record: Reads the record of that revision.
    """
    files = tuple(
        SnapshotFile(
            path=entry["path"],
            size=entry["size"],
            sha256=entry["sha256"],
            role=entry["role"],
            claimed=entry["claimed"],
        )
        for entry in manifest["files"]
    )
    folder = path.removesuffix(".json")
    if os.name == "nt":
        folder = plain(folder, max((len(file.path) for file in files), default=0))
    return Snapshot(
        ref=Ref(scheme=manifest["zoo"].partition("+")[0], id=manifest["id"], revision=manifest["revision"] or None),
        path=folder,
        files=files,
        content_digest=manifest["content_digest"],
        weights_digest=manifest["weights_digest"],
        verified_at=manifest["verified_at"],
        read_record=read_record,
    )
