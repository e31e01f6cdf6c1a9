"""File names: those that would leave their folder, and those that some or all file systems cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faultkit import carries_on, client_at, ends, pin

from zooclient import Client, IntegrityError, StoreError
from zooclient.testing import Edit, LocalZoo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(zoo: LocalZoo, home: Path) -> Iterator[Client]:
    with client_at(zoo, home) as made:
        yield made


def listing(name: str) -> Edit:
    """The first file of the listing gets another name."""

    def change(document: Any) -> Any:
        document["siblings"][0]["rfilename"] = name
        return document

    return Edit(change)


@pytest.mark.parametrize(
    "name",
    [
        "../escape.json",
        "sub/../../escape.json",
        "/etc/cron.d/escape",
        "..\\escape.json",
        "sub\\escape.json",
        "C:/escape.json",
        "C:escape.json",
        ".git/hooks/post-checkout",
        "sub/.GIT/config",
        "sub//escape.json",
        "./escape.json",
        "escape\x00.json",
        "escape\n.json",
        "",
        ".",
    ],
)
def test_a_hostile_name_is_refused_before_a_byte_moves(client: Client, zoo: LocalZoo, home: Path, name: str) -> None:
    """A name that leaves its folder, on any system, makes the listing an IntegrityError; no file is asked for."""
    zoo.fail("/api/models/*", listing(name))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert "name" in error.message
    assert "/resolve/" not in "".join(seen.path for seen in zoo.requests)
    assert not list(home.parent.rglob("*escape*"))
    carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize("second", [{"size": 7}, {"rfilename": "config.json/inner.json"}])
def test_a_listing_that_contradicts_itself_is_refused(
    client: Client, zoo: LocalZoo, home: Path, second: dict[str, Any]
) -> None:
    """A file listed twice with different claims, or as a folder too, cannot be believed."""

    def change(document: Any) -> Any:
        told = next(file for file in document["siblings"] if file["rfilename"] == "config.json")
        document["siblings"].append(told | second)
        return document

    zoo.fail("/api/models/*", Edit(change))
    error = ends(IntegrityError, lambda: client.load(pin(zoo)), home)
    assert "config.json" in error.message
    carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["aux.txt"], "reserved"),
        (["sub/COM1"], "reserved"),
        (["what?.txt"], "Windows"),
        (["ends.in.a.dot."], "Windows"),
        (["Config.JSON", "config.json"], "Config.JSON"),
        (["Sub/one.txt", "sub/two.txt", "Sub/two.txt"], "sub/two.txt"),
    ],
)
def test_a_name_that_other_systems_cannot_hold_is_a_problem_and_no_refusal(
    client: Client, zoo: LocalZoo, home: Path, names: list[str], said: str
) -> None:
    """The record tells of it, and where the file system can hold it the model loads, each file its own."""
    zoo.commit("org/odd", {name: f"content of {name}" for name in names})
    assert any(said in problem for problem in client.resolve("hf:org/odd").problems)
    if len({name.lower() for name in names}) < len(names) and _folds_case(home.parent):
        ends(StoreError, lambda: client.load(pin(zoo, "org/odd")), home)
        return
    model = client.load(pin(zoo, "org/odd"))
    assert {name: (model.path / name).read_text() for name in names} == {name: f"content of {name}" for name in names}


def _folds_case(folder: Path) -> bool:
    (folder / "Probe").touch()
    return (folder / "pROBE").exists()


def test_a_name_that_is_too_long_is_refused_before_a_byte_moves(client: Client, zoo: LocalZoo, home: Path) -> None:
    """A name beyond what the file system holds is a StoreError that says how to leave it out; that works."""
    long = "n" * 300 + ".txt"
    zoo.commit("org/odd", {"config.json": "{}", long: "text"})
    assert any("longer" in problem for problem in client.resolve("hf:org/odd").problems)
    zoo.forget()
    error = ends(StoreError, lambda: client.load(pin(zoo, "org/odd")), home)
    assert "exclude" in (error.hint or "")
    assert not any("/resolve/" in seen.path for seen in zoo.requests), "nothing was fetched in vain"
    assert [file.path for file in client.load(pin(zoo, "org/odd"), exclude="n*").files] == ["config.json"]


def test_a_path_that_is_too_long_altogether_is_a_store_error(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Folders within folders beyond what the system takes: the error is ours, and the rest of the model loads."""
    long = "/".join(["d" * 200] * 25) + "/file.txt"
    zoo.commit("org/odd", {"config.json": "{}", long: "text"})
    error = ends(StoreError, lambda: client.load(pin(zoo, "org/odd")), home)
    assert "exclude" in (error.hint or "")
    assert [file.path for file in client.load(pin(zoo, "org/odd"), exclude="d*").files] == ["config.json"]
