"""Tokens of Replicate: ours, then that of its own clients in the environment.

Replicate's clients keep no token in a file, and ``cog login`` keeps another kind, for the registry; so a token that we
are given is kept in a file of ours, beside our own settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.providers.base import Keeper
from zooclient.providers.tokens import Token, TokenFile, of_variables, own_or_around
from zooclient.settings import user_folder

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

#: The variable that holds a token for the API.
VARIABLES = ("REPLICATE_API_TOKEN",)


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for the endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, the variable and our own file.

    Raises:
        ConfigError: A token holds what no token holds.
    """
    return own_or_around(zoo, settings, surrounding_token, official=official)


def surrounding_token(environ: Mapping[str, str]) -> str | None:
    """Returns the token that lies around: of the environment, else of our file."""
    return of_variables(environ, VARIABLES) or _FILE.read(environ)


def token_file(environ: Mapping[str, str]) -> Path:
    """Returns where ``login`` keeps the token, whether or not it is there."""
    return user_folder("config", environ) / "tokens" / "replicate"


_FILE = TokenFile(
    zoo="replicate",
    place=token_file,
    called="The file of the token, {},",
    hint="REPLICATE_API_TOKEN holds a token without a file.",
)

KEEPER = Keeper(
    tokens_page="https://replicate.com/account/api-tokens",
    variables=VARIABLES,
    store=_FILE.store,
    forget=_FILE.forget,
)
