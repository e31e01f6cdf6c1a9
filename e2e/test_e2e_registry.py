"""Replicate's registry as others see it: skopeo reads and writes LocalZoo's, and Docker's own takes its images."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from zooclient import AccessError, Client
from zooclient.testing import LocalZoo
from zooclient.testing.registry import Image
from zooclient.testing.replicate import Input

MODEL = "acme/tiny"
FILES = {"README.md": "# Tiny\n", "config.json": "{}", "model.safetensors": os.urandom(3 * 2**20 + 7)}

#: A line of a password file: bcrypt of "secret".
SECRET = "me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {work}/store}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


class Skopeo:
    """skopeo in a home of its own."""

    def __init__(self, home: Path) -> None:
        found = shutil.which("skopeo", path=_PATH)
        if found is None:
            pytest.skip("skopeo is not installed")
        self._path = found
        self._policy = home / "policy.json"
        self._policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._environ = {"PATH": _PATH, "HOME": str(home), "REGISTRY_AUTH_FILE": str(home / "auth.json")}

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs it."""
        order = [self._path, "--policy", str(self._policy), *map(str, words)]
        return subprocess.run(order, env=self._environ, capture_output=True, text=True, timeout=120, check=False)

    def __call__(self, *words: str | Path) -> str:
        """Runs it; it has to do what it is told. Returns what it says."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    home = tmp_path / "skopeo"
    home.mkdir()
    return Skopeo(home)


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=["replicate", "r8"]) as running:
        running.commit(MODEL, FILES)
        running.replicate.offer(MODEL, inputs={"steps": Input("integer", default=4)})
        running.commit("me/copy", {"README.md": "# Copy\n"})
        yield running


def remote(endpoint: str, model: str, reference: str) -> str:
    """An image as skopeo names it; a digest or a tag."""
    mark = "@" if reference.startswith("sha256:") else ":"
    return f"docker://{endpoint.partition('://')[2]}/{model}{mark}{reference}"


def blobs(layout: Path) -> set[str]:
    """The digests of everything in a layout."""
    return {path.name for path in (layout / "blobs/sha256").iterdir()}


def digests(image: Image) -> set[str]:
    """The digests of everything of an image."""
    return {digest.removeprefix("sha256:") for digest in (*image.blobs, *image.manifests)}


# LocalZoo's registry, with skopeo as the referee


@pytest.mark.parametrize("challenge", ["Bearer", "Basic"])
@pytest.mark.parametrize("strangers", ["token", "open", "no"])
def test_skopeo_copies_an_image_out(
    zoo: LocalZoo, skopeo: Skopeo, tmp_path: Path, challenge: Any, strangers: Any
) -> None:
    """By either challenge, logged in and, where strangers may, as one: every blob comes, and the digest stays."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, strangers
    image = zoo.r8.image(MODEL)
    source = remote(zoo.endpoints["r8"], MODEL, f"sha256:{image.id}")
    copy = ("copy", "--preserve-digests", "--src-tls-verify=false")
    skopeo(*copy, "--src-creds", zoo.tokens["r8"], source, f"oci:{tmp_path / 'out'}:v1")
    assert blobs(tmp_path / "out") == digests(image)
    alone = skopeo.run(*copy, source, f"oci:{tmp_path / 'alone'}:v1")
    assert (alone.returncode == 0) == (strangers != "no"), alone.stderr
    if strangers == "no":
        assert "You are not logged in to Replicate" in alone.stderr
    wrong = skopeo.run(*copy, "--src-creds", "me:nobody", source, f"oci:{tmp_path / 'wrong'}:v1")
    assert wrong.returncode != 0


def test_skopeo_sees_the_labels(zoo: LocalZoo, skopeo: Skopeo) -> None:
    """What the image says of itself is what the API says of the version."""
    told = json.loads(skopeo("inspect", "--tls-verify=false", remote(zoo.endpoints["r8"], MODEL, "latest")))
    assert told["Digest"] == f"sha256:{zoo.replicate.version(MODEL)}"
    assert (told["Os"], told["Architecture"]) == ("linux", "amd64")
    inputs = json.loads(told["Labels"]["run.cog.openapi_schema"])["components"]["schemas"]["Input"]["properties"]
    assert list(inputs) == ["steps"]
    assert set(told["RepoTags"]) == {"latest"}


