"""Snapshots to load from, and safetensors files written by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zooclient.loading.model import Model
from zooclient.records.digest import content_digest
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile

REF = Ref(scheme="hf", id="owner/name", revision="0" * 40)


def snapshot(folder: Path, files: Mapping[str, bytes]) -> Snapshot:
    """Writes files and returns the snapshot of exactly those."""
    listed = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        role = "weights" if name.endswith((".safetensors", ".bin", ".onnx", ".pt")) else "other"
        sha256 = hashlib.sha256(content).hexdigest()
        listed.append(SnapshotFile(path=name, size=len(content), sha256=sha256, role=role))
    return Snapshot(
        ref=REF,
        path=folder,
        files=tuple(listed),
        content_digest=content_digest((file.sha256, file.size, file.path) for file in listed),
        weights_digest=None,
        verified_at=datetime(2026, 1, 1, tzinfo=UTC),
        read_record=lambda: ModelRecord(ref=REF, requested=REF, pin="commit", title="name"),
    )


def model(folder: Path, files: Mapping[str, bytes]) -> Model:
    """As :func:`snapshot`, opened."""
    return Model(snapshot(folder, files))


def written(header: Any, data: bytes = b"") -> bytes:
    """A safetensors file with this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def one(name: str = "a", dtype: str = "F32", shape: tuple[int, ...] = (2,), data: bytes = b"\0" * 8) -> bytes:
    """A sound safetensors file of one tensor."""
    return written({name: {"dtype": dtype, "shape": list(shape), "data_offsets": [0, len(data)]}}, data)
