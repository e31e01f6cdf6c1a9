"""The registry's answers, from bytes to records; pure. The README tells how each fact is known."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from zooclient import FileEntry, IntegrityError, License, ModelRecord, ProtocolError, Ref, RefError
from zooclient.extend import license_of, origin, reading

SCHEME: Final = "ollama"
OFFICIAL: Final = "https://registry.ollama.ai"
#: Where the pages for people are.
WEB: Final = "https://ollama.com"
MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"

#: Bytes at the most of a manifest, and of one of the texts that a record or a card is made of.
MOST_MANIFEST: Final = 4 * 1024 * 1024
MOST_TEXT: Final = 1024 * 1024

_OWN_NAMESPACE = "library"
#: The tag that is meant where none is named.
LATEST: Final = "latest"
#: Config of a manifest that has none: the client writes this digest where there is no blob.
_NO_BLOB = "0" * 64

_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_PIN = re.compile(r"[0-9a-f]{64}")
_COUNT = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([KMBT])?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}

#: Kind of a layer → name of its file, role, format. The registry keeps no names; these are ours.
_KINDS: Final[dict[str, tuple[str, str, Any, str | None]]] = {
    "model": ("model", ".gguf", "weights", "gguf"),
    "projector": ("mmproj", ".gguf", "weights", "gguf"),
    # Not .gguf: beside the model it would be a second model to choose from.
    "adapter": ("adapter", ".lora", "other", None),
    "template": ("template", ".txt", "config", None),
    "prompt": ("template", ".txt", "config", None),
    "system": ("system", ".txt", "config", None),
    "params": ("params", ".json", "config", None),
    "messages": ("messages", ".json", "config", None),
    "license": ("LICENSE", "", "other", None),
}
_VENDOR = "application/vnd.ollama.image."


@frozen(kw_only=True)
class Place:
    """A model at the registry.

    Attributes:
        namespace: ``library`` for the models without an owner.
        name: Its name.
    """

    namespace: str
    name: str

    @property
    def id(self) -> str:
        """The one id of the model in references."""
        return self.name if self.namespace == _OWN_NAMESPACE else f"{self.namespace}/{self.name}"


@frozen(kw_only=True)
class Listed:
    """What a manifest lists.

    Attributes:
        digest: sha256 of the manifest, hex: the pin.
        files: The config and the layers, in this order.
        unknown: Kinds of layers that are not known here.
    """

    digest: str
    files: tuple[FileEntry, ...]
    unknown: tuple[str, ...]

    def text(self, path: str) -> FileEntry | None:
        """Returns a file that is small enough to be read as a text; None: there is none."""
        return next((one for one in self.files if one.path == path and (one.size or 0) <= MOST_TEXT), None)


# -- references and addresses -----------------------------------------------------------------------


def read_place(ref: Ref) -> Place:
    """Reads the id of a reference: ``[owner/]name``.

    Raises:
        RefError: It is no name of this registry.
    """
    namespace, slash, name = ref.id.partition("/")
    if not slash:
        namespace, name = _OWN_NAMESPACE, namespace
    if not _NAMESPACE.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise RefError(
            f"{ref.id!r} is no name of a model at Ollama.",
            zoo=SCHEME,
            ref=str(ref),
            hint=f"It is {SCHEME}:[owner/]name, such as {SCHEME}:llama3.2, and a tag stands behind an @.",
        )
    return Place(namespace=namespace, name=name)


def pin_of(ref: Ref) -> str | None:
    """Returns the digest of the manifest that a reference names; None: it names a tag."""
    return ref.revision if ref.revision is not None and _PIN.fullmatch(ref.revision) else None


def tag_of(ref: Ref) -> str:
    """Returns the tag that a reference names.

    Raises:
        RefError: It is none of this registry.
    """
    tag = ref.revision or LATEST
    if not _NAME.fullmatch(tag):
        raise RefError(
            f"{tag!r} is no tag of a model at Ollama.",
            zoo=SCHEME,
            ref=str(ref),
            hint="A tag has letters, digits and . _ - and no more than 80 of them; a pin has 64 hex digits.",
        )
    return tag


def manifest_url(endpoint: str, place: Place, tag: str) -> str:
    """Where the manifest of a tag is."""
    return f"{endpoint}/v2/{place.namespace}/{place.name}/manifests/{tag}"


def blob_url(endpoint: str, place: Place, digest: str) -> str:
    """Where the blob of a sha256 is, a manifest by its digest too."""
    return f"{endpoint}/v2/{place.namespace}/{place.name}/blobs/sha256:{digest}"


# -- manifests --------------------------------------------------------------------------------------


def sha256(body: bytes) -> str:
    """The sha256 of bytes, hex."""
    return hashlib.sha256(body).hexdigest()


def proved(body: bytes, digest: str, what: str) -> bytes:
    """Returns bytes that are what their digest says.

    Raises:
        IntegrityError: They are not.
    """
    found = sha256(body)
    if found != digest:
        raise IntegrityError(
            f"The registry answered with another {what} than the one asked for: sha256 {found} in place of {digest}.",
            hint="Something in between may answer in the zoo's place.",
        )
    return body


def read_manifest(body: bytes) -> Listed:
    """Reads a manifest.

    Raises:
        ProtocolError: It is none of this registry's.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The answer is no manifest: it is not JSON.", hint="Is the endpoint right?") from error
    layers = reading.entries(reading.fields(payload, "the manifest").get("layers"), "the layers of the manifest")
    if not layers:
        raise ProtocolError("The manifest has no layers.", hint="Is it a model?")
    kinds = [_kind(reading.mapping(layer).get("mediaType")) for layer in layers]
    files = _config(payload.get("config"))
    seen: dict[str, int] = {}
    for layer, kind in zip(layers, kinds, strict=True):
        seen[kind] = seen.get(kind, 0) + 1
        files.append(_file(layer, kind, seen[kind], kinds.count(kind)))
    return Listed(
        digest=sha256(body),
        files=tuple({file.path: file for file in files}.values()),
        unknown=tuple(sorted({kind for kind in kinds if kind not in _KINDS})),
    )


