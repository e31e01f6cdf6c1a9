"""What Replicate means by an answer that is no success: from an answer to an error of ours.

It answers with ``application/problem+json``: ``title`` and ``detail``, of a validation ``invalid_fields``, and of a
limit ``retry_after``, which stands in the body where the header is missing. The edge in front of it answers in HTML.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from zooclient.errors import (
    AccessError,
    ConfigError,
    Gone,
    IntegrityError,
    NetworkError,
    NotFound,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Response, redirect_target
from zooclient.net.origin import masked
from zooclient.providers.reading import line, mapping, string
from zooclient.providers.refusing import asked_wait, by_status, complete, quoted, subject
from zooclient.providers.replicate.endpoint import WEB
from zooclient.records.ref import Ref

_TOKEN = "`zooclient login replicate` stores a token; one is made at " + WEB + "/account/api-tokens."
_BILLING = WEB + "/account/billing"
#: Seconds at the most that a body is believed to ask for.
_LONGEST = 7 * 86400


def refusal(response: Response, ref: Ref | None, operation: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer: any status but a success.
        ref: What was asked about. None: nothing in particular.
        operation: The verb under way.
    """
    told = _body(response)
    error = _read(response, told, ref, subject(response, ref), quoted(_said(told)))
    return complete(error, response, "replicate", ref, operation)


def _read(response: Response, told: Mapping[str, Any], ref: Ref | None, asked: str, said: str) -> ZooError:
    status, target = response.status, redirect_target(response)
    if target is not None:
        return IntegrityError(
            f"The question about {asked} is sent on to another server ({masked(target)}), which is not followed.",
            hint="A proxy may stand in between: name its address as the endpoint if you trust it.",
        )
    if status == 401:
        return AccessError(
            f"Replicate wants a valid token to be asked about {asked}{said}.",
            access_url=WEB + "/account/api-tokens",
            hint="It answers nobody without one; one that was sent may be mistyped or revoked. " + _TOKEN,
        )
    if status == 403:
        return AccessError(
            f"The account that asks may not have {asked}{said}.",
            access_url=_page(ref),
            hint="Its owner can let the account in. " + _TOKEN,
        )
    if status == 404:
        return NotFound(
            f"Replicate has no {asked}, or none that this account may see{said}.",
            hint="It may be private, renamed or deleted.",
        )
    if status == 410:
        return Gone(f"{asked} was there, and is there no longer{said}.", hint="A deployment may still run the version.")
    if status in (400, 413, 422):
        return _not_taken(status, asked, said)
    if status == 429:
        return RateLimited(
            f"Replicate asks to wait before {asked} is asked again{said}.",
            retry_after=_wait(response, told),
            hint="Without a payment method the limit is far lower.",
        )
    if status == 501:
        return Unsupported(f"The server does not know how to answer for {asked}{said}.")
    if status == 408 or status >= 500:
        return NetworkError(f"Replicate failed on {asked} with status {status}{said}.", hint="Try again in a moment.")
    return by_status(status, asked, _said(told), zoo="Replicate", billing=_BILLING, hint="Is the endpoint right?")


def _not_taken(status: int, asked: str, said: str) -> ZooError:
    if "not permitted" in said:
        return AccessError(
            f"The version of {asked} is not there, or may not be run by its id{said}.",
            hint="An official model has no version to ask for: leave the version out.",
        )
    if status == 413:
        return ConfigError(f"What was sent for {asked} is too large{said}.", hint="A file may be given as an address.")
    return ConfigError(
        f"Replicate does not take what was sent for {asked}{said}.", hint="`zooclient show` tells what a model takes."
    )


def _wait(response: Response, told: Mapping[str, Any]) -> float | None:
    """Seconds that the headers or the body ask to wait, whichever is longer; None when neither says."""
    waits = (asked_wait(response), _seconds(told.get("retry_after")))
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= _LONGEST else None


def _page(ref: Ref | None) -> str:
    return WEB if ref is None else f"{WEB}/{ref.id}"


def _body(response: Response) -> Mapping[str, Any]:
    """The object that refuses; empty for HTML and whatever else is none."""
    try:
        return mapping(json.loads(response.body))
    except (ValueError, RecursionError):
        return {}


def _said(told: Mapping[str, Any]) -> str:
    """The zoo's own words: what failed and why, then each field that it did not take."""
    fields = told.get("invalid_fields")
    faults = [
        " ".join(word for word in (string(mapping(one).get("field")), string(mapping(one).get("description"))) if word)
        for one in (fields[:10] if isinstance(fields, list) else [])
    ]
    # What is detailed repeats the fields, in lines.
    words = [string(told.get("title")), *faults] if faults else [string(told.get("title")), string(told.get("detail"))]
    return line("; ".join(dict.fromkeys(word for word in words if word)), 1000 if faults else 300)
