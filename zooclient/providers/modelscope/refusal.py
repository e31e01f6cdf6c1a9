"""What ModelScope means by an answer that is no success, whatever its status: from an answer to an error of ours.

Two surfaces, two envelopes: ``/api/v1`` tells a number (``{"Code": 10010205001, "Success": false, "Message": …}``),
``/openapi/v1`` a word (``{"success": false, "code": "ResourceNotFound", "message": …}``). Three traps: an error may
come with status 200; who may not see a model gets 404, not 403; and the number for "not found" is also what an
overloaded database gives, with other words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from zooclient.errors import (
    AccessError,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Response, redirect_target
from zooclient.net.origin import masked
from zooclient.providers.reading import line, mapping, string
from zooclient.providers.refusing import asked_wait, by_status, complete, quoted, subject, taken
from zooclient.records.model import Access
from zooclient.records.ref import Ref

_ABSENT = "10010205001"
_NO_ACCESS = "10010200001"
_NO_TREE = "10990101004"
_BAD_TOKEN = frozenset({"10010103009", "InvalidAuthentication"})
_TAKEN = frozenset({"10010101001", "10020101001", "10010202004", "DuplicateEntity"})
_BUSY_COMMIT = "10030000001"
_WINDOW = "QuotaLimitExceed"

#: How the zoo says that something is not there; without any of it, the number for it means an overload.
_NOT_THERE = ("not found", "not exist", "no such", "no file", "不存在", "未找到")

_LOGIN = "`zooclient login modelscope` stores a token; one is made at {}/my/myaccesstoken."
_OFFICIAL = 'via="official" asks through the zoo\'s own client.'


def refusal(response: Response, ref: Ref | None, operation: str, *, web: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer, no success by its status or by its envelope.
        ref: What was asked about. None: nothing in particular.
        operation: The verb under way.
        web: Address of the pages for people, without a slash at the end.
    """
    return complete(_read(response, ref, operation, web), response, "modelscope", ref, operation)


def says_no(payload: Any) -> bool:
    """Whether an answer refuses in its envelope, whatever its status."""
    told = mapping(payload)
    code = told.get("Code", 200)
    return code not in (200, "200") or told.get("Success") is False or told.get("success") is False


def is_overload(response: Response) -> bool:
    """Whether the answer says "not found" and means that the database was too busy to look."""
    if response.status >= 500:
        return False  # told by its status already
    code, said = _told(response)
    return code == _ABSENT and bool(said) and not any(words in said.lower() for words in _NOT_THERE)


def no_access(ref: Ref, access: Access, *, web: str) -> AccessError:
    """Returns the error for a model whose record tells what stands in the way of its files."""
    page = access.url or f"{web}/models/{ref.id}"
    return AccessError(
        f"{ref} is {access.state}, and the account that asks may not list its files.",
        access_url=page,
        zoo="modelscope",
        ref=str(ref),
        operation="resolve",
        hint=f"{access.how} Its page is {page}. Then log in: " + _LOGIN.format(web),
    )


def _read(response: Response, ref: Ref | None, operation: str, web: str) -> ZooError:
    asked = subject(response, ref)
    target = redirect_target(response)
    if target is not None:
        return IntegrityError(
            f"ModelScope sends the question about {asked} on to another server ({masked(target)}), "
            "which is not followed.",
            hint="A proxy or a mirror may stand in between: name its address as the endpoint if you trust it.",
        )
    code, said = _told(response)
    status = response.status
    if status == 429 or code == "RateLimitExceed":
        return RateLimited(
            f"ModelScope asks to wait before {asked} is asked again{quoted(said)}.",
            retry_after=asked_wait(response),
            hint="Ask for less at once; an account may have a larger budget: " + _LOGIN.format(web),
        )
    if status in (408, 425) or status >= 500:
        return _failing(status, asked, said)
    if code:
        error = _by_code(code, response, ref, operation, asked, said, web)
        if error is not None:
            return error
    return _by_status(status, response, ref, operation, asked, said, web)


def _failing(status: int, asked: str, said: str) -> ZooError:
    if status == 501:
        return Unsupported(f"The server does not know how to answer for {asked} ({said or status}).")
    return NetworkError(
        f"ModelScope failed on {asked} with status {status}{quoted(said)}.", hint="Try again in a moment."
    )


