"""The login for images: ours, then the one that ``cog login`` keeps in Docker's file.

It is a user name with a CLI token (https://replicate.com/auth/token), another kind than the tokens of the API, which
the registry does not take. A credential helper of Docker is a program; none is run.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zooclient.errors import ConfigError
from zooclient.providers.replicate.image.endpoint import OFFICIAL, is_official
from zooclient.providers.tokens import Token, own_or_around

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

#: Where a person makes a CLI token.
TOKENS_PAGE: Final = "https://replicate.com/auth/token"
#: What to do to have a login.
HINT: Final = f"`cog login` keeps one, or ZOOCLIENT_R8_TOKEN=USER:TOKEN names it, with a CLI token from {TOKENS_PAGE}."

#: Bytes of Docker's file at the most.
_MOST = 1024 * 1024


def login_for(zoo: ZooSettings, settings: Settings, registry: str) -> Token | None:
    """Returns the login for a registry, ``USER:TOKEN``; None: there is none, or the registry may have none.

    Sources, first wins: the settings; and where the surroundings may be read, Docker's ``config.json``. What cannot be
    a login is told when it is needed, and is in nobody else's way.
    """
    try:
        found = own_or_around(zoo, settings, surrounding_login, official=is_official(registry))
    except ConfigError as error:
        return _telling(error)
    if found is None or not isinstance(found, str):
        return _checked(found) if found is not None else None
    try:
        return checked(found)
    except ConfigError as error:
        return _telling(error)


def checked(login: str) -> str:
    """Returns a login.

    Raises:
        ConfigError: It is a token of the API, or names no user.
    """
    user, colon, token = login.partition(":")
    if token.startswith("r8_") or (not colon and user.startswith("r8_")):
        raise ConfigError(
            "The login for images holds a token of the API (r8_…), which the registry does not take.",
            zoo="r8",
            hint=f"It takes a user name with a CLI token, USER:TOKEN; one is made at {TOKENS_PAGE}.",
        )
    if not (user and token):
        raise ConfigError(
            "The login for images is a user name with a CLI token, joined by a colon, and one of them is missing.",
            zoo="r8",
            hint=HINT,
        )
    return login


def surrounding_login(environ: Mapping[str, str]) -> str | None:
    """Returns the login that Docker's file holds for the registry, as ``cog login`` leaves it; None: there is none."""
    try:
        with docker_file(environ).open("rb") as file:
            told = json.loads(file.read(_MOST))
    except (OSError, ValueError, RecursionError):
        return None  # not there, not ours to read, or another's business
    logins = told.get("auths") if isinstance(told, dict) else None
    for name in ("r8.im", OFFICIAL, f"{OFFICIAL}/", f"{OFFICIAL}/v2/"):
        kept = logins.get(name) if isinstance(logins, dict) else None
        auth = kept.get("auth") if isinstance(kept, dict) else None
        if isinstance(auth, str) and auth:
            return _decoded(auth)
    return None


def docker_file(environ: Mapping[str, str]) -> Path:
    """Returns where Docker keeps its logins, whether or not the file is there."""
    named = environ.get("DOCKER_CONFIG")
    if named:
        return Path(named, "config.json")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home if home else Path.home(), ".docker", "config.json")


def _decoded(auth: str) -> str | None:
    try:
        return base64.b64decode(auth, validate=True).decode("ascii").strip("\0") or None
    except (binascii.Error, ValueError):
        return None


def _checked(login: Callable[[], str | None]) -> Callable[[], str | None]:
    def ask() -> str | None:
        told = (login() or "").strip()
        return checked(told) if told else None

    return ask


def _telling(error: ConfigError) -> Callable[[], str | None]:
    def tell() -> str | None:
        raise ConfigError(error.message, zoo="r8", hint=error.hint) from error

    return tell