@pytest.mark.parametrize("redirect", [True, False])
@pytest.mark.parametrize(
    "form",
    [
        {"types": "docker", "packing": "gzip"},
        {"types": "docker", "weights": "linked"},
        {"packing": "gzip"},
        {"weights": "inside"},
        {"weights": "managed"},
    ],
)
def test_skopeo_takes_every_form(
    zoo: LocalZoo, skopeo: Skopeo, tmp_path: Path, form: dict[str, Any], redirect: bool
) -> None:
    """Docker's types, packed layers, and an index with weights of their own arrive whole, redirected or not."""
    zoo.r8.form(MODEL, **form)
    zoo.r8.rules.redirect = redirect
    image = zoo.r8.image(MODEL)
    source = remote(zoo.endpoints["r8"], MODEL, f"sha256:{image.id}")
    skopeo("copy", "--all", "--src-tls-verify=false", source, f"dir:{tmp_path / 'out'}")
    got = {path.name for path in (tmp_path / "out").iterdir()}
    assert {digest.removeprefix("sha256:") for digest in image.blobs} <= got
    if form.get("weights") != "managed":  # it writes an index anew, without what it does not know
        assert (tmp_path / "out/manifest.json").read_bytes() == image.manifests[f"sha256:{image.id}"].body
    assert any(seen.origin == "cdn" for seen in zoo.requests) == redirect


@pytest.mark.parametrize("challenge", ["Bearer", "Basic"])
def test_what_skopeo_copies_in_is_a_version(zoo: LocalZoo, skopeo: Skopeo, tmp_path: Path, challenge: Any) -> None:
    """From a layout to the registry: the digest stays, Replicate tells the version, and the client resolves it."""
    zoo.r8.rules.challenge = challenge
    image = zoo.r8.write(MODEL, tmp_path / "layout", tag="v1")
    target = remote(zoo.endpoints["r8"], "me/copy", "v1")
    copy = ("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", zoo.tokens["r8"])
    skopeo(*copy, f"oci:{tmp_path / 'layout'}:v1", target)
    assert zoo.replicate.version("me/copy") == image.id
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        record = client.resolve("replicate:me/copy")
    assert record.ref.revision == image.id
    assert record.schema is not None
    assert [one.name for one in record.schema.inputs] == ["steps"]
    refused = skopeo.run(*copy, f"oci:{tmp_path / 'layout'}:v1", remote(zoo.endpoints["r8"], MODEL, "v1"))
    assert refused.returncode != 0


# Docker's own registry, which takes our images and serves them


class Registry:
    """Docker's registry, running.

    Attributes:
        endpoint: Its origin.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


def _started(work: Path, auth: str) -> Iterator[Registry]:
    found = shutil.which("docker-registry", path=_PATH)
    if found is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    work.mkdir()
    (work / "config.yml").write_text(CONFIG.format(work=work, port=port, auth=auth))
    process = subprocess.Popen(
        [found, "serve", str(work / "config.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < until, "docker-registry does not listen"
        yield Registry(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Docker's registry that lets everybody in."""
    yield from _started(tmp_path / "registry", "")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Registry]:
    """Docker's registry that asks for ``me`` and ``secret`` by Basic."""
    people = tmp_path / "htpasswd"
    people.write_text(SECRET)
    yield from _started(tmp_path / "locked", f"auth: {{htpasswd: {{realm: test, path: {people}}}}}")


