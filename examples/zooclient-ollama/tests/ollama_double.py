"""The registry on loopback, in its real shape: manifests as plain text, blobs behind a link signed for another host."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

VENDOR = "application/vnd.ollama.image."
GGUF = b"GGUF\x03\x00\x00\x00" + bytes(range(256)) * 8192  # 2 MiB, the beginning of a real one
LICENSE = "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\nLlama 3.2 Version Release Date: September 25, 2024\n"
CONFIG = {
    "model_format": "gguf",
    "model_family": "llama",
    "model_families": ["llama"],
    "model_type": "3.2B",
    "file_type": "Q4_K_M",
    "architecture": "amd64",
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": []},
}


class Asked(NamedTuple):
    """What a server was asked."""

    server: str
    method: str
    path: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012


def digest_of(body: bytes) -> str:
    """``sha256:HEX``."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


class OllamaDouble:
    """A registry and the store of its bytes, on two ports.

    Attributes:
        blobs: Digest → bytes; manifests are among them.
        tags: ``namespace/name`` → tag → digest of a manifest.
        lies: Digest → bytes that are given in its place.
        asked: What was asked, in order.
        hop: Where a blob is sent on to in place of the store. None: the store.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.lies: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.hop: str | None = None
        self._links: set[str] = set()
        self._registry = _server("registry", self.asked, self._answer)
        self._store = _server("store", self.asked, self._bytes)
        self.url = f"http://127.0.0.1:{self._registry.server_port}"
        self.store_url = f"http://127.0.0.1:{self._store.server_port}"

    def __enter__(self) -> OllamaDouble:
        for server in (self._registry, self._store):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._registry, self._store):
            server.shutdown()
            server.server_close()

    # -- what an owner does -----------------------------------------------------------------------

    def blob(self, body: bytes) -> str:
        """Keeps bytes, and returns their digest."""
        self.blobs[digest_of(body)] = body
        return digest_of(body)

    def layer(self, kind: str, body: bytes) -> dict[str, Any]:
        """Keeps bytes, and returns the layer that lists them."""
        return {"mediaType": VENDOR + kind, "digest": self.blob(body), "size": len(body)}

    def push(self, name: str, tag: str = "latest", *layers: dict[str, Any], config: Any = CONFIG) -> str:
        """Puts a manifest behind a tag, and returns its digest, hex; without layers that of a usual model."""
        told = self.blob(json.dumps(config).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "digest": told,
                "size": len(self.blobs[told]),
            },
            "layers": list(layers) or self.usual(),
        }
        return self.push_raw(name, tag, json.dumps(manifest, separators=(",", ":")).encode())

    def push_raw(self, name: str, tag: str, body: bytes) -> str:
        """Puts whatever bytes behind a tag."""
        digest = self.blob(body)
        self.tags.setdefault(name if "/" in name else f"library/{name}", {})[tag] = digest
        return digest.removeprefix("sha256:")

    def usual(self, weights: bytes = GGUF) -> list[dict[str, Any]]:
        """The layers of a usual model."""
        return [
            self.layer("model", weights),
            self.layer("template", b"{{ .Prompt }}"),
            self.layer("license", LICENSE.encode()),
            self.layer("params", b'{"stop": ["<|eot_id|>"], "temperature": 0.5}'),
        ]

    def expire(self) -> None:
        """Makes every signed link that was given invalid."""
        self._links.clear()

    # -- what the servers do ----------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Answer:
        found = re.fullmatch(r"/v2/([^/]+/[^/]+)/(manifests|blobs)/([^/]+)", urlsplit(asked.path).path)
        if found is None:
            return Answer(404, b"404 page not found", {"Content-Type": "text/plain"})
        name, what, reference = found.groups()
        if name not in self.tags:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        if what == "blobs":
            if reference not in self.blobs:
                return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
            link = secrets.token_hex(8)
            self._links.add(link)
            there = f"{self.store_url}/ollama/docker/registry/v2/blobs/{reference}/data?X-Amz-Signature={link}"
            return Answer(307, headers={"Location": self.hop or there})
        if reference.startswith("sha256:"):
            return _error(500, "INTERNAL_ERROR", "internal error")
        if reference not in self.tags[name]:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return Answer(200, self.blobs[self.tags[name][reference]], {"Content-Type": "text/plain; charset=utf-8"})

    def _bytes(self, asked: Asked) -> Answer:
        where = urlsplit(asked.path)
        if "authorization" in asked.headers:
            return Answer(400, b"<Error><Code>InvalidArgument</Code></Error>", {"Content-Type": "application/xml"})
        if parse_qs(where.query).get("X-Amz-Signature", [""])[0] not in self._links:
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>", {"Content-Type": "application/xml"})
        digest = where.path.split("/")[-2]
        body = self.lies.get(digest, self.blobs[digest])
        # The store's entity tag is no sha256.
        headers = {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"', "Accept-Ranges": "bytes"}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if span is None:
            return Answer(200, body, headers)
        first, last = int(span[1]), min(int(span[2] or len(body) - 1), len(body) - 1)
        if first > last:
            return Answer(416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"})
        part = {**headers, "Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return Answer(206, body[first : last + 1], part)


def _error(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


def _server(name: str, asked: list[Asked], answer: Callable[[Asked], Answer]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            one = Asked(name, self.command, self.path, {key.lower(): text for key, text in self.headers.items()})
            asked.append(one)
            told = answer(one)
            self.send_response(told.status)
            for key, text in {**told.headers, "Content-Length": str(len(told.body))}.items():
                self.send_header(key, text)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    return Quiet(("127.0.0.1", 0), Handler)
