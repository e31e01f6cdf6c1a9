"""What every provider owes its users, as tests to inherit.

A module of tests makes a subclass and gives it a fixture ``case``; pytest does the rest::

    class TestMyZoo(ProviderSuite):
        @pytest.fixture
        def case(self, tmp_path):
            with MyDouble() as zoo, Client(home=tmp_path, endpoints={"mine": zoo.url}) as client:
                yield ProviderCase(client=client, known="mine:a/b@…", …)

Nothing here needs pytest itself: what does not apply is skipped by :class:`unittest.SkipTest`, which pytest honours.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest import SkipTest
from urllib.parse import urlsplit

from attrs import evolve, fields_dict, frozen

from zooclient.errors import AccessError, NetworkError, NotFound, Offline, Unsupported, ZooError
from zooclient.net.auth import Auth
from zooclient.net.exchange import Flow, Listen, Request, Response, replay
from zooclient.net.origin import origin
from zooclient.providers.base import Provider
from zooclient.providers.further import HostsModels, SeveralOrigins
from zooclient.providers.registry import credentials_of, origins_of, provider_for
from zooclient.records.card import Card
from zooclient.records.digest import PROOF
from zooclient.records.model import Hit, ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref
from zooclient.testing.spoiling import Real, spoilt

if TYPE_CHECKING:
    from zooclient.client.sync import Client

#: Hex digits of each digest that a file may state.
_DIGITS = {"sha256": 64, "git-sha1": 40, "blake3": 64, "crc32": 8, "md5": 32}

#: Bodies with which no server should answer, and with which each does some day.
_ODD_BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"[null]",
    b"[" * 5000 + b"]" * 5000,
    b'{"items": null}',
    b"<!doctype html><title>Sign in</title>",
    b"\xff\xfe\x00",
)


@frozen(kw_only=True)
class ProviderCase:
    """What the suite is told of one zoo, or of a double of it.

    Attributes:
        client: Reaches the zoo, with a store of its own that holds nothing yet.
        known: Pinned reference of an open model.
        floating: A reference that means the same now and may move. None: the zoo has none.
        missing: Reference of a model that is not there.
        missing_revision: Reference of a revision that the known model has not. None: do not look.
        file: Path of a file of the known model whose digest is stated. None: the zoo hands out no files.
        content: The bytes of that file. None: the zoo hands out no files.
        words: What a search finds the known model by. None: the zoo cannot be searched.
    """

    client: Client
    known: str
    floating: str | None
    missing: str
    missing_revision: str | None
    file: str | None
    content: bytes | None
    words: str | None

    @property
    def provider(self) -> Provider:
        """The provider under test."""
        return provider_for(Ref.parse(self.known).scheme, self.client.settings)

    @property
    def in_place(self) -> bool:
        """Whether the zoo's files lie on this machine and are used where they are."""
        return self.provider.capability.in_place


