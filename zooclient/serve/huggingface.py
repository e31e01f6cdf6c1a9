"""The Hugging Face Hub's protocol over a shelf, in the Hub's own shape.

:class:`Hub` answers as ``huggingface.co`` does, :class:`~zooclient.serve.huggingface_bytes.ByteOrigin` as the host
that large files come from. Both are plain functions from a :class:`~zooclient.serve.exchange.Question` to an
:class:`~zooclient.serve.exchange.Answer`; :mod:`zooclient.serve.asgi` puts them on a socket. What they say is taken
from recorded answers of the Hub and from what its own client reads. Xet is left out on purpose: a client that sees it
goes to another host for the bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve

from zooclient.serve import payloads
from zooclient.serve.accounts import Account, knows, let_in
from zooclient.serve.describe import Describer
from zooclient.serve.exchange import Answer, Question, Refusal, guarded, json_answer, text_answer
from zooclient.serve.hubwrites.site import Writes
from zooclient.serve.huggingface_answers import (
    check_expand,
    cursor_asked,
    error_answer,
    file_headers,
    missing,
    next_link,
    number,
    paths_asked,
    redirect,
    whoami,
)
from zooclient.serve.huggingface_bytes import ByteOrigin
from zooclient.serve.huggingface_router import Router
from zooclient.serve.listing import Candidate, select
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.quota import WINDOW, Quota, Spent
from zooclient.serve.ranges import file_answer, matches
from zooclient.serve.shelf import Commit, Repository, ShelfFile, pointer
from zooclient.serve.signing import Grant

_VERBS = ("revision", "tree", "paths-info", "refs", "commits", "auth-check", "treesize")
_EXPOSED = (
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,"
    "X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
)
#: How every Space is.
_RUNTIME = {"stage": "RUNNING", "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}, "gcTimeout": 172800}
#: Entries on a page of a listing or a tree at the most, and of a tree with ``expand``.
_PAGE, _EXPANDED = 1000, 50


def speak(site: Site) -> Origins:
    """Returns the Hub's two origins."""
    writes = None if site.options.writable is None else Writes(site.options.writable, site)
    storage = None if writes is None else writes.storage
    intake = None if writes is None else writes.intake
    return Origins(hub=Hub(site, writes).answer, cdn=ByteOrigin(site, storage).answer, intake=intake)


