"""Every recorded answer of the Hub is read, and gives the values that stand in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hub_answers import HUB, Server, exchange, load
from support import recorded

from zooclient.errors import AccessError, ConfigError, NotFound, ProtocolError, ZooError
from zooclient.net.exchange import Request, Response, redirect_target, replay
from zooclient.net.origin import origin
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.providers.huggingface.refusal import refusal
from zooclient.providers.reading import is_commit
from zooclient.records.classify import classify
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref

READ: set[str] = {"PROVENANCE.md"}


def reads(name: str) -> str:
    """Notes that a test reads a recorded file."""
    READ.add(name)
    return name


def info_of(name: str) -> ModelRecord:
    """Returns the record that a recorded answer about a model gives."""
    told = load(name)
    body = told.get("body", told)
    return wire.read_info(body, Ref(scheme="hf", id=body["id"]), endpoint=HUB)


#: File → id, commit, stable id, SPDX, kind of licence, task, library, parameters, number of files.
INFOS: dict[str, tuple[Any, ...]] = {
    "model_info_DialoGPT-small.json": (
        *("microsoft/DialoGPT-small", "49c537161a457d5256512f9d2d38a87d81ae0f0e", "621ffdc136468d709f17dec4"),
        *("MIT", "open-source", "text-generation", "transformers", 175620096, 12),
    ),
    "model_info_all-MiniLM-L6-v2.json": (
        "sentence-transformers/all-MiniLM-L6-v2",
        *("c9745ed1d9f207416be6d2e6f8de32d1f16199bf", "621ffdc136468d709f180294"),
        *("Apache-2.0", "open-source", "sentence-similarity", "sentence-transformers", 22713728, 30),
    ),
    "model_info_bart-base.json": (
        *("facebook/bart-base", "aadd2ab0ae0c8268c7c9693540e9904811f36177", "621ffdc136468d709f17adb5"),
        *("Apache-2.0", "open-source", "feature-extraction", "transformers", 139420416, 10),
    ),
    "model_info_bart-large-mnli.json": (
        *("facebook/bart-large-mnli", "d7645e127eaf1aefc7862fd59a17a5aa8558b8ce", "621ffdc136468d709f17adb7"),
        *("MIT", "open-source", "zero-shot-classification", "transformers", 407344133, 11),
    ),
    "model_info_bert-base-uncased_2025.json": (
        *("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594", "621ffdc036468d709f174338"),
        *("Apache-2.0", "open-source", "fill-mask", "transformers", 110106428, 16),
    ),
    "model_info_blobs_sdxl-turbo.json": (
        *("stabilityai/sdxl-turbo", "f4b0486b498f84668e828044de1d0c8ba486e05b", "6564b36f4eb2f55240230f48"),
        *(None, "unknown", "text-to-image", "diffusers", None, 39),
    ),
    "model_info_blobs_textual_inversion.json": (
        "InvokeAI-test/textual_inversion_tests",
        *("b4221947b01eb61658972c43e33250820d8e3411", "65bef127e4afda82b95e2f68"),
        *(None, "open-weight", None, "diffusers", None, 1),
    ),
    "model_info_detr-resnet-50.json": (
        *("facebook/detr-resnet-50", "1d5f47bd3bdd2c4bbfa585418ffe6da5028b4c0b", "621ffdc136468d709f17ade3"),
        *("Apache-2.0", "open-source", "object-detection", "transformers", 41631008, 6),
    ),
    "model_info_distilbert-sst2_model-index.json": (
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        *("714eb0fa89d2f80546fda750413ed43d93601a13", "621ffdc036468d709f174346"),
        *("Apache-2.0", "open-source", "text-classification", "transformers", 66955010, 17),
    ),
    "model_info_flan-t5-xxl.json": (
        *("google/flan-t5-xxl", "ae7c9136adc7555eeccc78cdd960dfd60fb346ce", "6352c0d3507b679c3c5f41f4"),
        *("Apache-2.0", "open-source", "text2text-generation", "transformers", 11266928640, 32),
    ),
    "model_info_gguf_gemma-3-1b.json": (
        *("ggml-org/gemma-3-1b-it-GGUF", "f9c28bcd85737ffc5aef028638d3341d49869c27", "67d12629c4baca71e68a2b22"),
        *(None, "open-weight", None, None, 999885952, 5),
    ),
    "model_info_google-t5-small.json": (
        *("google-t5/t5-small", "df1b051c49625cf57a3d0d8d3863ed4d13564fe4", "621ffdc036468d709f174358"),
        *("Apache-2.0", "open-source", "translation", "transformers", 60506880, 20),
    ),
    "model_info_gpt2.json": (
        *("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e", "621ffdc036468d709f17434d"),
        *("MIT", "open-source", "text-generation", "transformers", 137022720, 26),
    ),
    "model_info_llama-3.1-8b-instruct_gated_manual.json": (
        *("meta-llama/Llama-3.1-8B-Instruct", "0e9e39f249a16976918f6564b8830bc894c89659", "6698d8a0653e4babe21e1e7d"),
        *(None, "open-weight", "text-generation", "transformers", 8030261248, 17),
    ),
    "model_info_roberta-base-squad2_2025.json": (
        *("deepset/roberta-base-squad2", "adc3b06f79f797d1c575d5479d6f5efe54a9e3b4", "621ffdc136468d709f17a5fd"),
        *("CC-BY-4.0", "open-source", "question-answering", "transformers", 124057092, 12),
    ),
    "model_info_stable-diffusion-v1-4_diffusers.json": (
        *("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b", "6300e0f58a4db6e9052953a8"),
        *(None, "open-weight", "text-to-image", "diffusers", None, 33),
    ),
    "model_info_vit-base-patch16-224.json": (
        *("google/vit-base-patch16-224", "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3", "621ffdc136468d709f17b7d7"),
        *("Apache-2.0", "open-source", "image-classification", "transformers", 86567656, 8),
    ),
    "model_info_zephyr-7b-beta_model-index.json": (
        *("HuggingFaceH4/zephyr-7b-beta", "892b3d7a7b1cf10c7a701c60881cd93df615734c", "653a4cbd66081db6fc588b21"),
        *("MIT", "open-source", "text-generation", "transformers", 7241732096, 31),
    ),
}
READ.update(INFOS)


@pytest.mark.parametrize("name", INFOS)
def test_a_recorded_model_gives_its_own_values(name: str) -> None:
    """Id, commit, stable id, licence, task, library, parameters and files of every recorded model are read."""
    record = info_of(name)
    assert (
        record.ref.id,
        record.ref.revision,
        record.stable_id,
        record.license.spdx,
        record.license.kind,
        record.task,
        record.library,
        record.parameters,
        len(record.files),
    ) == INFOS[name]
    assert record.pin == "commit" and record.ref.pinned
    assert record.endpoint == "https://huggingface.co:443"
    assert record.web_url == f"{HUB}/{record.ref.id}"
    assert any(file.role == "card" for file in record.files) or len(record.files) == 1
    assert record.problems == ()


@pytest.mark.parametrize("name", INFOS)
def test_a_recorded_model_survives_being_written_down(name: str) -> None:
    """A record that was made from a real answer reads back equal from its JSON."""
    record = info_of(name)
    assert ModelRecord.from_dict(record.to_dict()) == record


def test_gpt2_in_full() -> None:
    """The well-known model has its counts, times, tags, formats, and the fields that we do not read."""
    record = info_of("model_info_gpt2.json")
    assert (record.downloads, record.likes) == (17272637, 2630)
    assert record.created_at == datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
    assert record.updated_at == datetime(2024, 2, 19, 10, 57, 45, tzinfo=UTC)
    assert record.author == "openai-community" and record.title == "gpt2"
    assert record.metadata["language"] == "en"
    assert "text-generation-inference" in record.tags
    formats = {file.format for file in record.files if file.role == "weights"}
    assert formats == {"safetensors", "pickle", "tensorflow", "flax", "rust", "onnx", "tflite"}
    assert record.extra["usedStorage"] == 13632917530
    assert "siblings" not in record.extra
    assert all(file.size is None and not file.digests for file in record.files), "the recording has names alone"


def test_a_gated_model_tells_how_to_get_in() -> None:
    """Manual gating is an access state with the page to ask at; the record itself is read."""
    access = info_of("model_info_llama-3.1-8b-instruct_gated_manual.json").access
    assert access.state == "gated" and access.url == f"{HUB}/meta-llama/Llama-3.1-8B-Instruct"
    assert "wait" in (access.how or "")


def test_base_models_are_references() -> None:
    """A base model written as text, as a list or as tags alone becomes a reference."""
    assert info_of("model_info_gguf_gemma-3-1b.json").base_models == ("hf:google/gemma-3-1b-it",)
    assert info_of("model_info_roberta-base-squad2_2025.json").base_models == ("hf:FacebookAI/roberta-base",)
    assert info_of("model_info_zephyr-7b-beta_model-index.json").base_models == ("hf:mistralai/Mistral-7B-v0.1",)
    assert info_of("model_info_llama-3.1-8b-instruct_gated_manual.json").base_models == (
        "hf:meta-llama/Meta-Llama-3.1-8B",
    )


def test_sizes_and_digests_of_blobs() -> None:
    """With blobs, a large file has the sha256 of its content and a small one its git hash."""
    record = info_of("model_info_blobs_sdxl-turbo.json")
    readme, weights = record.file("README.md"), record.file("unet/diffusion_pytorch_model.fp16.safetensors")
    assert readme is not None and weights is not None
    assert readme.role == "card" and set(readme.digests) == {"git-sha1"}
    assert set(weights.digests) == {"sha256"} and weights.size == 5135149760
    assert record.total_size == 55516172217
    assert record.license.name == "sai-nc-community"
    assert record.license.url == f"{HUB}/stabilityai/sdxl-turbo/blob/main/LICENSE.TXT"
    small = info_of("model_info_blobs_textual_inversion.json").files[0]
    assert small.digests == {"sha256": "f368050465cd473785298808c37abd17b98e5f532c144cc1be1f5e897092e67f"}
    assert small.size == 3184


def test_front_matter_with_results_is_kept() -> None:
    """The model-index of a card comes through whole, as metadata and as a field of the answer."""
    record = info_of("model_info_distilbert-sst2_model-index.json")
    assert record.metadata["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.9105504587155964
    zephyr = info_of("model_info_zephyr-7b-beta_model-index.json")
    assert zephyr.extra["model-index"][0]["name"] == zephyr.metadata["model-index"][0]["name"] == "zephyr-7b-beta"


def test_an_answer_without_commit_is_of_the_wrong_shape() -> None:
    """An answer that was asked for other fields names no commit, and is no record."""
    told = exchange(reads("model_info_expand_inferenceProviderMapping_llama-3.3.json"))
    assert told.json()["inferenceProviderMapping"]["together"]["status"] == "live"
    with pytest.raises(ProtocolError, match="does not name the commit"):
        wire.read_info(told.json(), Ref.parse("hf:meta-llama/Llama-3.3-70B-Instruct"), endpoint=HUB)


def test_a_rename_is_followed_and_told() -> None:
    """The old name leads to the new one; the record has the new name and a sentence about it."""
    moved = exchange(reads("model_info_redirect_307_bert-base-uncased.json"))
    new = load("model_info_bert-base-uncased_2025.json")["body"]
    tree = [{"type": "file", "path": "config.json", "size": 570, "oid": "45a2321a7ecfdaaf60a6c1fd7f5463994cc8907d"}]
    server = Server(
        {
            "/api/models/bert-base-uncased?blobs=true": lambda request: Response(
                request=request, status=moved.status, headers=moved.headers, body=moved.body
            ),
            "/api/models/google-bert/bert-base-uncased": new,
            f"/api/models/google-bert/bert-base-uncased/tree/{new['sha']}?recursive=true&expand=false": tree,
        }
    )
    record = replay(HuggingFace().resolve(Ref.parse("hf:bert-base-uncased")), server)
    assert str(record.ref) == f"hf:google-bert/bert-base-uncased@{new['sha']}"
    assert record.requested == Ref.parse("hf:bert-base-uncased")
    assert "hf:bert-base-uncased is now called hf:google-bert/bert-base-uncased." in record.problems


def test_the_default_listing() -> None:
    """Rows of the listing become hits with what a row tells."""
    first, second = wire.read_hits(load(reads("models_listing_default_two_rows.json")), endpoint=HUB)
    assert str(first.ref) == "hf:moonshotai/Kimi-K2-Thinking"
    assert (first.downloads, first.likes, first.task, first.library) == (5119, 578, "text-generation", "transformers")
    assert first.author == "moonshotai" and first.license is not None and first.license.raw == "other"
    assert second.license is not None and second.license.spdx == "MIT"
    assert second.title == "MiniMax-M2" and "fp8" in second.tags
    assert first.extra["trendingScore"] == 580 and first.nsfw is False


def test_a_tree_with_xet_files() -> None:
    """A large file of a tree has the sha256 of its content, never the hash of its pointer or of Xet."""
    files = {file.path: file for file in wire.read_files(load(reads("tree_main_xet_sharded.json")))}
    assert len(files) == 13, "the folder is no file"
    shard = files["model-00001-of-00002.safetensors"]
    assert shard.digests == {"sha256": "263cfc7e1d9b1c10f6bfb65a7530bf537095241d2cb26b6b2344dff332ed8766"}
    assert shard.size == 49742567544 and shard.role == "weights"
    assert shard.extra["xetHash"].startswith("c2668f8e")
    assert files["README.md"].digests == {"git-sha1": "19019e6bc64d828c2c8d62cc27ff68c3e95c682c"}
    assert files["tokenizer.json"].role == "tokenizer" and files["chat_template.jinja"].role == "tokenizer"
    assert files["model.safetensors.index.json"].role == "config"


def test_the_tree_and_the_answer_on_the_file_agree() -> None:
    """The digest of the tree is the ``X-Linked-Etag`` of the file, and its size the ``X-Linked-Size``."""
    (file,) = wire.read_files(load(reads("tree_single_entry_whisper-tiny.json")))
    head = exchange(reads("resolve_head_302_lfs_partial_whisper-tiny.json"))
    assert head.headers["x-linked-etag"] == f'"{file.digests["sha256"]}"'
    assert int(head.headers["x-linked-size"]) == file.size == 77691713
    assert (file.role, file.format) == ("weights", "ggml"), "no pickle, although it ends in .bin"
    commit = head.headers["x-repo-commit"]
    assert is_commit(commit)
    assert wire.file_url(HUB, "ggerganov/whisper.cpp", "main", file.path) == head.request.url


def test_a_small_file_is_redirected_within_the_hub() -> None:
    """The redirect of a git file stays on the Hub's origin and names the commit."""
    head = exchange(reads("resolve_head_307_resolve_cache_readme.json"))
    target = redirect_target(head)
    assert target is not None and origin(target) == origin(HUB)
    assert head.headers["x-repo-commit"] in target
    assert wire.file_url(HUB, "Jackrong/Qwopus3.6-27B-v1-preview", "main", "README.md") == head.request.url


