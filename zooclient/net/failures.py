"""What went wrong on the way, as our errors: the one place where the exceptions of httpx are read."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from attrs import frozen

from zooclient.errors import NetworkError, ProtocolError
from zooclient.net.origin import masked
from zooclient.net.policy import UNASKED, Failure

#: All that httpx raises when a conversation fails. ``UnicodeError`` is how name resolution refuses an over-long name.
RAISED = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)

# OpenSSL's X509_V_ERR_*: 18 and 19 self-signed, 20 and 21 no issuer found.
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
_EXPIRED = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 64})

_GONE_AWAY = ("disconnected", "peer closed", "incomplete", "without sending", "closed connection")


@frozen(kw_only=True)
class Failed:
    """One attempt that did not end in a whole answer.

    Attributes:
        kind: What failed.
        error: What to raise when it is final.
    """

    kind: Failure
    error: NetworkError


def failed(raised: Exception, url: str, proxy: str | None) -> Failed:
    """Reads an exception of httpx.

    Args:
        raised: One of :data:`RAISED`; it becomes the cause.
        url: What was asked.
        proxy: The proxy it was asked through. None: none.
    """
    kind, message, hint = _read(raised, url, proxy)
    shape = ProtocolError if kind == "shape" else NetworkError
    error = shape(message, url=masked(url), hint=hint)
    error.__cause__ = raised
    error.sent = kind not in UNASKED
    return Failed(kind=kind, error=error)


def proxy_wants_login(url: str, proxy: str) -> Failed:
    """Returns the failure for a proxy that answered 407."""
    kind, message, hint = _of_proxy("407", _host(proxy))
    return Failed(kind=kind, error=NetworkError(message, url=masked(url), hint=hint))


Reading = tuple[Failure, str, str | None]


def _read(raised: Exception, url: str, proxy: str | None) -> Reading:
    # Who the socket was opened to: through a proxy it is never the server.
    host = _host(url)
    peer = f"the proxy {_host(proxy)}" if proxy else host
    if isinstance(raised, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        return "shape", f"{masked(url)!r} is no address that can be asked.", None
    if isinstance(raised, httpx.ProxyError):
        return _of_proxy(str(raised), _host(proxy or url))
    if isinstance(raised, httpx.TimeoutException):
        return _of_time(raised, host, peer)
    for cause in _causes(raised):
        if isinstance(cause, ssl.SSLError):
            return _of_tls(cause, host)
        if isinstance(cause, socket.gaierror):
            return _of_name(cause, proxy, peer, host)
    if isinstance(raised, httpx.ConnectError):
        return _of_connection(raised, peer)
    if isinstance(raised, httpx.DecodingError):
        return (
            "shape",
            f"{host} sent a compressed answer that cannot be unpacked.",
            "A proxy in between may have changed it.",
        )
    if isinstance(raised, httpx.ProtocolError) and not any(word in str(raised).lower() for word in _GONE_AWAY):
        return "shape", f"{host} does not speak HTTP as we do: {raised}.", "Is the address, with its port, right?"
    return "cut", f"The connection to {host} broke off in the middle of the answer.", "Trying again may help."


def _of_time(raised: httpx.TimeoutException, host: str, peer: str) -> Reading:
    if isinstance(raised, httpx.ConnectTimeout):
        return (
            "connect",
            f"{_capital(peer)} did not take a connection in time.",
            "A firewall may stand in between: HTTPS_PROXY names a way through. "
            "ZOOCLIENT_CONNECT_TIMEOUT sets the seconds.",
        )
    if isinstance(raised, httpx.PoolTimeout):
        return "timeout", f"No connection to {host} became free in time.", "Ask for less at once."
    return "timeout", f"{host} fell silent in the middle of the answer.", "ZOOCLIENT_TIMEOUT sets the seconds to wait."


def _of_name(cause: socket.gaierror, proxy: str | None, peer: str, host: str) -> Reading:
    passing = cause.errno == socket.EAI_AGAIN
    if proxy:
        return (
            "connect" if passing else "dns",
            f"The name of {peer} cannot be looked up.",
            "HTTPS_PROXY, ALL_PROXY or the zoo's proxy setting names it.",
        )
    return (
        "connect" if passing else "dns",
        f"The name {host} cannot be looked up.",
        "Is this machine online, and the name right? Behind a company network, HTTPS_PROXY may be needed.",
    )


def _of_connection(raised: Exception, peer: str) -> Reading:
    subject = _capital(peer)
    for cause in _causes(raised):
        if isinstance(cause, ConnectionRefusedError):
            return "connect", f"{subject} refuses connections.", "Is it running there, and is the port right?"
        if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
            return "connect", f"There is no way from here to {peer}.", "Is this machine online?"
    return "connect", f"No connection to {peer} could be made.", "Is this machine online?"


def _of_tls(cause: ssl.SSLError, host: str) -> Reading:
    if isinstance(cause, ssl.SSLEOFError):
        return "connect", f"{host} hung up before TLS was agreed on.", "A firewall may stand in between."
    if not isinstance(cause, ssl.SSLCertVerificationError):
        reason = (cause.reason or str(cause)).replace("_", " ").lower()
        return "tls", f"TLS with {host} failed: {reason}.", "Does the server speak https on this port?"
    code = getattr(cause, "verify_code", None)
    if code in _EXPIRED:
        return "tls", f"The certificate of {host} is not valid now.", "Is this machine's clock right?"
    if code in _WRONG_NAME:
        return "tls", f"The certificate of {host} is made out to another name.", "Is the address right?"
    if code in _UNKNOWN_AUTHORITY:
        return (
            "tls",
            f"The certificate of {host} comes from an authority that is not known here.",
            "Where a company's proxy or server signs its own certificates, SSL_CERT_FILE names a file with its "
            "authorities.",
        )
    said = getattr(cause, "verify_message", "") or cause.reason or "no reason was given"
    return "tls", f"The certificate of {host} was refused: {said}.", "SSL_CERT_FILE names the authorities to believe."


def _of_proxy(said: str, proxy: str) -> Reading:
    if said.startswith("407") or "authentication" in said.lower():
        return (
            "proxy",
            f"The proxy {proxy} wants a user and a password.",
            "Put them in the proxy's address: http://user:password@host:port, odd characters percent-encoded.",
        )
    return "proxy", f"The proxy {proxy} refuses to connect us: {said}.", "NO_PROXY lists what is asked directly."


def _capital(peer: str) -> str:
    """Host names keep their letters; ``the proxy`` may stand at the head of a sentence."""
    return f"The {peer.removeprefix('the ')}" if peer.startswith("the ") else peer


def _causes(raised: BaseException) -> Iterator[BaseException]:
    """An exception and all that led to it; groups (two addresses tried at once) included."""
    queue, seen = [raised], set()
    while queue:
        error = queue.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            queue += error.exceptions
        queue += [led for led in (error.__cause__, error.__context__) if led is not None]


def _host(url: str) -> str:
    """Host, and the port where it is not the usual one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "?"
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f"{host}:{port}"
