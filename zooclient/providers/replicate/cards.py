"""The card of a model: its README, and before and below it what its record tells; pure."""

from __future__ import annotations

import json
import re
from typing import Any

from zooclient.providers.reading import line, plain, string
from zooclient.records.model import ModelRecord
from zooclient.records.schema import Input, Output, Schema

_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")


def card_text(record: ModelRecord, readme: str | None) -> str:
    """Returns the card of a model.

    Args:
        record: The model.
        readme: Its README, Markdown. None or blank: it has none, and its description stands in.
    """
    body = (readme or "").removeprefix("\ufeff").replace("\r\n", "\n").strip("\n")
    described = string(record.metadata.get("description"))
    if not body.strip():
        body = f"# {_flat(record.title)}" + (f"\n\n{_flat(described)}" if described else "")
    head = "" if body.startswith("---\n") else _front_matter(record)
    return "\n\n".join(part for part in (head, body, *_schema(record.schema)) if part) + "\n"


def _front_matter(record: ModelRecord) -> str:
    fields: dict[str, Any] = {
        "license": record.license.spdx or ("other" if record.license.raw is not None else None),
        "license_link": record.license.url,
        "base_model": list(record.base_models),
        "pipeline_tag": record.task,
        "tags": list(record.tags),
        "source": str(record.ref),
    }
    lines = [f"{name}: {json.dumps(plain(value), ensure_ascii=True)}" for name, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _schema(schema: Schema | None) -> list[str]:
    if schema is None:
        return []
    inputs = "\n".join(_input(one) for one in schema.inputs)
    output = _output(schema.output) if schema.output is not None else ""
    return [
        *(["## Inputs", inputs] if inputs else []),
        *(["## Output", output] if output else []),
    ]


def _input(one: Input) -> str:
    facts = ["file" if one.file else "secret" if one.secret else " or ".join(one.types) or "any"]
    if one.required:
        facts.append("required")
    if one.default is not None and not one.secret:
        facts.append(f"default {line(json.dumps(one.default), 80)}")
    if one.choices:
        facts.append("one of " + line(", ".join(json.dumps(choice) for choice in one.choices), 300))
    if one.minimum is not None or one.maximum is not None:
        facts.append(f"from {_bound(one.minimum)} to {_bound(one.maximum)}")
    if one.deprecated:
        facts.append("deprecated")
    told = f": {_flat(one.description)}" if one.description else ""
    return f"- **{_flat(one.name)}** ({_flat('; '.join(facts))}){told}"


def _bound(value: float | None) -> str:
    return "any" if value is None else json.dumps(value)


def _output(output: Output) -> str:
    words: str = output.kind
    if output.kind == "array":
        words = "pieces of a text" if output.joined else f"a list of {output.items}"
    if output.fields:
        words += " with " + ", ".join(f"{name} ({kind})" for name, kind in output.fields.items())
    return _flat(words) + (", as it comes" if output.grows else "") + "."


def _flat(text: str) -> str:
    """A text on one line, with nothing in it that Markdown reads as a mark."""
    return _MARKS.sub(r"\\\1", line(text, 2000))
