"""Civitai's JSON and our records, both ways; pure.

Sources: the site's source and its developer documentation of August 2026, and recorded answers since 2022. The live
site moves faster than any document, so a field that is absent, null or of another type reads as not told, and every
set of words is open; only what a record cannot do without (the ids, the names of files) is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from zooclient.errors import IntegrityError, NotFound, ProtocolError
from zooclient.net.origin import origin
from zooclient.providers.base import Account
from zooclient.providers.civitai import names
from zooclient.providers.civitai.files import ident, joined, read_files
from zooclient.providers.civitai.gates import read_access
from zooclient.providers.civitai.terms import base_terms, creator_terms, license_here
from zooclient.providers.reading import count, entries, fields, instant, line, mapping, plain, string, strings, unread
from zooclient.records.model import FileEntry, Hit, ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

SCHEME: Final = "civitai"

#: Hits of a page at the most: 101 is refused.
PAGE: Final = 100
#: Digests of one question at the most.
BATCH: Final = 10_000

_PROSE = 1_000_000  # characters of a description that are kept
_PG = 1  # bit of the level of what is for everybody
_FIT = 3  # PG and PG-13

_MODEL_READ = frozenset({"id", "name", "type", "description", "tags", "modelVersions"})
_VERSION_READ = frozenset({"id", "modelId", "name", "description", "files", "model", "trainedWords", "air"})
_FLAGS = ("nsfw", "nsfwLevel", "minor", "poi", "sfwOnly")


# -- questions ----------------------------------------------------------------------------------


def model_url(endpoint: str, model: str) -> str:
    """Address of a model with all its versions."""
    return f"{endpoint}/api/v1/models/{model}"


def version_url(endpoint: str, version: str) -> str:
    """Address of a version."""
    return f"{endpoint}/api/v1/model-versions/{version}"


def hash_url(endpoint: str, text: str) -> str:
    """Address of the version that holds a file of this hash."""
    return f"{endpoint}/api/v1/model-versions/by-hash/{quote(text, safe='')}"


def hashes_url(endpoint: str) -> str:
    """Address that is sent a list of sha256, and answers with ids."""
    return f"{endpoint}/api/v1/model-versions/by-hash/ids"


def me_url(endpoint: str) -> str:
    """Address that tells whose key it is."""
    return f"{endpoint}/api/v1/me"


def file_url(endpoint: str, version: str, key: str | None, selector: Mapping[str, str] | None = None) -> str:
    """Address of the bytes of a file.

    Args:
        endpoint: Address of the site.
        version: The version that holds it.
        key: Its id, which alone names it without doubt. None: the selector, or what the site takes by itself.
        selector: Questions that select it where the id is not known.
    """
    asked = {"fileId": key} if key is not None else dict(selector or {})
    return f"{endpoint}/api/download/models/{version}" + (f"?{urlencode(asked, quote_via=quote)}" if asked else "")


def page_url(web: str, model: str, version: str | None = None) -> str:
    """Address of the page for people; ``model`` may be empty where only the version is known."""
    if not model:
        return f"{web}/model-versions/{version}"
    return f"{web}/models/{model}" + (f"?modelVersionId={version}" if version else "")


def search_url(endpoint: str, query: Query, cursor: str | None, *, thinned: bool = False) -> str:
    """Address of a page of a search; ``thinned``: hits are left out on our side, so a whole page is asked.

    Only what the site is known to read rightly is asked: pages by number end at 1000 hits and are refused beside
    words, and several of its filters fail, or mean yes whatever their value is.
    """
    whole = query.limit is None or thinned or len(query.tags) > 1 or query.base_model
    asked = [("limit", str(PAGE if whole else max(1, min(query.limit or 0, PAGE))))]
    text = query.text.strip()
    if text:
        asked.append(("query", text))
    elif query.sort in names.SORTS:
        asked += [("sort", names.SORTS[query.sort]), ("period", "AllTime")]
    if query.tags:
        asked.append(("tag", query.tags[0]))
    if query.author:
        asked.append(("username", query.author))
    for name, value in (("types", type_of(query)), ("baseModels", base_model_of(query))):
        if value is not None:
            asked.append((name, value))  # a key for each value: a list with commas is one unknown name
    asked.append(("nsfw", "true" if query.nsfw else "false"))
    if cursor is not None:
        asked.append(("cursor", cursor))
    return f"{endpoint}/api/v1/models?{urlencode(asked, quote_via=quote)}"


def type_of(query: Query) -> str | None:
    """Returns the kind of model that the task of a query names; None when it names none."""
    return names.spelled(query.task, names.TYPES) if query.task else None


def base_model_of(query: Query) -> str | None:
    """Returns the family that a query names as the site spells it; None when it is not known here."""
    return names.spelled(query.base_model, names.BASE_MODELS) if query.base_model else None


def sorts_of(query: Query) -> tuple[str, ...]:
    """Returns the orders that the site can give to a query."""
    return ("relevance",) if query.text.strip() else tuple(names.SORTS)


def foreign(query: Query) -> tuple[str, ...]:
    """Returns the fields of a query that name what this site does not have."""
    found = []
    if query.task and type_of(query) is None:
        found.append("task")  # it has kinds of models, and no tasks
    if query.base_model and re.search(r"[:/]", query.base_model):
        found.append("base_model")  # a reference to a model, where the site has names of families
    return tuple(found)


# -- a record -----------------------------------------------------------------------------------


@frozen
class Answers:
    """What was asked for and what came.

    Attributes:
        model: The answer about the model, an object; empty where it could not be had.
        version: The answer about the version, an object; empty where it could not be had.
        problems: Sentences on what could not be had.
    """

    model: Mapping[str, Any]
    version: Mapping[str, Any]
    problems: tuple[str, ...] = ()


def read_model(payload: Any, model: str) -> Mapping[str, Any]:
    """Reads the answer about a model.

    Raises:
        ProtocolError: No object, or one without an id.
        IntegrityError: It is about another model.
    """
    told = fields(payload, "a model")
    _hold(told, model, "model")
    return told


def read_version(payload: Any, version: str | None) -> Mapping[str, Any]:
    """Reads the answer about a version.

    Raises:
        ProtocolError: No object, or one without an id or without that of its model.
        IntegrityError: It is about another version.
    """
    told = fields(payload, "a version of a model")
    _hold(told, version, "version")
    if ident(told.get("modelId")) is None:
        raise ProtocolError("The answer about a version does not name the model that it is of.")
    return told


def default_version(model: Mapping[str, Any]) -> str:
    """Returns the version that the creator shows first: the first of the list, whatever its date is.

    Raises:
        NotFound: The model has none.
    """
    for version in versions(model):
        return str(ident(version.get("id")))
    raise NotFound(
        "The model has no published version.",
        hint="A version may be a draft, unpublished, or too new: until Civitai has looked at it, it is not shown.",
    )


def versions(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the versions of a model that have an id, in the creator's order."""
    listed = model.get("modelVersions")
    return [mapping(item) for item in listed if ident(mapping(item).get("id"))] if isinstance(listed, list) else []


