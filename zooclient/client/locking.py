"""From the models that a project names to a lock: each resolved, its files chosen, every digest known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zooclient.client.locked import disagreements
from zooclient.client.telling import keeping, raise_all, telling
from zooclient.errors import ConfigError, PolicyError, Unsupported
from zooclient.lock.format import Lock, LockedFile, LockedModel
from zooclient.records.digest import content_digest, weights_digest
from zooclient.records.wishes import Wishes

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.lock.project import Wanted
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.transfer.reporter import Reporter


def lock(
    steps: Steps,
    wanted: Iterable[Wanted],
    before: Lock | None,
    *,
    renew: Iterable[str],
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[Lock]:
    """The lock of these models; what is locked already and still wanted stays as it is, but for what is to be renewed.

    Args:
        steps: The steps.
        wanted: The models.
        before: The lock as it is. None: there is none.
        renew: Names of models that are resolved anew although they are locked.
        reporter: Told of the small files that have to be fetched. None: nobody is.
        cancel: Stops it. None: nothing does.
    """
    models, again = [], set(renew)
    refused: list[PolicyError] = []
    for one in wanted:
        if cancel is not None:
            cancel.check()
        held = None if before is None else before.model(one.name)
        if held is not None and one.name not in again and not disagreements((one,), Lock(models=(held,))):
            models.append(held)
            if steps.policed:
                from zooclient.client.policing import hold_locked

                with keeping(refused), telling("lock", held.ref):
                    yield from hold_locked(steps, held)
        else:
            with keeping(refused):
                models.append((yield from _locked(steps, one, reporter, cancel)))
    if refused:
        raise_all(refused)
    return Lock(models=tuple(models))


def _locked(steps: Steps, wanted: Wanted, reporter: Reporter | None, cancel: Cancel | None) -> Flow[LockedModel]:
    with telling("lock", wanted.ref):
        record = yield from steps.resolve(wanted.ref)
        if record.pin == "none" or record.ref.revision is None:
            raise ConfigError(
                f"{wanted.ref} cannot be locked: its zoo has no revision of it that stays what it is.",
                hint="A model on this machine, or one that is only run, has no place in a lock.",
            )
        plan = yield from steps.plan(record, wanted.wishes)
        if any(file.unopened for file in plan.files):
            raise Unsupported(
                f"{wanted.ref} cannot be locked with the weights of its image: nobody knows what is in a layer before "
                "it was opened.",
                hint='Lock what describes it (weights = "auto"), and the weights where they lie as files.',
            )
        digests = yield from _digests(steps, plan, reporter, cancel)
    return _entry(wanted, record, plan.files, digests)


def _digests(
    steps: Steps, plan: Plan, reporter: Reporter | None, cancel: Cancel | None
) -> Flow[dict[str, tuple[str, int]]]:
    """sha256 and size of every file; those of which the zoo states none are fetched, and hashed by us."""
    known = {
        file.path: (file.digests["sha256"], file.size)
        for file in plan.files
        if "sha256" in file.digests and file.size is not None
    }
    lacking = tuple(file.path for file in plan.files if file.path not in known)
    if lacking:
        wishes = Wishes(files=lacking, weights="all", allow_unverified=plan.wishes.allow_unverified)
        snapshot = yield from steps.download(plan.record, wishes, operation="lock", reporter=reporter, cancel=cancel)
        known.update({file.path: (file.sha256, file.size) for file in snapshot.files if file.path in lacking})
    return known


def _entry(
    wanted: Wanted, record: ModelRecord, files: Iterable[FileEntry], digests: dict[str, tuple[str, int]]
) -> LockedModel:
    ordered = sorted(files, key=lambda file: file.path.encode())
    license_ = record.license
    return LockedModel(
        name=wanted.name,
        requested=wanted.ref,
        ref=record.ref,
        wishes=wanted.wishes,
        origin=record.endpoint,
        stable_id=record.stable_id,
        owner=record.author,
        created_at=record.created_at,
        updated_at=record.updated_at,
        license=license_.spdx or license_.raw or license_.name,
        base_models=record.base_models,
        access=record.access.state,
        sources=wanted.sources,
        files=tuple(
            LockedFile(path=file.path, size=digests[file.path][1], sha256=digests[file.path][0], key=file.key)
            for file in ordered
        ),
        keys={file.path: file.key for file in ordered if file.key is not None},
        content_digest=content_digest((*digests[file.path], file.path) for file in ordered),
        weights_digest=weights_digest(digests[file.path] for file in ordered if file.role == "weights"),
    )
