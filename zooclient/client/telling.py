"""What an error from below could not know: the verb, the reference and the zoo that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zooclient.errors import PolicyError, ProtocolError, ZooError

if TYPE_CHECKING:
    from zooclient.records.ref import Ref


@contextmanager
def telling(operation: str, ref: Ref | None, zoo: str | None = None) -> Iterator[None]:
    """Fills them in, in whatever error comes out of the block."""
    try:
        yield
    except ZooError as error:
        error.about(operation=operation, ref=str(ref) if ref else None, zoo=zoo or (ref.scheme if ref else None))
        if isinstance(error, ProtocolError):
            error.hint = _way_on(error)
        raise


@contextmanager
def keeping(refused: list[PolicyError]) -> Iterator[None]:
    """Keeps what a policy has against one of several models, so that it is told of all of them at once."""
    try:
        yield
    except PolicyError as error:
        if not error.violations:
            raise
        refused.append(error)


def raise_all(refused: list[PolicyError]) -> None:
    """Raises what was kept, of several models as one error.

    Raises:
        PolicyError: Always.
    """
    if len(refused) == 1:
        raise refused[0]
    from zooclient.records.policy import Violation
    from zooclient.records.policycheck import refusal

    found = [one for error in refused for one in error.violations if isinstance(one, Violation)]
    error = refusal(found)
    error.about(operation=refused[0].operation)
    raise error


def _way_on(error: ProtocolError) -> str:
    """What to do about an answer of another shape: the zoo's own client is a way on where the zoo has one."""
    from zooclient.providers.registry import has_official, has_official_runs

    hint = error.hint or "Is the endpoint right?"
    other_way = has_official_runs if error.operation in ("run", "train") else has_official
    if error.zoo is None or 'via="official"' in hint or not other_way(error.zoo):
        return hint
    return f'{hint} via="official" asks through the zoo\'s own client.'
