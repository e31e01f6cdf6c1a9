"""The Hub's JSON and our records, both ways; pure.

Sources: the Hub's API (https://huggingface.co/docs/hub/api), the client ``huggingface_hub`` 2.4.0, and recorded
answers. A field that is absent, null or of another type reads as not told; only what a record cannot do without
(the id, the commit, the list of files) is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from attrs import evolve

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.net.exchange import Response
from zooclient.net.origin import masked, origin
from zooclient.providers.base import Account
from zooclient.providers.reading import (
    count,
    entries,
    fields,
    instant,
    is_commit,
    is_id,
    mapping,
    plain,
    string,
    strings,
    unread,
)
from zooclient.records.classify import FORMATS, classify
from zooclient.records.filters import most_parameters
from zooclient.records.licenses import hub_id, license_of
from zooclient.records.model import Access, Demo, FileEntry, Hit, License, ModelRecord
from zooclient.records.paths import path_problems, safe_path
from zooclient.records.query import Query
from zooclient.records.ref import Ref
from zooclient.records.sizes import weights_size

SCHEME = "hf"

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;]*))?)*)')

#: Fields that a hit is made of, asked for by name: a listing's default set lacks half of them.
LISTED = (
    *("author", "createdAt", "disabled", "downloads", "gated", "lastModified", "library_name", "likes"),
    *("pipeline_tag", "private", "safetensors", "tags", "trendingScore"),
)

#: Order of ours → the Hub's. It has no order by relevance.
SORTS = {
    "downloads": "downloads",
    "likes": "likes",
    "trending": "trendingScore",
    "updated": "lastModified",
    "created": "createdAt",
}

#: Format of ours → the Hub's tag, where the two differ.
_FORMAT_TAGS = {
    "pickle": "pytorch",
    "flax": "jax",
    "tensorflow": "tf",
}
#: Tag of the Hub → format.
_TAGGED = {_FORMAT_TAGS.get(name, name): name for name in FORMATS}

#: The one tag by which authors mark what is not for all.
_ADULT = "not-for-all-audiences"

#: Hits of a page at the most.
PAGE = 100

_INFO_READ = frozenset(
    {
        *("_id", "id", "modelId", "author", "sha", "lastModified", "createdAt", "private", "disabled", "gated"),
        *("likes", "downloads", "tags", "pipeline_tag", "library_name", "cardData", "siblings"),
    }
)
_FILE_READ = frozenset({"rfilename", "path", "size", "blobId", "oid", "lfs", "type"})


# -- questions ----------------------------------------------------------------------------------


def info_url(endpoint: str, ref: Ref) -> str:
    """Address of the record of a revision, with sizes and digests of its files."""
    url = f"{endpoint}/api/models/{quote(ref.id)}"
    if ref.revision is not None:
        url += f"/revision/{quote(ref.revision, safe='')}"
    return f"{url}?blobs=true"


def tree_url(endpoint: str, repository: str, commit: str) -> str:
    """Address of the first page of all files of a commit."""
    return f"{endpoint}/api/models/{quote(repository)}/tree/{commit}?recursive=true&expand=false"


def refs_url(endpoint: str, repository: str) -> str:
    """Address of the branches and tags."""
    return f"{endpoint}/api/models/{quote(repository)}/refs"


def log_url(endpoint: str, repository: str, commit: str) -> str:
    """Address of the commits that led to a commit, the newest first."""
    return f"{endpoint}/api/models/{quote(repository)}/commits/{commit}?limit=1000"


def spaces_url(endpoint: str, repository: str) -> str:
    """Address of the Spaces that declare to use a model, the best liked first, with their state."""
    asked = [("models", repository), ("sort", "likes"), ("limit", "100"), ("expand", "runtime"), ("expand", "likes")]
    return f"{endpoint}/api/spaces?{urlencode(asked)}"


def file_url(endpoint: str, repository: str, commit: str, path: str) -> str:
    """Address of the bytes of a file."""
    return f"{endpoint}/{quote(repository)}/resolve/{quote(commit, safe='')}/{quote(path)}"


def search_url(endpoint: str, query: Query, *, thinned: bool = False) -> str:
    """Address of the first page of a search; ``thinned``: hits are left out on our side, so a whole page is asked.

    What fits into some memory has no more parameters than go into it at four bits each: the Hub leaves out the rest.
    """
    asked: list[tuple[str, str]] = []
    for name, value in (("search", query.text.strip()), ("author", query.author), ("pipeline_tag", query.task)):
        if value:
            asked.append((name, value))
    asked += [("filter", tag) for tag in query_tags(query)]
    if query.gated is not None:
        asked.append(("gated", "true" if query.gated else "false"))
    most = [query.max_parameters, None if query.fits is None else most_parameters(query.fits)]
    bounds = (("min", query.min_parameters), ("max", min((bound for bound in most if bound is not None), default=None)))
    told = ",".join(f"{name}:{bound}" for name, bound in bounds if bound is not None)
    if told:
        asked.append(("num_parameters", told))
    if query.sort in SORTS:
        asked.append(("sort", SORTS[query.sort]))
    asked.append(("limit", str(PAGE if thinned else min(query.limit or PAGE, PAGE))))
    # What the Hub tells of GGUF is large, for it holds the chat template.
    asked += [("expand", name) for name in (*LISTED, *(("gguf",) if told else ()))]
    return f"{endpoint}/api/models?{urlencode(asked)}"


def query_tags(query: Query) -> tuple[str, ...]:
    """Returns the tags, all of which a hit must have, that the fields of a query stand for."""
    tags = list(query.tags)
    if query.library:
        tags.append(query.library)
    if query.language:
        tags.append(query.language)
    if query.license:
        tags.append(f"license:{hub_id(query.license)}")
    if query.format:
        tags.append(_FORMAT_TAGS.get(query.format.lower(), query.format.lower()))
    base = base_model_id(query)
    if base is not None:
        tags.append(f"base_model:{base}")
    return tuple(dict.fromkeys(tags))


def base_model_id(query: Query) -> str | None:
    """Returns the Hub's id of the base model of a query; None when there is none, or it is of another zoo."""
    if not query.base_model:
        return None
    if is_id(query.base_model, SCHEME):
        return query.base_model
    ref = Ref.parse(query.base_model)
    return ref.id if ref.scheme == SCHEME else None


