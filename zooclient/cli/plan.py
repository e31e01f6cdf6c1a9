"""``zooclient plan``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, chosen, pass_desk, ref_argument, wishes
from zooclient.cli.output import Desk, human, sized


@click.command("plan")
@ref_argument
@wishes
@as_json
@pass_desk
def command(
    desk: Desk,
    ref: str,
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    weights: str,
    allow_unverified: bool,
    as_json: bool,
) -> None:
    """Say what a download would do: what is fetched, what is held, what is left out and why."""
    with desk.client() as client:
        plan = client.plan(ref, **chosen(files, exclude, weights, allow_unverified))
    if as_json:
        desk.json(plan.to_dict())
        return
    for entry in plan.fetch:
        desk.line(f"fetch  {sized(entry):>10}  {entry.path}")
    for item in plan.reuse:
        desk.line(f"have   {sized(item.file):>10}  {item.file.path}  ({item.place})")
    for skip in plan.skip:
        desk.line(f"skip   {sized(skip.file):>10}  {skip.file.path}  ({skip.reason})")
    about = plan.approximate
    desk.talk(
        f"{plan.record.ref}: {human(plan.bytes_to_fetch, about=about)} to fetch, "
        f"{human(plan.bytes_on_disk, about=about)} on disk, {human(plan.bytes_skipped, about=about)} left out."
    )
