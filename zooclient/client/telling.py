"""What an error from below could not know: the verb, the reference and the zoo that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zooclient.errors import ProtocolError, ZooError

if TYPE_CHECKING:
    from zooclient.records.ref import Ref


@contextmanager
def telling(operation: str, ref: Ref | None, zoo: str | None = None) -> Iterator[None]:
    """Fills them in, in whatever error comes out of the block."""
    try:
        yield
    except ZooError as error:
        error.about(operation=operation, ref=str(ref) if ref else None, zoo=zoo or (ref.scheme if ref else None))
        if isinstance(error, ProtocolError) and operation in ("search", "resolve"):
            error.about(hint='Is the endpoint right? via="official" asks through the zoo\'s own client.')
        raise
