"""What a hosted model takes and gives: a typed record, and the check of inputs before anything is billed; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from zooclient.errors import ConfigError
from zooclient.records.checks import check_count, check_tuples
from zooclient.records.plain import Plain
from zooclient.records.sayable import DEPTH, Unfit, kind_of, nested, sayable

#: Kinds of JSON values.
InputType = Literal["string", "integer", "number", "boolean", "array", "object"]
#: The same, as a person sees them: a file is a text that is an address; ``any`` is what was not told.
OutputKind = Literal["text", "file", "integer", "number", "boolean", "array", "object", "any"]

#: How a file may be given as text.
_ADDRESSES = ("https://", "data:")


@frozen(kw_only=True)
class Input:
    """One input of a model.

    Attributes:
        name: Name on the wire, which need not be a Python identifier.
        types: Types that its value may have. Empty: any.
        required: Nothing runs without it.
        default: What holds without it. None: nothing, or its author does not say.
        choices: Values that it may have, of its own type. Empty: any.
        minimum: Smallest number, inclusive. None: no bound.
        maximum: Largest number, inclusive. None: no bound.
        min_length: Fewest characters. None: no bound.
        max_length: Most characters. None: no bound.
        pattern: Regular expression that its text matches; the zoo tries it, we do not. None: none.
        format: ``uri`` for a file, ``password``, or another word of JSON Schema. None: none.
        item_types: Types of the items of an array. Empty: any.
        item_format: Format of the items of an array. None: none.
        item_choices: Values that the items of an array may have. Empty: any.
        secret: Never shown.
        deprecated: Its author advises against it.
        title: Name to show. None when not told.
        description: What it is for. None when not told.
    """

    name: str
    types: tuple[InputType, ...] = ()
    required: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    item_types: tuple[InputType, ...] = ()
    item_format: str | None = None
    item_choices: tuple[Any, ...] = ()
    secret: bool = False
    deprecated: bool = False
    title: str | None = None
    description: str | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(types=self.types, choices=self.choices, item_types=self.item_types, item_choices=self.item_choices)
        check_count("min_length", self.min_length)
        check_count("max_length", self.max_length)

    @property
    def file(self) -> bool:
        """Whether its value is a file."""
        return self.format == "uri"


@frozen(kw_only=True)
class Output:
    """What a model gives.

    Attributes:
        kind: What it is.
        items: What the items of an array are. None where it is no array.
        fields: Name → kind, of an object, or of the objects in an array. Empty where not told.
        grows: An array whose items come one by one while the model runs.
        joined: An array of pieces of one text.
    """

    kind: OutputKind = "any"
    items: OutputKind | None = None
    fields: Mapping[str, OutputKind] = field(factory=dict, hash=False)
    grows: bool = False
    joined: bool = False


@frozen(kw_only=True)
class Schema(Plain):
    """What a hosted model takes and gives.

    Attributes:
        inputs: In the order in which its author shows them.
        output: What comes of it. None when not told.
        training_inputs: What a training of it takes. None: it cannot be trained.
        streams: The model says that it can send its output while it runs.
    """

    inputs: tuple[Input, ...] = ()
    output: Output | None = None
    training_inputs: tuple[Input, ...] | None = None
    streams: bool = False

    def __attrs_post_init__(self) -> None:
        check_tuples(inputs=self.inputs, training_inputs=self.training_inputs)

    def input(self, name: str) -> Input | None:
        """Returns the input of this name, or None."""
        return next((one for one in self.inputs if one.name == name), None)

    def check(self, inputs: Mapping[str, Any], *, training: bool = False) -> dict[str, Any]:
        """Holds inputs to the schema, and asks nobody.

        A file may be a path, bytes, an open file, or text that is an ``https:`` or ``data:`` address; it is handed on
        as it is. A path is a ``Path``: plain text is never taken for one. An input that is None is left out. What its
        ``pattern`` says is left to the zoo, because a hostile one would never end.

        Args:
            inputs: Name → value.
            training: Hold them to what a training takes.

        Returns:
            The inputs as they are sent: a tuple as a list, a whole ``float`` as an ``int`` where one is wanted.

        Raises:
            ConfigError: Inputs do not fit; names each with its reason. A training is asked for, and there is none.
        """
        known = self.training_inputs if training else self.inputs
        if known is None:
            raise ConfigError("This model cannot be trained.")
        sent: dict[str, Any] = {}
        faults: dict[str, str] = {}
        names = {one.name: one for one in known}
        for name, value in inputs.items():
            if name not in names:
                faults[str(name)] = _unknown(str(name), names)
            elif value is not None:
                try:
                    sent[name] = _fitted(names[name], value)
                except Unfit as fault:
                    faults[name] = str(fault)
        for one in known:
            if one.required and inputs.get(one.name) is None:
                faults[one.name] = "it is required, and missing"
        if faults:
            told = "; ".join(f"{_shown(name)}: {reason}" for name, reason in faults.items())
            raise ConfigError(
                f"The inputs do not fit the model: {told}.",
                hint=f"It takes: {', '.join(_shown(name) for name in names)}." if names else "It takes no input.",
            )
        return sent


# -- one value ----------------------------------------------------------------------------------


def is_of(value: Any, kind: InputType) -> bool:
    """Tells whether a value is of a JSON type: a boolean is no number, a whole number is an integer."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return isinstance(value, int) or (math.isfinite(value) and (kind == "number" or value.is_integer()))
    if kind == "string":
        return isinstance(value, str)
    return isinstance(value, (list, tuple) if kind == "array" else Mapping)


