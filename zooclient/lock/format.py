'''The format of ``zoo.lock``, as pure text.

TOML, one ``[[model]]`` a model in the order of their names, each key in a fixed order, so that the same models make the
same text and a change shows as the lines that changed::

    # Written by `zooclient lock`; `zooclient lock --check` holds it to the project file.
    version = 1

    [[model]]
    name = "embedder"
    requested = "hf:org/name@main"
    ref = "hf:org/name@607a30d783dfa663caf39e06633721c8d4cfcd7e"
    weights = "auto"
    content-digest = "sha256:…"
    weights-digest = "sha256:…"
    files = """
    5fee…  1234  config.json
    91b2…  90868376  model.safetensors
    """

``files`` holds the very lines that the content digest is made of (:mod:`zooclient.records.digest`), so that
``content-digest`` is the sha256 of that text, and a digest that was edited by hand shows at once.

How it will change. ``version`` is a whole number. A key that a reader does not know is passed over, so keys may be
added, and a lock that has them is still read by those who came before; they write it without them. What an older
reader would misunderstand raises ``version``: a reader refuses a version that is newer than its own, with a sentence,
and reads every older one. `zooclient lock` writes the version of the program that runs.
'''

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from attrs import field, frozen

from zooclient.errors import ConfigError, IntegrityError, RefError
from zooclient.records.checks import check_count, check_hex, check_sha256, check_tuples, check_utc
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

#: Version that is written; older ones are read, newer ones refused.
VERSION = 1
#: Name of the file, beside the project file.
NAME = "zoo.lock"

_HEAD = "# Written by `zooclient lock`; `zooclient lock --check` holds it to the project file.\n"
_AGAIN = "`zooclient lock` writes it anew."
_LINE = re.compile(r"([0-9a-f]{64})  (0|[1-9][0-9]{0,18})  (.+)")
_LISTING = re.compile(r"(?:[0-9a-f]{64}  (?:0|[1-9][0-9]{0,18})  .+\n)*")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)", re.MULTILINE)


@frozen(kw_only=True)
class LockedFile:
    """One file of a locked model.

    Attributes:
        path: POSIX path below the root of the model.
        size: Bytes.
        sha256: Lower-case hex.
        key: The zoo's own handle of the file where the path is not one. None otherwise.
    """

    path: str
    size: int
    sha256: str
    key: str | None = None

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_hex("sha256", "sha256", self.sha256)


def _listing(files: str | Iterable[LockedFile]) -> str:
    """The lines of the content digest, sorted by path."""
    if isinstance(files, str):
        return files
    ordered = sorted(files, key=lambda file: file.path.encode())
    return "".join(f"{file.sha256}  {file.size}  {file.path}\n" for file in ordered)


@frozen(kw_only=True)
class LockedModel:
    """One model of a lock: what was asked for, what it was then, and every byte of it.

    Its files are kept as their lines, and read when they are asked for: a warm start wants their digest alone.

    Attributes:
        name: Name in the project file.
        requested: The reference in the project file.
        ref: The same, pinned.
        wishes: Which of its files are wanted.
        origin: Server that said so, ``https://host:port``. None: it is on this machine.
        stable_id: The zoo's id that survives renames. None when the zoo has none.
        owner: Who it belongs to. None when not told.
        created_at: Aware UTC. None when not told.
        updated_at: Last change of that revision, aware UTC. None when not told.
        base_models: References of the models that it was made from, as claimed.
        license: Licence as claimed: an SPDX expression, or the zoo's own word. None when there is none.
        access: Whether the bytes may be had, in the words of :class:`~zooclient.records.model.Access`.
        sources: Further references that are declared to have the same bytes.
        files: Every file, sorted by path; given as :class:`LockedFile` or as the lines of the content digest.
        keys: Path → the zoo's own handle of a file where the path is not one.
        content_digest: ``sha256:HEX`` over them.
        weights_digest: ``sha256:HEX`` over the weights; None when there are none.
    """

    name: str
    requested: Ref
    ref: Ref
    wishes: Wishes = field(factory=Wishes)
    origin: str | None = None
    stable_id: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    license: str | None = None
    base_models: tuple[str, ...] = ()
    access: str = "open"
    sources: tuple[str, ...] = ()
    _files: str = field(default="", converter=_listing, alias="files", repr=False)
    keys: Mapping[str, str] = field(factory=dict, hash=False)
    content_digest: str
    weights_digest: str | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(sources=self.sources, base_models=self.base_models)
        check_sha256("content_digest", self.content_digest)
        check_sha256("weights_digest", self.weights_digest)
        check_utc("created_at", self.created_at)
        check_utc("updated_at", self.updated_at)

    @property
    def listing(self) -> str:
        """The lines of the content digest."""
        return self._files

    @property
    def files(self) -> tuple[LockedFile, ...]:
        """Every file, sorted by path.

        Raises:
            ConfigError: A line cannot be read, or one is out of order.
            IntegrityError: A path is not safe.
        """
        return tuple(_read_files(self._files, self.keys, self.name))

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(int(line.split("  ", 2)[1]) for line in self._files.splitlines())


