"""Searching the shelf: the parameters of ``GET /api/models``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import frozen

from zooclient.serve import payloads
from zooclient.serve.describe import Description
from zooclient.serve.exchange import Question
from zooclient.serve.shelf import Commit, Repository

_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@frozen(kw_only=True)
class Candidate:
    """A model that may be listed: its main branch, and what its files tell."""

    repository: Repository
    commit: Commit
    told: Description

    @property
    def parameters(self) -> int:
        """Number of parameters; 0 when not known."""
        return sum((self.told.parameters or {}).values())


_SORTS: dict[str, Callable[[Candidate], Any]] = {
    "downloads": lambda model: model.repository.terms.downloads,
    "likes": lambda model: model.repository.terms.likes,
    "likes30d": lambda model: model.repository.terms.likes,
    "lastModified": lambda model: model.commit.date,
    "createdAt": lambda model: model.repository.stable_id[:8],
    "trendingScore": lambda model: model.repository.terms.trending,
    "num_parameters": lambda model: model.parameters,
    "mainSize": lambda model: payloads.size(model.commit),
    "id": lambda model: model.repository.id,
}


def select(question: Question, models: Iterable[Candidate]) -> list[Candidate]:
    """Returns the models that a listing asks for, in its order.

    Raises:
        ValueError: A parameter has a value that the Hub refuses; the text is what it says.
    """
    sort = question.value("sort") or "trendingScore"
    if sort not in _SORTS:
        raise ValueError(f"Invalid option: expected one of {', '.join(map(repr, _SORTS))} at sort")
    tests = _tests(question)
    # Equal ones stay in the order of their ids, whichever way is up.
    chosen = sorted(
        (model for model in models if all(test(model) for test in tests)), key=lambda model: model.repository.id
    )
    return sorted(chosen, key=_SORTS[sort], reverse=question.value("direction") != "1" and sort != "id")


def _tests(question: Question) -> list[Callable[[Candidate], bool]]:
    texts = [text.casefold() for text in question.values("search")]
    authors = [author.casefold() for author in question.values("author")]
    tests: list[Callable[[Candidate], bool]] = [
        lambda model: all(text in model.repository.id.casefold() for text in texts),
        lambda model: all(author == model.repository.id.partition("/")[0].casefold() for author in authors),
        lambda model: all(tag in model.told.tags for tag in question.values("filter")),
        lambda model: all(task == model.told.task for task in question.values("pipeline_tag")),
    ]
    if question.value("gated") is not None:
        tests.append(lambda model: bool(model.repository.terms.gated) == question.flag("gated"))
    bounds = question.value("num_parameters")
    if bounds is not None:
        least, most = _bounds(bounds)
        tests.append(lambda model: least <= model.parameters <= most)
    if any(question.values(name) for name in ("inference", "inference_provider", "apps")):
        # Nothing here is hosted by anybody, or declared for an app.
        tests.append(lambda model: False)
    return tests


def _bounds(text: str) -> tuple[float, float]:
    limits = {"min": 0.0, "max": float("inf")}
    for part in text.split(","):
        name, colon, number = part.partition(":")
        unit = _UNITS.get(number[-1:].upper(), 1.0)
        try:
            limits[name] = float(number.rstrip("KMBTkmbt")) * unit
        except ValueError:
            colon = ""
        if not colon or name not in ("min", "max"):
            raise ValueError(f"Invalid num_parameters: {text}")
    return limits["min"], limits["max"]
