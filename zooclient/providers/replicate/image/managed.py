"""Weights that Cog manages apart from the image, each an artifact with a list of its files; pure.

Source: Cog's specification of weights, 1.0-draft, and its code, which differs from the prose in how the digest of a set
is made; the code counts.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.providers.reading import count, entries, fields, string
from zooclient.providers.replicate.image.oci import Descriptor, Index, Manifest, compression_of
from zooclient.records.classify import classify
from zooclient.records.model import FileEntry, Layer
from zooclient.records.paths import safe_path

#: What such an artifact is called.
ARTIFACT: Final = "application/vnd.cog.weight.v1+json"
_ARTIFACTS = frozenset({ARTIFACT, "application/vnd.cog.weight.v1"})
_UNPACKED_SIZE = "run.cog.weight.size.uncompressed"
_SET_DIGEST = "run.cog.weight.set-digest"

#: Files of a set at the most.
_MOST = 100_000
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@frozen(kw_only=True)
class Listed:
    """One file of a set.

    Attributes:
        path: Below the set's target.
        layer: sha256 of the layer that holds it.
        size: Bytes.
        digest: sha256.
    """

    path: str
    layer: str
    size: int
    digest: str


def image_of(index: Index) -> Descriptor | None:
    """Returns the image of an index: the one for Linux on x86-64, else the only one; None: there is none to choose."""
    images = [one for one in index.manifests if one.artifact_type is None and one.platform != "unknown/unknown"]
    suited = [one for one in images if one.platform == "linux/amd64"] or images
    return suited[0] if len(suited) == 1 or (suited and suited[0].platform == "linux/amd64") else None


def weights_of(index: Index) -> tuple[Descriptor, ...]:
    """Returns the sets of weights that an index names."""
    return tuple(one for one in index.manifests if one.artifact_type in _ARTIFACTS)


def read_weights(manifest: Manifest, config: bytes, told: Descriptor) -> tuple[FileEntry, ...]:
    """Reads the files of a set of weights.

    Args:
        manifest: The set's manifest.
        config: Its configuration, already held against its digest.
        told: What the index says of it.

    Raises:
        ProtocolError: They have another shape.
        IntegrityError: A name is hostile, or the digest of the set is not that of its files.
    """
    what = "The list of a set of weights"
    try:
        body = fields(json.loads(config), what)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what} is not JSON.") from error
    target = (string(body.get("target")) or manifest.annotations.get("run.cog.weight.target") or "").strip("/")
    rows = entries(body.get("files"), f"the files (files) of {what.lower()}")
    if len(rows) > _MOST:
        raise ProtocolError(f"{what} names {len(rows)} files, which is more than is read.")
    files = tuple(_listed(row, what) for row in rows)
    _check_set(files, (string(body.get("setDigest")), *(one.annotations.get(_SET_DIGEST) for one in (manifest, told))))
    layers = {one.digest: one for one in manifest.layers}
    return tuple(_entry(file, layers.get(file.layer), target) for file in files)


def set_digest(files: tuple[Listed, ...]) -> str:
    """Returns the digest of a set, hex: over the lines ``hex␣␣path``, sorted as whole lines, no line end at the end."""
    return sha256("\n".join(sorted(f"{file.digest}  {file.path}" for file in files)).encode()).hexdigest()


def _check_set(files: tuple[Listed, ...], claims: tuple[str | None, ...]) -> None:
    got = set_digest(files)
    for claim in claims:
        if claim is not None and claim.removeprefix("sha256:") != got:
            raise IntegrityError(
                f"A set of weights is said to have the digest {claim[:80]}, and its list makes sha256:{got}.",
                hint="Do not take it for what was pinned.",
            )


def _listed(row: Any, what: str) -> Listed:
    told = fields(row, f"a file in {what.lower()}")
    path, size = string(told.get("path")), count(told.get("size"))
    layer, digest = (_hex(told.get(name)) for name in ("layer", "digest"))
    if path is None or size is None or layer is None or digest is None:
        raise ProtocolError(f"{what} has a file without a path, a size, a layer or a digest: {str(path)[:80]!r}.")
    return Listed(path=safe_path(path), layer=layer, size=size, digest=digest)


def _hex(value: Any) -> str | None:
    found = _DIGEST.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found is not None else None


def _entry(file: Listed, layer: Descriptor | None, target: str) -> FileEntry:
    packed = compression_of(layer.media_type) if layer is not None else None
    if layer is None or packed is None:
        raise ProtocolError(f"The weights file {file.path!r} lies in a layer that the set has not, or of unknown kind.")
    path = safe_path(f"{target}/{file.path}" if target else file.path)
    role, format_ = classify(path)
    unpacked = layer.annotations.get(_UNPACKED_SIZE, "")
    return FileEntry(
        path=path,
        size=file.size,
        digests={"sha256": file.digest},
        role=role if role != "other" else "weights",
        format=format_,
        layer=Layer(
            digest=layer.digest,
            size=layer.size,
            compression=packed,
            target=target,
            unpacked_digest=layer.digest if packed == "none" else None,
            unpacked_size=int(unpacked) if unpacked.isascii() and unpacked.isdigit() and len(unpacked) < 19 else None,
        ),
    )
