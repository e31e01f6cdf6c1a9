"""Every recorded answer of Replicate is read, and what it says is what the records say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from replicate_answers import Server, load, refuse
from support import recorded

from zooclient.errors import AccessError, NotFound, RefError, ZooError
from zooclient.net.exchange import replay
from zooclient.providers.replicate import wire
from zooclient.providers.replicate.openapi import read_schema
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.model import Hit, ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

SDXL_2023 = "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b"
SDXL_2024 = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
LLAMA = "02e509c789964a7ea8736978a43525956ef40397be9033abf9fd2badfe68c9e3"

#: Answers that are read here, and those of a run, which are held to what they say of the model that ran.
READ = {
    *("collection_get_text_to_image.json", "collections_list.json", "error_401_unauthenticated.json"),
    *("error_402_billing_required.json", "error_404_training_destination.json", "error_422_version_not_permitted.json"),
    *("file_create.json", "file_list.json", "hardware_list.json", "model_create.json", "models_list_page1.json"),
    *("model_get_llama2_70b_chat.json", "model_get_sdxl.json", "model_get_sdxl_2024.json", "models_search_llama.json"),
    *("official_prediction_create.json", "prediction_cancel_canceled.json", "prediction_create_starting.json"),
    *("prediction_create_stream_url.json", "prediction_get_processing.json", "prediction_get_succeeded.json"),
    *("search_beta_documented_example.json", "sse_done_documented.txt", "training_create.json"),
    *("training_get_processing.json", "version_get_llama_concatenate.json", "version_get_sdxl_cog086.json"),
    "version_get_sdxl_cog095_trainable.json",
}


def test_nothing_recorded_is_passed_over() -> None:
    """Each file beside the provenance is named here, so that a new one fails until it is read."""
    assert {path.name for path in recorded("replicate").iterdir()} - {"PROVENANCE.md"} == READ


def resolved(text: str, answers: dict[str, Any]) -> ModelRecord:
    """Resolves against recorded answers, and takes the record on a journey."""
    record = replay(Replicate().resolve(Ref.parse(text)), Server(answers))
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    return record


def searched(query: Query, answers: dict[str, Any]) -> tuple[Hit, ...]:
    """Searches recorded answers, and takes the hits on a journey."""
    page = replay(Replicate().search(query), Server(answers))
    for hit in page.hits:
        assert Hit.from_dict(json.loads(json.dumps(hit.to_dict()))) == hit
    return page.hits


# -- models and versions ------------------------------------------------------------------------


def test_sdxl_as_it_was_in_2023() -> None:
    """A community model at its latest version: licence by address, runs, paper, cover."""
    answers = {
        "/v1/models/stability-ai/sdxl": load("model_get_sdxl.json"),
        "/v1/models/stability-ai/sdxl/versions": {"results": []},
    }
    record = resolved("replicate:stability-ai/sdxl", answers)
    assert str(record.ref) == f"replicate:stability-ai/sdxl@{SDXL_2023}"
    assert (record.pin, record.title, record.author) == ("version", "sdxl", "stability-ai")
    assert (record.metadata["run_count"], record.metadata["cog_version"]) == (917544, "0.8.5")
    assert record.metadata["paper_url"] == "https://arxiv.org/abs/2307.01952"
    assert record.license.raw is not None and record.license.raw.endswith("/model_licenses/LICENSE-SDXL1.0")
    assert (record.license.spdx, record.license.kind, record.base_models) == (None, "unknown", ())
    assert record.updated_at is not None and record.updated_at.isoformat() == "2023-08-11T17:00:23.916379+00:00"
    assert record.created_at is None
    assert record.schema is not None and len(record.schema.inputs) == 17


def test_sdxl_at_a_version_of_2023_while_2024_is_the_latest() -> None:
    """A pin answers with its own schema and time, and tells the version that is the latest by now."""
    answers = {
        "/v1/models/stability-ai/sdxl": load("model_get_sdxl_2024.json"),
        f"/v1/models/stability-ai/sdxl/versions/{SDXL_2023}": load("version_get_sdxl_cog086.json"),
    }
    record = resolved(f"stability-ai/sdxl:{SDXL_2023}", answers)
    assert (record.ref.revision, record.metadata["latest_version"]) == (SDXL_2023, SDXL_2024)
    assert (record.metadata["cog_version"], record.metadata["run_count"]) == ("0.8.6", 66336540)
    assert record.created_at is not None and record.created_at.isoformat() == "2023-07-26T17:53:09.882651+00:00"
    assert record.updated_at is not None and record.updated_at.year == 2023
    assert record.schema is not None and record.schema.training_inputs is None
    assert record.metadata["example_input"]["prompt"].startswith("An astronaut")


def test_sdxl_at_the_trainable_version() -> None:
    """The schema of a training comes with the version that has one."""
    answers = {
        "/v1/models/stability-ai/sdxl": load("model_get_sdxl_2024.json"),
        f"/v1/models/stability-ai/sdxl/versions/{SDXL_2024}": load("version_get_sdxl_cog095_trainable.json"),
    }
    record = resolved(f"r8.im/stability-ai/sdxl@sha256:{SDXL_2024}", answers)
    assert record.metadata["cog_version"] == "0.9.5"
    assert record.schema is not None and record.schema.training_inputs is not None
    assert len(record.schema.training_inputs) == 22


def test_llama_while_it_was_a_community_model() -> None:
    """A language model streams its text in pieces."""
    answers = {
        "/v1/models/meta/llama-2-70b-chat": load("model_get_llama2_70b_chat.json"),
        f"/v1/models/meta/llama-2-70b-chat/versions/{LLAMA}": load("version_get_llama_concatenate.json"),
    }
    record = resolved(f"replicate:meta/llama-2-70b-chat@{LLAMA}", answers)
    assert record.license.url == "https://ai.meta.com/resources/models-and-libraries/llama-downloads/"
    assert record.metadata["run_count"] == 1847452
    assert record.schema is not None and record.schema.output is not None and record.schema.output.joined


def test_llama_as_an_official_model() -> None:
    """Where its versions are not listed, the same answer is that of an official model: no pin, and a witness."""
    record = resolved(
        "replicate:meta/llama-2-70b-chat",
        {"/v1/models/meta/llama-2-70b-chat": load("model_get_llama2_70b_chat.json")},
    )
    assert (str(record.ref), record.pin) == ("replicate:meta/llama-2-70b-chat", "none")
    assert record.metadata["latest_version"] == LLAMA
    assert re.fullmatch("[0-9a-f]{64}", record.metadata["schema_sha256"])
    assert record.schema is not None and record.schema.inputs[0].name == "prompt"


def test_a_model_that_was_just_created() -> None:
    """It is private, and has no version, no licence and no picture."""
    record = resolved("replicate:test/python-example", {"/v1/models/test/python-example": load("model_create.json")})
    assert (record.pin, record.ref.revision, record.access.state) == ("none", None, "private")
    assert (record.license.raw, record.schema, record.metadata["run_count"]) == (None, None, 0)
    assert "cover_image_url" not in record.metadata


# -- listings -----------------------------------------------------------------------------------


def test_a_page_of_everything() -> None:
    """Three models of the firehose, and the cursor of the next page out of its absolute address."""
    told = load("models_list_page1.json")
    hits = searched(Query(), {"/v1/models": told})
    assert [hit.ref.id for hit in hits] == [
        "catio-apps/controlnet-interior-design",
        "catio-apps/ip_adapter-face-controlnet-realistic_vision",
        "fofr/latent-consistency-model",
    ]
    assert [hit.extra["run_count"] for hit in hits] == [49, 359, 13417]
    assert hits[0].updated_at is not None and hits[0].updated_at.isoformat() == "2023-11-16T13:51:01.572878+00:00"
    assert hits[2].license is not None and hits[2].license.raw == "https://github.com/fofr/cog-lcm/blob/main/LICENSE"
    assert hits[0].ref.revision is None, "the answer does not tell whether it is official"
    assert wire.next_cursor(told) == "cD0yMDIzLTExLTE1KzA1JTNBMDMlM0E0Ny4yMDM5MDMlMkIwMCUzQTAw"


def test_a_search_by_the_method_query() -> None:
    """The recorded search for llama, on a server without the newer one."""
    hits = searched(Query(text="llama"), {"QUERY /v1/models": load("models_search_llama.json"), "*": refuse(404)})
    assert [hit.ref.id for hit in hits] == [
        "meta/meta-llama-3-70b-instruct",
        "meta/meta-llama-3-8b-instruct",
        "meta/llama-2-7b-chat",
    ]
    assert hits[0].created_at is not None and hits[0].created_at.isoformat() == "2024-04-17T21:44:13.482460+00:00"
    assert hits[0].extra["run_count"] == 72174580


def test_the_documented_search() -> None:
    """The newer search tells tags and a description of its own; its empty schemas are not taken for one."""
    told = load("search_beta_documented_example.json")
    (hit,) = searched(Query(text="nano banana"), {"/v1/search?query=nano+banana&limit=50": told})
    assert (str(hit.ref), hit.title, hit.author) == ("replicate:google/nano-banana", "nano-banana", "google")
    assert hit.tags == ("text-to-image", "image-to-image", "image-editing")
    assert hit.extra["description"] == "Google's latest image editing model in Gemini 2.5"
    assert hit.extra["score"] == 1.3847375700706976
    assert hit.license is None
    version = told["models"][0]["model"]["latest_version"]
    assert read_schema(version["openapi_schema"], version["cog_version"]) is None
    assert searched(Query(text="nano banana", task="image-editing"), {"*": told}) == (hit,)
    assert searched(Query(text="nano banana", task="text-to-speech"), {"*": told}) == ()


def test_a_collection_is_a_task() -> None:
    """The models of a collection are for the task that it is named after."""
    told = load("collection_get_text_to_image.json")
    hits = searched(Query(task="text-to-image"), {"/v1/collections/text-to-image": told})
    assert [(hit.ref.id, hit.task) for hit in hits] == [
        ("huiyegit/t2i_cl", "text-to-image"),
        ("mehdidc/feed_forward_vqgan_clip", "text-to-image"),
    ]
    assert hits[0].updated_at is not None and hits[0].updated_at.year == 2021


def test_every_collection_is_an_address_of_ours() -> None:
    """The slugs of the recorded list are what a task is written as."""
    told = load("collections_list.json")["results"]
    assert len(told) == 19
    slugs = [row["slug"] for row in told]
    assert slugs[:2] == ["vision-models", "t2i-adapter"]
    for slug in slugs:
        assert wire.collection_url("https://a", slug) == f"https://a/v1/collections/{slug}"


# -- refusals -----------------------------------------------------------------------------------


def refused(status: int, name: str) -> ZooError:
    with pytest.raises(ZooError) as caught:
        resolved("replicate:a/b", {"*": refuse(status, load(name))})
    return caught.value


def test_recorded_refusals() -> None:
    """Each body that says no is the error to act on, in the zoo's own words."""
    error = refused(401, "error_401_unauthenticated.json")
    assert isinstance(error, AccessError)
    assert "Unauthenticated; You did not pass a valid authentication token" in error.message
    assert "zooclient login replicate" in (error.hint or "")
    error = refused(402, "error_402_billing_required.json")
    assert isinstance(error, AccessError)
    assert "Billing required" in error.message and error.access_url == "https://replicate.com/account/billing"
    error = refused(404, "error_404_training_destination.json")
    assert isinstance(error, NotFound) and "training destination does not exist" in error.message
    error = refused(422, "error_422_version_not_permitted.json")
    assert isinstance(error, AccessError)
    assert "Invalid version or not permitted" in error.message and "official" in (error.hint or "")


