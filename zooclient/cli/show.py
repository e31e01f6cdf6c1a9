"""``zooclient show``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk, sized
from zooclient.records.model import ModelRecord


@click.command("show")
@ref_argument
@click.option("--files", "with_files", is_flag=True, help="List the files with their digests.")
@click.option("--demos", is_flag=True, help="Ask for hosted demos too.")
@as_json
@pass_desk
def command(desk: Desk, ref: str, with_files: bool, demos: bool, as_json: bool) -> None:
    """Show what a zoo says of a model, at the revision that REF names now."""
    with desk.client() as client:
        record = client.resolve(ref, demos=demos)
        if with_files and not record.files:  # some zoos tell them only where they are wanted
            record = client.plan(record, weights="all").record
    if as_json:
        desk.json(record.to_dict())
        return
    for name, value in _facts(record):
        desk.line(f"{name + ':':<12} {value}")
    if with_files:
        desk.line("")
        for entry in record.files:
            kind, digest = next(iter(entry.digests.items()), ("no digest", ""))
            desk.line(f"{sized(entry):>10}  {kind:<9} {digest[:16]:<16}  {entry.path}")


def _facts(record: ModelRecord) -> Iterator[tuple[str, str]]:
    yield "model", record.title
    yield "pinned", str(record.ref)
    if record.web_url:
        yield "page", record.web_url
    licence = record.license
    named = licence.spdx or licence.name or licence.raw
    yield "licence", f"{named} ({licence.kind})" if named else "none stated"
    yield "access", record.access.state + (f": {record.access.how}" if record.access.how else "")
    if record.access.url:
        yield "ask at", record.access.url
    for name, value in (
        ("task", record.task),
        ("library", record.library),
        ("parameters", None if record.parameters is None else f"{record.parameters:,}"),
        ("made from", ", ".join(record.base_models) or None),
        ("changed", None if record.updated_at is None else record.updated_at.isoformat()),
        ("downloads", None if record.downloads is None else f"{record.downloads:,}"),
        ("likes", None if record.likes is None else f"{record.likes:,}"),
    ):
        if value is not None:
            yield name, value
    if record.schema is not None:
        yield "takes", ", ".join(one.name + ("" if one.required else "?") for one in record.schema.inputs) or "nothing"
    yield "files", f"{len(record.files)}, {sized(*record.files)}" if record.files else "none listed"
    for demo in record.demos:
        yield "demo", f"{demo.url}" + (f" ({demo.state})" if demo.state else "")
    for problem in record.problems:
        yield "problem", problem
