"""Small models to serve."""

from __future__ import annotations

import json
import struct
from pathlib import Path

CARD = """---
license: mit
language: [en, de]
library_name: transformers
pipeline_tag: text-classification
base_model: org/base
tags: [tiny]
released: 2024-05-06
---
# Tiny

See https://arxiv.org/abs/1810.04805.
"""


def safetensors(count: int, seed: int = 0) -> bytes:
    """A safetensors file with one tensor of ``count`` float32."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    data = bytes((index * 31 + seed) % 251 for index in range(4 * count))
    return struct.pack("<Q", len(header)) + header + data


def tiny(seed: int = 0) -> dict[str, bytes]:
    """The files of one small model."""
    return {
        "README.md": CARD.encode(),
        "config.json": b'{"model_type": "bert", "architectures": ["BertModel"]}',
        "model.safetensors": safetensors(5000, seed),
        "onnx/model.onnx": bytes(range(256)) * 40,
        "onnx/sub dir/f#1 \u00e9.txt": "späte Grüße".encode(),
        "empty.txt": b"",
    }


def write(root: Path, model: str, files: dict[str, bytes]) -> Path:
    """Writes a model below a folder to serve, and returns its own folder."""
    for path, content in files.items():
        place = root / model / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return root / model
