"""A shelf as Replicate has it: models with versions, each state of the default branch one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from attrs import evolve, field, frozen

from zooclient.serve.accounts import Account, knows
from zooclient.serve.describe import Describer, Description
from zooclient.serve.registry.depot import Depot
from zooclient.serve.replicate import schema
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.replicate.naming import version_id
from zooclient.serve.replicate.schema import COG
from zooclient.serve.shelf import FLOOR, Commit, Repository, Shelf, Terms, stable_id

#: Bytes of a card that are read at the most.
_CARD: Final = 4 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n.*?^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


@frozen(kw_only=True)
class Version:
    """One version.

    Attributes:
        id: 64 hex: the digest of the manifest of its image.
        created: When it was pushed.
        document: The OpenAPI document that describes it.
        cog: Version of Cog that made it.
    """

    id: str
    created: datetime
    document: Mapping[str, Any] = field(hash=False, repr=False)
    cog: str = COG


@frozen(kw_only=True, slots=False)
class Model:
    """One model.

    Attributes:
        repository: Where it comes from.
        versions: The newest first; none of a model to which nothing was pushed.
        told: What the files of the newest tell.
        card: Its README without front matter. None: it has none.
        made: When it was created, where nothing was pushed to it.
        former: Versions that are not told any more: their owner has changed what the model takes since.
    """

    repository: Repository
    versions: tuple[Version, ...]
    told: Description
    card: str | None = field(repr=False)
    made: datetime = FLOOR
    former: tuple[Version, ...] = ()

    @property
    def id(self) -> str:
        """``owner/name``."""
        return self.repository.id

    @property
    def owner(self) -> str:
        """Who published it."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.id.partition("/")[2]

    @property
    def hosted(self) -> Hosted:
        """How it is hosted."""
        return self.repository.terms.hosted

    @property
    def latest(self) -> Version | None:
        """Its newest version; None while nothing was pushed to it."""
        return self.versions[0] if self.versions else None

    @property
    def created(self) -> datetime:
        """When it came to be."""
        return self.versions[-1].created if self.versions else self.made

    @property
    def private(self) -> bool:
        """Whether few know of it."""
        return self.repository.terms.private

    @cached_property
    def description(self) -> str | None:
        """One line on it: as it is hosted, as the card's head has it, or the first line of text below."""
        known = self.hosted.description or (self.told.card or {}).get("description")
        if isinstance(known, str):
            return known
        lines = (line.strip() for line in (self.card or "").splitlines())
        return next((line for line in lines if line and not line.startswith(("#", "<", "!", "|", "["))), None)

    def version(self, name: str) -> Version | None:
        """The version with this id."""
        return next((version for version in (*self.versions, *self.former) if version.id == name), None)

    def listed(self, name: str) -> Version | None:
        """The same; of a model that the zoo keeps itself none can be asked for."""
        return None if self.hosted.official else self.version(name)


class Catalogue:
    """The models of a shelf. Safe between threads.

    Args:
        shelf: What is served, as this zoo shows it.
        depot: The images of the versions. None: within the catalogue alone.
    """

    def __init__(self, shelf: Shelf, depot: Depot | None = None) -> None:
        self._shelf = shelf
        self._depot = depot or Depot()
        self._describer = Describer(shelf)

    def create(self, name: str, *, private: bool, hosted: Hosted) -> Model:
        """Makes a model without a version, to which images can be pushed.

        It is the shelf's once the shelf has one of this name.
        """
        readers = frozenset({name.partition("/")[0]})
        terms = Terms(private=private, readers=readers, hosted=hosted)
        repository = Repository(id=name, stable_id=stable_id(name), commits={}, branches={}, terms=terms)
        model = Model(repository=repository, versions=(), told=Description(), card=None, made=datetime.now(UTC))
        self._depot.created[name] = model
        return model

    def taken(self, name: str) -> bool:
        """Whether a model has this name, in whichever case and whoever may know of it."""
        return self._shelf.canonical(name) is not None or name in self._depot.created

    def drop(self, model: Model) -> None:
        """Removes a model without a version."""
        self._depot.created.pop(model.id, None)

    def models(self, visitor: Account | None) -> Iterator[Model]:
        """Every model that a visitor may know of, in the order of their names."""
        shelved = self._shelf.names()
        pushed = (name for name in tuple(self._depot.created) if self._depot.pushed.versions(name))
        for name in sorted({*shelved, *pushed}):
            model = self.named(name, visitor)
            if model is not None:
                yield model

    def named(self, name: str, visitor: Account | None) -> Model | None:
        """The model with this name, in whichever case; None when there is none that the visitor may know of."""
        found = self._shelf.canonical(name)
        repository = None if found is None else self._shelf.repository(found)
        if repository is None:
            model = self._depot.created.get(name)
            if model is None or not knows(model.repository.terms, visitor):
                return None
            return evolve(model, versions=self._pushed(name))
        return self.model(repository) if knows(repository.terms, visitor) else None

    def model(self, repository: Repository) -> Model | None:
        """A repository as a model; None when it has no version."""
        log = dict.fromkeys((repository.branches[repository.main], *repository.logs.get(repository.main, ())))
        commits = [repository.commits[name] for name in log if name in repository.commits]
        if not commits:
            return None
        versions = [self._version(repository, commit) for commit in commits]
        pushed = self._pushed(repository.id)
        if pushed:
            versions = sorted([*pushed, *versions], key=lambda version: version.created, reverse=True)
        former = [
            Version(id=image.id, created=commit.date, document=image.document, cog=image.cog)
            for image, commit in self._depot.images.former(repository)
        ]
        return Model(
            repository=repository,
            versions=tuple(versions),
            told=self._describer.describe(commits[0]),
            card=self._card(commits[0]),
            former=tuple(former),
        )

    def _version(self, repository: Repository, commit: Commit) -> Version:
        image = self._depot.images.image(repository, commit, self._shelf)
        if image is None:
            # Its bytes are gone, and with them its image; it is told of all the same.
            document = schema.document(repository.terms.hosted)
            return Version(id=version_id(repository.stable_id, commit.id), created=commit.date, document=document)
        return Version(id=image.id, created=commit.date, document=image.document, cog=image.cog)

    def _pushed(self, name: str) -> tuple[Version, ...]:
        return tuple(
            Version(id=one.id, created=one.created, document=one.document, cog=one.cog)
            for one in self._depot.pushed.versions(name)
        )

    def version(self, name: str, visitor: Account | None) -> tuple[Model, Version] | None:
        """The version with this id, and its model."""
        for model in self.models(visitor):
            version = model.version(name)
            if version is not None:
                return model, version
        return None

    def _card(self, commit: Commit) -> str | None:
        entry = commit.files.get("README.md")
        place = None if entry is None else self._shelf.place(entry.digest)
        if place is None:
            return None
        with place.path.open("rb") as file:
            return _FRONT_MATTER.sub("", file.read(_CARD).decode("utf-8", "replace"), count=1)
