"""An image as a folder, in the form of the OCI image layout specification 1.0, which registry tools read and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from zooclient.serve.registry.images import reader
from zooclient.serve.registry.layers import blocks
from zooclient.serve.registry.parts import Image
from zooclient.serve.shelf import Shelf

_NAME: Final = "org.opencontainers.image.ref.name"


def write_layout(image: Image, folder: Path, shelf: Shelf, *, tag: str = "latest") -> None:
    """Writes an image as a layout.

    Args:
        image: The image.
        folder: Where to; it comes to exist when it does not, and what is there of another image stays.
        shelf: Where the bytes of its files lie.
        tag: Name of the image within the layout.

    Raises:
        LookupError: Bytes of it are gone.
        OSError: It cannot be written.
    """
    home = folder / "blobs" / "sha256"
    home.mkdir(parents=True, exist_ok=True)
    for manifest in image.manifests.values():
        (home / _hexes(manifest.digest)).write_bytes(manifest.body)
    for blob in image.blobs.values():
        content = blob.content
        with (home / _hexes(blob.digest)).open("wb") as file:
            file.writelines((content,) if isinstance(content, bytes) else blocks(content, reader(shelf)))
    top = list(image.manifests.values())[-1]
    row = {"mediaType": top.media, "digest": top.digest, "size": len(top.body), "annotations": {_NAME: tag}}
    index = folder / "index.json"
    others = json.loads(index.read_text("utf-8"))["manifests"] if index.exists() else []
    others = [other for other in others if other.get("annotations", {}).get(_NAME) != tag]
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": [*others, row]}), "utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', "utf-8")


def _hexes(digest: str) -> str:
    return digest.removeprefix("sha256:")
