"""``civitai.com`` over a shelf: which question gets which answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from attrs import evolve

from zooclient.providers.civitai import names
from zooclient.serve.accounts import Account
from zooclient.serve.civitai import filters, listing, parameters, payloads, said
from zooclient.serve.civitai.catalogue import Catalogue
from zooclient.serve.civitai.downloads import FILE_TYPES, Downloads, Ledger
from zooclient.serve.civitai.entities import File, Model, Version, chosen
from zooclient.serve.civitai.numbers import parse_id
from zooclient.serve.civitai.paging import counted, metadata
from zooclient.serve.civitai.pictures import place_of
from zooclient.serve.civitai.storage import BUCKET, Storage
from zooclient.serve.exchange import Answer, Question, guarded, json_answer
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.quota import Quota

#: Digests of one question at the most: where whole versions are told, and where ids are.
_FEW, _MANY = 100, 10_000
_CACHED = {"cache-control": "public, s-maxage=300, stale-while-revalidate=150"}
_CACHED_LONG = {"cache-control": "public, s-maxage=3600, stale-while-revalidate=1800"}
_HASH = re.compile(r"[0-9A-F]{8}|[0-9A-F]{10}|[0-9A-F]{12}|[0-9A-F]{64}")
#: What links begin with where the site looks for its own name in a header that is never sent.
_UNDEFINED = "https://undefined"


def speak(site: Site) -> Origins:
    """Returns Civitai's two origins."""
    return Origins(hub=Civitai(site).answer, cdn=Storage(site.shelf, site.signer, site.clock).answer)


