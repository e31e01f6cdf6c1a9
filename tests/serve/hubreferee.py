"""The official client at work on uploads, in a process of its own: it reads its endpoint at import.

An order is a list of calls, each with the name of a method of ``HfApi`` and its arguments; what they answered or
raised is printed as JSON, in order. Operations and bytes are told as lists that begin with what they are.
"""

from __future__ import annotations

import base64
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError


def _read(value: Any) -> Any:
    match value:
        case ["bytes", text]:
            return base64.b64decode(text)
        case ["add", path, content]:
            return CommitOperationAdd(path_in_repo=path, path_or_fileobj=_read(content))
        case ["delete", path]:
            return CommitOperationDelete(path_in_repo=path)
        case ["copy", source, path]:
            return CommitOperationCopy(src_path_in_repo=source, path_in_repo=path)
        case ["list", *items]:
            return [_read(item) for item in items]
        case _:
            return value


def _told(value: Any) -> Any:
    if isinstance(value, CommitInfo):
        return {"oid": value.oid, "pull": value.pr_revision, "url": value.commit_url}
    if isinstance(value, str | int | float | bool | None):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_told(item) for item in value]
    return repr(value)


def _done(api: HfApi, call: list[Any]) -> dict[str, Any]:
    name, arguments = call
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answer = getattr(api, name)(**{key: _read(value) for key, value in arguments.items()})
        return {"answer": _told(answer), "warned": [str(warning.message) for warning in caught]}
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        root: BaseException = error
        while root.__cause__ is not None and not isinstance(root, HfHubHTTPError):
            root = root.__cause__
        response = getattr(root, "response", None)
        return {
            "error": type(error).__name__,
            "status": getattr(response, "status_code", None),
            "message": f"{error} {root}",
        }


def main(calls: list[list[Any]]) -> dict[str, Any]:
    """Makes every call, in order."""
    api = HfApi()
    return {"version": huggingface_hub.__version__, "done": [_done(api, call) for call in calls]}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).touch()
    print(json.dumps(main(json.load(sys.stdin))))
