"""The registry sent images: uploads in parts, manifests, and the versions that come of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_site import MODEL, Zoo, code, content, told

from zooclient.serve.registry.images import reader
from zooclient.serve.registry.layers import blocks
from zooclient.serve.registry.parts import INDEX, MANIFEST, Image

MINE = "me/own"


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    made = Zoo()
    made.shelf.commit(MINE, {"README.md": b"# Own\n"})
    yield made
    made.close()


def digest(body: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def send(zoo: Zoo, body: bytes, *, model: str = MINE, parts: int = 2) -> str:
    """Uploads a blob in parts, as the places say that are told, and returns its digest."""
    answer = zoo.push("POST", f"/v2/{model}/blobs/uploads/")
    assert answer.status == 202
    step = -(-len(body) // parts) or 1
    for start in range(0, len(body), step):
        part = body[start : start + step]
        where = f"{start}-{start + len(part) - 1}"
        answer = zoo.push("PATCH", answer.headers["location"], body=part, content_range=where)
        assert (answer.status, answer.headers["range"]) == (202, f"0-{start + len(part) - 1}")
    answer = zoo.push("PUT", f"{answer.headers['location']}&digest={digest(body)}")
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest(body))
    return digest(body)


def send_image(zoo: Zoo, image: Image, model: str = MINE, tag: str = "v1") -> Any:
    """Sends a whole image, blobs first, and returns the last answer."""
    for blob in image.blobs.values():
        body = blob.content
        send(zoo, body if isinstance(body, bytes) else b"".join(blocks(body, reader(zoo.shelf))), model=model)
    answer = None
    for manifest in image.manifests.values():
        last = manifest is list(image.manifests.values())[-1]
        place = f"/v2/{model}/manifests/{tag if last else manifest.digest}"
        answer = zoo.push("PUT", place, body=manifest.body, content_type=manifest.media)
        assert answer.status == 201, answer
    return answer


def test_an_image_that_is_sent_is_a_version(zoo: Zoo) -> None:
    """Under the digest of its manifest Replicate tells it, with the schema of its label, as the newest of the model."""
    before = zoo.owners.version(MINE)
    image = zoo.r8.image(MODEL)
    answer = send_image(zoo, image)
    assert answer.headers["docker-content-digest"] == f"sha256:{image.id}"
    assert answer.headers["location"].endswith(f"/v2/{MINE}/manifests/sha256:{image.id}")
    assert [zoo.owners.version(MINE, number) for number in (0, 1)] == [image.id, before]
    for reference in ("v1", "latest", f"sha256:{image.id}"):
        assert zoo.get(f"{MINE}/manifests/{reference}").headers["docker-content-digest"] == f"sha256:{image.id}"
    assert told(zoo.get(f"{MINE}/tags/list"))["tags"] == ["latest", "v1"]
    zoo.r8.rules.redirect = False
    for blob in image.blobs.values():
        assert digest(content(zoo.get(f"{MINE}/blobs/{blob.digest}"))) == blob.digest


def test_an_index_is_one_version(zoo: Zoo) -> None:
    """What it ties together is told once, under the digest of the index."""
    zoo.r8.form(MODEL, weights="managed")
    image = zoo.r8.image(MODEL)
    send_image(zoo, image)
    ids = [zoo.owners.version(MINE, number) for number in (0, 1)]
    assert ids[0] == image.id
    assert f"sha256:{ids[1]}" not in image.manifests
    with pytest.raises(LookupError):
        zoo.owners.version(MINE, 2)


def test_a_blob_of_another_model_is_mounted(zoo: Zoo) -> None:
    """Where it is readable there is nothing to send; from where it is not, and of what is no digest, there is."""
    blob = next(blob for blob in zoo.r8.image(MODEL).blobs.values() if blob.name == "model.safetensors")
    place = f"/v2/{MINE}/blobs/uploads/"
    assert zoo.push("POST", place, f"mount={blob.digest}&from={MODEL}").status == 201
    assert zoo.get(f"{MINE}/blobs/{blob.digest}", method="HEAD").status == 200
    zoo.shelf.set_terms(MODEL, evolve(zoo.shelf.terms(MODEL), private=True))
    assert zoo.push("POST", place, f"mount={blob.digest}&from={MODEL}").status == 202
    assert zoo.push("POST", place, f"mount=../x&from={MODEL}").status == 202


def test_only_the_owner_sends(zoo: Zoo) -> None:
    """To another's model nothing can be sent, nor to one that does not exist, which has to be created first."""
    for name in (MODEL, "me/absent"):
        answer = zoo.push("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')
    zoo.r8.rules.challenge = "Basic"
    assert code(zoo.push("POST", f"/v2/{MODEL}/blobs/uploads/")) == "DENIED"
    assert code(zoo.push("POST", "/v2/me/absent/blobs/uploads/")) == "NAME_UNKNOWN"
    assert zoo.ask("POST", f"/v2/{MINE}/blobs/uploads/").status == 401
    assert code(zoo.push("DELETE", f"/v2/{MINE}/manifests/latest")) == "UNSUPPORTED"


@given(body=st.binary(max_size=300), parts=st.integers(1, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_blob_can_be_sent_in_any_parts(zoo: Zoo, body: bytes, parts: int) -> None:
    """However it is cut, what comes back is what was sent."""
    zoo.r8.rules.redirect = False
    name = send(zoo, body, parts=parts)
    assert content(zoo.get(f"{MINE}/blobs/{name}")) == body


@given(start=st.integers(0, 30), length=st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_part_that_does_not_go_on_is_refused(zoo: Zoo, start: int, length: int) -> None:
    """416 with how far the upload is, which then goes on from there."""
    answer = zoo.push("PATCH", zoo.push("POST", f"/v2/{MINE}/blobs/uploads/").headers["location"], body=b"0123456789")
    place = answer.headers["location"]
    answer = zoo.push("PATCH", place, body=b"x" * 5, content_range=f"{start}-{start + length - 1}")
    if (start, length) == (10, 5):
        assert answer.status == 202
    else:
        assert (answer.status, code(answer), answer.headers["range"]) == (416, "RANGE_INVALID", "0-9")
        assert zoo.push("GET", place).headers["range"] == "0-9"


def test_an_upload_is_known_by_its_last_place_alone(zoo: Zoo) -> None:
    """A place that is over, a state that was not given out, and a forgotten upload or another's lead nowhere."""
    zoo.shelf.commit("me/other", {"a": b"b"})
    first = zoo.push("POST", f"/v2/{MINE}/blobs/uploads/").headers["location"]
    second = zoo.push("PATCH", first, body=b"x").headers["location"]
    assert code(zoo.push("PATCH", first, body=b"y")) == "BLOB_UPLOAD_INVALID"
    assert code(zoo.push("PUT", second.partition("?")[0], f"digest={digest(b'x')}")) == "BLOB_UPLOAD_INVALID"
    assert code(zoo.push("PATCH", second.replace(MINE, "me/other"), body=b"y")) == "BLOB_UPLOAD_UNKNOWN"
    assert zoo.push("DELETE", second).status == 204
    assert code(zoo.push("PATCH", second, body=b"y")) == "BLOB_UPLOAD_UNKNOWN"


def test_a_blob_with_another_digest_is_not_kept(zoo: Zoo) -> None:
    """What was sent is not what it was said to be, though a blob of that digest be there; the upload is over."""
    held = send(zoo, b"held")
    for said in (digest(b"other"), held, "sha256:../x", ""):
        place = zoo.push("POST", f"/v2/{MINE}/blobs/uploads/").headers["location"]
        answer = zoo.push("PUT", f"{place}&digest={said}", body=b"x")
        assert (answer.status, code(answer)) == (400, "DIGEST_INVALID")
    assert zoo.get(f"{MINE}/blobs/{digest(b'other')}").status == 404


@pytest.mark.parametrize(
    ("body", "media", "refusal"),
    [
        (b"not json", MANIFEST, "MANIFEST_INVALID"),
        (b"[" * 100_000, MANIFEST, "MANIFEST_INVALID"),
        (b"{}", MANIFEST, "MANIFEST_INVALID"),
        (b'{"schemaVersion":2,"config":{},"layers":[]}', MANIFEST, "MANIFEST_INVALID"),
        (b'{"schemaVersion":2,"manifests":[1]}', INDEX, "MANIFEST_INVALID"),
        (b'{"schemaVersion":2}', "text/plain", "MANIFEST_INVALID"),
        (b'{"schemaVersion":2,"mediaType":"a/b","manifests":[]}', INDEX, "MANIFEST_INVALID"),
        (b'{"schemaVersion":2,"manifests":[{"digest":"sha256:0","size":1}]}', INDEX, "MANIFEST_BLOB_UNKNOWN"),
        (b" " * (4 * 1024 * 1024 + 1), MANIFEST, "MANIFEST_INVALID"),
    ],
)
def test_a_manifest_that_is_none_is_refused(zoo: Zoo, body: bytes, media: str, refusal: str) -> None:
    """Whatever is wrong with it, it is said, and no version comes of it."""
    answer = zoo.push("PUT", f"/v2/{MINE}/manifests/v1", body=body, content_type=media)
    assert (answer.status, code(answer)) == (400, refusal)
    assert zoo.get(f"{MINE}/manifests/v1").status == 404


def test_a_manifest_is_put_under_its_own_digest(zoo: Zoo) -> None:
    """Under another it is refused, and under what is neither digest nor tag."""
    body = b'{"schemaVersion":2,"manifests":[]}'
    for reference, refusal in ((digest(b"x"), "DIGEST_INVALID"), ("a%20b", "TAG_INVALID")):
        answer = zoo.push("PUT", f"/v2/{MINE}/manifests/{reference}", body=body, content_type=INDEX)
        assert code(answer) == refusal
    place = f"/v2/{MINE}/manifests/{digest(body)}"
    assert zoo.push("PUT", place, body=body, content_type=INDEX).status == 201
    assert zoo.get(f"{MINE}/manifests/{digest(body)}").body == body


@pytest.mark.parametrize(
    "config",
    [
        b"no json",
        b"[]",
        b'{"config":{"Labels":[]}}',
        b'{"config":{"Labels":{"run.cog.openapi_schema":"["}}}',
        b'{"config":{"Labels":{"run.cog.openapi_schema":"[]"}}}',
    ],
)
def test_an_image_that_cog_did_not_make_is_no_version(zoo: Zoo, config: bytes) -> None:
    """It is kept and served, and Replicate tells of no version."""
    row = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": send(zoo, config), "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": row, "layers": []}).encode()
    assert zoo.push("PUT", f"/v2/{MINE}/manifests/v1", body=body, content_type=MANIFEST).status == 201
    assert zoo.get(f"{MINE}/manifests/v1").body == body
    with pytest.raises(LookupError):
        zoo.owners.version(MINE, 1)


def test_a_label_that_is_missing_is_made_up_for(zoo: Zoo) -> None:
    """An image with a schema and no version of Cog is a version, and its members are none of them null."""
    config = json.dumps({"config": {"Labels": {"run.cog.openapi_schema": '{"openapi":"3.0.2"}'}}}).encode()
    row = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": send(zoo, config), "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": row, "layers": []}).encode()
    assert zoo.push("PUT", f"/v2/{MINE}/manifests/v1", body=body, content_type=MANIFEST).status == 201
    (version,) = zoo.depot.pushed.versions(MINE)
    assert (version.id, version.cog) == (digest(body).removeprefix("sha256:"), "0.9.5")
    assert version.document == {"openapi": "3.0.2"}
    assert zoo.owners.version(MINE) == version.id
