"""Scheme → provider: the one place beside the client that names a concrete provider.

Our own schemes stand in a table, and each zoo's package holds the same modules: ``provider``, and where it has a
server ``endpoint``, ``credentials`` and perhaps ``official``. Others come from the entry points of installed
packages, group ``zooclient.providers``: the name is the scheme, the object a callable that takes the
:class:`~zooclient.settings.Settings` and returns a :class:`~zooclient.providers.base.Provider`. They add schemes and
never replace ours. Modules are imported when a scheme is first asked for.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from zooclient.errors import ConfigError, RefError, Unsupported
from zooclient.records.rules import ALIASES

if TYPE_CHECKING:
    from zooclient.net.auth import Credential
    from zooclient.net.registries import Registry
    from zooclient.providers.base import Keeper, Official, Provider
    from zooclient.settings import Settings

_GROUP = "zooclient.providers"
_SCHEME = "[a-z][a-z0-9+.-]*"


class _Zoo:
    """Where the parts of one of our own zoos are; imported when they are first asked for.

    Written by hand: a warm load imports this module, and to have such a class made would cost it half a millisecond.

    Args:
        package: Its package below ``zooclient.providers``.
        provider: Class in its module ``provider``.
        official: Class in its module ``official``. None: the zoo has no client of its own.
        server: Whether it has a server; then its provider is made for an endpoint, and it has accounts.
        images: The name by which settings know its image registry. None: it has none.
    """

    def __init__(
        self,
        package: str,
        provider: str,
        official: str | None = None,
        *,
        server: bool = True,
        images: str | None = None,
    ) -> None:
        self.package = package
        self.provider = provider
        self.official = official
        self.server = server
        self.images = images

    def part(self, module: str) -> Any:
        """Returns one of its modules."""
        from importlib import import_module

        return import_module(f"zooclient.providers.{self.package}.{module}")

    def make(self, settings: Settings, scheme: str) -> Provider:
        """Makes its provider."""
        made = getattr(self.part("provider"), self.provider)
        where = (settings.zoo(scheme).endpoint or self.part("endpoint").OFFICIAL,) if self.server else ()
        provider: Provider = made(*where, *((settings.zoo(self.images).endpoint,) if self.images else ()))
        return provider


_OWN = {
    "hf": _Zoo("huggingface", "HuggingFace", "OfficialHub"),
    "modelscope": _Zoo("modelscope", "ModelScope", "OfficialModelScope"),
    "civitai": _Zoo("civitai", "Civitai"),
    "replicate": _Zoo("replicate", "Replicate", images="r8"),
    "file": _Zoo("local", "Local", server=False),
}


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


def configured(name: str) -> str:
    """Returns the one name of what settings are about: a scheme that somebody provides, or an image registry of ours.

    Raises:
        RefError: It is neither.
    """
    return name.lower() if any(zoo.images == name.lower() for zoo in _OWN.values()) else provided(name)


def provider_for(scheme: str, settings: Settings) -> Provider:
    """Makes the provider of a scheme.

    Raises:
        RefError: Nobody provides the scheme.
        ConfigError: The package that provides it cannot be used, or a setting of the zoo is wrong.
    """
    name = provided(scheme)
    return _OWN[name].make(settings, name) if name in _OWN else _load(name, _foreign()[name], settings)


def place_of(scheme: str, settings: Settings) -> str:
    """Returns the store's name for what a zoo's server says, see :func:`zoo_key`.

    A warm load asks for this alone, so for a server of ours no provider is made.
    """
    zoo = _OWN.get(scheme)
    if zoo is None or not zoo.server:
        return zoo_key(provider_for(scheme, settings))
    endpoint = settings.zoo(scheme).endpoint
    if endpoint is None:
        return scheme
    known = zoo.part("endpoint")
    return scheme if known.is_official(endpoint) else _marked(scheme, known.normal_endpoint(endpoint))


def zoo_key(provider: Provider) -> str:
    """Returns the store's name for what this server says: the scheme, with a mark for any server but the zoo's own.

    The mark is the first 8 hex digits of the sha256 of ``scheme://host:port``, so that what one server said is never
    taken for another's answer.
    """
    if provider.official or provider.endpoint is None:
        return provider.scheme
    return _marked(provider.scheme, provider.endpoint)


def _marked(scheme: str, endpoint: str) -> str:
    from zooclient.net.origin import origin

    return f"{scheme}+{_sha256()(origin(endpoint).encode()).hexdigest()[:8]}"


def _sha256() -> Any:
    """Returns sha256 without all of hashlib, which loads OpenSSL and costs a warm load 2 ms; ``random`` does so too."""
    from importlib import import_module

    for name in ("_sha2", "_sha256"):  # Python 3.12 and newer; 3.11
        with suppress(ImportError):
            return import_module(name).sha256
    from hashlib import sha256

    return sha256


def credential_for(provider: Provider, settings: Settings) -> Credential | None:
    """Returns the credential that a zoo's endpoint is entitled to; None when there is none."""
    if provider.endpoint is None:
        return None
    zoo = _OWN.get(provider.scheme)
    if zoo is not None:
        token_for = zoo.part("credentials").token_for
    else:
        from zooclient.providers.tokens import token_for
    token = token_for(settings.zoo(provider.scheme), settings, official=provider.official)
    if token is None:
        return None
    from zooclient.net.auth import Credential
    from zooclient.net.origin import origin

    return Credential(origin=origin(provider.endpoint), token=token)


