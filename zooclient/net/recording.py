"""Exchanges as files, with everything secret taken out.

One file is one exchange::

    {"request": {"method": "GET", "url": "https://…", "body": null}, "status": 200, "headers": {…}, "body": …}

``body`` is the JSON value where the answer is JSON, a text where it is UTF-8, else null beside ``body_base64``.
Left out are credentials and cookies; values in addresses that may be signatures or tokens, in all headers and bodies
too; what looks like a token anywhere; and the values of keys such as ``accessToken`` and ``email`` in JSON.
:func:`zooclient.testing.replay` reads these files.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zooclient.errors import ConfigError
from zooclient.net.exchange import Request, Response

#: What stands in place of a secret.
REDACTED = "REDACTED"

_DROPPED = re.compile(r"cookie|authori[sz]ation|authenticate|token|secret|csrf|^x-amz-security", re.IGNORECASE)

# Names in a query whose values are secrets: tokens, and what the clouds sign their addresses with.
_IN_QUERY = (
    r"[\w-]*(?:token|secret|signature|credential|password|passwd|accesskeyid|api[_-]?key)[\w-]*"
    r"|x-(?:amz|goog|oss|ms)-[\w-]+|key|key-pair-id|sig|sign|policy|expires|jwt|session|auth|auth_key|verify|code|state"
)
_IN_ADDRESS = re.compile(rf"([?&;](?:{_IN_QUERY})=)[^&;#\s\"'<>\\]+", re.IGNORECASE)
_USER_INFO = re.compile(r"(https?://)[^/\s@\"'<>]+@", re.IGNORECASE)
_TOKENS = re.compile(
    r"\b(?:(?:hf|r8|api_org)_[A-Za-z0-9]{20,}|ms-[0-9a-f-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
    r"|(?<=Bearer )[^\s\"']+"
)
# Not every key that ends in "token": a tokenizer's bos_token is no secret.
_KEYS = re.compile(
    r"(?:(?:access|refresh|verify|id|api|auth|session|bearer)[_-]?)?token"
    r"|.*secret.*|password|e-?mail|(?:api|access)[_-]?key|session|cookie|authorization",
    re.IGNORECASE,
)


class Recorder:
    """Writes exchanges into a folder; safe between threads and processes.

    Args:
        folder: Where to; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._count = 0

    def record(self, response: Response, *, secrets: Sequence[str] = ()) -> Path:
        """Writes one exchange.

        Args:
            response: The answer, with its request.
            secrets: Texts that must not appear, such as the token that was sent, beside those that the request names.

        Returns:
            The file.

        Raises:
            ConfigError: The folder cannot be written.
        """
        text = json.dumps(as_dict(response, secrets=secrets), indent=1, ensure_ascii=False) + "\n"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                path = self._folder / self._name(response.request)
                if _written(path, text):
                    return path
        except OSError as error:
            raise ConfigError(
                f"Exchanges cannot be recorded in {self._folder}: {error.strerror}.", hint="ZOOCLIENT_RECORD names it."
            ) from error

    def _name(self, request: Request) -> str:
        with self._lock:
            self._count += 1
            number = self._count
        parts = urlsplit(request.url)
        words = re.sub(r"[^A-Za-z0-9.]+", "-", f"{request.method}-{parts.hostname}{parts.path}").strip("-.")
        return f"{number:05d}-{words[:100]}.json"


def _written(path: Path, text: str) -> bool:
    """Writes a new file; says whether there was none of that name."""
    try:
        # 0600: redaction is thorough, and still somebody should look before others do.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def as_dict(response: Response, *, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Returns an exchange as JSON values, redacted."""
    request = response.request
    known = [secret for secret in (*secrets, *request.secrets) if len(secret) > 3]
    exchange: dict[str, Any] = {
        "request": {
            "method": request.method,
            "url": redacted_text(request.url, known),
            "body": _body(request.content, known)["body"] if request.content else None,
        },
        "status": response.status,
        "headers": {
            name: redacted_text(value, known) for name, value in response.headers.items() if not _DROPPED.search(name)
        },
    }
    return exchange | _body(response.body, known)


def _body(raw: bytes, secrets: Sequence[str]) -> dict[str, Any]:
    if not raw:
        return {"body": None}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        for secret in secrets:
            raw = raw.replace(secret.encode(), REDACTED.encode())
        return {"body": None, "body_base64": base64.b64encode(raw).decode("ascii")}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"body": redacted_text(text, secrets)}
    if isinstance(value, (dict, list)):
        return {"body": redacted(value, secrets)}
    return {"body": redacted_text(text, secrets)}


def redacted(value: Any, secrets: Sequence[str] = ()) -> Any:
    """Returns JSON values with everything secret replaced."""
    if isinstance(value, str):
        return redacted_text(value, secrets)
    if isinstance(value, list):
        return [redacted(item, secrets) for item in value]
    if isinstance(value, dict):
        return {
            redacted_text(key, secrets): REDACTED
            if isinstance(item, str) and item and _KEYS.fullmatch(key)
            else redacted(item, secrets)
            for key, item in value.items()
        }
    return value


def redacted_text(text: str, secrets: Sequence[str] = ()) -> str:
    """Returns a text, such as an address, with everything secret replaced."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    text = _USER_INFO.sub(r"\1", text)
    text = _IN_ADDRESS.sub(rf"\1{REDACTED}", text)
    return _TOKENS.sub(REDACTED, text)


def read_exchange(data: Mapping[str, Any]) -> Response | None:
    """Returns the exchange that a file holds; None when the file holds something else."""
    request = data.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str) or "status" not in data:
        return None
    body = data.get("body")
    if isinstance(data.get("body_base64"), str):
        raw = base64.b64decode(data["body_base64"])
    elif body is None:
        raw = b""
    else:
        raw = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
    asked = Request(method=str(request.get("method", "GET")), url=request["url"])
    headers = {str(name).lower(): str(value) for name, value in (data.get("headers") or {}).items()}
    return Response(request=asked, status=int(data["status"]), headers=headers, body=raw)
