"""``zooclient sources``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk, human


@click.command("sources")
@ref_argument
@click.option("--zoo", "zoos", multiple=True, metavar="ZOO", help="Ask this zoo; repeatable. Default: all.")
@as_json
@pass_desk
def command(desk: Desk, ref: str, zoos: tuple[str, ...], as_json: bool) -> None:
    """Find where else the files of a model lie, proved by sha256: a line for each file and place.

    The zoos that are asked are told the name of the model, and perhaps digests. Nothing is fetched.
    """
    with desk.client() as client:
        found = client.sources(ref, zoos=zoos or None)
    if as_json:
        desk.json(found.to_dict())
        return
    for copy in found.copies:
        access = "" if copy.record.access.state == "open" else f"  ({copy.record.access.state})"
        desk.line(f"{human(copy.file.size):>10}  {copy.path}  {copy.ref}  {copy.file.path}{access}")
    for path in found.alone:
        why = "its zoo states no sha256" if path in found.unproved else "nobody else who was asked has it"
        desk.talk(f"note: {path}: {why}")
    for zoo, error in found.problems.items():
        desk.talk(f"warning: {zoo}: {error.message}")
