"""Three zoos over one folder of models, each in its own words, and what a failure at any of them owes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen
from faultkit import IMPATIENT, visible

from zooclient import Client, ZooError
from zooclient.providers.registry import has_official
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.faults import Handler
from zooclient.settings import Limits, Settings
from zooclient.testing import Fault, LocalZoo

MODEL = "org/tiny"
WEIGHTS = "model.safetensors"


@frozen(kw_only=True)
class Site:
    """How one zoo says what all of them say.

    Attributes:
        scheme: Of its references.
        missing: A reference of a model that is not there.
        record: Pattern of the addresses that tell of the model, and nothing else.
        listing: Pattern of those among them that list its files.
        search: Path of the search.
        files: Name of the list of files.
        name: Name of the field that names a file.
        hits: Name of the list of hits.
        optional: Name of a list that a record can do without.
    """

    scheme: str
    missing: str
    record: str
    listing: str
    search: str
    files: str
    name: str
    hits: str
    optional: str

    def pin(self, zoo: LocalZoo, model: str = MODEL) -> str:
        """The pinned reference of what a model is now."""
        if self.scheme == "civitai":
            return zoo.civitai.ref(model)
        return f"{self.scheme}:{model}@{zoo.head(model, zoo=self.scheme)}"

    def at(self, zoo: LocalZoo, revision: str) -> str:
        """The reference of a revision that the model has not."""
        return f"{self.pin(zoo).partition('@')[0]}@{revision}"

    def rename(self, name: str) -> Callable[[Any], Any]:
        """Gives the first file of every list of files another name."""

        def change(document: Any) -> Any:
            for holder in objects(document):
                listed = holder.get(self.files)
                if isinstance(listed, list) and listed:
                    listed[0][self.name] = name
            return document

        return change


SITES = {
    site.scheme: site
    for site in (
        Site(
            scheme="hf",
            missing="hf:org/none",
            record="/api/models/*",
            listing="/api/models/*",
            search="/api/models",
            files="siblings",
            name="rfilename",
            hits="",
            optional="tags",
        ),
        Site(
            scheme="modelscope",
            missing="modelscope:org/none",
            record="/api/v1/models/org/tin*[!o]",  # not …/repo, by which it gives bytes
            listing="/api/v1/models/*/repo/files",
            search="/openapi/v1/models",
            files="Files",
            name="Path",
            hits="models",
            optional="Tags",
        ),
        Site(
            scheme="civitai",
            missing="civitai:2147483000",
            record="/api/v1/model*/*",
            listing="/api/v1/model*/*",
            search="/api/v1/models",
            files="files",
            name="name",
            hits="items",
            optional="tags",
        ),
    )
}


def objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, outer ones first."""
    if isinstance(document, dict):
        yield document
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    for item in inner:
        yield from objects(item)


@frozen
class Following(Fault):
    """A page of a search names the next one in the header ``Link``, whether there is one or not.

    Attributes:
        name: Returns what the address of the next page has for a cursor, or a whole address.
    """

    name: Callable[[], str] = lambda: ""

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Adds the header."""
        told = self.name()
        url = told if told.startswith("http") else f"{question.base}{question.path}?search=tiny&walk={told}"
        return evolve(answer, headers={**answer.headers, "link": f'<{url}>; rel="next"'})


def client_of(zoo: LocalZoo, site: Site, home: Path, token: str | None = None) -> Client:
    """A client that knows one zoo alone, and loses patience soon."""
    return Client(
        home=home,
        endpoints={site.scheme: zoo.endpoints[site.scheme]},
        tokens={} if token is None else {site.scheme: token},
        settings=Settings(failover=False, limits=Limits(**IMPATIENT)),
    )


def owes(error: ZooError, site: Site, home: Path, ref: str | None) -> None:
    """Holds a failure to what each owes: a sentence, zoo, verb and reference, a way on, and nothing half visible."""
    assert error.message.endswith("."), error.message
    assert "\n" not in error.message and "<" not in error.message, error.message
    assert error.zoo == site.scheme and error.operation, error
    if ref is not None:
        assert error.ref is not None and error.ref.partition("@")[0] in (ref.partition("@")[0], site.missing), error.ref
    assert error.hint, f"{error.message} It does not say what to do next."
    assert 'via="official"' not in error.hint or has_official(site.scheme), error.hint
    assert visible(home) == []


_watching: list[set[int]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching:
        for seen in _watching:
            seen.add(arguments[1][1])


@cache
def _listen() -> None:
    sys.addaudithook(_audit)  # once, for there is no way to take one back


@contextmanager
def connections() -> Iterator[set[int]]:
    """Gives the ports to which this process connects meanwhile."""
    _listen()
    seen: set[int] = set()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def ports(*urls: str) -> set[int]:
    """The ports of addresses."""
    return {urlsplit(url).port or 0 for url in urls}
