"""Runs in a process of its own: one file through ``huggingface_hub``, with a guard around its HTTP sessions.

The client reads its endpoint, its token and its caches at import, keeps one session for the whole process, and has
been seen to send tokens to servers that an answer named. In its own process it gets exactly what it is given, and
whoever embeds zooclient keeps their own ``huggingface_hub`` as they set it up.

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
#: Seconds for a connection, and for the next byte, where the client itself waits for ever.
_CONNECT, _IDLE = 20.0, 600.0


def main(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Reads the wish, does the work, and prints what came of it or what went wrong."""
    end_with_parent()
    wish = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not mix with the answer
    try:
        answer = work(wish)
    except Exception as error:  # whatever a foreign client raises is told, and judged on the other side
        answer = {"chain": told(error)}
    json.dump(answer, out)
    out.close()


def _fetch(wish: dict[str, Any]) -> dict[str, Any]:
    guard(wish["endpoint"])
    from huggingface_hub import hf_hub_download

    path = hf_hub_download(
        wish["repository"],
        wish["path"],
        revision=wish["commit"],
        local_dir=wish["folder"],
        endpoint=wish["endpoint"],
        token=wish["token"] or False,
        library_name="zooclient",
        library_version=wish["version"],
    )
    return {"path": str(path)}


def guard(*homes: str, token: str | None = None, answered: Callable[[Any], None] | None = None) -> None:
    """Takes credentials out of every request that does not go to one of these origins, redirects included.

    Args:
        homes: Addresses at whose origins the token is at home.
        token: Where it stands in a header of another name, that one goes, too. None: there is none.
        answered: Called with each response. None: nobody looks.
    """
    origins = {_origin(home) for home in homes}

    def strip(request: Any) -> None:
        if _origin(str(request.url)) not in origins:
            for name in list(request.headers):
                if name.lower() in ("authorization", "cookie") or (token and token in str(request.headers[name])):
                    del request.headers[name]

    import huggingface_hub

    if hasattr(huggingface_hub, "configure_http_backend"):  # before 1.0, on requests
        import requests

        class Session(requests.Session):
            def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
                strip(request)
                options["timeout"] = options.get("timeout") or (_CONNECT, _IDLE)
                response = super().send(request, **options)
                if answered is not None:
                    answered(response)
                return response

        huggingface_hub.configure_http_backend(backend_factory=Session)
        return
    from huggingface_hub.utils._http import default_client_factory

    def factory() -> Any:
        client = default_client_factory()
        client.timeout = (_CONNECT, _IDLE, _IDLE, _IDLE)
        hooks = client.event_hooks
        client.event_hooks = {
            **hooks,
            "request": [*hooks.get("request", ()), strip],
            "response": [*hooks.get("response", ()), *([answered] if answered is not None else [])],
        }
        return client

    huggingface_hub.set_client_factory(factory)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def told(error: BaseException | None) -> list[dict[str, Any]]:
    """Returns an exception and its causes: names of their classes, text, and what the server answered."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < _CHAIN:
        response = getattr(error, "response", None)
        chain.append(
            {
                "names": [kind.__name__ for kind in type(error).__mro__],
                "text": str(error),
                "errno": getattr(error, "errno", None),
                "status": getattr(response, "status_code", None),
                "headers": {
                    name: response.headers[name]
                    for name in ("x-error-code", "x-error-message", "retry-after", "ratelimit", "date")
                    if name in response.headers
                }
                if response is not None
                else {},
                "body": _body(response),
            }
        )
        error = error.__cause__ or error.__context__
    return chain


def _body(response: Any) -> str:
    """The beginning of a refusal's body; empty where it was not read."""
    try:
        return "" if response is None else bytes(response.content[:_BODY]).decode("utf-8", "replace")
    except Exception:  # a stream that nobody read
        return ""


if __name__ == "__main__":
    main(_fetch)
