"""A small ModelScope on loopback: the endpoint, and a second origin from which large files come."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import frozen

#: Files from this size on come from the second origin.
LARGE = 1000

_MODEL = re.compile(r"/api/v1/models/(?P<name>[^/]+/[^/]+)(?P<verb>/commits|/repo/files|/repo|)")
_OBJECT = re.compile(r"/prod/lfs-objects/(..)/(..)/([0-9a-f]{60})")
_CUT = re.compile(r"bytes=(\d+)-(\d*)")

ABSENT, NO_ACCESS, NO_TREE = 10010205001, 10010200001, 10990101004


@frozen
class Asked:
    """One request: ``hub`` or ``cdn``, the path, its parameters, and headers with names in lower case."""

    origin: str
    path: str
    told: Mapping[str, str]
    headers: Mapping[str, str]


class ScopeZoo:
    """ModelScope's protocol over models in memory.

    Attributes:
        token: Of the one account, ``me``, which may see everything.
        asked: Every request.
        gated: Models whose files strangers may not list; their record is open.
        flipped: Paths of files of which one byte is sent wrong.
        said: Path of a URL → an answer in place of the usual one: status and JSON.
        held: Path of a URL → what its answer waits for, and what is set when it is asked for.
    """

    def __init__(self) -> None:
        self.token = "ms-0f-me"
        self.asked: list[Asked] = []
        self.gated: set[str] = set()
        self.flipped: set[str] = set()
        self.said: dict[str, tuple[int, Any]] = {}
        self.held: dict[str, tuple[threading.Event, threading.Event]] = {}
        self.models: dict[str, dict[str, dict[str, bytes]]] = {}
        self._hub, self._cdn = _Origin(self, "hub"), _Origin(self, "cdn")

    def __enter__(self) -> Self:
        self._hub.start()
        self._cdn.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops both origins; may be called again."""
        self._hub.stop()
        self._cdn.stop()

    @property
    def endpoint(self) -> str:
        """Where the protocol is spoken."""
        return self._hub.url

    @property
    def byte_origin(self) -> str:
        """Where large files come from."""
        return self._cdn.url

    def commit(self, name: str, files: Mapping[str, bytes]) -> str:
        """Makes the next commit of a model, with exactly these files, and returns its id."""
        told = json.dumps({path: hashlib.sha1(body).hexdigest() for path, body in sorted(files.items())})
        commits = self.models.setdefault(name, {})
        commit = hashlib.sha1(f"{len(commits)}{told}".encode()).hexdigest()
        commits[commit] = dict(files)
        return commit

    def add(self, name: str, folder: Path) -> str:
        """Makes a commit of all files below a folder."""
        found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return self.commit(name, {path.relative_to(folder).as_posix(): path.read_bytes() for path in found})

    def hold(self, path: str, until: threading.Event) -> threading.Event:
        """Lets the answer at a path wait; returns what is set once somebody asks."""
        asked = threading.Event()
        self.held[path] = (until, asked)
        return asked

    def files_asked(self) -> list[str]:
        """Paths of the files that were asked for at the endpoint, in that order."""
        return [asked.told["FilePath"] for asked in self.asked if "FilePath" in asked.told]

    def find(self, name: str, revision: str) -> str | None:
        """Returns the commit that a revision names."""
        commits = self.models.get(name, {})
        if revision == "master":
            return next(reversed(commits), None)
        return revision if revision in commits else None

    def content(self, digest: str) -> tuple[str, bytes] | None:
        """Returns a file by its sha256: its path and its bytes, wrong by one where they are to be."""
        for commits in self.models.values():
            for files in commits.values():
                for path, body in files.items():
                    if hashlib.sha256(body).hexdigest() == digest:
                        return path, self.sent(path, body)
        return None

    def sent(self, path: str, body: bytes) -> bytes:
        """Returns the bytes of a file as they are sent."""
        return body[:-1] + bytes([body[-1] ^ 1]) if path in self.flipped else body


class _Origin(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, zoo: ScopeZoo, origin: str) -> None:
        super().__init__(("127.0.0.1", 0), _Hub if origin == "hub" else _Cdn)
        self.zoo, self.origin = zoo, origin
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._open: set[Any] = set()
        self._running = False

    def start(self) -> None:
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        if self._running:
            self._running = False
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

    def note(self) -> Asked:
        parts = urlsplit(self.path)
        told = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.server.origin, unquote(parts.path), told, headers)
        self.server.zoo.asked.append(asked)
        return asked

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class _Cdn(_Handler):
    """Objects by their digest, for who has a signed link, in ranges."""

    def do_GET(self) -> None:
        asked = self.note()
        found = _OBJECT.fullmatch(asked.path)
        content = self.server.zoo.content("".join(found.groups())) if found else None
        if content is None or "auth_key" not in asked.told:
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        body, part = content[1], _CUT.fullmatch(asked.headers.get("range", ""))
        if part is None:
            return self.answer(200, body, Accept_Ranges="bytes")
        start, stop = int(part[1]), min(int(part[2] or len(body) - 1) + 1, len(body))
        return self.answer(206, body[start:stop], Content_Range=f"bytes {start}-{stop - 1}/{len(body)}")


