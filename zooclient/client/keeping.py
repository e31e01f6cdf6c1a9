"""Saves what comes of a run: every file fetched, hashed and written at once, and the record beside them.

Where a file lies is what an answer said, so it is fetched without any credential (but from the zoo's own origin), and
every redirect is looked at. What cannot be had is told, and takes nothing else along.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from attrs import evolve, frozen

from zooclient.errors import Cancelled, Gone, IntegrityError, NetworkError, ProtocolError, StoreError, ZooError
from zooclient.net.exchange import MAX_HOPS, Call, Listen, Request, Response, redirect_target
from zooclient.net.origin import masked, may_lead, origin
from zooclient.net.reach import leads_inside
from zooclient.records.run import RECORD, Run, RunFile, file_name
from zooclient.store.files import storing, token
from zooclient.store.layout import plain

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord

#: Bytes of one output at the most, and attempts to get one whole.
_MOST, _ATTEMPTS = 1 << 40, 3
#: Names that are tried for a file whose own is taken.
_TWINS = 10_000
#: Characters of the longest name of an output, see :func:`~zooclient.records.run.file_name`, with room for a number.
_LONGEST_NAME = 160


@frozen
class Place:
    """Where what comes of a run goes.

    Attributes:
        folder: A folder of the caller's, in which nothing is overwritten; or that of all runs of a zoo.
        own: The run gets a folder of its own in it.
    """

    folder: Path
    own: bool


def prepared(wiring: Wiring, scheme: str, to: Path | None) -> Place:
    """Makes the folder before anything is billed, so that one that cannot be written costs nothing.

    Raises:
        StoreError: It cannot be made.
    """
    place = Place(to.absolute(), own=False) if to is not None else Place(_runs(wiring, scheme), own=True)
    with storing("making a folder for the run", str(place.folder)):
        place.folder.mkdir(parents=True, exist_ok=True)
    return place


def _runs(wiring: Wiring, scheme: str) -> Path:
    return _folder(wiring, scheme, "").parent


def _folder(wiring: Wiring, scheme: str, name: str) -> Path:
    return Path(plain(wiring.store().layout.run(wiring.place(scheme), name), _LONGEST_NAME))


def keep(wiring: Wiring, record: ModelRecord, run: Run, place: Place) -> Flow[Run]:
    """The run with its files saved; told in its problems which could not be had.

    The record is written before the first file is fetched, and again at the end: whatever stops us, the run is known.
    """
    folder = yield Call(run=lambda: _folder_of(wiring, run, place))
    told = tuple(file.name for file in run.files)
    files = [evolve(file, name=name) for file, name in zip(run.files, _safe_names(told), strict=True)]
    problems = list(run.problems)
    written = yield Call(run=lambda: _write(_with(run, told, files, problems, folder), folder, None))
    try:
        for number, file in enumerate(files):
            others = {other.name.casefold() for other in files} - {file.name.casefold()}
            files[number], problem = yield from _saved(wiring, record, file, folder, others)
            problems += [problem] if problem is not None else []
    finally:
        kept = _with(run, told, files, problems, folder)
        if files:
            _write(kept, folder, written)
    return kept


def _with(run: Run, told: Sequence[str], files: Sequence[RunFile], problems: Sequence[str], folder: Path) -> Run:
    """The run as it is saved so far: its files under the names that they have here, in its output too."""
    names = {old: file.name for old, file in reversed(list(zip(told, files, strict=True)))}
    output = _renamed(run.output, names)
    return evolve(run, files=tuple(files), output=output, problems=tuple(problems), folder=str(folder))


# -- the folder ---------------------------------------------------------------------------------


def _folder_of(wiring: Wiring, run: Run, place: Place) -> Path:
    if not place.own:
        return place.folder
    from datetime import UTC, datetime

    name = run.id or f"{datetime.now(UTC):%Y%m%dt%H%M%Sz}-{token()[:8]}"
    folder = _folder(wiring, run.ref.scheme, name)
    with storing("making a folder for the run", str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _safe_names(told: Sequence[str]) -> list[str]:
    """A name for each file that stays in its folder, and is unlike those of the others on any file system."""
    names: list[str] = []
    for number, name in enumerate(told):
        taken = {other.casefold() for other in names}
        safe = file_name(name, f"output-{number}")
        names.append(next(tried for tried in _numbered(safe) if tried.casefold() not in taken))
    return names


def _numbered(name: str) -> Iterator[str]:
    """The name, and what it is called where that is taken: ``out.png``, ``out-2.png``, …"""
    yield name
    stem, dot, ending = name.rpartition(".")
    for number in range(2, _TWINS):
        yield f"{stem}-{number}.{ending}" if stem else f"{dot}{ending}-{number}"


def _publish(temporary: Path, folder: Path, name: str, others: Set[str]) -> str:
    """Gives a whole file a name that nothing there has, whoever else writes into the folder; returns the name."""
    for tried in _numbered(name):
        if tried.casefold() in others:
            continue
        target = folder / tried
        with storing(f"saving {tried}", str(target)):
            try:
                with target.open("xb"):  # ours now; who comes second takes another
                    pass
            except FileExistsError:
                continue
            temporary.replace(target)
        return tried
    raise StoreError(f"{folder} holds {_TWINS} files like {name}.", hint="Choose another folder.")


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"file"} and value["file"] in names:
            return {"file": names[value["file"]]}
        return {name: _renamed(item, names) for name, item in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list | tuple) else value


def _write(run: Run, folder: Path, name: str | None) -> str:
    """Writes the record, whole or not at all; returns its name, which is a free one unless one is given."""
    # Where it lies it knows by itself, and a folder may be moved; bytes are files, and no part of it.
    lasting = evolve(run, folder=None, files=tuple(_without_bytes(file) for file in run.files))
    temporary = folder / f".{token()}.part"
    with storing("writing the record of the run", str(folder)):
        try:
            temporary.write_text(json.dumps(lasting.to_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
            if name is None:
                return _publish(temporary, folder, RECORD, set())
            temporary.replace(folder / name)
        finally:
            with suppress(OSError):
                temporary.unlink()
    return name


def _without_bytes(file: RunFile) -> RunFile:
    return evolve(file, url=None) if (file.url or "").lower().startswith("data:") else file


# -- one file -----------------------------------------------------------------------------------


def _saved(
    wiring: Wiring, record: ModelRecord, file: RunFile, folder: Path, others: Set[str]
) -> Flow[tuple[RunFile, str | None]]:
    """The file, saved; or as it was, and why."""
    if file.url is None:
        return file, f"It is not told where the output {file.name} lies."
    writing = _Writing(folder, file.name)
    try:
        if file.url.lower().startswith("data:"):
            content = yield Call(run=lambda: _decoded(file))
            yield Call(run=lambda: writing.take(content))
        else:
            media_type = yield from _fetched(wiring, record, file.url, writing)
            file = evolve(file, media_type=file.media_type or media_type)
        name = yield Call(run=lambda: writing.finish(others))
    except (Cancelled, StoreError):
        raise
    except ZooError as error:
        return file, f"The output {file.name} could not be saved: {error.message}"
    finally:
        writing.drop()
    return evolve(_without_bytes(file), name=name, sha256=writing.sha256, size=writing.size), None


def _decoded(file: RunFile) -> bytes:
    head, comma, text = (file.url or "").partition(",")
    content = unquote_to_bytes(text)
    if not comma:
        raise ProtocolError("Its data: address holds no data.")
    if not head.lower().endswith(";base64"):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ProtocolError(f"Its data: address is not base64: {error}.") from error


def _fetched(wiring: Wiring, record: ModelRecord, url: str, writing: _Writing) -> Flow[str | None]:
    """Fetches a file, and its type as the server says."""
    for attempt in range(1, _ATTEMPTS + 1):
        yield Call(run=writing.begin)
        try:
            response = yield from _followed(wiring, record, url, writing)
        except (ProtocolError, IntegrityError):
            raise
        except NetworkError:
            if attempt == _ATTEMPTS:
                raise
            continue
        if response.ok:
            return response.headers.get("content-type")
        if response.status in (403, 404, 410):
            raise Gone(f"{masked(url)} is gone (status {response.status}); outputs are kept for an hour.")
        if response.status < 500 or attempt == _ATTEMPTS:
            raise NetworkError(f"{masked(url)} answered with status {response.status}.")
    raise NetworkError(f"{masked(url)} did not come whole.")  # pragma: no cover - the last attempt ends by itself


def _followed(wiring: Wiring, record: ModelRecord, url: str, writing: _Writing) -> Flow[Response]:
    own = _origins(wiring, record)
    for _ in range(MAX_HOPS + 1):
        check_address(url, wiring, record)
        request = Request(url=url, anonymous=origin(url) not in own, max_bytes=_MOST)
        response: Response = yield Listen(request=request, heard=writing.take)
        target = redirect_target(response)
        if target is None:
            return response
        url = target
    raise ProtocolError(f"{masked(url)} redirects more than {MAX_HOPS} times.")


def _origins(wiring: Wiring, record: ModelRecord) -> tuple[str, ...]:
    from zooclient.providers.registry import origins_of

    return origins_of(wiring.provider(record.ref.scheme))


def check_address(url: str, wiring: Wiring, record: ModelRecord) -> None:
    """Refuses what an answer must not make us ask: in the clear, nobody but this machine, and that for a zoo on it.

    Raises:
        IntegrityError: It is no address, a plain http one, or one inside a private network, told from outside.
    """
    endpoint = wiring.provider(record.ref.scheme).endpoint or ""
    may = may_lead(endpoint, url) or wiring.settings.allow_plain_http
    if leads_inside(url, endpoint):
        raise IntegrityError(f"{masked(url)} lies in a private network or on this machine, and is not asked.")
    if may:
        return
    raise IntegrityError(f"{masked(url)} is plain http, where anybody on the way could have changed what comes.")


class _Writing:
    """A file on its way: hashed while it is written, and under its name only when it is whole.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._temporary = folder / f".{token()}.part"
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of the bytes so far, lower-case hex."""
        return self._hash.hexdigest()

    def begin(self) -> None:
        """Begins anew, with nothing."""
        self._close()
        with self._storing():
            self._file = self._temporary.open("wb")
        self._hash, self.size = hashlib.sha256(), 0

    def take(self, piece: bytes) -> bool:
        """Adds what came; never enough."""
        if self._file is None:
            self.begin()
        assert self._file is not None  # noqa: S101 - begin has opened it
        with self._storing():
            self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)
        return False

    def finish(self, others: Set[str]) -> str:
        """Gives the file its name, or one like it that nothing has; returns that."""
        if self._file is None:
            self.begin()
        with self._storing():
            self._close()
        return _publish(self._temporary, self._folder, self._name, others)

    def drop(self) -> None:
        """Removes what is unfinished."""
        with suppress(OSError):
            self._close()
            self._temporary.unlink()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _storing(self) -> AbstractContextManager[None]:
        return storing(f"saving {self._name}", str(self._folder))
