"""``weights="auto"`` leaves out copies, and nothing but copies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_models import entry, model, recorded_model, skipped, wanted

from zooclient.planning import select
from zooclient.records.wishes import Wishes

SHARDS = tuple(f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3))


def test_twins_are_left_out() -> None:
    """Beside a whole safetensors file, each other format of the same weights is left out, with its reason."""
    record = model("config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack")
    assert skipped(record) == {
        "pytorch_model.bin": "copy of model.safetensors as pickle",
        "tf_model.h5": "copy of model.safetensors as tensorflow",
        "flax_model.msgpack": "copy of model.safetensors as flax",
    }


def test_without_safetensors_everything_stays() -> None:
    """Where there is no safetensors set, no format is preferred."""
    names = ["config.json", "flax_model.msgpack", "optimizer.pt", "pytorch_model.bin", "tf_model.h5"]
    assert names == wanted(model(*names))


def test_a_set_with_a_shard_missing_replaces_nothing() -> None:
    """A safetensors set that is not whole proves no copy."""
    names = [*SHARDS[:2], "model.safetensors.index.json", "pytorch_model.bin"]
    assert names == wanted(model(*names))


def test_an_index_without_numbered_shards_replaces_nothing() -> None:
    """An index alone does not tell that a set is whole."""
    names = ["layer_1.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
    assert names == wanted(model(*names))


def test_a_whole_sharded_set_replaces_its_twins_and_their_index() -> None:
    """Shards that are all there count as whole; the copy's index goes with the copy."""
    copies = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"]
    record = model(*SHARDS, "model.safetensors.index.json", *copies)
    assert dict.fromkeys(copies, "copy of model-*.safetensors as pickle") == skipped(record)


@pytest.mark.parametrize(
    "names",
    [
        ("model.safetensors-00001-of-00002.safetensors", "model.safetensors-00002-of-00002.safetensors"),
        ("model-00000-of-00002.safetensors", "model-00001-of-00002.safetensors"),
        ("model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"),
    ],
)
def test_shards_are_read_in_each_numbering(names: tuple[str, ...]) -> None:
    """Shards counted from zero, with six digits, or with the ending twice are sets as well."""
    assert list(skipped(model(*names, "pytorch_model.bin"))) == ["pytorch_model.bin"]


def test_an_adapter_without_a_twin_stays() -> None:
    """A pickle that no safetensors file repeats is other weights, even beside a whole set."""
    record = model("model.safetensors", "adapter_model.bin", "some_lora.pt", "embeddings.bin")
    assert skipped(record) == {}


def test_an_adapter_with_its_twin_is_left_out() -> None:
    """Twins are told by name, not only for whole models."""
    record = model("adapter_model.bin", "adapter_model.safetensors", "learned.safetensors", "learned.pt")
    assert {"adapter_model.bin", "learned.pt"} == set(skipped(record))


def test_half_precision_only_replaces_half_precision() -> None:
    """An fp16 safetensors file is no copy of the full pickle."""
    record = model("unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors")
    assert skipped(record) == {}


def test_a_copy_belongs_to_its_own_folder() -> None:
    """A whole set in one component says nothing of another component."""
    record = model("unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin")
    assert skipped(record) == {}


def test_other_variants_are_other_weights() -> None:
    """``non_ema`` is not a precision; it stays."""
    record = model("unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.non_ema.safetensors")
    assert skipped(record) == {}


def test_variant_shards_are_one_set() -> None:
    """Both ways in which diffusers names the shards of a variant are read."""
    new = [f"diffusion_pytorch_model.fp16-0000{number}-of-00002.safetensors" for number in (1, 2)]
    old = [f"diffusion_pytorch_model-0000{number}-of-00002.bf16.safetensors" for number in (1, 2)]
    index = "diffusion_pytorch_model.safetensors.index.fp16.json"
    assert {*new, *old, index} == set(skipped(model("diffusion_pytorch_model.safetensors", *new, *old, index)))


def test_training_state_is_left_out_beside_safetensors() -> None:
    """The state of an optimiser is no weights."""
    names = ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin"]
    assert dict.fromkeys(names[1:], "training state") == skipped(model(*names))


def test_mistral_and_llama_layouts_are_copies() -> None:
    """``consolidated*`` beside, and ``original/`` below, a whole set are the same weights again."""
    record = model(*SHARDS, "consolidated.safetensors", "original/consolidated.00.pth", "original/params.json")
    assert {"consolidated.safetensors", "original/consolidated.00.pth"} == set(skipped(record))


def test_gguf_beside_safetensors_is_a_copy() -> None:
    """Where a whole safetensors set is, no choice among GGUF files is asked for."""
    assert {"m-Q4_K_M.gguf", "m-Q8_0.gguf"} == set(skipped(model("model.safetensors", "m-Q4_K_M.gguf", "m-Q8_0.gguf")))


def test_a_file_named_exactly_is_never_a_copy() -> None:
    """Who names a file gets it."""
    record = model("model.safetensors", "pytorch_model.bin")
    assert wanted(record, files=("*.safetensors", "pytorch_model.bin")) == ["model.safetensors", "pytorch_model.bin"]


