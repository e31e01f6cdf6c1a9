"""What only whole processes show: sockets opened, signals, several at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import zooclient
from zooclient import Client
from zooclient.testing import LocalZoo, Slow

#: Where the package under test is imported from, installed or not.
ROOT = Path(zooclient.__file__).parents[1]


def environment(zoo: LocalZoo, home: Path, **extra: str) -> dict[str, str]:
    """The least that a process needs, so that nothing of this machine's settings leaks in."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    return (
        kept
        | {
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "ZOOCLIENT_HOME": str(home / "home"),
            "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
        }
        | extra
    )


def bytes_below(folder: Path) -> int:
    """Counts what lies on the disk below a folder that another process is changing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def pin(zoo: LocalZoo) -> str:
    return f"hf:org/tiny@{zoo.head('org/tiny')}"


def test_every_socket_is_one_that_was_asked_for(zoo: LocalZoo, tmp_path: Path) -> None:
    """The whole line opens connections to the zoo's two origins and to nothing else; no credential leaves the first."""
    code = """
import json, sys
connected = []
def hook(event, args):
    if event == "socket.connect":
        connected.append(args[1][:2])
    elif event == "socket.getaddrinfo":
        connected.append(args[:2])
sys.addaudithook(hook)
import zooclient
with zooclient.Client.from_env() as client:
    list(client.search("tiny", zoos="hf"))
    record = client.resolve("hf:org/tiny", demos=True)
    client.card(record)
    client.load(str(record.ref))
    client.whoami("hf")
print(json.dumps(connected))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(zoo, tmp_path, ZOOCLIENT_HF_TOKEN=zoo.tokens["hf"]),
        capture_output=True,
        text=True,
        check=True,
    )
    asked_for = {("127.0.0.1", urlsplit(url).port) for url in (zoo.endpoints["hf"], zoo.byte_origin)}
    opened = {(host, int(port)) for host, port in json.loads(done.stdout)}
    assert opened
    assert opened <= asked_for
    assert all(("authorization" in seen.headers) == (seen.origin == "hub") for seen in zoo.requests), (
        "a credential goes to its own origin, always and only"
    )


def test_importing_opens_nothing_and_imports_nothing(tmp_path: Path) -> None:
    """``import zooclient`` brings in neither attrs nor typing, nor anything else of ours."""
    code = (
        "import sys; before = set(sys.modules); import zooclient; new = set(sys.modules) - before; print(sorted(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['zooclient']"


def test_ten_processes_share_one_download(zoo: LocalZoo, tmp_path: Path) -> None:
    """Ten processes that want the same model at once all get it, and its weights move once."""
    words = [sys.executable, "-m", "zooclient", "get", pin(zoo)]
    running = [
        subprocess.Popen(
            words, env=environment(zoo, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(10)
    ]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 10, ended
    assert len({out for out, _ in ended}) == 1
    moved = [seen for seen in zoo.requests if seen.origin == "cdn"]
    assert sum(seen.sent for seen in moved) < 1.5 * 2_000_000


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_transfer_and_the_next_run_goes_on(
    zoo: LocalZoo, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM end with their code and a sentence, leave no half file visible, and lose nothing."""
    slow = zoo.fail("*.safetensors", Slow(400_000))
    process = subprocess.Popen(
        [sys.executable, "-m", "zooclient", "get", pin(zoo)],
        env=environment(zoo, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ingest = tmp_path / "home" / "v1" / "ingest"
    while process.poll() is None and bytes_below(ingest) < 300_000:
        pass
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code, error
    assert "Traceback" not in error
    assert "goes on" in error
    assert list((tmp_path / "home" / "v1").glob("snapshots/**/*.safetensors")) == []
    zoo.heal(slow)
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        assert client.load(pin(zoo)).path.is_dir()


def test_a_client_survives_a_fork(zoo: LocalZoo, tmp_path: Path) -> None:
    """A client that has open connections may be used in a forked child and in the parent afterwards."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    code = """
import os, sys, zooclient
client = zooclient.Client.from_env()
client.resolve("hf:org/tiny")
child = os.fork()
if child == 0:
    client.resolve("hf:org/plain")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
client.load(str(client.resolve("hf:org/tiny").ref))
"""
    subprocess.run([sys.executable, "-c", code], env=environment(zoo, tmp_path), check=True, timeout=60)


def test_a_hostile_project_gets_no_token(zoo: LocalZoo, tmp_path: Path) -> None:
    """A cloned repository that names an endpoint is asked there, and sees no credential."""
    project = tmp_path / "clone"
    project.mkdir()
    (project / "zoo.toml").write_text(f'[zoos.hf]\nendpoint = "{zoo.endpoints["hf"]}"\n')
    environ = environment(zoo, tmp_path, ZOOCLIENT_HF_TOKEN="hf_secret", HF_TOKEN="hf_secret")
    del environ["ZOOCLIENT_HF_ENDPOINT"]
    done = subprocess.run(
        [sys.executable, "-m", "zooclient", "resolve", "hf:org/tiny"],
        env=environ,
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert zoo.requests
    assert not any("hf_secret" in str(seen.headers) + seen.query + seen.path for seen in zoo.requests)
