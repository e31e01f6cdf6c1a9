"""``zooclient doctor``."""

from __future__ import annotations

from collections.abc import Sequence

import click
from attrs import AttrsInstance, asdict

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("doctor")
@click.option("--live", is_flag=True, help="Ask the live zoos whether what we know of them still holds.")
@as_json
@pass_desk
def command(desk: Desk, live: bool, as_json: bool) -> None:
    """Check network, proxy, certificates, clock, disk and tokens, zoo by zoo. Exit 7 when something fails."""
    failed = _live(desk, as_json) if live else _machine(desk, as_json)
    if failed:
        click.get_current_context().exit(7)


def _machine(desk: Desk, as_json: bool) -> bool:
    from zooclient.client.doctor import Finding, check_up

    findings: list[Finding] = []
    with desk.client() as client:
        for finding in check_up(client):
            findings.append(finding)
            if not as_json:
                desk.line(f"{finding.verdict:<4}  {finding.zoo or 'here':<11} {finding.check:<7} {finding.text}")
                if finding.hint:
                    desk.line(f"      {'':<11} {'':<7} → {finding.hint}")
    _print_json(desk, findings, as_json)
    return any(finding.verdict == "fail" for finding in findings)


def _live(desk: Desk, as_json: bool) -> bool:
    import tempfile

    from zooclient.client.contract import PINS, Fact, ask_live

    facts: list[Fact] = []
    # A home of its own: an answer out of the store would prove nothing.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, desk.client(home=home) as client:
        for fact in (fact for pins in PINS for fact in ask_live(client, pins)):
            facts.append(fact)
            if not as_json:
                told = f" ({fact.detail})" if fact.detail else ""
                desk.line(f"{'ok' if fact.held else 'FAIL':<4}  {fact.zoo:<11} {fact.text}{told}")
    _print_json(desk, facts, as_json)
    return not all(fact.held for fact in facts)


def _print_json(desk: Desk, records: Sequence[AttrsInstance], as_json: bool) -> None:
    if as_json:
        desk.json([asdict(record) for record in records])
