"""A small Civitai on loopback: the site, and a second origin from which the bytes come by signed links."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import frozen

_DOWNLOAD = re.compile(r"/api/download/models/(\d+)")
_PART = re.compile(r"bytes=(\d+)-(\d*)")
_PAGE = b"<!doctype html><html><title>Log in</title></html>"


@frozen
class Asked:
    """One request: host with its port, path, parameters, headers with names in lower case, and what was answered."""

    host: str
    path: str
    told: Mapping[str, str]
    headers: Mapping[str, str]
    status: list[int]


class CivZoo:
    """Civitai's protocol over models in memory.

    Args:
        tls: Speak TLS, on one port for every host. None: plain, the site and its store on a port each.

    Attributes:
        key: Of the one account, ``me``.
        asked: Every request.
        models: Id of a model → the answer about it, versions and all; a file may be given ``body``.
        said: Path of a URL → answers in place of the usual ones, the last of them for ever: status, headers, body.
        wants_key: Versions that are handed out to who is logged in alone.
        flipped: Ids of files of which one byte is sent wrong.
        cut: Bytes after which the next answers of the store break off.
        handed_on: Host of the site → the origin that it sends downloads on to.
        lost: Ids of files that are not found by their id, but by what selects them.
        expired: The next question to the store is refused, as by a link that ran out.
        on_bytes: Called before bytes are sent.
        under_way: Answers with bytes that are being sent.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.key = "civ-0f-me"
        self.asked: list[Asked] = []
        self.models: dict[int, dict[str, Any]] = {}
        self.said: dict[str, deque[tuple[int, dict[str, str], bytes]]] = {}
        self.wants_key: set[int] = set()
        self.flipped: set[int] = set()
        self.cut: deque[int] = deque()
        self.handed_on: dict[str, str] = {}
        self.lost: set[int] = set()
        self.expired = False
        self.on_bytes: Callable[[], object] = lambda: None
        self.under_way = 0
        self.counting = threading.Lock()
        self.links = 0
        self.where: str | None = None
        self._site = _Origin(self, tls)
        self._store = self._site if tls is not None else _Origin(self, None)

    def __enter__(self) -> Self:
        for origin in {self._site, self._store}:
            origin.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for origin in {self._site, self._store}:
            origin.stop()

    @property
    def endpoint(self) -> str:
        """Where the protocol is spoken."""
        return self._site.url

    @property
    def port(self) -> int:
        """The port of the site."""
        return int(self._site.server_address[1])

    @property
    def byte_origin(self) -> str:
        """Where bytes come from; ``where`` names another place."""
        return self.where or self._store.url

    def add(self, files: Mapping[str, bytes], *, model: int = 10, version: int = 20, **changes: Any) -> dict[str, Any]:
        """Adds a version with these files, whose ids count from ``10 * version`` on, to a model; returns the version.

        ``changes`` are fields of the version; a later version comes first.
        """
        listed = [listed_file(10 * version + at, name, body) for at, (name, body) in enumerate(files.items())]
        if listed:
            listed[0]["primary"] = True
        told: dict[str, Any] = {
            "id": version,
            "name": f"v{version}",
            "status": "Published",
            "usageControl": "Download",
            "baseModel": "SDXL 1.0",
            "publishedAt": "2026-01-02T03:04:05.000Z",
            "trainedWords": ["tiny thing"],
            "description": None,
            "paidAccess": None,
            "files": listed,
            "images": [],
            **changes,
        }
        about = self.models.setdefault(
            model,
            {
                "id": model,
                "name": f"Tiny {model}",
                "description": "<p>It draws <b>tiny</b> things.</p><script>alert(1)</script>",
                "type": "LORA",
                "nsfw": False,
                "nsfwLevel": 1,
                "minor": False,
                "poi": False,
                "allowNoCredit": True,
                "allowDerivatives": True,
                "allowDifferentLicense": False,
                "allowCommercialUse": "{Image,RentCivit}",
                "creator": {"username": "acme"},
                "stats": {"downloadCount": 7, "thumbsUpCount": 3},
                "tags": ["tool"],
                "modelVersions": [],
            },
        )
        about["modelVersions"].insert(0, told)
        return told

    def answer(self, path: str, *answers: tuple[int, Any], **headers: str) -> None:
        """Answers a path in another way than usual: status, and bytes or what becomes JSON."""
        self.said[path] = deque(
            (status, {"Content-Type": "application/json", **headers}, _bytes(body)) for status, body in answers
        )

    def at(self, *paths: str) -> list[Asked]:
        """The requests whose paths begin so."""
        return [asked for asked in self.asked if asked.path.startswith(paths)]

    @property
    def downloads(self) -> list[Asked]:
        """The requests that count as downloads."""
        return self.at("/api/download/")

    def version(self, version: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Returns a version and its model."""
        for model in self.models.values():
            for told in model["modelVersions"]:
                if told["id"] == version:
                    return told, model
        return None

    def file(self, key: int) -> dict[str, Any] | None:
        """Returns a file by its id."""
        files = (file for model in self.models.values() for told in model["modelVersions"] for file in told["files"])
        return next((file for file in files if file["id"] == key), None)


def listed_file(key: int, name: str, body: bytes, **changes: Any) -> dict[str, Any]:
    """Returns a file as the site lists it, with its bytes."""
    digest = hashlib.sha256(body).hexdigest().upper()
    return {
        "id": key,
        "name": name,
        "type": "Model",
        "sizeKB": len(body) / 1024,
        "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
        "hashes": {"SHA256": digest, "AutoV2": digest[:10]},
        "pickleScanResult": "Success",
        "virusScanResult": "Success",
        "body": body,
        **changes,
    }


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _shown(told: Any) -> Any:
    """What is told of something: all but the bytes of files."""
    if isinstance(told, list):
        return [_shown(item) for item in told]
    return {name: _shown(value) for name, value in told.items() if name != "body"} if isinstance(told, dict) else told


class _Origin(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, zoo: CivZoo, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zoo = zoo
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_address[1]}"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._open: set[Any] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        for request in list(self._open):  # else a kept-alive connection would still be answered
            self.shutdown_request(request)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may hang up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Origin
    protocol_version = "HTTP/1.1"

    def do_GET(self, content: bytes = b"") -> None:
        zoo, parts = self.server.zoo, urlsplit(self.path)
        told = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(headers.get("host", ""), unquote(parts.path), told, headers, [])
        zoo.asked.append(asked)
        self._at = asked
        if asked.path in zoo.said:
            answers = zoo.said[asked.path]
            status, headers, body = answers.popleft() if len(answers) > 1 else answers[0]
            return self._answer(status, body, headers)
        if asked.path.startswith("/file/"):
            return self._store(asked)
        if asked.path.startswith("/login"):
            return self._answer(200, _PAGE, Content_Type="text/html; charset=utf-8")
        found = _DOWNLOAD.fullmatch(asked.path)
        return self._download(asked, int(found[1])) if found else self._api(asked, content)

    def do_POST(self) -> None:
        self.do_GET(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _api(self, asked: Asked, content: bytes) -> None:
        zoo = self.server.zoo
        *_, last = asked.path.split("/")
        if asked.path == "/api/v1/models":
            return self._search(asked)
        if asked.path == "/api/v1/me":
            told = {"id": 1, "username": "me", "tier": "free", "status": "active"}
            return self._json(200, told) if self._known(asked) else self._json(401, {"error": "Unauthorized"})
        if asked.path == "/api/v1/model-versions/by-hash/ids":
            return self._json(200, self._matches(json.loads(content)))
        if asked.path.startswith("/api/v1/models/") and int(last) in zoo.models:
            return self._json(200, zoo.models[int(last)])
        if asked.path.startswith("/api/v1/model-versions/"):
            found = zoo.version(int(last))
            if found is not None:
                about = {name: found[1].get(name) for name in ("name", "type", "nsfw", "poi", "mode")}
                return self._json(200, {**found[0], "modelId": found[1]["id"], "model": about})
            return self._json(404, {"error": "Model not found"})
        return self._json(404, {"error": f"No model with id {last}"})

    def _search(self, asked: Asked) -> None:
        """Every model in one page; what is not for everybody to who asks for it alone."""
        words, all_levels = asked.told.get("query", "").lower(), asked.told.get("nsfw") == "true"
        rows = [
            model
            for model in self.server.zoo.models.values()
            if words in model["name"].lower() and (all_levels or model["nsfwLevel"] & 1)
        ]
        self._json(200, {"items": rows, "metadata": {}})

    def _matches(self, digests: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {"modelVersionId": told["id"], "modelId": model["id"], "hash": file["hashes"]["SHA256"]}
            for model in self.server.zoo.models.values()
            for told in model["modelVersions"]
            for file in told["files"]
            if file["hashes"].get("SHA256") in digests
        ]

    def _download(self, asked: Asked, version: int) -> None:
        zoo, found = self.server.zoo, self.server.zoo.version(version)
        onward = zoo.handed_on.get(asked.host)
        if onward is not None:
            return self._answer(307, b"", Location=onward + self.path)
        if version in zoo.wants_key and not self._known(asked):
            words = "The creator of this asset requires you to be logged in to download it"
            return self._json(401, {"error": "Unauthorized", "message": words})
        if found is not None and (found[0]["paidAccess"] or {}).get("endsAt", "") and not self._known(asked):
            return self._json(403, {"error": "Early Access", "deadline": found[0]["paidAccess"]["endsAt"]})
        files = found[0]["files"] if found is not None else []
        if "fileId" in asked.told:
            wanted = [f for f in files if str(f["id"]) == asked.told["fileId"] and f["id"] not in zoo.lost]
        else:
            wanted = [f for f in files if asked.told.get("type", f["type"]) == f["type"]]
        if not wanted:
            return self._json(404, {"error": "File not found"})
        zoo.links += 1
        name = f"{wanted[0]['id']}.{wanted[0]['name']}"
        link = f"{zoo.byte_origin}/file/{name}?Authorization=3_{zoo.links}&b2ContentDisposition=attachment"
        return self._answer(307, b"", Location=link)

    def _store(self, asked: Asked) -> None:
        """Bytes for who has a signed link, in ranges; a key beside the link is refused, as both stores do."""
        zoo, file = self.server.zoo, self.server.zoo.file(int(asked.path.split("/")[2].partition(".")[0]))
        if "authorization" in asked.headers:
            return self._answer(400, b"<Error><Code>InvalidRequest</Code></Error>")
        if zoo.expired:
            zoo.expired = False
            return self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if file is None or "Authorization" not in asked.told:
            return self._answer(401, b"unauthorized")
        body: bytes = file["body"]
        if file["id"] in zoo.flipped:
            body = body[:-1] + bytes([body[-1] ^ 1])
        part = _PART.fullmatch(asked.headers.get("range", ""))
        start, stop = (int(part[1]), min(int(part[2] or len(body)) + 1, len(body))) if part else (0, len(body))
        told = {"ETag": f'"{hash(body)}"'}
        if part:
            told["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        with zoo.counting:
            zoo.under_way += 1
        zoo.on_bytes()
        try:
            self._answer(206 if part else 200, body[start:stop], told, cut=True)
        finally:
            with zoo.counting:
                zoo.under_way -= 1

    def _known(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {self.server.zoo.key}"

    def _json(self, status: int, payload: Any) -> None:
        self._answer(status, json.dumps(_shown(payload)).encode(), Content_Type="application/json")

    def _answer(
        self, status: int, body: bytes, told: Mapping[str, str] | None = None, *, cut: bool = False, **headers: str
    ) -> None:
        self._at.status.append(status)
        self.send_response(status)
        for name, value in {**headers, **(told or {})}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut and self.server.zoo.cut:
            body = body[: self.server.zoo.cut.popleft()]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
