"""Where applications look for models, and what they read beside them."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from planning_models import REVISION

from zooclient.errors import ConfigError, IntegrityError
from zooclient.planning.layouts import APPLICATIONS, FOLDERS, KINDS, Application, Wish, arrange, images_of, kind_of
from zooclient.records.model import FileEntry, License, ModelRecord
from zooclient.records.paths import safe_path
from zooclient.records.ref import Ref


def weights(path: str, type_: str | None = None, format_: str = "safetensors") -> FileEntry:
    return FileEntry(path=path, role="weights", format=format_, extra={"type": type_} if type_ else {})


def civitai(task: str, *files: FileEntry, **changes: Any) -> ModelRecord:
    """A record as Civitai's are."""
    ref = Ref.parse("civitai:10@20")
    told = ModelRecord(
        ref=ref,
        requested=ref,
        pin="version",
        title="Tiny",
        task=task,
        files=files or (weights("tiny.safetensors", "Model"),),
        license=License(name="OpenRAIL-M"),
        web_url="https://civitai.com/models/10?modelVersionId=20",
        metadata={"type": task, "version_name": "v1", "base_model": "SDXL 1.0", "trained_words": ["tiny, ", "thing"]},
    )
    return evolve(told, **changes)


def hub(*files: FileEntry, tags: tuple[str, ...] = (), task: str | None = "text-to-image") -> ModelRecord:
    """A record as the Hub's are."""
    ref = Ref(scheme="hf", id="owner/style", revision=REVISION)
    return ModelRecord(ref=ref, requested=ref, pin="commit", title="style", files=files, tags=tags, task=task)


def places(record: ModelRecord, application: Application, **wish: Any) -> dict[str, str]:
    found = arrange(record, [file.path for file in record.files], Wish(application=application, **wish))
    return dict(found.places)


@pytest.mark.parametrize(
    ("task", "comfyui", "a1111", "invokeai"),
    [
        ("Checkpoint", "models/checkpoints", "models/Stable-diffusion", "autoimport/main"),
        ("LORA", "models/loras", "models/Lora", "autoimport/lora"),
        ("LoCon", "models/loras", "models/Lora", "autoimport/lora"),
        ("DoRA", "models/loras", "models/Lora", "autoimport/lora"),
        ("TextualInversion", "models/embeddings", "embeddings", "autoimport/embedding"),
        ("Controlnet", "models/controlnet", "models/ControlNet", "autoimport/controlnet"),
        ("VAE", "models/vae", "models/VAE", "autoimport/vae"),
        ("Upscaler", "models/upscale_models", "models/ESRGAN", "autoimport/upscaler"),
        ("Hypernetwork", "models/hypernetworks", "models/hypernetworks", None),
        ("UNet", "models/diffusion_models", None, "autoimport/main"),
        ("TextEncoder", "models/clip", None, "autoimport/clip"),
        ("CLIPVision", "models/clip_vision", None, "autoimport/clip_vision"),
        ("Poses", None, None, None),
        ("Workflows", None, None, None),
        ("MotionModule", None, None, None),
    ],
)
def test_each_type_has_its_folder(task: str, comfyui: str | None, a1111: str | None, invokeai: str | None) -> None:
    """Every type of Civitai goes where the application looks for it, or is refused with what there is."""
    wanted: dict[Application, str | None] = {"comfyui": comfyui, "a1111": a1111, "invokeai": invokeai}
    for application, folder in wanted.items():
        if folder is not None:
            assert places(civitai(task), application) == {"tiny.safetensors": f"{folder}/tiny.safetensors"}
        else:
            with pytest.raises(ConfigError) as caught:
                places(civitai(task, tags=("controlnet",)), application)
            assert "lora" in (caught.value.hint or "")


