"""Recorded and made-up answers of Replicate, for flows that run without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from support import recorded

from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref

API = "https://api.replicate.com"
NEW, OLD = "a1" * 32, "b2" * 32
REF = f"replicate:acme/tiny@{NEW}"


def load(name: str) -> Any:
    """Returns a recorded file as JSON."""
    return json.loads(recorded("replicate", name).read_text(encoding="utf-8"))


class Server:
    """Answers by method, where it is none of GET, and path with query; remembers what was asked.

    Args:
        answers: ``[METHOD ]path`` → JSON, or a function that makes the response; ``*`` for the rest.
        endpoint: Where it stands.
    """

    def __init__(self, answers: Mapping[str, Any], endpoint: str = API) -> None:
        self.answers = dict(answers)
        self.endpoint = endpoint
        self.asked: list[str] = []
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        path = ("" if request.method == "GET" else f"{request.method} ") + request.url.removeprefix(self.endpoint)
        self.asked.append(path)
        self.requests.append(request)
        found = self.answers.get(path, self.answers.get("*"))
        if callable(found):
            made: Response = found(request)
            return made
        if found is None:
            return refuse(404, {"detail": "The requested resource could not be found.", "status": 404})(request)
        return Response(
            request=request,
            status=200,
            headers={"content-type": "application/json"},
            body=json.dumps(found).encode(),
        )


def refuse(status: int, body: Any = None, **headers: str) -> Callable[[Request], Response]:
    """Returns an answer of any status; underscores in the names of headers stand for hyphens."""

    def make(request: Request) -> Response:
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return Response(request=request, status=status, headers=told, body=content)

    return make


def changed(told: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an answer with fields changed; one set to ``...`` is left out."""
    return {key: value for key, value in {**told, **changes}.items() if value is not ...}


def document(**inputs: Any) -> dict[str, Any]:
    """Returns the OpenAPI document of a model that takes a prompt, and these inputs, and gives a text."""
    properties = {"prompt": {"type": "string", "x-order": 0, "description": "What to say"}, **inputs}
    schemas = {
        "Input": {"type": "object", "required": ["prompt"], "properties": properties},
        "Output": {"type": "string"},
    }
    return {"openapi": "3.0.2", "components": {"schemas": schemas}}


def version(**changes: Any) -> dict[str, Any]:
    """Returns the answer about a version."""
    told: dict[str, Any] = {
        "id": NEW,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "cog_version": "0.9.5",
        "openapi_schema": document(),
    }
    return changed(told, changes)


def model(**changes: Any) -> dict[str, Any]:
    """Returns the answer about a model, or a row of a listing."""
    told: dict[str, Any] = {
        "url": "https://replicate.com/acme/tiny",
        "owner": "acme",
        "name": "tiny",
        "description": "Says a little",
        "visibility": "public",
        "is_official": False,
        "github_url": "https://github.com/acme/tiny",
        "paper_url": None,
        "license_url": "https://opensource.org/licenses/MIT",
        "run_count": 7,
        "cover_image_url": "https://replicate.delivery/cover.png",
        "default_example": {"input": {"prompt": "hello"}, "output": "hello"},
        "latest_version": version(),
    }
    return changed(told, changes)


def resolve(text: str, answers: Mapping[str, Any], *, endpoint: str = API) -> tuple[ModelRecord, Server]:
    """Resolves a reference against answers by path."""
    server = Server(answers, endpoint)
    return replay(Replicate(endpoint).resolve(Ref.parse(text)), server), server
