"""Rules on the card; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.sections import placeholders, says_something, told
from zooclient.auditing.subject import Subject
from zooclient.records.audit import Finding
from zooclient.records.card import Card
from zooclient.records.cardcheck import front_findings
from zooclient.records.comparison import evaluations

WHERE = "card"

#: Topic → rule, and what is missing in words.
_TOPICS = {
    "uses": ("uses-missing", "what the model is for"),
    "limitations": ("limitations-missing", "what the model is not fit for"),
    "training": ("training-data-missing", "what the model was trained on"),
    "evaluation": ("evaluation-missing", "how well the model works"),
}

#: Addresses of a file or folder at a branch: those of the Hub, ModelScope and GitHub.
_MOVING = re.compile(
    r"https?://(?:www\.)?(?:"
    r"(?:huggingface\.co|hf\.co|modelscope\.(?:cn|ai)|github\.com)/[^\s()<>\"'`\]]{0,300}?"
    r"/(?:resolve|blob|raw|tree|file/view)"
    r"|raw\.githubusercontent\.com/[^\s/()<>\"']{1,100}/[^\s/()<>\"']{1,100}"
    r")/(?:main|master|refs/heads/[^\s/()<>\"']{1,100})(?=[/?#\s()<>\"'`\]]|$)[^\s()<>\"'`\]]*"
)
#: Sentences of a zoo that stand for the whole card.
_WHOLE = re.compile(
    r"当前模型的贡献者未提供更加详细的模型介绍|this is a (?:new|auto)-?generated model card template", re.IGNORECASE
)
#: Links that a finding names.
_NAMED = 3
#: Characters of a card in which links are looked for.
_READ = 1_000_000


def findings(subject: Subject) -> Iterator[Finding]:
    """Yields what is to be said of a card."""
    card = subject.card
    if card is None or not (card.text.strip() or card.data):
        yield _none(subject)
        return
    if not card.text.strip() and card.problems:
        yield _none(subject, card.problems[0])
        return
    yield from _front(card)
    if _WHOLE.search(card.text) or not says_something(card.text):
        yield RULES["card-placeholder"].found(
            WHERE, "The card is what a template or a zoo put there; nobody has written anything."
        )
    yield from _topics(subject, card)
    empty = placeholders(card)
    if empty:
        yield RULES["card-sections-empty"].found(WHERE, f"Nothing but place-holders: {listed(empty)}.")
    yield from _links(card)


def _none(subject: Subject, problem: str | None = None) -> Finding:
    why = subject.card_problem or problem
    if why is None or "no card" in why or "is empty" in why:
        return RULES["card-missing"].found(WHERE, why or "The model has no card.")
    return RULES["card-unreadable"].found(WHERE, why)


def _front(card: Card) -> Iterator[Finding]:
    for one in front_findings(card):
        yield RULES[one.rule].found(WHERE, one.message)


def _topics(subject: Subject, card: Card) -> Iterator[Finding]:
    for topic, (rule, missing) in _TOPICS.items():
        if topic == "training" and (card.datasets or subject.record.metadata.get("datasets")):
            continue
        if topic == "evaluation" and evaluations(subject.record, card):
            continue
        found = told(card, topic)
        if found.said:
            continue
        where = f" Under {listed(found.empty)} stands nothing but place-holders." if found.empty else ""
        yield RULES[rule].found(WHERE, f"No section says {missing}.{where}")


def _links(card: Card) -> Iterator[Finding]:
    found = tuple(dict.fromkeys(match[0].rstrip(".,;") for match in _MOVING.finditer(card.text[:_READ])))
    if found:
        yield RULES["links-moving"].found(WHERE, f"{len(found)} of a branch: {listed(found)}.")


def moving(url: str) -> bool:
    """Whether an address names a file at a branch."""
    return _MOVING.match(url) is not None


def listed(items: tuple[str, ...]) -> str:
    """Returns the first few of many, and how many more there are."""
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more
