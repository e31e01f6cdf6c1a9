"""The origin of an address, and an address fit to be shown: all of a network that a warm load asks for."""

from __future__ import annotations

from collections.abc import Mapping

from zooclient.errors import ConfigError, IntegrityError
from zooclient.settings import plain_address


def origin(url: str) -> str:
    """Returns ``scheme://host:port`` in lower case, the port always written.

    Raises:
        IntegrityError: The URL is not absolute http or https, holds user info, or holds characters that
            libraries read in different ways, so that two of them could see two hosts.
    """
    plain = plain_address(url)
    if plain is not None:
        return _written(*plain)
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        scheme, host, port, parts = "", "", None, None
    # A blank in a path is sloppy and clear; control characters are dropped by some libraries, and by some not.
    odd = (
        any(char < " " or char == "\x7f" for char in url) or url != url.strip() or any(char in " \\%" for char in host)
    )
    if parts is None or odd or scheme not in ("http", "https") or not host or "@" in parts.netloc or port == 0:
        raise IntegrityError(f"A server named an address that is not plain http or https: {masked(url)!r}.")
    if ":" in host:
        host = f"[{host}]"
    return _written(scheme, host, port)


def _written(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host}:{port or (443 if scheme == 'https' else 80)}"


def may_lead(endpoint: str, url: str) -> bool:
    """Whether an answer of a server may have us ask an address: in the clear only this machine, and from it alone.

    Args:
        endpoint: The server.
        url: What it named.

    Raises:
        IntegrityError: The address is no plain http or https one.
    """
    from urllib.parse import urlsplit

    from zooclient.settings import is_loopback

    if origin(url).startswith("https://"):
        return True
    return all(is_loopback(urlsplit(place).hostname or "") for place in (url, endpoint))


def masked(url: str) -> str:
    """Returns the URL fit for a log: no query, fragment or user info (secrets), no control characters."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")
    return shown if shown.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)


def one_spelling(endpoint: str, *, zoo: str, example: str, aliases: Mapping[str, str]) -> str:
    """Returns an endpoint without a slash at the end, and under the name by which the zoo is known here.

    Args:
        endpoint: What was named.
        zoo: Scheme of the zoo.
        example: An endpoint that could be, for the error.
        aliases: Other names of the zoo, in lower case → the one name.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    try:
        origin(endpoint)
    except IntegrityError as error:
        raise ConfigError(
            f"The endpoint {masked(endpoint)!r} is no plain http or https address.",
            zoo=zoo,
            hint=f"An endpoint looks like {example}, without user name or password.",
        ) from error
    if "?" in endpoint or "#" in endpoint:
        raise ConfigError(f"The endpoint {masked(endpoint)!r} holds more than an address and a path.", zoo=zoo)
    bare = endpoint.rstrip("/")
    return aliases.get(bare.lower(), bare)