class ProviderSuite:
    """The promises of a provider. A subclass gives the fixture ``case``, a :class:`ProviderCase`."""

    # -- what it is ---------------------------------------------------------------------------------

    def test_what_it_can_do_is_data(self, case: ProviderCase) -> None:
        """A capability names fields that a query has, words that are known, and a sensible bound."""
        can = case.provider.capability
        unknown = set(can.filters) - set(fields_dict(Query))
        _hold(not unknown, f"filters that no query has: {sorted(unknown)}")
        odd = set(can.filters.values()) - {"exact", "emulated", "unsupported"}
        _hold(not odd, f"unknown kinds of support: {sorted(odd)}")
        _hold(can.max_connections >= 1, "at least one connection is needed")
        _hold(can == case.provider.capability, "two providers of one zoo can do the same")

    def test_its_scheme_is_that_of_its_references(self, case: ProviderCase) -> None:
        """The scheme of the provider is the one by which it is found."""
        _equal(case.provider.scheme, Ref.parse(case.known).scheme)

    # -- resolve --------------------------------------------------------------------------------------

    def test_a_pin_resolves_to_itself(self, case: ProviderCase) -> None:
        """The record of a pinned reference is about that very revision, and keeps what was asked."""
        record = case.client.resolve(case.known)
        asked = Ref.parse(case.known)
        _equal((record.ref.scheme, record.ref.id, record.ref.revision), (asked.scheme, asked.id, asked.revision))
        _equal(record.requested, asked)
        _hold(record.pin in ("commit", "version", "content"), f"{record.pin} is no pin")

    def test_a_name_resolves_to_a_pin(self, case: ProviderCase) -> None:
        """A moving name is answered with the revision that it means now."""
        if case.floating is None:
            raise SkipTest("the zoo has no moving names")
        record = case.client.resolve(case.floating)
        # Where the zoo may replace bytes, a version is as good as a pin with the record that is held of it.
        _hold(record.ref.pinned or record.ref.versioned, f"{record.ref} is not pinned")
        _equal(str(record.ref), str(Ref.parse(case.known)))

    def test_a_record_survives_a_journey(self, case: ProviderCase) -> None:
        """A record as JSON and back is the same record."""
        record = case.client.resolve(case.known)
        _equal(ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))), record)

    def test_files_have_paths_sizes_and_digests(self, case: ProviderCase) -> None:
        """Every path stays below its folder and is there once; every digest is lower-case hex of its length."""
        record = _with_files(case)
        paths = [file.path for file in record.files]
        _equal(len(set(paths)), len(paths))
        for file in record.files:
            parts = file.path.split("/")
            _hold(file.path and not {"", ".", ".."} & set(parts), f"{file.path!r} leads elsewhere")
            _hold(file.size is None or file.size >= 0, f"{file.path} has {file.size} bytes")
            for name, value in file.digests.items():
                _hold(re.fullmatch(f"[0-9a-f]{{{_DIGITS[name]}}}", value), f"{value!r} is no {name} (of {file.path!r})")
        if not case.provider.capability.download:
            raise SkipTest("the zoo hands out no files")
        _hold(case.file in paths, f"{case.file} is not listed")
        known = next(file for file in record.files if file.path == case.file)
        _hold(set(PROOF) & set(known.digests), f"{case.file} states no digest that proves it")

    def test_times_are_utc(self, case: ProviderCase) -> None:
        """Every time of a record is aware, and UTC."""
        record = case.client.resolve(case.known)
        for time in (record.created_at, record.updated_at):
            _hold(time is None or time.utcoffset() == timedelta(0), f"{time} is not UTC")

    def test_what_is_not_there_is_not_found(self, case: ProviderCase) -> None:
        """A missing model is NotFound, and tells zoo, reference and verb."""
        error = _raises(NotFound, lambda: case.client.resolve(case.missing))
        _equal((error.zoo, error.operation), (case.provider.scheme, "resolve"))
        _hold(error.ref is not None, "the error does not tell the reference")

    def test_a_missing_revision_is_not_found(self, case: ProviderCase) -> None:
        """A revision that the model has not is NotFound, whatever the zoo itself answers."""
        if case.missing_revision is None:
            raise SkipTest("the zoo has no revisions to miss")
        _raises(NotFound, lambda: case.client.resolve(case.missing_revision or ""))

    def test_the_answer_about_another_pin_is_refused(self, case: ProviderCase) -> None:
        """Who asks for a pin and is told of another revision gets an error, and no record of that other one."""
        wrong = Ref.parse(case.missing_revision) if case.missing_revision is not None else None
        if wrong is None or not wrong.pinned or wrong.revision is None or case.provider.endpoint is None:
            raise SkipTest("the zoo has no pins that could be mistaken")
        asked, known = wrong.revision, Ref.parse(case.known).revision or ""
        real = Real(case.client.run)

        def answer(request: Request) -> Response:
            return evolve(real(evolve(request, url=request.url.replace(asked, known))), request=request)

        _raises(ZooError, lambda: replay(case.provider.resolve(wrong), answer))

    def test_both_colours_say_the_same(self, case: ProviderCase) -> None:
        """An asynchronous client is told what a plain one is told."""
        from zooclient.client.aio import AsyncClient

        async def ask() -> ModelRecord:
            async with AsyncClient(settings=case.client.settings) as client:
                return await client.resolve(case.known)

        _equal(asyncio.run(ask()), case.client.resolve(case.known))

    def test_a_card_is_had(self, case: ProviderCase) -> None:
        """The card of the known model is a card, or says what is missing; as JSON and back it is the same."""
        card = case.client.card(case.known)
        _hold(card.text or card.problems or card.data, "the card tells nothing at all")
        _equal(Card.from_dict(json.loads(json.dumps(card.to_dict()))), card)

    # -- flows ----------------------------------------------------------------------------------------

    def test_a_flow_brings_no_credential(self, case: ProviderCase) -> None:
        """A flow asks without a token of its own: what an origin is entitled to is decided at one place."""
        for _, flow in _flows(case):
            for request in _first(flow):
                names = {name.lower() for name in request.headers}
                _hold(not names & {"authorization", "cookie", "proxy-authorization"}, f"{request} has credentials")
                _hold(request.token is None, f"{request} brings a token")

    def test_whatever_comes_ends_in_an_error_of_ours(self, case: ProviderCase) -> None:
        """An answer that is cut, empty, of another shape or no JSON is an error with a sentence, never a traceback."""
        if case.in_place:
            raise SkipTest("there is no server to answer")
        for body in _ODD_BODIES:
            for name, flow in _flows(case):
                try:
                    replay(flow, _answering(body))
                except ZooError as error:
                    _hold(error.message, f"{name} fails without a sentence on {body[:40]!r}")
                else:
                    _hold(name == "search", f"{name} takes {body[:40]!r} for an answer")

    def test_one_thing_wrong_is_no_traceback(self, case: ProviderCase) -> None:
        """A real answer in which one value is of another kind is a record all the same, or an error of ours."""
        if case.provider.endpoint is None:
            raise SkipTest("there is no server to answer")
        ref = Ref.parse(case.floating or case.known)
        real = Real(case.client.run)
        replay(case.provider.resolve(ref), real)
        for url, body in spoilt(real.answers):

            def answer(request: Request, url: str = url, body: bytes = body) -> Response:
                response = real.known(request)
                return evolve(response, body=body) if request.url == url else response

            try:
                record = replay(case.provider.resolve(ref), answer)
            except ZooError as error:
                _hold(error.message, f"an error without a sentence on {body[:80]!r}")
            else:
                _equal(ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))), record)

    def test_a_token_goes_to_its_own_origins_alone(self, case: ProviderCase) -> None:
        """What a provider counts as the zoo itself is its endpoint, and whatever else is plain and named in full."""
        provider = case.provider
        if provider.endpoint is None:
            raise SkipTest("there is no server to send a token to")
        own = origins_of(provider)
        named = provider.origins if isinstance(provider, SeveralOrigins) else own
        _equal(origin(provider.endpoint) in {origin(place) for place in named}, True)
        zoos = {**case.client.settings.zoos}
        zoos[provider.scheme] = evolve(case.client.settings.zoo(provider.scheme), token="suite-token")  # noqa: S106
        auth = Auth(credentials_of(provider, evolve(case.client.settings, zoos=zoos)), allow_plain_http=True)
        for place in own:
            _hold("suite-token" in str(auth.headers_for(place)), f"{place} is the zoo itself, and gets no token")
            host = urlsplit(place).hostname or ""
            for other in (f"https://{host}.elsewhere.example", f"https://elsewhere.example/{host}"):
                _equal(auth.headers_for(other), {})

    def test_refusals_are_read(self, case: ProviderCase) -> None:
        """Each status that is no success becomes the error by which a caller knows what to do."""
        provider = case.provider
        if provider.endpoint is None:
            raise SkipTest("there is no server to refuse anything")
        ref = Ref.parse(case.known)
        wanted: dict[int, tuple[type[ZooError], ...]] = {
            401: (AccessError, NotFound),
            403: (AccessError, NotFound, NetworkError),  # without a word of the zoo it may be a gate in front of it
            404: (NotFound, AccessError),
        }
        for status in (400, 401, 403, 404, 410, 418, 429, 500, 502, 503):
            for body in (b"", b"<html>gateway</html>", b"{}", b"null", b'{"error": null}'):
                asked = Request(url=provider.endpoint + "/x?signature=s3cret")
                response = Response(request=asked, status=status, body=body)
                error = provider.refused(response, ref, "resolve")
                expected = wanted.get(status, (NetworkError,) if status >= 429 else (ZooError,))
                _hold(isinstance(error, expected), f"{status} with {body!r} became {type(error).__name__}")
                _hold(error.message, f"{status} has no sentence")
                about = (error.zoo, error.ref, error.operation)
                _equal(about, (provider.scheme, str(ref), "resolve"))
                _hold(error.url and "s3cret" not in f"{error.url}{error}{error.hint}", f"{status} shows what is signed")

    # -- search ---------------------------------------------------------------------------------------

    def test_a_search_finds(self, case: ProviderCase) -> None:
        """Words that describe the known model find it, by a reference of the zoo."""
        hits = list(case.client.search(self._words(case), zoos=case.provider.scheme, limit=50))
        _hold(Ref.parse(case.known).id in {hit.ref.id for hit in hits}, f"not among {[str(hit.ref) for hit in hits]}")
        for hit in hits:
            _equal(hit.ref.scheme, case.provider.scheme)
            _equal(Hit.from_dict(json.loads(json.dumps(hit.to_dict()))), hit)

    def test_a_search_keeps_its_limit(self, case: ProviderCase) -> None:
        """No more hits come than were asked for."""
        _equal(len(list(case.client.search(self._words(case), zoos=case.provider.scheme, limit=1))), 1)

    def test_a_search_may_find_nothing(self, case: ProviderCase) -> None:
        """Words that nothing has are no error."""
        self._words(case)
        _equal(list(case.client.search("qzxjv wkqpz gbrxl", zoos=case.provider.scheme, limit=5)), [])

    @staticmethod
    def _words(case: ProviderCase) -> str:
        if case.words is None:
            _hold(not case.provider.capability.search, "a zoo that can be searched has words to try")
            raise SkipTest("the zoo cannot be searched")
        return case.words

    # -- files ----------------------------------------------------------------------------------------

    def test_locating_costs_nothing(self, case: ProviderCase) -> None:
        """Where a file is asked for is computed: the same each time, without a secret in it."""
        if case.in_place:
            raise SkipTest("the files are here")
        record, provider = _with_files(case), case.provider
        for file in record.files:
            request = provider.locate(record, file)
            _equal(request, provider.locate(record, file))
            parts = urlsplit(request.url)
            _hold(parts.scheme in ("http", "https") and parts.hostname, f"{request.url} is no address")
            _hold(parts.username is None and request.token is None, f"{request.url} holds a secret")

    def test_a_file_arrives_as_it_is(self, case: ProviderCase) -> None:
        """The bytes of a file are those of the zoo, and the store still finds them right."""
        _equal(case.client.file(case.known, self._file(case)).read_bytes(), case.content)
        if not case.in_place:
            _hold(case.client.verify(case.known).ok, "the store does not verify")

    def test_what_is_held_needs_no_zoo(self, case: ProviderCase) -> None:
        """A pinned model that was downloaded once loads with connections switched off."""
        path = self._file(case)
        first = case.client.load(case.known, weights="all")
        with type(case.client)(settings=evolve(case.client.settings, offline=True)) as offline:
            again = offline.load(case.known, weights="all")
        _equal([file.path for file in again.files], [file.path for file in first.files])
        _equal((again.path / path).read_bytes(), case.content)

    def test_a_zoo_without_files_says_so(self, case: ProviderCase) -> None:
        """Where no file can be had, wanting one is Unsupported, with a hint on what to do instead."""
        if case.provider.capability.download:
            raise SkipTest("the zoo hands out files")
        _equal((case.file, case.content), (None, None))
        for error in (
            _raises(Unsupported, lambda: case.client.plan(case.known)),
            _raises(Unsupported, lambda: case.client.load(case.known)),
        ):
            _hold(error.hint, "the error has no hint")
        _equal(case.client.resolve(case.known).ref.scheme, case.provider.scheme)

    @staticmethod
    def _file(case: ProviderCase) -> str:
        if case.file is None:
            _hold(not case.provider.capability.download, "a zoo that hands out files has one to try")
            raise SkipTest("the zoo hands out no files")
        return case.file

    def test_offline_asks_nobody(self, case: ProviderCase) -> None:
        """With connections switched off and nothing held, the answer is Offline."""
        if case.in_place:
            raise SkipTest("the files are here")
        with type(case.client)(settings=evolve(case.client.settings, offline=True)) as offline:
            _raises(Offline, lambda: offline.resolve(case.known))

    # -- runs -----------------------------------------------------------------------------------------

    def test_running_is_what_it_says(self, case: ProviderCase) -> None:
        """Whether the zoo runs models is data, and who says so fulfils the protocol of a zoo that does."""
        _equal(isinstance(case.provider, HostsModels), case.provider.capability.run)

    # -- accounts -------------------------------------------------------------------------------------

    def test_a_wrong_token_is_refused(self, case: ProviderCase) -> None:
        """Who asks with a token that nobody has is told so; a zoo without accounts says that."""
        expected = AccessError if case.provider.capability.login else ZooError
        _raises(expected, lambda: case.client.whoami(case.provider.scheme, token="nobody-has-this-token"))  # noqa: S106


