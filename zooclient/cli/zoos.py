"""``zooclient zoos``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.records.capability import Capability

if TYPE_CHECKING:
    from zooclient.plugins import Offer
    from zooclient.settings import Settings

#: What a zoo can do, as the fields of its capability are called.
_VERBS = ("search", "download", "run", "publish", "login", "identify")

#: How a filter is met → how that is said.
_SUPPORT = {"exact": "filters, exact", "emulated": "filtered here", "unsupported": "cannot filter by"}

_BUILT_IN = "built in"


@click.command("zoos")
@click.argument("schemes", metavar="[SCHEME]...", nargs=-1)
@as_json
@pass_desk
def command(desk: Desk, schemes: tuple[str, ...], as_json: bool) -> None:
    """List the zoos, where each comes from and is asked, and what each can do.

    A filter is exact where the zoo applies it, or is applied here to what the zoo lists, or cannot be applied.
    What another package brings is listed without loading it, and loaded to tell more when its SCHEME is named.
    """
    from zooclient.providers import registry

    with desk.client() as client:
        settings = client.settings
    named = tuple(dict.fromkeys(registry.provided(scheme) for scheme in schemes))
    if as_json:
        desk.json([_entry(scheme, settings, load=bool(named)) for scheme in named or registry.schemes()])
        return
    for scheme in named or registry.schemes():
        for line in _lines(_entry(scheme, settings, load=bool(named))):
            desk.line(line)
    for offer in () if named else registry.passed_over():
        desk.talk(f"The {offer.source} offers {offer.name!r}, which no package can: it is passed over.")


def _entry(scheme: str, settings: Settings, *, load: bool) -> dict[str, Any]:
    """What is told of one zoo. A plug-in that is not loaded has no capability and no official endpoint yet.

    Raises:
        ConfigError: The package that brings it was to be loaded, and cannot be used.
    """
    from zooclient.providers import registry
    from zooclient.records.codec import to_dict

    offered = registry.offers_of(scheme)
    told: dict[str, Any] = {"scheme": scheme, "from": _source(offered), "packages": [_package(one) for one in offered]}
    if offered and not load:
        return {**told, "endpoint": settings.zoo(scheme).endpoint, "official": None, "capability": None}
    provider = registry.provider_for(scheme, settings)
    capability = to_dict(provider.capability)
    return {**told, "endpoint": provider.endpoint, "official": provider.official, "capability": capability}


def _source(offered: tuple[Offer, ...]) -> str:
    return " and ".join(offer.source for offer in offered) or _BUILT_IN


def _package(offer: Offer) -> dict[str, str]:
    return {"name": offer.package, "version": offer.version, "object": offer.value}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    scheme, capability = told["scheme"], told["capability"]
    if capability is None:
        yield "\t".join((scheme, told["endpoint"] or "not loaded", ""))
        yield _fact("from", told["from"])
        if len(told["packages"]) > 1:
            yield _fact("unusable", "more than one package offers it: uninstall all but one")
        else:
            yield _fact("more", f"zooclient zoos {scheme}")
        return
    from zooclient.records.codec import from_dict

    can = from_dict(Capability, capability)
    verbs = " ".join(name for name in _VERBS if getattr(can, name))
    yield "\t".join((scheme, told["endpoint"] or "this machine", verbs))
    yield _fact("from", told["from"])
    for label, names in _facts(can):
        yield _fact(label, ", ".join(names) or "-")
    if can.note:
        yield _fact("note", can.note)


def _fact(label: str, text: str) -> str:
    return f"\t{label + ':':<20}{text}"


def _facts(can: Capability) -> Iterator[tuple[str, list[str]]]:
    yield "cannot", [name for name in _VERBS if not getattr(can, name)]
    if not can.search:
        return
    if can.search_login:
        yield "search needs", ["a login"]
    for support, said in _SUPPORT.items():
        yield said, [name for name, how in can.filters.items() if how == support]
    yield "sorts by", list(can.sorts)
