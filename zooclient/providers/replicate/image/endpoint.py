"""Where Replicate's images are, and how the registry is asked for them (OCI distribution specification, Docker v2)."""

from __future__ import annotations

from typing import Final

from zooclient.net.origin import one_spelling, origin

#: The registry.
OFFICIAL: Final = "https://r8.im"

#: What is asked for by digest: both families, lists and single images. Without the right one a registry finds nothing.
ACCEPT: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def is_official(registry: str) -> bool:
    """Whether a registry is Replicate's own."""
    return origin(normal_endpoint(registry)) == origin(OFFICIAL)


def normal_endpoint(registry: str) -> str:
    """Returns the address of a registry in one spelling: no slash at the end, and without ``/v2``.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    return one_spelling(registry, zoo="r8", example=OFFICIAL, aliases={}).removesuffix("/v2").rstrip("/")


def manifest_url(registry: str, name: str, digest: str) -> str:
    """Returns the address of a manifest; ``digest`` is a sha256 in hex."""
    return f"{registry}/v2/{name}/manifests/sha256:{digest}"


def blob_url(registry: str, name: str, digest: str) -> str:
    """Returns the address of a blob; ``digest`` is a sha256 in hex."""
    return f"{registry}/v2/{name}/blobs/sha256:{digest}"
