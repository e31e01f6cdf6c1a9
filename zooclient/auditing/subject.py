"""What an audit looks at, gathered before a rule is applied; pure."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from zooclient.records.card import Card
from zooclient.records.model import License, ModelRecord


@frozen(kw_only=True)
class Base:
    """A model that another was made from.

    Attributes:
        name: As it was written.
        of: Name of the model that was made from it.
        depth: 1 for a base of the model itself, 2 for a base of that, ….
        record: What its zoo claims. None: it could not be looked at.
        problem: Why not, in a sentence.
    """

    name: str
    of: str
    depth: int = 1
    record: ModelRecord | None = None
    problem: str | None = None

    @property
    def license(self) -> License | None:
        """Its licence; None: nobody could tell it."""
        return None if self.record is None else self.record.license


@frozen(kw_only=True)
class Subject:
    """A model, and all that is at hand about it.

    Attributes:
        record: What the zoo claims.
        card: Its card. None: it could not be had.
        card_problem: Why not, in a sentence.
        pinned: It was asked for by a pin, or by a name that a lock pins.
        bases: The models that it was made from, and those that these were, as far as they were looked at.
        license_file: Path of the file with the licence's text. None: none is at hand.
        license_text: What stands in it.
        now: The time at which it is looked at, aware. None: no age is told.
        from_lock: The record is made of a lock, and the zoo was not asked.
    """

    record: ModelRecord
    card: Card | None = None
    card_problem: str | None = None
    pinned: bool = True
    bases: tuple[Base, ...] = ()
    license_file: str | None = None
    license_text: str = ""
    now: datetime | None = None
    from_lock: bool = False
