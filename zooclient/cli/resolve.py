"""``zooclient resolve``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk


@click.command("resolve")
@ref_argument
@click.option("--accept-replaced", is_flag=True, help="Pin anew what the zoo has put in the place of pinned files.")
@as_json
@pass_desk
def command(desk: Desk, ref: str, accept_replaced: bool, as_json: bool) -> None:
    """Print the pinned reference of what REF names now."""
    with desk.client() as client:
        record = client.resolve(ref, accept_replaced=accept_replaced)
    if as_json:
        desk.json(record.to_dict())
        return
    desk.line(str(record.ref))
    if record.pin == "none":
        desk.talk("warning: this zoo has no pin for it: what the reference means may change.")
    for problem in record.problems:
        desk.talk(f"note: {problem}")
