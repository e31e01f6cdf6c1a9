"""A pushed mirror, copied as files are copied, behind nginx as it comes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from zooclient import Client, IntegrityError, Offline, Settings, StaleWarning, UnpinnedWarning, ZooSettings
from zooclient.client.mirrorfolder import catalogue
from zooclient.mirror.place import read_place
from zooclient.testing import LocalZoo

MOVING = "hf:acme/story@main"

CONFIG = """
daemon off;
master_process off;
pid {work}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log {work}/access.log;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /models/ {{ alias {root}/; }}
  }}
}}
"""

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo() as running:
        weights = os.urandom(40 * 2**20)
        running.commit("acme/story", {"model.safetensors": weights, "config.json": "{}", "a b/ü #1.txt": "odd"})
        yield running


@pytest.fixture
def served(zoo: LocalZoo, tmp_path: Path) -> Iterator[str]:
    """The address of a mirror behind nginx, of which only what readers need was copied."""
    nginx = shutil.which("nginx", path=_PATH)
    if nginx is None:
        pytest.skip("nginx is not installed")
    with Client(home=tmp_path / "maker", endpoints=zoo.endpoints) as client, pytest.warns(UnpinnedWarning):
        client.mirror(tmp_path / "mirror", MOVING)
    shutil.copytree(
        tmp_path / "mirror", tmp_path / "www", ignore=shutil.ignore_patterns("ingest", "snapshots", "index")
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    work = tmp_path / "nginx"
    work.mkdir()
    (work / "nginx.conf").write_text(CONFIG.format(work=work, port=port, root=tmp_path / "www"))
    process = subprocess.Popen([nginx, "-p", str(work), "-c", str(work / "nginx.conf")], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < until, "nginx does not listen"
        yield f"http://127.0.0.1:{port}/models"
    finally:
        process.kill()
        process.communicate()


def reader(zoo: LocalZoo, home: Path, mirror: str, policy: str) -> Client:
    named = ZooSettings(endpoint=zoo.endpoints["hf"], mirrors=(mirror,), mirror_policy=policy)
    return Client(home=home, settings=Settings(zoos={"hf": named}))


def test_nginx_serves_a_mirror(zoo: LocalZoo, served: str, tmp_path: Path) -> None:
    """With the zoo gone, a copied mirror behind nginx gives record, moving name, catalogue and every byte."""
    pin = f"hf:acme/story@{zoo.head('acme/story')}"
    zoo.stop()
    with reader(zoo, tmp_path / "home", served, "only") as client:
        snapshot = client.download(pin)
        assert client.verify(snapshot).ok
        assert len(snapshot.files) == 3
        with pytest.warns(StaleWarning, match="mirror"):
            assert str(client.resolve(MOVING).ref) == pin
        (model,) = client.run(catalogue(read_place(served))).models
        assert (str(model.ref), model.files) == (pin, 3)
        with pytest.raises(Offline):
            client.load("hf:acme/other@" + "0" * 40)


def test_nginx_is_asked_first_and_what_it_spoils_comes_from_the_zoo(zoo: LocalZoo, served: str, tmp_path: Path) -> None:
    """Bytes that rotted on the web server are refused by digest, and taken from the zoo in their place."""
    pin = f"hf:acme/story@{zoo.head('acme/story')}"
    zoo.forget()
    with reader(zoo, tmp_path / "home", served, "first") as client:
        assert client.verify(client.download(pin)).ok
    assert not any(seen.origin == "cdn" for seen in zoo.requests)
    large = max((tmp_path / "www").glob("v1/blobs/sha256/*/*"), key=lambda path: path.stat().st_size)
    large.chmod(0o644)
    with large.open("r+b") as file:
        file.write(b"rotten")
    with reader(zoo, tmp_path / "other", served, "first") as client:
        assert client.verify(client.download(pin)).ok
    assert any(seen.origin == "cdn" for seen in zoo.requests)
    with reader(zoo, tmp_path / "third", served, "only") as client, pytest.raises(IntegrityError, match="mirror"):
        client.download(pin)
