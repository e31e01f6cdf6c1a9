"""From where an address can be reached, as far as it tells by itself; nobody is asked."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from urllib.parse import urlsplit

Reach = Literal["machine", "network", "internet"]

_NEAREST: tuple[Reach, ...] = ("machine", "network", "internet")
_MACHINE = ("localhost",)
#: Endings of names that no public server has (RFC 6762, RFC 8375, and what ICANN keeps for private use).
_NETWORK = ("local", "internal", "home.arpa", "lan", "intranet", "corp")


def reach(url: str) -> Reach:
    """Tells from where an address can be reached.

    A name is taken at its word: where it leads is not looked up.

    Returns:
        ``machine``: from this machine alone, or what the network gives to it alone (loopback, link-local);
        ``network``: from a private network; ``internet``: from everywhere.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    address = _address(host)
    if address is not None:
        if address.is_loopback or address.is_link_local or address.is_unspecified:
            return "machine"
        return "internet" if address.is_global else "network"
    if _ends(host, _MACHINE):
        return "machine"
    return "network" if "." not in host or _ends(host, _NETWORK) else "internet"


def leads_inside(url: str, asked: str) -> bool:
    """Whether an address lies nearer to this machine than the server that named it, which is to lead nobody there.

    Args:
        url: What was named; a plain http or https address.
        asked: The server.
    """
    return _NEAREST.index(reach(url)) < _NEAREST.index(reach(asked))


def _ends(host: str, names: tuple[str, ...]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in names)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Reads a literal address, in the odd spellings too that resolvers take, such as ``127.1`` and ``0x7f000001``."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        if not host[:1].isdigit():
            return None
        try:
            found = ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
