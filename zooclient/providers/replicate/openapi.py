"""From the OpenAPI document of a version, as Cog writes it, to a typed schema; pure.

The document is made by the version's image. What is read, over all versions of Cog: types, ``enum`` in place or behind
``allOf`` and ``$ref``, with members that may be of another type than is declared; bounds, also as ``ge`` and ``le`` in
the early ones; the order, which is ``x-order`` and not that of the keys; ``nullable``, ``anyOf`` for unions, and null
among the types, all of which mean that an input may be left out, because an explicit null is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from zooclient.providers.reading import count, mapping, plain, string
from zooclient.records.schema import Input, InputType, Output, OutputKind, Schema, is_of

_TYPES: dict[str, InputType] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
_KINDS: dict[InputType, OutputKind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
#: References that are followed one after another, and inputs that are read.
_HOPS, _INPUTS = 8, 1000
_HERE = "#/components/schemas/"
#: Before this version every array at the top grows while the model runs.
_GROWS_BEFORE = (0, 3, 9)


def read_schema(document: Any, cog_version: str | None = None) -> Schema | None:
    """Reads the OpenAPI document of a version.

    Args:
        document: What the zoo tells; anything.
        cog_version: Version of Cog that made the image. None: not told.

    Returns:
        None: there is none, or it tells neither inputs nor output.
    """
    named = mapping(mapping(mapping(document).get("components")).get("schemas"))
    takes, gives = named.get("Input"), named.get("Output")
    if not isinstance(takes, dict) and not isinstance(gives, dict):
        return None
    trains = named.get("TrainingInput")
    return Schema(
        inputs=_inputs(takes, named),
        output=_output(gives, named, cog_version) if isinstance(gives, dict) else None,
        training_inputs=_inputs(trains, named) if isinstance(trains, dict) else None,
        streams=_streams(document),
    )


def _streams(document: Any) -> bool:
    run = mapping(mapping(mapping(mapping(document).get("paths")).get("/predictions")).get("post"))
    return run.get("x-cog-streaming") is True


# -- inputs -------------------------------------------------------------------------------------


def _inputs(told: Any, named: Mapping[str, Any]) -> tuple[Input, ...]:
    whole = _resolved(told, named)
    listed = [(name, item) for name, item in mapping(whole.get("properties")).items() if string(name) == name]
    needed = whole.get("required")
    required = {name for name in needed if isinstance(name, str)} if isinstance(needed, list) else set()
    ordered = sorted(listed, key=lambda pair: _order(mapping(pair[1])))  # stable: without a number last, as listed
    return tuple(_input(name, _resolved(item, named), name in required, named) for name, item in ordered[:_INPUTS])


def _order(told: Mapping[str, Any]) -> float:
    number = _number(told.get("x-order"))
    return math.inf if number is None else number


def _input(name: str, told: Mapping[str, Any], required: bool, named: Mapping[str, Any]) -> Input:
    types, nullable = _types(told, named)
    default = plain(told.get("default"))
    made = Input(
        name=name,
        types=types,
        # A default, be it null, and what may be null mean that it can be left out, whatever the list says.
        required=required and "default" not in told and not nullable,
        default=default,
        choices=_choices(told.get("enum"), types),
        minimum=_first(told, "minimum", "ge"),
        maximum=_first(told, "maximum", "le"),
        min_length=count(told.get("minLength")),
        max_length=count(told.get("maxLength")),
        pattern=string(told.get("pattern")),
        format=string(told.get("format")),
        secret=told.get("x-cog-secret") is True or told.get("format") == "password",
        deprecated=told.get("deprecated") is True,
        title=string(told.get("title")),
        description=string(told.get("description")),
    )
    if "array" not in types:
        return made
    item = _resolved(_alternative(told, "array", named).get("items"), named)
    item_types, _ = _types(item, named)
    return evolve(
        made,
        item_types=item_types,
        item_format=string(item.get("format")),
        item_choices=_choices(item.get("enum"), item_types),
    )


def _types(told: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[tuple[InputType, ...], bool]:
    """The types of a value, and whether it may be null."""
    found: dict[InputType, None] = {}
    nullable = told.get("nullable") is True
    stated = told.get("type")
    for word in stated if isinstance(stated, list) else [stated]:
        nullable = nullable or word == "null"
        if isinstance(word, str) and word in _TYPES:
            found[_TYPES[word]] = None
    unknown = False
    for part in _union(told):
        inner = _resolved(part, named)
        types, empty = _types({key: value for key, value in inner.items() if key not in ("anyOf", "oneOf")}, named)
        nullable = nullable or empty
        unknown = unknown or not (types or empty)
        found |= dict.fromkeys(types)
    return (() if unknown else tuple(found)), nullable


def _union(told: Mapping[str, Any]) -> list[Any]:
    parts = told.get("anyOf", told.get("oneOf"))
    return parts[:_HOPS] if isinstance(parts, list) else []


def _alternative(told: Mapping[str, Any], kind: str, named: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a union that is of a type; the whole where it is none."""
    parts = (_resolved(part, named) for part in _union(told))
    return next((part for part in parts if part.get("type") == kind), told)


