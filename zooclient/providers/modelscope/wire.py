"""ModelScope's JSON and our records, both ways; pure.

Sources: ``modelscope_hub`` 0.5.1 and ``modelscope`` 1.40.2, the documentation at https://modelscope.cn/docs/openapi,
and recorded answers. Two surfaces: ``/openapi/v1`` has snake_case fields, ``/api/v1`` PascalCase ones, and tells more
of a model. A field that is absent, null or of another type reads as not told; only what a record cannot do without
(the commit, the list of files) is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from zooclient.errors import IntegrityError, ProtocolError, RefError, Unsupported
from zooclient.net.origin import origin
from zooclient.providers.base import Account
from zooclient.providers.reading import (
    count,
    entries,
    fields,
    instant,
    is_commit,
    is_id,
    mapping,
    string,
    strings,
    unread,
)
from zooclient.records import front_matter
from zooclient.records.classify import FORMATS, classify
from zooclient.records.licenses import hub_id, license_of
from zooclient.records.model import Access, FileEntry, Hit, License, ModelRecord
from zooclient.records.paths import path_problems, safe_path
from zooclient.records.publication import Visibility
from zooclient.records.query import Query
from zooclient.records.ref import Ref
from zooclient.records.sizes import weights_size

SCHEME = "modelscope"
#: The branch that every model has; it is never called main.
DEFAULT_BRANCH = "master"

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SHORT = re.compile(r"[0-9a-f]{4,40}")
_SHARD = re.compile(r"-\d{4,6}-of-\d{4,6}\.\w+\Z")
#: sha256 of no bytes.
_EMPTY = sha256(b"").hexdigest()

#: Hits of a page at the most, and hits that a search shows altogether.
PAGE = 50
WINDOW = 3000
#: Entries, folders included, after which a listing of files is cut without a word.
CUT = 3000

#: Order of ours → the zoo's.
SORTS = {"downloads": "downloads", "likes": "likes", "updated": "last_modified"}
#: The same for the website's own search.
SITE_SORTS = {"downloads": "DownloadsCount", "updated": "GmtModified", "created": "GmtCreated"}

#: Format of ours → the zoo's library, where the two differ.
_FORMAT_LIBRARIES = {"pickle": "pytorch", "flax": "jax"}
#: The zoo's library → format.
_FORMATS = {_FORMAT_LIBRARIES.get(name, name): name for name in FORMATS}
#: What a tag of the listing begins with, each of which is a filter too.
_FILTERS = ("task", "library", "model_type", "custom_tag", "license", "deploy")
#: Libraries that tell how weights are stored or made rather than what loads them.
_NO_LIBRARIES = frozenset({*FORMATS, "lora", "other"}) - {"tensorflow"}
#: Libraries that are named only where nothing more telling is.
_FRAMEWORKS = frozenset({"pytorch", "tensorflow", "jax"})

#: The one tag by which authors mark what is not for all.
_ADULT = "not-for-all-audiences"

_PUBLIC, _PRIVATE, _INTERNAL = 5, 1, 3
_SCHEME_OF_SITE = re.compile(r"\Ahttps?://(?:www\.)?modelscope\.(?:cn|ai)/(?:models/)?")

_INFO_READ = frozenset(
    {
        *("Id", "Path", "Name", "License", "Downloads", "Stars", "Likes", "CreatedTime", "LastUpdatedTime"),
        *("Visibility", "ProtectedMode", "Tags", "BaseModel", "ReadMeContent"),
    }
)
_ROW_READ = frozenset(
    {
        *("id", "downloads", "likes", "license", "tags", "private", "gated", "login_required", "last_modified"),
    }
)
_FILE_READ = frozenset({"Path", "Name", "Type", "Size", "Sha256"})


# -- questions ----------------------------------------------------------------------------------


def info_url(endpoint: str, ref: Ref) -> str:
    """Address of the record of a model; a branch or tag is named, so that the card in the answer is its own."""
    url = f"{endpoint}/api/v1/models/{quote(ref.id)}"
    if ref.revision is None or is_commit(ref.revision):
        return url
    return f"{url}?{urlencode({'Revision': ref.revision})}"


def log_url(endpoint: str, repository: str, revision: str, *, number: int = 1, size: int = 1) -> str:
    """Address of a page of the commits of a branch, tag or commit, the newest first; of the newest alone by default.

    The parameter is ``Ref``: ``Revision`` is ignored here, and the head of the default branch is the answer.
    """
    asked = {"Ref": revision, "PageNumber": number, "PageSize": size}
    return f"{endpoint}/api/v1/models/{quote(repository)}/commits?{urlencode(asked)}"


def names_url(endpoint: str, repository: str) -> str:
    """Address of the names of branches and tags. It tells no commits."""
    return f"{endpoint}/api/v1/models/{quote(repository)}/revisions"


def tree_url(endpoint: str, repository: str, commit: str, *, root: str = "", recursive: bool = True) -> str:
    """Address of the files of a commit, below ``root``. There are no pages: see :data:`CUT`."""
    asked = {"Revision": commit, "Recursive": str(recursive)} | ({"Root": root} if root else {})
    return f"{endpoint}/api/v1/models/{quote(repository)}/repo/files?{urlencode(asked)}"


def file_url(endpoint: str, repository: str, commit: str, path: str) -> str:
    """Address of the bytes of a file; it redirects to a signed link, or gives a small file itself."""
    return f"{endpoint}/api/v1/models/{quote(repository)}/repo?{urlencode({'Revision': commit, 'FilePath': path})}"


def account_url(endpoint: str) -> str:
    """Address of the account of a token."""
    return f"{endpoint}/openapi/v1/users/me"


def page_url(endpoint: str, repository: str) -> str:
    """Address of the page of a model, for people."""
    return f"{endpoint}/models/{repository}"


def page_size(query: Query, *, thinned: bool = False) -> int:
    """Returns how many hits are asked for at a time, the same on every page of one query.

    Args:
        query: What was asked.
        thinned: Hits are left out on our side, so a whole page is asked for.
    """
    return PAGE if query.limit is None or thinned or len(query.tags) > 1 else max(1, min(query.limit, PAGE))


def search_url(endpoint: str, query: Query, number: int, size: int) -> str:
    """Address of a page of a search; ``number`` counts from 1, ``size`` is that of every page."""
    asked: list[tuple[str, str]] = []
    for name, value in (("search", query.text.strip()), ("owner", query.author)):
        if value:
            asked.append((name, value))
    if query.sort in SORTS:
        asked.append(("sort", SORTS[query.sort]))
    asked += [("page_number", str(number)), ("page_size", str(size))]
    asked += [(f"filter.{name}", value) for name, value in _filters(query).items()]
    return f"{endpoint}/openapi/v1/models?{urlencode(asked)}"


def _filters(query: Query) -> dict[str, str]:
    """One value for each filter, which is all that the zoo takes; the rest is looked at here."""
    found: dict[str, str] = {}
    if query.task:
        found["task"] = query.task
    if query.library:
        found["library"] = query.library
    if query.format:
        found.setdefault("library", _format_library(query.format))
    if query.license:
        found["license"] = hub_id(query.license)
    for tag in query.tags:
        prefix, colon, value = tag.partition(":")
        if colon and value and prefix in _FILTERS:
            found.setdefault(prefix, value)
        else:
            found.setdefault("custom_tag", tag)
    return found


def _format_library(format_: str) -> str:
    lower = format_.lower()
    return _FORMAT_LIBRARIES.get(lower, lower)


def site_search_url(endpoint: str) -> str:
    """Address of the website's own search, for servers without the documented one."""
    return f"{endpoint}/api/v1/dolphin/models"


