"""What JSON can say of a value that a caller gave; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

#: Levels of arrays and objects at the most.
DEPTH: Final = 32
#: Bits of a whole number: far more than any reader of JSON takes.
_BITS = 1024


class Unfit(Exception):
    """Why a value does not fit: the end of a sentence, without a full stop."""


def sayable(value: Any) -> Any:
    """Returns a value without parts that JSON can say.

    Raises:
        Unfit: It cannot.
    """
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise Unfit("it has more digits than a number of JSON has")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
            raise Unfit("it holds half a character")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise Unfit(f"JSON cannot say {value if isinstance(value, float) else kind_of(value)}")


def nested(value: Any, depth: int) -> bool:
    """Whether a value has parts that JSON can say.

    Raises:
        Unfit: It nests too deeply.
    """
    if not isinstance(value, (list, tuple, Mapping)):
        return False
    if not depth:
        raise Unfit("it nests too deeply")
    return not isinstance(value, Mapping) or all(isinstance(key, str) for key in value)


def kind_of(value: Any) -> str:
    """Returns what a value is, as a sentence names it."""
    named = {"bool": "a boolean", "int": "an integer", "float": "a number", "str": "a string", "NoneType": "null"}
    name = type(value).__name__
    return named.get(name, f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}")
