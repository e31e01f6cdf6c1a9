"""Replicate's payloads ↔ records; pure. Nothing here opens a socket or knows the time.

Sources: the OpenAPI document that the API publishes (``/openapi.json``, version 1.0.0-a1), and recorded answers of
2023 and 2024, which lack what is newer (``is_official``) and have what the document does not name (``created_at``,
``weights_url``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from attrs import field, frozen

from zooclient.errors import IntegrityError, ProtocolError, RefError, Unsupported
from zooclient.net.origin import origin
from zooclient.providers.base import Account
from zooclient.providers.reading import (
    clean,
    count,
    entries,
    fields,
    instant,
    line,
    mapping,
    plain,
    string,
    strings,
    unread,
)
from zooclient.providers.replicate.endpoint import WEB
from zooclient.providers.replicate.openapi import read_schema
from zooclient.providers.replicate.terms import license_at
from zooclient.records.model import Access, Hit, ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

SCHEME: Final = "replicate"
#: Hits of a search by words at the most.
MOST_HITS: Final = 50
#: Order → how a listing is asked for it.
SORTS: Final = {"updated": "latest_version_created_at", "created": "model_created_at"}

#: Characters of the example's inputs that are kept, as JSON.
_EXAMPLE = 20_000

_VERSION = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"https?://[^\s<>\"\\^`{|}]{1,2000}", re.IGNORECASE)

#: Fields of a model, and of a version, that are read, or are another's business.
_MODEL_READ = frozenset(
    {
        *("url", "owner", "name", "description", "visibility", "is_official", "run_count", "default_example"),
        *("github_url", "paper_url", "license_url", "cover_image_url", "weights_url", "latest_version", "created_at"),
    }
)
_VERSION_READ = frozenset({"id", "created_at", "cog_version", "openapi_schema"})


@frozen(kw_only=True)
class Answers:
    """What was told of a model at one of its versions.

    Attributes:
        model: The model.
        version: The version. Empty where there is none, or where it cannot be asked for.
        official: Whether the zoo keeps the model itself, so that there is no version to pin.
        problems: Sentences on what could not be had.
    """

    model: Mapping[str, Any]
    version: Mapping[str, Any] = field(factory=dict)
    official: bool = False
    problems: tuple[str, ...] = ()


# -- addresses ----------------------------------------------------------------------------------


def account_url(endpoint: str) -> str:
    """Returns the address that tells whose token it is."""
    return f"{endpoint}/v1/account"


def model_url(endpoint: str, identity: str) -> str:
    """Returns the address of a model."""
    return f"{endpoint}/v1/models/{quote(identity)}"


def versions_url(endpoint: str, identity: str) -> str:
    """Returns the address of the first page of a model's versions."""
    return f"{model_url(endpoint, identity)}/versions"


def version_url(endpoint: str, identity: str, version: str) -> str:
    """Returns the address of a version, which is there whatever page lists it."""
    return f"{versions_url(endpoint, identity)}/{quote(version)}"


def readme_url(endpoint: str, identity: str) -> str:
    """Returns the address of a model's README."""
    return f"{model_url(endpoint, identity)}/readme"


def collection_url(endpoint: str, slug: str) -> str:
    """Returns the address of a collection."""
    return f"{endpoint}/v1/collections/{quote(clean(slug), safe='')}"


def search_url(endpoint: str, words: str, query: Query, *, thinned: bool) -> str:
    """Returns the address of a search by words.

    Args:
        endpoint: The server.
        words: What is looked for.
        query: Tells how many are wanted.
        thinned: Hits may be left out on our side, so that as many as there can be are asked for.
    """
    wanted = MOST_HITS if thinned or query.limit is None else min(max(query.limit, 1), MOST_HITS)
    return f"{endpoint}/v1/search?" + urlencode({"query": clean(words), "limit": wanted})


def listing_url(endpoint: str, query: Query | None, cursor: str | None) -> str:
    """Returns the address of a page of models.

    A next page is asked for by its cursor alone: the address that a page names may lead to another server.

    Args:
        endpoint: The server.
        query: Tells the order. None: a search by words, which has its own.
        cursor: What the page before named. None: the first page.
    """
    told = {}
    if query is not None and query.sort in SORTS:
        told = {"sort_by": SORTS[query.sort], "sort_direction": "desc"}
    if cursor is not None:
        told["cursor"] = cursor
    return f"{endpoint}/v1/models" + (f"?{urlencode(told)}" if told else "")


def words_of(query: Query) -> str:
    """Returns the words by which a query is put to the zoo; empty: it has none.

    The zoo filters by nothing, so where there are no words what is to be filtered by stands for them.
    """
    if query.text.strip():
        return query.text
    return " ".join(word for word in (query.author, *query.tags) if word)


def task_words(task: str) -> str:
    """Returns the words for a task of which there is no collection."""
    return task.replace("-", " ")


# -- a model and its version --------------------------------------------------------------------


