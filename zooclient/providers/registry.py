"""Scheme → provider: the one place beside the client that names a concrete provider.

Our own schemes stand in a table. Others come from the entry points of installed packages, group
``zooclient.providers``: the name is the scheme, the object a callable that takes the
:class:`~zooclient.settings.Settings` and returns a :class:`~zooclient.providers.base.Provider`. They add schemes and
never replace ours. Modules are imported when a scheme is first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from zooclient.errors import ConfigError, RefError, Unsupported
from zooclient.records.rules import ALIASES

if TYPE_CHECKING:
    from zooclient.net.auth import Credential
    from zooclient.providers.base import Keeper, Official, Provider
    from zooclient.settings import Settings

_GROUP = "zooclient.providers"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def canonical(scheme: str) -> str:
    """Returns the one name of a scheme: lower case, aliases replaced. Whether it is known is not looked at."""
    lower = scheme.lower()
    return ALIASES.get(lower, lower)


def schemes() -> tuple[str, ...]:
    """Returns the schemes that are provided: ours first, then those of installed packages, sorted."""
    return (*_OWN, *sorted(_foreign()))


def provided(scheme: str) -> str:
    """Returns the one name of a scheme that somebody provides.

    Raises:
        RefError: Nobody does.
    """
    name = canonical(scheme)
    if name not in _OWN and name not in _foreign():
        raise RefError(f"No zoo is known by {scheme!r}.", position=0, hint=f"Known: {', '.join(schemes())}.")
    return name


def provider_for(scheme: str, settings: Settings) -> Provider:
    """Makes the provider of a scheme.

    Raises:
        RefError: Nobody provides the scheme.
        ConfigError: The package that provides it cannot be used, or a setting of the zoo is wrong.
    """
    name = provided(scheme)
    return _OWN[name](settings) if name in _OWN else _load(name, _foreign()[name], settings)


def place_of(scheme: str, settings: Settings) -> str:
    """Returns the store's name for what a zoo's server says, see :func:`zoo_key`.

    A warm load asks for this alone, so for the Hub no provider is made.
    """
    if scheme == "hf":
        endpoint = settings.zoo("hf").endpoint
        if endpoint is None:
            return scheme
        from zooclient.providers.huggingface.endpoint import is_official

        return scheme if is_official(endpoint) else _marked(scheme, endpoint)
    return zoo_key(provider_for(scheme, settings))


def zoo_key(provider: Provider) -> str:
    """Returns the store's name for what this server says: the scheme, with a mark for any server but the zoo's own.

    The mark is the first 8 hex digits of the sha256 of ``scheme://host:port``, so that what one server said is never
    taken for another's answer.
    """
    if provider.official or provider.endpoint is None:
        return provider.scheme
    return _marked(provider.scheme, provider.endpoint)


def _marked(scheme: str, endpoint: str) -> str:
    from hashlib import sha256

    from zooclient.net.origin import origin

    return f"{scheme}+{sha256(origin(endpoint).encode()).hexdigest()[:8]}"


def credential_for(provider: Provider, settings: Settings) -> Credential | None:
    """Returns the credential that a zoo's server is entitled to; None when there is none."""
    if provider.endpoint is None:
        return None
    if provider.scheme == "hf":
        from zooclient.providers.huggingface.credentials import token_for
    else:
        from zooclient.providers.tokens import token_for
    token = token_for(settings.zoo(provider.scheme), settings, official=provider.official)
    if token is None:
        return None
    from zooclient.net.auth import Credential
    from zooclient.net.origin import origin

    return Credential(origin=origin(provider.endpoint), token=token)


def credentials(settings: Settings) -> tuple[Credential, ...]:
    """Returns the credentials of all our own zoos, and of those that the settings name."""
    named = [canonical(scheme) for scheme in settings.zoos]
    found = []
    for scheme in dict.fromkeys((*_OWN, *named)):
        if scheme in _OWN or scheme in _foreign():
            credential = credential_for(provider_for(scheme, settings), settings)
            if credential is not None:
                found.append(credential)
    return tuple(found)


def keeper(scheme: str) -> Keeper:
    """Returns how a zoo's token is kept where the zoo's own tools find it.

    Raises:
        RefError: Nobody provides the scheme.
        Unsupported: The zoo has no accounts.
    """
    name = provided(scheme)
    if name == "hf":
        from zooclient.providers.huggingface.credentials import KEEPER

        return KEEPER
    raise Unsupported(f"{name} has no accounts that could be logged in to.", zoo=name, operation="login")


def official_for(provider: Provider, settings: Settings) -> Official:
    """Returns the zoo's own client as a source of bytes.

    Raises:
        Unsupported: The zoo has none.
    """
    if provider.scheme == "hf" and provider.endpoint is not None:
        from zooclient.net.proxy import Proxies
        from zooclient.providers.huggingface.official import OfficialHub

        return OfficialHub(
            endpoint=provider.endpoint,
            token=lambda: _token_of(provider, settings),
            environ=settings.environ,
            proxy=Proxies.of(settings).for_url(provider.endpoint),
        )
    raise Unsupported(
        f"{provider.scheme} has no client of its own.",
        zoo=provider.scheme,
        hint='Leave via="official" out.',
    )


def _token_of(provider: Provider, settings: Settings) -> str | None:
    """The token that may be sent to the provider's endpoint, by the rules of every other request."""
    from zooclient.net.auth import Auth

    credential = credential_for(provider, settings)
    if credential is None or provider.endpoint is None:
        return None
    auth = Auth([credential], allow_plain_http=settings.allow_plain_http)
    return auth.headers_for(provider.endpoint).get("Authorization", "").removeprefix("Bearer ") or None


def _hugging_face(settings: Settings) -> Provider:
    from zooclient.providers.huggingface.endpoint import OFFICIAL
    from zooclient.providers.huggingface.provider import HuggingFace

    return HuggingFace(settings.zoo("hf").endpoint or OFFICIAL)


def _local(settings: Settings) -> Provider:
    from zooclient.providers.local.provider import Local

    return Local()


_OWN: dict[str, Callable[[Settings], Provider]] = {"hf": _hugging_face, "file": _local}


@cache
def _foreign() -> dict[str, Any]:
    """Scheme → entry point of another package. A name that is ours, or no scheme, is passed over."""
    from importlib.metadata import entry_points

    taken = {*_OWN, *ALIASES}
    points = entry_points(group=_GROUP)
    return {point.name: point for point in points if point.name not in taken and _SCHEME.fullmatch(point.name)}


def _load(name: str, point: Any, settings: Settings) -> Provider:
    from zooclient.providers.base import Provider

    try:
        made = point.load()(settings)
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"The provider of {name!r} ({point.value}) cannot be used: {error}",
            hint="The package that brings it may be broken, or made for another version of zooclient.",
        ) from error
    if not isinstance(made, Provider) or made.scheme != name:
        raise ConfigError(f"What {point.value} made is no provider of {name!r}.")
    return made
