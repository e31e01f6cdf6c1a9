"""Which path of ``api.replicate.com`` says what.

The traps of the real API are here: every answer needs a token, a model that the zoo keeps itself has no list of
versions and cannot be run by one, a create that waited tells what ended well as ``processing`` with data URIs, how
long to wait stands in the body of a 429, members that are not known are refused, and ``next`` is a whole URL.
"""

from __future__ import annotations

from attrs import evolve

from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Question, Refusal, guarded, json_answer, text_answer
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.quota import Quota
from zooclient.serve.replicate import listing, payloads, said
from zooclient.serve.replicate.catalogue import Catalogue
from zooclient.serve.replicate.delivery import Delivery
from zooclient.serve.replicate.pages import Pages
from zooclient.serve.replicate.reading import Reading
from zooclient.serve.replicate.running import Running
from zooclient.serve.replicate.runs import Runs
from zooclient.serve.replicate.uploads import MOST, Uploads, parts_of

#: Requests a minute: what creates a prediction, and anything else.
_CREATES, _OTHERS = 600, 3000


def speak(site: Site) -> Origins:
    """Returns Replicate's two origins."""
    runs = site.options.runs or Runs()
    delivery = Delivery(runs, site.options.link_lifetime, site.clock)
    return Origins(hub=Api(site, runs, delivery).answer, cdn=delivery.answer)


class Api:
    """``api.replicate.com`` over a shelf.

    Args:
        site: What it is made from.
        runs: Where its predictions and trainings are kept.
        delivery: The other origin.
    """

    def __init__(self, site: Site, runs: Runs, delivery: Delivery) -> None:
        self._accounts = site.accounts
        self._quota = Quota(site.options.limits, site.clock)
        self._pages = Pages(most=site.options.page_size, byte_origin=site.byte_origin)
        self._uploads = Uploads(site.clock)
        catalogue = Catalogue(site.shelf, site.options.depot)
        self._running = Running(catalogue, runs, delivery, self._uploads, self._pages, site.clock)
        self._reading = Reading(catalogue, runs, self._running, self._pages)

    def answer(self, question: Question) -> Answer:
        """Returns what the API would say."""
        segments = question.segments
        creates = question.method == "POST" and segments[-1] in ("predictions", "trainings")
        spent = self._quota.spend(question.headers.get("authorization") or question.client, "api")
        if spent.granted:
            unreadable = said.problem(503, "The models cannot be read at the moment.")
            answer = guarded(question, lambda: self._route(question, segments), unreadable)
        else:
            answer = said.throttled(spent.seconds)
        left = min(spent.left, (_CREATES if creates else _OTHERS) - 1)
        headers = {"ratelimit-remaining": str(left), "ratelimit-reset": str(min(spent.seconds, 60))}
        return evolve(answer, headers={**headers, **answer.headers})

    def _visitor(self, question: Question) -> Account:
        """Who asks; everything here needs to know, unless no accounts are known at all."""
        told = question.headers.get("authorization")
        if told is not None and told.lower().startswith("token "):
            told = f"Bearer {told[6:]}"
        try:
            visitor = self._accounts.visitor(told)
        except PermissionError:
            raise Refusal(said.unauthenticated()) from None
        if visitor is None:
            if not self._accounts.open:
                raise Refusal(said.unauthenticated())
            return Account(name="anonymous", token="")
        return visitor

    def _route(self, question: Question, segments: tuple[str, ...]) -> Answer:
        if segments == ("",):
            return text_answer("This server speaks the API of Replicate. Models: /v1/models\n")
        visitor = self._visitor(question)
        if segments[0] != "v1":
            raise Refusal(said.absent())
        method = "GET" if question.method == "HEAD" else question.method
        match (method, *segments[1:]):
            case ("GET", "account"):
                return _account(visitor)
            case ("GET", "hardware"):
                return json_answer(payloads.HARDWARE)
            case ("GET", "search"):
                return self._reading.search(question)
            case ("GET", "collections", *rest) if len(rest) < 2:
                return self._reading.collections(question, *rest)
            case (_, "models", *rest):
                return self._reading.models(question, visitor, method, tuple(rest))
            case (_, "files", *rest):
                return self._files(question, visitor, method, tuple(rest))
            case (_, "predictions" | "trainings" as kind, *rest):
                return self._running.ran(question, visitor, method, kind, tuple(rest))
            case _:
                raise Refusal(said.absent())

    def _files(self, question: Question, visitor: Account, method: str, rest: tuple[str, ...]) -> Answer:
        match (method, *rest):
            case ("POST",):
                return self._uploaded(question, visitor)
            case ("GET",):
                held = self._uploads.of(visitor.name)
                return self._pages.page(question, held, listing.RUNS, lambda upload: upload.told(question.base))
            case (_, name) if (upload := self._uploads.get(visitor.name, name)) is not None:
                if method == "GET":
                    return json_answer(upload.told(question.base))
                if method == "DELETE":
                    self._uploads.drop(upload)
                    return Answer(status=204)
        raise Refusal(said.absent())

    def _uploaded(self, question: Question, visitor: Account) -> Answer:
        parts = parts_of(question.headers.get("content-type", ""), question.body)
        if any(len(part.content) >= MOST for part in parts):
            return said.too_large()
        try:
            upload = self._uploads.add(visitor.name, parts)
        except ValueError:
            return said.problem(400, "metadata is not a JSON object")
        if upload is None:
            return said.problem(400, "Missing content")
        return json_answer(upload.told(question.base), status=201)


def _account(visitor: Account) -> Answer:
    told = {"type": "user", "username": visitor.name, "name": visitor.name, "avatar_url": None, "github_url": None}
    return json_answer(told)
