"""What can go wrong on the way, and what each means for the file: the one place where foreign errors are read."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from zooclient.errors import (
    AccessError,
    Gone,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    StoreError,
    ZooError,
)
from zooclient.net.exchange import Response
from zooclient.net.origin import masked
from zooclient.net.policy import Failure, server_wait

#: What a broken conversation raises: sockets, TLS, name resolution and time limits are all ``OSError``.
BROKEN = (OSError, HTTPException)

#: How OpenSSL says that the other side speaks no TLS, or none that we speak.
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}


class Passing(Exception):
    """It may work the next time.

    Args:
        error: What to raise when it never does.
        status: Of the answer. None: there was no whole answer.
        headers: Of the answer, names in lower case.
        place: Origin of the answer.
        kind: What failed, where there was no whole answer.
    """

    def __init__(
        self,
        error: ZooError,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        place: str | None = None,
        kind: Failure | None = None,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.place = place
        self.kind = kind


class Refusal(Exception):
    """This source will not give this file, or lies.

    Args:
        error: What to raise when there is no other source.
    """

    def __init__(self, error: ZooError) -> None:
        super().__init__(error.message)
        self.error = error


class StartOver(Exception):
    """What has arrived cannot be continued: throw it away and begin again.

    Args:
        error: What to raise when this never ends.
        single: Begin again as one stream, because the server does not do ranges.
    """

    def __init__(self, error: ZooError, *, single: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.single = single


class ProxyRefused(OSError):
    """The proxy answered the wish to pass through it with a refusal.

    Args:
        status: What it answered.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")
        self.status = status


def network_error(error: Exception, url: str) -> tuple[NetworkError, Failure]:
    """Returns our error for one of :data:`BROKEN`, without its cause, and what kind of failure it is."""
    place = masked(url)
    kind, message, hint = _read(error, place)
    return NetworkError(message, url=place, hint=hint), kind


def _read(error: Exception, place: str) -> tuple[Failure, str, str]:
    again = "What has arrived is kept; run it again to go on from there."
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "tls",
            f"The certificate of {place} is not trusted: {error.verify_message}.",
            "Where a company's proxy or server signs its own certificates, SSL_CERT_FILE names a file with its "
            "authorities.",
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return "tls", f"{place} does not agree on TLS: {error.reason}.", "Does it speak https on this port?"
    if isinstance(error, ProxyRefused):
        login = "Put user and password into the proxy's address: http://user:password@host:port."
        hint = login if error.status == 407 else "NO_PROXY lists what is asked directly."
        return "proxy", f"The proxy refuses the way to {place} (status {error.status}).", hint
    if isinstance(error, socket.gaierror):
        kind: Failure = "connect" if error.errno == socket.EAI_AGAIN else "dns"
        return kind, f"The name of {place} cannot be looked up.", "Is this machine online, and the name right?"
    if isinstance(error, TimeoutError):
        return "timeout", f"No byte came from {place} in time.", again
    if isinstance(error, ConnectionRefusedError):
        return "connect", f"{place} refuses connections.", "Is it running there, and is the port right?"
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return "cut", f"The connection to {place} broke off ({reason}).", again


def status_error(response: Response) -> ZooError:
    """Returns our error for an answer that is no bytes, by its status alone."""
    place, status = masked(response.request.url), response.status
    if status == 410:
        return Gone(f"{place} is there no longer.", url=place)
    if status == 404:
        return NotFound(f"There is nothing at {place}.", url=place)
    if status in (401, 402, 403, 451):
        return AccessError(
            f"{place} may not be read (status {status}).", url=place, hint="Ask for access at the zoo, or log in."
        )
    if status == 429:
        wait = server_wait(response.headers, time.time())
        said = "" if wait is None else f" {wait:.0f} s"
        return RateLimited(
            f"{place} asks to wait{said}.",
            retry_after=wait,
            url=place,
            hint="Run it again later; what has arrived is kept.",
        )
    if status >= 500 or status in (408, 425):
        return NetworkError(f"{place} answered with status {status}.", url=place, hint="Try again later.")
    return ProtocolError(
        f"{place} answered with status {status} where bytes were expected.",
        url=place,
        hint="A proxy or a login page may stand in between.",
    )


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns what the disk says into ``StoreError``."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(
                f"No space is left for {path.name} in {path.parent}.",
                hint="Free space and run it again; what has arrived is kept.",
            ) from error
        raise StoreError(
            f"{path} cannot be written or read: {error.strerror or error}.",
            hint="Look at the permissions and the health of that disk.",
        ) from error
