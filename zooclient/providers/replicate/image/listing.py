"""The files of a version, out of its image: two requests for manifest and configuration, no layer; flows.

The id of a version is the digest of its manifest, so what comes is held against the pin before it is read. Where that
is an index, the image and each set of weights in it cost one or two requests more.
"""

from __future__ import annotations

from hashlib import sha256

from attrs import evolve

from zooclient.errors import IntegrityError, ProtocolError, Unsupported
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.net.onward import onward
from zooclient.net.origin import masked
from zooclient.providers.further import Listing
from zooclient.providers.replicate.image.endpoint import ACCEPT, blob_url, manifest_url
from zooclient.providers.replicate.image.labels import FILES, files_of, is_cog
from zooclient.providers.replicate.image.layers import weight_layers
from zooclient.providers.replicate.image.managed import image_of, read_weights, weights_of
from zooclient.providers.replicate.image.oci import Config, Descriptor, Index, Manifest, read_config, read_manifest
from zooclient.providers.replicate.image.refusal import refusal
from zooclient.records.classify import classify
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.paths import path_problems
from zooclient.records.ref import Ref

#: Files of a snapshot that are the image's own documents.
INDEX, MANIFEST, CONFIG = "image/index.json", "image/manifest.json", "image/config.json"
#: What comes along with the list.
ALONG = frozenset({INDEX, MANIFEST, CONFIG, *FILES})

#: Bytes of a manifest, and of a configuration, at the most.
_MANIFEST_BYTES = 4 * 1024 * 1024
_CONFIG_BYTES = 32 * 1024 * 1024

_EXPERIMENTAL = (
    "That the files are read from the image, and in which of its layers weights are looked for, is experimental: "
    "Replicate documents no download."
)


def list_files(registry: str, record: ModelRecord) -> Flow[Listing]:
    """Lists the files of a version.

    Args:
        registry: Address of the registry.
        record: The record, pinned to a version.

    Raises:
        AccessError: The image is not shown to whoever asks.
        NotFound: There is no such image.
        IntegrityError: What came is not what the version, or a digest in it, names.
        ProtocolError: It is no image.
    """
    ref, version = record.ref, record.ref.revision or ""
    asking = _Asking(registry, ref)
    body = yield from asking.manifest(version, None)
    told = read_manifest(body, f"The manifest of {ref}")
    contents = {MANIFEST: body}
    weights: tuple[FileEntry, ...] = ()
    if isinstance(told, Index):
        weights = yield from asking.weights(told)
        contents = {INDEX: body}
        image = image_of(told)
        if image is None:
            raise Unsupported(
                f"The image of {ref} is one for several machines, none of which is the usual one.",
                zoo=ref.scheme,
                ref=str(ref),
                hint=f"`skopeo inspect --raw docker://{ref.id}@sha256:{version}` shows them.",
            )
        contents[MANIFEST] = yield from asking.manifest(image.digest, image.size)
        told = read_manifest(contents[MANIFEST], f"The manifest of {ref}")
    if not isinstance(told, Manifest):
        raise ProtocolError(f"The index of {ref} names an index where an image is due.")
    contents[CONFIG] = yield from asking.blob(told.config)
    config = read_config(contents[CONFIG], f"The configuration of {ref}")
    contents |= files_of(config.labels)
    return Listing(record=_listed(record, told, config, contents, weights), contents=contents)


def _listed(
    record: ModelRecord, manifest: Manifest, config: Config, contents: dict[str, bytes], weights: tuple[FileEntry, ...]
) -> ModelRecord:
    found = weight_layers(manifest, config)
    files = {path: _entry(path, content) for path, content in contents.items()}
    files |= {file.path: file for file in map(FileEntry.of_layer, found.layers)}
    for file in weights:
        if file.path in files:
            raise IntegrityError(f"The image of {record.ref} lists the file {file.path!r} twice.")
        files[file.path] = file
    problems = [*record.problems, *(() if weights and not found.layers else found.problems)]
    if not is_cog(config.labels):
        problems.append("The image was not made by Cog: what it holds is not told by labels.")
    problems += path_problems(files)
    return evolve(record, files=tuple(files.values()), problems=tuple(dict.fromkeys([*problems, _EXPERIMENTAL])))


def _entry(path: str, content: bytes) -> FileEntry:
    role, _ = classify(path)
    return FileEntry(path=path, size=len(content), digests={"sha256": sha256(content).hexdigest()}, role=role)


class _Asking:
    """The questions about one image."""

    def __init__(self, registry: str, ref: Ref) -> None:
        self._registry = registry
        self._ref = ref

    def manifest(self, digest: str, size: int | None) -> Flow[bytes]:
        """A manifest, held against its digest."""
        url = manifest_url(self._registry, self._ref.id, digest)
        request = Request(url=url, headers={"Accept": ACCEPT}, max_bytes=_MANIFEST_BYTES)
        return self._proved((yield from self._followed(request)), digest, size, "manifest")

    def blob(self, told: Descriptor) -> Flow[bytes]:
        """A small blob, held against its descriptor."""
        if told.size > _CONFIG_BYTES:
            raise ProtocolError(f"The configuration of {self._ref} has {told.size} bytes, which no image needs.")
        url = blob_url(self._registry, self._ref.id, told.digest)
        request = Request(url=url, max_bytes=_CONFIG_BYTES)
        return self._proved((yield from self._followed(request)), told.digest, told.size, "configuration")

    def weights(self, index: Index) -> Flow[tuple[FileEntry, ...]]:
        """The files of every set of weights that an index names."""
        files: list[FileEntry] = []
        for told in weights_of(index):
            manifest = read_manifest((yield from self.manifest(told.digest, told.size)), "The manifest of weights")
            if not isinstance(manifest, Manifest):
                raise ProtocolError(f"The index of {self._ref} names an index where weights are due.")
            files += read_weights(manifest, (yield from self.blob(manifest.config)), told)
        return tuple(files)

    def _followed(self, request: Request) -> Flow[Response]:
        """Asks, and goes on to another server where the registry keeps its bytes there: without any credential."""
        response = yield from onward((yield from fetch(request)))
        if not response.ok:
            raise refusal(response, self._ref, "list")
        return response

    def _proved(self, response: Response, digest: str, size: int | None, what: str) -> bytes:
        body, got = response.body, sha256(response.body).hexdigest()
        if got != digest or size not in (None, len(body)):
            page = "html" in response.headers.get("content-type", "")
            raise IntegrityError(
                f"The {what} of {self._ref} came as sha256:{got} ({len(body)} bytes), and sha256:{digest} is named.",
                url=masked(response.request.url),
                hint="A login page or a proxy stands in between." if page else _DISTRUST,
            )
        return body


_DISTRUST = "Nothing of it is kept. A cache or a proxy in between may be broken; do not take it for what was asked."
