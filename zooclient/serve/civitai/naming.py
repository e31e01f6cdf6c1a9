"""The names that Civitai shows for files: made from those of the model and the version, not those of the upload. Pure.

So fp16 and fp32, pruned and full, and every quantisation of a version share one name.
"""

from __future__ import annotations

import re

from attrs import frozen

#: Characters of a name that are made use of.
_LENGTH = 20

#: Kinds of models whose files keep their names.
_KEEPING = ("LORA", "LoCon")


@frozen(kw_only=True)
class Naming:
    """What a name is made from.

    Attributes:
        kind: Kind of the model.
        model: Name of the model.
        version: Name of the version.
        word: First word that the model was trained on. None: there is none.
    """

    kind: str
    model: str
    version: str
    word: str | None = None


def derived(naming: Naming, stored: str, file_type: str) -> str:
    """Returns the name under which a file is shown and downloaded.

    Args:
        naming: The model and its version.
        stored: Name that it was uploaded with.
        file_type: Type of the file as the site has it.
    """
    model = reduced(naming.model)
    if not model or naming.kind in _KEEPING or file_type == "VAE":
        return stored
    version = reduced(re.sub(re.escape(model), "", naming.version, count=1, flags=re.IGNORECASE))
    whole = f"{model}_{version}" if version else model
    if file_type == "Training Data":
        return f"{whole}_trainingData.zip"
    ending = stored.rpartition(".")[2]
    if naming.kind == "TextualInversion":
        negative = "-neg" if file_type == "Negative" else ""
        return f"{_safe(naming.word)}{negative}.{ending}" if _safe(naming.word) else stored
    lower = stored.lower()
    if "-inpainting" in lower:
        whole += "-inpainting"
    elif ".instruct-pix2pix" in lower:
        whole += ".instruct-pix2pix"
    elif file_type == "Text Encoder":
        whole += "_txt"
    return f"{whole}.{ending}"


def reduced(text: str) -> str:
    """Returns a name as one word in camel case, cut at the end of a word; empty when nothing of it is left.

    The first word is written small, words in capitals stay as they are, all others begin with a capital: recorded
    are ``revAnimated``, ``v20Bakedvae`` (of ``v2.0-BakedVAE``) and ``waiIllustriousSDXL``.
    """
    broken = re.sub(r"[^A-Za-z0-9]", "_", re.sub(r"['’]", "", text))
    if len(broken) > _LENGTH:
        end = broken.rfind("_", 0, _LENGTH + 1)
        broken = broken[: end if end > 0 else _LENGTH]
    first, *others = broken.split("_")
    return first.lower() + "".join(word if word.isupper() else word.capitalize() for word in others)


def _safe(word: str | None) -> str:
    """A word of a creator as the stem of a file's name."""
    return re.sub(r"[^\w .()+-]", "", word or "", flags=re.ASCII).strip(" .")
