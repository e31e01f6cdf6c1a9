"""Where ModelScope is, and whether an endpoint is ModelScope itself.

There are two sites, with accounts, tokens and models of their own: the Chinese one, which is the official one here,
and the international one at ``https://www.modelscope.ai``, which is another server like any other.
"""

from __future__ import annotations

from typing import Final

from zooclient.net.origin import one_spelling, origin

#: Where ModelScope is, as its own client spells it.
OFFICIAL: Final = "https://modelscope.cn"
#: Where the international site is. It holds only a part of the models.
INTERNATIONAL: Final = "https://www.modelscope.ai"
#: Where each of them runs models.
_INFERENCE = {OFFICIAL: "https://api-inference.modelscope.cn", INTERNATIONAL: "https://api-inference.modelscope.ai"}
#: Other names of the two, which answer alike.
_ALIASES = {"https://www.modelscope.cn": OFFICIAL, "https://modelscope.ai": INTERNATIONAL}


def is_official(endpoint: str) -> bool:
    """Whether an endpoint is the Chinese site, under whichever of its names."""
    return origin(normal_endpoint(endpoint)) == origin(OFFICIAL)


def normal_endpoint(endpoint: str) -> str:
    """Returns an endpoint in one spelling: with a scheme, no slash at the end, each site under one name.

    A bare host is read as https, as ModelScope's own client reads ``MODELSCOPE_ENDPOINT``.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    full = endpoint if "://" in endpoint or not endpoint else f"https://{endpoint}"
    return one_spelling(full, zoo="modelscope", example="https://www.modelscope.ai", aliases=_ALIASES)


def inference(endpoint: str) -> str:
    """Returns where a server's models are run: an origin of its own for either site, the server itself for any other.

    It takes the tokens of its site.
    """
    normal = normal_endpoint(endpoint)
    return _INFERENCE.get(normal, normal)


def site(host: str) -> str:
    """Returns what names a site, whether a host or the domain of a cookie: lower case, without ``www``."""
    return host.lower().removeprefix(".").removeprefix("www.")
