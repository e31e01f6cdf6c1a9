"""A small zoo that many rooms' tests ask."""

from __future__ import annotations

import json
import random
import signal
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from zooclient.testing import LocalZoo

pytest_plugins = ["proxydouble"]

# What an example may be is the promise; how fast a busy machine makes it is not.
settings.register_profile("zooclient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zooclient")

# A shell lets what it starts in the background ignore Ctrl-C, and our children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def safetensors(seed: int, floats: int) -> bytes:
    """Returns a safetensors file with one tensor of ``floats`` 32-bit floats."""
    body = random.Random(seed).randbytes(4 * floats)
    header = json.dumps({"weight": {"dtype": "F32", "shape": [floats], "data_offsets": [0, len(body)]}}).encode()
    return struct.pack("<Q", len(header)) + header + body


CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-classification
tags: [tiny]
base_model: org/base
---
# Tiny

## Bias, Risks, and Limitations

It knows nothing.
"""


@pytest.fixture(scope="session", autouse=True)
def quiet_zoos() -> Iterator[None]:
    """A ModelScope and a Civitai without models for whoever asks all zoos, so that no test asks the real ones."""
    with LocalZoo(zoos=("modelscope", "civitai")) as running, pytest.MonkeyPatch.context() as environment:
        for scheme, endpoint in running.endpoints.items():
            environment.setenv(f"ZOOCLIENT_{scheme.upper()}_ENDPOINT", endpoint)
        # Without a token nobody asks Replicate; one that lies around on this machine leads nowhere.
        environment.delenv("REPLICATE_API_TOKEN", raising=False)
        environment.setenv("ZOOCLIENT_REPLICATE_ENDPOINT", "http://127.0.0.1:9")
        yield


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: ``org/tiny`` with a copy of its weights in another format, and ``org/plain``."""
    folder = tmp_path_factory.mktemp("models")
    tiny = folder / "org" / "tiny"
    (tiny / "sub dir").mkdir(parents=True)
    (tiny / "config.json").write_text('{"model_type": "tiny"}')
    (tiny / "README.md").write_text(CARD)
    (tiny / "sub dir" / "odd #name.txt").write_text("odd")
    (tiny / "model.safetensors").write_bytes(safetensors(1, 500_000))
    (tiny / "pytorch_model.bin").write_bytes(random.Random(2).randbytes(300_000))
    plain = folder / "org" / "plain"
    plain.mkdir(parents=True)
    (plain / "config.json").write_text("{}")
    return folder


@pytest.fixture
def zoo(models: Path) -> Iterator[LocalZoo]:
    """A zoo of its own for a test, over the shared folder, which it never writes."""
    with LocalZoo(models) as running:
        yield running
