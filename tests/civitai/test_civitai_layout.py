"""``get --layout``: models of Civitai where applications look for them, with card and image, over sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from civitai_answers import load, recorded_record
from civzoo import CivZoo, listed_file
from conftest import safetensors

from zooclient import AsyncClient, Client, ConfigError, Snapshot, StoreError
from zooclient.planning.layouts import APPLICATIONS, Wish, arrange
from zooclient.settings import Limits, Settings
from zooclient.testing import LocalZoo

WEIGHTS = safetensors(7, 5_000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
WEBP = b"RIFF\x00\x00\x00\x00WEBP" + bytes(100)
PIN = "civitai:10@20"
LORA = "models/loras/tiny.safetensors"


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    """Civitai with a LoRA that shows an image."""
    with CivZoo() as running:
        image = {"url": f"{running.byte_origin}/image/1.jpeg", "type": "image", "nsfwLevel": 1}
        running.add({"tiny.safetensors": WEIGHTS}, images=[image])
        running.answer("/image/1.jpeg", (200, PNG))
        yield running


def client(civitai: CivZoo, tmp_path: Path, **options: Any) -> Client:
    limits = Settings(limits=Limits(backoff_base=0.0))
    told = {"home": tmp_path / "home", "endpoints": {"civitai": civitai.endpoint}, "settings": limits, **options}
    return Client(tokens={"civitai": civitai.key}, **told)


def get(civitai: CivZoo, tmp_path: Path, layout: str, ref: str = PIN, **options: Any) -> Snapshot:
    with client(civitai, tmp_path) as made:
        return made.download(ref, to=tmp_path / "app", layout=layout, **options)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def url_of(civitai: CivZoo, url: str) -> None:
    found = civitai.version(20)
    assert found is not None
    found[0]["images"][0]["url"] = url


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        ("comfyui", [LORA.replace("safetensors", "preview.png"), LORA]),
        ("a1111", ["models/Lora/tiny.json", "models/Lora/tiny.preview.png", "models/Lora/tiny.safetensors"]),
        ("invokeai", ["autoimport/lora/tiny.safetensors"]),
    ],
)
def test_each_application_finds_its_files(civitai: CivZoo, tmp_path: Path, layout: str, wanted: list[str]) -> None:
    """The files lie where each looks, as plain copies, with what it reads beside them and nothing else."""
    snapshot = get(civitai, tmp_path, layout)
    assert below(tmp_path / "app") == wanted
    copy = tmp_path / "app" / wanted[-1]
    assert copy.read_bytes() == WEIGHTS and copy.stat().st_nlink == 1
    assert [file.path for file in snapshot.files] == ["tiny.safetensors"], "the image is no part of the model"
    if layout == "a1111":
        card = json.loads((tmp_path / "app/models/Lora/tiny.json").read_text("utf-8"))
        assert card["activation text"] == "tiny thing" and PIN in card["notes"]


def test_no_key_goes_with_the_image(civitai: CivZoo, tmp_path: Path) -> None:
    """An image is asked for without the key, even where the record says that it lies at the site itself."""
    url_of(civitai, f"{civitai.endpoint}/image/1.jpeg")
    get(civitai, tmp_path, "comfyui")
    (asked,) = civitai.at("/image/")
    assert "authorization" not in asked.headers
    assert (tmp_path / "app" / LORA.replace("safetensors", "preview.png")).read_bytes() == PNG


@pytest.mark.parametrize(("body", "ending"), [(PNG, "png"), (JPEG, "jpg"), (WEBP, "webp")])
def test_an_image_is_named_by_what_it_is(civitai: CivZoo, tmp_path: Path, body: bytes, ending: str) -> None:
    """Whatever its address and header say, the bytes decide."""
    civitai.answer("/image/1.jpeg", (200, body), Content_Type="text/html")
    get(civitai, tmp_path, "comfyui")
    assert below(tmp_path / "app") == sorted([LORA, f"models/loras/tiny.preview.{ending}"])


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, b"no", "answered 404"),
        (200, b"<html>log in</html>", "no PNG"),
        (200, PNG + bytes(9 * 1024 * 1024), "bytes"),
        (200, b"", "no PNG"),
        (500, b"", "500"),
    ],
)
def test_an_image_that_cannot_be_had_is_a_warning(
    civitai: CivZoo, tmp_path: Path, status: int, body: bytes, reason: str
) -> None:
    """The model arrives whole; the missing image is told."""
    civitai.answer("/image/1.jpeg", (status, body))
    with pytest.warns(UserWarning, match=f"preview of {PIN}.*{reason}"):
        get(civitai, tmp_path, "comfyui")
    assert below(tmp_path / "app") == [LORA]


@pytest.mark.parametrize(
    "url",
    [
        *("http://image.example/1.png", "ftp://image.example/1.png", "https://192.168.1.1/1.png", "https://nas/1.png"),
        *("file:///etc/passwd", "//image.example/1.png", "https://[bad", "", "https://user:pw@127.0.0.1:x/"),
    ],
)
def test_no_address_of_a_record_leads_elsewhere(civitai: CivZoo, tmp_path: Path, url: str) -> None:
    """A record may name addresses of the internet by https, and those that are as near as the zoo itself."""
    url_of(civitai, url)
    with pytest.warns(UserWarning, match="was not fetched"):
        get(civitai, tmp_path, "comfyui")
    assert below(tmp_path / "app") == [LORA]


def test_a_redirect_is_held_to_the_same(civitai: CivZoo, tmp_path: Path) -> None:
    """Each hop is looked at; one that leads inside a network, and one that has no end, are refused."""
    civitai.answer("/image/1.jpeg", (302, b""), Location="http://10.0.0.1/1.png")
    with pytest.warns(UserWarning, match="not one of the internet"):
        get(civitai, tmp_path, "comfyui")
    civitai.answer("/image/1.jpeg", (302, b""), Location=f"{civitai.byte_origin}/image/1.jpeg")
    with pytest.warns(UserWarning, match="more than 3 times"):
        get(civitai, tmp_path, "comfyui")
    civitai.answer("/image/2.png", (200, PNG))
    civitai.answer("/image/1.jpeg", (302, b""), Location=f"{civitai.endpoint}/image/2.png")
    get(civitai, tmp_path, "comfyui")
    assert len(below(tmp_path / "app")) == 2
    assert all("authorization" not in asked.headers for asked in civitai.at("/image/"))


def test_an_image_is_not_asked_for_where_it_is_not_wanted(civitai: CivZoo, tmp_path: Path) -> None:
    """With ``preview=False``, where one is there, and for an application that shows none, nobody is asked."""
    get(civitai, tmp_path, "comfyui", preview=False)
    get(civitai, tmp_path, "invokeai")
    (tmp_path / "app/models/loras/tiny.jpeg").write_bytes(b"mine")
    get(civitai, tmp_path, "comfyui")
    assert civitai.at("/image/") == []
    with client(civitai, tmp_path, offline=True) as made:
        made.download(PIN, to=tmp_path / "offline", layout="comfyui")
    assert below(tmp_path / "offline") == [LORA]


def test_nothing_of_the_user_s_is_overwritten(civitai: CivZoo, tmp_path: Path) -> None:
    """A card that was edited and an image that was chosen stay; another model in the way is an error, and stays."""
    for _ in range(2):
        get(civitai, tmp_path, "a1111")
    folder = tmp_path / "app/models/Lora"
    (folder / "tiny.json").write_text("{}")
    (folder / "tiny.preview.png").write_bytes(b"mine")
    get(civitai, tmp_path, "a1111")
    assert (folder / "tiny.json").read_text() == "{}" and (folder / "tiny.preview.png").read_bytes() == b"mine"
    (folder / "tiny.safetensors").write_bytes(b"another model")
    with pytest.raises(StoreError, match=r"models/Lora/tiny.safetensors"):
        get(civitai, tmp_path, "a1111")
    assert (folder / "tiny.safetensors").read_bytes() == b"another model"


def test_a_link_in_the_way_does_not_lead_out(civitai: CivZoo, tmp_path: Path) -> None:
    """A folder of the application that is a link out of it is refused; nothing is written there."""
    (tmp_path / "app/models").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "app/models/loras").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(StoreError, match="symbolic link"):
        get(civitai, tmp_path, "comfyui")
    assert below(tmp_path / "elsewhere") == []


def test_what_has_no_place_is_refused_before_a_byte(civitai: CivZoo, tmp_path: Path) -> None:
    """A kind that cannot be told costs no download; naming it helps, also when the model is held already."""
    civitai.models[10]["type"] = "Poses"
    with pytest.raises(ConfigError, match="cannot be told"):
        get(civitai, tmp_path, "comfyui")
    assert civitai.downloads == [] and not (tmp_path / "app").exists()
    get(civitai, tmp_path, "comfyui", kind="upscaler", preview=False)
    assert below(tmp_path / "app") == ["models/upscale_models/tiny.safetensors"]
    with pytest.raises(ConfigError, match="cannot be told"):
        get(civitai, tmp_path, "comfyui")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"layout": "comfyui"}, "folder of the application"),
        ({"layout": "fooocus", "to": "x"}, "No layout is known"),
        ({"layout": "comfyui", "to": "x", "kind": "loras"}, "No kind of model"),
        ({"kind": "lora", "to": "x"}, "none was named"),
    ],
)
def test_what_cannot_be_meant_is_refused(civitai: CivZoo, tmp_path: Path, options: dict[str, Any], match: str) -> None:
    """A layout wants a folder, and names that are known; nobody is asked."""
    with client(civitai, tmp_path) as made, pytest.raises(ConfigError, match=match):
        made.download(PIN, **options)
    assert civitai.asked == []


def test_the_other_colour_lays_out_the_same(civitai: CivZoo, tmp_path: Path) -> None:
    """AsyncClient puts the same files at the same places."""

    async def walk() -> None:
        async with AsyncClient(home=tmp_path / "home", endpoints={"civitai": civitai.endpoint}) as made:
            await made.download(PIN, to=tmp_path / "app", layout="a1111")

    asyncio.run(walk())
    assert below(tmp_path / "app") == [f"models/Lora/tiny.{end}" for end in ("json", "preview.png", "safetensors")]


def test_a_whole_checkpoint_with_vae_and_configuration(civitai: CivZoo, tmp_path: Path) -> None:
    """Files of one version go to several folders in one call."""
    told = civitai.add({"big.safetensors": WEIGHTS}, model=11, version=21)
    civitai.models[11]["type"] = "Checkpoint"
    told["files"] += [
        listed_file(211, "fine.vae.safetensors", safetensors(8, 50), type="VAE"),
        listed_file(212, "settings.yaml", b"model: {}", type="Config", metadata={}),
    ]
    get(civitai, tmp_path, "a1111", "civitai:11@21", weights="all")
    assert below(tmp_path / "app") == [
        "models/Stable-diffusion/big.json",
        "models/Stable-diffusion/big.safetensors",
        "models/Stable-diffusion/big.yaml",
        "models/VAE/fine.vae.safetensors",
    ]


def test_a_model_of_the_hub_is_laid_out_by_kind(zoo: LocalZoo, tmp_path: Path) -> None:
    """Any zoo will do where the kind is said: the common name of the weights becomes that of the model."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as made:
        pin = f"hf:org/tiny@{zoo.head('org/tiny')}"
        made.download(pin, to=tmp_path / "app", layout="comfyui", kind="diffusion_model")
    assert below(tmp_path / "app") == ["models/diffusion_models/tiny.safetensors"]