def test_copies_are_judged_among_what_the_patterns_left() -> None:
    """A pickle is no copy of a file that is not downloaded."""
    assert wanted(model("model.safetensors", "pytorch_model.bin"), files=("*.bin",)) == ["pytorch_model.bin"]


def test_single_file_checkpoints_are_told_by_their_size() -> None:
    """At the root of a pipeline only a file as large as its components is their copy; a LoRA or a VAE is not."""
    parts = [entry("unet/diffusion_pytorch_model.safetensors", 3_440_000), entry("vae/model.safetensors", 334_000)]
    others = [entry("lora.safetensors", 334_000), entry("big.ckpt", 7_700_000), entry("unknown.ckpt", None)]
    others.append(entry("four-percent-more.ckpt", 3_925_000))
    copies = [
        entry("v1.ckpt", 3_775_000),
        entry("v1-half.safetensors", 1_888_000),
        entry("unet.safetensors", 3_440_100),
    ]
    record = model("model_index.json", *parts, *others, *copies)
    assert {"v1.ckpt", "v1-half.safetensors", "unet.safetensors"} == set(skipped(record))


def test_a_single_file_checkpoint_elsewhere_stays() -> None:
    """Without ``model_index.json`` there is no pipeline of which a file could be a copy."""
    record = model(entry("unet/model.safetensors", 1000), entry("big.safetensors", 1000))
    assert skipped(record) == {}


def test_sdxl_turbo_as_recorded() -> None:
    """Of the recorded SDXL Turbo, 55 GB as listed, auto takes the 13.9 GB that diffusers loads."""
    record = recorded_model("model_info_blobs_sdxl-turbo.json")
    files, skips = select(record, Wishes())
    kept = [file.path for file in files if file.path.endswith((".safetensors", ".onnx", ".onnx_data"))]
    assert kept == [
        "text_encoder/model.safetensors",
        "text_encoder_2/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]
    assert sum(file.size or 0 for file in files) == 13_880_032_773
    assert sum(skip.file.size or 0 for skip in skips) == 55_516_172_217 - 13_880_032_773


def test_stable_diffusion_as_recorded() -> None:
    """Of the recorded Stable Diffusion 1.4, the plain components and the other weights stay."""
    kept = [
        name for name in wanted(recorded_model("model_info_stable-diffusion-v1-4_diffusers.json")) if "model." in name
    ]
    assert kept == [
        "safety_checker/model.safetensors",
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("DialoGPT-small", ["model.safetensors"]),
        ("all-MiniLM-L6-v2", ["model.safetensors"]),
        ("bart-base", ["model.safetensors"]),
        ("bart-large-mnli", ["model.safetensors"]),
        ("bert-base-uncased_2025", ["model.safetensors"]),
        ("blobs_textual_inversion", ["learned_embeds-steps-1000.safetensors"]),
        ("detr-resnet-50", ["model.safetensors"]),
        ("distilbert-sst2_model-index", ["model.safetensors"]),
        ("flan-t5-xxl", [f"model-0000{number}-of-00005.safetensors" for number in range(1, 6)]),
        ("google-t5-small", ["model.safetensors"]),
        ("gpt2", ["model.safetensors"]),
        ("llama-3.1-8b-instruct_gated_manual", [f"model-0000{number}-of-00004.safetensors" for number in range(1, 5)]),
        ("roberta-base-squad2_2025", ["model.safetensors"]),
        ("vit-base-patch16-224", ["model.safetensors"]),
        ("zephyr-7b-beta_model-index", [f"model-0000{number}-of-00008.safetensors" for number in range(1, 9)]),
    ],
)
def test_recorded_models_keep_their_safetensors_alone(name: str, weights: list[str]) -> None:
    """Of each recorded model with a whole safetensors set, that set and every small file is what auto keeps."""
    record = recorded_model(f"model_info_{name}.json")
    kept = wanted(record)
    assert weights == [path for path in kept if path.endswith(".safetensors")]
    heavy = (".bin", ".h5", ".msgpack", ".ot", ".onnx", ".tflite", ".pth", ".mlmodel", ".gguf")
    assert [path for path in kept if path.endswith(heavy)] == []
    small = {file.path for file in record.files if file.path.endswith((".txt", ".md", "config.json", "tokenizer.json"))}
    assert small <= set(kept)


_PIECES = st.sampled_from(
    [
        "config.json", "model.safetensors", "model.fp16.safetensors", "pytorch_model.bin", "pytorch_model.fp16.bin",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
        "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json", "lora.bin", "lora.safetensors",
        "tf_model.h5", "onnx/model.onnx", "original/consolidated.00.pth", "optimizer.pt", "m-Q4_K_M.gguf",
        "model_index.json",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(names=st.lists(_PIECES, unique=True, min_size=1), folder=st.sampled_from(["", "unet/", "a/b/"]))
def test_auto_only_leaves_out_and_always_tells(names: list[str], folder: str) -> None:
    """Wanted and skipped files make up the record exactly, and where a copy is left out, safetensors stays."""
    record = model(*(folder + name for name in names))
    files, skips = select(record, Wishes())
    assert {file.path for file in record.files} == {file.path for file in files} | {skip.file.path for skip in skips}
    assert len(record.files) == len(files) + len(skips)
    assert all(skip.reason for skip in skips)
    if skips:
        assert any(file.path.endswith(".safetensors") for file in files)
