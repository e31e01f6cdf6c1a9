"""``GET /api/download/models/:versionId``: what is looked at before the way to the bytes is told, in the site's order.

Each call that gets that far counts as a download.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import evolve, frozen

from zooclient.serve.accounts import Account, let_in
from zooclient.serve.civitai.catalogue import Catalogue
from zooclient.serve.civitai.entities import File, Model, Version, chosen
from zooclient.serve.civitai.numbers import parse_id
from zooclient.serve.civitai.payloads import paid_access
from zooclient.serve.civitai.said import EARLY, LOG_IN, NO_DOWNLOADS, NO_STORE, no_download
from zooclient.serve.civitai.storage import Parcel, link
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.protocol import Site

#: What the selectors may say; any other word fails the question.
FILE_TYPES = (
    *("Model", "Text Encoder", "Vision Encoder", "Pruned Model", "Negative", "Training Data", "VAE", "Config"),
    *("Archive", "UNet", "Diffusion Model", "CLIPVision", "ControlNet", "Workflow", "Upscaler", "Enhancement LoRA"),
    "Other",
)
_LEGAL: Mapping[str, tuple[str, ...]] = {
    "type": FILE_TYPES,
    "format": ("SafeTensor", "PickleTensor", "GGUF", "Diffusers", "Core ML", "ONNX", "Other"),
    "size": ("full", "pruned"),
}
_FREE = ("fp", "quantType")
_LONGEST = 64
#: The selectors that choose among files beside the type.
_METADATA = ("format", "size", "fp", "quantType")


class Ledger:
    """Counts the downloads of each version. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()

    def add(self, version: int) -> None:
        """Counts one more."""
        with self._lock:
            self._counts[version] += 1

    def counts(self) -> Mapping[int, int]:
        """Number of a version to its downloads."""
        with self._lock:
            return dict(self._counts)


@frozen
class _Wish:
    """What a question selects: a file by its number, or by what its metadata say."""

    file: int | None
    type: str | None
    metadata: Mapping[str, str]


class Downloads:
    """The route.

    Args:
        site: What the protocol is made from.
        catalogue: The models.
        ledger: Where downloads are counted.
    """

    def __init__(self, site: Site, catalogue: Catalogue, ledger: Ledger) -> None:
        self._site = site
        self._catalogue = catalogue
        self._ledger = ledger

    def answer(self, question: Question, number: str, visitor: Account | None) -> Answer:
        """Returns what the site says to one who asks for a file of a version.

        Args:
            question: What was asked.
            number: Of the version, as it stands in the path.
            visitor: Who asks.

        Raises:
            OSError: A file cannot be read.
        """
        version_id, wish = parse_id(number), _wish(question)
        if version_id is None or isinstance(wish, str):
            problem = wish if isinstance(wish, str) else "Invalid input: expected number at modelVersionId"
            return no_download(question, 400, problem)
        held = self._catalogue.version(version_id)
        missing = no_download(question, 404, "File not found")
        if held is None:
            return missing
        model, version = held
        if not model.visible(visitor) or model.gone or _kept_back(model, visitor):
            return missing
        file = _file(self._catalogue.files(model, version), wish)
        if file is None:
            return evolve(missing, model=model.repository.id)
        answer = self._refused(question, model, version, visitor) or self._sent(question, model, version, file)
        return evolve(answer, model=model.repository.id, file=file.entry.path)

    def _refused(self, question: Question, model: Model, version: Version, visitor: Account | None) -> Answer | None:
        offer, terms = model.offer, model.repository.terms
        if offer.archived:
            return no_download(question, 410, "Model archived, not available for download")
        if not offer.downloads:
            return no_download(question, 401, "Unauthorized", message=NO_DOWNLOADS)
        login = self._site.options.login_to_download if offer.login is None else offer.login
        if visitor is None and (login or terms.gated):
            return no_download(question, 401, "Unauthorized", message=LOG_IN)
        if visitor is not None and visitor.name == model.owner:
            return None
        gate = paid_access(model, datetime.fromtimestamp(self._site.clock(), UTC)) if offer.sold else None
        if gate is not None and (visitor is None or visitor.name not in offer.buyers):
            return no_download(
                question, 403, "Early Access", version=version.id, deadline=gate["endsAt"], message=EARLY
            )
        if not let_in(terms, visitor):
            return no_download(question, 403, "You do not have access to download this file")
        return None

    def _sent(self, question: Question, model: Model, version: Version, file: File) -> Answer:
        if self._site.shelf.place(file.entry.digest) is None:
            return no_download(question, 404, "File not found")
        self._ledger.add(version.id)
        parcel = Parcel(
            model=model.repository.id,
            path=file.entry.path,
            digest=file.entry.digest,
            sha256=file.entry.content,
            size=file.entry.size,
            name=file.name,
            start=int(self._site.clock()),
            seconds=int(self._site.options.link_lifetime),
        )
        place = link(self._site.byte_origin(question.base), model.user, parcel, self._site.signer)
        return Answer(status=307, headers={"location": place, **NO_STORE})


def _kept_back(model: Model, visitor: Account | None) -> bool:
    """Files of a model that shows a real person are their creator's alone."""
    return model.offer.poi and (visitor is None or visitor.name != model.owner)


def _wish(question: Question) -> _Wish | str:
    """Reads the selectors; text: what is wrong with them."""
    for name, legal in _LEGAL.items():
        value = question.value(name)
        if value is not None and value not in legal:
            return f"Invalid option: expected one of {'|'.join(legal)} at {name}"
    for name in _FREE:
        if len(question.value(name) or "") > _LONGEST:
            return f"Too big: expected string to have <={_LONGEST} characters at {name}"
    file = question.value("fileId")
    if file is not None and parse_id(file) is None:
        return "Invalid input: expected number at fileId"
    return _Wish(
        file=None if file is None else parse_id(file),
        type=question.value("type"),
        metadata={name: value for name in _METADATA if (value := question.value(name))},
    )


def _file(files: tuple[File, ...], wish: _Wish) -> File | None:
    """The file that is wanted: by number, or the best of its type, unless that is at odds with what was asked for."""
    if wish.file is not None:
        return next((file for file in files if file.id == wish.file), None)
    found = chosen(tuple(file for file in files if wish.type in (None, file.type)), dict(wish.metadata))
    if found is None:
        return None
    told = {name: found.metadata[name] for name in wish.metadata if found.metadata[name] is not None}
    return found if all(wish.metadata[name] == value for name, value in told.items()) else None
