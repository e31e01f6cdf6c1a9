"""Bytes through the zoo's own client: what it brings, what it may carry, and what it fails with."""

from __future__ import annotations

import errno
import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from scope_answers import SHA, Server, model

from zooclient.errors import (
    AccessError,
    Cancelled,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    StoreError,
    Unsupported,
    ZooError,
)
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import replay
from zooclient.providers.modelscope.official import OfficialModelScope, judged
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.ref import Ref

pytestmark = pytest.mark.official
pytest.importorskip("modelscope_hub", reason="modelscope is not installed")

BODY = b"weights of the model"
RECORD: ModelRecord = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), Server(model()))


class Place(http.server.ThreadingHTTPServer):
    """A server on loopback that remembers what it was asked, with which authorization and cookie."""

    daemon_threads = True
    other: Place

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.hold = threading.Event()
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        """Address without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as ModelScope does: 302 to a signed link for the bytes, refusals as 404 with a number."""

    server: Place
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append((self.path, self.headers.get("Authorization"), self.headers.get("Cookie")))
        if parts.path == "/api/v1/models/acme/tiny/repo":
            self._repo(parse_qs(parts.query))
        elif parts.path == "/bytes":
            digest = hashlib.sha256(BODY).hexdigest()
            self._send(200, BODY, **{"X-Linked-ETag": f'"{digest}"'})
        else:
            self._refuse(404, 10010205001, "record not found")

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def _repo(self, told: dict[str, list[str]]) -> None:
        assert told["Revision"] == [SHA]
        (name,) = told["FilePath"]
        if name == "model.bin":
            self._send(302, b"", Location=f"{self.server.other.url}/bytes?auth_key=s3cret")
        elif name == "small.json":
            self._send(200, b"{}")
        elif name == "gated.bin":
            self._refuse(404, 10010200001, "no access")
        elif name == "lied.bin":
            self._refuse(200, 10010205001, "record not found")
        elif name == "slow.bin":
            self.server.arrived.set()
            self.server.hold.wait(30)
            self._send(500, b"")
        else:
            self._refuse(404, 10010205001, "file not found")

    def _refuse(self, status: int, code: int, message: str) -> None:
        self._send(status, json.dumps({"Code": code, "Success": False, "Message": message}).encode())

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def running() -> Iterator[Place]:
    """Runs a server for as long as it is needed."""
    place = Place()
    thread = threading.Thread(target=place.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield place
    finally:
        place.hold.set()
        place.shutdown()
        thread.join()
        place.server_close()


@pytest.fixture
def hub() -> Iterator[Place]:
    """A zoo whose bytes lie on another origin of the same host, which a cookie jar does not tell apart."""
    with running() as place, running() as other:
        place.other = other
        yield place


def fetch(hub: Place, name: str, into: Path, cancel: Cancel | None = None, token: str | None = "ms-secret") -> Path:
    """Fetches one file of the model officially."""
    official = OfficialModelScope(
        endpoint=hub.url, token=lambda: token, environ={"MODELSCOPE_DOWNLOAD_MAX_RETRIES": "1"}
    )
    return official.fetch(RECORD, FileEntry(path=name), into=into, cancel=cancel or Cancel())


def test_it_brings_the_bytes_and_keeps_the_token_at_home(hub: Place, tmp_path: Path) -> None:
    """The file lies below the given folder; the zoo saw the token, the origin of the bytes neither it nor a cookie."""
    found = fetch(hub, "model.bin", tmp_path)
    assert found.read_bytes() == BODY and found.is_relative_to(tmp_path)
    assert hub.asked and all(sent == "Bearer ms-secret" for _, sent, _ in hub.asked)
    assert hub.other.asked and {(sent, cookie) for _, sent, cookie in hub.other.asked} == {(None, None)}
    assert not any("internalAcceleration" in path for path, _, _ in hub.asked), "nothing unasked"
    assert fetch(hub, "small.json", tmp_path).read_bytes() == b"{}"


def test_without_a_token_none_is_found(hub: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The surroundings' token and login do not reach the client: it carries what it is given, or nothing."""
    from zooclient.providers.modelscope.credentials import store_token

    around = {"MODELSCOPE_HOME": str(tmp_path / "around"), "MODELSCOPE_API_TOKEN": "ms-around"}
    store_token(around, "ms-stored", endpoint=hub.url)
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    assert fetch(hub, "model.bin", tmp_path / "in", token=None).read_bytes() == BODY
    assert {(sent, cookie) for _, sent, cookie in hub.asked} == {(None, None)}


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [("gated.bin", AccessError, "private or gated"), ("none.bin", NotFound, "not in")],
)
def test_what_it_fails_with_is_said_in_our_words(
    hub: Place, tmp_path: Path, name: str, kind: type[ZooError], word: str
) -> None:
    """The zoo's refusals become our errors, with reference and verb."""
    with pytest.raises(kind, match=word) as caught:
        fetch(hub, name, tmp_path)
    assert (caught.value.ref, caught.value.operation) == (str(RECORD.ref), "download")
    assert "ms-secret" not in str(caught.value)


def test_what_it_brings_is_not_believed(hub: Place, tmp_path: Path) -> None:
    """The client stores the body of an error that came with status 200; such a file has not the listed digest."""
    found = fetch(hub, "lied.bin", tmp_path)
    assert json.loads(found.read_bytes())["Code"] == 10010205001


def test_the_wish_to_stop_is_obeyed(hub: Place, tmp_path: Path) -> None:
    """A cancelled download stops the client, whatever it waits for."""
    cancel = Cancel()

    def stop() -> None:
        hub.arrived.wait(30)
        cancel.cancel()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled):
        fetch(hub, "slow.bin", tmp_path, cancel)
    stopper.join()


