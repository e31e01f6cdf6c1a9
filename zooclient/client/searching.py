"""Which zoos a search goes to, and one page of one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zooclient.client.guests import guarded
from zooclient.client.telling import telling
from zooclient.errors import Offline, Unsupported, ZooError
from zooclient.providers.registry import canonical

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.query import Page, Query


def searchable(wiring: Wiring, query: Query, problems: dict[str, ZooError]) -> tuple[str, ...]:
    """Returns the schemes that a query goes to.

    Args:
        wiring: The client's.
        query: What is searched for.
        problems: Gets why a zoo of another package cannot be used, where none was named.

    Raises:
        Unsupported: A zoo was named that cannot be searched.
        RefError: A zoo was named that nobody provides.
    """
    if not query.zoos:
        providers, broken = wiring.providers()
        problems.update(broken)
        return tuple(name for name, provider in providers.items() if provider.capability.search)
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
    with telling("search", None, zoo), guarded(zoo):
        return (yield from wiring.provider(zoo).search(query, cursor))
