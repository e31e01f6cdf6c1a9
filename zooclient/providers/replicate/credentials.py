"""Tokens of Replicate: ours, then that of its own clients in the environment.

Replicate's clients keep no token in a file, and ``cog login`` keeps another kind, for the registry; so a token that we
are given is kept in a file of ours, beside our own settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.errors import ConfigError, StoreError
from zooclient.providers.base import Keeper
from zooclient.providers.tokens import Token, may_have_token, own_token, stripped, write_private
from zooclient.settings import user_folder

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

#: The variable that holds a token for the API.
VARIABLES = ("REPLICATE_API_TOKEN",)

#: Bytes of a token's file at the most; anything larger is no token.
_MOST = 64 * 1024


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for the endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, the variable and our own file.

    Raises:
        ConfigError: A token holds what no token holds.
    """
    if not may_have_token(zoo, official=official):
        return None
    own = own_token(zoo)
    if own is not None or not settings.surroundings:
        return own
    return surrounding_token(settings.environ)


def surrounding_token(environ: Mapping[str, str]) -> str | None:
    """Returns the token that lies around: of the environment, else of our file."""
    for variable in VARIABLES:
        token = stripped(environ.get(variable, ""), variable)
        if token is not None:
            return token
    path = token_file(environ)
    try:
        with path.open("rb") as file:
            held = file.read(_MOST)
    except OSError:
        return None  # not there, or not ours to read: nobody is logged in
    return stripped(held.decode("utf-8", "replace"), str(path))


def token_file(environ: Mapping[str, str]) -> Path:
    """Returns where ``login`` keeps the token, whether or not it is there."""
    return user_folder("config", environ) / "tokens" / "replicate"


def store_token(environ: Mapping[str, str], token: str, *, endpoint: str | None = None) -> Path:
    """Writes a token, readable by its owner alone, whole or not at all; ``endpoint`` changes nothing.

    Raises:
        ConfigError: It holds what no token holds, or nothing.
        StoreError: It cannot be written.
    """
    text = stripped(token, "The token")
    path = token_file(environ)
    if text is None:
        raise ConfigError("No token was given.", zoo="replicate", operation="login")
    try:
        write_private(path, text.encode("ascii"))
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def forget_token(environ: Mapping[str, str]) -> Path | None:
    """Removes the stored token, and returns where it was; None when there was none.

    Raises:
        StoreError: It cannot be removed.
    """
    path = token_file(environ)
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The file of the token, {path}, cannot be written: {error.strerror or error}.",
        zoo="replicate",
        hint="REPLICATE_API_TOKEN holds a token without a file.",
    )


KEEPER = Keeper(
    tokens_page="https://replicate.com/account/api-tokens",
    variables=VARIABLES,
    store=store_token,
    forget=forget_token,
)
