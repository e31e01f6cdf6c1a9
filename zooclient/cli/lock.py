"""``zooclient lock``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk

if TYPE_CHECKING:
    from zooclient.lock.format import LockedModel


@click.command("lock")
@click.option("--check", is_flag=True, help="Only hold the lock to the project file; ask nobody, write nothing.")
@as_json
@pass_desk
def command(desk: Desk, check: bool, as_json: bool) -> None:
    """Lock every model of the project to one revision and every file to its sha256; print the pins.

    What is locked already stays as it is; `zooclient upgrade` moves it. With --check, exit 2 when lock and project file
    do not fit.
    """
    with desk.client() as client, desk.progress() as reporter:
        made = client.lock(check=check, project=desk.project, reporter=reporter)
    if as_json:
        desk.json([as_data(model) for model in made.models])
    else:
        for model in made.models:
            desk.line(f"{model.name}\t{model.ref}")


def as_data(model: LockedModel) -> dict[str, Any]:
    """Returns a locked model as plain JSON values."""
    from zooclient.records.codec import to_dict

    told = to_dict(model)
    del told["_files"]
    return {**told, "files": [to_dict(file) for file in model.files]}
