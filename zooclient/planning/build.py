"""The plan: which files are wanted, which of them are held, which must be fetched."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from zooclient.errors import IntegrityError, NotFound
from zooclient.planning.choice import skipped_weights
from zooclient.planning.reaching import Reaching
from zooclient.records.digest import proves
from zooclient.records.globs import matches
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.plan import Plan, Reuse, Skip
from zooclient.records.wishes import Wishes

_NAMED = 5  # names in an error before "and N more"
_COMPARED = 2000  # names at the most that are compared with a mistyped one, which is slow


def build_plan(record: ModelRecord, wishes: Wishes, held: Callable[[FileEntry], str | None]) -> Plan:
    """Says what a download would do.

    Args:
        record: The model, pinned.
        wishes: What is wanted of it.
        held: Place that holds a file already, None when none does. Asked once for each wanted file.

    Raises:
        NotFound: A pattern matches no file, or nothing is left to want.
        ConfigError: ``weights`` names no format or variant that is there, or several variants leave a choice.
        IntegrityError: A file would have to be fetched for which the zoo states no digest.
    """
    wanted, skip = select(record, wishes)
    fetch: list[FileEntry] = []
    reuse: list[Reuse] = []
    for entry in wanted:
        place = held(entry)
        if place is None:
            fetch.append(entry)
        else:
            reuse.append(Reuse(file=entry, place=place))
    if not wishes.allow_unverified:
        _refuse_unproved(record, fetch)
    return Plan(record=record, wishes=wishes, fetch=tuple(fetch), reuse=tuple(reuse), skip=skip)


def select(record: ModelRecord, wishes: Wishes) -> tuple[tuple[FileEntry, ...], tuple[Skip, ...]]:
    """Divides the files of a record into those wanted and those left out, each with its reason.

    Patterns are applied first; ``weights`` then chooses among what they leave. A file that ``files`` names
    exactly is never taken for a superfluous copy by ``auto``.

    Raises:
        NotFound: A pattern matches no file, or nothing is left to want.
        ConfigError: ``weights`` names no format or variant that is there, or several variants leave a choice.
    """
    reasons: dict[str, str] = {}
    matched: list[FileEntry] = []
    reaching = Reaching(record, wishes)
    if wishes.files is not None:
        _refuse_unmatched(record, wishes.files, reaching)
    for entry in record.files:
        reason = reaching.reason(entry)
        if reason is not None:
            reasons[entry.path] = reason
            continue
        out = next((pattern for pattern in wishes.exclude if matches(entry.path, pattern)), None)
        if out is not None:
            reasons[entry.path] = f"excluded by {out}"
            continue
        matched.append(entry)
    # What is in a closed layer is chosen from when it has been opened.
    if not any(entry.unopened for entry in matched):
        reasons |= skipped_weights(record, tuple(matched), wishes)
    wanted = tuple(entry for entry in record.files if entry.path not in reasons)
    if record.files and not wanted:
        raise NotFound(
            f"Nothing of {record.ref} is left to download: every one of its {len(record.files)} files is left out.",
            ref=str(record.ref),
            zoo=record.ref.scheme,
            operation="plan",
            hint="Widen `files`, `exclude` or `weights` (`--file`, `--exclude`, `--weights`).",
        )
    skips = tuple(Skip(file=entry, reason=reasons[entry.path]) for entry in record.files if entry.path in reasons)
    return wanted, skips


def _refuse_unmatched(record: ModelRecord, patterns: tuple[str, ...], reaching: Reaching) -> None:
    paths = [entry.path for entry in record.files]
    for pattern in patterns:
        if any(matches(path, pattern) for path in paths) or reaching.may_match(pattern):
            continue
        near = _near(pattern, paths)
        raise NotFound(
            f"{record.ref} has no file that {pattern!r} matches.",
            ref=str(record.ref),
            zoo=record.ref.scheme,
            operation="plan",
            hint=f"Near it: {', '.join(near)}." if near else _listing(paths),
        )


def _near(pattern: str, paths: list[str]) -> list[str]:
    """Returns names that the pattern may have meant, the likeliest first."""
    paths = paths[:_COMPARED]
    folder = pattern.rstrip("/") + "/"
    if any(path.startswith(folder) for path in paths):
        return [folder]
    lower = pattern.lower()
    near = [path for path in paths if matches(path.lower(), lower) or matches(path.rpartition("/")[2], pattern)]
    near += get_close_matches(pattern, paths, n=_NAMED, cutoff=0.5)
    by_name = {path.rpartition("/")[2]: path for path in paths}
    near += [by_name[name] for name in get_close_matches(pattern.rpartition("/")[2], list(by_name), n=_NAMED)]
    return list(dict.fromkeys(near))[:_NAMED]


def _listing(paths: list[str]) -> str:
    return f"It has: {_some(paths)}." if paths else "It has no files at all."


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _refuse_unproved(record: ModelRecord, files: list[FileEntry]) -> None:
    unproved = [entry.path for entry in files if not proves(entry.digests)]
    if not unproved:
        return
    hint = "`allow_unverified=True` (`--allow-unverified`) takes them; their sha256 is then observed, not claimed."
    if record.access.state in ("gated", "pending", "private"):
        where = f" ({record.access.url})" if record.access.url else ""
        hint = (
            f"Who may read the model sees its digests: ask for access{where} and log in with "
            f"`zooclient login {record.ref.scheme}`."
        )
    raise IntegrityError(
        f"{record.ref} states no sha256 or git digest for {_some(unproved)}: what arrives could not be verified.",
        ref=str(record.ref),
        zoo=record.ref.scheme,
        operation="plan",
        hint=hint,
    )
