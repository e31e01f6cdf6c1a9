"""What tests of uploads to the Hub share: the official client in its own process, and commits as it writes them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from zooclient.testing import LocalZoo

REFEREE = Path(__file__).with_name("hubreferee.py")


def environment(zoo: LocalZoo, home: Path, token: str | None = None) -> dict[str, str]:
    """The environment in which the official client asks this zoo. Without Xet, which is not served."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))},
        "HF_ENDPOINT": zoo.endpoints["hf"],
        "HF_TOKEN": zoo.tokens["hf"] if token is None else token,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }


def official(zoo: LocalZoo, home: Path, *calls: tuple[str, dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    """Lets the official client make these calls; what each answered or raised."""
    environ = environment(zoo, home, options.get("token")) | options.get("environ", {})
    ran = subprocess.run(
        [sys.executable, str(REFEREE)],
        input=json.dumps(calls),
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    done: list[dict[str, Any]] = json.loads(ran.stdout)["done"]
    return done


def content(data: bytes) -> list[str]:
    """Bytes as an order to the referee says them."""
    return ["bytes", base64.b64encode(data).decode()]


def lines(*operations: dict[str, Any], **header: Any) -> bytes:
    """The body of a commit."""
    first = {"key": "header", "value": {"summary": "Change", "description": "", **header}}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (first, *operations))


def added(path: str, data: bytes | str) -> dict[str, Any]:
    """A file within a commit."""
    raw = data.encode() if isinstance(data, str) else data
    value = {"path": path, "content": base64.b64encode(raw).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


def large(path: str, data: bytes) -> dict[str, Any]:
    """A large file within a commit."""
    oid = hashlib.sha256(data).hexdigest()
    return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(data)}}


def deleted(path: str, key: str = "deletedFile") -> dict[str, Any]:
    """A file that goes."""
    return {"key": key, "value": {"path": path}}


def batch(web: httpx.Client, model: str, *contents: bytes, **more: Any) -> httpx.Response:
    """Asks where large files are sent to."""
    objects = [{"oid": hashlib.sha256(data).hexdigest(), "size": len(data)} for data in contents]
    asked = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": objects, "hash_algo": "sha256"}
    return web.post(f"/{model}.git/info/lfs/objects/batch", json={**asked, "ref": {"name": "main"}, **more})


def send(web: httpx.Client, model: str, data: bytes) -> httpx.Response:
    """Sends a large file in one piece; no commit has it yet."""
    href = batch(web, model, data).json()["objects"][0]["actions"]["upload"]["href"]
    return httpx.put(href, content=data, trust_env=False)


def commit(web: httpx.Client, model: str, body: bytes, branch: str = "main", query: str = "") -> httpx.Response:
    """Commits."""
    headers = {"content-type": "application/x-ndjson"}
    return web.post(f"/api/models/{model}/commit/{branch}{query}", content=body, headers=headers)


def create(web: httpx.Client, model: str, **more: Any) -> httpx.Response:
    """Creates a repository."""
    owner, _, name = model.partition("/")
    return web.post("/api/repos/create", json={"organization": owner, "name": name, "type": "model", **more})