def site_search_body(query: Query, number: int, size: int) -> bytes:
    """Body of a question to the website's own search. What it does not know it ignores without a word."""
    wished = (
        ("tasks", query.task),
        ("libraries", query.library or (_format_library(query.format) if query.format else None)),
        ("organizations", query.author),
    )
    criteria = [
        {"category": category, "predicate": "contains", "values": [value], "sub_values": []}
        for category, value in wished
        if value
    ]
    body = {
        "PageSize": size,
        "PageNumber": number,
        "SortBy": SITE_SORTS.get(query.sort or "", "Default"),
        "Target": "",
        "Name": query.text.strip(),
        "Criterion": criteria,
        "SingleCriterion": [],
    }
    return json.dumps(body).encode()


# -- answers: searches --------------------------------------------------------------------------


@frozen(kw_only=True)
class Listing:
    """One page of a search.

    Attributes:
        hits: The models of the page, each once.
        rows: Rows of the page, whatever they hold.
        total: Hits of the whole search. None when not told.
    """

    hits: tuple[Hit, ...]
    rows: int
    total: int | None = None


def read_page(payload: Any, number: int, *, endpoint: str) -> Listing:
    """Reads a page of the documented search. A row whose id is no model's is left out.

    Raises:
        ProtocolError: No list, a row that is no object, or another page than the one asked for.
    """
    told = fields(payload, "a page of a search")
    data = fields(told.get("data"), "a page of a search")
    got = count(data.get("page_number"))
    if got is not None and got != number:
        raise ProtocolError(f"Page {number} of a search was asked for, and page {got} came.")
    total = count(data.get("total_count", told.get("total_count")))
    return _listing(data.get("models"), total, _row_hit, endpoint)


