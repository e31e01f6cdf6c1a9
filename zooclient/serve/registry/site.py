"""Which path of ``r8.im`` says what.

Known of the real one: the protocol, that a version's id is the digest of its manifest, user names with tokens of their
own (``cog login``), and the texts of some refusals. How it asks for a login, whether strangers may pull, and whether
blobs come from elsewhere is not: here each is a switch (:class:`~zooclient.serve.registry.door.Rules`).
"""

from __future__ import annotations

from urllib.parse import parse_qs

from attrs import evolve

from zooclient.serve.accounts import Account, knows, let_in
from zooclient.serve.exchange import Answer, Question, Refusal, guarded, json_answer, text_answer
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.registry import said
from zooclient.serve.registry.door import REALM, Action, Door
from zooclient.serve.registry.names import Target, is_name, target
from zooclient.serve.registry.pulling import Pulling
from zooclient.serve.registry.pushing import Pushing
from zooclient.serve.registry.storage import Storage
from zooclient.serve.replicate.catalogue import Catalogue, Model

#: Where people find their token.
_TOKEN_PAGE = "https://replicate.com/auth/token"  # noqa: S105  # an address


def speak(site: Site) -> Origins:
    """Returns the two origins of Replicate's registry."""
    storage = Storage(site.options.depot.files, site.signer, site.clock)
    return Origins(hub=Registry(site).answer, cdn=storage.answer)


class Registry:
    """``r8.im`` over a shelf.

    Args:
        site: What it is made from.
    """

    def __init__(self, site: Site) -> None:
        depot = site.options.depot
        shelf = site.shelf.at("replicate")
        self._catalogue = Catalogue(shelf, depot)
        self._door = Door(site.accounts, depot.rules, site.signer, site.clock, self._may)
        self._pulling = Pulling(site, shelf, depot)
        self._pushing = Pushing(depot, self._pulling, site.signer)

    def answer(self, question: Question) -> Answer:
        """Returns what the registry would say."""
        answer = guarded(question, lambda: self._route(question, question.segments), said.refused("UNKNOWN"))
        return evolve(answer, headers={"docker-distribution-api-version": "registry/2.0", **answer.headers})

    def _route(self, question: Question, segments: tuple[str, ...]) -> Answer:
        method = "GET" if question.method == "HEAD" else question.method
        match (method, *segments):
            case ("GET", ""):
                return text_answer("This server speaks the protocol of Replicate's registry. Images: /v2/\n")
            case ("GET", "v2"):
                self._door.enter(question)
                return json_answer({})
            case ("GET", "token") if question.path == REALM:
                return self._door.token(question)
            case ("POST", "cog", "v1", "verify-token"):
                return self._verified(question)
            case ("GET", "cog", "v1", "display-token-url"):
                return json_answer({"url": _TOKEN_PAGE})
            case (_, "v2", *rest) if (asked := target(tuple(rest))) is not None:
                return self._asked(question, method, asked)
        return said.absent()

    def _verified(self, question: Question) -> Answer:
        sent = parse_qs(question.body.decode("utf-8", "replace")).get("token", [""])
        account = self._door.verified(sent[-1])
        if account is None:
            return json_answer({"detail": "User not found"}, status=404)
        return json_answer({"username": account.name})

    def _asked(self, question: Question, method: str, asked: Target) -> Answer:
        if not is_name(asked.name) or "/" not in asked.name:
            raise Refusal(said.refused("NAME_INVALID", asked.name))
        pulls = method == "GET" and asked.kind != "uploads"
        action: Action = "pull" if pulls else "push"
        if not pulls and self._door.open:
            # Where nobody is known nobody can be the owner of anything.
            raise Refusal(said.refused("UNSUPPORTED"))
        visitor = self._door.enter(question, asked.name, action)
        model = self._model(question, asked, visitor, action)
        answer = self._pull(question, asked, model) if pulls else self._push(question, method, asked, model, visitor)
        return evolve(answer, model=model.id)

    def _model(self, question: Question, asked: Target, visitor: Account | None, action: Action) -> Model:
        model = self._catalogue.named(asked.model, visitor)
        if model is None or model.hosted.official:
            if visitor is None and not self._door.open:
                # What a stranger may not know of is no different from what is not there.
                raise self._door.challenged(question, asked.name, action)
            raise Refusal(said.refused("NAME_UNKNOWN", {"name": asked.name}))
        if not self._lets(model, visitor, action):
            if visitor is None and not self._door.open:
                raise self._door.challenged(question, asked.name, action)
            raise Refusal(said.refused("DENIED", {"name": asked.name}))
        return model

    def _may(self, visitor: Account | None, name: str, action: Action) -> bool:
        """Whether a visitor may do something with a repository, by its name."""
        model = self._catalogue.named("/".join(name.split("/")[:2]), visitor)
        return model is not None and self._lets(model, visitor, action)

    def _lets(self, model: Model, visitor: Account | None, action: Action) -> bool:
        terms = model.repository.terms
        if not knows(terms, visitor):
            return False
        if action == "push":
            return visitor is not None and visitor.role == "write" and visitor.name == model.owner
        return let_in(terms, visitor) and not terms.disabled

    def _pull(self, question: Question, asked: Target, model: Model) -> Answer:
        match asked.kind:
            case "manifests":
                return self._pulling.manifest(question, model, asked.reference)
            case "blobs":
                return self._pulling.blob(question, model, asked.reference)
            case _:
                return self._pulling.tags(asked.name, model)

    def _push(self, question: Question, method: str, asked: Target, model: Model, visitor: Account | None) -> Answer:
        match (method, asked.kind):
            case ("POST", "uploads") if not asked.reference:
                return self._pushing.begin(question, asked.name, model, self._source(question, visitor))
            case (_, "uploads") if asked.reference:
                return self._pushing.upload(question, asked.name, model, asked.reference)
            case ("PUT", "manifests"):
                return self._pushing.manifest(question, asked.name, model, asked.reference)
        raise Refusal(said.refused("UNSUPPORTED"))

    def _source(self, question: Question, visitor: Account | None) -> Model | None:
        """The model from which a blob is to be taken, where the visitor may have it."""
        name = question.value("from") or ""
        model = self._catalogue.named(name, visitor)
        return model if model is not None and self._lets(model, visitor, "pull") else None
