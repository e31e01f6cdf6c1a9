"""An audit: gathers what is at hand about a model, and has it judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.judging import judge
from zooclient.auditing.licensetext import is_license_file
from zooclient.auditing.subject import Base, Subject
from zooclient.client.cards import meant
from zooclient.errors import Cancelled, ConfigError, NetworkError, NotFound, ZooError
from zooclient.net.exchange import Call
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.lock.format import LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.audit import AuditReport, Finding
    from zooclient.records.card import Card
    from zooclient.records.model import ModelRecord
    from zooclient.transfer.reporter import Reporter

#: Base models that are looked at, and how far down.
_BASES, _DEPTH = 8, 4
#: Bytes of a licence's text at the most; what is longer is none.
_LICENSE = 200_000


def checked_rules(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names of rules that are to be turned off.

    Raises:
        ConfigError: There is no such rule.
    """
    known = {*RULES, *file_rules()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ConfigError(
                f"There is no rule {name!r}.",
                operation="audit",
                hint=f"Is {near[0]} meant?" if near else "The reference of the audit lists them.",
            )
    return tuple(names)


def file_rules() -> tuple[str, ...]:
    """Returns the names of the rules by which files are looked into."""
    from zooclient.auditing.files import RULES as OF_FILES

    return tuple(OF_FILES)


def audit(
    steps: Steps,
    target: str | Ref | ModelRecord | Snapshot | LockedModel,
    *,
    files: bool,
    off: Sequence[str] = (),
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Flow[AuditReport]:
    """The report on one model.

    Args:
        steps: The client's.
        target: The model.
        files: Look into its files too; they are fetched where they are not held.
        off: Names of rules that are turned off.
        reporter: Told of a transfer. None: nobody is.
        cancel: Stops it. None: nothing does.
    """
    off = checked_rules(off)
    subject = yield from _subject(steps, target, cancel)
    if not files:
        return judge(subject, off=off)
    from zooclient.auditing.files import scan

    snapshot = yield from _snapshot(steps, target, subject.record, reporter, cancel)
    paths = [file.path for file in snapshot.files]
    found: tuple[Finding, ...] = yield Call(run=lambda: scan(snapshot.path, paths, off=off))
    return judge(subject, scanned=found, files=len(paths), file_rules=file_rules(), off=off)


def _subject(
    steps: Steps, target: str | Ref | ModelRecord | Snapshot | LockedModel, cancel: Cancel | None
) -> Flow[Subject]:
    record, pinned, from_lock = yield from _record(steps, target)
    subject = Subject(record=record, pinned=pinned, now=datetime.now(UTC), from_lock=from_lock)
    try:
        card: Card = yield from steps.card(record)
    except Cancelled:
        raise
    except ZooError as error:
        subject = evolve(subject, card_problem=error.message)
    else:
        subject = evolve(subject, card=card)
    path, text = yield from _license(steps, record, cancel)
    bases = yield from _bases(steps, subject)
    return evolve(subject, bases=bases, license_file=path, license_text=text)


def _record(
    steps: Steps, target: str | Ref | ModelRecord | Snapshot | LockedModel
) -> Flow[tuple[ModelRecord, bool, bool]]:
    """The record, whether it was asked for by a pin, and whether it is the lock's alone."""
    from zooclient.client.locked import MARK, record_of_lock
    from zooclient.lock.format import LockedModel

    if isinstance(target, LockedModel):
        try:
            record = yield from steps.resolve(target.ref)
        except (NetworkError, NotFound):
            record = record_of_lock(target)
        return record, True, MARK in record.extra
    if isinstance(target, Snapshot):
        return target.record, True, False
    record = yield from steps.record_of(target)
    return record, record.requested.pinned or record.requested.versioned, False


def _license(steps: Steps, record: ModelRecord, cancel: Cancel | None) -> Flow[tuple[str | None, str]]:
    """Path and text of the licence's file; None where there is none, or it cannot be had."""
    entry = next((one for one in record.files if is_license_file(one.path) and (one.size or 0) <= _LICENSE), None)
    if entry is None:
        return None, ""
    try:
        place: Path = yield from steps.file(record, entry.path, cancel=cancel)
        text: bytes = yield Call(run=place.read_bytes)
    except Cancelled:
        raise
    except (ZooError, OSError):
        return None, ""
    return entry.path, text[:_LICENSE].decode("utf-8", "replace")


def _bases(steps: Steps, subject: Subject) -> Flow[tuple[Base, ...]]:
    """The models that it was made from, level by level, as far as their zoos tell."""
    record, card = subject.record, subject.card
    names = record.base_models or (() if card is None else card.base_models)
    waiting = [(name, str(record.ref), 1) for name in names]
    found: list[Base] = []
    seen = {record.ref.id}
    while waiting and len(found) < _BASES:
        name, of, depth = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        base = yield from _base(steps, name, of, depth)
        found.append(base)
        if base.record is not None and depth < _DEPTH and base.record.ref.id != record.ref.id:
            waiting += [(further, name, depth + 1) for further in base.record.base_models]
    left = [
        Base(name=name, of=of, depth=depth, problem="Too many; it was not looked at.") for name, of, depth in waiting
    ]
    return (*found, *left[:_BASES])


def _base(steps: Steps, name: str, of: str, depth: int) -> Flow[Base]:
    problem = "No zoo is known that could have a model of that name."
    for ref in meant(name):
        try:
            return Base(name=name, of=of, depth=depth, record=(yield from steps.resolve(ref)))
        except Cancelled:
            raise
        except ZooError as error:
            problem = error.message
            if not isinstance(error, NotFound):
                break
    return Base(name=name, of=of, depth=depth, problem=problem)


def _snapshot(
    steps: Steps,
    target: str | Ref | ModelRecord | Snapshot | LockedModel,
    record: ModelRecord,
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[Snapshot]:
    """The files: those of the snapshot or of the lock, else those that a download would bring."""
    from zooclient.lock.format import LockedModel
    from zooclient.records.wishes import Wishes

    if isinstance(target, Snapshot):
        return target
    wishes = target.wishes if isinstance(target, LockedModel) else Wishes()
    place = target if isinstance(target, str) and ":" not in target and "/" not in target else record
    return (yield from steps.download(place, wishes, operation="audit", reporter=reporter, cancel=cancel))
