"""The models that a project file names: ``[models]`` of ``zoo.toml``, or of ``[tool.zooclient]`` in ``pyproject.toml``.

::

    [models]
    embedder = "hf:org/name@main"

    [models.painter]
    ref = "civitai:43331"
    files = ["*.safetensors"]        # as in `get`; so are exclude, weights and allow-unverified
    sources = ["hf:other/copy"]      # further places that have the same bytes
    groups = ["dev"]                 # `sync --group dev` takes these alone

Reading and changing it are pure: text in, text out. A change keeps every comment and line that it is not about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from zooclient.errors import ConfigError, NotFound, RefError
from zooclient.records.checks import check_tuples
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

#: What a model may be called: nothing that could be read as a reference, a path or an option.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

_LISTS = ("files", "exclude", "sources", "groups")
_KEYS = ("ref", *_LISTS, "weights", "allow-unverified")


@frozen(kw_only=True)
class Wanted:
    """One model that a project names.

    Attributes:
        name: What the project calls it.
        ref: The reference, as it stands there.
        wishes: Which of its files are wanted.
        sources: References that are declared to have the same bytes.
        groups: Groups that it belongs to. Empty: it is always wanted.
    """

    name: str
    ref: Ref
    wishes: Wishes = field(factory=Wishes)
    sources: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_tuples(sources=self.sources, groups=self.groups)


def read_models(table: Mapping[str, Any], where: str) -> tuple[Wanted, ...]:
    """Reads the models of a project file, sorted by name.

    Args:
        table: The whole table of ours, parsed.
        where: How to call the file in errors.

    Raises:
        ConfigError: One is not as it must be; the sentence names it and its key.
    """
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise ConfigError(f"{where}: models is not a table.", hint='Such as: [models] with  name = "hf:org/name@main"')
    return tuple(_wanted(name, models[name], f"{where}: models.{name}") for name in sorted(models))


def checked_name(name: str, where: str) -> str:
    """Returns what a model is to be called.

    Raises:
        ConfigError: It could be taken for a reference, a path or an option.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{where} is no name for a model: {name!r}.",
            hint="Letters, digits, _ . and - make one, and it does not begin with . or -.",
        )
    return name


def _wanted(name: str, value: Any, where: str) -> Wanted:
    checked_name(name, where)
    told = {"ref": value} if isinstance(value, str) else value
    if not isinstance(told, Mapping) or not isinstance(told.get("ref"), str):
        raise ConfigError(
            f"{where} has no ref.", hint=f'Such as: {name} = "hf:org/name@main", or a table with ref = "…"'
        )
    unknown = sorted(set(told).difference(_KEYS))
    if unknown:
        raise ConfigError(f"{where} has the unknown key {unknown[0]!r}.", hint=f"There are: {', '.join(_KEYS)}.")
    lists = {key: _texts(told[key], f"{where}.{key}") for key in _LISTS if key in told}
    weights, unverified = told.get("weights", "auto"), told.get("allow-unverified", False)
    if not isinstance(weights, str) or not isinstance(unverified, bool):
        raise ConfigError(f"{where}: weights is a text, and allow-unverified is true or false.")
    for source in lists.get("sources", ()):
        _ref(source, f"{where}.sources")
    return Wanted(
        name=name,
        ref=_ref(told["ref"], where),
        wishes=Wishes(
            files=lists.get("files"),
            exclude=lists.get("exclude", ()),
            weights=weights,
            allow_unverified=unverified,
        ),
        sources=lists.get("sources", ()),
        groups=lists.get("groups", ()),
    )


def _ref(text: str, where: str) -> Ref:
    try:
        return Ref.parse(text)
    except RefError as error:
        raise ConfigError(f"{where} is no reference: {error.message}", hint=error.hint) from error


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where} is not a list of texts.")
    return tuple(value)


# -- changing -----------------------------------------------------------------------------------


def with_model(text: str, wanted: Wanted, *, shared: bool) -> str:
    """Returns a project file's text with a model added, or changed where it has the name already.

    Args:
        text: The file as it is; empty for a new one.
        wanted: The model.
        shared: The file is a ``pyproject.toml``, where everything of ours stands in ``[tool.zooclient]``.

    Raises:
        ConfigError: The text is not TOML.
    """
    import tomlkit

    document = _document(text)
    models = _models(document, shared, make=True)
    told: dict[str, Any] = {
        "ref": str(wanted.ref),
        "files": None if wanted.wishes.files is None else list(wanted.wishes.files),
        "exclude": list(wanted.wishes.exclude) or None,
        "weights": None if wanted.wishes.weights == "auto" else wanted.wishes.weights,
        "allow-unverified": True if wanted.wishes.allow_unverified else None,
        "sources": list(wanted.sources) or None,
        "groups": list(wanted.groups) or None,
    }
    told = {key: value for key, value in told.items() if value is not None}
    if len(told) == 1:
        models[wanted.name] = told["ref"]
    else:
        inline = tomlkit.inline_table()
        inline.update(told)
        models[wanted.name] = inline
    return tomlkit.dumps(document)


def without_model(text: str, name: str, *, shared: bool) -> str:
    """Returns a project file's text without a model; arguments as for :func:`with_model`.

    Raises:
        NotFound: It names no such model.
        ConfigError: The text is not TOML.
    """
    import tomlkit

    document = _document(text)
    models = _models(document, shared, make=False)
    if models is None or name not in models:
        raise NotFound(f"The project has no model {name!r}.", hint="`zooclient tree` shows those that it has.")
    del models[name]
    return tomlkit.dumps(document)


def _document(text: str) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"The project file is not TOML: {error}.") from error


def _models(document: Any, shared: bool, *, make: bool) -> Any:
    import tomlkit

    table = document
    for key in ("tool", "zooclient", "models") if shared else ("models",):
        if key not in table:
            if not make:
                return None
            table[key] = tomlkit.table(is_super_table=key == "tool")
        table = table[key]
    return table
