"""Where else the files of a record lie: what the store has seen, the same name elsewhere, and who knows the digests.

Only the same sha256 makes a file a copy, and no size may contradict it. What leaves the machine is the model's name,
and for zoos that know files by digest the digests; of a private model nothing does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.client.owners import namesakes
from zooclient.client.telling import telling
from zooclient.errors import AccessError, Cancelled, NotFound, Offline, PolicyError, Unsupported, ZooError
from zooclient.net.exchange import Call
from zooclient.providers.further import ListsFiles
from zooclient.records.query import Query
from zooclient.records.sources import FileCopy, Found, Sources

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.providers.base import Provider
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.ref import Ref

#: Hits of a search for a name that are looked at, and records of models of that name that are asked for.
_HITS = 20
_NAMESAKES = 3
#: Records of models that have one of the digests that are asked for, at one zoo.
_HOLDERS = 8


def sources_of(wiring: Wiring, record: ModelRecord, zoos: tuple[str, ...] | None) -> Flow[Sources]:
    """Where else the files of a model lie, each place proved by digest.

    Args:
        wiring: The client's.
        record: The model.
        zoos: Schemes to ask. None: every zoo that files can be fetched from.

    Raises:
        Unsupported: No file can be fetched from a zoo that was named.
    """
    with telling("sources", record.ref):
        for scheme in zoos or ():
            must_give(wiring.provider(scheme))
        asked = askable(wiring, record, by_itself=False) if zoos is None else zoos
        files = [file for file in record.files if not file.unopened]
        found = yield from find(wiring, record, files, asked, own=zoos is None)
        if zoos is not None:
            return found
        _, broken = wiring.providers()
        return evolve(found, problems={**found.problems, **broken})


def find(
    wiring: Wiring,
    record: ModelRecord,
    files: Sequence[FileEntry],
    zoos: Iterable[str],
    *,
    own: bool = True,
    enough: bool = False,
) -> Flow[Sources]:
    """Where else the bytes of these files lie.

    Args:
        wiring: The client's.
        record: The model that has them.
        files: The files that matter.
        zoos: Schemes to ask, in this order, after the store's memory; see :func:`askable`.
        own: Other models of the record's own zoo count as well.
        enough: One copy of each file is enough, weights before the rest; then nobody else is asked.
    """
    zoos = tuple(zoos)
    quest = _Quest(wiring, record, files, enough)
    yield from quest.remember({*zoos, record.ref.scheme} if own else set(zoos))
    for scheme in zoos:
        if quest.done:
            break
        yield from quest.ask(scheme)
    return quest.result()


def askable(wiring: Wiring, record: ModelRecord, *, by_itself: bool) -> tuple[str, ...]:
    """Returns the zoos at which the files of a record can be looked for.

    Args:
        wiring: The client's.
        record: The model.
        by_itself: Nobody asked for it. Then what a server said that is not the zoo's own, such as a company's, is told
            to no other server but one whose endpoint was named as well.
    """
    own = wiring.provider(record.ref.scheme)
    closed = by_itself and not own.official

    def suits(scheme: str, provider: Provider) -> bool:
        shut = wiring.settings.zoo(scheme).mirror_policy == "only"
        able = _gives(provider) and scheme != own.scheme and not shut
        return able and not (closed and wiring.settings.zoo(scheme).endpoint is None)

    usable, _ = wiring.providers()
    return tuple(scheme for scheme, provider in usable.items() if suits(scheme, provider))


def _gives(provider: Provider) -> bool:
    """Whether files of other models can be fetched from a zoo: each by itself, and listed with its model."""
    alone = provider.capability.download and not isinstance(provider, ListsFiles)
    return alone and provider.endpoint is not None


def must_give(provider: Provider) -> None:
    """Refuses a zoo from which no file can be fetched.

    Raises:
        Unsupported: It is one.
    """
    if not _gives(provider):
        raise Unsupported(
            f"No file of another model can be fetched from {provider.scheme}.",
            zoo=provider.scheme,
            hint="Its files lie in images, of which it does not tell what they hold."
            if isinstance(provider, ListsFiles)
            else None,
        )


class _Quest:
    """One search for copies."""

    def __init__(self, wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry], enough: bool) -> None:
        self._wiring = wiring
        self._record = record
        self._files = files
        self._enough = enough
        self._found: dict[str, list[FileCopy]] = {file.path: [] for file in files}
        self._wanted: dict[str, list[FileEntry]] = {}
        for file in files:
            if "sha256" in file.digests:
                self._wanted.setdefault(file.digests["sha256"], []).append(file)
        self._met: set[str] = set()
        self._asked: list[str] = []
        self._problems: dict[str, ZooError] = {}

    @property
    def done(self) -> bool:
        """Whether nothing is left to find."""
        return not self._wanted or (self._enough and not any(True for _ in self._lacking()))

    def _lacking(self) -> Iterator[str]:
        """Yields the digests of which no copy is known."""
        return (digest for digest, files in self._wanted.items() if not self._found[files[0].path])

    def result(self) -> Sources:
        """Returns what was found."""
        return Sources(
            ref=self._record.ref,
            copies=tuple(copy for file in self._files for copy in self._found[file.path]),
            alone=tuple(file.path for file in self._files if not self._found[file.path]),
            unproved=tuple(file.path for file in self._files if "sha256" not in file.digests),
            asked=tuple(self._asked),
            problems=self._problems,
        )

    def remember(self, zoos: set[str]) -> Flow[None]:
        """Looks among the models that the store has seen; nobody is asked."""
        if self._wanted:
            seen: list[FileCopy] = yield Call(run=lambda: list(self._seen(zoos)))
            for copy in seen:
                self._add(copy)

    def _seen(self, zoos: set[str]) -> Iterator[FileCopy]:
        store = self._wiring.store()
        records: dict[Ref, ModelRecord | None] = {self._record.ref: None}
        for digest, holders in store.seen(self._wanted).items():
            for holder in holders:
                ref = holder.ref
                # What another server said under the same scheme is not to be had from the one that is set.
                if ref.scheme not in zoos or not ref.revision or holder.zoo != self._wiring.place(ref.scheme):
                    continue
                if not _gives(self._wiring.provider(ref.scheme)):
                    continue
                if ref not in records:
                    records[ref] = store.load_record(holder.zoo, ref.id, ref.revision)
                record = records[ref]
                entry = record.file(holder.path) if record is not None else None
                if record is None or entry is None:
                    continue
                # A sha256 that we observed at a pinned revision is as good as one that its zoo states.
                file = evolve(entry, digests={**entry.digests, "sha256": digest})
                for wanted in self._wanted[digest]:
                    yield FileCopy(path=wanted.path, record=record, file=file, found="seen")

    def ask(self, scheme: str) -> Flow[None]:
        """Asks one zoo; what fails there is its problem, and the next is asked."""
        if self._record.access.state == "private":
            self._problems[scheme] = PolicyError(f"{self._record.ref} is private, which is told to no other zoo.")
            return
        if self._wiring.settings.offline:
            self._problems[scheme] = Offline("Connections are switched off (offline).", zoo=scheme)
            return
        self._asked.append(scheme)
        try:
            with guarded(scheme):
                provider = self._wiring.provider(scheme)
                yield from self._by_name(provider)
                yield from self._by_digest(provider)
        except Cancelled:
            raise
        except ZooError as error:
            error.about(zoo=scheme, operation="sources")
            self._problems[scheme] = error

    def _by_name(self, provider: Provider) -> Flow[None]:
        if self._wiring.in_place(self._record.ref):
            return  # a path on this machine is nobody else's business
        named = False
        for ref in namesakes(self._record.ref, provider.scheme):
            named = True
            if (yield from self._look_at(provider, ref, "name")):
                return
        if named and provider.capability.search:
            yield from self._by_search(provider)

    def _by_search(self, provider: Provider) -> Flow[None]:
        """Looks at models of the same name by whichever owner."""
        name = self._record.ref.id.rpartition("/")[2]
        page = yield from provider.search(Query(text=name, limit=_HITS))
        same = [hit.ref for hit in page.hits if _plain(hit.ref.id) == _plain(name) and str(hit.ref) not in self._met]
        for ref in same[:_NAMESAKES]:
            if (yield from self._look_at(provider, ref, "search")):
                return

    def _by_digest(self, provider: Provider) -> Flow[None]:
        """Asks a zoo that knows its files by their digests, for those that are still to be found."""
        from zooclient.providers.further import KnowsFiles

        digests = list(self._lacking()) if self._enough else list(self._wanted)
        digests = [digest for digest in digests if self._wanted[digest][0].size != 0]  # the empty file tells nothing
        if not digests or not provider.capability.identify or not isinstance(provider, KnowsFiles):
            return
        known = yield from provider.holders(digests)
        shares = Counter(ref for refs in known.values() for ref in refs)
        for ref, _ in shares.most_common(_HOLDERS):
            if str(ref) not in self._met:
                yield from self._look_at(provider, ref, "digest")
            if self.done:
                return

    def _look_at(self, provider: Provider, ref: Ref, found: Found) -> Flow[bool]:
        """Asks for a model and takes its files that are copies; returns whether there is one."""
        self._met.add(str(ref))
        try:
            record = yield from provider.resolve(ref)
        except NotFound:
            return False
        except AccessError as error:
            self._problems.setdefault(provider.scheme, error)
            return False
        return self._take(record, found)

    def _take(self, record: ModelRecord, found: Found) -> bool:
        taken = False
        for file in record.files:
            for wanted in self._wanted.get(file.digests.get("sha256", ""), ()):
                taken |= self._add(FileCopy(path=wanted.path, record=record, file=file, found=found))
        return taken

    def _add(self, copy: FileCopy) -> bool:
        """Takes a copy, unless a size contradicts its digest."""
        size = next(file.size for file in self._files if file.path == copy.path)
        if size is not None and copy.file.size not in (None, size):
            return False
        known = self._found[copy.path]
        if all((copy.ref, copy.file.path) != (other.ref, other.file.path) for other in known):
            known.append(copy)
        return True


def _plain(name: str) -> str:
    """Returns the last part of a model's name as it may be spelled elsewhere."""
    return "".join(letter for letter in name.rpartition("/")[2].casefold() if letter.isalnum())


def why_alone(found: Sources, path: str) -> str:
    """Returns the sentence that tells why a file has no other source, or where it has."""
    copies = found.of(path)
    if copies:
        return f"The same bytes are listed at {_listed(copy.ref for copy in copies)}."
    if path in found.unproved:
        return f"{found.ref.scheme} states no sha256 of {path}, so no other place can prove to have the same bytes."
    parts = []
    silent = list(found.problems)
    asked = [scheme for scheme in found.asked if scheme not in found.problems]
    if asked:
        parts.append(f"Nobody else has the same bytes as far as known; asked: {_listed(asked)}.")
    parts += [f"{scheme}: {found.problems[scheme].message}" for scheme in silent]
    return " ".join(parts) or "No other zoo was asked for the same bytes."


def _listed(names: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, names)))
