"""Searching the shelf as ModelScope does: its documented search, and the website's own. Pure.

What the zoo does not know it ignores without a word: an order, the name of a filter, a value that no model has. Words
are matched loosely: a name is found that holds every run of letters and digits of the words, wherever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zooclient.serve.exchange import Question
from zooclient.serve.modelscope_payloads import Shown

#: Rows of a page at the most, of the documented search and of the website's.
PAGE, SITE_PAGE = 50, 100
#: Last hit of a documented search that can be reached.
WINDOW = 3000

_RUNS = re.compile(r"[^\W\d_]+|\d+")
_FILTERS = ("task", "library", "model_type", "custom_tag", "license", "deploy")

_Key = Callable[[Shown], Any]
_SORTS: Mapping[str, _Key] = {
    "downloads": lambda model: model.repository.terms.downloads,
    "likes": lambda model: model.repository.terms.likes,
    "last_modified": lambda model: model.commit.date,
}
_SITE_SORTS: Mapping[str, _Key] = {
    "DownloadsCount": _SORTS["downloads"],
    "GmtModified": _SORTS["last_modified"],
    "GmtCreated": lambda model: model.repository.stable_id,
}
#: Category of the website's search to what a model has of it.
_CATEGORIES: Mapping[str, Callable[[Shown], Sequence[str]]] = {
    "tasks": lambda model: model.tasks,
    "libraries": lambda model: model.libraries,
    "tags": lambda model: model.labels,
    "organizations": lambda model: (model.repository.id.partition("/")[0],),
}


def select(question: Question, models: Sequence[Shown]) -> list[Shown]:
    """Returns the models that the documented search finds, in its order."""
    known = {tag for model in models for tag in model.tags}
    wanted = {
        f"{name}:{value}"
        for name in _FILTERS
        for value in question.values(f"filter.{name}")
        if f"{name}:{value}" in known
    }
    owner = question.value("owner")
    found = [
        model
        for model in models
        if wanted <= set(model.tags)
        and (owner is None or model.repository.id.partition("/")[0] == owner)
        and _matches(question.value("search"), model)
    ]
    return _sorted(found, _SORTS.get(question.value("sort") or ""))


def select_on_site(asked: Mapping[str, Any], models: Sequence[Shown]) -> list[Shown]:
    """Returns the models that the website's search finds, in its order."""
    tests = [test for item in _list(asked.get("Criterion")) if (test := _test(item)) is not None]
    if any(
        isinstance(item, dict) and item.get("category") == "inference_type"
        for item in _list(asked.get("SingleCriterion"))
    ):
        return []  # nothing here is hosted by anybody
    owner = asked.get("Path")
    words = asked.get("Name")
    found = [
        model
        for model in models
        if all(test(model) for test in tests)
        and (not isinstance(owner, str) or not owner or model.repository.id.partition("/")[0] == owner)
        and _matches(words if isinstance(words, str) else None, model)
    ]
    sort = asked.get("SortBy")
    return _sorted(found, _SITE_SORTS.get(sort) if isinstance(sort, str) else None)


def _test(item: Any) -> Callable[[Shown], bool] | None:
    """What one criterion wants; None: it is malformed or of a kind that is not known, and is ignored."""
    if not isinstance(item, dict) or item.get("predicate") != "contains" or not isinstance(item.get("values"), list):
        return None
    has, values = _CATEGORIES.get(str(item.get("category"))), {str(value) for value in item["values"]}
    return None if has is None or not values else lambda model: bool(values & set(has(model)))


def _matches(words: str | None, model: Shown) -> bool:
    name = model.repository.id.casefold()
    return all(run in name for run in _RUNS.findall((words or "").casefold()))


def _sorted(models: list[Shown], key: _Key | None) -> list[Shown]:
    by_name = sorted(models, key=lambda model: model.repository.id)
    return sorted(by_name, key=key or (lambda model: model.repository.terms.trending), reverse=True)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
