"""What the name of a weights file tells: format, set, shard, variant.

The conventions are those of the libraries that write such files:

* shards are numbered ``NAME-00001-of-00005.EXT``, their index is ``NAME.EXT.index.json`` (transformers, diffusers);
* a variant stands before the ending, ``model.fp16.safetensors`` (diffusers);
* a GGUF name ends in its quantisation, ``NAME-Q4_K_M.gguf`` or ``NAME.Q4_K_M.gguf`` (llama.cpp, and
  https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#gguf-naming-convention).
"""

from __future__ import annotations

import re

from attrs import frozen

from zooclient.records.classify import FORMATS, classify
from zooclient.records.model import FileEntry

_INDEX = re.compile(r"\.index(\.[\w-]+)?\.json$")
_ENDING = re.compile(r"(\.onnx[._]data(_\d+)?|\.[A-Za-z]\w*)$")
_INNER_ENDING = re.compile(r"\.(safetensors|bin)(?=-\d+-of-\d+$)")
_SHARD = re.compile(r"[-_.](\d+)-of-(\d+)$")
_VARIANT = re.compile(r"^(?P<stem>[^.]+)\.(?P<variant>[A-Za-z][\w-]*)$")
_GGUF_VARIANT = re.compile(
    r"(?:^|[-_.])((?:UD-)?(?:I?Q\d+(?:_[0-9A-Z]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|F16|FP16|F32|FP32))(?=$|[-_.])",
    re.IGNORECASE,
)


@frozen(kw_only=True)
class WeightName:
    """A weights file, read by its name.

    Attributes:
        folder: POSIX folder; empty for the root.
        format: One of ``FORMATS`` of :mod:`zooclient.records.classify`.
        stem: Name without ending, shard and variant.
        variant: ``fp16``, ``non_ema``, … of a safetensors or pickle file; empty when plain.
        shard: (number, how many); None when the file is whole in itself.
        index: It is the index of a sharded set.
    """

    folder: str
    format: str
    stem: str
    variant: str = ""
    shard: tuple[int, int] | None = None
    index: bool = False


def format_of(entry: FileEntry) -> str | None:
    """Returns the weights format of a file; None when it holds no weights."""
    _, format_ = classify(entry.path)
    # A zoo may know what the name hides (Civitai tells a format for each file).
    return format_ or (entry.format if entry.format in FORMATS else None)


def read_name(entry: FileEntry) -> WeightName | None:
    """Reads the name of a weights file, or of the index of a sharded set; None for any other file."""
    folder, _, name = entry.path.rpartition("/")
    index = _INDEX.search(name)
    if index is not None:
        base = FileEntry(path=name[: index.start()])
        format_ = format_of(base)
        if format_ is None:
            return None
        stem, variant = _stem_and_variant(_without_ending(base.path), format_)
        return WeightName(
            folder=folder,
            format=format_,
            stem=stem,
            variant=(index[1] or "").removeprefix(".") or variant,
            index=True,
        )
    format_ = format_of(entry)
    if format_ is None:
        return None
    bare = _without_ending(name)
    shard = _SHARD.search(bare)
    numbers = (int(shard[1]), int(shard[2])) if shard is not None else None
    trailing = ""
    if shard is not None:
        bare = bare[: shard.start()]
    elif (late := _VARIANT.match(bare)) is not None and (inner := _SHARD.search(late["stem"])) is not None:
        # Older diffusers: model-00001-of-00002.fp16.safetensors
        bare, trailing = late["stem"][: inner.start()], late["variant"]
        numbers = (int(inner[1]), int(inner[2]))
    stem, variant = _stem_and_variant(bare, format_)
    return WeightName(folder=folder, format=format_, stem=stem, variant=trailing or variant, shard=numbers)


def gguf_variant(name: WeightName) -> str:
    """Returns the quantisation that a GGUF name tells, as written; the whole stem when it tells none."""
    found = _GGUF_VARIANT.findall(name.stem)
    return found[-1] if found else name.stem


def _without_ending(name: str) -> str:
    bare = _ENDING.sub("", name)
    # model.safetensors-00001-of-00014.safetensors: the ending stands twice.
    return _INNER_ENDING.sub("", bare)


def _stem_and_variant(bare: str, format_: str) -> tuple[str, str]:
    match = _VARIANT.match(bare) if format_ in ("safetensors", "pickle") else None
    return (match["stem"], match["variant"]) if match is not None else (bare, "")
