"""What Civitai means by an answer that is no success: from an answer to an error of ours.

It tells by words rather than by codes: two different 401 differ in their ``message`` alone, a model that is private
and one that never was are the same 404, and the gate in front of the site (Cloudflare) answers in HTML. A page for
people that comes with status 200 in place of a file or of data is no success either.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from zooclient.errors import (
    AccessError,
    Gone,
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
from zooclient.providers.civitai.endpoint import is_login, is_page, is_site
from zooclient.providers.civitai.wire import page_url
from zooclient.providers.reading import instant, line, mapping, strings
from zooclient.providers.refusing import asked_wait, complete, quoted, subject, untaken
from zooclient.records.ref import Ref

_KEY = "`zooclient login civitai` stores a key; one is made at {}/user/account."
_OVERLOADED = "overloaded"
_TOO_MANY = "unusual amount"
_NO_DOWNLOAD = "disabled downloads"


def refusal(response: Response, ref: Ref | None, operation: str, *, endpoint: str, web: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer: any status but a success, or a page where data or a file was asked for.
        ref: What was asked about. None: nothing in particular.
        operation: The verb under way.
        endpoint: Address of the site.
        web: Address of the pages for people, without a slash at the end.
    """
    question = _Question(response, ref, operation, subject(response, ref), endpoint, web)
    return complete(question.read(), response, "civitai", ref, operation)


