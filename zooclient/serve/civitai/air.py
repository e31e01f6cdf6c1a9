"""The AIR of a version: ``urn:air:ecosystem:type:civitai:model@version``. Pure.

Ecosystem and type are labels, and name nothing; the numbers do.
"""

from __future__ import annotations

import re

from zooclient.serve.civitai.entities import File, Model, Version

#: Kind of a model to its word here; any other is ``unknown``.
_KINDS = {
    "Checkpoint": "checkpoint",
    "LORA": "lora",
    "DoRA": "dora",
    "LoCon": "lycoris",
    "TextualInversion": "embedding",
    "Hypernetwork": "hypernet",
    "AestheticGradient": "ag",
    "MotionModule": "motion",
    "Upscaler": "upscaler",
    "VAE": "vae",
    "Controlnet": "controlnet",
    "TextEncoder": "text_encoders",
    "UNet": "unet",
    "CLIPVision": "clipvision",
    "CLIP": "clip",
    "VisionLanguage": "visionlanguage",
}

#: Beginning of a family in lower case to its root, first match wins; any other is its own.
_ECOSYSTEMS = (
    ("sd 1", "sd1"),
    ("sd 2", "sd2"),
    ("sd 3", "sd3"),
    ("sdxl", "sdxl"),
    ("pony v7", "auraflow"),
    ("pony", "sdxl"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("flux.1 krea", "fluxkrea"),
    ("flux.1 kontext", "flux1kontext"),
    ("flux.1", "flux1"),
    ("flux.2", "flux2"),
    ("upscaler", "other"),
)


def air(model: Model, version: Version, file: File | None = None) -> str:
    """Returns the AIR of a version, or of one of its files."""
    kind = _KINDS.get(model.told.kind, "unknown")
    tail = "" if file is None else f"+{file.id}"
    return f"urn:air:{_ecosystem(version.told.base_model)}:{kind}:civitai:{model.id}@{version.id}{tail}"


def _ecosystem(family: str) -> str:
    lower = family.lower()
    for beginning, root in _ECOSYSTEMS:
        if lower.startswith(beginning):
            return root
    return re.sub(r"[^a-z0-9]", "", lower) or "other"
