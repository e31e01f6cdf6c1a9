"""Runs in a process of its own: one file through ``modelscope``, with a guard around its HTTP sessions.

The client reads folders, switches and a stored login from the environment, keeps cookies in a jar, and has been seen to
send its session to hosts below the endpoint's domain. In its own process it gets exactly what it is given, and
whoever embeds zooclient keeps their own ``modelscope`` as they set it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zooclient.providers.childside import chain_of, origin_of, serve

#: Bytes of a refusal that are passed on.
_BODY = 2000


def main(work: Callable[[dict[str, Any], list[dict[str, Any]]], dict[str, Any]]) -> None:
    """Does the work that is wished for, and tells what came of it or what went wrong.

    Args:
        work: Given the wish, and the list in which refusals of the endpoint are noted.
    """
    refused: list[dict[str, Any]] = []
    serve(lambda wish, tell: work(wish, refused), lambda error: {"chain": chain_of(error), "refused": refused[-1:]})


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

    home = origin_of(endpoint)
    send = HTTPAdapter.send

    def guarded(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        at_home = origin_of(str(request.url)) == home or also(request)
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


if __name__ == "__main__":
    main(_fetch)
