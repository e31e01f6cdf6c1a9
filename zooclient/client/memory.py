"""What the store remembers of what zoos, and mirrors in their place, have told: records, names, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zooclient.errors import IntegrityError, NetworkError, StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from zooclient.client.mirrors import Told
    from zooclient.client.wiring import Wiring
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref
    from zooclient.records.snapshot import Snapshot
    from zooclient.records.wishes import Wishes


def stored(wiring: Wiring, ref: Ref, wishes: Wishes, record: ModelRecord | None = None) -> Snapshot | None:
    """Returns the snapshot of a revision that answers a wish; None when there is none.

    Of a version that was replaced, and pinned anew, the snapshots before that are none.

    Args:
        wiring: Where the store is.
        ref: The reference, with a revision.
        wishes: What is wanted of it.
        record: What its files must be. None: as the store has it.
    """
    store, place, revision = wiring.store(), wiring.place(ref.scheme), ref.revision or ""
    found = store.find(place, ref.id, revision, wishes.key(), ref.content_digest)
    if found is None or ref.pinned or not ref.versioned:
        return found
    record = record or store.load_record(place, ref.id, revision)
    claims = {file.path: file.digests.get("sha256") for file in record.files} if record is not None else {}
    agreed = all(claims.get(file.path) in (None, file.sha256) for file in found.files)
    return found if agreed else None


def noted(wiring: Wiring, ref: Ref) -> ModelRecord | None:
    """Returns the stored record of a revision; None when there is none.

    One file of a version is known where the whole version is: ``VERSION+FILE``, the file by its key.
    """
    store, place, revision = wiring.store(), wiring.place(ref.scheme), ref.revision or ""
    record = store.load_record(place, ref.id, revision)
    version, plus, key = revision.partition("+")
    if record is not None or not ref.versioned or not plus:
        return record
    whole = store.load_record(place, ref.id, version)
    files = tuple(file for file in whole.files if file.key == key) if whole is not None else ()
    if whole is None or not files:
        return None
    from attrs import evolve

    return evolve(whole, ref=whole.ref.at(revision), files=files)


def known(wiring: Wiring, ref: Ref) -> ModelRecord | None:
    """Returns the stored record of a reference that means the same for ever; None when it does not, or is not known.

    It means the same alone, or with the digests of that record.
    """
    if not (ref.pinned or ref.versioned) or ref.revision is None:
        return None
    from attrs import evolve

    record = noted(wiring, ref)
    return evolve(record, requested=ref) if record is not None else None


def remember(wiring: Wiring, ref: Ref, record: ModelRecord, seen_at: datetime | None = None) -> None:
    """Keeps the claim, and what the name meant (``seen_at``; None: now), for the day the zoo cannot be asked."""
    from datetime import UTC, datetime

    if record.ref.revision is None:
        return
    store, place = wiring.store(), wiring.place(ref.scheme)
    try:
        # Under the name that was asked for too, so that an old name in a script stays warm after a rename.
        for name in dict.fromkeys((record.ref.id, ref.id)):
            store.save_record(place, record, id=name)
            if ref.revision != record.ref.revision:
                store.save_ref(place, name, ref.revision or "", record.ref.revision, seen_at or datetime.now(UTC))
    except StoreError:
        # A home that cannot be written must not keep anybody from asking; the download will say so.
        return


def last_seen(wiring: Wiring, ref: Ref, cause: NetworkError, told: Told | None) -> ModelRecord:
    """Returns what was last seen under a moving name, said with its age; refused in strict mode.

    Args:
        wiring: The client's.
        ref: What was asked for.
        cause: Why the zoo is not asked.
        told: What a mirror last saw. None: nothing.

    Raises:
        NetworkError: ``cause``: neither the store nor the mirror knows, or the mode is strict.
    """
    from datetime import UTC, datetime

    from attrs import evolve

    from zooclient.client import warn

    store, place = wiring.store(), wiring.place(ref.scheme)
    seen = store.find_ref(place, ref.id, ref.revision or "")
    record, seen_at, where = None, None if seen is None else seen.seen_at, "the store"
    if told is not None and told.seen_at is not None and (seen_at is None or told.seen_at >= seen_at):
        record, seen_at, where = told.record, told.seen_at, told.place
    elif seen is not None:
        record = store.load_record(place, ref.id, seen.revision)
    if seen_at is None or record is None:
        cause.about(hint="Nothing in the store answers it either. Get it once while online.")
        raise cause
    if wiring.settings.strict:
        cause.hint = f"Strict mode takes no stale answer. What {where} last saw: {record.ref}"
        raise cause
    if where != "the store":
        remember(wiring, ref, record, seen_at)
    warn.stale(str(ref), str(record.ref), datetime.now(UTC) - seen_at, cause.message.rstrip("."), where)
    return evolve(record, requested=ref)


@contextmanager
def doubting(wiring: Wiring, record: ModelRecord) -> Iterator[None]:
    """Lets go of a claim that failed before anything proved it, so that the next run asks the zoo again.

    One that is part of a pin stays: else a second run would take whatever the zoo has by then.
    """
    try:
        yield
    except IntegrityError:
        if record.ref.revision is not None and not record.ref.versioned and not wiring.in_place(record.ref):
            with suppress(StoreError):  # what failed is the better news
                wiring.store().distrust(wiring.place(record.ref.scheme), record.ref.id, record.ref.revision)
        raise
