"""The model that ships with zooclient is what its card says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from zooclient.embedded import samples_file, zoo_folder
from zooclient.embedded.digits import classify, drawn, samples
from zooclient.loading.tensors import Tensors

FOLDER = zoo_folder() / "zooclient" / "digits"
WEIGHTS = FOLDER / "model.safetensors"


def weights() -> Tensors:
    return Tensors([("model.safetensors", WEIGHTS)])


def card() -> tuple[dict[str, Any], str]:
    """The front matter and the text of the card."""
    _, front, text = (FOLDER / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), text


def test_the_shipped_files_are_small() -> None:
    """Model, card and digits take at most 300 kB of the wheel."""
    files = [samples_file(), *(path for path in zoo_folder().rglob("*") if path.is_file())]
    assert sum(path.stat().st_size for path in files) <= 300_000
    assert {path.name for path in FOLDER.iterdir()} == {"README.md", "config.json", "model.safetensors"}


def test_the_card_tells_the_accuracy_that_the_weights_have() -> None:
    """The shipped weights, on the shipped held-out digits, have the accuracy and F1 that the card claims."""
    pixels, truth = samples()
    answers = np.array(classify(weights(), pixels))
    front, text = card()
    told = {metric["type"]: metric["value"] for metric in front["model-index"][0]["results"][0]["metrics"]}
    assert told["accuracy"] == pytest.approx(np.mean(answers == truth), abs=5e-7)
    scores = []
    for digit in range(10):
        hits = np.sum((answers == digit) & (truth == digit))
        scores.append(2 * hits / (np.sum(answers == digit) + np.sum(truth == digit)))
    assert told["f1"] == pytest.approx(np.mean(scores), abs=5e-7)
    assert f"| accuracy | {told['accuracy']:.4f} |" in text


def test_the_card_tells_every_mistake() -> None:
    """Recall of each digit and each confusion on the card are those of the shipped weights."""
    pixels, truth = samples()
    answers = np.array(classify(weights(), pixels))
    _, text = card()
    rows = re.findall(r"^\| (\d) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(10))
    for digit, precision, recall, images in rows:
        mine, said = truth == int(digit), answers == int(digit)
        assert f"{np.mean(answers[mine] == int(digit)):.3f}" == recall
        assert f"{np.mean(truth[said] == int(digit)):.3f}" == precision
        assert np.sum(mine) == int(images)
    mistakes = {
        (int(right), int(wrong)): int(count)
        for count, right, wrong in re.findall(r"^- (\d+) × a (\d) was taken for a (\d)$", text, re.MULTILINE)
    }
    found = {
        (right, wrong): int(np.sum((truth == right) & (answers == wrong)))
        for right, wrong in {(int(t), int(a)) for t, a in zip(truth, answers, strict=True) if t != a}
    }
    assert mistakes == found


def test_the_card_tells_how_the_model_fails_elsewhere() -> None:
    """The limits on the card are measured: moved, turned and inverted digits are as bad as it says."""
    pixels, truth = samples()
    images = pixels.reshape(-1, 8, 8)
    moved = np.pad(images, ((0, 0), (0, 0), (1, 0)))[:, :, :8]
    section = card()[1].split("It depends on the preparation.")[1].split("\n- ")[0]
    measured = [
        f"{np.mean(np.array(classify(weights(), changed.reshape(-1, 64))) == truth):.1%}"
        for changed in (moved, np.rot90(images, axes=(1, 2)), 16 - images)
    ]
    assert re.findall(r"[\d.]+%", section) == measured


def test_the_card_says_what_it_must() -> None:
    """Licence, task, data with their source, and limits stand on the card."""
    front, text = card()
    assert front["license"] == "apache-2.0"
    assert front["pipeline_tag"] == "image-classification"
    for section in ("Uses", "Out-of-Scope Use", "Bias, Risks, and Limitations", "Training Data", "Evaluation"):
        assert re.search(rf"^##+ {section}$", text, re.MULTILINE)
    assert "CC BY 4.0" in text


def test_the_config_agrees_with_the_weights() -> None:
    """Sizes in the config, on the card and in the weights are the same."""
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    tensors = weights()
    assert sorted(tensors) == ["hidden.bias", "hidden.weight", "output.bias", "output.weight"]
    assert tensors["hidden.weight"].shape == (config["hidden_size"], config["input"]["pixels"])
    assert tensors["output.weight"].shape == (config["num_labels"], config["hidden_size"])
    assert {array.dtype for array in tensors.values()} == {np.dtype("f4")}
    assert f"{sum(array.size for array in tensors.values()):,}" in card()[1]


def test_the_digits_are_real_and_held_out() -> None:
    """There are 450 digits, 0 to 16 in each pixel, every class among them."""
    pixels, truth = samples()
    assert pixels.shape == (450, 64)
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert set(truth.tolist()) == set(range(10))
    assert len(np.unique(pixels, axis=0)) == 450


def test_digits_are_drawn_side_by_side() -> None:
    """Digits are shown as eight lines of text, ten columns each."""
    blank, full = np.zeros(64, "u1"), np.full(64, 16, "u1")
    lines = drawn(np.stack([full, blank, full])).splitlines()
    assert lines == ["  " + "@" * 8 + " " * 12 + "@" * 8] * 8


def test_the_weights_are_those_that_the_script_trains(tmp_path: Path) -> None:
    """Where scikit-learn is installed, the example script, run again, gives a model just as good."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pytest.importorskip("safetensors", reason="the safetensors package is not installed")
    import subprocess
    import sys

    script = Path(__file__).resolve().parents[1] / "examples" / "train_digits.py"
    subprocess.run([sys.executable, str(script), "--to", str(tmp_path)], check=True, capture_output=True, timeout=120)
    assert (tmp_path / "digits.safetensors").read_bytes() == samples_file().read_bytes()
    again = Tensors([("again", tmp_path / "zoo" / "zooclient" / "digits" / "model.safetensors")])
    pixels, truth = samples()
    # Another scikit-learn or processor may end in other last bits, not in another model.
    right = np.mean(np.array(classify(again, pixels)) == truth)
    assert right == pytest.approx(np.mean(np.array(classify(weights(), pixels)) == truth), abs=0.02)
