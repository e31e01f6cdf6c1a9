"""``zooclient upgrade``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("upgrade")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json
@pass_desk
def command(desk: Desk, names: tuple[str, ...], as_json: bool) -> None:
    """Lock models anew, to what their references mean now; without a NAME, all. Print what changed: name, old, new."""
    with desk.client() as client, desk.progress() as reporter:
        held = {model.name: model for model in client.lock(check=True, project=desk.project).models}
        made = client.lock(renew=names or tuple(held), project=desk.project, reporter=reporter)
    changed = [(held[model.name], model) for model in made.models if held[model.name] != model]
    if as_json:
        from zooclient.cli.lock import as_data

        desk.json([{"before": as_data(before), "after": as_data(after)} for before, after in changed])
        return
    for before, after in changed:
        desk.line(f"{after.name}\t{before.ref}\t{after.ref}")
    if not changed:
        desk.talk("Nothing has changed.")
