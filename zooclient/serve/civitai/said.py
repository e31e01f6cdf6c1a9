"""What Civitai says when it does not give what was asked for, to programs and to people. Pure.

Statuses do not tell bodies apart here: two 401 differ in one sentence, and whoever looks like a browser gets plain text
or is sent to a page.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from zooclient.serve.exchange import Answer, Question, json_answer, text_answer

#: Parts of a ``User-Agent`` by which a browser is told, in whatever longer word they stand.
_BROWSERS: Final = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
#: Agents that the gate in front of the site turns away.
_UNWELCOME: Final = ("python-urllib",)

NO_STORE: Final = {"cache-control": "no-store"}

#: The country of the client is not served: for :class:`~zooclient.serve.faults.Body`.
REGION_BLOCKED: Final = (
    b'{"error":"Access to this service is not available in your region due to legal restrictions.",'
    b'"code":"REGION_BLOCKED"}'
)

UNUSUAL: Final = (
    "We've noticed an unusual amount of downloading from your account. Contact support@civitai.com or come back later."
)
NO_DOWNLOADS: Final = "The creator of this asset has disabled downloads on this file"
LOG_IN: Final = "The creator of this asset requires you to be logged in to download it"
EARLY: Final = "This asset is in Early Access. You can use Buzz access it now!"


def is_person(question: Question) -> bool:
    """Whether a client counts as a person with a browser."""
    agent = question.headers.get("user-agent", "").lower()
    return any(browser in agent for browser in _BROWSERS)


def is_unwelcome(question: Question) -> bool:
    """Whether the gate in front of the site turns a client away before anything is looked at."""
    return question.headers.get("user-agent", "").lower().startswith(_UNWELCOME)


def error(status: int, text: str, **more: Any) -> Answer:
    """Returns the usual refusal: ``{"error": text}`` and further members."""
    return json_answer(
        {"error": text, **{name: value for name, value in more.items() if value is not None}}, status=status
    )


def no_download(question: Question, status: int, text: str, *, version: int | None = None, **more: Any) -> Answer:
    """Returns a refusal of the download route.

    Args:
        question: What was asked; a browser is answered otherwise than a program.
        status: Of the refusal.
        text: What is wrong.
        version: Where a person is sent instead. None: nowhere, unless it is to log in.
        more: Further members of the body for programs; those that are None are left out.
    """
    if not is_person(question):
        answer = error(status, text, **more)
        return Answer(status=status, headers={**answer.headers, **NO_STORE}, body=answer.body)
    if more.get("message") == LOG_IN:
        back = question.path + (f"?{question.query}" if question.query else "")
        return sent_to(f"/login?{urlencode({'returnUrl': back, 'reason': 'download-auth'})}")
    if version is not None:
        return sent_to(f"/model-versions/{version}")
    return text_answer(str(more.get("message", text)), status=status, headers=NO_STORE)


def sent_to(place: str, status: int = 307) -> Answer:
    """Returns a redirect to another page of the site."""
    return Answer(status=status, headers={"location": place, **NO_STORE})


def page(title: str, status: int = 200) -> Answer:
    """Returns a page for people."""
    shown = escape(title)
    body = f"<!DOCTYPE html><html><head><title>{shown}</title></head><body><h1>{shown}</h1></body></html>"
    return Answer(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=body.encode())