@frozen
class _Question:
    response: Response
    ref: Ref | None
    operation: str
    asked: str
    endpoint: str
    web: str

    @property
    def page(self) -> str:
        """Where a person sees it."""
        if self.ref is None:
            return self.web
        return page_url(self.web, self.ref.id, (self.ref.revision or "").partition("+")[0] or None)

    @property
    def key(self) -> str:
        """How to come by a key."""
        return _KEY.format(self.web)

    def read(self) -> ZooError:
        status = self.response.status
        told = _body(self.response)
        said = _said(told, self.response)
        target = redirect_target(self.response)
        if target is not None:
            return self._sent_on(target)
        if self.response.ok:
            return self._page()
        if status == 451 or told.get("code") == "REGION_BLOCKED":
            return AccessError(
                f"Civitai may not be asked from this country{quoted(said)}.",
                hint="This is about the place of the connection, not about the model or the account.",
            )
        if status == 429:
            return self._too_much(said)
        if status == 401:
            return self._unauthorized(told, said)
        if status == 403:
            return self._forbidden(told, said)
        if status == 404:
            return self._missing(said)
        if status in (408, 425, 499) or status >= 500:
            return self._failing(status, said)
        return self._other(status, said)

    def _sent_on(self, target: str) -> ZooError:
        if is_login(target, self.endpoint):
            return self._login()
        if is_site(target, self.endpoint):
            return ProtocolError(f"Civitai sends the question about {self.asked} on to a page ({masked(target)}).")
        return IntegrityError(
            f"The question about {self.asked} is sent on to another server ({masked(target)}), which is not followed.",
            hint="A proxy may stand in between: name its address as the endpoint if you trust it.",
        )

    def _login(self) -> AccessError:
        return AccessError(
            f"{self.asked} is for those who are logged in: its creator, or the site, wants a key.",
            access_url=f"{self.web}/user/account",
            hint=self.key,
        )

    def _page(self) -> ZooError:
        if is_login(self.response.request.url, self.endpoint):
            return self._login()
        what = f"A page for people came in place of {self.asked} ({masked(self.response.request.url)})"
        if self.operation == "download":
            return IntegrityError(
                f"{what}; it is no file of the model.",
                hint="The site may want a login, or a proxy stands in between. " + self.key,
            )
        return ProtocolError(f"{what}.", hint="A proxy or a login page may stand in between.")

    def _too_much(self, said: str) -> ZooError:
        hint = "Ask for less at once, and run it again later; what has arrived is kept."
        if _TOO_MANY in said:
            hint = "This is the site's quota of downloads: it takes hours, and more tries make it no shorter."
        return RateLimited(
            f"Civitai asks to wait before {self.asked} is asked again{quoted(said)}.",
            retry_after=asked_wait(self.response),
            hint=hint,
        )

    def _unauthorized(self, told: dict[str, Any], said: str) -> ZooError:
        if _NO_DOWNLOAD in said:
            return AccessError(
                f"The creator of {self.asked} lets nobody download it{quoted(said)}.",
                access_url=self.page,
                hint="It can be used on the site alone; no key changes that.",
            )
        if self.operation in ("whoami", "login"):
            return AccessError(
                "Civitai does not know the key that was sent, or none was.",
                access_url=f"{self.web}/user/account",
                hint="It may be mistyped, expired or revoked. " + self.key,
            )
        if "logged in" in said:
            return self._login()
        return AccessError(
            f"{self.asked} needs a key that is valid{quoted(said)}.",
            access_url=f"{self.web}/user/account",
            hint="One that was sent may be expired or revoked, or its account banned. " + self.key,
        )

    def _forbidden(self, told: dict[str, Any], said: str) -> ZooError:
        if not told:
            return NetworkError(
                f"The gate in front of Civitai turned the question about {self.asked} away.",
                hint="It judges the address that asks; try again later, or from another network.",
            )
        until = instant(told.get("deadline"))
        if told.get("error") == "Early Access" or until is not None:
            day = f" until {until:%Y-%m-%d %H:%M} UTC" if until is not None else ""
            return AccessError(
                f"{self.asked} has to be bought{day}{quoted(said)}.",
                access_url=self.page,
                hint="A key of an account that bought it lets you in."
                + (" It is free after that time." if until is not None else ""),
            )
        return AccessError(
            f"The account that asks may not have {self.asked}{quoted(said)}.",
            access_url=self.page,
            hint="Its page tells who may. " + self.key,
        )

    def _missing(self, said: str) -> ZooError:
        if self.operation == "download":
            return NotFound(
                f"Civitai has no file for {self.asked} any longer, or for this account{quoted(said)}.",
                hint="Its creator may have replaced or withdrawn it since it was resolved: resolve it again.",
            )
        if self.ref is not None and self.ref.revision is None:
            hint = f"A bare number is a model; a version is written civitai:@{self.ref.id}."
        else:
            hint = "It may be unpublished, private, or so new that the site has not looked at it."
        return NotFound(f"Civitai has no {self.asked}, or none that this account may see{quoted(said)}.", hint=hint)

    def _failing(self, status: int, said: str) -> ZooError:
        if status == 501:
            return Unsupported(f"The server does not know how to answer for {self.asked}{quoted(said)}.")
        hint = "Its search is overloaded at times." if _OVERLOADED in said else "Try again in a moment."
        return NetworkError(f"Civitai failed on {self.asked} with status {status}{quoted(said)}.", hint=hint)

    def _other(self, status: int, said: str) -> ZooError:
        if status == 402:
            return AccessError(f"{self.asked} is to be paid for{quoted(said)}.", access_url=self.page)
        if status == 405:
            return untaken(self.asked, said)
        if status == 410:
            return Gone(
                f"{self.asked} was there, and its files are not handed out any longer{quoted(said)}.",
                hint="Its creator archived it; the same bytes may lie in a store or a mirror.",
            )
        return ProtocolError(
            f"Civitai did not take the question about {self.asked} (status {status}){quoted(said)}.",
            hint="Is the endpoint right?",
        )


def _body(response: Response) -> dict[str, Any]:
    """The object that refuses; empty for HTML and plain text, and an object of our making for a bare list of issues."""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(body, list):
        return {"issues": body}
    return dict(mapping(body))


def _said(told: dict[str, Any], response: Response) -> str:
    """The site's own words: ``message`` and ``error`` as text, or the messages of issues."""
    kind = response.headers.get("content-type", "")
    if not told:
        return line(response.text()) if kind.startswith("text/plain") else ""
    error = told.get("error")
    words = [*strings(told.get("message")), *(strings(error) if isinstance(error, str) else ())]
    issues: list[Any] = []
    for source in (told.get("issues"), mapping(error).get("issues")):
        issues += source if isinstance(source, list) else []
    words += strings([mapping(issue).get("message") for issue in issues[:5]])
    words += strings(mapping(error).get("message"))
    return line("; ".join(dict.fromkeys(words)))


def unwanted(response: Response, endpoint: str) -> bool:
    """Whether an answer is not what was asked for: no success, or a page."""
    return not response.ok or is_page(response.request.url, response.headers, endpoint)
