"""``zooclient search``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.records.model import Hit


@click.command("search")
@click.argument("text", nargs=-1)
@click.option("--zoo", "zoos", multiple=True, help="Zoo to ask; repeatable.  [default: all]")
@click.option("--author", help="Owner, exact.")
@click.option("--task", help="Task, such as text-classification.")
@click.option("--library", help="Library, such as transformers.")
@click.option("--license", "license_id", help="Licence id, such as apache-2.0.")
@click.option(
    "--license-kind",
    type=click.Choice(["open-source", "open-weight", "non-commercial", "unknown"]),
    help="What the licence roughly allows.",
)
@click.option("--base-model", help="Model that it was made from.")
@click.option("--language", help="ISO 639 code.")
@click.option("--format", "format_name", help="Weights format, such as gguf.")
@click.option("--tag", "tags", multiple=True, help="Further tag; repeatable, all must be there.")
@click.option("--fits", metavar="SIZE", help="Weights that fit in so much memory, such as 24GB or 8GiB.")
@click.option("--gated/--open", "gated", default=None, help="Only gated, or only open models.")
@click.option("--nsfw", is_flag=True, help="Adult content too; it is left out otherwise.")
@click.option("--min-parameters", type=int, help="Smallest number of parameters.")
@click.option("--max-parameters", type=int, help="Largest number of parameters.")
@click.option(
    "--sort", type=click.Choice(["relevance", "downloads", "likes", "trending", "updated", "created"]), help="Order."
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Hits at the most.")
@as_json
@pass_desk
def command(
    desk: Desk,
    /,
    text: tuple[str, ...],
    zoos: tuple[str, ...],
    license_id: str | None,
    format_name: str | None,
    as_json: bool,
    **filters: object,
) -> None:
    """Find models: one line a hit, best first. Exit 7 or the like when nothing was found and a zoo failed.

    Zoos are asked side by side and take turns, each hit as soon as it is known; with --sort downloads, likes, updated
    or created the highest number comes first, and zoos that cannot sort so come last.

    Prints reference, task, licence, downloads and last change, separated by tabs; the access too where it is not open.
    """
    with desk.client() as client:
        hits = client.search(" ".join(text), zoos=zoos or None, license=license_id, format=format_name, **filters)
        found, count = [], 0
        for hit in hits:
            count += 1
            if as_json:
                found.append(hit.to_dict())
            else:
                desk.line(_row(hit))
    if as_json:
        desk.json(found)
    for zoo, error in hits.problems.items():
        desk.talk(f"warning: {zoo}: {error.message}")
    for zoo, reason in hits.skipped.items():
        desk.talk(f"note: {zoo} was not searched: {reason}")
    failed = next(iter(hits.problems.values()), None)
    if failed is not None and count == 0:
        click.get_current_context().exit(failed.exit_code)
    if count == 0:
        desk.talk("No model was found.")
    if not filters["nsfw"]:
        for zoo in _mature(zoos):
            desk.talk(f"note: {zoo} was asked for what is for everybody; --nsfw finds adult content too.")
    for zoo, reason in hits.cut.items():
        desk.talk(f"note: {zoo}: {reason}")
    for zoo, fields in hits.unapplied.items():
        desk.talk(f"warning: {zoo} cannot apply {', '.join(fields)}: its hits are neither chosen nor ordered by it.")


def _mature(zoos: tuple[str, ...]) -> list[str]:
    """The zoos named that know adult content from other, and were told to leave it out."""
    from zooclient.providers.registry import canonical, provider_for
    from zooclient.settings import Settings

    asked = dict.fromkeys(canonical(zoo) for zoo in zoos)
    return [zoo for zoo in asked if provider_for(zoo, Settings()).capability.filters.get("nsfw") == "exact"]


def _row(hit: Hit) -> str:
    licence = None if hit.license is None else hit.license.spdx or hit.license.name or hit.license.raw
    return "\t".join(
        (
            str(hit.ref),
            hit.task or "-",
            licence or "-",
            "-" if hit.downloads is None else str(hit.downloads),
            "-" if hit.updated_at is None else hit.updated_at.date().isoformat(),
        )
        + (() if hit.access.state == "open" else (hit.access.state,))
    )
