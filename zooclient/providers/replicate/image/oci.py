"""Manifests and configurations of container images, read; pure.

Sources: the OCI image specification (image-spec 1.1: manifest, index, config) and Docker's image manifest, version 2,
schema 2. Both families have the same shape as far as it is read here; the media type says which one it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from zooclient.errors import ProtocolError
from zooclient.providers.reading import clean, count, entries, fields, mapping, string
from zooclient.records.model import Compression

#: Entries of a list at the most: no image has more layers, and no index more images, than a tenth of that.
_MOST = 2000

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_COMPRESSIONS: Mapping[str, Compression] = {"gzip": "gzip", "zstd": "zstd", "tar": "none"}


@frozen(kw_only=True)
class Descriptor:
    """What a manifest says of something that it names by digest.

    Attributes:
        digest: sha256, lower-case hex.
        size: Bytes.
        media_type: What it is. Empty when not told.
        annotations: Its annotations.
        platform: ``os/architecture``. None when not told.
        artifact_type: What an artifact is that is no image. None for an image.
    """

    digest: str
    size: int
    media_type: str = ""
    annotations: Mapping[str, str] = field(factory=dict, hash=False)
    platform: str | None = None
    artifact_type: str | None = None


@frozen(kw_only=True)
class Manifest:
    """One image, or one artifact.

    Attributes:
        config: Its configuration.
        layers: Its layers, the lowest first.
        annotations: Its annotations.
        artifact_type: What an artifact is that is no image. None for an image.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(factory=dict, hash=False)
    artifact_type: str | None = None


@frozen(kw_only=True)
class Index:
    """Several images or artifacts.

    Attributes:
        manifests: Their manifests, in order.
    """

    manifests: tuple[Descriptor, ...]


@frozen(kw_only=True)
class Step:
    """One step by which an image was made.

    Attributes:
        created_by: What made it; empty when not told.
        empty: It made no layer.
    """

    created_by: str = ""
    empty: bool = False


@frozen(kw_only=True)
class Config:
    """The configuration of an image, as far as it matters here.

    Attributes:
        labels: Its labels.
        history: How it was made, the first step first.
        diff_ids: sha256 of each layer unpacked, the lowest first, lower-case hex.
    """

    labels: Mapping[str, str] = field(factory=dict, hash=False)
    history: tuple[Step, ...] = ()
    diff_ids: tuple[str, ...] = ()


def read_manifest(body: bytes, what: str) -> Manifest | Index:
    """Reads a manifest or an index of the second schema.

    Args:
        body: The bytes, already held against their digest.
        what: What they are, for the error.

    Raises:
        ProtocolError: They are neither, or could be read as both.
    """
    told = fields(_json(body, what), what)
    if told.get("schemaVersion") != 2 or ("manifests" in told) == ("layers" in told):
        raise ProtocolError(f"{what} is neither a manifest nor an index of the second schema.", hint=_HINT)
    kind = string(told.get("mediaType")) or ""
    if ("index" in kind or "manifest.list" in kind) != ("manifests" in told) and kind:
        raise ProtocolError(f"{what} says that it is {kind[:80]}, and has another shape.", hint=_HINT)
    if "manifests" in told:
        return Index(manifests=_descriptors(told["manifests"], what))
    return Manifest(
        config=_descriptor(told.get("config"), what),
        layers=_descriptors(told["layers"], what),
        annotations=_texts(told.get("annotations")),
        artifact_type=string(told.get("artifactType")),
    )


def read_config(body: bytes, what: str) -> Config:
    """Reads the configuration of an image; arguments as for :func:`read_manifest`.

    Raises:
        ProtocolError: It is none.
    """
    told = fields(_json(body, what), what)
    history = told.get("history")
    ids = mapping(told.get("rootfs")).get("diff_ids")
    found = [_DIGEST.fullmatch(one) if isinstance(one, str) else None for one in (ids if isinstance(ids, list) else ())]
    return Config(
        labels=_texts(mapping(told.get("config")).get("Labels")),
        history=tuple(
            Step(
                created_by=string(mapping(step).get("created_by")) or "", empty=mapping(step).get("empty_layer") is True
            )
            for step in (history if isinstance(history, list) else ())[:_MOST]
        ),
        diff_ids=tuple(one[1] for one in found if one is not None) if None not in found else (),
    )


def compression_of(media_type: str) -> Compression | None:
    """Returns how a layer of a media type is packed; None: it is no layer of files that is known."""
    kind = media_type.partition(";")[0].strip().lower()
    if "tar" not in kind:
        return None
    return _COMPRESSIONS.get(re.split(r"[.+]", kind)[-1])


_HINT = "The server may be no image registry, or keep images of another kind."


def _json(body: bytes, what: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what} is not JSON.", hint=_HINT) from error


def _texts(value: Any) -> Mapping[str, str]:
    return {clean(name): text for name, text in mapping(value).items() if isinstance(text, str)}


def _descriptors(value: Any, what: str) -> tuple[Descriptor, ...]:
    rows = entries(value, f"a list in {what}")
    if len(rows) > _MOST:
        raise ProtocolError(f"{what} has {len(rows)} entries, which is more than any image has.", hint=_HINT)
    return tuple(_descriptor(row, what) for row in rows)


def _descriptor(value: Any, what: str) -> Descriptor:
    told = fields(value, f"a descriptor in {what}")
    digest, size = told.get("digest"), count(told.get("size"))
    found = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if found is None or size is None:
        raise ProtocolError(f"{what} names something without a sha256 and a size: {str(digest)[:80]!r}.", hint=_HINT)
    platform = mapping(told.get("platform"))
    system, machine = string(platform.get("os")), string(platform.get("architecture"))
    return Descriptor(
        digest=found[1],
        size=size,
        media_type=string(told.get("mediaType")) or "",
        annotations=_texts(told.get("annotations")),
        platform=f"{system}/{machine}" if system and machine else None,
        artifact_type=string(told.get("artifactType")),
    )
