"""Published, resolved, loaded: over sockets, the zoos' own clients at work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from publishkit import model_folder, safetensors, sent_contents, writes

from zooclient import AsyncClient, Client
from zooclient.testing import LocalZoo

#: The zoos' own clients send the files.
pytestmark = pytest.mark.official

#: Zoos that take files.
ZOOS = ("hf", "modelscope")


@pytest.fixture(params=ZOOS)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zoo(scheme: str) -> Iterator[LocalZoo]:
    with LocalZoo(zoos=(scheme,)) as running:
        yield running


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as made:
        yield made


def test_what_was_published_is_what_is_loaded(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """A folder comes back from the zoo byte for byte under its pin, privately, with its tag; and again for nothing."""
    folder = model_folder(tmp_path, x__txt="[odd] name?")
    (folder / "a b").mkdir()
    (folder / "a b" / "[1].json").write_text("{}")
    ref = f"{scheme}:me/tiny"
    (published,) = client.publish(folder, ref, visibility="private", tag="v1", message="First")
    assert (published.state, published.verified, published.visibility) == ("published", True, "private")
    assert published.ref is not None
    assert published.ref.pinned
    assert published.ref.revision == zoo.head("me/tiny", zoo=scheme) == zoo.head("me/tiny", "v1", zoo=scheme)
    model = client.load(published.ref, files=["*.json", "*.safetensors", "*.txt", "README.md"], weights="all")
    for name in ("README.md", "config.json", "model.safetensors", "x.txt", "a b/[1].json"):
        assert (model.path / name).read_bytes() == (folder / name).read_bytes(), name
    (content,) = [seen for seen in zoo.requests if seen.method == "PUT"]  # the weights; the rest goes with the commit
    assert content.origin == "cdn"
    assert ("authorization" in content.headers) == (scheme == "modelscope")  # its host for contents wants the token

    zoo.forget()
    (again,) = client.publish(folder, ref, tag="v1")
    assert (again.state, again.ref, again.sent) == ("already there", published.ref, 0)
    assert again.content_digest == published.content_digest
    assert writes(zoo) == []


def test_only_what_changed_moves(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """A second publication sends the files that are new, and leaves the rest where they are."""
    folder = model_folder(tmp_path)
    ref = f"{scheme}:me/tiny"
    client.publish(folder, ref, visibility="public")
    zoo.forget()
    (folder / "second.safetensors").write_bytes(safetensors(2))
    (published,) = client.publish(folder, ref)
    assert (published.state, published.visibility) == ("published", "public")
    assert published.sent == (folder / "second.safetensors").stat().st_size
    assert len(sent_contents(zoo)) == 1
    assert published.ref is not None
    names = {file.path for file in client.resolve(published.ref).files}
    assert {"model.safetensors", "second.safetensors"} <= names


def test_it_is_the_same_in_the_other_colour(tmp_path: Path) -> None:
    """The async client plans and publishes with the same result."""
    folder = model_folder(tmp_path)

    async def go(zoo: LocalZoo) -> str:
        async with AsyncClient(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            plan = await client.plan_publish(folder, "hf:me/tiny", visibility="private")
            (published,) = await client.publish(plan)
            return str(published.ref)

    with LocalZoo(zoos=("hf",)) as zoo:
        assert asyncio.run(go(zoo)) == f"hf:me/tiny@{zoo.head('me/tiny')}"


def test_a_change_is_proposed(tmp_path: Path) -> None:
    """A proposal is a revision of its own: pinned, verified, and not on the branch."""
    with (
        LocalZoo(zoos=("hf",)) as zoo,
        Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
    ):
        before = zoo.commit("me/tiny", {"README.md": "x"})
        (published,) = client.publish(model_folder(tmp_path), "hf:me/tiny", pull_request=True)
        assert published.verified
        assert published.ref is not None
        assert str(published.pull_request).endswith("/me/tiny/discussions/1")
        assert published.ref.revision == zoo.head("me/tiny", "refs/pr/1")
        assert zoo.head("me/tiny") == before


def test_one_folder_goes_to_several_zoos(tmp_path: Path) -> None:
    """Each zoo gets the same files under its own pin; Replicate gets a model and the steps that follow."""
    with LocalZoo(zoos=("hf",)) as hub, LocalZoo(zoos=("modelscope",)) as scope, LocalZoo(zoos=("replicate",)) as rep:
        endpoints = hub.endpoints | scope.endpoints | rep.endpoints
        tokens = hub.tokens | scope.tokens | rep.tokens
        with Client(home=tmp_path / "home", endpoints=endpoints, tokens=tokens) as client:
            folder = model_folder(tmp_path)
            refs = ["hf:me/tiny", "civitai:1", "ms:me/tiny", "replicate:me/tiny"]
            one, no, other, made = client.publish(folder, refs, visibility="private", hardware="gpu-t4")
        assert one.content_digest == other.content_digest
        assert one.ref is not None
        assert other.ref is not None
        assert (one.ref.scheme, other.ref.scheme) == ("hf", "modelscope")
        assert (one.verified, other.verified) == (True, True)
        assert no.failure is not None
        assert (no.state, no.failure.kind) == ("failed", "Unsupported")
        assert (made.state, made.visibility, made.ref) == ("created", "private", None)
        assert "cog push r8.im/me/tiny" in " ".join(made.steps)
        (body,) = [seen.body for seen in rep.requests if seen.method == "POST"]
        assert b'"hardware": "gpu-t4"' in body
        assert b'"visibility": "private"' in body
