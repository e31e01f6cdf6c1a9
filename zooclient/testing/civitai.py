"""What the owners of models do at Civitai alone: the switches of :attr:`zooclient.testing.LocalZoo.civitai`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from zooclient.serve.civitai.catalogue import Catalogue
from zooclient.serve.civitai.entities import File, Model
from zooclient.serve.civitai.offer import Offer, Scan, ScanResult
from zooclient.serve.civitai.said import REGION_BLOCKED
from zooclient.serve.faults import Body, Faults, Thrown
from zooclient.serve.folder import FolderShelf

SCHEME = "civitai"

_DOWNLOAD = re.compile(r"/api/download/models/(\d+)")


class AtCivitai:
    """A local zoo's models as they stand at Civitai, where numbers are their names.

    A gate, privacy and what the staff withholds (``gate``, ``hide``, ``disable`` of the zoo) hold here too; what the
    Hub does not know is set here. Models are named ``owner/name`` throughout.

    Args:
        shelf: The models.
        faults: The faults that are thrown.
        sent: Returns path and status of every request so far.
    """

    def __init__(
        self, shelf: FolderShelf, faults: Faults, sent: Callable[[], Iterable[tuple[str, int | None]]]
    ) -> None:
        self._shelf = shelf
        self._faults = faults
        self._sent = sent
        self._catalogue = Catalogue(shelf.at(SCHEME))

    # Names

    def ref(self, model: str, path: str | None = None, *, version: int = 0) -> str:
        """Returns a reference, such as ``civitai:123@456`` or, with a path, ``civitai:123@456+789``.

        Args:
            model: ``owner/name``.
            path: Of a file, as it lies in the folder. None: the whole version.
            version: Which one, counted from the newest, which is 0.

        Raises:
            LookupError: There is no such model, version or file.
        """
        found = self._model(model)
        if version >= len(found.versions):
            raise LookupError(f"{model} has {len(found.versions)} versions.")
        bare = f"{SCHEME}:{found.id}@{found.versions[version].id}"
        return bare if path is None else f"{bare}+{self.file(model, path, version=version).id}"

    def file(self, model: str, path: str, *, version: int = 0) -> File:
        """Returns a file as the site has it: its id, the name it made, its hashes.

        Raises:
            LookupError: There is no such model, version or file.
        """
        found = self._model(model)
        for file in self._catalogue.files(found, found.versions[version]):
            if file.entry.path == path:
                return file
        raise LookupError(f"{model} has no file {path!r} here.")

    def downloads(self, model: str) -> int:
        """Returns how often a file of any version of a model was handed out: each call to the site counts.

        Since the start, or since the zoo was told to forget what was asked.
        """
        versions = {version.id for version in self._model(model).versions}
        asked = (_DOWNLOAD.fullmatch(path) for path, status in self._sent() if status == 307)
        return sum(match is not None and int(match[1]) in versions for match in asked)

    # Switches

    def sell(
        self, model: str, *, until: datetime | None = None, permanent: bool = True, buyers: tuple[str, ...] = ()
    ) -> None:
        """Asks for money before the bytes.

        Args:
            model: ``owner/name``.
            until: Early access: it is free from then on, aware. None: for good.
            permanent: Whether it is for good where ``until`` is None; otherwise it is early access without a date.
            buyers: Accounts that paid.
        """
        kind = "permanent" if until is None and permanent else "early"
        self._change(model, sold=kind, until=until, buyers=frozenset(buyers))

    def give(self, model: str) -> None:
        """Takes every gate of Civitai's own away again: it is free, there, and may be downloaded by all."""
        self._change(model, sold=False, until=None, login=None, downloads=True, archived=False, taken_down=False)

    def archive(self, model: str) -> None:
        """Archives a model: it is shown, its files are listed no longer, and asking for one is answered 410."""
        self._change(model, archived=True)

    def take_down(self, model: str) -> None:
        """Takes a model down, as the staff does."""
        self._change(model, taken_down=True)

    def need_login(self, model: str, needed: bool = True) -> None:
        """Lets only those download a model who are logged in."""
        self._change(model, login=needed)

    def forbid_downloads(self, model: str) -> None:
        """Lets a model be used on the site alone, and not be downloaded."""
        self._change(model, downloads=False)

    def rate(self, model: str, level: int, *, nsfw: bool = False, minor: bool = False, poi: bool = False) -> None:
        """Says whom a model is for.

        Args:
            model: ``owner/name``.
            level: Bits: 1 PG, 2 PG-13, 4 R, 8 X, 16 XXX; 0: nobody has looked at it yet, and it is shown to nobody.
            nsfw: The creator's flag.
            minor: It depicts somebody who looks like a minor.
            poi: It depicts a real person.
        """
        self._change(model, nsfw_level=level, nsfw=nsfw, minor=minor, poi=poi)

    def scan(
        self,
        model: str,
        path: str,
        pickle: ScanResult = "Danger",
        *,
        virus: ScanResult = "Success",
        message: str | None = None,
    ) -> None:
        """Says what the scanners found in a file, as it lies in the folder."""
        scans = {**self._offer(model).scans, path: Scan(pickle=pickle, virus=virus, message=message)}
        self._change(model, scans=scans)

    def keep_names(self, model: str, kept: bool = True) -> None:
        """Shows files under the names that they were uploaded with, where the site makes up others by default."""
        self._change(model, kept_names=kept)

    def replace(self, model: str, files: Mapping[str, bytes | str | None]) -> None:
        """Puts other bytes behind the files of the newest version: the ids stay, the digests do not.

        At a zoo with commits it is one more of them. The folder is not touched.

        Args:
            model: ``owner/name``.
            files: Path to content, text as UTF-8; None removes the file.
        """
        first = self._model(model).versions[0].original.id
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        self._shelf.commit(model, contents)
        repository = self._shelf.at(SCHEME).repository(model)
        if repository is not None:
            head = repository.branches[repository.main]
            self._change(model, replaced={**self._offer(model).replaced, head: first})

    def block_region(self) -> Thrown:
        """Lets every path of the API answer 451, as for clients in a country that is not served; ``heal`` ends it."""
        blocked = Body(REGION_BLOCKED, content_type="application/json", code=451, origin="hub")
        return self._faults.throw("/api/*", blocked, zoo=SCHEME)

    def _model(self, name: str) -> Model:
        found = self._catalogue.named(name)
        if found is None:
            raise LookupError(f"There is no model {name!r} here.")
        return found

    def _offer(self, model: str) -> Offer:
        return self._shelf.terms(model).offer

    def _change(self, model: str, **changes: Any) -> None:
        terms = self._shelf.terms(model)
        self._shelf.set_terms(model, evolve(terms, offer=evolve(terms.offer, **changes)))
