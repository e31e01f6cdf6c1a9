"""Studios that show a model at work; pure.

A model's record has a list ``Studios``. In every recorded answer it is empty, so what an entry looks like is inferred
from the zoo's other lists: ``Path`` and ``Name``, or one text ``owner/name``, and a word for its state. The documented
list of studios cannot be asked for those of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zooclient.providers.reading import is_id, mapping, string
from zooclient.records.model import Demo

#: Names under which an entry may tell its state.
_STATES = ("Status", "State", "status")


def read_studios(payload: Any, *, endpoint: str) -> tuple[tuple[Demo, ...], str | None]:
    """Reads the studios out of the answer about a model.

    Args:
        payload: The JSON, with its envelope.
        endpoint: Address of the site, without a slash at the end.

    Returns:
        The studios, and what is not known of them; None: nothing.
    """
    told = mapping(mapping(payload).get("Data")).get("Studios")
    if not isinstance(told, list) or not told:
        return (), "Demos are not told: ModelScope names no studios of the model, which proves nothing."
    found = [demo for entry in told if (demo := _demo(entry, endpoint)) is not None]
    unread = len(told) - len(found)
    return tuple(found), f"{unread} studios are told in a shape that is not read." if unread else None


def _demo(entry: Any, endpoint: str) -> Demo | None:
    about: Mapping[str, Any] = mapping(entry)
    name = entry if isinstance(entry, str) else f"{about.get('Path') or ''}/{about.get('Name') or ''}"
    if not is_id(name, "modelscope"):
        return None
    state = next((word for key in _STATES if (word := string(about.get(key)))), None)
    return Demo(id=name, url=f"{endpoint}/studios/{name}", state=state)
