"""Images as Cog makes them, and a registry on loopback that serves them with ranges, challenges and a blob host."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen
from netdoubles import Answer, Asked, Server
from replicate_answers import model, version
from replicate_double import TOKEN, ReplicateDouble

from zooclient import Client

LOGIN = "me:cli-token"
GRANT = "granted-to-me"
NAME = "acme/tiny"
SCHEMA = {"openapi": "3.0.2", "components": {"schemas": {"Input": {"type": "object", "properties": {}}}}}
LABELS = {
    "run.cog.version": "0.9.5",
    "run.cog.config": json.dumps({"build": {"gpu": True}, "predict": "predict.py:Predictor"}),
    "run.cog.openapi_schema": json.dumps(SCHEMA),
    "run.cog.pip_freeze": "torch==2.1.0\nnumpy==1.26.0\n",
}
COPY_ALL = "COPY . /src # buildkit"
COPY_WEIGHTS = "COPY --from=weights --link /src/weights /src/weights # buildkit"

OCI = "application/vnd.oci.image.{}.v1+json"
DOCKER = "application/vnd.docker.distribution.{}.v2+json"


def digest(content: bytes) -> str:
    """Returns the sha256, hex."""
    return sha256(content).hexdigest()


def tar(files: Mapping[str, bytes], *, more: tuple[tarfile.TarInfo, ...] = (), form: int = tarfile.PAX_FORMAT) -> bytes:
    """Returns an archive of files, and of further members without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return out.getvalue()


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    """Returns a member without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@frozen
class Packed:
    """A layer.

    Attributes:
        content: As it is fetched.
        unpacked: The archive in it.
        created_by: The step that made it.
        media_type: What it is.
    """

    content: bytes
    unpacked: bytes
    created_by: str
    media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip"

    @property
    def digest(self) -> str:
        """The sha256 of the layer, hex."""
        return digest(self.content)


def layer(files: Mapping[str, bytes], created_by: str, *, archive: bytes | None = None, packed: bool = True) -> Packed:
    """Returns a layer of files, packed by gzip or not at all."""
    unpacked = tar(files) if archive is None else archive
    if packed:
        return Packed(gzip.compress(unpacked, mtime=0), unpacked, created_by)
    return Packed(unpacked, unpacked, created_by, "application/vnd.oci.image.layer.v1.tar")


@define
class Image:
    """An image in pieces.

    Attributes:
        blobs: sha256 → bytes.
        manifests: sha256 → bytes and media type.
        version: sha256 of what a version names.
        config: sha256 of its configuration.
    """

    blobs: dict[str, bytes] = field(factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(factory=dict)
    version: str = ""
    config: str = ""

    def blob(self, content: bytes) -> str:
        """Adds a blob, and returns its digest."""
        self.blobs[digest(content)] = content
        return digest(content)

    def manifest(self, document: Any, media_type: str) -> str:
        """Adds a manifest, and returns its digest."""
        body = json.dumps(document).encode()
        self.manifests[digest(body)] = body, media_type
        return digest(body)


def described(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """Returns a descriptor."""
    return {"mediaType": media_type, "digest": f"sha256:{digest(content)}", "size": len(content), **more}


def image(
    *layers: Packed,
    labels: Mapping[str, str] = LABELS,
    docker: bool = False,
    diff_ids: list[str] | None = None,
) -> Image:
    """Returns an image of some layers, above a base that is nobody's business."""
    base = layer({"etc/os-release": b"base"}, "/bin/sh -c #(nop) ADD file:0 in / ")
    stack = [base, *layers]
    made = Image()
    for one in stack:
        made.blob(one.content)
    history = [{"created_by": "ENV A=B", "empty_layer": True}, *({"created_by": one.created_by} for one in stack)]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": dict(labels)},
            "history": history,
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [f"sha256:{digest(one.unpacked)}" for one in stack]},
        }
    ).encode()
    made.config = made.blob(config)
    kind = DOCKER.format("manifest") if docker else OCI.format("manifest")
    of_config = "application/vnd.docker.container.image.v1+json" if docker else OCI.format("config")
    made.version = made.manifest(
        {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": described(config, of_config),
            "layers": [described(one.content, one.media_type) for one in stack],
        },
        kind,
    )
    return made