def read_model(payload: Any, ref: Ref, *, moved: bool = False) -> Mapping[str, Any]:
    """Checks the answer about a model.

    Args:
        payload: The answer.
        ref: What was asked for.
        moved: The zoo sent the question on to another name of the model.

    Raises:
        ProtocolError: No object, or one without a name that a model can have.
        IntegrityError: It is about another model.
    """
    told = fields(payload, "a model")
    got = _ref(told)
    if not moved and got.id.casefold() != ref.id.casefold():
        raise IntegrityError(
            f"Replicate was asked for {ref.id}, and answered with {got.id}.",
            hint="A cache or a mirror in between may be broken. Do not take what it gives for what you asked.",
        )
    return told


def read_version(payload: Any, asked: str) -> Mapping[str, Any]:
    """Checks the answer about a version.

    Raises:
        ProtocolError: No object, or one without the id of a version.
        IntegrityError: It is about another version.
    """
    told = fields(payload, "a version")
    got = version_id(told)
    if got is None:
        raise ProtocolError(f"The answer does not name a version: its id is {str(told.get('id'))[:80]!r}.")
    if got != asked:
        raise IntegrityError(
            f"Replicate was asked for version {asked}, and answered with {got}.",
            hint="A cache or a mirror in between may be broken. Do not take what it gives for what you asked.",
        )
    return told


def version_id(told: Mapping[str, Any]) -> str | None:
    """Returns the id of a version; None where there is none that can be asked for."""
    value = told.get("id")
    return value if isinstance(value, str) and _VERSION.fullmatch(value) else None


