"""What a zoo claims and what arrives: digests, sizes, commits that lie, are masked, or are missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from faultkit import carries_on, client_at, ends, pin

from zooclient import AccessError, Client, IntegrityError
from zooclient.testing import Claim, Flip, LocalZoo, LyingCommit, Resize

#: One file that the zoo pins by sha256, and one that it pins by git's hash.
FILES = ["model.safetensors", "config.json"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(zoo: LocalZoo, home: Path) -> Iterator[Client]:
    with client_at(zoo, home) as made:
        yield made


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_digest_is_refused(client: Client, zoo: LocalZoo, home: Path, name: str) -> None:
    """What arrives is not what was claimed: IntegrityError with the name of the file."""
    zoo.fail(name, Claim(digest="wrong"))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert name in error.message


@pytest.mark.parametrize("asked", ["pin", "branch"])
def test_a_claim_that_the_zoo_corrects_is_read_again(
    client: Client, zoo: LocalZoo, home: Path, asked: Literal["pin", "branch"]
) -> None:
    """A zoo that claimed something false and mends it: the next run carries on with what it says now."""
    ref = pin(zoo) if asked == "pin" else "hf:org/tiny@main"
    zoo.fail("model.safetensors", Claim(digest="wrong"))
    ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    zoo.heal()
    client.resolve(ref)
    carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize("digest", ["masked", "none"])
@pytest.mark.parametrize("name", FILES)
def test_without_a_digest_a_file_is_taken_only_when_allowed(
    client: Client, zoo: LocalZoo, home: Path, name: str, digest: Literal["masked", "none"]
) -> None:
    """No digest: refused, with the way to allow it; allowed, its sha256 is observed, not claimed."""
    zoo.fail(name, Claim(digest=digest))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert name in error.message
    assert "allow_unverified" in (error.hint or "")
    assert not any("/resolve/" in seen.path for seen in zoo.requests)
    model = client.load(pin(zoo), allow_unverified=True)
    assert {file.path for file in model.files if not file.claimed} == {name}
    checked = {file.path: file.claimed for file in client.verify(pin(zoo)).files}
    assert not checked.pop(name)
    assert all(checked.values())


def test_an_allowed_file_of_the_wrong_size_is_still_refused(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Where no digest can be checked, the size is."""
    zoo.fail("config.json", Claim(digest="none"))
    zoo.fail("config.json", Resize(1))
    ends(IntegrityError, lambda: client.load(pin(zoo), allow_unverified=True), home)


def test_masked_digests_of_a_gated_model_lead_to_the_gate(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Digests that are hidden from strangers: the hint is to ask for access and log in; who does gets them."""
    zoo.gate("org/tiny", "manual", masked=True, readers=("me",))
    error = ends(AccessError, lambda: client.load(pin(zoo)), home)
    assert "zooclient login hf" in (error.hint or "")
    client.resolve(pin(zoo))
    with Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as reader:
        assert all(file.claimed for file in reader.load(pin(zoo)).files)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("by", [1, -1])
def test_a_wrong_size_is_refused(client: Client, zoo: LocalZoo, home: Path, name: str, by: int) -> None:
    """A listing that claims another size than the file has: IntegrityError that tells both."""
    zoo.fail(name, Claim(size_by=by))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert name in error.message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("by", [1, -1, -4096])
def test_a_body_of_another_size_is_refused(client: Client, zoo: LocalZoo, home: Path, name: str, by: int) -> None:
    """More or fewer bytes than were promised, and the server says so itself: IntegrityError; healed, it loads."""
    zoo.fail(name, Resize(by))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert name in error.message
    carries_on(client, zoo, pin(zoo))


def test_a_claim_that_was_proved_is_not_given_up_for_another(client: Client, zoo: LocalZoo) -> None:
    """Once bytes have proved what a pin means, a zoo that claims something else of it is refused, not believed."""
    client.download(pin(zoo), files="*.json")
    true = client.resolve(pin(zoo))
    zoo.fail("model.safetensors", Claim(digest="wrong"))
    zoo.fail("model.safetensors", Flip())
    with pytest.raises(IntegrityError):
        client.load(pin(zoo))
    assert client.resolve(pin(zoo)).files == true.files


@pytest.mark.parametrize("at", [0, 1_000_000, -1])
def test_one_wrong_bit_anywhere_is_refused(client: Client, zoo: LocalZoo, home: Path, at: int) -> None:
    """First, middle or last byte, in ranges or not: IntegrityError, and the truth loads afterwards."""
    zoo.fail("model.safetensors", Flip(at))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert "model.safetensors" in error.message
    carries_on(client, zoo, pin(zoo))


def test_the_other_files_of_a_refused_model_are_not_fetched_again(zoo: LocalZoo, home: Path) -> None:
    """One bad file costs that file: what passed the door before it stays, unseen until the model is whole."""
    zoo.fail("model.safetensors", Flip())
    wanted = ["README.md", "config.json", "model.safetensors"]
    with client_at(zoo, home, limits={"connections": 1}) as client:
        ends(IntegrityError, lambda: client.download(pin(zoo), files=wanted), home)
        there = client.plan(pin(zoo), files=wanted).reuse
        zoo.heal()
        zoo.forget()
        client.download(pin(zoo), files=wanted)
    assert {item.file.path for item in there} == {"README.md", "config.json"}
    assert not any(seen.path.endswith(("README.md", "config.json")) for seen in zoo.requests)


def test_another_commit_than_asked_is_refused(client: Client, zoo: LocalZoo, home: Path) -> None:
    """A server, or a cache before it, that answers a pin with another commit: IntegrityError; healed, it loads."""
    zoo.fail("/api/models/*", LyingCommit())
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert "f" * 40 in error.message
    carries_on(client, zoo, pin(zoo))


def test_another_commit_than_a_short_one_began_is_refused(client: Client, zoo: LocalZoo, home: Path) -> None:
    """A short commit pins its beginning, too."""
    zoo.fail("/api/models/*", LyingCommit())
    ends(IntegrityError, lambda: client.load(pin(zoo)[:-30]), home)


def test_a_gate_that_closes_between_plan_and_bytes(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Planned while open, gated when fetched: AccessError with the page to ask at; opened, it loads."""
    plan = client.plan(pin(zoo))
    zoo.gate("org/tiny", "manual")
    error = ends(AccessError, lambda: client.download(plan), home)
    assert (error.access_url or "").endswith("/org/tiny")
    zoo.gate("org/tiny", False)
    carries_on(client, zoo, pin(zoo))
