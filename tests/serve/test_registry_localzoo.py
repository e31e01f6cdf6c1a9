"""Replicate's registry in a ``LocalZoo``: over sockets, with what can go wrong there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served_models import tiny, write

from zooclient import Client
from zooclient.serve.folder import FolderShelf
from zooclient.serve.registry.parts import MANIFEST, digest_of
from zooclient.serve.server import ZooServer
from zooclient.testing import Cut, Flip, LocalZoo, NoRange, Status
from zooclient.testing.replicate import Input

MODEL = "acme/tiny"


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=["replicate", "r8"]) as made:
        made.commit(MODEL, tiny())
        made.r8.rules.challenge = "Basic"
        yield made


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    name, _, token = zoo.tokens["r8"].partition(":")
    with httpx.Client(base_url=zoo.endpoints["r8"], auth=(name, token), trust_env=False, timeout=20) as client:
        yield client


def weights(zoo: LocalZoo) -> str:
    """Address of the blob with the weights."""
    blob = next(blob for blob in zoo.r8.image(MODEL).blobs.values() if blob.name == "model.safetensors")
    return f"/v2/{MODEL}/blobs/{blob.digest}"


def test_it_is_started_with_the_others(tmp_path: Path) -> None:
    """By default it runs, with a token that has the name before it, and a client takes both for its settings."""
    with LocalZoo() as zoo:
        assert list(zoo.endpoints)[-1] == "r8"
        assert zoo.tokens["r8"].startswith("me:")
        assert zoo.add_account("you", zoo="r8").startswith("you:")
        with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            zoo.commit(MODEL, {"README.md": "# Tiny\n"})
            record = client.resolve(f"replicate:{MODEL}")
        assert record.ref.revision == zoo.r8.image(MODEL).id
        assert "r8" not in {seen.zoo for seen in zoo.requests}


def test_blobs_are_spoilt_as_files_are(zoo: LocalZoo, web: httpx.Client) -> None:
    """A fault about a file of the model hits the layer that holds it, at the origin that sends it."""
    whole = web.get(weights(zoo), follow_redirects=True).content
    assert digest_of(whole) == weights(zoo).rpartition("/")[2]
    cut = zoo.fail("*.safetensors", Cut(after=1000), zoo="r8")
    with pytest.raises(httpx.RemoteProtocolError):
        web.get(weights(zoo), follow_redirects=True)
    rest = web.get(weights(zoo), headers={"range": "bytes=1000-"}, follow_redirects=True)
    assert (cut.hits, rest.status_code, rest.content) == (1, 206, whole[1000:])
    zoo.fail(f"{MODEL}/model.safetensors", NoRange(times=1))
    zoo.fail(f"{MODEL}/model.safetensors", Flip(-1, times=1))
    spoilt = web.get(weights(zoo), headers={"range": "bytes=9-"}, follow_redirects=True)
    assert (spoilt.status_code, spoilt.content) == (200, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert {(seen.zoo, seen.origin) for seen in zoo.requests if seen.status in (200, 206)} == {("r8", "cdn")}


def test_a_ping_may_fail_where_all_else_works(zoo: LocalZoo, web: httpx.Client) -> None:
    """The real one has answered ``GET /v2/`` with 500 while images could be had."""
    zoo.fail("/v2/", Status(500, times=None), zoo="r8")
    assert web.get("/v2/").status_code == 500
    latest = web.get(f"/v2/{MODEL}/manifests/latest", headers={"accept": MANIFEST})
    assert hashlib.sha256(latest.content).hexdigest() == zoo.replicate.version(MODEL)


def test_an_image_that_is_pushed_can_be_resolved(zoo: LocalZoo, web: httpx.Client, tmp_path: Path) -> None:
    """A model is created, an image of it is sent, and the client finds the version, with the schema of its label."""
    zoo.replicate.offer(MODEL, inputs={"steps": Input("integer", default=4)})
    image = zoo.r8.write(MODEL, tmp_path / "layout")
    body = {"owner": "me", "name": "copy", "visibility": "public", "hardware": "cpu"}
    bearer = {"authorization": f"Bearer {zoo.tokens['replicate']}"}
    created = httpx.post(
        f"{zoo.endpoints['replicate']}/v1/models", json=body, headers=bearer, trust_env=False, timeout=20
    )
    assert (created.status_code, created.json()["latest_version"]) == (201, None)
    for blob in image.blobs.values():
        content = (tmp_path / "layout/blobs/sha256" / blob.digest.removeprefix("sha256:")).read_bytes()
        place = web.post("/v2/me/copy/blobs/uploads/").headers["location"]
        assert web.put(place, params={**httpx.URL(place).params, "digest": blob.digest}, content=content).is_success
    manifest = image.manifests[f"sha256:{image.id}"]
    sent = web.put("/v2/me/copy/manifests/v1", content=manifest.body, headers={"content-type": manifest.media})
    assert sent.status_code == 201
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        record = client.resolve("replicate:me/copy")
        assert str(record.ref) == f"replicate:me/copy@{image.id}"
        assert record.schema is not None
        assert [one.name for one in record.schema.inputs] == ["steps"]
        assert "replicate:me/copy" in {str(hit.ref).partition("@")[0] for hit in client.search("copy")}


def test_both_sides_of_a_served_folder_tell_the_same_versions(tmp_path: Path) -> None:
    """A folder that is served tells in one process and the next the same ids, at the API and at the registry."""
    write(tmp_path, MODEL, tiny())
    seen = set()
    for _ in range(2):
        shelf = FolderShelf(tmp_path)
        with ZooServer(shelf, zoos=["replicate", "r8"]) as server:
            urls = server.bound.urls
            model = httpx.get(f"{urls['replicate']}/v1/models/{MODEL}", trust_env=False, timeout=20).json()
            latest = httpx.get(
                f"{urls['r8']}/v2/{MODEL}/manifests/latest", headers={"accept": MANIFEST}, trust_env=False, timeout=20
            )
        shelf.close()
        seen |= {model["latest_version"]["id"], hashlib.sha256(latest.content).hexdigest()}
        assert json.loads(latest.content)["schemaVersion"] == 2
    assert len(seen) == 1


def test_one_origin_sends_blobs_too(tmp_path: Path) -> None:
    """With one origin the redirect leads to the same port."""
    with LocalZoo(one_origin=True, zoos=["r8"]) as zoo:
        zoo.commit(MODEL, tiny())
        zoo.r8.rules.strangers = "open"
        answer = httpx.get(f"{zoo.endpoints['r8']}{weights(zoo)}", trust_env=False, timeout=20)
        assert answer.status_code == 307
        assert answer.headers["location"].startswith(zoo.endpoints["r8"])
        assert (
            digest_of(httpx.get(answer.headers["location"], trust_env=False).content) == weights(zoo).rpartition("/")[2]
        )
