"""What the API's answers hold. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from attrs import frozen

from zooclient.serve.replicate import naming
from zooclient.serve.replicate.catalogue import Model, Version
from zooclient.serve.replicate.delivery import STREAMS, content_type, file_url, linked, stream_url
from zooclient.serve.replicate.hosted import Collection
from zooclient.serve.replicate.runs import Kept, Run

HARDWARE: Final = [
    {"sku": "cpu", "name": "CPU"},
    {"sku": "gpu-t4", "name": "Nvidia T4 GPU"},
    {"sku": "gpu-l40s", "name": "Nvidia L40S GPU"},
    {"sku": "gpu-a100-large", "name": "Nvidia A100 (80GB) GPU"},
]
_ARXIV = re.compile(r"arxiv:(\d{4}\.\d{4,5})")


@frozen(kw_only=True)
class Places:
    """Where things are, for the client that asks.

    Attributes:
        api: Origin that it spoke to.
        delivery: Origin of output files and of streams.
    """

    api: str
    delivery: str


def version(shown: Version) -> dict[str, Any]:
    """Returns a version."""
    return {
        "id": shown.id,
        "created_at": naming.when(shown.created),
        "cog_version": shown.cog,
        "openapi_schema": shown.document,
    }


def model(shown: Model, runs: int, places: Places, *, brief: bool = False) -> dict[str, Any]:
    """Returns a model.

    Args:
        shown: The model.
        runs: How often it was run.
        places: Where things are.
        brief: Without its schema and its example, as in a search.
    """
    hosted, card = shown.hosted, shown.told.card or {}
    license_url = hosted.license_url or card.get("license_link")
    paper = next((match[1] for tag in shown.told.tags if (match := _ARXIV.fullmatch(tag))), None)
    latest = None if shown.latest is None else version(shown.latest)
    if latest is not None and brief:
        latest["openapi_schema"] = {}
    return {
        "url": f"{naming.WEB}/{shown.id}",
        "owner": shown.owner,
        "name": shown.name,
        "description": shown.description,
        "visibility": "private" if shown.private else "public",
        "is_official": hosted.official,
        "github_url": hosted.github_url,
        "paper_url": hosted.paper_url or (None if paper is None else f"https://arxiv.org/abs/{paper}"),
        "license_url": license_url if isinstance(license_url, str) else None,
        "weights_url": hosted.weights_url,
        "run_count": shown.repository.terms.downloads + runs,
        "cover_image_url": None,
        "default_example": None if brief else example(shown, places),
        "latest_version": latest,
        "created_at": naming.when(shown.created),
    }


def example(shown: Model, places: Places) -> dict[str, Any] | None:
    """Returns the prediction that the page of a model shows; None when it shows none."""
    if shown.hosted.example is None or shown.latest is None:
        return None
    given, output = shown.hosted.example
    name = naming.derived_id(shown.id)
    moment = naming.when(shown.latest.created)
    return {
        "id": name,
        "model": shown.id,
        "version": "hidden" if shown.hosted.official else shown.latest.id,
        "input": dict(given),
        "output": output,
        "logs": "",
        "error": None,
        "status": "succeeded",
        "created_at": moment,
        "started_at": moment,
        "completed_at": moment,
        "data_removed": False,
        "metrics": {"predict_time": 1.0, "total_time": 1.0},
        "urls": {
            "get": f"{places.api}/v1/predictions/{name}",
            "cancel": f"{places.api}/v1/predictions/{name}/cancel",
            "web": f"{naming.WEB}/p/{name}",
            "stream": f"{places.delivery}{STREAMS}{name}",
        },
        "webhook": None,
        "webhook_completed": None,
    }


def run(shown: Run, places: Places, *, removed: bool, waited: bool = False) -> dict[str, Any]:
    """Returns a prediction or a training.

    Args:
        shown: The run.
        places: Where things are.
        removed: Its data are kept no longer.
        waited: The client waited for it: files are told as data URIs, and what ended well as still under way.
    """
    state, order = shown.state, shown.order
    # A training that was just created, and one that was cancelled, lead to the predictions of the same id.
    kind = order.kind if state.started is not None and state.status != "canceled" else "predictions"
    inline = waited and state.status == "succeeded" and not order.course.settled
    elsewhere = order.course.outputs if order.course.outputs.startswith("http") else places.delivery
    own = f"{places.api}/v1/{kind}/{shown.id}"
    urls = {"get": own, "cancel": f"{own}/cancel", "web": f"{naming.WEB}/p/{shown.id}"}
    if order.course.streams and order.kind == "predictions":
        urls["stream"] = stream_url(places.delivery, shown)
    told: dict[str, Any] = {
        "id": shown.id,
        "model": order.model,
        "version": order.course.version or order.version,
        "input": {} if removed else dict(order.sent),
        "output": None if removed else linked(state.output, data_uri if inline else partial(file_url, elsewhere)),
        "logs": None if removed or state.status == "canceled" else state.logs,
        "error": state.error,
        "status": "processing" if inline else state.status,
        "data_removed": removed,
        "created_at": naming.stamp(shown.created),
        "source": "api",
        "urls": urls,
    }
    if shown.deadline is not None:
        told["deadline"] = naming.stamp(shown.deadline)
    if inline:
        return told
    for name, moment in (("started_at", state.started), ("completed_at", state.completed)):
        told[name] = None if moment is None else naming.stamp(moment)
    return {**told, "metrics": dict(state.metrics), "webhook": None, "webhook_completed": None}


def data_uri(kept: Kept) -> str:
    """Returns a file as a data URI."""
    return f"data:{content_type(kept)};base64,{base64.b64encode(kept.made.content).decode()}"


def collection(shown: Collection, models: Iterable[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Returns a collection, with its models where they are given."""
    told: dict[str, Any] = {"name": shown.name, "slug": shown.slug, "description": shown.description}
    return told if models is None else {**told, "full_description": None, "models": list(models)}
