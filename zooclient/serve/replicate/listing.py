"""Pages and searches. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from zooclient.serve.exchange import Question
from zooclient.serve.replicate.catalogue import Model
from zooclient.serve.replicate.hosted import Collection
from zooclient.serve.replicate.naming import cursor, place

#: Models on a page, and predictions on one.
MODELS: Final = 25
RUNS: Final = 100
#: The list of the models that the zoo keeps itself.
OFFICIAL: Final = Collection(
    slug="official",
    name="Official models",
    description="Official models are always on, maintained, and have predictable pricing.",
)

_SORTS: Final[dict[str, Callable[[Model], Any]]] = {
    "model_created_at": lambda model: model.created,
    "latest_version_created_at": lambda model: model.versions[0].created,
}


def page(question: Question, items: Sequence[Any], size: int, show: Callable[[Any], Any]) -> dict[str, Any] | None:
    """Returns the page of a list that the cursor asks for; None when the cursor is none.

    Args:
        question: What was asked.
        items: All of them.
        size: How many fit on a page.
        show: Returns an item as it is told.
    """
    start = place(question.value("cursor"))
    if start is None:
        return None
    kept = "".join(f"{name}={question.value(name)}&" for name in ("sort_by", "sort_direction") if question.value(name))
    link = f"{question.base}{question.path}?{kept}cursor="
    return {
        "next": f"{link}{cursor(start + size)}" if start + size < len(items) else None,
        "previous": f"{link}{cursor(max(0, start - size))}" if start > 0 else None,
        "results": [show(item) for item in items[start : start + size]],
    }


def ordered(question: Question, models: Iterable[Model]) -> list[Model] | None:
    """Returns models in the order that is asked for; None when there is no such order."""
    key = _SORTS.get(question.value("sort_by") or "latest_version_created_at")
    direction = question.value("sort_direction") or "desc"
    if key is None or direction not in ("asc", "desc"):
        return None
    return sorted(models, key=key, reverse=direction == "desc")


def found(text: str, models: Iterable[Model]) -> list[tuple[float, Model]]:
    """Returns the models in which every word of a query stands, with a score, the best first."""
    words = text.casefold().split()
    hits = [(score, model) for model in models if (score := _score(words, model)) > 0]
    return sorted(hits, key=lambda hit: (-hit[0], -hit[1].repository.terms.downloads, hit[1].id))


def _score(words: Sequence[str], model: Model) -> float:
    name = model.id.casefold()
    text = " ".join((name, model.description or "", *model.told.tags)).casefold()
    if not words or not all(word in text for word in words):
        return 0.0
    return 1.0 + sum(word in name for word in words) / len(words)


def collections(models: Iterable[Model]) -> dict[Collection, list[Model]]:
    """Returns the curated lists and what is in them, in the order of their slugs."""
    lists: dict[Collection, list[Model]] = {}
    for model in models:
        for entry in (*model.hosted.collections, *([OFFICIAL] if model.hosted.official else [])):
            lists.setdefault(entry, []).append(model)
    return dict(sorted(lists.items(), key=lambda item: item[0].slug))
