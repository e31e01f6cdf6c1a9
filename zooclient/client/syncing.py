"""From a lock to snapshots: what is held is found without asking anybody, and the rest is one transfer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from zooclient.client.locked import MARK, held_to_lock, record_of_lock
from zooclient.client.memory import noted, remember, stored
from zooclient.client.telling import keeping, raise_all, telling
from zooclient.errors import ConfigError, PolicyError

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.client.wiring import Wiring
    from zooclient.lock.format import LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.snapshot import Snapshot
    from zooclient.transfer.reporter import Reporter


@frozen(kw_only=True)
class Synced:
    """One model that is now held.

    Attributes:
        name: What the project calls it.
        snapshot: The files.
        fetched: Bytes that had to come over the network for it; 0 when everything was held.
    """

    name: str
    snapshot: Snapshot
    fetched: int = 0


def share(models: Sequence[LockedModel], shard: tuple[int, int] | None) -> tuple[LockedModel, ...]:
    """Returns the models of one of several workers; together they bring each model once.

    The largest go first, each to the worker that has least so far: everybody finds the same division by himself.

    Args:
        models: All of them.
        shard: Number of the worker, from 1, and how many there are. None: one, who brings all.

    Raises:
        ConfigError: There is no such worker.
    """
    if shard is None:
        return tuple(models)
    number, count = shard
    if not 1 <= number <= count:
        raise ConfigError(f"There is no shard {number} of {count}.", hint="The first is 1/n, and the last n/n.")
    loads = [0] * count
    chosen = set()
    for model in sorted(models, key=lambda model: (-model.size, model.name)):
        least = loads.index(min(loads))
        loads[least] += model.size + 1
        if least == number - 1:
            chosen.add(model.name)
    return tuple(model for model in models if model.name in chosen)


def sync(
    steps: Steps,
    models: Iterable[LockedModel],
    *,
    asking: bool,
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[tuple[Synced, ...]]:
    """Every locked model as a snapshot of exactly the locked files.

    Args:
        steps: The steps.
        models: What is wanted.
        asking: Whether a zoo may be asked for its record of a model of which the store has none. Else the lock's word
            does, and nothing but bytes moves.
        reporter: Told of progress. None: nobody is.
        cancel: Stops it. None: nothing does.

    Raises:
        IntegrityError: A zoo says something else than the lock, or other bytes come.
        ZooError: As for a download.
    """
    models = tuple(models)
    found = {model.name: held(steps.wiring, model) for model in models}
    plans: dict[str, Plan] = {}
    refused: list[PolicyError] = []
    for model in models:
        snapshot = found[model.name]
        if snapshot is None:
            with keeping(refused), telling("sync", model.ref):
                plans[model.name] = yield from plan_of_lock(steps, model, asking=asking)
        elif steps.policed:
            from zooclient.client.policing import hold_snapshot

            with keeping(refused), telling("sync", model.ref):
                yield from hold_snapshot(steps, snapshot)
    if refused:
        raise_all(refused)
    brought = yield from steps.bring_all(tuple(plans.values()), reporter, cancel)
    snapshots = dict(zip(plans, brought, strict=True))
    return tuple(
        Synced(
            name=model.name,
            snapshot=found[model.name] or snapshots[model.name],
            fetched=plans[model.name].bytes_to_fetch if model.name in plans else 0,
        )
        for model in models
    )


def plan_of_lock(steps: Steps, model: LockedModel, *, asking: bool) -> Flow[Plan]:
    """What is to be done for a locked model: exactly the locked files, whatever its patterns would choose today."""
    from zooclient.records.wishes import Wishes

    record = yield from record_for(steps, model, asking=asking)
    record = evolve(record, requested=evolve(model.ref, content_digest=model.content_digest))
    plan = yield from steps.plan(record, Wishes(weights="all"))
    return evolve(plan, wishes=model.wishes)


def held(wiring: Wiring, model: LockedModel) -> Snapshot | None:
    """Returns the snapshot of a locked model without asking anybody; None when the store has none."""
    with telling("sync", model.ref):
        return stored(wiring, evolve(model.ref, content_digest=model.content_digest), model.wishes)


def record_for(steps: Steps, model: LockedModel, *, asking: bool) -> Flow[ModelRecord]:
    """The record of a locked model, with the locked files alone: the store's, the zoo's if it may be asked, or made."""
    from zooclient.providers.further import ListsFiles

    record = noted(steps.wiring, model.ref)
    if record is None and asking and not steps.settings.offline:
        record = yield from steps.resolve(model.ref)
    if isinstance(steps.wiring.provider(model.ref.scheme), ListsFiles):
        # They are told with the bytes, by digest: of an image, its manifest.
        whole = record if record is not None else evolve(record_of_lock(model), files=())
        return held_to_lock((yield from steps.listed(whole, "sync")), model)
    if record is not None and MARK not in record.extra:
        return held_to_lock(record, model)
    made = record_of_lock(model)
    if record is None:
        remember(steps.wiring, model.ref, made)
    return made
