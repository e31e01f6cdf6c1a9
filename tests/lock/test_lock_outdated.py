"""What `outdated` tells apart, at the zoos as they speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from cli_shell import environment, typed

from zooclient import Client
from zooclient.client.outdated import ALARMING, Fate
from zooclient.lock.files import Project
from zooclient.lock.format import Lock
from zooclient.settings import Limits, Settings
from zooclient.testing import LocalZoo, Status

WEIGHTS = b"s" * 70_000


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo() as running:
        running.commit("org/name", {"config.json": "{}", "model.safetensors": WEIGHTS})
        running.commit("org/name", {"config.json": "{ }"})
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def client(zoo: LocalZoo, folder: Path) -> Iterator[Client]:
    settings = Settings.from_env(
        {"HOME": str(folder)}, project=folder, surroundings=False, limits=Limits(retries=1, backoff_base=0.01)
    )
    with Client(home=folder.parent / "home", endpoints=zoo.endpoints, settings=settings) as made:
        yield made


def newer(zoo: LocalZoo) -> None:
    zoo.commit("org/name", {"config.json": "[]"})


def rewritten(zoo: LocalZoo) -> None:
    first = zoo.head("org/name")
    zoo.commit("org/name", {"config.json": "[]"})
    zoo.drop_commit("org/name", first)


def renamed(zoo: LocalZoo) -> None:
    zoo.rename("org/name", "org/other")


def owner_changed(zoo: LocalZoo) -> None:
    zoo.rename("org/name", "buyer/name")


def gated(zoo: LocalZoo) -> None:
    zoo.gate("org/name")


def removed(zoo: LocalZoo) -> None:
    zoo.hide("org/name")


def unreachable(zoo: LocalZoo) -> None:
    zoo.fail("*", Status(500, times=None))


@pytest.mark.parametrize(
    ("scheme", "happens", "fate"),
    [
        ("hf", lambda zoo: None, "current"),
        ("hf", newer, "newer"),
        ("hf", rewritten, "rewritten"),
        ("hf", renamed, "renamed"),
        ("hf", owner_changed, "owner-changed"),
        ("hf", gated, "gated"),
        ("hf", removed, "removed"),
        ("hf", unreachable, "unknown"),
        ("modelscope", lambda zoo: None, "current"),
        ("modelscope", newer, "newer"),
        ("modelscope", rewritten, "rewritten"),
        ("modelscope", removed, "gated"),  # it has one answer for both
    ],
)
def test_what_became_of_a_model_is_told(
    zoo: LocalZoo, client: Client, folder: Path, scheme: str, happens: Callable[[LocalZoo], None], fate: Fate
) -> None:
    """Each thing that can happen to a model has its own word, and nothing is fetched to find it out."""
    client.add("small", f"{scheme}:org/name", project=folder)
    happens(zoo)
    zoo.forget()
    (one,) = client.outdated(project=folder)
    assert one.fate == fate, one.told
    assert one.told
    assert one.alarming == (fate in ALARMING)
    assert [seen for seen in zoo.requests if seen.origin == "cdn"] == []


def test_a_name_that_was_registered_again_is_another_model(zoo: LocalZoo, client: Client, folder: Path) -> None:
    """A model of the same name with another id at the zoo is told from an update."""
    client.add("small", "hf:org/name@main", project=folder)
    project = Project.at(folder)
    lock = project.lock()
    assert lock is not None
    before = evolve(lock.models[0], stable_id="621ffdc136468d709f17a10a")  # the model that had the name then
    project.write_lock(Lock(models=(before,)))
    (one,) = client.outdated(project=folder)
    assert one.fate == "re-registered"
    assert one.alarming


def test_bytes_that_were_replaced_under_the_same_id_are_told(zoo: LocalZoo, client: Client, folder: Path) -> None:
    """At a zoo whose creators can replace the bytes of a version, that is an alarm and no update."""
    client.add("small", zoo.civitai.ref("org/name"), project=folder)
    zoo.civitai.replace("org/name", {"model.safetensors": b"t" * 70_000})
    (one,) = client.outdated(project=folder)
    assert one.fate == "replaced", one.told
    assert one.alarming


def test_alarms_end_the_command_with_5(zoo: LocalZoo, folder: Path) -> None:
    """A pipeline can tell an alarm by the exit code, and a person by a sentence; an update is no failure."""
    env = environment(folder.parent, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])
    assert typed("add", "small", "hf:org/name@main", env=env, cwd=folder).returncode == 0
    newer(zoo)
    done = typed("outdated", env=env, cwd=folder)
    assert done.returncode == 0
    assert done.stdout == f"small\tnewer\thf:org/name@{zoo.head('org/name')}\n"
    owner_changed(zoo)
    done = typed("outdated", "small", env=env, cwd=folder)
    assert done.returncode == 5
    assert "buyer/name" in done.stderr
    assert typed("outdated", "big", env=env, cwd=folder).returncode == 3
