"""Reading JSON that a server wrote: what has the wrong type reads as absent, and nothing odd gets further."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from zooclient.errors import ProtocolError, RefError, Unsupported
from zooclient.records.ref import Ref

#: Largest number that a size or a count may be (what SQLite, JSON tools and file systems hold).
MOST = 2**63 - 1
#: Levels that a value may nest, and characters of its JSON that are kept, roughly.
_DEPTH = 32
_KEPT = 1_000_000

_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Returns the text without what cannot be written down again: lone surrogates become a question mark."""
    return text.encode("utf-8", "replace").decode()


def line(text: str, most: int = 300) -> str:
    """Returns a server's words fit for one line of an error: no control characters, no more than ``most``."""
    flat = " ".join(_CONTROL.sub(" ", clean(text)).split())
    return flat if len(flat) <= most else flat[:most] + "…"


def string(value: Any) -> str | None:
    """Returns a string that is not empty, or None."""
    return clean(value) if isinstance(value, str) and value else None


def count(value: Any) -> int | None:
    """Returns a whole number from 0 to :data:`MOST`, or None."""
    return value if type(value) is int and 0 <= value <= MOST else None


def mapping(value: Any) -> Mapping[str, Any]:
    """Returns an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def strings(value: Any) -> tuple[str, ...]:
    """Returns the strings of a list, or the one string that stands in place of a list; null reads as empty."""
    if isinstance(value, str):
        return (clean(value),) if value else ()
    return tuple(clean(item) for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def instant(value: Any) -> datetime | None:
    """Returns an ISO 8601 time as aware UTC, or None. A time without a zone is UTC."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def entries(value: Any, what: str) -> list[Any]:
    """Returns a list that must be there.

    Args:
        value: What the server wrote.
        what: What the list is, for the error: ``the list of files``.

    Raises:
        ProtocolError: It is no list.
    """
    if not isinstance(value, list):
        raise _in_place_of(what, value)
    return value


def fields(value: Any, what: str) -> Mapping[str, Any]:
    """Returns an object that must be there; as for :func:`entries`.

    Raises:
        ProtocolError: It is no object.
    """
    if not isinstance(value, dict):
        raise _in_place_of(what, value)
    return value


def _in_place_of(what: str, value: Any) -> ProtocolError:
    kind = "null" if value is None else type(value).__name__
    return ProtocolError(f"The answer has {kind} in place of {what}.", hint="Is the endpoint right?")


def is_id(text: str, scheme: str) -> bool:
    """Tells whether a text is the id of a model at a zoo."""
    try:
        Ref(scheme=scheme, id=text)
    except (RefError, Unsupported):
        return False
    return True


def is_commit(text: str) -> bool:
    """Tells whether a text is a full commit."""
    return _COMMIT.fullmatch(text) is not None


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Returns the value as JSON can say it again; what nests deeper than ``depth`` becomes None."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if depth == 0:
        return None
    if isinstance(value, (list, tuple)):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        return {clean(str(key)): plain(item, depth - 1) for key, item in value.items()}
    return str(value)


def unread(payload: Mapping[str, Any], read: frozenset[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the fields that nobody read, and the names of those too large to be kept."""
    kept: dict[str, Any] = {}
    dropped = []
    for name, value in payload.items():
        if name not in read:
            value = plain(value)
            if _weight(value) > _KEPT:
                dropped.append(clean(name))
            else:
                kept[clean(name)] = value
    return kept, tuple(dropped)


def _weight(value: Any) -> int:
    """About how many characters of JSON a value takes."""
    if isinstance(value, dict):
        return sum(len(key) + 6 + _weight(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(2 + _weight(item) for item in value)
    return len(value) + 2 if isinstance(value, str) else 8
