"""Which zoos a search goes to, and one page of one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zooclient.client.telling import telling
from zooclient.errors import Offline, Unsupported
from zooclient.providers.registry import canonical, schemes

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.query import Page, Query


def searchable(wiring: Wiring, query: Query) -> tuple[str, ...]:
    """Returns the schemes that a query goes to.

    Raises:
        Unsupported: A zoo was named that cannot be searched.
        RefError: A zoo was named that nobody provides.
    """
    if not query.zoos:
        return tuple(name for name in schemes() if wiring.provider(name).capability.search)
    named = tuple(dict.fromkeys(canonical(name) for name in query.zoos))
    for name in named:
        if not wiring.provider(name).capability.search:
            raise Unsupported(f"{name} cannot be searched.", zoo=name, operation="search")
    return named


def check_online(wiring: Wiring, zoos: Iterable[str]) -> None:
    """Raises Offline when connections are switched off and each of the zoos would need one."""
    if wiring.settings.offline and all(wiring.provider(zoo).endpoint is not None for zoo in zoos):
        raise Offline(
            "A search asks the zoos themselves, and connections are switched off (offline).",
            operation="search",
            hint="`zooclient cache ls` lists what is held on this machine.",
        )


def page_of(wiring: Wiring, zoo: str, query: Query, cursor: str | None) -> Flow[Page]:
    """One page of one zoo."""
    with telling("search", None, zoo):
        return (yield from wiring.provider(zoo).search(query, cursor))
