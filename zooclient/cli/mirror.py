"""``zooclient mirror``."""

from __future__ import annotations

from pathlib import Path

import click

from zooclient.cli.options import as_json, pass_desk, weights_wanted
from zooclient.cli.output import Desk, counted, human

_PLACE = "DIR|URL"


@click.group("mirror")
def command() -> None:
    """Keep a mirror of your own: a folder of models that any web server can serve."""


@command.command("push", short_help="Make a mirror, or extend it.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.argument("refs", metavar="REF...", nargs=-1)
@weights_wanted
@click.option(
    "--include", multiple=True, metavar="REF", help="Push this although it is gated, private or paid; repeatable."
)
@as_json
@pass_desk
def push(
    desk: Desk,
    folder: str,
    refs: tuple[str, ...],
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    include: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the mirror DIR, or extend it, by each REF: got and verified first, then linked or copied into DIR.

    Gated, private and paid models are left out, unless --include names them: whoever can read DIR can have what it
    holds. A REF given alone does not name it so. What was killed is carried on by the next run.
    """
    if not refs and not include:
        raise click.UsageError("Missing argument 'REF...'.")
    with desk.client() as client, desk.progress() as reporter:
        mirrored = client.mirror(
            folder,
            refs,
            files=files or None,
            exclude=exclude or None,
            weights=weights,
            include=include,
            reporter=reporter,
        )
    if as_json:
        desk.json([model.to_dict() for model in mirrored])
        return
    for model in mirrored:
        licence = model.license.spdx or model.license.name or "no licence named"
        row = [model.state, str(model.ref), human(model.added), model.access, f"{model.license.kind} ({licence})"]
        desk.line("\t".join(row))
        if model.reason is not None:
            desk.talk(f"left out: {model.ref}. {model.reason}")
    count = sum(model.state != "left out" for model in mirrored)
    desk.talk(f"{counted(count, 'model')} in {folder}; {human(sum(model.added for model in mirrored))} were added.")


@command.command("ls", short_help="List what a mirror holds.")
@click.argument("place", metavar=_PLACE)
@as_json
@pass_desk
def list_held(desk: Desk, place: str, as_json: bool) -> None:
    """List what the mirror at DIR or URL holds, with access and licence."""
    from zooclient.client.mirrorfolder import catalogue
    from zooclient.mirror.place import read_place
    from zooclient.settings import check_mirror

    with desk.client() as client:
        check_mirror(place, "The mirror", client.settings.allow_plain_http)
        models = client.run(catalogue(read_place(place))).models
    if as_json:
        desk.json([model.to_dict() for model in models])
        return
    for model in models:
        licence = model.license_name or "no licence named"
        row = [str(model.ref), human(model.size), counted(model.files, "file"), model.access]
        row += [f"{model.license} ({licence})", *([model.zoo] if model.zoo != model.ref.scheme else [])]
        desk.line("\t".join(row))
    desk.talk(f"{counted(len(models), 'model')} in {place}.")


@command.command("verify", short_help="Hash what a mirror holds again.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@as_json
@pass_desk
def verify(desk: Desk, folder: str, as_json: bool) -> None:
    """Hash everything that the mirror in DIR serves. Exit 5 when something is damaged.

    Delete what is damaged and push the model again: it is brought anew.
    """
    from zooclient.cli.verify import tell
    from zooclient.client.mirrorfolder import verify as hashed

    with desk.busy("Hashing what the mirror holds"):
        verdict = hashed(Path(folder))
    tell(desk, verdict, as_json)
