"""Models in ModelScope's own JSON, on both of its surfaces. Pure.

``/openapi/v1`` has snake_case fields and tells times as ISO 8601; ``/api/v1`` has PascalCase fields and tells seconds
since 1970. Field names are those of recorded answers and of what its own clients read.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from zooclient.serve.describe import Description
from zooclient.serve.exchange import Answer, json_answer
from zooclient.serve.modelscope_orders import told
from zooclient.serve.shelf import FLOOR, Commit, Repository, ShelfFile

#: What a library is called here beside the formats that it is told with.
_FRAMEWORKS = {"transformers": "pytorch", "diffusers": "pytorch", "sentence-transformers": "pytorch"}
#: Tags of the Hub's own making, which say what other fields say here.
_OTHERS = ("license:", "base_model:", "dataset:", "arxiv:", "region:")


@frozen(kw_only=True)
class Shown:
    """A model as it is told: its commit, what its files tell, and its card.

    Attributes:
        repository: The model.
        commit: The revision.
        told: What its files tell.
        card: Text of its ``README.md``; empty where it is not asked for.
    """

    repository: Repository
    commit: Commit
    told: Description
    card: str = ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks: ``tasks`` of a card made for ModelScope, ``pipeline_tag`` of one made for the Hub."""
        claimed = _words((self.told.card or {}).get("tasks"))
        return claimed or ((self.told.task,) if self.told.task else ())

    @property
    def libraries(self) -> tuple[str, ...]:
        """What loads it, the framework below, and the formats of its weights, in one list as here."""
        library = self.told.library
        named = [*_words((self.told.card or {}).get("frameworks")), library, _FRAMEWORKS.get(library or "")]
        formats = ("safetensors", "gguf", "onnx", "pytorch", "tflite", "joblib")
        return tuple(
            dict.fromkeys(name for name in (*named, *(tag for tag in self.told.tags if tag in formats)) if name)
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Tags of its author's choice."""
        taken = {*self.tasks, *self.libraries, self.kind}
        return tuple(tag for tag in self.told.tags if tag not in taken and not tag.startswith(_OTHERS))

    @property
    def kind(self) -> str | None:
        """Type of the model, as its ``config.json`` names it."""
        kind = (self.told.config or {}).get("model_type")
        return kind if isinstance(kind, str) and kind else None

    @property
    def license(self) -> str:
        """Its licence as its card spells it, or else as its owner named it; empty where neither does."""
        return next(iter(_words((self.told.card or {}).get("license"))), self.repository.terms.profile.license)

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag of the documented search: each is a filter too, and begins with its name."""
        groups = {
            "library": self.libraries,
            "task": self.tasks,
            "model_type": (self.kind,) if self.kind else (),
            "license": (self.license.lower(),) if self.license else (),
            "custom_tag": self.labels,
        }
        return tuple(f"{group}:{name}" for group, names in groups.items() for name in names)

    @property
    def parameters(self) -> int:
        """Number of parameters; 0 when nobody counted."""
        return sum((self.told.parameters or {}).values())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.commit.files.values())


# -- envelopes ----------------------------------------------------------------------------------


def legacy(data: Any, **beside: Any) -> Answer:
    """Returns a success of ``/api/v1``; ``beside`` goes beside ``Data``."""
    return json_answer({"Code": 200, "Data": data, **beside, "Message": "success", **_request(), "Success": True})


def refused(code: int | str, message: str, *, status: int = 404, headers: Mapping[str, str] | None = None) -> Answer:
    """Returns a refusal of ``/api/v1``, whose code is a number but for one. The status may be 200 all the same."""
    envelope = {"Code": code, "Message": message, **_request(), "Success": False}
    return json_answer(envelope, status=status, headers=headers)


def openapi(data: Any) -> Answer:
    """Returns a success of ``/openapi/v1``."""
    return json_answer({"success": True, "request_id": str(uuid.uuid4()), "data": data})


def declined(code: str, message: str, status: int, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Returns a refusal of ``/openapi/v1``, with a word for its code."""
    envelope = {"success": False, "code": code, "message": message, "request_id": str(uuid.uuid4())}
    return json_answer(envelope, status=status, headers=headers)


def _request() -> dict[str, str]:
    return {"RequestId": str(uuid.uuid4())}


# -- models -------------------------------------------------------------------------------------


def row(model: Shown) -> dict[str, Any]:
    """Returns a model as ``/openapi/v1/models`` tells it, in a page and by itself. No commit and no file is told."""
    terms = model.repository.terms
    return {
        "id": model.repository.id,
        "display_name": model.repository.id.partition("/")[2],
        "description": None,
        "downloads": terms.downloads,
        "likes": terms.likes,
        "license": model.license.lower(),
        "tags": list(model.tags),
        "tasks": list(model.tasks),
        "params": model.parameters,
        "file_size": model.size,
        "private": terms.private,
        "gated": bool(terms.gated),
        "login_required": False,
        "created_at": iso(FLOOR),
        "last_modified": iso(model.commit.date),
    }


def _studio(name: str) -> dict[str, str]:
    """A studio of a model. No answer that shows one was recorded: the shape is that of the zoo's other lists."""
    owner, _, bare = name.partition("/")
    return {"Path": owner, "Name": bare, "Status": "Running"}


def info(model: Shown, revision: str) -> dict[str, Any]:
    """Returns a model as ``/api/v1/models/{id}`` and the website's search tell it.

    Args:
        model: The model.
        revision: The branch or tag as it was asked for, which is echoed. It is no commit.
    """
    terms = model.repository.terms
    owner, _, name = model.repository.id.partition("/")
    return {
        "AlreadyStar": False,
        "ApprovalMode": 1 if terms.gated == "manual" else 0,
        "Architectures": list(_words((model.told.config or {}).get("architectures"))),
        "BackendSupport": json.dumps({"model_id": model.repository.id}),
        "BaseModel": list(_words((model.told.card or {}).get("base_model"))),
        "BaseModelRelation": next(iter(_words((model.told.card or {}).get("base_model_relation"))), ""),
        "CardReady": 1 if model.card else 0,
        "ChineseName": terms.profile.title,
        "CreatedBy": owner,
        "CreatedTime": int(FLOOR.timestamp()),
        "Description": terms.profile.description,
        "Downloads": terms.downloads,
        "Frameworks": [name for name in ("pytorch", "tensorflow") if name in model.libraries],
        "Id": number(model.repository),
        "IsAccessible": 1,
        "IsOnline": 0 if terms.disabled else 1,
        "IsPublished": 1,
        "Language": list(_words((model.told.card or {}).get("language"))),
        "LastUpdatedTime": int(model.commit.date.timestamp()),
        "Libraries": list(model.libraries),
        "License": model.license,
        "ModelInfos": _formats(model),
        "ModelType": [model.kind] if model.kind else [],
        "Name": name,
        "Organization": None,
        "Path": owner,
        "ProtectedMode": 1 if terms.gated else 2,
        "ReadMeContent": model.card,
        "Revision": revision,
        "Stars": terms.likes,
        "Studios": [_studio(demo) for demo in terms.demos],
        "Tags": list(model.labels),
        "Tasks": [{"ChineseName": "", "Name": task} for task in model.tasks],
        "Visibility": told(terms),
    }


def number(repository: Repository) -> int:
    """Returns the id that the website knows a model by; it survives a rename."""
    told = repository.stable_id
    return int(told) if told.isdecimal() and len(told) < 12 else int(told[:7], 16)


def _formats(model: Shown) -> dict[str, Any]:
    if model.told.parameters is None:
        return {}
    files = [entry for path, entry in model.commit.files.items() if path.endswith(".safetensors")]
    return {
        "safetensor": {
            "files": [{"name": entry.path, "sha256": entry.content, "size": entry.size} for entry in files],
            "model_size": model.parameters,
            "tensor_type": list(model.told.parameters),
        }
    }


# -- revisions and files ------------------------------------------------------------------------


def log(repository: Repository, commit: Commit) -> list[dict[str, Any]]:
    """Returns what led to a commit, newest first."""
    return [_committed(repository, repository.commits[name]) for name in _history(repository, commit)]


def names(repository: Repository, until: float | None) -> dict[str, Any]:
    """Returns the names of branches and tags, tags newest first; an empty list is null.

    Args:
        repository: The model.
        until: Unix time in seconds; later tags are left out. None: all are told.
    """
    tags = sorted(_named(repository, repository.tags), key=lambda item: -item["CreatedAt"])
    tags = [item for item in tags if until is None or item["CreatedAt"] <= until]
    return {"RevisionMap": {"Branches": _named(repository, repository.branches) or None, "Tags": tags or None}}


def _named(repository: Repository, names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"Revision": name, "CreatedAt": int(repository.commits[target].date.timestamp())}
        for name, target in names.items()
        if target in repository.commits
    ]


