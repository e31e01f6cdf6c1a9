"""Inputs of a model as a person types them: ``key=value`` and ``key=@file``, read by what the model says it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zooclient.errors import ConfigError
from zooclient.records.schema import Input, InputType, Schema, is_of


def read_inputs(words: Sequence[str], schema: Schema | None, *, training: bool = False) -> dict[str, Any]:
    """Returns the inputs that were typed.

    A value is of the first type that the model takes and that it can be read as. ``@file`` is the file for an input
    that is one, and its text for any other; ``@@`` begins a text with ``@``. A name that comes more than once is an
    array.

    Args:
        words: ``key=value``, in order.
        schema: What the model takes. None: it does not tell; then a value is JSON where it can be, else text.
        training: Read them by what a training takes.

    Raises:
        ConfigError: A word without a name, or a file that cannot be read.
    """
    known = (schema.training_inputs if training else schema.inputs) if schema is not None else ()
    takes = {one.name: one for one in known or ()}
    typed: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise ConfigError(f"{word!r} is no input.", hint="Write key=value, or key=@file.", operation="run")
        typed.setdefault(name, []).append(value)
    return {name: _value(name, values, takes.get(name)) for name, values in typed.items()}


def _value(name: str, values: list[str], one: Input | None) -> Any:
    array = one is not None and "array" in one.types
    if len(values) == 1 and not (array and _is_item(values[0])):
        return _single(name, values[0], one.types if one is not None else (), file=one is not None and one.file)
    if one is None or array:
        types, file = (one.item_types, one.item_format == "uri") if one is not None else ((), False)
        return [_single(name, value, types, file=file) for value in values]
    raise ConfigError(f"The input {name} is given {len(values)} times, and is no array.", operation="run")


def _is_item(value: str) -> bool:
    """Whether the one value of an array is an item of it, and not the array as JSON."""
    return not value.lstrip().startswith("[")


def _single(name: str, value: str, types: tuple[InputType, ...], *, file: bool) -> Any:
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        path = Path(value[1:]).expanduser()
        if file or not types:
            if not path.is_file():
                raise ConfigError(f"There is no file {path} for the input {name}.", hint=_LITERAL, operation="run")
            return path
        try:
            value = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The text for the input {name} cannot be read from {path}: {error}.", hint=_LITERAL, operation="run"
            ) from error
    if file:
        return value
    return _as(value, types)


_LITERAL = "A text that begins with @ is written with two of them: key=@@text"


def _as(value: str, types: tuple[InputType, ...]) -> Any:
    """The value as the first type that it can be; as text, which the check then refuses, where it can be none."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        read = value
    if not types:
        return read if isinstance(read, (bool, int, float, list, dict)) else value
    for kind in types:
        if kind == "string":
            return value
        if is_of(read, kind):
            return read
    return value
