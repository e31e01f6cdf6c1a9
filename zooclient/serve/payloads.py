"""Repositories in the Hub's own JSON. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from zooclient.serve.describe import Description
from zooclient.serve.shelf import FLOOR, Commit, Repository, ShelfFile

#: Legal names of ``expand`` for a model, as the Hub lists them in its own error.
EXPANDABLE = (
    *("author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads"),
    *("downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified"),
    *("library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors"),
    *("sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData"),
    "xetEnabled",
)

#: Fields of ``GET /api/models/{id}`` without parameters.
_INFO = (
    *("modelId", "author", "sha", "lastModified", "createdAt", "private", "disabled", "gated", "likes", "downloads"),
    *("tags", "pipeline_tag", "library_name", "widgetData", "model-index", "config", "cardData", "transformersInfo"),
    *("siblings", "spaces", "safetensors", "usedStorage"),
)
_ROW = (
    *("likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt"),
    "modelId",
)
_FULL = ("author", "sha", "lastModified", "gated", "disabled", "siblings")


def info(repository: Repository, commit: Commit, told: Description, *, blobs: bool, masked: bool) -> dict[str, Any]:
    """Returns the answer to ``GET /api/models/{id}[/revision/{rev}]``.

    Args:
        repository: The model.
        commit: The revision asked for.
        told: What its files tell.
        blobs: Sizes and digests of the files as well.
        masked: Leave out digests, as for one who may not have the bytes.
    """
    answer = pick(repository, commit, told, _INFO)
    if blobs:
        answer["siblings"] = [_sibling(entry, masked=masked) for entry in commit.files.values()]
    return answer


def row(
    repository: Repository, commit: Commit, told: Description, *, full: bool, card: bool, config: bool
) -> dict[str, Any]:
    """Returns one element of a listing, with the groups of fields that were asked for."""
    names = [*_ROW, *(_FULL if full else ()), *(("cardData",) if card else ()), *(("config",) if config else ())]
    return pick(repository, commit, told, names)


def pick(repository: Repository, commit: Commit, told: Description, names: Iterable[str]) -> dict[str, Any]:
    """Returns ``_id``, ``id`` and the named fields that the model has."""
    answer: dict[str, Any] = {"_id": repository.stable_id, "id": repository.id}
    for name in names:
        maker = _FIELDS.get(name)
        value = None if maker is None else maker(repository, commit, told)
        if value is not None or name == "model-index":
            answer[name] = value
    return answer


def tree(commit: Commit, folder: str, *, recursive: bool, expand: bool, masked: bool) -> list[dict[str, Any]] | None:
    """Returns the entries below a folder (empty: the root); None when there is no such folder."""
    prefix = f"{folder}/" if folder else ""
    files = {path: entry for path, entry in commit.files.items() if path.startswith(prefix)}
    if not files and folder:
        return None
    folders = {
        path[:end]: None
        for path in files
        for end in range(len(prefix), len(path))
        if path[end] == "/" and (recursive or "/" not in path[len(prefix) : end])
    }
    entries = [_folder_entry(commit, name, expand=expand) for name in folders]
    entries += [
        file_entry(commit, entry, expand=expand, masked=masked)
        for path, entry in files.items()
        if recursive or "/" not in path[len(prefix) :]
    ]
    return entries


def paths_info(commit: Commit, paths: Iterable[str], *, expand: bool, masked: bool) -> list[dict[str, Any]]:
    """Returns the entries of these paths; what is not there is left out, as the Hub does."""
    entries = []
    for path in paths:
        entry = commit.files.get(path)
        if entry is not None:
            entries.append(file_entry(commit, entry, expand=expand, masked=masked))
        elif any(other.startswith(f"{path}/") for other in commit.files):
            entries.append(_folder_entry(commit, path, expand=expand))
    return entries


def file_entry(commit: Commit, entry: ShelfFile, *, expand: bool, masked: bool) -> dict[str, Any]:
    """Returns a file as ``/tree`` and ``/paths-info`` tell it."""
    answer: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path}
    if entry.sha256 is not None:
        answer["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    if masked:
        answer["oid"] = _mask(entry.oid)
        if entry.sha256 is not None:
            answer["lfs"]["oid"] = _mask(entry.sha256)
    if expand:
        answer["lastCommit"] = _last(commit)
        unscanned = {"status": "unscanned", "message": None, "version": None}
        names = ("avScan", "pickleImportScan", "jFrogScan", "protectAiScan", "virusTotalScan")
        answer["securityFileStatus"] = {"status": "unscanned", **dict.fromkeys(names, unscanned)}
    return answer


def refs(repository: Repository, *, pulls: bool) -> dict[str, Any]:
    """Returns the answer to ``/refs``."""
    answer: dict[str, Any] = {
        "tags": _refs("refs/tags/", repository.tags),
        "branches": _refs("refs/heads/", repository.branches),
        "converts": [],
    }
    if pulls:
        answer["pullRequests"] = _refs("refs/pr/", repository.pulls)
    return answer


def log(repository: Repository, commit: Commit) -> list[dict[str, Any]]:
    """Returns what led to a commit, newest first, as ``/commits`` tells it."""
    known = next((log[log.index(commit.id) :] for log in repository.logs.values() if commit.id in log), (commit.id,))
    return [
        {
            "id": entry.id,
            "title": entry.title,
            "message": "",
            "authors": [{"user": repository.id.partition("/")[0], "avatar": ""}],
            "date": moment(entry.date),
        }
        for entry in (repository.commits[name] for name in known if name in repository.commits)
    ]


def moment(time: datetime) -> str:
    """Returns a time the way the Hub writes it: milliseconds, ``Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def size(commit: Commit) -> int:
    """Returns the bytes of all files."""
    return sum(entry.size for entry in commit.files.values())