@pytest.mark.parametrize(
    "name",
    [
        "model_1619_danger_ckpt_2023.json",
        "model_215485_lora_three_versions_2023.json",
        "model_3679_lora_pt_safetensors_textenc_2023.json",
        "model_4618_ckpt_safetensors_yaml_2023.json",
        "model_66_ckpt_and_vae_pt_2023.json",
        "model_86_checkpoint_pickle_2023.json",
        "models_page_textualinversion_2023.json",
    ],
)
def test_recorded_models_have_places(name: str) -> None:
    """Every recorded model that is one for these applications has its places, and an image where the zoo lists one."""
    load(name)
    record = recorded_record(name)
    for application in APPLICATIONS:
        found = arrange(record, [file.path for file in record.files], Wish(application=application))
        weights = [file.path for file in record.files if file.role == "weights"]
        assert set(weights) <= set(found.places)
        assert all(url.startswith("https://image") for url in found.images)


def test_recorded_places_to_the_letter() -> None:
    """A checkpoint with its VAE, and one with a configuration, as they were listed in 2023."""
    record = recorded_record("model_66_ckpt_and_vae_pt_2023.json")
    found = arrange(record, [file.path for file in record.files], Wish(application="comfyui"))
    assert found.places == {
        "anythingV3_fp16.ckpt": "models/checkpoints/anythingV3_fp16.ckpt",
        "Anything-V3.0.vae.pt": "models/vae/Anything-V3.0.vae.pt",
    }
    record = recorded_record("model_4618_ckpt_safetensors_yaml_2023.json")
    found = arrange(record, [file.path for file in record.files], Wish(application="a1111"))
    assert found.places["vectorArt_vectorArtBeta.yaml"] == "models/Stable-diffusion/vectorArt_vectorArtBeta.yaml"
