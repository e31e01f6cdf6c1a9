"""A Replicate of one's own to run models at, and flows fed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from replicate_answers import document, model, version

from zooclient.net.exchange import Request, Response
from zooclient.providers.replicate import wire
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref

API = "https://api.replicate.com"
VERSION = "a1" * 32
OTHER = "b2" * 32
ID = "ufawqhfynnddngldkgtslldrkq"
STREAM = f"https://stream.replicate.com/v1/files/{ID}"


def record(
    output: Mapping[str, Any] | None = None,
    *,
    official: bool = False,
    training: Mapping[str, Any] | None = None,
    **inputs: Any,
) -> ModelRecord:
    """The record of a model with these inputs beside a prompt, and this output; of a text where none is given."""
    told = document(**inputs)
    if output is not None:
        told["components"]["schemas"]["Output"] = dict(output)
    if training is not None:
        told["components"]["schemas"]["TrainingInput"] = {"type": "object", "properties": dict(training)}
    shown = version(openapi_schema=told)
    ref = Ref.parse("replicate:acme/tiny" if official else f"replicate:acme/tiny@{VERSION}")
    answers = wire.Answers(
        model=model(is_official=official, latest_version=shown), version={} if official else shown, official=official
    )
    return wire.read_record(answers, ref, endpoint=API)


def prediction(status: str = "succeeded", output: Any = "hello", **changes: Any) -> dict[str, Any]:
    """The answer about a run."""
    told: dict[str, Any] = {
        "id": ID,
        "model": "acme/tiny",
        "version": VERSION,
        "input": {"prompt": "hi"},
        "output": output,
        "logs": "",
        "error": None,
        "status": status,
        "data_removed": False,
        "created_at": "2026-11-25T03:00:00.123456789Z",
        "urls": {
            "get": f"{API}/v1/predictions/{ID}",
            "cancel": f"{API}/v1/predictions/{ID}/cancel",
            "web": f"https://replicate.com/p/{ID}",
        },
    }
    return {key: value for key, value in {**told, **changes}.items() if value is not ...}


Answering = Callable[[Request], Response]


class Api:
    """Answers in the order given, whatever is asked, and remembers what was; the last answer is given for ever.

    Args:
        answers: JSON, a status with JSON, bytes of a stream, or an exception to raise.
    """

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.requests: list[Request] = []

    @property
    def asked(self) -> list[str]:
        """Method and path of each request."""
        return [f"{one.method} {one.url.removeprefix(API)}" for one in self.requests]

    def sent(self, number: int = 0) -> Any:
        """What a request held."""
        return json.loads(self.requests[number].content or b"null")

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        told = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(told, BaseException):
            raise told
        status, body = told if isinstance(told, tuple) else (201 if request.method == "POST" else 200, told)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json", "date": "Wed, 25 Nov 2026 03:00:05 GMT"}
        return Response(request=request, status=status, headers=headers, body=content)
