"""Pages of answers, bodies of questions, and where things are for the client that asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from zooclient.serve.exchange import Answer, Question, Refusal, json_answer
from zooclient.serve.replicate import checking, listing, said
from zooclient.serve.replicate.payloads import Places


@frozen(kw_only=True)
class Pages:
    """Makes pages.

    Attributes:
        most: Entries on one at the most.
        byte_origin: Called with the origin that a client spoke to, returns the other one.
    """

    most: int
    byte_origin: Callable[[str], str]

    def places(self, question: Question) -> Places:
        """Returns where things are."""
        return Places(api=question.base, delivery=self.byte_origin(question.base))

    def page(self, question: Question, items: Sequence[Any], size: int, show: Callable[[Any], Any]) -> Answer:
        """Returns the page of a list that is asked for.

        Args:
            question: What was asked.
            items: All of them.
            size: How many the API puts on a page.
            show: Returns an item as it is told.
        """
        page = listing.page(question, items, min(size, self.most), show)
        return said.absent() if page is None else json_answer(page)


def json_object(question: Question, required: tuple[str, ...], optional: tuple[str, ...]) -> Mapping[str, Any]:
    """Returns the body of a question.

    Args:
        question: What was asked.
        required: Members that it has to have.
        optional: Members that it may have; no others are taken.

    Raises:
        Refusal: It is no JSON object, or its members are others.
    """
    try:
        body = json.loads(question.body)
    except (ValueError, RecursionError):
        raise Refusal(said.problem(400, "The body is not valid JSON.")) from None
    if not isinstance(body, dict):
        raise Refusal(said.problem(400, "The body is not a JSON object."))
    flaws = checking.members(body, required, optional)
    if flaws:
        raise Refusal(said.invalid(flaws))
    return body