def read_site_page(payload: Any, *, endpoint: str) -> Listing:
    """Reads a page of the website's own search.

    Raises:
        ProtocolError: No list, or a row that is no object.
    """
    data = fields(fields(payload, "a page of a search").get("Data"), "a page of a search")
    found = fields(data.get("Model"), "a page of a search")
    return _listing(found.get("Models"), count(found.get("TotalCount")), _site_hit, endpoint)


def _listing(value: Any, total: int | None, read: Any, endpoint: str) -> Listing:
    # An empty list of theirs may be written as null.
    rows = [] if value is None and not total else entries(value, "the list of models")
    hits: dict[str, Hit] = {}
    for row in rows:
        hit = read(fields(row, "a model"), endpoint)
        if hit is not None:
            hits.setdefault(hit.ref.id, hit)
    return Listing(hits=tuple(hits.values()), rows=len(rows), total=total)


def _row_hit(told: Mapping[str, Any], endpoint: str) -> Hit | None:
    """A row of the documented search; None: it names no model."""
    name = told.get("id")
    if not isinstance(name, str):
        raise ProtocolError("The answer lists a model without an id.")
    if not is_id(name, SCHEME):
        return None
    tags = strings(told.get("tags"))
    owner, _, title = name.partition("/")
    claims = license_of(strings(told.get("license")))
    extra, _ = unread(told, _ROW_READ)
    return Hit(
        ref=Ref(scheme=SCHEME, id=name),
        title=title,
        author=owner,
        task=next(iter(_tasks(told)), None),
        library=_library(_libraries(told, tags)),
        license=claims if claims.raw is not None else None,
        tags=tags,
        downloads=count(told.get("downloads")),
        likes=count(told.get("likes")),
        created_at=moment(told.get("created_at")),
        updated_at=moment(told.get("last_modified")),
        access=_row_access(told, page_url(endpoint, name)),
        nsfw=_adult(tags),
        web_url=page_url(endpoint, name),
        parameters=_parameters(told),
        # The whole repository, which is more where there are copies in several formats.
        weights_size=None if _parameters(told) is not None else count(told.get("file_size")) or None,
        formats=_formats(_libraries(told, tags)),
        extra=extra,
    )


def _row_access(told: Mapping[str, Any], page: str) -> Access:
    if told.get("gated"):
        return _gated(page)
    if told.get("private"):
        return _private(page)
    if told.get("login_required") is True:
        return Access(state="gated", how="Only who is logged in may have its files.", url=page)
    return Access()


