"""``zooclient zoos``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.records.capability import Capability

#: What a zoo can do, as the fields of its capability are called.
_VERBS = ("search", "download", "run", "publish", "login", "identify")

#: How a filter is met → how that is said.
_SUPPORT = {"exact": "filters, exact", "emulated": "filtered here", "unsupported": "cannot filter by"}


@click.command("zoos")
@as_json
@pass_desk
def command(desk: Desk, as_json: bool) -> None:
    """List the zoos, where each is asked, and what each can do.

    A filter is exact where the zoo applies it, or is applied here to what the zoo lists, or cannot be applied.
    """
    from zooclient.providers.registry import provider_for, schemes
    from zooclient.records.codec import to_dict

    with desk.client() as client:
        settings = client.settings
    providers = [provider_for(scheme, settings) for scheme in schemes()]
    if as_json:
        desk.json(
            [
                {
                    "scheme": provider.scheme,
                    "endpoint": provider.endpoint,
                    "official": provider.official,
                    "capability": to_dict(provider.capability),
                }
                for provider in providers
            ]
        )
        return
    for provider in providers:
        can = provider.capability
        verbs = " ".join(name for name in _VERBS if getattr(can, name))
        desk.line("\t".join((provider.scheme, provider.endpoint or "this machine", verbs)))
        for label, names in _facts(can):
            desk.line(f"\t{label + ':':<20}{', '.join(names) or '-'}")
        if can.note:
            desk.line(f"\t{'note:':<20}{can.note}")


def _facts(can: Capability) -> Iterator[tuple[str, list[str]]]:
    yield "cannot", [name for name in _VERBS if not getattr(can, name)]
    if not can.search:
        return
    if can.search_login:
        yield "search needs", ["a login"]
    for support, said in _SUPPORT.items():
        yield said, [name for name, how in can.filters.items() if how == support]
    yield "sorts by", list(can.sorts)
