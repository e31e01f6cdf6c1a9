"""A model held against a policy: by its record, the files that are wanted and its card; pure, and all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from attrs import frozen

from zooclient.errors import PolicyError
from zooclient.records.model import FileEntry, License, ModelRecord
from zooclient.records.policy import Policy, Rule, Violation
from zooclient.records.ref import Ref

if TYPE_CHECKING:  # what reads cards and licences is imported for the policies that want it
    from zooclient.records.card import Card

#: Endings of what a loader imports or executes.
_CODE = (".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".whl", ".jar", ".exe")
#: Endings of archives with pickles in them that have another format by name.
_PICKLED = (".nemo", ".pt2", ".t7", ".th")
#: What authors leave of a template, as :func:`heading_key` spells it.
_UNWRITTEN = frozenset({"more information needed", "todo", "tbd", "n a", "to be written"})
#: Word of a policy for a section → heading in the table of those that a reader needs.
_SECTIONS = {
    "uses": "Uses",
    "limitations": "Bias, Risks, and Limitations",
    "training": "Training Details",
    "evaluation": "Evaluation",
}
_NAMED = 3


@frozen(kw_only=True)
class Subject:
    """A model as a policy looks at it.

    Attributes:
        record: The model.
        files: The files that are wanted.
        bases: Each base model by its reference, with its licence; None where its record is not at hand.
        card: The card. None: it was not read, and no section is looked for.
        moving: The moving name by which it was asked for. None: it was pinned.
        partly: Whether the record is what a lock tells, which is not all; what is not told passes then.
    """

    record: ModelRecord
    files: tuple[FileEntry, ...]
    bases: tuple[tuple[str, License | None], ...] = ()
    card: Card | None = None
    moving: Ref | None = None
    partly: bool = False


class _Found(NamedTuple):
    rule: Rule
    place: str
    value: str
    told: str


def judge(policy: Policy, subject: Subject, today: date) -> tuple[tuple[Violation, ...], tuple[str, ...]]:
    """Returns what a policy does not let pass, and sentences on what could not be told and on exceptions.

    Args:
        policy: The policy.
        subject: The model.
        today: The day, for exceptions that end.
    """
    record, violations, notes = subject.record, [], []
    for found in _found(policy, subject):
        exceptions = policy.exception(found.rule, record.ref, record.requested)
        holding = next((one for one in exceptions if not one.expired(today)), None)
        if holding is not None:
            until = f", until {holding.until}" if holding.until else ""
            notes.append(f"{record.ref} is excepted from {found.rule} by {policy.source}{until}: {holding.reason}")
            continue
        ended = "".join(f"; its exception ended on {one.until}" for one in exceptions)
        violations.append(_violation(policy, record.ref, found, ended))
    if policy.base_licenses and (policy.licenses is not None or policy.denied_licenses):
        notes += [
            f"The licence of {base}, from which {record.ref} was made, is not known here."
            for base, license_ in subject.bases
            if license_ is None
        ]
    return tuple(violations), tuple(notes)


def unpinned(policy: Policy, ref: Ref, today: date) -> Violation | None:
    """Returns what a policy has against a moving name; None: nothing."""
    exceptions = policy.exception("require-pinned", ref)
    if not policy.require_pinned or any(not one.expired(today) for one in exceptions):
        return None
    ended = "".join(f"; its exception ended on {one.until}" for one in exceptions)
    return _violation(policy, ref, _moving(ref), ended)


def refusal(violations: Sequence[Violation]) -> PolicyError:
    """Returns the error for all of what was found, one sentence a model."""
    by_model: dict[tuple[str, str], list[Violation]] = {}
    for one in violations:
        by_model.setdefault((str(one.ref), one.policy), []).append(one)
    told = [
        f"{ref} is refused by {policy}: {'; '.join(f'{one.rule}: {one.told}' for one in found)}."
        for (ref, policy), found in by_model.items()
    ]
    error = PolicyError(
        " ".join(told),
        ref=str(violations[0].ref) if len({one.ref for one in violations}) == 1 else None,
        hint=" ".join(dict.fromkeys(one.remedy for one in violations)),
    )
    error.violations = tuple(violations)
    return error


def _violation(policy: Policy, ref: Ref, found: _Found, ended: str) -> Violation:
    return Violation(
        rule=found.rule,
        ref=ref,
        policy=policy.source,
        place=found.place,
        value=found.value,
        told=found.told + ended,
        remedy=_remedy(policy, ref, found),
    )


def _remedy(policy: Policy, ref: Ref, found: _Found) -> str:
    if policy.source == STRICT:
        return "`exclude=` leaves files out; without strict mode, a policy of your own can except a model."
    instead = f"`zooclient resolve {ref}` prints the pin. Or: " if found.rule == "require-pinned" else ""
    return (
        f"{instead}To allow it, in the policy of {policy.source}: "
        f'allow = [{{ ref = "{ref.at(None)}", rule = "{found.rule}", reason = "…" }}]'
    )


#: Source of the policy that strict mode is.
STRICT = "strict mode"


def _found(policy: Policy, subject: Subject) -> Iterator[_Found]:
    record = subject.record
    if policy.require_pinned and subject.moving is not None:
        yield _moving(subject.moving)
    if policy.zoos is not None and record.ref.scheme not in policy.zoos:
        zoo = record.ref.scheme
        yield _Found("zoos", "reference", zoo, f"{zoo} is none of the zoos ({_listed(policy.zoos)})")
    yield from _owner(policy, record)
    yield from _licenses(policy, subject)
    state = record.access.state
    if policy.gates is not None and state not in policy.gates:
        yield _Found("gates", "record", state, f"its access is {state}, and may be {_listed(policy.gates)}")
    yield from _files(policy, subject)
    if policy.max_size is not None:
        yield from _size(policy.max_size, subject.files)
    if policy.sections and not (subject.card is None and subject.partly):
        lacking = [name for name in policy.sections if not _written(subject.card, name)]
        if lacking:
            names = _listed(lacking)
            yield _Found("sections", "card", names, f"its card has not, or has not written: {names}")


def _moving(ref: Ref) -> _Found:
    return _Found("require-pinned", "reference", str(ref), f"{ref} names a moving revision")


def _owner(policy: Policy, record: ModelRecord) -> Iterator[_Found]:
    ref = record.ref
    if policy.owners is None or ref.scheme == "file":  # whoever has it on this machine
        return
    owner = ref.id.partition("/")[0] if "/" in ref.id else record.author or ""
    allowed = {name.casefold() for name in policy.owners}
    if allowed.isdisjoint({owner.casefold(), f"{ref.scheme}:{owner}".casefold()}):
        told = f"its owner {owner}" if owner else "its owner, who is not told,"
        yield _Found("owners", "record", owner, f"{told} is none of those allowed ({_listed(policy.owners)})")


def _licenses(policy: Policy, subject: Subject) -> Iterator[_Found]:
    allowed, denied = policy.licenses, policy.denied_licenses
    if allowed is None and not denied:
        return
    from zooclient.records.licensecheck import may_be

    why = may_be(subject.record.license, allowed, denied)
    if why is not None:
        yield _Found("licenses", "record", _name(subject.record.license), f"its licence {why}")
    for base, license_ in subject.bases if policy.base_licenses else ():
        why = None if license_ is None else may_be(license_, allowed, denied)
        if license_ is not None and why is not None:
            yield _Found("base-licenses", base, _name(license_), f"the licence of its base model {base} {why}")


def _files(policy: Policy, subject: Subject) -> Iterator[_Found]:
    files, record = subject.files, subject.record
    for format_ in policy.forbidden_formats:
        paths = [file.path for file in files if _has_format(file, format_)]
        if paths:
            names = _listed(paths)
            yield _Found("formats", names, format_, f"{names}: {format_} is forbidden")
    closed = _listed([file.path for file in files if file.unopened])
    untold = f"{closed}: nobody knows what is in a layer of its image before it was opened"
    if closed and policy.forbidden_formats:
        yield _Found("formats", closed, "unknown", untold)
    if policy.remote_code:
        return
    if closed:
        yield _Found("remote-code", closed, "unknown", untold)
    code = [file.path for file in files if file.path.lower().endswith(_CODE)]
    if code:
        names = _listed(code)
        yield _Found("remote-code", names, "code", f"{names}: code of its author, which a loader may run")
    elif "custom_code" in record.tags or _maps_to_code(record):
        yield _Found("remote-code", "record", "custom_code", "its record says that loading it runs code of its author")


def _maps_to_code(record: ModelRecord) -> bool:
    """Whether its ``config.json``, as the Hub tells it, names classes of its author's for transformers to import."""
    config = record.extra.get("config")
    return isinstance(config, Mapping) and bool(config.get("auto_map"))


def _has_format(file: FileEntry, format_: str) -> bool:
    pickled = format_ == "pickle" and file.path.lower().endswith(_PICKLED)
    return file.format == format_ or pickled


def _size(most: int, files: Iterable[FileEntry]) -> Iterator[_Found]:
    files = tuple(files)
    known = sum(file.expected_size or 0 for file in files)
    untold = [file.path for file in files if file.expected_size is None]
    if known > most:
        yield _Found("max-size", "files", str(known), f"its files are {known} bytes, and may be {most}")
    elif untold:
        yield _Found("max-size", _listed(untold), "unknown", f"the size of {_listed(untold)} is not told")


def _written(card: Card | None, name: str) -> bool:
    from zooclient.records.card import heading_key
    from zooclient.records.cardcheck import NEEDED, TO_WRITE, section_of

    if card is None:
        return False
    known = _SECTIONS.get(name.casefold())
    section = section_of(card, NEEDED[known][1] if known is not None else (name,))
    if section is None:
        return False
    text = section.text.strip()
    return bool(text) and not text.startswith(TO_WRITE) and heading_key(text) not in _UNWRITTEN


def _name(license_: License) -> str:
    return license_.spdx or license_.name or license_.raw or ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
