"""Publishing a folder at several zoos: look, then send, then look again.

Nothing is sent before the folder was found harmless, the card was looked at, and each zoo was asked what it has. What
is sent is sent by the zoo's own client; at the end each zoo is asked by our own flows what it holds now, and the digest
of every file is compared with that of the file in the folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.client.proving import held
from zooclient.client.publishfolder import CARD
from zooclient.client.publishplan import Asked, plan, publisher_of, revision_of
from zooclient.client.telling import telling
from zooclient.errors import Cancelled, ConfigError, IntegrityError, PolicyError, ZooError
from zooclient.net.exchange import Call
from zooclient.records.card import Card
from zooclient.records.cardcheck import refused
from zooclient.records.comparison import failure_of
from zooclient.records.licenses import hub_id
from zooclient.records.publication import Published, PublishPlan, PublishTarget, Sending, Standing
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.providers.further import TakesModels
    from zooclient.records.model import ModelRecord

#: Files that an error names at the most.
_NAMED = 3


def publish_folder(
    wiring: Wiring, what: Path | PublishPlan, refs: Sequence[Ref], asked: Asked, cancel: Cancel
) -> Flow[tuple[Published, ...]]:
    """Publishes a folder, or what was planned before.

    Raises:
        ConfigError: References stand beside a plan, which has its own.
        ZooError: As for :func:`publish`.
    """
    if not isinstance(what, PublishPlan):
        return (yield from publish(wiring, (yield from plan(wiring, what, refs, asked, cancel)), cancel))
    if refs or asked != Asked():
        raise ConfigError("A plan has its references and wishes already.", hint="Give it alone, or give the folder.")
    return (yield from publish(wiring, what, cancel))


def publish(wiring: Wiring, planned: PublishPlan, cancel: Cancel) -> Flow[tuple[Published, ...]]:
    """Publishes at one zoo after the other; what fails at one stops no other.

    Raises:
        PolicyError: The card is not fit to be published.
        IntegrityError: The folder changed since the plan was made.
        ZooError: Nothing was published anywhere: the first failure, with the others as notes.
    """
    with telling("publish", None):
        stop = refused(planned.card)
        if stop:
            raise PolicyError(
                f"The card stops it (rule {stop[0].rule}): {stop[0].message}",
                hint="`zooclient card --check DIR` tells all that is to be said against it, "
                "`zooclient card --init DIR` writes what is known.",
            )
        license: str | None = yield Call(run=partial(_unchanged, planned))
    done: list[Published] = []
    errors: list[ZooError] = []
    for target in planned.targets:
        cancel.check()
        try:
            if target.failure is not None:
                done.append(Published(asked=target.ref, state="failed", failure=target.failure))
                errors.append(_again(target))
                continue
            with telling("publish", target.ref), guarded(target.ref.scheme):
                done.append((yield from _publish(wiring, planned, target, license, cancel)))
        except Cancelled:
            raise
        except ZooError as error:
            done.append(Published(asked=target.ref, state="failed", failure=failure_of(error)))
            errors.append(error)
    if len(errors) == len(done):
        for other in errors[1:]:
            errors[0].add_note(f"{other.ref}: {other.message}" + (f" {other.hint}" if other.hint else ""))
        raise errors[0]
    return tuple(done)


def _again(target: PublishTarget) -> ZooError:
    """The error of which a plan tells."""
    from zooclient import errors

    failure = target.failure
    if failure is None:
        raise RuntimeError("A target without a failure has no error.")
    kind = getattr(errors, failure.kind, ZooError)
    error = kind(failure.message, hint=failure.hint, zoo=target.ref.scheme, ref=str(target.ref), operation="publish")
    return error if isinstance(error, ZooError) else ZooError(failure.message)


def _unchanged(planned: PublishPlan) -> str | None:
    """Blocking: holds the folder to what was looked at, and returns the licence that its card names.

    Raises:
        IntegrityError: A file was changed or removed.
    """
    root = Path(planned.folder)
    for file in planned.files:
        try:
            found = (root / file.path).stat()
        except OSError as error:
            raise IntegrityError(f"{file.path} is not there any more.", hint="Plan it again.") from error
        if (found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)) != (file.size, file.changed_at):
            raise IntegrityError(f"{file.path} changed since it was looked at.", hint="Plan it again.")
    card = root / CARD
    claim = Card.parse(card.read_bytes()).license if any(file.path == CARD for file in planned.files) else None
    return None if claim is None or claim.raw is None else claim.spdx or hub_id(claim.raw)


def _publish(
    wiring: Wiring, planned: PublishPlan, target: PublishTarget, license: str | None, cancel: Cancel
) -> Flow[Published]:
    ref, publisher = target.ref, publisher_of(wiring, target.ref)
    if not target.exists:
        yield from _make(wiring, planned, target, license, cancel)
    standing = yield from publisher.standing(ref)
    _must_be_as_planned(target, standing)
    seen = partial(Published, asked=ref, visibility=standing.visibility, steps=standing.steps)
    if not standing.takes_files:
        pinned = None if standing.head is None else ref.at(standing.head)
        return seen(state="already there" if target.exists else "created", ref=pinned)
    if not target.exists:
        there = {entry.path: entry for entry in standing.files}
        kept: set[str] = yield Call(run=partial(held, Path(planned.folder), planned.files, there))
        target = evolve(target, send=tuple(file.path for file in planned.files if file.path not in kept))
    revision, proposal = standing.head, None
    if target.send:
        sending = Sending(
            ref=ref,
            folder=planned.folder,
            paths=target.send,
            head=standing.head,
            message=planned.message,
            pull_request=planned.pull_request,
        )
        sent = yield from publisher.send(sending, cancel=cancel)
        revision, proposal = sent.revision, sent.pull_request
    record = yield from verified(wiring, planned, ref if revision is None else ref.at(revision))
    if planned.tag is not None:
        yield from _mark(wiring, publisher, record.ref, planned.tag, cancel)
    return seen(
        state="published" if target.send else "already there",
        ref=record.ref,
        content_digest=planned.content_digest,
        verified=True,
        files=len(planned.files),
        sent=planned.bytes_to_send(target),
        pull_request=proposal,
    )


def _make(
    wiring: Wiring, planned: PublishPlan, target: PublishTarget, license: str | None, cancel: Cancel
) -> Flow[None]:
    """Makes the repository. One that came to be meanwhile will do if it holds the very files, as from a twin of ours.

    Raises:
        ConfigError: The name is taken, or it was never said who is to see it.
    """
    ref, publisher = target.ref, publisher_of(wiring, target.ref)
    if target.asked is None:
        raise ConfigError(f"It was not said who is to see {ref}.", hint="Say --private or --public (visibility=).")
    try:
        yield from publisher.make(ref, target.asked, license=license, hardware=planned.hardware, cancel=cancel)
    except ConfigError:
        standing = yield from publisher.standing(ref)
        there = {entry.path: entry for entry in standing.files}
        kept: set[str] = yield Call(run=partial(held, Path(planned.folder), planned.files, there))
        if not standing.takes_files or len(kept) < len(planned.files):
            raise


def _must_be_as_planned(target: PublishTarget, standing: Standing) -> None:
    """Looks once more, just before anything is sent.

    Raises:
        PolicyError: Others would see it than was asked.
        IntegrityError: It moved since the plan was made.
    """
    if target.asked is not None and standing.visibility not in (None, target.asked):
        raise PolicyError(
            f"{target.ref} is {standing.visibility} although it was asked to be {target.asked}; no file was sent.",
            hint="Look at its page, and say what it is to be.",
        )
    if target.exists and (standing.head != target.head or standing.visibility != target.visibility):
        raise IntegrityError(
            f"{target.ref} changed since it was looked at; no file was sent.", hint="Plan it again: run it again."
        )


def _mark(wiring: Wiring, publisher: TakesModels, ref: Ref, tag: str, cancel: Cancel) -> Flow[None]:
    at = yield from revision_of(wiring, ref.at(tag))
    if at is None:
        yield from publisher.mark(ref, tag, cancel=cancel)
        at = yield from revision_of(wiring, ref.at(tag))
    if at != ref.revision:
        raise IntegrityError(
            f"The tag {tag!r} of {ref.at(None)} is at {at}, and {ref.revision} was published.",
            hint="Somebody changed the model meanwhile, or the zoo sets tags at its default branch alone. The pinned "
            "reference holds what was published.",
        )


def verified(wiring: Wiring, planned: PublishPlan, ref: Ref) -> Flow[ModelRecord]:
    """The record of what was published, every file of it proved by digest.

    Raises:
        IntegrityError: The zoo holds something else than the folder.
    """
    record = yield from wiring.provider(ref.scheme).resolve(ref)
    there = {entry.path: entry for entry in record.files}
    kept: set[str] = yield Call(run=partial(held, Path(planned.folder), planned.files, there))
    wrong = [file.path for file in planned.files if file.path not in kept]
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise IntegrityError(
            f"{record.ref} was published, and is not what lies in the folder: {', '.join(wrong[:_NAMED])}{more}.",
            hint="A file may have changed while it was sent, or the zoo ignores it. Run it again.",
        )
    return record