def listing(repository: Repository, commit: Commit, root: str, *, recursive: bool) -> list[dict[str, Any]] | None:
    """Returns files and folders below a folder (empty: all), by path; None when there is no such folder."""
    prefix = f"{root}/" if root else ""
    below = {path: entry for path, entry in commit.files.items() if path.startswith(prefix)}
    if root and not below:
        return None
    shown: dict[str, ShelfFile | None] = {
        path: entry for path, entry in below.items() if recursive or "/" not in path[len(prefix) :]
    }
    for path in below:
        ends = (end for end in range(len(prefix), len(path)) if path[end] == "/")
        for end in ends if recursive else list(ends)[:1]:
            shown[path[:end]] = None
    touched = _touched(repository, commit)
    return [_entry(path, shown[path], commit, touched) for path in sorted(shown, key=str.encode)]


def committer(commit: Commit) -> dict[str, Any]:
    """Returns who made a commit, as a listing of files tells it."""
    return {
        "Id": commit.id,
        "ShortId": commit.id[:8],
        "Name": "zooclient",
        "Email": "zooclient@localhost",
        "Title": commit.title,
        "CommittedDate": int(commit.date.timestamp()),
    }


def _entry(path: str, file: ShelfFile | None, commit: Commit, touched: Mapping[str, str]) -> dict[str, Any]:
    return {
        "CommitMessage": commit.title,
        "CommittedDate": int(commit.date.timestamp()),
        "CommitterName": "zooclient",
        "InCheck": False,
        "IsLFS": file is not None and file.sha256 is not None,
        "Mode": "16384" if file is None else "33188",
        "Name": path.rpartition("/")[2],
        "Path": path,
        "Revision": commit.id if file is None else touched[path],
        "Sha256": "" if file is None else file.content,
        "Size": 0 if file is None else file.size,
        "Type": "tree" if file is None else "blob",
    }