def _site_hit(told: Mapping[str, Any], endpoint: str) -> Hit | None:
    """A row of the website's search, which has the fields of a record."""
    path, bare = told.get("Path"), told.get("Name")
    if not isinstance(path, str) or not isinstance(bare, str) or not is_id(f"{path}/{bare}", SCHEME):
        return None
    name = f"{path}/{bare}"
    record = read_info({"Data": told}, Ref(scheme=SCHEME, id=name), endpoint=endpoint)
    return Hit(
        ref=record.ref,
        title=record.title,
        author=record.author,
        task=record.task,
        library=record.library,
        license=record.license if record.license.raw is not None else None,
        tags=record.tags,
        downloads=record.downloads,
        likes=record.likes,
        created_at=record.created_at,
        updated_at=record.updated_at,
        access=record.access,
        nsfw=record.nsfw,
        web_url=record.web_url,
        base_models=record.base_models,
        parameters=record.parameters,
        weights_size=_site_weights(told, record.parameters),
        formats=_formats(_libraries(told, ())),
        extra=record.extra,
    )


def _site_weights(told: Mapping[str, Any], parameters: int | None) -> int | None:
    """Bytes of the weights: parameters of one type where that is told, else the whole repository where they are not."""
    types = strings(mapping(mapping(told.get("ModelInfos")).get("safetensor")).get("tensor_type"))
    if parameters is not None:
        return weights_size({types[0]: parameters}) if len(types) == 1 else None
    return count(told.get("StorageSize")) or None


def names(hit: Hit) -> set[str]:
    """Returns every tag, task and library of a hit, a tag with its prefix and without, in lower case."""
    told = [*hit.tags, *_tasks(hit.extra), *_libraries(hit.extra, hit.tags)]
    found = {name.casefold() for name in told}
    return found | {rest for prefix, _, rest in (name.partition(":") for name in found) if prefix in _FILTERS and rest}


def _formats(libraries: Iterable[str]) -> tuple[str, ...]:
    told = [name.lower() for name in libraries]
    return tuple(dict.fromkeys(_FORMATS[name] for name in told if name in _FORMATS))


# -- answers: a model ---------------------------------------------------------------------------


def read_info(payload: Any, requested: Ref, *, endpoint: str) -> ModelRecord:
    """Reads the answer about one model: a record without commit and files, which :func:`with_files` adds.

    Args:
        payload: The JSON, with its envelope.
        requested: The reference as it was asked for.
        endpoint: Address of the server, without a slash at the end.

    Raises:
        ProtocolError: No object, or one about no model.
    """
    told = fields(fields(payload, "a model").get("Data"), "a model")
    identity = _identity(told, requested)
    extra, dropped = unread(told, _INFO_READ)
    tags = strings(told.get("Tags"))
    problems = [f"The field {name!r} of the answer was too large to be kept." for name in dropped]
    if identity != requested.id:
        how = "spelled" if identity.lower() == requested.id.lower() else "now called"
        problems.insert(0, f"{SCHEME}:{requested.id} is {how} {SCHEME}:{identity}.")
    visibility = told.get("Visibility")
    if visibility not in (None, _PUBLIC, _PRIVATE, _INTERNAL):
        problems.append(f"The zoo tells a visibility that is not known here: {str(visibility)[:50]!r}.")
    number = count(told.get("Id"))
    return ModelRecord(
        ref=Ref(scheme=SCHEME, id=identity),
        requested=requested,
        pin="commit",
        title=identity.rpartition("/")[2],
        stable_id=None if number is None else str(number),
        endpoint=origin(endpoint),
        author=identity.partition("/")[0],
        task=next(iter(_tasks(told)), None),
        library=_library(_libraries(told, ())),
        license=license_of(strings(told.get("License"))),
        tags=tags,
        downloads=count(told.get("Downloads")),
        likes=count(told.get("Stars", told.get("Likes"))),
        created_at=moment(told.get("CreatedTime")),
        updated_at=moment(told.get("LastUpdatedTime")),
        access=_access(told, page_url(endpoint, identity)),
        nsfw=_adult(tags),
        web_url=page_url(endpoint, identity),
        base_models=_references(strings(told.get("BaseModel"))),
        parameters=_parameters(told),
        problems=tuple(problems),
        extra=extra,
    )