def version_in(model: Mapping[str, Any], version: str) -> Mapping[str, Any]:
    """Returns a version as the model lists it; empty when it does not."""
    return next((item for item in versions(model) if ident(item.get("id")) == version), {})


def read_record(answers: Answers, requested: Ref, *, endpoint: str, web: str, now: datetime) -> ModelRecord:
    """Makes the record of a version.

    Args:
        answers: About the model and about the version; one of them may be empty.
        requested: The reference as it was asked for.
        endpoint: Address that answered.
        web: Address of the pages for people.
        now: The time, aware UTC.

    Raises:
        NotFound: The version has no file of the id that was asked for.
        ProtocolError: A file that cannot be read.
        IntegrityError: A file name that is not safe.
    """
    model, alone = answers.model, answers.version
    chosen = ident(alone.get("id")) or default_version(model)
    asked, _, file = (requested.revision or "").partition("+")
    if asked and not alone:
        chosen = asked
    within = version_in(model, chosen)
    version = {**within, **{name: value for name, value in alone.items() if value is not None}}
    identity = ident(model.get("id")) or str(ident(version.get("modelId")))
    page = page_url(web, identity, chosen)
    access = read_access(model, version, page=page, now=now)
    if alone and access.state != "gone" and not any(isinstance(told.get("files"), list) for told in (alone, within)):
        # The site shows no version without files but an archived one: this would pass for a model that is nothing.
        entries(version.get("files"), "the list of files")
    files, odd = read_files(joined(_files(alone), _files(within)), chosen)
    base_model = string(version.get("baseModel"))
    extra, dropped = _extra(model, version)
    problems = [*answers.problems, *odd]
    problems += [f"The field {name!r} of the answer was too large to be kept." for name in dropped]
    if not asked:
        label = _title(version)
        problems.insert(
            0,
            f"No version was asked for: this is {chosen}{f' ({label})' if label else ''}, which its creator shows "
            f"first of {max(len(versions(model)), 1)}.",
        )
    about = mapping(version.get("model"))
    return ModelRecord(
        ref=Ref(scheme=SCHEME, id=identity, revision=f"{chosen}+{file}" if file else chosen),
        requested=requested,
        pin="version",
        title=_title(model) or _title(about) or identity,
        files=_wanted(files, file, chosen) if file else files,
        stable_id=identity,
        endpoint=origin(endpoint),
        author=_author(model),
        task=string(model.get("type")) or string(about.get("type")),
        license=license_here(model, base_model, f"{web}/models/license/{chosen}"),
        tags=_tags(model),
        downloads=_stat(model, "downloadCount"),
        likes=_likes(model),
        created_at=instant(version.get("createdAt")),
        updated_at=instant(version.get("updatedAt")) or instant(version.get("publishedAt")),
        access=access,
        nsfw=_adult({**about, **model}),
        web_url=page,
        metadata=_metadata(model, version, base_model),
        problems=tuple(problems),
        extra=extra,
    )


