"""A directive that writes what each zoo can do out of its provider, so that no page can fall behind it."""

from __future__ import annotations

from collections.abc import Callable

from doctables import parsed, table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from zooclient.errors import Unsupported
from zooclient.providers.base import Provider
from zooclient.providers.registry import official_for, own_schemes, provider_for
from zooclient.settings import Settings

#: How a filter is met → how the table says it.
_SUPPORT = {"exact": "zoo", "emulated": "here", "unsupported": "no"}


def _providers() -> list[Provider]:
    return [provider_for(scheme, Settings()) for scheme in own_schemes()]


def _official(provider: Provider) -> bool:
    try:
        official_for(provider, Settings())
    except Unsupported:
        return False
    return True


def _yes(value: bool) -> str:
    return "yes" if value else "no"


#: What is told of a zoo → how it is told, line by line.
_CAN: dict[str, Callable[[Provider], str]] = {
    "asked at": lambda zoo: f"``{zoo.endpoint}``" if zoo.endpoint else "this machine",
    "search": lambda zoo: _yes(zoo.capability.search),
    "sorts by": lambda zoo: ", ".join(zoo.capability.sorts) or "–",
    "download": lambda zoo: "used in place" if zoo.capability.in_place else _yes(zoo.capability.download),
    "connections at the most": lambda zoo: "–" if zoo.capability.in_place else str(zoo.capability.max_connections),
    '``via="official"``': lambda zoo: _yes(_official(zoo)),
    "log in": lambda zoo: _yes(zoo.capability.login),
    "identify by hash, ``--online``": lambda zoo: _yes(zoo.capability.identify),
    "run, publish": lambda zoo: f"{_yes(zoo.capability.run)}, {_yes(zoo.capability.publish)}",
}


def _can() -> list[str]:
    zoos = _providers()
    rows = [(said, *(tell(zoo) for zoo in zoos)) for said, tell in _CAN.items()]
    return table(("", *(f"``{zoo.scheme}``" for zoo in zoos)), rows)


def _filters() -> list[str]:
    zoos = [zoo for zoo in _providers() if zoo.capability.search]
    names = dict.fromkeys(name for zoo in zoos for name in zoo.capability.filters)
    rows = [
        (f"``{name}``", *(_SUPPORT[zoo.capability.filters.get(name, "unsupported")] for zoo in zoos)) for name in names
    ]
    return table(("filter", *(f"``{zoo.scheme}``" for zoo in zoos)), rows)


def _notes() -> list[str]:
    return table(("zoo", "what to know"), [(f"``{zoo.scheme}``", zoo.capability.note or "–") for zoo in _providers()])


_TABLES = {"can": _can, "filters": _filters, "notes": _notes}


class Zoos(SphinxDirective):
    """``.. zoos:: can | filters | notes``: a table of the zoos."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return parsed(self, _TABLES[self.arguments[0]]())


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directive."""
    app.add_directive("zoos", Zoos)
    return {"parallel_read_safe": True}
