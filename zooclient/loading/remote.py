"""``RemoteModel``: what ``open`` returns, a model of which no weight is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from zooclient.errors import Unsupported
from zooclient.loading.hosted import AsyncHosted, Hosted, Runners

if TYPE_CHECKING:
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref


class Unfetched:
    """A model that is known and not here. What would need its files says so.

    Args:
        record: What the zoo claims about it.
        runners: Makes who runs it where it is hosted. None: nobody does.
    """

    __slots__ = ("_record", "_runners")

    def __init__(self, record: ModelRecord, runners: Runners | None = None) -> None:
        self._record = record
        self._runners = runners

    @property
    def record(self) -> ModelRecord:
        """What the zoo claims about it."""
        return self._record

    @property
    def ref(self) -> Ref:
        """The reference, pinned where the zoo has a pin for it."""
        return self._record.ref

    @property
    def path(self) -> NoReturn:
        """There is none.

        Raises:
            Unsupported: Always; so do the others that need files.
        """
        self._missing("path")

    @property
    def files(self) -> NoReturn:
        """There are none here; ``record.files`` lists those of the zoo."""
        self._missing("files")

    def open(self, *_: Any, **__: Any) -> NoReturn:
        """There is no file to open."""
        self._missing("open")

    def tensors(self, *_: Any, **__: Any) -> NoReturn:
        """There are no weights."""
        self._missing("tensors")

    def into(self, *_: Any, **__: Any) -> NoReturn:
        """There is nothing to hand on."""
        self._missing("into")

    def __fspath__(self) -> str:
        self._missing("path")

    def _missing(self, wanted: str) -> NoReturn:
        raise Unsupported(
            f"Nothing of {self.ref} was fetched, so it has no {wanted}: it was opened to be run where it is hosted.",
            zoo=self.ref.scheme,
            ref=str(self.ref),
            operation="open",
            hint=f'`load("{self.ref}")` fetches it and has all that.',
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ref}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unfetched) and self._record == other._record

    def __hash__(self) -> int:
        return hash(self.ref)


class RemoteModel(Unfetched, Hosted):
    """A model of which no weight is fetched: it is known, and run where it is hosted."""

    __slots__ = ()


class AsyncRemoteModel(Unfetched, AsyncHosted):
    """As :class:`~zooclient.RemoteModel`, from an ``AsyncClient``: what runs it is awaited."""

    __slots__ = ()
