"""A shelf as Civitai has it: models with versions with files, each with a number."""

from __future__ import annotations

from collections.abc import Iterator

from zooclient.serve.civitai.describe import (
    Told,
    file_extent,
    file_format,
    file_type,
    quantisation,
    shown,
    tell,
)
from zooclient.serve.civitai.entities import File, Model, Version
from zooclient.serve.civitai.inspect import Inspector
from zooclient.serve.civitai.naming import Naming, derived
from zooclient.serve.civitai.numbers import Numbers
from zooclient.serve.civitai.offer import Scan
from zooclient.serve.civitai.pictures import MOST, Picture, is_picture, size_of
from zooclient.serve.describe import Describer
from zooclient.serve.shelf import Commit, Repository, Shelf, ShelfFile

#: Bytes of a picture within which its size is looked for.
_PICTURE = 256 * 1024


class Catalogue:
    """The models of a shelf. Safe between threads.

    Args:
        shelf: What is served.
        scanned: Say that the scanners found nothing where nothing else is said. Off, files wait for them.
    """

    def __init__(self, shelf: Shelf, *, scanned: bool = True) -> None:
        self._shelf = shelf
        self._usual = Scan() if scanned else Scan(pickle="Pending", virus="Pending")
        self._describer = Describer(shelf)
        self._inspector = Inspector(shelf)
        self._users, self._models, self._versions = Numbers(), Numbers(), Numbers()
        self._files, self._pictures = Numbers(), Numbers()
        self._told: dict[str, Told] = {}
        self._names: dict[str, str] = {}

    def models(self) -> Iterator[Model]:
        """Every model, in the order of the names of the repositories."""
        for name in self._shelf.names():
            model = self.named(name)
            if model is not None:
                yield model

    def named(self, name: str) -> Model | None:
        """The model of the repository with this id; None when there is none, or it has no version with a file."""
        repository = self._shelf.repository(name)
        if repository is None:
            return None
        versions = tuple(self._published(repository))
        if not versions:
            return None
        self._names[repository.stable_id] = name
        return Model(
            id=self._models.of(repository.stable_id),
            user=self.user(name.partition("/")[0]),
            repository=repository,
            versions=versions,
        )

    def model(self, number: int) -> Model | None:
        """The model with this number."""
        known = self._known(self._models.key(number))
        if known is not None and known.id == number:
            return known
        return next((model for model in self.models() if model.id == number), None)

    def version(self, number: int) -> tuple[Model, Version] | None:
        """The version with this number, and its model."""
        known = self._known(self._versions.key(number))
        for model in self.models() if known is None else (known,):
            for version in model.versions:
                if version.id == number:
                    return model, version
        return None

    def user(self, name: str) -> int:
        """The number of an account."""
        return self._users.of(name.casefold())

    def _known(self, key: tuple[str, ...] | None) -> Model | None:
        """The model that a key was made for, without a look at all the others."""
        name = None if key is None else self._names.get(key[0])
        return None if name is None else self.named(name)

    def holders(self, text: str) -> list[tuple[Model, Version, File]]:
        """Every file of which a hash is this one, of the version first that was published first.

        Args:
            text: Upper-case hex of any of the site's lengths.
        """
        found = [
            (model, version, self._file(model, version, path))
            for model in self.models()
            for version in model.versions
            for path in shown(version.commit)
            if self._has(version.commit.files[path], text)
        ]
        return sorted(found, key=lambda hit: (hit[1].original.date, hit[1].id))

    def _has(self, entry: ShelfFile, text: str) -> bool:
        if len(text) in (10, 64):
            return entry.content.upper().startswith(text)
        return text in self._inspector.of(entry).hashes.values()

    def files(self, model: Model, version: Version) -> tuple[File, ...]:
        """The files of a version, in the order of their paths.

        Raises:
            OSError: One cannot be read.
        """
        return tuple(self._file(model, version, path) for path in shown(version.commit))

    def pictures(self, model: Model, version: Version) -> tuple[Picture, ...]:
        """The pictures of a version, in the order of their paths; none of a model that was taken down.

        Raises:
            OSError: One cannot be read.
        """
        if model.gone:
            return ()
        paths = [path for path in version.commit.files if is_picture(path)][:MOST]
        return tuple(self._picture(version, version.commit.files[path]) for path in paths)

    def _picture(self, version: Version, entry: ShelfFile) -> Picture:
        place = self._shelf.place(entry.digest)
        size = None
        if place is not None:
            with place.path.open("rb") as file:
                size = size_of(file.read(_PICTURE))
        width, height = size or (None, None)
        return Picture(id=self._pictures.of(str(version.id), entry.path), entry=entry, width=width, height=height)

    def _published(self, repository: Repository) -> Iterator[Version]:
        main, offer = repository.main, repository.terms.offer
        log = [repository.branches[main], *repository.logs.get(main, ())]
        # A version is where it was first published; what it shows is the newest state that took its place.
        newest: dict[str, str] = {}
        for name in log:
            if name in repository.commits:
                newest.setdefault(offer.original(name), name)
        tags = {commit: tag for tag, commit in sorted(repository.tags.items())}
        for place, (first, last) in enumerate(newest.items()):
            commit = repository.commits[last]
            if shown(commit):
                yield Version(
                    id=self._versions.of(repository.stable_id, first),
                    name=tags.get(last) or tags.get(first) or f"v{len(newest) - place}.0",
                    commit=commit,
                    original=repository.commits.get(first, commit),
                    told=self._tell(commit),
                )

    def _tell(self, commit: Commit) -> Told:
        known = self._told.get(commit.id)
        if known is None:
            known = self._told[commit.id] = tell(commit, self._describer, self._shelf)
        return known

    def _file(self, model: Model, version: Version, path: str) -> File:
        entry, offer = version.commit.files[path], model.offer
        stored = path.rpartition("/")[2]
        kind = model.told.kind
        type_ = file_type(path, kind)
        naming = Naming(kind=kind, model=model.name, version=version.name, word=next(iter(version.told.words), None))
        found = self._inspector.of(entry)
        scan = offer.scans.get(path, self._usual)
        return File(
            id=self._files.of(str(version.id), path),
            name=stored if offer.kept_names else derived(naming, stored, type_),
            stored=stored,
            type=type_,
            entry=entry,
            metadata={
                "format": file_format(path),
                "size": file_extent(path, kind, type_),
                "fp": found.precision,
                "quantType": quantisation(path),
            },
            hashes=dict(found.hashes),
            scan=scan,
        )