def _files(version: Mapping[str, Any]) -> Sequence[Any]:
    listed = version.get("files")
    return listed if isinstance(listed, list) else ()


def _wanted(files: tuple[FileEntry, ...], key: str, version: str) -> tuple[FileEntry, ...]:
    found = tuple(entry for entry in files if entry.key == key)
    if not found:
        there = ", ".join(f"{entry.key} ({entry.path})" for entry in files[:10] if entry.key) or "none"
        raise NotFound(
            f"Version {version} has no file {key}. It has: {there}.",
            hint="Its creator may have replaced it; zooclient identify finds the same bytes elsewhere.",
        )
    return found


def _metadata(model: Mapping[str, Any], version: Mapping[str, Any], base_model: str | None) -> dict[str, Any]:
    base = base_terms(base_model)
    about = mapping(version.get("model"))
    flags = {name: model.get(name, about.get(name)) for name in _FLAGS}
    told: dict[str, Any] = {
        "type": string(model.get("type")) or string(about.get("type")),
        "version_name": _title(version) or None,
        "base_model": base_model,
        "base_model_type": string(version.get("baseModelType")),
        "trained_words": list(strings(version.get("trainedWords"))),
        "description": _prose(model),
        "version_description": _prose(version),
        "air": string(version.get("air")),
        "base_model_license": {"name": base.name, "spdx": base.spdx, "kind": base.kind, "url": base.url},
        "creator_terms": creator_terms(model),
        "flags": plain({name: value for name, value in flags.items() if value is not None}),
        "versions": [_short(item) for item in versions(model)],
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def _short(version: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": ident(version.get("id")),
        "name": string(version.get("name")),
        "base_model": string(version.get("baseModel")),
    }


def _extra(model: Mapping[str, Any], version: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    of_model, large = unread(model, _MODEL_READ)
    of_version, larger = unread(version, _VERSION_READ)
    return {"model": of_model, "version": of_version}, (*large, *larger)


def hold(pinned: ModelRecord, whole: ModelRecord) -> None:
    """Refuses a version of which a pinned file has other bytes now; new files beside it are no harm.

    The site lets creators put other bytes behind the id of a file.

    Args:
        pinned: The record that was pinned.
        whole: The version as the site tells it now, with all its files.

    Raises:
        IntegrityError: A file was replaced under its id.
    """
    there = {_handle(entry): entry.digests.get("sha256") for entry in whole.files}
    for entry in pinned.files:
        was, is_ = entry.digests.get("sha256"), there.get(_handle(entry))
        if was is not None and is_ is not None and was != is_:
            raise IntegrityError(
                f"{entry.path!r} (file {entry.key}) of {pinned.ref} was replaced upstream under the same id: pinned is "
                f"sha256 {was}, and now it is {is_}.",
                zoo=SCHEME,
                ref=str(pinned.ref),
                hint=f"`zooclient resolve --accept-replaced {pinned.ref}` pins the new bytes, if you trust them; the "
                "old ones may be in a store or a mirror.",
            )


def withdrawn(pinned: ModelRecord, whole: ModelRecord) -> FileEntry | None:
    """Returns the first pinned file that its version lists no longer; None when all are there."""
    there = {_handle(entry) for entry in whole.files}
    return next((entry for entry in pinned.files if _handle(entry) not in there), None)


def with_digests(now: ModelRecord, pinned: ModelRecord) -> ModelRecord:
    """Returns a record whose files keep their pinned digests where the site states none for the moment.

    It takes a while to hash what was replaced, and a pin must not be forgotten meanwhile.
    """
    kept = {_handle(entry): entry.digests for entry in pinned.files}
    files = tuple(evolve(entry, digests={**kept.get(_handle(entry), {}), **entry.digests}) for entry in now.files)
    return evolve(now, files=files)


def _handle(entry: FileEntry) -> str:
    return entry.key or entry.path


def main_file(record: ModelRecord) -> FileEntry | None:
    """Returns the file that a version is about: by its type first, then the one marked as primary. None: it has none.

    The mark alone can stand on training data or on a VAE, and moves with the preferences of the account that asks.
    """
    own = [entry for entry in record.files if not entry.extra.get("linked")]
    ranked = sorted(
        own,
        key=lambda entry: (
            entry.extra.get("type") not in names.MAIN,
            entry.role != "weights",
            entry.extra.get("primary") is not True,
        ),
    )
    return ranked[0] if ranked else None


# -- a listing ----------------------------------------------------------------------------------


def read_hits(payload: Any, query: Query, *, web: str, now: datetime) -> tuple[Hit, ...]:
    """Reads a page of a listing: each model once, and of those not for everybody, and of other families, none.

    The site passes over what it does not know; what is the same at every zoo is looked at again by the provider.

    Raises:
        ProtocolError: No list of models, or one that is no object or has no id.
    """
    found: dict[str, Hit] = {}
    for row in entries(mapping(payload).get("items"), "the list of models (items)"):
        told = fields(row, "a model")
        hit = _hit(told, web, now)
        if (query.nsfw or _for_everybody(told)) and _of_family(hit, query):
            found.setdefault(hit.ref.id, hit)
    return tuple(found.values())


def _of_family(hit: Hit, query: Query) -> bool:
    """Whether one of its versions is of the family asked for, where the query names one."""
    if not query.base_model or "base_model" in foreign(query):
        return True
    families = {str(item["base_model"]).casefold() for item in hit.extra["versions"]}
    return query.base_model.strip().casefold() in families


def next_cursor(payload: Any) -> str | None:
    """Returns the cursor of the next page; None on the last.

    Neither a short nor an empty page is the last. The address ``nextPage`` is not read: it repeats a token.
    """
    cursor = mapping(mapping(payload).get("metadata")).get("nextCursor")
    if type(cursor) is int:
        return str(cursor)
    return string(cursor)


def _hit(told: Mapping[str, Any], web: str, now: datetime) -> Hit:
    identity = ident(told.get("id"))
    if identity is None:
        raise ProtocolError(f"The answer lists a model without an id ({str(told.get('id'))[:40]!r}).")
    listed = versions(told)
    version = listed[0] if listed else {}
    revision = ident(version.get("id"))
    page = page_url(web, identity, revision)
    extra, _ = unread(told, _MODEL_READ)
    extra["versions"] = [_short(item) for item in listed]
    files = _readable(version)
    license_ = license_here(told, string(version.get("baseModel")), f"{web}/models/license/{revision}")
    return Hit(
        ref=Ref(scheme=SCHEME, id=identity, revision=revision),
        title=_title(told) or identity,
        author=_author(told),
        task=string(told.get("type")),
        license=license_ if license_.raw is not None else None,
        tags=_tags(told),
        downloads=_stat(told, "downloadCount"),
        likes=_likes(told),
        created_at=instant(version.get("createdAt")) or instant(version.get("publishedAt")),
        updated_at=instant(version.get("updatedAt")) or instant(version.get("publishedAt")),
        access=read_access(told, version, page=page, now=now),
        nsfw=_adult(told),
        web_url=page,
        weights_size=min((size for size in map(_main_size, files) if size), default=None),
        formats=tuple(sorted({file.format for file in files if file.format is not None})),
        extra=extra,
    )


def _readable(version: Mapping[str, Any]) -> list[FileEntry]:
    """The files of a version; one that cannot be read tells nothing, and keeps no model out of a list."""
    found: list[FileEntry] = []
    for file in _files(version):
        try:
            entries_, _ = read_files([file], "")
        except (ProtocolError, IntegrityError):
            continue
        found += entries_
    return found


def _main_size(file: FileEntry) -> int | None:
    """Bytes, about, of what a version is about, in one of its variants; None for any other file."""
    if file.role != "weights" or file.extra.get("type") not in names.MAIN:
        return None
    return file.size if file.size is not None else count(file.extra.get("approximate_size"))


# -- other answers ------------------------------------------------------------------------------


def read_account(payload: Any) -> Account:
    """Reads the answer of ``/me``.

    Raises:
        ProtocolError: No object, or one without a name.
    """
    told = fields(payload, "an account")
    name = string(told.get("username"))
    if name is None:
        raise ProtocolError("The answer names no account.")
    status = string(told.get("status"))
    return Account(name=name, role=status if status not in (None, "active") else string(told.get("tier")))


def hashes_body(digests: Iterable[str]) -> bytes:
    """The question about many sha256, as the site wants it: upper case, no more than :data:`BATCH`."""
    return json.dumps([digest.upper() for digest in digests]).encode()


def read_matches(payload: Any) -> dict[str, tuple[Ref, ...]]:
    """Reads the answer about many sha256: digest in lower case → versions that hold it, each once.

    Raises:
        ProtocolError: No list.
    """
    found: dict[str, dict[Ref, None]] = {}
    for row in entries(payload, "the list of matches"):
        told = mapping(row)
        version, model, digest = ident(told.get("modelVersionId")), ident(told.get("modelId")), told.get("hash")
        if version is not None and isinstance(digest, str) and re.fullmatch("[0-9a-fA-F]{64}", digest):
            ref = Ref(scheme=SCHEME, id=model or "", revision=version)
            found.setdefault(digest.lower(), {})[ref] = None
    return {digest: tuple(refs) for digest, refs in found.items()}


def read_match(payload: Any, text: str) -> tuple[Ref, FileEntry | None]:
    """Reads the answer about one hash of any length.

    Returns:
        The version, and the file whose hash it is; None where that file is not among those shown.

    Raises:
        ProtocolError: An answer of another shape.
        IntegrityError: A file name that is not safe.
    """
    told = read_version(payload, None)
    version, model = str(ident(told.get("id"))), str(ident(told.get("modelId")))
    files, _ = read_files(_files(told), version)
    wanted = text.lower()
    for entry in files:
        if wanted in (*entry.digests.values(), *mapping(entry.extra.get("hashes")).values()):
            return Ref(scheme=SCHEME, id=model, revision=f"{version}+{entry.key}" if entry.key else version), entry
    return Ref(scheme=SCHEME, id=model, revision=version), None


# -- parts --------------------------------------------------------------------------------------


def _hold(told: Mapping[str, Any], asked: str | None, what: str) -> None:
    got = ident(told.get("id"))
    if got is None:
        raise ProtocolError(f"The answer does not name a {what}: its id is {str(told.get('id'))[:40]!r}.")
    if asked is not None and got != asked:
        raise IntegrityError(
            f"Civitai was asked for {what} {asked}, and answered with {what} {got}.",
            hint="A cache or a mirror in between may be broken. Do not take what it gives for what you asked.",
        )


def _title(told: Mapping[str, Any]) -> str:
    """A name, which is free text, on one line; empty where it is not told."""
    return line(string(told.get("name")) or "")


def _prose(told: Mapping[str, Any]) -> str | None:
    """A description: HTML, of a length that is worth keeping."""
    return (string(told.get("description")) or "")[:_PROSE] or None


def _author(model: Mapping[str, Any]) -> str | None:
    return string(mapping(model.get("creator")).get("username"))


def _tags(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Tags, which were objects with a name in early 2023."""
    listed = model.get("tags")
    if not isinstance(listed, list):
        return ()
    return strings([item.get("name") if isinstance(item, dict) else item for item in listed])


def _stat(told: Mapping[str, Any], name: str) -> int | None:
    return count(mapping(told.get("stats")).get(name))


def _likes(told: Mapping[str, Any]) -> int | None:
    """Thumbs up, or what stood in their place until 2023."""
    likes = _stat(told, "thumbsUpCount")
    return likes if likes is not None else _stat(told, "favoriteCount")


def _level(told: Mapping[str, Any]) -> int | None:
    """Bits of the maturity of its pictures; None where not told, and where nobody has looked yet."""
    return count(told.get("nsfwLevel")) or None


def _adult(told: Mapping[str, Any]) -> bool | None:
    """Whether it is marked as adult, or has no picture for others; the mark alone is missing on many."""
    level, flag = _level(told), told.get("nsfw")
    if flag is True or (level is not None and not level & _FIT):
        return True
    return False if flag is False or level is not None else None


def _for_everybody(told: Mapping[str, Any]) -> bool:
    level = _level(told)
    return told.get("nsfw") is not True and (level is None or bool(level & _PG))
