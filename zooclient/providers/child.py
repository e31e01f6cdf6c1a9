"""A zoo's own client in a process of its own: it reads its settings at import, and keeps what it likes to itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zooclient.net.cancel import Cancel
from zooclient.providers.reading import line, mapping

#: Seconds between two looks at whether to go on.
_LOOK = 0.5


def ask_child(script: Path, wish: Mapping[str, Any], environ: Mapping[str, str], cancel: Cancel) -> Mapping[str, Any]:
    """Runs a script of ours, hands it a wish over stdin, and returns what it tells on stdout, both JSON.

    Args:
        script: What to run, with this interpreter.
        wish: What it is asked for. Over stdin, because it may hold a token, and others can read arguments.
        environ: The whole environment of the process.
        cancel: Ends it.

    Returns:
        Its answer; a ``chain`` of one error named ``Crash`` where it ended without one.

    Raises:
        Cancelled: The caller wished so; the process is gone.
    """
    cancel.check()
    process = subprocess.Popen(  # noqa: S603  (our own script, no shell)
        [sys.executable, "-P", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
    )
    told: bytes | None = json.dumps(wish).encode()
    try:
        while True:
            try:
                out, noise = process.communicate(told, timeout=_LOOK)
                break
            except subprocess.TimeoutExpired:
                told = None  # it was taken already
                cancel.check()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    try:
        return mapping(json.loads(out))
    except ValueError:
        last = line(noise.decode("utf-8", "replace")[-300:])
        return {"chain": [{"names": ["Crash"], "text": f"it ended with status {process.returncode} ({last})"}]}
