"""``serve``: a folder on two ports until a signal ends it."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from served_models import tiny, write

from zooclient.errors import ConfigError
from zooclient.serve.server import Bound, serve

_PROGRAM = """
import json, sys
from zooclient.serve.server import serve
ended = serve(
    sys.argv[1], port=0,
    on_model=lambda name, files: print(json.dumps([name, files]), flush=True),
    on_ready=lambda bound: print(json.dumps([bound.url, bound.byte_url]), flush=True),
)
print(json.dumps(ended), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_running_downloads_are_finished(tmp_path: Path, number: signal.Signals) -> None:
    """The folder is hashed and told, then served; a download under way when the signal comes still ends whole."""
    content = bytes(24 * 1024 * 1024)
    write(tmp_path, "org/tiny", {**tiny(), "model.safetensors": content})
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        assert json.loads(ran.stdout.readline()) == ["org/tiny", len(tiny())]
        url, byte_url = json.loads(ran.stdout.readline())
        assert url != byte_url
        with (
            httpx.Client(trust_env=False, follow_redirects=True) as web,
            web.stream("GET", f"{url}/org/tiny/resolve/main/model.safetensors") as answer,
        ):
            pieces = answer.iter_raw()
            hasher = hashlib.sha256(next(pieces))
            ran.send_signal(number)
            for piece in pieces:
                hasher.update(piece)
        assert hasher.digest() == hashlib.sha256(content).digest()
        assert json.loads(ran.stdout.readline()) == number
        assert ran.wait(10) == 0


def test_one_origin_tokens_and_ports(tmp_path: Path) -> None:
    """With one origin large files come from the same port; a token that somebody sends is not looked at."""
    write(tmp_path, "org/tiny", tiny())
    stop, ready = threading.Event(), threading.Event()
    bounds: list[Bound] = []

    def on_ready(bound: Bound) -> None:
        bounds.append(bound)
        ready.set()

    arguments = {"port": 0, "one_origin": True, "on_ready": on_ready, "stop": stop}
    runner = threading.Thread(target=lambda: serve(tmp_path, **arguments))  # type: ignore[arg-type]  # mixed values
    runner.start()
    assert ready.wait(10)
    bound = bounds[0]
    assert bound.url == bound.byte_url
    with httpx.Client(trust_env=False, headers={"authorization": "Bearer hf_of_the_real_hub"}) as web:
        answer = web.get(f"{bound.url}/org/tiny/resolve/main/model.safetensors")
        link = answer.headers["location"]
        assert link.startswith(bound.url)
        assert web.get(link).content == tiny()["model.safetensors"]
        assert web.get(link).headers["x-repo-commit"] == answer.headers["x-repo-commit"]
        assert web.get(f"{bound.url}/api/whoami-v2").status_code == 401
    stop.set()
    runner.join(10)
    assert not runner.is_alive()


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    """No folder, an empty one, a port that is taken, an address that is none: an error that names it."""
    with pytest.raises(ConfigError, match="is not a folder"):
        serve(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="holds no models") as caught:
        serve(tmp_path, port=0)
    assert "owner/name" in str(caught.value.hint)
    write(tmp_path, "org/tiny", tiny())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} at 127.0.0.1"):
            serve(tmp_path, port=port)
        with pytest.raises(ConfigError, match=f"Port {port} at 127.0.0.1"):
            serve(tmp_path, port=0, cdn_port=port)
    with pytest.raises(ConfigError, match="not an address"):
        serve(tmp_path, host="256.0.0.1.invalid", port=0)