@pytest.mark.parametrize(
    "form",
    [{}, {"types": "docker", "packing": "gzip"}, {"weights": "linked", "packing": "gzip"}, {"weights": "inside"}],
)
def test_docker_takes_our_images_and_serves_them(
    zoo: LocalZoo, registry: Registry, skopeo: Skopeo, tmp_path: Path, form: dict[str, Any]
) -> None:
    """From LocalZoo to Docker's registry and out again: the same digest and the same blobs."""
    zoo.r8.form(MODEL, **form)
    image = zoo.r8.image(MODEL)
    source = remote(zoo.endpoints["r8"], MODEL, f"sha256:{image.id}")
    copy = ("copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo(*copy, source, remote(registry.endpoint, MODEL, "v1"))
    copied = remote(registry.endpoint, MODEL, f"sha256:{image.id}")
    if form.get("types") != "docker":
        skopeo(*copy, copied, f"oci:{tmp_path / 'out'}:v1")
        assert blobs(tmp_path / "out") == digests(image)
    else:
        skopeo(*copy, copied, f"dir:{tmp_path / 'out'}")
        assert {digest.removeprefix("sha256:") for digest in image.blobs} <= {
            path.name for path in (tmp_path / "out").iterdir()
        }


def send(zoo: LocalZoo, image: Image, endpoint: str) -> None:
    """Sends an image blob by blob and manifest by manifest, as skopeo 1.9 does not where an index is among them."""
    zoo.r8.rules.strangers, zoo.r8.rules.redirect = "open", False
    with httpx.Client(base_url=endpoint, trust_env=False, timeout=20) as there:
        for digest in image.blobs:
            got = httpx.get(f"{zoo.endpoints['r8']}/v2/{MODEL}/blobs/{digest}", trust_env=False, timeout=20)
            place = httpx.URL(there.post(f"/v2/{MODEL}/blobs/uploads/").headers["location"])
            assert there.put(place.copy_merge_params({"digest": digest}), content=got.content).status_code == 201
        for digest, manifest in image.manifests.items():
            kind = {"content-type": manifest.media}
            put = there.put(f"/v2/{MODEL}/manifests/{digest}", content=manifest.body, headers=kind)
            assert (put.status_code, put.headers["docker-content-digest"]) == (201, digest)


def test_docker_takes_managed_weights(zoo: LocalZoo, registry: Registry) -> None:
    """Weights in a manifest of their own and the index over them are taken as they are, by the calls that we take."""
    zoo.r8.form(MODEL, weights="managed")
    image = zoo.r8.image(MODEL)
    send(zoo, image, registry.endpoint)
    top = image.manifests[f"sha256:{image.id}"]
    got = httpx.get(
        f"{registry.endpoint}/v2/{MODEL}/manifests/{top.digest}", headers={"accept": top.media}, trust_env=False
    )
    assert got.content == top.body


def test_ours_says_what_docker_says(zoo: LocalZoo, registry: Registry, skopeo: Skopeo) -> None:
    """Asked for the same, LocalZoo's registry and Docker's answer with the same statuses, codes and headers."""
    image = zoo.r8.image(MODEL)
    copy = ("copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo(*copy, remote(zoo.endpoints["r8"], MODEL, "latest"), remote(registry.endpoint, MODEL, "latest"))
    zoo.r8.rules.strangers, zoo.r8.rules.redirect = "open", False
    top = image.manifests[f"sha256:{image.id}"]
    layer = next(blob for blob in image.blobs.values() if blob.name == "model.safetensors")
    zeros = f"sha256:{'0' * 64}"
    manifest, blob = f"/v2/{MODEL}/manifests/{top.digest}", f"/v2/{MODEL}/blobs/{layer.digest}"
    questions: list[tuple[str, str, dict[str, str]]] = [
        ("GET", manifest, {"accept": top.media}),
        ("HEAD", manifest, {"accept": top.media}),
        ("GET", manifest, {"accept": "*/*"}),
        ("GET", manifest, {"accept": "application/vnd.docker.distribution.manifest.v2+json"}),
        ("GET", f"/v2/{MODEL}/manifests/{zeros}", {"accept": top.media}),
        ("GET", f"/v2/{MODEL}/manifests/nothing", {"accept": top.media}),
        ("GET", f"/v2/{MODEL}/tags/list", {}),
        ("GET", blob, {}),
        ("HEAD", blob, {}),
        ("GET", blob, {"range": "bytes=5-99"}),
        ("GET", blob, {"range": "bytes=5-"}),
        ("GET", f"/v2/{MODEL}/blobs/{zeros}", {}),
        ("GET", f"/v2/{MODEL}/blobs/sha256:0", {}),
    ]

    def said(endpoint: str, method: str, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
        answer = httpx.request(method, endpoint + path, headers=headers, trust_env=False, timeout=20)
        told = answer.json() if answer.status_code >= 400 and answer.content.startswith(b"{") else {}
        names = ["docker-content-digest", "docker-distribution-api-version", "content-range"]
        names += [] if path.endswith("/list") else ["content-length"]  # of JSON, Docker's ends with a line break
        kept = [answer.headers.get(name) for name in names if answer.status_code < 400 or "version" in name]
        codes = [error["code"] for error in told.get("errors", ())]
        return (method, path, headers, answer.status_code, codes, kept)

    for question in questions:
        assert said(zoo.endpoints["r8"], *question) == said(registry.endpoint, *question)


def test_docker_asks_for_a_login_as_ours_does(zoo: LocalZoo, locked: Registry, skopeo: Skopeo, tmp_path: Path) -> None:
    """By Basic the challenge has the same form, and what was copied in with a login cannot be had without one."""
    zoo.r8.write(MODEL, tmp_path / "layout", tag="v1")
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = "Basic", "no"
    told = [httpx.get(f"{endpoint}/v2/", trust_env=False) for endpoint in (zoo.endpoints["r8"], locked.endpoint)]
    assert [answer.status_code for answer in told] == [401, 401]
    assert [answer.headers["www-authenticate"].partition("=")[0] for answer in told] == ["Basic realm"] * 2
    assert [answer.json()["errors"][0]["code"] for answer in told] == ["UNAUTHORIZED"] * 2
    target = remote(locked.endpoint, MODEL, "v1")
    copy = ("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path / 'layout'}:v1", target)
    assert skopeo.run(*copy).returncode != 0
    skopeo(copy[0], "--dest-creds", "me:secret", *copy[1:])
    read = ("inspect", "--tls-verify=false", target)
    assert skopeo.run(*read).returncode != 0
    assert (
        json.loads(skopeo(read[0], "--creds", "me:secret", *read[1:]))["Digest"] == f"sha256:{zoo.r8.image(MODEL).id}"
    )


# Our client against Docker's own registry


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"types": "docker", "packing": "gzip"},
        {"weights": "linked"},
        {"weights": "inside"},
        {"weights": "managed"},
        {"weights": "managed", "pinned": "image"},
    ],
)
def test_our_client_reads_images_from_docker(
    zoo: LocalZoo, registry: Registry, tmp_path: Path, form: dict[str, Any]
) -> None:
    """What a version's image holds comes from a real registry: card, schema and packages first, then every byte."""
    zoo.r8.form(MODEL, **form)
    image = zoo.r8.image(MODEL)
    send(zoo, image, registry.endpoint)
    places = {**zoo.endpoints, "r8": registry.endpoint}
    ref = f"replicate:{MODEL}@{image.id}"
    zoo.forget()
    with Client(home=tmp_path / "home", endpoints=places, tokens={"replicate": zoo.tokens["replicate"]}) as client:
        told = client.download(ref)
        assert not any(file.path.endswith(".safetensors") for file in told.files)
        assert json.loads((told.path / "openapi.json").read_text("utf-8"))["info"]["title"] == "Cog"
        snapshot = client.download(ref, weights="all")
        assert client.verify(snapshot).ok
    contents = {file.path: (snapshot.path / file.path).read_bytes() for file in snapshot.files}
    if form != {"weights": "managed", "pinned": "image"}:  # that manifest says nothing of the weights
        assert [body for path, body in contents.items() if path.endswith("model.safetensors")] == [
            FILES["model.safetensors"]
        ]
    assert contents["src/README.md"] == b"# Tiny\n"
    assert {seen.zoo for seen in zoo.requests} <= {"replicate"}