class _Hub(_Handler):
    def do_GET(self) -> None:
        zoo, asked = self.server.zoo, self.note()
        if asked.path in zoo.held:
            until, reached = zoo.held[asked.path]
            reached.set()
            until.wait(30)
        if asked.path in zoo.said:
            status, payload = zoo.said[asked.path]
            return self._json(status, payload)
        if asked.path == "/openapi/v1/models":
            return self._search(asked)
        if asked.path == "/openapi/v1/users/me":
            return self._account(asked)
        found = _MODEL.fullmatch(asked.path)
        if found is None or found["name"] not in zoo.models:
            return self._refuse(ABSENT, "record not found")
        name, verb = found["name"], found["verb"]
        if verb == "":
            return self._info(name)
        if name in zoo.gated and not self._known(asked):
            return self._refuse(NO_ACCESS, "no access")
        if verb == "/commits":
            commit = zoo.find(name, asked.told.get("Ref", "master"))
            return self._data({"Commit": [{"Id": commit, "ShortId": commit[:8]}] if commit else None})
        commit = zoo.find(name, asked.told.get("Revision", "master"))
        if commit is None:
            return self._refuse(NO_TREE, "no tree")
        files = zoo.models[name][commit]
        return self._files(files, commit) if verb == "/repo/files" else self._file(asked.told["FilePath"], files)

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def _search(self, asked: Asked) -> None:
        words, number = asked.told.get("search", "").lower(), int(asked.told["page_number"])
        names = [name for name in self.server.zoo.models if words in name.lower()]
        size = int(asked.told["page_size"])
        rows = [
            {"id": name, "downloads": 7, "license": "apache-2.0", "tags": [], "gated": name in self.server.zoo.gated}
            for name in names[(number - 1) * size : number * size]
        ]
        data = {"models": rows, "total_count": len(names), "page_number": number, "page_size": size}
        self._json(200, {"success": True, "request_id": "1", "data": data})

    def _account(self, asked: Asked) -> None:
        if self._known(asked):
            return self._json(200, {"success": True, "request_id": "1", "data": {"username": "me"}})
        body = {"success": False, "request_id": "1", "code": "InvalidAuthentication", "message": "unknown token"}
        return self._json(401, body)

    def _info(self, name: str) -> None:
        zoo = self.server.zoo
        commit = zoo.find(name, "master") or ""
        owner, _, title = name.partition("/")
        gate = {"Visibility": 1, "ProtectedMode": 1} if name in zoo.gated else {"Visibility": 5, "ProtectedMode": 2}
        card = zoo.models[name][commit].get("README.md", b"").decode()
        told = {"Id": 7, "Path": owner, "Name": title, "License": "Apache License 2.0", "ReadMeContent": card}
        self._data({**told, **gate, "Downloads": 7, "Stars": 3, "LastUpdatedTime": 1757340103, "Revision": "master"})

    def _files(self, files: Mapping[str, bytes], commit: str) -> None:
        folders = {path.rpartition("/")[0] for path in files if "/" in path}
        listed = [
            *({"Path": path, "Type": "tree", "Size": 0, "Sha256": ""} for path in sorted(folders)),
            *(
                {"Path": path, "Type": "blob", "Size": len(body), "Sha256": hashlib.sha256(body).hexdigest()}
                for path, body in files.items()
            ),
        ]
        self._data({"Files": listed, "LatestCommitter": {"Id": "", "ShortId": commit[:8]}})

    def _file(self, path: str, files: Mapping[str, bytes]) -> None:
        if path not in files:
            return self._refuse(ABSENT, "file not found")
        body = files[path]
        if len(body) < LARGE:
            return self.answer(200, self.server.zoo.sent(path, body))
        digest = hashlib.sha256(body).hexdigest()
        place = f"{self.server.zoo.byte_origin}/prod/lfs-objects/{digest[:2]}/{digest[2:4]}/{digest[4:]}"
        return self.answer(302, b"", Location=f"{place}?auth_key=1900000000-0-0-s1gned")

    def _known(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {self.server.zoo.token}"

    def _data(self, data: Any) -> None:
        self._json(200, {"Code": 200, "Success": True, "Message": "success", "RequestId": "1", "Data": data})

    def _refuse(self, code: int, message: str) -> None:
        self._json(404, {"Code": code, "Success": False, "Message": message, "RequestId": "1"})

    def _json(self, status: int, payload: Any) -> None:
        self.answer(status, json.dumps(payload).encode(), Content_Type="application/json")
