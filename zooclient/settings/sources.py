"""The sources of settings, laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import fields

from zooclient.errors import ConfigError
from zooclient.settings import LINK_MODES, Limits, Settings, ZooSettings, check_zoo
from zooclient.settings.files import from_project, from_user
from zooclient.settings.floors import floors
from zooclient.settings.layer import Layer
from zooclient.settings.variables import from_ours, from_theirs


def settings_from(environ: Mapping[str, str], project: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """See :meth:`zooclient.settings.Settings.from_env`."""
    given = {key: value for key, value in overrides.items() if value is not None}
    known = [field.alias for field in fields(Settings)]
    unknown = sorted(set(given).difference(known))
    if unknown:
        raise ConfigError(f"There is no setting {unknown[0]!r}.", hint=f"There are: {', '.join(map(str, known))}.")
    surroundings = given.setdefault("surroundings", True)
    given.setdefault("environ", dict(environ))
    layer = from_user(environ)
    if project is not None:
        layer = from_project(project).over(layer)
    if surroundings:
        layer = from_theirs(environ).over(layer)
    layer = from_ours(environ).over(layer)
    plain = bool(given.get("allow_plain_http", layer.values.get("allow_plain_http", False)))
    given_zoos = given.pop("zoos", {})
    zoos = {**_zoos(layer, given_zoos, plain), **given_zoos}
    values = layer.values | given
    if "link_mode" not in given and values.get("link_mode", "auto") not in LINK_MODES:
        raise ConfigError(
            f"{layer.named['link_mode']} cannot be {values['link_mode']!r}.", hint=f"One of: {', '.join(LINK_MODES)}."
        )
    if "policies" not in given:
        values["policies"] = (*floors(environ), *values.get("policies", ()))
    if "limits" not in values:
        values["limits"] = Limits(**layer.limits)
    return Settings(zoos=zoos, **values)


def _zoos(layer: Layer, given: Mapping[str, ZooSettings], allow_plain_http: bool) -> dict[str, ZooSettings]:
    """The zoos that the arguments leave to the other sources, checked while it is known who said what."""
    zoos = {}
    for scheme, said in layer.zoos.items():
        if scheme not in given:
            zoos[scheme] = zoo = ZooSettings(**said)

            def name(key: str, scheme: str = scheme) -> str:
                return layer.named[f"{scheme}.{key}"]

            check_zoo(zoo, name, allow_plain_http)
    return zoos
