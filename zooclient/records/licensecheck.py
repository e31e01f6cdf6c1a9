"""Whether a licence is one of those that somebody allows, and none that he denies; pure.

A licence is named by its SPDX id, by the zoo's own name for it, or by what it roughly allows (``open-source``,
``open-weight``, ``non-commercial``, ``unknown``). In an SPDX expression one side of ``OR`` has to pass, and both of
``AND``. Of several claims, of which a zoo does not tell whether they are a choice, all have to pass. What does not tell
"only" from "or later", as the Hub's ``gpl-3.0``, is allowed by that name alone, and denied by each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zooclient.records.licenses import hub_id, license_of
from zooclient.records.model import License

_SAYS_NOTHING = frozenset({"", "other", "unknown", "none", "n/a"})
_VARIANTS = ("-only", "-or-later", "+")


def may_be(license_: License, allowed: Sequence[str] | None, denied: Sequence[str]) -> str | None:
    """Returns why a licence may not be, as the end of "its licence …"; None: it may.

    Args:
        license_: The licence, as claimed.
        allowed: What may be. None: all that is not denied.
        denied: What may not be.
    """
    text, kind = _claim(license_)
    expression = license_.spdx or (license_of((text,)).spdx if text else None)
    named = {term.lower() for term in (*(allowed or ()), *denied)}
    whole = expression or text.lower() in named or hub_id(text) != " ".join(text.lower().split())
    claims = [text] if whole else text.split(", ")
    shown = f"is {text or license_.name}" if text or license_.name else "is not told"

    def denies(atom: str) -> bool:
        return any(_denies(term, atom, _kind(atom, kind, claims)) for term in denied)

    def passes(atom: str) -> bool:
        is_allowed = allowed is None or any(_allows(term, atom, _kind(atom, kind, claims)) for term in allowed)
        return is_allowed and not denies(atom)

    if all(_holds(expression or claim, passes) for claim in claims):
        return None
    if not all(_holds(expression or claim, lambda atom: not denies(atom)) for claim in claims):
        return f"{shown}, which is denied"
    if expression is not None and expression in {license_of((term,)).spdx for term in allowed or () if " " in term}:
        return None  # an expression may be allowed as a whole
    return f"{shown}, which is not among those allowed"


def _claim(license_: License) -> tuple[str, str]:
    """The text by which a licence is known, and what it roughly allows."""
    raw = license_.raw or ""
    if license_.spdx is not None:
        text = license_.spdx
    elif raw.lower().strip() in _SAYS_NOTHING or raw.startswith("{"):  # Civitai's terms, written as JSON
        text = license_.name or ""
    else:
        text = raw
    return text, license_.kind if license_.kind != "unknown" else license_of((text,)).kind


def _kind(atom: str, whole: str, claims: Sequence[str]) -> str:
    """What one licence roughly allows; what is said of the whole where it stands alone."""
    found = license_of((atom,)).kind
    return whole if found == "unknown" and list(claims) == [atom] else found


def _holds(expression: str, passes: Callable[[str], bool]) -> bool:
    """Whether an expression of SPDX passes; a text that is none is one licence."""
    words = expression.replace("(", " ( ").replace(")", " ) ").split()
    if not {"AND", "OR", "("}.intersection(words) or license_of((expression,)).spdx is None:
        return passes(expression)
    return _either(words, passes)


def _either(words: list[str], passes: Callable[[str], bool]) -> bool:
    found = _both(words, passes)
    while words and words[0] == "OR":
        words.pop(0)
        found = _both(words, passes) or found  # the words are read whatever was found
    return found


def _both(words: list[str], passes: Callable[[str], bool]) -> bool:
    found = _one(words, passes)
    while words and words[0] == "AND":
        words.pop(0)
        found = _one(words, passes) and found
    return found


def _one(words: list[str], passes: Callable[[str], bool]) -> bool:
    if words[0] == "(":
        words.pop(0)
        found = _either(words, passes)
        words.pop(0)
        return found
    atom = words.pop(0)
    if words and words[0] == "WITH":
        atom = f"{atom} WITH {words[1]}"
        del words[:2]
    return passes(atom)


def _allows(term: str, atom: str, kind: str) -> bool:
    ours = _keys(term)
    return term.lower() == kind or not ours.isdisjoint(_keys(atom)) or not ours.isdisjoint(_keys(_without(atom)))


def _denies(term: str, atom: str, kind: str) -> bool:
    vague = _without(term) if _without(atom) == atom else term
    bare = atom.partition(" WITH ")[0]
    return _allows(term, atom, kind) or _allows(vague, atom, kind) or (bare != atom and _allows(term, bare, kind))


def _without(text: str) -> str:
    """A licence without "only" and "or later"."""
    lower = " ".join(text.lower().split())
    return next((lower.removesuffix(ending) for ending in _VARIANTS if lower.endswith(ending)), text)


def _keys(text: str) -> frozenset[str]:
    """Every name of one licence: as written, at the Hub, by SPDX."""
    lower = " ".join(text.lower().split())
    if lower.endswith(_VARIANTS):
        return frozenset({lower})
    spdx = license_of((text,)).spdx
    return frozenset({lower, hub_id(text), *(() if spdx is None else (spdx.lower(),))})
