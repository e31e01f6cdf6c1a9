"""``zooclient identify``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk, counted
from zooclient.errors import ConfigError, ZooError
from zooclient.records.identity import Identified


@click.command("identify")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--online", is_flag=True, help="Also ask zoos by hash: the sha256 of each file leaves this machine.")
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after this time.")
@as_json
@pass_desk
def command(desk: Desk, paths: tuple[str, ...], online: bool, deadline: float | None, as_json: bool) -> None:
    """Say which model at which zoo each FILE is; of a folder, each file in it. Exit 3 when one is not known.

    Files are hashed, and held against every model that the store remembers; nothing leaves this machine without
    --online. "perhaps" is said of a file of which only a short hash agrees; it does not count as known.
    """
    with desk.client() as client, desk.progress() as reporter:
        found = client.identify(paths, online=online, reporter=reporter, deadline=deadline)
    if as_json:
        desk.json(found.to_dict())
    else:
        for file in found.files:
            desk.line(_line(file))
    for error in found.problems.values():
        desk.error(error)
    if found.unknown:
        desk.talk(f"{counted(len(found.files), 'file')} hashed, {len(found.unknown)} not known.")
    failed = next((error for zoo, error in found.problems.items() if not _unusable(zoo, error)), None)
    if failed is not None:
        click.get_current_context().exit(failed.exit_code)
    if not found.ok:
        click.get_current_context().exit(3)


def _unusable(zoo: str, error: ZooError) -> bool:
    """Whether a package brings a zoo and cannot be used: told, and no reason to call the rest a failure."""
    from zooclient.providers.registry import offers_of

    return isinstance(error, ConfigError) and bool(offers_of(zoo))


def _line(file: Identified) -> str:
    """One line of tab-separated fields: file, what is known, reference, file in the model, further matches."""
    if file.problem is not None:
        return f"{file.path}\tunreadable\t{file.problem}"
    if not file.matches:
        return f"{file.path}\tunknown"
    best = file.matches[0]
    fields = [str(file.path), "known" if best.proved else f"perhaps ({best.by})", str(best.ref), best.path or ""]
    if len(file.matches) > 1:
        fields.append(f"and {len(file.matches) - 1} more")
    return "\t".join(fields).rstrip("\t")
