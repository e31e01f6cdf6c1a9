"""ModelScope's own client as one writes with it, in a process of its own. Does what it is ordered, and prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelscope.hub.api import HubApi as OldApi  # type: ignore[import-untyped]  # it has no types
from modelscope.hub.push_to_hub import push_to_hub  # type: ignore[import-untyped]
from modelscope_hub import HubApi


def _done(call: Callable[[], Any]) -> dict[str, Any]:
    """What a call returns, or what it raises."""
    try:
        return {"answer": call()}
    except Exception as error:  # the clients raise their own, those of requests, and plain ones
        status = getattr(error, "status_code", None)
        return {"error": type(error).__name__, "status": status, "message": str(error)}


def _old(token: str | None) -> Any:
    return OldApi(token=token) if token else OldApi()


#: What may be ordered: a name to what is called with a token and the arguments of the order.
CALLS: dict[str, Callable[..., Any]] = {
    "create_repo": lambda token, model, **more: HubApi(token=token).create_repo(model, "model", **more).repo_id,
    "create_model": lambda token, model, **more: _old(token).create_model(model, **more),
    "get_repo": lambda token, model: str(HubApi(token=token).get_repo(model, "model").visibility),
    "repo_exists": lambda token, model: HubApi(token=token).repo_exists(model, "model"),
    "upload_file": lambda token, model, text, path, **more: HubApi(token=token).upload_file(
        model, "model", text.encode(), path, disable_tqdm=True, **more
    ),
    "upload_folder": lambda token, model, folder, **more: HubApi(token=token).upload_folder(
        model, "model", folder, disable_tqdm=True, **more
    ),
    "old_upload_folder": lambda token, model, folder: _old(token).upload_folder(repo_id=model, folder_path=folder),
    "push_model": lambda token, model, folder, **more: _old(token).push_model(model, folder, **more),
    "push_to_hub": lambda token, model, folder, **more: push_to_hub(model, folder, token=token, **more),
    "delete_files": lambda token, model, **more: HubApi(token=token).delete_files(model, "model", **more),
    "delete_repo": lambda token, model: HubApi(token=token).delete_repo(model, "model"),
    "create_tag": lambda token, model, tag: _old(token).create_model_tag(model, tag),
    "revisions": lambda token, model: HubApi(token=token).list_repo_revisions(model, "model"),
    "files": lambda token, model: {
        entry.path: entry.sha256 for entry in HubApi(token=token).list_repo_files(model, "model", recursive=True)
    },
    "download": lambda token, model, folder: sorted(
        path.relative_to(folder).as_posix()
        for path in Path(HubApi(token=token).download_repo(model, "model", local_dir=folder)).rglob("*")
        if path.is_file()
    ),
    "login": lambda token: HubApi().login(token).username,
}


def main(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Carries the orders out, one after the other."""
    return [
        _done(lambda order=order: CALLS[order["call"]](order.get("token"), **order.get("arguments", {})))  # type: ignore[misc]
        for order in orders
    ]


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr  # what the client prints is not the answer
    json.dump(main(json.load(sys.stdin)), out, default=str)
