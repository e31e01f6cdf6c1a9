"""``zooclient outdated``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.errors import IntegrityError


@click.command("outdated")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json
@pass_desk
def command(desk: Desk, names: tuple[str, ...], as_json: bool) -> None:
    """Say what became of the locked models at their zoos: name, fate, and the pin it would be now.

    Fates: current, newer, renamed, gated, removed, unknown; and, with exit 5, rewritten (the locked commit is no longer
    in the history), owner-changed, re-registered (another model has the name), replaced (other bytes, same id).
    """
    with desk.client() as client:
        found = client.outdated(names or None, project=desk.project)
    if as_json:
        desk.json(
            [
                {
                    "name": one.name,
                    "locked": str(one.locked),
                    "fate": one.fate,
                    "now": None if one.now is None else str(one.now),
                    "told": one.told,
                    "alarming": one.alarming,
                }
                for one in found
            ]
        )
    else:
        for one in found:
            desk.line(f"{one.name}\t{one.fate}\t{'-' if one.now is None else one.now}")
    for one in found:
        if one.fate != "current":
            desk.talk(f"{'warning' if one.alarming else 'note'}: {one.name}: {one.told}")
    if any(one.alarming for one in found):
        click.get_current_context().exit(IntegrityError.exit_code)
