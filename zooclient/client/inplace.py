"""A snapshot of files that lie on this machine already: they are used where they are, not copied."""

from __future__ import annotations

from datetime import UTC, datetime

from zooclient.errors import IntegrityError
from zooclient.records.digest import content_digest, weights_digest
from zooclient.records.plan import Plan
from zooclient.records.snapshot import Snapshot, SnapshotFile


def snapshot_in_place(plan: Plan) -> Snapshot:
    """Builds the snapshot of a ``file:`` plan, whose digests were computed, and held to the reference's, when resolved.

    Raises:
        IntegrityError: A file changed since then.
    """
    from zooclient.providers.local.provider import folder_of

    folder = folder_of(plan.record.ref)
    files = []
    for entry in plan.files:
        size = (folder / entry.path).stat().st_size
        if size != entry.size:
            raise IntegrityError(
                f"{entry.path} of {plan.record.ref} changed while it was being read: {entry.size} bytes became {size}.",
                hint="Run it again when nobody is writing there.",
            )
        files.append(SnapshotFile(path=entry.path, size=size, sha256=entry.digests["sha256"], role=entry.role))
    return Snapshot(
        ref=plan.record.ref,
        path=folder,
        files=tuple(files),
        content_digest=content_digest((file.sha256, file.size, file.path) for file in files),
        weights_digest=weights_digest((file.sha256, file.size) for file in files if file.role == "weights"),
        verified_at=datetime.now(UTC),
        read_record=lambda: plan.record,
    )