# -- answers ------------------------------------------------------------------------------------


def read_info(payload: Any, requested: Ref, *, endpoint: str) -> ModelRecord:
    """Reads the answer about one model.

    Args:
        payload: The JSON.
        requested: The reference as it was asked for.
        endpoint: Address of the server, without a slash at the end.

    Raises:
        ProtocolError: No object, or one without id, commit or list of files.
        IntegrityError: A file name that is not safe, or one listed twice.
    """
    told = fields(payload, "a model")
    identity, commit = _identity(told), _commit(told)
    files = read_files(entries(told.get("siblings"), "the list of files (siblings)"))
    metadata = plain(mapping(told.get("cardData")))
    extra, dropped = unread(told, _INFO_READ)
    tags = strings(told.get("tags"))
    problems = [*path_problems(file.path for file in files)]
    problems += [f"The field {name!r} of the answer was too large to be kept." for name in dropped]
    if identity != requested.id:
        how = "spelled" if identity.lower() == requested.id.lower() else "now called"
        problems.insert(0, f"{SCHEME}:{requested.id} is {how} {SCHEME}:{identity}.")
    return ModelRecord(
        ref=Ref(scheme=SCHEME, id=identity, revision=commit),
        requested=requested,
        pin="commit",
        title=identity.rpartition("/")[2],
        files=files,
        stable_id=string(told.get("_id")),
        endpoint=origin(endpoint),
        author=_author(told, identity),
        task=string(told.get("pipeline_tag")),
        library=string(told.get("library_name")),
        license=_license(metadata, tags, f"{endpoint}/{identity}/blob/{commit}/"),
        tags=tags,
        downloads=count(told.get("downloads")),
        likes=count(told.get("likes")),
        created_at=instant(told.get("createdAt")),
        updated_at=instant(told.get("lastModified")),
        access=_access(told, f"{endpoint}/{identity}"),
        nsfw=_ADULT in tags,
        web_url=f"{endpoint}/{identity}",
        base_models=_base_models(metadata, tags),
        parameters=_parameters(told),
        metadata=metadata,
        problems=tuple(problems),
        extra=extra,
    )


