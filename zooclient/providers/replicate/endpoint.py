"""Where Replicate's API is."""

from __future__ import annotations

from typing import Final

from zooclient.net.origin import one_spelling, origin

#: Where the API is. Output files, images and streams lie on other hosts, and none of those gets the token.
OFFICIAL: Final = "https://api.replicate.com"
#: Where the pages for people are, for references; answers name their own.
WEB: Final = "https://replicate.com"


def is_official(endpoint: str) -> bool:
    """Whether an endpoint is Replicate itself."""
    return origin(normal_endpoint(endpoint)) == origin(OFFICIAL)


def normal_endpoint(endpoint: str) -> str:
    """Returns an endpoint in one spelling: no slash at the end, and without the ``/v1`` that every path begins with.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    return one_spelling(endpoint, zoo="replicate", example=OFFICIAL, aliases={}).removesuffix("/v1").rstrip("/")
