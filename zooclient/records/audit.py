"""What an audit found: findings by rule, and the report that holds them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from zooclient.records.checks import check_tuples
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref

#: How much a finding matters, the least first.
Severity = Literal["info", "low", "medium", "high", "critical"]
#: How it is known: seen in the bytes, said by zoo or author, or not said at all. An audit never says "safe".
Basis = Literal["observed", "claimed", "missing"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


@frozen(kw_only=True)
class Finding(Plain):
    """One thing that somebody should know.

    Attributes:
        rule: Name of the rule, in lower case with hyphens, such as ``license-missing``; documented under that name.
        severity: How much it matters.
        where: What it is about: ``record``, ``card``, or the path of a file, with a place in it after ``:`` where that
            helps.
        evidence: What was found, in a sentence.
        remedy: What to do about it, in a sentence.
        basis: How it is known.
    """

    rule: str
    severity: Severity
    where: str
    evidence: str
    remedy: str
    basis: Basis = "observed"


@frozen(kw_only=True)
class AuditReport(Plain):
    """What an audit found about one model.

    Attributes:
        ref: The model, pinned.
        findings: The gravest first, then by rule and place.
        files: Number of files whose content was looked at; 0 where only the record was.
        rules: Every rule that was applied.
        off: Rules that were turned off by name.
        extra: Facts that reports show and no rule is about, such as sizes by format.
    """

    ref: Ref
    findings: tuple[Finding, ...] = ()
    files: int = 0
    rules: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_tuples(findings=self.findings, rules=self.rules, off=self.off)

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """Returns the findings of this severity and graver ones."""
        least = SEVERITIES.index(severity)
        return tuple(finding for finding in self.findings if SEVERITIES.index(finding.severity) >= least)


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Returns findings as a report lists them, each once."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda one: (-SEVERITIES.index(one.severity), one.rule, one.where)))
