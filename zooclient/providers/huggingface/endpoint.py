"""Where the Hub is, and whether an endpoint is the Hub itself."""

from __future__ import annotations

from typing import Final

from zooclient.net.origin import one_spelling, origin

#: Where the Hub is.
OFFICIAL: Final = "https://huggingface.co"
#: What hands requests to the hosts that run the Hub's models; it takes the tokens of the Hub.
ROUTER: Final = "https://router.huggingface.co"
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
    return one_spelling(endpoint, zoo="hf", example="https://hub.example.org", aliases=_ALIASES)


def router(endpoint: str) -> str:
    """Returns where the models of a Hub are run: the Hub's own router, or the server that was named in its place."""
    return ROUTER if is_official(endpoint) else normal_endpoint(endpoint)
