"""Keys of Civitai: ours, then those that its tools left in the environment.

There is no client of the site's own for Python. Its command line keeps its login in a file of another format, which
we do not touch: a key that we are given is kept in a file of ours, beside our own settings.
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

#: Variables that hold a key, first wins: what most tools read, the site's documentation, comfy-cli and the SDKs.
VARIABLES = ("CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN")

#: Bytes of a key's file at the most; anything larger is no key.
_MOST = 64 * 1024


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the key for the endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, the variables and our own file.

    Raises:
        ConfigError: A key holds what no key holds.
    """
    if not may_have_token(zoo, official=official):
        return None
    own = own_token(zoo)
    if own is not None or not settings.surroundings:
        return own
    return surrounding_token(settings.environ)


def surrounding_token(environ: Mapping[str, str]) -> str | None:
    """Returns the key that lies around: of the environment, else of our file."""
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
    """Returns where ``login`` keeps the key, whether or not it is there."""
    return user_folder("config", environ) / "tokens" / "civitai"


def store_token(environ: Mapping[str, str], token: str, *, endpoint: str | None = None) -> Path:
    """Writes a key, readable by its owner alone, whole or not at all.

    There is one key for whichever server, so ``endpoint`` changes nothing.

    Raises:
        ConfigError: It holds what no key holds, or nothing.
        StoreError: It cannot be written.
    """
    text = stripped(token, "The key")
    path = token_file(environ)
    if text is None:
        raise ConfigError("No key was given.", zoo="civitai", operation="login")
    try:
        write_private(path, text.encode("ascii"))
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def forget_token(environ: Mapping[str, str]) -> Path | None:
    """Removes the stored key, and returns where it was; None when there was none.

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
        f"The file of the key, {path}, cannot be written: {error.strerror or error}.",
        zoo="civitai",
        hint="CIVITAI_API_KEY holds a key without a file.",
    )


KEEPER = Keeper(
    tokens_page="https://civitai.com/user/account",
    variables=VARIABLES,
    store=store_token,
    forget=forget_token,
)
