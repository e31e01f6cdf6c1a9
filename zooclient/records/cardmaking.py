"""Completing a card from what is known, without touching a character that somebody wrote.

The front matter gets the keys of both zoos: the Hub reads ``library_name`` and ``pipeline_tag``, ModelScope
``frameworks`` and ``tasks``; ``license`` and ``base_model`` are read by both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from zooclient.errors import ConfigError
from zooclient.records.card import Card
from zooclient.records.cardcheck import NEEDED, TO_WRITE, section_of
from zooclient.records.cardfacts import CardFacts, Result
from zooclient.records.licenses import hub_id

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")

_ASKED = {
    "Uses": "what the model is for, who is to use it, and what it is not for.",
    "Bias, Risks, and Limitations": "where it fails, and what whoever uses it must look out for.",
    "Training Details": "the data and the procedure.",
    "Evaluation": "what was measured, on which data, with which result.",
}
_DETAILS = ("model details", "model description", "model summary")


@frozen(kw_only=True)
class Completed:
    """A card, completed.

    Attributes:
        text: The whole card.
        keys: Keys that the front matter got.
        sections: Headings that were added.
    """

    text: str
    keys: tuple[str, ...]
    sections: tuple[str, ...]


def complete(text: str, facts: CardFacts) -> Completed:
    """Returns a card with what it lacks.

    Args:
        text: The card as it is; empty where there is none.
        facts: What is known.

    Raises:
        ConfigError: Its front matter cannot be read, so that nothing can be added to it.
    """
    card = Card.parse(text)
    _must_be_readable(card)
    newline = "\r\n" if "\r\n" in text else "\n"
    new = {key: value for key, value in _front(facts) if not _has(card, key)}
    sections = list(_missing(card, facts))
    if not card.text.strip():
        sections.insert(0, f"# {facts.title}\n")
    added = "\n".join(sections).replace("\n", newline)
    body = text
    if added and text and not text.endswith(("\n", "\r")):
        body += newline
    if added and card.text.strip():
        body += newline
    whole = _with_front(body + added, new, newline)
    made = Card.parse(whole)
    if made.problems or {**card.data, **new} != dict(made.data):
        raise ConfigError(
            "The front matter of the card is written in a way to which nothing can be added safely.",
            hint=f"Add these lines by hand: {' / '.join(_dumped(new).splitlines())}",
        )
    titles = tuple(line.lstrip("# ") for part in sections for line in part.splitlines() if line.startswith("## "))
    return Completed(text=whole, keys=tuple(new), sections=titles)


def _must_be_readable(card: Card) -> None:
    broken = [line for line in card.problems if not line.startswith(("The card is empty", "The card has no front"))]
    if broken:
        raise ConfigError(f"The card cannot be completed: {broken[0]}", hint="Mend README.md, then run it again.")


def _has(card: Card, key: str) -> bool:
    return key in card.data or (key == "base_model" and "finetuned_from" in card.data)


def _front(facts: CardFacts) -> Iterator[tuple[str, Any]]:
    claim = facts.license
    if claim is not None and claim.raw is not None:
        yield "license", hub_id(claim.raw)
        if hub_id(claim.raw) == "other":
            if claim.name is not None:
                yield "license_name", claim.name
            if claim.url is not None:
                yield "license_link", claim.url
    if facts.base is not None:
        yield "base_model", facts.base
        if facts.relation is not None:
            yield "base_model_relation", facts.relation
    if facts.library is not None:
        yield "library_name", facts.library
    if facts.framework is not None:
        yield "frameworks", [facts.framework]
    if facts.task is not None:
        yield "pipeline_tag", facts.task
        yield "tasks", [facts.task]
    if facts.results:
        yield "model-index", [_index(facts)]


def _index(facts: CardFacts) -> dict[str, Any]:
    """One entry of ``model-index``, by https://huggingface.co/docs/hub/model-cards#evaluation-results."""
    by_data: dict[str | None, list[Result]] = {}
    for result in facts.results:
        by_data.setdefault(result.dataset, []).append(result)
    return {
        "name": facts.title,
        "results": [
            {
                "task": {"type": facts.task or "other"},
                "dataset": {"type": data or "unknown", "name": data or "unknown"},
                "metrics": [{"type": one.metric, "value": one.value} for one in results],
            }
            for data, results in by_data.items()
        ],
    }


def _with_front(text: str, new: dict[str, Any], newline: str) -> str:
    if not new:
        return text
    lines = _dumped(new).replace("\n", newline)
    at = _end_of_head(text)
    if at is not None:
        return text[:at] + lines + text[at:]
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return f"{mark}---{newline}{lines}---{newline}{newline}{text.removeprefix(mark)}"


def _end_of_head(text: str) -> int | None:
    """Where the line that ends the front matter begins; None: there is no front matter."""
    opened = False
    for line in _LINE.finditer(text):
        bare = line[0].lstrip("\ufeff").rstrip()
        if opened and bare == "---":
            return line.start()
        if not opened and bare:
            if bare != "---":
                return None
            opened = True
    return None


def _dumped(new: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(new, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000)


def _missing(card: Card, facts: CardFacts) -> Iterator[str]:
    details = "".join(_details(facts))
    if details and section_of(card, _DETAILS) is None:
        yield f"## Model Details\n\n{details}"
    for title, (_, names) in NEEDED.items():
        if section_of(card, names) is None:
            yield f"## {title}\n\n{_said(title, facts)}"


def _details(facts: CardFacts) -> Iterator[str]:
    claim = facts.license
    if facts.base is not None:
        yield f"- Base model: `{facts.base}`{f' ({facts.relation})' if facts.relation else ''}\n"
    if claim is not None and claim.raw is not None:
        yield f"- License: {claim.name or hub_id(claim.raw)}\n"
    if facts.parameters:
        types = ", ".join(f"{kind} {number:,}" for kind, number in sorted(facts.parameters.items()))
        yield f"- Parameters: {sum(facts.parameters.values()):,} ({types}), in safetensors\n"
    if facts.library is not None:
        yield f"- Library: {facts.library}\n"


def _said(title: str, facts: CardFacts) -> str:
    if title == "Evaluation" and facts.results:
        rows = "".join(f"| {one.dataset or ''} | {one.metric} | {one.value:.6g} |\n" for one in facts.results)
        return f"| data | metric | value |\n|---|---|---|\n{rows}"
    return f"{TO_WRITE} {_ASKED[title]}\n"