class Civitai:
    """The site.

    Args:
        site: What it is made from.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._catalogue = Catalogue(site.shelf, scanned=site.options.scanned)
        self._ledger = Ledger()
        self._downloads = Downloads(site, self._catalogue, self._ledger)
        self._quota = Quota(site.options.limits, site.clock)

    def answer(self, question: Question) -> Answer:
        """Returns what the site would say."""
        unreadable = json_answer({"message": "An unexpected error occurred", "error": "unreadable"}, status=500)
        answer = guarded(question, lambda: self._route(question), unreadable)
        return evolve(answer, headers={"x-powered-by": "zooclient", **answer.headers})

    def _route(self, question: Question) -> Answer:
        if said.is_unwelcome(question):
            return said.page("Access denied", 403)
        segments = question.segments
        download = segments[:3] == ("api", "download", "models") and len(segments) == 4
        client = question.headers.get("authorization") or question.client
        spent = self._quota.spend(client, "resolvers" if download else "api")
        if download:
            if not spent.granted:
                return said.no_download(question, 429, said.UNUSUAL)
            return self._downloads.answer(question, segments[3], self._visitor(question))
        if not spent.granted:
            page = said.page("Too many requests", 429)
            return evolve(page, headers={**page.headers, "retry-after": str(spent.seconds)})
        if segments[:2] == ("api", "v1"):
            return self._api(question, segments[2:])
        return self._page(question, segments)

    def _visitor(self, question: Question) -> Account | None:
        """Who asks. A key that is none makes a stranger; one in the header goes before one in the address."""
        token = question.headers.get("authorization", "").partition(" ")[2].strip() or question.value("token")
        try:
            return self._site.accounts.visitor(f"Bearer {token}" if token else None)
        except PermissionError:
            return None

    # The API

    def _api(self, question: Question, rest: tuple[str, ...]) -> Answer:
        visitor = self._visitor(question)
        if question.method == "POST":
            match rest:
                case ("model-versions", "by-hash"):
                    return self._by_hashes(question)
                case ("model-versions", "by-hash", "ids"):
                    return self._ids_by_hashes(question)
        if question.method != "GET":
            return said.error(405, "Method not allowed")
        kept: dict[str, str] = {} if visitor is not None else _CACHED
        match rest:
            case ("models",):
                answer = self._listing(question, visitor)
            case ("models", number):
                answer = self._model(question, number, visitor)
            case ("model-versions", "by-hash", text):
                answer, kept = self._by_hash(question, text), _CACHED_LONG
            case ("model-versions", "mini", number):
                answer = self._mini(question, number, visitor)
            case ("model-versions", number):
                answer = self._version(question, number, visitor)
            case ("me",):
                return self._me(visitor)
            case ("creators",):
                answer = self._creators(question)
            case ("tags",):
                answer = self._tags(question)
            case ("enums",):
                answer = json_answer(_enums())
            case _:
                return said.page("404: This page could not be found.", 404)
        return evolve(answer, headers={**kept, **answer.headers})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._site.clock(), UTC)

    def _paper(self, question: Question) -> payloads.Page:
        storage = self._site.byte_origin(question.base)
        return payloads.Page(
            base=question.base,
            now=self._now(),
            counts=self._ledger.counts(),
            login=self._site.options.login_to_download,
            picture_url=lambda picture: f"{storage}{BUCKET}{place_of(picture, self._site.signer)}",
        )

    def _models(self, visitor: Account | None) -> Iterator[Model]:
        return (model for model in self._catalogue.models() if model.visible(visitor))

    def _content(self, model: Model, version: Version) -> payloads.Content:
        return payloads.Content(
            files=self._catalogue.files(model, version), pictures=self._catalogue.pictures(model, version)
        )

    def _listing(self, question: Question, visitor: Account | None) -> Answer:
        if visitor is None and any(question.values(name) for name in ("favorites", "hidden")):
            return said.error(401, "Unauthorized")
        counts = self._ledger.counts()
        models = list(self._models(visitor))
        try:
            search = listing.read(question, lambda: (tag for model in models for tag in model.told.tags), self._now())
            if search.text and search.page is not None:
                return said.error(400, "Cannot use page param with query search. Use cursor-based pagination.")
            if (search.page or 0) * search.limit > listing.WINDOW:
                return said.error(429, "You've requested too many pages, please use cursors instead")
            name = question.value("username") or question.value("user")
            if name and filters.slug(name) not in {filters.slug(model.owner) for model in models}:
                return json_answer({"message": "User not found"}, status=404)
            found = listing.find(search, [_candidate(model, counts) for model in models])
        except parameters.Invalid as error:
            return json_answer(parameters.zod({error.path: str(error)}), status=400)
        paper = self._paper(question)
        items = []
        for model in found.models:
            contents = {one.id: self._content(model, one) for one in model.versions if search.versions(one)}
            if search.primary:
                contents = {version: _primary_alone(content) for version, content in contents.items()}
            items.append(payloads.model(paper, model, contents, listed=True))
        return json_answer({"items": items, "metadata": metadata(question, search, found.cursor)})

    def _model(self, question: Question, text: str, visitor: Account | None) -> Answer:
        number = parse_id(text)
        if number is None:
            return _no_number("id")
        model = self._catalogue.model(number)
        if model is None or not model.visible(visitor):
            return said.error(404, f"No model with id {number}")
        contents = {version.id: self._content(model, version) for version in model.versions}
        answer = payloads.model(self._paper(question), model, contents, listed=False)
        return json_answer(answer, model=model.repository.id)

    def _version(self, question: Question, text: str, visitor: Account | None) -> Answer:
        found = self._found(text, visitor)
        if isinstance(found, Answer):
            return found
        model, version = found
        answer = payloads.version(self._paper(question), model, version, self._content(model, version))
        return json_answer(answer, model=model.repository.id)

    def _mini(self, question: Question, text: str, visitor: Account | None) -> Answer:
        found = self._found(text, visitor)
        if isinstance(found, Answer):
            return found
        model, version = found
        files = self._catalogue.files(model, version)
        asked = question.value("modelFileId")
        if asked is not None and parse_id(asked) is None:
            return _no_number("modelFileId")
        file = chosen(files) if asked is None else next((one for one in files if one.id == parse_id(asked)), None)
        if file is None:
            return said.error(404, f"Model file {asked} not found in version {version.id}")
        answer = payloads.mini(self._paper(question), model, version, file, named=asked is not None)
        return json_answer(answer, model=model.repository.id, file=file.entry.path)

    def _found(self, text: str, visitor: Account | None) -> tuple[Model, Version] | Answer:
        number = parse_id(text)
        if number is None:
            return _no_number("id")
        held = self._catalogue.version(number)
        if held is None or not held[0].visible(visitor):
            return said.error(404, "Model not found")
        return held

    # Hashes

    def _by_hash(self, question: Question, text: str) -> Answer:
        hits = self._holders(text.upper())
        if not hits:
            return said.error(404, "Model not found")
        model, version, _ = hits[0]
        answer = payloads.version(self._paper(question), model, version, self._content(model, version))
        return json_answer(answer, model=model.repository.id)

    def _by_hashes(self, question: Question) -> Answer:
        digests = parameters.digests(question.body, _FEW)
        if digests is None:
            return _no_digests(_FEW)
        paper = self._paper(question)
        return json_answer(
            [
                payloads.version(paper, model, version, self._content(model, version), base=_UNDEFINED)
                for digest in digests
                for model, version, _ in self._holders(digest)
            ]
        )

    def _ids_by_hashes(self, question: Question) -> Answer:
        digests = parameters.digests(question.body, _MANY)
        if digests is None:
            return _no_digests(_MANY)
        return json_answer(
            [
                {"modelVersionId": version.id, "modelId": model.id, "hash": digest}
                for digest in digests
                for model, version, _ in self._holders(digest)
            ]
        )

    def _holders(self, text: str) -> list[tuple[Model, Version, File]]:
        """What strangers may know of, of which a hash is this one."""
        hits = self._catalogue.holders(text) if _HASH.fullmatch(text) else []
        return [hit for hit in hits if hit[0].visible(None)]

    # Lists and the account

    def _me(self, visitor: Account | None) -> Answer:
        if visitor is None:
            return said.error(401, "Unauthorized")
        return json_answer(
            {
                "id": self._catalogue.user(visitor.name),
                "username": visitor.name,
                "tier": "free",
                "status": "active",
                "isMember": False,
                "subscriptions": [],
            },
            headers=said.NO_STORE,
        )

    def _creators(self, question: Question) -> Answer:
        counts = Counter(model.owner for model in self._models(None))
        return counted(
            question,
            [
                {"username": name, "modelCount": count, "link": f"{question.base}/api/v1/models?username={quote(name)}"}
                for name, count in sorted(counts.items())
            ],
            "username",
        )

    def _tags(self, question: Question) -> Answer:
        every = sorted({tag for model in self._models(None) for tag in model.told.tags})
        rows = [{"name": tag, "link": f"{question.base}/api/v1/models?tag={quote(tag)}"} for tag in every]
        return counted(question, rows, "name")

    # Pages for people

    def _page(self, question: Question, segments: tuple[str, ...]) -> Answer:
        match segments:
            case ("",) | ("login",) | ("user", *_) | ("models", "license", _):
                return said.page("Civitai, as zooclient speaks it")
            case ("model-versions", text):
                held = self._catalogue.version(parse_id(text) or 0)
                if held is not None and held[0].visible(None):
                    return said.sent_to(f"/models/{held[0].id}?modelVersionId={held[1].id}", 308)
            case ("models", text, *_):
                model = self._catalogue.model(parse_id(text) or 0)
                if model is not None and model.visible(None):
                    return evolve(said.page(model.name), model=model.repository.id)
        return said.page("404: This page could not be found.", 404)


def _primary_alone(content: payloads.Content) -> payloads.Content:
    main = chosen(content.files)
    return evolve(content, files=() if main is None else (main,))


def _candidate(model: Model, counts: Any) -> listing.Candidate:
    downloads = model.repository.terms.downloads + sum(counts.get(version.id, 0) for version in model.versions)
    return listing.Candidate(model=model, downloads=downloads)


def _no_digests(most: int) -> Answer:
    return said.error(400, f"Request must include an array of SHA256 Hashes. Maximum array length is {most}.")


def _no_number(name: str) -> Answer:
    return said.error(400, f"✖ Invalid input: expected number, received NaN\n  → at {name}")


def _enums() -> dict[str, list[str]]:
    return {
        "ModelType": list(names.TYPES),
        "ModelFileType": list(FILE_TYPES),
        "ActiveBaseModel": list(names.BASE_MODELS),
        "BaseModel": list(names.BASE_MODELS),
        "BaseModelType": ["Standard", "Inpainting", "Refiner", "Pix2Pix"],
    }
