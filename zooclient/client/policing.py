"""Where models are held against policies: before the first byte, and again when what is held is handed out.

Every plan passes here, and every snapshot that is found without one; the judging itself is
:mod:`zooclient.records.policycheck`. A plan of the card alone passes: whoever is to decide has to read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from zooclient.client.locked import MARK, record_of_lock
from zooclient.client.memory import noted
from zooclient.errors import ConfigError, RefError
from zooclient.records.policy import Policy, Violation
from zooclient.records.policycheck import STRICT, Subject, judge, refusal, unpinned
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from zooclient.client.steps import Steps
    from zooclient.client.wiring import Wiring
    from zooclient.lock.format import LockedModel
    from zooclient.net.exchange import Flow
    from zooclient.records.card import Card
    from zooclient.records.model import FileEntry, License, ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.snapshot import Snapshot


def policies_of(wiring: Wiring, also: Iterable[Path] = ()) -> tuple[Policy, ...]:
    """Returns every policy that holds for a client: the floors, its project's, its own, and strict mode.

    Args:
        wiring: The client's.
        also: Further files that hold one.

    Raises:
        ConfigError: One cannot be read.
    """
    read = wiring.policies_read  # once a client, as its settings are
    for path in (*wiring.settings.policies, *also):
        if path not in read:
            read[path] = policy_in(path)
    found = [read[path] for path in dict.fromkeys((*wiring.settings.policies, *also))]
    if wiring.policy is not None:
        found.append(wiring.policy)
    if wiring.settings.strict:
        found.append(Policy(source=STRICT, require_pinned=True, forbidden_formats=("pickle",), remote_code=False))
    return tuple(found)


def policy_in(path: Path) -> Policy:
    """Returns the policy in a file: a floor, or a project's.

    Raises:
        ConfigError: It cannot be read, or has none.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"The policy {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The policy {path} is not UTF-8.") from error
    if path.name != "pyproject.toml":
        return Policy.parse(text, source=str(path))
    from zooclient.settings.files import project_in

    found = project_in(path.parent)
    return Policy.of({} if found is None else found[1], source=str(path))


def has_policy(project: Path) -> bool:
    """Whether a project file has a policy.

    Raises:
        ConfigError: It cannot be read.
    """
    from zooclient.settings.files import project_in

    found = project_in(project.parent)
    return found is not None and found[0] == project and "policy" in found[1]


def hold_name(wiring: Wiring, ref: Ref) -> None:
    """Refuses a moving name, before anybody is asked what it means.

    Raises:
        PolicyError: A policy takes only pins. Strict mode says so by itself.
    """
    today = _today()
    found = (unpinned(policy, ref, today) for policy in policies_of(wiring) if policy.source != STRICT)
    violations = [one for one in found if one is not None]
    if violations:
        raise refusal(violations)


def hold_plan(steps: Steps, plan: Plan) -> Flow[None]:
    """Holds a plan against every policy.

    Raises:
        PolicyError: One refuses it; all that it has against it is told.
    """
    from zooclient.client import warn

    violations, notes = yield from judged(steps, plan.record, plan.files)
    if violations:
        raise refusal(violations)
    for note in notes:
        if note not in steps.wiring.notes_told:  # a lock plans twice, and a script many times
            steps.wiring.notes_told.add(note)
            warn.policy(note)


def judged(
    steps: Steps, record: ModelRecord, files: Sequence[FileEntry], *, moving: Ref | None = None
) -> Flow[tuple[tuple[Violation, ...], tuple[str, ...]]]:
    """What the policies have against a model, and what they could not tell.

    Args:
        steps: The steps, for a card that is wanted.
        record: The model.
        files: The files that are wanted of it.
        moving: The moving name by which it was asked for. None: it was pinned, or that does not matter.
    """
    policies = policies_of(steps.wiring, steps.policies)
    if not policies or (files and all(file.role == "card" for file in files)):
        return (), ()
    card = None
    partly = MARK in record.extra
    if any(policy.sections for policy in policies) and not (partly and _card_of(files) is None):
        card = yield from steps.card(record)
    return _judged(steps.wiring, policies, record, files, card, moving)


