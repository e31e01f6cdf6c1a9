"""``zooclient sync``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


def _shard(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    number, _, count = value.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise click.BadParameter(f"{value!r} is not of the form i/n, such as 1/4.", ctx, param)
    return int(number), int(count)


@click.command("sync")
@click.option("--frozen", is_flag=True, help="Take the lock as it is; ask no zoo what anything means.")
@click.option("--offline", is_flag=True, help="Open no connection at all.")
@click.option("--model", "names", multiple=True, metavar="NAME", help="Only this model; repeatable.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Only this group, and what is in none.")
@click.option("--shard", metavar="i/n", callback=_shard, help="Only the share of the i-th of n workers over one store.")
@click.option(
    "--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after this time; what arrived is kept."
)
@as_json
@pass_desk
def command(
    desk: Desk,
    frozen: bool,
    offline: bool,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    shard: tuple[int, int] | None,
    deadline: float | None,
    as_json: bool,
) -> None:
    """Bring every model of the project's lock here, every byte verified, and print its name and folder.

    Without --frozen, models that are not locked yet are locked first.
    """
    with desk.client(offline=True if offline else None) as client, desk.progress() as reporter:
        found = client.sync(
            frozen=frozen,
            names=names or None,
            groups=groups or None,
            shard=shard,
            project=desk.project,
            reporter=reporter,
            deadline=deadline,
        )
    if as_json:
        desk.json([{"name": one.name, "fetched": one.fetched, **one.snapshot.to_dict()} for one in found])
    else:
        for one in found:
            desk.line(f"{one.name}\t{one.snapshot.path}")