def read_files(listed: Sequence[Any]) -> tuple[FileEntry, ...]:
    """Reads ``siblings`` or the files of ``/tree``; directories of a tree are left out.

    Raises:
        ProtocolError: An entry that is no object or has no name.
        IntegrityError: A name that is not safe, or two entries for one name that differ.
    """
    found: dict[str, FileEntry] = {}
    for entry in listed:
        told = fields(entry, "a file")
        if told.get("type") == "directory":
            continue
        file = _file(told)
        known = found.setdefault(file.path, file)
        if known != file:
            raise IntegrityError(f"The Hub lists {file.path!r} twice, with different sizes or digests.")
    _no_file_is_a_folder(found)
    return tuple(found.values())


def _file(told: Mapping[str, Any]) -> FileEntry:
    name = told.get("rfilename", told.get("path"))
    if not isinstance(name, str):
        raise ProtocolError("The answer lists a file without a name.")
    path = safe_path(name)
    role, format_ = classify(path)
    lfs = told.get("lfs")
    size = count(told.get("size"))
    digests: dict[str, str] = {}
    if lfs:
        # blobId and oid of such a file are the hash of its pointer, never of its content.
        content = mapping(lfs).get("sha256", mapping(lfs).get("oid"))
        size = count(mapping(lfs).get("size")) if mapping(lfs).get("size") is not None else size
        if _is_digest(content, 64):
            digests["sha256"] = str(content).lower()
    else:
        blob = told.get("blobId", told.get("oid"))
        if _is_digest(blob, 40):
            digests["git-sha1"] = str(blob).lower()
    extra, _ = unread(told, _FILE_READ)
    return FileEntry(path=path, size=size, digests=digests, role=role, format=format_, extra=extra)


def _is_digest(value: Any, length: int) -> bool:
    """Whether it is a digest. One that is masked, as the Hub does for gated models, is not known."""
    if not isinstance(value, str) or re.fullmatch(f"[0-9a-fA-F]{{{length}}}", value) is None:
        return False
    return len(set(value)) > 1  # masked by one hex digit


def _no_file_is_a_folder(files: Mapping[str, FileEntry]) -> None:
    for path in files:
        folder = path
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            if folder in files:
                raise IntegrityError(f"The Hub lists {folder!r} both as a file and as the folder of {path!r}.")


def lacks_details(siblings: Sequence[Any]) -> bool:
    """Tells whether a list of files was given by name only, as mirrors do; masked digests are details."""
    return any("size" not in mapping(item) or not {"blobId", "lfs"} & mapping(item).keys() for item in siblings)


def with_files(record: ModelRecord, files: tuple[FileEntry, ...]) -> ModelRecord:
    """Returns the record with the files of the commit's tree in place of a list of names."""
    known = set(path_problems(file.path for file in record.files))
    problems = [sentence for sentence in record.problems if sentence not in known]
    listed, there = {file.path for file in record.files}, {file.path for file in files}
    if not listed <= there:
        problems.append(f"{len(listed - there)} of the files that the model lists are not in the tree of the commit.")
    return evolve(record, files=files, problems=(*problems, *path_problems(there)))


