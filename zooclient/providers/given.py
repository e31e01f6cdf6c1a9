"""What goes into a run and what comes out of it, as the record of the run tells it: files by name and digest."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from zooclient.errors import ConfigError
from zooclient.providers.reading import plain
from zooclient.records.run import RunFile
from zooclient.records.sayable import DEPTH, Unfit, nested, sayable

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
#: Media type and ending of a file that tells neither.
_PLAIN = ("application/octet-stream", "bin")


#: Bytes below which one file is sent ("Files must be less than 100MB in size", Replicate says).
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

    @property
    def media_type(self) -> str:
        """By its first bytes, else by its name; ``application/octet-stream`` where neither tells."""
        kind = _kind(self.content)
        return mimetypes.guess_type(self.name)[0] or _PLAIN[0] if kind == _PLAIN else kind[0]

    @property
    def sha256(self) -> str:
        """Lower-case hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def text(self) -> str:
        """Its words, where words are wanted and no file.

        Raises:
            ConfigError: It holds none, in UTF-8.
        """
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.name} is to be a text, and is none in UTF-8: {error.reason}.") from error

    def data_uri(self) -> str:
        """Returns the file as an address that holds it."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"

    def told(self) -> dict[str, Any]:
        """Returns what the record of the run tells of it."""
        return {"file": self.name, "size": len(self.content), "sha256": self.sha256}


def mapped(value: Any, change: Callable[[Given], Any]) -> Any:
    """Returns a value with each file in it replaced."""
    if isinstance(value, Given):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(item, change) for name, item in value.items()}
    return [mapped(item, change) for item in value] if isinstance(value, list | tuple) else value


def read_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with every file read, nested ones too: a path, bytes or an open file becomes :class:`Given`.

    Raises:
        ConfigError: A file cannot be read, or a value is nothing that a model takes.
    """
    read = {}
    for name, value in inputs.items():
        try:
            read[name] = _read(name, value)
        except Unfit as error:
            raise ConfigError(f"No model can be given that as {name}: {error}.") from error
    return read


def told_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns read inputs as the record of a run tells them."""
    return {name: plain(mapped(value, Given.told)) for name, value in inputs.items()}


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
    return _PLAIN


def _read(name: str, value: Any, depth: int = DEPTH) -> Any:
    if hasattr(value, "__fspath__"):
        path = Path(value)
        try:
            with path.open("rb") as file:
                return _given(name, path.name, file.read(MOST))
        except OSError as error:
            raise ConfigError(
                f"The file for {name} cannot be read: {path}: {error.strerror}.",
                hint="Nothing was sent. Is the path right, and may you read it?",
            ) from error
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _given(name, name, bytes(value))
    if hasattr(value, "read"):
        content = value.read(MOST)
        if not isinstance(content, bytes):
            raise ConfigError(f"The file for {name} is open as text.", hint='Open it with "rb".')
        called = getattr(value, "name", None)
        return _given(name, Path(called).name if isinstance(called, str) else name, content)
    if not nested(value, depth):
        return sayable(value)
    if isinstance(value, Mapping):
        return {sayable(key): _read(name, item, depth - 1) for key, item in value.items()}
    return [_read(name, item, depth - 1) for item in value]


def _given(name: str, called: str, content: bytes) -> Given:
    if len(content) >= MOST:
        raise ConfigError(
            f"The file for {name} is too large: less than {MOST // 1_000_000} MB are sent.",
            hint="Put it where it has an https: address, and give that.",
        )
    return Given(called, content)
