"""What ModelScope says to those who write: new models, settings, blobs, commits, tags.

Where an answer of the real zoo is known, its status, code and words are the same: a model that is made by a client
that says nothing of it is public, a batch passes over what is stored already, blobs go to a second origin that wants
the token too and answers 400 without it, a commit goes to a branch and never to a tag or a commit, and knows nothing
of the state that its author saw: the last one wins, file by file. A token may delete no model. A refusal whose number
is not known has its HTTP status for a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from zooclient.errors import ConfigError
from zooclient.serve import modelscope_orders as orders
from zooclient.serve.accounts import Account, knows
from zooclient.serve.exchange import Answer, Intake, Question, Refusal, guarded
from zooclient.serve.hubwrites.repos import standard
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.modelscope_asking import json_object, visitor_of
from zooclient.serve.modelscope_keeping import Absent, Full, Keeping
from zooclient.serve.modelscope_payloads import legacy, number, refused
from zooclient.serve.protocol import Site
from zooclient.serve.shelf import Repository

#: Bytes of the body of a commit at the most; the clients send some 8 MiB, or one file that is longer.
_MOST_COMMIT = 64 * 1024 * 1024
_TAKEN, _ABSENT, _REJECTED = 10010101001, 10010205001, 10030000001
#: Names that no tag may have.
_RESERVED = ("main", "master")
_UNDELETABLE = (
    "the current token no longer supports deletion operations. "
    "Please go to the site page : https://www.modelscope.cn to delete"
)


class ScopeWrites:
    """The writing side of ``modelscope.cn``.

    Args:
        site: What it is made from.
        writable: What is written, and who may.
    """

    def __init__(self, site: Site, writable: Writable) -> None:
        self._site = site
        self._writable = writable
        self._keeping = Keeping(writable)

    def intake(self, question: Question) -> Intake | None:
        """Says where the bodies of blobs and commits go; they are thrown away where their sender may not write."""
        blob = _blob(question)
        if blob is not None:
            name, most = blob[0], blob[1].size
        elif (committed := _committed(question)) is not None:
            name, most = committed[0], _MOST_COMMIT
        else:
            return None
        may = self._owns(visitor_of(self._site.accounts, question), name)
        return Intake(folder=self._writable.objects.folder, most=most if may else 0)

    def blob(self, question: Question) -> Answer | None:
        """Returns what the host of blobs says; None where this is no blob."""
        if _blob(question) is None:
            return None
        unreadable = refused(500, "The object cannot be kept at the moment.", status=503)
        return guarded(question, lambda: self.answer(question) or unreadable, unreadable)

    def answer(self, question: Question) -> Answer | None:
        """Returns what the zoo says to one who writes; None where this is nothing that one writes."""
        visitor = visitor_of(self._site.accounts, question)
        try:
            return self._route(question, visitor)
        except orders.TooMany as error:
            return refused(422, str(error), status=422)
        except orders.Malformed as error:
            return refused(400, str(error), status=400)
        except Absent:
            return refused(_REJECTED, "commit rejected by repository policy", status=400)
        except Full:
            return _full()
        except ConfigError as error:
            return refused(400, f"invalid commit action: {error}", status=400)

    def _route(self, question: Question, visitor: Account | None) -> Answer | None:
        blob = _blob(question)
        if blob is not None:
            return self._received(question, visitor, *blob)
        match (question.method, *question.segments):
            case ("POST", "api", "v1", "models"):
                return self._create(question, visitor)
            case ("PUT", "api", "v1", "models", owner, name):
                return self._change(question, visitor, f"{owner}/{name}")
            case ("DELETE", "api", "v1", "models", owner, name, *_):
                self._owned(visitor, f"{owner}/{name}")
                return refused(400, _UNDELETABLE, status=400)
            case ("POST", "api", "v1", "models", owner, name, "repo", "tag"):
                return self._tag(question, visitor, f"{owner}/{name}")
            case ("POST", "api", "v1", "repos", "models", owner, name, "info", "lfs", "objects", "batch"):
                return self._batch(question, visitor, f"{owner}/{name}")
        committed = _committed(question)
        return None if committed is None else self._commit(question, visitor, *committed)

    def _owns(self, visitor: Account | None, name: str) -> bool:
        if visitor is None or visitor.role != "write":
            return False
        return self._writable.owns(visitor, name.partition("/")[0])

    def _owned(self, visitor: Account | None, name: str) -> Repository:
        """The model, for one who may write to it."""
        if visitor is None:
            raise Refusal(refused(_REJECTED, "user not logged in", status=400))
        repository = self._site.shelf.repository(name)
        if repository is None or not knows(repository.terms, visitor):
            raise Refusal(refused(_ABSENT, "record not found"))
        if not self._owns(visitor, name):
            raise Refusal(evolve(refused(403, "no write permission to repository", status=403), model=name))
        return repository

    # Models

    def _create(self, question: Question, visitor: Account | None) -> Answer:
        if visitor is None:
            return refused(401, "user not logged in", status=401)
        asked = orders.creation(json_object(question.body))
        if not self._owns(visitor, asked.id):
            return refused(403, "no permission to create a model in this namespace", status=403)
        if not self._keeping.create(asked, {".gitattributes": standard().encode()}):
            return refused(_TAKEN, "该名称已被注册使用，请重新命名", status=400)
        repository = self._owned(visitor, asked.id)
        return evolve(legacy(_told(repository)), model=asked.id)

    def _change(self, question: Question, visitor: Account | None, name: str) -> Answer:
        self._owned(visitor, name)
        shelf = self._writable.shelf
        with shelf.held():
            shelf.set_terms(name, orders.changed(json_object(question.body), shelf.terms(name)))
        return evolve(legacy(_told(self._owned(visitor, name))), model=name)

    def _tag(self, question: Question, visitor: Account | None, name: str) -> Answer:
        repository = self._owned(visitor, name)
        asked = json_object(question.body)
        tag, ref = asked.get("TagName"), asked.get("Ref") or repository.main
        if not isinstance(tag, str) or not tag or not isinstance(ref, str):
            raise orders.Malformed("参数错误：版本名称不能为空")
        if tag.lower() in _RESERVED or not tag.isprintable() or set(tag) & set(" ~^:?*[\\"):
            raise orders.Malformed(f"参数错误：{tag} is no name for a version")
        if tag in repository.tags or tag in repository.branches:
            return evolve(refused(400, f"tag {tag} already exists", status=400), model=name)
        commit = repository.find(ref)
        if commit is None:
            return evolve(refused(_ABSENT, f"no revision {ref}"), model=name)
        self._keeping.tag(name, tag, commit.id)
        return evolve(legacy({}), model=name)

    # Files

    def _batch(self, question: Question, visitor: Account | None, name: str) -> Answer:
        self._owned(visitor, name)
        wanted = orders.wanted(json_object(question.body))
        missing = [content for content in wanted if not self._keeping.holds(name, content)]
        if not self._keeping.fits(name, sum(content.size for content in missing)):
            return evolve(_full(), model=name)
        origin = self._site.byte_origin(question.base)
        objects = [_upload(f"{origin}/api/v1/repos/models/{name}", content) for content in missing]
        return evolve(legacy({"objects": objects, "reused-objects": []}), model=name)

    def _received(self, question: Question, visitor: Account | None, name: str, content: orders.Blob) -> Answer:
        self._owned(visitor, name)
        if question.received is None or not self._keeping.store(name, content, question.received):
            return evolve(refused(400, "the content is not the object that it is sent for", status=400), model=name)
        return evolve(legacy({}), model=name)

    def _commit(self, question: Question, visitor: Account | None, name: str, branch: str) -> Answer:
        repository = self._owned(visitor, name)
        if branch not in repository.branches:
            return evolve(refused(400, f"{branch} is not a branch of this repository", status=400), model=name)
        if question.received is None or question.received.size > _MOST_COMMIT:
            return evolve(refused(413, "the commit is too large", status=413), model=name)
        asked = orders.order(json_object(question.received.path.read_bytes()))
        self._keeping.commit(name, asked.files, branch=branch, title=asked.title)
        # What the zoo tells of a commit that it made is not known. Nobody can rely on finding its id here.
        return evolve(legacy({}), model=name)


def _full() -> Answer:
    # The one word that the clients know for it; the number that this surface has for it is not known.
    return refused("QuotaLimitExceed", "The storage quota of this account is used up.", status=403)


def _blob(question: Question) -> tuple[str, orders.Blob] | None:
    """The model and the content that a body is sent for."""
    match (question.method, *question.segments):
        case ("PUT", "api", "v1", "repos", "models", owner, name, "blobs", sha256, size):
            text = size if size.isascii() and size.isdigit() and len(size) < 15 else "-1"
            try:
                (content,) = orders.wanted({"operation": "upload", "objects": [{"oid": sha256, "size": int(text)}]})
            except orders.Malformed:
                return None
            return f"{owner}/{name}", content
    return None


def _committed(question: Question) -> tuple[str, str] | None:
    """The model and the branch that a commit is for."""
    match (question.method, *question.segments):
        case ("POST", "api", "v1", "repos", "models", owner, name, "commit", *rest) if rest:
            return f"{owner}/{name}", "/".join(rest)
    return None


def _upload(repository: str, content: orders.Blob) -> Mapping[str, Any]:
    action = {
        "href": f"{repository}/blobs/{content.sha256}/{content.size}",
        "offset": 0,
        "upload_header": {"Range": "bytes=0-"},
        "upload_parameters": {},
    }
    return {"oid": content.sha256, "size": content.size, "actions": {"upload": action}}


def _told(repository: Repository) -> Mapping[str, Any]:
    owner, _, name = repository.id.partition("/")
    terms = repository.terms
    return {
        "Id": number(repository),
        "Path": owner,
        "Name": name,
        "ChineseName": terms.profile.title,
        "License": terms.profile.license,
        "Visibility": orders.told(terms),
        "ProtectedMode": 1 if terms.gated else 2,
    }
