"""Predictions and trainings: creating, waiting, polling, cancelling, listing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Question, Refusal, json_answer
from zooclient.serve.replicate import checking, listing, payloads, said
from zooclient.serve.replicate.catalogue import Catalogue, Model, Version
from zooclient.serve.replicate.delivery import Delivery
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.replicate.pages import Pages, json_object
from zooclient.serve.replicate.runs import Kind, Order, Run, Runs, Work
from zooclient.serve.replicate.uploads import Uploads

_PREFER = re.compile(r"wait(?:=([1-9]|[1-5][0-9]|60))?")
_AFTER = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_VERSION = re.compile(r"[0-9a-f]{64}")
_OPTIONAL = ("webhook", "webhook_events_filter", "webhook_completed", "stream")


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


class Running:
    """Everything below ``/v1/predictions`` and ``/v1/trainings``.

    Args:
        catalogue: The models.
        runs: Where predictions and trainings are kept.
        delivery: Where what they made lies.
        uploads: Where their inputs lie.
        pages: Makes pages.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        runs: Runs,
        delivery: Delivery,
        uploads: Uploads,
        pages: Pages,
        clock: Callable[[], float],
    ) -> None:
        self._catalogue = catalogue
        self._runs = runs
        self._delivery = delivery
        self._uploads = uploads
        self._pages = pages
        self._clock = clock

    def ran(self, question: Question, visitor: Account, method: str, kind: Kind, rest: tuple[str, ...]) -> Answer:
        """Answers what is asked below the path of a kind of runs; ``rest`` is what follows that."""
        match (method, *rest):
            case ("GET",):
                mine = [run for run in self._runs.all() if run.order.kind == kind and run.order.owner == visitor.name]
                return self._pages.page(question, mine, listing.RUNS, lambda run: self._told(run, question))
            case ("POST",) if kind == "predictions":
                body = json_object(question, ("version", "input"), _OPTIONAL)
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
        return payloads.run(run, self._pages.places(question), removed=self._delivery.over(run), waited=waited)

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
        chosen = None if model is None or not colon else model.listed(version)
        if model is None or chosen is None:
            raise Refusal(said.no_version())
        return model, chosen

    def official(self, question: Question, visitor: Account, model: Model) -> Answer:
        """Answers what creates a prediction of a model that the zoo keeps itself."""
        return self._predict(question, visitor, model, None, json_object(question, ("input",), _OPTIONAL))

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

    def _begun(self, question: Question, order: Order, work: Callable[[Work], Any]) -> Answer:
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

    def train(self, question: Question, visitor: Account, model: Model, version: Version) -> Answer:
        """Answers what creates a training of a version."""
        training = model.hosted.training
        if training is None:
            return said.no_version()
        body = json_object(question, ("destination", "input"), _OPTIONAL)
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


def _first_text(job: Work) -> str:
    """What a model does of which nothing is said: it returns its first text."""
    return next((value for value in job.input.values() if isinstance(value, str)), "")
