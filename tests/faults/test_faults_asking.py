"""What is asked for and is not there: malformed, unknown, missing, gone, moved meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faultkit import carries_on, client_at, ends, pin, visible

from zooclient import Client, NotFound, RefError, UnpinnedWarning
from zooclient.testing import Do, LocalZoo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(zoo: LocalZoo, home: Path) -> Iterator[Client]:
    with client_at(zoo, home) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("hf:", 3),
        ("hf:org/ti ny@main", 9),
        ("hf:org/../tiny", 7),
        ("hf:org/tiny@", 11),
        ("hf:org/tiny@a%2e%2e", 13),
        ("hf:org/t\u0456ny", 8),
        ("hf:org/tiny#sha256=12", 21),
        ("C:\\models\\tiny", 0),
    ],
)
def test_a_malformed_reference_is_refused_before_anything_happens(
    client: Client, zoo: LocalZoo, home: Path, text: str, position: int
) -> None:
    """A text that is no reference is a RefError; nobody is asked, and nothing is written."""
    with pytest.raises(RefError) as caught:
        client.load(text)
    assert caught.value.exit_code == 2
    assert caught.value.position == position
    assert zoo.requests == []
    assert not home.exists()


def test_an_unknown_scheme_names_the_known_ones(client: Client, zoo: LocalZoo, home: Path) -> None:
    """A zoo that nobody provides: the error lists those that are provided."""
    error = ends(RefError, lambda: client.load("kaggle:org/name"), home)
    assert "hf" in f"{error.message} {error.hint}"
    assert zoo.requests == []


@pytest.mark.parametrize("bare_401", [False, True])
def test_a_model_that_is_not_there_may_be_private(models: Path, home: Path, bare_401: bool) -> None:
    """A missing model and a private one look alike, however the Hub says so: NotFound, and how to log in."""
    with LocalZoo(models, bare_401=bare_401) as zoo, client_at(zoo, home) as client:
        zoo.hide("org/tiny")
        for name in ("none", "tiny"):
            error = ends(NotFound, lambda: client.load(f"hf:org/{name}"), home)  # noqa: B023
            assert "zooclient login hf" in (error.hint or "")
            assert error.exit_code == 3


@pytest.mark.parametrize("revision", ["gone", "refs/pr/9", "0" * 40, "abcdef0"])
def test_a_revision_that_is_not_there_is_named(client: Client, zoo: LocalZoo, home: Path, revision: str) -> None:
    """A branch, a pull request, a commit, a short commit that are gone: NotFound, naming the revision."""
    error = ends(NotFound, lambda: client.load(f"hf:org/tiny@{revision}"), home)
    assert revision in str(error)
    carries_on(client, zoo, pin(zoo))


def test_a_commit_that_vanishes_after_it_was_resolved(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Resolved, and then gone from the zoo: NotFound for the pin, and the new state loads under its own."""
    zoo.commit("org/moved", {"config.json": "{}", "notes.txt": "old"})
    record = client.resolve("hf:org/moved@main")
    zoo.commit("org/moved", {"notes.txt": "new"})
    zoo.drop_commit("org/moved", record.ref.revision or "")
    error = ends(NotFound, lambda: client.download(record), home)
    assert error.ref == str(record.ref)
    assert (client.load(pin(zoo, "org/moved")).path / "notes.txt").read_text() == "new"


def test_a_branch_that_moves_after_it_was_resolved_changes_nothing(client: Client, zoo: LocalZoo) -> None:
    """A force-push between resolve and download: what was resolved is what arrives."""
    old = zoo.commit("org/moved", {"config.json": "{}", "notes.txt": "old"})
    record = client.resolve("hf:org/moved@main")
    new = zoo.commit("org/moved", {"notes.txt": "new"})
    assert old != new
    snapshot = client.download(record)
    assert snapshot.ref.revision == old
    assert (snapshot.path / "notes.txt").read_text() == "old"
    assert client.resolve("hf:org/moved@main").ref.revision == new


def test_a_branch_that_moves_while_files_arrive_mixes_nothing(client: Client, zoo: LocalZoo) -> None:
    """A push in the middle of a download: every file is of the commit that the warning named."""
    old = zoo.commit("org/moved", {f"part-{number}.txt": f"old {number}" for number in range(12)})
    changed = {f"part-{number}.txt": f"new {number}" for number in range(12)}
    moved = zoo.fail("org/moved/part-*", Do(lambda: zoo.commit("org/moved", changed)))
    with pytest.warns(UnpinnedWarning, match=old):
        model = client.load("hf:org/moved@main")
    assert moved.hits == 1
    assert zoo.head("org/moved") != old
    assert {(model.path / name).read_text()[:3] for name in changed} == {"old"}


def test_a_commit_that_vanishes_while_files_arrive(client: Client, zoo: LocalZoo, home: Path) -> None:
    """The history is rewritten in the middle of a download: NotFound, nothing visible, and the new state loads."""
    old = zoo.commit("org/moved", {f"part-{number}.txt": f"old {number}" for number in range(12)})

    def rewrite() -> None:
        zoo.commit("org/moved", {f"part-{number}.txt": f"new {number}" for number in range(12)})
        zoo.drop_commit("org/moved", old)

    zoo.fail("org/moved/part-3*", Do(rewrite))
    ends(NotFound, lambda: client.load(f"hf:org/moved@{old}"), home)
    assert visible(home) == []
    carries_on(client, zoo, pin(zoo, "org/moved"))


def test_a_model_that_was_renamed_meanwhile_still_arrives(client: Client, zoo: LocalZoo) -> None:
    """A rename between resolve and download is followed: the pinned bytes are the same under either name."""
    zoo.commit("org/before", {"config.json": "{}"})
    record = client.resolve("hf:org/before")
    zoo.rename("org/before", "org/after")
    assert (client.download(record).path / "config.json").read_text() == "{}"
