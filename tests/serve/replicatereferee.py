"""Replicate's own client at work, in a process of its own, unchanged. Prints what it saw as JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import replicate
from replicate.__about__ import __version__
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.helpers import FileOutput


def _refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What a call that must fail raises."""
    try:
        return {"answer": str(call())}
    except ReplicateError as error:
        return {"error": "ReplicateError", "status": error.status, "title": error.title, "detail": error.detail}
    except (ModelError, RuntimeError, ValueError) as error:
        return {"error": type(error).__name__, "message": str(error)}


def _model(model: Any) -> dict[str, Any]:
    latest = model.latest_version
    return {
        "id": model.id,
        "description": model.description,
        "visibility": model.visibility,
        "runs": model.run_count,
        "latest": None if latest is None else latest.id,
        "inputs": None if latest is None else latest.openapi_schema["components"]["schemas"]["Input"],
        "example": None if model.default_example is None else model.default_example.output,
    }


def _prediction(prediction: Any) -> dict[str, Any]:
    names = ("id", "model", "version", "status", "input", "output", "logs", "error")
    return {**{name: getattr(prediction, name) for name in names}, "metrics": sorted(prediction.metrics or {})}


def _read(output: Any) -> list[str]:
    return [item.read().decode() if isinstance(item, FileOutput) else f"plain {item}" for item in output]


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Does everything once."""
    words, pictures, version = order["words"], order["pictures"], order["version"]
    model = replicate.models.get(words)
    page = replicate.predictions.create(version=version, input={"text": "now"})
    page.wait()
    held = replicate.predictions.create(version=order["endless"], input={"prompt": "x"})
    held.cancel()
    upload = replicate.files.create(Path(order["file"]), metadata={"of": "mine"})
    listed = [entry.id for entry in replicate.files.list()]
    first = replicate.predictions.list()
    streamed = list(replicate.stream(f"{words}:{version}", input={"text": "ab"}))
    with Path(order["file"]).open("rb") as file:
        by_upload = _read(replicate.run(f"{pictures}:{order['picture']}", input={"image": file}))
    by_data = _read(
        replicate.run(
            f"{pictures}:{order['picture']}", input={"image": io.BytesIO(b"abc")}, file_encoding_strategy="base64"
        )
    )
    return {
        "version": __version__,
        "account": replicate.default_client.accounts.current().username,
        "hardware": [entry.sku for entry in replicate.hardware.list()],
        "model": _model(model),
        "listed": [each.id for page_ in replicate.paginate(replicate.models.list) for each in page_.results],
        "searched": [entry.id for entry in replicate.models.search("tiny w\u00f6rds").results],
        "versions": [entry.id for entry in model.versions.list().results],
        "one": str(model.versions.get(version).created_at),
        "collections": {entry.slug: entry.name for entry in replicate.collections.list().results},
        "collection": [entry.id for entry in replicate.collections.get("words")],
        "prediction": _prediction(page),
        "again": _prediction(replicate.predictions.get(page.id)),
        "cancelled": held.status,
        "predictions": [entry.id for entry in first.results],
        "more": first.next is not None,
        "made": [page.id, held.id],
        "run": list(replicate.run(f"{words}:{version}", input={"text": "ab"})),
        "polled": list(replicate.run(f"{words}:{version}", input={"text": "ab"}, wait=False)),
        "official": replicate.run(order["official"], input={"prompt": "hi"}),
        "streamed": [[event.event.value, event.data] for event in streamed],
        "ids": [event.id for event in streamed],
        "upload": {"name": upload.name, "size": upload.size, "sha256": upload.checksums["sha256"]},
        "uploads": upload.id in listed,
        "metadata": replicate.files.get(upload.id).metadata,
        "deleted": replicate.files.delete(upload.id),
        "by_upload": by_upload,
        "by_data": by_data,
        "errors": {
            "model": _refusal(lambda: replicate.models.get("no/no")),
            "versions": _refusal(lambda: replicate.models.get(order["official"]).versions.list()),
            "input": _refusal(lambda: replicate.run(f"{words}:{version}", input={"text": 1})),
            "version": _refusal(lambda: replicate.predictions.create(version="0" * 64, input={})),
            "failed": _refusal(lambda: replicate.run(f"{order['broken']}", input={"prompt": "x"})),
            "stream": _refusal(lambda: list(replicate.stream(order["broken"], input={"prompt": "x"}))),
            "paid": _refusal(lambda: replicate.run(order["paid"], input={"prompt": "x"})),
            "token": _refusal(lambda: Client(api_token="r8_nobody").accounts.current()),
        },
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
