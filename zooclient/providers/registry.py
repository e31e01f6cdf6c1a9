"""Scheme → provider: the one place beside the client that names a concrete provider.

Our own schemes stand in a table, and each zoo's package holds the same modules: ``provider``, and where it has a
server ``endpoint``, ``credentials`` and perhaps ``official`` and ``publish``. Others come from the entry points of
installed packages, group ``zooclient.providers``: the name is the scheme, the object a callable that takes the
:class:`~zooclient.settings.Settings` and returns a :class:`~zooclient.providers.base.Provider`. They add schemes and
never replace ours. Modules are imported when a scheme is first asked for; which schemes there are, and which package
has them, is told without.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from zooclient.errors import ConfigError, IntegrityError, RefError, Unsupported
from zooclient.records.rules import ALIASES

if TYPE_CHECKING:
    from zooclient.net.auth import Credential
    from zooclient.net.registries import Registry
    from zooclient.plugins import Offer
    from zooclient.providers.base import Keeper, Official, Provider
    from zooclient.providers.further import HostsModels, TakesModels
    from zooclient.settings import Settings

GROUP = "zooclient.providers"
_WHAT = "provider"


class _Zoo:
    """Where the parts of one of our own zoos are; imported when they are first asked for.

    Written by hand: a warm load imports this module, and to have such a class made would cost it half a millisecond.

    Args:
        package: Its package below ``zooclient.providers``.
        provider: Class in its module ``provider``.
        official: Class in its module ``official``, a source of bytes. None: the zoo has no client of its own for them.
        publisher: Class in its module ``publish``. None: no model is given to it.
        runs: Class in its module ``official`` that runs models. None: the zoo has no client of its own for that, or it
            is the only way.
        server: Whether it has a server; then its provider is made for an endpoint, and it has accounts.
        images: The name by which settings know its image registry. None: it has none.
    """

    def __init__(
        self,
        package: str,
        provider: str,
        official: str | None = None,
        publisher: str | None = None,
        *,
        runs: str | None = None,
        server: bool = True,
        images: str | None = None,
    ) -> None:
        self.package = package
        self.provider = provider
        self.official = official
        self.publisher = publisher
        self.runs = runs
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
    "hf": _Zoo("huggingface", "HuggingFace", "OfficialHub", "HubPublisher"),
    "modelscope": _Zoo("modelscope", "ModelScope", "OfficialModelScope", "ModelScopePublisher"),
    "civitai": _Zoo("civitai", "Civitai", publisher="CivitaiPublisher"),
    "replicate": _Zoo("replicate", "Replicate", publisher="ReplicatePublisher", runs="OfficialReplicate", images="r8"),
    "file": _Zoo("local", "Local", server=False),
}


def canonical(scheme: str) -> str:
    """Returns the one name of a scheme: lower case, aliases replaced. Whether it is known is not looked at."""
    lower = scheme.lower()
    return ALIASES.get(lower, lower)


def schemes() -> tuple[str, ...]:
    """Returns the schemes that are provided: ours first, then those of installed packages, sorted."""
    return (*_OWN, *sorted(_foreign()))


def own_schemes() -> tuple[str, ...]:
    """Returns the schemes of zooclient itself."""
    return tuple(_OWN)


def offers_of(scheme: str) -> tuple[Offer, ...]:
    """Returns the packages that offer a scheme, without importing any; none for a scheme of ours."""
    return () if scheme in _OWN else _foreign().get(scheme, ())


def passed_over() -> tuple[Offer, ...]:
    """Returns what packages offer in vain: a scheme or an alias of ours, or what is no scheme."""
    from zooclient.plugins import offers

    return tuple(offer for name, offered in offers(GROUP).items() if not _may_be(name) for offer in offered)


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
        ConfigError: The package that provides it cannot be used, several offer it, or a setting of the zoo is wrong.
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
    """Returns the credentials of all our own zoos; see :func:`credentials_of` for one of another package."""
    return tuple(found for scheme in _OWN for found in credentials_of(provider_for(scheme, settings), settings))


def credentials_of(provider: Provider, settings: Settings) -> tuple[Credential, ...]:
    """Returns the credentials of one zoo: a site with several hosts has one for each of them."""
    from attrs import evolve

    try:
        credential = credential_for(provider, settings)
    except ConfigError as error:
        credential = _bad_credential(provider, error)
    if credential is None:
        return ()
    return tuple(evolve(credential, origin=place) for place in origins_of(provider))


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
        official: Official = getattr(zoo.part("official"), zoo.official)(**_dealings(provider, settings))
        return official
    raise Unsupported(
        f"{provider.scheme} has no client of its own.",
        zoo=provider.scheme,
        hint='Leave via="official" (--via official) out.',
    )


def publisher_for(provider: Provider, settings: Settings) -> TakesModels:
    """Returns what gives models to a zoo: our own zoos have such a part, and a foreign provider may be one itself.

    Raises:
        Unsupported: The zoo takes no models.
    """
    from zooclient.providers.further import TakesModels

    zoo = _OWN.get(provider.scheme)
    if zoo is not None and zoo.publisher is not None:
        made_of = _dealings(provider, settings) if zoo.official is not None else {"endpoint": provider.endpoint or ""}
        publisher: TakesModels = getattr(zoo.part("publish"), zoo.publisher)(**made_of)
        return publisher
    if isinstance(provider, TakesModels):
        return provider
    raise Unsupported(f"No model can be published to {provider.scheme}.", zoo=provider.scheme, operation="publish")


def _dealings(provider: Provider, settings: Settings) -> dict[str, Any]:
    """What a zoo's own client is made of."""
    from zooclient.net.proxy import Proxies

    endpoint = provider.endpoint or ""
    return {
        "endpoint": endpoint,
        "token": lambda: _token_of(provider, settings),
        "environ": settings.environ,
        "proxy": Proxies.of(settings).for_url(endpoint),
    }


