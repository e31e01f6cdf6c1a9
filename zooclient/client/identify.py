"""Which model at which zoo a local file is: hash it, ask the store, and a zoo when that is wished."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.errors import Cancelled, NotFound, Offline, StoreError, Unsupported, ZooError
from zooclient.records.digest import PROOF
from zooclient.records.identity import Identification, Identified, Match
from zooclient.store.hashing import Changed, every_hash
from zooclient.store.seen import DIGITS

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.providers.further import KnowsFiles
    from zooclient.records.ref import Ref
    from zooclient.store.reports import Holder
    from zooclient.transfer.reporter import Reporter

#: Files read at the same time. One keeps a core busy; more than a few only make a disk jump.
_AT_ONCE = 4
#: Full hashes over the whole file.
_PROOF = (*PROOF, "blake3")
_SOURCES = ("record", "snapshot", "zoo")


def identify(
    wiring: Wiring, paths: Sequence[Path], *, online: bool, reporter: Reporter, cancel: Cancel
) -> Flow[Identification]:
    """What each of these files is, see :meth:`zooclient.Client.identify`."""
    from zooclient.net.exchange import Call

    zoos, problems = _askable(wiring) if online else ({}, {})  # before hours of hashing
    files: tuple[Identified, ...] = yield Call(run=lambda: _hashed(paths, reporter, cancel))
    holders: tuple[Holder, ...] = yield Call(
        run=lambda: wiring.store().remembered(text for file in files for text in _spellings(file.digests))
    )
    files = _matched(files, holders)
    asked = sorted({file.digests["sha256"] for file in files if file.size})  # the empty file tells nothing
    for scheme, provider in zoos.items() if asked else ():
        try:
            with guarded(scheme):
                found = yield from provider.holders(asked)
        except ZooError as error:
            error.about(operation="identify", zoo=scheme)
            problems[scheme] = error
        else:
            files = _told(files, wiring.place(scheme), found)
    return Identification(files=files, problems=problems)


def _askable(wiring: Wiring) -> tuple[dict[str, KnowsFiles], dict[str, ZooError]]:
    """Returns the zoos that know their files by hash, and why one of another package cannot be used."""
    from zooclient.providers.further import KnowsFiles

    if wiring.settings.offline:
        raise Offline(
            "Connections are switched off (offline), so that no zoo can be asked.",
            operation="identify",
            hint="Without `online` the store is asked alone.",
        )
    providers, problems = wiring.providers()
    found: dict[str, KnowsFiles] = {
        scheme: provider
        for scheme, provider in providers.items()
        if provider.capability.identify and isinstance(provider, KnowsFiles)
    }
    if not found:
        raise Unsupported("None of the zoos can be asked for a file by its hash.", operation="identify")
    return found, problems


# -- files ------------------------------------------------------------------------------------------


def _hashed(paths: Sequence[Path], reporter: Reporter, cancel: Cancel) -> tuple[Identified, ...]:
    """Blocking: reads every file once, several at a time."""
    from concurrent.futures import ThreadPoolExecutor

    files = [file for path in paths for file in _files(path)]
    # A file that has several names, as in a cache of links, is read once.
    contents: dict[object, Path] = {}
    names = [(file, _content(file)) for file in files]
    for file, content in names:
        contents.setdefault(content, file)
    reporter.planned(len(contents), sum(_size(file) for file in contents.values()))
    found: dict[object, Identified] = {}
    stop = cancel.child()
    workers = min(_AT_ONCE, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="zooclient-identify") as pool:
        jobs = {content: pool.submit(_hash, file, reporter, stop) for content, file in contents.items()}
        try:
            for content, job in jobs.items():
                found[content] = job.result()
        except BaseException as error:
            stop.cancel()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, Cancelled):
                error.hint = "Nothing of it is kept; the next run begins anew."
            raise
    return tuple(evolve(found[content], path=file) for file, content in names)


def _files(path: Path) -> Iterator[Path]:
    """Gives a file itself; of a folder every file below it, sorted, but none whose name begins with a dot."""
    status = _status(path)
    if status is None and not _listed(path):
        raise NotFound(f"There is no file {path}.", operation="identify")
    if status is None or not stat.S_ISDIR(status.st_mode):
        yield path
        return

    def refuse(error: OSError) -> None:
        raise StoreError(f"The folder {error.filename} cannot be read: {error.strerror}.", operation="identify")

    for folder, inner, names in os.walk(path, onerror=refuse):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            status = None if name.startswith(".") else _status(Path(folder, name))
            # What cannot be looked at is told; pipes and devices are nobody's model.
            if not name.startswith(".") and (status is None or stat.S_ISREG(status.st_mode)):
                yield Path(folder, name)


def _status(path: Path) -> os.stat_result | None:
    """Returns what the system tells of a file, where links lead; None when it tells nothing."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _listed(path: Path) -> bool:
    """Whether there is something of this name, such as a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def _content(file: Path) -> object:
    status = _status(file)
    return file if status is None or not status.st_ino else (status.st_dev, status.st_ino)


def _size(file: Path) -> int:
    status = _status(file)
    return 0 if status is None else status.st_size


def _hash(file: Path, reporter: Reporter, cancel: Cancel) -> Identified:
    cancel.check()
    name = str(file)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return Identified(path=file, problem="it is no file")
        reporter.started(name, _size(file), 0)
        size, digests = every_hash(file, check=cancel.check, advanced=lambda count: reporter.advanced(name, count))
    except (OSError, Changed) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it changed while it was read: {error}"
        return Identified(path=file, problem=reason or str(error))
    finally:
        reporter.finished(name)
    return Identified(path=file, size=size, digests=digests)


# -- matches ----------------------------------------------------------------------------------------


def _spellings(digests: Mapping[str, str]) -> Iterator[str]:
    """Gives every hash as some zoo may write it."""
    yield from digests.values()
    if "crc32" in digests:
        yield _turned(digests["crc32"])


def _turned(crc32: str) -> str:
    """Returns a CRC32 with its bytes in the other order."""
    return bytes.fromhex(crc32)[::-1].hex()


def _matched(files: Iterable[Identified], holders: Iterable[Holder]) -> tuple[Identified, ...]:
    """Adds what the store remembers."""
    by_beginning: defaultdict[str, list[Holder]] = defaultdict(list)
    for holder in holders:
        for text in {text[:DIGITS] for text in (*holder.digests.values(), *holder.hashes.values())}:
            by_beginning[text].append(holder)
    found = []
    for file in files:
        matches: dict[tuple[str, Ref, str | None], Match] = {}
        beginnings = {text[:DIGITS] for text in _spellings(file.digests)}
        for holder in (holder for text in sorted(beginnings) for holder in by_beginning.get(text, ())):
            by = agreement(file, holder)
            if by is None:
                continue
            match = Match(
                ref=holder.ref,
                zoo=holder.zoo,
                path=holder.path,
                title=holder.title,
                by=by,
                proved=by in _PROOF,
                source="record" if holder.claimed else "snapshot",
            )
            place = (match.zoo, match.ref, match.path)
            if place not in matches or _rank(match) < _rank(matches[place]):
                matches[place] = match
        found.append(evolve(file, matches=tuple(sorted(matches.values(), key=_rank))))
    return tuple(found)


def _told(files: Iterable[Identified], zoo: str, found: Mapping[str, Iterable[Ref]]) -> tuple[Identified, ...]:
    """Adds what a zoo said of each sha256; what the store knew of the same model is not told twice."""
    told = []
    for file in files:
        held = {(match.zoo, match.ref) for match in file.matches if match.proved}
        more = [
            Match(ref=ref, zoo=zoo, by="sha256", proved=True, source="zoo")
            for ref in found.get(file.digests.get("sha256", ""), ())
            if (zoo, ref) not in held
        ]
        told.append(evolve(file, matches=tuple(sorted((*file.matches, *more), key=_rank))) if more else file)
    return tuple(told)


def _rank(match: Match) -> tuple[bool, int, str, str]:
    return (not match.proved, _SOURCES.index(match.source), str(match.ref), match.path or "")


def agreement(file: Identified, holder: Holder) -> str | None:
    """Returns the name of the best hash in which a local file agrees with a remembered one; None when in none.

    A hash that proves decides alone, for or against. The others count where nothing speaks against them: a digest or
    a size that differs. Only AutoV3 may agree all the same, because it leaves the header out, which people edit.
    """
    for name in _PROOF:
        if name in holder.digests and name in file.digests and holder.digests[name] == file.digests[name]:
            return name
    other = any(name in holder.digests and name in file.digests for name in _PROOF) or (
        holder.size is not None and holder.size != file.size
    )
    told = {kind.lower(): text for kind, text in holder.hashes.items()}
    ours = file.digests
    autov3 = told.get("autov3", "")
    if len(autov3) >= 12 and ours.get("autov3", "").startswith(autov3):
        return "autov3"
    if other:
        return None
    for kind in ("sha256_12", "autov2"):
        if len(told.get(kind, "")) >= 10 and ours["sha256"].startswith(told[kind]):
            return "autov2"
    if told.get("autov1") and told["autov1"] == ours.get("autov1"):
        return "autov1"
    crc32 = holder.digests.get("crc32") or told.get("crc32")
    return "crc32" if crc32 in (ours["crc32"], _turned(ours["crc32"])) else None
