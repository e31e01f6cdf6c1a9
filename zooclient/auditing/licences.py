"""Rules on the licence: what is claimed, where, and whether the claims agree; pure. Nothing here knows the law."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from zooclient.auditing.card import moving
from zooclient.auditing.catalogue import RULES
from zooclient.auditing.licensetext import license_in
from zooclient.auditing.sections import says_something
from zooclient.auditing.subject import Subject
from zooclient.records.audit import Finding
from zooclient.records.card import Card
from zooclient.records.cardcheck import base_findings, license_findings
from zooclient.records.licenses import hub_id, license_of
from zooclient.records.model import License

#: A line of a card such as ``- **License:** [Apache 2.0](https://…)``.
_LINE = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+)?\**Licen[cs]e(?::\**|\**:)[ \t]*\**(?P<claim>[^\n]{0,300})$", re.MULTILINE | re.IGNORECASE
)
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")

#: Kind of a licence → what it asks, roughly.
_CONDITIONS = {
    "non-commercial": "It is not for commercial use, or for research only.",
    "open-weight": "It names conditions on the use, or on who may use it.",
}
#: Words of the Hub's id → what it asks of whoever passes the model on.
_DUTIES = (
    (re.compile(r"-nd(-|$)"), "Nothing made from it may be passed on."),
    (re.compile(r"-sa(-|$)|^a?gpl|^lgpl|^osl|^eupl"), "What is made from it stays under the same licence."),
    (re.compile(r"^cc-by|^mit$|^bsd|^apache|^isc$|^odc-by"), "Its author has to be named."),
    (re.compile(r"^llama|^gemma|openrail|-rail-"), "Its use policy has to be passed on with it."),
)


def findings(subject: Subject) -> Iterator[Finding]:
    """Yields what is to be said of a model's licence."""
    record, card = subject.record, subject.card
    layers = record.metadata.get("creator_terms")
    if isinstance(layers, Mapping):
        yield from _layers(layers, record.metadata.get("base_model_license"))
    else:
        yield from _claim(subject)
    condition = _CONDITIONS.get(record.license.kind)
    if condition is not None:
        yield RULES["license-limits-use"].found("record", f"{shown(record.license)}: {condition}")
    if card is not None and not isinstance(layers, Mapping):
        yield from _prose(claim_of(subject), card)
    yield from _file(subject)
    read = [(base.name, base.license) for base in subject.bases if base.record is not None]
    for one in base_findings(claim_of(subject), read):
        yield RULES[one.rule].found("record", one.message)


def claim_of(subject: Subject) -> License:
    """Returns the licence that counts: the zoo's, else the card's."""
    card = subject.card
    return subject.record.license if subject.record.license.raw or card is None else card.license


def duties(license: License) -> tuple[str, ...]:
    """Returns what a licence asks of whoever uses the model or passes it on, roughly; empty: nothing is known."""
    words = [_CONDITIONS[license.kind]] if license.kind in _CONDITIONS else []
    key = hub_id(license.spdx or license.raw or "")
    return (*words, *(duty for pattern, duty in _DUTIES if pattern.search(key)))


def shown(license: License) -> str:
    """Returns a licence as reports show it."""
    return license.spdx or license.name or license.raw or "none told"


def _claim(subject: Subject) -> Iterator[Finding]:
    record, card = subject.record, subject.card
    tags = tuple(tag.partition(":")[2] for tag in record.tags if tag.startswith("license:"))
    claimed = card if card is not None and card.license.raw is not None else None
    if claimed is None:
        stand_in = Card(license=record.license, data={"license_link": record.license.url} if record.license.url else {})
        yield from _general(stand_in, "record", card)
    else:
        yield from _general(claimed, "card", card)
        for place, other in (("the zoo's record", record.license.raw), *(("a tag", tag) for tag in tags)):
            if other is not None and _ids(other).isdisjoint(_ids(claimed.license.raw or "")):
                yield RULES["license-contradicts-card"].found(
                    "card", f"The card claims {claimed.license.raw}, and {place} {other}."
                )
                break
    link = None if card is None else card.data.get("license_link")
    if isinstance(link, str) and moving(link):
        yield RULES["license-link-moving"].found("card", f"license_link is {link}.")


