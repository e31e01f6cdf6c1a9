"""What both clients are made from, and how their arguments become values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zooclient.errors import ConfigError
from zooclient.records.ref import Ref
from zooclient.settings import Settings, ZooSettings

if TYPE_CHECKING:
    from pathlib import Path

    from zooclient.lock.project import Wanted
    from zooclient.net.cancel import Cancel
    from zooclient.planning.layouts import Wish
    from zooclient.records.model import ModelRecord
    from zooclient.records.query import Query
    from zooclient.records.wishes import Wishes

StrPath = str | os.PathLike[str]
Token = str | Callable[[], str | None]


def settings_of(
    settings: Settings | None,
    *,
    home: StrPath | None,
    endpoints: Mapping[str, str] | None,
    tokens: Mapping[str, Token] | None,
    strict: bool | None,
    offline: bool | None,
    failover: bool | None,
) -> Settings:
    """Lays the arguments of a client over its settings.

    Raises:
        RefError: A scheme that nobody provides.
    """
    from attrs import evolve

    base = settings if settings is not None else Settings()
    changes: dict[str, Any] = {}
    if home is not None:
        changes["home"] = os.fspath(home)
    if strict is not None:
        changes["strict"] = strict
    if offline is not None:
        changes["offline"] = offline
    if failover is not None:
        changes["failover"] = failover
    zoos = dict(base.zoos)
    for scheme, endpoint in (endpoints or {}).items():
        name = _configured(scheme)
        zoos[name] = evolve(zoos.get(name, ZooSettings()), endpoint=endpoint, endpoint_trusted=True)
    for scheme, token in (tokens or {}).items():
        name = _configured(scheme)
        zoos[name] = evolve(zoos.get(name, ZooSettings()), token=token)
    if zoos != dict(base.zoos):
        changes["zoos"] = zoos
    return evolve(base, **changes) if changes else base


def _configured(name: str) -> str:
    from zooclient.providers.registry import configured

    return configured(name)


def _provided(scheme: str) -> str:
    from zooclient.providers.registry import provided

    return provided(scheme)


def folder_of(to: StrPath | None) -> Path | None:
    """Returns the folder that was named.

    Raises:
        ConfigError: An empty name, such as that of a variable that is not set; it would mean the current folder.
    """
    from pathlib import Path

    if to is None:
        return None
    if not os.fspath(to):
        raise ConfigError("The folder to copy to has an empty name.", hint='The current one is ".".')
    return Path(to)


def layout_of(layout: str | None, to: StrPath | None, kind: str | None, preview: bool) -> Wish | None:
    """Turns the arguments of ``download`` into how its files are laid out; None: as they are.

    Raises:
        ConfigError: An application or a kind that is not known, or no folder to put them into.
    """
    if layout is None:
        if kind is not None:
            raise ConfigError("A kind says where a file goes in a layout, and none was named.", hint='layout="comfyui"')
        return None
    from zooclient.planning.layouts import APPLICATIONS, KINDS, Wish

    application = next((name for name in APPLICATIONS if name == layout), None)
    if application is None:
        raise ConfigError(f"No layout is known by {layout!r}.", hint=f"Known: {', '.join(APPLICATIONS)}.")
    known = next((name for name in KINDS if name == kind), None)
    if kind is not None and known is None:
        raise ConfigError(f"No kind of model is known by {kind!r}.", hint=f"Known: {', '.join(KINDS)}.")
    if to is None:
        raise ConfigError("A layout needs the folder of the application.", hint='Name it with to="…" (--to DIR).')
    return Wish(application=application, kind=known, preview=preview)


def paths_of(paths: StrPath | Iterable[StrPath]) -> tuple[Path, ...]:
    """Returns the paths that were named; one may be given alone."""
    from pathlib import Path

    return (Path(paths),) if isinstance(paths, (str, os.PathLike)) else tuple(Path(path) for path in paths)


def wishes_of(
    files: str | Iterable[str] | None,
    exclude: str | Iterable[str] | None,
    weights: str,
    allow_unverified: bool,
) -> Wishes:
    """Turns the arguments of a call into wishes; one pattern may be given as a plain string."""
    from zooclient.records.wishes import Wishes

    return Wishes(
        files=None if files is None else _tuple(files),
        exclude=() if exclude is None else _tuple(exclude),
        weights=weights,
        allow_unverified=allow_unverified,
    )


def _tuple(patterns: str | Iterable[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def names_of(names: str | Iterable[str]) -> tuple[str, ...]:
    """Returns the names that were named; one may be given alone."""
    return _tuple(names)


def wanted_of(
    name: str, ref: str | Ref, wishes: Wishes, sources: str | Ref | Iterable[str | Ref], groups: str | Iterable[str]
) -> Wanted:
    """Turns the arguments of ``add`` into a model of a project."""
    from zooclient.lock.project import Wanted

    return Wanted(
        name=name,
        ref=ref_of(ref),
        wishes=wishes,
        sources=tuple(str(source) for source in refs_of(sources)),
        groups=_tuple(groups),
    )


def zoos_of(zoos: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Returns the one names of the zoos that were named. None: none was.

    Raises:
        RefError: Nobody provides one of them.
    """
    return None if zoos is None else tuple(dict.fromkeys(_provided(zoo) for zoo in _tuple(zoos)))


