"""What the image registry means by an answer that is no success: from an answer to an error of ours.

The body is ``{"errors": [{"code", "message", "detail"}]}`` (OCI distribution specification, error codes); the edge in
front of it answers in HTML.
"""

from __future__ import annotations

import json
from typing import Any

from zooclient.errors import AccessError, NetworkError, NotFound, RateLimited, Unsupported, ZooError
from zooclient.net.exchange import Response
from zooclient.providers.reading import line, mapping, string
from zooclient.providers.refusing import asked_wait, by_status, complete, quoted, subject
from zooclient.providers.replicate.image.credentials import HINT, TOKENS_PAGE
from zooclient.records.ref import Ref

_SHUT = frozenset({"UNAUTHORIZED", "DENIED"})
_MISSING = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"})


def refusal(response: Response, ref: Ref | None, operation: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer: any status but a success.
        ref: What was asked about. None: nothing in particular.
        operation: The verb under way.
    """
    code, said = _first(response)
    error = _read(response, code, subject(response, ref), quoted(said))
    return complete(error, response, "replicate", ref, operation)


def _read(response: Response, code: str, asked: str, said: str) -> ZooError:
    status = response.status
    # A status that says what to do counts before the word of a body that anybody may have written.
    if status == 429 or code == "TOOMANYREQUESTS":
        return RateLimited(
            f"The image registry asks to wait before {asked} is asked for again{said}.",
            retry_after=asked_wait(response),
            hint="With a login the budget may be larger. " + HINT,
        )
    if status >= 500 or status == 408:
        return NetworkError(
            f"The image registry failed on {asked} with status {status}{said}.", hint="Try again in a moment."
        )
    if status in (401, 403) or code in _SHUT:
        return AccessError(
            f"The image of {asked} is not shown to whoever asks{said}.",
            access_url=TOKENS_PAGE,
            hint="It may be for those who are logged in to the registry. " + HINT,
        )
    if status == 404 or code in _MISSING:
        what = "blob" if code == "BLOB_UNKNOWN" else "image"
        return NotFound(
            f"The image registry has no such {what} of {asked}, or none that it shows{said}.",
            hint="Of an official model none is published; one may also be for those who are logged in. " + HINT,
        )
    if code == "UNSUPPORTED":
        return Unsupported(
            f"The image registry does not know how to answer for {asked}{said}.", hint="Is the endpoint right?"
        )
    return by_status(status, asked, said, zoo="The image registry", billing=TOKENS_PAGE, hint="Is the endpoint right?")


def _first(response: Response) -> tuple[str, str]:
    """The code and the words of the first error; empty where there is none."""
    try:
        told: Any = mapping(json.loads(response.body)).get("errors")
    except (ValueError, RecursionError):
        return "", ""
    error = mapping(told[0]) if isinstance(told, list) and told else {}
    code = string(error.get("code")) or ""
    return code.upper()[:80], line(" ".join(word for word in (code, string(error.get("message"))) if word))
