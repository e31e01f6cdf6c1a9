"""``zooclient verify``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk
from zooclient.store.reports import Verdict


@click.command("verify")
@ref_argument
@as_json
@pass_desk
def command(desk: Desk, ref: str, as_json: bool) -> None:
    """Hash every byte that is held of REF again, with no network. Exit 5 when something is damaged.

    What is damaged is set aside, so that the next load fetches it again.
    """
    with desk.client() as client:
        verdict = client.verify(ref)
    tell(desk, verdict, as_json)


def tell(desk: Desk, verdict: Verdict, as_json: bool) -> None:
    """Prints what was found, and ends with 5 when it was not all well."""
    if as_json:
        desk.json(verdict.to_dict())
    else:
        for file in verdict.files:
            desk.line(f"{file.state:<8} {file.sha256[:16]}  {file.path}")
        bad = sum(file.state != "ok" for file in verdict.files)
        desk.talk(f"{len(verdict.files)} files hashed, {bad} damaged or missing.")
    if not verdict.ok:
        click.get_current_context().exit(5)
