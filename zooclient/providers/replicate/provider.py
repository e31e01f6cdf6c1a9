"""Replicate as flows: search, resolve, cards, accounts, runs and trainings, and the files of a version's image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from zooclient.errors import AccessError, ConfigError, NotFound, ProtocolError, Unsupported, ZooError
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.providers.base import Account
from zooclient.providers.replicate import wire
from zooclient.providers.replicate.endpoint import OFFICIAL, is_official, normal_endpoint
from zooclient.providers.replicate.image import endpoint as registry
from zooclient.providers.replicate.image.refusal import refusal as refusal_of_images
from zooclient.providers.replicate.refusal import refusal
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, Hit, ModelRecord
from zooclient.records.query import Page, Query, cut_short
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from zooclient.providers.further import Listing
    from zooclient.records.card import Card
    from zooclient.records.run import Run, RunEvent, RunRequest

#: Bytes of an answer at the most: every model of a listing brings its schema and an example.
_MOST_BYTES = 64 * 1024 * 1024
#: Pages in a row without a hit after which a search ends: a page of everything is 2 MB, and the zoo filters nothing.
EMPTY_PAGES: Final = 4

_CURSOR = re.compile(r"(words|all)~(\d{1,3})~(.{1,2000})", re.DOTALL)

CAPABILITY: Final = Capability(
    search=True,
    search_login=True,
    download=True,
    run=True,
    publish=True,
    login=True,
    filters={
        "text": "exact",
        **dict.fromkeys(("author", "task", "tags", "license", "license_kind", "base_model", "nsfw"), "emulated"),
        "sort": "exact",
        "limit": "emulated",
        **dict.fromkeys(("library", "language", "format", "gated", "min_parameters", "max_parameters"), "unsupported"),
        "fits": "unsupported",
    },
    sorts=("relevance", "updated", "created"),
    note=(
        "It answers nobody without a token. A task is one of its collections, such as text-to-image; tags are told by "
        "a search with words alone, which finds 50 models at the most and has one order. A version names an image, and "
        "the zoo may run a newer one in its place, which each run tells; an official model has no version to pin, and "
        "no image. What an image holds is asked for where files are wanted, of its registry, r8.im; its layers, with "
        "the weights, only on request."
    ),
)


@frozen
class Replicate:
    """The API, or a server that speaks its protocol.

    Args:
        endpoint: Address of the server, without a slash at the end; a path may follow the origin.
        images: Address of its image registry. None: ``r8.im`` for Replicate itself, for any other server none.

    Raises:
        ConfigError: An address is no plain http or https address.
    """

    endpoint: str = OFFICIAL
    images: str | None = None

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "endpoint", normal_endpoint(self.endpoint))
        # What another server tells of is not looked for at Replicate's own registry by itself.
        images = self.images or (registry.OFFICIAL if self.official else None)
        object.__setattr__(self, "images", registry.normal_endpoint(images) if images is not None else None)

    @property
    def scheme(self) -> str:
        """``replicate``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What can be done there."""
        return CAPABILITY

    @property
    def official(self) -> bool:
        """Whether it is Replicate itself."""
        return is_official(self.endpoint)

    # -- search -----------------------------------------------------------------------------------

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page of models, in one request.

        A task alone is a collection. Words go to the search, and where a server has none, to the listing with the
        method ``QUERY``. All else walks the listing of everything, which ends after :data:`EMPTY_PAGES` pages in a
        row without a hit.

        Raises:
            ConfigError: The cursor is none of ours.
            ProtocolError: An answer of another shape, or a page that names itself as the next.
        """
        way, empty, told = self._read_cursor(cursor)
        words = wire.words_of(query)
        if cursor is None and query.task and not query.text.strip():
            found = yield from self._collection(query.task)
            if found is not None:
                return self._page(query, found, sorts=())
            words = words or wire.task_words(query.task)
        if cursor is None and words:
            found = yield from self._found(words, query)
            if found is not None:
                return self._page(query, found, sorts=("relevance",))
        if way == "words" or (cursor is None and words):
            return (yield from self._listed(query, words, empty, told))
        return (yield from self._listed(query, None, empty, told))

    def _read_cursor(self, cursor: str | None) -> tuple[str | None, int, str | None]:
        if cursor is None:
            return None, 0, None
        read = _CURSOR.fullmatch(cursor)
        if read is None:
            raise ConfigError(f"This is no cursor of Replicate: {cursor[:80]!r}.", zoo=self.scheme, operation="search")
        return read[1], int(read[2]), read[3]

    def _collection(self, slug: str) -> Flow[tuple[Hit, ...] | None]:
        """The models of a collection; None: there is no such collection."""
        try:
            payload = yield from self._get(wire.collection_url(self.endpoint, slug), None, "search")
        except NotFound:
            return None
        return wire.read_collection(payload, slug)

    def _found(self, words: str, query: Query) -> Flow[tuple[Hit, ...] | None]:
        """What a search by words finds; None: the server has no such search, or it is out of order (it is a beta)."""
        url = wire.search_url(self.endpoint, words, query, thinned=filters.thinned(query, CAPABILITY))
        response: Response = yield from fetch(Request(url=url, max_bytes=_MOST_BYTES))
        if response.status in (404, 405) or response.status >= 500:
            return None
        return wire.read_found(self._settled(response, None, "search").json())

    def _listed(self, query: Query, words: str | None, empty: int, told: str | None) -> Flow[Page]:
        url = wire.listing_url(self.endpoint, query if words is None else None, told)
        if words is None:
            request = Request(url=url, max_bytes=_MOST_BYTES)
        else:
            request = Request(
                method="QUERY",
                url=url,
                headers={"Content-Type": "text/plain"},
                content=words.encode("utf-8", "replace"),
                max_bytes=_MOST_BYTES,
            )
        payload = (yield from self._ask(request, None, "search")).json()
        sorts: Collection[str] = tuple(wire.SORTS) if words is None else ("relevance",)
        page = self._page(query, wire.read_page(payload), sorts=sorts)
        following = wire.next_cursor(payload)
        if following is not None and following == told:
            raise ProtocolError("Replicate names the same page as the next.", zoo=self.scheme, operation="search")
        empty = 0 if page.hits else empty + 1
        if following is None:
            return page
        if empty >= EMPTY_PAGES:
            return evolve(page, cut=cut_short(EMPTY_PAGES))
        return evolve(page, cursor=f"{'all' if words is None else 'words'}~{empty}~{following}")

    def _page(self, query: Query, hits: tuple[Hit, ...], *, sorts: Collection[str]) -> Page:
        unapplied = filters.unapplied(query, CAPABILITY, sorts=sorts)
        kept = tuple(hit for hit in hits if filters.suits(hit, query, CAPABILITY, skip=unapplied))
        return Page(hits=kept, unapplied=unapplied)

    # -- resolve ----------------------------------------------------------------------------------

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of a version, in two requests at the most; of the latest where none is named.

        An official model has none, so that its record is no pin. There are no demos.

        Raises:
            NotFound: No such model or version, or none that the caller may see.
            AccessError: There is no token, or it may not see the model.
            IntegrityError: The answer is about another model or version.
            ProtocolError: An answer of another shape.
        """
        answers = yield from self._latest(ref) if ref.revision is None else self._version(ref, ref.revision)
        return wire.read_record(answers, ref, endpoint=self.endpoint)

    def _latest(self, ref: Ref) -> Flow[wire.Answers]:
        url = wire.model_url(self.endpoint, ref.id)
        model = self._model((yield from fetch(Request(url=url, max_bytes=_MOST_BYTES))), ref)
        version, official = wire.latest(model), wire.says_official(model)
        if official is None and version:
            official = not (yield from self._lists_versions(ref))
        return wire.Answers(model=model, version={} if official else version, official=bool(official))

    def _version(self, ref: Ref, version: str) -> Flow[wire.Answers]:
        urls = (wire.model_url(self.endpoint, ref.id), wire.version_url(self.endpoint, ref.id, version))
        answers: Sequence[Response] = yield tuple(Request(url=url, max_bytes=_MOST_BYTES) for url in urls)
        of_model = yield from self._followed(answers[0])
        model = self._model(of_model, ref)
        try:
            told = self._settled((yield from self._followed(answers[1])), ref, "resolve").json()
        except NotFound as error:
            error.hint = self._other_version(model, ref)
            raise
        return wire.Answers(model=model, version=wire.read_version(told, version))

    def _other_version(self, model: Any, ref: Ref) -> str:
        newest = wire.version_id(wire.latest(model))
        if wire.says_official(model):
            return f"It is an official model, which has no version to ask for: write replicate:{ref.id}."
        if newest is None:
            return "The model is there, and nothing was ever pushed to it."
        return f"The model is there, and its latest version is {newest}; an official model has none to ask for."

    def _model(self, response: Response, ref: Ref) -> Any:
        settled = self._settled(response, ref, "resolve")
        moved = settled.request.url != wire.model_url(self.endpoint, ref.id)
        return wire.read_model(settled.json(), ref, moved=moved)

    def _lists_versions(self, ref: Ref) -> Flow[bool]:
        """Whether a model's versions are listed: of an official one they are not, and older answers tell no more."""
        try:
            yield from self._get(wire.versions_url(self.endpoint, ref.id), ref, "resolve")
        except NotFound:
            return False
        return True

    # -- files and cards --------------------------------------------------------------------------

    def is_listed(self, record: ModelRecord) -> bool:
        """Whether a record tells its files: every image has a manifest, so that none at all means that none asked."""
        return bool(record.files)

    def list_files(self, record: ModelRecord) -> Flow[Listing]:
        """The files of a version's image, in two requests; its layers stand there closed.

        Raises:
            Unsupported: There is no image to ask for, or no registry.
            AccessError: The image is not shown to whoever asks.
            NotFound: There is none.
            IntegrityError: What came is not what the version names.
        """
        from zooclient.providers.replicate.image.listing import list_files

        try:
            return (yield from list_files(self._registry(record), record))
        except ZooError as error:
            weights = record.metadata.get("weights")
            if isinstance(weights, str) and isinstance(error, (AccessError, NotFound, Unsupported)):
                error.hint = (
                    f"{error.hint or ''} Its weights are said to be those of {weights}: `zooclient get {weights}`"
                )
            raise

    def comes_along(self, record: ModelRecord, file: FileEntry) -> bool:
        """Whether a file is one of the image's documents, or of what its labels tell."""
        from zooclient.providers.replicate.image.listing import ALONG

        return file.layer is None and file.path in ALONG

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The address of a blob, or of a manifest; of a file that lies in something else, the address of that.

        Raises:
            Unsupported: There is no registry to ask.
        """
        from zooclient.providers.replicate.image.listing import CONFIG, INDEX, MANIFEST

        images, version = self._registry(record), record.ref.revision or ""
        if file.layer is not None:
            return Request(url=registry.blob_url(images, record.ref.id, file.layer.digest))
        if file.path in (INDEX, MANIFEST):
            digest = file.digests.get("sha256", version)
            return Request(
                url=registry.manifest_url(images, record.ref.id, digest), headers={"Accept": registry.ACCEPT}
            )
        config = record.file(CONFIG) or file
        return Request(url=registry.blob_url(images, record.ref.id, config.digests.get("sha256", version)))

    def _registry(self, record: ModelRecord) -> str:
        ref, page = record.ref, f" It is used where it is hosted: {record.web_url}" if record.web_url else ""
        if ref.revision is None:
            raise Unsupported(
                f"{ref} has no version, and so no image whose files could be downloaded.",
                zoo=self.scheme,
                ref=str(ref),
                hint=f"Of an official model none is published.{page}",
            )
        if self.images is None:
            raise Unsupported(
                f"The files of {ref} lie in an image, and the image registry of {self.endpoint} is not known.",
                zoo=self.scheme,
                ref=str(ref),
                hint='ZOOCLIENT_R8_ENDPOINT, or endpoints={"r8": …}, names it.',
            )
        return self.images

    def ask_card(self, record: ModelRecord) -> Flow[Card]:
        """The README of a model as it is now, with what its record tells; the licence is the record's."""
        from zooclient.providers.replicate.cards import card_text
        from zooclient.records.card import Card

        url = wire.readme_url(self.endpoint, record.ref.id)
        readme = None
        try:
            answer = yield from self._ask(Request(url=url, max_bytes=_MOST_BYTES), record.ref, "card")
        except NotFound:
            pass
        else:
            if "html" in answer.headers.get("content-type", ""):
                raise ProtocolError(
                    f"A page for people came in place of the README of {record.ref}.",
                    hint="A proxy or a login page may stand in between.",
                )
            readme = answer.text()
        return evolve(Card.parse(card_text(record, readme)), license=record.license)

    # -- runs -------------------------------------------------------------------------------------

    def run(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One prediction; see :mod:`zooclient.providers.replicate.run`."""
        from zooclient.providers.replicate.run import run

        return run(self.endpoint, record, request, told)

    def train(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One training; see :mod:`zooclient.providers.replicate.run`."""
        from zooclient.providers.replicate.run import train

        return train(self.endpoint, record, request, told)

    # -- the rest ---------------------------------------------------------------------------------

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Whose token this is.

        Raises:
            AccessError: The token is not valid, or there is none.
        """
        request = Request(url=wire.account_url(self.endpoint), token=token)
        return wire.read_account((yield from self._ask(request, None, "whoami")).json())

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns the error that an answer which is no success means, of the API or of the image registry."""
        of_images = self.images is not None and response.request.url.startswith(f"{self.images}/v2/")
        return (refusal_of_images if of_images else refusal)(response, ref, operation)

    def _get(self, url: str, ref: Ref | None, operation: str) -> Flow[Any]:
        return (yield from self._ask(Request(url=url, max_bytes=_MOST_BYTES), ref, operation)).json()

    def _ask(self, request: Request, ref: Ref | None, operation: str) -> Flow[Response]:
        return self._settled((yield from fetch(request)), ref, operation)

    def _followed(self, response: Response) -> Flow[Response]:
        """Goes on from an answer that was one of several, where it redirects."""
        if not 300 <= response.status < 400:
            return response
        return (yield from fetch(response.request))

    def _settled(self, response: Response, ref: Ref | None, operation: str) -> Response:
        if not response.ok:
            raise self.refused(response, ref, operation)
        return response
