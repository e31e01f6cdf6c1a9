"""What clients send to be committed or to be judged before: bytes in, records out. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import field, frozen

from zooclient.serve.attributes import LARGE

#: Bytes of one line of a commit at the most: a file that git takes, as base64, and its path.
MOST_LINE: Final = LARGE * 4 // 3 + 64 * 1024
#: Operations of a commit, and files that are judged at once.
MOST_OPERATIONS: Final = 25_000
_MOST_JUDGED: Final = 1000
_MOST_PATH: Final = 4096

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PARENT: Final = re.compile(r"[0-9a-f]{7,40}")


@frozen(kw_only=True)
class Header:
    """What is said about a commit.

    Attributes:
        summary: Its first line.
        description: What follows.
        parent: The commit that it must follow, or the first letters of its id. None: whichever there is.
    """

    summary: str
    description: str = ""
    parent: str | None = None


@frozen(kw_only=True)
class AddFile:
    """A file that is sent within the commit.

    Attributes:
        path: Where it goes.
        content: Its bytes.
        old_path: Where it lay, which it leaves. None: nowhere.
    """

    path: str
    content: bytes = field(repr=False)
    old_path: str | None = None


@frozen(kw_only=True)
class AddLarge:
    """A file whose content was sent before.

    Attributes:
        path: Where it goes.
        oid: 64 hex, its sha256.
        size: Bytes. None: not told, as for a copy.
        old_path: Where it lay, which it leaves. None: nowhere.
    """

    path: str
    oid: str
    size: int | None = None
    old_path: str | None = None


@frozen(kw_only=True)
class Copy:
    """A file that is a copy of another.

    Attributes:
        path: Where it goes.
        source: Path of the other.
        revision: Where the other is. None: where the commit goes.
    """

    path: str
    source: str
    revision: str | None = None


@frozen(kw_only=True)
class Delete:
    """A file or a folder that goes.

    Attributes:
        path: Its path, without a slash at its end.
        folder: Everything below goes.
    """

    path: str
    folder: bool = False


Operation = AddFile | AddLarge | Copy | Delete


@frozen(kw_only=True)
class Candidate:
    """A file that somebody means to send.

    Attributes:
        path: Where it would go.
        size: Bytes.
        sample: Its first bytes.
    """

    path: str
    size: int
    sample: bytes = field(repr=False)

    @property
    def binary(self) -> bool:
        """Whether the sample is no text: it holds a NUL, or is not UTF-8 up to a letter that it may cut."""
        if b"\0" in self.sample:
            return True
        try:
            self.sample.decode()
        except UnicodeDecodeError as error:
            return not (error.reason == "unexpected end of data" and len(self.sample) < self.size)
        return False


def read_commit(lines: Iterable[bytes]) -> tuple[Header, Iterator[Operation]]:
    """Reads a commit, one JSON object a line: its header at once, its operations as they are asked for.

    Args:
        lines: Of the body, each with its end or without; empty ones do not count.

    Raises:
        ValueError: A line is not what it must be. Also raised while operations are read.
    """
    told = (_line(line) for line in lines if line.strip())
    first = next(told, None)
    if first is None or first[0] != "header":
        raise ValueError("The first line must be a header")
    return _header(first[1]), _operations(told)


def read_candidates(body: bytes) -> tuple[list[Candidate], str | None, str | None]:
    """Reads the body of ``preupload``: the files, and a ``.gitignore`` and ``.gitattributes`` that would hold.

    Raises:
        ValueError: It is not what it must be.
    """
    asked = _object(body)
    files = asked.get("files")
    if not isinstance(files, list) or len(files) > _MOST_JUDGED:
        raise ValueError(f'"files" must be a list of {_MOST_JUDGED} at the most')
    rules = [asked.get(name) for name in ("gitIgnore", "gitAttributes")]
    if not all(rule is None or isinstance(rule, str) for rule in rules):
        raise ValueError('"gitIgnore" and "gitAttributes" must be texts')
    return [_candidate(file) for file in files], rules[0], rules[1]


def is_sha256(value: object) -> bool:
    """Whether a value is a sha256 as git LFS writes it."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def is_size(value: object) -> bool:
    """Whether a value is a number of bytes."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62


def is_sound(text: str) -> bool:
    """Whether a text can be said again: JSON may hold halves of letters, which UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("Invalid JSON") from None
    if not isinstance(value, dict):
        raise ValueError("Invalid JSON: not an object")
    return value