def ref_of(ref: str | Ref) -> Ref:
    """Returns the reference of a text.

    Raises:
        RefError: It cannot be read.
        TypeError: It is neither.
    """
    if not isinstance(ref, (str, Ref)):
        raise TypeError(f"A reference is a str or a Ref, and this is a {type(ref).__name__}.")
    return ref if isinstance(ref, Ref) else Ref.parse(ref)


def refs_of(refs: str | Ref | Iterable[str | Ref]) -> tuple[Ref, ...]:
    """Returns the references of one text or several; errors as for :func:`ref_of`."""
    return tuple(ref_of(ref) for ref in ([refs] if isinstance(refs, (str, Ref)) else refs))


def record_of(given: object) -> ModelRecord:
    """Returns the record that was handed over; what is like one, such as a hit, has no files.

    Raises:
        TypeError: It is none.
    """
    from zooclient.records.model import ModelRecord

    if not isinstance(given, ModelRecord):
        raise TypeError(
            f"This takes a reference, a record or a plan, and not a {type(given).__name__}; its `.ref` may do."
        )
    return given


def several(refs: Iterable[str | Ref | ModelRecord]) -> list[str | Ref | ModelRecord]:
    """Returns the references and records of a call that takes several.

    Raises:
        TypeError: It is a single one, or one is neither.
    """
    from zooclient.records.model import ModelRecord

    if isinstance(refs, (str, Ref, ModelRecord)):
        raise TypeError("This takes several references; a single one goes into a list.")
    found = list(refs)
    for ref in found:
        if not isinstance(ref, (str, Ref, ModelRecord)):
            raise TypeError(f"This takes references and records, and not a {type(ref).__name__}; its `.ref` may do.")
    return found


def query_of(text: str | Query, zoos: str | Iterable[str] | None, filters: Mapping[str, Any]) -> Query:
    """Turns the arguments of ``search`` into a query.

    Raises:
        ConfigError: A filter that does not exist, or a value that it cannot have.
    """
    from typing import get_args

    from attrs import evolve, fields_dict

    from zooclient.records.model import LicenseKind
    from zooclient.records.query import Query, Sort

    known = set(fields_dict(Query)) - {"text", "zoos"}
    unknown = sorted(set(filters) - known)
    if unknown:
        raise ConfigError(
            f"search knows no filter {unknown[0]!r}.", hint=f"It knows: {', '.join(sorted(known))}.", operation="search"
        )
    changes = dict(filters)
    if "tags" in changes:
        changes["tags"] = _tuple(changes["tags"])
    if zoos is not None:
        changes["zoos"] = _tuple(zoos)
    for name, what, words in (
        ("sort", "order", get_args(Sort)),
        ("license_kind", "kind of licence", get_args(LicenseKind)),
    ):
        if changes.get(name) not in (None, *words):
            raise ConfigError(
                f"search knows no {what} {changes[name]!r}.", hint=f"It knows: {', '.join(words)}.", operation="search"
            )
    try:
        return evolve(text, **changes) if isinstance(text, Query) else Query(text=text, **changes)
    except ValueError as error:
        raise ConfigError(f"This cannot be searched for: {error}.", operation="search") from error


def cancel_of(cancel: Cancel | None, deadline: float | None) -> Cancel | None:
    """Joins what a caller may stop with and when it must stop by itself.

    Raises:
        ConfigError: The deadline is no number of seconds.
    """
    if deadline is None:
        return cancel
    from math import isnan

    from zooclient.net.cancel import Cancel

    if isnan(deadline):
        raise ConfigError("The deadline is no number of seconds: nan.")
    return Cancel(deadline) if cancel is None else cancel.child(deadline)


def own_cancel(cancel: Cancel | None, deadline: float | None) -> Cancel:
    """As :func:`cancel_of`, but one that ends a single call: cancelling it is not felt by who shares ``cancel``."""
    from zooclient.net.cancel import Cancel

    joined = cancel_of(cancel, deadline)
    if joined is None:
        return Cancel()
    return joined.child() if joined is cancel else joined
