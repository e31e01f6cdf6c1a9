"""What the owners of models do at Replicate alone: the switches of :attr:`zooclient.testing.LocalZoo.replicate`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from zooclient.serve.exchange import Answer
from zooclient.serve.folder import FolderShelf
from zooclient.serve.registry.depot import Depot
from zooclient.serve.replicate.catalogue import Catalogue, Model
from zooclient.serve.replicate.hosted import Collection, Course, Hosted, Input, Made, OutputType, Training
from zooclient.serve.replicate.runs import Run, Runs, Work
from zooclient.serve.replicate.said import throttled, unpaid

__all__ = ["SCHEME", "AtReplicate", "Course", "Input", "Made", "Run", "Work"]

SCHEME = "replicate"


class AtReplicate:
    """A local zoo's models as they stand at Replicate, where they are run.

    Each state of a model's default branch is a version. A model takes a prompt and returns it until something else
    is said with :meth:`offer`. Models are named ``owner/name`` throughout.

    ::

        zoo.replicate.offer(
            "acme/shout",
            inputs={"text": Input("string"), "times": Input("integer", default=1, minimum=1, maximum=5)},
            output="tokens",
            run=lambda job: (job.input["text"].upper() for _ in range(job.input["times"])),
        )

    Args:
        shelf: The models.
        runs: Where predictions and trainings are kept.
        depot: The images of the versions. None: nobody else tells of them.
    """

    def __init__(self, shelf: FolderShelf, runs: Runs, depot: Depot | None = None) -> None:
        self._shelf = shelf
        self._runs = runs
        self._catalogue = Catalogue(shelf.at(SCHEME), depot)

    # Names

    def version(self, model: str, version: int = 0) -> str:
        """Returns the id of a version, 64 hex.

        Args:
            model: ``owner/name``.
            version: Which one, counted from the newest, which is 0.

        Raises:
            LookupError: There is no such model or version.
        """
        found = self._model(model)
        if version >= len(found.versions):
            raise LookupError(f"{model} has {len(found.versions)} versions.")
        return found.versions[version].id

    def ref(self, model: str, version: int = 0) -> str:
        """Returns a reference, ``replicate:owner/name@VERSION``; without a version where the zoo keeps it itself.

        Raises:
            LookupError: There is no such model or version.
        """
        bare = f"{SCHEME}:{model}"
        return bare if self._model(model).hosted.official else f"{bare}@{self.version(model, version)}"

    def predictions(self, model: str | None = None) -> tuple[Run, ...]:
        """Returns every prediction and training that was created, the newest first, whether it was told or not.

        Args:
            model: The one whose they are. None: all.
        """
        return tuple(run for run in self._runs.all() if model in (None, run.order.model))

    # Switches

    def offer(
        self,
        model: str,
        *,
        inputs: Mapping[str, Input] | None = None,
        output: OutputType | Mapping[str, Any] = "string",
        run: Callable[[Work], Any] | None = None,
        **more: Any,
    ) -> None:
        """Says what a model takes and what running it does.

        Args:
            model: ``owner/name``.
            inputs: Name to what it takes, in order. None: a ``prompt``.
            output: What it puts out, or the ``Output`` schema itself.
            run: Called in a thread of its own with a :class:`Work`; returns the output, or yields it piece by piece.
                Bytes and :class:`Made` become files. What it raises is the error of the prediction. None: it
                returns its first text.
            more: ``official``, ``example``, ``description``, ``license_url``, ``weights_url``, ``github_url``, as
                in :class:`~zooclient.serve.replicate.hosted.Hosted`.
        """
        given = {} if inputs is None else {"inputs": dict(inputs)}
        self._change(model, output=output, run=run, **given, **more)

    def keep(self, model: str, kept: bool = True) -> None:
        """Makes a model one that the zoo keeps itself (official): nothing of it can be pinned."""
        self._change(model, official=kept)

    def collect(self, slug: str, *models: str, name: str | None = None, description: str = "") -> None:
        """Puts models into a curated list."""
        entry = Collection(slug=slug, name=name or slug.replace("-", " ").capitalize(), description=description)
        for model in models:
            others = (other for other in self._hosted(model).collections if other.slug != slug)
            self._change(model, collections=(*others, entry))

    def course(self, model: str, **changes: Any) -> None:
        """Says how the runs of a model go that are created from now on, in place of what was said before.

        Args:
            model: ``owner/name``.
            changes: Attributes of :class:`~zooclient.serve.replicate.hosted.Course`: ``boot``, ``ends``, ``error``,
                ``settled``, ``version``, ``streams``, ``stream_events``, ``stream_ids``, ``stream_news``,
                ``outputs``. None: they go well.
        """
        self._change(model, course=Course(**changes))

    def throttle(self, model: str, seconds: int = 1, *, times: int | None = 1) -> None:
        """Refuses to run a model so many times, with 429 and the seconds to wait in the body. None: always."""
        self._change(model, guard=_Guard(throttled(seconds), times))

    def bill(self, model: str, times: int | None = None) -> None:
        """Refuses to run a model so many times, because nobody has said how to pay, with 402. None: always."""
        self._change(model, guard=_Guard(unpaid(), times))

    def admit(self, model: str) -> None:
        """Takes back what :meth:`throttle` and :meth:`bill` said."""
        self._change(model, guard=None)

    def teach(
        self, model: str, inputs: Mapping[str, Input], train: Callable[[Work], bytes] = lambda job: b"weights"
    ) -> None:
        """Lets a model be trained. What comes of it is a new version of the destination.

        Args:
            model: ``owner/name``.
            inputs: Name to what a training takes, in order.
            train: Called in a thread of its own, returns the weights.
        """

        def run(job: Work, destination: str) -> Mapping[str, Any]:
            weights = train(job)
            self._shelf.commit(destination, {"trained_model.tar": weights})
            made = f"{destination}:{self.version(destination)}"
            return {"version": made, "weights": Made(weights, "trained_model.tar")}

        self._change(model, training=Training(inputs=dict(inputs), run=run))

    def _model(self, name: str) -> Model:
        repository = self._shelf.at(SCHEME).repository(name)
        found = None if repository is None else self._catalogue.model(repository)
        if found is None:
            raise LookupError(f"There is no model {name!r} here.")
        return found

    def _hosted(self, model: str) -> Hosted:
        return self._shelf.terms(model).hosted

    def _change(self, model: str, **changes: Any) -> None:
        terms = self._shelf.terms(model)
        self._shelf.set_terms(model, evolve(terms, hosted=evolve(terms.hosted, **changes)))


class _Guard:
    """Refuses so many times."""

    def __init__(self, refusal: Answer, times: int | None) -> None:
        self._refusal = refusal
        self._left = times
        self._lock = threading.Lock()

    def __call__(self) -> Answer | None:
        with self._lock:
            if self._left is None:
                return self._refusal
            self._left -= 1
            return self._refusal if self._left >= 0 else None