def _config(told: Any) -> list[FileEntry]:
    config = reading.mapping(told)
    digest = _digest(config) if config else None
    if digest is None or digest == _NO_BLOB:
        return []
    size = reading.count(config.get("size"))
    return [FileEntry(path="config.json", size=size, digests={"sha256": digest}, role="config")]


def _kind(media: Any) -> str:
    """``model`` of ``application/vnd.ollama.image.model``; parameters behind a semicolon are dropped."""
    bare = (reading.string(media) or "").partition(";")[0].strip()
    return bare.removeprefix(_VENDOR) if bare.startswith(_VENDOR) else bare


def _digest(layer: Mapping[str, Any]) -> str:
    found = _DIGEST.fullmatch(reading.string(layer.get("digest")) or "")
    if found is None:
        raise ProtocolError(
            "A layer of the manifest has no sha256 digest, without which nothing can be verified.",
            hint="Is the endpoint right?",
        )
    return found[1]


def _file(told: Any, kind: str, number: int, many: int) -> FileEntry:
    layer = reading.fields(told, "a layer of the manifest")
    digest = _digest(layer)
    # A kind is a server's word: no name of a file is made of it.
    stem, ending, role, format_ = _KINDS.get(kind, (f"layer-{digest[:12]}", "", "other", None))
    if many > 1 and kind == "model":
        stem += f"-{number:05d}-of-{many:05d}"  # as llama.cpp numbers the parts of one model
    elif many > 1 and kind in _KINDS:
        stem += f"-{number}" if number > 1 else ""
    return FileEntry(
        path=stem + ending,
        size=reading.count(layer.get("size")),
        digests={"sha256": digest},
        role=role,
        format=format_,
        extra={"media_type": reading.line(reading.string(layer.get("mediaType")) or "")},
    )


# -- records ----------------------------------------------------------------------------------------


def read_config(body: bytes | None) -> Mapping[str, Any]:
    """Reads the config; what is none is as good as none."""
    try:
        return reading.mapping(json.loads(body or b"{}"))
    except (ValueError, RecursionError):
        return {}


def read_license(text: str | None) -> License:
    """Reads a licence out of its own text: the heading names it."""
    lines = [line for line in (reading.line(one, 120) for one in (text or "").splitlines()[:40]) if line]
    if not lines:
        return License()
    title = lines[0]
    if title.lower() == "apache license" and len(lines) > 1 and lines[1].lower().startswith("version 2.0"):
        title = "Apache License 2.0"
    known = license_of([title])
    return License(spdx=known.spdx, name=title, raw=title, kind=known.kind)


_READ = frozenset({"model_format", "model_family", "model_families", "model_type", "file_type"})


def read_record(
    ref: Ref, place: Place, listed: Listed, *, config: bytes | None, license_text: str | None, endpoint: str
) -> ModelRecord:
    """Makes the record of a manifest.

    Args:
        ref: What was asked for.
        place: The model.
        listed: Its manifest.
        config: The config; None: it has none, or it is not to be had.
        license_text: The first licence. None: it has none.
        endpoint: The registry.
    """
    told = read_config(config)
    families = reading.strings(told.get("model_families")) or reading.strings(told.get("model_family"))
    extra, dropped = reading.unread(told, _READ)
    problems = [f"The config's field {name!r} is too large to be kept." for name in dropped]
    if listed.unknown:
        names = ", ".join(reading.line(kind, 80) or "none" for kind in listed.unknown)
        problems.append(f"It has layers of kinds that are not known here: {names}.")
    if listed.text("config.json") is None or not told:
        problems.append("It has no config that says what it is.")
    metadata = {name: reading.plain(told[name]) for name in sorted(_READ) if name in told}
    owner = None if place.namespace == _OWN_NAMESPACE else place.namespace
    return ModelRecord(
        ref=Ref(scheme=SCHEME, id=place.id, revision=listed.digest),
        requested=ref,
        pin="version",
        title=place.name,
        author=owner,
        endpoint=origin(endpoint),
        files=listed.files,
        license=read_license(license_text),
        tags=families,
        parameters=read_parameters(told.get("model_type")),
        metadata=metadata,
        web_url=f"{WEB}/{owner or _OWN_NAMESPACE}/{place.name}" if origin(endpoint) == origin(OFFICIAL) else None,
        problems=tuple(problems),
        extra=extra,
    )


def read_parameters(told: Any) -> int | None:
    """Reads a number of parameters as people write it, ``3.2B``; None: it is none."""
    found = _COUNT.fullmatch((reading.string(told) or "").strip())
    return round(float(found[1]) * _UNITS[(found[2] or "").upper()]) if found else None
