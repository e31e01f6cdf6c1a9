"""A snapshot of files that lie on this machine already: they are used where they are, not copied."""

from __future__ import annotations

from datetime import UTC, datetime

from zooclient.errors import IntegrityError
from zooclient.records.digest import content_digest, weights_digest
from zooclient.records.plan import Plan
from zooclient.records.snapshot import Snapshot, SnapshotFile


def snapshot_in_place(plan: Plan) -> Snapshot:
    """Builds the snapshot of a ``file:`` plan, whose digests were computed when it was resolved.

    Raises:
        IntegrityError: A file changed since then, or the files are not those that the reference's fragment names.
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
    digest = content_digest((file.sha256, file.size, file.path) for file in files)
    wanted = plan.record.requested.content_digest
    if wanted not in (None, digest, plan.record.ref.content_digest):
        raise IntegrityError(f"{plan.record.ref} has the content digest {digest}, and {wanted} was asked for.")
    return Snapshot(
        ref=plan.record.ref,
        path=folder,
        files=tuple(files),
        content_digest=digest,
        weights_digest=weights_digest((file.sha256, file.size) for file in files if file.role == "weights"),
        verified_at=datetime.now(UTC),
        read_record=lambda: plan.record,
    )
