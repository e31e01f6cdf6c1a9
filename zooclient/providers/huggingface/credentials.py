"""Tokens of the Hub: ours, then those that its own tools left on this machine; and where its cache lies.

Read here without ``huggingface_hub``, whose import costs about 180 ms. Names, order and places are those of its
release 2.4.0 (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.providers.base import Keeper
from zooclient.providers.tokens import Token, TokenFile, of_variables, own_or_around

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

#: Variables that hold a token, first wins.
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for the Hub's endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, ``HF_TOKEN``,
    ``HUGGING_FACE_HUB_TOKEN`` and the token file. ``HF_HUB_DISABLE_IMPLICIT_TOKEN`` switches those off.

    Raises:
        ConfigError: A token holds what no token holds.
    """
    return own_or_around(zoo, settings, surrounding_token, official=official)


def surrounding_token(environ: Mapping[str, str]) -> str | None:
    """Returns the token that the Hub's own tools would use without being told."""
    if environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in _TRUE:
        return None
    return of_variables(environ, VARIABLES) or _FILE.read(environ)


def token_file(environ: Mapping[str, str]) -> Path:
    """Returns where the Hub's tools keep the token, whether or not it is there."""
    named = environ.get("HF_TOKEN_PATH")
    return _expanded(named, environ) if named else _hf_home(environ) / "token"


def hf_cache_dir(environ: Mapping[str, str]) -> Path:
    """Returns where the Hub's tools keep what they downloaded, whether or not it is there."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        named = environ.get(variable)
        if named:
            return _expanded(named, environ)
    return _hf_home(environ) / "hub"


def _hf_home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HF_HOME")
    if named:
        return _expanded(named, environ)
    xdg = environ.get("XDG_CACHE_HOME")
    caches = _expanded(xdg, environ) if xdg else _home(environ) / ".cache"
    return caches / "huggingface"


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("USERPROFILE" if os.name == "nt" else "HOME")
    return Path(named) if named else Path.home()


def _expanded(text: str, environ: Mapping[str, str]) -> Path:
    if text == "~" or text.startswith(("~/", "~\\")):
        return _home(environ) / text[2:]
    return Path(text)


_FILE = TokenFile(
    zoo="hf",
    place=token_file,
    called="The token file {}",
    hint="HF_TOKEN_PATH names another place; HF_TOKEN holds a token without a file.",
)

store_token, forget_token = _FILE.store, _FILE.forget

KEEPER = Keeper(
    tokens_page="https://huggingface.co/settings/tokens",
    variables=VARIABLES,
    store=store_token,
    forget=forget_token,
)
