"""``zooclient check``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk, weights_wanted
from zooclient.cli.output import Desk
from zooclient.errors import PolicyError


@click.command("check")
@click.argument("refs", nargs=-1, metavar="[REF]...")
@weights_wanted
@as_json
@pass_desk
def command(
    desk: Desk,
    refs: tuple[str, ...],
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    as_json: bool,
) -> None:
    """Hold models against the policy: one line a violation, and exit 6 when there is one.

    Without REF, the models of the project's lock. No weights are fetched.
    """
    with desk.client() as client:
        found = client.check(
            refs or None, files=files or None, exclude=exclude or None, weights=weights, project=desk.project
        )
    if as_json:
        desk.json([{**one.to_dict(), "passes": one.passes} for one in found])
    for one in found:
        named = one.name or str(one.ref)
        if not as_json:
            for violation in one.violations:
                desk.line(f"{named}\t{violation.rule}\t{violation.told}")
        for violation in one.violations:
            desk.talk(f"hint: {named}: {violation.remedy}")
        for note in one.notes:
            desk.talk(f"note: {note}")
    refused = sum(not one.passes for one in found)
    desk.talk(f"{len(found) - refused} of {len(found)} pass.")
    if refused:
        click.get_current_context().exit(PolicyError.exit_code)
