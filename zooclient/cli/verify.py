"""``zooclient verify``."""

from __future__ import annotations

from itertools import groupby

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk, counted
from zooclient.store.reports import Verdict


@click.command("verify")
@ref_argument
@as_json
@pass_desk
def command(desk: Desk, ref: str, as_json: bool) -> None:
    """Hash every byte that is held of REF again, with no network. Exit 5 when something is damaged.

    What is damaged is set aside, so that the next load fetches it again.
    """
    with desk.client() as client, desk.busy("Hashing what is held"):
        verdict = client.verify(ref)
    tell(desk, verdict, as_json)


def tell(desk: Desk, verdict: Verdict, as_json: bool) -> None:
    """Prints what was found, and ends with 5 when it was not all well."""
    if as_json:
        desk.json(verdict.to_dict())
    else:
        for ref, files in groupby(verdict.files, key=lambda file: str(file.ref)):
            desk.line(ref)
            for file in files:
                desk.line(f"  {file.state:<8} {file.sha256[:16]}  {file.path}")
        desk.talk(f"{counted(len(verdict.files), 'file')} hashed, {len(verdict.bad)} damaged or missing.")
    if not verdict.ok:
        click.get_current_context().exit(5)
