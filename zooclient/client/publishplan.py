"""What a publication would do: the folder, the card, and what each zoo has already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from zooclient.client.accounts import has_token
from zooclient.client.cards import findings
from zooclient.client.guests import guarded
from zooclient.client.proving import held
from zooclient.client.publishfolder import Folder, hashed_files, must_be_harmless, read_folder
from zooclient.client.telling import telling
from zooclient.errors import AccessError, Cancelled, ConfigError, NotFound, Offline, Unsupported, ZooError
from zooclient.net.exchange import Call
from zooclient.records.comparison import failure_of
from zooclient.records.publication import PublishFile, PublishPlan, PublishTarget, Standing, Visibility
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.providers.further import TakesModels


@frozen(kw_only=True)
class Asked:
    """What a publication is to be.

    Attributes:
        visibility: Who is to see it. None: not said.
        exclude: Patterns of files that stay.
        allow_pickle: Let pickled files go.
        message: First line of what is said about the change. None: a plain one.
        tag: Name that the revision gets. None: none.
        pull_request: Propose it.
        hardware: What a zoo that runs models is to run it on.
    """

    visibility: Visibility | None = None
    exclude: tuple[str, ...] = ()
    allow_pickle: bool = False
    message: str | None = None
    tag: str | None = None
    pull_request: bool = False
    hardware: str = "cpu"


def asked_of(
    visibility: str | None,
    exclude: str | Iterable[str],
    allow_pickle: bool,
    message: str | None,
    tag: str | None,
    pull_request: bool,
    hardware: str,
) -> Asked:
    """Turns the arguments of a call into what a publication is to be.

    Raises:
        ConfigError: Nobody can make a model so visible.
    """
    known: dict[str | None, Visibility | None] = {None: None, "public": "public", "private": "private"}
    if visibility not in known:
        raise ConfigError(f"No model can be made {visibility!r}.", hint='visibility="public" or "private".')
    if message is not None and not message.strip():
        raise ConfigError("The message is empty.", hint="Leave it out for a plain one.")
    return Asked(
        visibility=known[visibility],
        exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude),
        allow_pickle=allow_pickle,
        message=message,
        tag=tag,
        pull_request=pull_request,
        hardware=hardware,
    )


def plan(wiring: Wiring, place: Path, refs: Sequence[Ref], asked: Asked, cancel: Cancel) -> Flow[PublishPlan]:
    """What a publication would do. Nothing is changed anywhere.

    Raises:
        PolicyError: The folder holds a credential or a pickle.
        ConfigError: There is nothing to publish, or nowhere.
    """
    if not refs:
        raise ConfigError("There is nowhere to publish to.", hint="Name a model at a zoo, such as hf:OWNER/NAME.")
    with telling("publish", None):
        folder: Folder = yield Call(run=partial(read_folder, place, exclude=asked.exclude))
        if not folder.paths:
            raise ConfigError(f"There is nothing to publish in {place}.", hint="Hidden files are left out.")
        yield Call(run=partial(must_be_harmless, folder, allow_pickle=asked.allow_pickle))
        files: tuple[PublishFile, ...] = yield Call(run=partial(hashed_files, folder, cancel))
        card = yield from findings(wiring, folder.card, None)
    targets = []
    for ref in dict.fromkeys(refs):
        try:
            with telling("publish", ref), guarded(ref.scheme):
                targets.append((yield from _target(wiring, folder.root, files, ref, asked)))
        except Cancelled:
            raise
        except ZooError as error:
            targets.append(PublishTarget(ref=ref, asked=asked.visibility, failure=failure_of(error)))
    return PublishPlan(
        folder=str(folder.root),
        files=files,
        left_out=folder.left_out,
        card=card,
        targets=tuple(targets),
        message=asked.message or f"Publish {folder.root.name}",
        tag=asked.tag,
        pull_request=asked.pull_request,
        hardware=asked.hardware,
    )


def _target(wiring: Wiring, root: Path, files: Sequence[PublishFile], ref: Ref, asked: Asked) -> Flow[PublishTarget]:
    publisher = publisher_of(wiring, ref)
    if ref.content_digest is not None:
        raise ConfigError(f"{ref} names a content; what is published is what lies in the folder.")
    standing = yield from publisher.standing(ref)
    _must_agree(ref, standing, asked.visibility)
    target = PublishTarget(
        ref=ref,
        exists=standing.exists,
        visibility=standing.visibility,
        asked=asked.visibility,
        head=standing.head,
        steps=standing.steps,
    )
    if not standing.takes_files:
        return target
    if asked.pull_request and not (standing.takes_proposals and standing.exists):
        raise Unsupported(
            f"A change of {ref} cannot be proposed: "
            + ("it does not exist yet." if standing.takes_proposals else "the zoo's interface takes no proposals."),
            hint="Publish without --pr.",
        )
    there = {entry.path: entry for entry in standing.files}
    kept: set[str] = yield Call(run=partial(held, root, files, there))
    target = evolve(
        target,
        send=tuple(file.path for file in files if file.path not in kept),
        there=tuple(file.path for file in files if file.path in kept),
        stays=tuple(sorted(set(there) - {file.path for file in files})),
    )
    if asked.tag is not None:
        yield from _tag_must_be_free(wiring, target, asked.tag, pull_request=asked.pull_request)
    return target


def publisher_of(wiring: Wiring, ref: Ref) -> TakesModels:
    """Returns what gives models to the zoo of a reference.

    Raises:
        Unsupported: The zoo takes none.
        AccessError: There is no token for it.
        Offline: Connections are switched off.
    """
    from zooclient.providers.registry import publisher_for

    provider = wiring.provider(ref.scheme)
    if provider.capability.in_place:
        raise Unsupported(f"{ref} is a folder on this machine: copy the files there.")
    publisher = publisher_for(provider, wiring.settings)
    if provider.capability.publish:
        if wiring.settings.offline:
            raise Offline("Connections are switched off (offline).")
        if provider.capability.login and not has_token(wiring, ref.scheme):
            raise AccessError(
                f"No token is set for {provider.endpoint}, and nobody publishes without one.",
                hint=f"`zooclient login {ref.scheme}` stores one; it must be allowed to write.",
            )
    return publisher


def _must_agree(ref: Ref, standing: Standing, asked: Visibility | None) -> None:
    """Holds the visibility that was asked for to the one that is there: neither is ever guessed or changed.

    Raises:
        ConfigError: It is not said for what is to be made, or differs from what is there.
    """
    if not standing.exists and asked is None:
        raise ConfigError(
            f"{ref} does not exist yet, and it was not said who is to see it.",
            hint="Say --private or --public (visibility=).",
        )
    if standing.exists and asked is not None and standing.visibility not in (None, asked):
        raise ConfigError(
            f"{ref} is {standing.visibility}, and it was asked to be {asked}; nothing was changed.",
            hint=f"Say --{standing.visibility}, or change it at the zoo's page, where it is seen what follows."
            if standing.visibility != "internal"
            else "Leave it out to publish to it as it is, or change it at the zoo's page.",
        )


def _tag_must_be_free(wiring: Wiring, target: PublishTarget, tag: str, *, pull_request: bool) -> Flow[None]:
    """Refuses a tag that would have to be moved, before anything is sent.

    Raises:
        ConfigError: It is there at another revision, or a proposal cannot have one.
    """
    if pull_request:
        raise ConfigError("A proposal gets no tag: it is not part of the model yet.", hint="Leave out --tag.")
    if not target.exists:
        return
    at = yield from revision_of(wiring, target.ref.at(tag))
    if at is not None and (target.send or at != target.head):
        raise ConfigError(
            f"The tag {tag!r} of {target.ref} is there already, at {at}.", hint="Choose another: a tag is not moved."
        )


def revision_of(wiring: Wiring, ref: Ref) -> Flow[str | None]:
    """The pinned revision that a branch or tag names; None: there is no such."""
    try:
        return (yield from wiring.provider(ref.scheme).resolve(ref)).ref.revision
    except NotFound:
        return None
