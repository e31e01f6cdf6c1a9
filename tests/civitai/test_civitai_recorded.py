"""Every recorded answer of Civitai is read, and gives the values that stand in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from civitai_answers import NOW, Server, load, model, recorded_record
from support import recorded

from zooclient.errors import AccessError, Gone, NetworkError, NotFound, ProtocolError, RateLimited, ZooError
from zooclient.net.exchange import Request, Response, redirect_target, replay
from zooclient.providers.civitai import wire
from zooclient.providers.civitai.endpoint import is_site
from zooclient.providers.civitai.files import read_files, read_hashes
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

SITE = "https://civitai.com"

#: Files that a record is made of here: name, version, title, author, task, paths.
MODELS: list[tuple[str, int | None, str, str, str, list[str]]] = [
    (
        *("model_86_checkpoint_pickle_2023.json", 27392, "Openjourney", "PromptHero", "Checkpoint"),
        ["openjourney_V4.ckpt"],
    ),
    (
        *("model_4618_ckpt_safetensors_yaml_2023.json", 5859, "vector-art", "pmejna", "Checkpoint"),
        ["vectorArt_pulpVectorBeta.ckpt", "vectorArt_pulpVectorBeta.safetensors", "vectorArt_pulpVectorBeta.yaml"],
    ),
    (
        *("model_66_ckpt_and_vae_pt_2023.json", 75, "Anything V3", "Yuno779", "Checkpoint"),
        ["anythingV3_fp16.ckpt", "Anything-V3.0.vae.pt"],
    ),
    (
        *("model_17012_poses_archive_2023.json", 20094, "Character Turnaround OpenPose", "contagiousip", "Poses"),
        ["characterTurnaround_lekimaturnaroundv1.zip"],
    ),
    (
        *("model_1619_danger_ckpt_2023.json", 1762, "Riffusion txt2audio", "theally", "Checkpoint"),
        ["riffusionTxt2audio_riffusionTxt2audio.ckpt", "riffusionTxt2audio_riffusionTxt2audio.safetensors"],
    ),
    (
        *("model_3679_lora_pt_safetensors_textenc_2023.json", 4062, "Bad VHS", "zarxrax", "LORA"),
        ["badvhs_v1.pt", "badvhs_v1.safetensors", "badvhs_v1_txt.pt"],
    ),
    (*("model_24636_archived_2023.json", 29474, "AnimeFus", "rya_ai_2023", "Checkpoint"), []),
    (
        "model_215485_lora_three_versions_2023.json",
        243508,
        "SDXL Turbo-LoRA-Stable Diffusion XL faster than light",
        *("test_author", "LORA"),
        ["sdxl_turbo_lora_workflow_comfyui_v1.zip", "sd_xl_turbo_lora_v1-64dim.safetensors"],
    ),
    (
        "models_page_textualinversion_2023.json",
        9857,
        "CharTurner - Character Turnaround helper for 1.5 AND 2.1!",
        *("mousewrites", "TextualInversion"),
        ["21charturnerv2.pt"],
    ),
    (
        *("models_page_cursor_2024.json", 57618, "Counterfeit-V3.0", "rqdwdw", "Checkpoint"),
        ["counterfeitV30_v30.41074.safetensors", "counterfeitV30_v30.41079.safetensors"],
    ),
    (
        *("models_page_by_ids_2025.json", 13966, "VSK-94 | Girls' Frontline", "LeonDoesntDraw", "LORA"),
        ["VSK.safetensors"],
    ),
]


def alone(name: str) -> ModelRecord:
    """Resolves a recorded answer about a version, beside a made-up model."""
    told = load(name)
    server = Server(
        {
            f"/api/v1/model-versions/{told['id']}": told,
            f"/api/v1/models/{told['modelId']}": model(id=told["modelId"], modelVersions=[]),
        }
    )
    return replay(Civitai(clock=lambda: NOW).resolve(Ref.parse(f"civitai:@{told['id']}")), server)


@pytest.mark.parametrize(("name", "version", "title", "author", "task", "paths"), MODELS)
def test_recorded_models(name: str, version: int, title: str, author: str, task: str, paths: list[str]) -> None:
    """Each recorded model becomes a record of one of its versions, and survives JSON."""
    record = recorded_record(name, version)
    assert (record.title, record.author, record.task) == (title, author, task)
    assert [entry.path for entry in record.files] == paths
    assert record.ref.revision == str(version) and record.nsfw is False
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert Ref.parse(record.web_url or "") == record.ref
    for entry in record.files:
        assert entry.key is not None and len(entry.digests["sha256"]) == 64
        assert Ref.parse(Civitai().locate(record, entry).url) == Ref.parse(f"civitai:@{version}+{entry.key}")
    assert Civitai().card(record).problems == ()


def test_the_creators_default_is_the_first() -> None:
    """Openjourney's first version is v4, although v1 was there before; both have their own files and counts."""
    record = recorded_record("model_86_checkpoint_pickle_2023.json")
    assert str(record.ref) == "civitai:86@27392" and "27392 (Openjourney-v4)" in record.problems[0]
    assert [item["id"] for item in record.metadata["versions"]] == ["27392", "96"]
    assert record.files[0].size == 2132910209
    assert record.access.state == "open", "its early access of one day in 2023 is over"