class Hub:
    """``huggingface.co`` over a shelf.

    Args:
        site: What it is made from.
        writes: Answers those who change something. None: nobody may.
    """

    def __init__(self, site: Site, writes: Writes | None = None) -> None:
        self._writes = writes
        self._shelf = site.shelf
        self._accounts = site.accounts
        self._signer = site.signer
        self._byte_origin = site.byte_origin
        self._options = site.options
        self._clock = site.clock
        self._quota = Quota(site.options.limits, site.clock)
        self._describer = Describer(site.shelf)
        self._router = Router(site.shelf, site.accounts)

    def answer(self, question: Question) -> Answer:
        """Returns what the Hub would say."""
        segments = question.segments
        kind = "api" if segments[0] == "api" and segments[1:2] != ("resolve-cache",) else "resolvers"
        client = question.headers.get("authorization") or question.client
        spent = self._quota.spend(client, kind)
        if not spent.granted:
            answer = error_answer(429, "We had to rate limit you, please retry later", api=True)
        else:
            unreadable = error_answer(503, "The files of this model cannot be read at the moment.", api=True)
            answer = guarded(question, lambda: self._route(question, segments), unreadable)
        name = hashlib.md5(f"{question.path}{self._clock()}".encode(), usedforsecurity=False).hexdigest()
        every = {
            "x-powered-by": "zooclient",
            "x-request-id": f"Root=1-{name[:8]}-{name[8:]}",
            "access-control-expose-headers": _EXPOSED,
            "vary": "Origin, Accept",
            **_budget(kind, spent),
        }
        return evolve(answer, headers={**every, **answer.headers})

    def _route(self, question: Question, segments: tuple[str, ...]) -> Answer:
        try:
            visitor = self._accounts.visitor(question.headers.get("authorization"))
        except PermissionError:
            asked = segments == ("api", "whoami-v2")
            message = "Invalid username or password." if asked else "Invalid credentials in Authorization header"
            raise Refusal(error_answer(401, message, api=True)) from None
        written = None if self._writes is None else self._writes.answer(question, segments, visitor)
        if written is not None:
            return written
        if question.method == "POST" and segments[0] != "api":
            run = self._router.answer(question, segments, visitor)
            if run is not None:
                return run
        if segments[0] != "api":
            return self._file_route(question, segments, visitor)
        rest = segments[1:]
        if question.method == "POST" and "paths-info" not in rest:
            return error_answer(404, "Sorry, we can't find the page you are looking for.", api=True)
        match rest:
            case ("models",):
                return self._listing(question, visitor)
            case ("models", *parts):
                return self._model_route(question, tuple(parts), visitor)
            case ("resolve-cache", "models", owner, name, commit, *path) if path:
                return self._cached(question, f"{owner}/{name}", commit, "/".join(path), visitor)
            case ("whoami-v2",):
                return whoami(visitor, () if self._writes is None else self._writes.organisations(visitor))
            case ("spaces",):
                return self._spaces(question, visitor)
            case ("datasets" | "kernels",):
                return json_answer([])
            case ("models-tags-by-type",):
                return self._vocabulary(question, visitor)
            case _:
                return error_answer(404, "Sorry, we can't find the page you are looking for.", api=True)

    # Repositories

    def _model_route(self, question: Question, parts: tuple[str, ...], visitor: Account | None) -> Answer:
        owned = len(parts) > 1 and (len(parts) == 2 or parts[2] in _VERBS or parts[1] not in _VERBS)
        if owned and len(parts) == 2 and parts[1] in _VERBS and self._shelf.canonical("/".join(parts)) is None:
            owned = False
        name, rest = ("/".join(parts[:2]), parts[2:]) if owned else (parts[0], parts[1:])
        repository = self._repository(question, name, visitor, "/api/models/", api=True)
        match rest:
            case ():
                return self._info(question, repository, "main", visitor)
            case ("revision", *revision) if revision:
                return self._info(question, repository, "/".join(revision), visitor)
            case ("tree", *place) if place:
                return self._tree(question, repository, tuple(place), visitor)
            case ("treesize", *place) if place:
                commit, folder = self._place(repository, tuple(place), api=True)
                prefix = f"{folder}/" if folder else ""
                held = [entry.size for path, entry in commit.files.items() if path.startswith(prefix)]
                return json_answer({"path": f"/{folder}", "size": sum(held)}, model=repository.id)
            case ("paths-info", *revision) if revision:
                return self._paths_info(question, repository, "/".join(revision), visitor)
            case ("refs",):
                return json_answer(payloads.refs(repository, pulls=question.flag("include_prs")), model=repository.id)
            case ("commits", *revision) if revision:
                self._admit(repository, visitor, api=True)
                return self._commits(question, repository, "/".join(revision))
            case ("auth-check", *_):
                self._admit(repository, visitor, api=True)
                return text_answer("OK", model=repository.id)
            case _:
                return error_answer(404, "Sorry, we can't find the page you are looking for.", api=True)

    def _repository(
        self, question: Question, name: str, visitor: Account | None, prefix: str, *, api: bool
    ) -> Repository:
        canonical = self._shelf.canonical(name)
        repository = None if canonical is None else self._shelf.repository(canonical)
        if repository is None or not knows(repository.terms, visitor):
            if visitor is None and self._options.bare_401:
                raise Refusal(error_answer(401, "Invalid username or password.", api=api))
            raise Refusal(error_answer(404, "Repository not found", code="RepoNotFound", api=api))
        if repository.id != name:
            # By text, so that the rest of the path stays encoded as it was.
            tail = "/".join(question.path.removeprefix(prefix).split("/")[name.count("/") + 1 :])
            location = f"{prefix}{repository.id}" + (f"/{tail}" if tail else "")
            raise Refusal(redirect(307, location + (f"?{question.query}" if question.query else ""), repository.id))
        return repository

    def _commit(self, repository: Repository, revision: str, *, api: bool) -> Commit:
        commit = repository.find(revision)
        if commit is None:
            message = f"Invalid rev id: {revision}"
            raise Refusal(error_answer(404, message, code="RevisionNotFound", api=api, model=repository.id))
        return commit

    def _place(self, repository: Repository, parts: tuple[str, ...], *, api: bool) -> tuple[Commit, str]:
        """Parts revision and path, where the revision may come as ``refs%2Fpr%2F1`` or as ``refs/pr/1``."""
        for end in range(len(parts), 0, -1):
            commit = repository.find("/".join(parts[:end]))
            if commit is not None:
                return commit, "/".join(parts[end:]).strip("/")
        return self._commit(repository, parts[0], api=api), ""

    def _admit(self, repository: Repository, visitor: Account | None, *, api: bool, file: str | None = None) -> None:
        terms = repository.terms
        about = {"model": repository.id, "file": file}
        if terms.disabled:
            raise Refusal(error_answer(403, "Access to this resource is disabled.", api=api, **about))
        if let_in(terms, visitor):
            return
        wall = f"Access to model {repository.id} is restricted"
        if visitor is None:
            message = f"{wall}. You must have access to it and be authenticated to access it. Please log in."
            raise Refusal(error_answer(401, message, code="GatedRepo", api=api, **about))
        message = f"{wall} and you are not in the authorized list. Visit the page of the model to ask for access."
        if visitor.name in terms.pending:
            message = f"Your request to access model {repository.id} is awaiting a review from the repo authors."
        raise Refusal(error_answer(403, message, code="GatedRepo", api=api, **about))

    def _masked(self, repository: Repository, visitor: Account | None) -> bool:
        return repository.terms.masked and not let_in(repository.terms, visitor)

    def _info(self, question: Question, repository: Repository, revision: str, visitor: Account | None) -> Answer:
        commit = self._commit(repository, revision, api=True)
        told = self._describer.describe(commit)
        names = question.values("expand")
        if names:
            check_expand(names)
            return json_answer(payloads.pick(repository, commit, told, names), model=repository.id)
        masked = self._masked(repository, visitor)
        answer = payloads.info(repository, commit, told, blobs=question.flag("blobs"), masked=masked)
        if question.flag("securityStatus"):
            answer["securityRepoStatus"] = {"scansDone": False, "filesWithIssues": []}
        return json_answer(answer, model=repository.id)

    def _tree(
        self, question: Question, repository: Repository, parts: tuple[str, ...], visitor: Account | None
    ) -> Answer:
        commit, folder = self._place(repository, parts, api=True)
        expand = question.flag("expand")
        entries = payloads.tree(
            commit,
            folder,
            recursive=question.flag("recursive"),
            expand=expand,
            masked=self._masked(repository, visitor),
        )
        if entries is None:
            raise Refusal(missing(repository, commit, folder, api=True))
        most = min(_EXPANDED if expand else _PAGE, self._options.page_size)
        return self._page(question, entries, most, model=repository.id)

    def _paths_info(self, question: Question, repository: Repository, revision: str, visitor: Account | None) -> Answer:
        commit = self._commit(repository, revision, api=True)
        paths, expand = paths_asked(question)
        masked = self._masked(repository, visitor)
        return json_answer(payloads.paths_info(commit, paths, expand=expand, masked=masked), model=repository.id)

    def _commits(self, question: Question, repository: Repository, revision: str) -> Answer:
        entries = payloads.log(repository, self._commit(repository, revision, api=True))
        if "formatted" in question.values("expand"):
            entries = [{**entry, "formatted": {"title": entry["title"], "message": ""}} for entry in entries]
        size, page = number(question, "limit", 50, most=1000), number(question, "p", 0)
        headers = {"x-total-count": str(len(entries))}
        if (page + 1) * size < len(entries):
            headers["link"] = next_link(question, {"p": str(page + 1)})
        return json_answer(entries[page * size : (page + 1) * size], headers=headers, model=repository.id)

    # Listings

    def _candidates(self, visitor: Account | None) -> Iterator[Candidate]:
        for name in self._shelf.names():
            repository = self._shelf.repository(name)
            commit = None if repository is None else repository.find("main")
            if repository is not None and commit is not None and knows(repository.terms, visitor):
                yield Candidate(repository=repository, commit=commit, told=self._describer.describe(commit))

    def _listing(self, question: Question, visitor: Account | None) -> Answer:
        names = question.values("expand")
        check_expand(names)
        try:
            chosen = select(question, self._candidates(visitor))
        except ValueError as error:
            raise Refusal(error_answer(400, str(error), api=True)) from None
        rows = [
            payloads.pick(model.repository, model.commit, model.told, names)
            if names
            else payloads.row(
                model.repository,
                model.commit,
                model.told,
                full=question.flag("full"),
                card=question.flag("cardData"),
                config=question.flag("config"),
            )
            for model in chosen
        ]
        return self._page(question, rows, min(_PAGE, self._options.page_size))

    def _page(self, question: Question, entries: list[Any], most: int, **about: Any) -> Answer:
        size = number(question, "limit", most, most=most)
        start = cursor_asked(question)
        headers = {}
        if start + size < len(entries):
            cursor = base64.urlsafe_b64encode(str(start + size).encode()).decode()
            headers["link"] = next_link(question, {"cursor": cursor})
        return json_answer(entries[start : start + size], headers=headers, **about)

    def _spaces(self, question: Question, visitor: Account | None) -> Answer:
        wanted = question.values("models")
        spaces = {
            demo: model.repository.id
            for model in self._candidates(visitor)
            for demo in model.repository.terms.demos
            if not wanted or model.repository.id in wanted
        }
        rows = [
            {
                "_id": hashlib.sha1(demo.encode(), usedforsecurity=False).hexdigest()[:24],
                "id": demo,
                "author": demo.partition("/")[0],
                "likes": 0,
                "private": False,
                "sdk": "gradio",
                "models": [model],
                "subdomain": demo.replace("/", "-").lower(),
                "tags": ["gradio", "region:us"],
                **({"runtime": _RUNTIME} if "runtime" in question.values("expand") else {}),
            }
            for demo, model in spaces.items()
        ]
        return self._page(question, rows, min(_PAGE, self._options.page_size))

    def _vocabulary(self, question: Question, visitor: Account | None) -> Answer:
        words: dict[str, dict[str, Any]] = {kind: {} for kind in ("pipeline_tag", "library", "license", "other")}
        for model in self._candidates(visitor):
            for tag in model.told.tags:
                kind = "license" if tag.startswith("license:") else "other"
                kind = {model.told.task: "pipeline_tag", model.told.library: "library"}.get(tag, kind)
                words[kind][tag] = {"id": tag, "label": tag.partition(":")[2] or tag, "type": kind}
        asked = question.value("type")
        return json_answer({kind: list(tags.values()) for kind, tags in words.items() if asked in (None, kind)})

    # Files

    def _file_route(self, question: Question, segments: tuple[str, ...], visitor: Account | None) -> Answer:
        for verb in ("resolve", "raw"):
            for start in (2, 1):
                if segments[start : start + 1] == (verb,) and len(segments) > start + 2:
                    name = "/".join(segments[:start])
                    return self._file(question, name, verb, segments[start + 1 :], visitor)
        if segments == ("",):
            return text_answer("This server speaks the protocol of the Hugging Face Hub. Models: /api/models\n")
        raise Refusal(error_answer(404, "Sorry, we can't find the page you are looking for.", code="RepoNotFound"))

    def _file(self, question: Question, name: str, verb: str, rest: tuple[str, ...], visitor: Account | None) -> Answer:
        repository = self._repository(question, name, visitor, "/", api=False)
        commit, path = self._place(repository, rest, api=False)
        # Seen at the Hub: the card of a gated model may be read through /resolve, though not through /raw.
        if not (verb == "resolve" and path == "README.md" and not repository.terms.disabled):
            self._admit(repository, visitor, api=False, file=path)
        entry = commit.files.get(path)
        if entry is None:
            raise Refusal(missing(repository, commit, path, api=False))
        if verb == "raw":
            return self._raw(question, repository, commit, entry)
        if entry.sha256 is not None:
            return self._linked(question, repository, commit, entry)
        origin = urlencode({question.path: "", "etag": f'"{entry.oid}"'})
        location = f"/api/resolve-cache/models/{repository.id}/{commit.id}/{quote(path)}?{origin}"
        headers = {**file_headers(commit, entry), "etag": f'"{entry.oid}"'}
        return redirect(307, location, repository.id, path, headers)

    def _linked(self, question: Question, repository: Repository, commit: Commit, entry: ShelfFile) -> Answer:
        sha256 = str(entry.sha256)
        headers = {
            **file_headers(commit, entry),
            "etag": f'"{sha256}"',
            "x-linked-etag": f'"{sha256}"',
            "x-linked-size": str(entry.size),
        }
        if matches(question.headers.get("if-none-match"), headers["etag"]):
            return Answer(status=304, headers=headers, model=repository.id, file=entry.path)
        if self._shelf.place(entry.digest) is None:
            raise Refusal(missing(repository, commit, entry.path, api=False))
        grant = Grant(
            model=repository.id,
            commit=commit.id,
            file=entry.path,
            sha256=sha256,
            size=entry.size,
            expires=int(self._clock() + self._options.link_lifetime),
        )
        link = self._signer.link(self._byte_origin(question.base), repository.stable_id, grant)
        return redirect(302, link, repository.id, entry.path, headers)

    def _cached(self, question: Question, name: str, revision: str, path: str, visitor: Account | None) -> Answer:
        repository = self._repository(question, name, visitor, "/api/resolve-cache/models/", api=False)
        commit = self._commit(repository, revision, api=False)
        if path != "README.md" or repository.terms.disabled:
            self._admit(repository, visitor, api=False, file=path)
        entry = commit.files.get(path)
        place = None if entry is None or entry.sha256 is not None else self._shelf.place(entry.digest)
        if entry is None or place is None:
            raise Refusal(missing(repository, commit, path, api=False))
        headers = {**file_headers(commit, entry), "content-type": "text/plain; charset=utf-8"}
        answer = file_answer(place, entry.size, f'"{entry.oid}"', question, headers)
        return evolve(answer, model=repository.id, file=path)

    def _raw(self, question: Question, repository: Repository, commit: Commit, entry: ShelfFile) -> Answer:
        headers = {**file_headers(commit, entry), "content-type": "text/plain; charset=utf-8"}
        if entry.sha256 is not None:
            text = pointer(entry.sha256, entry.size).decode()
            return text_answer(
                text, headers={**headers, "etag": f'"{entry.oid}"'}, model=repository.id, file=entry.path
            )
        place = self._shelf.place(entry.digest)
        if place is None:
            raise Refusal(missing(repository, commit, entry.path, api=False))
        answer = file_answer(place, entry.size, f'"{entry.oid}"', question, headers)
        return evolve(answer, model=repository.id, file=entry.path)


def _budget(kind: str, spent: Spent) -> dict[str, str]:
    """What every answer of the Hub tells of a budget, whether it is enforced or not."""
    return {
        "ratelimit": f'"{kind}";r={spent.left};t={spent.seconds}',
        "ratelimit-policy": f'"fixed window";"{kind}";q={spent.limit};w={WINDOW}',
    }
