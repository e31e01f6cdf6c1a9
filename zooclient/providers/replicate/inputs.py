"""The files among the inputs of a run: written into the question where they are small, else sent ahead."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zooclient.providers.given import Given

#: Bytes of a file that is written into the question itself, and of all of them: as base64 a third more, and 256 kB is
#: what the API takes at the most.
SMALL: Final = 180_000
SMALL_TOGETHER: Final = 700_000


def multipart(file: Given) -> tuple[str, bytes]:
    """Returns the body that sends a file ahead, and its content type (RFC 7578)."""
    edge = f"zooclient-{secrets.token_hex(16)}"
    named = file.name.encode("utf-8", "replace")[:255].decode("utf-8", "ignore")
    for odd, written in (("%", "%25"), ('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        named = named.replace(odd, written)
    head = (
        f"--{edge}\r\n"
        f'Content-Disposition: form-data; name="content"; filename="{named}"\r\n'
        f"Content-Type: {file.media_type}\r\n\r\n"
    )
    return f"multipart/form-data; boundary={edge}", b"".join(
        (head.encode(), file.content, f"\r\n--{edge}--\r\n".encode())
    )
