"""Pins that are a version with the digests of a record, because the zoo may put other bytes behind that version.

What the zoo told first is kept in the store, and everything later is held to it: what the zoo tells when it is asked
again, and what comes. Only a caller who says so has what was replaced pinned anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.client.guests import guarded
from zooclient.client.memory import noted
from zooclient.errors import IntegrityError, NotFound, PolicyError, ZooError

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref


def too_loose(ref: Ref, operation: str) -> PolicyError:
    """Returns what strict mode says to a reference that is no pin, and of which no digests are held."""
    if ref.versioned:
        why, hint = "may be replaced by its zoo", f"`zooclient resolve {ref}` stores its digests, which pin it."
    else:
        why = "names a moving revision"
        hint = f"`zooclient resolve {ref}` prints the pinned reference, or says that there is none."
    return PolicyError(
        f"{ref} {why}, and strict mode takes only pins.",
        ref=str(ref),
        zoo=ref.scheme,
        operation=operation,
        hint=hint,
    )


def held_to_noted(wiring: Wiring, record: ModelRecord) -> Flow[ModelRecord]:
    """Holds what a zoo told, perhaps under a moving name, to what is stored of the version that it told of.

    Raises:
        IntegrityError: Its files were replaced.
        NotFound: A file is there no longer.
    """
    known = noted(wiring, record.ref) if record.ref.versioned else None
    if known is None:
        return record
    told = {file.key or file.path: file.digests.get("sha256") for file in record.files}
    pinned = ((file.key or file.path, file.digests.get("sha256")) for file in known.files)
    if all(digest is None or told.get(name) == digest for name, digest in pinned):
        return record
    from attrs import evolve

    return evolve((yield from refreshed(wiring, known)), requested=record.requested)


def refreshed(wiring: Wiring, known: ModelRecord) -> Flow[ModelRecord]:
    """What the zoo tells now of a version, held to what was stored of it.

    Raises:
        IntegrityError: Its files were replaced.
        NotFound: A file, or the version, is there no longer.
    """
    from attrs import evolve

    from zooclient.providers.further import MayReplace

    provider = wiring.provider(known.ref.scheme)
    with guarded(known.ref.scheme):
        if not isinstance(provider, MayReplace):
            return (yield from provider.resolve(known.requested))
        return evolve((yield from provider.refresh(known)), requested=known.requested)


def look_again(wiring: Wiring, record: ModelRecord, error: ZooError) -> Flow[None]:
    """Asks a zoo that may replace files once whether it did, where they did not come as they were pinned.

    Raises:
        IntegrityError: It did; told in place of what came.
        NotFound: A file, or the version, is there no longer.
    """
    from zooclient.providers.further import MayReplace

    provider = wiring.provider(record.ref.scheme)
    if not record.ref.versioned or not isinstance(provider, MayReplace) or wiring.settings.offline:
        return
    try:
        with guarded(record.ref.scheme):
            yield from provider.refresh(record)
    except (IntegrityError, NotFound) as told:
        raise told from error
    except ZooError:
        return  # what failed first is the better news
