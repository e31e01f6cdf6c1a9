"""``zooclient whoami``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("whoami")
@click.argument("zoo", default="hf")
@as_json
@pass_desk
def command(desk: Desk, zoo: str, as_json: bool) -> None:
    """Ask ZOO whose token this is.  [default: hf]"""
    with desk.client() as client:
        account = client.whoami(zoo)
    if as_json:
        desk.json({"zoo": zoo, "name": account.name, "kind": account.kind, "role": account.role})
    else:
        desk.line(account.name)
