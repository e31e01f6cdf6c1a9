"""Rules on where a model is from: revision, author, age, base models, access; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.subject import Subject
from zooclient.records.audit import Finding

#: Younger than this is worth a look.
_YOUNG = timedelta(days=30)
#: Tags by which the Hub says that a model was made from another.
_DERIVED = ("base_model:adapter", "base_model:finetune", "base_model:merge", "base_model:quantized")


def findings(subject: Subject) -> Iterator[Finding]:
    """Yields what is to be said of a model's origin."""
    record = subject.record
    if subject.from_lock:
        yield RULES["record-from-lock"].found("record", "Card, tags and base models were not looked at.")
    if record.pin == "none":
        yield RULES["unpinnable"].found("record", f"{record.ref.scheme} has no immutable revision of it.")
    elif not subject.pinned and record.ref.scheme != "file":
        yield RULES["unpinned"].found("record", f"{record.requested} is {record.ref} now, and may be another tomorrow.")
    if record.author is None and record.ref.scheme != "file" and not subject.from_lock:
        yield RULES["author-missing"].found("record", "The zoo names nobody.")
    if subject.now is not None and record.created_at is not None and subject.now - record.created_at < _YOUNG:
        days = max((subject.now - record.created_at).days, 0)
        yield RULES["recently-created"].found("record", f"It was created {days} days ago, says the zoo.")
    yield from _bases(subject)
    yield from _access(subject)


def _bases(subject: Subject) -> Iterator[Finding]:
    record = subject.record
    adapter = any(entry.path.rpartition("/")[2] == "adapter_config.json" for entry in record.files)
    made = adapter or record.library == "peft" or any(tag.startswith(_DERIVED) for tag in record.tags)
    named = record.base_models or (subject.card is not None and subject.card.base_models)
    if made and not named:
        yield RULES["base-missing"].found("record", "It is an adapter or says that it is derived, and names no model.")
    for base in subject.bases:
        if base.record is None:
            yield RULES["base-unread"].found("record", f"{base.name}: {base.problem or 'it was not looked at.'}")


def _access(subject: Subject) -> Iterator[Finding]:
    access = subject.record.access
    if access.state == "gone":
        yield RULES["access-gone"].found("record", access.how or "The zoo says that it is gone.")
    elif access.state != "open":
        yield RULES["access-limited"].found("record", f"It is {access.state}. {access.how or ''}".strip())
