"""What a provider is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import frozen

from zooclient.net.exchange import Flow, Request
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref


@frozen(kw_only=True)
class Account:
    """Who a token belongs to.

    Attributes:
        name: Account name at the zoo.
        kind: ``user``, ``org``, or the zoo's own word.
        role: What the token may do, such as ``read``. None when not told.
    """

    name: str
    kind: str = "user"
    role: str | None = None


@runtime_checkable
class Provider(Protocol):
    """One zoo. Every operation is a flow: it yields requests and returns records, and opens no socket.

    A provider is made for one endpoint and is immutable. Errors that a flow raises carry zoo, ref, operation
    and hint; ``ProtocolError`` is for an answer of the wrong shape.
    """

    @property
    def scheme(self) -> str:
        """Scheme of its references, such as ``hf``."""
        ...

    @property
    def capability(self) -> Capability:
        """What it can do. Costs nothing; asked often."""
        ...

    @property
    def endpoint(self) -> str | None:
        """Origin that it talks to, ``https://host[:port]``; None when it talks to none."""
        ...

    @property
    def official(self) -> bool:
        """Whether the endpoint is the zoo's own, at which the surroundings' tokens are at home."""
        ...

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page of hits. The cursor is what the page before gave, None for the first."""
        ...

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of the revision that ``ref`` names, pinned. ``demos`` asks for hosted pages as well.

        Raises:
            NotFound: No such model or revision, or none that the caller may see.
            AccessError: It is there, but even its record may not be seen.
            IntegrityError: The zoo answered with another commit than the one asked for.
            ProtocolError: The answer has another shape.
        """
        ...

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """The request whose answer is the bytes of the file, perhaps after redirects. Costs nothing."""
        ...

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Whose token this is; None: the one that the origin is entitled to.

        Raises:
            AccessError: The token is not valid, or there is none.
            Unsupported: The zoo has no accounts.
        """
        ...