@frozen(kw_only=True)
class Lock:
    """Every model of a project, sorted by name.

    Attributes:
        models: The models.
    """

    models: tuple[LockedModel, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_tuples(models=self.models)

    def model(self, name: str) -> LockedModel | None:
        """Returns the model of this name, or None."""
        return next((model for model in self.models if model.name == name), None)


# -- writing ------------------------------------------------------------------------------------


def dumps(lock: Lock) -> str:
    """Returns the text of a lock; the same lock is always the same text."""
    blocks = [_block(model) for model in sorted(lock.models, key=lambda model: model.name)]
    return _HEAD + f"version = {VERSION}\n" + "".join(f"\n[[model]]\n{block}" for block in blocks)


def _block(model: LockedModel) -> str:
    wishes = model.wishes
    told: dict[str, Any] = {
        "name": model.name,
        "requested": str(model.requested),
        "ref": str(model.ref),
        "origin": model.origin,
        "stable-id": model.stable_id,
        "owner": model.owner,
        "created-at": model.created_at,
        "updated-at": model.updated_at,
        "license": model.license,
        "base-models": list(model.base_models) or None,
        "access": model.access,
        "sources": list(model.sources) or None,
        "weights": wishes.weights,
        "only": None if wishes.files is None else list(wishes.files),
        "exclude": list(wishes.exclude) or None,
        "allow-unverified": True if wishes.allow_unverified else None,
        "content-digest": model.content_digest,
        "weights-digest": model.weights_digest,
        "keys": dict(sorted(model.keys.items())) or None,
    }
    lines = "".join(f"{key} = {_value(value)}\n" for key, value in told.items() if value is not None)
    listed = "".join(_escaped(line) + "\n" for line in model.listing.removesuffix("\n").split("\n") if line)
    return f'{lines}files = """\n{listed}"""\n'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_value(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return f'"{_escaped(value)}"'


#: What a basic string of TOML 1.0 does not hold as it is.
_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", **{code: f"\\u{code:04x}" for code in (*range(32), 127)}}


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


# -- reading ------------------------------------------------------------------------------------


def loads(text: str, *, name: str = NAME) -> Lock:
    """Reads the text of a lock.

    Args:
        text: What the file holds.
        name: How to call it in errors.

    Raises:
        ConfigError: It is no lock, not whole, of a newer version, or holds a merge that was never finished.
        IntegrityError: Its digests do not agree with each other: somebody edited it.
    """
    import tomllib

    if _CONFLICT.search(text):
        raise ConfigError(f"{name} holds a merge conflict.", hint=f"Settle the project file, then: {_AGAIN}")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name} is not TOML, or not whole: {error}.", hint=_AGAIN) from error
    version = data.get("version")
    if type(version) is not int or version < 1:
        raise ConfigError(f"{name} does not say which version of the format it is.", hint=_AGAIN)
    if version > VERSION:
        raise ConfigError(
            f"{name} is of version {version} of the format, and this zooclient reads {VERSION} and older ones.",
            hint="Bring zooclient up to date.",
        )
    models = _of(data, "model", list, name) if "model" in data else []
    read = tuple(_model(table, f"{name}: model {number}") for number, table in enumerate(models, 1))
    names = [model.name for model in read]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise ConfigError(f"{name} has two models of the name {twice!r}.", hint=_AGAIN)
    return Lock(models=read)


def _model(table: Any, where: str) -> LockedModel:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is no table.", hint=_AGAIN)
    name = _of(table, "name", str, where)
    where = f"{where} ({name})"
    keys = _optional(table, "keys", dict, where) or {}
    listing = _of(table, "files", str, where)
    if not _LISTING.fullmatch(listing):
        wrong = next((line for line in listing.split("\n") if line and not _LINE.fullmatch(line)), listing[-160:])
        raise ConfigError(f"{where} lists a file in a line that cannot be read: {wrong[:160]!r}.", hint=_AGAIN)
    stated = _of(table, "content-digest", str, where)
    found = "sha256:" + sha256(listing.encode()).hexdigest()  # as zooclient.records.digest makes it, of sorted lines
    if found != stated:
        raise IntegrityError(
            f"{where} is not as it was written: its files have the content digest {found}, and it states {stated}.",
            hint="Somebody or something edited it. Take it from version control, or: " + _AGAIN,
        )
    only = _optional(table, "only", list, where)
    try:
        return LockedModel(
            name=name,
            requested=Ref.parse(_of(table, "requested", str, where)),
            ref=Ref.parse(_of(table, "ref", str, where)),
            wishes=Wishes(
                files=None if only is None else _texts(only, where),
                exclude=_texts(_optional(table, "exclude", list, where) or [], where),
                weights=_optional(table, "weights", str, where) or "auto",
                allow_unverified=bool(_optional(table, "allow-unverified", bool, where)),
            ),
            origin=_optional(table, "origin", str, where),
            stable_id=_optional(table, "stable-id", str, where),
            owner=_optional(table, "owner", str, where),
            created_at=_time(table, "created-at", where),
            updated_at=_time(table, "updated-at", where),
            license=_optional(table, "license", str, where),
            base_models=_texts(_optional(table, "base-models", list, where) or [], where),
            access=_optional(table, "access", str, where) or "open",
            sources=_texts(_optional(table, "sources", list, where) or [], where),
            files=listing,
            keys={str(path): str(key) for path, key in keys.items()},
            content_digest=stated,
            weights_digest=_optional(table, "weights-digest", str, where),
        )
    except (RefError, ValueError) as error:
        raise ConfigError(f"{where} cannot be read: {error}", hint=_AGAIN) from error


def _read_files(text: str, keys: Mapping[str, str], where: str) -> Iterable[LockedFile]:
    from zooclient.records.paths import safe_path

    before = b""
    for line in text.removesuffix("\n").split("\n") if text else ():
        read = _LINE.fullmatch(line)
        if read is None:
            raise ConfigError(f"{where} lists a file in a line that cannot be read: {line[:160]!r}.", hint=_AGAIN)
        safe_path(read[3])
        path = read[3].encode()
        if path <= before:
            raise ConfigError(f"{where} lists {read[3]!r} twice or out of order.", hint=_AGAIN)
        before = path
        yield LockedFile(path=read[3], size=int(read[2]), sha256=read[1], key=keys.get(read[3]))


def _of(table: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = table.get(key)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f"{where} has no {key}, or one of another type.", hint=_AGAIN)
    return value


def _optional(table: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    return _of(table, key, kind, where) if key in table else None


def _texts(values: list[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ConfigError(f"{where} holds a list of other things than texts.", hint=_AGAIN)
    return tuple(values)


def _time(table: Mapping[str, Any], key: str, where: str) -> datetime | None:
    value: datetime | None = _optional(table, key, datetime, where)
    if value is None:
        return None
    if value.utcoffset() is None:
        raise ConfigError(f"{where} has a time without zone: {key}.", hint=_AGAIN)
    return value.astimezone(UTC)
