"""The records are not shaped by one zoo: recorded answers of Civitai and Replicate fit into them.

The mappings below are as small as the question needs; the providers of these zoos have their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from support import recorded

from zooclient.records.model import Access, FileEntry, Hit, License, ModelRecord
from zooclient.records.ref import Ref

Json = dict[str, Any]


def answer(zoo: str, name: str) -> Json:
    data: Json = json.loads(recorded(zoo, name).read_text(encoding="utf-8"))
    return data


# -- Civitai ----------------------------------------------------------------------------------------

_ALGORITHMS = {"SHA256": "sha256", "BLAKE3": "blake3", "CRC32": "crc32"}
_ROLES = {"Model": "weights", "Pruned Model": "weights", "VAE": "weights", "Text Encoder": "weights"}
_FORMATS = {"SafeTensor": "safetensors", "PickleTensor": "pickle"}


def civitai_size(kib: float) -> int | None:
    """``sizeKB`` is bytes / 1024 as a double; a rounded one names no whole number of bytes."""
    size = round(kib * 1024)
    return size if abs(size - kib * 1024) < 0.001 and not float(kib).is_integer() else None


def civitai_files(files: list[Json]) -> tuple[FileEntry, ...]:
    names = [file["name"] for file in files]
    entries = []
    for file in files:
        name, key = file["name"], str(file["id"]) if "id" in file else None
        hashes = file.get("hashes") or {}
        stem, _, suffix = name.rpartition(".")
        entries.append(
            FileEntry(
                path=name if names.count(name) == 1 else f"{stem}.{key}.{suffix}",
                size=civitai_size(file["sizeKB"]),
                digests={_ALGORITHMS[k]: v.lower() for k, v in hashes.items() if k in _ALGORITHMS},
                role="config" if file["type"] == "Config" else "weights" if file["type"] in _ROLES else "other",
                format=_FORMATS.get(str((file.get("metadata") or {}).get("format"))),
                key=key,
                extra={
                    "sizeKB": file["sizeKB"],
                    "type": file["type"],
                    "pickleScanResult": file.get("pickleScanResult"),
                    "hashes": {k: v for k, v in hashes.items() if k not in _ALGORITHMS},
                },
            )
        )
    return tuple(entries)


def a_time(text: str | None) -> datetime | None:
    """Civitai wrote times with ``Z`` and, in 2024, without any zone; both are UTC."""
    return datetime.fromisoformat(text.removesuffix("Z") + "+00:00") if text else None


def civitai_record(model: Json, version: Json) -> ModelRecord:
    ref = Ref(scheme="civitai", id=str(model["id"]), revision=str(version["id"]))
    flags = {key: model.get(key) for key in ("allowNoCredit", "allowCommercialUse", "allowDerivatives")}
    gone = model.get("mode") == "Archived"
    return ModelRecord(
        ref=ref,
        requested=ref.at(None),
        pin="version",
        title=model["name"],
        endpoint="https://civitai.com:443",
        author=(model.get("creator") or {}).get("username"),
        task=model["type"],
        license=License(raw=json.dumps(flags), url=f"https://civitai.com/models/license/{version['id']}"),
        tags=tuple(model["tags"]),
        downloads=model["stats"]["downloadCount"],
        likes=model["stats"].get("thumbsUpCount"),
        updated_at=a_time(version.get("updatedAt") or version.get("publishedAt")),
        access=Access(state="gone", how="The author archived it.") if gone else Access(),
        nsfw=model["nsfw"],
        web_url=f"https://civitai.com/models/{model['id']}?modelVersionId={version['id']}",
        files=civitai_files(version["files"]),
        metadata={"baseModel": version["baseModel"], "trainedWords": version.get("trainedWords", [])},
    )


def civitai_records(name: str) -> Iterator[ModelRecord]:
    data = answer("civitai", name)
    for model in data.get("items", [data]):
        for version in model["modelVersions"]:
            yield civitai_record(model, version)


@pytest.mark.parametrize(
    "name",
    [
        "model_1619_danger_ckpt_2023.json",
        "model_17012_poses_archive_2023.json",
        "model_215485_lora_three_versions_2023.json",
        "model_24636_archived_2023.json",
        "model_3679_lora_pt_safetensors_textenc_2023.json",
        "model_4618_ckpt_safetensors_yaml_2023.json",
        "model_66_ckpt_and_vae_pt_2023.json",
        "model_86_checkpoint_pickle_2023.json",
        "models_page_by_ids_2025.json",
        "models_page_cursor_2024.json",
        "models_page_textualinversion_2023.json",
    ],
)
def test_every_civitai_model_is_a_record(name: str) -> None:
    """Each version of each recorded model becomes a record that survives JSON, with unlike paths in one version."""
    records = list(civitai_records(name))
    assert records
    for record in records:
        assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
        assert Ref.parse(record.web_url or "") == record.ref
        assert len({entry.path for entry in record.files}) == len(record.files)
        assert not record.ref.pinned


def test_civitai_files_have_digests_sizes_and_scan_results() -> None:
    """Upper-case digests become lower-case, by algorithm; fingerprints of parts of a file are no digests."""
    (record,) = civitai_records("model_1619_danger_ckpt_2023.json")
    assert str(record.ref) == "civitai:1619@1762"
    assert (record.title, record.author, record.downloads, record.nsfw) == (
        "Riffusion txt2audio",
        "theally",
        785,
        False,
    )
    assert record.updated_at is not None
    assert record.updated_at.isoformat() == "2022-12-21T19:10:00.536000+00:00"
    ckpt, safe = record.files
    assert (ckpt.key, ckpt.format, ckpt.extra["pickleScanResult"]) == ("1640", "pickle", "Danger")
    assert (safe.key, safe.format, safe.role) == ("1698", "safetensors", "weights")
    assert safe.size == 3851786760
    assert safe.digests == {
        "sha256": "641c2ca3f27fda54328d031b4899969113fecc5fce45923d590f452dc5ac9bee",
        "crc32": "f7ecaadc",
        "blake3": "aa453c1c2065dc1db0ef342d86f9a6bf93616b71c6d7304ee07f2093da095558",
    }
    assert safe.extra["hashes"] == {"AutoV1": "4AE74E7E", "AutoV2": "641C2CA3F2"}
    assert record.license.spdx is None
    assert record.license.kind == "unknown"
    assert json.loads(record.license.raw or "")["allowCommercialUse"] == "Sell"


def test_civitai_names_that_are_not_unique_are_told_apart_by_key() -> None:
    """Two files of one version share a name; the zoo's handle keeps them two."""
    record = next(r for r in civitai_records("models_page_cursor_2024.json") if r.ref.revision == "57618")
    assert len(record.files) == 2
    assert all(entry.key and entry.key in entry.path for entry in record.files)
    assert len({entry.digests["sha256"] for entry in record.files}) == 2