def managed(made: Image, weights: Mapping[str, bytes], *, target: str = "/src/weights", prefix: str = "") -> Image:
    """Puts an image and a set of managed weights, one layer a file, into an index, which the version then is."""
    rows, layers = [], []
    for path, content in weights.items():
        packed = layer({prefix + path: content}, "", packed=False)
        made.blob(packed.content)
        rows.append({"path": path, "layer": f"sha256:{packed.digest}", "size": len(content)})
        rows[-1]["digest"] = f"sha256:{digest(content)}"
        layers.append(described(packed.content, packed.media_type))
    lines = sorted(f"{digest(content)}  {path}" for path, content in weights.items())
    set_digest = f"sha256:{digest(chr(10).join(lines).encode())}"
    config = json.dumps({"name": "base", "target": target, "setDigest": set_digest, "files": rows}).encode()
    made.blob(config)
    artifact = "application/vnd.cog.weight.v1"
    of_weights = made.manifest(
        {
            "schemaVersion": 2,
            "mediaType": OCI.format("manifest"),
            "artifactType": artifact,
            "config": described(config, "application/vnd.cog.weight.config.v1+json"),
            "layers": layers,
        },
        OCI.format("manifest"),
    )
    held = {name: made.manifests[name][0] for name in (made.version, of_weights)}
    rows = [
        described(held[made.version], OCI.format("manifest"), platform={"os": "linux", "architecture": "amd64"}),
        described(
            held[of_weights],
            OCI.format("manifest"),
            artifactType=artifact,
            platform={"os": "unknown", "architecture": "unknown"},
            annotations={"run.cog.weight.name": "base", "run.cog.weight.set-digest": set_digest},
        ),
    ]
    made.version = made.manifest(
        {"schemaVersion": 2, "mediaType": OCI.format("index"), "manifests": rows}, OCI.format("index")
    )
    return made