def read_visibility(payload: Any) -> Visibility | None:
    """Returns who may see a model, by the answer about it; None: it does not say."""
    told = mapping(mapping(payload).get("Data")).get("Visibility")
    names: dict[object, Visibility] = {_PUBLIC: "public", _PRIVATE: "private", _INTERNAL: "internal"}
    return names.get(told) if isinstance(told, int) else None


def with_files(record: ModelRecord, commit: str, files: tuple[FileEntry, ...], payload: Any) -> ModelRecord:
    """Returns the record of one commit.

    The answer about a model holds a card, of whichever revision. Only where its sha256 is that of the commit's own
    ``README.md`` does its front matter speak for the commit, and goes before what the zoo's database says.

    Args:
        record: What :func:`read_info` gave.
        commit: The commit, 40 hex digits.
        files: Its files.
        payload: The answer that ``record`` was read from.
    """
    problems = [*record.problems, *path_problems(file.path for file in files)]
    head, odd = _front_matter(mapping(mapping(payload).get("Data")), files)
    problems += odd
    claims = front_matter.words(head.get("license"))
    license_ = record.license
    if claims:
        url = front_matter.word(head, "license_link")
        license_ = license_of(claims, name=front_matter.word(head, "license_name"), url=url)
        if record.license.raw is not None and _differ(license_, record.license):
            problems.append(f"The card claims the licence {license_.raw!r}, and the zoo tells {record.license.raw!r}.")
    return evolve(
        record,
        ref=record.ref.at(commit),
        files=files,
        license=license_,
        base_models=_references(front_matter.words(head.get("base_model"))) or record.base_models,
        task=front_matter.word(head, "pipeline_tag") or front_matter.word(head, "tasks") or record.task,
        library=front_matter.word(head, "library_name") or record.library,
        metadata=head,
        problems=tuple(problems),
    )


def _front_matter(told: Mapping[str, Any], files: Iterable[FileEntry]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The head of the card in the answer, if that card is the ``README.md`` of the files; and what is odd about it."""
    card = told.get("ReadMeContent")
    digest = next((file.digests.get("sha256") for file in files if file.path == "README.md"), None)
    if not isinstance(card, str) or digest is None or sha256(card.encode("utf-8", "replace")).hexdigest() != digest:
        return {}, ()
    head, _, odd = front_matter.split(card.removeprefix("\ufeff").replace("\r\n", "\n"))
    if head is None:
        return {}, () if odd is None else (odd,)
    return front_matter.read(head)


def _differ(one: License, other: License) -> bool:
    """Whether two claims name different licences; one that names none differs from nothing."""
    keys = [hub_id(claim.raw or "") for claim in (one, other)]
    return keys[0] != keys[1] and "other" not in keys


def _identity(told: Mapping[str, Any], requested: Ref) -> str:
    """The id that the answer tells; the one asked for where it tells none."""
    path, name = told.get("Path"), told.get("Name")
    if path is None and name is None:
        return requested.id
    identity = f"{path}/{name}"
    if not isinstance(path, str) or not isinstance(name, str) or not is_id(identity, SCHEME):
        raise ProtocolError(f"The answer does not name a model: its id is {identity[:100]!r}.")
    return identity


def _access(told: Mapping[str, Any], page: str) -> Access:
    if told.get("ProtectedMode") == 1:
        return _gated(page)
    if told.get("Visibility") == _PRIVATE:
        return _private(page)
    if told.get("Visibility") == _INTERNAL:
        return Access(state="private", how="Only members of the organisation that owns it may see it.", url=page)
    if told.get("IsOnline") == 0:
        return Access(state="gone", how="ModelScope has taken this model down.", url=page)
    return Access()


def _gated(page: str) -> Access:
    return Access(state="gated", how="Ask at its page, while logged in, and wait for its owner's consent.", url=page)


def _private(page: str) -> Access:
    return Access(state="private", how="Only its owner and those whom the owner let in may see it.", url=page)


def _tasks(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of tasks: ``tasks`` lists texts, ``Tasks`` objects with ``Name``, once ``name``."""
    listed = told.get("Tasks", told.get("tasks"))
    if not isinstance(listed, list):
        return strings(listed)
    names = [
        mapping(item).get("Name", mapping(item).get("name")) if isinstance(item, dict) else item for item in listed
    ]
    return strings(names)


def _libraries(told: Mapping[str, Any], tags: Iterable[str]) -> tuple[str, ...]:
    prefix = "library:"
    return (
        *(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)),
        *strings(told.get("Libraries")),
        *strings(told.get("Frameworks")),
    )