def test_civitai_sizes_that_are_rounded_are_unknown() -> None:
    """A size of 6775430.35 KiB is about right, and about is not a size; the number itself is kept."""
    (entry,) = civitai_files(answer("civitai", "model_version_2514310_docs_2026.json")["files"])
    assert entry.size is None
    assert entry.extra["sizeKB"] == 6775430.35
    assert entry.digests["sha256"] == "a5f58eb1c33616c4f06bca55af39876a7b817913cd829caa8acb111b770c85cc"
    (exact,) = civitai_files(answer("civitai", "model_version_242807_lora_2023.json")["files"])
    assert exact.size == 787342192
    assert exact.extra["hashes"]["AutoV3"] == "813EA5FB1C67F3CBF1C4DFF5D392EE5E073A2C41DCF3AB36CF6CDD872C4E7690"


def test_civitai_files_without_digest_or_id_still_fit() -> None:
    """A fresh upload has no hashes yet, and a linked file of another version has no id here."""
    files = civitai_files(answer("civitai", "model_version_2983680_fileid_urls_2026.json")["files"])
    text, weights, vae = files
    assert weights.digests == {}
    assert weights.size == 4182233976
    assert vae.key is None
    assert text.digests == {"sha256": "cd2a512003e2f9f3cd3c32a9c3573f820bb28c940f73c57b1ddaa983d9223eba"}


def test_an_archived_civitai_model_is_gone() -> None:
    """Its record can be had, its bytes cannot."""
    (record,) = civitai_records("model_24636_archived_2023.json")
    assert record.access.state == "gone"
    assert record.files == ()
    assert record.total_size == 0


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("by_hash_1050496_flux_lora_2024.json", "civitai:706978@1050496"),
        ("mini_2514310_docs_2026.json", "civitai:827184@2514310"),
        ("model_version_2983680_fileid_urls_2026.json", "civitai:2544636@2983680"),
    ],
)
def test_the_air_that_civitai_prints_is_a_reference(name: str, written: str) -> None:
    """The zoo's own name of a version reads as our reference to it."""
    assert str(Ref.parse(answer("civitai", name)["air"])) == written


