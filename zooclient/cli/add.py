"""``zooclient add``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, chosen, pass_desk, wishes
from zooclient.cli.output import Desk


@click.command("add")
@click.argument("name")
@click.argument("ref")
@wishes
@click.option("--source", "sources", multiple=True, metavar="REF", help="Another place of the same bytes; repeatable.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="A group that it belongs to; repeatable.")
@as_json
@pass_desk
def command(
    desk: Desk,
    name: str,
    ref: str,
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    allow_unverified: bool,
    sources: tuple[str, ...],
    groups: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add a model to the project file under a NAME of your own, lock it, and print the pinned reference."""
    with desk.client() as client, desk.progress() as reporter:
        locked = client.add(
            name,
            ref,
            **chosen(files, exclude, weights, allow_unverified),
            sources=sources,
            groups=groups,
            project=desk.project,
            reporter=reporter,
        )
    if as_json:
        from zooclient.cli.lock import as_data

        desk.json(as_data(locked))
    else:
        desk.line(str(locked.ref))
