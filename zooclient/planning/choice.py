"""What ``weights=`` means for the files that the patterns left."""

from __future__ import annotations

from zooclient.errors import ConfigError
from zooclient.planning.auto import copies
from zooclient.planning.naming import gguf_variant
from zooclient.planning.sets import WeightSet, group
from zooclient.records.classify import FORMATS
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.wishes import Wishes

#: Formats that come in variants, ``FORMAT:VARIANT``.
_WITH_VARIANTS = ("gguf", "safetensors")


def skipped_weights(record: ModelRecord, files: tuple[FileEntry, ...], wishes: Wishes) -> dict[str, str]:
    """Returns path → reason for every file that ``wishes.weights`` leaves out.

    Args:
        record: The model, for the words of an error.
        files: What the patterns left.
        wishes: What is wanted.

    Raises:
        ConfigError: No such format or variant, or several GGUF variants and no choice.
    """
    choice = wishes.weights
    if choice == "all":
        return {}
    if choice == "auto":
        return _auto(record, files, frozenset(wishes.files or ()))
    if choice == "none":
        return {entry.path: "no weights wanted" for item in group(files) for entry in item.files}
    format_, colon, variant = choice.partition(":")
    if format_ not in FORMATS or (colon and (format_ not in _WITH_VARIANTS or not variant)):
        raise ConfigError(
            f"weights={choice!r} is no choice that zooclient knows.",
            hint=f"It knows: auto, all, none, {', '.join(FORMATS)}, gguf:VARIANT, safetensors:VARIANT.",
        )
    sets = group(files)
    mine = [item for item in sets if item.name.format == format_]
    if not mine:
        there = sorted({item.name.format for item in sets})
        raise ConfigError(
            f"{record.ref} holds no {format_} weights.",
            ref=str(record.ref),
            zoo=record.ref.scheme,
            operation="plan",
            hint=f"It holds: {', '.join(there)}." if there else "No weights are among the files that were asked for.",
        )
    keep = mine
    if format_ == "gguf" and not variant:
        _refuse_many(record, mine, frozenset(wishes.files or ()))
    if variant:
        keep = _gguf(record, mine, variant) if format_ == "gguf" else _safetensors(record, mine, variant)
    kept = {entry.path for item in keep for entry in item.files}
    return {
        entry.path: f"not {format_}" if item.name.format != format_ else f"not the variant {variant}"
        for item in sets
        for entry in item.files
        if entry.path not in kept
    }


def _auto(record: ModelRecord, files: tuple[FileEntry, ...], named: frozenset[str]) -> dict[str, str]:
    reasons = {path: reason for path, reason in copies(files).items() if path not in named}
    _refuse_many(record, [item for item in group(files) if item.files[0].path not in reasons], named)
    return reasons


def _refuse_many(record: ModelRecord, sets: list[WeightSet], named: frozenset[str]) -> None:
    """Refuses several GGUF variants, each of which is the whole model, unless each was named."""
    variants = [item for item in sets if _is_gguf_model(item) and not all(file.path in named for file in item.files)]
    if len(variants) > 1:
        raise ConfigError(
            f"{record.ref} holds {len(variants)} GGUF variants, and none was chosen: {_sizes(variants)}.",
            ref=str(record.ref),
            zoo=record.ref.scheme,
            operation="plan",
            hint=f"Choose one, {_chosen(_spelling(variants, variants[0]))}, or take them all, {_chosen('all')}.",
        )


def _is_gguf_model(item: WeightSet) -> bool:
    """Tells a model from its companions: the projector of a vision model, the matrix that a quantisation used."""
    stem = item.name.stem.lower()
    return item.name.format == "gguf" and "mmproj" not in stem and "imatrix" not in stem


def _gguf(record: ModelRecord, sets: list[WeightSet], variant: str) -> list[WeightSet]:
    models = [item for item in sets if _is_gguf_model(item)]
    wanted = variant.lower()
    chosen = [item for item in models if gguf_variant(item.name).lower() == wanted]
    if len(chosen) != 1:
        chosen = [item for item in models if wanted in _long_names(item)] or chosen
    if len(chosen) == 1:
        return [*chosen, *(item for item in sets if not _is_gguf_model(item))]
    some = chosen or models
    told = f"{len(chosen)} GGUF models as" if chosen else "no GGUF variant"
    raise ConfigError(
        f"{record.ref} holds {told} {variant}; there are: {_sizes(some)}.",
        ref=str(record.ref),
        zoo=record.ref.scheme,
        operation="plan",
        hint=f"Choose one, such as {_chosen(_spelling(some, some[0]))}." if some else None,
    )


def _long_names(item: WeightSet) -> tuple[str, str]:
    """Returns what names a set for certain where two share a quantisation: its stem, and its folder with it."""
    stem = item.name.stem.lower()
    return stem, f"{item.name.folder}/{stem}".lower()


def _spelling(sets: list[WeightSet], item: WeightSet) -> str:
    """Returns the shortest ``weights=`` that means this set and no other."""
    variant, stem = gguf_variant(item.name), item.name.stem
    if sum(gguf_variant(other.name).lower() == variant.lower() for other in sets) == 1:
        return f"gguf:{variant}"
    if sum(other.name.stem.lower() == stem.lower() for other in sets) == 1:
        return f"gguf:{stem}"
    return f"gguf:{item.name.folder}/{stem}"


def _sizes(sets: list[WeightSet]) -> str:
    return ", ".join(f"{_spelling(sets, item).removeprefix('gguf:')} ({_human(item.size)})" for item in sets)


def _human(size: int | None) -> str:
    if size is None:
        return "size unknown"
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _chosen(weights: str) -> str:
    """How a choice is written, in Python and on the command line."""
    return f'`weights="{weights}"` (`--weights {weights}`)'


def _safetensors(record: ModelRecord, sets: list[WeightSet], variant: str) -> list[WeightSet]:
    """Keeps the variant in each folder that has it whole, and what there is in the others, as diffusers does."""
    chosen = {(item.name.folder, item.name.stem) for item in sets if item.name.variant == variant and item.whole}
    if not chosen:
        there = sorted({item.name.variant for item in sets if item.name.variant})
        raise ConfigError(
            f"{record.ref} holds no whole safetensors set of the variant {variant}.",
            ref=str(record.ref),
            zoo=record.ref.scheme,
            operation="plan",
            hint=f"There are: {', '.join(there)}." if there else f"There are no variants: {_chosen('safetensors')}.",
        )
    return [
        item for item in sets if item.name.variant == (variant if (item.name.folder, item.name.stem) in chosen else "")
    ]
