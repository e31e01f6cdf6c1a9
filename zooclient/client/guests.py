"""Zoos of other packages as guests: what goes wrong in one of them is its own problem, and stays an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zooclient.errors import ConfigError


@contextmanager
def guarded(scheme: str) -> Iterator[None]:
    """Turns what a provider of another package raises by mistake into an error about that package.

    Raises:
        ConfigError: The provider raised what is no error of ours.
    """
    from zooclient.plugins import failed
    from zooclient.providers.registry import offers_of

    try:
        yield
    except (Exception, SystemExit) as error:
        offered = offers_of(scheme)
        if not offered:
            raise
        told = failed(offered[0], "provider", error)
        if isinstance(told, ConfigError):
            told.about(zoo=scheme)
        if told is error:
            raise
        raise told from error
