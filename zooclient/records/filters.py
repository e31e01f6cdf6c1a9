"""Which hits a query lets through: what a zoo does not apply by itself is applied here, the same for every zoo; pure.

A provider says in its ``Capability`` how each field of a query is met. ``exact``: the zoo applies it, and a hit is
looked at once more, because a server that does not know a filter may pass over it without a word. ``emulated``: the
hit alone decides, so one that does not tell is left out. ``unsupported``: nobody can, so the hits pass, and the field
is reported. Words are never looked at again: only the server knows where it found them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from math import ceil

from attrs import fields

from zooclient.records.capability import Capability
from zooclient.records.classify import FORMATS
from zooclient.records.licenses import hub_id
from zooclient.records.model import Hit
from zooclient.records.query import Query

#: Bits of a parameter whose type is not told: half precision, and the common four-bit type in GGUF.
_HALF, _GGUF = 16, 4.5
#: Fields of a query that choose nothing.
_BESIDE = frozenset({"zoos", "text", "sort", "limit"})


def chosen_by(query: Query) -> tuple[str, ...]:
    """Returns the names of the fields by which a query chooses, beside its words, in order."""
    return tuple(
        field.name
        for field in fields(Query)
        if field.name not in _BESIDE and getattr(query, field.name) not in (None, (), "")
    )


def unapplied(
    query: Query, capability: Capability, *, sorts: Collection[str] | None = None, further: Collection[str] = ()
) -> tuple[str, ...]:
    """Returns the fields of a query that nobody can apply at a zoo.

    Args:
        query: What was asked.
        capability: How the zoo meets each field; a field that it does not name is unsupported.
        sorts: Orders that can be given to this very query. None: those of the capability.
        further: Fields whose value, though not their kind, the zoo cannot apply.
    """
    names = [
        name
        for name in chosen_by(query)
        if name in further or capability.filters.get(name, "unsupported") == "unsupported"
    ]
    if not query.nsfw and capability.filters.get("nsfw", "unsupported") == "unsupported":
        names.remove("nsfw")  # nobody asked for it
    sorted_by = capability.sorts if sorts is None else sorts
    return (*(("sort",) if query.sort is not None and query.sort not in sorted_by else ()), *names)


def thinned(query: Query, capability: Capability) -> bool:
    """Whether hits may be left out on our side, so that more have to be asked for than are wanted."""
    return any(capability.filters.get(name) == "emulated" for name in chosen_by(query) if name != "nsfw")


def suits(
    hit: Hit, query: Query, capability: Capability, *, skip: Collection[str] = (), names: Iterable[str] = ()
) -> bool:
    """Tells whether a hit is what was asked for.

    Args:
        hit: The hit.
        query: What was asked, in the zoo's own words where it has some.
        capability: How the zoo meets each field.
        skip: Fields that are not looked at: the unapplied ones, and those that the provider looked at itself.
        names: Further names under which tags, task and library may be told, beside those of the hit.
    """
    told = _names(hit) | {name.casefold() for name in names}
    for field in chosen_by(query):
        check = _CHECKS.get(field)
        support = capability.filters.get(field, "unsupported")
        if check is None or field in skip or support == "unsupported":
            continue
        answer = check(hit, query, told)
        if answer is False or (answer is None and support == "emulated"):
            return False
    return True


def memory(hit: Hit) -> int | None:
    """Returns the bytes of memory that the weights of a hit take; None when the zoo tells nothing to know it by.

    The size that the zoo lists, or that the types of the parameters make; else the number of parameters, of 16 bits
    each, or 4.5 where the weights are GGUF (Q4_0), because a smaller type can be chosen there.
    """
    if hit.weights_size is not None:
        return hit.weights_size
    if hit.parameters is None:
        return None
    return ceil(hit.parameters * (_GGUF if "gguf" in hit.formats else _HALF) / 8)


def most_parameters(size: int) -> int:
    """Returns the number of parameters beyond which no weights fit into ``size`` bytes: of four bits each."""
    return size * 2


def _names(hit: Hit) -> set[str]:
    return {name.casefold() for name in (*hit.tags, hit.task, hit.library) if name}


def _tags(hit: Hit, query: Query, told: set[str]) -> bool:
    return {tag.casefold() for tag in query.tags} <= told


def _author(hit: Hit, query: Query, told: set[str]) -> bool:
    return (hit.author or "").casefold() == (query.author or "").casefold()


def _task(hit: Hit, query: Query, told: set[str]) -> bool:
    return (query.task or "").casefold() in told


def _library(hit: Hit, query: Query, told: set[str]) -> bool:
    return (query.library or "").casefold() in told


def _language(hit: Hit, query: Query, told: set[str]) -> bool:
    return (query.language or "").casefold() in told


def _format(hit: Hit, query: Query, told: set[str]) -> bool:
    wanted = (query.format or "").casefold()
    return wanted in hit.formats if wanted in FORMATS else wanted in told


def _license(hit: Hit, query: Query, told: set[str]) -> bool:
    raw = "" if hit.license is None else hit.license.raw or ""
    spdx = "" if hit.license is None else hit.license.spdx or ""  # the claim may be an address
    # Several claims stand in one text; a comma may be part of one, too.
    return hub_id(query.license or "") in {hub_id(claim) for claim in (raw, *raw.split(", "), spdx)}


def _license_kind(hit: Hit, query: Query, told: set[str]) -> bool:
    return query.license_kind == ("unknown" if hit.license is None else hit.license.kind)


def _base_model(hit: Hit, query: Query, told: set[str]) -> bool:
    return _bare(query.base_model or "") in {_bare(name) for name in hit.base_models}


def _bare(reference: str) -> str:
    """The id alone: the zoo is the one that was asked."""
    return reference.casefold().rpartition(":")[2].partition("@")[0]


def _gated(hit: Hit, query: Query, told: set[str]) -> bool:
    return query.gated == (hit.access.state in ("gated", "pending", "paid"))


def _nsfw(hit: Hit, query: Query, told: set[str]) -> bool:
    return query.nsfw or not hit.nsfw


def _min_parameters(hit: Hit, query: Query, told: set[str]) -> bool | None:
    return None if hit.parameters is None else hit.parameters >= (query.min_parameters or 0)


def _max_parameters(hit: Hit, query: Query, told: set[str]) -> bool | None:
    return None if hit.parameters is None or query.max_parameters is None else hit.parameters <= query.max_parameters


def _fits(hit: Hit, query: Query, told: set[str]) -> bool | None:
    size = memory(hit)
    return None if size is None or query.fits is None else size <= query.fits


#: Field → whether a hit has it; None: the hit does not tell.
_CHECKS: Mapping[str, Callable[[Hit, Query, set[str]], bool | None]] = {
    "author": _author,
    "task": _task,
    "library": _library,
    "license": _license,
    "license_kind": _license_kind,
    "base_model": _base_model,
    "language": _language,
    "format": _format,
    "tags": _tags,
    "gated": _gated,
    "nsfw": _nsfw,
    "min_parameters": _min_parameters,
    "max_parameters": _max_parameters,
    "fits": _fits,
}