def test_a_pickle_that_was_found_dangerous() -> None:
    """The scan's finding is a problem, and stays with the file, with its message."""
    record = recorded_record("model_1619_danger_ckpt_2023.json", 1762)
    ckpt, safe = record.files
    assert record.problems == ("Civitai's scan found 'riffusionTxt2audio_riffusionTxt2audio.ckpt' dangerous.",)
    assert ckpt.extra["pickleScanResult"] == "Danger" and "model_checkpoint" in ckpt.extra["pickleScanMessage"]
    assert (ckpt.key, ckpt.format, ckpt.size) == ("1640", "pickle", 3852196372)
    assert (safe.key, safe.format, safe.size, safe.role) == ("1698", "safetensors", 3851786760, "weights")
    assert safe.digests == {
        "sha256": "641c2ca3f27fda54328d031b4899969113fecc5fce45923d590f452dc5ac9bee",
        "blake3": "aa453c1c2065dc1db0ef342d86f9a6bf93616b71c6d7304ee07f2093da095558",
    }
    assert safe.extra["hashes"] == {"AutoV1": "4ae74e7e", "AutoV2": "641c2ca3f2", "CRC32": "f7ecaadc"}
    main = wire.main_file(record)
    assert main is not None and main.key == "1698"
    assert record.updated_at is not None
    assert record.updated_at.isoformat() == "2022-12-21T19:10:00.536000+00:00"
    assert (record.license.kind, record.license.name) == (
        "open-weight",
        "CreativeML Open RAIL-M with the creator's terms",
    )
    assert record.metadata["creator_terms"]["allowCommercialUse"] == ["Image", "RentCivit", "Rent", "Sell"]


def test_a_config_whose_scan_failed() -> None:
    """A yaml that could not be scanned is a config and no danger; one word of 2023 stands for what it implied."""
    record = recorded_record("model_4618_ckpt_safetensors_yaml_2023.json", 5265)
    yaml = record.files[2]
    assert (yaml.role, yaml.size, yaml.extra["pickleScanResult"]) == ("config", 1815, "Error")
    assert record.problems == () and record.metadata["creator_terms"]["allowCommercialUse"] == ["Image", "Rent"]
    assert record.metadata["trained_words"] == ["vector-art"]


def test_a_vae_beside_a_checkpoint() -> None:
    """A VAE with two endings is weights in a pickle, whatever its format is said to be."""
    vae = recorded_record("model_66_ckpt_and_vae_pt_2023.json", 75).files[1]
    assert (vae.role, vae.format, vae.size, vae.extra["metadata"]) == (
        *("weights", "pickle", 822802803),
        {"format": "Other"},
    )
    assert vae.extra["selector"] == {"type": "VAE", "format": "Other"} and "linked" not in vae.extra


def test_an_archive_of_poses() -> None:
    """A zip is no weights; its description becomes a card without the HTML."""
    record = recorded_record("model_17012_poses_archive_2023.json", 20094)
    assert (record.files[0].role, record.files[0].format, record.files[0].size) == ("other", None, 116216)
    text = Civitai().card_text(record)
    assert "### Disclaimer: This is not made by me." in text
    assert "[u/lekima](<https://www.reddit.com/user/lekima/>)" in text and "<p>" not in text
    assert "## About this version\n\nInitial Release" in text


def test_a_text_encoder_beside_a_lora() -> None:
    """Each kind of file keeps its own, and the words that call the model are told."""
    record = recorded_record("model_3679_lora_pt_safetensors_textenc_2023.json", 4062)
    assert [entry.role for entry in record.files] == ["weights"] * 3
    assert record.files[2].extra["type"] == "Text Encoder" and record.files[2].size == 1208069
    assert record.metadata["trained_words"] == ["vhs footage of", "vhs"]
    assert "- `vhs footage of`\n- `vhs`" in Civitai().card_text(record)


def test_an_archived_model_is_gone() -> None:
    """Its record can be had although the version alone is a 404, and its bytes cannot."""
    told = load("model_24636_archived_2023.json")
    server = Server({"/api/v1/models/24636": told})
    record = replay(Civitai().resolve(Ref.parse("civitai:24636@29474")), server)
    assert (record.access.state, record.files, record.total_size) == ("gone", (), 0)
    assert "archived" in (record.access.how or "")


