"""A report for a terminal, to be read in ten seconds; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from zooclient.audit.wording import facts, verdict
from zooclient.records.audit import AuditReport

_LABEL = 11
#: Findings that are shown with what to do; of the rest, the rule alone.
_SHOWN = 12


def text(reports: Sequence[AuditReport], width: int = 100) -> str:
    """Returns the reports as text.

    Args:
        reports: At least one.
        width: Letters of a line at the most.
    """
    return "\n".join("\n".join(_one(report, max(width, 40))) + "\n" for report in reports)


def _one(report: AuditReport, width: int) -> Iterator[str]:
    yield str(report.ref)
    for label, value in facts(report):
        yield from textwrap.wrap(
            value, width, initial_indent=f"  {label:<{_LABEL}}", subsequent_indent=" " * (_LABEL + 2), max_lines=2
        )
    yield ""
    for finding in report.findings[:_SHOWN]:
        yield f"{finding.severity:<9} {finding.rule}  {finding.where}  ({finding.basis})"
        yield from _folded(finding.evidence, "    ", width)
        yield from _folded(finding.remedy, "    → ", width)
    rest = report.findings[_SHOWN:]
    if rest:
        yield from _folded(f"and {len(rest)} more: " + ", ".join(dict.fromkeys(one.rule for one in rest)), "", width)
    yield from _folded(verdict(report), "", width)
    if report.off:
        yield from _folded(f"Turned off: {', '.join(report.off)}.", "", width)


def _folded(words: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, initial_indent=indent, subsequent_indent=" " * len(indent), max_lines=3)
