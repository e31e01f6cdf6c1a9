"""Manifests and blobs, and what collects them into an image. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from zooclient.serve.registry.layers import Pressed, Recipe

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
#: Every kind of manifest that is known.
MANIFESTS: Final = (INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
#: Of a manifest of weights, and of its config.
WEIGHT: Final = "application/vnd.cog.weight.v1"
WEIGHT_CONFIG: Final = "application/vnd.cog.weight.config.v1+json"

CONFIGS: Final = {
    "oci": "application/vnd.oci.image.config.v1+json",
    "docker": "application/vnd.docker.container.image.v1+json",
}
LAYERS: Final = {
    ("oci", "tar"): "application/vnd.oci.image.layer.v1.tar",
    ("oci", "gzip"): "application/vnd.oci.image.layer.v1.tar+gzip",
    ("docker", "tar"): "application/vnd.docker.image.rootfs.diff.tar",
    ("docker", "gzip"): "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


@frozen(kw_only=True)
class Manifest:
    """A manifest, or an index of manifests.

    Attributes:
        digest: ``sha256:HEX`` of its bytes.
        media: Its media type.
        body: Its bytes.
    """

    digest: str
    media: str
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class Blob:
    """Anything that a manifest names by its digest.

    Attributes:
        digest: ``sha256:HEX`` of its bytes.
        media: Its media type.
        size: Bytes.
        name: Path of the model's file that it holds, or what it is.
        content: Its bytes, or what they are made of.
    """

    digest: str
    media: str
    size: int
    name: str
    content: bytes | Recipe = field(repr=False)


@frozen(kw_only=True)
class Image:
    """The image of a version, whole.

    Attributes:
        id: 64 hex: the digest by which the version is known.
        manifests: Digest to manifest; the one that names the others last.
        blobs: Digest to blob.
        document: The OpenAPI document of the version.
        cog: Version of Cog that made it.
    """

    id: str
    manifests: Mapping[str, Manifest] = field(hash=False, repr=False)
    blobs: Mapping[str, Blob] = field(hash=False, repr=False)
    document: Mapping[str, Any] = field(hash=False, repr=False)
    cog: str


def digest_of(content: bytes) -> str:
    """Returns ``sha256:HEX``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def dumped(value: Any) -> bytes:
    """Returns a value as JSON, in the one way in which digests are taken of it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def descriptor(manifest: Manifest) -> dict[str, Any]:
    """Returns how an index names a manifest."""
    return {"mediaType": manifest.media, "digest": manifest.digest, "size": len(manifest.body)}


class Parts:
    """Collects what an image consists of; each that is added returns how others name it.

    Attributes:
        manifests: Digest to manifest.
        blobs: Digest to blob.
    """

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.blobs: dict[str, Blob] = {}

    def layer(self, pressed: Pressed, recipe: Recipe, name: str, media: str) -> dict[str, Any]:
        """Adds a layer, once it was made to learn its digests."""
        blob = Blob(digest=pressed.digest, media=media, size=pressed.size, name=name, content=recipe)
        return self._added(blob)

    def config(self, value: Any, media: str) -> dict[str, Any]:
        """Adds a config."""
        body = dumped(value)
        return self._added(
            Blob(digest=digest_of(body), media=media, size=len(body), name="image/config.json", content=body)
        )

    def manifest(self, told: Mapping[str, Any], media: str) -> Manifest:
        """Adds a manifest, or an index."""
        body = dumped({"schemaVersion": 2, "mediaType": media, **told})
        manifest = Manifest(digest=digest_of(body), media=media, body=body)
        self.manifests[manifest.digest] = manifest
        return manifest

    def _added(self, blob: Blob) -> dict[str, Any]:
        self.blobs[blob.digest] = blob
        return {"mediaType": blob.media, "digest": blob.digest, "size": blob.size}