def credentials(settings: Settings) -> tuple[Credential, ...]:
    """Returns the credentials of all our own zoos, and of those that the settings name.

    A site with several hosts has one for each of them.
    """
    from attrs import evolve

    named = [canonical(scheme) for scheme in settings.zoos]
    found = []
    for scheme in dict.fromkeys((*_OWN, *named)):
        if scheme in _OWN or scheme in _foreign():
            provider = provider_for(scheme, settings)
            try:
                credential = credential_for(provider, settings)
            except ConfigError as error:
                credential = _bad_credential(provider, error)
            if credential is not None:
                found += [evolve(credential, origin=place) for place in origins_of(provider)]
    return tuple(found)


def image_registries(settings: Settings) -> tuple[Registry, ...]:
    """Returns the image registries of our own zoos, each with the login that it is entitled to."""
    from zooclient.net.registries import Registry
    from zooclient.providers.further import KeepsImages

    found: list[Registry] = []
    for scheme, zoo in _OWN.items():
        if zoo.images is None:
            continue
        provider = provider_for(scheme, settings)
        images = provider.images if isinstance(provider, KeepsImages) else None
        if images is not None:
            login = zoo.part("image.credentials").login_for(settings.zoo(zoo.images), settings, images)
            found.append(Registry(url=images, login=login))
    return tuple(found)


def origins_of(provider: Provider) -> tuple[str, ...]:
    """Returns the origins that are the zoo itself, that of its endpoint first: they alone may be sent its credential.

    Empty for a zoo that talks to nobody.
    """
    from zooclient.net.origin import origin
    from zooclient.providers.further import SeveralOrigins

    if provider.endpoint is None:
        return ()
    own = origin(provider.endpoint)
    further = provider.origins if isinstance(provider, SeveralOrigins) else ()
    return tuple(dict.fromkeys((own, *(origin(place) for place in further))))


def _bad_credential(provider: Provider, error: ConfigError) -> Credential:
    """Stands for a token that cannot be: told to who asks its own zoo, and in nobody else's way."""
    from zooclient.net.auth import Credential
    from zooclient.net.origin import origin

    def tell() -> str | None:
        raise ConfigError(error.message, zoo=provider.scheme, hint=error.hint) from error

    return Credential(origin=origin(provider.endpoint or ""), token=tell)


def keeper(scheme: str) -> Keeper:
    """Returns how a zoo's token is kept where the zoo's own tools find it.

    Raises:
        RefError: Nobody provides the scheme.
        Unsupported: The zoo has no accounts.
    """
    name = provided(scheme)
    if name in _OWN and _OWN[name].server:
        kept: Keeper = _OWN[name].part("credentials").KEEPER
        return kept
    raise Unsupported(f"{name} has no accounts that could be logged in to.", zoo=name, operation="login")


def has_official(scheme: str) -> bool:
    """Whether a zoo has a client of its own, see :func:`official_for`."""
    zoo = _OWN.get(scheme)
    return zoo is not None and zoo.official is not None


def official_for(provider: Provider, settings: Settings) -> Official:
    """Returns the zoo's own client as a source of bytes.

    Raises:
        Unsupported: The zoo has none.
    """
    zoo = _OWN.get(provider.scheme)
    if zoo is not None and zoo.official is not None:
        from zooclient.net.proxy import Proxies

        endpoint = provider.endpoint or ""
        official: Official = getattr(zoo.part("official"), zoo.official)(
            endpoint=endpoint,
            token=lambda: _token_of(provider, settings),
            environ=settings.environ,
            proxy=Proxies.of(settings).for_url(endpoint),
        )
        return official
    raise Unsupported(
        f"{provider.scheme} has no client of its own.",
        zoo=provider.scheme,
        hint='Leave via="official" (--via official) out.',
    )


def _token_of(provider: Provider, settings: Settings) -> str | None:
    """The token that may be sent to the provider's endpoint, by the rules of every other request."""
    from zooclient.net.auth import Auth

    credential = credential_for(provider, settings)
    if credential is None or provider.endpoint is None:
        return None
    auth = Auth([credential], allow_plain_http=settings.allow_plain_http)
    return auth.headers_for(provider.endpoint).get("Authorization", "").removeprefix("Bearer ") or None


@cache
def _foreign() -> dict[str, Any]:
    """Scheme → entry point of another package. A name that is ours, or no scheme, is passed over."""
    from importlib.metadata import entry_points

    taken = {*_OWN, *ALIASES}
    points = entry_points(group=_GROUP)
    return {point.name: point for point in points if point.name not in taken and re.fullmatch(_SCHEME, point.name)}


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
