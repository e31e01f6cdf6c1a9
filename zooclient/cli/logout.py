"""``zooclient logout``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("logout")
@click.argument("zoo", default="hf")
@as_json
@pass_desk
def command(desk: Desk, zoo: str, as_json: bool) -> None:
    """Forget the stored token of ZOO.  [default: hf]"""
    from zooclient.providers.registry import canonical, keeper

    keep = keeper(canonical(zoo))
    place = keep.forget(desk.environ)
    if as_json:
        desk.json({"zoo": zoo, "forgotten": place is not None})
    elif place is None:
        desk.talk(f"No token of {zoo} was stored.")
    else:
        desk.talk(f"Logged out of {zoo}; {place} is gone.")
    for variable in keep.variables:
        if desk.environ.get(variable):
            desk.talk(f"warning: {variable} still holds a token.")