def has_official_runs(scheme: str) -> bool:
    """Whether a zoo has a client of its own that is another way to run its models, see :func:`official_runs_for`."""
    zoo = _OWN.get(scheme)
    return zoo is not None and zoo.runs is not None


def official_runs_for(provider: Provider) -> HostsModels | None:
    """Returns the zoo's own client as a way to run its models; None: it has none, or no other way than that."""
    zoo = _OWN.get(provider.scheme)
    if zoo is None or zoo.runs is None:
        return None
    runs: HostsModels = getattr(zoo.part("official"), zoo.runs)(endpoint=provider.endpoint or "")
    return runs


def _token_of(provider: Provider, settings: Settings) -> str | None:
    """The token that may be sent to the provider's endpoint, by the rules of every other request."""
    from zooclient.net.auth import Auth

    credential = credential_for(provider, settings)
    if credential is None or provider.endpoint is None:
        return None
    auth = Auth([credential], allow_plain_http=settings.allow_plain_http)
    return auth.headers_for(provider.endpoint).get("Authorization", "").removeprefix("Bearer ") or None


@cache
def _foreign() -> dict[str, tuple[Offer, ...]]:
    """Scheme → what other packages offer for it. A name that is ours, or no scheme, is passed over."""
    from zooclient.plugins import offers

    return {name: offered for name, offered in offers(GROUP).items() if _may_be(name)}


def _may_be(name: str) -> bool:
    """Whether another package may have a scheme: one of a reference that is neither ours nor an alias."""
    from zooclient.providers.reading import is_id

    return name not in _OWN and name not in ALIASES and is_id("name", name)


def _load(name: str, offered: tuple[Offer, ...], settings: Settings) -> Provider:
    from zooclient.plugins import broken, failed, the_one

    try:
        offer = the_one(offered, _WHAT)
        make = offer.load(_WHAT)
        try:
            made = make(settings)
            wrong = _flaw(made, name)
        except (Exception, SystemExit) as error:
            raise failed(offer, _WHAT, error) from error
        if wrong is not None:
            raise broken(offer, _WHAT, wrong)
    except ConfigError as error:
        error.about(zoo=name)
        raise
    provider: Provider = made
    return provider


def _flaw(made: Any, name: str) -> str | None:
    """Returns why an object is no provider of a scheme; None: it is one."""
    from zooclient.net.origin import origin
    from zooclient.providers.base import Provider
    from zooclient.records.capability import Capability

    if not isinstance(made, Provider):
        return "makes what is no provider"
    if made.scheme != name:
        return f"makes a provider of {made.scheme!r}"
    can: object = made.capability
    if not isinstance(can, Capability):
        return "does not say what it can do"
    with suppress(IntegrityError):
        if made.endpoint is None or origin(made.endpoint):
            return None
    return "names an endpoint that is no plain http or https address"