def test_files_of_a_version_go_each_where_it_belongs() -> None:
    """A checkpoint's VAE, text encoder and configuration have places of their own; the rest is left out."""
    record = civitai(
        "Checkpoint",
        weights("big.safetensors", "Model"),
        weights("big.vae.pt", "VAE", "pickle"),
        weights("clip_l.safetensors", "Text Encoder"),
        FileEntry(path="other.yaml", role="config"),
        FileEntry(path="training.zip", extra={"type": "Training Data"}),
        weights("big.onnx", "Model", "onnx"),
    )
    found = arrange(record, [file.path for file in record.files], Wish(application="comfyui"))
    assert found.places == {
        "big.safetensors": "models/checkpoints/big.safetensors",
        "big.vae.pt": "models/vae/big.vae.pt",
        "clip_l.safetensors": "models/clip/clip_l.safetensors",
        "other.yaml": "models/configs/big.yaml",
    }
    assert found.left_out == ("training.zip", "big.onnx")
    assert found.previews == ("models/checkpoints/big",) and found.texts == {}
    other = arrange(record, [file.path for file in record.files], Wish(application="a1111"))
    assert other.places == {
        "big.safetensors": "models/Stable-diffusion/big.safetensors",
        "big.vae.pt": "models/VAE/big.vae.pt",
        "other.yaml": "models/Stable-diffusion/big.yaml",
    }
    assert "clip_l.safetensors" in other.left_out


def test_the_text_encoder_of_a_lora_stays_with_it() -> None:
    """The second half of an old LoRA is no text encoder."""
    record = civitai("LORA", weights("a.pt", "Model", "pickle"), weights("a_txt.pt", "Text Encoder", "pickle"))
    assert places(record, "comfyui") == {"a.pt": "models/loras/a.pt", "a_txt.pt": "models/loras/a_txt.pt"}


def test_what_a1111_reads_beside_a_lora() -> None:
    """Words that call it, family, where it is from and its licence stand in NAME.json, as its editor writes it."""
    found = arrange(civitai("LORA"), ["tiny.safetensors"], Wish(application="a1111"))
    assert json.loads(found.texts["models/Lora/tiny.json"]) == {
        "description": "Tiny – v1",
        "notes": "civitai:10@20\nhttps://civitai.com/models/10?modelVersionId=20\nLicence: OpenRAIL-M",
        "activation text": "tiny, thing",
        "sd version": "SDXL",
    }
    assert found.previews == ("models/Lora/tiny",)
    checkpoint = arrange(civitai("Checkpoint"), ["tiny.safetensors"], Wish(application="a1111"))
    assert set(json.loads(checkpoint.texts["models/Stable-diffusion/tiny.json"])) == {"description", "notes"}
    for record in (civitai("VAE"), civitai("Controlnet")):
        assert not arrange(record, ["tiny.safetensors"], Wish(application="a1111")).texts
    invoke = arrange(civitai("LORA"), ["tiny.safetensors"], Wish(application="invokeai"))
    assert (invoke.texts, invoke.previews) == ({}, ())
    assert not arrange(civitai("LORA"), ["tiny.safetensors"], Wish(application="a1111", preview=False)).previews


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        *(("SD 1.5", "SD1"), ("SD 1.5 LCM", "SD1"), ("SD 2.1 768", "SD2"), ("SD 3.5 Large", "SD3"), ("Pony", "SDXL")),
        *(("Illustrious", "SDXL"), ("NoobAI", "SDXL"), ("Pony V7", "Unknown"), ("Flux.1 D", "Unknown"), (3, "Unknown")),
    ],
)
def test_families_as_a1111_knows_them(family: object, wanted: str) -> None:
    """The family is one of the five words that its editor has."""
    record = civitai("LORA", metadata={"type": "LORA", "base_model": family, "trained_words": "no list"})
    card = json.loads(arrange(record, ["tiny.safetensors"], Wish(application="a1111")).texts["models/Lora/tiny.json"])
    assert (card["sd version"], card["activation text"]) == (wanted, "")


def test_the_hub_tells_by_tags() -> None:
    """A tag that says what a model is places it; common names become the model's; without one it has to be said."""
    lora = hub(
        weights("pytorch_lora_weights.safetensors"), weights("v2/style_v2.safetensors"), tags=("diffusers", "lora")
    )
    assert places(lora, "comfyui") == {
        "pytorch_lora_weights.safetensors": "models/loras/style.safetensors",
        "v2/style_v2.safetensors": "models/loras/style_v2.safetensors",
    }
    nothing = hub(weights("flux.safetensors"), tags=("diffusers", "flux"))
    with pytest.raises(ConfigError, match="cannot be told") as caught:
        places(nothing, "comfyui")
    assert "--kind lora" in (caught.value.hint or "") and "models/loras" in (caught.value.hint or "")
    assert places(nothing, "comfyui", kind="diffusion_model") == {
        "flux.safetensors": "models/diffusion_models/flux.safetensors"
    }
    with pytest.raises(ConfigError, match="controlnet and lora"):
        places(hub(weights("x.safetensors"), tags=("lora", "controlnet")), "comfyui")


