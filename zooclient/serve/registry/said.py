"""What the registry says when it does not do what was asked. Pure.

Codes and statuses are those of Docker's registry 2.8.
"""

from __future__ import annotations

from typing import Any, Final

from zooclient.serve.exchange import Answer, json_answer

_STATUS: Final = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_INVALID": (404, "blob upload invalid"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "DENIED": (403, "requested access to the resource is denied"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_BLOB_UNKNOWN": (400, "blob unknown to registry"),
    "MANIFEST_INVALID": (400, "manifest invalid"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_INVALID": (400, "invalid repository name"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "RANGE_INVALID": (416, "invalid content range"),
    "TAG_INVALID": (400, "manifest tag did not match URI"),
    "UNAUTHORIZED": (401, "You are not logged in to Replicate. Run 'cog login' and try again."),
    "UNKNOWN": (500, "unknown error"),
    "UNSUPPORTED": (405, "The operation is unsupported."),
}


def refused(code: str, detail: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
    """Returns a refusal.

    Args:
        code: One of the registry's codes.
        detail: What it is about.
        headers: Further headers of the answer.
    """
    status, message = _STATUS[code]
    error = {"code": code, "message": message, "detail": detail}
    return json_answer({"errors": [error]}, status=status, headers=headers)


def absent() -> Answer:
    """Returns the answer to a path that leads nowhere."""
    body = b"404 page not found\n"
    return Answer(status=404, headers={"content-type": "text/plain; charset=utf-8"}, body=body)
