"""Where the Hub is, and whether an endpoint is the Hub itself."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from zooclient.errors import ConfigError, IntegrityError
from zooclient.net.origin import masked, origin

#: Where the Hub is.
OFFICIAL: Final = "https://huggingface.co"
#: Other names of it, which only redirect.
_ALIASES = {"https://hf.co": OFFICIAL, "https://www.huggingface.co": OFFICIAL}


def is_official(endpoint: str) -> bool:
    """Whether an endpoint is the Hub itself."""
    return origin(normal_endpoint(endpoint)) == origin(OFFICIAL)


def normal_endpoint(endpoint: str) -> str:
    """Returns an endpoint in one spelling: no slash at the end, the Hub under its own name.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    try:
        origin(endpoint)
        parts = urlsplit(endpoint)
    except (ValueError, IntegrityError) as error:
        raise ConfigError(
            f"The endpoint {masked(endpoint)!r} is no plain http or https address.",
            zoo="hf",
            hint="An endpoint looks like https://hub.example.org, without user name or password.",
        ) from error
    if parts.query or parts.fragment:
        raise ConfigError(f"The endpoint {masked(endpoint)!r} holds more than an address and a path.", zoo="hf")
    bare = endpoint.rstrip("/")
    return _ALIASES.get(bare.lower(), bare)
