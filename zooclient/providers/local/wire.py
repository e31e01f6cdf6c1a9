"""What was found on this machine ↔ records; pure."""

from __future__ import annotations

from zooclient.errors import IntegrityError
from zooclient.providers.local.scan import Scan
from zooclient.records.card import Card
from zooclient.records.classify import classify
from zooclient.records.digest import content_digest
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.paths import path_problems, safe_path
from zooclient.records.ref import Ref

SCHEME = "file"


def read_scan(found: Scan, requested: Ref, identity: str) -> ModelRecord:
    """Makes the record of a folder or file.

    Args:
        found: What lies there.
        requested: The reference as it was asked for.
        identity: The absolute path, as it stands in a reference.

    Raises:
        IntegrityError: A name is not safe elsewhere, or the content is not that of the reference's digest.
    """
    files = []
    for file in found.files:
        role, format_ = classify(safe_path(file.path))
        files.append(
            FileEntry(path=file.path, size=file.size, digests={"sha256": file.sha256}, role=role, format=format_)
        )
    digest = content_digest((file.sha256, file.size, file.path) for file in found.files)
    if requested.content_digest not in (None, digest):
        raise IntegrityError(
            f"{requested.at(None)} holds the content {digest}, and {requested.content_digest} was asked for.",
            hint="The digest covers every file of the folder: one was changed, added or removed.",
        )
    card = Card.parse(found.card) if found.card is not None else Card()
    told = [f"The card: {problem}" for problem in card.problems]
    return ModelRecord(
        ref=Ref(scheme=SCHEME, id=identity, content_digest=digest),
        requested=requested,
        pin="content",
        title=identity.rpartition("/")[2] or identity,
        files=tuple(files),
        task=card.task,
        library=card.library,
        license=card.license,
        tags=card.tags,
        updated_at=max((file.changed_at for file in found.files), default=None),
        base_models=card.base_models,
        metadata=card.data,
        problems=(*found.problems, *told, *path_problems(file.path for file in files)),
    )
