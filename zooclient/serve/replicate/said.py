"""What the API says when it does not do what was asked. Pure.

The form is that of RFC 7807; which members a body has differs from one refusal to the next, as recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from zooclient.serve.exchange import Answer

_PROBLEM = "application/problem+json"


@frozen(kw_only=True)
class Flaw:
    """What is wrong with one field of a body.

    Attributes:
        type: Kind of flaw, as the validator names it.
        field: Path of the field, such as ``input.steps``; empty for the body itself.
        description: One sentence.
    """

    type: str
    field: str
    description: str


def problem(status: int, detail: str, *, title: str | None = None, **more: Any) -> Answer:
    """Returns a refusal; ``more`` are further members of its body."""
    body = {**({} if title is None else {"title": title}), "detail": detail, "status": status, **more}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status=status, headers={"content-type": _PROBLEM}, body=text.encode())


def unauthenticated() -> Answer:
    """Returns the answer to no token, or one that belongs to nobody."""
    return problem(401, "You did not pass a valid authentication token", title="Unauthenticated")


def absent() -> Answer:
    """Returns the answer to a name that leads nowhere."""
    return problem(404, "The requested resource could not be found.")


def no_destination() -> Answer:
    """Returns the answer to a training whose result has nowhere to go."""
    return problem(404, "The specified training destination does not exist")


def no_version() -> Answer:
    """Returns the answer to a version that is none, or that may not be run by its id."""
    detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return problem(422, detail, title="Invalid version or not permitted")


def invalid(flaws: list[Flaw]) -> Answer:
    """Returns the answer to a body with flaws."""
    lines = "".join(f"- {flaw.field or '(root)'}: {flaw.description}\n" for flaw in flaws)
    fields = [{"type": flaw.type, "field": flaw.field, "description": flaw.description} for flaw in flaws]
    return problem(422, lines, title="Input validation failed", invalid_fields=fields)


def unpaid() -> Answer:
    """Returns the answer to somebody who has not said how to pay."""
    detail = (
        "You need to set up billing to run this model. Go to https://replicate.com/account/billing#billing to set it "
        "up. If you have recently set up billing, please wait a few minutes before trying again."
    )
    return problem(402, detail, title="Billing required")


def throttled(seconds: int) -> Answer:
    """Returns the answer to too many requests. How long to wait stands in the body, not in a header."""
    detail = f"Request was throttled. Your rate limit resets in ~{seconds}s."
    return problem(429, detail, retry_after=seconds)


def too_large() -> Answer:
    """Returns the answer to an upload that is too large."""
    return problem(413, "Files must be less than 100MB in size")


def missing_query(name: str) -> Answer:
    """Returns the answer to a search without a parameter that it needs; it is no problem document."""
    body: Mapping[str, Any] = {"detail": f'Query parameter "{name}" is required'}
    return Answer(status=400, headers={"content-type": "application/json"}, body=json.dumps(body).encode())
