"""Recorded and made-up answers of ModelScope, for flows that run without a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support import recorded

from zooclient.net.exchange import Request, Response

SITE = "https://modelscope.cn"
SHA = "2e50b77b0eee3083842019e257b74854323d880a"
OTHER = "1" * 20 + "2" * 20
TOUCHED = "cbee0850956aeb6fd9ac074a0270da820788ada7"
CARD = "---\nlicense: mit\nbase_model: acme/base\ntasks:\n- fill-mask\n---\n# Tiny\n"
CARD_SHA = hashlib.sha256(CARD.encode()).hexdigest()

INFO = "/api/v1/models/acme/tiny"
LOG = "/api/v1/models/acme/tiny/commits"
NAMES = "/api/v1/models/acme/tiny/revisions"
TREE = "/api/v1/models/acme/tiny/repo/files"
SEARCH = "/openapi/v1/models"
DOLPHIN = "/api/v1/dolphin/models"


def load(name: str) -> Any:
    """Returns a recorded file as JSON."""
    return json.loads(recorded("modelscope", name).read_text(encoding="utf-8"))


def exchange(name: str) -> Response:
    """Returns a recorded exchange as a response."""
    told = load(name)
    request = Request(method=told["request"]["method"], url=told["request"]["url"].replace("{missing}", "no/such"))
    return Response(request=request, status=told["status"], body=json.dumps(told["body"]).encode())


class Server:
    """Answers by path, and remembers what was asked.

    Args:
        answers: Path → JSON, a list of answers to give one after the other, or a function that makes the response.
        endpoint: Where it stands.
    """

    def __init__(self, answers: Mapping[str, Any], endpoint: str = SITE) -> None:
        self.answers = dict(answers)
        self.endpoint = endpoint
        self.asked: list[str] = []
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        assert request.url.startswith(self.endpoint), request.url
        parts = urlsplit(request.url)
        self.asked.append(parts.path)
        self.requests.append(request)
        found = self.answers.get(parts.path)
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            made: Response = found(request)
            return made
        if found is None:
            return refuse(404, 10010205001, "获取模型信息失败，信息：record not found")(request)
        return Response(request=request, status=200, body=json.dumps(found).encode())

    def sent(self, path: str) -> dict[str, str]:
        """Returns the parameters of the first question at a path."""
        return next(parameters(request) for request in self.requests if urlsplit(request.url).path == path)


def parameters(request: Request) -> dict[str, str]:
    """Returns the parameters of a question."""
    return dict(parse_qsl(urlsplit(request.url).query))


def refuse(
    status: int, code: int | str | None = None, message: str = "", **headers: str
) -> Callable[[Request], Response]:
    """Returns an answer that refuses, as the surface of the code words it: a number, or a word."""

    def make(request: Request) -> Response:
        body: dict[str, Any] = {}
        if isinstance(code, int):
            body = {"Code": code, "Message": message, "RequestId": "1", "Success": False}
        elif code is not None:
            body = {"success": False, "code": code, "message": message, "request_id": "1"}
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        return Response(request=request, status=status, headers=told, body=json.dumps(body).encode() if body else b"")

    return make


def legacy(data: Any, **beside: Any) -> dict[str, Any]:
    """Returns a success of ``/api/v1``."""
    return {"Code": 200, "Success": True, "Message": "success", "RequestId": "1", "Data": data, **beside}


def info(**changes: Any) -> dict[str, Any]:
    """Returns a small answer about a model; a field set to ``...`` is left out."""
    told: dict[str, Any] = {
        "Id": 12345,
        "Path": "acme",
        "Name": "tiny",
        "License": "MIT License",
        "Visibility": 5,
        "ProtectedMode": 2,
        "Downloads": 7,
        "Stars": 3,
        "CreatedTime": 1757300161,
        "LastUpdatedTime": 1757340103000,
        "Tasks": [{"Name": "text-generation"}],
        "Libraries": ["safetensors", "pytorch", "transformers"],
        "Tags": ["one"],
        "ReadMeContent": CARD,
        "Revision": "master",
    }
    told.update(changes)
    return legacy({key: value for key, value in told.items() if value is not ...})


def log(commit: Any = SHA) -> dict[str, Any]:
    """Returns a log whose newest commit is the given one; None: there is no such name."""
    return legacy({"Commit": None if commit is None else [{"Id": commit, "ShortId": str(commit)[:8]}]}, TotalCount=1)


def blob(path: str, size: Any = 5, digest: Any = "7" * 63 + "c", **fields: Any) -> dict[str, Any]:
    """Returns a listed file."""
    return {
        "Path": path,
        "Name": path.rpartition("/")[2],
        "Type": "blob",
        "Size": size,
        "Sha256": digest,
        "IsLFS": False,
        "Revision": TOUCHED,
        "Mode": "33188",
        **fields,
    }


def folder(path: str) -> dict[str, Any]:
    """Returns a listed folder."""
    return {"Path": path, "Name": path.rpartition("/")[2], "Type": "tree", "Size": 0, "Sha256": "", "Revision": TOUCHED}


def tree(*files: Any, commit: str | None = SHA) -> dict[str, Any]:
    """Returns a listing of files; without any, of a card and weights."""
    listed = list(files) or [
        blob("README.md", len(CARD.encode()), CARD_SHA.upper()),
        blob("model.safetensors", 1000, IsLFS=True),
        folder("sub"),
        blob("sub/config.json", 2),
    ]
    committer = {"LatestCommitter": {"Id": "", "ShortId": commit[:8]}} if commit else {}
    return legacy({"Files": listed, "IsVisual": False, **committer})


def model(**answers: Any) -> dict[str, Any]:
    """Returns answers for one model: ``info``, ``log``, ``tree``, ``names``."""
    given = {"info": info(), "log": log(), "tree": tree(), **answers}
    places = {"info": INFO, "log": LOG, "tree": TREE, "names": NAMES}
    return {places[name]: value for name, value in given.items()}


def row(name: str, **fields: Any) -> dict[str, Any]:
    """Returns a row of the documented search."""
    return {
        "id": name,
        "display_name": name,
        "description": None,
        "downloads": 1,
        "likes": 2,
        "license": "apache-2.0",
        "tags": [],
        "tasks": [],
        "params": 0,
        "file_size": 10,
        "private": False,
        "gated": False,
        "login_required": False,
        "created_at": "2025-01-02T03:04:05Z",
        "last_modified": "2025-02-03T04:05:06Z",
        **fields,
    }


def page(*rows: Any, total: Any = ..., number: int = 1, size: int = 50) -> dict[str, Any]:
    """Returns a page of the documented search."""
    data = {"models": list(rows), "page_number": number, "page_size": size}
    if total is not None:
        data["total_count"] = len(rows) if total is ... else total
    return {"success": True, "request_id": "1", "data": data}