def _by_code(
    code: str, response: Response, ref: Ref | None, operation: str, asked: str, said: str, web: str
) -> ZooError | None:
    """The error that a code of the envelope means; None: it is not known here."""
    if code == _ABSENT and is_overload(response):
        return NetworkError(
            f"ModelScope could not look {asked} up{quoted(said)}.",
            hint="Its database was too busy to answer. Try again in a moment.",
        )
    if code in (_ABSENT, "ResourceNotFound"):
        return _missing(response, ref, asked, web)
    if code == _NO_TREE:
        return _no_revision(ref, asked)
    if code == _NO_ACCESS:
        page = f"{web}/models/{ref.id}" if ref is not None else web
        return AccessError(
            f"{asked} is private or gated, and the account that asks has no access{quoted(said)}.",
            access_url=page,
            hint=f"Ask for access at {page}, then log in: " + _LOGIN.format(web),
        )
    if code in _BAD_TOKEN:
        return _bad_token(said, web)
    if code == "OperationNotAllowed":
        return _not_allowed(asked, said, web)
    if code == _WINDOW and operation == "search":
        return window_end()
    if code == _WINDOW:
        return RateLimited(f"A quota of the account is used up{quoted(said)}.", retry_after=asked_wait(response))
    if code in _TAKEN:
        return taken(asked, said)
    if code == _BUSY_COMMIT:
        return NetworkError(f"ModelScope does not take another commit just now{quoted(said)}.", hint="Try again.")
    if code == "InputParameterError":
        return ProtocolError(f"ModelScope did not take the question about {asked}{quoted(said)}.", hint=_OFFICIAL)
    return None


def window_end() -> Unsupported:
    """Returns the error for a search that would go on behind the last hit that the zoo shows."""
    return Unsupported(
        "ModelScope shows the first 3000 hits of a search and no more.",
        zoo="modelscope",
        operation="search",
        hint="Narrow the search, by author, task, library or further words: each search has its own 3000.",
    )


def _missing(response: Response, ref: Ref | None, asked: str, web: str) -> ZooError:
    query = urlsplit(response.request.url).query
    if "FilePath=" in query:
        return NotFound(
            f"The file is not in {asked} ({masked(response.request.url)}).",
            hint="The history may have been rewritten since the reference was resolved: resolve it again.",
        )
    return NotFound(
        f"ModelScope has no {asked}, or none that this account may see.",
        hint="Is the name right, with its letter case? A private model looks the same to strangers: "
        + _LOGIN.format(web)
        + " The site at modelscope.ai has models of its own.",
    )


def _no_revision(ref: Ref | None, asked: str) -> NotFound:
    name = ref.revision if ref is not None else None
    return no_revision(asked, name)


def no_revision(asked: str, name: str | None) -> NotFound:
    """Returns the error for a model that is there and lacks the revision ``name``."""
    return NotFound(
        f"The model of {asked} is there, but has no revision {name or 'master'!r}.",
        hint="The usual branch here is master, not main, and a commit of another zoo is none here. Branches and tags "
        "can be moved and deleted, and a rewritten history drops commits.",
    )


def _bad_token(said: str, web: str) -> AccessError:
    return AccessError(
        f"ModelScope does not know the token that was sent, or none was{quoted(said)}.",
        access_url=f"{web}/my/myaccesstoken",
        hint="It may be mistyped, expired or of the other site: modelscope.cn and modelscope.ai have accounts of "
        "their own. " + _LOGIN.format(web),
    )


def _not_allowed(asked: str, said: str, web: str) -> AccessError:
    return AccessError(
        f"The account that asks may not do that with {asked}{quoted(said)}.",
        access_url=f"{web}/my/myaccesstoken",
        hint="The token may lack a permission, or the account the right: " + _LOGIN.format(web),
    )


def _by_status(
    status: int, response: Response, ref: Ref | None, operation: str, asked: str, said: str, web: str
) -> ZooError:
    if status == 401:
        return _bad_token(said, web)
    if status == 403:
        return _not_allowed(asked, said, web)
    if status == 404:
        return _missing(response, ref, asked, web)
    return by_status(status, asked, said, zoo="ModelScope", billing=web, hint="Is the endpoint right? " + _OFFICIAL)


def _told(response: Response) -> tuple[str, str]:
    """Code and words of the envelope, of either surface; empty where there is none."""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "")
        return "", line(response.text()) if kind.startswith("text/plain") else ""
    told: Mapping[str, Any] = mapping(body)
    code = told.get("Code", told.get("code"))
    words = string(told.get("Message")) or string(told.get("message")) or ""
    return str(code) if isinstance(code, (int, str)) and not isinstance(code, bool) else "", line(words)