def held_passes(steps: Steps, snapshot: Snapshot) -> bool:
    """Holds a snapshot that is found against every policy; False: its card is wanted, and is no part of it.

    Raises:
        PolicyError: One refuses it.
    """
    policies = policies_of(steps.wiring, steps.policies)
    if not policies or all(file.role == "card" for file in snapshot.files):
        return True
    record = snapshot.record
    files = _entries(snapshot, record)
    entry, card = _card_of(files), None
    if any(policy.sections for policy in policies):
        if entry is not None:
            from zooclient.records.card import Card

            card = Card.parse(snapshot.path.joinpath(entry.path).read_bytes())
        elif MARK not in record.extra:
            return False
    violations, _ = _judged(steps.wiring, policies, record, files, card, None)
    if violations:
        raise refusal(violations)
    return True


def hold_snapshot(steps: Steps, snapshot: Snapshot) -> Flow[None]:
    """Holds a snapshot of a locked model against every policy, and fetches its card where that is wanted.

    Raises:
        PolicyError: One refuses it.
    """
    if not held_passes(steps, snapshot):
        record = snapshot.record
        violations, _ = yield from judged(steps, record, _entries(snapshot, record))
        if violations:
            raise refusal(violations)


def hold_locked(steps: Steps, model: LockedModel) -> Flow[None]:
    """Holds a model that stays locked as it is against every policy: by the stored record, or by what the lock tells.

    Raises:
        PolicyError: One refuses it.
    """
    record, files = locked_subject(model, noted(steps.wiring, model.ref))
    violations, _ = yield from judged(steps, record, files)
    if violations:
        raise refusal(violations)


def locked_subject(model: LockedModel, known: ModelRecord | None) -> tuple[ModelRecord, tuple[FileEntry, ...]]:
    """Returns what is known of a locked model, and its locked files.

    Args:
        model: The model.
        known: A record of it. None: what the lock tells has to do.
    """
    record = record_of_lock(model) if known is None else known
    made = record_of_lock(model).files
    return record, tuple(record.file(file.path) or file for file in made)


def _judged(
    wiring: Wiring,
    policies: Iterable[Policy],
    record: ModelRecord,
    files: Sequence[FileEntry],
    card: Card | None,
    moving: Ref | None,
) -> tuple[tuple[Violation, ...], tuple[str, ...]]:
    subject = Subject(
        record=record,
        files=tuple(files),
        bases=tuple(_bases(wiring, record)),
        card=card,
        moving=moving,
        partly=MARK in record.extra,
    )
    violations: list[Violation] = []
    notes: list[str] = []
    for policy in policies:
        found, told = judge(policy, subject, _today())
        violations += found
        notes += told
    return tuple(violations), tuple(dict.fromkeys(notes))


def _bases(wiring: Wiring, record: ModelRecord) -> Iterator[tuple[str, License | None]]:
    """Each base model, with its licence where the store has a record of it; nobody is asked."""
    for base in record.base_models:
        try:
            known = _remembered(wiring, Ref.parse(base))
        except RefError:
            known = None
        yield base, None if known is None else known.license


def _remembered(wiring: Wiring, ref: Ref) -> ModelRecord | None:
    if wiring.in_place(ref):
        return None
    store, place = wiring.store(), wiring.place(ref.scheme)
    if ref.pinned or ref.versioned:
        return noted(wiring, ref)
    names = (ref.revision,) if ref.revision is not None else ("", "main", "master")
    seen = (store.find_ref(place, ref.id, name) for name in names)
    found = next((one for one in seen if one is not None), None)
    return None if found is None else store.load_record(place, ref.id, found.revision)


def _entries(snapshot: Snapshot, record: ModelRecord) -> list[FileEntry]:
    from zooclient.records.classify import classify
    from zooclient.records.model import FileEntry

    entries = []
    for file in snapshot.files:
        entry = record.file(file.path)
        if entry is None:
            role, format_ = classify(file.path)
            entry = FileEntry(path=file.path, size=file.size, role=role, format=format_)
        entries.append(entry)
    return entries


def _card_of(files: Iterable[FileEntry]) -> FileEntry | None:
    return next((file for file in files if file.role == "card"), None)


def _today() -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()
