"""From a reference to the record of the one revision that it names: by the zoo, the store, or a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.client.guests import guarded
from zooclient.client.listing import with_files
from zooclient.client.memory import known, last_seen, remember
from zooclient.client.pins import held_to_noted, refreshed, too_loose
from zooclient.client.telling import telling
from zooclient.errors import NetworkError, Offline, ProtocolError, RateLimited
from zooclient.records.digest import proves

if TYPE_CHECKING:
    from zooclient.client.mirrors import Mirrors
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref


def resolve(wiring: Wiring, ref: Ref, *, demos: bool = False, accept_replaced: bool = False) -> Flow[ModelRecord]:
    """The record of what ``ref`` names: from the store when it is pinned and known, else from the zoo.

    What a zoo tells of a version that it may replace is held to the record that is stored of it, unless what was
    replaced is to be accepted.
    """
    with telling("resolve", ref):
        provider = wiring.provider(ref.scheme)
        if provider.capability.in_place:
            return (yield from provider.resolve(ref, demos=demos))
        held = known(wiring, ref)
        settled = wiring.settings.offline or (ref.pinned and held is not None and _final(held))
        if held is not None and not demos and settled:
            return held
        mirrors = _mirrors(wiring, ref.scheme)
        if wiring.settings.offline:
            cause = Offline("Connections are switched off (offline).")
            return (yield from _without_zoo(wiring, ref, held, mirrors, cause, demos=demos))
        if mirrors is not None and mirrors.only:
            return (yield from _without_zoo(wiring, ref, held, mirrors, mirrors.closed(), demos=demos))
        try:
            if held is not None and ref.versioned and not ref.pinned and not accept_replaced:
                record = yield from refreshed(wiring, held)
            else:
                with guarded(ref.scheme):
                    record = yield from provider.resolve(ref, demos=demos)
            if not accept_replaced:
                record = yield from held_to_noted(wiring, record)
        except (ProtocolError, RateLimited):
            raise
        except NetworkError as error:
            return (yield from _without_zoo(wiring, ref, held, mirrors, error, demos=demos))
        record = with_files(wiring, record)
        remember(wiring, ref, record)
        return record


def resolve_for(wiring: Wiring, ref: Ref, operation: str) -> Flow[ModelRecord]:
    """The record of what a step is to work with; a moving name is told, or refused in strict mode."""
    with telling(operation, ref):
        settled = ref.pinned or wiring.in_place(ref)
    if settled:
        return (yield from resolve(wiring, ref))
    held = known(wiring, ref)
    if held is not None and _final(held) and held.access.state == "open":
        return held
    if wiring.settings.strict and held is None:
        raise too_loose(ref, operation)
    if wiring.policed and held is None:
        from zooclient.client.policing import hold_name

        with telling(operation, ref):
            hold_name(wiring, ref)
    record = yield from resolve(wiring, ref)
    if not ref.versioned and not (ref.revision is None and record.pin == "none"):
        from zooclient.client import warn

        warn.unpinned(str(ref), str(record.ref))
    return record


def _mirrors(wiring: Wiring, scheme: str) -> Mirrors | None:
    """The mirrors of a zoo; None where they play no part."""
    if not wiring.settings.zoo(scheme).mirrored:
        return None
    from zooclient.client.mirrors import Mirrors

    return Mirrors(wiring, scheme)


def _final(record: ModelRecord) -> bool:
    """Whether a record is all that the zoo tells, and can prove every file.

    One without digests, as strangers get of a gated model, is not final, and neither is one that was made of a lock.
    """
    from zooclient.client.locked import MARK

    return MARK not in record.extra and all(proves(file.digests) for file in record.files)


def _without_zoo(
    wiring: Wiring,
    ref: Ref,
    held: ModelRecord | None,
    mirrors: Mirrors | None,
    cause: NetworkError,
    *,
    demos: bool,
) -> Flow[ModelRecord]:
    """What a mirror says in the place of a zoo that is not reached, or what the store has.

    Args:
        wiring: The client's.
        ref: What was asked for.
        held: The stored record. None: there is none.
        mirrors: The mirrors of the zoo. None: they play no part.
        cause: Why the zoo is not asked.
        demos: Hosted demos are wanted, of which neither knows.
    """
    from attrs import evolve

    told = None
    if mirrors is not None and not demos:
        try:
            told = yield from mirrors.tell(ref)
        except NetworkError as error:
            cause = error
    if told is None and held is not None and not demos:
        return held
    if told is None or told.seen_at is not None:
        return last_seen(wiring, ref, cause, told)
    remember(wiring, ref, told.record)
    return evolve(told.record, requested=ref)
