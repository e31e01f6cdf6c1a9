"""What Civitai tells of a model, worked out from a card and files that were written for the Hub.

The card's front matter is read for what the site has words for: its own (``pipeline_tag: LORA``,
``base_model_family``, ``trigger_words``), and what authors write for the Hub in the same sense (``tags: [lora]``,
``base_model``, ``instance_prompt``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from zooclient.providers.civitai import names
from zooclient.records.classify import classify
from zooclient.records.front_matter import split, word, words
from zooclient.records.licenses import license_of
from zooclient.records.model import LicenseKind
from zooclient.serve.civitai.markup import html_of
from zooclient.serve.civitai.pictures import is_picture
from zooclient.serve.describe import Describer
from zooclient.serve.shelf import Commit, Shelf

#: Bytes of a card that are read at the most.
_TEXT = 4 * 1024 * 1024

#: The Hub's tag for what is not for everybody, and the levels that it stands for here: R, X and XXX.
_ADULT_TAG, _ADULT = "not-for-all-audiences", 28
_PG = 1

#: Tags and libraries at the Hub to kinds of models.
_KINDS = {
    "lora": "LORA",
    "locon": "LoCon",
    "dora": "DoRA",
    "textual_inversion": "TextualInversion",
    "textual-inversion": "TextualInversion",
    "controlnet": "Controlnet",
    "upscaler": "Upscaler",
    "vae": "VAE",
}

#: What a name of a base model holds (lower case, words joined by one hyphen) to its family, first match wins.
_FAMILIES = (
    ("flux.1-schnell", "Flux.1 S"),
    ("flux.1-kontext", "Flux.1 Kontext"),
    ("flux.1-krea", "Flux.1 Krea"),
    ("flux.1", "Flux.1 D"),
    ("flux.2", "Flux.2 D"),
    ("stable-diffusion-3.5-medium", "SD 3.5 Medium"),
    ("stable-diffusion-3.5-large-turbo", "SD 3.5 Large Turbo"),
    ("stable-diffusion-3.5-large", "SD 3.5 Large"),
    ("stable-diffusion-3", "SD 3"),
    ("sdxl-turbo", "SDXL Turbo"),
    ("stable-diffusion-xl", "SDXL 1.0"),
    ("sdxl", "SDXL 1.0"),
    ("stable-diffusion-2-1", "SD 2.1"),
    ("stable-diffusion-2", "SD 2.0"),
    ("stable-diffusion-v1-4", "SD 1.4"),
    ("stable-diffusion-v1-5", "SD 1.5"),
    ("pony-diffusion", "Pony"),
    ("illustrious", "Illustrious"),
    ("noobai", "NoobAI"),
    ("qwen-image", "Qwen"),
    ("z-image-turbo", "ZImageTurbo"),
    ("stable-cascade", "Stable Cascade"),
)

#: Suffix of an upload to the format that the site gives it; everything else is ``Other``.
_FORMATS = {
    "safetensors": "SafeTensor",
    "sft": "SafeTensor",
    "gguf": "GGUF",
    "pt": "PickleTensor",
    "ckpt": "PickleTensor",
}
_QUANT = re.compile(r"(?<![A-Za-z0-9])(I?Q[1-8](?:_[A-Z0-9]+)*|TQ[12]_0)(?![A-Za-z0-9])", re.IGNORECASE)
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tar.gz", ".tgz")


@frozen(kw_only=True)
class Terms:
    """What the creator allows.

    Attributes:
        no_credit: Whether the creator need not be named.
        commercial: What may be sold: some of ``Image RentCivit Rent Sell``.
        derivatives: Whether it may be merged into others.
        different_license: Whether what is made from it may have other terms.
    """

    no_credit: bool
    commercial: tuple[str, ...]
    derivatives: bool
    different_license: bool


_ALLOWED: Mapping[LicenseKind, Terms] = {
    "open-source": Terms(
        no_credit=True, commercial=("Image", "RentCivit", "Rent", "Sell"), derivatives=True, different_license=True
    ),
    "open-weight": Terms(
        no_credit=False, commercial=("Image", "RentCivit", "Rent"), derivatives=True, different_license=False
    ),
    "non-commercial": Terms(no_credit=False, commercial=(), derivatives=True, different_license=False),
    "unknown": Terms(no_credit=False, commercial=(), derivatives=False, different_license=False),
}


@frozen(kw_only=True)
class Told:
    """What one state of a repository tells.

    Attributes:
        kind: Kind of model.
        title: Name of the model. None: it has none but the repository's.
        base_model: Family that it was made from; ``Other`` when it is not known.
        merged: Whether it is a merge of others.
        words: What calls it up in a prompt.
        tags: In lower case.
        description: The card as HTML. None: it has none.
        terms: What the creator allows.
        nsfw_level: Bits of levels.
    """

    kind: str
    title: str | None
    base_model: str
    merged: bool
    words: tuple[str, ...]
    tags: tuple[str, ...]
    description: str | None
    terms: Terms
    nsfw_level: int


def tell(commit: Commit, describer: Describer, shelf: Shelf) -> Told:
    """Works out what a commit tells. A card that is broken tells nothing."""
    told = describer.describe(commit)
    card: Mapping[str, Any] = told.card or {}
    tags = tuple(dict.fromkeys(tag.strip().lower() for tag in words(card.get("tags")) if tag.strip()))
    return Told(
        kind=_kind(commit, card, tags, told.task),
        title=word(card, "title"),
        base_model=_family(card),
        merged=word(card, "base_model_relation") == "merge" or "merge" in tags,
        words=words(card.get("trigger_words")) or words(card.get("instance_prompt")),
        tags=tags,
        description=html_of(split(_card(commit, shelf))[1]),
        terms=_ALLOWED[license_of(words(card.get("license"))).kind],
        nsfw_level=_ADULT if _ADULT_TAG in tags else _PG,
    )


def shown(commit: Commit) -> tuple[str, ...]:
    """Paths of the files that a version has: all but the card, its description, pictures, and what git keeps there."""
    return tuple(
        path
        for path in commit.files
        if path.lower() != "readme.md" and not path.startswith(".") and not is_picture(path)
    )


def file_type(path: str, kind: str) -> str:
    """Returns the type of a file as the site has it, told by its name.

    Args:
        path: Within the repository.
        kind: Kind of the model.
    """
    lower = path.lower()
    role, _ = classify(path)
    if lower.endswith(_ARCHIVES):
        return "Training Data" if "training" in lower else "Archive"
    if role in ("config", "tokenizer") or lower.endswith((".txt", ".csv")):
        return "Config"
    if role != "weights" and not lower.endswith(".sft"):
        return "Other"
    parts = set(re.split(r"[^a-z0-9]+", lower))
    if "vae" in parts and kind != "LORA":
        return "VAE"
    if {"text", "encoder"} <= parts or parts & {"txt", "t5xxl"}:
        return "Text Encoder"
    if {"image", "encoder"} <= parts or {"clip", "vision"} <= parts:
        return "CLIPVision"
    if "unet" in parts:
        return "UNet"
    if kind == "TextualInversion" and parts & {"neg", "negative"}:
        return "Negative"
    return "Model"


def file_format(path: str) -> str:
    """Returns ``metadata.format``: by the suffix alone."""
    return _FORMATS.get(path.lower().rpartition(".")[2], "Other")


def file_extent(path: str, kind: str, type_: str) -> str | None:
    """Returns ``metadata.size``, ``full`` or ``pruned``; None where the site has neither."""
    if type_ not in ("Model", "Pruned Model") or (kind != "Checkpoint" and "pruned" not in path.lower()):
        return None
    return "pruned" if "pruned" in path.lower() else "full"


def quantisation(path: str) -> str | None:
    """Returns ``metadata.quantType`` of a GGUF file, read from its name."""
    found = _QUANT.search(path.rpartition("/")[2]) if path.lower().endswith(".gguf") else None
    return None if found is None else found[1].upper()


def _kind(commit: Commit, card: Mapping[str, Any], tags: tuple[str, ...], task: str | None) -> str:
    own = names.spelled(word(card, "pipeline_tag") or "", names.TYPES)
    if own is not None:
        return own
    for tag in tags:
        if tag in _KINDS:
            return _KINDS[tag]
    if "adapter_config.json" in commit.files:
        return "LORA"
    if task in ("text-generation", "image-text-to-text"):
        return "LLM"
    weights = any(classify(path)[0] == "weights" for path in commit.files)
    return "Checkpoint" if weights else "Other"


def _family(card: Mapping[str, Any]) -> str:
    own = word(card, "base_model_family")
    if own is not None:
        return names.spelled(own, names.BASE_MODELS) or own
    for base in words(card.get("base_model")):
        flat = re.sub(r"[\s_-]+", "-", base.lower())
        for part, family in _FAMILIES:
            if part in flat:
                return family
    return "Other"


def _card(commit: Commit, shelf: Shelf) -> str:
    entry = commit.files.get("README.md")
    place = None if entry is None else shelf.place(entry.digest)
    if place is None:
        return ""
    with place.path.open("rb") as file:
        return file.read(_TEXT).decode("utf-8", "replace")
