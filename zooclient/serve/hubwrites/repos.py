"""Repositories: made, moved, opened, closed, deleted."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from zooclient.errors import ConfigError
from zooclient.serve.attributes import STANDARD
from zooclient.serve.exchange import Answer, Refusal, json_answer, text_answer
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.visit import Visit
from zooclient.serve.shelf import Terms

#: How a line of ``.gitattributes`` says that a file is a large one.
LFS = "filter=lfs diff=lfs merge=lfs -text"


def create(visit: Visit) -> Answer:
    """``POST /api/repos/create``: a repository that holds the ``.gitattributes`` of every new one."""
    asked = visit.body()
    account = visit.account()
    name = _named(asked, account.name)
    if account.role != "write" or not visit.writable.owns(account, name.partition("/")[0]):
        raise Refusal(said.no_namespace(name.partition("/")[0]))
    private = _private(asked) or False
    shelf = visit.writable.shelf
    with shelf.held():
        taken = shelf.canonical(name)
        if taken is not None:
            told = {"error": "You already created this model repo", "url": f"{visit.question.base}/{taken}"}
            answer = json_answer(told, status=409, model=taken)
            raise Refusal(evolve(answer, headers={**answer.headers, "x-error-message": told["error"]}))
        try:
            shelf.commit(name, {".gitattributes": standard().encode()}, title="initial commit", fresh=True)
        except ConfigError as error:
            raise Refusal(said.refused(400, str(error))) from None
        shelf.set_terms(name, Terms(private=private, readers=_readers(visit, name)))
    made = visit.repository(name)
    return json_answer({"url": f"{visit.question.base}/{name}", "name": name, "id": made.stable_id}, model=name)


def delete(visit: Visit) -> Answer:
    """``DELETE /api/repos/delete``."""
    repository = visit.owned(_named(visit.body(), visit.account().name))
    visit.writable.shelf.remove(repository.id)
    visit.writable.objects.forget(repository.stable_id)
    return text_answer("OK", model=repository.id)


def move(visit: Visit) -> Answer:
    """``POST /api/repos/move``: the older name leads on."""
    asked = visit.body()
    _model_alone(asked)
    repository = visit.owned(str(asked.get("fromRepo")))
    target = str(asked.get("toRepo"))
    if not visit.writable.owns(visit.account(), target.partition("/")[0]):
        raise Refusal(said.no_namespace(target.partition("/")[0]))
    shelf = visit.writable.shelf
    with shelf.held():
        if shelf.canonical(target) is not None:
            raise Refusal(said.refused(409, "A repository with this name already exists", model=repository.id))
        try:
            shelf.rename(repository.id, target)
        except ConfigError as error:
            raise Refusal(said.refused(400, str(error), model=repository.id)) from None
    return text_answer("OK", model=target)


def settings(visit: Visit, name: str) -> Answer:
    """``PUT /api/models/{id}/settings``: who may have it."""
    repository = visit.owned(name)
    asked = visit.body()
    changes: dict[str, Any] = {}
    private = _private(asked)
    if private is not None:
        changes["private"] = private
    if "gated" in asked:
        if asked["gated"] is not False and asked["gated"] not in ("auto", "manual"):
            raise Refusal(said.refused(400, '"gated" must be one of [false, "auto", "manual"]', model=repository.id))
        changes["gated"] = asked["gated"]
    shelf = visit.writable.shelf
    with shelf.held():
        terms = shelf.terms(repository.id)
        terms = evolve(terms, readers=terms.readers | _readers(visit, repository.id), **changes)
        shelf.set_terms(repository.id, terms)
    return json_answer({"private": terms.private, "gated": terms.gated}, model=repository.id)


def standard() -> str:
    """The ``.gitattributes`` of a new repository."""
    return "".join(f"{pattern} {LFS}\n" for pattern in STANDARD)


def _readers(visit: Visit, name: str) -> frozenset[str]:
    return visit.writable.members(name.partition("/")[0])


def _named(asked: dict[str, Any], account: str) -> str:
    _model_alone(asked)
    owner, name = asked.get("organization") or account, asked.get("name")
    if not isinstance(owner, str) or not isinstance(name, str):
        raise Refusal(said.refused(400, '"name" is required'))
    return f"{owner}/{name}"


def _model_alone(asked: dict[str, Any]) -> None:
    if asked.get("type") not in (None, "model"):
        raise Refusal(said.refused(400, f"Only models are kept here, and not a {asked['type']!r}"))


def _private(asked: dict[str, Any]) -> bool | None:
    """What a body says of privacy, as ``private`` or, since 1.0 of the client, as ``visibility``."""
    visibility, private = asked.get("visibility"), asked.get("private")
    if visibility not in (None, "public", "private") or not isinstance(private, bool | None):
        raise Refusal(said.refused(400, '"visibility" must be one of ["public", "private"]'))
    return private if visibility is None else visibility == "private"
