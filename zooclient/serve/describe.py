"""What the Hub works out about a model from its files: front matter, tags, counts of parameters."""

from __future__ import annotations

import json
import math
import re
import struct
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from attrs import field, frozen

from zooclient.serve.exchange import plain
from zooclient.serve.shelf import Commit, Shelf, ShelfFile

#: Bytes of a card or a config that are read at the most.
_TEXT = 4 * 1024 * 1024
#: Bytes of a safetensors header at the most, the bound of the format's own reader.
_HEADER = 100_000_000

_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")
_FORMATS = (
    ("safetensors", re.compile(r".*\.safetensors")),
    ("gguf", re.compile(r".*\.gguf")),
    ("onnx", re.compile(r".*\.onnx")),
    ("pytorch", re.compile(r"(?:.*/)?pytorch_model.*\.bin")),
    ("tflite", re.compile(r".*\.tflite")),
    ("joblib", re.compile(r".*\.joblib")),
)


@frozen(kw_only=True)
class Description:
    """What was worked out.

    Attributes:
        card: Front matter. None: there is none, or it is broken.
        config: Excerpt of ``config.json``. None: there is none, or it is broken.
        tags: In the Hub's order: library, formats, type, task, the card's own, then those with a prefix.
        task: ``pipeline_tag``. None when neither the card nor the config tells.
        library: ``library_name``. None when neither tells.
        parameters: Element type to count. None without safetensors.
    """

    card: Mapping[str, Any] | None = field(default=None, hash=False)
    config: Mapping[str, Any] | None = field(default=None, hash=False)
    tags: tuple[str, ...] = ()
    task: str | None = None
    library: str | None = None
    parameters: Mapping[str, int] | None = field(default=None, hash=False)


class Describer:
    """Describes commits, and remembers what it found.

    Args:
        shelf: Where the files come from.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: OrderedDict[str, Description] = OrderedDict()
        self._lock = Lock()

    def describe(self, commit: Commit) -> Description:
        """Returns what the files of a commit tell. A file that is broken tells nothing."""
        with self._lock:
            known = self._known.get(commit.id)
        if known is None:
            known = self._read(commit)
            with self._lock:
                self._known[commit.id] = known
                while len(self._known) > 4096:
                    self._known.popitem(last=False)
        return known

    def _read(self, commit: Commit) -> Description:
        readme = self._text(commit.files.get("README.md"))
        card = front_matter(readme)
        config = _config(self._text(commit.files.get("config.json")))
        known = card or {}
        library = _word(known.get("library_name")) or ("transformers" if (config or {}).get("model_type") else None)
        task = _word(known.get("pipeline_tag"))
        return Description(
            card=card,
            config=config,
            tags=_tags(known, config or {}, commit, library, task, readme),
            task=task,
            library=library,
            parameters=self._parameters(commit),
        )

    def _text(self, entry: ShelfFile | None) -> str:
        place = None if entry is None else self._shelf.place(entry.digest)
        if place is None:
            return ""
        with place.path.open("rb") as file:
            return file.read(_TEXT).decode("utf-8", "replace")

    def _parameters(self, commit: Commit) -> dict[str, int] | None:
        totals: dict[str, int] = {}
        for path in _weights(commit):
            place = self._shelf.place(commit.files[path].digest)
            header = None
            if place is not None:
                with place.path.open("rb") as file:
                    header = safetensors_header(file.read(8), file.read)
            if header is None:
                return None
            for dtype, count in counted(header).items():
                totals[dtype] = totals.get(dtype, 0) + count
        return totals or None


def front_matter(text: str) -> dict[str, Any] | None:
    """Returns the YAML head of a card as JSON can say it; None when there is none or it is broken."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Without aliases: nine nested ones make a gigabyte out of a kilobyte."""

        def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("an alias in front matter")
            return super().compose_node(parent, index)

    match = _FRONT_MATTER.match(text)
    if match is None:
        return None
    try:
        value = yaml.load(match[1], Loader=Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return plain(value) if isinstance(value, dict) else None


def safetensors_header(prefix: bytes, read: Any) -> dict[str, Any] | None:
    """Returns the JSON header of a safetensors file; None when it is none.

    Args:
        prefix: First eight bytes.
        read: Called with a count, returns the bytes that follow.
    """
    if len(prefix) < 8:
        return None
    (length,) = struct.unpack("<Q", prefix)
    if length > _HEADER:
        return None
    try:
        header = json.loads(read(length))
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def counted(header: Mapping[str, Any]) -> dict[str, int]:
    """Returns how many elements of each type the tensors of a safetensors header hold."""
    totals: dict[str, int] = {}
    for name, tensor in header.items():
        if name == "__metadata__" or not isinstance(tensor, dict):
            continue
        shape, dtype = tensor.get("shape"), tensor.get("dtype")
        if isinstance(shape, list) and isinstance(dtype, str) and all(isinstance(edge, int) for edge in shape):
            totals[dtype] = totals.get(dtype, 0) + math.prod(shape)
    return totals


def _weights(commit: Commit) -> list[str]:
    """The files that the Hub counts: the one whole file, or the shards beside each other."""
    if "model.safetensors" in commit.files:
        return ["model.safetensors"]
    here = [path for path in commit.files if path.endswith(".safetensors") and "/" not in path]
    shards = [path for path in here if re.search(r"-\d{5}-of-\d{5}\.safetensors\Z", path)]
    return shards or here[:1]


def _config(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    names = ("architectures", "model_type", "auto_map", "quantization_config")
    return {**{name: value[name] for name in names if name in value}, "tokenizer_config": {}}


def _tags(
    card: Mapping[str, Any],
    config: Mapping[str, Any],
    commit: Commit,
    library: str | None,
    task: str | None,
    readme: str,
) -> tuple[str, ...]:
    tags: list[str | None] = [library]
    tags += [name for name, pattern in _FORMATS if any(pattern.fullmatch(path) for path in commit.files)]
    tags += [_word(config.get("model_type")), task]
    tags += _words(card.get("tags")) + _words(card.get("language"))
    tags += [f"dataset:{name}" for name in _words(card.get("datasets"))]
    tags += [f"arxiv:{paper}" for paper in _ARXIV.findall(readme)]
    relation = _word(card.get("base_model_relation")) or "finetune"
    for base in _words(card.get("base_model")):
        tags += [f"base_model:{base}", f"base_model:{relation}:{base}"]
    tags += [f"license:{name}" for name in _words(card.get("license"))]
    tags.append("region:us")
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value if isinstance(item, str | int | float)]
    return [value] if isinstance(value, str) and value else []
