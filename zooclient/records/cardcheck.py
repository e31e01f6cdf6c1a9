"""Whether a card is fit to be published: what is missing, what is broken, and what it may not claim.

The sections that are looked for are those of the Hub's template that a reader needs to decide
(https://huggingface.co/docs/hub/model-card-annotated). Nothing here knows the law: a licence is compared with that of
the base model by what both roughly allow, and what is not known is told and not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zooclient.records.card import LIMITS, Card, Section, heading_key
from zooclient.records.licenses import hub_id
from zooclient.records.model import License, LicenseKind
from zooclient.records.publication import CardFinding, Gravity

#: From the loosest to the strictest.
_STRICTNESS: tuple[LicenseKind, ...] = ("open-source", "open-weight", "non-commercial")
#: Ids of licences that let nobody pass on what was made from a work.
_NO_DERIVATIVES = frozenset({"cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"})
#: Licences by which what is made from a work stays under the same one.
_SHARE_ALIKE = {
    **dict.fromkeys(("cc-by-sa-3.0", "cc-by-sa-4.0"), "cc-by-sa"),
    **dict.fromkeys(("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"), "cc-by-nc-sa"),
    **dict.fromkeys(("gpl-2.0", "gpl-3.0", "agpl-3.0"), "gpl"),
}

#: What a generated section begins with until somebody wrote it.
TO_WRITE = "To be written:"

#: Section that a reader needs → its rule, and the headings under which authors write it.
NEEDED: dict[str, tuple[str, tuple[str, ...]]] = {
    "Uses": (
        "section-uses",
        ("uses", "intended uses", "intended use", "intended uses & limitations", "direct use", "usage", "how to use"),
    ),
    "Bias, Risks, and Limitations": ("section-limitations", LIMITS),
    "Training Details": (
        "section-training",
        ("training details", "training", "training data", "training procedure", "training and evaluation data"),
    ),
    "Evaluation": ("section-evaluation", ("evaluation", "evaluation results", "results", "performance", "benchmarks")),
}


def card_findings(text: str | None, bases: Sequence[tuple[str, License | None]]) -> tuple[CardFinding, ...]:
    """Returns what a look at a card found, what refuses it first.

    Args:
        text: The card. None: there is none.
        bases: Each base model by name, with its licence; None where nobody could tell it.
    """
    if text is None:
        return (_refused("card-missing", "There is no card: README.md is missing."),)
    card = Card.parse(text)
    found = [*front_findings(card), *license_findings(card), *base_findings(card.license, bases), *_sections(card)]
    order: tuple[Gravity, ...] = ("refused", "warning", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.gravity)))


def refused(findings: Sequence[CardFinding]) -> tuple[CardFinding, ...]:
    """Returns those that stop a publication."""
    return tuple(finding for finding in findings if finding.gravity == "refused")


def front_findings(card: Card) -> Iterator[CardFinding]:
    """Yields what is wrong with the front matter of a card."""
    for problem in card.problems:
        if problem.startswith(("The card is empty", "The card has no front matter")):
            yield _refused("front-matter-missing", problem)
        else:
            yield _refused("front-matter-invalid", problem)


def license_findings(card: Card) -> Iterator[CardFinding]:
    """Yields what is unclear about the licence that a card claims."""
    claim = card.license
    if claim.raw is None:
        yield _refused("license-missing", "The card names no licence, so nobody may use the model.")
    elif claim.raw.lower() == "other" and not (claim.name and "license_link" in card.data):
        yield _warning("license-unnamed", "The licence is `other`, without license_name and license_link to say which.")
    elif claim.kind == "unknown" and claim.spdx is None and claim.raw.lower() != "other":
        yield _warning("license-unknown", f"The licence {claim.raw!r} is not known here.")


def base_findings(claim: License, bases: Sequence[tuple[str, License | None]]) -> Iterator[CardFinding]:
    """Yields how a claimed licence stands to those of the base models."""
    for name, base in bases:
        if base is None or base.raw is None or base.kind == "unknown":
            said = "could not be read" if base is None or base.raw is None else f"({base.raw}) is not known here"
            yield CardFinding(
                rule="base-license-unknown",
                gravity="note",
                message=f"The licence of the base model {name} {said}, so that nothing was compared with it.",
            )
            continue
        why = contradiction(claim, base)
        if why is not None:
            yield _refused("license-contradicts-base", f"The base model {name} is under {base.raw}: {why}.")


def contradiction(claim: License, base: License) -> str | None:
    """Returns why a model made from a base cannot be under the licence that it claims; None: nothing speaks against.

    Args:
        claim: Licence that the model claims.
        base: Licence of the model that it was made from.
    """
    base_id = hub_id(base.raw or "")
    if base_id in _NO_DERIVATIVES:
        return "what was made from it may not be passed on"
    if claim.raw is None or claim.kind == "unknown" or base.kind == "unknown":
        return None
    if _STRICTNESS.index(claim.kind) < _STRICTNESS.index(base.kind):
        return f"{claim.raw} ({claim.kind}) allows more than a licence that is {base.kind}"
    share = _SHARE_ALIKE.get(base_id)
    if share is not None and _SHARE_ALIKE.get(hub_id(claim.raw)) != share:
        return f"what was made from it stays under that licence, and {claim.raw} is another"
    return None


def _sections(card: Card) -> Iterator[CardFinding]:
    for title, (rule, names) in NEEDED.items():
        section = section_of(card, names)
        if section is None:
            yield _warning(rule, f"The card has no section {title!r}.")
        elif section.text.strip().startswith(TO_WRITE):
            yield _warning(rule, f"The section {section.title!r} is still to be written.")


def section_of(card: Card, names: Sequence[str]) -> Section | None:
    """Returns the first section under one of these headings; None: there is none."""
    wanted = {heading_key(name) for name in names}
    return next((section for section in card.sections if heading_key(section.title) in wanted), None)


def _refused(rule: str, message: str) -> CardFinding:
    return CardFinding(rule=rule, gravity="refused", message=message)


def _warning(rule: str, message: str) -> CardFinding:
    return CardFinding(rule=rule, gravity="warning", message=message)
