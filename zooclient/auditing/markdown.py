"""A report for a pull request, in Markdown; pure.

Everything that an author or a zoo wrote is set as text that no renderer reads as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from zooclient.auditing.wording import facts, title, verdict
from zooclient.records.audit import AuditReport

_SPECIAL = re.compile(r"([\\`*_\[\]|~>])")
#: What code hosts make a mention, a reference or a link of; a break of no width keeps them from it.
_ACTIVE = re.compile(r"(@|#|:(?=//)|www(?=\.))")


def markdown(reports: Sequence[AuditReport]) -> str:
    """Returns the reports as Markdown."""
    return "\n".join("\n".join(_one(report)) + "\n" for report in reports)


def _one(report: AuditReport) -> Iterator[str]:
    yield f"## {escaped(title(report))}"
    yield ""
    yield f"`{str(report.ref).replace('`', '')}`"
    yield ""
    yield escaped(verdict(report))
    yield ""
    yield from (f"- **{label}**: {escaped(value)}" for label, value in facts(report))
    if report.findings:
        yield from (
            "",
            "| severity | rule | where | known as | what was found | what to do |",
            "|---|---|---|---|---|---|",
        )
        for one in report.findings:
            cells = (one.severity, f"`{one.rule}`", escaped(one.where), one.basis, escaped(one.evidence))
            yield f"| {' | '.join(cells)} | {escaped(one.remedy)} |"
    if report.off:
        yield from ("", f"Turned off: {', '.join(f'`{rule}`' for rule in report.off)}.")


def escaped(text: str) -> str:
    """Returns text in which nothing is Markdown, HTML, a mention or a link."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    bare = one_line.replace("&", "&amp;").replace("<", "&lt;")
    return _ACTIVE.sub("\\1&#8203;", _SPECIAL.sub(r"\\\1", bare))