def test_a_client_that_is_not_installed(hub: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without modelscope the way is Unsupported, and the hint says how to install it."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "modelscope.py").write_text("raise ImportError('hidden')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "hide"), *sys.path])
    with pytest.raises(Unsupported) as caught:
        fetch(hub, "model.bin", tmp_path)
    assert "pip install" in (caught.value.hint or "")


def gave(status: int, body: str = "", **headers: str) -> list[dict[str, Any]]:
    """Returns what the endpoint refused with."""
    return [{"status": status, "body": body, "headers": headers, "url": "https://modelscope.cn/api/v1/x"}]


@pytest.mark.parametrize(
    ("chain", "refused", "kind"),
    [
        ([{"names": ["NetworkError"], "text": "check your connection"}], [], NetworkError),
        ([{"names": ["OSError"], "text": "No space left", "errno": errno.ENOSPC}], [], StoreError),
        ([{"names": ["FileIntegrityError"], "text": "hash"}], gave(404), IntegrityError),
        ([{"names": ["Crash"], "text": "it ended with status -11"}], [], ProtocolError),
        ([{"names": ["ServerError"], "text": ""}], gave(503), NetworkError),
        ([{"names": ["RateLimitError"], "text": ""}], gave(429, **{"retry-after": "7"}), RateLimited),
        ([{"names": ["NotExistError"], "text": "The model: a has no revision : b"}], [], Unsupported),
        ([{"names": ["TypeError"], "text": "got an unexpected keyword argument 'endpoint'"}], [], Unsupported),
        ([], [], NetworkError),
    ],
)
def test_every_failure_of_the_client_is_judged(
    chain: list[dict[str, Any]], refused: list[dict[str, Any]], kind: type[ZooError]
) -> None:
    """An exception of the client and its causes become one error of ours; addresses lose their signatures."""
    assert type(judged(chain, refused, RECORD, FileEntry(path="x"), web="https://modelscope.cn")) is kind
    signed = [{"names": ["E"], "text": "failed at https://cdn/x?auth_key=s3cret&b=c'"}]
    told = judged(signed, [], RECORD, FileEntry(path="x"), web="https://modelscope.cn")
    assert "s3cret" not in str(told) and "https://cdn/x?…" in str(told)
