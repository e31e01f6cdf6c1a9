"""What became of locked models at their zoos: newer, rewritten, replaced, gone. Nothing is fetched or written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from zooclient.client.locked import held_to_lock, record_of_lock
from zooclient.client.telling import telling
from zooclient.errors import AccessError, Gone, IntegrityError, NotFound, ZooError
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.lock.format import LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord

#: What became of a model.
Fate = Literal[
    "current",
    "newer",
    "rewritten",
    "renamed",
    "owner-changed",
    "re-registered",
    "replaced",
    "removed",
    "gated",
    "unknown",
]

#: What nobody should take without finding out who did it.
ALARMING: frozenset[Fate] = frozenset({"rewritten", "owner-changed", "re-registered", "replaced"})


@frozen(kw_only=True)
class Outdated:
    """What became of one locked model.

    Attributes:
        name: What the project calls it.
        locked: The pinned reference.
        fate: ``current``; ``newer``: its reference means a later commit or version; ``rewritten``: the locked commit
            is no longer among those that led to the present one, or is gone; ``renamed``: by the same owner;
            ``owner-changed``; ``re-registered``: another model has its name; ``replaced``: other bytes under the same
            id; ``removed``; ``gated``, since it was locked; ``unknown``.
        now: What the reference means now. None when it is not known.
        told: A sentence on it.
    """

    name: str
    locked: Ref
    fate: Fate
    now: Ref | None = None
    told: str = ""

    @property
    def alarming(self) -> bool:
        """Whether somebody should find out who did it before anything newer is taken."""
        return self.fate in ALARMING


def outdated(wiring: Wiring, models: Iterable[LockedModel], cancel: Cancel | None) -> Flow[tuple[Outdated, ...]]:
    """What became of each model; one that cannot be asked about is ``unknown``, and says why."""
    found = []
    for model in models:
        if cancel is not None:
            cancel.check()
        with telling("outdated", model.requested):
            found.append((yield from _fate(wiring, model)))
    return tuple(found)


def _fate(wiring: Wiring, model: LockedModel) -> Flow[Outdated]:
    def of(fate: Fate, told: str, now: Ref | None = None) -> Outdated:
        return Outdated(name=model.name, locked=model.ref, fate=fate, now=now, told=told)

    # Past the store, which has an answer of its own to a pin.
    provider = wiring.provider(model.requested.scheme)
    try:
        record = yield from provider.resolve(model.requested)
    except AccessError as error:
        return of("gated" if model.access == "open" else "unknown", error.message)
    except (NotFound, Gone) as error:
        return of("removed", error.message)
    except IntegrityError as error:
        return of("replaced", error.message)
    except ZooError as error:
        return of("unknown", error.message)
    now = record.ref
    if None not in (model.stable_id, record.stable_id) and model.stable_id != record.stable_id:
        told = f"{model.requested.id} is another model: its id was {model.stable_id}, and is {record.stable_id}."
        return of("re-registered", told, now)
    if now.id != model.ref.id:
        owners = [one.rpartition("/")[0] for one in (model.ref.id, now.id)]
        if owners[0] != owners[1]:
            return of("owner-changed", f"{model.ref.id} is {now.id} now.", now)
        return of("renamed", f"{model.ref.id} is called {now.id} now.", now)
    if record.access.state != model.access and model.access == "open":
        return of("gated", f"It was open, and is {record.access.state}. {record.access.how or ''}".strip(), now)
    if now.revision == model.ref.revision:
        return of(*_same(record, model), now)
    return (yield from _moved(wiring, model, record))


def _same(record: ModelRecord, model: LockedModel) -> tuple[Fate, str]:
    try:
        held_to_lock(record, model)
    except IntegrityError as error:
        return "replaced", error.message
    return "current", "It is what was locked."


def _moved(wiring: Wiring, model: LockedModel, record: ModelRecord) -> Flow[Outdated]:
    from zooclient.providers.further import MayReplace, TellsHistory

    provider, now = wiring.provider(model.ref.scheme), record.ref
    fate: Fate = "newer"
    told = f"{model.requested} is {now.revision} now."
    try:
        if isinstance(provider, TellsHistory):
            follows = yield from provider.follows(now, model.ref.revision or "")
            if follows is False:
                fate = "rewritten"
                told = f"The locked commit {model.ref.revision} is none of those that led to {now.revision}."
            elif follows is None:
                told += " Whether it follows on the locked commit cannot be told: the log is too long."
        elif isinstance(provider, MayReplace):
            yield from provider.refresh(record_of_lock(model))
        else:
            told += " Whether what was locked is still there, its zoo does not tell."
    except IntegrityError as error:
        fate, told = "replaced", error.message
    except NotFound as error:
        fate, told = "removed", error.message
    except ZooError as error:
        told += f" More could not be found out: {error.message}"
    return Outdated(name=model.name, locked=model.ref, fate=fate, now=now, told=told)