def _library(names: Sequence[str]) -> str | None:
    """The most telling of several: what loads the weights, before what computes with them."""
    told = [name.lower() for name in names if name and name.lower() not in _NO_LIBRARIES]
    return next((name for name in told if name not in _FRAMEWORKS), told[0] if told else None)


def _adult(tags: Iterable[str]) -> bool | None:
    """True where its author marked it so; the zoo itself does not say."""
    return True if any(tag.casefold().rpartition(":")[2] == _ADULT for tag in tags) else None


def _references(claims: Iterable[str]) -> tuple[str, ...]:
    """Base models as references; ``owner/name@revision`` and addresses of pages are written too."""
    found = []
    for claim in claims:
        identity, _, revision = _SCHEME_OF_SITE.sub("", claim.strip()).strip("/").partition("@")
        try:
            found.append(str(Ref(scheme=SCHEME, id=identity, revision=revision or None)))
        except (RefError, Unsupported):
            continue
    return tuple(dict.fromkeys(found))


def _parameters(told: Mapping[str, Any]) -> int | None:
    """Number of parameters: ``params`` of a listing, ``model_size`` of a format; 0 means that nobody counted.

    ``model_size`` is the sum over all files of the format, so it counts one model only where there is one file, or
    where the files are its shards.
    """
    number = count(told.get("params"))
    if number:
        return number
    formats = mapping(told.get("ModelInfos"))
    for name in ("safetensor", "gguf"):
        number = count(mapping(formats.get(name)).get("model_size"))
        files = mapping(formats.get(name)).get("files")
        names = [str(mapping(file).get("name")) for file in files] if isinstance(files, list) else []
        if number and (len(names) < 2 or all(map(_SHARD.search, names))):
            return number
    return None


def moment(value: Any) -> datetime | None:
    """Returns a time in any of the zoo's spellings as aware UTC; None when it is none.

    Seconds or, beyond 10^12, milliseconds since 1970, as number or text; or ISO 8601. The zero of their language,
    which is the year 1, and 0 itself are no times.
    """
    if isinstance(value, str):
        told = instant(value)
        if told is not None:
            return told if told.year > 1 else None
        if re.fullmatch(r"[0-9]{1,16}(?:\.[0-9]{1,9})?", value) is None:
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e16:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value > 1e12 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


# -- answers: commits and files -----------------------------------------------------------------


def read_log(payload: Any) -> str | None:
    """Reads the newest commit of a log; None: there is no such branch, tag or commit.

    Raises:
        ProtocolError: No log, or a commit that is none.
    """
    data = fields(payload, "the log of commits").get("Data")
    listed = fields(data, "the log of commits").get("Commit")
    if listed is None or listed == []:
        return None
    commit = mapping(entries(listed, "the list of commits")[0]).get("Id")
    if not isinstance(commit, str) or not is_commit(commit):
        raise ProtocolError(f"The log does not name a commit: its Id is {str(commit)[:100]!r}.")
    return commit


def read_history(payload: Any) -> tuple[str, ...]:
    """Reads a page of a log.

    Raises:
        ProtocolError: No log.
    """
    data = fields(payload, "the log of commits").get("Data")
    listed = fields(data, "the log of commits").get("Commit")
    found = [] if listed is None else entries(listed, "the list of commits")
    return tuple(strings([mapping(item).get("Id") for item in found]))


def read_names(payload: Any) -> frozenset[str]:
    """Reads the names of branches and tags.

    Raises:
        ProtocolError: No object.
    """
    names = mapping(fields(fields(payload, "the names").get("Data"), "the names").get("RevisionMap"))
    listed = [item for kind in ("Branches", "Tags") if isinstance(names.get(kind), list) for item in names[kind]]
    return frozenset(strings([mapping(item).get("Revision") for item in listed]))