def latest(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the latest version of a model; empty where it has none."""
    told = mapping(model.get("latest_version"))
    return told if version_id(told) is not None else {}


def says_official(model: Mapping[str, Any]) -> bool | None:
    """Returns whether a model is one of the zoo's own; None: the answer does not tell."""
    told = model.get("is_official")
    return told if isinstance(told, bool) else None


def _ref(model: Mapping[str, Any]) -> Ref:
    owner, name = model.get("owner"), model.get("name")
    try:
        return Ref(
            scheme=SCHEME, id=f"{owner if isinstance(owner, str) else ''}/{name if isinstance(name, str) else ''}"
        )
    except (RefError, Unsupported) as error:
        raise ProtocolError(f"The answer names no model: {str(owner)[:80]!r}/{str(name)[:80]!r}.") from error


def read_record(answers: Answers, requested: Ref, *, endpoint: str) -> ModelRecord:
    """Makes the record of a model at a version, or of one that has none to pin."""
    model, version = answers.model, answers.version
    name = _ref(model)
    told = latest(model) if answers.official else version
    pinned = None if answers.official else version_id(version)
    cog = string(told.get("cog_version"))
    schema = read_schema(told.get("openapi_schema"), cog)
    weights, odd = _weights(model)
    problems = [*answers.problems, *odd]
    if answers.official:
        problems.append(
            "This is an official model, which Replicate keeps and may change at any time: there is no version to pin."
        )
    elif says_official(model):
        problems.append("It is an official model by now, which may not be run at a version.")
    elif pinned is None:
        problems.append("Nothing was ever pushed to the model: it has no version to pin or to run.")
    if schema is None and told:
        problems.append("It does not tell what it takes and gives.")
    extra, large = _extra(model, told)
    problems += [f"The field {field} was too large to keep." for field in large]
    return ModelRecord(
        ref=name.at(pinned),
        requested=requested,
        pin="none" if pinned is None else "version",
        title=_title(model),
        endpoint=origin(endpoint),
        author=string(model.get("owner")),
        license=license_at(address(model.get("license_url"))),
        created_at=instant(model.get("created_at")),
        updated_at=instant(told.get("created_at")),
        access=_access(model),
        web_url=_page(model),
        base_models=(weights,) if weights is not None else (),
        metadata=_metadata(answers, told, cog, weights),
        problems=tuple(problems),
        extra=extra,
        schema=schema,
    )


def _metadata(answers: Answers, version: Mapping[str, Any], cog: str | None, weights: str | None) -> dict[str, Any]:
    model = answers.model
    newest = latest(model)
    told: dict[str, Any] = {
        "description": string(model.get("description")),
        "run_count": count(model.get("run_count")),
        "official": answers.official,
        "cog_version": cog,
        **{
            name: address(model.get(name))
            for name in ("cover_image_url", "github_url", "paper_url", "license_url", "weights_url")
        },
        "weights": weights,
        "example_input": _example(model),
        "latest_version": version_id(newest),
        "latest_version_created_at": string(newest.get("created_at")),
    }
    if answers.official and version.get("openapi_schema"):
        told["schema_sha256"] = fingerprint(version["openapi_schema"])
    return {name: value for name, value in told.items() if value not in (None, {})}


def fingerprint(document: Any) -> str:
    """Returns the sha256 of a schema, hex: a witness of change where there is no version to pin."""
    return sha256(json.dumps(plain(document), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _example(model: Mapping[str, Any]) -> dict[str, Any] | None:
    """The inputs of the example that its author shows."""
    told = plain(mapping(mapping(model.get("default_example")).get("input")))
    return told if len(json.dumps(told)) <= _EXAMPLE else None


def _weights(model: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The model at another zoo whose weights are run, by its own reference, and what is odd about that."""
    url = string(model.get("weights_url"))
    if url is None:
        return None, []
    try:
        ref = Ref.parse(url)
    except (RefError, Unsupported):
        return None, [f"Its weights are said to lie at {line(url)}, which is no model of a zoo that is known here."]
    return (str(ref), []) if ref.scheme != SCHEME else (None, [])


def _access(model: Mapping[str, Any]) -> Access:
    if model.get("visibility") != "private":
        return Access()
    return Access(
        state="private", how="Only its owner, and whom its owner lets in, sees and runs it.", url=_page(model)
    )


def _title(model: Mapping[str, Any]) -> str:
    return line(string(model.get("name")) or "")


def _page(model: Mapping[str, Any]) -> str:
    return address(model.get("url")) or f"{WEB}/{_ref(model).id}"


def address(value: Any) -> str | None:
    """Returns a plain web address, or None."""
    return value if isinstance(value, str) and _ADDRESS.fullmatch(value) else None


def _extra(model: Mapping[str, Any], version: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    of_model, large = unread(model, _MODEL_READ)
    of_version, larger = unread(version, _VERSION_READ)
    return {name: told for name, told in (("model", of_model), ("version", of_version)) if told}, (*large, *larger)


# -- listings -----------------------------------------------------------------------------------


def read_found(payload: Any) -> tuple[Hit, ...]:
    """Reads what a search by words found: models, each with what the zoo made out about it.

    Raises:
        ProtocolError: No list of models, or one that is none.
    """
    return _hits(mapping(payload).get("models"), "the list of models (models)")


def read_page(payload: Any) -> tuple[Hit, ...]:
    """Reads a page of models.

    Raises:
        ProtocolError: No list of models, or one that is none.
    """
    return _hits(mapping(payload).get("results"), "the list of models (results)")


def read_collection(payload: Any, slug: str) -> tuple[Hit, ...]:
    """Reads the models of a collection, all at once; they are for the task that it is named after.

    Raises:
        ProtocolError: No list of models, or one that is none.
    """
    return _hits(mapping(payload).get("models"), "the models of the collection", task=slug)


def next_cursor(payload: Any) -> str | None:
    """Returns the cursor of the next page, out of the address that a page names; None on the last."""
    address_ = string(mapping(payload).get("next"))
    if address_ is None:
        return None
    try:
        cursors = parse_qs(urlsplit(address_).query).get("cursor")
    except ValueError:
        cursors = None
    if not cursors or len(cursors[0]) > 2000:
        raise ProtocolError("The answer names a next page without a cursor.")
    return clean(cursors[0])


def _hits(rows: Any, what: str, *, task: str | None = None) -> tuple[Hit, ...]:
    found: dict[str, Hit] = {}
    for row in entries(rows, what):
        told = fields(row, "a model")
        inner = told.get("model")
        model, about = (inner, mapping(told.get("metadata"))) if isinstance(inner, dict) else (told, {})
        if _nameless(model):
            continue
        hit = _hit(model, about, task)
        found.setdefault(hit.ref.id, hit)
    return tuple(found.values())


def _nameless(model: Mapping[str, Any]) -> bool:
    """Whether a model has a name that no reference can hold: it cannot be asked for, and keeps no other out.

    Raises:
        ProtocolError: It has none at all.
    """
    try:
        _ref(model)
    except ProtocolError:
        if string(model.get("owner")) is None or string(model.get("name")) is None:
            raise
        return True
    return False


def _hit(model: Mapping[str, Any], about: Mapping[str, Any], task: str | None) -> Hit:
    """One model. Its latest version is a pin only where the answer says that it can be asked for."""
    version = latest(model)
    tags = strings(about.get("tags"))
    weights, _ = _weights(model)
    extra, _ = unread(model, _MODEL_READ)
    extra |= {
        "description": string(model.get("description")) or string(about.get("generated_description")),
        "run_count": count(model.get("run_count")),
        "official": says_official(model),
        "cover_image_url": address(model.get("cover_image_url")),
        "latest_version": version_id(version),
        "score": plain(about.get("score")),
    }
    license_ = license_at(address(model.get("license_url")))
    return Hit(
        ref=_ref(model).at(version_id(version) if says_official(model) is False else None),
        title=_title(model),
        author=string(model.get("owner")),
        task=task,
        license=license_ if license_.raw is not None else None,
        tags=tags,
        created_at=instant(model.get("created_at")),
        updated_at=instant(version.get("created_at")),
        access=_access(model),
        nsfw=True if "nsfw" in tags else None,
        web_url=_page(model),
        base_models=(weights,) if weights is not None else (),
        extra={name: value for name, value in extra.items() if value is not None},
    )


# -- other answers ------------------------------------------------------------------------------


def read_account(payload: Any) -> Account:
    """Reads the answer about an account.

    Raises:
        ProtocolError: No object, or one without a name.
    """
    told = fields(payload, "an account")
    name = string(told.get("username"))
    if name is None:
        raise ProtocolError("The answer names no account.")
    kind = string(told.get("type")) or "user"
    return Account(name=name, kind="org" if kind == "organization" else kind)
