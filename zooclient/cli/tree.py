"""``zooclient tree``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk, human


@click.command("tree")
@as_json
@pass_desk
def command(desk: Desk, as_json: bool) -> None:
    """Show the models of the project's lock: what they are, how large, under which licence, and made from what."""
    with desk.client() as client:
        made = client.lock(check=True, project=desk.project)
    sizes = {model.name: model.size for model in made.models}
    if as_json:
        desk.json(
            [
                {
                    "name": model.name,
                    "ref": str(model.ref),
                    "size": sizes[model.name],
                    "files": len(model.files),
                    "license": model.license,
                    "base_models": list(model.base_models),
                }
                for model in made.models
            ]
        )
        return
    for model in made.models:
        desk.line(f"{model.name}  {model.ref}  {human(sizes[model.name])}  {model.license or 'no licence told'}")
        for number, base in enumerate(model.base_models, 1):
            desk.line(f"{'└' if number == len(model.base_models) else '├'}─ made from {base}")
