"""How a server wants to be asked: the header ``WWW-Authenticate`` of a 401 (RFC 9110 §11.6.1), read; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

#: Characters of a header that are read: more than any server has to say.
_MOST = 8192
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of the grammar
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=\s|,|$)")
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?=,|$)')
_TOKEN68 = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")
_ESCAPED = re.compile(r"\\(.)")


@frozen(kw_only=True)
class Challenge:
    """One way in which a server lets itself be asked.

    Attributes:
        scheme: Such as ``basic`` and ``bearer``, in lower case.
        parameters: Name in lower case → value; of one name the first.
    """

    scheme: str
    parameters: Mapping[str, str] = field(factory=dict, hash=False)


def challenges(header: str) -> tuple[Challenge, ...]:
    """Returns the ways that a header offers, in its order; what follows an oddity is not read."""
    text = header[:_MOST]
    found: list[Challenge] = []
    at = 0
    while (scheme := _SCHEME.match(text, at)) is not None:
        at = scheme.end()
        parameters: dict[str, str] = {}
        while (told := _PARAMETER.match(text, at)) is not None:
            name, quoted, plain = told.groups()
            parameters.setdefault(name.lower(), plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
            at = told.end()
        if not parameters and (single := _TOKEN68.match(text, at)) is not None:
            at = single.end()
        found.append(Challenge(scheme=scheme[1].lower(), parameters=parameters))
    return tuple(found)