class RegistryDouble(Server):
    """A registry of one repository.

    Attributes:
        image: What it has.
        asks: How it wants to be asked: ``open``, ``basic``, ``bearer`` (a realm of its own), ``elsewhere`` (a realm at
            another server), ``hidden`` (404 for whoever is not logged in).
        blobs: Where its blobs lie: the address of another server. None: with itself.
        cuts: Digest → bytes after which an answer is cut, once.
        lies: Digest → what it gives in place of the bytes.
        answers: Path → answer that is given in place of its own.
        grant: The token that counts.
    """

    def __init__(self, image: Image) -> None:
        super().__init__(self._answer)
        self.image = image
        self.asks: Literal["open", "basic", "bearer", "elsewhere", "hidden"] = "open"
        self.realm = ""
        self.blobs: str | None = None
        self.cuts: dict[str, int] = {}
        self.lies: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.grant = GRANT
        self.ranges: list[str] = []

    def __enter__(self) -> RegistryDouble:
        super().__enter__()
        return self

    @property
    def paths(self) -> list[str]:
        """What was asked, in order, digests cut short."""
        return [_short(asked.path) for asked in self.asked]

    def _answer(self, asked: Asked) -> Answer:
        where = urlsplit(asked.path)
        if where.path in self.answers:
            return self.answers[where.path]
        if where.path == "/token":
            return self._token(asked, parse_qs(where.query))
        refused = self._refused(asked)
        if refused is not None:
            return refused
        if where.path.startswith("/files/"):  # what lies with the blob host wants no token
            return self.piece(asked, where.path.rpartition("/")[2])
        kind, _, name = where.path.removeprefix(f"/v2/{NAME}/").partition("/sha256:")
        if kind == "manifests":
            return self._manifest(asked, name)
        if kind == "blobs" and self.blobs is not None:
            return Answer(status=307, headers={"Location": f"{self.blobs}/files/{name}"})
        return self.piece(asked, name)

    def piece(self, asked: Asked, name: str) -> Answer:
        """The bytes of a blob, or of a part."""
        content = self.lies.get(name, self.image.blobs.get(name))
        if content is None:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = {"Docker-Content-Digest": f"sha256:{name}", "ETag": f'"sha256:{name}"', "Accept-Ranges": "bytes"}
        status, part, told = 200, content, asked.headers.get("range")
        if told is not None:
            self.ranges.append(told)
            start, _, stop = told.removeprefix("bytes=").partition("-")
            part = content[int(start) : int(stop) + 1 if stop else None]
            headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
            status = 206
        if name in self.cuts:
            most = self.cuts.pop(name)
            head = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(part)}", *(f"{k}: {v}" for k, v in headers.items())]
            return Answer(raw="\r\n".join([*head, "", ""]).encode() + part[:most])
        return Answer(status=status, body=part, headers=headers)

    def _manifest(self, asked: Asked, name: str) -> Answer:
        body, kind = self.image.manifests.get(name, (b"", ""))
        if not body or kind not in asked.headers.get("accept", ""):  # as docker-registry does
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        body = self.lies.get(name, body)
        return Answer(body=body, headers={"Content-Type": kind, "Docker-Content-Digest": f"sha256:{name}"})

    def _refused(self, asked: Asked) -> Answer | None:
        sent = asked.headers.get("authorization", "")
        basic = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
        scope = f"repository:{NAME}:pull"
        if self.asks == "open" or (self.asks in ("basic", "hidden") and sent == basic):
            return None
        if self.asks in ("bearer", "elsewhere") and sent == f"Bearer {self.grant}":
            return None
        if self.asks == "hidden":
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        told = 'Basic realm="test"'
        if self.asks in ("bearer", "elsewhere"):
            told = f'Bearer realm="{self.realm or self.url + "/token"}",service="r8.test",scope="{scope}"'
        return error(401, "UNAUTHORIZED", "not authenticated", **{"WWW-Authenticate": told})

    def _token(self, asked: Asked, told: dict[str, list[str]]) -> Answer:
        basic = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
        if self.asks == "bearer" and asked.headers.get("authorization") != basic:
            return error(401, "UNAUTHORIZED", "who are you")
        if told != {"service": ["r8.test"], "scope": [f"repository:{NAME}:pull"]}:
            return error(400, "UNSUPPORTED", f"{told}")
        return Answer(body=json.dumps({"token": self.grant, "expires_in": 60}).encode())


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """A registry's error."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status=status, body=body, headers={"Content-Type": "application/json", **headers})


def _short(path: str) -> str:
    head, sign, rest = path.partition("sha256:")
    return f"{head}{rest[:6]}" if sign else path


@frozen
class Zoo:
    """The API and the registry, and a client of both.

    Attributes:
        api: The API.
        registry: The registry.
        client: A client that is logged in at the API, and not at the registry.
        ref: The version's reference.
        home: Where the client keeps things.
    """

    api: ReplicateDouble
    registry: RegistryDouble
    client: Client
    ref: str
    home: Path

    def another(self, home: Path | None = None, **wishes: Any) -> Client:
        """Returns another client, logged in at the registry."""
        return Client(
            home=home or self.home,
            endpoints={"replicate": self.api.url, "r8": self.registry.url},
            tokens={"replicate": TOKEN, "r8": LOGIN},
            **wishes,
        )


@contextmanager
def zoo(made: Image, home: Path, **about: Any) -> Iterator[Zoo]:
    """Serves an image as the version of a model."""
    with ReplicateDouble() as api, RegistryDouble(made) as registry:
        api.models = {NAME: model(latest_version=version(id=made.version), **about)}
        api.versions = {NAME: [version(id=made.version)]}
        endpoints = {"replicate": api.url, "r8": registry.url}
        with Client(home=home, endpoints=endpoints, tokens={"replicate": TOKEN}) as client:
            yield Zoo(api, registry, client, f"replicate:{NAME}@{made.version}", home)
