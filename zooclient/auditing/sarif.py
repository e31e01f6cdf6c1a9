"""A report in SARIF 2.1.0, which code hosts and editors read; pure.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.wording import verdict
from zooclient.records.audit import AuditReport, Finding, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: dict[Severity, str] = {
    "info": "note",
    "low": "note",
    "medium": "warning",
    "high": "error",
    "critical": "error",
}
#: Severity as the number that GitHub's code scanning sorts by.
_NUMBERS: dict[Severity, str] = {"info": "0.0", "low": "2.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}


def sarif(reports: Sequence[AuditReport], *, version: str, about: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Returns the reports as one SARIF log with one run.

    Args:
        reports: Of any number of models.
        version: Of this program.
        about: Name of a rule on files → what it looks for. None: such rules are told by their names.
    """
    found = [(report, finding) for report in reports for finding in report.findings]
    names = sorted({finding.rule for _, finding in found} | {name for report in reports for name in report.rules})
    first = {finding.rule: finding for _, finding in reversed(found)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "zooclient",
                        "semanticVersion": version,
                        "rules": [_rule(name, first.get(name), about or {}) for name in names],
                    }
                },
                "results": [_result(report, finding, names.index(finding.rule)) for report, finding in found],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "models": [{"ref": str(report.ref), "verdict": verdict(report)} for report in reports],
                    "rulesOff": sorted({rule for report in reports for rule in report.off}),
                },
            }
        ],
    }


def _rule(name: str, example: Finding | None, of_files: Mapping[str, str]) -> dict[str, Any]:
    known = RULES.get(name)
    severity = known.severity if known is not None else example.severity if example is not None else "info"
    about = known.about if known is not None else of_files.get(name, name)
    remedy = known.remedy if known is not None else example.remedy if example is not None else None
    rule: dict[str, Any] = {
        "id": name,
        "shortDescription": {"text": about},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"security-severity": _NUMBERS[severity], "tags": ["security", "model-zoo"]},
    }
    return rule if remedy is None else rule | {"help": {"text": remedy}}


def _result(report: AuditReport, finding: Finding, index: int) -> dict[str, Any]:
    mark = hashlib.sha256(f"{report.ref.scheme}:{report.ref.id}\n{finding.rule}\n{finding.where}".encode()).hexdigest()
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{report.ref}: {finding.evidence} {finding.remedy}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _address(finding.where)}},
                "logicalLocations": [{"fullyQualifiedName": f"{report.ref}/{finding.where}", "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": mark},
        "properties": {"severity": finding.severity, "basis": finding.basis, "where": finding.where},
    }


def _address(where: str) -> str:
    """The file that a finding is about, relative to the model; what is about its record stands at its card.

    What stands after a colon is a place in the file.
    """
    return "README.md" if where in ("card", "record") else quote(where.partition(":")[0] or where, safe="/")
