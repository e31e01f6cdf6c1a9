"""Runs in a process of its own: makes a repository, sends files or sets a tag through ``huggingface_hub``.

As :mod:`zooclient.providers.huggingface.official_child`, whose guard and whose way of telling it shares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zooclient.providers.huggingface.official_child import guard, main


def _work(wish: dict[str, Any]) -> dict[str, Any]:
    guard(wish["endpoint"])
    from huggingface_hub import HfApi

    api = HfApi(
        endpoint=wish["endpoint"],
        token=wish["token"] or False,
        library_name="zooclient",
        library_version=wish["version"],
    )
    return {"make": _make, "send": _send, "mark": _mark}[wish["do"]](api, wish)


def _make(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    api.create_repo(wish["repository"], private=wish["private"], repo_type="model", exist_ok=False)
    return {}


def _send(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import CommitOperationAdd

    folder = Path(wish["folder"])
    info = api.create_commit(
        wish["repository"],
        [CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(folder / path)) for path in wish["paths"]],
        commit_message=wish["message"],
        repo_type="model",
        revision=wish["branch"],
        parent_commit=wish["head"],  # the branch must still be there: a compare-and-swap
        create_pr=wish["pull_request"],
    )
    return {"revision": info.oid, "pull_request": info.pr_url}


def _mark(api: Any, wish: dict[str, Any]) -> dict[str, Any]:
    api.create_tag(wish["repository"], tag=wish["tag"], revision=wish["commit"], repo_type="model", exist_ok=False)
    return {}


if __name__ == "__main__":
    main(_work)