def next_page(response: Response, endpoint: str) -> str | None:
    """Returns the address of the next page (RFC 8288 ``Link``, ``rel="next"``); None on the last.

    Raises:
        IntegrityError: It is on another server, which would be sent what this one is entitled to.
    """
    for target, parameters in _LINK.findall(response.headers.get("link", "")):
        if re.search(r';\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)', parameters, re.IGNORECASE):
            url = _joined(response.request.url, target)
            if origin(url) != origin(endpoint):
                raise IntegrityError(
                    f"The server names a next page on another server ({masked(url)}), which is not followed.",
                    url=masked(response.request.url),
                    hint="A mirror has to write its own address into its Link headers.",
                )
            return url
    return None


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:
        return target  # no URL at all; origin() refuses it


def read_hits(payload: Any, *, endpoint: str) -> tuple[Hit, ...]:
    """Reads a listing. A row whose id is no model's is left out.

    Raises:
        ProtocolError: No list, or a row that is no object or has no id.
    """
    rows = [fields(row, "a model") for row in entries(payload, "the list of models")]
    return tuple(_hit(row, endpoint) for row in rows if _row_is_model(row))


def _row_is_model(row: Mapping[str, Any]) -> bool:
    name = row.get("id", row.get("modelId"))
    if not isinstance(name, str):
        raise ProtocolError("The answer lists a model without an id.")
    return is_id(name, SCHEME)


def _hit(told: Mapping[str, Any], endpoint: str) -> Hit:
    identity = _identity(told)
    tags = strings(told.get("tags"))
    claims = _license({}, tags, "")
    commit = told.get("sha")
    revision = commit if isinstance(commit, str) and is_commit(commit) else None
    extra, _ = unread(told, _INFO_READ)
    return Hit(
        ref=Ref(scheme=SCHEME, id=identity, revision=revision),
        title=identity.rpartition("/")[2],
        author=_author(told, identity),
        task=string(told.get("pipeline_tag")),
        library=string(told.get("library_name")),
        license=claims if claims.raw is not None else None,
        tags=tags,
        downloads=count(told.get("downloads")),
        likes=count(told.get("likes")),
        created_at=instant(told.get("createdAt")),
        updated_at=instant(told.get("lastModified")),
        access=_access(told, f"{endpoint}/{identity}"),
        nsfw=_ADULT in tags,
        web_url=f"{endpoint}/{identity}",
        base_models=_base_models({}, tags),
        parameters=_parameters(told),
        weights_size=_weights_size(told),
        formats=tuple(dict.fromkeys(_TAGGED[tag] for tag in tags if tag in _TAGGED)),
        extra=extra,
    )


def read_demos(payload: Any, *, endpoint: str) -> tuple[Demo, ...]:
    """Reads a listing of Spaces.

    Raises:
        ProtocolError: No list, or a row that is no object.
    """
    rows = [fields(row, "a Space") for row in entries(payload, "the list of Spaces")]
    return tuple(
        Demo(id=row["id"], url=f"{endpoint}/spaces/{row['id']}", state=space_state(row.get("runtime")))
        for row in rows
        if isinstance(row.get("id"), str) and is_id(row["id"], SCHEME)
    )


def space_state(runtime: Any) -> str | None:
    """Returns the stage of a Space's runtime, such as ``RUNNING``: an open set of words. None when not told."""
    return string(mapping(runtime).get("stage"))


def read_refs(payload: Any) -> dict[str, str]:
    """Reads branches, tags and converted branches: name and full name → commit. A branch wins over a tag.

    Raises:
        ProtocolError: No object.
    """
    told = fields(payload, "the branches and tags")
    found: dict[str, str] = {}
    for kind in ("branches", "tags", "converts", "pullRequests"):
        for item in told.get(kind) or () if isinstance(told.get(kind), list) else ():
            target = mapping(item).get("targetCommit")
            if isinstance(target, str) and is_commit(target):
                for name in (mapping(item).get("name"), mapping(item).get("ref")):
                    if isinstance(name, str):
                        found.setdefault(name, target)
    return found


