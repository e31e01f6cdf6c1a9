"""The pages of Civitai's lists: by cursor, by number, and the addresses of those that follow. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from zooclient.serve.civitai.listing import Search
from zooclient.serve.civitai.parameters import Invalid, number, zod
from zooclient.serve.exchange import Answer, Question, json_answer


def metadata(question: Question, search: Search, cursor: str | None) -> dict[str, Any]:
    """Returns what a page of models tells of the pages.

    Args:
        question: What was asked.
        search: The same, as it was read.
        cursor: Of the next page. None: there is none.
    """
    told: dict[str, Any] = {}
    if cursor is not None:
        told["nextCursor"] = cursor
    if search.page is not None:
        told |= {"currentPage": search.page, "pageSize": search.limit}
        following = {"page": str(search.page + 1)}
    else:
        following = {"cursor": cursor or ""}
    # The address repeats the whole question, a key that stands in it too.
    return told if cursor is None else {**told, "nextPage": _next(question, following)}


def _next(question: Question, changed: dict[str, str]) -> str:
    kept = [pair for pair in parse_qsl(question.query, keep_blank_values=True) if pair[0] not in changed]
    return f"{question.base}{question.path}?{urlencode([*kept, *changed.items()])}"


def counted(question: Question, rows: list[dict[str, Any]], name: str) -> Answer:
    """Returns one page of a list whose pages go by number.

    Args:
        question: What was asked.
        rows: The whole list.
        name: Member of a row in which words are looked for.
    """
    try:
        limit = number(question, "limit", 20, 0, 200)
        page = number(question, "page", 1, 1, 2**31 - 1)
    except Invalid as error:
        return json_answer(zod({error.path: str(error)}), status=400)
    words = (question.value("query") or "").casefold()
    rows = [row for row in rows if words in str(row[name]).casefold()]
    pages = -(-len(rows) // limit) if limit else 1
    told: dict[str, Any] = {"totalItems": len(rows), "currentPage": page, "pageSize": limit, "totalPages": pages}
    if page < pages:
        told["nextPage"] = _next(question, {"page": str(page + 1)})
    if page > 1:
        told["prevPage"] = _next(question, {"page": str(page - 1)})
    return json_answer({"items": rows[(page - 1) * limit :][:limit], "metadata": told})
