"""A shelf as another zoo shows it: the same bytes under that zoo's own history.

A mirror of a model has the files of the model and commits of its own, as real ones do: nobody can take an id of one
zoo for one of another. The ids are derived, so that they are the same after a restart.
"""

from __future__ import annotations

import hashlib

from attrs import evolve

from zooclient.serve.shelf import Place, Repository, Shelf, main_of


class Mirrored:
    """A shelf with other commit ids and, where the zoo has another, another name for ``main``.

    Pull requests stay behind: they are the Hub's.

    Args:
        shelf: The shelf behind.
        scheme: Zoo that shows it.
    """

    def __init__(self, shelf: Shelf, scheme: str) -> None:
        self._shelf = shelf
        self._scheme = scheme
        self._main = main_of(scheme)

    def at(self, scheme: str) -> Shelf:
        """The shelf behind, as another zoo shows it."""
        return self._shelf.at(scheme)

    def names(self) -> tuple[str, ...]:
        """The ids of all repositories, sorted."""
        return self._shelf.names()

    def canonical(self, name: str) -> str | None:
        """The id that ``name`` leads to; None when it leads nowhere."""
        return self._shelf.canonical(name)

    def repository(self, name: str) -> Repository | None:
        """The repository with this id, with the history that this zoo tells."""
        found = self._shelf.repository(name)
        if found is None:
            return None
        # A branch that has the default one's name here already is not told.
        names = {branch: branch for branch in found.branches if branch != self._main} | {found.main: self._main}
        return evolve(
            found,
            stable_id=self._id(found.stable_id)[:24],
            commits={self._id(name): evolve(commit, id=self._id(name)) for name, commit in found.commits.items()},
            branches={
                name: self._id(found.branches[branch]) for branch, name in names.items() if branch in found.branches
            },
            tags={tag: self._id(commit) for tag, commit in found.tags.items()},
            pulls={},
            logs={
                name: tuple(map(self._id, found.logs[branch])) for branch, name in names.items() if branch in found.logs
            },
            main=self._main,
        )

    def place(self, digest: str) -> Place | None:
        """Where the content with this digest lies."""
        return self._shelf.place(digest)

    def _id(self, there: str) -> str:
        return mirrored_id(self._scheme, there)


def mirrored_id(scheme: str, commit: str) -> str:
    """Returns the id under which the zoo of ``scheme`` tells a commit of the Hub's."""
    return commit if scheme == "hf" else hashlib.sha1(f"{scheme}\0{commit}".encode(), usedforsecurity=False).hexdigest()
