"""Civitai's models, versions and files as values, and which file of several it takes. Pure."""

from __future__ import annotations

from functools import cached_property

from attrs import define, field, frozen

from zooclient.serve.accounts import Account, knows
from zooclient.serve.civitai.describe import Told
from zooclient.serve.civitai.offer import Offer, Scan
from zooclient.serve.shelf import Commit, Repository, ShelfFile

#: Types of files that a version is about.
MAIN = ("Model", "Pruned Model", "Diffusion Model", "UNet")
#: What is preferred where nobody asks for anything: the order of the site's own scores.
_PREFERRED = {"format": "SafeTensor", "size": "pruned", "fp": "fp16", "quantType": "Q4_K_M"}
_WEIGHTS = {"format": 100.0, "size": 10.0, "fp": 1.0, "quantType": 0.5}


@frozen(kw_only=True)
class File:
    """One file of a version.

    Attributes:
        id: Its number, the same when its bytes are replaced.
        name: Name under which it is shown and downloaded; others of the version may have it too.
        stored: Name that it was uploaded with.
        type: Type of file.
        entry: The file on the shelf.
        metadata: ``format``, ``size``, ``fp``, ``quantType``; None for what is not told.
        hashes: Name of an algorithm to upper-case hex.
        scan: What the scanners found.
    """

    id: int
    name: str
    stored: str
    type: str
    entry: ShelfFile
    metadata: dict[str, str | None] = field(hash=False)
    hashes: dict[str, str] = field(hash=False)
    scan: Scan


@frozen(kw_only=True)
class Version:
    """One state of a model that was published.

    Attributes:
        id: Its number.
        name: Its tag, or ``v1.0``, ``v2.0`` … from the oldest on.
        commit: The state that it shows now.
        original: The state that it was published as, another one where its files were replaced.
        told: What its card and files tell.
    """

    id: int
    name: str
    commit: Commit
    original: Commit
    told: Told


@define(kw_only=True, slots=False)
class Model:
    """A repository as a model.

    Attributes:
        id: Its number.
        user: Number of its creator.
        repository: The repository.
        versions: Newest first, as its creator shows them; at least one.
    """

    id: int
    user: int
    repository: Repository
    versions: tuple[Version, ...]

    @cached_property
    def owner(self) -> str:
        """Name of its creator."""
        return self.repository.id.partition("/")[0]

    @cached_property
    def name(self) -> str:
        """Its name."""
        return self.told.title or self.repository.id.partition("/")[2]

    @property
    def told(self) -> Told:
        """What its newest version tells."""
        return self.versions[0].told

    @property
    def offer(self) -> Offer:
        """On what terms it is offered."""
        return self.repository.terms.offer

    @property
    def level(self) -> int:
        """Bits of the levels of its pictures."""
        level = self.offer.nsfw_level
        return self.told.nsfw_level if level is None else level

    @property
    def gone(self) -> bool:
        """Whether the site took it down; what its staff withholds at the Hub is the same here."""
        return self.offer.taken_down or self.repository.terms.disabled

    def visible(self, visitor: Account | None) -> bool:
        """Whether a visitor may know of it: it is no draft, nobody's private affair, and was looked at."""
        return knows(self.repository.terms, visitor) and self.level != 0


def chosen(files: tuple[File, ...], wanted: dict[str, str] | None = None) -> File | None:
    """Returns the file that the site takes where none is named: the best by its scores, the first of equals.

    Args:
        files: Those to choose from.
        wanted: ``format``, ``size``, ``fp`` and ``quantType`` that are asked for.
    """
    preference = {**_PREFERRED, **(wanted or {})}

    def score(file: File) -> float:
        points = 1000.0 if file.type in MAIN else 0.0
        for name, weight in _WEIGHTS.items():
            if file.metadata[name] is not None:
                points += weight if file.metadata[name] == preference[name] else -weight
        return points

    return max(files, key=score, default=None)