def _line(line: bytes) -> tuple[str, dict[str, Any]]:
    if len(line) > MOST_LINE:
        raise ValueError("A line is too long")
    told = _object(line)
    key, value = told.get("key"), told.get("value")
    if not isinstance(key, str) or not isinstance(value, dict):
        raise ValueError('Each line must have a "key" and a "value"')
    return key, value


def _header(value: dict[str, Any]) -> Header:
    summary, description, parent = value.get("summary"), value.get("description") or "", value.get("parentCommit")
    if not isinstance(summary, str) or not summary.strip() or not isinstance(description, str):
        raise ValueError('"summary" is not allowed to be empty')
    if not is_sound(summary) or not is_sound(description):
        raise ValueError('"summary" and "description" must be Unicode')
    if parent is not None and not (isinstance(parent, str) and _PARENT.fullmatch(parent)):
        raise ValueError('"parentCommit" must be the id of a commit')
    return Header(summary=summary, description=description, parent=parent)


def _operations(told: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[Operation]:
    for number, (key, value) in enumerate(told):
        if number >= MOST_OPERATIONS:
            raise ValueError(f"A commit has {MOST_OPERATIONS} operations at the most")
        match key:
            case "file":
                yield AddFile(path=_path(value), content=_content(value), old_path=_old(value))
            case "lfsFile":
                yield _large(value)
            case "copyFile":
                revision = value.get("srcRevision")
                if not isinstance(revision, str | None) or not is_sound(revision or ""):
                    raise ValueError('"srcRevision" must be a text')
                yield Copy(path=_path(value), source=_path(value, "srcPath"), revision=revision)
            case "deletedFile" | "deletedFolder" | "deletedEntry":
                path = _path(value)
                yield Delete(path=path.rstrip("/"), folder=key == "deletedFolder" or path.endswith("/"))
            case _:
                raise ValueError(f"Unknown operation {key!r}")


def _large(value: dict[str, Any]) -> AddLarge:
    oid, size = value.get("oid"), value.get("size")
    if value.get("algo") != "sha256" or not is_sha256(oid):
        raise ValueError('"oid" must be a sha256, and "algo" say so')
    if size is not None and not is_size(size):
        raise ValueError('"size" must be a number of bytes')
    return AddLarge(path=_path(value), oid=str(oid), size=size, old_path=_old(value))


def _content(value: dict[str, Any]) -> bytes:
    content, encoding = value.get("content"), value.get("encoding", "utf-8")
    if not isinstance(content, str) or encoding not in ("base64", "utf-8"):
        raise ValueError('"content" must be a text, and "encoding" base64 or utf-8')
    try:
        return base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
    except (binascii.Error, ValueError):
        raise ValueError('"content" is not what "encoding" says') from None


def _path(value: dict[str, Any], name: str = "path") -> str:
    path = value.get(name)
    if not isinstance(path, str) or not 0 < len(path) <= _MOST_PATH or not is_sound(path):
        raise ValueError(f'"{name}" must be a path')
    return path


def _old(value: dict[str, Any]) -> str | None:
    return None if value.get("oldPath") is None else _path(value, "oldPath")


def _candidate(file: object) -> Candidate:
    if not isinstance(file, dict) or not is_size(file.get("size")):
        raise ValueError("Each file must have a path, a size and a sample")
    sample = file.get("sample", "")
    try:
        decoded = base64.b64decode(sample, validate=True) if isinstance(sample, str) else None
    except (binascii.Error, ValueError):
        decoded = None
    if decoded is None:
        raise ValueError('"sample" must be base64')
    return Candidate(path=_path(file), size=file["size"], sample=decoded)
