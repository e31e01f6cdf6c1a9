"""A comparison, as one flow for each of its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.errors import Cancelled, ZooError
from zooclient.records.comparison import Column, column_of, failed_column

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref


def column(steps: Steps, target: str | Ref | ModelRecord) -> Flow[Column]:
    """The column of one model: its record and its card. What fails is told in it and stops no other."""
    from zooclient.records.ref import Ref

    asked = str(target if isinstance(target, (str, Ref)) else target.requested)
    try:
        record = yield from steps.record_of(target)
    except Cancelled:
        raise
    except ZooError as error:
        return failed_column(asked, error)
    try:
        card = yield from steps.card(record)
    except Cancelled:
        raise
    except ZooError as error:
        return column_of(asked, record, None, card_problem=error.message)
    return column_of(asked, record, card, card_problem=None if card.text.strip() else next(iter(card.problems), None))