def test_a_gated_file_is_refused_with_the_page_to_ask_at() -> None:
    """The recorded 401 with GatedRepo is an AccessError that names the model's page."""
    ref = Ref.parse("hf:meta-llama/Llama-3.1-8B-Instruct")
    error = HuggingFace().refused(exchange(reads("resolve_head_401_gated.json")), ref, "download")
    assert isinstance(error, AccessError) and error.exit_code == 4
    assert error.access_url == f"{HUB}/meta-llama/Llama-3.1-8B-Instruct"
    assert error.ref == str(ref) and error.operation == "download" and "log in" in (error.hint or "")


def test_a_missing_file_is_not_found() -> None:
    """The recorded 404 with EntryNotFound is a NotFound that advises to resolve again."""
    ref = Ref.parse("hf:Qwen/Qwen3.5-0.8B-Base")
    error = HuggingFace().refused(exchange(reads("resolve_head_404_entry_not_found.json")), ref, "download")
    assert isinstance(error, NotFound) and "resolve it again" in (error.hint or "")
    assert error.url == f"{HUB}/Qwen/Qwen3.5-0.8B-Base/resolve/main/model.safetensors"


#: Which error each refusing row of the matrix is, by position.
MATRIX: dict[int, tuple[type[ZooError], str]] = {
    0: (AccessError, "whoami"),
    1: (AccessError, "whoami"),
    2: (NotFound, "requests"),
    3: (AccessError, "requests"),
    4: (AccessError, "card"),
    5: (AccessError, "card"),
    7: (AccessError, "download"),
    9: (AccessError, "resolve"),
    11: (ProtocolError, "requests"),
    15: (NotFound, "resolve"),
}


