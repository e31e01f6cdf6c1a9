"""Where the Hub is, and whether an endpoint is the Hub itself."""

from __future__ import annotations

from typing import Final

from zooclient.net.origin import one_spelling, origin

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
    return one_spelling(endpoint, zoo="hf", example="https://hub.example.org", aliases=_ALIASES)