# -- what a run tells of its model --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("prediction_create_starting.json", SDXL_2023, True),
        ("prediction_get_processing.json", SDXL_2023, True),
        ("prediction_get_succeeded.json", SDXL_2023, True),
        ("prediction_cancel_canceled.json", SDXL_2023, True),
        ("prediction_create_stream_url.json", LLAMA, True),
    ],
)
def test_the_input_of_a_recorded_run_fits_its_schema(name: str, version: str, fits: bool) -> None:
    """What was really run passes the check of the version that ran it, unchanged."""
    told = load(name)
    assert told["version"] == version
    by_version = {SDXL_2023: "version_get_sdxl_cog086.json", LLAMA: "version_get_llama_concatenate.json"}
    schema = read_schema(load(by_version[version])["openapi_schema"])
    assert schema is not None
    assert schema.check(told["input"]) == told["input"]


@pytest.mark.parametrize("name", ["training_create.json", "training_get_processing.json"])
def test_the_input_of_a_recorded_training_fits_its_schema(name: str) -> None:
    """The images are a file; what a later version knows no longer is refused by name."""
    told = load(name)["input"]
    schema = read_schema(load("version_get_sdxl_cog095_trainable.json")["openapi_schema"])
    assert schema is not None
    assert schema.check(told, training=True) == told


