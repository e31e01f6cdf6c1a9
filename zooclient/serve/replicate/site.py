"""Which path of ``api.replicate.com`` says what.

The traps of the real API are here: every answer needs a token, a model that the zoo keeps itself has no list of
versions and cannot be run by one, a create that waited tells what ended well as ``processing`` with data URIs, how
long to wait stands in the body of a 429, members that are not known are refused, and ``next`` is a whole URL.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Question, Refusal, guarded, json_answer, text_answer
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.quota import Quota
from zooclient.serve.replicate import checking, listing, payloads, said
from zooclient.serve.replicate.catalogue import Catalogue, Model, Version
from zooclient.serve.replicate.delivery import Delivery
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.replicate.payloads import Places
from zooclient.serve.replicate.runs import Job, Kind, Order, Run, Runs
from zooclient.serve.replicate.uploads import MOST, Uploads, parts_of

#: Requests a minute: what creates a prediction, and anything else.
_CREATES, _OTHERS = 600, 3000
#: Versions on a page.
_VERSIONS: Final = 25
_PREFER = re.compile(r"wait(?:=([1-9]|[1-5][0-9]|60))?")
_AFTER = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_VERSION = re.compile(r"[0-9a-f]{64}")
_OPTIONAL = ("webhook", "webhook_events_filter", "webhook_completed", "stream")


def speak(site: Site) -> Origins:
    """Returns Replicate's two origins."""
    runs = site.options.runs or Runs()
    delivery = Delivery(runs, site.options.link_lifetime, site.clock)
    return Origins(hub=Api(site, runs, delivery).answer, cdn=delivery.answer)


