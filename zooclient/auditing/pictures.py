"""The pictures of a report, as SVG in the page: licences down to the roots, and sizes by format; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from zooclient.auditing.wording import size, title
from zooclient.records.audit import AuditReport

_ROW, _STEP, _WIDTH = 46, 28, 460
_COLOURS = {
    "open-source": "var(--clear)",
    "open-weight": "var(--medium)",
    "non-commercial": "var(--high)",
    "unknown": "var(--info)",
}
_BARS = ("var(--low)", "var(--clear)", "var(--medium)", "var(--high)", "var(--info)")
#: Bars and models that are drawn.
_MOST = 12
_LETTERS = 52


def licence_tree(report: AuditReport) -> str:
    """Returns a model and those that it was made from as a tree, each with its licence."""
    licence: Mapping[str, Any] = report.extra.get("license") or {}
    rows: list[tuple[int, int | None, str, str, str]] = [
        (0, None, title(report), str(licence.get("name") or "none told"), str(licence.get("kind", "unknown")))
    ]
    place = {str(report.ref): 0}
    for base in (report.extra.get("bases") or [])[:_MOST]:
        place.setdefault(base["name"], len(rows))
        parent = place.get(base["of"], 0)
        rows.append((base["depth"], parent, base["name"], base["license"] or "licence not told", base["kind"]))
    parts = [_branch(number, row[0], row[1]) for number, row in enumerate(rows)]
    parts += [_node(number, depth, name, told, kind) for number, (depth, _, name, told, kind) in enumerate(rows)]
    return _svg(len(rows) * _ROW, "Licence tree", parts)


def _branch(number: int, depth: int, parent: int | None) -> str:
    if parent is None:
        return ""
    x, y = depth * _STEP - _STEP + 10, number * _ROW + 16
    return (
        f'<path d="M{x} {parent * _ROW + 24}V{y}H{x + _STEP - 8}" fill="none" stroke="var(--line)" stroke-width="2"/>'
    )


def _node(number: int, depth: int, name: str, told: str, kind: str) -> str:
    x, y = depth * _STEP + 10, number * _ROW + 16
    colour = _COLOURS.get(kind, _COLOURS["unknown"])
    return (
        f'<circle cx="{x}" cy="{y}" r="7" fill="{colour}"/>'
        f'<text x="{x + 14}" y="{y + 1}" font-size="13">{_cut(name)}</text>'
        f'<text x="{x + 14}" y="{y + 17}" font-size="11" class="soft">{_cut(f"{told} · {kind}")}</text>'
    )


def size_plot(sizes: Mapping[str, int]) -> str:
    """Returns the bytes of each format as bars."""
    shown = list(sizes.items())[:_MOST]
    most = max((count for _, count in shown), default=0) or 1
    parts = []
    for number, (name, count) in enumerate(shown):
        y, width = number * 26, max(2, round(220 * count / most))
        parts.append(
            f'<text x="0" y="{y + 15}" font-size="12">{_cut(name, 16)}</text>'
            f'<rect x="120" y="{y + 4}" width="{width}" height="14" rx="3" fill="{_BARS[number % len(_BARS)]}"/>'
            f'<text x="{128 + width}" y="{y + 15}" font-size="11" class="soft">{size(count)}</text>'
        )
    return _svg(len(shown) * 26, "Sizes by format", parts) if shown else '<p class="soft">No files are listed.</p>'


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _cut(text: str, letters: int = _LETTERS) -> str:
    return escape(text if len(text) <= letters else text[: letters - 1] + "…")
