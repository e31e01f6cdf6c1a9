"""Four zoos over one folder of models, each in its own words, and what a failure at any of them owes."""

from __future__ import annotations

import io
import json
import sys
import tarfile
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
        keeper: Who gives the files, where it is another than who tells of the model.
        login: It answers nobody without a token.
        missing_version: A revision that no model has.
        weights: Which weights are wanted, so that the weights come.
        folder: Where the files of a model stand in its snapshot.
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
    keeper: str
    login: bool = False
    missing_version: str = "gone"
    weights: str = "auto"
    folder: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The zoo and who gives its files."""
        return tuple(dict.fromkeys((self.scheme, self.keeper)))

    def pin(self, zoo: LocalZoo, model: str = MODEL) -> str:
        """The pinned reference of what a model is now."""
        if self.scheme == "civitai":
            return zoo.civitai.ref(model)
        if self.scheme == "replicate":
            return zoo.replicate.ref(model)
        return f"{self.scheme}:{model}@{zoo.head(model, zoo=self.scheme)}"

    def at(self, zoo: LocalZoo) -> str:
        """The reference of a revision that the model has not."""
        return f"{self.pin(zoo).partition('@')[0]}@{self.missing_version}"

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
            keeper="hf",
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
            keeper="modelscope",
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
            keeper="civitai",
            missing="civitai:2147483000",
            missing_version="2147483000",
            record="/api/v1/model*/*",
            listing="/api/v1/model*/*",
            search="/api/v1/models",
            files="files",
            name="name",
            hits="items",
            optional="tags",
        ),
        # A version is an image, and the registry of images is another server, with another login. Its documents are
        # named by their digest, and a file by the archive that it lies in.
        Site(
            scheme="replicate",
            keeper="r8",
            login=True,
            missing="replicate:org/none",
            missing_version="00" * 32,
            record="/v1/models/org/tiny*",
            listing="/v1/models/org/tiny*",
            search="/v1/search",
            files="layers",
            name="",
            hits="models",
            optional="required",
            weights="all",
            folder="src/",
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


@frozen
class OfImages(Fault):
    """A document of the registry of images is changed by a function, whatever digest it is named by.

    Attributes:
        change: Is given the document and returns the one to send.
    """

    change: Callable[[Any], Any] = lambda document: None

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Replaces the document."""
        if not isinstance(answer.body, bytes):
            return None
        return evolve(answer, body=json.dumps(self.change(json.loads(answer.body))).encode())


def archive(name: str) -> bytes:
    """An archive of one file of this name, which is written as it is."""
    out, content = io.BytesIO(), b"{}"
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("named-in-a-header-of-its-own")
        info.size, info.pax_headers = len(content), {"path": name}
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def client_of(zoo: LocalZoo, site: Site, home: Path, token: str | None = None, *, login: str | None = None) -> Client:
    """A client that knows one zoo alone, and loses patience soon.

    Args:
        zoo: What runs.
        site: The zoo.
        home: Where the client keeps things.
        token: Its token. None: none, and the right one at a zoo that answers nobody without.
        login: Its login at a registry of images. None: none.
    """
    if token is None and site.login:
        token = zoo.tokens[site.scheme]
    tokens = {site.scheme: token, site.keeper: token if site.keeper == site.scheme else login}
    return Client(
        home=home,
        endpoints={scheme: zoo.endpoints[scheme] for scheme in site.own},
        tokens={scheme: secret for scheme, secret in tokens.items() if secret},
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
