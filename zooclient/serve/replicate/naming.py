"""The names of things at Replicate, and the cursors of its pages. Pure but for the chance in new ids."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from datetime import UTC, datetime
from urllib.parse import quote

#: Letters of ids of predictions.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
#: Where its pages for people are: not spoken here, and told as they are.
WEB = "https://replicate.com"


def version_id(stable_id: str, commit: str) -> str:
    """Returns the id of a version whose image cannot be made any more: 64 hex, the same after a restart."""
    return hashlib.sha256(f"replicate\0{stable_id}\0{commit}".encode()).hexdigest()


def new_id() -> str:
    """Returns the id of a new prediction or training: 26 letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(26))


def new_key() -> str:
    """Returns what makes a URL hard to guess: 47 letters and digits, as those of output files have."""
    return base64.b64encode(secrets.token_bytes(48), altchars=b"xY").decode()[:47]


def derived_id(text: str) -> str:
    """Returns an id that is always the same for a text."""
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_LETTERS[byte % 32] for byte in digest[:26])


def stamp(seconds: float) -> str:
    """Returns a Unix time as the API writes it, with microseconds."""
    return when(datetime.fromtimestamp(seconds, UTC))


def when(moment: datetime) -> str:
    """Returns an aware time as the API writes it, with microseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def cursor(place: int) -> str:
    """Returns the cursor of a place in a list, as it stands in a query."""
    return quote(base64.b64encode(f"p={place}".encode()).decode(), safe="")


def place(text: str | None) -> int | None:
    """Returns the place that a cursor, taken from a query, stands for; None when it is none."""
    if text is None:
        return 0
    try:
        mark, _, digits = base64.b64decode(text, validate=True).decode().partition("=")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(digits) if mark == "p" and digits.isascii() and digits.isdigit() and len(digits) < 10 else None
