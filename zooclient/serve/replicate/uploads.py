"""Files that clients send to be inputs: ``/v1/files``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from attrs import field, frozen

from zooclient.serve.replicate.naming import stamp

#: Bytes of a file from which it is too large.
MOST: Final = 100_000_000
#: Seconds that a file is kept.
_LIFETIME: Final = 86400.0


@frozen(kw_only=True)
class Part:
    """One part of a multipart body.

    Attributes:
        name: Name of the field.
        filename: Name of the file. None: it is none.
        content_type: As sent; empty when it was not.
        content: Bytes.
    """

    name: str
    filename: str | None
    content_type: str
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class Upload:
    """One file.

    Attributes:
        id: Opaque.
        owner: Name of the account that sent it.
        name: Name of the file.
        content_type: Its type.
        content: Its bytes.
        metadata: What its sender wants kept with it.
        created: Unix time.
    """

    id: str
    owner: str
    name: str
    content_type: str
    content: bytes = field(repr=False)
    metadata: Mapping[str, Any] = field(factory=dict, hash=False)
    created: float

    def told(self, base: str) -> dict[str, Any]:
        """The file as the API tells it."""
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        return {
            "id": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size": len(self.content),
            "etag": md5,
            "checksums": {"sha256": hashlib.sha256(self.content).hexdigest(), "md5": md5},
            "metadata": dict(self.metadata),
            "created_at": _moment(self.created),
            "expires_at": _moment(self.created + _LIFETIME),
            "urls": {"get": f"{base}/v1/files/{self.id}"},
        }


class Uploads:
    """Every file that was sent. Safe between threads.

    Args:
        clock: Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Upload] = {}

    def add(self, owner: str, parts: list[Part]) -> Upload | None:
        """Keeps the file of a body; None where it holds none.

        Raises:
            ValueError: The metadata are no JSON object.
        """
        part = next((part for part in parts if part.name == "content"), None)
        if part is None:
            return None
        texts = {other.name: other.content.decode("utf-8", "replace") for other in parts if other is not part}
        metadata = json.loads(texts.get("metadata") or "{}")
        if not isinstance(metadata, dict):
            raise ValueError("metadata is no object")
        upload = Upload(
            id=base64.b64encode(str(uuid.uuid4()).encode()).decode().rstrip("="),
            owner=owner,
            name=texts.get("filename") or part.filename or "file",
            content_type=texts.get("type") or part.content_type or "application/octet-stream",
            content=part.content,
            metadata=metadata,
            created=self._clock(),
        )
        with self._lock:
            self._held[upload.id] = upload
        return upload

    def of(self, owner: str) -> list[Upload]:
        """The files of an account, the newest first."""
        with self._lock:
            held = list(self._held.values())
        return [upload for upload in reversed(held) if upload.owner == owner and self._lives(upload)]

    def get(self, owner: str, name: str) -> Upload | None:
        """The file of an account with this id."""
        with self._lock:
            upload = self._held.get(name)
        return upload if upload is not None and upload.owner == owner and self._lives(upload) else None

    def drop(self, upload: Upload) -> None:
        """Removes a file."""
        with self._lock:
            self._held.pop(upload.id, None)

    def read(self, owner: str, url: str) -> bytes:
        """Returns the bytes behind an input: a file that was sent here, or a data URI.

        Raises:
            ValueError: It is neither; nothing is fetched from anywhere.
        """
        if url.startswith("data:"):
            return _data(url)
        upload = self.get(owner, urlsplit(url).path.rpartition("/v1/files/")[2])
        if upload is None:
            raise ValueError(f"{url} cannot be fetched.")
        return upload.content

    def _lives(self, upload: Upload) -> bool:
        return self._clock() < upload.created + _LIFETIME


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Returns the parts of a ``multipart/form-data`` body; none where it is not one."""
    kind, options = _header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        return []
    # The first delimiter has no line break before it.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"))
    return [part for piece in pieces[1:] if piece.startswith(b"\r\n") and (part := _part(piece[2:])) is not None]


def _part(piece: bytes) -> Part | None:
    head, blank, content = piece.partition(b"\r\n\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    }
    _, options = _header(headers.get("content-disposition", ""))
    if not blank or "name" not in options:
        return None
    return Part(
        name=options["name"],
        filename=options.get("filename"),
        content_type=headers.get("content-type", ""),
        content=content,
    )


def _header(text: str) -> tuple[str, dict[str, str]]:
    """The value of a header and its options, whose quotes are taken off."""
    from email.message import Message

    message = Message()
    message["content-type"] = text
    options = message.get_params(failobj=[])
    if not options:
        return "", {}
    return options[0][0].lower(), {name.lower(): str(value) for name, value in options[1:]}


def _data(url: str) -> bytes:
    head, comma, text = url.partition(",")
    if not comma:
        raise ValueError("A data URI without a comma.")
    content = unquote_to_bytes(text)
    if not head.endswith(";base64"):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(f"A data URI that is not base64: {error}.") from error


def _moment(seconds: float) -> str:
    return f"{stamp(seconds)[:-4]}Z"
