"""``zooclient remove``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json
@pass_desk
def command(desk: Desk, names: tuple[str, ...], as_json: bool) -> None:
    """Take models out of the project file and its lock; their files stay until `cache prune`."""
    with desk.client() as client:
        for name in names:
            client.remove(name, project=desk.project)
    if as_json:
        desk.json(list(names))
