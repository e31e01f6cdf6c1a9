"""ModelScope's protocol over a shelf, in its own shape.

:class:`Scope` answers as ``modelscope.cn`` does, :class:`~zooclient.serve.modelscope_bytes.Objects` as the host that
large files come from. There are two surfaces with two envelopes, and the traps of the real zoo: who may not see a
model's files gets 404, a listing of files ends after 3000 entries without a word, the log of commits takes ``Ref``
and ignores ``Revision``, a range of a small file is answered with status 200, and the website's address of a file
that is not there with 200 and an error. What it says is taken from recorded answers and from what its own clients
read.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from zooclient.serve import modelscope_payloads as payloads
from zooclient.serve import modelscope_search as search
from zooclient.serve.accounts import Account, knows, let_in
from zooclient.serve.describe import Describer
from zooclient.serve.exchange import Answer, Question, Refusal, guarded
from zooclient.serve.modelscope_asking import json_object, visitor_of
from zooclient.serve.modelscope_bytes import Objects, by_gateway, signed
from zooclient.serve.modelscope_inference import Inference
from zooclient.serve.modelscope_payloads import Shown, declined, legacy, openapi, refused
from zooclient.serve.modelscope_writes import ScopeWrites
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.quota import Quota
from zooclient.serve.shelf import Commit, Repository, ShelfFile

#: Entries, folders included, after which a listing of files is cut without a word.
CUT = 3000
#: Bytes of a card that are told at the most.
_CARD = 4 * 1024 * 1024

_ABSENT, _NO_ACCESS, _NO_TREE, _BAD_TOKEN, _EMPTY_FILE = 10010205001, 10010200001, 10990101004, 10010103009, 10990101007
_NOT_FOUND = "record not found"


def speak(site: Site) -> Origins:
    """Returns ModelScope's two origins."""
    writable = site.options.writable
    writes = None if writable is None else ScopeWrites(site, writable)
    hub, cdn = Scope(site, writes).answer, Objects(site, writes).answer
    return Origins(hub=hub, cdn=cdn, intake=None if writes is None else writes.intake)


