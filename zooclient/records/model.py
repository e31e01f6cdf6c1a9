"""What a zoo claims about a model: a ``Hit`` of a search, a ``ModelRecord`` of one pinned revision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from attrs import field, frozen

from zooclient.records.checks import check_count, check_digests, check_hex, check_tuples, check_utc
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref
from zooclient.records.schema import Schema

Role = Literal["weights", "config", "tokenizer", "card", "code", "other"]
Pin = Literal["commit", "version", "content", "none"]
AccessState = Literal["open", "gated", "pending", "private", "paid", "gone", "region_blocked"]
Compression = Literal["none", "gzip", "zstd"]
LicenseKind = Literal["open-source", "open-weight", "non-commercial", "unknown"]


@frozen(kw_only=True)
class License:
    """A licence as the zoo tells it.

    Attributes:
        spdx: SPDX expression, where the claim names one for certain. None otherwise.
        name: Name to show, such as ``LFM Open License v1.0``. None when the zoo gives none.
        url: Where the text lies. None when the zoo gives none.
        raw: The claim as the zoo wrote it. None when there is none.
        kind: What it roughly allows; ``unknown`` unless the table of known licences says.
    """

    spdx: str | None = None
    name: str | None = None
    url: str | None = None
    raw: str | None = None
    kind: LicenseKind = "unknown"


@frozen(kw_only=True)
class Access:
    """Whether the bytes may be had.

    Attributes:
        state: ``open``, or what stands in the way.
        how: One sentence on how to get in. None when open.
        url: The page at which to ask. None when open, or when the zoo has none.
    """

    state: AccessState = "open"
    how: str | None = None
    url: str | None = None


@frozen(kw_only=True)
class Layer:
    """A layer of a container image, which is fetched whole, and only where somebody asks for what is in it.

    Attributes:
        digest: sha256 of the layer as it is fetched, lower-case hex.
        size: Bytes of it.
        compression: How it is packed.
        target: The folder, or the one file, that it fills, as a path below the root of the image; ``src/weights``.
        unpacked_digest: sha256 of it unpacked, lower-case hex. None when not told.
        unpacked_size: Bytes of it unpacked. None when not told.
    """

    digest: str
    size: int
    compression: Compression = "none"
    target: str
    unpacked_digest: str | None = None
    unpacked_size: int | None = None

    def __attrs_post_init__(self) -> None:
        check_hex("digest", "sha256", self.digest)
        check_hex("unpacked_digest", "sha256", self.unpacked_digest)
        check_count("size", self.size)
        check_count("unpacked_size", self.unpacked_size)


@frozen(kw_only=True)
class FileEntry:
    """One file of a revision, as the zoo lists it.

    Attributes:
        path: POSIX path below the root of the model, as listed.
        size: Bytes. None only where the zoo does not say.
        digests: ``sha256 | git-sha1 | blake3 | crc32 | md5`` to lower-case hex; empty when none is stated.
        role: What the file is for.
        format: ``safetensors``, ``gguf``, ``pickle``, ``onnx``, …; None when the name does not tell.
        key: The zoo's own handle of the file where the path is not one (Civitai's file id). None otherwise.
        extra: Wire fields that we do not read; and ``approximate_size``, bytes, where a zoo tells a size only roughly.
        layer: The layer of an image in which the file lies; or of which, while nobody has looked into it, this entry
            stands for all files. None: the file is had by itself.
    """

    path: str
    size: int | None = None
    digests: Mapping[str, str] = field(factory=dict, hash=False)
    role: Role = "other"
    format: str | None = None
    key: str | None = None
    extra: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)
    layer: Layer | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_digests("digests", self.digests)

    @classmethod
    def of_layer(cls, layer: Layer) -> FileEntry:
        """Returns the entry that stands for a layer into which nobody has looked yet."""
        ending = {"none": "tar", "gzip": "tar.gz", "zstd": "tar.zst"}[layer.compression]
        return cls(
            path=f"layers/{layer.digest[:12]}.{ending}",
            size=layer.size,
            digests={"sha256": layer.digest},
            role="weights",
            layer=layer,
        )

    @property
    def unopened(self) -> bool:
        """Whether it stands for a layer whose files are not listed yet."""
        return self.layer is not None and self.digests.get("sha256") == self.layer.digest

    @property
    def expected_size(self) -> int | None:
        """Bytes, or about how many where the zoo tells them only roughly; None when it does not say."""
        about = self.extra.get("approximate_size")
        return self.size if self.size is not None else about if type(about) is int and about >= 0 else None


@frozen(kw_only=True)
class Demo:
    """A hosted page that shows the model at work, such as a Space.

    Attributes:
        id: The zoo's id of the demo, ``owner/name``.
        url: Page to open.
        state: The zoo's own word for its state, such as ``RUNNING``. None when not told.
    """

    id: str
    url: str
    state: str | None = None


@frozen(kw_only=True)
class Hit(Plain):
    """One answer of a search. The same names mean the same on :class:`ModelRecord`.

    Attributes:
        ref: The model, not pinned unless the zoo's listing names a revision.
        title: Name to show.
        author: Owner at the zoo. None when it has none.
        task: Task id of the zoo, such as ``text-generation``. None when not told.
        library: Library the weights are for, such as ``transformers``. None when not told.
        license: Licence as claimed. None when the listing does not tell.
        tags: All tags, in the zoo's order.
        downloads: Count as the zoo counts (the Hub: 30 days). None when not told.
        likes: Count. None when not told.
        created_at: Aware UTC. None when not told.
        updated_at: Last change, aware UTC. None when not told.
        access: Whether its bytes may be had.
        nsfw: Marked as adult content. None when the zoo does not say.
        web_url: Page for people. None when there is none.
        base_models: References of the models that it was made from, as far as the listing tells.
        parameters: Number of parameters. None when not told.
        weights_size: Bytes of its weights, as listed or as the types of its parameters make; of several variants
            the smallest, and where a zoo tells no more, all files together. None when not told.
        formats: Formats of its weights, such as ``safetensors``, as far as the listing tells.
        extra: Wire fields that we do not read.
    """

    ref: Ref
    title: str
    author: str | None = None
    task: str | None = None
    library: str | None = None
    license: License | None = None
    tags: tuple[str, ...] = ()
    downloads: int | None = None
    likes: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    access: Access = Access()
    nsfw: bool | None = None
    web_url: str | None = None
    base_models: tuple[str, ...] = ()
    parameters: int | None = None
    weights_size: int | None = None
    formats: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_tuples(tags=self.tags, base_models=self.base_models, formats=self.formats)
        check_count("downloads", self.downloads)
        check_count("likes", self.likes)
        check_count("parameters", self.parameters)
        check_count("weights_size", self.weights_size)
        check_utc("created_at", self.created_at)
        check_utc("updated_at", self.updated_at)


@frozen(kw_only=True)
class ModelRecord(Plain):
    """What the zoo claims about one revision of a model. Written once; what we observe goes elsewhere.

    It has the attributes of :class:`Hit`, and further ones.

    Attributes:
        ref: The model at the pinned revision.
        requested: The reference as it was asked for.
        pin: What the revision of ``ref`` is: an immutable ``commit``, ``version`` or ``content``, or ``none``.
        stable_id: The zoo's id that survives renames. None when the zoo has none.
        endpoint: Origin of the server that answered, ``https://host:port``. None for ``file:``.
        files: Every file, in the zoo's order.
        base_models: References of the models that it was made from.
        parameters: Number of parameters. None when not told.
        metadata: Front matter and the like, as the zoo parsed it.
        created_at: Aware UTC. None when not told.
        demos: Hosted pages; filled only when asked for.
        problems: Sentences on what was odd about the answer.
        extra: Wire fields that we do not read.
        schema: What it takes and gives where it is run. None when not told.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("total_size",)

    ref: Ref
    requested: Ref
    pin: Pin
    title: str
    files: tuple[FileEntry, ...] = ()
    stable_id: str | None = None
    endpoint: str | None = None
    author: str | None = None
    task: str | None = None
    library: str | None = None
    license: License = License()
    tags: tuple[str, ...] = ()
    downloads: int | None = None
    likes: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    access: Access = Access()
    nsfw: bool | None = None
    web_url: str | None = None
    base_models: tuple[str, ...] = ()
    parameters: int | None = None
    metadata: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)
    demos: tuple[Demo, ...] = ()
    problems: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)
    schema: Schema | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(
            files=self.files, tags=self.tags, base_models=self.base_models, demos=self.demos, problems=self.problems
        )
        check_count("downloads", self.downloads)
        check_count("likes", self.likes)
        check_count("parameters", self.parameters)
        check_utc("created_at", self.created_at)
        check_utc("updated_at", self.updated_at)

    @property
    def total_size(self) -> int | None:
        """Bytes of all files; None while one size is unknown."""
        total = 0
        for entry in self.files:
            if entry.size is None:
                return None
            total += entry.size
        return total

    @property
    def weights_size(self) -> int | None:
        """Bytes of all files with the role ``weights``, every format and variant; None while one size is unknown."""
        sizes = [entry.size for entry in self.files if entry.role == "weights"]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats of the files with the role ``weights``, each once, in the zoo's order."""
        return tuple(
            dict.fromkeys(entry.format for entry in self.files if entry.role == "weights" and entry.format is not None)
        )

    def file(self, path: str) -> FileEntry | None:
        """Returns the file with exactly this path, or None."""
        return next((entry for entry in self.files if entry.path == path), None)
