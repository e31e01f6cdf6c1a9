"""nginx on loopback, with TLS, answering the Hub's protocol and ModelScope's for one model out of files."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme
from measure import MIB, Options, environment, folder, needed

from zooclient.serve.folder import FolderShelf
from zooclient.serve.server import ZooServer
from zooclient.serve.shelf import ShelfFile

MODEL = "bench/large"
FILE = "model.safetensors"

_CONF = """
{user}
worker_processes auto;
daemon off;
pid {here}/pid;
error_log {here}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format told '$server_port $connection $request_method $uri $status $body_bytes_sent "$http_range"';
    access_log {here}/access.log told;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    sendfile on;
    tcp_nopush on;
    etag off;
    keepalive_requests 100000;
    ssl_certificate {here}/server.pem;
    ssl_certificate_key {here}/server.key;
    ssl_session_cache shared:bench:1m;
    server {{ listen 127.0.0.1:{port} ssl; include {here}/places.conf; }}
    server {{ listen 127.0.0.1:{capped} ssl; limit_rate {rate}; include {here}/places.conf; }}
}}
"""


class Peer(NamedTuple):
    """A running server: two endpoints that say the same, one of which caps each connection."""

    endpoint: str
    capped: str
    authority: Path
    commit: str
    size: int
    here: Path

    @property
    def pin(self) -> str:
        """The pinned reference of the one model."""
        return f"hf:{MODEL}@{self.commit}"

    def url(self, endpoint: str) -> str:
        """Where the large file lies."""
        return f"{endpoint}/{MODEL}/resolve/{self.commit}/{FILE}"

    def environment(self, endpoint: str, **further: str) -> dict[str, str]:
        """What a client needs to know to ask this server and trust it."""
        return environment(
            ZOOCLIENT_HF_ENDPOINT=endpoint, HF_ENDPOINT=endpoint, SSL_CERT_FILE=str(self.authority), **further
        )

    def told(self) -> list[str]:
        """The lines of the access log."""
        return (self.here / "access.log").read_text().splitlines()


@contextmanager
def nginx(options: Options, *, rate: str = "40m") -> Iterator[Peer]:
    """Serves a model whose weights have ``options.size`` bytes.

    Args:
        options: Size, and where the files are put.
        rate: What the capped endpoint gives a connection, in nginx's words.
    """
    needed("nginx")
    with folder(options, "zooclient-bench") as here:
        shelf = here / "models" / MODEL
        shelf.mkdir(parents=True)
        _write(shelf / FILE, options.size)
        (shelf / "config.json").write_text('{"model_type": "bench"}\n')
        commit = _places(here, here / "models")
        authority = _certificate(here)
        port, capped = _free(), _free()
        conf = here / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        conf.write_text(_CONF.format(here=here, port=port, capped=capped, rate=rate, user=user))
        peer = Peer(f"https://localhost:{port}", f"https://localhost:{capped}", authority, commit, options.size, here)
        process = launched(peer)
        try:
            yield peer
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def launched(peer: Peer) -> subprocess.Popen[bytes]:
    """Starts the server of a peer, and returns when it answers. SIGTERM ends it at once, what is under way included."""
    nginx_path = shutil.which("nginx") or "nginx"
    process = subprocess.Popen([nginx_path, "-e", str(peer.here / "error.log"), "-c", str(peer.here / "nginx.conf")])
    _ready(f"{peer.endpoint}/api/models/{MODEL}", peer.authority, process)
    return process


def _write(path: Path, size: int) -> None:
    block = random.Random(7).randbytes(min(64 * MIB, size))
    with path.open("wb") as file:
        left = size
        while left:
            left -= file.write(block[: min(left, len(block))])


def _places(here: Path, models: Path) -> str:
    """Writes the answers about the model, as our own server gives them, and where nginx finds which."""
    shelf = FolderShelf(models)
    answers = here / "answers"
    answers.mkdir()
    places = []
    try:
        with ZooServer(shelf) as server:
            repository = shelf.repository(MODEL)
            if repository is None:
                raise RuntimeError(f"{MODEL} is not served")
            commit = repository.branches["main"]
            about = f"/api/models/{MODEL}"
            asked = {
                f"{about}/revision/{commit}": "?blobs=true",
                f"{about}/revision/main": "?blobs=true",
                about: "?blobs=true",
                f"{about}/tree/{commit}": "?recursive=true&expand=true",
            }
            for number, (path, query) in enumerate(asked.items()):
                with urllib.request.urlopen(server.bound.url + path + query) as answer:
                    (answers / str(number)).write_bytes(answer.read())
                places.append(
                    f"location = {path} {{ alias {answers / str(number)}; types {{ }} default_type application/json; }}"
                )
            places += [_place(models, commit, file) for file in repository.commits[commit].files.values()]
            places += _scope_places(here, models, commit, repository.commits[commit].files[FILE])
    finally:
        shelf.close()
    (here / "places.conf").write_text("\n".join(places) + "\n")
    return commit


def _place(models: Path, commit: str, file: ShelfFile) -> str:
    """Where nginx finds a file, and the headers by which the official client knows it."""
    return (
        f"location = /{MODEL}/resolve/{commit}/{file.path} {{"
        f" alias {models / MODEL / file.path}; types {{ }} default_type application/octet-stream;"
        f" add_header ETag '\"{file.digest}\"'; add_header X-Repo-Commit {commit};"
        f" add_header X-Linked-Etag '\"{file.digest}\"'; add_header X-Linked-Size {file.size}; }}"
    )


def _scope_places(here: Path, models: Path, commit: str, file: ShelfFile) -> list[str]:
    """Where nginx finds what ModelScope says of the same model, which has the large file alone there."""
    owner, _, name = MODEL.partition("/")
    about = {"Path": owner, "Name": name, "Visibility": 5, "Revision": "master"}
    files = [{"Path": file.path, "Type": "blob", "Size": file.size, "Sha256": file.digest}]
    told = {
        "": about,
        "/commits": {"Commit": [{"Id": commit}]},
        "/repo/files": {"Files": files, "LatestCommitter": {"Id": commit, "ShortId": commit[:8]}},
    }
    places = []
    for number, (path, data) in enumerate(told.items()):
        answer = here / "answers" / f"scope{number}"
        answer.write_text(json.dumps({"Code": 200, "Success": True, "Data": data}))
        places.append(
            f"location = /api/v1/models/{MODEL}{path} {{ alias {answer}; types {{ }} default_type application/json; }}"
        )
    places.append(
        f"location = /api/v1/models/{MODEL}/repo {{ alias {models / MODEL / file.path};"
        f" types {{ }} default_type application/octet-stream; }}"
    )
    return places


def _certificate(here: Path) -> Path:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(here / "authority.pem")
    issued.private_key_pem.write_to_path(here / "server.key")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(here / "server.pem", append=True)
    return here / "authority.pem"


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ready(url: str, authority: Path, process: subprocess.Popen[bytes]) -> None:
    context = ssl.create_default_context(cafile=str(authority))
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, context=context) as answer:
                answer.read()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("nginx does not answer")
