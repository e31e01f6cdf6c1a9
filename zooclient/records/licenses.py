"""Licences: from what an author or a zoo wrote to what is known for certain.

``spdx`` is set only where the claim names one licence of the SPDX list (https://spdx.org/licenses/): the Hub's
``gpl-3.0`` does not tell "only" from "or later", and ``bsd`` does not tell which. ``kind`` is coarse on purpose:

* ``open-source``: anybody may use, change and pass it on, for any purpose (the Open Definition's sense);
* ``open-weight``: the weights may be had and used, under conditions on the use;
* ``non-commercial``: not for commercial use, or for research only;
* ``unknown``: not in this table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from zooclient.records.model import License, LicenseKind

_OPEN: LicenseKind = "open-source"
_WEIGHT: LicenseKind = "open-weight"
_NC: LicenseKind = "non-commercial"

#: Licence id of the Hub (https://huggingface.co/docs/hub/repositories-licenses), lower case → SPDX id, kind.
_HUB: dict[str, tuple[str | None, LicenseKind]] = {
    "apache-2.0": ("Apache-2.0", _OPEN),
    "mit": ("MIT", _OPEN),
    "afl-3.0": ("AFL-3.0", _OPEN),
    "artistic-2.0": ("Artistic-2.0", _OPEN),
    "bsl-1.0": ("BSL-1.0", _OPEN),
    "bsd": (None, _OPEN),
    "bsd-2-clause": ("BSD-2-Clause", _OPEN),
    "bsd-3-clause": ("BSD-3-Clause", _OPEN),
    "bsd-3-clause-clear": ("BSD-3-Clause-Clear", _OPEN),
    "c-uda": ("C-UDA-1.0", _WEIGHT),
    "cc0-1.0": ("CC0-1.0", _OPEN),
    "cc-by-2.0": ("CC-BY-2.0", _OPEN),
    "cc-by-2.5": ("CC-BY-2.5", _OPEN),
    "cc-by-3.0": ("CC-BY-3.0", _OPEN),
    "cc-by-4.0": ("CC-BY-4.0", _OPEN),
    "cc-by-sa-3.0": ("CC-BY-SA-3.0", _OPEN),
    "cc-by-sa-4.0": ("CC-BY-SA-4.0", _OPEN),
    "cc-by-nc-2.0": ("CC-BY-NC-2.0", _NC),
    "cc-by-nc-3.0": ("CC-BY-NC-3.0", _NC),
    "cc-by-nc-4.0": ("CC-BY-NC-4.0", _NC),
    "cc-by-nd-4.0": ("CC-BY-ND-4.0", _WEIGHT),
    "cc-by-nc-nd-3.0": ("CC-BY-NC-ND-3.0", _NC),
    "cc-by-nc-nd-4.0": ("CC-BY-NC-ND-4.0", _NC),
    "cc-by-nc-sa-2.0": ("CC-BY-NC-SA-2.0", _NC),
    "cc-by-nc-sa-3.0": ("CC-BY-NC-SA-3.0", _NC),
    "cc-by-nc-sa-4.0": ("CC-BY-NC-SA-4.0", _NC),
    "cdla-sharing-1.0": ("CDLA-Sharing-1.0", _OPEN),
    "cdla-permissive-1.0": ("CDLA-Permissive-1.0", _OPEN),
    "cdla-permissive-2.0": ("CDLA-Permissive-2.0", _OPEN),
    "wtfpl": ("WTFPL", _OPEN),
    "ecl-2.0": ("ECL-2.0", _OPEN),
    "epl-1.0": ("EPL-1.0", _OPEN),
    "epl-2.0": ("EPL-2.0", _OPEN),
    "etalab-2.0": ("etalab-2.0", _OPEN),
    "eupl-1.1": ("EUPL-1.1", _OPEN),
    "eupl-1.2": ("EUPL-1.2", _OPEN),
    "isc": ("ISC", _OPEN),
    "lppl-1.3c": ("LPPL-1.3c", _OPEN),
    "ms-pl": ("MS-PL", _OPEN),
    "mpl-2.0": ("MPL-2.0", _OPEN),
    "ncsa": ("NCSA", _OPEN),
    "odbl": ("ODbL-1.0", _OPEN),
    "odc-by": ("ODC-By-1.0", _OPEN),
    "ofl-1.1": ("OFL-1.1", _OPEN),
    "osl-3.0": ("OSL-3.0", _OPEN),
    "pddl": ("PDDL-1.0", _OPEN),
    "postgresql": ("PostgreSQL", _OPEN),
    "unlicense": ("Unlicense", _OPEN),
    "zlib": ("Zlib", _OPEN),
    "openmdw-1.0": (None, _OPEN),
    "openmdw-1.1": (None, _OPEN),
    # "Only" or "or later" is not told.
    "agpl-3.0": (None, _OPEN),
    "gfdl": (None, _OPEN),
    "gpl": (None, _OPEN),
    "gpl-2.0": (None, _OPEN),
    "gpl-3.0": (None, _OPEN),
    "lgpl": (None, _OPEN),
    "lgpl-2.1": (None, _OPEN),
    "lgpl-3.0": (None, _OPEN),
    "lgpl-lr": ("LGPLLR", _OPEN),
    # Conditions on the use, or on who may use.
    "openrail": (None, _WEIGHT),
    "openrail++": (None, _WEIGHT),
    "bigscience-openrail-m": (None, _WEIGHT),
    "bigscience-bloom-rail-1.0": (None, _WEIGHT),
    "bigcode-openrail-m": (None, _WEIGHT),
    "creativeml-openrail-m": (None, _WEIGHT),
    "gemma": (None, _WEIGHT),
    "llama2": (None, _WEIGHT),
    "llama3": (None, _WEIGHT),
    "llama3.1": (None, _WEIGHT),
    "llama3.2": (None, _WEIGHT),
    "llama3.3": (None, _WEIGHT),
    "llama4": (None, _WEIGHT),
    "grok2-community": (None, _WEIGHT),
    "apple-ascl": (None, _WEIGHT),
    # Research only.
    "apple-amlr": (None, _NC),
    "deepfloyd-if-license": (None, _NC),
    "fair-noncommercial-research-license": (None, _NC),
    "h-research": (None, _NC),
    "intel-research": (None, _NC),
}

#: Licences as other zoos write them out, lower case, one blank between words → id of the Hub.
_WRITTEN = {
    "apache license 2.0": "apache-2.0",
    "apache license, version 2.0": "apache-2.0",
    "apache 2.0": "apache-2.0",
    "apache-2": "apache-2.0",
    "mit license": "mit",
    "the mit license": "mit",
    "bsd 2-clause license": "bsd-2-clause",
    "bsd 3-clause license": "bsd-3-clause",
    "mozilla public license 2.0": "mpl-2.0",
    "cc0": "cc0-1.0",
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "zlib license": "zlib",
}

_STRICTNESS: tuple[LicenseKind, ...] = (_OPEN, _WEIGHT, _NC)
_SAYS_NOTHING = frozenset({"other", "unknown", "none", "n/a", ""})
_WEB = re.compile(r"https?://[^\s<>\"\\^`{|}]+", re.IGNORECASE)


def license_of(claims: Sequence[str], *, name: str | None = None, url: str | None = None) -> License:
    """Reads the licence claims of a model.

    Args:
        claims: As written, in order. Several may mean a choice or a sum; which one is not told, so there is no
            SPDX expression then, and the strictest kind counts.
        name: Name that the author gives. None: none.
        url: Where the text lies, absolute. None, or no web address: not told.
    """
    written = [claim.strip() for claim in claims if claim.strip()]
    read = [_read(claim) for claim in written]
    kinds = {kind for _, kind in read}
    kind: LicenseKind = "unknown"
    if kinds and "unknown" not in kinds:
        kind = max(kinds, key=_STRICTNESS.index)
    return License(
        spdx=read[0][0] if len(read) == 1 else None,
        name=name,
        url=url if url is not None and _WEB.fullmatch(url) else None,
        raw=", ".join(written) or None,
        kind=kind,
    )


def hub_id(text: str) -> str:
    """Returns the Hub's id of a licence given by that id, by SPDX id or written out; unknown text in lower case."""
    key = " ".join(text.lower().split())
    key = _WRITTEN.get(key, key)
    if key not in _HUB:
        # GPL-3.0-only and GPL-3.0-or-later are both gpl-3.0 there.
        bare = key.removesuffix("-only").removesuffix("-or-later")
        key = bare if bare in _HUB else key
    return key


def _read(claim: str) -> tuple[str | None, LicenseKind]:
    key = " ".join(claim.lower().split())
    known = _HUB.get(_WRITTEN.get(key, key))
    if known is not None:
        return known
    if key in _SAYS_NOTHING:
        return None, "unknown"
    expression = _expression(claim)
    return expression, (_HUB.get(hub_id(expression), (None, "unknown"))[1] if expression else "unknown")


def _expression(claim: str) -> str | None:
    """Returns the claim as an SPDX expression in its proper spelling; None when it is none."""
    if len(claim) > 200 or not claim.isascii():
        return None
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        expression = canonicalize_license_expression(claim)
    except InvalidLicenseExpression:
        return None
    return None if "LicenseRef-" in expression else str(expression)
