"""Runs in a process of its own: one file through ``modelscope``, with a guard around its HTTP sessions.

The client reads folders, switches and a stored login from the environment, keeps cookies in a jar, and has been seen to
send its session to hosts below the endpoint's domain. In its own process it gets exactly what it is given, and
whoever embeds zooclient keeps their own ``modelscope`` as they set it up.

One JSON object comes in on stdin, one goes out on stdout. Hardly anything of zooclient is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from zooclient.providers.orphan import end_with_parent

#: Exceptions in a chain that are told at the most, and bytes of a refusal that are passed on.
_CHAIN = 10
_BODY = 2000


def main(work: Callable[[dict[str, Any], list[dict[str, Any]]], dict[str, Any]]) -> None:
    """Reads the wish, does the work, and prints what came of it or what went wrong.

    Args:
        work: Given the wish, and the list in which refusals of the endpoint are noted.
    """
    end_with_parent()
    wish = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not mix with the answer
    refused: list[dict[str, Any]] = []
    try:
        answer = work(wish, refused)
    except Exception as error:  # whatever a foreign client raises is told, and judged on the other side
        answer = {"chain": _told(error), "refused": refused[-1:]}
    json.dump(answer, out)
    out.close()


def _fetch(wish: dict[str, Any], refused: list[dict[str, Any]]) -> dict[str, Any]:
    guard(wish["endpoint"], refused)
    from modelscope.hub.file_download import model_file_download  # type: ignore[import-untyped]  # it has no types

    path = model_file_download(
        wish["repository"],
        wish["path"],
        revision=wish["commit"],
        local_dir=wish["folder"],
        endpoint=wish["endpoint"],
        token=wish["token"],
        user_agent={"zooclient": wish["version"]},
    )
    return {"path": str(path)}


def guard(endpoint: str, refused: list[dict[str, Any]], *, also: Callable[[Any], bool] = lambda request: False) -> None:
    """Takes credentials out of every request that does not go to the endpoint's own origin, redirects included.

    Every session of ``requests`` sends through an adapter, each hop anew. What the endpoint refuses is noted, because
    the client's exceptions do not tell all of it.

    Args:
        endpoint: Address of the server.
        refused: Where refusals are noted.
        also: Whether a request to elsewhere is the zoo's own business as well.
    """
    from requests.adapters import HTTPAdapter

    home = _origin(endpoint)
    send = HTTPAdapter.send

    def guarded(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        at_home = _origin(str(request.url)) == home or also(request)
        if not at_home:
            for name in ("Authorization", "Cookie"):
                request.headers.pop(name, None)
        response = send(self, request, *arguments, **options)
        if at_home and response.status_code >= 400:
            refused.append(_answer(response))
        return response

    HTTPAdapter.send = guarded  # type: ignore[method-assign]  # the one door of all sessions


def _answer(response: Any) -> dict[str, Any]:
    body = response.content[:_BODY].decode("utf-8", "replace") if not response.is_redirect else ""
    headers = {name: response.headers[name] for name in ("retry-after", "date") if name in response.headers}
    return {"status": response.status_code, "headers": headers, "body": body, "url": str(response.url)}


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _told(error: BaseException | None) -> list[dict[str, Any]]:
    """An exception and its causes: names of their classes, text, and number of the system's error."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < _CHAIN:
        names = [kind.__name__ for kind in type(error).__mro__]
        chain.append({"names": names, "text": str(error), "errno": getattr(error, "errno", None)})
        error = error.__cause__ or error.__context__
    return chain


if __name__ == "__main__":
    main(_fetch)
