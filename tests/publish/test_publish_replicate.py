"""Replicate takes images: a model is made, and what `cog` does next is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from publishkit import model_folder, writes

from zooclient import Client
from zooclient.errors import AccessError, ConfigError
from zooclient.testing import LocalZoo


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("replicate",)) as running:
        yield running


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as made:
        yield made


def test_a_model_is_made_once(zoo: LocalZoo, client: Client, tmp_path: Path) -> None:
    """A model comes to exist without a version, as visible as said, and the steps to a version are told."""
    folder = model_folder(tmp_path)
    plan = client.plan_publish(folder, "replicate:me/tiny", visibility="private")
    assert (plan.targets[0].send, plan.targets[0].exists) == ((), False)
    assert writes(zoo) == []
    (made,) = client.publish(plan)
    assert (made.state, made.ref, made.visibility, made.files) == ("created", None, "private", 0)
    assert "cog push r8.im/me/tiny" in made.steps[0]
    (again,) = client.publish(folder, "replicate:me/tiny")
    assert (again.state, again.steps) == ("already there", made.steps)
    assert writes(zoo) == ["POST /v1/models"]


def test_what_it_does_not_make(client: Client, tmp_path: Path) -> None:
    """A model of another's, and a version that nobody can make by a name, are refused."""
    folder = model_folder(tmp_path)
    with pytest.raises((AccessError, ConfigError)):
        client.publish(folder, "replicate:you/tiny", visibility="private")
    with pytest.raises(ConfigError, match="names a commit"):
        client.publish(folder, "replicate:me/tiny@" + "a" * 64, visibility="private")
