"""The Ollama registry as flows: resolve, locate, card. It cannot be searched, and nobody logs in."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from zooclient import (
    Account,
    Capability,
    Card,
    FileEntry,
    ModelRecord,
    Page,
    Query,
    Ref,
    Settings,
    Unsupported,
    ZooError,
)
from zooclient.extend import Flow, Request, Response, fetch, onward, origin
from zooclient_ollama import wire
from zooclient_ollama.cards import card_text
from zooclient_ollama.refusal import refusal

CAPABILITY: Final = Capability(
    download=True,
    max_connections=8,
    note=(
        "The registry cannot be searched. A tag, such as ollama:llama3.2@3b, may move; a pin is the sha256 of the "
        "manifest, 64 hex digits. Its licence is read out of the licence's own text."
    ),
)

#: Small files that make a card, in its order.
_TOLD = ("system.txt", "template.txt", "params.json", "LICENSE")


def make(settings: Settings) -> Ollama:
    """Makes the provider; the entry point ``zooclient.providers`` names it."""
    return Ollama(settings.zoo(wire.SCHEME).endpoint or wire.OFFICIAL)


@frozen
class Ollama:
    """The registry, or a server that speaks its protocol.

    Args:
        endpoint: Address of the server, without a slash at the end.
    """

    endpoint: str = wire.OFFICIAL

    @property
    def scheme(self) -> str:
        """``ollama``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What can be done there."""
        return CAPABILITY

    @property
    def official(self) -> bool:
        """Whether it is the registry itself."""
        return origin(self.endpoint) == origin(wire.OFFICIAL)

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """There is no search.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(
            "The Ollama registry cannot be searched.",
            zoo=wire.SCHEME,
            operation="search",
            hint=f"{wire.WEB}/search shows its models to people.",
        )

    # -- resolve ----------------------------------------------------------------------------------

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of the manifest that a tag or a digest names; without a revision that of ``latest``.

        It takes one request for the manifest, and one for each of config and licence, sent together.

        Raises:
            RefError: No model or tag can be called so.
            NotFound: No such model, tag or manifest.
            IntegrityError: An answer is not what its digest says.
            ProtocolError: An answer of another shape.
        """
        place = wire.read_place(ref)
        digest = wire.pin_of(ref)
        if digest is None:
            body = yield from self._manifest(wire.manifest_url(self.endpoint, place, wire.tag_of(ref)), ref)
        else:
            body = wire.proved((yield from self._pinned(place, digest, ref)), digest, "manifest")
        listed = wire.read_manifest(body)
        wanted = tuple(file for path in ("config.json", "LICENSE") if (file := listed.text(path)) is not None)
        texts = yield from self._texts(place, wanted, ref, "resolve")
        return wire.read_record(
            ref,
            place,
            listed,
            config=texts.get("config.json"),
            license_text=_readable(texts.get("LICENSE")),
            endpoint=self.endpoint,
        )

    def _manifest(self, url: str, ref: Ref) -> Flow[bytes]:
        request = Request(url=url, headers={"Accept": wire.MANIFEST}, max_bytes=wire.MOST_MANIFEST)
        return self._settled((yield from fetch(request)), ref, "resolve").body

    def _pinned(self, place: wire.Place, digest: str, ref: Ref) -> Flow[bytes]:
        """A manifest by its digest: the registry has it among the blobs.

        A server that has not may still have it behind the tag ``latest``, which is held to the digest.
        """
        url = wire.blob_url(self.endpoint, place, digest)
        answer: Response = yield Request(url=url, max_bytes=wire.MOST_MANIFEST)
        answer = yield from onward(answer)
        if answer.status != 404:
            return self._settled(answer, ref, "resolve").body
        body = yield from self._manifest(wire.manifest_url(self.endpoint, place, wire.LATEST), ref)
        if wire.sha256(body) == digest:
            return body
        error = self.refused(answer, ref, "resolve")
        error.hint = f"The model is there, and its tag latest means {wire.SCHEME}:{place.id}@{wire.sha256(body)} now."
        raise error

    def _texts(
        self, place: wire.Place, files: tuple[FileEntry, ...], ref: Ref, operation: str
    ) -> Flow[dict[str, bytes]]:
        """Path → bytes of small files, each held to its digest; asked for together, wherever the registry sends us."""
        if not files:
            return {}
        urls = [wire.blob_url(self.endpoint, place, file.digests["sha256"]) for file in files]
        answers: tuple[Response, ...] = yield tuple(Request(url=url, max_bytes=wire.MOST_TEXT) for url in urls)
        found = {}
        for file, answer in zip(files, answers, strict=True):
            settled = self._settled((yield from onward(answer)), ref, operation)
            found[file.path] = wire.proved(settled.body, file.digests["sha256"], file.path)
        return found

    # -- files and cards --------------------------------------------------------------------------

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The blob of a file; the registry sends on to a signed address."""
        return Request(url=wire.blob_url(self.endpoint, wire.read_place(record.ref), file.digests["sha256"]))

    def ask_card(self, record: ModelRecord) -> Flow[Card]:
        """A card made of the system prompt, the template, the parameters and the licence."""
        place = wire.read_place(record.ref)
        small = {file.path: file for file in record.files if (file.size or 0) <= wire.MOST_TEXT}
        wanted = tuple(small[path] for path in _TOLD if path in small)
        texts = yield from self._texts(place, wanted, record.ref, "card")
        readable = {path: text for path, body in texts.items() if (text := _readable(body))}
        return evolve(Card.parse(card_text(record, readable)), license=record.license)

    # -- the rest ---------------------------------------------------------------------------------

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Nobody logs in here: the registry's own client signs with a key.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported("The Ollama registry has no tokens.", zoo=wire.SCHEME, operation="whoami")

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns the error that an answer which is no success means."""
        return refusal(response, ref, operation)

    def _settled(self, response: Response, ref: Ref, operation: str) -> Response:
        if not response.ok:
            raise self.refused(response, ref, operation)
        return response


def _readable(body: bytes | None) -> str | None:
    return None if body is None else body.decode("utf-8", "replace")