def _sibling(entry: ShelfFile, *, masked: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"rfilename": entry.path, "size": entry.size, "blobId": entry.oid}
    if entry.sha256 is not None:
        answer["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    if masked:
        answer["blobId"] = _mask(entry.oid)
        if entry.sha256 is not None:
            answer["lfs"]["sha256"] = _mask(entry.sha256)
    return answer


def _mask(digest: str) -> str:
    return "*" * len(digest)


def _refs(prefix: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "ref": prefix + name, "targetCommit": target} for name, target in names.items()]


def _last(commit: Commit) -> dict[str, Any]:
    return {"id": commit.id, "title": commit.title, "date": moment(commit.date)}


def _folder_entry(commit: Commit, path: str, *, expand: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": "directory", "oid": _tree_oid(commit, f"{path}/"), "size": 0, "path": path}
    if expand:
        answer["lastCommit"] = _last(commit)
    return answer


def _tree_oid(commit: Commit, prefix: str) -> str:
    """The id that git gives the folder: sha1 over its entries, folders sorted as if their names ended in a slash."""
    entries: dict[bytes, bytes] = {}
    for path, entry in commit.files.items():
        if path.startswith(prefix):
            name, slash, _ = path[len(prefix) :].partition("/")
            key = (name + slash).encode()
            if key not in entries:
                oid = _tree_oid(commit, f"{prefix}{name}/") if slash else entry.oid
                mode = b"40000 " if slash else b"100644 "
                entries[key] = mode + name.encode() + b"\0" + bytes.fromhex(oid)
    content = b"".join(entries[key] for key in sorted(entries))
    return hashlib.sha1(b"tree %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _base_models(told: Description) -> dict[str, Any] | None:
    pairs = [tag.split(":", 2)[1:] for tag in told.tags if tag.startswith("base_model:") and tag.count(":") == 2]
    if not pairs:
        return None
    return {"relation": pairs[0][0], "models": [{"id": name} for _, name in pairs]}


def _safetensors(told: Description) -> dict[str, Any] | None:
    if told.parameters is None:
        return None
    return {"parameters": dict(told.parameters), "total": sum(told.parameters.values())}


def _transformers_info(told: Description) -> dict[str, Any] | None:
    if told.library != "transformers":
        return None
    return {"auto_model": "AutoModel", "pipeline_tag": told.task, "processor": "AutoTokenizer"}


def _providers(repository: Repository) -> dict[str, Any]:
    served = repository.terms.served
    return {} if served is None else served.mapping(repository.id)


_FIELDS: dict[str, Callable[[Repository, Commit, Description], Any]] = {
    "modelId": lambda repository, commit, told: repository.id,
    "author": lambda repository, commit, told: repository.id.partition("/")[0],
    "sha": lambda repository, commit, told: commit.id,
    "lastModified": lambda repository, commit, told: moment(commit.date),
    "createdAt": lambda repository, commit, told: moment(FLOOR),
    "private": lambda repository, commit, told: repository.terms.private,
    "disabled": lambda repository, commit, told: repository.terms.disabled,
    "gated": lambda repository, commit, told: repository.terms.gated,
    "likes": lambda repository, commit, told: repository.terms.likes,
    "downloads": lambda repository, commit, told: repository.terms.downloads,
    "downloadsAllTime": lambda repository, commit, told: repository.terms.downloads,
    "trendingScore": lambda repository, commit, told: repository.terms.trending,
    "tags": lambda repository, commit, told: list(told.tags),
    "pipeline_tag": lambda repository, commit, told: told.task,
    "library_name": lambda repository, commit, told: told.library,
    "widgetData": lambda repository, commit, told: (told.card or {}).get("widget"),
    "model-index": lambda repository, commit, told: (told.card or {}).get("model-index"),
    "config": lambda repository, commit, told: told.config,
    "cardData": lambda repository, commit, told: told.card,
    "transformersInfo": lambda repository, commit, told: _transformers_info(told),
    "siblings": lambda repository, commit, told: [{"rfilename": path} for path in commit.files],
    "spaces": lambda repository, commit, told: list(repository.terms.demos),
    "safetensors": lambda repository, commit, told: _safetensors(told),
    "usedStorage": lambda repository, commit, told: size(commit),
    "baseModels": lambda repository, commit, told: _base_models(told),
    "childrenModelCount": lambda repository, commit, told: {"adapter": 0, "merge": 0, "quantized": 0, "finetune": 0},
    "inferenceProviderMapping": lambda repository, commit, told: _providers(repository),
    "xetEnabled": lambda repository, commit, told: False,
}
