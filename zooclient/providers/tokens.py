"""The token of a zoo: the caller's, whether its server may have it, and the file that keeps one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

Token = str | Callable[[], str | None]

#: Bytes of a token file at the most; anything larger is no token.
_MOST = 64 * 1024


def may_have_token(zoo: ZooSettings, *, official: bool) -> bool:
    """Whether a server may be sent a token: the zoo's own, and one that the user named, not a project file."""
    return official or zoo.endpoint_trusted


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for a zoo that has no other source than the settings; None: there is none.

    Raises:
        ConfigError: The token holds what no token holds.
    """
    return own_token(zoo) if may_have_token(zoo, official=official) else None


def own_or_around(
    zoo: ZooSettings, settings: Settings, around: Callable[[Mapping[str, str]], str | None], *, official: bool
) -> Token | None:
    """Returns the token of a zoo: of the settings, else what lies around; None: there is none, or it may have none.

    Args:
        zoo: What is set for the zoo.
        settings: Everything that is set; it says whether the surroundings may be read.
        around: Environment → the token that lies around.
        official: Whether the server is the zoo's own.

    Raises:
        ConfigError: A token holds what no token holds.
    """
    if not may_have_token(zoo, official=official):
        return None
    own = own_token(zoo)
    if own is not None or not settings.surroundings:
        return own
    return around(settings.environ)


def own_token(zoo: ZooSettings) -> Token | None:
    """Returns the token that the caller set, without blanks around it."""
    if isinstance(zoo.token, str):
        return stripped(zoo.token, "The token of the settings")
    return zoo.token


def stripped(text: str, name: str) -> str | None:
    """Returns a token without blanks and line ends around it; None when nothing is left.

    Raises:
        ConfigError: It holds what cannot stand in a header; ``name`` tells whose it is, never the token itself.
    """
    token = text.strip()
    if not all("!" <= character <= "~" for character in token):
        raise ConfigError(
            f"{name} holds blanks, line ends or letters that no token has.", hint="Paste it again, on one line."
        )
    return token or None


def of_variables(environ: Mapping[str, str], variables: tuple[str, ...]) -> str | None:
    """Returns the token of the first variable that holds one.

    Raises:
        ConfigError: It holds what no token holds.
    """
    found = (stripped(environ.get(variable, ""), variable) for variable in variables)
    return next((token for token in found if token is not None), None)


def given(token: str, zoo: str, *, word: str = "token") -> str:
    """Returns a token that a person gave, without blanks around it.

    Raises:
        ConfigError: It holds what no token holds, or nothing.
    """
    text = stripped(token, f"The {word}")
    if text is None:
        raise ConfigError(f"No {word} was given.", zoo=zoo, operation="login")
    return text


@frozen(kw_only=True)
class TokenFile:
    """A file that holds a zoo's token and nothing else; there is one for whichever server of the zoo.

    Args:
        zoo: Scheme of the zoo.
        place: Environment → where the file is, whether or not it is there.
        called: The file as a sentence calls it, with ``{}`` for its path.
        hint: What to do where it cannot be written.
        word: What the zoo calls a token.
    """

    zoo: str
    place: Callable[[Mapping[str, str]], Path]
    called: str
    hint: str
    word: str = "token"

    def read(self, environ: Mapping[str, str]) -> str | None:
        """Returns the token; None where nobody is logged in.

        Raises:
            ConfigError: It holds what no token holds.
        """
        path = self.place(environ)
        try:
            with path.open("rb") as file:
                held = file.read(_MOST)
        except OSError:
            return None  # not there, or not ours to read: nobody is logged in
        return stripped(held.decode("utf-8", "replace"), str(path))

    def store(self, environ: Mapping[str, str], token: str, *, endpoint: str | None = None) -> Path:
        """Writes a token, readable by its owner alone, whole or not at all; ``endpoint`` changes nothing.

        Raises:
            ConfigError: It holds what no token holds, or nothing.
            StoreError: It cannot be written.
        """
        text, path = given(token, self.zoo, word=self.word), self.place(environ)
        try:
            write_private(path, text.encode("ascii"))
        except OSError as error:
            raise self._unwritable(path, error) from error
        return path

    def forget(self, environ: Mapping[str, str]) -> Path | None:
        """Removes the stored token, and returns where it was; None when there was none.

        Raises:
            StoreError: It cannot be removed.
        """
        path = self.place(environ)
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unwritable(path, error) from error
        return path

    def _unwritable(self, path: Path, error: OSError) -> StoreError:
        return StoreError(
            f"{self.called.format(path)} cannot be written: {error.strerror or error}.", zoo=self.zoo, hint=self.hint
        )


def write_private(path: Path, data: bytes) -> None:
    """Writes a file that its owner alone can read, whole or not at all; a missing folder is made, mode 0700.

    Raises:
        OSError: It cannot be written.
    """
    import tempfile

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