def test_the_matrix_of_accounts_and_gates() -> None:
    """Every recorded refusal becomes the error that tells what to do, and every success is left alone."""
    rows = load(reads("error_matrix_auth_and_gating.json"))
    assert len(rows) == 16
    ref = Ref.parse("hf:OwnerOfTheGatedModel/tiny-gated-model")
    for number, row in enumerate(rows):
        if row["status"] < 300:
            assert number not in MATRIX
            continue
        kind, operation = MATRIX[number]
        headers = {"x-error-message": row["message"]}
        if row["x_error_code"]:
            headers["x-error-code"] = row["x_error_code"]
        response = Response(request=Request(url=f"{HUB}/x"), status=row["status"], headers=headers)
        error = refusal(response, ref, operation, web=HUB)
        assert type(error) is kind, row
    pending = rows[5]
    response = Response(
        request=Request(url=HUB),
        status=403,
        headers={"x-error-code": "GatedRepo", "x-error-message": pending["message"]},
    )
    assert "still to be reviewed" in refusal(response, ref, "download", web=HUB).message
    stranger = rows[15]
    response = Response(request=Request(url=HUB), status=401, headers={"x-error-message": stranger["message"]})
    error = refusal(response, Ref.parse("hf:ggml-org/gemma-2-9b-it-GGUF"), "resolve", web=HUB)
    assert error.exit_code == 3 and "private" in (error.hint or "") and "zooclient login hf" in (error.hint or "")


