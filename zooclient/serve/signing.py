"""Signed links from a zoo to the origin that sends its large files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from urllib.parse import parse_qsl, quote, urlencode

from attrs import asdict, frozen


@frozen(kw_only=True)
class Grant:
    """What a signed link lets its holder fetch.

    Attributes:
        model: Id of the repository.
        commit: 40 hex.
        file: Path within it.
        sha256: 64 hex of its content.
        size: Bytes.
        expires: Unix time in seconds from which the link is dead.
    """

    model: str
    commit: str
    file: str
    sha256: str
    size: int
    expires: int


class Signer:
    """Makes links and checks them. A secret of its own makes those of another run worthless.

    :meth:`link` and :meth:`read` make and read those of the Hub; a zoo whose links look otherwise signs what they
    say with :meth:`sign` and checks it with :meth:`holds`.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def link(self, origin: str, stable_id: str, grant: Grant) -> str:
        """Returns an absolute URL at ``origin``; the shape is that of the Hub's bridge and its CDN."""
        path = f"/xet-bridge-us/{stable_id}/{grant.sha256}"
        policy = base64.urlsafe_b64encode(json.dumps(asdict(grant)).encode()).decode()
        name = grant.file.rpartition("/")[2]
        query = {
            "response-content-disposition": f"inline; filename*=UTF-8''{quote(name)}; filename=\"{quote(name)}\";",
            "Expires": str(grant.expires),
            "Policy": policy,
            "Signature": self._sealed(path, policy),
            "Key-Pair-Id": "K2L8F4GPSG1IFC",
        }
        return f"{origin}{path}?{urlencode(query)}"

    def read(self, path: str, query: str, now: float) -> Grant | None:
        """Returns what a link grants; None when it was not made here, was changed, or is over."""
        values = dict(parse_qsl(query))
        policy = values.get("Policy", "")
        if not hmac.compare_digest(self._sealed(path, policy).encode(), values.get("Signature", "").encode()):
            return None
        try:
            grant = Grant(**json.loads(base64.urlsafe_b64decode(policy)))
        except (ValueError, TypeError, binascii.Error):
            return None
        if values.get("Expires") != str(grant.expires) or now >= grant.expires:
            return None
        return grant

    def sign(self, text: str) -> str:
        """Returns the signature of a text: 64 hex."""
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()

    def holds(self, text: str, signature: str) -> bool:
        """Whether a signature is the one that :meth:`sign` gives the text."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())

    def _sealed(self, path: str, policy: str) -> str:
        return base64.urlsafe_b64encode(bytes.fromhex(self.sign(f"{path}\n{policy}"))).decode()
