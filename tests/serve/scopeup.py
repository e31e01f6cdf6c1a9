"""ModelScope's own client, ordered to write to a local zoo, from a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zooclient.testing import LocalZoo, Seen

SCHEME = "modelscope"
_WRITER = Path(__file__).with_name("scopewriter.py")


def begun(zoo: LocalZoo, home: Path) -> subprocess.Popen[str]:
    """Starts the client; it waits for its orders."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MODELSCOPE_")},
        "HOME": str(home),
        "MODELSCOPE_ENDPOINT": zoo.endpoints[SCHEME],
        "MODELSCOPE_HOME": str(home / "scope"),
        "MODELSCOPE_CACHE": str(home / "cache"),
        "MODELSCOPE_UPLOAD_MAX_CONCURRENT_WORKERS": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.Popen(
        [sys.executable, str(_WRITER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    )


def order(call: str, token: str | None, **arguments: Any) -> Mapping[str, Any]:
    """Returns an order: what is called, with which token and which arguments."""
    return {"call": call, "token": token, "arguments": arguments}


def carried_out(zoo: LocalZoo, home: Path, *orders: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lets the client carry orders out, and returns what each came to: ``answer``, or ``error`` and ``status``."""
    with begun(zoo, home) as client:
        out, err = client.communicate(json.dumps(orders), timeout=120)
    assert client.returncode == 0, err
    told: list[dict[str, Any]] = json.loads(out)
    return told


def sent(zoo: LocalZoo) -> list[Seen]:
    """Blobs that were sent to the second origin, in the order in which they came."""
    return [seen for seen in zoo.requests if seen.method == "PUT" and "/blobs/" in seen.path]


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits until it is done, and fails where it never is: nobody tells when a server has put half a body away."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)
