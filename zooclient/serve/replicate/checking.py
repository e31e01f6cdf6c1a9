"""What the API has against the body that creates a run: the flaws that a JSON schema validator finds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from zooclient.serve.replicate.hosted import Input
from zooclient.serve.replicate.said import Flaw

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "file": (str,),
    "secret": (str,),
    "array": (list,),
}
_JSON = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}


def members(body: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> list[Flaw]:
    """Returns the flaws of a body by the names of its members."""
    known = {*required, *optional}
    flaws = [
        Flaw(type="required", field="", description=f"{name} is required") for name in required if name not in body
    ]
    flaws += [
        Flaw(
            type="additional_property_not_allowed",
            field="",
            description=f"Additional property {name} is not allowed",
        )
        for name in body
        if name not in known
    ]
    if not isinstance(body.get("input", {}), dict):
        flaws.append(_wrong("input", "object", body["input"]))
    return flaws


def check(sent: Mapping[str, Any], inputs: Mapping[str, Input]) -> list[Flaw]:
    """Returns the flaws of an input; names that the model does not know are passed over."""
    missing = [name for name, wanted in inputs.items() if wanted.needed and name not in sent]
    flaws = [Flaw(type="required", field="input", description=f"{name} is required") for name in missing]
    for name, wanted in inputs.items():
        if name in sent:
            flaws += _value(f"input.{name}", sent[name], wanted)
    return flaws


def complete(sent: Mapping[str, Any], inputs: Mapping[str, Input]) -> dict[str, Any]:
    """Returns an input with the defaults of what was not sent, without what the model does not know."""
    given = {name: sent[name] for name in inputs if name in sent}
    usual = {name: wanted.default for name, wanted in inputs.items() if name not in sent and wanted.default is not None}
    return {**usual, **given}


def _value(where: str, value: Any, wanted: Input) -> Iterator[Flaw]:
    if not _fits(value, wanted.type):
        yield _wrong(where, _told(wanted.type), value)
        return
    if wanted.type == "array":
        for place, item in enumerate(value):
            if not _fits(item, wanted.items):
                yield _wrong(f"{where}.{place}", _told(wanted.items), item)
    if wanted.type == "file" and not value.startswith(("https://", "http://", "data:")):
        yield Flaw(type="format", field=where, description="Does not match format 'uri'")
    if wanted.choices and value not in wanted.choices:
        listed = ", ".join(f'"{choice}"' for choice in wanted.choices)
        said = f"{where} must be one of the following: {listed}"
        yield Flaw(type="enum", field=where, description=said)
    yield from _bounds(where, value, wanted)


def _bounds(where: str, value: Any, wanted: Input) -> Iterator[Flaw]:
    if wanted.minimum is not None and value < wanted.minimum:
        said = f"Must be greater than or equal to {wanted.minimum:g}"
        yield Flaw(type="number_gte", field=where, description=said)
    if wanted.maximum is not None and value > wanted.maximum:
        yield Flaw(type="number_lte", field=where, description=f"Must be less than or equal to {wanted.maximum:g}")
    if wanted.min_length is not None and len(value) < wanted.min_length:
        said = f"String length must be greater than or equal to {wanted.min_length}"
        yield Flaw(type="string_gte", field=where, description=said)
    if wanted.max_length is not None and len(value) > wanted.max_length:
        said = f"String length must be less than or equal to {wanted.max_length}"
        yield Flaw(type="string_lte", field=where, description=said)
    if wanted.pattern is not None and re.search(wanted.pattern, value) is None:
        yield Flaw(type="pattern", field=where, description=f"Does not match pattern '{wanted.pattern}'")


def _fits(value: Any, kind: str) -> bool:
    # A boolean is an integer to Python alone; a whole number is an integer to JSON, however it is written.
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _PYTHON[kind])


def _told(kind: str) -> str:
    return "string" if kind in ("file", "secret") else kind


def _wrong(where: str, expected: str, value: Any) -> Flaw:
    given = "null" if value is None else _JSON.get(type(value), "object")
    said = f"Invalid type. Expected: {expected}, given: {given}"
    return Flaw(type="invalid_type", field=where, description=said)
