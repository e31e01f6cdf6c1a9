"""Pushing models into a mirror: a store of its own in a folder, filled from the client's store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from zooclient.client.mirrorfolder import catalogue_of, listing_of, opened
from zooclient.client.telling import telling
from zooclient.errors import Unsupported
from zooclient.net.exchange import Call
from zooclient.records.codec import to_dict
from zooclient.records.model import FileEntry, License
from zooclient.records.receipt import Receipt
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile
from zooclient.store.layout import extended

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.wishes import Wishes
    from zooclient.store.store import Store
    from zooclient.transfer.reporter import Reporter


State = Literal["pushed", "already there", "left out"]
_PUSHED: State = "pushed"
_THERE: State = "already there"


@frozen(kw_only=True)
class Mirrored:
    """What became of one model.

    Attributes:
        ref: The pinned reference.
        state: ``pushed``; ``already there``, and nothing moved; or ``left out``.
        reason: One sentence, where it was left out. None otherwise.
        access: Access state that its record tells, such as ``open`` or ``gated``.
        license: Its licence.
        files: Number of files of it that the mirror holds by this push.
        size: Their bytes.
        added: Bytes that the mirror had not held before.
    """

    ref: Ref
    state: State
    reason: str | None = None
    access: str
    license: License
    files: int = 0
    size: int = 0
    added: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return to_dict(self)


def push(
    steps: Steps,
    folder: Path,
    refs: Sequence[Ref],
    wishes: Wishes,
    *,
    include: Sequence[Ref] = (),
    reporter: Reporter | None = None,
    cancel: Cancel,
) -> Flow[tuple[Mirrored, ...]]:
    """Makes a mirror, or extends it: what is missing is got into the store first, verified, then linked or copied.

    Args:
        steps: The steps of the client.
        folder: The mirror; made when it is not there.
        refs: What it is to hold.
        wishes: Which files of each.
        include: References that are pushed whatever their access says: naming one is to say that whoever can read the
            mirror may have it. One without a revision means every revision of the model that is pushed.
        reporter: Told of downloads.
        cancel: Ends it; what has arrived is kept.

    Raises:
        ConfigError: The folder holds other things.
        Unsupported: A model that has no pin, or lies on this machine anyway.
        StoreError: The disk refuses.
        ZooError: As for a download.
    """
    target: Store = yield Call(run=partial(opened, folder, steps.wiring.store().home, steps.settings))
    done = []
    try:
        for ref in _all_of(refs, include):
            record = yield from steps.listed(ref, "mirror")
            with telling("mirror", record.ref):
                mirrored = yield from _push(steps, target, ref, record, wishes, include, reporter, cancel)
            done.append(mirrored)
        yield Call(run=partial(target.rewrite, partial(catalogue_of, target)))
    finally:
        target.close()
    return tuple(done)


def _all_of(refs: Sequence[Ref], include: Sequence[Ref]) -> list[Ref]:
    """Returns what is to be pushed: what is named to be included is, too."""
    models = {(ref.scheme, ref.id) for ref in refs}
    return list(dict.fromkeys([*refs, *(ref for ref in include if (ref.scheme, ref.id) not in models)]))


def _push(
    steps: Steps,
    target: Store,
    ref: Ref,
    record: ModelRecord,
    wishes: Wishes,
    include: Sequence[Ref],
    reporter: Reporter | None,
    cancel: Cancel,
) -> Flow[Mirrored]:
    _refuse_unpinned(steps, record)
    outcome = partial(Mirrored, ref=record.ref, access=record.access.state, license=record.license)
    if record.access.state != "open" and not any(_names(named, ref, record) for named in include):
        return outcome(
            state="left out",
            reason=f"Its access is {record.access.state}, and whoever can read a mirror can have what it holds; "
            f"--include {record.ref.at(None)} pushes it all the same.",
        )
    zoo = steps.wiring.place(record.ref.scheme)
    held: Snapshot | None = yield Call(run=partial(_held, target, zoo, record, wishes))
    added, state = 0, _THERE
    if held is None:
        state = _PUSHED
        snapshot = yield from steps.download(record, wishes, operation="mirror", reporter=reporter, cancel=cancel)
        if any(file.unopened for file in record.files):
            record = snapshot.record  # what the layers turned out to hold is what the mirror can give
        added = yield Call(run=partial(_bring_in, steps, target, zoo, record, snapshot, wishes, cancel))
        held = snapshot
    yield Call(run=partial(_tell, steps, target, zoo, ref, record))
    return outcome(
        state=state,
        files=len(held.files),
        size=sum(file.size for file in held.files),
        added=added,
    )


def _refuse_unpinned(steps: Steps, record: ModelRecord) -> None:
    if steps.wiring.in_place(record.ref):
        raise Unsupported(f"{record.ref} lies on this machine; a mirror holds what comes from a zoo.")
    if record.ref.revision is None or record.pin == "none":
        raise Unsupported(f"{record.ref} has no immutable revision, so nobody could ask a mirror for it.")


def _names(named: Ref, ref: Ref, record: ModelRecord) -> bool:
    """Whether a reference of the include list means this model."""
    same = named.scheme == record.ref.scheme and named.id in (ref.id, record.ref.id)
    return same and named.revision in (None, ref.revision, record.ref.revision)


# -- one model ----------------------------------------------------------------------------------


def _held(target: Store, zoo: str, record: ModelRecord, wishes: Wishes) -> Snapshot | None:
    """Returns the snapshot that the mirror itself has of these wishes, with all its contents; None: something lacks."""
    found = target.find(zoo, record.ref.id, record.ref.revision or "", wishes.key(), record.requested.content_digest)
    if found is None or not extended(str(found.path)).startswith(target.layout.snapshots + os.sep):
        return None
    whole = all(target.held(_entry(record, file)) == "store" for file in found.files)
    return found if whole else None


def _bring_in(
    steps: Steps,
    target: Store,
    zoo: str,
    record: ModelRecord,
    snapshot: Snapshot,
    wishes: Wishes,
    cancel: Cancel,
) -> int:
    """Blocking: contents, then the record, then the snapshot. Returns the bytes that the mirror had not held."""
    added, receipts = 0, []
    with steps.wiring.store().hold(snapshot):
        for file in snapshot.files:
            cancel.check()
            entry = _entry(record, file)
            if target.held(entry) != "store":
                added += file.size
            observed = target.adopt(entry, cancel=cancel)
            if observed is None:  # the content is gone or damaged, and the snapshot has it still
                path = snapshot.path / file.path
                observed = target.deposit(entry, path, owner=str(record.ref), cancel=cancel, move=False)
            receipts.append(Receipt(path=file.path, observed=observed, claimed=file.claimed))
        target.assemble(zoo, record, wishes, receipts)
    return added


def _entry(record: ModelRecord, file: SnapshotFile) -> FileEntry:
    """Returns a file by the digest that it was found to have, and the one by which the zoo knows it."""
    claimed = record.file(file.path)
    git_sha1 = None if claimed is None else claimed.digests.get("git-sha1")
    digests = {"sha256": file.sha256} | ({} if git_sha1 is None else {"git-sha1": git_sha1})
    return FileEntry(path=file.path, size=file.size, digests=digests)


def _tell(steps: Steps, target: Store, zoo: str, ref: Ref, record: ModelRecord) -> None:
    """Blocking: what the mirror holds of the revision, then the names that mean it."""
    target.rewrite(partial(listing_of, target.layout, zoo, record.ref))
    revision = record.ref.revision or ""
    for name in dict.fromkeys((record.ref.id, ref.id)):
        if name != record.ref.id:
            target.save_record(zoo, record, id=name)
        if ref.revision != revision:
            seen = steps.wiring.store().find_ref(zoo, name, ref.revision or "")
            at = seen.seen_at if seen is not None and seen.revision == revision else datetime.now(UTC)
            target.save_ref(zoo, name, ref.revision or "", revision, at)