class Scope:
    """``modelscope.cn`` over a shelf.

    Args:
        site: What it is made from; its shelf shows the commits and the default branch that this zoo has.
        writes: Answers those who write. None: nothing is written.
    """

    def __init__(self, site: Site, writes: ScopeWrites | None = None) -> None:
        self._shelf = site.shelf
        self._accounts = site.accounts
        self._signer = site.signer
        self._byte_origin = site.byte_origin
        self._options = site.options
        self._clock = site.clock
        self._quota = Quota(site.options.limits, site.clock)
        self._describer = Describer(site.shelf)
        self._writes = writes
        self._inference = Inference(site.shelf, site.accounts)

    def answer(self, question: Question) -> Answer:
        """Returns what ModelScope would say."""
        segments = question.segments
        documented = segments[0] == "openapi"
        client = question.headers.get("authorization") or question.client
        kind = "resolvers" if segments[-1:] == ("repo",) or "resolve" in segments else "api"
        spent = self._quota.spend(client, kind)
        if not spent.granted:
            headers = {"retry-after": str(spent.seconds)}
            answer = declined("RateLimitExceed", "Request limit exceeded.", 429, headers=headers)
        else:
            unreadable = refused(10010500000, "The files of this model cannot be read at the moment.", status=503)
            route, parts = (self._documented, segments[1:]) if documented else (self._route, segments)
            answer = guarded(question, lambda: route(question, parts), unreadable)
        return evolve(answer, headers={"x-request-id": str(uuid.uuid4()), **answer.headers})

    # The documented surface

    def _documented(self, question: Question, segments: tuple[str, ...]) -> Answer:
        visitor = visitor_of(self._accounts, question)
        if question.method not in ("GET", "HEAD"):
            return declined("ResourceNotFound", "The requested resource does not exist.", 404)
        match segments:
            case ("v1", "models"):
                return self._search(question, visitor)
            case ("v1", "models", owner, name):
                repository = self._shelf.repository(f"{owner}/{name}")
                if repository is None or not knows(repository.terms, visitor):
                    return declined("ResourceNotFound", f"Model {owner}/{name} does not exist.", 404)
                return evolve(openapi(payloads.row(self._shown(repository))), model=repository.id)
            case ("v1", "users", "me"):
                return _me(visitor)
            case _:
                return declined("ResourceNotFound", "The requested resource does not exist.", 404)

    def _search(self, question: Question, visitor: Account | None) -> Answer:
        page, size = _number(question, "page_number", 1), _number(question, "page_size", 10)
        if page is None or size is None:
            return declined("InputParameterError", "page_number and page_size must be positive integers.", 400)
        if page * size > search.WINDOW:
            message = f"page_number * page_size must not exceed {search.WINDOW}"
            return declined("QuotaLimitExceed", message, 403)
        size = min(size, search.PAGE)
        found = search.select(question, list(self._models(visitor)))
        rows = [payloads.row(model) for model in found[(page - 1) * size : page * size]]
        return openapi({"models": rows, "total_count": len(found), "page_number": page, "page_size": size})

    def _models(self, visitor: Account | None) -> Iterator[Shown]:
        for name in self._shelf.names():
            repository = self._shelf.repository(name)
            if repository is not None and knows(repository.terms, visitor) and repository.find(repository.main):
                yield self._shown(repository)

    def _shown(self, repository: Repository, revision: str | None = None, *, card: bool = False) -> Shown:
        commit = repository.find(revision or repository.main) or repository.find(repository.main)
        if commit is None:
            raise Refusal(_absent("获取模型信息失败，信息：", repository))
        text = self._card(commit) if card else ""
        return Shown(repository=repository, commit=commit, told=self._describer.describe(commit), card=text)

    def _card(self, commit: Commit) -> str:
        entry = commit.files.get("README.md")
        place = None if entry is None else self._shelf.place(entry.digest)
        if place is None:
            return ""
        with place.path.open("rb") as file:
            return file.read(_CARD).decode("utf-8", "replace")

    # The other surface

    def _route(self, question: Question, segments: tuple[str, ...]) -> Answer:
        visitor = visitor_of(self._accounts, question)
        run = self._inference.answer(question, segments, visitor)
        if run is not None:
            return run
        if question.method not in ("GET", "HEAD"):
            return self._written(question, segments, visitor)
        match segments:
            case ("api", "v1", "models", owner, name):
                return self._info(question, f"{owner}/{name}", visitor)
            case ("api", "v1", "models", owner, name, "revisions"):
                repository = self._admitted(f"{owner}/{name}", visitor, "获取模型版本失败，信息：")
                return evolve(legacy(payloads.names(repository, _until(question))), model=repository.id)
            case ("api", "v1", "models", owner, name, "commits"):
                return self._commits(question, self._admitted(f"{owner}/{name}", visitor, "获取提交记录失败，信息："))
            case ("api", "v1", "models", owner, name, "repo", "files"):
                return self._files(question, self._admitted(f"{owner}/{name}", visitor, "获取模型目录树失败，信息："))
            case ("api", "v1", "models", owner, name, "repo"):
                return self._repo(question, f"{owner}/{name}", visitor)
            case ("api", "v1", "repos", "internalAccelerationInfo"):
                return legacy({"InternalRegionQueryAddress": ""})
            case (
                ("models", owner, name, "resolve", *rest)
                | ("api", "v1", "models", owner, name, "resolve", *rest)
                | (owner, name, "resolve", *rest)
            ) if len(rest) > 1:
                return self._resolve(question, f"{owner}/{name}", tuple(rest), visitor)
            case ("",):
                text = b"This server speaks the protocol of ModelScope. Models: /openapi/v1/models\n"
                return Answer(headers={"content-type": "text/plain; charset=utf-8"}, body=text)
            case _:
                return refused(_ABSENT, _NOT_FOUND)

    def _written(self, question: Question, segments: tuple[str, ...], visitor: Account | None) -> Answer:
        match (question.method, *segments):
            case ("PUT", "api", "v1", "dolphin", "models"):
                models, total = self._on_site(question, visitor, search.SITE_PAGE)
                found = {"Models": models, "TotalCount": total}
                return legacy({"FiledAgg": {}, "Model": found, "Source": None, "Target": ""})
            case ("PUT", "api", "v1", "models"):
                models, total = self._on_site(question, visitor, 2 * search.SITE_PAGE)
                return legacy({"Models": models, "TotalCount": total})
            case ("POST", "api", "v1", "login"):
                return self._login(question)
            case _:
                written = None if self._writes is None else self._writes.answer(question)
                return written or refused(_ABSENT, _NOT_FOUND)

    def _on_site(self, question: Question, visitor: Account | None, most: int) -> tuple[list[dict[str, Any]], int]:
        asked = json_object(question.body)
        page, size = _counted(asked.get("PageNumber"), 1), min(_counted(asked.get("PageSize"), 10), most)
        found = search.select_on_site(asked, list(self._models(visitor)))
        return [payloads.info(model, model.repository.main) for model in found[(page - 1) * size : page * size]], len(
            found
        )

    def _login(self, question: Question) -> Answer:
        token = json_object(question.body).get("AccessToken")
        try:
            account = self._accounts.visitor(f"Bearer {token}") if isinstance(token, str) and token else None
        except PermissionError:
            account = None
        if account is None:
            return refused(_BAD_TOKEN, "AccessToken is invalid or expired", status=400)
        told = {"AccessToken": secrets.token_hex(20), "Email": f"{account.name}@localhost", "Username": account.name}
        answer = legacy(told)
        crumb = f"m_session_id={account.token}; Path=/; Max-Age=2592000; HttpOnly"
        return evolve(answer, headers={**answer.headers, "set-cookie": crumb})

    def _info(self, question: Question, name: str, visitor: Account | None) -> Answer:
        repository = self._known(name, visitor, "获取模型信息失败，信息：")
        revision = question.value("Revision") or repository.main
        shown = self._shown(repository, revision, card=True)
        return evolve(legacy(payloads.info(shown, revision)), model=repository.id)

    def _known(self, name: str, visitor: Account | None, what: str) -> Repository:
        repository = self._shelf.repository(name)
        if repository is None:
            raise Refusal(_absent(what))
        if not knows(repository.terms, visitor):
            raise Refusal(_no_access(repository))
        return repository

    def _admitted(self, name: str, visitor: Account | None, what: str) -> Repository:
        """The model, for one who may have its files; any other gets 404 with a code."""
        repository = self._known(name, visitor, what)
        if repository.terms.disabled or not let_in(repository.terms, visitor):
            raise Refusal(_no_access(repository))
        return repository

    def _commits(self, question: Question, repository: Repository) -> Answer:
        # ``Revision``, or any other name, is ignored: then this is the log of the default branch.
        commit = repository.find(question.value("Ref") or repository.main)
        entries = [] if commit is None else payloads.log(repository, commit)
        page, size = _number(question, "PageNumber", 1) or 1, _number(question, "PageSize", 10) or 10
        shown = entries[(page - 1) * size : page * size]
        return evolve(legacy({"Commit": shown or None}, TotalCount=len(entries)), model=repository.id)

    def _commit(self, repository: Repository, revision: str | None) -> Commit:
        commit = repository.find(revision or repository.main)
        if commit is None:
            raise Refusal(evolve(refused(_NO_TREE, f"no tree at revision {revision}"), model=repository.id))
        return commit

    def _files(self, question: Question, repository: Repository) -> Answer:
        commit = self._commit(repository, question.value("Revision"))
        root = (question.value("Root") or "").strip("/")
        entries = payloads.listing(repository, commit, root, recursive=question.flag("Recursive"))
        if entries is None:
            raise Refusal(evolve(refused(_NO_TREE, f"no folder {root}"), model=repository.id))
        listed = {"Files": entries[:CUT], "IsVisual": False, "LatestCommitter": payloads.committer(commit)}
        return evolve(legacy(listed), model=repository.id)

    # Bytes

    def _repo(self, question: Question, name: str, visitor: Account | None) -> Answer:
        repository = self._admitted(name, visitor, "获取模型文件失败，信息：")
        path = question.value("FilePath") or ""
        revision = question.value("Revision") or repository.main
        entry = self._commit(repository, revision).files.get(path)
        if entry is None:
            raise Refusal(evolve(_absent("获取模型文件失败，信息：", repository), file=path))
        return self._file(question, repository, revision, entry)

    def _resolve(self, question: Question, name: str, rest: tuple[str, ...], visitor: Account | None) -> Answer:
        repository = self._admitted(name, visitor, "获取模型文件失败，信息：")
        for end in range(1, len(rest)):
            revision, path = "/".join(rest[:end]), "/".join(rest[end:])
            commit = repository.find(revision)
            if commit is not None:
                entry = commit.files.get(path)
                if entry is None:
                    answer = refused(_EMPTY_FILE, "获取模型文件失败，文件内容为空", status=200)
                    raise Refusal(evolve(answer, model=repository.id, file=path))
                return self._file(question, repository, revision, entry)
        raise Refusal(evolve(refused(_NO_TREE, f"no tree at revision {rest[0]}"), model=repository.id))

    def _file(self, question: Question, repository: Repository, revision: str, entry: ShelfFile) -> Answer:
        place = self._shelf.place(entry.digest)
        if place is None:
            raise Refusal(evolve(_absent("获取模型文件失败，信息：", repository), file=entry.path))
        if entry.sha256 is None:
            return evolve(by_gateway(question, place, entry), model=repository.id, file=entry.path)
        if question.method == "HEAD":
            headers = {"x-linked-etag": f'"{entry.content}"', "content-length": str(entry.size)}
            return Answer(headers=headers, model=repository.id, file=entry.path)
        expires = int(self._clock() + self._options.link_lifetime)
        link = signed(self._signer, entry.content, repository.id, entry.path, revision, expires)
        headers = {"location": self._byte_origin(question.base) + link}
        return Answer(status=302, headers=headers, model=repository.id, file=entry.path)


def _me(visitor: Account | None) -> Answer:
    if visitor is None:
        return declined("InvalidAuthentication", "The access token is missing, invalid or expired.", 401)
    number = int(hashlib.sha1(visitor.name.encode(), usedforsecurity=False).hexdigest()[:7], 16)
    told = {"id": number, "username": visitor.name, "email": f"{visitor.name}@localhost", "avatar_url": ""}
    return openapi({**told, "description": ""})


def _absent(what: str, repository: Repository | None = None) -> Answer:
    return evolve(refused(_ABSENT, what + _NOT_FOUND), model=None if repository is None else repository.id)


def _no_access(repository: Repository) -> Answer:
    return evolve(refused(_NO_ACCESS, "no permission to access this model"), model=repository.id)


def _number(question: Question, name: str, default: int) -> int | None:
    """A count of at least one; None: what was sent is none."""
    text = question.value(name)
    if text is None:
        return default
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 10 else None


def _counted(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _until(question: Question) -> float | None:
    text = question.value("EndTime") or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
