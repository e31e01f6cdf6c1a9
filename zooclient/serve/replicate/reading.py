"""Models, versions, collections and searches: what can be read without anything being run."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from attrs import evolve

from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Question, Refusal, json_answer, text_answer
from zooclient.serve.replicate import listing, payloads, said
from zooclient.serve.replicate.catalogue import Catalogue, Model
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.replicate.pages import Pages, json_object
from zooclient.serve.replicate.running import Running
from zooclient.serve.replicate.runs import Runs

#: Versions on a page.
_VERSIONS: Final = 25
#: Members of the body that creates a model.
_NEEDED: Final = ("owner", "name", "visibility", "hardware")
_FURTHER: Final = ("description", "github_url", "paper_url", "license_url", "cover_image_url")


class Reading:
    """Everything below ``/v1/models``, ``/v1/collections`` and ``/v1/search``.

    Args:
        catalogue: The models.
        runs: What was run, which models count.
        running: Answers what is to be run.
        pages: Makes pages.
    """

    def __init__(self, catalogue: Catalogue, runs: Runs, running: Running, pages: Pages) -> None:
        self._catalogue = catalogue
        self._runs = runs
        self._running = running
        self._pages = pages

    def models(self, question: Question, visitor: Account, method: str, rest: tuple[str, ...]) -> Answer:
        """Answers what is asked below ``/v1/models``; ``rest`` is what follows that."""
        match (method, *rest):
            case ("GET",):
                return self._list(question)
            case ("POST",):
                return self._create(question, visitor)
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
            case ("DELETE",):
                return self._delete(visitor, model)
            case ("GET", "readme") if model.card is not None:
                return text_answer(model.card)
            case ("GET", "examples"):
                example = payloads.example(model, self._pages.places(question))
                return self._pages.page(
                    question, [] if example is None else [example], listing.RUNS, lambda shown: shown
                )
            case ("GET", "versions") if not model.hosted.official:
                return self._pages.page(question, model.versions, _VERSIONS, payloads.version)
            case ("GET", "versions", name) if (version := model.listed(name)) is not None:
                return json_answer(payloads.version(version))
            case ("POST", "predictions") if model.hosted.official:
                return self._running.official(question, visitor, model)
            case ("POST", "versions", name, "trainings") if (version := model.listed(name)) is not None:
                return self._running.train(question, visitor, model, version)
            case _:
                raise Refusal(said.absent())

    def _create(self, question: Question, visitor: Account) -> Answer:
        body = json_object(question, _NEEDED, _FURTHER)
        name = f"{body['owner']}/{body['name']}"
        # Which refusals the real API gives to these two is not recorded.
        if body["owner"] != visitor.name:
            return said.problem(403, "You do not have permission to create a model for this owner.")
        if self._catalogue.taken(name):
            return said.problem(409, "A model with that name and owner already exists.")
        hosted = Hosted(
            description=body.get("description"),
            license_url=body.get("license_url"),
            github_url=body.get("github_url"),
            paper_url=body.get("paper_url"),
        )
        model = self._catalogue.create(name, private=body["visibility"] != "public", hosted=hosted)
        return json_answer(self._shown(model, question), status=201, model=name)

    def _delete(self, visitor: Account, model: Model) -> Answer:
        if model.owner != visitor.name or not model.private or model.versions:
            return said.problem(403, "Only private models without versions can be deleted, by their owners.")
        self._catalogue.drop(model)
        return Answer(status=204)

    def _public(self) -> list[Model]:
        return [model for model in self._catalogue.models(None) if model.versions and not model.private]

    def _shown(self, model: Model, question: Question, *, brief: bool = False) -> dict[str, Any]:
        return payloads.model(model, self._counts()[model.id], self._pages.places(question), brief=brief)

    def _counts(self) -> Counter[str]:
        return Counter(run.order.model for run in self._runs.all())

    def _list(self, question: Question) -> Answer:
        models = listing.ordered(question, self._public())
        if models is None:
            return said.problem(400, "sort_by or sort_direction is none that models can be sorted by")
        return self._pages.page(question, models, listing.MODELS, lambda model: self._shown(model, question))

    def search(self, question: Question) -> Answer:
        """Answers the search of 2025, whose models come without schema and example."""
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

    def collections(self, question: Question, slug: str | None = None) -> Answer:
        """Answers with the curated lists, or with one of them."""
        lists = listing.collections(self._public())
        if slug is None:
            return self._pages.page(question, list(lists), listing.MODELS, payloads.collection)
        for entry, models in lists.items():
            if entry.slug == slug:
                return json_answer(payloads.collection(entry, (self._shown(model, question) for model in models)))
        raise Refusal(said.absent())
