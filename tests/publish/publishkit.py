"""Folders to publish, and what is sent to a zoo."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

from zooclient.testing import LocalZoo

#: A card to which nothing is to be said.
CARD = """---
license: apache-2.0
tags: [toy]
---
# Tiny

## Uses

For tests.

## Limitations

It knows nothing.

## Training

It was not trained.

## Evaluation

None is needed.
"""

#: The shape of tokens, put together here so that nobody takes them for real ones.
HF_TOKEN = "hf_" + "aB3" * 12
R8_TOKEN = "r8_" + "aB3" * 13


def safetensors(seed: int = 1, numbers: int = 256) -> bytes:
    """Returns a whole safetensors file."""
    data = random.Random(seed).randbytes(numbers * 4)
    header = json.dumps({"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def model_folder(parent: Path, name: str = "tiny", **files: bytes | str) -> Path:
    """Makes a folder that can be published; ``__`` in a keyword is a dot."""
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "README.md").write_bytes(CARD.encode())
    (folder / "config.json").write_bytes(b'{"model_type": "tiny"}')
    (folder / "model.safetensors").write_bytes(safetensors())
    for given, content in files.items():
        path = folder / given.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def sent_contents(zoo: LocalZoo) -> list[str]:
    """The paths at which contents came in whole, in their order."""
    return [seen.path for seen in zoo.requests if seen.method == "PUT" and seen.status == 200]


def writes(zoo: LocalZoo) -> list[str]:
    """Everything that was asked and may change something."""
    return [f"{seen.method} {seen.path}" for seen in zoo.requests if seen.method not in ("GET", "HEAD")]
