"""``check``: models held against every policy, and nothing fetched but what has to be read to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.client.locked import MARK, held_lock
from zooclient.client.memory import noted
from zooclient.client.policing import judged, locked_subject, policies_of
from zooclient.client.projects import within
from zooclient.client.telling import telling
from zooclient.errors import ConfigError
from zooclient.records.checks import check_tuples
from zooclient.records.plain import Plain
from zooclient.records.policy import Violation
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.lock.files import Project
    from zooclient.lock.format import LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.wishes import Wishes


@frozen(kw_only=True)
class Checked(Plain):
    """What the policies say of one model.

    Attributes:
        ref: The model, pinned.
        name: What the project calls it. None: it was asked for by reference.
        violations: All that they have against it; empty: it passes.
        notes: Sentences on what could not be told, and on exceptions that were made use of.
    """

    ref: Ref
    name: str | None = None
    violations: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_tuples(violations=self.violations, notes=self.notes)

    @property
    def passes(self) -> bool:
        """Whether no policy has anything against it."""
        return not self.violations


def check_refs(steps: Steps, refs: tuple[Ref, ...], wishes: Wishes, cancel: Cancel | None) -> Flow[tuple[Checked, ...]]:
    """What the policies say of models that are named by reference.

    Raises:
        ConfigError: There is no policy.
        ZooError: As for planning each of them.
    """
    from attrs import evolve

    from zooclient.client.listing import listed
    from zooclient.planning import build_plan

    _needs_policy(steps)
    done = []
    for ref in refs:
        if cancel is not None:
            cancel.check()
        with telling("check", ref):
            record = yield from listed(steps.wiring, (yield from steps.resolve(ref)), "check")
            settled = ref.pinned or ref.versioned or steps.wiring.in_place(ref)
            # Whether the bytes may be had is another question than whether they may be used.
            plan = build_plan(record, evolve(wishes, allow_unverified=True), lambda file: None)
            found, notes = yield from judged(steps, record, plan.files, moving=None if settled else ref)
        done.append(Checked(ref=record.ref, violations=found, notes=notes))
    return tuple(done)


def check_project(steps: Steps, project: Project, cancel: Cancel | None) -> Flow[tuple[Checked, ...]]:
    """What the policies say of the locked models of a project.

    Raises:
        ConfigError: There is no policy, or no lock that fits.
        ZooError: As for resolving each of them.
    """
    steps = within(steps, project)
    _needs_policy(steps)
    done = []
    for model in held_lock(project, "check").models:
        if cancel is not None:
            cancel.check()
        with telling("check", model.ref):
            known = yield from _record(steps, model)
            record, files = locked_subject(model, known)
            found, notes = yield from judged(steps, record, files)
        done.append(Checked(name=model.name, ref=model.ref, violations=found, notes=notes))
    return tuple(done)


def _record(steps: Steps, model: LockedModel) -> Flow[ModelRecord | None]:
    """The whole record of a locked model: the store's, or the zoo's; None where neither may be had."""
    known = noted(steps.wiring, model.ref)
    if known is not None and MARK not in known.extra:
        return known
    if steps.settings.offline:
        return None
    return (yield from steps.resolve(model.ref))


def _needs_policy(steps: Steps) -> None:
    if not policies_of(steps.wiring, steps.policies):
        raise ConfigError(
            "There is no policy to check by.",
            operation="check",
            hint="[policy] in zoo.toml is one; so is the file that ZOOCLIENT_POLICY names, and strict mode.",
        )
