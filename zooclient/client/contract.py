"""The facts about a live zoo that this version leans on, each asked of well-known public pins, reading only.

The suite's other witnesses are recordings and doubles; only a run against the live zoo can tell that a fact
no longer holds. ``zooclient doctor --live`` runs it and prints each fact that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from zooclient.errors import AccessError, NotFound, ZooError
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.sync import Client


@frozen(kw_only=True)
class Pins:
    """Public models whose answers are known.

    Attributes:
        known: Pinned reference of a small, open model.
        stable_id: What the zoo calls it for ever.
        small_file: A file of it that is small and not stored as a large file. None: ask for no byte, because the zoo
            counts that, or wants a login for it.
        kinds: Digests that its files have, at least one of each.
        digests: Path of a file of it → its sha256, where the zoo could replace it.
        moved: Reference under a name that the model had before. None: do not look.
        gated: Reference of a gated model. None: do not look.
        missing: Reference of a model that does not exist.
        search: Words that find more than one page of models.
    """

    known: str
    stable_id: str
    missing: str
    search: str
    small_file: str | None = None
    kinds: frozenset[str] = frozenset({"sha256"})
    digests: Mapping[str, str] = field(factory=dict, hash=False)
    moved: str | None = None
    gated: str | None = None


#: The Hub's, as recorded in March 2025; commits do not change.
HUGGINGFACE = Pins(
    known="hf:openai-community/gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e",
    stable_id="621ffdc036468d709f17434d",
    small_file="config.json",
    kinds=frozenset({"sha256", "git-sha1"}),
    moved="hf:gpt2",
    gated="hf:meta-llama/Llama-3.1-8B-Instruct",
    missing="hf:zooclient/this-model-does-not-exist",
    search="bert",
)

#: Civitai's, as recorded in December 2023. A download of it is counted, so that none is tried.
CIVITAI = Pins(
    known="civitai:215485@243508",
    stable_id="215485",
    digests={
        "sd_xl_turbo_lora_v1-64dim.safetensors": "fe223afc1a165834bdd9cf2d3bfc82374468ded5f3ea8b6ab8018f02f380c557",
    },
    missing="civitai:2147483647",
    search="lora",
)

#: All of them.
PINS = (HUGGINGFACE, CIVITAI)


@frozen(kw_only=True)
class Fact:
    """One fact, and whether it held.

    Attributes:
        zoo: Scheme of the zoo that it is about.
        text: The fact, as one sentence.
        held: Whether the zoo still answers so.
        detail: What it answered instead. None when it held.
    """

    zoo: str
    text: str
    held: bool
    detail: str | None = None


def ask_live(client: Client, pins: Pins) -> Iterator[Fact]:
    """Asks for every fact. The client should have an empty home, so that nothing is answered from the store."""
    looks: list[tuple[str, Callable[[], str | None]]] = [
        ("A pin is answered with that revision and the id that survives renames.", lambda: _pinned(client, pins)),
        ("Every file comes with its size and a digest that proves it.", lambda: _digests(client, pins)),
        (f"Files are listed with these digests: {', '.join(sorted(pins.kinds))}.", lambda: _kinds(client, pins)),
        ("A search gives hits, and a second page of others.", lambda: _search(client, pins)),
        ("A model that does not exist is not found.", lambda: _missing(client, pins)),
    ]
    if pins.small_file is not None:
        looks.append(("A small file arrives and agrees with the listed digest.", lambda: _bytes(client, pins)))
    if pins.digests:
        looks.append(("What a pin means has not been replaced.", lambda: _replaced(client, pins)))
    if pins.moved is not None:
        looks.append(("An old name leads to the new one.", lambda: _moved(client, pins)))
    if pins.gated is not None:
        looks.append(("The record of a gated model can be read and says so.", lambda: _gated(client, pins)))
    for text, look in looks:
        try:
            detail = look()
        except ZooError as error:
            detail = f"{type(error).__name__}: {error.message}"
        yield Fact(zoo=Ref.parse(pins.known).scheme, text=text, held=detail is None, detail=detail)


def _pinned(client: Client, pins: Pins) -> str | None:
    record = client.resolve(pins.known)
    wanted = Ref.parse(pins.known)
    if record.ref.revision != wanted.revision:
        return f"asked for {wanted.revision}, answered {record.ref.revision}"
    if record.stable_id != pins.stable_id:
        return f"the id is {record.stable_id}, not {pins.stable_id}"
    return None


def _digests(client: Client, pins: Pins) -> str | None:
    files = client.resolve(pins.known).files
    bare = [f.path for f in files if f.expected_size is None or not ({"sha256", "git-sha1"} & set(f.digests))]
    if not files:
        return "no files are listed"
    return f"no size or digest: {', '.join(bare[:5])}" if bare else None


def _kinds(client: Client, pins: Pins) -> str | None:
    kinds = {kind for entry in client.resolve(pins.known).files for kind in entry.digests}
    missing = pins.kinds - kinds
    return f"no file has a {' or '.join(sorted(missing))}" if missing else None


def _bytes(client: Client, pins: Pins) -> str | None:
    size = client.file(pins.known, pins.small_file or "").stat().st_size
    return None if size else "the file is empty"


def _replaced(client: Client, pins: Pins) -> str | None:
    there = {entry.path: entry.digests.get("sha256") for entry in client.resolve(pins.known).files}
    other = [f"{path}: {there.get(path)}" for path, digest in pins.digests.items() if there.get(path) != digest]
    return f"other digests: {', '.join(other)}" if other else None


def _search(client: Client, pins: Pins) -> str | None:
    zoo = Ref.parse(pins.known).scheme
    wanted = 120  # more than a page as this version asks for it
    found = [str(hit.ref) for hit in client.search(pins.search, zoos=zoo, limit=wanted)]
    return None if len(set(found)) == wanted else f"{len(set(found))} different hits instead of {wanted}"


def _missing(client: Client, pins: Pins) -> str | None:
    try:
        record = client.resolve(pins.missing)
    except NotFound:
        return None
    return f"answered {record.ref}"


def _moved(client: Client, pins: Pins) -> str | None:
    record = client.resolve(pins.moved or "")
    return None if record.ref.id == Ref.parse(pins.known).id else f"led to {record.ref.id}"


def _gated(client: Client, pins: Pins) -> str | None:
    try:
        state = client.resolve(pins.gated or "").access.state
    except AccessError as error:
        return f"the record itself is refused: {error.message}"
    return None if state == "gated" else f"its access is {state}"
