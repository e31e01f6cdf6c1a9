"""The parameters of Civitai's lists, read as the site reads them. Pure.

All of them are text on the wire; one bad value fails the whole question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from zooclient.serve.civitai.numbers import parse_id
from zooclient.serve.exchange import Question

_YES, _NO = ("true", "1", "yes", "on", "y", "enabled"), ("false", "0", "no", "off", "n", "disabled")


class Invalid(Exception):
    """A parameter that fails the whole question.

    Attributes:
        path: Name of the parameter.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def number(question: Question, name: str, default: int, least: int, most: int) -> int:
    """Returns a parameter that is a number.

    Raises:
        Invalid: It is none, or out of bounds.
    """
    text = question.value(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,12}", text.strip(), re.ASCII):
        raise Invalid(name, "Invalid input: expected number, received NaN")
    if int(text) < least:
        raise Invalid(name, f"Too small: expected number to be >={least}")
    if int(text) > most:
        raise Invalid(name, f"Too big: expected number to be <={most}")
    return int(text)


def one(question: Question, name: str, legal: Sequence[str]) -> str | None:
    """Returns the last value of a parameter that takes one word; None when it was not sent.

    Raises:
        Invalid: It is none of the legal words.
    """
    values = many(question, name, legal)
    return values[-1] if values else None


def many(question: Question, name: str, legal: Sequence[str]) -> list[str]:
    """Returns every value of a parameter that may be repeated; commas part nothing.

    Raises:
        Invalid: One is none of the legal words.
    """
    values = question.values(name)
    if any(value not in legal for value in values):
        options = "|".join(f'"{value}"' for value in legal)
        raise Invalid(name, f"Invalid option: expected one of {options}")
    return values


def ids(question: Question, name: str) -> frozenset[int] | None:
    """Returns the ids of a parameter, in which commas do part; None when it was not sent.

    Raises:
        Invalid: One is no id.
    """
    values = [part.strip() for value in question.values(name) for part in value.split(",") if part.strip()]
    if not values:
        return None
    numbers = [parse_id(value) for value in values]
    if None in numbers:
        raise Invalid(name, "Invalid input: expected number, received NaN")
    return frozenset(number for number in numbers if number is not None)


def flag(question: Question, name: str) -> bool:
    """Returns whether a parameter says yes, for those that are read as words.

    Raises:
        Invalid: It says neither yes nor no.
    """
    text = question.value(name)
    if text is None:
        return False
    if text.lower() not in (*_YES, *_NO):
        raise Invalid(name, f"Invalid option: expected one of {'|'.join((*_YES, *_NO))}")
    return text.lower() in _YES


def truthy(question: Question, name: str) -> bool:
    """Returns whether a parameter was sent, for those that are read as JavaScript has it: ``false`` means yes too."""
    return bool(question.value(name))


def digests(body: bytes, most: int) -> list[str] | None:
    """Returns the sha256 that a body lists, in upper case, each once; None when it is no such list.

    Args:
        body: JSON.
        most: Digests at the most.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, list) or not 0 < len(told) <= most:
        return None
    if not all(isinstance(item, str) and len(item) == 64 for item in told):
        return None
    return list(dict.fromkeys(item.upper() for item in told))


def zod(issues: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the site says of parameters that it refuses: no text, but an object."""
    listed = [{"code": "custom", "path": [path], "message": message} for path, message in issues.items()]
    return {"error": {"name": "ZodError", "issues": listed}}
