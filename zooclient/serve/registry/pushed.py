"""What clients send to the registry: blobs in parts, and manifests, from which versions come."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import field, frozen

from zooclient.serve.registry.images import Files
from zooclient.serve.registry.parts import DOCKER_LIST, INDEX, MANIFESTS, WEIGHT, Manifest, digest_of
from zooclient.serve.replicate.schema import COG

#: Labels that hold the document of a version, and the version of Cog that made it: today's, older ones.
_SCHEMAS: Final = ("run.cog.openapi_schema", "org.cogmodel.openapi_schema")
_COGS: Final = ("run.cog.version", "run.cog.cog_version", "org.cogmodel.cog_version")

#: Called with a digest, returns the bytes of a small blob of the same repository. None: there is none.
Fetch = Callable[[str], bytes | None]


@frozen(kw_only=True)
class PushedVersion:
    """A version that came from an image.

    Attributes:
        id: 64 hex of its manifest's digest.
        created: When it was pushed.
        document: The OpenAPI document among its labels.
        cog: Version of Cog that made it.
    """

    id: str
    created: datetime
    document: Mapping[str, Any] = field(hash=False, repr=False)
    cog: str


class Invalid(Exception):
    """A manifest that cannot be taken.

    Attributes:
        code: The registry's code for it.
        detail: What is wrong.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Pushed:
    """Everything that was sent. Safe between threads.

    Args:
        files: Where blobs are written down.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.RLock()
        self._uploads: dict[tuple[str, str], bytearray] = {}
        self._blobs: dict[str, dict[str, int]] = {}
        self._manifests: dict[str, dict[str, Manifest]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._versions: dict[str, list[PushedVersion]] = {}

    # Blobs

    def begin(self, model: str) -> str:
        """Begins an upload to a model and returns its id."""
        name = str(uuid.uuid4())
        with self._lock:
            self._uploads[model, name] = bytearray()
        return name

    def size(self, model: str, name: str) -> int | None:
        """Bytes of an upload that are there; None when there is no such upload."""
        with self._lock:
            held = self._uploads.get((model, name))
            return None if held is None else len(held)

    def append(self, model: str, name: str, content: bytes) -> int:
        """Goes on with an upload and returns the bytes that are there.

        Raises:
            LookupError: There is no such upload.
        """
        with self._lock:
            held = self._uploads[model, name]
            held += content
            return len(held)

    def drop(self, model: str, name: str) -> None:
        """Forgets an upload."""
        with self._lock:
            self._uploads.pop((model, name), None)

    def finish(self, model: str, name: str, digest: str) -> None:
        """Makes a blob of an upload.

        Raises:
            LookupError: There is no such upload.
            ValueError: It has another digest; the upload is over.
        """
        with self._lock:
            held = bytes(self._uploads.pop((model, name)))
        if digest_of(held) != digest:
            raise ValueError(f"what was sent is not {digest}")
        self._files.put(digest, iter((held,)))
        self.adopt(model, digest, len(held))

    def adopt(self, model: str, digest: str, size: int) -> None:
        """Lets a model have a blob that is here already."""
        with self._lock:
            self._blobs.setdefault(model, {})[digest] = size

    def blob(self, model: str, digest: str) -> int | None:
        """Bytes of a blob that was sent for a model; None when none of this digest was."""
        with self._lock:
            return self._blobs.get(model, {}).get(digest)

    # Manifests

    def put(
        self, model: str, body: bytes, media: str, tag: str | None, knows: Callable[[str], bool], fetch: Fetch
    ) -> Manifest:
        """Takes a manifest; one of an image that Cog made is a version from now on.

        Args:
            model: ``owner/name``.
            body: Its bytes.
            media: Its media type, as its sender says.
            tag: What is to lead to it. None: nothing but its digest.
            knows: Whether the model has a blob or a manifest with a digest.
            fetch: Reads configs.

        Raises:
            Invalid: It cannot be taken.
        """
        told = _document(body, media)
        missing = [digest for digest in _named(told, media) if not knows(digest)]
        if missing:
            raise Invalid("MANIFEST_BLOB_UNKNOWN", missing[0])
        manifest = Manifest(digest=digest_of(body), media=media, body=body)
        version = self._version(model, manifest, told, fetch)
        with self._lock:
            self._manifests.setdefault(model, {})[manifest.digest] = manifest
            if tag is not None:
                self._tags.setdefault(model, {})[tag] = manifest.digest
            versions = self._versions.setdefault(model, [])
            if media in (INDEX, DOCKER_LIST):
                # What the index ties together is one version.
                inner = {str(row.get("digest")).removeprefix("sha256:") for row in told["manifests"]}
                versions[:] = [one for one in versions if one.id not in inner]
            if version is not None and version.id not in [one.id for one in versions]:
                versions.insert(0, version)
        return manifest

    def manifest(self, model: str, reference: str) -> Manifest | None:
        """The manifest of a model that a tag or a digest names; None when none was sent."""
        with self._lock:
            digest = self._tags.get(model, {}).get(reference, reference)
            return self._manifests.get(model, {}).get(digest)

    def tags(self, model: str) -> list[str]:
        """The tags that were sent for a model."""
        with self._lock:
            return list(self._tags.get(model, ()))

    def versions(self, model: str) -> tuple[PushedVersion, ...]:
        """The versions that came from images, the newest first."""
        with self._lock:
            return tuple(self._versions.get(model, ()))

    def _version(self, model: str, manifest: Manifest, told: Mapping[str, Any], fetch: Fetch) -> PushedVersion | None:
        """The version that a manifest is; None where it is none that Cog made."""
        if manifest.media in (INDEX, DOCKER_LIST):
            rows = [row for row in told["manifests"] if row.get("artifactType") != WEIGHT]
            inner = None if not rows else self.manifest(model, str(rows[0].get("digest")))
            told = {} if inner is None else json.loads(inner.body)
        named = told.get("config", {}).get("digest")
        content = fetch(named) if isinstance(named, str) else None
        labels = _labels(content)
        text = next((labels[name] for name in _SCHEMAS if name in labels), None)
        cog = next((labels[name] for name in _COGS if name in labels), None)
        try:
            document = json.loads(str(text))
        except ValueError:
            return None
        if not isinstance(document, dict):
            return None
        name = manifest.digest.removeprefix("sha256:")
        return PushedVersion(id=name, created=datetime.now(UTC), document=document, cog=str(cog or COG))


def _document(body: bytes, media: str) -> dict[str, Any]:
    """A manifest as it is written, after its shape was looked at."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("MANIFEST_INVALID", "not JSON") from None
    if media not in MANIFESTS:
        raise Invalid("MANIFEST_INVALID", f"media type {media!r}")
    if not isinstance(told, dict) or told.get("schemaVersion") != 2 or told.get("mediaType", media) != media:
        raise Invalid("MANIFEST_INVALID", "schemaVersion or mediaType")
    if media in (INDEX, DOCKER_LIST):
        good = _rows(told.get("manifests"))
    else:
        good = _rows([told.get("config")]) and _rows(told.get("layers"))
    if not good:
        raise Invalid("MANIFEST_INVALID", "descriptors")
    return told


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and isinstance(row.get("digest"), str) and isinstance(row.get("size"), int)
        for row in value
    )


def _named(told: Mapping[str, Any], media: str) -> list[str]:
    """The digests that a manifest names."""
    rows = told["manifests"] if media in (INDEX, DOCKER_LIST) else [told["config"], *told["layers"]]
    return [str(row["digest"]) for row in rows]


def _labels(config: bytes | None) -> Mapping[str, Any]:
    try:
        told = json.loads(config or b"{}")
    except (ValueError, RecursionError):
        return {}
    inner = told.get("config") if isinstance(told, dict) else None
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return labels if isinstance(labels, dict) else {}
