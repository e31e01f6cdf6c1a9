"""``zooclient get``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, chosen, pass_desk, ref_argument, wishes
from zooclient.cli.output import Desk


@click.command("get")
@ref_argument
@wishes
@click.option("--to", type=click.Path(file_okay=False), help="Put plain copies into this folder.")
@click.option("--via", type=click.Choice(["official"]), help="Let the zoo's own client move the bytes.")
@click.option("--from", "only_from", metavar="ZOO", help="Take the bytes from this zoo and no other.")
@click.option(
    "--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after this time; what arrived is kept."
)
@as_json
@pass_desk
def command(
    desk: Desk,
    ref: str,
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    allow_unverified: bool,
    to: str | None,
    via: str | None,
    only_from: str | None,
    deadline: float | None,
    as_json: bool,
) -> None:
    """Get a model, every byte verified, and print its folder."""
    with desk.client() as client, desk.progress() as reporter:
        snapshot = client.download(
            ref,
            **chosen(files, exclude, weights, allow_unverified),
            to=to,
            reporter=reporter,
            deadline=deadline,
            via=via,
            only_from=only_from,
        )
    if as_json:
        desk.json({**snapshot.to_dict(), "to": to})
    else:
        desk.line(to if to is not None else str(snapshot.path))