def test_every_download_address_that_civitai_prints_is_a_reference() -> None:
    """With or without the id of the file, over the whole recorded page."""
    for model in answer("civitai", "models_page_cursor_2024.json")["items"]:
        for version in model["modelVersions"]:
            for file in version["files"]:
                assert Ref.parse(file["downloadUrl"]).revision == str(version["id"])
    for file in answer("civitai", "model_version_2983680_fileid_urls_2026.json")["files"][:2]:
        assert str(Ref.parse(file["downloadUrl"])).startswith("civitai:@2983680+28631")


# -- Replicate --------------------------------------------------------------------------------------


def replicate_record(model: Json, *, official: bool = False) -> ModelRecord:
    name = Ref(scheme="replicate", id=f"{model['owner']}/{model['name']}")
    version = model.get("latest_version") or {}
    pinned = None if official else version.get("id")
    private = model["visibility"] == "private"
    return ModelRecord(
        ref=name.at(pinned),
        requested=name,
        pin="version" if pinned else "none",
        title=model["name"],
        endpoint="https://api.replicate.com:443",
        author=model["owner"],
        license=License(url=model["license_url"], raw=model["license_url"]),
        updated_at=a_time(version.get("created_at")),
        access=Access(state="private", how="Only its owner sees it.") if private else Access(),
        web_url=model["url"],
        metadata={"run_count": model["run_count"], "cog_version": version.get("cog_version")},
        extra={key: model[key] for key in ("github_url", "paper_url", "weights_url") if key in model},
    )


def test_a_replicate_version_pins() -> None:
    """The version id names an image by its digest; there is no list of files and no size."""
    record = replicate_record(answer("replicate", "model_get_sdxl_2024.json"))
    version = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
    assert str(record.ref) == f"replicate:stability-ai/sdxl@{version}"
    assert record.ref.pinned
    assert record.pin == "version"
    assert record.updated_at is not None
    assert record.updated_at.isoformat() == "2024-05-23T23:26:26.222931+00:00"
    assert record.license.url is not None
    assert record.license.url.endswith("/LICENSE-SDXL1.0")
    assert record.license.spdx is None
    assert record.downloads is None
    assert record.metadata["run_count"] == 66336540
    assert record.extra["weights_url"] is None
    assert record.files == ()
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_an_official_replicate_model_pins_nothing() -> None:
    """Its latest version cannot be asked for, so the record says that there is no pin."""
    record = replicate_record(answer("replicate", "model_get_llama2_70b_chat.json"), official=True)
    assert str(record.ref) == "replicate:meta/llama-2-70b-chat"
    assert record.pin == "none"
    assert not record.ref.pinned


def test_a_private_replicate_model_without_version() -> None:
    """A model that was created and never pushed to has nothing to pin and is nobody else's business."""
    record = replicate_record(answer("replicate", "model_create.json"))
    assert (record.pin, record.ref.revision, record.access.state) == ("none", None, "private")
    assert record.license == License()


@pytest.mark.parametrize("name", ["models_list_page1.json", "models_search_llama.json"])
def test_replicate_listings_are_hits(name: str) -> None:
    """A listing names the latest version, so a hit is pinned already."""
    for model in answer("replicate", name)["results"]:
        address = Ref.parse(model["url"])
        hit = Hit(
            ref=address.at(model["latest_version"]["id"]),
            title=model["name"],
            author=model["owner"],
            license=License(url=model["license_url"]),
            web_url=model["url"],
        )
        assert hit.ref.pinned
        assert hit.ref.id == f"{model['owner']}/{model['name']}"
        assert Hit.from_dict(json.loads(json.dumps(hit.to_dict()))) == hit


def test_the_internal_version_of_an_official_prediction_is_no_revision() -> None:
    """``dp-…`` is a deployment's own name, which nobody can ask for."""
    prediction = answer("replicate", "official_prediction_create.json")
    with pytest.raises(ValueError, match="64 hex digits"):
        Ref(scheme="replicate", id=prediction["model"], revision=prediction["version"])
