"""A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere; pure.

The page carries a policy that forbids it to load anything, and every word of an author or a zoo is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from zooclient.auditing.pictures import licence_tree, size_plot
from zooclient.auditing.wording import facts, gravest, title, verdict
from zooclient.records.audit import SEVERITIES, AuditReport, Finding

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--paper:#f6f7f9;--card:#fff;--line:#dde2e8;
--critical:#8f1d2c;--high:#c2412d;--medium:#a86b00;--low:#2f6f9f;--info:#5b6675;--clear:#2f7d4f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--paper:#12161c;--card:#1b2129;--line:#303946;
--critical:#ff8595;--high:#ff8a70;--medium:#f0b452;--low:#7cc0ee;--info:#9aa5b4;--clear:#7fd3a2}}
*{box-sizing:border-box}body{margin:0;padding:2rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:0}
h3{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:1.4rem 0 .4rem}
.models{display:grid;gap:1.25rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr));margin-top:1.5rem}
.model{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.25rem;min-width:0;
border-top:5px solid var(--clear)}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
p{margin:.3rem 0}.soft{color:var(--soft)}
dl{display:grid;grid-template-columns:6rem 1fr;gap:.15rem .75rem;margin:.8rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}ul{list-style:none;margin:0;padding:0}
.finding{border-left:4px solid;padding:.35rem .75rem;margin:.6rem 0}.finding p{overflow-wrap:anywhere}
.badge{font-size:.72rem;font-weight:600;border:1px solid;border-radius:999px;padding:.05rem .5rem;margin-right:.4rem}
.ok{color:var(--clear)}.no{color:var(--medium)}svg{width:100%;height:auto;display:block}svg text{fill:var(--ink)}
svg .soft{fill:var(--soft)}table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid var(--line)}@media print{body{padding:0}.model{break-inside:avoid}}
"""
_SEVERITY_STYLE = "".join(
    f".{level}{{border-color:var(--{level})}}.badge.{level}{{color:var(--{level})}}.model.{level}{{"
    f"border-top-color:var(--{level})}}"
    for level in SEVERITIES
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_TOPICS = {
    "uses": "what it is for",
    "limitations": "what it is not fit for",
    "training": "what it was trained on",
    "evaluation": "how well it works",
}


def html(reports: Sequence[AuditReport], *, version: str) -> str:
    """Returns the reports as a page, a card for each model, side by side.

    Args:
        reports: Of any number of models.
        version: Of this program.
    """
    noun = "model" if len(reports) == 1 else "models"
    body = [
        "<header><h1>Audit of ",
        f"{len(reports)} {noun}</h1>",
        '<p class="soft">What was observed, what is claimed, and what is missing. ',
        f"It proves nothing to be harmless. zooclient {escape(version)}.</p></header>",
        *(_table(reports) if len(reports) > 1 else ()),
        '<main class="models">',
        *(part for report in reports for part in _model(report)),
        "</main>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Audit of {len(reports)} {noun}</title><style>{_STYLE}{_SEVERITY_STYLE}</style></head>\n<body>"
        + "".join(body)
        + "</body></html>\n"
    )


def _table(reports: Sequence[AuditReport]) -> Iterator[str]:
    yield "<h3>At a glance</h3>"
    yield "<table><thead><tr><th>model</th><th>licence</th><th>gravest</th><th>sum</th></tr></thead>"
    for report in reports:
        level = gravest(report)
        licence: Mapping[str, Any] = report.extra.get("license") or {}
        yield f"<tr><td>{escape(title(report))}</td><td>{escape(str(licence.get('name') or 'none told'))}</td>"
        yield f"<td>{_badge(level) if level else 'nothing found'}</td><td>{escape(verdict(report))}</td></tr>"
    yield "</table>"


def _model(report: AuditReport) -> Iterator[str]:
    yield f'<article class="model {gravest(report) or ""}"><h2>{escape(title(report))}</h2>'
    yield f"<p><code>{escape(str(report.ref))}</code></p><p><strong>{escape(verdict(report))}</strong></p><dl>"
    yield from (f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts(report))
    yield "</dl>"
    yield "<h3>Findings</h3><ul>" if report.findings else ""
    yield from (_finding(one) for one in report.findings)
    yield "</ul>" if report.findings else ""
    yield from _said(report.extra.get("card") or {})
    yield "<h3>Licences, down to the roots</h3>" + licence_tree(report)
    yield "<h3>Sizes by format</h3>" + size_plot(report.extra.get("sizes") or {})
    yield from _duties(report.extra)
    if report.off:
        yield f'<p class="soft">Turned off: {escape(", ".join(report.off))}.</p>'
    yield "</article>"


def _finding(one: Finding) -> str:
    return (
        f'<li class="finding {one.severity}">{_badge(one.severity)}<code>{escape(one.rule)}</code> '
        f'<span class="soft">{escape(one.where)}, {one.basis}</span>'
        f"<p>{escape(one.evidence)}</p><p>→ {escape(one.remedy)}</p></li>"
    )


def _badge(level: str) -> str:
    return f'<span class="badge {level}">{level}</span>'


def _said(card: Mapping[str, Any]) -> Iterator[str]:
    yield "<h3>What the card says</h3><ul>"
    for topic, words in _TOPICS.items():
        titles = card.get(topic) or []
        mark, said = (
            ('<span class="ok">says</span>', ", ".join(titles[:4])) if titles else ('<span class="no">no</span>', "")
        )
        yield f'<li>{mark} {words} <span class="soft">{escape(said)}</span></li>'
    yield "</ul>"


def _duties(told: Mapping[str, Any]) -> Iterator[str]:
    rows = [("the model", told.get("duties") or [])]
    rows += [(base["name"], base["duties"]) for base in told.get("bases") or []]
    asked = [(name, duty) for name, duties in rows for duty in duties]
    if asked:
        yield "<h3>What the licences ask, roughly</h3><ul>"
        yield from (f"<li>{escape(duty)} <span class='soft'>{escape(name)}</span></li>" for name, duty in asked)
        yield "</ul>"
