"""Which proxy for this address: one answer for metadata and bytes.

Libraries read ``NO_PROXY`` in different ways, and some ignore proxies altogether; so it is read here, and what
comes out is handed to them. What is read:

- ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, in small letters first, as curl does; ``HTTP_PROXY`` in capitals is
  ignored where ``REQUEST_METHOD`` is set, because there a web server made it from a request's header.
- ``NO_PROXY``: names joined by commas or spaces. ``*`` is everything; ``example.com`` and ``.example.com`` are the
  name and all names below it; ``10.0.0.0/8`` and ``fd00::/8`` are addresses; ``example.com:8443`` is one port.
- This machine itself (``localhost``, ``127.0.0.0/8``, ``::1``) is never asked through a proxy that a variable or the
  system names: a proxy elsewhere would find itself there. A proxy named for one zoo is used even then.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Self
from urllib.parse import urlsplit

from attrs import frozen

from zooclient.errors import ConfigError
from zooclient.net.origin import origin
from zooclient.settings import Settings, check_proxy, is_loopback

#: Domains of the zoos' official servers, those of the bytes included: for these a zoo's ``proxy`` speaks when
#: its endpoint is the official one. A proxy only carries; nothing is trusted because it stands here.
DOMAINS = {
    "hf": ("huggingface.co", "hf.co"),
    "modelscope": ("modelscope.cn", "modelscope.ai"),
    "civitai": ("civitai.com", "civitai.green", "civitai.red", "civitai.blue"),
    "replicate": ("replicate.com", "replicate.delivery", "r8.im"),
    "r8": ("r8.im",),
}


@frozen(kw_only=True)
class Override:
    """A proxy for some addresses, whatever the environment says.

    Attributes:
        proxy: URL of the proxy.
        origins: Origins that it is for, as :func:`~zooclient.net.exchange.origin` writes them.
        domains: Domains that it is for, with all names below them.
        https_only: Whether it is for https alone; so it is when a project file named it, because a proxy
            reads the headers of plain http.
    """

    proxy: str
    origins: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    https_only: bool = False

    def speaks_for(self, place: str) -> bool:
        """Whether it is for an origin."""
        if self.https_only and not place.startswith("https://"):
            return False
        host = urlsplit(place).hostname or ""
        return place in self.origins or any(_within(host, domain) for domain in self.domains)


class Proxies:
    """Finds the proxy for an address.

    Args:
        environ: Variables.
        system: Ask macOS or Windows where no variable names a proxy.
        overrides: Proxies of single zoos; the first that speaks for an address wins.
    """

    def __init__(
        self, environ: Mapping[str, str], *, system: bool = False, overrides: tuple[Override, ...] = ()
    ) -> None:
        self._proxies = {scheme: _from_variables(environ, scheme) for scheme in ("http", "https")}
        self._no_proxy = _words(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
        self._overrides = overrides
        if system and not any(self._proxies.values()) and sys.platform in ("win32", "darwin"):
            self._ask_system()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Makes it from settings: the environment's proxies, and those of single zoos."""
        overrides = tuple(
            Override(
                proxy=zoo.proxy,
                origins=frozenset({origin(zoo.endpoint)}) if zoo.endpoint else frozenset(),
                domains=() if zoo.endpoint else DOMAINS.get(scheme, ()),
                https_only=not zoo.proxy_trusted,
            )
            for scheme, zoo in settings.zoos.items()
            if zoo.proxy
        )
        return cls(settings.environ, system=settings.surroundings, overrides=overrides)

    def for_url(self, url: str, *, asked: str | None = None) -> str | None:
        """Returns the proxy to ask ``url`` through, user and password included; None: none.

        Args:
            url: Absolute URL.
            asked: The URL whose redirects led here: a zoo's proxy is for the servers that it sends us to as well.

        Raises:
            IntegrityError: The URL is not absolute http or https.
            ConfigError: What the environment names is no proxy that we can speak to.
        """
        place = origin(url)
        for override in self._overrides:
            carried = asked is not None and override.speaks_for(origin(asked))
            if override.speaks_for(place) or (carried and not (override.https_only and place.startswith("http:"))):
                return override.proxy
        parts = urlsplit(place)
        host = parts.hostname or ""
        if is_loopback(host) or any(_excluded(host, parts.port or 0, word) for word in self._no_proxy):
            return None
        proxy = self._proxies[parts.scheme]
        if proxy is not None:
            check_proxy(proxy, f"The proxy for {parts.scheme} in the environment")
        return proxy

    def _ask_system(self) -> None:
        from urllib.request import getproxies

        found = getproxies()
        self._proxies = {scheme: _with_scheme(found.get(scheme)) for scheme in ("http", "https")}
        if not self._no_proxy:
            self._no_proxy = _words(found.get("no", ""))

    def __repr__(self) -> str:
        named = sorted({_host(proxy) for proxy in self._proxies.values() if proxy})
        return f"Proxies({', '.join(named) or 'none'})"


def _from_variables(environ: Mapping[str, str], scheme: str) -> str | None:
    names = [f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in environ:
        names.remove("HTTP_PROXY") if scheme == "http" else None
    return _with_scheme(next((environ[name] for name in names if environ.get(name)), None))


def _with_scheme(proxy: str | None) -> str | None:
    """People write ``proxy.example:3128``, which is an http proxy to every other program."""
    if not proxy:
        return None
    proxy = proxy.strip()
    return proxy if "://" in proxy else f"http://{proxy}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in text.replace(",", " ").split())


def _excluded(host: str, port: int, word: str) -> bool:
    """Whether a word of ``NO_PROXY`` means this host."""
    if word == "*":
        return True
    name, only = _split_port(word)
    if only is not None and only != port:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return _within(host, name.removeprefix("*").lstrip("."))
    try:
        return address in ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False


def _split_port(word: str) -> tuple[str, int | None]:
    name, colon, port = word.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        return name, int(port)
    return word, None


def _within(host: str, domain: str) -> bool:
    host = host.rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _host(proxy: str) -> str:
    return proxy.rpartition("@")[2].rpartition("://")[2]


def socks_missing(proxy: str) -> ConfigError:
    """Returns the error for a SOCKS proxy that cannot be spoken to because a package is not installed."""
    return ConfigError(
        f"The proxy {_host(proxy)} speaks SOCKS, and the package for that is not installed.",
        hint="python -m pip install 'zooclient[socks]'",
    )
