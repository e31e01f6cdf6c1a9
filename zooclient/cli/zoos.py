"""``zooclient zoos``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("zoos")
@as_json
@pass_desk
def command(desk: Desk, as_json: bool) -> None:
    """List the zoos, where each is asked, and what each can do."""
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
        verbs = [name for name in ("search", "download", "run", "publish", "login", "identify") if getattr(can, name)]
        desk.line("\t".join((provider.scheme, provider.endpoint or "this machine", " ".join(verbs))))
        for support in ("exact", "emulated", "unsupported"):
            names = [name for name, how in can.filters.items() if how == support]
            if names:
                desk.line(f"\tfilters {support}: {', '.join(names)}")
        if can.sorts:
            desk.line(f"\tsorts: {', '.join(can.sorts)}")
        if can.note:
            desk.line(f"\t{can.note}")