@frozen(kw_only=True)
class Tree:
    """One listing of files.

    Attributes:
        entries: Files and folders, as listed.
        last: Commit, or the beginning of one, that the server says it listed. None when it does not say.
    """

    entries: tuple[Mapping[str, Any], ...]
    last: str | None = None

    @property
    def cut(self) -> bool:
        """Whether it may lack entries."""
        return len(self.entries) >= CUT

    @property
    def folders(self) -> tuple[str, ...]:
        """Paths of the folders that it lists."""
        return tuple(safe_path(path_of(entry)) for entry in self.entries if entry.get("Type") == "tree")


def read_tree(payload: Any, *, root: str = "") -> Tree:
    """Reads a listing of files.

    Args:
        payload: The JSON, with its envelope.
        root: The folder that was asked for. Empty: all.

    Raises:
        ProtocolError: No list, an entry that is no object or has no name, or one that is not below ``root``.
    """
    data = fields(fields(payload, "the files").get("Data"), "the files")
    # An empty list of theirs may be written as null.
    listed = [] if data.get("Files") is None else entries(data.get("Files"), "the list of files")
    found = tuple(fields(entry, "a file") for entry in listed)
    for entry in found:
        if root and not path_of(entry).startswith(root + "/"):
            raise ProtocolError(f"The files below {root!r} were asked for, and {path_of(entry)[:200]!r} is listed.")
    committer = mapping(data.get("LatestCommitter"))
    last = next(
        (
            told
            for told in (committer.get("Id"), committer.get("ShortId"))
            if isinstance(told, str) and _SHORT.fullmatch(told)
        ),
        None,
    )
    return Tree(entries=found, last=last)


def path_of(entry: Mapping[str, Any]) -> str:
    """The path of a listed file or folder.

    Raises:
        ProtocolError: It has none.
    """
    path = entry.get("Path")
    if not isinstance(path, str):
        raise ProtocolError("The answer lists a file without a path.")
    return path


def read_files(listed: Iterable[Mapping[str, Any]]) -> tuple[FileEntry, ...]:
    """Reads the files of listings; folders are left out, and what is listed twice is taken once.

    Raises:
        ProtocolError: An entry without a path.
        IntegrityError: A name that is not safe, or two entries for one name that differ.
    """
    found: dict[str, FileEntry] = {}
    for entry in listed:
        if entry.get("Type") in ("tree", "commit"):  # a folder, a submodule
            continue
        file = _file(entry)
        known = found.setdefault(file.path, file)
        if (known.size, known.digests) != (file.size, file.digests):
            raise IntegrityError(f"ModelScope lists {file.path!r} twice, with different sizes or digests.")
    for path in found:
        folder = path
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            if folder in found:
                raise IntegrityError(f"ModelScope lists {folder!r} both as a file and as the folder of {path!r}.")
    return tuple(found.values())


def _file(told: Mapping[str, Any]) -> FileEntry:
    path = safe_path(path_of(told))
    role, format_ = classify(path)
    size, digest = count(told.get("Size")), told.get("Sha256")
    digests: dict[str, str] = {}
    if isinstance(digest, str) and _SHA256.fullmatch(digest) and len(set(digest)) > 1:
        digests["sha256"] = digest.lower()
    if size == 0 and digests.get("sha256") != _EMPTY:
        size = None  # 0 is written for unknown too
    if size and digests.get("sha256") == _EMPTY:
        digests = {}  # the hash of no bytes: nothing had arrived when it was taken
    extra, _ = unread(told, _FILE_READ)  # Revision is the last commit that touched this one file, no pin
    return FileEntry(path=path, size=size, digests=digests, role=role, format=format_, extra=extra)


def read_account(payload: Any) -> Account:
    """Reads the account of a token: the zoo's own fields, or those of OpenID Connect.

    Raises:
        ProtocolError: No object, or one without a name.
    """
    told = fields(payload, "an account")
    told = mapping(told["data"]) if "data" in told else told
    for name in ("username", "Username", "preferred_username", "name"):
        found = string(told.get(name))
        if found is not None:
            return Account(name=found)
    raise ProtocolError("The answer names no account.")
