"""``weights=`` chooses a format, and what cannot be chosen is told with what there is."""

from __future__ import annotations

import pytest
from planning_models import entry, model, recorded_model, skipped, wanted

from zooclient.errors import ConfigError

GGUF = model(
    entry("README.md"),
    entry("m-Q4_K_M.gguf", 806_058_240),
    entry("m-Q8_0-00001-of-00002.gguf", 600_000_000),
    entry("m-Q8_0-00002-of-00002.gguf", 500_000_000),
    entry("mmproj-m-f16.gguf", 851_251_104),
)


def test_several_gguf_variants_ask_for_a_choice() -> None:
    """Several GGUF variants and no choice is a ConfigError that lists each with its size and spells one out."""
    with pytest.raises(ConfigError) as caught:
        wanted(GGUF)
    assert "Q4_K_M (806.1 MB), Q8_0 (1.1 GB)" in caught.value.message
    assert 'weights="gguf:Q4_K_M"' in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_gguf_alone_is_no_choice() -> None:
    """Naming the format does not choose among its variants."""
    with pytest.raises(ConfigError, match="2 GGUF variants"):
        wanted(GGUF, weights="gguf")


@pytest.mark.parametrize("variant", ["Q4_K_M", "q4_k_m"])
def test_a_gguf_variant_is_chosen_in_any_case(variant: str) -> None:
    """``gguf:VARIANT`` takes that variant and its companions, and says why the rest is left out."""
    assert wanted(GGUF, weights=f"gguf:{variant}") == ["README.md", "m-Q4_K_M.gguf", "mmproj-m-f16.gguf"]
    assert {f"not the variant {variant}"} == set(skipped(GGUF, weights=f"gguf:{variant}").values())


def test_a_split_gguf_variant_is_taken_whole() -> None:
    """Every shard of a split variant is taken."""
    assert wanted(GGUF, weights="gguf:Q8_0") == [
        "README.md",
        "m-Q8_0-00001-of-00002.gguf",
        "m-Q8_0-00002-of-00002.gguf",
        "mmproj-m-f16.gguf",
    ]


def test_a_gguf_variant_that_is_not_there_lists_those_that_are() -> None:
    """An absent variant is a ConfigError with the ones to choose from."""
    with pytest.raises(ConfigError, match=r"no GGUF variant IQ2_XXS; there are: Q4_K_M \(806.1 MB\), Q8_0"):
        wanted(GGUF, weights="gguf:IQ2_XXS")


def test_one_gguf_file_needs_no_choice() -> None:
    """With one variant there is nothing to choose."""
    assert wanted(model("a-Q4_0.gguf", "mmproj-a-f16.gguf")) == ["a-Q4_0.gguf", "mmproj-a-f16.gguf"]


def test_patterns_are_a_choice_among_gguf_files() -> None:
    """A pattern that leaves one variant chooses it, and so does naming each."""
    assert wanted(GGUF, files=("*Q4_K_M*",)) == ["m-Q4_K_M.gguf"]
    both = model("a-Q4_0.gguf", "a-Q8_0.gguf")
    assert wanted(both, files=("a-Q4_0.gguf", "a-Q8_0.gguf")) == ["a-Q4_0.gguf", "a-Q8_0.gguf"]


def test_two_models_of_one_quantisation_are_told_apart_by_name() -> None:
    """Where a quantisation is not enough, the spelling in the error is."""
    record = model("tiny-Q4_0.gguf", "small-Q4_0.gguf", "x/small-Q8_0.gguf", "y/small-Q8_0.gguf")
    with pytest.raises(ConfigError) as caught:
        wanted(record, weights="gguf:Q4_0")
    assert "tiny-Q4_0 (" in caught.value.message
    assert wanted(record, weights="gguf:small-Q4_0") == ["small-Q4_0.gguf"]
    assert wanted(record, weights="gguf:y/small-Q8_0") == ["y/small-Q8_0.gguf"]


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "q4_k_m"),
        ("gemma-3-1b-it-f16.gguf", "f16"),
        ("llama-2-7b.Q5_K_S.gguf", "Q5_K_S"),
        ("Model-UD-IQ2_XXS.gguf", "UD-IQ2_XXS"),
        ("gpt-oss-20b-mxfp4.gguf", "mxfp4"),
        ("model-BF16-00001-of-00003.gguf", "BF16"),
        ("ggml-model.gguf", "ggml-model"),
    ],
)
def test_quantisations_are_read_from_real_names(name: str, variant: str) -> None:
    """The quantisation of a GGUF file is found as its makers write it."""
    record = model(name, "other-Q2_K.gguf")
    assert [name] == wanted(record, weights=f"gguf:{variant}")


