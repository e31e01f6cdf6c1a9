"""``zooclient get``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zooclient.cli.options import as_json, chosen, pass_desk, ref_argument, wishes
from zooclient.cli.output import Desk
from zooclient.client.making import layout_of

if TYPE_CHECKING:
    from zooclient.planning.layouts import Wish
    from zooclient.records.snapshot import Snapshot


@click.command("get")
@ref_argument
@wishes
@click.option("--to", type=click.Path(file_okay=False), help="Put plain copies into this folder.")
@click.option(
    "--layout", type=click.Choice(["comfyui", "a1111", "invokeai"]), help="Put them where it looks, below --to."
)
@click.option("--kind", metavar="KIND", help="What the model is there, such as lora, where its zoo does not tell.")
@click.option("--no-preview", is_flag=True, help="Fetch no image to show beside it.")
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
    layout: str | None,
    kind: str | None,
    no_preview: bool,
    via: str | None,
    only_from: str | None,
    deadline: float | None,
    as_json: bool,
) -> None:
    """Get a model, every byte verified, and print its folder; with --layout, where each file went."""
    with desk.client() as client, desk.progress() as reporter:
        snapshot = client.download(
            ref,
            **chosen(files, exclude, weights, allow_unverified),
            to=to,
            layout=layout,
            kind=kind,
            preview=not no_preview,
            reporter=reporter,
            deadline=deadline,
            via=via,
            only_from=only_from,
        )
    wish = layout_of(layout, to, kind, preview=not no_preview)
    placed = _placed(snapshot, wish) if wish is not None else None
    if as_json:
        desk.json({**snapshot.to_dict(), "to": to, **({} if placed is None else {"placed": placed})})
    elif placed is not None:
        for path in placed.values():
            desk.line(str(Path(to or "", path)))
    else:
        desk.line(to if to is not None else str(snapshot.path))


def _placed(snapshot: Snapshot, wish: Wish) -> dict[str, str]:
    from zooclient.planning.layouts import arrange

    return dict(arrange(snapshot.record, (file.path for file in snapshot.files), wish).places)
