"""What zoos claimed: records of revisions, and what moving names meant when somebody asked."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.store.files import read_json, write_json
from zooclient.store.layout import Layout

if TYPE_CHECKING:
    from zooclient.records.model import ModelRecord


@frozen(kw_only=True)
class SeenRef:
    """What a moving name meant.

    Attributes:
        revision: The pinned revision.
        seen_at: When the zoo said so, aware UTC.
    """

    revision: str
    seen_at: datetime


def write_record(layout: Layout, zoo: str, record: ModelRecord, temporary: str, id: str) -> None:
    """Keeps a record under an id; one that says the same is not written again."""
    data = record.to_dict()
    path = layout.record(zoo, id, record.ref.revision or "")
    there = read_json(path)
    # As what it was asked for changes from call to call, and is no part of the claim.
    if not isinstance(there, dict) or {**there, "requested": None} != {**data, "requested": None}:
        write_json(path, data, temporary)


def read_record(layout: Layout, zoo: str, id: str, revision: str) -> ModelRecord | None:
    """Returns a record; None when there is none that can be read."""
    from zooclient.records.model import ModelRecord

    data = read_json(layout.record(zoo, id, revision))
    if not isinstance(data, dict):
        return None
    try:
        return ModelRecord.from_dict(data)
    except ValueError:
        # Written by another version, or damaged: as good as absent, the zoo is asked again.
        return None


def read_access(layout: Layout, zoo: str, id: str, revision: str) -> str | None:
    """Returns the access state that the record tells; None when there is no record."""
    record = read_record(layout, zoo, id, revision)
    return None if record is None else record.access.state


def write_ref(layout: Layout, zoo: str, id: str, name: str, seen: SeenRef, temporary: str) -> None:
    """Keeps what a name meant."""
    data = {"id": id, "name": name, "revision": seen.revision, "seen_at": seen.seen_at.astimezone(UTC).isoformat()}
    write_json(layout.ref(zoo, id, name), data, temporary)


def read_ref(layout: Layout, zoo: str, id: str, name: str) -> SeenRef | None:
    """Returns what a name meant; None when nobody asked."""
    data = read_json(layout.ref(zoo, id, name))
    if not isinstance(data, dict) or data.get("name") != name:
        return None
    try:
        return SeenRef(revision=data["revision"], seen_at=datetime.fromisoformat(data["seen_at"]))
    except (KeyError, TypeError, ValueError):
        return None


def forget(layout: Layout, zoo: str, id: str, revision: str) -> None:
    """Drops the record of a revision, under every name that the model had, and the names that meant it."""
    from zooclient.store.files import discard, storing

    record = layout.record(zoo, id, revision)
    server = os.path.dirname(os.path.dirname(record))
    with storing("removing a record", record):
        for alias in _names(server):
            path = os.path.join(server, alias, os.path.basename(record))
            if path == record or _tells_of(path, id):
                discard(path)
                _drop_names(os.path.join(layout.refs, os.path.basename(server), alias), revision)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _tells_of(path: str, id: str) -> bool:
    from zooclient.records.model import ModelRecord

    data = read_json(path)
    try:
        return isinstance(data, dict) and ModelRecord.from_dict(data).ref.id == id
    except ValueError:
        return False


def _drop_names(folder: str, revision: str) -> None:
    from zooclient.store.files import discard

    for name in _names(folder):
        path = os.path.join(folder, name)
        data = read_json(path)
        if isinstance(data, dict) and data.get("revision") == revision:
            discard(path)
