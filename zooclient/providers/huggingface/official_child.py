"""Runs in a process of its own: one file through ``huggingface_hub``, with a guard around its HTTP sessions.

The client reads its endpoint, its token and its caches at import, keeps one session for the whole process, and has
been seen to send tokens to servers that an answer named. In its own process it gets exactly what it is given, and
whoever embeds zooclient keeps their own ``huggingface_hub`` as they set it up.

One JSON object comes in on stdin, one goes out on stdout. Nothing of zooclient is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

#: Exceptions in a chain that are told at the most.
_CHAIN = 10


def main() -> None:
    """Reads the wish, fetches the file, and prints where it is or what went wrong."""
    wish = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not mix with the answer
    try:
        answer: dict[str, Any] = {"path": _fetch(wish)}
    except Exception as error:  # whatever a foreign client raises is told, and judged on the other side
        answer = {"chain": told(error)}
    json.dump(answer, out)
    out.close()


def _fetch(wish: dict[str, Any]) -> str:
    guard(wish["endpoint"])
    from huggingface_hub import hf_hub_download

    return str(
        hf_hub_download(
            wish["repository"],
            wish["path"],
            revision=wish["commit"],
            local_dir=wish["folder"],
            endpoint=wish["endpoint"],
            token=wish["token"] or False,
            library_name="zooclient",
            library_version=wish["version"],
        )
    )


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
                response = super().send(request, **options)
                if answered is not None:
                    answered(response)
                return response

        huggingface_hub.configure_http_backend(backend_factory=Session)
        return
    from huggingface_hub.utils._http import default_client_factory

    def factory() -> Any:
        client = default_client_factory()
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
            }
        )
        error = error.__cause__ or error.__context__
    return chain


if __name__ == "__main__":
    main()
