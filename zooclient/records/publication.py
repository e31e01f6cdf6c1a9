"""Giving a model back: what would be published where, before it is done, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from attrs import frozen

from zooclient.records.checks import check_count, check_tuples, check_utc
from zooclient.records.comparison import Failure
from zooclient.records.digest import content_digest
from zooclient.records.model import FileEntry
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref

#: Who may see a model: everybody, its owner, or (where a zoo knows such a thing) the members of an organisation.
Visibility = Literal["public", "private", "internal"]
#: What became of a publication at one zoo.
PublishState = Literal["published", "already there", "created", "failed"]
#: What a finding about a card means: it stops a publication, is worth mending, or could not be looked into.
Gravity = Literal["refused", "warning", "note"]


@frozen(kw_only=True)
class PublishFile(Plain):
    """One file of the folder that is published.

    Attributes:
        path: POSIX path below the folder, and in the model.
        size: Bytes.
        sha256: Lower-case hex.
        changed_at: Last change, aware UTC; what changes after it was read is not published.
    """

    path: str
    size: int
    sha256: str
    changed_at: datetime

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_utc("changed_at", self.changed_at)


@frozen(kw_only=True)
class LeftOut(Plain):
    """Something in the folder that is not published.

    Attributes:
        path: POSIX path below the folder; that of a folder ends with a slash.
        reason: Why, in a few words.
    """

    path: str
    reason: str


@frozen(kw_only=True)
class CardFinding(Plain):
    """One thing that a look at a card found.

    Attributes:
        rule: Name of the rule, such as ``license-contradicts-base``.
        gravity: ``refused``: it is not published so; ``warning``: worth mending; ``note``: could not be looked into.
        message: One sentence.
    """

    rule: str
    gravity: Gravity
    message: str


@frozen(kw_only=True)
class Standing(Plain):
    """What is at a zoo under the name that a model is to be published by.

    Attributes:
        exists: Whether there is a repository that the account may see.
        visibility: Who may see it now. None: it does not exist, or the zoo does not say.
        head: The revision on which a publication builds. None: there is none yet.
        files: Its files at that revision.
        steps: Sentences on what the zoo wants besides; where it takes no files, how they come to it.
        takes_files: Whether the zoo takes files at all.
        takes_proposals: Whether a change can be proposed instead of made.
    """

    exists: bool
    visibility: Visibility | None = None
    head: str | None = None
    files: tuple[FileEntry, ...] = ()
    steps: tuple[str, ...] = ()
    takes_files: bool = True
    takes_proposals: bool = False

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files, steps=self.steps)


@frozen(kw_only=True)
class PublishTarget(Plain):
    """What a publication would do at one zoo.

    Attributes:
        ref: Where to, as asked; its revision is a branch.
        exists: Whether the repository exists.
        visibility: Who may see it now. None: it does not exist, or the zoo does not say.
        asked: Who is to see it. None: not said, so it stays as it is.
        head: The revision on which it builds. None: there is none.
        send: Paths of the files that are to be sent.
        there: Paths of the files that are there already, by digest.
        stays: Paths of files that are there and not in the folder; they stay.
        steps: Sentences on what the zoo wants besides.
        failure: Why nothing can be published there. None: it can.
    """

    ref: Ref
    exists: bool = False
    visibility: Visibility | None = None
    asked: Visibility | None = None
    head: str | None = None
    send: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    failure: Failure | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(send=self.send, there=self.there, stays=self.stays, steps=self.steps)


@frozen(kw_only=True)
class PublishPlan(Plain):
    """What a publication would do, before it does it.

    Attributes:
        folder: The folder, absolute.
        files: What is published, sorted by path.
        left_out: What lies there and is not.
        card: What a look at the card found.
        targets: Each zoo, in the order asked.
        message: First line of what is said about the change.
        tag: Name that the revision gets. None: none.
        pull_request: It is proposed, where a zoo takes proposals, and not put on the branch.
        hardware: What a zoo that runs models is to run it on.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("content_digest", "bytes_on_disk")

    folder: str
    files: tuple[PublishFile, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    card: tuple[CardFinding, ...] = ()
    targets: tuple[PublishTarget, ...] = ()
    message: str
    tag: str | None = None
    pull_request: bool = False
    hardware: str = "cpu"

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files, left_out=self.left_out, card=self.card, targets=self.targets)

    @property
    def content_digest(self) -> str:
        """Digest of exactly the files that are published, see :class:`~zooclient.Snapshot`."""
        return content_digest((file.sha256, file.size, file.path) for file in self.files)

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of all files that are published."""
        return sum(file.size for file in self.files)

    def bytes_to_send(self, target: PublishTarget) -> int:
        """Bytes that move to one zoo, at the most: contents that it holds elsewhere are not sent again."""
        wanted = set(target.send)
        return sum(file.size for file in self.files if file.path in wanted)


@frozen(kw_only=True)
class Published(Plain):
    """What came of a publication at one zoo.

    Attributes:
        asked: Where to, as asked.
        state: ``published``; ``already there``, and nothing moved; ``created``, where a zoo takes no files; ``failed``.
        ref: The pinned reference. None: it failed, or the zoo has no revision yet.
        visibility: Who may see it. None: not known.
        content_digest: Digest of the files that were published, see :class:`~zooclient.Snapshot`. None: none were.
        verified: Every file was looked up at the pinned revision and has the digest of the file in the folder.
        files: Number of files that were published.
        sent: Bytes that moved, at the most.
        pull_request: Page of the proposal. None: it is on the branch.
        steps: Sentences on what is to be done next.
        failure: Why it failed. None: it did not.
    """

    asked: Ref
    state: PublishState
    ref: Ref | None = None
    visibility: Visibility | None = None
    content_digest: str | None = None
    verified: bool = False
    files: int = 0
    sent: int = 0
    pull_request: str | None = None
    steps: tuple[str, ...] = ()
    failure: Failure | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(steps=self.steps)
        check_count("sent", self.sent)


@frozen(kw_only=True)
class Sending:
    """What a zoo's own client is to send.

    Attributes:
        ref: Where to; a revision is a branch.
        folder: Where the files lie.
        paths: Which of them.
        head: The revision that the branch must still be at. None: there is none yet.
        message: First line of what is said about the change.
        pull_request: Propose it.
    """

    ref: Ref
    folder: str
    paths: tuple[str, ...]
    head: str | None
    message: str
    pull_request: bool = False


@frozen(kw_only=True)
class Sent:
    """What came of sending.

    Attributes:
        revision: The revision that holds the files. None: the client does not say; it is the head of the branch.
        pull_request: Page of the proposal. None: none was made.
    """

    revision: str | None = None
    pull_request: str | None = None
