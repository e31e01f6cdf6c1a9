"""How the Hub words what it says, and how it reads what a query or a body asks for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from attrs import evolve

from zooclient.serve import payloads
from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Question, Refusal, json_answer, text_answer
from zooclient.serve.shelf import Commit, Repository, ShelfFile

#: Paths that one ``paths-info`` takes at the most.
_MAX_PATHS = 2000


def error_answer(status: int, message: str, *, code: str | None = None, api: bool = False, **about: Any) -> Answer:
    """Returns a refusal as the Hub words it: in headers, and as JSON from its API or as text."""
    # repr keeps what a client sent from ending the header it is quoted in.
    headers = {"x-error-message": message if message.isascii() and message.isprintable() else ascii(message)[1:-1]}
    if code is not None:
        headers["x-error-code"] = code
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="Authentication required", charset="UTF-8"'
    if api:
        return json_answer({"error": message}, status=status, headers=headers, **about)
    return text_answer(message, status=status, headers=headers, **about)


def missing(repository: Repository, commit: Commit, path: str, *, api: bool) -> Answer:
    """Returns what is said of a file that a commit does not have."""
    message = f'{path} does not exist on "{commit.id}"' if api else "Entry not found"
    answer = error_answer(404, message, code="EntryNotFound", api=api, model=repository.id, file=path)
    return evolve(answer, headers={**answer.headers, "x-repo-commit": commit.id, "accept-ranges": "bytes"})


def redirect(
    status: int, location: str, model: str, file: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Returns a redirect."""
    word = "Temporary Redirect" if status == 307 else "Found"
    text = f"{word}. Redirecting to {location}"
    return text_answer(text, status=status, headers={"location": location, **(headers or {})}, model=model, file=file)


def file_headers(commit: Commit, entry: ShelfFile) -> dict[str, str]:
    """Returns what every answer about a file tells."""
    name = quote(entry.path.rpartition("/")[2])
    return {
        "x-repo-commit": commit.id,
        "accept-ranges": "bytes",
        "content-disposition": f"inline; filename*=UTF-8''{name}; filename=\"{name}\";",
        "content-security-policy": "default-src 'none'; sandbox",
    }


def check_expand(names: list[str]) -> None:
    """Refuses a field that no answer can be widened by."""
    wrong = [name for name in names if name not in payloads.EXPANDABLE]
    if wrong:
        legal = "|".join(f'"{name}"' for name in payloads.EXPANDABLE)
        raise Refusal(
            error_answer(400, f"Invalid option: expected one of {legal} at expand[0], got {wrong[0]!r}", api=True)
        )


def paths_asked(question: Question) -> tuple[list[str], bool]:
    """Reads the body of ``paths-info``: the paths, and whether they are to be told in full."""
    if "json" in question.headers.get("content-type", ""):
        try:
            asked = json.loads(question.body)
        except (ValueError, RecursionError):
            raise Refusal(error_answer(400, "Invalid JSON", api=True)) from None
        paths = asked.get("paths") if isinstance(asked, dict) else None
        expand = bool(asked.get("expand")) if isinstance(asked, dict) else False
    else:
        pairs = parse_qsl(question.body.decode("utf-8", "replace"), keep_blank_values=True)
        paths = [value for key, value in pairs if key in ("paths", "paths[]")]
        expand = any(key == "expand" and value.lower() in ("true", "1") for key, value in pairs)
    if isinstance(paths, str):
        paths = [paths]
    if not isinstance(paths, list) or len(paths) > _MAX_PATHS or not all(isinstance(path, str) for path in paths):
        raise Refusal(error_answer(400, f"paths must be a list of {_MAX_PATHS} texts at the most", api=True))
    return [path.strip("/") for path in paths], expand


def number(question: Question, name: str, default: int, *, most: int | None = None) -> int:
    """Reads a number of the query."""
    text = question.value(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or (most is not None and int(text) < 1):
        raise Refusal(error_answer(400, f"Invalid number at {name}", api=True))
    return int(text) if most is None else min(int(text), most)


def cursor_asked(question: Question) -> int:
    """Reads where a page begins."""
    text = question.value("cursor")
    try:
        number = int(base64.urlsafe_b64decode(text)) if text else 0
    except (ValueError, binascii.Error):
        number = -1
    if number < 0:
        raise Refusal(error_answer(400, "Invalid cursor", api=True))
    return number


def next_link(question: Question, changed: Mapping[str, str]) -> str:
    """Returns the ``Link`` header that leads to the next page."""
    kept = [pair for pair in parse_qsl(question.query, keep_blank_values=True) if pair[0] not in changed]
    return f'<{question.base}{question.path}?{urlencode([*kept, *changed.items()])}>; rel="next"'


def whoami(visitor: Account | None, organisations: Sequence[str] = ()) -> Answer:
    """Returns what an account is told of itself."""
    if visitor is None:
        return error_answer(401, "Invalid username or password.", api=True)
    return json_answer(
        {
            "type": "user",
            "id": _object_id(visitor.name),
            "name": visitor.name,
            "fullname": visitor.name,
            "email": f"{visitor.name}@localhost",
            "emailVerified": True,
            "isPro": False,
            "canPay": False,
            "periodEnd": None,
            "avatarUrl": "",
            "orgs": [
                {"type": "org", "id": _object_id(name), "name": name, "fullname": name, "roleInOrg": "write"}
                for name in organisations
            ],
            "auth": {"type": "access_token", "accessToken": {"displayName": "zooclient", "role": visitor.role}},
        }
    )


def _object_id(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:24]