def test_training_data_beside_a_lora() -> None:
    """The zip comes first and is no weights; both of its layers of terms are non-commercial or narrower."""
    record = recorded_record("model_215485_lora_three_versions_2023.json", 243508)
    zip_, lora = record.files
    assert (zip_.role, zip_.extra["selector"]) == ("other", {"type": "Training Data"}) and "linked" not in zip_.extra
    assert lora.role == "weights" and lora.size == 393837232
    assert recorded_record("model_215485_lora_three_versions_2023.json").license.kind == "non-commercial"
    assert record.license.kind == "open-weight"
    assert record.metadata["creator_terms"]["allowCommercialUse"] == ["RentCivit"]


def test_two_files_of_one_name() -> None:
    """fp32 and fp16 share a name and are two files by id, with two digests and two addresses."""
    record = recorded_record("models_page_cursor_2024.json", 57618)
    full, half = record.files
    assert (full.key, half.key) == ("41074", "41079") and full.digests != half.digests
    assert (full.size, half.size) == (5672794774, 4244124028)
    main = wire.main_file(record)
    assert main is not None and main.key == "41079"


def page(name: str, query: Query) -> Any:
    """Searches a server that gives a recorded page."""
    return replay(Civitai(clock=lambda: NOW).search(query), Server({"*": load(name)}))


def test_a_page_with_a_cursor() -> None:
    """The page of 2024 has a cursor beside page numbers; each row is a hit at its first version."""
    found = page("models_page_cursor_2024.json", Query(task="checkpoint"))
    assert found.cursor == "0~22138|364671|25494"
    assert [str(hit.ref) for hit in found.hits] == [
        *("civitai:4384@128713", "civitai:4468@57618", "civitai:7371@425083", "civitai:6755@105924"),
        "civitai:36520@76907",
    ]
    first = found.hits[0]
    assert (first.title, first.author, first.task, first.nsfw) == ("DreamShaper", "Lykon", "Checkpoint", False)
    assert first.updated_at is not None and first.updated_at.isoformat() == "2023-07-29T20:50:47.173000+00:00"
    assert first.formats == ("safetensors",) and first.extra["versions"][1]["base_model"] == "SD 1.5 LCM"
    assert found.hits[3].license.kind == "non-commercial", "an empty list allows nothing"
    assert page("models_page_cursor_2024.json", Query(base_model="SD 1.5 LCM")).hits == (first,)
    assert page("models_page_cursor_2024.json", Query(tags=("inpainting",))).hits == (first,)


def test_pages_without_a_cursor_are_the_last() -> None:
    """Page numbers, as numbers or as text, are no cursor; nor is the address of a next page."""
    found = page("models_page_by_ids_2025.json", Query())
    assert found.cursor is None and [str(hit.ref) for hit in found.hits] == ["civitai:11821@127062"]
    old = page("models_page_textualinversion_2023.json", Query(task="TextualInversion"))
    assert old.cursor is None and old.hits[0].likes == 7433 and old.hits[0].downloads == 56206
    for name in ("tags_page_2023.json", "creators_page_docs_2026.json"):
        assert load(name)["metadata"]["nextPage"] and wire.next_cursor(load(name)) is None
    assert load("tags_page_2023.json")["items"][2]["name"] == "style"
    assert load("creators_page_docs_2026.json")["items"][0]["username"] == "JustMaier"


def test_versions_alone() -> None:
    """The recorded answers about versions of four years become records, with the fields of their time."""
    toad = alone("model_version_1318_ckpt_2022.json")
    assert str(toad.ref) == "civitai:1244@1318" and toad.files[0].size == 2607528931
    assert toad.metadata["trained_words"] == ["ttdddd"]
    lora = alone("model_version_242807_lora_2023.json")
    assert lora.files[0].size == 787342192 and len(lora.files[0].extra["hashes"]["AutoV3"]) == 64
    assert lora.license.kind == "non-commercial" and lora.metadata["base_model"] == "SDXL Turbo"
    wai = alone("model_version_2514310_docs_2026.json")
    assert wai.files[0].size is None and wai.files[0].extra["approximate_size"] == 6938040678
    assert wai.files[0].extra["sizeKB"] == 6775430.35
    assert wai.files[0].digests == {"sha256": "a5f58eb1c33616c4f06bca55af39876a7b817913cd829caa8acb111b770c85cc"}
    assert wai.metadata["air"] == "urn:air:sdxl:checkpoint:civitai:827184@2514310"


