"""Whether to try again, and when: decisions only, no clock and no socket."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from attrs import field, frozen

from zooclient.settings import Limits

#: How a conversation failed. ``connect``: no connection, so nothing was asked. ``timeout``, ``cut``: somewhere on the
#: way. ``dns``, ``tls``, ``proxy``, ``shape``: it would fail again. ``told``: a part of the answer was handed
#: on already.
Failure = Literal["dns", "connect", "tls", "proxy", "timeout", "cut", "shape", "told"]

#: Failures before anything was asked of the server.
UNASKED: frozenset[Failure] = frozenset({"dns", "connect", "tls", "proxy"})

PASSING_FAILURES = frozenset({"connect", "timeout", "cut"})

#: Statuses of a server that may do better the next time.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})

#: Statuses with which a server asks to wait; it has done nothing, so any method may be repeated.
BUSY = frozenset({429, 503})

#: Methods that may be repeated without harm (those of RFC 9110 §9.2.2 that we use, and QUERY, which only asks).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})

#: Seconds at the most that a body is believed to ask for, and bytes of one that are read for it.
_LONGEST, _BODY = 7 * 86400, 1 << 16

_REMAINING = re.compile(r";\s*r=(\d+)")
_RESET = re.compile(r";\s*t=(\d+)")


@frozen(kw_only=True)
class Outcome:
    """How one attempt ended.

    Attributes:
        status: Status of the answer. None: there was no whole answer.
        failure: What failed. None: nothing.
        headers: Headers of the answer, names in lower case.
        method: What was asked.
        said: Seconds that the body of the answer asks to wait. None: it does not say.
    """

    status: int | None = None
    failure: Failure | None = None
    headers: Mapping[str, str] = field(factory=dict, hash=False)
    method: str = "GET"
    said: float | None = None


@frozen(kw_only=True)
class Retry:
    """Try again.

    Attributes:
        wait: Seconds to wait before.
        reason: Why, in a few words.
        shared: Whether every other request to this origin should wait as well.
    """

    wait: float
    reason: str
    shared: bool = False


def decide(attempt: int, outcome: Outcome, limits: Limits, now_wall: float, *, jitter: float = 1.0) -> Retry | None:
    """Decides whether to try again.

    Args:
        attempt: Which attempt ended; the first is 1.
        outcome: How it ended.
        limits: ``retries``, ``backoff_base``, ``backoff_max`` and ``max_wait`` count.
        now_wall: Seconds since the epoch, to read dates in headers against.
        jitter: Number from 0 to 1; the lower half of the backoff is certain, the upper half times this.

    Returns:
        None when the outcome is final: it went well, it will not get better, the attempts are used up, or the server
        asks for a longer wait than ``max_wait``.
    """
    if attempt > limits.retries or not _passing(outcome):
        return None
    asked = longest(server_wait(outcome.headers, now_wall), outcome.said) if outcome.status in BUSY else None
    reason = f"status {outcome.status}" if outcome.status is not None else str(outcome.failure)
    if asked is not None:
        return Retry(wait=asked, reason=reason, shared=True) if asked <= limits.max_wait else None
    if outcome.failure == "cut" and attempt == 1:
        # A kept-alive connection that the server had closed: nothing is overloaded.
        return Retry(wait=0.0, reason=reason)
    backoff = min(limits.backoff_max, limits.backoff_base * 2.0 ** min(attempt - 1, 60))
    return Retry(wait=backoff * (0.5 + 0.5 * jitter), reason=reason, shared=outcome.status == 429)


def _passing(outcome: Outcome) -> bool:
    if outcome.failure is not None:
        # Where there was no connection, nothing was asked either.
        safe = outcome.method in IDEMPOTENT or outcome.failure == "connect"
        return safe and outcome.failure in PASSING_FAILURES
    safe = outcome.method in IDEMPOTENT or outcome.status in BUSY
    return safe and outcome.status in PASSING_STATUSES


def longest(*waits: float | None) -> float | None:
    """Returns the longest of several waits; None when none is named."""
    return max((wait for wait in waits if wait is not None), default=None)


def body_wait(body: bytes) -> float | None:
    """Returns the seconds that an answer asks to wait in its body, ``{"retry_after": 30}``; None when it does not.

    So do Replicate and others, in place of the header.
    """
    if len(body) > _BODY or b'"retry_after"' not in body:
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    value = told.get("retry_after") if isinstance(told, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= _LONGEST else None


def server_wait(headers: Mapping[str, str], now_wall: float) -> float | None:
    """Returns the seconds that a server asks to wait; None when it does not say.

    ``Retry-After`` is seconds or a date (RFC 9110 §10.2.3). ``RateLimit: "api";r=0;t=12`` counts when nothing is left
    (``r=0``; draft-ietf-httpapi-ratelimit-headers); of several such limits the longest counts. So does
    ``RateLimit-Reset``, in seconds, of that draft's earlier versions, unless something remains.

    Args:
        headers: Headers of the answer, names in lower case.
        now_wall: Seconds since the epoch.
    """
    after = _retry_after(headers.get("retry-after", "").strip(), now_wall)
    if after is not None:
        return after
    waits = []
    for limit in headers.get("ratelimit", "").split(","):
        remaining, reset = _REMAINING.search(limit), _RESET.search(limit)
        if remaining and reset and int(remaining[1]) == 0:
            waits.append(float(reset[1][:9]))
    seconds = headers.get("ratelimit-reset", "").strip()
    if re.fullmatch(r"\d{1,9}", seconds, re.ASCII) and headers.get("ratelimit-remaining", "0").strip() == "0":
        waits.append(float(seconds))
    return max(waits, default=None)


def _retry_after(text: str, now_wall: float) -> float | None:
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now_wall)
