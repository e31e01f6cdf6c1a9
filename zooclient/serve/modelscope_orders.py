"""What clients write to ModelScope, read from its JSON. Pure.

The members are those that its own clients send: ``modelscope_hub`` 0.5 creates models and commits, its LFS batch is
the one of git, wrapped in the zoo's envelope.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from zooclient.serve.modelscope_profile import Profile
from zooclient.serve.shelf import Terms

#: Actions of one commit, above which the zoo takes none of them.
MOST_ACTIONS: Final = 2000
#: Bytes of one file at the most.
MOST_SIZE: Final = 50 * 1024**3
_PRIVATE, _INTERNAL, _PUBLIC = 1, 3, 5
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Malformed(ValueError):
    """It is not an order that the zoo understands; the text says why."""


class TooMany(Malformed):
    """A commit has more actions than the zoo takes at once."""


@frozen(kw_only=True)
class Blob:
    """The content of a large file.

    Attributes:
        sha256: 64 hex.
        size: Bytes.
    """

    sha256: str
    size: int


@frozen(kw_only=True)
class Creation:
    """A model that is to be made.

    Attributes:
        id: ``owner/name``.
        visibility: 1 private, 3 internal (who is logged in), 5 public. The clients send 5 where nothing is said.
        gated: Whether its files are for those alone who were let in. It goes with a private model only.
        profile: What else is said of it.
    """

    id: str
    visibility: int
    gated: bool
    profile: Profile


@frozen(kw_only=True)
class Order:
    """A commit that is to be made.

    Attributes:
        title: First line of its message.
        files: Path to content; None removes the file.
    """

    title: str
    files: Mapping[str, bytes | Blob | None] = field(hash=False, repr=False)


def creation(asked: Mapping[str, Any]) -> Creation:
    """Returns what ``POST /api/v1/models`` orders.

    Raises:
        Malformed: A member is missing, or is not what it should be.
    """
    owner, name = _text(asked, "Path"), _text(asked, "Name")
    if not owner or not name:
        raise Malformed("参数错误：Path and Name must not be empty")
    return Creation(
        id=f"{owner}/{name}",
        visibility=_visibility(asked, _PUBLIC),
        gated=_gated(asked, gated=False),
        profile=_profile(asked, Profile()),
    )


def made(creation: Creation, members: frozenset[str]) -> Terms:
    """Returns the terms of a model that was just made.

    Args:
        creation: What was ordered.
        members: Names of the accounts that it belongs to, who may always have it.
    """
    terms = Terms(readers=members)
    return _bound(terms, creation.visibility, gated=creation.gated, profile=creation.profile)


def changed(asked: Mapping[str, Any], terms: Terms) -> Terms:
    """Returns the terms of a model after ``PUT /api/v1/models/{id}``; what is not said stays.

    Raises:
        Malformed: A member is not what it should be.
    """
    visibility = _visibility(asked, told(terms))
    gated = _gated(asked, gated=bool(terms.gated))
    return _bound(terms, visibility, gated=gated, profile=_profile(asked, terms.profile))


def told(terms: Terms) -> int:
    """Returns the number by which the zoo tells who may know of a model."""
    if terms.private or terms.gated:
        return _PRIVATE
    return _INTERNAL if terms.internal else _PUBLIC


def wanted(asked: Mapping[str, Any]) -> tuple[Blob, ...]:
    """Returns the contents that an LFS batch wants to send.

    Raises:
        Malformed: It is no order to send, or an object has no sha256 or no size.
    """
    objects = asked.get("objects")
    if asked.get("operation") != "upload" or not isinstance(objects, list):
        raise Malformed("invalid lfs batch request")
    return tuple(_stored(item, "oid") for item in objects)


def order(asked: Mapping[str, Any]) -> Order:
    """Returns what ``POST …/commit/{branch}`` orders.

    ``create`` and ``update`` both set a file, whether it was there or not: the clients send ``create`` for all.

    Raises:
        TooMany: It has more actions than are taken at once.
        Malformed: An action is not one.
    """
    message, actions = asked.get("commit_message"), asked.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(message, str):
        raise Malformed("invalid commit request")
    if len(actions) > MOST_ACTIONS:
        limit = f"{len(actions)} > {MOST_ACTIONS}"
        raise TooMany(f"commit request exceeds actions limit: {limit}; split the commit into smaller batches")
    files: dict[str, bytes | Blob | None] = {}
    for action in actions:
        path, content = _action(action)
        if path in files:
            raise Malformed(f"invalid commit action: {path!r} comes twice")
        files[path] = content
    return Order(title=next(iter(message.splitlines()), ""), files=files)


def _action(action: Any) -> tuple[str, bytes | Blob | None]:
    if not isinstance(action, dict) or not isinstance(action.get("path"), str):
        raise Malformed("invalid commit action")
    path = action["path"]
    match action.get("action"), action.get("type"):
        case "delete", _:
            return path, None
        case "create" | "update", "lfs":
            return path, _stored(action, "sha256")
        case "create" | "update", "normal":
            content = _content(action)
            if action.get("size") != len(content):
                raise Malformed(f"invalid commit action: the size of {path!r} is not that of its content")
            return path, content
    raise Malformed(f"invalid commit action: {path!r}")


def _content(action: Mapping[str, Any]) -> bytes:
    text, encoding = action.get("content"), action.get("encoding")
    if not isinstance(text, str) or encoding not in ("base64", "", None):
        raise Malformed("invalid commit action: no content")
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else text.encode()
    except (binascii.Error, ValueError) as error:
        raise Malformed("invalid commit action: the content is not in its encoding") from error


def _stored(item: Any, digest: Literal["oid", "sha256"]) -> Blob:
    sha256, size = (item.get(digest), item.get("size")) if isinstance(item, dict) else (None, None)
    counted = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256) or not isinstance(size, int) or not counted:
        raise Malformed("invalid lfs object: it needs a sha256 of 64 hexadecimal digits and a size")
    if size > MOST_SIZE:
        raise Malformed(f"invalid lfs object: {size} bytes are more than {MOST_SIZE}")
    return Blob(sha256=sha256, size=size)


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"参数错误：{name} must be a string")
    return value or ""


def _visibility(asked: Mapping[str, Any], default: int) -> int:
    value = asked.get("Visibility", default)
    if value not in (_PRIVATE, _INTERNAL, _PUBLIC) or isinstance(value, bool):
        raise Malformed("参数错误：Visibility must be 1, 3 or 5")
    return int(value)


def _gated(asked: Mapping[str, Any], *, gated: bool) -> bool:
    value = asked.get("ProtectedMode", 1 if gated else 2)
    if value not in (1, 2) or isinstance(value, bool):
        raise Malformed("参数错误：ProtectedMode must be 1 or 2")
    return bool(value == 1)


def _profile(asked: Mapping[str, Any], before: Profile) -> Profile:
    members = {"license": "License", "title": "ChineseName", "description": "Description"}
    return evolve(before, **{name: _text(asked, member) for name, member in members.items() if member in asked})


def _bound(terms: Terms, visibility: int, *, gated: bool, profile: Profile) -> Terms:
    closed = visibility == _PRIVATE
    return evolve(
        terms,
        private=closed and not gated,
        internal=visibility == _INTERNAL,
        gated="manual" if closed and gated else False,
        profile=profile,
    )
