"""Bytes through the Hub's own client: what it brings, what it may carry, and what it fails with."""

from __future__ import annotations

import errno
import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hub_answers import SHA, info

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
from zooclient.net.exchange import Request
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.official import OfficialHub, judged
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.ref import Ref

pytestmark = pytest.mark.official
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

BODY = b"weights of the model"
DIGEST = "c" * 64


class Place(http.server.ThreadingHTTPServer):
    """A server on loopback that remembers what it was asked, with which authorization."""

    daemon_threads = True
    other: Place

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str | None]] = []
        self.missing = 0
        self.hold = threading.Event()
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        """Address without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def elsewhere(self) -> str:
        """The same under another host name: clients before 2.0 tell servers apart by that alone."""
        return f"http://localhost:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the Hub does: 302 to another origin for the bytes, error codes, and a page that never comes."""

    server: Place
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        if path.startswith("/acme/tiny/resolve/"):
            self._resolve(path.rpartition("/")[2])
        elif path == "/bytes":
            self._send(200, BODY[: len(BODY) - self.server.missing])
        else:
            self._send(404, b"")

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def _resolve(self, name: str) -> None:
        commit = {"X-Repo-Commit": SHA, "ETag": f'"{DIGEST}"'}
        if name == "model.bin":
            linked = {"X-Linked-Etag": f'"{DIGEST}"', "X-Linked-Size": str(len(BODY))}
            self._send(302, b"", **commit, **linked, Location=f"{self.server.other.elsewhere}/bytes?Signature=s3cret")
        elif name == "gated.bin":
            self._send(401, b"", **{"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        elif name == "broken.bin":
            self._send(403, b"", **{"X-Error-Message": "Forbidden"})
        elif name == "slow.bin":
            self.server.arrived.set()
            self.server.hold.wait(30)
            self._send(500, b"")
        else:
            self._send(404, b"", **{"X-Error-Code": "EntryNotFound", **commit})

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
    """A Hub whose bytes lie on another origin."""
    with running() as place, running() as other:
        place.other = other
        yield place


RECORD: ModelRecord = wire.read_info(info(), Ref.parse("hf:acme/tiny"), endpoint="https://huggingface.co")


def fetch(hub: Place, name: str, into: Path, cancel: Cancel | None = None, token: str | None = "hf_secret") -> Path:
    """Fetches one file of the model officially."""
    official = OfficialHub(endpoint=hub.url, token=lambda: token)
    return official.fetch(RECORD, FileEntry(path=name), into=into, cancel=cancel or Cancel())


def test_it_brings_the_bytes_and_keeps_the_token_at_home(hub: Place, tmp_path: Path) -> None:
    """The file lies below the given folder; the Hub saw the token, the origin of the bytes did not."""
    found = fetch(hub, "model.bin", tmp_path)
    assert found.read_bytes() == BODY and found.is_relative_to(tmp_path)
    assert {sent for _, _, sent in hub.asked} == {"Bearer hf_secret"}
    assert hub.other.asked and {sent for _, _, sent in hub.other.asked} == {None}
    assert all("agent" not in path for _, path, _ in hub.asked), "nothing unasked"


def test_without_a_token_none_is_found(hub: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The surroundings' token does not reach the client: it carries what it is given, or nothing."""
    monkeypatch.setenv("HF_TOKEN", "hf_around")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch(hub, "model.bin", tmp_path, token=None).read_bytes() == BODY
    assert {sent for _, _, sent in hub.asked} == {None}


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [("gated.bin", AccessError, "gated"), ("none.bin", NotFound, "not in"), ("broken.bin", AccessError, "Forbidden")],
)
def test_what_it_fails_with_is_said_in_our_words(
    hub: Place, tmp_path: Path, name: str, kind: type[ZooError], word: str
) -> None:
    """The Hub's refusals become our errors, with reference and verb."""
    with pytest.raises(kind, match=word) as caught:
        fetch(hub, name, tmp_path)
    assert (caught.value.ref, caught.value.operation) == (str(RECORD.ref), "download")
    assert "hf_secret" not in str(caught.value)


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
    """Without huggingface_hub the way is Unsupported, and the hint says how to install it."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "huggingface_hub.py").write_text("raise ImportError('hidden')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "hide"), *sys.path])
    with pytest.raises(Unsupported) as caught:
        fetch(hub, "model.bin", tmp_path)
    assert "pip install" in (caught.value.hint or "")


def test_a_short_body_is_not_taken(hub: Place, tmp_path: Path) -> None:
    """A body that ends before the size that the Hub told is an error of ours, whatever the client calls it."""
    hub.other.missing = 1
    with pytest.raises((IntegrityError, NetworkError)):
        fetch(hub, "model.bin", tmp_path)


@pytest.mark.parametrize(
    ("chain", "kind"),
    [
        (
            [{"names": ["LocalEntryNotFoundError"], "text": "check your connection"}, {"names": ["ConnectError"]}],
            NetworkError,
        ),
        ([{"names": ["OSError"], "text": "No space left", "errno": errno.ENOSPC}], StoreError),
        ([{"names": ["OSError"], "text": "Consistency check failed: 3 of 4"}], IntegrityError),
        ([{"names": ["FileMetadataError"], "text": "no commit"}], ProtocolError),
        ([{"names": ["Crash"], "text": "it ended with status -11"}], ProtocolError),
        (
            [{"names": ["LocalEntryNotFoundError"], "text": ""}, {"names": ["HfHubHTTPError"], "status": 503}],
            NetworkError,
        ),
        ([{"names": ["HfHubHTTPError"], "status": 429, "headers": {"retry-after": "7"}}], RateLimited),
        ([], NetworkError),
    ],
)
def test_every_failure_of_the_client_is_judged(chain: list[dict[str, Any]], kind: type[ZooError]) -> None:
    """An exception of the client and its causes become one error of ours; addresses lose their signatures."""
    error = judged(chain, Request(url="https://huggingface.co/x"), RECORD, FileEntry(path="x"), web="https://hub")
    assert type(error) is kind
    signed = [{"names": ["E"], "text": "failed at https://cdn/x?Signature=s3cret&b=c'"}]
    told = judged(signed, Request(url="https://huggingface.co/x"), RECORD, FileEntry(path="x"), web="https://hub")
    assert "s3cret" not in str(told) and "https://cdn/x?…" in str(told)