def read_log(payload: Any) -> frozenset[str]:
    """Reads a page of a log of commits.

    Raises:
        ProtocolError: No list.
    """
    return frozenset(strings([mapping(item).get("id") for item in entries(payload, "the log of commits")]))


def read_account(payload: Any) -> Account:
    """Reads the answer of ``whoami-v2``.

    Raises:
        ProtocolError: No object, or one without a name.
    """
    told = fields(payload, "an account")
    name = string(told.get("name"))
    if name is None:
        raise ProtocolError("The answer names no account.")
    token = mapping(mapping(told.get("auth")).get("accessToken"))
    return Account(name=name, kind=string(told.get("type")) or "user", role=string(token.get("role")))


# -- parts --------------------------------------------------------------------------------------


def _identity(told: Mapping[str, Any]) -> str:
    name = told.get("id", told.get("modelId"))
    if not isinstance(name, str) or not is_id(name, SCHEME):
        raise ProtocolError(f"The answer does not name a model: its id is {str(name)[:100]!r}.")
    return name


def _commit(told: Mapping[str, Any]) -> str:
    commit = told.get("sha")
    if not isinstance(commit, str) or not is_commit(commit):
        raise ProtocolError(f"The answer does not name the commit: its sha is {str(commit)[:100]!r}.")
    return commit


def _author(told: Mapping[str, Any], identity: str) -> str | None:
    return string(told.get("author")) or identity.rpartition("/")[0] or None


def _access(told: Mapping[str, Any], page: str) -> Access:
    if told.get("disabled") is True:
        return Access(state="gone", how="The Hub has disabled this model; its files are not handed out.", url=page)
    if told.get("private") is True:
        return Access(state="private", how="Only its owner and those whom the owner let in may see it.", url=page)
    gated = told.get("gated")
    if gated == "manual":
        return Access(state="gated", how="Ask at its page and wait until its authors let you in.", url=page)
    if gated:
        return Access(state="gated", how="Accept the conditions at its page while logged in.", url=page)
    return Access()


def _license(metadata: Mapping[str, Any], tags: Iterable[str], files: str) -> License:
    claims = strings(metadata.get("license")) or tuple(
        tag.removeprefix("license:") for tag in tags if tag.startswith("license:")
    )
    link = string(metadata.get("license_link"))
    if link is not None and files and re.fullmatch(r"[\w .-]+(?:/[\w .-]+)*", link) and ".." not in link:
        link = files + quote(link)  # a file of the model
    return license_of(claims, name=string(metadata.get("license_name")), url=link)


def _base_models(metadata: Mapping[str, Any], tags: Iterable[str]) -> tuple[str, ...]:
    claims = strings(metadata.get("base_model")) or tuple(
        tag.rpartition(":")[2] for tag in tags if tag.startswith("base_model:")
    )
    return tuple(dict.fromkeys(f"{SCHEME}:{name}" for name in map(_bare_id, claims) if is_id(name, SCHEME)))


def _bare_id(claim: str) -> str:
    """Authors write the address of a page where an id is meant."""
    return re.sub(r"\Ahttps?://(?:huggingface\.co|hf\.co)/", "", claim.strip()).strip("/")


def _parameters(told: Mapping[str, Any]) -> int | None:
    """Number of parameters: ``safetensors.total`` counts elements, as ``gguf.total`` does; not bytes."""
    for field in ("safetensors", "gguf"):
        total = count(mapping(told.get(field)).get("total"))
        if total is not None:
            return total
    return None


def _weights_size(told: Mapping[str, Any]) -> int | None:
    """Bytes of the weights, from the count of each type of element; None where the types are not told."""
    types = mapping(mapping(told.get("safetensors")).get("parameters"))
    counts = {name: number for name, number in types.items() if count(number) is not None}
    return weights_size(counts) if len(counts) == len(types) else None
