"""What a provider is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import frozen

from zooclient.errors import ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Request, Response
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

    At a zoo of another package a revision of 40 or 64 lower-case hex digits is taken for a pin: the zoo's commit, or
    the digest of what lists its files. It is resolved once and then believed for ever, so such a revision is refused
    (``NotFound``) where the zoo may make it mean something else, and its answer is held to it (``IntegrityError``). A
    zoo that has no such revisions is pinned by a content digest alone.
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

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """The error that an answer which is no success means, for flows and for the byte engine alike."""
        ...


class StoreToken(Protocol):
    """Keeps a token where the zoo's own tools find it."""

    def __call__(self, environ: Mapping[str, str], token: str, *, endpoint: str | None = None) -> Path:
        """Writes the token, and returns the file that now holds it.

        Args:
            environ: The environment, which names the places.
            token: The token.
            endpoint: The server that it is for, where the zoo's tools tell them apart. None: the zoo's usual one.

        Raises:
            ConfigError: It holds what no token holds, or nothing.
            StoreError: It cannot be written.
        """
        ...


@frozen(kw_only=True)
class Keeper:
    """How a zoo's token is kept where the zoo's own tools find it.

    Attributes:
        tokens_page: Page at which a person makes a token.
        variables: Environment variables that hold a token, first wins.
        store: Keeps a token.
        forget: Environment → the file that held it; None when there was none.
    """

    tokens_page: str
    variables: tuple[str, ...]
    store: StoreToken
    forget: Callable[[Mapping[str, str]], Path | None]


class Official(Protocol):
    """A zoo's own client as a source of bytes."""

    def fetch(self, record: ModelRecord, file: FileEntry, *, into: Path, cancel: Cancel) -> Path:
        """Lets the client fetch one file below ``into``, and returns where it put it. Nothing was verified yet.

        Raises:
            Unsupported: The client is not installed.
            Cancelled: The caller wished so.
        """
        ...
