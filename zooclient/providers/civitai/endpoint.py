"""Where Civitai is: one site under several hosts, which share models, ids and keys.

``civitai.com`` is the site, ``civitai.green`` its safe part, ``civitai.red`` the one that lists mature models too,
``civitai.blue`` another name of the first. The hosts of its bytes (``b2.civitai.com``, R2) are not among them: they
get no key, and refuse requests that carry one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zooclient.errors import IntegrityError
from zooclient.net.origin import one_spelling, origin

#: Where Civitai is.
OFFICIAL: Final = "https://civitai.com"
#: Hosts of the site. Compared as a whole: none of their subdomains is one.
HOSTS = ("civitai.com", "civitai.red", "civitai.green", "civitai.blue", "www.civitai.com", "api.civitai.com")

_ORIGINS = tuple(f"https://{host}:443" for host in HOSTS)
#: Other names of it, which only redirect, or serve an API without pages.
_ALIASES = {"https://www.civitai.com": OFFICIAL, "https://api.civitai.com": OFFICIAL}


def is_official(endpoint: str) -> bool:
    """Whether an endpoint is Civitai itself, under any of its hosts."""
    return origin(normal_endpoint(endpoint)) in _ORIGINS


def normal_endpoint(endpoint: str) -> str:
    """Returns an endpoint in one spelling: no slash at the end, Civitai under its own name.

    Raises:
        ConfigError: It is no plain http or https address.
    """
    return one_spelling(endpoint, zoo="civitai", example="https://civitai.red", aliases=_ALIASES)


def entitled(endpoint: str) -> tuple[str, ...]:
    """Returns the origins that may be sent the key of an endpoint, its own first.

    The hosts of the site send requests on to one another (``.green`` to ``.com``), so a key of one is for all. Any
    other endpoint stands alone.
    """
    own = origin(normal_endpoint(endpoint))
    return (own, *(other for other in _ORIGINS if other != own)) if own in _ORIGINS else (own,)


def is_site(url: str, endpoint: str) -> bool:
    """Whether an address is on the site itself, rather than where its bytes lie."""
    try:
        return origin(url) in entitled(endpoint)
    except IntegrityError:
        return False


def is_login(url: str, endpoint: str) -> bool:
    """Whether an address is the page at which the site asks people to log in."""
    if not is_site(url, endpoint):
        return False
    from urllib.parse import urlsplit

    path = urlsplit(url).path.removeprefix(urlsplit(endpoint).path.rstrip("/"))
    return path == "/login" or path.startswith("/login/")


def is_page(url: str, headers: Mapping[str, str], endpoint: str) -> bool:
    """Whether a successful answer is a page for people in place of a file or of data.

    Args:
        url: Where the answer came from in the end.
        headers: Its headers, names in lower case.
        endpoint: Address of the site.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or is_login(url, endpoint)
