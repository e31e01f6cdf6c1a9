"""``zooclient card``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk

if TYPE_CHECKING:
    from zooclient.records.publication import CardFinding
    from zooclient.records.ref import Ref

_FOLDER = click.Path(exists=True, file_okay=False)


@click.command("card")
@click.argument("ref", required=False)
@click.option("--init", "to_write", metavar="DIR", type=_FOLDER, help="Write the card of DIR, or complete it.")
@click.option("--check", "to_check", metavar="DIR", type=_FOLDER, help="Tell what is to be said against DIR's card.")
@click.option("--base", metavar="REF", help="The base model.  [default: what the card or the configs name]")
@click.option("--license", "license_id", metavar="ID", help="The licence that --init writes, such as apache-2.0.")
@as_json
@pass_desk
def command(
    desk: Desk,
    ref: str | None,
    to_write: str | None,
    to_check: str | None,
    base: str | None,
    license_id: str | None,
    as_json: bool,
) -> None:
    """Print the model card of REF: what its author says it is for, and what it is not for.

    For a model of your own, --init writes what is known into DIR/README.md and touches nothing that is written there;
    --check prints a finding a line and ends with 6 where the card is not fit to be published.
    """
    given = [option for option in (ref, to_write, to_check) if option is not None]
    if len(given) != 1:
        raise click.UsageError("Name a REF, or --init DIR, or --check DIR.")
    if ref is not None:
        if base is not None or license_id is not None:
            raise click.UsageError("--base and --license are for --init and --check.")
        _show(desk, ref, as_json=as_json)
        return
    from zooclient.records.ref import Ref

    of = None if base is None else Ref.parse(base)
    if to_write is not None:
        _write(desk, Path(to_write), of, license_id, as_json=as_json)
    elif to_check is not None:
        _check(desk, Path(to_check), of, as_json=as_json)


def said(finding: CardFinding) -> str:
    """Returns a finding as one line."""
    return f"{finding.gravity}  {finding.rule}: {finding.message}"


def _show(desk: Desk, ref: str, *, as_json: bool) -> None:
    with desk.client() as client:
        card = client.card(ref)
    if as_json:
        desk.json(card.to_dict())
        return
    if card.text.strip():
        desk.line(card.text.rstrip())
    for problem in card.problems:
        desk.talk(f"note: {problem}")


def _write(desk: Desk, folder: Path, base: Ref | None, license_id: str | None, *, as_json: bool) -> None:
    from zooclient.client.cards import write
    from zooclient.client.wiring import Wiring

    with desk.client() as client:
        flow = write(Wiring(client.settings), folder, base=base, license=license_id, ask=_asking())
        written = client.run(flow)
    if as_json:
        desk.json(written.to_dict())
    else:
        desk.line(written.path)
    desk.talk(f"front matter: {_listed(written.keys)}; sections: {_listed(written.sections)}.")
    for finding in written.findings:
        desk.talk(said(finding))


def _listed(names: Sequence[str]) -> str:
    return f"added {', '.join(names)}" if names else "nothing to add"


def _asking() -> Callable[[], str] | None:
    """What asks the person at the terminal for a licence; None: nobody is there."""
    if not sys.stdin.isatty():
        return None

    def ask() -> str:
        told: str = click.prompt("Licence of the model, such as apache-2.0", err=True)
        return told

    return ask


def _check(desk: Desk, folder: Path, base: Ref | None, *, as_json: bool) -> None:
    from zooclient.client.cards import check
    from zooclient.client.wiring import Wiring
    from zooclient.errors import PolicyError
    from zooclient.records.cardcheck import refused

    with desk.client() as client:
        findings = client.run(check(Wiring(client.settings), folder, base))
    if as_json:
        desk.json([finding.to_dict() for finding in findings])
    else:
        for finding in findings:
            desk.line(said(finding))
    if refused(findings):
        raise click.exceptions.Exit(PolicyError.exit_code)
    desk.talk(f"{folder} has a card that is fit to be published.")
