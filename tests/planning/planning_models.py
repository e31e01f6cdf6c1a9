"""Records to plan with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from support import recorded

from zooclient.planning import select
from zooclient.records.model import Access, FileEntry, ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

REVISION = "0" * 40


def entry(path: str, size: int | None = 1000, *, proved: bool = True) -> FileEntry:
    """A file whose digest is that of its name."""
    digests = {"sha256": hashlib.sha256(path.encode()).hexdigest()} if proved else {}
    return FileEntry(path=path, size=size, digests=digests)


def model(*files: str | FileEntry, access: Access | None = None) -> ModelRecord:
    """A record with these files."""
    ref = Ref(scheme="hf", id="owner/name", revision=REVISION)
    return ModelRecord(
        ref=ref,
        requested=ref,
        pin="commit",
        title="name",
        files=tuple(entry(file) if isinstance(file, str) else file for file in files),
        access=access or Access(),
    )


def recorded_model(name: str) -> ModelRecord:
    """The files of a recorded answer of the Hub."""
    answer: Any = json.loads(recorded("huggingface", name).read_text("utf-8"))
    body = answer.get("body", answer)
    return model(*(entry(sibling["rfilename"], sibling.get("size")) for sibling in body["siblings"]))


def wanted(record: ModelRecord, **wishes: Any) -> list[str]:
    """Paths that are wanted."""
    return [file.path for file in select(record, Wishes(**wishes))[0]]


def skipped(record: ModelRecord, **wishes: Any) -> Mapping[str, str]:
    """Path → reason of what is left out."""
    return {skip.file.path: skip.reason for skip in select(record, Wishes(**wishes))[1]}