def _general(claimed: Card, where: str, card: Card | None) -> Iterator[Finding]:
    for one in license_findings(claimed):
        evidence = one.message
        if one.rule == "license-missing":
            prose = None if card is None else _said(card)
            told = f" Its text says {prose!r}, which no program reads." if prose else ""
            evidence = f"Neither the zoo nor the front matter of the card names a licence.{told}"
        yield RULES[one.rule].found(where, evidence)


def _ids(claim: str) -> set[str]:
    return {hub_id(one) for one in claim.split(",") if one.strip()}


def _said(card: Card) -> str | None:
    """What the text of a card says under "License"; None: nothing, or a place-holder."""
    for found in _LINE.finditer(card.text):
        said = " ".join(_LINK.sub(r"\1", found["claim"]).strip(" *|").split())
        if said and says_something(said):
            return said[:100]
    return next(
        (section.title for section in card.sections if re.search(r"\blicen[cs]e\b", section.title, re.IGNORECASE)), None
    )


def _prose(claim: License, card: Card) -> Iterator[Finding]:
    """Where the text below the front matter speaks of another licence, or of none."""
    if claim.raw is None:
        return
    lines = [_LINK.sub(r"\1", found["claim"]).strip(" *|") for found in _LINE.finditer(card.text)]
    for said in lines:
        if said and not says_something(said):
            yield RULES["license-unclear"].found("card", f"{claim.raw} is claimed, and the text says {said[:100]!r}.")
            return
        other = license_of([said[:100]])
        if other.kind != "unknown" and hub_id(said) not in _ids(claim.raw):
            yield RULES["license-contradicts-card"].found(
                "card", f"{claim.raw} is claimed, and the text of the card says {said[:100]}."
            )
            return


def _file(subject: Subject) -> Iterator[Finding]:
    claim, path = claim_of(subject), subject.license_file
    found = None if path is None else license_in(subject.license_text)
    if path is None or found is None or claim.raw is None or found in _ids(claim.raw):
        return
    if claim.raw.lower() == "other" or claim.kind == "unknown":
        yield RULES["license-unclear"].found(path, f"The claim is {claim.raw}, and the file holds the text of {found}.")
        return
    yield RULES["license-contradicts-file"].found(path, f"The claim is {claim.raw}, and the file holds {found}.")


def _layers(creator: Mapping[str, Any], base: Any) -> Iterator[Finding]:
    """Civitai's two layers: what the licence of the base model allows, and what the creator allows on top."""
    of_base = base if isinstance(base, Mapping) else {}
    kind, name = of_base.get("kind"), of_base.get("name")
    silent = sorted(key for key, value in creator.items() if value is None)
    if kind in (None, "unknown"):
        evidence = f"The licence of the base model is {name or 'not told'}, and what it allows is not known here."
        yield RULES["license-layer-missing"].found("record", evidence)
    if silent:
        yield RULES["license-layer-missing"].found("record", f"The creator does not say: {', '.join(silent)}.")
    if kind != "non-commercial":
        return
    allowed = creator.get("allowCommercialUse")
    if isinstance(allowed, list | tuple) and allowed:
        yield RULES["license-layers-contradict"].found(
            "record",
            f"The creator allows commercial use ({', '.join(map(str, allowed))}), and {name or 'the base model'} is "
            "non-commercial.",
        )
    elif creator.get("allowDifferentLicense") is True:
        yield RULES["license-layers-contradict"].found(
            "record", f"The creator allows other terms, and {name or 'the base model'} is non-commercial."
        )
