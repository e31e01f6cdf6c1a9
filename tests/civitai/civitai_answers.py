"""Recorded and made-up answers of Civitai, for flows that run without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from support import recorded

from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref

SITE = "https://civitai.com"
NOW = datetime(2026, 9, 1, tzinfo=UTC)
HEX = "0123456789ABCDEF" * 4
OTHER = "FEDCBA9876543210" * 4


def load(name: str) -> Any:
    """Returns a recorded file as JSON."""
    return json.loads(recorded("civitai", name).read_text(encoding="utf-8"))


class Server:
    """Answers by path with query, and remembers what was asked.

    Args:
        answers: Path with query → JSON, or a function that makes the response; ``*`` for the rest.
        endpoint: Where it stands.
    """

    def __init__(self, answers: Mapping[str, Any], endpoint: str = SITE) -> None:
        self.answers = dict(answers)
        self.endpoint = endpoint
        self.asked: list[str] = []
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        path = request.url.removeprefix(self.endpoint)
        self.asked.append(path)
        self.requests.append(request)
        found = self.answers.get(path, self.answers.get("*"))
        if callable(found):
            made: Response = found(request)
            return made
        if found is None:
            return refuse(404, {"error": "Model not found"})(request)
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


def file(**changes: Any) -> dict[str, Any]:
    """Returns a file as the site lists it."""
    told: dict[str, Any] = {
        "id": 30,
        "name": "tiny.safetensors",
        "type": "Model",
        "sizeKB": 1000.5,
        "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
        "hashes": {"SHA256": HEX, "AutoV2": HEX[:10]},
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "primary": True,
        "downloadUrl": f"{SITE}/api/download/models/20",
    }
    return changed(told, changes)


def version(**changes: Any) -> dict[str, Any]:
    """Returns the answer about a version."""
    told: dict[str, Any] = {
        "id": 20,
        "modelId": 10,
        "name": "v1",
        "status": "Published",
        "usageControl": "Download",
        "baseModel": "SDXL 1.0",
        "publishedAt": "2026-01-02T03:04:05.000Z",
        "trainedWords": ["tiny thing"],
        "air": "urn:air:sdxl:lora:civitai:10@20",
        "model": {"name": "Tiny", "type": "LORA", "nsfw": False, "poi": False},
        "files": [file()],
        "images": [],
    }
    return changed(told, changes)


def model(**changes: Any) -> dict[str, Any]:
    """Returns the answer about a model, or a row of a listing."""
    within = {key: value for key, value in version().items() if key not in ("modelId", "model", "usageControl", "air")}
    told: dict[str, Any] = {
        "id": 10,
        "name": "Tiny",
        "type": "LORA",
        "nsfw": False,
        "nsfwLevel": 1,
        "availability": "Public",
        "allowNoCredit": True,
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "allowCommercialUse": "{Image,RentCivit,Rent,Sell}",
        "creator": {"username": "acme", "image": None},
        "stats": {"downloadCount": 7, "thumbsUpCount": 3},
        "tags": ["tool"],
        "modelVersions": [within],
    }
    return changed(told, changes)


def resolve(
    text: str, of_model: Any = None, of_version: Any = None, *, endpoint: str = SITE
) -> tuple[ModelRecord, Server]:
    """Resolves a reference against an answer about its model and one about its version."""
    server = Server(
        {
            "/api/v1/models/10": model() if of_model is None else of_model,
            "/api/v1/model-versions/20": version() if of_version is None else of_version,
        },
        endpoint,
    )
    return replay(Civitai(endpoint, clock=lambda: NOW).resolve(Ref.parse(text)), server), server


def recorded_record(name: str, version_id: int | None = None) -> ModelRecord:
    """Resolves a recorded model at one of its versions; the answer about the version alone is made of its own."""
    told = load(name)
    rows = told.get("items", [told])
    row = next(row for row in rows if version_id is None or version_id in [v["id"] for v in row["modelVersions"]])
    within = next(v for v in row["modelVersions"] if version_id in (None, v["id"]))
    alone = {**within, "modelId": row["id"], "model": {key: row[key] for key in ("name", "type", "nsfw")}}
    server = Server(
        {
            f"/api/v1/models/{row['id']}": row,
            f"/api/v1/model-versions/{within['id']}": alone,
        }
    )
    ref = Ref(scheme="civitai", id=str(row["id"]), revision=None if version_id is None else str(version_id))
    return replay(Civitai(clock=lambda: NOW).resolve(ref), server)
