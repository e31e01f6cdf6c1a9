"""Keys of Civitai: ours, then those that its tools left in the environment.

There is no client of the site's own for Python. Its command line keeps its login in a file of another format, which
we do not touch: a key that we are given is kept in a file of ours, beside our own settings.
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

#: Variables that hold a key, first wins: what most tools read, the site's documentation, comfy-cli and the SDKs.
VARIABLES = ("CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN")


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the key for the endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, the variables and our own file.

    Raises:
        ConfigError: A key holds what no key holds.
    """
    return own_or_around(zoo, settings, surrounding_token, official=official)


def surrounding_token(environ: Mapping[str, str]) -> str | None:
    """Returns the key that lies around: of the environment, else of our file."""
    return of_variables(environ, VARIABLES) or _FILE.read(environ)


def token_file(environ: Mapping[str, str]) -> Path:
    """Returns where ``login`` keeps the key, whether or not it is there."""
    return user_folder("config", environ) / "tokens" / "civitai"


_FILE = TokenFile(
    zoo="civitai",
    place=token_file,
    called="The file of the key, {},",
    hint="CIVITAI_API_KEY holds a key without a file.",
    word="key",
)

store_token, forget_token = _FILE.store, _FILE.forget

KEEPER = Keeper(
    tokens_page="https://civitai.com/user/account",
    variables=VARIABLES,
    store=store_token,
    forget=forget_token,
)