def same(one: Any, other: Any) -> bool:
    """Tells whether two JSON values are the same: True is not 1, and 1 is 1.0."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _fitted(one: Input, value: Any) -> Any:
    if one.file:
        return _file(value)
    if isinstance(value, tuple):
        value = list(value)
    kind = next((kind for kind in one.types if is_of(value, kind)), None)
    if one.types and kind is None:
        raise Unfit(f"it is to be {_any_of(one.types)}, and not {kind_of(value)}")
    if kind == "integer" and isinstance(value, float):
        value = int(value)
    if isinstance(value, list):
        return [_item(one, item) for item in value]
    _hold_choices(one.choices, value, secret=one.secret)
    if isinstance(value, str):
        _hold_length(one, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _hold_bounds(one, value)
    return _plain(value)


def _item(one: Input, value: Any) -> Any:
    if one.item_format == "uri":
        return _file(value)
    if one.item_types and not any(is_of(value, kind) for kind in one.item_types):
        raise Unfit(f"each item is to be {_any_of(one.item_types)}, and one is {kind_of(value)}")
    _hold_choices(one.item_choices, value, secret=one.secret)
    if "integer" in one.item_types and "number" not in one.item_types and isinstance(value, float):
        return int(value)
    return _plain(value)


def _file(value: Any) -> Any:
    if isinstance(value, str):
        if value.lower().startswith(_ADDRESSES):
            return value
        raise Unfit("it is a file, and this text is no https: or data: address; a file of this machine is a Path")
    if isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "__fspath__") or hasattr(value, "read"):
        return value
    raise Unfit(f"it is a file, and not {kind_of(value)}")


def _hold_choices(choices: tuple[Any, ...], value: Any, *, secret: bool) -> None:
    if choices and not any(same(value, choice) for choice in choices):
        shown = "the value" if secret else _json(value)
        raise Unfit(f"{shown} is none of {', '.join(_json(choice) for choice in choices[:20])}")


def _hold_length(one: Input, value: str) -> None:
    if one.min_length is not None and len(value) < one.min_length:
        raise Unfit(f"it has at least {one.min_length} characters, and this has {len(value)}")
    if one.max_length is not None and len(value) > one.max_length:
        raise Unfit(f"it has at most {one.max_length} characters, and this has {len(value)}")


def _hold_bounds(one: Input, value: float) -> None:
    if one.minimum is not None and value < one.minimum:
        raise Unfit(f"it is at least {_json(one.minimum)}, and this is {_json(value)}")
    if one.maximum is not None and value > one.maximum:
        raise Unfit(f"it is at most {_json(one.maximum)}, and this is {_json(value)}")


def _plain(value: Any, depth: int = DEPTH) -> Any:
    """The value as JSON can say it."""
    if not nested(value, depth):
        return sayable(value)
    if isinstance(value, Mapping):
        return {sayable(key): _plain(item, depth - 1) for key, item in value.items()}
    return [_plain(item, depth - 1) for item in value]


def _any_of(kinds: tuple[InputType, ...]) -> str:
    return " or ".join(f"{'an' if kind[0] in 'aio' else 'a'} {kind}" for kind in kinds)


def _json(value: Any) -> str:
    import json

    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except (ValueError, TypeError, RecursionError):  # thousands of digits, a circle
        return kind_of(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _shown(name: str) -> str:
    """A name as it stands in a sentence: the schema's author may have called it anything."""
    short = name if len(name) <= 80 else name[:79] + "…"
    return short if short.isprintable() else ascii(short)


def _unknown(name: str, known: Mapping[str, Input]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name[:80], list(known)[:500], n=1)
    return "the model has no such input" + (f"; {_shown(near[0])} is near" if near else "")