def test_gemma_as_recorded_asks_for_a_choice() -> None:
    """The recorded GGUF repository has three variants."""
    record = recorded_model("model_info_gguf_gemma-3-1b.json")
    with pytest.raises(ConfigError, match=r"3 GGUF variants.*Q4_K_M.*Q8_0.*f16"):
        wanted(record)
    assert "gemma-3-1b-it-Q8_0.gguf" in wanted(record, weights="gguf:Q8_0")


def test_all_takes_everything_and_none_no_weights() -> None:
    """``all`` and ``none`` are what they say; an index counts as weights."""
    names = ["config.json", "model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json"]
    assert names == wanted(model(*names), weights="all")
    assert wanted(model(*names), weights="none") == ["config.json"]


def test_a_format_leaves_the_others_out() -> None:
    """A named format keeps its files and everything that is no weights."""
    names = ["config.json", "model.safetensors", "onnx/model.onnx", "onnx/model.onnx_data", "pytorch_model.bin"]
    assert wanted(model(*names), weights="pickle") == ["config.json", "pytorch_model.bin"]
    assert wanted(model(*names), weights="onnx") == ["config.json", "onnx/model.onnx", "onnx/model.onnx_data"]


def test_a_format_that_is_not_there_lists_those_that_are() -> None:
    """An absent format is a ConfigError with the formats to choose from."""
    with pytest.raises(ConfigError) as caught:
        wanted(model("model.safetensors", "tf_model.h5"), weights="onnx")
    assert caught.value.hint == "It holds: safetensors, tensorflow."


@pytest.mark.parametrize("choice", ["", "torch", "gguf:", "onnx:fp16", "safetensors:", "Auto"])
def test_an_unknown_choice_lists_the_known_ones(choice: str) -> None:
    """A word that means nothing is a ConfigError with every word that does."""
    with pytest.raises(ConfigError) as caught:
        wanted(model("model.safetensors"), weights=choice)
    assert "auto, all, none, safetensors, gguf" in (caught.value.hint or "")


def test_a_safetensors_variant_is_taken_where_it_is() -> None:
    """``safetensors:fp16`` takes the variant of each component, and the plain weights where there is none."""
    record = model(
        "unet/model.safetensors", "unet/model.fp16.safetensors", "vae/model.safetensors", "vae/model.bin", "config.json"
    )
    assert wanted(record, weights="safetensors:fp16") == [
        "unet/model.fp16.safetensors",
        "vae/model.safetensors",
        "config.json",
    ]


def test_a_safetensors_variant_that_is_not_there_lists_those_that_are() -> None:
    """An absent variant of safetensors is a ConfigError."""
    with pytest.raises(ConfigError) as caught:
        wanted(model("model.safetensors", "model.fp16.safetensors"), weights="safetensors:int8")
    assert caught.value.hint == "There are: fp16."


def test_openvino_and_ggml_are_no_pickles() -> None:
    """A ``.bin`` is read by its whole name."""
    record = model("openvino/openvino_model.bin", "openvino/openvino_model.xml", "ggml-tiny.bin", "pytorch_model.bin")
    assert wanted(record, weights="pickle") == ["pytorch_model.bin"]
    assert wanted(record, weights="ggml") == ["ggml-tiny.bin"]
