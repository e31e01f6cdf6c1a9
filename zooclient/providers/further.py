"""What a provider may do besides: parts that not every zoo has, each asked for with ``isinstance``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Request, Response
from zooclient.records.card import Card
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.publication import Sending, Sent, Standing, Visibility
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest


@runtime_checkable
class SeveralOrigins(Protocol):
    """The zoo is one site under several hosts, which send requests on to one another, or have each their own work."""

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that are the zoo itself. The credential goes to each of them, and nowhere else."""
        ...


@runtime_checkable
class SecondAddress(Protocol):
    """The bytes of a file may have a second address."""

    def locate_otherwise(self, record: ModelRecord, file: FileEntry) -> Request | None:
        """The request to be tried once where that of ``locate`` finds nothing; None: there is no other."""
        ...


@runtime_checkable
class TellsPages(Protocol):
    """The zoo may answer with a page for people, and status 200, where a file was asked for."""

    def is_page(self, response: Response) -> bool:
        """Whether a success is such a page; ``refused`` then tells what it means.

        Args:
            response: Its request's address is the one that answered in the end; its body is not looked at.
        """
        ...


@runtime_checkable
class MakesCards(Protocol):
    """The zoo keeps what a card says in its records, and no card among the files."""

    def card(self, record: ModelRecord) -> Card:
        """The card of a record. Asks nobody."""
        ...


@runtime_checkable
class AsksForCards(Protocol):
    """The zoo has a card beside the files, at an address of its own, which is asked when the card is wanted."""

    def ask_card(self, record: ModelRecord) -> Flow[Card]:
        """The card of a record. One that the zoo has not is made of what the record tells."""
        ...


@runtime_checkable
class MayReplace(Protocol):
    """The zoo may put other bytes behind a version, so that what was listed once is part of the pin."""

    def refresh(self, pinned: ModelRecord) -> Flow[ModelRecord]:
        """What the zoo tells of a pinned version now, held to what was pinned.

        Raises:
            IntegrityError: A file was replaced; the sentence names both digests.
            Gone: The version was removed.
            NotFound: A file is listed no longer. The hint tells where the same bytes are, if anywhere.
        """
        ...


@runtime_checkable
class KnowsFiles(Protocol):
    """The zoo knows its files by their hash; ``capability.identify`` says so as well."""

    def holders(self, digests: Iterable[str]) -> Flow[dict[str, tuple[Ref, ...]]]:
        """Which models have files of these contents, in as few requests as the zoo allows.

        Args:
            digests: sha256, hex.

        Returns:
            Digest in lower case → models at the revision that has it; a digest that the zoo does not know is not
            there.
        """
        ...


@frozen(kw_only=True)
class Listing:
    """The files of a model, asked for when they were wanted.

    Attributes:
        record: The record, with its files.
        contents: Path → bytes of the files that came along, each as its entry's sha256 says.
    """

    record: ModelRecord
    contents: Mapping[str, bytes] = field(factory=dict, hash=False, repr=False)


@runtime_checkable
class ListsFiles(Protocol):
    """The zoo tells of a model without its files; these are asked for where somebody wants them, and kept."""

    def is_listed(self, record: ModelRecord) -> bool:
        """Whether a record tells its files already. Asks nobody."""
        ...

    def list_files(self, record: ModelRecord) -> Flow[Listing]:
        """The files of a record, and the bytes of those that come along with the list.

        Raises:
            AccessError: The list may not be seen.
            NotFound: There is none.
            IntegrityError: It is not the one that the revision names.
            Unsupported: Of this model there are no files to be had; the hint says what to do.
        """
        ...

    def comes_along(self, record: ModelRecord, file: FileEntry) -> bool:
        """Whether the bytes of a file come along with the list, so that nobody is asked for them. Asks nobody."""
        ...


@runtime_checkable
class KeepsImages(Protocol):
    """The zoo keeps container images, in a registry of its own; files lie in their layers (``FileEntry.layer``)."""

    @property
    def images(self) -> str | None:
        """Address of the registry; None: it is not known."""
        ...


@runtime_checkable
class HostsModels(Protocol):
    """The zoo runs models; ``capability.run`` says so as well."""

    def run(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One run, from its inputs to the end. Files among the outputs are named by their address, and not fetched.

        Args:
            record: The model.
            request: What is asked of it.
            told: Called with each event as it comes, in the driver's thread. None: the end alone is awaited.

        Raises:
            ConfigError: The inputs do not fit; nothing was sent, and nothing billed.
            Unsupported: Nobody hosts this model; the hint says what would.
            AccessError: A login or a payment is needed.
        """
        ...


@runtime_checkable
class TrainsModels(Protocol):
    """The zoo trains models into new versions."""

    def train(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One training, from its inputs to the end; ``request.destination`` gets the version. As for ``run``."""
        ...


@runtime_checkable
class TellsHistory(Protocol):
    """The zoo tells which commits led to a commit."""

    def follows(self, newer: Ref, commit: str) -> Flow[bool | None]:
        """Whether a commit is among those that led to another.

        Args:
            newer: The model at a commit.
            commit: The commit that is looked for, whole.

        Returns:
            None: the log is longer than is worth reading, and it was not among the newest.
        """
        ...


@runtime_checkable
class TakesModels(Protocol):
    """The zoo takes models; ``capability.publish`` says so as well.

    What reads is a flow of requests; what sends may be the zoo's own client, within a
    :class:`~zooclient.net.exchange.Call`.
    """

    def standing(self, ref: Ref) -> Flow[Standing]:
        """What is under that name now, as the zoo itself says it at this moment.

        Args:
            ref: Where a model is to go. A revision is a branch.

        Raises:
            Unsupported: The zoo takes no models by an interface; the hint names the page that does.
            ConfigError: No model can go under that name, or there is no such branch.
            AccessError: It is there, and the account that asks may not see it.
        """
        ...

    def make(
        self, ref: Ref, visibility: Visibility, *, license: str | None, hardware: str, cancel: Cancel
    ) -> Flow[None]:
        """Makes the repository, as visible as said and not more.

        Args:
            ref: Its name.
            visibility: ``public`` or ``private``.
            license: Its licence, by SPDX id where it has one, for a zoo that wants to know. None: not known.
            hardware: What it is to run on, where the zoo runs it.
            cancel: Ends it.

        Raises:
            ConfigError: The name is taken.
            AccessError: The account may not make it, or its quota is used up.
        """
        ...

    def send(self, sending: Sending, *, cancel: Cancel) -> Flow[Sent]:
        """Sends files, in one change where the zoo has such. What the zoo holds already is not sent again.

        Raises:
            AccessError: The account may not write there, or its quota is used up.
            IntegrityError: The branch moved meanwhile.
            NetworkError: The zoo did not take it all; what arrived is kept there.
        """
        ...

    def mark(self, ref: Ref, tag: str, *, cancel: Cancel) -> Flow[None]:
        """Gives a revision a name.

        Args:
            ref: The pinned revision.
            tag: Its name.
            cancel: Ends it.

        Raises:
            ConfigError: The name is taken.
        """
        ...
