"""Licences at Replicate: an address is all that is told; pure.

It is read where the address itself names the licence, as those of licence lists do. Most lead to a file in a code
repository, whose text may be of any licence: of those nothing is known for certain.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from attrs import evolve

from zooclient.records.licenses import license_of
from zooclient.records.model import License

#: Host without ``www.`` → path of the addresses that name a licence.
_LISTS: Final = {
    "opensource.org": re.compile(r"/licenses?/([\w.+-]+?)(?:\.php|\.html|/)?"),
    "spdx.org": re.compile(r"/licenses/([\w.+-]+?)(?:\.html|\.json|\.txt)?"),
    "choosealicense.com": re.compile(r"/licenses/([\w.+-]+?)/?"),
    "apache.org": re.compile(r"/licenses/LICENSE-(2\.0)(?:\.txt|\.html)?"),
    "creativecommons.org": re.compile(r"/licenses/([a-z-]+/\d\.\d)(?:/.*)?"),
}
_ZERO = re.compile(r"/publicdomain/zero/1\.0(?:/.*)?")


def license_at(url: str | None) -> License:
    """Returns the licence that an address names; the address alone where it names none. None: none is stated."""
    if url is None:
        return License()
    found = license_of([named] if (named := _named(url)) is not None else [], url=url)
    return evolve(found, raw=url)


def _named(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, path = (parts.hostname or "").removeprefix("www."), unquote(parts.path)
    except ValueError:
        return None
    if host == "creativecommons.org" and _ZERO.fullmatch(path):
        return "cc0-1.0"
    wanted = _LISTS.get(host)
    read = wanted.fullmatch(path) if wanted is not None else None
    if read is None:
        return None
    if host == "creativecommons.org":
        return "cc-" + read[1].replace("/", "-")
    return "apache-2.0" if host == "apache.org" else read[1]
