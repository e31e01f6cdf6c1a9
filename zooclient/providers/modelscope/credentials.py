"""Tokens of ModelScope: ours, then those that its own tool left on this machine.

Read here without the tool, whose import is slow. Names, order and places are those of ``modelscope_hub`` 0.5.1: the
variable ``MODELSCOPE_API_TOKEN``, else the cookie ``m_session_id`` in ``~/.modelscope/credentials/cookies``, which is
a pickled cookie jar. It is read by an unpickler that knows no code to run, and written as their tool writes it; no jar
is ever used to send anything.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zooclient.errors import StoreError
from zooclient.providers.base import Keeper
from zooclient.providers.modelscope.endpoint import OFFICIAL, normal_endpoint, site
from zooclient.providers.tokens import Token, given, own_or_around, stripped, write_private

if TYPE_CHECKING:
    from zooclient.settings import Settings, ZooSettings

#: Variables that hold a token.
VARIABLES = ("MODELSCOPE_API_TOKEN",)

_COOKIE = "m_session_id"
#: What belongs to one login: removed together, as their tool does.
_FILES = ("cookies", "git_token", "user")
#: Bytes of a jar at the most, and objects in it that are looked at.
_MOST = 64 * 1024
_OBJECTS = 10_000
#: What a broken pickle raises.
_BROKEN = (
    *(pickle.UnpicklingError, EOFError, ArithmeticError, AttributeError, ImportError, LookupError, MemoryError),
    *(RecursionError, TypeError, ValueError),
)
#: Seconds for which a stored login counts: 30 days, as their tool writes it.
_LIFE = 30 * 24 * 3600


def token_for(zoo: ZooSettings, settings: Settings, *, official: bool) -> Token | None:
    """Returns the token for the zoo's endpoint; None: there is none, or the endpoint may have none.

    Sources, first wins: the settings; and where the surroundings may be read, ``MODELSCOPE_API_TOKEN`` and the login
    of the zoo's own tool, if it is one at the same site.

    Raises:
        ConfigError: A token holds what no token holds.
    """

    def around(environ: Mapping[str, str]) -> str | None:
        return surrounding_token(environ, normal_endpoint(zoo.endpoint or OFFICIAL))

    return own_or_around(zoo, settings, around, official=official)


def surrounding_token(environ: Mapping[str, str], endpoint: str = OFFICIAL) -> str | None:
    """Returns the token that the zoo's own tool would use for an endpoint without being told.

    An empty variable means none, whatever is stored. A stored login counts at its own site alone: the two sites have
    accounts of their own, although their tool keeps one login for both.
    """
    variable = VARIABLES[0]
    if variable in environ:
        return stripped(environ[variable], variable)
    path = token_file(environ)
    try:
        with path.open("rb") as file:
            held = file.read(_MOST + 1)
    except OSError:
        return None  # not there, or not ours to read: nobody is logged in
    found = _login(held, urlsplit(endpoint).hostname or "")
    return None if found is None else stripped(found, str(path))


def token_file(environ: Mapping[str, str]) -> Path:
    """Returns where the zoo's tool keeps its login, whether or not it is there."""
    named = environ.get("MODELSCOPE_HOME")
    home = Path(environ.get("USERPROFILE" if os.name == "nt" else "HOME") or Path.home())
    if named and (named == "~" or named.startswith(("~/", "~\\"))):
        folder = home / named[2:]
    else:
        folder = Path(named) if named else home / ".modelscope"
    return folder / "credentials" / "cookies"


def store_token(environ: Mapping[str, str], token: str, *, endpoint: str | None = None) -> Path:
    """Writes a login where the zoo's tool finds it, readable by its owner alone, whole or not at all.

    Args:
        environ: The environment.
        token: The token.
        endpoint: The server that it is for. None: the one that the environment names, else the Chinese site.

    Raises:
        ConfigError: It holds what no token holds, or nothing.
        StoreError: It cannot be written.
    """
    text, path = given(token, "modelscope"), token_file(environ)
    named = endpoint or environ.get("ZOOCLIENT_MODELSCOPE_ENDPOINT") or environ.get("MODELSCOPE_ENDPOINT")
    host = urlsplit(normal_endpoint(named or OFFICIAL)).hostname or ""
    try:
        write_private(path, _jar(text, host, int(time.time()) + _LIFE))
        path.parent.chmod(0o700)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def forget_token(environ: Mapping[str, str]) -> Path | None:
    """Removes the stored login with all that belongs to it, and returns where it was; None when there was none.

    Raises:
        StoreError: It cannot be removed.
    """
    path = token_file(environ)
    there = False
    for name in _FILES:
        try:
            path.with_name(name).unlink()
            there = there or name == path.name
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unwritable(path.with_name(name), error) from error
    return path if there else None


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The login file {path} cannot be written: {error.strerror or error}.",
        zoo="modelscope",
        hint="MODELSCOPE_HOME names another place; MODELSCOPE_API_TOKEN holds a token without a file.",
    )


# -- the jar ------------------------------------------------------------------------------------


class _Held:
    """Stands for any class of a jar: it takes what it is given, and does nothing with it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Takes anything."""


class _Reader(pickle.Unpickler):
    """Reads the shape of a jar without any class of it: there is nothing that a pickle could call."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in ("requests", "http", "cookielib") and name.isidentifier():
            return _Held
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a jar of cookies")


def _login(held: bytes, host: str) -> str | None:
    """The token of a pickled jar for a host, unless it ran out; None where there is none, or it is no jar."""
    if len(held) > _MOST:
        return None
    try:
        jar = _Reader(BytesIO(held)).load()
    except _BROKEN:
        return None
    now = time.time()
    for cookie in _objects(jar):
        value, domain, expires = cookie.get("value"), cookie.get("domain"), cookie.get("expires")
        if cookie.get("name") != _COOKIE or not isinstance(value, str) or not isinstance(domain, str):
            continue
        ended = isinstance(expires, (int, float)) and expires <= now
        if site(domain) == site(host) and not ended:
            return value
    return None


def _objects(root: Any) -> Iterator[Mapping[Any, Any]]:
    """What every object of a jar holds by name, a bounded number of them, each once."""
    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting and len(seen) < _OBJECTS:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _Held):
            yield vars(value)
            waiting += vars(value).values()
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value


def _jar(token: str, host: str, expires: int) -> bytes:
    """A pickled ``requests.cookies.RequestsCookieJar`` with the one cookie, made without ``requests``.

    The class is written by name, as pickle does it; only who reads the file imports it.
    """
    from http.cookiejar import Cookie, DefaultCookiePolicy

    cookie = Cookie(
        version=0,
        name=_COOKIE,
        value=token,
        port=None,
        port_specified=False,
        domain=host,
        domain_specified=True,
        domain_initial_dot=False,
        path="/",
        path_specified=True,
        secure=False,
        expires=expires,
        discard=False,
        comment=None,
        comment_url=None,
        rest={},
    )
    state = {"_policy": DefaultCookiePolicy(), "_cookies": {host: {"/": {_COOKIE: cookie}}}}
    told = pickle.dumps(state, protocol=3)[2:-1]  # without the mark of the protocol and the end
    return b"\x80\x03crequests.cookies\nRequestsCookieJar\n)\x81" + told + b"b."


KEEPER = Keeper(
    tokens_page=f"{OFFICIAL}/my/myaccesstoken",
    variables=VARIABLES,
    store=store_token,
    forget=forget_token,
)
