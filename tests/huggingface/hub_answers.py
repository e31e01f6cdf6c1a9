"""Recorded and made-up answers of the Hub, for flows that run without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from support import recorded

from zooclient.net.exchange import Request, Response

HUB = "https://huggingface.co"
SHA = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
OTHER = "1" * 20 + "2" * 20


def load(name: str) -> Any:
    """Returns a recorded file as JSON."""
    return json.loads(recorded("huggingface", name).read_text(encoding="utf-8"))


def exchange(name: str, body: Any = None) -> Response:
    """Returns a recorded exchange as a response."""
    told = load(name)
    content = told["body"] if body is None else body
    return Response(
        request=Request(method=told["request"]["method"], url=told["request"]["url"]),
        status=told["status"],
        headers={key.lower(): value for key, value in told["headers"].items()},
        body=b"" if content is None else content.encode() if isinstance(content, str) else json.dumps(content).encode(),
    )


class Server:
    """Answers by address, in order, and remembers what was asked.

    Args:
        answers: Path with query → JSON, or a function that makes the response.
        endpoint: Where it stands.
    """

    def __init__(self, answers: Mapping[str, Any], endpoint: str = HUB) -> None:
        self.answers = dict(answers)
        self.endpoint = endpoint
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Response:
        path = request.url.removeprefix(self.endpoint)
        self.asked.append(path)
        found = self.answers.get(path, self.answers.get("*"))
        if callable(found):
            made: Response = found(request)
            return made
        if found is None:
            return refuse(404, "RepoNotFound", "Repository not found")(request)
        return Response(request=request, status=200, body=json.dumps(found).encode())


def answer(body: Any, **headers: str) -> Callable[[Request], Response]:
    """Returns an answer with headers; underscores in their names stand for hyphens."""

    def make(request: Request) -> Response:
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        return Response(request=request, status=200, headers=told, body=json.dumps(body).encode())

    return make


def refuse(status: int, code: str | None = None, message: str = "", **headers: str) -> Callable[[Request], Response]:
    """Returns an answer that refuses, as the Hub words it."""

    def make(request: Request) -> Response:
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        if code is not None:
            told["x-error-code"] = code
        return Response(
            request=request,
            status=status,
            headers=told,
            body=json.dumps({"error": message}).encode() if message else b"",
        )

    return make


def info(**changes: Any) -> dict[str, Any]:
    """Returns a small answer about a model; a field set to ``...`` is left out."""
    told: dict[str, Any] = {
        "_id": "621ffdc036468d709f17434d",
        "id": "acme/tiny",
        "sha": SHA,
        "gated": False,
        "private": False,
        "disabled": False,
        "tags": ["safetensors", "license:mit"],
        "siblings": [
            {"rfilename": "config.json", "size": 2, "blobId": "9" * 39 + "a"},
            {
                "rfilename": "model.safetensors",
                "size": 133,
                "blobId": "8" * 39 + "b",
                "lfs": {"sha256": "7" * 63 + "c", "size": 1000, "pointerSize": 133},
            },
        ],
    }
    told.update(changes)
    return {key: value for key, value in told.items() if value is not ...}