def _touched(repository: Repository, commit: Commit) -> dict[str, str]:
    """The last commit that touched each file, which is not the commit that is listed.

    A file that no known commit touched came with an upload before the first of them, under an id of its own.
    """
    ids = _history(repository, commit)
    past = [repository.commits[name].files for name in ids]
    touched = {}
    for path, entry in commit.files.items():
        same = 0
        while same < len(past) and path in past[same] and past[same][path].content == entry.content:
            same += 1
        if same < len(past):
            touched[path] = ids[same - 1]
        else:
            upload = f"upload\0{repository.stable_id}\0{path}\0{entry.content}"
            touched[path] = hashlib.sha1(upload.encode(), usedforsecurity=False).hexdigest()
    return touched


def _history(repository: Repository, commit: Commit) -> list[str]:
    known = next((log[log.index(commit.id) :] for log in repository.logs.values() if commit.id in log), (commit.id,))
    return [name for name in known if name in repository.commits]


def _committed(repository: Repository, commit: Commit) -> dict[str, Any]:
    when = int(commit.date.timestamp())
    owner = repository.id.partition("/")[0]
    return {
        "Id": commit.id,
        "ShortId": commit.id[:8],
        "Title": commit.title,
        "Message": commit.title,
        "AuthorName": owner,
        "AuthorEmail": f"{owner}@localhost",
        "AuthoredDate": when,
        "CommitterName": owner,
        "CommitterEmail": f"{owner}@localhost",
        "CommittedDate": when,
        "CreatedAt": when,
    }


def iso(time: datetime) -> str:
    """Returns a time the way the documented surface writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _words(value: object) -> tuple[str, ...]:
    """The texts of a list, or of the one text that stands for it."""
    items: Iterable[object] = value if isinstance(value, list) else (value,)
    return tuple(str(item) for item in items if isinstance(item, str | int | float) and str(item))
