"""Branches and tags, and histories that are cut short."""

from __future__ import annotations

import re

from zooclient.serve.exchange import Answer, Refusal, json_answer, text_answer
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.visit import Visit
from zooclient.serve.shelf import Repository

#: What git takes for the name of a branch or tag, short of its finer rules (git-check-ref-format).
_NAME = re.compile(r"(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)|/\.))(?![-./])[^\x00-\x20\x7f~^:?*\[\\]{1,200}(?<![./])")


def create_branch(visit: Visit, name: str, branch: str) -> Answer:
    """``POST /api/models/{id}/branch/{branch}``."""
    repository = visit.owned(name)
    asked = visit.body()
    _check(repository, "branch", branch)
    shelf = visit.writable.shelf
    with shelf.held():
        repository = visit.repository(repository.id)
        start = asked.get("startingPoint") or repository.main
        if branch in repository.branches and not asked.get("overwrite"):
            raise Refusal(said.refused(409, f"Reference already exists: refs/heads/{branch}", model=repository.id))
        if repository.find(str(start)) is None:
            raise Refusal(said.no_revision(str(start), repository.id))
        shelf.point(repository.id, "branch", branch, str(start))
    return text_answer("OK", status=201, model=repository.id)


def delete_branch(visit: Visit, name: str, branch: str) -> Answer:
    """``DELETE /api/models/{id}/branch/{branch}``."""
    repository = visit.owned(name)
    if branch == repository.main:
        raise Refusal(said.refused(403, "The default branch cannot be deleted", model=repository.id))
    if branch not in repository.branches:
        raise Refusal(said.no_revision(branch, repository.id))
    visit.writable.shelf.point(repository.id, "branch", branch, None)
    return text_answer("OK", model=repository.id)


def create_tag(visit: Visit, name: str, revision: str) -> Answer:
    """``POST /api/models/{id}/tag/{revision}``."""
    repository = visit.owned(name)
    tag = visit.body().get("tag")
    if not isinstance(tag, str):
        raise Refusal(said.refused(400, '"tag" is required', model=repository.id))
    _check(repository, "tag", tag)
    shelf = visit.writable.shelf
    with shelf.held():
        repository = visit.repository(repository.id)
        if tag in repository.tags:
            raise Refusal(said.refused(409, "Tag reference exists already", model=repository.id))
        if repository.find(revision) is None:
            raise Refusal(said.no_revision(revision, repository.id))
        shelf.point(repository.id, "tag", tag, revision)
    return text_answer("OK", status=201, model=repository.id)


def delete_tag(visit: Visit, name: str, tag: str) -> Answer:
    """``DELETE /api/models/{id}/tag/{tag}``."""
    repository = visit.owned(name)
    if tag not in repository.tags:
        raise Refusal(said.no_revision(tag, repository.id))
    visit.writable.shelf.point(repository.id, "tag", tag, None)
    return text_answer("OK", model=repository.id)


def squash(visit: Visit, name: str, branch: str) -> Answer:
    """``POST /api/models/{id}/super-squash/{branch}``: older commits are gone."""
    repository = visit.owned(name)
    if branch not in repository.branches:
        raise Refusal(said.no_revision(branch, repository.id))
    visit.writable.shelf.squash(repository.id, branch)
    return json_answer({"commitId": repository.branches[branch]}, model=repository.id)


def _check(repository: Repository, kind: str, name: str) -> None:
    if not _NAME.fullmatch(name) or name.startswith("refs/"):
        raise Refusal(said.refused(400, f"Invalid reference for a {kind}: {name}", model=repository.id))
