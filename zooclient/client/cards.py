"""Looking at a card before it is published, and writing one of what is known."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from zooclient.client.publishfolder import CARD, Folder, read_folder
from zooclient.errors import Cancelled, ConfigError, NotFound, PolicyError, StoreError, ZooError
from zooclient.net.exchange import Call
from zooclient.records.card import Card
from zooclient.records.cardcheck import card_findings, contradiction
from zooclient.records.cardfacts import facts_of
from zooclient.records.cardmaking import complete
from zooclient.records.licenses import license_of
from zooclient.records.model import License
from zooclient.records.plain import Plain
from zooclient.records.publication import CardFinding
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow

#: Zoos at which a base model that is named without one is looked for, in this order.
_ZOOS = ("hf", "modelscope")
#: Base models that are looked at; a merge may have many.
_BASES = 8

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)?")


@frozen(kw_only=True)
class WrittenCard(Plain):
    """What was written into a card.

    Attributes:
        path: The card.
        keys: Keys that its front matter got.
        sections: Sections that were added.
        findings: What a look at it found then.
    """

    path: str
    keys: tuple[str, ...]
    sections: tuple[str, ...]
    findings: tuple[CardFinding, ...]


def check(wiring: Wiring, place: Path, base: Ref | None) -> Flow[tuple[CardFinding, ...]]:
    """What is to be said against the card of a folder.

    Args:
        wiring: The client's.
        place: The folder.
        base: The base model. None: those that the card names.
    """
    folder: Folder = yield Call(run=partial(read_folder, place))
    return (yield from findings(wiring, folder.card, base))


def findings(wiring: Wiring, text: bytes | None, base: Ref | None) -> Flow[tuple[CardFinding, ...]]:
    """What is to be said against a card; its base models are asked for their licences."""
    card = None if text is None else Card.parse(text)
    names: Sequence[str] = (str(base),) if base is not None else () if card is None else card.base_models
    bases: dict[str, License | None] = {}
    for name in names[:_BASES]:
        bases[name] = yield from _license_of(wiring, name)
    return card_findings(None if text is None else _text(text), tuple(bases.items()))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{CARD} is no UTF-8.", hint="Save it as UTF-8.") from error


def _license_of(wiring: Wiring, name: str) -> Flow[License | None]:
    """The licence of a model by its name; None: nobody could tell it."""
    from zooclient.client.resolving import resolve

    for ref in meant(name):
        try:
            return (yield from resolve(wiring, ref)).license
        except Cancelled:
            raise
        except NotFound:
            continue
        except ZooError:
            return None
    return None


def meant(name: str) -> list[Ref]:
    """Returns the references that the name of a base model may stand for, the likeliest first; empty: it is none."""
    try:
        if ":" in name:
            return [Ref.parse(name)]
        return [Ref(scheme=zoo, id=name) for zoo in _ZOOS if "/" in name or zoo == "hf"] if _PLAIN.match(name) else []
    except ZooError:
        return []


def write(
    wiring: Wiring,
    place: Path,
    *,
    base: Ref | None,
    license: str | None,
    ask: Callable[[], str] | None = None,
) -> Flow[WrittenCard]:
    """Writes the card of a folder, or completes it; no character that somebody wrote is touched.

    Args:
        wiring: The client's.
        place: The folder.
        base: The base model. None: what its configs name, if they do.
        license: Id of the licence. None: what the card says, else that of the base model where it is known.
        ask: Asks a person for the id of the licence. None: nobody can be asked.

    Raises:
        ConfigError: No licence is known, or the card cannot be read.
        PolicyError: The licence contradicts that of the base model.
    """
    folder: Folder = yield Call(run=partial(read_folder, place))
    before = "" if folder.card is None else _text(folder.card)
    card = Card.parse(before)
    facts = evolve(facts_of(folder.root.name, folder.configs, folder.paths), parameters=folder.parameters)
    if base is not None:
        written = base.id if base.scheme in _ZOOS else str(base.at(None))
        facts = evolve(facts, base=written, relation=facts.relation or "finetune")
    name = str(base) if base is not None else next(iter(card.base_models), facts.base)
    of_base = None if name is None else (yield from _license_of(wiring, name))
    claim = license_of([license]) if license else card.license
    if claim.raw is None:
        claim = _of_base(of_base) or _asked(name, of_base, ask)
    why = None if of_base is None else contradiction(claim, of_base)
    if of_base is not None and why is not None:
        raise PolicyError(
            f"The base model {name} is under {of_base.raw}: {why}.", hint="Choose a licence that its terms allow."
        )
    completed = complete(before, evolve(facts, license=claim))
    if completed.text != before:
        yield Call(run=partial(_save, folder.root / CARD, completed.text))
    found = yield from findings(wiring, completed.text.encode(), base)
    return WrittenCard(path=str(folder.root / CARD), keys=completed.keys, sections=completed.sections, findings=found)


def _of_base(base: License | None) -> License | None:
    """The licence that may be taken over from the base model; None: it is not known, or lets nobody pass it on."""
    if base is None or base.raw is None or base.kind == "unknown" or contradiction(base, base) is not None:
        return None
    return base


def _asked(name: str | None, base: License | None, ask: Callable[[], str] | None) -> License:
    if ask is not None:
        said = license_of([ask()])
        if said.raw is not None:
            return said
    raw = None if base is None else base.raw
    of_base = "" if name is None else f" The licence of {name} is {raw or 'not told'}."
    raise ConfigError(
        f"No licence is known for the card.{of_base}",
        hint="Say it with --license, such as --license apache-2.0; --license other for one of your own.",
    )


def _save(path: Path, text: str) -> None:
    """Replaces a file as a whole."""
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".card-", delete=False) as file:
            file.write(text.encode())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(file.name).chmod(mode)
        Path(file.name).replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Who may write there?"
        ) from error
