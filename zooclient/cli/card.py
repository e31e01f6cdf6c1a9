"""``zooclient card``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk


@click.command("card")
@ref_argument
@as_json
@pass_desk
def command(desk: Desk, ref: str, as_json: bool) -> None:
    """Print the model card: what its author says it is for, and what it is not for."""
    with desk.client() as client:
        card = client.card(ref)
    if as_json:
        desk.json(card.to_dict())
        return
    if card.text.strip():
        desk.line(card.text.rstrip())
    for problem in card.problems:
        desk.talk(f"note: {problem}")