def test_branches_without_tags() -> None:
    """An empty list of tags reads as none, and a branch is found under both of its names."""
    refs = wire.read_refs(load(reads("refs_no_tags_dataset.json")))
    commit = "86ee0a22e036fef2a98f382f8fd528d5d390dde3"
    assert refs == {"main": commit, "refs/heads/main": commit}


def test_a_repository_that_exists() -> None:
    """The recorded 409 tells in the Hub's words that the name is taken."""
    response = exchange(reads("repos_create_409_exists.json"))
    error = refusal(response, None, "publish", web=HUB)
    assert isinstance(error, ConfigError) and "You already created this space repo" in error.message


def test_a_created_space_has_the_address_that_demos_get() -> None:
    """The address of a new Space is the one that we make of its id."""
    body = exchange(reads("repos_create_200_space.json")).json()
    (demo,) = wire.read_demos([{"id": body["name"]}], endpoint=HUB)
    assert demo.url == body["url"] == f"{HUB}/spaces/user/tmp_test_space"


def test_the_state_of_a_space() -> None:
    """The stage of a runtime is the state of a demo, with fields around it that are null."""
    runtime = exchange(reads("space_runtime_200.json")).json()
    assert wire.space_state(runtime) == "BUILDING"
    (demo,) = wire.read_demos([{"id": "user/tmp_test_space", "runtime": runtime}], endpoint=HUB)
    assert demo.state == "BUILDING"


