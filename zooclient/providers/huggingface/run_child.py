"""Runs in a process of its own: one call of ``huggingface_hub``'s ``InferenceClient``, behind the guard.

As :mod:`zooclient.providers.huggingface.official_child`: the wish comes in on stdin, the answer goes out on stdout,
each piece of a stream as a line before it. What the client would need Pillow and numpy for is left as it came: bytes
and lists.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from zooclient.providers.childside import Tell, serve
from zooclient.providers.huggingface.official_child import guard, told

#: What a first input may be called, whatever the client calls it.
_WORDS = ("prompt", "text", "inputs", "input")
#: Arguments that are ours.
_OURS = ("self", "model", "stream", "details")


class Misfit(Exception):
    """The inputs are not what the task takes."""


def main() -> None:
    """Makes the call that is wished for, and tells what came of it or what went wrong."""
    about: dict[str, str] = {}

    def work(wish: dict[str, Any], tell: Tell) -> dict[str, Any]:
        return {"value": _run(wish, about, lambda piece: tell({"more": _plain(piece)})), "about": about}

    def failed(error: Exception) -> dict[str, Any]:
        first, *others = told(error)
        first["answered"] = bool(about)
        response = getattr(error, "response", None)
        if response is not None:
            first["body"] = _words(response)
        return {"chain": [first, *others]}

    serve(work, failed)


def _run(wish: dict[str, Any], about: dict[str, str], more: Callable[[Any], None]) -> Any:
    def answered(response: Any) -> None:
        about.update({"status": str(response.status_code)})
        about.update({name: response.headers[name] for name in _TOLD if name in response.headers})

    guard(wish["endpoint"], wish["router"], token=wish["token"], answered=answered)
    from huggingface_hub import InferenceClient
    from huggingface_hub.inference import _client

    _spare(_client)
    client = InferenceClient(token=wish["token"], timeout=wish["timeout"], **_place(wish))
    method = getattr(client, wish["method"], None)
    if method is None:
        raise Misfit(f"this release of huggingface_hub knows no task {wish['task']}")
    arguments = _arguments(method, wish)
    if not wish["stream"]:
        return _plain(method(**arguments))
    for piece in method(**arguments, stream=True):
        more(piece)
    return None


#: Headers of an answer that tell who gave it.
_TOLD = ("x-inference-provider", "x-request-id")


def _place(wish: dict[str, Any]) -> dict[str, Any]:
    """Whom the client is made for: an address, as far as there is one, else a host by its name."""
    if wish["url"]:
        return {"model": wish["url"]}
    if not (wish["token"] or "").startswith("hf_"):
        # The client would take it for a key of the host, and send it there.
        raise Misfit("the hosts are reached through the Hub's router, which takes tokens that begin with hf_")
    from huggingface_hub import constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers import _common

    constants.INFERENCE_PROXY_TEMPLATE = wish["router"] + "/{provider}"
    made: Any = InferenceProviderMapping
    known = made(
        provider=wish["host"],
        hf_model_id=wish["model"],
        providerId=wish["served_id"],
        status="live",
        task=wish["task"],
    )
    _common.HARDCODED_MODEL_INFERENCE_MAPPING.setdefault(wish["host"], {})[wish["model"]] = known
    return {"model": wish["model"], "provider": wish["host"]}


def _spare(client: Any) -> None:
    """Leaves pictures as bytes and vectors as lists, where the client would make other objects of them."""

    class Lists:
        @staticmethod
        def array(value: Any, dtype: Any = None) -> Any:
            return value

    for name, plainly in (
        ("_bytes_to_image", bytes),
        ("_b64_to_image", base64.b64decode),
        ("_import_numpy", Lists),
    ):
        if hasattr(client, name):
            setattr(client, name, plainly)


def _arguments(method: Any, wish: dict[str, Any]) -> dict[str, Any]:
    given = {name: _value(value) for name, value in wish["inputs"].items()}
    taken = {name: kind for name, kind in inspect.signature(method).parameters.items() if name not in _OURS}
    first = next(iter(taken))
    others = [word for word in _WORDS if word in given and word not in taken]
    if first not in given and len(others) == 1:
        given = {first: given.pop(others[0]), **given}
    unknown = sorted(set(given) - set(taken))
    lacking = [name for name, kind in taken.items() if kind.default is kind.empty and name not in given]
    if unknown or lacking:
        what = [f"{name} is not known" for name in unknown] + [f"{name} is missing" for name in lacking]
        raise Misfit(f"{', '.join(what)}; {wish['task']} takes {', '.join(taken)}")
    return {**given, **wish["more"]}


def _value(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    if isinstance(value, dict):
        return {name: _value(item) for name, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """What the client returned, as JSON values; bytes as ``{"$bytes": base64}``."""
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        whole = {**value, **getattr(value, "__dict__", {})}  # what the client does not know is an attribute alone
        return {str(name): _plain(item) for name, item in whole.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if hasattr(value, "save"):  # a picture after all
        import io

        picture = io.BytesIO()
        value.save(picture, "PNG")
        return _plain(picture.getvalue())
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def _words(response: Any) -> str:
    try:
        return str(response.text)[:4000]
    except Exception:  # httpx and requests have each their own for a body that was not read
        return ""


if __name__ == "__main__":
    main()
