"""What a lock says, as the steps need it: a record without asking a zoo, and where project and lock disagree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zooclient.errors import ConfigError, IntegrityError

if TYPE_CHECKING:
    from zooclient.lock.files import Project
    from zooclient.lock.format import Lock, LockedModel
    from zooclient.lock.project import Wanted
    from zooclient.records.model import ModelRecord

#: Key of ``extra`` that marks a record made of a lock; it is not all that the zoo tells.
MARK = "made_from_lock"


def record_of_lock(locked: LockedModel) -> ModelRecord:
    """Returns what a lock knows of a model: the files that it locks, each by its sha256.

    No rights are taken from it: whether the bytes may be had, the zoo says when it is asked for them.
    """
    from zooclient.records.classify import classify
    from zooclient.records.model import Access, FileEntry, License, ModelRecord

    files = []
    for file in locked.files:
        role, format_ = classify(file.path)
        files.append(
            FileEntry(
                path=file.path,
                size=file.size,
                digests={"sha256": file.sha256},
                role=role,
                format=format_,
                key=file.key,
            )
        )
    return ModelRecord(
        ref=locked.ref,
        requested=locked.ref,
        pin="version" if locked.ref.versioned else "commit",
        title=locked.ref.id,
        files=tuple(files),
        stable_id=locked.stable_id,
        endpoint=locked.origin,
        author=locked.owner,
        license=License(raw=locked.license),
        created_at=locked.created_at,
        updated_at=locked.updated_at,
        base_models=locked.base_models,
        access=Access(),
        problems=("Made of a lock, which knows the files that it locks and no more.",),
        extra={MARK: True},
    )


def held_to_lock(record: ModelRecord, locked: LockedModel) -> ModelRecord:
    """Returns a zoo's record with the locked files alone, each with the sha256 that is locked.

    Raises:
        IntegrityError: The record says something else about one of them.
    """
    from attrs import evolve

    told = {file.path: file for file in record.files}
    files = []
    for file in locked.files:
        entry = told.get(file.path)
        claimed = None if entry is None else entry.digests.get("sha256")
        if entry is None or claimed not in (None, file.sha256) or entry.size not in (None, file.size):
            raise IntegrityError(
                f"{file.path} of {locked.ref} is locked as {file.size} bytes with the sha256 {file.sha256}, and its "
                + ("zoo lists no such file." if entry is None else f"zoo says {entry.size} and {claimed}."),
                ref=str(locked.ref),
                zoo=locked.ref.scheme,
                hint="Nothing was fetched. Find out who changed it before you lock it anew.",
            )
        files.append(evolve(entry, size=file.size, digests={**entry.digests, "sha256": file.sha256}))
    return evolve(record, files=tuple(files), requested=locked.ref)


def disagreements(wanted: Iterable[Wanted], lock: Lock) -> tuple[str, ...]:
    """Returns a sentence for each model about which a project and its lock disagree; asks nobody."""
    told = []
    names = set()
    for one in wanted:
        names.add(one.name)
        locked = lock.model(one.name)
        if locked is None:
            told.append(f"{one.name} is in the project and not in the lock.")
        elif locked.requested != one.ref:
            told.append(f"{one.name} is {one.ref} in the project, and was {locked.requested} when it was locked.")
        elif locked.wishes != one.wishes:
            told.append(f"{one.name} wants other files in the project than when it was locked.")
        elif locked.sources != one.sources:
            told.append(f"{one.name} has other sources in the project than when it was locked.")
    told += [f"{one.name} is in the lock and not in the project." for one in lock.models if one.name not in names]
    return tuple(told)


def held_lock(project: Project, operation: str, wanted: Iterable[Wanted] | None = None) -> Lock:
    """Returns the lock of a project, held to the project; asks nobody.

    Args:
        project: The project.
        operation: The step that wants it.
        wanted: The models that the project names, for who has read them. None: they are read.

    Raises:
        ConfigError: There is none, or the two disagree; the sentence names the models.
    """
    found = project.lock()
    if found is None:
        raise ConfigError(
            f"{project.file} has no lock beside it.", operation=operation, hint="`zooclient lock` makes one."
        )
    told = disagreements(project.wanted() if wanted is None else wanted, found)
    if told:
        more = f" And {len(told) - 3} more." if len(told) > 3 else ""
        raise ConfigError(
            f"{project.lock_file} does not fit {project.file.name}: {' '.join(told[:3])}{more}",
            operation=operation,
            hint="`zooclient lock` brings it up to date; look at what it changes.",
        )
    return found
