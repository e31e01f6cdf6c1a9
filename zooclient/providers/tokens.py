"""The token that the caller set for a zoo, and whether its server may have it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.errors import ConfigError

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

Token = str | Callable[[], str | None]


def may_have_token(zoo: ZooSettings, *, official: bool) -> bool:
    """Whether a server may be sent a token: the zoo's own, and one that the user named, not a project file."""
    return official or zoo.endpoint_trusted


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for a zoo that has no other source than the settings; None: there is none.

    Raises:
        ConfigError: The token holds what no token holds.
    """
    return own_token(zoo) if may_have_token(zoo, official=official) else None


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