def test_a_version_with_a_linked_vae() -> None:
    """Files by the id in their address, one without a digest, and one that belongs to another version."""
    record = alone("model_version_2983680_fileid_urls_2026.json")
    text, weights, vae = record.files
    assert (text.key, weights.key, vae.key) == ("2863150", "2863158", None)
    assert weights.digests == {} and weights.size == 4182233976
    assert vae.extra["linked"] and vae.digests["sha256"].startswith("a70580f0213e")
    zoo = Civitai()
    assert zoo.locate(record, text).url == f"{SITE}/api/download/models/2983680?fileId=2863150"
    assert zoo.locate(record, vae).url == f"{SITE}/api/download/models/2983680?type=VAE"
    assert record.problems == (
        "Civitai states no sha256 for 'waiANIMA_v10Base10.safetensors': what comes cannot be checked against it.",
        "'qwen_image_vae.safetensors' belongs to another version, and is linked here.",
    )
    assert record.license.name == "Anima licence with the creator's terms"


def test_a_version_by_hash() -> None:
    """The recorded answer to a sha256 names the file, by any of its hashes."""
    told = load("by_hash_1050496_flux_lora_2024.json")
    for text in ("21437ec26670e230b067ca936f6657caf5ca063f15aec333ef249bec7c0f0dc0", "7AAE878CB805", "88828ae7"):
        server = Server({f"/api/v1/model-versions/by-hash/{text.upper()}": told})
        found = replay(Civitai().holder(text), server)
        assert found is not None and str(found[0]) == "civitai:706978@1050496+956231"
        assert found[1] is not None and found[1].path == "aeshteticv5.safetensors" and found[1].size == 171969416
    record = alone("by_hash_1050496_flux_lora_2024.json")
    assert record.license.kind == "non-commercial" and record.access.state == "open"
    assert "- aesthetic\\_pos3\n- dynamic\\_pos3" in Civitai().card_text(record)


def test_a_version_in_short() -> None:
    """The short answer about a version names it as the long one does, with the same hashes."""
    short, long = load("mini_2514310_docs_2026.json"), load("model_version_2514310_docs_2026.json")
    assert Ref.parse(short["air"]) == Ref.parse("civitai:827184@2514310")
    assert read_hashes(short["hashes"]) == read_hashes(long["files"][0]["hashes"])
    assert short["fileName"] == read_files(long["files"], "2514310")[0][0].path and short["requireAuth"] is False


def test_where_the_bytes_lie() -> None:
    """Recorded downloads lead to two stores: neither is the site, so neither gets a key or its errors' reading."""
    exchanges = load("download_redirects.json")
    hosts = []
    for told in exchanges:
        url = told["request"].split(" ")[1]
        response = Response(
            request=Request(url=url),
            status=told["status"],
            headers={name.lower(): value for name, value in told["headers"].items()},
        )
        target = redirect_target(response) or ""
        assert is_site(url, SITE) and not is_site(target, SITE)
        at_store = Response(request=Request(url=target), status=200, headers={"content-type": "binary/octet-stream"})
        assert not Civitai().is_page(at_store)
        error = Civitai().refused(response, None, "resolve")
        assert "REDACTED" not in error.message and "another server" in error.message
        hosts.append(urlsplit(target).hostname)
    assert hosts[2] == "b2.civitai.com" and str(hosts[0]).endswith(".r2.cloudflarestorage.com")
    assert Ref.parse(exchanges[0]["request"].split(" ")[1]) == Ref.parse("civitai:@55777")


ERRORS: list[type[ZooError]] = [
    *(NotFound, NotFound, AccessError, RateLimited, ProtocolError, NetworkError, AccessError, AccessError, Gone),
    *(NotFound, AccessError),
]


def test_recorded_refusals() -> None:
    """Each recorded error body, at its status, is the error that it means."""
    rows = load("error_bodies.json")
    assert len(rows) == len(ERRORS)
    errors = []
    for told, kind in zip(rows, ERRORS, strict=True):
        operation = (
            "download" if "/download/" in told["endpoint"] else "whoami" if "/me" in told["endpoint"] else "resolve"
        )
        response = Response(
            request=Request(url=f"{SITE}/x"),
            status=told["status"],
            headers={name.lower(): value for name, value in told.get("headers", {}).items()},
            body=json.dumps(told["body"]).encode(),
        )
        error = Civitai().refused(response, Ref.parse("civitai:10@20"), operation)
        assert type(error) is kind, told["endpoint"]
        errors.append(error)
    assert "does not know the key" in errors[2].message and "too many pages" in errors[3].message
    assert "overloaded" in errors[5].message and "logged in" in errors[6].message
    assert "2026-08-22 18:30 UTC" in errors[7].message and "country" in errors[10].message


def test_every_recorded_file_is_read() -> None:
    """No recorded answer lies there without a test that reads it."""
    written = Path(__file__).read_text(encoding="utf-8")
    there = {path.name for path in recorded("civitai").glob("*.json")}
    assert there and {name for name in there if f'"{name}"' not in written} == set()
    assert set(re.findall(r'"([a-z_0-9]+\.json)"', written)) == there
