"""Hashes again what the store holds of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.client.telling import telling
from zooclient.errors import RefError
from zooclient.net.exchange import Call

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.ref import Ref
    from zooclient.store.reports import Verdict


def verify(wiring: Wiring, ref: Ref) -> Flow[Verdict]:
    """Hashes every byte of it; no network.

    Raises:
        RefError: It lies outside the store.
        NotFound: The store holds nothing of it.
    """
    with telling("verify", ref):
        store, place = wiring.store(), wiring.place(ref.scheme)
        if wiring.in_place(ref):
            raise RefError(f"{ref} lies outside the store; resolving it hashes it.", hint=f"`zooclient resolve {ref}`")
        revision = ref.revision
        if not ref.pinned:
            seen = store.find_ref(place, ref.id, revision or "")
            revision = seen.revision if seen is not None else revision
        record = None if revision is None else store.load_record(place, ref.id, revision)
        # Snapshots lie under the name that the model has now; the reference may hold one of old.
        name = ref.id if record is None else record.ref.id
        verdict: Verdict = yield Call(run=lambda: store.verify(place, name, revision))
        return verdict
