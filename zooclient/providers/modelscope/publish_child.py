"""Runs in a process of its own: makes a repository, sends files or sets a tag through ``modelscope``.

As :mod:`zooclient.providers.modelscope.official_child`, whose guard and whose way of telling it shares. The client
makes a repository by itself where it believes that there is none, and makes it public. Here a repository is made when
that is asked for, and never else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from zooclient.providers.modelscope.official_child import guard, main

#: The zoo's numbers for who may see a model.
_VISIBILITY = {"public": 5, "private": 1}
#: The zoo's own domains.
_DOMAINS = ("modelscope.cn", "modelscope.ai")
#: Ends of the paths at which repositories are made.
_MAKING = ("/api/v1/models", "/api/v1/models/aigc")
#: How the zoo says that a repository is there already.
_THERE = b'{"Code": 10010101001, "Success": false, "Message": "the model already exists"}'


def _work(wish: dict[str, Any], refused: list[dict[str, Any]]) -> dict[str, Any]:
    guard(wish["endpoint"], refused, also=_takes_contents(wish["endpoint"]))
    if wish["do"] != "make":
        _make_none()
    from modelscope.hub.api import HubApi  # type: ignore[import-untyped]  # it has no types

    api = HubApi(endpoint=wish["endpoint"], token=wish["token"])
    return {"make": _make, "send": _send, "mark": _mark}[wish["do"]](api, wish)


def _takes_contents(endpoint: str) -> Callable[[Any], bool]:
    """What tells whether a request brings content to a host of the zoo that wants the token for it.

    The zoo's host for contents is not that of its endpoint, and wants the token too. No answer may say which host that
    is: it is one of the zoo's own domain, and for any other server one of the same name.
    """
    home = urlsplit(endpoint)
    host = home.hostname or ""
    domain = host.removeprefix("www.")

    def takes(request: Any) -> bool:
        there = urlsplit(str(request.url))
        name = there.hostname or ""
        own = name == host or (domain in _DOMAINS and name.endswith(f".{domain}"))
        return request.method == "PUT" and own and there.scheme in ("https", home.scheme)

    return takes


def _make_none() -> None:
    """Keeps back every request that would make a repository, and says that it is there, which it is."""
    from requests import Response
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def guarded(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        path = urlsplit(str(request.url)).path.rstrip("/")
        if request.method == "POST" and path.endswith(_MAKING):
            response = Response()
            response.status_code, response.url, response.request = 400, request.url, request
            response.headers["Content-Type"] = "application/json"
            response._content = _THERE
            return response
        return send(self, request, *arguments, **options)

    HTTPAdapter.send = guarded  # type: ignore[method-assign]  # the one door of all sessions


def _make(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    api.create_model(wish["repository"], visibility=_VISIBILITY[wish["visibility"]], license=wish["license"])
    return {}


def _send(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    api.upload_folder(
        wish["repository"],
        folder_path=wish["folder"],
        commit_message=wish["message"],
        revision=wish["branch"],
        allow_patterns=[_literal(path) for path in wish["paths"]],
        ignore_patterns=[],
        use_cache=False,  # its notes lie in the folder, and the zoo knows better what it has
        disable_tqdm=True,
    )
    return {}


def _literal(path: str) -> str:
    """A pattern of ``fnmatch`` that means this path alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


def _mark(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    api.create_model_tag(wish["repository"], wish["tag"])
    return {}


if __name__ == "__main__":
    main(_work)
