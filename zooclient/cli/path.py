"""``zooclient path``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, chosen, pass_desk, ref_argument, wishes
from zooclient.cli.output import Desk


@click.command("path")
@ref_argument
@wishes
@as_json
@pass_desk
def command(
    desk: Desk,
    ref: str,
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    allow_unverified: bool,
    as_json: bool,
) -> None:
    """Print the folder of a model that is held. Nothing is fetched, nobody is asked."""
    from zooclient.errors import Offline

    with desk.client(offline=True) as client:
        try:
            snapshot = client.download(ref, **chosen(files, exclude, weights, allow_unverified))
        except Offline as error:
            raise Offline(
                f"{ref} is not held here as it was asked for.",
                ref=error.ref,
                zoo=error.zoo,
                operation="path",
                hint="`zooclient get` with the same words fetches it.",
            ) from error
    if as_json:
        desk.json(snapshot.to_dict())
    else:
        desk.line(str(snapshot.path))