def _with_files(case: ProviderCase) -> ModelRecord:
    """The record of the known model with its files, which some zoos tell only where they are wanted."""
    if not case.provider.capability.download:
        return case.client.resolve(case.known)
    return case.client.plan(case.known, weights="all").record


def _flows(case: ProviderCase) -> Iterator[tuple[str, Flow[object]]]:
    provider, ref = case.provider, Ref.parse(case.known)
    yield "resolve", provider.resolve(ref)
    if provider.capability.search:
        yield "search", provider.search(Query(text=case.words or ""))
    if provider.capability.login:
        yield "whoami", provider.whoami()


def _first(flow: Flow[object]) -> tuple[Request, ...]:
    ask = next(flow)
    flow.close()
    if isinstance(ask, Listen):
        return (ask.request,)
    if isinstance(ask, tuple):
        return ask
    return (ask,) if isinstance(ask, Request) else ()


def _answering(body: bytes) -> Callable[[Request], Response]:
    return lambda request: Response(request=request, status=200, headers={"content-type": "text/html"}, body=body)


def _raises(kind: type[ZooError], call: Callable[[], object]) -> ZooError:
    try:
        answer = call()
    except kind as error:
        _hold(error.message, f"{type(error).__name__} without a sentence")
        return error
    raise AssertionError(f"{kind.__name__} was due, and {answer!r} came")


def _hold(condition: object, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def _equal(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r}\nis not\n{wanted!r}")
