"""Runs in a process of its own: one file through ``huggingface_hub``, with a guard around its HTTP sessions.

The client reads its endpoint, its token and its caches at import, keeps one session for the whole process, and has
been seen to send tokens to servers that an answer named. In its own process it gets exactly what it is given, and
whoever embeds zooclient keeps their own ``huggingface_hub`` as they set it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zooclient.providers.childside import chain_of, origin_of, serve

#: Bytes of a refusal that are passed on.
_BODY = 2000
#: Seconds for a connection, and for the next byte, where the client itself waits for ever.
_CONNECT, _IDLE = 20.0, 600.0


def main(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Does the work that is wished for, and tells what came of it or what went wrong."""
    serve(lambda wish, tell: work(wish), lambda error: {"chain": told(error)})


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
    origins = {origin_of(home) for home in homes}

    def strip(request: Any) -> None:
        if origin_of(str(request.url)) not in origins:
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


def told(error: BaseException) -> list[dict[str, Any]]:
    """Returns an exception and its causes, each with what the server answered."""
    return chain_of(error, _answered)


def _answered(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    if response is None:
        return {"status": None, "headers": {}, "body": ""}
    names = ("x-error-code", "x-error-message", "retry-after", "ratelimit", "date")
    return {
        "status": getattr(response, "status_code", None),
        "headers": {name: response.headers[name] for name in names if name in response.headers},
        "body": _body(response),
    }


def _body(response: Any) -> str:
    """The beginning of a refusal's body; empty where it was not read."""
    try:
        return bytes(response.content[:_BODY]).decode("utf-8", "replace")
    except Exception:  # httpx and requests have each their own for a stream that nobody read
        return ""


if __name__ == "__main__":
    main(_fetch)
