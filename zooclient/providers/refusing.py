"""What an answer that is no success means at any zoo, whatever its own words for it."""

from __future__ import annotations

import time

from zooclient.errors import (
    AccessError,
    ConfigError,
    Gone,
    IntegrityError,
    ProtocolError,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Response
from zooclient.net.origin import masked
from zooclient.records.ref import Ref


def complete(error: ZooError, response: Response, zoo: str, ref: Ref | None, operation: str) -> ZooError:
    """Returns the error with what it is about: zoo, reference, verb and address."""
    error.about(
        zoo=zoo, ref=str(ref) if ref is not None else None, operation=operation, url=masked(response.request.url)
    )
    return error


def subject(response: Response, ref: Ref | None) -> str:
    """Returns what was asked about, as a sentence names it."""
    return str(ref) if ref is not None else masked(response.request.url)


def quoted(said: str) -> str:
    """Returns a server's words as the end of a sentence; empty when it said nothing."""
    return f": {said.rstrip('.')}" if said else ""


def asked_wait(response: Response) -> float | None:
    """Returns the seconds that the answer asks to wait; None when it does not say."""
    from zooclient.net.policy import server_wait  # its dates bring in sockets, which a warm load does not want

    return server_wait(response.headers, time.time())


def untaken(asked: str, said: str) -> Unsupported:
    """Returns the error for 405: the server takes no such question."""
    return Unsupported(f"The server does not take such a question for {asked}{quoted(said)}.")


def taken(asked: str, said: str) -> ConfigError:
    """Returns the error for what is to be made and is there."""
    return ConfigError(f"It is there already: {said or asked}.", hint="Choose another name, or use what is there.")


def by_status(status: int, asked: str, said: str, *, zoo: str, billing: str, hint: str) -> ZooError:
    """Returns the error for a status about which the zoos agree; for any other, that the question was not taken.

    Args:
        status: HTTP status.
        asked: What was asked about.
        said: The server's own words; empty for none.
        zoo: The zoo's name in a sentence.
        billing: Page at which a person pays.
        hint: What to do where the question was not taken.
    """
    if status == 402:
        return AccessError(
            f"{asked} is to be paid for{quoted(said)}.", access_url=billing, hint=f"{billing} is where to say how."
        )
    if status == 405:
        return untaken(asked, said)
    if status == 409:
        return taken(asked, said)
    if status == 410:
        return Gone(f"{asked} was there, and is gone{quoted(said)}.")
    if status == 412:
        return IntegrityError(f"{asked} changed meanwhile{quoted(said)}.", hint="Look at what is there now.")
    if status == 451:
        return AccessError(f"{asked} may not be had from here, for legal reasons{quoted(said)}.")
    return ProtocolError(f"{zoo} did not take the question about {asked} (status {status}){quoted(said)}.", hint=hint)
