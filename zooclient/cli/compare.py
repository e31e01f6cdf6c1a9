"""``zooclient compare``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk, counted, human
from zooclient.records.comparison import Column, Comparison

#: Letters of a label, and of a column, below which models stand one below the other.
_LABEL, _NARROW = 14, 24
#: Letters before a model where they stand one below the other.
_INDENT = 6
#: Results that are shown of one model.
_RESULTS = 5

#: Label → attribute of a column that it shows.
_ROWS = {
    "model": "title",
    "licence": "license",
    "access": "access",
    "size": "size",
    "weights": "weights_size",
    "parameters": "parameters",
    "formats": "formats",
    "task": "task",
    "library": "library",
    "made from": "base_models",
    "evaluations": "evaluations",
    "limits": "limits",
    "created": "created_at",
    "changed": "updated_at",
    "downloads": "downloads",
    "likes": "likes",
    "pin": "pin",
}


@click.command("compare")
@click.argument("refs", nargs=-1, required=True, metavar="REF REF...")
@as_json
@pass_desk
def command(desk: Desk, refs: tuple[str, ...], as_json: bool) -> None:
    """Set models side by side: licence, sizes, formats, gate, evaluations, limits, dates, pin.

    A star marks what differs. A reference that fails is shown with its error, and the exit code is that of the first.
    """
    with desk.client() as client:
        found = client.compare(refs)
    if as_json:
        desk.json(found.to_dict())
    else:
        for line in _table(found, desk.width()):
            desk.line(line)
    for column in found.columns:
        if column.failure is not None:
            desk.talk(f"error: {column.asked}: {column.failure.message}")
            if column.failure.hint:
                desk.talk(f"  hint: {column.failure.hint}")
    if found.failure is not None:
        click.get_current_context().exit(found.failure.exit_code)


def _table(found: Comparison, width: int) -> Iterator[str]:
    room = (width - _LABEL) // len(found.columns) - 2
    show, room = (_below, width - _INDENT) if room < _NARROW else (_beside, room)
    yield from show("", [column.asked for column in found.columns], room)
    for label, name in _ROWS.items():
        told = [_cell(column, name) for column in found.columns]
        if any(told):
            yield from show(f"* {label}" if found.differs(name) else f"  {label}", told, room)
    if any(found.differs(name) for name in _ROWS.values()):
        yield "* differs"
    for column in found.columns:
        if column.ref is not None:
            yield f"pinned: {column.ref}"  # whole, to be pasted


def _beside(label: str, cells: Sequence[str], room: int) -> Iterator[str]:
    """A row of the table, each cell wrapped in its own column."""
    wrapped = [_wrapped(cell or "-", room) for cell in cells]
    for number in range(max(map(len, wrapped))):
        parts = [lines[number] if number < len(lines) else "" for lines in wrapped]
        told = "  ".join(f"{part:<{room}}" for part in parts)
        yield f"{label if number == 0 else '':<{_LABEL}}{told}".rstrip()


def _below(label: str, cells: Sequence[str], room: int) -> Iterator[str]:
    """The same where columns would be too narrow: the models one below the other, by number."""
    if label:
        yield label
    for number, cell in enumerate(cells, 1):
        lines = _wrapped(cell or "-", max(room, _NARROW))
        yield f"  {number:>2}. {lines[0]}"
        yield from (f"{'':<{_INDENT}}{line}" for line in lines[1:])


def _wrapped(text: str, room: int) -> list[str]:
    return [line for part in text.splitlines() for line in textwrap.wrap(part, room) or [""]] or [""]


def _cell(column: Column, name: str) -> str:
    if column.failure is not None:
        return f"{column.failure.kind}: {column.failure.message}" if name == "title" else ""
    if name == "license":
        claim = column.license
        said = claim.spdx or claim.name or claim.raw
        return f"{said} ({claim.kind})" if said else "none stated"
    if name == "access":
        return column.access.state + (f": {column.access.how}" if column.access.how else "")
    if name == "evaluations":
        return _results(column)
    if name == "limits":
        return column.limits or column.card_problem or "its card tells none"
    value = getattr(column, name)
    if name in ("size", "weights_size"):
        return human(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(value) if isinstance(value, tuple) else value or ""


def _results(column: Column) -> str:
    told = [f"{one.label}: {one.value}" for one in column.evaluations[:_RESULTS]]
    more = len(column.evaluations) - len(told)
    return "\n".join([*told, *([f"and {counted(more, 'further result')}"] if more else [])]) or "its card claims none"
