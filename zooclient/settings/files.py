"""The configuration files.

The user's own, ``config.toml``, may set everything::

    home = "/data/models"            # folder of the store
    stores = ["/shared/models"]      # further stores, read only
    strict = true
    offline = false
    failover = true
    link-mode = "auto"
    allow-plain-http = false
    record = "exchanges"

    [limits]                         # the attributes of Limits, with hyphens
    read-timeout = 60

    [zoos.hf]
    endpoint = "https://hub.example"
    token = "hf_…"
    mirrors = ["https://mirror.example/models"]   # or a path
    mirror-policy = "first"          # or fallback, or only
    proxy = "http://proxy.example:3128"
    connections = 4
    via = "official"

A project's, ``zoo.toml`` or ``[tool.zooclient]`` in ``pyproject.toml``, may set what cannot hurt whoever cloned it:
``strict``, ``offline``, ``link-mode``, ``limits`` and ``zoos``, without tokens; and it may name models, and hold a
policy (:mod:`zooclient.records.policy`). An endpoint that it names gets no
token, a proxy that it names is used for https alone, and a mirror that it names gives bytes and no word of a zoo.
Neither file expands variables.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zooclient.errors import ConfigError
from zooclient.settings import LIMITS, is_url, path_of, user_folder
from zooclient.settings.layer import Layer, canonical

#: Tables of a project file that other rooms read.
OTHERS = frozenset({"models", "policy", "groups"})

_COMMON: dict[str, type] = {"strict": bool, "offline": bool, "link-mode": str, "limits": dict, "zoos": dict}
_USERS: dict[str, type] = {"home": str, "stores": list, "allow-plain-http": bool, "record": str, "failover": bool}
_ZOO: dict[str, type] = {
    "endpoint": str,
    "token": str,
    "mirrors": list,
    "mirror-policy": str,
    "proxy": str,
    "connections": int,
    "via": str,
}
_WORDS: dict[type, str] = {
    bool: "true or false",
    str: "a text",
    list: "a list of texts",
    dict: "a table",
    int: "a whole number",
    float: "a number",
}


def from_user(environ: Mapping[str, str]) -> Layer:
    """Reads the user's config file; one that does not exist says nothing.

    Raises:
        ConfigError: It cannot be read, or says what cannot be.
    """
    named = environ.get("ZOOCLIENT_CONFIG")
    path = path_of(named, "ZOOCLIENT_CONFIG") if named else user_folder("config", environ) / "config.toml"
    raw = _bytes(path)
    if raw is None:
        return Layer()
    layer = _read(_parsed(raw, path), path, of_project=False)
    if any("token" in zoo for zoo in layer.zoos.values()):
        _warn_when_open_to_others(path)
    return layer


def from_project(folder: Path) -> Layer:
    """Reads the project file, see :func:`find_project`; none says nothing.

    Raises:
        ConfigError: Two files in one folder, one that cannot be read, or one that says what cannot be.
    """
    found = find_project(folder)
    if found is None:
        return Layer()
    path, table = found
    layer = _read(table, path, of_project=True)
    layer.set("project", path, str(path))
    if "policy" in table:
        layer.set("policies", (path,), str(path))
    return layer


def find_project(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Looks for the project file from ``folder`` upward; None: there is none.

    The search ends at a folder that holds ``.git``: what lies above belongs to another project.

    Returns:
        The file, and the table of ours in it.

    Raises:
        ConfigError: Two files in one folder, or one that cannot be read.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        found = project_in(place)
        if found is not None:
            return found
        if os.path.lexists(place / ".git"):
            break
    return None


def project_in(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """As :func:`find_project`, in one folder alone."""
    own, shared = folder / "zoo.toml", folder / "pyproject.toml"
    raw, shared_raw = _bytes(own), _bytes(shared)
    table = None
    # A table of ours cannot be there without our name; parsing every pyproject.toml would cost the import of tomllib.
    if shared_raw is not None and b"zooclient" in shared_raw:
        table = _parsed(shared_raw, shared).get("tool", {}).get("zooclient")
    if raw is not None and table is not None:
        raise ConfigError(
            f"{folder} holds both a zoo.toml and a [tool.zooclient] in pyproject.toml.", hint="Keep one of them."
        )
    if raw is not None:
        return own, _parsed(raw, own)
    return (shared, table) if table is not None else None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error


def _parsed(raw: bytes, path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error


def _read(table: dict[str, Any], path: Path, *, of_project: bool) -> Layer:
    layer = Layer()
    known = _COMMON | _USERS
    for key, value in table.items():
        where = f"{path}: {key}"
        if of_project and key in OTHERS:
            continue
        if of_project and key in _USERS:
            raise ConfigError(f"{where} cannot stand in a project file.", hint="It belongs in the user's config file.")
        _typed(value, _kind(key, known, where), where)
        if key == "limits":
            _limits(layer, value, where)
        elif key == "zoos":
            for scheme, zoo in value.items():
                _zoo(layer, scheme, zoo, where, path, of_project=of_project)
        elif key == "stores":
            layer.set("stores", tuple(_path(text, path, where) for text in value), where)
        elif key in ("home", "record"):
            layer.set("record_dir" if key == "record" else key, _path(value, path, where), where)
        else:
            layer.set(key.replace("-", "_"), value, where)
    return layer


def _limits(layer: Layer, table: dict[str, Any], where: str) -> None:
    known = {name.replace("_", "-"): kind for name, kind in LIMITS.items()}
    for key, value in table.items():
        name = f"{where}.{key}"
        _typed(value, _kind(key, known, name), name)
        layer.limits[key.replace("-", "_")] = value


def _zoo(layer: Layer, scheme: str, table: object, where: str, path: Path, *, of_project: bool) -> None:
    where = f"{where}.{scheme}"
    for key, value in _typed(table, dict, where).items():
        name = f"{where}.{key}"
        kind = _kind(key, _ZOO, name)
        if key == "token" and of_project:
            raise ConfigError(
                f"{name} cannot stand in a project file, which others read too.",
                hint="It belongs in the user's config file; `zooclient login` puts it in a safe place.",
            )
        _typed(value, kind, name)
        # A mirror is an address, or a path, which is relative to the file as every other is.
        parsed = (
            tuple(text if is_url(text) or not text else str(_path(text, path, name)) for text in value)
            if kind is list
            else value
        )
        layer.set_zoo(canonical(scheme), key.replace("-", "_"), parsed, name, trusted=not of_project)


def _kind(key: str, known: Mapping[str, type], where: str) -> type:
    kind = known.get(key)
    if kind is None:
        from difflib import get_close_matches

        near = get_close_matches(key, known, 1)
        raise ConfigError(
            f"{where} is no setting.", hint=f"Is {near[0]} meant?" if near else f"There are: {', '.join(known)}."
        )
    return kind


def _typed(value: Any, kind: type, where: str) -> Any:
    good = isinstance(value, (int, float) if kind is float else kind)
    if isinstance(value, bool) and kind is not bool:
        good = False  # to Python, true is a number
    if kind is list:
        good = good and all(isinstance(text, str) for text in value)
    if not good:
        raise ConfigError(f"{where} is not {_WORDS[kind]}.")
    return value


def _path(text: str, file: Path, where: str) -> Path:
    """A path is relative to the file that names it."""
    return file.parent / path_of(text, where)


def _warn_when_open_to_others(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        warnings.warn(
            f"{path} holds a token, and other users of this machine may read it: chmod 600 {path}", stacklevel=2
        )
