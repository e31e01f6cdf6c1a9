"""A name of the project in place of a reference: the model that the lock says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.errors import ConfigError, NotFound
from zooclient.records.wishes import Wishes

if TYPE_CHECKING:
    from pathlib import Path

    from zooclient.client.steps import Steps
    from zooclient.lock.format import LockedModel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.snapshot import Snapshot


def locked(file: Path, name: str, operation: str) -> LockedModel:
    """Returns what a project's lock says of a name; asks nobody.

    Raises:
        NotFound: The project has no such model.
        ConfigError: It is not locked, or no longer as the project has it.
    """
    from difflib import get_close_matches

    from zooclient.client.locked import disagreements
    from zooclient.lock.files import Project
    from zooclient.lock.format import Lock

    project = Project(file)
    wanted = {one.name: one for one in project.wanted()}
    if name not in wanted:
        near = get_close_matches(name, wanted, 1)
        raise NotFound(
            f"{name!r} is neither a reference nor a model of {file}.",
            operation=operation,
            hint=f"Is {near[0]} meant?" if near else "A reference begins with its zoo, such as hf:org/name.",
        )
    found = (project.lock() or Lock()).model(name)
    told = disagreements((wanted[name],), Lock(models=() if found is None else (found,)))
    if found is None or told:
        raise ConfigError(" ".join(told), operation=operation, hint="`zooclient lock` brings the lock up to date.")
    return found


def named_record(steps: Steps, model: LockedModel) -> Flow[ModelRecord]:
    """The record of a locked model, whole where the store or its zoo has it."""
    from zooclient.client.syncing import record_for

    return (yield from record_for(steps, model, asking=True))


def named_plan(steps: Steps, model: LockedModel, wishes: Wishes) -> Flow[Plan]:
    """What a download of a locked model would do: the locked files, or those among them that are wished for."""
    from zooclient.client.syncing import plan_of_lock, record_for

    if wishes in (Wishes(), model.wishes):
        return (yield from plan_of_lock(steps, model, asking=False))
    return (yield from steps.plan((yield from record_for(steps, model, asking=False)), wishes))


def named_snapshot(steps: Steps, model: LockedModel, wishes: Wishes) -> Snapshot | None:
    """Returns the snapshot of a locked model that answers a wish, without asking anybody; None: there is none."""
    from zooclient.client.memory import stored
    from zooclient.client.syncing import held

    if wishes in (Wishes(), model.wishes):
        return held(steps.wiring, model)
    return stored(steps.wiring, model.ref, wishes)