def test_our_client_logs_in_at_docker(zoo: LocalZoo, locked: Registry, skopeo: Skopeo, tmp_path: Path) -> None:
    """By Basic, with name and token, the image comes; without, it is said how to log in."""
    image = zoo.r8.write(MODEL, tmp_path / "layout", tag="v1")
    target = remote(locked.endpoint, MODEL, "v1")
    copy = ("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", "me:secret")
    skopeo(*copy, f"oci:{tmp_path / 'layout'}:v1", target)
    places = {**zoo.endpoints, "r8": locked.endpoint}
    ref = f"replicate:{MODEL}@{image.id}"
    tokens = {"replicate": zoo.tokens["replicate"]}
    with (
        Client(home=tmp_path / "stranger", endpoints=places, tokens=tokens) as client,
        pytest.raises(AccessError) as caught,
    ):
        client.download(ref)
    assert "cog login" in str(caught.value.hint)
    with Client(home=tmp_path / "home", endpoints=places, tokens={**tokens, "r8": "me:secret"}) as client:
        snapshot = client.download(ref, weights="all")
    assert (snapshot.path / "src/model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_our_client_downloads_what_skopeo_published(zoo: LocalZoo, skopeo: Skopeo, tmp_path: Path) -> None:
    """Published with skopeo, found at Replicate, fetched from the registry: the round trip gives the same bytes."""
    image = zoo.r8.write(MODEL, tmp_path / "layout", tag="v1")
    target = remote(zoo.endpoints["r8"], "me/copy", "v1")
    copy = ("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", zoo.tokens["r8"])
    skopeo(*copy, f"oci:{tmp_path / 'layout'}:v1", target)
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        snapshot = client.download(f"replicate:me/copy@{image.id}", weights="all")
    assert (snapshot.path / "src/model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert any(seen.origin == "cdn" for seen in zoo.requests)
