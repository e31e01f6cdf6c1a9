"""What lies in layers at its zoo, from mirrors that are served over HTTP, by each policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from netdoubles import Answer, Asked, Server

from zooclient import Client
from zooclient.errors import NetworkError, NotFound
from zooclient.settings import Limits, Settings
from zooclient.testing import LocalZoo, Status

MODEL = "acme/tiny"
WEIGHTS = b"weights " * 5000
SOURCE = "src/model.safetensors"


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """A model at Replicate and its registry."""
    with LocalZoo(zoos=["replicate", "r8"]) as made:
        made.commit(MODEL, {"config.json": "{}", "model.safetensors": WEIGHTS})
        yield made


@pytest.fixture
def mirror(zoo: LocalZoo, tmp_path: Path) -> Iterator[Server]:
    """A mirror of the model with its weights, as a web server gives it."""
    folder = tmp_path / "mirror"
    with Client(home=tmp_path / "pushing", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        client.mirror(folder, pin(zoo), weights="all")
    zoo.forget()

    def answer(asked: Asked) -> Answer:
        path = folder / unquote(asked.path).lstrip("/")
        return Answer(body=path.read_bytes()) if path.is_file() else Answer(status=404)

    with Server(answer) as running:
        yield running


def pin(zoo: LocalZoo) -> str:
    return f"replicate:{MODEL}@{zoo.replicate.version(MODEL)}"


def client_of(zoo: LocalZoo, home: Path, mirror: Server, policy: str) -> Client:
    wishes = {"ZOOCLIENT_REPLICATE_MIRRORS": mirror.url, "ZOOCLIENT_REPLICATE_MIRROR_POLICY": policy}
    limits = Limits(retries=1, backoff_base=0.01, backoff_max=0.02)
    settings = Settings.from_env(wishes, limits=limits, failover=False)
    return Client(settings=settings, home=home, endpoints=zoo.endpoints, tokens=zoo.tokens)


def known(zoo: LocalZoo, home: Path) -> Path:
    """A home that knows what the layers hold, and has lost it."""
    with Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        client.load(pin(zoo), weights="all")
    for kept in ("blobs", "snapshots"):
        shutil.rmtree(home / "v1" / kept)
    zoo.forget()
    return home


def blobs(zoo: LocalZoo) -> list[str]:
    return [seen.path for seen in zoo.requests if seen.zoo == "r8"]


def test_only_gives_what_layers_hold(zoo: LocalZoo, mirror: Server, tmp_path: Path) -> None:
    """With the zoo closed a fresh home has every file from a mirror that is served, and nobody else is asked."""
    with client_of(zoo, tmp_path / "home", mirror, "only") as client:
        snapshot = client.load(pin(zoo), weights="all")
    assert (snapshot.path / SOURCE).read_bytes() == WEIGHTS
    assert zoo.requests == []


def test_only_says_what_the_mirror_lacks(zoo: LocalZoo, mirror: Server, tmp_path: Path) -> None:
    """A file that the one mirror lost is an error that names the mirror; the registry is left alone."""
    for path in (tmp_path / "mirror").rglob("*"):
        if path.is_file() and path.read_bytes() == WEIGHTS:
            path.unlink()
    with client_of(zoo, tmp_path / "home", mirror, "only") as client, pytest.raises(NotFound, match="mirror"):
        client.load(pin(zoo), weights="all")
    assert zoo.requests == []


@pytest.mark.parametrize("lost", [False, True])
def test_first_gives_what_is_known_to_lie_in_layers(zoo: LocalZoo, mirror: Server, tmp_path: Path, lost: bool) -> None:
    """Who knows what the layers hold has it from the mirror; what the mirror lost comes out of its layer."""
    home = known(zoo, tmp_path / "home")
    if lost:
        for path in (tmp_path / "mirror").rglob("*"):
            if path.is_file() and path.read_bytes() == WEIGHTS:
                path.unlink()
    with client_of(zoo, home, mirror, "first") as client:
        snapshot = client.download(pin(zoo), weights="all")
        assert client.verify(snapshot).ok
    assert (snapshot.path / SOURCE).read_bytes() == WEIGHTS
    assert bool(blobs(zoo)) == lost and mirror.asked


@pytest.mark.parametrize("down", [False, True])
def test_fallback_gives_it_where_the_registry_is_down(
    zoo: LocalZoo, mirror: Server, tmp_path: Path, down: bool
) -> None:
    """The mirror is left alone while the registry answers, and gives everything when it does not."""
    home = known(zoo, tmp_path / "home")
    if down:
        zoo.fail("/v2/*", Status(502, times=None), zoo="r8")
    with client_of(zoo, home, mirror, "fallback") as client:
        snapshot = client.load(pin(zoo), weights="all")
    assert (snapshot.path / SOURCE).read_bytes() == WEIGHTS
    assert bool(mirror.asked) == down


@pytest.mark.parametrize("policy", ["first", "fallback"])
def test_a_mirror_says_what_an_image_holds_where_the_registry_is_down(
    zoo: LocalZoo, mirror: Server, tmp_path: Path, policy: str
) -> None:
    """A fresh home learns from the mirror which files there are, and has them from it."""
    zoo.fail("/v2/*", Status(502, times=None), zoo="r8")
    with client_of(zoo, tmp_path / "home", mirror, policy) as client:
        snapshot = client.download(pin(zoo), weights="all")
        assert client.verify(snapshot).ok
    assert (snapshot.path / SOURCE).read_bytes() == WEIGHTS


def test_without_a_mirror_that_knows_it_the_failure_stays(zoo: LocalZoo, mirror: Server, tmp_path: Path) -> None:
    """Where the mirror has nothing of the model either, what failed is told: the registry."""
    shutil.rmtree(tmp_path / "mirror")
    zoo.fail("/v2/*", Status(502, times=None), zoo="r8")
    with client_of(zoo, tmp_path / "home", mirror, "fallback") as client, pytest.raises(NetworkError, match="502"):
        client.download(pin(zoo))
    assert not list((tmp_path / "home").rglob("manifest.json"))
