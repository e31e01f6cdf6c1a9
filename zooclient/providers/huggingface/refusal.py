"""What the Hub means by a status that is no success: from an answer to an error of ours.

The Hub tells by ``X-Error-Code`` what is missing, with two traps: who is not logged in gets 401 without a code for a
model that does not exist as for one that is private, and a token that is not valid gets the same 401 on ``whoami``.
"""

from __future__ import annotations

import json

from zooclient.errors import (
    AccessError,
    Gone,
    IntegrityError,
    NetworkError,
    NotFound,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Response, redirect_target
from zooclient.net.origin import masked
from zooclient.providers.reading import line, mapping, strings
from zooclient.providers.refusing import asked_wait, by_status, complete, quoted, subject
from zooclient.records.ref import Ref

LOGIN = "`zooclient login hf` stores a token; one is made at {}/settings/tokens."
_NOT_KNOWN = "invalid credentials in authorization header"
_DISABLED = "access to this resource is disabled"


def refusal(response: Response, ref: Ref | None, operation: str, *, web: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer, any status but a success.
        ref: What was asked about. None: nothing in particular.
        operation: The verb under way.
        web: Address of the pages for people, without a slash at the end.
    """
    return complete(_read(response, ref, operation, web), response, "hf", ref, operation)


def _read(response: Response, ref: Ref | None, operation: str, web: str) -> ZooError:
    status, code, said = response.status, response.headers.get("x-error-code", ""), said_by(response)
    asked = subject(response, ref)
    target = redirect_target(response)
    if target is not None:
        return IntegrityError(
            f"The Hub sends the question about {asked} on to another server ({masked(target)}), which is not followed.",
            hint="A proxy or a mirror may stand in between: name its address as the endpoint if you trust it.",
        )
    if status == 429:
        return RateLimited(
            f"The Hub asks to wait before {asked} is asked again.",
            retry_after=asked_wait(response),
            hint="A token has a larger budget: " + LOGIN.format(web),
        )
    if status in (408, 425) or status >= 500:
        return _failing(status, asked, said)
    if code == "GatedRepo":
        return _gated(response, ref, asked, said, web)
    if status == 403 and _DISABLED in said.lower():
        return Gone(f"The Hub has disabled {asked}.", hint="Its page may say why; look for the model elsewhere.")
    if status in (401, 404):
        return _missing(response, ref, operation, asked, code, said, web)
    return _other(status, asked, said, web)


def _failing(status: int, asked: str, said: str) -> ZooError:
    if status == 501:
        return Unsupported(f"The server does not know how to answer for {asked} ({said or status}).")
    return NetworkError(
        f"The Hub failed on {asked} with status {status}{quoted(said)}.",
        hint="Try again in a moment; https://status.huggingface.co tells about outages.",
    )


def _gated(response: Response, ref: Ref | None, asked: str, said: str, web: str) -> ZooError:
    page = f"{web}/{ref.id}" if ref is not None else web
    if "awaiting" in said.lower():
        return AccessError(
            f"Your request for access to {asked} is still to be reviewed by its authors.",
            access_url=page,
            hint=f"Its state is shown at {page}; nothing here can hurry it.",
        )
    if response.status == 401:
        return AccessError(
            f"{asked} is gated: its authors let in only those who asked and are logged in.",
            access_url=page,
            hint=f"Ask for access at {page}, then log in: " + LOGIN.format(web),
        )
    return AccessError(
        f"{asked} is gated, and the account that asks has no access{quoted(said)}.",
        access_url=page,
        hint=f"Ask for access at {page}.",
    )


def _missing(
    response: Response, ref: Ref | None, operation: str, asked: str, code: str, said: str, web: str
) -> ZooError:
    if code == "RevisionNotFound":
        name = ref.revision if ref is not None else None
        return NotFound(
            f"The model of {asked} is there, but has no revision {name!r}.",
            hint="Branches and tags can be moved and deleted, and a rewritten history drops commits.",
        )
    if code == "EntryNotFound":
        return NotFound(
            f"The file is not in {asked} ({masked(response.request.url)}).",
            hint="The history may have been rewritten since the reference was resolved: resolve it again.",
        )
    if response.status == 401 and (_NOT_KNOWN in said.lower() or operation in ("whoami", "login")):
        return AccessError(
            "The Hub does not know the token that was sent, or none was.",
            access_url=f"{web}/settings/tokens",
            hint="It may be mistyped, expired or revoked. " + LOGIN.format(web),
        )
    return NotFound(
        f"The Hub has no {asked}, or none that this account may see.",
        hint="Is the name right? A private model looks the same to strangers: " + LOGIN.format(web),
    )


def _other(status: int, asked: str, said: str, web: str) -> ZooError:
    if status == 403:
        return AccessError(
            f"The account that asks may not do that with {asked}{quoted(said)}.",
            access_url=f"{web}/settings/tokens",
            hint="The token may lack a permission, or the account the right.",
        )
    return by_status(
        status,
        asked,
        said,
        zoo="The Hub",
        billing=f"{web}/settings/billing",
        hint='Is the endpoint right? via="official" asks through the zoo\'s own client.',
    )


def said_by(response: Response) -> str:
    """The server's own words: ``X-Error-Message``, ``{"error": …}``, ``{"errors": [{"message": …}]}``, or text."""
    words = response.headers.get("x-error-message")
    if words:
        return line(words)
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "")
        return line(response.text()) if kind.startswith("text/plain") else ""
    told = mapping(body)
    error, errors = told.get("error"), told.get("errors")
    listed = [mapping(item).get("message") for item in errors] if isinstance(errors, list) else []
    inner = strings(mapping(error).get("message")) or strings(told.get("message"))  # as the hosts of models say it
    return line("; ".join(strings(error) or strings(listed) or inner))
