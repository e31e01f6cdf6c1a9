"""Licences, roles and formats of files, and names that are safe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import IntegrityError
from zooclient.records.classify import classify
from zooclient.records.licenses import hub_id, license_of
from zooclient.records.paths import path_problems, safe_path


@pytest.mark.parametrize(
    ("claim", "spdx", "kind"),
    [
        ("apache-2.0", "Apache-2.0", "open-source"),
        ("Apache License 2.0", "Apache-2.0", "open-source"),
        ("MIT", "MIT", "open-source"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0", "non-commercial"),
        ("llama3.1", None, "open-weight"),
        ("gpl-3.0", None, "open-source"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later", "open-source"),
        ("odbl", "ODbL-1.0", "open-source"),
        ("mit OR apache-2.0", "MIT OR Apache-2.0", "unknown"),
        ("other", None, "unknown"),
        ("my own", None, "unknown"),
        ("LicenseRef-mine", None, "unknown"),
        ("(" * 150, None, "unknown"),
    ],
)
def test_what_a_claim_means(claim: str, spdx: str | None, kind: str) -> None:
    """A claim has an SPDX expression only where it is certain, and always stays as it was written."""
    license_ = license_of([claim])
    assert (license_.spdx, license_.kind, license_.raw) == (spdx, kind, claim)


def test_several_claims() -> None:
    """Of several licences the strictest kind counts, and one that is not known makes all unknown."""
    assert license_of(["mit", "llama3"]).kind == "open-weight"
    assert license_of(["mit", "what"]).kind == "unknown"
    assert license_of([]).raw is None and license_of(["", " "]).raw is None


def test_ids_of_the_hub() -> None:
    """SPDX ids and written names lead to the Hub's id; unknown text stays, in lower case."""
    assert hub_id("CC-BY-4.0") == "cc-by-4.0" and hub_id("Apache License 2.0") == "apache-2.0"
    assert hub_id("AGPL-3.0-or-later") == "agpl-3.0" and hub_id("Mine") == "mine"


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_claim_is_read(claim: str) -> None:
    """No claim is an error."""
    license_of([claim], name=claim, url=claim)


@pytest.mark.parametrize(
    ("path", "role", "format_"),
    [
        ("model.safetensors", "weights", "safetensors"),
        ("model.safetensors.index.json", "config", None),
        ("a/pytorch_model-00001-of-00002.bin", "weights", "pickle"),
        ("ggml-base.en.bin", "weights", "ggml"),
        ("m-Q4_K_M.gguf", "weights", "gguf"),
        ("openvino/openvino_model.bin", "weights", "openvino"),
        ("openvino/openvino_model.xml", "weights", "openvino"),
        ("onnx/model.onnx_data_1", "weights", "onnx"),
        ("coreml/x.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "weights", "coreml"),
        ("saved_model/variables/variables.data-00000-of-00001", "weights", "tensorflow"),
        ("flax_model.msgpack", "weights", "flax"),
        ("tf_model.h5", "weights", "tensorflow"),
        ("rust_model.ot", "weights", "rust"),
        ("64.tflite", "weights", "tflite"),
        ("optimizer.pt", "other", "pickle"),
        ("training_args.bin", "other", "pickle"),
        ("config.json", "config", None),
        ("1_Pooling/config.json", "config", None),
        ("tokenizer/vocab.txt", "tokenizer", None),
        ("tokenizer.model.v3", "tokenizer", None),
        ("README.md", "card", None),
        ("docs/README.md", "other", None),
        ("modeling_x.py", "code", None),
        ("LICENSE", "other", None),
        (".gitattributes", "other", None),
    ],
)
def test_what_a_name_tells(path: str, role: str, format_: str | None) -> None:
    """Role and format of a file are told by its name."""
    assert classify(path) == (role, format_)


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_a_safe_path_stays_in_its_folder(path: str) -> None:
    """A path that is let through has no part that leads elsewhere, on any platform."""
    try:
        assert safe_path(path) == path
    except IntegrityError:
        return
    parts = path.split("/")
    assert path and ".." not in parts and "" not in parts and "\\" not in path and "\0" not in path
    assert path[1:2] != ":" or not path[0].isascii() or not path[0].isalpha()
    path_problems([path, path.upper()])


def test_problems_are_bounded() -> None:
    """Thousands of odd names make one sentence of each kind."""
    (sentence,) = path_problems(f"x{number}." for number in range(5000))
    assert sentence.startswith("'x0.', 'x1.'") and "4990 more" in sentence
