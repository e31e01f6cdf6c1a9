"""Records ↔ plain JSON values.

A reference is written as its text, a time as ISO 8601 in UTC with ``Z``, a tuple as a list; everything else as it is.
Reading is strict: a number is no text, null is no list. What a class does not know goes into its ``extra``, where it
has one, and is dropped where it has none. Import this module only where it is used: ``cattrs`` is not cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

from attrs import fields_dict, has
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from zooclient.errors import ZooError
from zooclient.records.ref import Ref

T = TypeVar("T")


def to_dict(record: Any) -> dict[str, Any]:
    """Returns a record as plain JSON values.

    What its class names in ``DERIVED`` is written for the reader's sake, and computed anew on reading.
    """
    data: dict[str, Any] = _converter().unstructure(record)
    return data


def from_dict(kind: type[T], data: Mapping[str, Any]) -> T:
    """Reads what :func:`to_dict` wrote.

    Args:
        kind: The class to read.
        data: Plain JSON values. Keys that the class does not know are kept in its ``extra``, where it has one.

    Raises:
        ValueError: The data has not that shape; the text names the path of each wrong field.
    """
    # cattrs tells several faults at once as a group, and a single one as it is; other errors are bugs of ours.
    try:
        return _converter().structure(data, kind)
    except (ExceptionGroup, ValueError, TypeError, KeyError, ZooError) as error:
        told = "; ".join(transform_error(error, path=kind.__name__, format_exception=_told))
        raise ValueError(told) from error


def _told(error: BaseException, kind: type | None) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


@cache
def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Ref, str)
    converter.register_structure_hook(Ref, _read_ref)
    converter.register_unstructure_hook(datetime, _write_time)
    converter.register_structure_hook(datetime, _read_time)
    for kind in (str, int, bool, float):
        converter.register_structure_hook(kind, _exactly(kind))
    _register_collections(converter)
    _register_records(converter)
    return converter


def _read_ref(value: Any, _: type) -> Ref:
    return Ref.parse(_exactly(str)(value, str))


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _read_time(value: Any, _: type) -> datetime:
    time = datetime.fromisoformat(_exactly(str)(value, str))
    if time.utcoffset() is None:
        raise ValueError(f"the time {value!r} has no zone")
    return time.astimezone(UTC)


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    """A hook that takes values of exactly this JSON type; an ``int`` is a ``float`` too, as in JSON."""

    def read(value: Any, _: Any) -> Any:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")

    return read


def _register_collections(converter: Converter) -> None:
    def is_tuple(kind: Any) -> bool:
        return get_origin(kind) is tuple

    def read_tuple(value: Any, kind: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError(f"expected list, not {type(value).__name__}")
        items: Any = GenericAlias(list, get_args(kind)[:1])
        return tuple(converter.structure(list(value), items))

    def write_tuple(value: tuple[Any, ...]) -> list[Any]:
        return [converter.unstructure(item) for item in value]

    def is_mapping(kind: Any) -> bool:
        return get_origin(kind) is Mapping

    def read_mapping(value: Any, kind: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError(f"expected object, not {type(value).__name__}")
        items: Any = GenericAlias(dict, get_args(kind))
        read: dict[str, Any] = converter.structure(dict(value), items)
        return read

    converter.register_structure_hook_func(is_tuple, read_tuple)
    converter.register_unstructure_hook_func(is_tuple, write_tuple)
    converter.register_unstructure_hook(tuple, write_tuple)
    converter.register_structure_hook_func(is_mapping, read_mapping)


def _register_records(converter: Converter) -> None:
    def is_record(kind: Any) -> bool:
        return isinstance(kind, type) and has(kind) and kind is not Ref

    def derived(kind: Any) -> tuple[str, ...]:
        names: tuple[str, ...] = getattr(kind, "DERIVED", ())
        return names

    def reader(kind: Any) -> Callable[[Any, Any], Any]:
        read: Callable[[Any, Any], Any] = make_dict_structure_fn(kind, converter)
        known = {*fields_dict(kind), *derived(kind)}
        keeps = "extra" in known

        def read_record(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise TypeError(f"expected object, not {type(value).__name__}")
            unknown = {key: value[key] for key in value if key not in known} if keeps else None
            if unknown:
                extra = value.get("extra", {})
                value = {**value, "extra": {**unknown, **extra} if isinstance(extra, Mapping) else extra}
            return read(value, kind)

        return read_record

    def writer(kind: Any) -> Callable[[Any], dict[str, Any]]:
        write: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(kind, converter)
        further = derived(kind)
        if not further:
            return write

        def write_record(record: Any) -> dict[str, Any]:
            return {**write(record), **{name: getattr(record, name) for name in further}}

        return write_record

    converter.register_structure_hook_factory(is_record, reader)
    converter.register_unstructure_hook_factory(is_record, writer)
