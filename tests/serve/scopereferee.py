"""ModelScope's own clients at work, in a process of their own: they read their endpoint at import. Prints JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modelscope_hub
from modelscope.hub.api import HubApi as OldApi  # type: ignore[import-untyped]  # it has no types
from modelscope.hub.file_download import model_file_download  # type: ignore[import-untyped]
from modelscope.hub.snapshot_download import snapshot_download  # type: ignore[import-untyped]
from modelscope_hub import HubApi


def _sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _held(folder: str | Path) -> dict[str, str]:
    root = Path(folder)
    return {path.relative_to(root).as_posix(): _sha256(path) for path in sorted(root.rglob("*")) if path.is_file()}


def _refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What a call that must fail raises."""
    try:
        return {"answer": str(call())}
    except Exception as error:  # the clients raise their own, those of requests, and plain ones
        response = getattr(error, "response", None)
        status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
        return {"error": type(error).__name__, "status": status, "message": str(error)}


def _repo(api: HubApi, model: str) -> dict[str, Any]:
    info = api.get_repo(model, "model")
    return {
        "id": info.id,
        "downloads": info.downloads,
        "likes": info.likes,
        "license": info.license,
        "tags": info.tags,
        "tasks": info.tasks,
        "file_size": info.file_size,
        "private": info.private,
        "gated": info.gated,
    }


def _files(api: HubApi, model: str, **arguments: Any) -> dict[str, Any]:
    return {
        entry.path: {"size": entry.size, "sha256": entry.sha256, "type": entry.type}
        for entry in api.list_repo_files(model, "model", **arguments)
    }


def _page(api: HubApi, **arguments: Any) -> dict[str, Any]:
    page = api.list_repos("model", **arguments)
    return {"total": page.total_count, "ids": [item.id for item in page.items]}


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Does everything once."""
    model, cache, token = order["model"], order["cache"], order["token"]
    api, known, old = HubApi(), HubApi(token=token), OldApi()
    seen = {
        "version": modelscope_hub.__version__,
        "repo": _repo(api, model),
        "files": _files(api, model, recursive=True),
        "folder": [
            entry["Path"] for entry in api.legacy.list_repo_files(model, "model", revision="master", root="onnx")
        ],
        "old_files": _files(api, model, recursive=True, revision=order["old"]),
        "many": len(_files(api, order["many"], recursive=True)),
        "revisions": api.list_repo_revisions(model, "model"),
        "listed": _page(api, owner="org", sort="downloads"),
        "searched": _page(api, search="tiny", page_size=1),
        "by_task": _page(api, task="text-classification"),
        "shared": old.list_models("org"),
        "exists": [api.repo_exists(name, "model") for name in (model, "no/no", order["private"])],
        "snapshot": _held(snapshot_download(model, cache_dir=f"{cache}/a")),
        "pinned": _held(api.download_repo(model, "model", revision=order["old"], cache_dir=f"{cache}/b")),
        "pinned_folder": Path(api.download_repo(model, "model", revision=order["old"], cache_dir=f"{cache}/b")).name,
        "tagged": _held(snapshot_download(model, revision="v1.0", cache_dir=f"{cache}/c")),
        "large": _sha256(model_file_download(model, order["large"], revision="master", cache_dir=f"{cache}/d")),
        "small": _sha256(model_file_download(model, order["small"], revision="master", cache_dir=f"{cache}/d")),
        "release": _sha256(model_file_download(model, order["large"], cache_dir=f"{cache}/e")),
        "accepted": _held(snapshot_download(order["accepted"], cache_dir=f"{cache}/f", token=token)),
        "private": _repo(known, order["private"]),
        "gated": _repo(api, order["gated"]),
        "whoami": known.whoami().username,
        "errors": {
            "repo": _refusal(lambda: api.get_repo("no/no", "model")),
            "files": _refusal(lambda: api.list_repo_files("no/no", "model")),
            "revision": _refusal(lambda: api.list_repo_files(model, "model", revision="nowhere")),
            "snapshot": _refusal(lambda: snapshot_download(model, revision="nowhere", cache_dir=f"{cache}/g")),
            "file": _refusal(
                lambda: api.download_file(model, "model", "no.bin", revision="master", cache_dir=f"{cache}/g")
            ),
            "gated": _refusal(lambda: snapshot_download(order["gated"], cache_dir=f"{cache}/g")),
            "private": _refusal(lambda: api.list_repo_files(order["private"], "model")),
            "window": _refusal(
                lambda: api.openapi.request(
                    "GET", "models", params={"page_number": 61, "page_size": 50}, require_token=False
                )
            ),
            "bad_login": _refusal(lambda: HubApi().login("ms-not-a-token")),
            "bad_token": _refusal(lambda: HubApi(token="ms-not-a-token").whoami()),
        },
    }
    seen["login"] = HubApi().login(token).username
    return seen


if __name__ == "__main__":
    order = json.load(sys.stdin)
    out = sys.stdout
    sys.stdout = sys.stderr  # what the clients print is not the answer
    json.dump(main(order), out, default=str)
