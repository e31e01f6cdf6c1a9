"""Signed links that are written to: their holder may send exactly this, for a while."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from zooclient.serve.signing import Signer

_SIGNATURE = "X-Amz-Signature"


def write_link(signer: Signer, origin: str, path: str, values: Mapping[str, object], expires: int) -> str:
    """Returns an absolute URL.

    Args:
        signer: Signs it.
        origin: ``http://host:port``.
        path: Of the URL.
        values: What may be sent, told in its query.
        expires: Unix time in seconds from which the link is dead.
    """
    query = urlencode({**values, "Expires": expires})
    return f"{origin}{path}?{query}&{_SIGNATURE}={signer.sign(_sealed(path, query))}"


def read_link(signer: Signer, path: str, query: str, now: float) -> dict[str, str] | None:
    """Returns what a link says; None when it was not made here, was changed, or is over."""
    said, _, signature = query.rpartition(f"&{_SIGNATURE}=")
    if not signer.holds(_sealed(path, said), signature):
        return None
    values = dict(parse_qsl(said, keep_blank_values=True))
    return values if now < int(values["Expires"]) else None


def _sealed(path: str, query: str) -> str:
    return f"PUT\n{path}\n{query}"
