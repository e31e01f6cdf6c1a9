"""A report for a terminal, to be read in ten seconds; pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from zooclient.auditing.wording import facts, verdict
from zooclient.records.audit import AuditReport

_LABEL = 11
#: Findings that are shown with what to do; of the rest, and of what matters less than medium, the rule alone.
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
            value,
            width,
            initial_indent=f"  {label:<{_LABEL}}",
            subsequent_indent=" " * (_LABEL + 2),
            max_lines=2,
            placeholder=" …",
        )
    yield from _folded(verdict(report), "", width)
    yield ""
    grave = report.at_least("medium")[:_SHOWN]
    for finding in grave:
        yield f"{finding.severity:<9} {finding.rule}  {finding.where}  ({finding.basis})"
        yield from _folded(finding.evidence, "    ", width)
        yield from _folded(finding.remedy, "    → ", width)
    for severity, found in groupby(report.findings[len(grave) :], key=lambda one: one.severity):
        rules = Counter(one.rule for one in found)
        told = ", ".join(rule if count == 1 else f"{rule} ({count})" for rule, count in rules.items())
        yield from _folded(told, f"{severity:<9} ", width)
    if report.off:
        yield from _folded(f"Turned off: {', '.join(report.off)}.", "", width)


def _folded(words: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        words, width, initial_indent=indent, subsequent_indent=" " * len(indent), max_lines=3, placeholder=" …"
    )
