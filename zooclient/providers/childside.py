"""The side of a zoo's own client, in a process of its own: asked for one thing over stdin, it tells over stdout.

A wish comes in as one JSON object, lines of JSON go out: ``{"more": …}`` for each piece on the way, the answer last.
:mod:`zooclient.providers.child` is the other side. Hardly anything of zooclient is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from zooclient.providers.orphan import at_once, end_with_parent

Tell = Callable[[Mapping[str, Any]], None]

#: Exceptions in a chain that are told at the most.
_CHAIN = 10


def serve(
    work: Callable[[dict[str, Any], Tell], Mapping[str, Any]],
    failed: Callable[[Exception], Mapping[str, Any]],
    *,
    end: Callable[[], None] = at_once,
) -> None:
    """Reads the wish, does the work, and tells what came of it or what went wrong.

    Args:
        work: Given the wish, and what tells a line on the way; returns the answer.
        failed: Returns the answer where the work raised.
        end: Ends this process when its parent has gone.
    """
    end_with_parent(end)
    wish = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not mix with the answer

    def tell(said: Mapping[str, Any]) -> None:
        out.write(json.dumps(said) + "\n")
        out.flush()

    try:
        tell(work(wish, tell))
    except Exception as error:  # whatever a foreign client raises is told, and judged on the other side
        tell(failed(error))
    out.close()


def chain_of(
    error: BaseException | None, further: Callable[[BaseException], Mapping[str, Any]] = lambda error: {}
) -> list[dict[str, Any]]:
    """Returns an exception and its causes: names of their classes, text, and number of the system's error.

    Args:
        error: The exception.
        further: What else is to be told of each.
    """
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < _CHAIN:
        names = [kind.__name__ for kind in type(error).__mro__]
        chain.append({"names": names, "text": str(error), "errno": getattr(error, "errno", None), **further(error)})
        error = error.__cause__ or error.__context__
    return chain


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Returns scheme, host and port of an address, as guards compare them."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
