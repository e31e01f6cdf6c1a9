"""Who asks ModelScope, and for what: the parts of a question that all of its surfaces read alike."""

from __future__ import annotations

import json
from http.cookies import CookieError, SimpleCookie
from typing import Any

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.exchange import Question


def visitor_of(accounts: Accounts, question: Question) -> Account | None:
    """Who asks, by either of the two ways; a token that belongs to nobody is ignored, as the zoo does."""
    told = question.headers.get("authorization")
    if told is None:
        try:
            crumb = SimpleCookie(question.headers.get("cookie", "")).get("m_session_id")
        except CookieError:
            crumb = None
        told = None if crumb is None else f"Bearer {crumb.value}"
    try:
        return accounts.visitor(told)
    except PermissionError:
        return None


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; what is none reads as an empty one."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}
