"""The official client at work, in a process of its own: it reads its endpoint at import. Prints what it saw as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError


def _sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """What a call that must fail raises."""
    try:
        return {"answer": str(call())}
    except (HfHubHTTPError, OSError, ValueError) as error:
        response = getattr(error, "response", None)
        return {
            "error": type(error).__name__,
            "status": getattr(response, "status_code", None),
            "message": str(error),
        }


def _infos(api: HfApi, model: str) -> dict[str, Any]:
    info = api.model_info(model, files_metadata=True)
    return {
        "id": info.id,
        "sha": info.sha,
        "task": info.pipeline_tag,
        "library": info.library_name,
        "tags": info.tags,
        "license": None if info.card_data is None else info.card_data.license,
        "gated": info.gated,
        "private": info.private,
        "parameters": None if info.safetensors is None else info.safetensors.total,
        "last_modified": None if info.last_modified is None else info.last_modified.isoformat(),
        "created_at": None if info.created_at is None else info.created_at.isoformat(),
        "files": {
            entry.rfilename: {
                "size": entry.size,
                "oid": entry.blob_id,
                "sha256": None if entry.lfs is None else entry.lfs["sha256"],
            }
            for entry in info.siblings or []
        },
    }


def _linked(lfs: Any) -> str | None:
    return lfs["sha256"] if lfs else None


def _tree(api: HfApi, model: str, **arguments: Any) -> dict[str, Any]:
    return {
        entry.path: {
            "size": getattr(entry, "size", None),
            "oid": getattr(entry, "blob_id", None) or getattr(entry, "tree_id", None),
            "sha256": _linked(getattr(entry, "lfs", None)),
        }
        for entry in api.list_repo_tree(model, **arguments)
    }


def _refs(api: HfApi, model: str) -> dict[str, Any]:
    refs = api.list_repo_refs(model, include_pull_requests=True)
    return {
        "branches": {ref.name: ref.target_commit for ref in refs.branches},
        "tags": {ref.name: ref.target_commit for ref in refs.tags},
        "pulls": {ref.ref: ref.target_commit for ref in refs.pull_requests or []},
    }


def _verified(api: HfApi, model: str, cache: str) -> Any:
    if not hasattr(api, "verify_repo_checksums"):
        return "absent"
    result = api.verify_repo_checksums(model, cache_dir=cache)
    return {
        "checked": result.checked_count,
        "mismatches": [str(mismatch) for mismatch in result.mismatches],
        "missing": list(result.missing_paths),
        "revision": result.revision,
    }


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Does everything once."""
    model, cache, token = order["model"], order["cache"], order["token"]
    api = HfApi()
    large = hf_hub_download(model, order["large"], cache_dir=cache)
    small = hf_hub_download(model, order["small"], revision=order["tag"], cache_dir=cache)
    snapshot = Path(snapshot_download(model, cache_dir=cache))
    old = Path(snapshot_download(model, revision=order["old"], cache_dir=cache))
    pull = hf_hub_download(model, order["small"], revision="refs/pr/1", cache_dir=cache)
    return {
        "version": huggingface_hub.__version__,
        "large": _sha256(large),
        "small": _sha256(small),
        "pull": Path(pull).read_text("utf-8"),
        "snapshot_commit": snapshot.name,
        "snapshot": {
            path.relative_to(snapshot).as_posix(): _sha256(path) for path in snapshot.rglob("*") if path.is_file()
        },
        "old": {path.relative_to(old).as_posix(): _sha256(path) for path in old.rglob("*") if path.is_file()},
        "info": _infos(api, model),
        "renamed": api.model_info(order["renamed"]).id,
        "expanded": api.model_info(model, expand=["sha", "downloads", "safetensors"]).sha,
        "tree": _tree(api, model, recursive=True),
        "folder": _tree(api, model, path_in_repo=order["folder"], expand=True),
        "paths": [entry.path for entry in api.get_paths_info(model, [order["large"], order["small"], "nowhere"])],
        "refs": _refs(api, model),
        "commits": [entry.commit_id for entry in api.list_repo_commits(model)],
        "exists": [api.file_exists(model, order["small"]), api.file_exists(model, "nowhere"), api.repo_exists("no/no")],
        "revisions": [api.revision_exists(model, order["tag"]), api.revision_exists(model, "nowhere")],
        "verified": _verified(api, model, cache),
        "listed": [entry.id for entry in api.list_models()],
        "searched": [entry.id for entry in api.list_models(search="TINY", filter="license:mit", sort="downloads")],
        "gated_listed": [entry.id for entry in api.list_models(gated=True)],
        "limited": len(list(api.list_models(limit=2))),
        "whoami": api.whoami(token=token)["name"],
        "errors": {
            "repo": _refusal(lambda: api.model_info("no/no")),
            "revision": _refusal(lambda: hf_hub_download(model, order["small"], revision="nowhere", cache_dir=cache)),
            "entry": _refusal(lambda: hf_hub_download(model, "nowhere.json", cache_dir=cache)),
            "repo_file": _refusal(lambda: hf_hub_download("no/no", "config.json", cache_dir=cache)),
            "gated": _refusal(lambda: hf_hub_download(order["gated"], "config.json", cache_dir=cache)),
            "gated_known": _refusal(
                lambda: hf_hub_download(order["gated"], "config.json", cache_dir=cache, token=token)
            ),
            "auth_check": _refusal(lambda: api.auth_check(order["gated"])),
            "disabled": _refusal(lambda: api.auth_check(order["disabled"])),
            "private": _refusal(lambda: api.model_info(order["private"])),
            "bad_token": _refusal(lambda: api.whoami(token="hf_not_a_token")),
            "expand": _refusal(lambda: api.model_info(model, expand=["nonsense"])),  # type: ignore[list-item]
        },
        "gated_info": api.model_info(order["gated"]).gated,
        "private_info": api.model_info(order["private"], token=token).private,
        "accepted": _sha256(hf_hub_download(order["accepted"], "config.json", cache_dir=cache, token=token)),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
