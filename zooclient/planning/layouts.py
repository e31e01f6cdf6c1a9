"""Where an application looks for the files of a model, and what it reads beside them; pure.

Paths are below the folder of the application. What each of them reads, and where that is written:

ComfyUI (``folder_paths.py``)
    ``models/`` with a folder for each kind. The older names ``clip`` and ``unet`` are still read; ``clip`` is used,
    because every version reads it, and ``diffusion_models``, which is what its pages name. Its browser of models shows
    ``NAME.preview.*`` or ``NAME.*``, if that is an image (``app/model_manager.py``). It reads no text beside a model:
    ``.civitai.info`` and ``.metadata.json`` belong to extensions, which write them for themselves.
AUTOMATIC1111 (``modules/paths_internal.py``, ``modules/cmd_args.py``, the extension sd-webui-controlnet)
    ``models/`` with a folder for each kind, and ``embeddings`` beside it. Its cards of checkpoints, LoRAs, embeddings
    and hypernetworks show ``NAME.preview.png``, ``.jpg`` or ``.webp`` (``modules/ui_extra_networks.py``) and read
    ``NAME.json``: ``description``, ``notes``, of a LoRA also ``activation text`` and ``sd version``
    (``extensions-builtin/Lora/ui_edit_user_metadata.py``). A checkpoint's configuration is ``NAME.yaml`` beside it
    (``modules/sd_models_config.py``). ``.civitai.info`` is read by an extension alone.
InvokeAI
    Up to version 3 what lay below ``autoimport`` was taken in at each start; since 4.0 one names that folder in the tab
    "Scan Folder" of the model manager (``docs/installation/models.md``). It recognises kinds by content and reads
    nothing beside, but a checkpoint's ``NAME.yaml``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from attrs import field, frozen

from zooclient.errors import ConfigError
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.paths import safe_path

Application = Literal["comfyui", "a1111", "invokeai"]
Kind = Literal[
    "checkpoint",
    "lora",
    "vae",
    "embedding",
    "controlnet",
    "upscaler",
    "hypernetwork",
    "clip",
    "clip_vision",
    "diffusion_model",
]

APPLICATIONS: Final[tuple[Application, ...]] = get_args(Application)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_TITLES: Final[Mapping[Application, str]] = {"comfyui": "ComfyUI", "a1111": "AUTOMATIC1111", "invokeai": "InvokeAI"}
#: Application → kind → folder. What is not there, the application has no place for.
FOLDERS: Final[Mapping[Application, Mapping[Kind, str]]] = {
    "comfyui": {
        "checkpoint": "models/checkpoints",
        "lora": "models/loras",
        "vae": "models/vae",
        "embedding": "models/embeddings",
        "controlnet": "models/controlnet",
        "upscaler": "models/upscale_models",
        "hypernetwork": "models/hypernetworks",
        "clip": "models/clip",
        "clip_vision": "models/clip_vision",
        "diffusion_model": "models/diffusion_models",
    },
    "a1111": {
        "checkpoint": "models/Stable-diffusion",
        "lora": "models/Lora",
        "vae": "models/VAE",
        "embedding": "embeddings",
        "controlnet": "models/ControlNet",
        "upscaler": "models/ESRGAN",
        "hypernetwork": "models/hypernetworks",
    },
    "invokeai": {
        "checkpoint": "autoimport/main",
        "lora": "autoimport/lora",
        "vae": "autoimport/vae",
        "embedding": "autoimport/embedding",
        "controlnet": "autoimport/controlnet",
        "upscaler": "autoimport/upscaler",
        "clip": "autoimport/clip",
        "clip_vision": "autoimport/clip_vision",
        "diffusion_model": "autoimport/main",
    },
}
#: Formats of one-file models that these applications load; GGUF with an extension.
_FORMATS = frozenset({"safetensors", "pickle", "gguf"})
#: Kinds that have a card in AUTOMATIC1111.
_CARDS: Final[frozenset[Kind]] = frozenset({"checkpoint", "lora", "embedding", "hypernetwork"})

#: What zoos call a kind, in their task or their tags → ours; written without blanks, hyphens and underscores.
_KINDS: Final[Mapping[str, Kind]] = {
    "checkpoint": "checkpoint",
    **dict.fromkeys(("lora", "locon", "lycoris", "dora"), "lora"),
    **dict.fromkeys(("textualinversion", "embedding"), "embedding"),
    **dict.fromkeys(("controlnet", "t2iadapter"), "controlnet"),
    **dict.fromkeys(("upscaler", "esrgan"), "upscaler"),
    **dict.fromkeys(("hypernetwork", "hypernet"), "hypernetwork"),
    **dict.fromkeys(("clip", "textencoder"), "clip"),
    "clipvision": "clip_vision",
    **dict.fromkeys(("unet", "diffusionmodel"), "diffusion_model"),
    "vae": "vae",
}
#: Tags of the Hub say what a model is about as well; these say what it is.
_TAGS: Final = frozenset({"lora", "textualinversion", "controlnet", "t2iadapter", "vae", "upscaler", "esrgan"})
#: What a file of a version is, where a zoo tells it (Civitai's ``type`` of a file) → its kind.
_PARTS: Final[Mapping[str, Kind]] = {
    "vae": "vae",
    "textencoder": "clip",
    "visionencoder": "clip_vision",
    "clipvision": "clip_vision",
    "unet": "diffusion_model",
    "diffusionmodel": "diffusion_model",
    "controlnet": "controlnet",
    "upscaler": "upscaler",
    "enhancementlora": "lora",
    "negative": "embedding",
}
#: Names that thousands of repositories give to their weights, and which therefore say nothing in a common folder.
_COMMON = re.compile(
    r"(?:pytorch_lora_weights|adapter_model|diffusion_pytorch_model|pytorch_model|model|learned_embeds)"
    r"(?:\.(?:fp16|bf16|fp32))?"
)


@frozen(kw_only=True)
class Wish:
    """How the files are to be laid out.

    Attributes:
        application: For which application.
        kind: What the model is. None: as its record tells.
        preview: Whether to fetch a preview image.
    """

    application: Application
    kind: Kind | None = None
    preview: bool = True


@frozen(kw_only=True)
class Arrangement:
    """What goes where, all paths POSIX and below the application's folder.

    Attributes:
        places: Path in the model → path at the application.
        texts: Path → text of what the application reads beside a model.
        previews: Paths, without ending, at which the application looks for an image; of each an image may be there
            already under ``PATH.*``.
        images: Addresses of images to show, the best first; none that is marked as adult.
        left_out: Paths in the model that the application has no use for.
    """

    places: Mapping[str, str] = field(hash=False)
    texts: Mapping[str, str] = field(factory=dict, hash=False)
    previews: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def arrange(record: ModelRecord, paths: Iterable[str], wish: Wish) -> Arrangement:
    """Says where each file of a selection goes.

    Args:
        record: What the zoo claims.
        paths: Paths of the files that are selected.
        wish: For which application, and what the caller knows better.

    Raises:
        ConfigError: Nobody tells what kind of model it is, the application has no place for it, none of the files is
            of use to it, or two would have one name.
    """
    kind = wish.kind or kind_of(record, wish.application)
    wanted = set(paths)
    chosen = [file for file in record.files if file.path in wanted]
    placed = _placed(record, chosen, kind, wish.application)
    places = _named(record, placed, wish.application)
    own = [places[file.path] for file, what in placed if what == kind]
    places |= _configs(chosen, kind, own, wish.application)
    shown = own if wish.application == "comfyui" or (wish.application == "a1111" and kind in _CARDS) else []
    stems = tuple(dict.fromkeys(_stem(path) for path in shown))
    text = json.dumps(_card(record, kind), indent=4, ensure_ascii=False) + "\n"
    return Arrangement(
        places=places,
        texts={f"{stem}.json": text for stem in stems} if wish.application == "a1111" else {},
        previews=stems if wish.preview else (),
        images=images_of(record),
        left_out=tuple(file.path for file in chosen if file.path not in places),
    )


def kind_of(record: ModelRecord, application: Application) -> Kind:
    """Returns what kind of model a record tells of: by its type, where its zoo has types, or else by its tags.

    Raises:
        ConfigError: It tells nothing that would decide.
    """
    told = _KINDS.get(_plain(record.task or ""))
    if told is not None:
        return told
    # A zoo that has types has them for what is none of our kinds as well; its tags then say what goes with what.
    typed = isinstance(record.metadata.get("type"), str)
    tagged = {_KINDS[name] for tag in record.tags if not typed and (name := _plain(tag)) in _TAGS}
    if len(tagged) == 1:
        return tagged.pop()
    folders = ", ".join(f"{kind} ({folder})" for kind, folder in FOLDERS[application].items())
    reason = f"its tags say {' and '.join(sorted(tagged))}" if tagged else f"its type is {record.task or 'not told'}"
    raise ConfigError(
        f"Where {_TITLES[application]} looks for {record.ref} cannot be told: {reason}.",
        ref=str(record.ref),
        hint=f'Say what it is, as kind="lora" (--kind lora). There are: {folders}.',
    )


def images_of(record: ModelRecord) -> tuple[str, ...]:
    """Returns the addresses of the images that a zoo shows of a version, but of none that is for adults or unrated.

    Civitai lists them with the version. There ``nsfwLevel`` 1 is for everybody; older answers say ``nsfw`` false or
    ``None``, which is a word.
    """
    version = record.extra.get("version")
    listed = version.get("images") if isinstance(version, Mapping) else None
    found = []
    for image in listed if isinstance(listed, list | tuple) else ():
        if not isinstance(image, Mapping) or image.get("type", "image") != "image":
            continue
        harmless = image["nsfwLevel"] == 1 if "nsfwLevel" in image else image.get("nsfw") in (False, "None")
        if harmless and isinstance(image.get("url"), str):
            found.append(image["url"])
    return tuple(found)


# -- places -----------------------------------------------------------------------------------------


def _placed(
    record: ModelRecord, files: Iterable[FileEntry], kind: Kind, application: Application
) -> list[tuple[FileEntry, Kind]]:
    """Returns the files that the application can use, and what each of them is."""
    folders = FOLDERS[application]
    if kind not in folders:
        raise ConfigError(
            f"{_TITLES[application]} has no folder for a {kind} such as {record.ref}.",
            ref=str(record.ref),
            hint=f"It has folders for: {', '.join(folders)}.",
        )
    # A folder of parts, as diffusers writes it, is not what these folders hold; a file beside it is.
    parted = any(file.path == "model_index.json" for file in record.files)
    found = []
    for file in files:
        what = _part(file, kind)
        usable = file.role == "weights" and file.format in _FORMATS and not (parted and "/" in file.path)
        if usable and what in folders:
            found.append((file, what))
    if not found:
        raise ConfigError(
            f"None of the files chosen of {record.ref} is one that {_TITLES[application]} loads from such a folder.",
            ref=str(record.ref),
            hint="It takes single files of weights. Choose them with files= (--file), or leave the layout out.",
        )
    return found


def _part(file: FileEntry, kind: Kind) -> Kind:
    told = file.extra.get("type")
    part = _PARTS.get(_plain(told)) if isinstance(told, str) else None
    # The text encoder of a LoRA is the other half of that LoRA, and no text encoder.
    return kind if part is None or (part == "clip" and kind in ("lora", "embedding")) else part


def _named(record: ModelRecord, placed: Iterable[tuple[FileEntry, Kind]], application: Application) -> dict[str, str]:
    places: dict[str, str] = {}
    taken: dict[str, str] = {}
    for file, what in placed:
        target = f"{FOLDERS[application][what]}/{_name(record, file.path)}"
        other = taken.setdefault(target.casefold(), file.path)
        if other != file.path:
            raise ConfigError(
                f"Both {other!r} and {file.path!r} of {record.ref} would be {target}.",
                ref=str(record.ref),
                hint="Choose one of them with files= (--file).",
            )
        places[file.path] = safe_path(target)
    return places


def _name(record: ModelRecord, path: str) -> str:
    """Returns the name that a file has among those of other models: its own, if that says anything."""
    name = path.rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    if _COMMON.fullmatch(stem) is None or "/" not in record.ref.id:
        return name
    return f"{record.ref.id.rpartition('/')[2]}{dot}{ending}"


def _configs(files: Iterable[FileEntry], kind: Kind, own: Sequence[str], application: Application) -> dict[str, str]:
    """Puts the configuration of a checkpoint where it is read: under the name of the checkpoint, or among its like."""
    listed = [file.path for file in files if file.role == "config" and file.path.endswith((".yaml", ".yml"))]
    if kind != "checkpoint" or not listed or not own:
        return {}
    path = listed[0]
    if application == "comfyui":
        return {path: safe_path(f"models/configs/{_stem(own[0].rpartition('/')[2])}.yaml")}
    return {path: f"{_stem(own[0])}.yaml"}


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).lower()


# -- what is read beside ------------------------------------------------------------------------------


def _card(record: ModelRecord, kind: Kind) -> dict[str, Any]:
    """Returns what AUTOMATIC1111 shows on the card of a model."""
    told = record.metadata
    version = told.get("version_name")
    licence = record.license.spdx or record.license.name or record.license.raw
    notes = [str(record.ref), record.web_url, f"Licence: {licence}" if licence else None]
    card: dict[str, Any] = {
        "description": f"{record.title} – {version}" if isinstance(version, str) and version else record.title,
        "notes": "\n".join(note for note in notes if note),
    }
    if kind == "lora":
        words = told.get("trained_words")
        listed = (
            [word.strip(" ,") for word in words if isinstance(word, str)] if isinstance(words, list | tuple) else []
        )
        card |= {"activation text": ", ".join(word for word in listed if word)}
        family = told.get("base_model")
        card |= {"sd version": _family(family) if isinstance(family, str) else "Unknown"}
    return card


def _family(base_model: str) -> str:
    """Returns the family as AUTOMATIC1111 knows it: SD1, SD2, SDXL, SD3, Unknown."""
    if base_model.startswith(("SDXL", "Illustrious", "NoobAI")) or base_model == "Pony":
        return "SDXL"
    number = re.match(r"SD (\d)", base_model)
    return f"SD{number[1]}" if number and number[1] in "123" else "Unknown"
