"""One call that would change something: who makes it, on what, and whether they may."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from zooclient.serve.accounts import Account, knows
from zooclient.serve.exchange import Question, Refusal
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.ndjson import is_sound
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.protocol import Site
from zooclient.serve.shelf import Commit, Repository


@frozen(kw_only=True)
class Visit:
    """A question of somebody, with what it takes to answer it.

    Attributes:
        question: What is asked.
        visitor: Who asks. None: a stranger.
        writable: What is written.
        site: What the protocol is made from.
    """

    question: Question
    visitor: Account | None
    writable: Writable
    site: Site

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent."""
        try:
            value = json.loads(self.question.body or b"{}")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not is_sound(json.dumps(value, ensure_ascii=False)):
            raise Refusal(said.refused(400, "Invalid JSON"))
        return value

    def account(self) -> Account:
        """Who asks; a stranger is refused."""
        if self.visitor is None:
            raise Refusal(said.refused(401, "Invalid username or password."))
        return self.visitor

    def repository(self, name: str) -> Repository:
        """A repository that the visitor may know of, by this or an older name."""
        canonical = self.writable.shelf.canonical(name)
        repository = None if canonical is None else self.writable.shelf.repository(canonical)
        if repository is None or not knows(repository.terms, self.visitor):
            raise Refusal(said.refused(404, "Repository not found", code="RepoNotFound"))
        return repository

    def owned(self, name: str, message: str = said.READ_ONLY) -> Repository:
        """The same, if the visitor may write it.

        Args:
            name: Its id.
            message: What is said to those who may not.
        """
        account = self.account()
        repository = self.repository(name)
        if account.role != "write":
            raise Refusal(said.refused(403, said.READ_ONLY, model=repository.id))
        if not self.writable.owns(account, repository.id.partition("/")[0]):
            raise Refusal(said.refused(403, message, model=repository.id))
        return repository

    def contributed(self, name: str, *, pull: bool) -> Repository:
        """The same, where those who may not write it may still open a pull request, with a token for writing."""
        if not pull:
            return self.owned(name, said.PULL_ONLY)
        if self.account().role != "write":
            raise Refusal(said.refused(403, said.READ_ONLY))
        return self.repository(name)


def branch_of(repository: Repository, revision: str) -> tuple[str, Commit]:
    """Returns the name of a branch or pull request that can be moved, and where it is; anything else is refused."""
    name = revision.removeprefix("refs/heads/")
    known = name in repository.branches or (
        revision.startswith("refs/pr/") and revision.removeprefix("refs/pr/") in repository.pulls
    )
    commit = repository.find(name) if known else None
    if commit is None:
        raise Refusal(said.no_revision(revision, repository.id))
    return name, commit
