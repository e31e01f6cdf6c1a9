"""From what was gathered of a model to its report; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from zooclient.auditing import card, formats, licences, provenance
from zooclient.auditing.catalogue import RULES
from zooclient.auditing.sections import TOPICS, told
from zooclient.auditing.subject import Subject
from zooclient.records.audit import AuditReport, Finding, ordered
from zooclient.records.comparison import evaluations, limits_of

#: Results that a report shows.
_RESULTS = 8
#: Files that it names.
_FILES = 2000


def judge(
    subject: Subject,
    *,
    scanned: Iterable[Finding] = (),
    files: int = 0,
    file_rules: Sequence[str] = (),
    off: Sequence[str] = (),
) -> AuditReport:
    """Returns the report on a model.

    Args:
        subject: The model, and what is at hand about it.
        scanned: What was found in its files.
        files: Number of files that were looked into.
        file_rules: Names of the rules by which they were.
        off: Names of rules that are turned off.
    """
    found = [
        *card.findings(subject),
        *licences.findings(subject),
        *provenance.findings(subject),
        *formats.findings(subject),
        *scanned,
    ]
    return AuditReport(
        ref=subject.record.ref,
        findings=ordered([one for one in found if one.rule not in off]),
        files=files,
        rules=tuple(sorted({*RULES, *file_rules} - set(off))),
        off=tuple(sorted(set(off))),
        extra=facts(subject),
    )


def facts(subject: Subject) -> dict[str, Any]:
    """Returns what reports show of a model beside the findings, as plain JSON values."""
    record, claim = subject.record, licences.claim_of(subject)
    sizes: Counter[str] = Counter()
    for entry in record.files:
        name = (entry.format or "other weights") if entry.role == "weights" else entry.role
        sizes[name] += entry.size or 0
    return {
        "title": record.title,
        "requested": str(record.requested),
        "author": record.author,
        "created_at": None if record.created_at is None else record.created_at.isoformat(),
        "updated_at": None if record.updated_at is None else record.updated_at.isoformat(),
        "access": record.access.state,
        "task": record.task,
        "web_url": record.web_url,
        "license": {
            "name": licences.shown(claim) if claim.raw else None,
            "spdx": claim.spdx,
            "kind": claim.kind,
            "url": claim.url,
        },
        "duties": list(licences.duties(claim)),
        "size": record.total_size,
        "sizes": dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        "card": {topic: list(told(subject.card, topic).said) for topic in TOPICS} if subject.card is not None else {},
        "limits": None if subject.card is None else limits_of(subject.card),
        "datasets": [] if subject.card is None else list(subject.card.datasets),
        "files": [
            {"path": entry.path, "size": entry.size, "sha256": entry.digests.get("sha256")}
            for entry in record.files[:_FILES]
        ],
        "evaluations": [f"{one.label}: {one.value}" for one in evaluations(record, subject.card)[:_RESULTS]],
        "bases": [
            {
                "name": base.name,
                "of": base.of,
                "depth": base.depth,
                "ref": None if base.record is None else str(base.record.ref),
                "license": None if base.license is None else licences.shown(base.license),
                "kind": "unknown" if base.license is None else base.license.kind,
                "duties": [] if base.license is None else list(licences.duties(base.license)),
            }
            for base in subject.bases
        ],
    }