@frozen(kw_only=True)
class Waiting:
    """The answer to a create that waits.

    Attributes:
        run: What it waits for.
        seconds: For how long at the most.
        tell: Returns the answer when it is over, one way or the other.
    """

    run: Run
    seconds: float
    tell: Callable[[], Answer]

    async def come(self) -> Answer:
        """Returns the answer once the run is over, or the time is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.seconds
        while True:
            rung = self.run.bell.rung
            left = until - loop.time()
            if self.run.state.over or left <= 0 or not await self.run.bell.after(rung, left):
                return self.tell()


class Api:
    """``api.replicate.com`` over a shelf.

    Args:
        site: What it is made from.
        runs: Where its predictions and trainings are kept.
        delivery: The other origin.
    """

    def __init__(self, site: Site, runs: Runs, delivery: Delivery) -> None:
        self._accounts = site.accounts
        self._byte_origin = site.byte_origin
        self._page = site.options.page_size
        self._clock = site.clock
        self._runs = runs
        self._delivery = delivery
        self._quota = Quota(site.options.limits, site.clock)
        self._catalogue = Catalogue(site.shelf)
        self._uploads = Uploads(site.clock)

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
                return self._search(question)
            case ("GET", "collections", *rest) if len(rest) < 2:
                return self._collections(question, *rest)
            case (_, "models", *rest):
                return self._models(question, visitor, method, tuple(rest))
            case (_, "files", *rest):
                return self._files(question, visitor, method, tuple(rest))
            case (_, "predictions" | "trainings" as kind, *rest):
                return self._ran(question, visitor, method, kind, tuple(rest))
            case _:
                raise Refusal(said.absent())

    # Models

    def _models(self, question: Question, visitor: Account, method: str, rest: tuple[str, ...]) -> Answer:
        match (method, *rest):
            case ("GET",):
                return self._list(question)
            case ("QUERY",):
                hits = listing.found(question.body.decode("utf-8", "replace"), self._public())[: listing.MODELS]
                results = [self._shown(model, question) for _, model in hits]
                return json_answer({"next": None, "previous": None, "results": results})
            case (_, owner, name, *path):
                model = self._catalogue.named(f"{owner}/{name}", visitor)
                if model is None:
                    raise Refusal(said.absent())
                return evolve(self._model(question, visitor, method, model, tuple(path)), model=model.id)
            case _:
                raise Refusal(said.absent())

    def _model(self, question: Question, visitor: Account, method: str, model: Model, path: tuple[str, ...]) -> Answer:
        match (method, *path):
            case ("GET",):
                return json_answer(self._shown(model, question))
            case ("GET", "readme") if model.card is not None:
                return text_answer(model.card)
            case ("GET", "examples"):
                example = payloads.example(model, self._places(question))
                return self._paged(question, [] if example is None else [example], listing.RUNS, lambda shown: shown)
            case ("GET", "versions") if not model.hosted.official:
                return self._paged(question, model.versions, _VERSIONS, lambda shown: payloads.version(shown, model))
            case ("GET", "versions", name) if (version := self._versioned(model, name)) is not None:
                return json_answer(payloads.version(version, model))
            case ("POST", "predictions") if model.hosted.official:
                body = _body(question, ("input",))
                return self._predict(question, visitor, model, None, body)
            case ("POST", "versions", name, "trainings") if (version := self._versioned(model, name)) is not None:
                return self._train(question, visitor, model, version)
            case _:
                raise Refusal(said.absent())

    def _versioned(self, model: Model, name: str) -> Version | None:
        return None if model.hosted.official else model.version(name)

    def _public(self) -> list[Model]:
        return [model for model in self._catalogue.models(None) if not model.private]

    def _shown(self, model: Model, question: Question, *, brief: bool = False) -> dict[str, Any]:
        return payloads.model(model, self._counts()[model.id], self._places(question), brief=brief)

    def _counts(self) -> Counter[str]:
        return Counter(run.order.model for run in self._runs.all())

    def _places(self, question: Question) -> Places:
        return Places(api=question.base, delivery=self._byte_origin(question.base))

    def _list(self, question: Question) -> Answer:
        models = listing.ordered(question, self._public())
        if models is None:
            return said.problem(400, "sort_by or sort_direction is none that models can be sorted by")
        return self._paged(question, models, listing.MODELS, lambda model: self._shown(model, question))

    def _paged(self, question: Question, items: Any, size: int, show: Callable[[Any], Any]) -> Answer:
        page = listing.page(question, items, min(size, self._page), show)
        return said.absent() if page is None else json_answer(page)

    def _search(self, question: Question) -> Answer:
        text = question.value("query") or ""
        if not text:
            return said.missing_query("query")
        limit = question.value("limit") or "20"
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= 50):
            return json_answer({"detail": 'Query parameter "limit" must be between 1 and 50'}, status=400)
        public = self._public()
        rows = [
            {
                "model": self._shown(model, question, brief=True),
                "metadata": {
                    "generated_description": model.description,
                    "tags": [] if model.told.task is None else [model.told.task],
                    "score": score,
                },
            }
            for score, model in listing.found(text, public)[: int(limit)]
        ]
        lists = [
            {**payloads.collection(entry), "models": [model.id for model in models]}
            for entry, models in listing.collections(public).items()
            if text.casefold() in f"{entry.slug} {entry.name}".casefold()
        ]
        return json_answer({"query": text, "models": rows, "collections": lists, "pages": []})

    def _collections(self, question: Question, slug: str | None = None) -> Answer:
        lists = listing.collections(self._public())
        if slug is None:
            return self._paged(question, list(lists), listing.MODELS, payloads.collection)
        for entry, models in lists.items():
            if entry.slug == slug:
                return json_answer(payloads.collection(entry, (self._shown(model, question) for model in models)))
        raise Refusal(said.absent())

    # Runs

    def _ran(self, question: Question, visitor: Account, method: str, kind: Kind, rest: tuple[str, ...]) -> Answer:
        match (method, *rest):
            case ("GET",):
                mine = [run for run in self._runs.all() if run.order.kind == kind and run.order.owner == visitor.name]
                return self._paged(question, mine, listing.RUNS, lambda run: self._told(run, question))
            case ("POST",) if kind == "predictions":
                body = _body(question, ("version", "input"))
                return self._predict(question, visitor, *self._target(str(body["version"]), visitor), body)
            case ("GET", name) if (run := self._mine(name, visitor)) is not None:
                return json_answer(self._told(run, question), model=run.order.model)
            case ("POST", name, "cancel") if (run := self._mine(name, visitor)) is not None:
                run.cancel()
                return json_answer(self._told(run, question), model=run.order.model)
            case _:
                raise Refusal(said.absent())

    def _mine(self, name: str, visitor: Account) -> Run | None:
        # A training answers at the predictions of the same id too.
        run = self._runs.get(name)
        return run if run is not None and run.order.owner == visitor.name else None

    def _told(self, run: Run, question: Question, *, waited: bool = False) -> dict[str, Any]:
        return payloads.run(run, self._places(question), removed=self._delivery.over(run), waited=waited)

    def _target(self, text: str, visitor: Account) -> tuple[Model, Version | None]:
        """What the ``version`` of a body names: a version of a model, or a model that the zoo keeps itself."""
        name, colon, version = text.partition(":")
        if "/" not in name:
            held = self._catalogue.version(text, visitor) if _VERSION.fullmatch(text) else None
            if held is None or held[0].hosted.official:
                raise Refusal(said.no_version())
            return held
        model = self._catalogue.named(name, visitor)
        if model is not None and model.hosted.official and not colon:
            return model, None
        chosen = None if model is None or not colon else self._versioned(model, version)
        if model is None or chosen is None:
            raise Refusal(said.no_version())
        return model, chosen

    def _predict(
        self, question: Question, visitor: Account, model: Model, version: Version | None, body: Mapping[str, Any]
    ) -> Answer:
        hosted = model.hosted
        if hosted.guard is not None and (refused := hosted.guard()) is not None:
            return evolve(refused, model=model.id)
        sent = body.get("input", {})
        flaws = checking.check(sent, hosted.inputs)
        if flaws:
            return evolve(said.invalid(flaws), model=model.id)
        if model.repository.terms.disabled:
            return evolve(said.problem(403, "This model has been disabled."), model=model.id)
        order = Order(
            owner=visitor.name,
            model=model.id,
            version="hidden" if version is None else version.id,
            sent=sent,
            input=checking.complete(sent, hosted.inputs),
            course=hosted.course,
            iterates=_iterates(hosted),
            lifetime=_lifetime(question),
        )
        return self._begun(question, order, hosted.run or _first_text)

    def _begun(self, question: Question, order: Order, work: Callable[[Job], Any]) -> Answer:
        run = self._runs.create(order, self._clock)
        first = json_answer(self._told(run, question), status=201, model=order.model)
        run.start(work, lambda url: self._uploads.read(order.owner, url))
        prefer = _PREFER.fullmatch(question.headers.get("prefer", "").replace(" ", ""))
        if prefer is None or order.kind == "trainings":
            return first
        seconds = int(prefer[1] or 60)

        def tell() -> Answer:
            told = self._told(run, question, waited=True)
            headers = {"preference-applied": f"wait={seconds}"}
            return json_answer(told, status=201 if run.state.over else 202, headers=headers, model=order.model)

        return Answer(later=Waiting(run=run, seconds=seconds, tell=tell))

    def _train(self, question: Question, visitor: Account, model: Model, version: Version) -> Answer:
        training = model.hosted.training
        if training is None:
            return said.no_version()
        body = _body(question, ("destination", "input"))
        destination = str(body["destination"])
        aim = self._catalogue.named(destination, visitor)
        if aim is None or aim.owner != visitor.name:
            return said.no_destination()
        flaws = checking.check(body["input"], training.inputs)
        if flaws:
            return said.invalid(flaws)
        order = Order(
            kind="trainings",
            owner=visitor.name,
            model=model.id,
            version=version.id,
            sent=body["input"],
            input=checking.complete(body["input"], training.inputs),
            course=model.hosted.course,
        )
        return self._begun(question, order, lambda job: training.run(job, aim.id))

    # Files

    def _files(self, question: Question, visitor: Account, method: str, rest: tuple[str, ...]) -> Answer:
        match (method, *rest):
            case ("POST",):
                return self._uploaded(question, visitor)
            case ("GET",):
                held = self._uploads.of(visitor.name)
                return self._paged(question, held, listing.RUNS, lambda upload: upload.told(question.base))
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


def _body(question: Question, required: tuple[str, ...]) -> Mapping[str, Any]:
    """The JSON object of a body whose members are as they have to be."""
    try:
        body = json.loads(question.body)
    except (ValueError, RecursionError):
        raise Refusal(said.problem(400, "The body is not valid JSON.")) from None
    if not isinstance(body, dict):
        raise Refusal(said.problem(400, "The body is not a JSON object."))
    flaws = checking.members(body, required, _OPTIONAL)
    if flaws:
        raise Refusal(said.invalid(flaws))
    return body


def _lifetime(question: Question) -> float | None:
    match = _AFTER.fullmatch(question.headers.get("cancel-after", ""))
    if match is None or not match[0]:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(max(5, hours * 3600 + minutes * 60 + seconds))


def _iterates(hosted: Hosted) -> bool:
    if isinstance(hosted.output, str):
        return hosted.output in ("strings", "tokens")
    return hosted.output.get("x-cog-array-type") == "iterator"


def _first_text(job: Job) -> str:
    """What a model does of which nothing is said: it returns its first text."""
    return next((value for value in job.input.values() if isinstance(value, str)), "")
