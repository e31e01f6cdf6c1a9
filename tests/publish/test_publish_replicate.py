"""Replicate takes images: a model is made, and what `cog` does next is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from publishkit import model_folder, writes

from zooclient import Client
from zooclient.errors import AccessError, ConfigError, NetworkError, ZooError
from zooclient.testing import LocalZoo, Status


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


def test_a_name_that_another_model_has_is_taken(zoo: LocalZoo, client: Client, tmp_path: Path) -> None:
    """A model that the account may not see has its name all the same, and nothing is made."""
    zoo.commit("me/taken", {"config.json": "{}"})
    zoo.hide("me/taken", readers=("you",))
    with pytest.raises(ConfigError, match="taken") as caught:
        client.publish(model_folder(tmp_path), "replicate:me/taken", visibility="private")
    assert caught.value.hint


def test_without_rights_no_model_is_made(zoo: LocalZoo, tmp_path: Path) -> None:
    """A token that may only read, and none at all, are refused, and what to do is said."""
    reader = zoo.add_account("reader", zoo="replicate")
    folder = model_folder(tmp_path)
    for tokens in ({"replicate": reader}, {"replicate": "r8_wrong"}, {}):
        with (
            Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=tokens) as client,
            pytest.raises(AccessError) as caught,
        ):
            client.publish(folder, "replicate:me/tiny", visibility="private")
        assert caught.value.hint and (caught.value.zoo, caught.value.ref) == ("replicate", "replicate:me/tiny")
    assert not any(seen.status == 201 for seen in zoo.requests), "nothing was made"
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        assert client.publish(folder, "replicate:me/tiny", visibility="private")[0].state == "created"


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (402, {"title": "Billing required", "detail": "You need to set up billing."}, AccessError),
        (403, {"detail": "You have reached the limit of 1,000 models."}, AccessError),
        (422, {"detail": "hardware: is not a known SKU"}, ConfigError),
    ],
)
def test_a_refusal_is_told_and_carried_on(
    zoo: LocalZoo, client: Client, tmp_path: Path, status: int, told: dict[str, str], kind: type[ZooError]
) -> None:
    """What the zoo says of an account without room or money stands in the error; later the same call goes through."""
    folder = model_folder(tmp_path)
    body = json.dumps({**told, "status": status})
    refused = zoo.fail("/v1/models", Status(status, body=body, first=True, times=None, method="POST"), zoo="replicate")
    with pytest.raises(kind) as caught:
        client.publish(folder, "replicate:me/tiny", visibility="private")
    assert told["detail"].rstrip(".") in caught.value.message and caught.value.hint
    zoo.heal(refused)
    (made,) = client.publish(folder, "replicate:me/tiny", visibility="private")
    assert made.state == "created"


@pytest.mark.parametrize("code", [0, 502])
def test_a_model_whose_answer_is_lost_is_made_once(zoo: LocalZoo, client: Client, tmp_path: Path, code: int) -> None:
    """Where the line breaks after the model was made, the next run finds it, as visible as it was asked to be."""
    folder = model_folder(tmp_path)
    zoo.fail("/v1/models", Status(code, times=1, method="POST"), zoo="replicate")
    with pytest.raises(NetworkError) as caught:
        client.publish(folder, "replicate:me/tiny", visibility="private")
    assert caught.value.hint
    (again,) = client.publish(folder, "replicate:me/tiny", visibility="private")
    assert (again.state, again.visibility) == ("already there", "private")
    assert writes(zoo) == ["POST /v1/models"]