def test_variables_of_a_space_may_be_none() -> None:
    """An empty object is an answer like any other, and tells no state."""
    body = exchange(reads("space_variables_200.json")).json()
    assert body == {} and wire.space_state(body) is None


def test_a_deletion_is_answered_in_plain_text() -> None:
    """A body that is no JSON is text, and says so when it is read as JSON."""
    response = exchange(reads("repos_delete_200_text_body.json"))
    assert response.ok and response.text() == "OK"
    with pytest.raises(ProtocolError, match="not JSON"):
        response.json()


def test_a_commit_names_its_hash() -> None:
    """The answers of preupload and of commit name commits as we know them."""
    prepared = exchange(reads("preupload_200.json")).json()
    assert prepared["files"] == [{"path": "app.py", "uploadMode": "regular", "shouldIgnore": False}]
    done = exchange(reads("commit_200.json")).json()
    assert is_commit(prepared["commitOid"]) and is_commit(done["commitOid"])
    assert done["commitUrl"].endswith(done["commitOid"]) and done["success"] is True


@pytest.mark.parametrize(
    ("name", "architecture", "path", "value"),
    [
        (reads("config_bloom.json"), "BloomForCausalLM", ("n_layer",), 70),
        (reads("config_granite-3.1-1b-a400m.json"), "GraniteMoeForCausalLM", ("num_local_experts",), 32),
        (
            reads("config_medgemma-27b-it_nested.json"),
            "Gemma3ForConditionalGeneration",
            ("text_config", "num_hidden_layers"),
            62,
        ),
    ],
)
def test_a_config_in_an_answer_is_kept_as_it_is(
    name: str, architecture: str, path: tuple[str, ...], value: int
) -> None:
    """A config.json that comes as a field of the answer is kept, nested parts included."""
    body = {**load("model_info_gpt2.json")["body"], "config": load(name)}
    record = wire.read_info(body, Ref.parse("hf:openai-community/gpt2"), endpoint=HUB)
    assert record.extra["config"]["architectures"] == [architecture]
    found: Any = record.extra["config"]
    for key in path:
        found = found[key]
    assert found == value


def test_the_shards_of_an_index_are_weights() -> None:
    """Every shard that a real index names is weights in safetensors, and the index itself is not."""
    index = load(reads("safetensors_index_devstral-small-2507.json"))
    shards = set(index["weight_map"].values())
    assert len(shards) == 10 and index["metadata"]["total_size"] == 47144806400
    assert {classify(shard) for shard in shards} == {("weights", "safetensors")}
    assert classify("model.safetensors.index.json") == ("config", None)


def test_every_recorded_file_is_read() -> None:
    """No recorded answer lies there without a test that reads it."""
    there = {path.name for path in recorded("huggingface").iterdir()}
    assert there - READ == set() and READ - there == set()
