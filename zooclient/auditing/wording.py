"""What every report says in the same words; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from zooclient.records.audit import SEVERITIES, AuditReport, Basis, Finding, Severity

_BASES: tuple[Basis, ...] = ("observed", "claimed", "missing")


def verdict(report: AuditReport) -> str:
    """Returns the sum in one line: how grave, and how it is known. It never says that a model is safe."""
    looked = f"{report.files} files were looked into" if report.files else "the files were not looked into"
    if not report.findings:
        return f"Nothing found by {len(report.rules)} rules; {looked}. That is no proof that it does no harm."
    grave = Counter(one.severity for one in report.findings)
    known = Counter(one.basis for one in report.findings)
    levels = ", ".join(f"{grave[level]} {level}" for level in reversed(SEVERITIES) if grave[level])
    how = ", ".join(f"{known[basis]} {basis}" for basis in _BASES if known[basis])
    return f"{levels}: {how}; {looked}."


def known(report: AuditReport) -> str:
    """Returns how often each basis is that of a finding."""
    count = Counter(one.basis for one in report.findings)
    return ", ".join(f"{count[basis]} {basis}" for basis in _BASES)


def size(count: int | None) -> str:
    """Returns bytes for people, in powers of 1000."""
    if count is None:
        return "size not told"
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def facts(report: AuditReport) -> list[tuple[str, str]]:
    """Returns label and value of what a reader wants to know first."""
    told: Mapping[str, Any] = report.extra
    licence: Mapping[str, Any] = told.get("license") or {}
    dates = [
        f"{word} {told[key][:10]}"
        for word, key in (("created", "created_at"), ("changed", "updated_at"))
        if told.get(key)
    ]
    rows = [
        ("licence", f"{licence['name']} ({licence['kind']}), as claimed" if licence.get("name") else "nobody tells"),
        ("by", ", ".join([told.get("author") or "nobody told", *dates])),
        (
            "sizes",
            ", ".join(f"{name} {size(count)}" for name, count in (told.get("sizes") or {}).items())
            or "no files are listed",
        ),
        ("made from", ", ".join(based(base) for base in told.get("bases") or [] if base["depth"] == 1)),
        ("results", "; ".join((told.get("evaluations") or [])[:3])),
    ]
    return [(label, value) for label, value in rows if value]


def based(base: Mapping[str, Any]) -> str:
    """Returns a base model with its licence."""
    return f"{base['name']} ({base['license'] or 'licence not told'})"


def title(report: AuditReport) -> str:
    """Returns what a model is called over a report."""
    return str(report.extra.get("title") or report.ref.id)


def gravest(report: AuditReport) -> Severity | None:
    """Returns the severity of the gravest finding; None: there is none."""
    return report.findings[0].severity if report.findings else None


def line(finding: Finding) -> str:
    """Returns a finding as one line."""
    return f"{finding.severity:<8}  {finding.rule} ({finding.where}, {finding.basis}): {finding.evidence}"