def test_the_version_of_an_official_run_is_no_pin() -> None:
    """An official model's prediction names a version and a model that nobody can ask for."""
    told = load("official_prediction_create.json")
    assert (told["model"], told["version"][:3]) == ("replicate-internal/llama-3-8b-instruct-int8-triton", "dp-")
    assert wire.version_id({"id": told["version"]}) is None
    with pytest.raises(RefError):
        Ref(scheme="replicate", id=told["model"], revision=told["version"])


def test_a_stream_joins_to_what_its_schema_says() -> None:
    """The documented stream is pieces of one text, as the output of its model is."""
    events = recorded("replicate", "sse_done_documented.txt").read_text("utf-8").strip().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in event.splitlines()) for event in events]
    assert [one["event"] for one in fields] == ["output", "output", "done"]
    assert "".join(one["data"] for one in fields[:2]) == "Once upon a time...The End."
    assert "id" not in fields[2]
    schema = read_schema(load("version_get_llama_concatenate.json")["openapi_schema"])
    assert schema is not None and schema.output is not None
    assert (schema.output.joined, schema.output.items) == (True, "text")


def test_an_uploaded_file_is_an_input() -> None:
    """The address that an upload gives fits where a file is wanted."""
    schema = read_schema(load("version_get_sdxl_cog086.json")["openapi_schema"])
    assert schema is not None
    uploads = [load("file_create.json"), *load("file_list.json")["results"]]
    assert len(uploads) == 4
    for told in uploads:
        assert (told["size"], told["checksums"]["md5"]) == (0, told["etag"])
        assert schema.check({"image": told["urls"]["get"]}) == {"image": told["urls"]["get"]}


def test_hardware_is_an_open_list() -> None:
    """A bare list; its names are texts of which we know none."""
    assert [one["sku"] for one in load("hardware_list.json")] == ["cpu", "gpu-t4", "gpu-a40-small", "gpu-a40-large"]
