"""The files among the inputs of a run: read within a bound, sent ahead or written into the question."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from zooclient.errors import ConfigError

#: Bytes of a file that is sent, at the most ("Files must be less than 100MB in size").
MOST: Final = 100_000_000
#: Bytes of a file that is written into the question itself, and of all of them: as base64 a third more, and 256 kB is
#: what the API takes at the most.
SMALL, SMALL_TOGETHER = 180_000, 700_000


@frozen(kw_only=True)
class Given:
    """A file among the inputs.

    Attributes:
        name: Its name.
        content: Its bytes.
        media_type: By its name; ``application/octet-stream`` where that tells nothing.
    """

    name: str
    content: bytes = field(repr=False)
    media_type: str

    @property
    def sha256(self) -> str:
        """Lower-case hex."""
        return hashlib.sha256(self.content).hexdigest()

    def told(self) -> dict[str, Any]:
        """Returns what the record of the run says of it."""
        return {"file": self.name, "size": len(self.content), "sha256": self.sha256}

    def data_uri(self) -> str:
        """Returns the file as an address that holds it."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


def mapped(value: Any, change: Callable[[Given], Any]) -> Any:
    """Returns a value with each file in it replaced."""
    if isinstance(value, Given):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(item, change) for name, item in value.items()}
    return [mapped(item, change) for item in value] if isinstance(value, list | tuple) else value


def read(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with every file read; blocks.

    Raises:
        ConfigError: One cannot be read, or is too large; nothing was sent.
    """
    return {name: _read(name, value) for name, value in inputs.items()}


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_read(name, item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _given(name, name, bytes(value))
    if hasattr(value, "__fspath__"):
        path = Path(value)
        try:
            with path.open("rb") as file:
                return _given(name, path.name, file.read(MOST + 1))
        except OSError as error:
            raise ConfigError(
                f"The file for {name} cannot be read: {path}: {error.strerror}.",
                hint="Nothing was sent. Is the path right, and may you read it?",
            ) from error
    if hasattr(value, "read"):
        content = value.read(MOST + 1)
        if not isinstance(content, bytes):
            raise ConfigError(f"The file for {name} is open as text.", hint='Open it with "rb".')
        called = getattr(value, "name", None)
        return _given(name, Path(called).name if isinstance(called, str) else name, content)
    return value


def _given(name: str, called: str, content: bytes) -> Given:
    if len(content) >= MOST:
        raise ConfigError(
            f"The file for {name} is too large: Replicate takes less than {MOST // 1_000_000} MB.",
            hint="Put it where it has an https: address, and give that.",
        )
    kind = mimetypes.guess_type(called)[0] or "application/octet-stream"
    return Given(name=called, content=content, media_type=kind)


def multipart(file: Given) -> tuple[str, bytes]:
    """Returns the body that sends a file ahead, and its content type (RFC 7578)."""
    edge = f"zooclient-{secrets.token_hex(16)}"
    named = file.name.encode("utf-8", "replace")[:255].decode("utf-8", "ignore")
    for odd, written in (("%", "%25"), ('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        named = named.replace(odd, written)
    head = (
        f"--{edge}\r\n"
        f'Content-Disposition: form-data; name="content"; filename="{named}"\r\n'
        f"Content-Type: {file.media_type}\r\n\r\n"
    )
    return f"multipart/form-data; boundary={edge}", b"".join(
        (head.encode(), file.content, f"\r\n--{edge}--\r\n".encode())
    )
