"""The names that Civitai takes in questions; open sets in answers.

One name that the site does not know fails a whole question, so what is not here is not sent, and looked for in what
comes back instead. From the site's enums of August 2026.
"""

from __future__ import annotations

from typing import Final

#: What a model is.
TYPES: Final = (
    *("Checkpoint", "TextualInversion", "Hypernetwork", "AestheticGradient", "LORA", "LoCon", "DoRA", "Controlnet"),
    *("Upscaler", "MotionModule", "VAE", "TextEncoder", "UNet", "CLIPVision", "Poses", "Wildcards", "Workflows"),
    *("ComfyWorkflows", "Detection", "VisionLanguage", "CLIP", "LLM", "Other"),
)

#: Families of base models; the site has more, of models that it only hosts.
BASE_MODELS: Final = (
    *("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper", "SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768"),
    *("SD 2.1 Unclip", "SD 3", "SD 3.5", "SD 3.5 Large", "SD 3.5 Large Turbo", "SD 3.5 Medium", "SDXL 0.9"),
    *("SDXL 1.0", "SDXL 1.0 LCM", "SDXL Lightning", "SDXL Hyper", "SDXL Turbo", "SDXL Distilled", "Pony"),
    *("Pony V7", "Illustrious", "NoobAI", "Flux.1 S", "Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext", "Flux.2 D"),
    *("Stable Cascade", "SVD", "SVD XT", "PixArt a", "PixArt E", "Hunyuan 1", "Hunyuan Video", "Lumina", "Kolors"),
    *("AuraFlow", "Chroma", "HiDream", "Mochi", "LTXV", "LTXV2", "LTXV 2.3", "CogVideoX", "Qwen", "Qwen 2"),
    *("Qwen 3", "ZImageTurbo", "ZImageBase", "Anima", "Ernie", "Krea 2", "Boogu", "Upscaler", "Other"),
)

#: Order of ours → the site's. Text is always answered by relevance.
SORTS: Final = {"downloads": "Most Downloaded", "likes": "Most Liked", "created": "Newest"}

#: Types of files that are weights, or parts of them.
WEIGHTS: Final = frozenset(
    {
        *("Model", "Pruned Model", "Negative", "VAE", "UNet", "Diffusion Model", "Text Encoder", "Vision Encoder"),
        *("CLIPVision", "ControlNet", "Upscaler", "Enhancement LoRA"),
    }
)
#: Types of files that a version is about; the rest goes with them.
MAIN: Final = ("Model", "Pruned Model", "Diffusion Model", "UNet")
#: Types of files that are no weights, whatever their ending says.
BESIDE: Final = frozenset({"Training Data", "Archive", "Workflow"})

#: Their ``metadata.format`` → ours. ``Other`` says nothing: it is what the site calls any ending it does not know.
FORMATS: Final = {
    "SafeTensor": "safetensors",
    "PickleTensor": "pickle",
    "GGUF": "gguf",
    "ONNX": "onnx",
    "Core ML": "coreml",
}


def spelled(name: str, known: tuple[str, ...]) -> str | None:
    """Returns a name as the site spells it; None when it is not among those known."""
    wanted = name.strip().casefold()
    return next((spelling for spelling in known if spelling.casefold() == wanted), None)
