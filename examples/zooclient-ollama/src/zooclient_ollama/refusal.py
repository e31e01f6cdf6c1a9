"""What the registry means by an answer that is no success."""

from __future__ import annotations

import json
from typing import Any

from zooclient import (
    AccessError,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    Ref,
    Unsupported,
    ZooError,
)
from zooclient.extend import Response, masked, reading, redirect_target, refusing
from zooclient_ollama.wire import SCHEME, WEB


def refusal(response: Response, ref: Ref | None, operation: str) -> ZooError:
    """Returns the error that an answer means, with what it is about."""
    asked, said = refusing.subject(response, ref), _said(response)
    return refusing.complete(_read(response, asked, said), response, SCHEME, ref, operation)


def _read(response: Response, asked: str, said: str) -> ZooError:
    status, target, words = response.status, redirect_target(response), refusing.quoted(said)
    if target is not None:
        return IntegrityError(
            f"The question about {asked} is sent on to another server ({masked(target)}), which is not followed.",
            hint="A proxy may stand in between: name its address as the endpoint if you trust it.",
        )
    if status in (401, 403):
        return AccessError(
            f"The registry does not hand out {asked}{words}.",
            access_url=WEB,
            hint="A private model is read by `ollama` itself, which signs with a key of its own.",
        )
    if status == 404:
        return NotFound(
            f"The registry has no {asked}{words}.",
            hint=f"{WEB}/search shows its models, and the page of a model its tags.",
        )
    if status == 412:
        return Unsupported(f"The registry keeps {asked} for newer clients{words}.", hint="`ollama pull` may get it.")
    if status == 429:
        return RateLimited(
            f"The registry asks to wait before {asked} is asked for again{words}.",
            retry_after=refusing.asked_wait(response),
        )
    if status == 408 or status >= 500:
        return NetworkError(f"The registry failed on {asked} with status {status}{words}.", hint="Try again later.")
    if status in (400, 418):
        return ProtocolError(f"The registry did not take the question about {asked} (status {status}){words}.")
    return refusing.by_status(status, asked, said, zoo="The registry", billing=WEB, hint="Is the endpoint right?")


def _said(response: Response) -> str:
    """The registry's own words: ``{"errors": [{"code", "message"}]}``, or ``{"error": …}``."""
    try:
        told: Any = reading.mapping(json.loads(response.body))
    except (ValueError, RecursionError):
        return ""
    errors = told.get("errors")
    first = reading.mapping(errors[0]) if isinstance(errors, list) and errors else told
    words = (reading.string(first.get(name)) for name in ("code", "message", "error"))
    return reading.line(" ".join(word for word in words if word))
