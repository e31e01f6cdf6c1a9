"""Whether to try again, and when."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.net.policy import Failure, Outcome, decide, server_wait
from zooclient.settings import Limits

NOW = 1_700_000_000.0
LIMITS = Limits()


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"ratelimit": '"api";r=0;t=12'}, 12.0),
        ({"ratelimit": '"api";r=3;t=12'}, None),
        ({"ratelimit": '"api";r=0;t=12, "pages";r=0;t=40, "resolvers";r=9;t=99'}, 40.0),
        ({"ratelimit": '"api";r=0;t=12', "retry-after": "3"}, 3.0),
        ({"ratelimit": "nonsense"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30.0),
        ({"ratelimit-reset": "30"}, 30.0),
        ({"ratelimit-remaining": "59", "ratelimit-reset": "30"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "soon"}, None),
        ({"ratelimit-reset": "30", "retry-after": "3"}, 3.0),
    ],
)
def test_what_a_server_asks_is_read(headers: dict[str, str], wait: float | None) -> None:
    """Seconds, dates and rate limits are read; nonsense is as good as nothing."""
    assert server_wait(headers, NOW) == wait


def test_a_server_s_wish_is_obeyed_and_shared() -> None:
    """A wait that the server names is taken to the second, for everybody who asks that origin."""
    retry = decide(1, Outcome(status=429, headers={"ratelimit": '"api";r=0;t=12'}), LIMITS, NOW)
    assert retry is not None
    assert (retry.wait, retry.shared) == (12.0, True)


def test_a_wait_beyond_patience_is_final() -> None:
    """Longer than ``max_wait`` is not waited for."""
    assert decide(1, Outcome(status=429, headers={"retry-after": "301"}), LIMITS, NOW) is None
    assert decide(1, Outcome(status=503, headers={"retry-after": "301"}), LIMITS, NOW) is None


def test_a_question_by_query_may_be_repeated() -> None:
    """QUERY only asks, whatever its body: it is tried again like GET, and POST is not."""
    for outcome in (Outcome(status=502, method="QUERY"), Outcome(failure="timeout", method="QUERY")):
        assert decide(1, outcome, LIMITS, NOW) is not None
    assert decide(1, Outcome(status=502, method="POST"), LIMITS, NOW) is None


def test_backoff_doubles_up_to_its_bound() -> None:
    """Half of the wait is certain, half is chance; it doubles and is bounded."""
    limits = Limits(retries=100, backoff_base=1, backoff_max=5)
    waits = [decide(attempt, Outcome(status=502), limits, NOW, jitter=1) for attempt in (1, 2, 3, 4, 100)]
    assert [retry.wait for retry in waits if retry] == [1, 2, 4, 5, 5]
    least = decide(3, Outcome(status=502), limits, NOW, jitter=0)
    assert least is not None
    assert least.wait == 2


def test_attempts_end() -> None:
    """``retries`` counts attempts after the first."""
    assert decide(5, Outcome(status=500), LIMITS, NOW) is not None
    assert decide(6, Outcome(status=500), LIMITS, NOW) is None
    assert decide(1, Outcome(status=500), Limits(retries=0), NOW) is None


@pytest.mark.parametrize("status", [200, 206, 301, 304, 400, 401, 403, 404, 416, 451, 501])
def test_final_statuses(status: int) -> None:
    """An answer that will be the same the next time is not asked for again."""
    assert decide(1, Outcome(status=status), LIMITS, NOW) is None


@pytest.mark.parametrize("failure", ["dns", "tls", "proxy", "shape"])
def test_final_failures(failure: Failure) -> None:
    """A wrong name, certificate or password does not get better."""
    assert decide(1, Outcome(failure=failure), LIMITS, NOW) is None


def test_a_write_is_repeated_only_when_nothing_was_done() -> None:
    """POST: again after a refused connection or a 429, never after a broken one or a 500."""
    assert decide(1, Outcome(failure="connect", method="POST"), LIMITS, NOW) is not None
    assert decide(1, Outcome(status=429, method="POST"), LIMITS, NOW) is not None
    assert decide(1, Outcome(failure="cut", method="POST"), LIMITS, NOW) is None
    assert decide(1, Outcome(status=500, method="POST"), LIMITS, NOW) is None


def test_a_connection_closed_while_idle_costs_no_wait() -> None:
    """The first cut is repeated at once, the second is not."""
    first, second = (decide(attempt, Outcome(failure="cut"), LIMITS, NOW) for attempt in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.wait, second.wait > 0) == (0.0, True)


@given(
    attempt=st.integers(1, 10_000),
    status=st.integers(100, 599),
    after=st.text(max_size=20) | st.integers(-10, 10**12).map(str),
    limit=st.text(max_size=30),
    jitter=st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
def test_no_wait_is_without_bound(attempt: int, status: int, after: str, limit: str, jitter: float) -> None:
    """Whatever a server says, the wait is within the limits and the attempts end."""
    outcome = Outcome(status=status, headers={"retry-after": after, "ratelimit": limit})
    retry = decide(attempt, outcome, LIMITS, NOW, jitter=jitter)
    if retry is not None:
        assert attempt <= LIMITS.retries
        assert 0 <= retry.wait <= LIMITS.max_wait
