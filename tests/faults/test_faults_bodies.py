"""Bodies that stop, stall, come from elsewhere, ignore ranges, change midway; servers that ask to wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faultkit import carries_on, client_at, ends, pin
from faultroads import Elsewhere

from zooclient import AccessError, Client, Gone, IntegrityError, NetworkError, RateLimited
from zooclient.testing import Body, Cut, Expired, Fault, LocalZoo, NewEtag, NoRange, Redirect, Stall, Status

WEIGHTS = "model.safetensors"
SIZE = 2_000_000
PIECES = {"piece_size": 256 * 1024, "journal_step": 64 * 1024, "connections": 4}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(zoo: LocalZoo, home: Path) -> Iterator[Client]:
    with client_at(zoo, home) as made:
        yield made


def sent(zoo: LocalZoo) -> int:
    """Bytes of large files that the zoo has sent."""
    return sum(seen.sent for seen in zoo.requests if seen.origin == "cdn")


@pytest.mark.parametrize("pieces", [{}, PIECES], ids=["stream", "ranges"])
@pytest.mark.parametrize(
    "fault",
    [
        Cut(0),
        Cut(1),
        Cut(70_000, times=2),
        Stall(70_000),
        Expired(),
        NoRange(),
        NewEtag(times=1),
        Status(0),
        Status(500),
        Status(503, retry_after=0),
        Status(429, retry_after=0),
    ],
    ids=lambda fault: f"{type(fault).__name__}{getattr(fault, 'code', getattr(fault, 'after', ''))}",
)
def test_what_passes_is_got_over(zoo: LocalZoo, home: Path, fault: Fault, pieces: dict[str, int]) -> None:
    """Cuts, stalls, links that are over, ranges that are ignored, a tag that is new: the model arrives whole."""
    thrown = zoo.fail(WEIGHTS, fault)
    with client_at(zoo, home, limits=pieces) as client:
        model = client.load(pin(zoo))
        assert client.verify(pin(zoo)).ok
        assert (model.path / WEIGHTS).stat().st_size > SIZE
    assert thrown.hits or isinstance(fault, NoRange)


def test_a_cut_body_is_taken_up_where_it_stopped(client: Client, zoo: LocalZoo) -> None:
    """What has arrived is not asked for again."""
    zoo.fail(WEIGHTS, Cut(1_500_000))
    client.load(pin(zoo))
    assert sent(zoo) < SIZE + 300_000


@pytest.mark.parametrize("fault", [NewEtag(), NoRange(), NewEtag('"second"', times=1)])
def test_two_contents_are_never_mixed(zoo: LocalZoo, home: Path, fault: Fault) -> None:
    """A body that is cut, and then a server that has another tag or no ranges: begun again, and whole."""
    with client_at(zoo, home, limits={"retries": 0}) as client:
        zoo.fail(WEIGHTS, Cut(700_000, times=None))
        ends(NetworkError, lambda: client.load(pin(zoo)), home)
    zoo.heal()
    zoo.fail(WEIGHTS, fault)
    with client_at(zoo, home) as client:
        assert client.load(pin(zoo)).path.is_dir()
        assert client.verify(pin(zoo)).ok


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Cut(70_000, times=None), NetworkError),
        (Stall(70_000, times=None), NetworkError),
        (Status(0, times=None), NetworkError),
        (Status(500, times=None), NetworkError),
        (Status(410, times=None), Gone),
        (Status(403, times=None, origin="cdn"), AccessError),
        (Expired(times=None), AccessError),
        (Body(b"<html>Sign in</html>", origin="cdn"), IntegrityError),
        (Redirect("http://127.0.0.1:9/nobody", origin="hub"), NetworkError),
        (Redirect("http://user:secret@127.0.0.1:9/nobody", origin="hub"), IntegrityError),
        (Redirect("file:///etc/passwd", origin="hub"), IntegrityError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_what_does_not_pass_ends_in_its_error(
    zoo: LocalZoo, home: Path, fault: Fault, kind: type[NetworkError]
) -> None:
    """A fault that stays is the error of its kind after a few attempts; mended, the next run carries on."""
    zoo.fail(WEIGHTS, fault)
    with client_at(zoo, home) as client:
        error = ends(kind, lambda: client.load(pin(zoo)), home)
        assert "secret" not in f"{error} {error.hint} {error.url}"
        asked = sum(seen.path.endswith(WEIGHTS) for seen in zoo.requests if "/resolve/" in seen.path)
        assert asked <= 8
        carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize("fault", [Status(0, times=None), Status(502, times=None), Stall(10, times=None)])
def test_a_zoo_that_does_not_answer_for_its_record(zoo: LocalZoo, home: Path, fault: Fault) -> None:
    """No answer about the model, an error of the server, an answer that stops: NetworkError, within the bounds."""
    zoo.fail("/api/models/*", fault)
    with client_at(zoo, home) as client:
        ends(NetworkError, lambda: client.load(pin(zoo)), home)
        carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize("pattern", ["/api/models/*", WEIGHTS, "config.json"])
def test_a_long_wait_is_the_caller_s_to_take(client: Client, zoo: LocalZoo, home: Path, pattern: str) -> None:
    """429 with a Retry-After beyond the bound: RateLimited at once, with the seconds that the zoo named."""
    zoo.fail(pattern, Status(429, retry_after=3600))
    began = time.monotonic()
    error = ends(RateLimited, lambda: client.load(pin(zoo)), home)
    assert time.monotonic() - began < 10
    assert error.retry_after == pytest.approx(3600, abs=5)
    carries_on(client, zoo, pin(zoo))


def test_the_hub_s_own_limits_are_told(models: Path, home: Path) -> None:
    """A quota that is used up, as the Hub tells it in its own headers: RateLimited with the seconds to wait."""
    with LocalZoo(models, limits={"api": 1}) as zoo, client_at(zoo, home) as client:
        client.resolve("hf:org/plain")
        error = ends(RateLimited, lambda: client.load(pin(zoo)), home)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 300


@pytest.mark.parametrize("right", [True, False])
def test_no_credential_follows_a_redirect_elsewhere(zoo: LocalZoo, models: Path, home: Path, right: bool) -> None:
    """Bytes may come from anywhere if they are the right ones; the token does not go along."""
    body = (models / "org" / "tiny" / WEIGHTS).read_bytes()
    with (
        Elsewhere(body if right else body[:-1] + b"!") as other,
        Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
    ):
        zoo.fail(WEIGHTS, Redirect(f"http://127.0.0.1:{other.port}/weights?sig=1", origin="hub"))
        if right:
            client.load(pin(zoo))
        else:
            ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert other.heads
    assert not any("authorization" in head.lower() or zoo.tokens["hf"] in head for head in other.heads)
    assert all("authorization" in seen.headers for seen in zoo.requests if seen.origin == "hub")


def test_no_record_is_taken_from_elsewhere(zoo: LocalZoo, home: Path) -> None:
    """A record that is said to lie on another server is not asked for there, with or without a token."""
    with Elsewhere(b"{}") as other, Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        zoo.fail("/api/models/*", Redirect(f"http://127.0.0.1:{other.port}/api/models/org/tiny"))
        ends(IntegrityError, lambda: client.load(pin(zoo)), home)
        assert other.heads == []
        carries_on(client, zoo, pin(zoo))


def test_redirects_that_go_round_have_an_end(client: Client, zoo: LocalZoo, home: Path) -> None:
    """A record and a file that lead to themselves: NetworkError of some kind, after few requests."""
    for pattern, path in (("/api/models/*", "/api/models/org/tiny"), (WEIGHTS, f"/org/tiny/resolve/main/{WEIGHTS}")):
        zoo.fail(pattern, Redirect(zoo.endpoints["hf"] + path, code=307))
        zoo.forget()
        with pytest.raises(NetworkError):
            client.load(pin(zoo))
        assert len(zoo.requests) < 40
        zoo.heal()
        client.resolve(pin(zoo))
    carries_on(client, zoo, pin(zoo))
