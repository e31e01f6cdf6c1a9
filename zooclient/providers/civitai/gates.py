"""Whether the bytes of a version may be had, told before the first is asked for; pure.

The site has renamed its signs again and again; each that was ever seen is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from zooclient.providers.reading import count, instant, line, mapping, string
from zooclient.records.model import Access

#: ``mode`` of a model whose files are not handed out any longer → why.
_GONE = {
    "Archived": "Its creator archived it; its files are not handed out.",
    "TakenDown": "Civitai took it down; its files are not handed out.",
}


def read_access(model: Mapping[str, Any], version: Mapping[str, Any], *, page: str, now: datetime) -> Access:
    """Returns what stands in the way of the bytes.

    Args:
        model: The model as told.
        version: The version as told, by itself and within the model.
        page: Its page for people.
        now: The time, aware: a gate may have run out.
    """
    mode = string(model.get("mode")) or string(mapping(version.get("model")).get("mode"))
    if mode in _GONE:
        return Access(state="gone", how=_GONE[mode], url=page)
    if "Private" in (model.get("availability"), version.get("availability")):
        return Access(state="private", how="Only its creator and those whom the creator let in may have it.", url=page)
    status = string(version.get("status"))
    if status in ("Deleted", "Unpublished", "UnpublishedViolation"):
        return Access(state="gone", how=f"It is not published any longer (status {status}).", url=page)
    if status is not None and status != "Published":
        return Access(state="private", how=f"It is not published (status {line(status, 40)}).", url=page)
    usage = string(version.get("usageControl"))
    if usage is not None and usage != "Download":
        return Access(state="private", how="Its creator lets it be used on the site, and not downloaded.", url=page)
    if model.get("poi") is True or mapping(version.get("model")).get("poi") is True:
        return Access(state="private", how="It shows a real person: only its creator may have the files.", url=page)
    return _gate(model, version, page, now)


def _gate(model: Mapping[str, Any], version: Mapping[str, Any], page: str, now: datetime) -> Access:
    paid = version.get("paidAccess")
    if isinstance(paid, dict):
        until = instant(paid.get("endsAt"))
        if paid.get("permanent") is True:
            return Access(state="paid", how="It has to be bought at its page.", url=page)
        if until is None:
            return Access(state="gated", how="It is for those whom its creator lets in; its page tells how.", url=page)
        return _early(until, page, now)
    for name in ("earlyAccessEndsAt", "earlyAccessDeadline"):
        until = instant(version.get(name))
        if until is not None and until > now:
            return _early(until, page, now)
    days, published = count(version.get("earlyAccessTimeFrame")), instant(version.get("publishedAt"))
    if days and published is not None and days < 3650 and published.year < 9900:
        until = published + timedelta(days=days)
        if until > now:
            return _early(until, page, now)
    if "EarlyAccess" in (version.get("availability"), model.get("availability")):
        return Access(state="gated", how="It is in early access; its page tells until when.", url=page)
    return Access()


def _early(until: datetime, page: str, now: datetime) -> Access:
    if until <= now:
        return Access()
    day = until.strftime("%Y-%m-%d %H:%M UTC")
    return Access(state="paid", how=f"It is in early access until {day}; before, it has to be bought.", url=page)
