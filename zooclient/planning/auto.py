"""What ``weights="auto"`` leaves out: copies of weights that a whole safetensors set holds already.

Every rule needs a **whole** safetensors set (one file, or every shard) among the wanted files, in the folder that
the copy belongs to. What no rule knows for a copy is kept.

1. *Twins.* A pickle of the same name and variant: ``adapter_model.bin`` beside ``adapter_model.safetensors``,
   ``pytorch_model.fp16.bin`` beside ``model.fp16.safetensors``. A pickle without such a twin stays.
2. *Conversions.* Beside a whole ``model`` or ``diffusion_pytorch_model``: ``flax_model*.msgpack``, ``tf_model*.h5``,
   ``rust_model.ot``, ``*.tflite``, ``model*.onnx``, ``openvino_*``, Core ML, GGUF, Mistral's ``consolidated*``; and
   the weights in the folders ``onnx/ openvino/ coreml/ tflite/ original/ metal/`` below it. An ONNX pipeline splits
   ``vae/`` into ``vae_encoder/`` and ``vae_decoder/``.
3. *Half precision.* ``fp16`` and ``bf16`` variants where the plain set is whole; other variants (``non_ema``) are
   other weights and stay.
4. *Single-file checkpoints* at the root of a diffusers pipeline (``model_index.json``) that are as large as its
   denoiser, or as all of its components together, in full or half precision, within 2 %.
5. *Training state* (``optimizer.pt``, ``rng_state_0.pth``, ``training_args.bin``, …), in any folder: it is no weights.

Files of unknown size are never taken for single-file checkpoints. Configs and tokenizers beside a copy stay: they
are small, and some are read from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from zooclient.planning.sets import WeightSet, group
from zooclient.records.model import FileEntry

_MAIN = ("model", "diffusion_pytorch_model")
_TWIN_STEMS = {"pytorch_model": "model"}
_HALF = ("fp16", "bf16")
_EXPORTS = ("onnx", "openvino", "coreml", "tflite", "original", "metal")
_ONNX_HALVES = {"vae_encoder": "vae", "vae_decoder": "vae"}
_CONVERSIONS = {
    "flax": re.compile(r""),
    "rust": re.compile(r""),
    "tflite": re.compile(r""),
    "openvino": re.compile(r""),
    "coreml": re.compile(r""),
    "gguf": re.compile(r""),
    "tensorflow": re.compile(r"^tf_model"),
    "onnx": re.compile(r"^(encoder_|decoder_|decoder_with_past_)?model"),
    "pickle": re.compile(r"^consolidated(\.|$)"),
    "safetensors": re.compile(r"^consolidated(\.|$)"),
}
_TRAINING = re.compile(
    r"^(optimizer|scheduler|scaler|training_args|rng_state(_\d+)?|random_states_\d+|.+_optim_states|zero_.+_states)$"
)
_DENOISERS = ("unet", "transformer", "prior")
_BESIDE_PIPELINE = ("safety_checker", "image_encoder", "feature_extractor")
_TOLERANCE = 0.02


def copies(files: Iterable[FileEntry]) -> dict[str, str]:
    """Returns path → reason for every file that only repeats what a whole safetensors set among them holds."""
    files = tuple(files)
    sets = group(files)
    plain = {item.key: item for item in sets if item.name.format == "safetensors" and item.whole}
    if not plain:
        return {}
    checkpoints = _single_files(files, sets, plain)
    reasons: dict[str, str] = {}
    for item in sets:
        reason = checkpoints.get(item.label) or _reason(item, plain)
        if reason is not None:
            reasons |= {entry.path: reason for entry in item.files}
    return reasons


def _reason(item: WeightSet, plain: Mapping[tuple[str, str, str], WeightSet]) -> str | None:
    name = item.name
    if name.format == "pickle":
        if _TRAINING.match(name.stem):
            return "training state"
        twin = plain.get((name.folder, _TWIN_STEMS.get(name.stem, name.stem), name.variant)) or plain.get(item.key)
        if twin is not None:
            return _copy(twin, "pickle")
    main = _main(name.folder, plain)
    if main is not None:
        if name.variant in _HALF and _TWIN_STEMS.get(name.stem, name.stem) == main.name.stem:
            return f"half-precision copy of {main.label}"
        if (pattern := _CONVERSIONS.get(name.format)) is not None and pattern.match(name.stem):
            return _copy(main, name.format)
    elsewhere = _exported_from(item, plain)
    return _copy(elsewhere, name.format) if elsewhere is not None else None


def _copy(main: WeightSet, format_: str) -> str:
    return f"copy of {main.label} " + ("in another layout" if format_ == "safetensors" else f"as {format_}")


def _main(folder: str, plain: Mapping[tuple[str, str, str], WeightSet]) -> WeightSet | None:
    """Returns the whole set that a library loads from a folder by default."""
    return next((plain[folder, stem, ""] for stem in _MAIN if (folder, stem, "") in plain), None)


def _exported_from(item: WeightSet, plain: Mapping[tuple[str, str, str], WeightSet]) -> WeightSet | None:
    """Returns the set of which files in an export folder such as ``onnx/`` are a conversion."""
    parts = item.name.folder.split("/")
    for position, part in enumerate(parts):
        if part in _EXPORTS:
            return _main("/".join(parts[:position]), plain)
    if item.name.format == "onnx" and parts[-1] in _ONNX_HALVES:
        return _main("/".join([*parts[:-1], _ONNX_HALVES[parts[-1]]]), plain)
    return None


def _single_files(
    files: tuple[FileEntry, ...], sets: tuple[WeightSet, ...], plain: Mapping[tuple[str, str, str], WeightSet]
) -> dict[str, str]:
    """Returns label → reason for the single-file checkpoints beside the folders of a diffusers pipeline."""
    if not any(entry.path == "model_index.json" for entry in files):
        return {}
    folders = {folder for folder, _, _ in plain if folder and folder not in _BESIDE_PIPELINE}
    components = [main for folder in sorted(folders) if (main := _main(folder, plain)) is not None]
    denoiser = next((main for main in components if main.name.folder in _DENOISERS), None)
    if denoiser is None or not denoiser.size:
        return {}
    totals = [float(denoiser.size)]
    sizes = [main.size for main in components]
    if None not in sizes:
        totals.append(float(sum(size for size in sizes if size is not None)))
    return {
        item.label: "single-file checkpoint, as large as the pipeline's own components"
        for item in sets
        if not item.name.folder
        and item.name.format in ("safetensors", "pickle")
        and any(_about(item.size, total) or _about(item.size, total / 2) for total in totals)
    }


def _about(size: int | None, expected: float) -> bool:
    return size is not None and abs(size - expected) <= _TOLERANCE * expected
