"""``zooclient show``."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk, sized
from zooclient.records.model import ModelRecord
from zooclient.records.schema import Input, Output


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
        for one in record.schema.inputs:
            yield "  " + one.name, _input(one)
        if record.schema.output is not None:
            yield "gives", _output(record.schema.output)
    yield "files", f"{len(record.files)}, {sized(*record.files)}" if record.files else "none listed"
    for demo in record.demos:
        yield "demo", f"{demo.url}" + (f" ({demo.state})" if demo.state else "")
    for problem in record.problems:
        yield "problem", problem


def _input(one: Input) -> str:
    """What an input may be, in a line."""
    what = "file" if one.file else "secret" if one.secret else " or ".join(one.types) or "anything"
    if one.item_types or one.item_format:
        what += " of " + ("file" if one.item_format == "uri" else " or ".join(one.item_types))
    told = [what]
    if one.required:
        told.append("required")
    elif one.default is not None and not one.secret:
        told.append(f"default {json.dumps(one.default, ensure_ascii=False)[:60]}")
    if one.minimum is not None:
        told.append(f"from {one.minimum:g}")
    if one.maximum is not None:
        told.append(f"to {one.maximum:g}")
    choices = one.choices or one.item_choices
    if choices:
        told.append("one of " + ", ".join(str(choice) for choice in choices[:12]) + (", …" if choices[12:] else ""))
    if one.deprecated:
        told.append("deprecated")
    said = " ".join((one.description or "").split())
    return ", ".join(told) + (f". {said if len(said) <= 200 else said[:199] + '…'}" if said else "")


def _output(output: Output) -> str:
    if output.kind == "array":
        return "text, piece by piece" if output.joined else f"array of {output.items or 'anything'}"
    return output.kind