def test_a_folder_of_parts_is_no_single_file() -> None:
    """Parts of a diffusers folder are not strewn over the folders; a checkpoint beside them is taken."""
    parts = (FileEntry(path="model_index.json", role="config"), weights("unet/diffusion_pytorch_model.safetensors"))
    with pytest.raises(ConfigError, match="None of the files") as caught:
        places(hub(*parts), "comfyui", kind="checkpoint")
    assert "--file" in (caught.value.hint or "")
    assert places(hub(*parts, weights("xl.safetensors")), "comfyui", kind="checkpoint") == {
        "xl.safetensors": "models/checkpoints/xl.safetensors"
    }


def test_two_files_of_one_name_are_refused() -> None:
    """Two files that would fall together, also where letter case does not count, are named."""
    with pytest.raises(ConfigError, match=r"Both 'a/X\.safetensors' and 'b/x\.safetensors'"):
        places(hub(weights("a/X.safetensors"), weights("b/x.safetensors")), "a1111", kind="lora")


def test_no_name_leaves_the_folder() -> None:
    """A hostile name in a record is refused here as everywhere."""
    with pytest.raises(IntegrityError):
        places(civitai("LORA", weights("..\\evil.safetensors")), "comfyui")


def test_images_for_everybody_alone() -> None:
    """Videos, and images that are for adults or not rated, are not shown; odd answers show none."""
    images = [
        {"url": "https://i/1.mp4", "type": "video", "nsfwLevel": 1},
        {"url": "https://i/2.jpg", "type": "image", "nsfwLevel": 4},
        {"url": "https://i/3.jpg", "nsfw": "X"},
        {"url": "https://i/4.jpg"},
        {"url": "https://i/5.jpg", "nsfw": "None"},
        {"url": "https://i/6.jpg", "nsfw": False},
        {"url": "https://i/7.jpg", "nsfwLevel": 1},
        {"url": 8, "nsfwLevel": 1},
        "odd",
    ]
    assert images_of(civitai("LORA", extra={"version": {"images": images}})) == (
        "https://i/5.jpg",
        "https://i/6.jpg",
        "https://i/7.jpg",
    )
    for extra in ({}, {"version": 3}, {"version": {"images": "text"}}, {"version": {"images": None}}):
        assert images_of(civitai("LORA", extra=extra)) == ()


def test_every_folder_is_of_a_known_kind() -> None:
    """The tables name known kinds, and folders that stay where they are."""
    for application in APPLICATIONS:
        assert set(FOLDERS[application]) <= set(KINDS)
        assert all(safe_path(folder) == folder for folder in FOLDERS[application].values())


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(
    paths=st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6, unique=True),
    application=st.sampled_from(APPLICATIONS),
    kind=st.sampled_from(KINDS),
)
def test_whatever_the_names_are_they_stay_in_the_folder(paths: list[str], application: Application, kind: Any) -> None:
    """Every place lies below a folder of the application, no two are one, and all that is chosen is accounted for."""
    record = hub(*(weights(f"{path}.safetensors") for path in paths))
    try:
        found = arrange(record, [file.path for file in record.files], Wish(application=application, kind=kind))
    except (ConfigError, IntegrityError):
        return
    assert {*found.places, *found.left_out} == {file.path for file in record.files}
    assert len({place.casefold() for place in found.places.values()}) == len(found.places)
    for place in (*found.places.values(), *found.texts, *(f"{stem}.preview.png" for stem in found.previews)):
        assert safe_path(place) == place
        assert str(PurePosixPath(place).parent) in FOLDERS[application].values()


def test_the_kind_is_told_by_the_type_before_any_tag() -> None:
    """A checkpoint that is tagged lora is a checkpoint."""
    assert kind_of(civitai("Checkpoint", tags=("lora",)), "comfyui") == "checkpoint"
