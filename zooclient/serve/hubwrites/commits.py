"""Commits, and the question that goes before them: how each file is to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Final

from attrs import evolve, frozen

from zooclient.errors import ConfigError
from zooclient.serve.attributes import LARGE, Attributes
from zooclient.serve.exchange import Answer, Intake, Refusal, json_answer
from zooclient.serve.folder import FolderShelf, check_path
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.cards import card_errors
from zooclient.serve.hubwrites.ignoring import Ignored
from zooclient.serve.hubwrites.lfs import check_room
from zooclient.serve.hubwrites.ndjson import (
    MOST_LINE,
    AddFile,
    AddLarge,
    Copy,
    Delete,
    Header,
    Operation,
    read_candidates,
    read_commit,
)
from zooclient.serve.hubwrites.repos import LFS, standard
from zooclient.serve.hubwrites.visit import Visit, branch_of
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.shelf import Commit, Repository, ShelfFile

#: Bytes of the body of a commit at the most.
_MOST: Final = 1024 * 1024 * 1024


@frozen(kw_only=True)
class _Change:
    """An operation whose content is kept already.

    Attributes:
        operation: What is asked.
        file: The file that comes to be. None: none does, or it is a copy.
    """

    operation: Operation
    file: ShelfFile | None = None


def preupload(visit: Visit, name: str, revision: str) -> Answer:
    """``POST /api/models/{id}/preupload/{revision}``."""
    repository = visit.contributed(name, pull=visit.question.flag("create_pr"))
    _, base = branch_of(repository, revision)
    try:
        candidates, ignore, attributes = read_candidates(visit.question.body)
    except ValueError as error:
        raise Refusal(said.refused(400, str(error), model=repository.id)) from None
    shelf = visit.writable.shelf
    ignored = Ignored(ignore if ignore is not None else _text(shelf, base, ".gitignore"))
    rule = shelf.attributes(base.files) if attributes is None else Attributes(attributes)
    files = []
    for candidate in candidates:
        large = candidate.size > 0 and (rule.large(candidate.path, candidate.size) or candidate.binary)
        entry = base.files.get(candidate.path)
        told = {
            "path": candidate.path,
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": ignored(candidate.path),
            "oid": None if entry is None else entry.digest,
        }
        files.append(told)
    return json_answer({"files": files}, model=repository.id)


def intake(writable: Writable, *, known: bool) -> Intake:
    """Where the body of a commit goes; that of one who is not known is read and thrown away."""
    return Intake(folder=writable.objects.folder, most=_MOST if known else 0)


def commit(visit: Visit, name: str, revision: str) -> Answer:
    """``POST /api/models/{id}/commit/{revision}``: all of it, or nothing."""
    pull = visit.question.flag("create_pr")
    repository = visit.contributed(name, pull=pull)
    branch_of(repository, revision)
    received = visit.question.received
    if received is None or received.size > _MOST:
        raise Refusal(said.refused(413, "The commit is too large", model=repository.id))
    try:
        with received.path.open("rb") as body:
            header, operations = read_commit(_lines(body))
            changes = [_kept(visit, repository, operation) for operation in operations]
    except (ValueError, ConfigError) as error:
        raise Refusal(said.refused(400, str(error), model=repository.id)) from None
    more = {
        change.file.digest: change.file.size
        for change in changes
        if isinstance(change.operation, AddFile) and change.file
    }
    check_room(visit, repository, sum(more.values()))
    with visit.writable.shelf.held():
        # As it is now: the body may have taken its time.
        return _moved(visit, visit.repository(repository.id), revision, header, changes, pull=pull)


def _moved(
    visit: Visit, repository: Repository, revision: str, header: Header, changes: list[_Change], *, pull: bool
) -> Answer:
    branch, base = branch_of(repository, revision)
    if header.parent is not None:
        parent = repository.find(header.parent)
        if parent is None or (not pull and parent.id != base.id):
            raise Refusal(said.refused(412, said.MOVED_ON, model=repository.id))
        base = parent
    told: dict[str, object] = {}
    if pull:
        number = 1 + max((int(known) for known in repository.pulls if known.isdigit()), default=0)
        branch = f"refs/pr/{number}"
        told["pullRequestUrl"] = f"{visit.question.base}/{repository.id}/discussions/{number}"
    shelf = visit.writable.shelf
    entries = _applied(repository, base, changes)
    made = shelf.record(repository.id, _tracked(shelf, entries, changes), branch=branch, title=header.summary)
    url = f"{visit.question.base}/{repository.id}/commit/{made}"
    return json_answer(
        {"success": True, "commitOid": made, "commitUrl": url, "hookOutput": "", **told}, model=repository.id
    )


def _kept(visit: Visit, repository: Repository, operation: Operation) -> _Change:
    """Keeps the content of an operation, which no commit has yet."""
    shelf = visit.writable.shelf
    if isinstance(operation, AddFile):
        if len(operation.content) > LARGE:
            raise ValueError(said.TOO_LARGE)
        wrong = card_errors(operation.content.decode("utf-8", "replace")) if operation.path == "README.md" else []
        if wrong:
            raise ValueError(f"Invalid metadata in README.md. {' '.join(wrong)}")
        return _Change(operation=operation, file=shelf.put(operation.path, operation.content, large=False))
    if isinstance(operation, AddLarge):
        return _Change(operation=operation, file=_large(visit, repository, operation))
    check_path(operation.path)
    return _Change(operation=operation)


def _large(visit: Visit, repository: Repository, operation: AddLarge) -> ShelfFile:
    stored = visit.writable.objects.get(repository.stable_id, operation.oid)
    if stored is not None:
        file = visit.writable.shelf.adopt(operation.path, stored.path, operation.oid)
    else:
        held = (entry for commit in repository.commits.values() for entry in commit.files.values())
        known = next((entry for entry in held if entry.sha256 == operation.oid), None)
        if known is None:
            raise Refusal(said.no_object([f"{operation.path} ({operation.oid})"], repository.id))
        check_path(operation.path)
        file = evolve(known, path=operation.path)
    if operation.size not in (None, file.size):
        raise ValueError(f"{operation.path} has {file.size} bytes, and not {operation.size}")
    return file


def _applied(repository: Repository, base: Commit, changes: list[_Change]) -> dict[str, ShelfFile]:
    """The files after every change, one after the other."""
    entries = dict(base.files)
    for change in changes:
        operation = change.operation
        if isinstance(operation, Delete):
            gone = [path for path in entries if path == operation.path or path.startswith(f"{operation.path}/")]
            if not operation.folder:
                gone = [path for path in gone if path == operation.path]
            if not gone:
                raise Refusal(_missing(repository, operation.path, "folder" if operation.folder else "file"))
            for path in gone:
                del entries[path]
            continue
        if isinstance(operation, Copy):
            there = base if operation.revision is None else repository.find(operation.revision)
            source = None if there is None else there.files.get(operation.source)
            if source is None:
                raise Refusal(_missing(repository, operation.source, "file"))
            entries[operation.path] = evolve(source, path=operation.path)
            continue
        if operation.old_path is not None and entries.pop(operation.old_path, None) is None:
            raise Refusal(_missing(repository, operation.old_path, "file"))
        if change.file is not None:
            entries[operation.path] = change.file
    for path in entries:
        parts = path.split("/")
        if any("/".join(parts[:end]) in entries for end in range(1, len(parts))):
            raise Refusal(said.refused(400, f"A file is in the way of {path}", model=repository.id))
    return entries


def _tracked(shelf: FolderShelf, entries: dict[str, ShelfFile], changes: list[_Change]) -> Mapping[str, ShelfFile]:
    """The files with a ``.gitattributes`` that names every large file which came, as the Hub keeps it."""
    text = _content(shelf, entries.get(".gitattributes"))
    rule = Attributes(text)
    lines = []
    for change in changes:
        file = change.file
        if isinstance(change.operation, AddLarge) and file is not None and not rule.large(file.path, 0):
            line = f"{file.path.replace(' ', '[[:space:]]')} {LFS}"
            if line not in (text or "").splitlines():
                lines.append(line)
    if lines:
        text = standard() if text is None else text if not text or text.endswith("\n") else f"{text}\n"
        content = (text + "".join(f"{line}\n" for line in dict.fromkeys(lines))).encode()
        entries[".gitattributes"] = shelf.put(".gitattributes", content, large=False)
    return entries


def _missing(repository: Repository, path: str, kind: str) -> Answer:
    message = f"A {kind} with this name doesn't exist: {path}"
    return said.refused(404, message, code="EntryNotFound", model=repository.id)


def _text(shelf: FolderShelf, commit: Commit, path: str) -> str | None:
    return _content(shelf, commit.files.get(path))


def _content(shelf: FolderShelf, entry: ShelfFile | None) -> str | None:
    place = None if entry is None else shelf.place(entry.digest)
    return None if place is None else place.path.read_text("utf-8", "replace")


def _lines(body: IO[bytes]) -> Iterator[bytes]:
    while line := body.readline(MOST_LINE + 1):
        yield line