def _resolved(told: Any, named: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a schema says together with those that it refers to; what stands beside a reference counts more.

    One way out of null, as ``anyOf`` of a single other schema, is followed too. A circle ends.
    """
    found: dict[str, Any] = {}
    at: Any = told
    for _ in range(_HOPS):
        here = mapping(at)
        found = {**{key: value for key, value in here.items() if key not in ("$ref", "allOf")}, **found}
        further = here.get("allOf")
        target = further[0] if isinstance(further, list) and further else here
        name = mapping(target).get("$ref")
        if isinstance(name, str) and name.startswith(_HERE):
            at = named.get(name.removeprefix(_HERE))
        elif target is not here:
            at = target
        else:
            break
    real = [part for part in _union(found) if mapping(part).get("type") != "null"]
    if len(real) == 1 and len(_union(found)) > 1 and "type" not in found:
        beside = {key: value for key, value in found.items() if key not in ("anyOf", "oneOf")}
        inner = mapping(real[0])
        name = inner.get("$ref")
        if isinstance(name, str) and name.startswith(_HERE):
            inner = {**mapping(named.get(name.removeprefix(_HERE))), **inner}
        return {**inner, **beside, "nullable": True}
    return found


def _choices(told: Any, types: tuple[InputType, ...]) -> tuple[Any, ...]:
    """The members of an enumeration, as values of the declared type where they are written as another."""
    if not isinstance(told, list):
        return ()
    found: list[Any] = []
    for member in told:
        value = _coerced(plain(member), types)
        if value is not None and value not in found:
            found.append(value)
    return tuple(found)


def _coerced(value: Any, types: tuple[InputType, ...]) -> Any:
    if not types or any(is_of(value, kind) for kind in types):
        return value
    if isinstance(value, str) and {"integer", "number"} & set(types):
        if re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            return int(value)
        if "number" in types and re.fullmatch(r"-?\d{1,18}\.\d{1,18}", value, re.ASCII):
            return float(value)
    if isinstance(value, str) and "boolean" in types:
        return {"true": True, "false": False}.get(value.lower())
    if "string" in types and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def _first(told: Mapping[str, Any], *names: str) -> float | None:
    return next((number for number in (_number(told.get(name)) for name in names) if number is not None), None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


# -- output -------------------------------------------------------------------------------------


def _output(told: Any, named: Mapping[str, Any], cog_version: str | None) -> Output:
    whole = _resolved(told, named)
    kind = _kind(whole, named)
    if kind != "array":
        return Output(kind=kind, fields=_fields(whole, named))
    item = _resolved(whole.get("items"), named)
    return Output(
        kind=kind,
        items=_kind(item, named),
        fields=_fields(item, named),
        grows=whole.get("x-cog-array-type") == "iterator" or _is_old(cog_version),
        joined=whole.get("x-cog-array-display") == "concatenate",
    )


def _kind(told: Mapping[str, Any], named: Mapping[str, Any]) -> OutputKind:
    types, _ = _types(told, named)
    if len(types) != 1:
        return "any"
    return "file" if types == ("string",) and told.get("format") == "uri" else _KINDS[types[0]]


def _fields(told: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, OutputKind]:
    listed = mapping(told.get("properties")).items()
    ordered = sorted(listed, key=lambda pair: _order(mapping(pair[1])))
    return {name: _kind(_resolved(item, named), named) for name, item in ordered[:_INPUTS] if string(name) == name}


def _is_old(cog_version: str | None) -> bool:
    read = re.match(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", cog_version or "")
    return read is not None and tuple(map(int, read.groups())) < _GROWS_BEFORE
