"""Licences at Civitai, in two layers: that of the base model, and what the creator allows on top; pure.

Effective are both. The site names no SPDX id, only the family that a model was made from, and four flags. The first
layer is read from the site's own table of families; the second is kept flag by flag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from zooclient.providers.reading import plain, strings
from zooclient.records.licenses import license_of
from zooclient.records.model import License, LicenseKind

#: What a creator may allow others to sell, the least first.
COMMERCIAL: Final = ("Image", "RentCivit", "Rent", "Sell")
_FLAGS = ("allowNoCredit", "allowDerivatives", "allowDifferentLicense")
_KINDS: tuple[LicenseKind, ...] = ("open-source", "open-weight", "non-commercial")

#: Until 2023 one word stood for all that it implied.
_IMPLIED = {"rent": ("Image", "Rent"), "sell": COMMERCIAL}

_STABILITY = "https://huggingface.co/stabilityai/stable-diffusion-3.5-large/blob/main/LICENSE.md"
_FLUX_DEV = "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md"


@frozen
class _Terms:
    """A licence of base models: its name, its id at the Hub where it has one, its kind where only we know it."""

    name: str
    claim: str | None = None
    kind: LicenseKind = "unknown"
    url: str | None = None


_RAIL = _Terms("CreativeML Open RAIL-M", "creativeml-openrail-m")
_RAIL_PLUS = _Terms("CreativeML Open RAIL++-M", "openrail++")
_APACHE = _Terms("Apache License 2.0", "apache-2.0")
_RESEARCH = _Terms("Stability AI non-commercial research licence", kind="non-commercial")

#: Base model in lower case, or a beginning that ends in ``*``, → licence, first match wins. After the site's table.
_FAMILIES: tuple[tuple[str, _Terms], ...] = (
    ("sd 1.*", _RAIL),
    ("sd 2.*", _RAIL),
    ("sd 3*", _Terms("Stability AI Community License", kind="open-weight", url=_STABILITY)),
    ("sdxl 0.9", _Terms("SDXL 0.9 research licence", kind="non-commercial")),
    ("sdxl turbo", _RESEARCH),
    ("svd*", _RESEARCH),
    ("stable cascade", _RESEARCH),
    ("sdxl*", _RAIL_PLUS),
    ("pony v7", _Terms("Pony V7 licence")),
    ("pony", _RAIL_PLUS),
    ("pixart*", _RAIL_PLUS),
    ("flux.1 s", _APACHE),
    ("flux.2 klein 4b*", _APACHE),
    ("flux*", _Terms("FLUX [dev] Non-Commercial License", kind="non-commercial", url=_FLUX_DEV)),
    ("wan video*", _APACHE),
    ("qwen*", _APACHE),
    ("zimage*", _APACHE),
    ("lumina", _APACHE),
    ("auraflow", _APACHE),
    ("chroma", _APACHE),
    ("mochi", _APACHE),
    ("hidream", _Terms("MIT License", "mit")),
    ("hunyuan*", _Terms("Tencent Hunyuan Community License", kind="open-weight")),
    ("ideogram*", _Terms("Ideogram non-commercial licence", kind="non-commercial")),
    ("kolors", _Terms("Kolors licence")),
    ("ltxv*", _Terms("LTX Video licence")),
    ("cogvideox", _Terms("CogVideoX licence")),
    ("noobai", _Terms("NoobAI licence")),
    ("illustrious", _Terms("Illustrious licence")),
    ("anima", _Terms("Anima licence")),
    ("playground v2*", _Terms("Playground v2 licence")),
)


def commercial(value: Any) -> tuple[str, ...] | None:
    """Reads ``allowCommercialUse`` in each of its shapes: what may be sold, in the site's order.

    It was one word in 2023, a list in 2024, and is the text of a PostgreSQL array (``{Image,RentCivit}``) since 2026.
    None: not told. Empty: nothing. A word that we do not know is kept, at the end.
    """
    if isinstance(value, str):
        bare = value.strip()
        inside = re.fullmatch(r"\{(.*)\}", bare, re.DOTALL)
        words = [word.strip().strip('"') for word in inside[1].split(",")] if inside is not None else [bare]
        if inside is None:
            words = list(_IMPLIED.get(bare.lower(), words))
    elif isinstance(value, list):
        words = list(strings(value))
    else:
        return None
    spelled = {known.lower(): known for known in COMMERCIAL}
    found = dict.fromkeys(spelled.get(word.lower(), word) for word in words if word and word.lower() != "none")
    return tuple(sorted(found, key=lambda word: COMMERCIAL.index(word) if word in COMMERCIAL else len(COMMERCIAL)))


def creator_terms(told: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the creator's terms as plain values; a flag that is not told is None."""
    terms: dict[str, Any] = {name: told[name] if isinstance(told.get(name), bool) else None for name in _FLAGS}
    allowed = commercial(told.get("allowCommercialUse"))
    return terms | {"allowCommercialUse": None if allowed is None else list(allowed)}


def base_terms(base_model: str | None) -> License:
    """Returns the licence of a family of base models; an empty one where the site's table has none."""
    name = (base_model or "").casefold()
    for family, terms in _FAMILIES:
        if name == family or (family.endswith("*") and name.startswith(family[:-1])):
            if terms.claim is None:
                return License(name=terms.name, kind=terms.kind, raw=base_model, url=terms.url)
            known = license_of((terms.claim,), name=terms.name)
            return License(spdx=known.spdx, name=terms.name, kind=known.kind, raw=base_model)
    return License(raw=base_model)


def license_here(told: Mapping[str, Any], base_model: str | None, url: str | None) -> License:
    """Returns both layers as one licence: its kind is that of the stricter.

    There is no SPDX expression: that of a base model says nothing about what was made from it.

    Args:
        told: The model, with the creator's flags.
        base_model: The site's name of the family. None: not told.
        url: The page with the text.
    """
    base = base_terms(base_model)
    claims = {name: plain(told[name]) for name in (*_FLAGS, "allowCommercialUse") if told.get(name) is not None}
    if base_model is not None:
        claims["baseModel"] = base_model
    names = [base.name or (f"the licence of {base_model}" if base_model else None)]
    names.append("the creator's terms" if claims.keys() - {"baseModel"} else None)
    return License(
        name=" with ".join(name for name in names if name) or None,
        url=url,
        raw=json.dumps(claims, sort_keys=True, ensure_ascii=False) if claims else None,
        kind=_stricter(base.kind, _kind(creator_terms(told))),
    )


def _kind(terms: Mapping[str, Any]) -> LicenseKind:
    allowed = terms["allowCommercialUse"]
    if allowed == []:
        return "non-commercial"
    if allowed is None or any(terms[name] is None for name in _FLAGS):
        return "unknown"
    free = "Sell" in allowed and all(terms[name] for name in _FLAGS)
    return "open-source" if free else "open-weight"


def _stricter(one: LicenseKind, other: LicenseKind) -> LicenseKind:
    if "non-commercial" in (one, other):
        return "non-commercial"
    return "unknown" if "unknown" in (one, other) else max(one, other, key=_KINDS.index)
