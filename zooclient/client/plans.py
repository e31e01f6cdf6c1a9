"""From a record and wishes to a plan: what is to be fetched, held against what the store has and the zoo allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.client.gates import refusal_of
from zooclient.client.memory import doubting
from zooclient.client.telling import telling
from zooclient.errors import IntegrityError, NotFound
from zooclient.planning import build_plan

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.wishes import Wishes


def plan_of(wiring: Wiring, record: ModelRecord, wishes: Wishes) -> Plan:
    """Returns what a download would do.

    Raises:
        AccessError: The zoo will not hand the files out, as its record tells already.
        Gone: Likewise.
        ZooError: As for :func:`~zooclient.planning.build_plan`.
    """
    with telling("plan", record.ref), doubting(wiring, record):
        if wiring.in_place(record.ref):
            from attrs import evolve

            # Digests of files on this machine were just computed by us: there is nothing to refuse.
            return build_plan(record, evolve(wishes, allow_unverified=True), lambda file: "in place")
        shut = refusal_of(wiring, record)
        try:
            plan = build_plan(record, wishes, wiring.store().held)
        except (IntegrityError, NotFound) as error:
            raise shut or error from error.__cause__
        # A card may be open where the rest is not.
        if shut is not None and (not plan.files or any(file.role != "card" for file in plan.fetch)):
            raise shut
        return plan
