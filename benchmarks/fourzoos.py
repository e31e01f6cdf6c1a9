"""The embedded zoos in a process of their own, with one of them slow: ``python fourzoos.py SCHEME SECONDS``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from zooclient import Client
from zooclient.testing import Do, LocalZoo

#: Schemes of the zoos that are searched.
NAMES = ("hf", "modelscope", "civitai", "replicate")
#: Models that each lists.
ROWS = 12


@contextmanager
def running(slow: str, seconds: float) -> Iterator[Client]:
    """Starts them, and gives a client of theirs.

    Args:
        slow: Scheme of the slow one.
        seconds: What each of its answers takes longer.
    """
    words = [sys.executable, str(Path(__file__).resolve()), slow, str(seconds)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        endpoints, tokens = json.loads(process.stdout.readline())
        with Client(endpoints=endpoints, tokens=tokens) as client:
            yield client
    finally:
        process.communicate()


def _serve(slow: str, seconds: float) -> None:
    with LocalZoo() as zoo:
        for number in range(ROWS):
            zoo.commit(f"bench/whisper-{number}", {"README.md": "# Whisper", "model.safetensors": bytes(1000)})
        zoo.fail("*", Do(partial(time.sleep, seconds), times=None), zoo=slow)
        chosen = [{name: found[name] for name in NAMES if name in found} for found in (zoo.endpoints, zoo.tokens)]
        print(json.dumps(chosen), flush=True)
        sys.stdin.read()  # until who started us lets go


if __name__ == "__main__":
    _serve(sys.argv[1], float(sys.argv[2]))
