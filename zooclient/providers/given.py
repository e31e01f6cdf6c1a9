"""What goes into a run and what comes out of it, as the record of the run tells it: files by name and digest."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from zooclient.errors import ConfigError
from zooclient.providers.reading import plain
from zooclient.records.run import RunFile

#: First bytes of a file → its media type and the ending of its name.
_MARKS: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", "png"),
    (b"\xff\xd8\xff", 0, "image/jpeg", "jpg"),
    (b"GIF8", 0, "image/gif", "gif"),
    (b"WEBP", 8, "image/webp", "webp"),
    (b"WAVE", 8, "audio/wav", "wav"),
    (b"fLaC", 0, "audio/flac", "flac"),
    (b"OggS", 0, "audio/ogg", "ogg"),
    (b"ID3", 0, "audio/mpeg", "mp3"),
    (b"ftyp", 4, "video/mp4", "mp4"),
    (b"\x1aE\xdf\xa3", 0, "video/webm", "webm"),
)


#: Bytes of one file that are sent, at the most.
MOST: Final = 100_000_000


@frozen
class Given:
    """A file among the inputs.

    Attributes:
        name: Its name; that of the input when it has none.
        content: Its bytes.
    """

    name: str
    content: bytes = field(repr=False)

    def data_uri(self) -> str:
        """Returns the file as an address that holds it."""
        return f"data:{_kind(self.content)[0]};base64,{base64.b64encode(self.content).decode()}"

    def told(self) -> dict[str, Any]:
        """Returns what the record of the run tells of it."""
        digest = hashlib.sha256(self.content).hexdigest()
        return {"file": self.name, "size": len(self.content), "sha256": digest}


def read_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with every file read, nested ones too: a path, bytes or an open file becomes :class:`Given`.

    Raises:
        ConfigError: A file cannot be read, or a value is nothing that a model takes.
    """
    return {name: _read(name, value) for name, value in inputs.items()}


def told_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns read inputs as the record of a run tells them."""
    return {name: _told(value) for name, value in inputs.items()}


def made_file(number: int, content: bytes, media_type: str | None = None) -> RunFile:
    """Returns a file that a model made, its bytes with it.

    Args:
        number: Which file of the run, from 0.
        content: Its bytes.
        media_type: As the host said. None: by its first bytes.
    """
    kind, ending = _kind(content)
    kind = media_type or kind
    name = f"output-{number}.{ending}" if number else f"output.{ending}"
    return RunFile(name=name, url=f"data:{kind};base64,{base64.b64encode(content).decode()}", media_type=kind)


def _kind(content: bytes) -> tuple[str, str]:
    for mark, at, kind, ending in _MARKS:
        if content[at : at + len(mark)] == mark:
            return kind, ending
    return "application/octet-stream", "bin"


def _read(name: str, value: Any) -> Any:
    if isinstance(value, Path):
        try:
            with value.open("rb") as file:
                return _given(name, value.name, file.read(MOST + 1))
        except OSError as error:
            raise ConfigError(f"The file for {name} cannot be read: {error}", operation="run") from error
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _given(name, name, bytes(value))
    if hasattr(value, "read"):
        content = value.read(MOST + 1)
        if not isinstance(content, bytes):
            raise ConfigError(f"The file for {name} has to be open in binary mode.", operation="run")
        called = getattr(value, "name", None)
        return _given(name, Path(called).name if isinstance(called, str) else name, content)
    if isinstance(value, Mapping):
        return {str(key): _read(name, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_read(name, item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        raise ConfigError(f"{name} is {value}, which JSON has no word for.", operation="run")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ConfigError(f"{name} is of type {type(value).__name__}, which no hosted model takes.", operation="run")


def _given(name: str, called: str, content: bytes) -> Given:
    if len(content) > MOST:
        raise ConfigError(
            f"The file for {name} is larger than the {MOST // 1_000_000} MB that are sent.",
            operation="run",
            hint="Put it where it has an https: address, and give that.",
        )
    return Given(called, content)


def _told(value: Any) -> Any:
    if isinstance(value, Given):
        return value.told()
    if isinstance(value, dict):
        return {name: _told(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return plain(value)
