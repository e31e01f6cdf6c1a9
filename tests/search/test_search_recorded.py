"""What real listings tell of the facts that people choose by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from support import recorded

from zooclient.providers.civitai import wire as civitai
from zooclient.providers.huggingface import wire as hub
from zooclient.providers.huggingface.provider import CAPABILITY
from zooclient.providers.modelscope import wire as scope
from zooclient.records import filters
from zooclient.records.model import Hit
from zooclient.records.query import Query


def load(*parts: str) -> Any:
    return json.loads(recorded(*parts).read_text("utf-8"))


def hub_hit(row: Any) -> Hit:
    (hit,) = hub.read_hits([row], endpoint="https://huggingface.co")
    return hit


def test_the_hub_tells_types_of_parameters() -> None:
    """Zephyr's 7.24 billion parameters of BF16 are 14.48 GB, which 24 GB hold and 8 GiB do not."""
    zephyr = hub_hit(load("huggingface", "model_info_zephyr-7b-beta_model-index.json")["body"])
    assert (zephyr.parameters, zephyr.weights_size) == (7241732096, 14483464192)
    assert (zephyr.formats, zephyr.base_models) == (("pickle", "safetensors"), ("hf:mistralai/Mistral-7B-v0.1",))
    for text, fits in (("24GB", True), ("8GiB", False)):
        assert filters.suits(zephyr, Query(fits=text), CAPABILITY) is fits


def test_the_hub_tells_a_count_alone_of_gguf() -> None:
    """A billion parameters in GGUF count as half a gigabyte and a little."""
    gemma = hub_hit(load("huggingface", "model_info_gguf_gemma-3-1b.json"))
    assert (gemma.parameters, gemma.weights_size, gemma.formats) == (999885952, None, ("gguf",))
    assert filters.memory(gemma) == 562435848


def test_modelscope_tells_parameters_and_their_type() -> None:
    """236 million of BF16 are within a thousandth of the file that the zoo lists: 472047152 bytes."""
    page = scope.read_site_page(load("modelscope", "dolphin_models_search_page.json"), endpoint="https://modelscope.cn")
    hit = page.hits[0]
    assert (hit.parameters, hit.weights_size, hit.formats) == (235929600, 471859200, ("pickle", "safetensors"))
    assert hit.weights_size is not None and abs(472047152 / hit.weights_size - 1) < 0.001
    assert hit.base_models == ("modelscope:Qwen/Qwen-Image-Edit",)
    assert hit.created_at == datetime(2025, 10, 16, 2, 50, 23, tzinfo=UTC)
    assert hit.license is not None and hit.license.kind == "open-source"


def test_civitai_tells_sizes_of_files() -> None:
    """The first version's smallest main file counts, about, for its size is told in KiB."""
    page = load("civitai", "models_page_cursor_2024.json")
    hits = civitai.read_hits(page, Query(nsfw=True), web="https://civitai.com", now=datetime(2026, 9, 1, tzinfo=UTC))
    assert [hit.weights_size for hit in hits[:3]] == [2132625894, 4244124028, 4244098718]
    assert [hit.formats for hit in hits[:3]] == [("safetensors",)] * 3
    assert hits[0].created_at == datetime(2023, 7, 29, 20, 50, 47, 173000, tzinfo=UTC)
    assert {hit.license.kind for hit in hits if hit.license is not None} <= {"open-weight", "non-commercial", "unknown"}
