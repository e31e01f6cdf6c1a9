"""Why it does not work here: network, certificates, clock, disk and tokens, looked at one by one."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from attrs import frozen

from zooclient.errors import AccessError, ConfigError, ZooError
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.net.origin import masked
from zooclient.net.proxy import Proxies
from zooclient.providers.registry import credential_for, own_schemes, provider_for, schemes
from zooclient.records.query import Query

if TYPE_CHECKING:
    from zooclient.client.sync import Client
    from zooclient.providers.base import Provider

#: Free bytes below which the disk is worth a word.
LITTLE_SPACE = 5 * 10**9

#: Seconds by which a clock may be off before signed links and certificates suffer.
CLOCK_SKEW = 120.0

Verdict = Literal["ok", "warn", "fail", "skip"]


@frozen(kw_only=True)
class Finding:
    """What one look found.

    Attributes:
        zoo: Scheme that it is about. None: this machine.
        check: What was looked at, such as ``dns``.
        verdict: ``ok``, ``warn``, ``fail``, or ``skip`` when it could not be looked at.
        text: One sentence.
        hint: What to do. None when there is nothing to do.
    """

    zoo: str | None
    check: str
    verdict: Verdict
    text: str
    hint: str | None = None


def check_up(client: Client) -> Iterator[Finding]:
    """Looks at this machine, then at each zoo that has a server. Nothing is raised for what is found."""
    yield from _home(client)
    for scheme in schemes():
        try:
            provider = provider_for(scheme, client.settings)
        except ConfigError as error:
            if scheme in own_schemes():
                raise
            yield _told(scheme, "plug-in", "warn", error)
            continue
        if provider.endpoint is not None:
            yield from _zoo(client, provider)


def _told(zoo: str, check: str, verdict: Verdict, error: ZooError) -> Finding:
    """Returns what an error tells as a finding."""
    return Finding(zoo=zoo, check=check, verdict=verdict, text=error.message, hint=error.hint)


def _home(client: Client) -> Iterator[Finding]:
    home = client.settings.store_home()
    there = next((path for path in (home, *home.parents) if path.exists()), None)
    if there is None or not there.is_dir():
        why = "nothing above it exists" if there is None else f"{there} is a file"
        yield Finding(
            zoo=None,
            check="home",
            verdict="fail",
            text=f"The store cannot be at {home}: {why}.",
            hint="ZOOCLIENT_HOME names another place.",
        )
        return
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        yield Finding(zoo=None, check="disk", verdict="fail", text=f"{there} cannot be asked for its space: {error}")
        return
    little = free < LITTLE_SPACE
    yield Finding(
        zoo=None,
        check="disk",
        verdict="warn" if little else "ok",
        text=f"{free / 1e9:.1f} GB are free for the store at {home}.",
        hint="`zooclient cache prune` frees what nothing needs; ZOOCLIENT_HOME moves the store." if little else None,
    )
    yield _writable(there, home)
    for store in client.settings.stores:
        if not store.is_dir():
            yield Finding(
                zoo=None,
                check="store",
                verdict="warn",
                text=f"The read-only store {store} is not there.",
                hint="ZOOCLIENT_STORES or the config file names it.",
            )


def _writable(there: Path, home: Path) -> Finding:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding(
            zoo=None,
            check="home",
            verdict="warn",
            text=f"The store at {home} cannot be written: {error.strerror}. What it holds can still be loaded.",
            hint="ZOOCLIENT_HOME names another place.",
        )
    return Finding(zoo=None, check="home", verdict="ok", text=f"The store at {home} can be written.")


def _zoo(client: Client, provider: Provider) -> Iterator[Finding]:
    zoo, endpoint = provider.scheme, provider.endpoint or ""
    if client.settings.offline:
        yield Finding(zoo=zoo, check="network", verdict="skip", text="Connections are switched off (offline).")
        return
    if client.settings.zoo(zoo).mirror_policy == "only":
        text = "By mirror-policy = only, the zoo itself is not asked."
        yield Finding(zoo=zoo, check="network", verdict="skip", text=text)
        return
    if provider.capability.search_login and not _has_credential(client, provider):
        text = "It answers nobody without a token, and none is set: it is not asked."
        yield Finding(zoo=zoo, check="token", verdict="skip", text=text, hint=f"`zooclient login {zoo}` stores one.")
        return
    try:
        proxy = Proxies.of(client.settings).for_url(endpoint)
    except ConfigError as error:
        yield _told(zoo, "proxy", "fail", error)
        return
    if proxy is not None:
        yield Finding(zoo=zoo, check="proxy", verdict="ok", text=f"{endpoint} is reached through {masked(proxy)}.")
    else:
        yield Finding(zoo=zoo, check="proxy", verdict="ok", text=f"{endpoint} is reached directly.")
    host = urlsplit(proxy or endpoint).hostname or ""
    found = _dns(zoo, host)
    yield found
    if found.verdict == "fail":
        return
    yield from _answer(client, provider, endpoint)
    yield _token(client, provider)


def _has_credential(client: Client, provider: Provider) -> bool:
    """Whether there is a token; one that cannot be counts, for its error is a finding."""
    try:
        return credential_for(provider, client.settings) is not None
    except ConfigError:
        return True


def _dns(zoo: str, host: str) -> Finding:
    try:
        addresses = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        return Finding(
            zoo=zoo,
            check="dns",
            verdict="fail",
            text=f"The name {host} cannot be looked up: {error.strerror or error}.",
            hint="Is the machine online? Behind a company network, HTTPS_PROXY may be needed.",
        )
    return Finding(zoo=zoo, check="dns", verdict="ok", text=f"{host} is {', '.join(addresses[:3])}.")


def _small_question(provider: Provider, endpoint: str) -> Request:
    """What the zoo is made to answer: the first request of a search; where it has none, its address."""
    can = provider.capability
    if can.search_login:  # a listing of which nothing is told without a login
        asked: object = next(provider.whoami())
    else:
        asked = next(provider.search(Query(limit=1))) if can.search else None
    return asked if isinstance(asked, Request) else Request(url=endpoint)


def _answer(client: Client, provider: Provider, endpoint: str) -> Iterator[Finding]:
    """One small request: it proves TCP, TLS and HTTP, and its Date tells whether our clock is right."""

    zoo = provider.scheme

    def ask() -> Flow[Response]:
        return (yield from fetch(_small_question(provider, endpoint)))

    try:
        response = client.run(ask())
    except ZooError as error:
        yield _told(zoo, "https", "fail", error)
        return
    yield Finding(
        zoo=zoo,
        check="https",
        verdict="ok" if response.ok else "warn",
        text=f"{endpoint} answers with status {response.status}.",
    )
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", ""))
    except (TypeError, ValueError):
        yield Finding(zoo=zoo, check="clock", verdict="skip", text="The answer has no date to compare with.")
        return
    skew = abs((datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds())
    wrong = skew > CLOCK_SKEW
    yield Finding(
        zoo=zoo,
        check="clock",
        verdict="warn" if wrong else "ok",
        text=f"This clock and the zoo's differ by {skew:.0f} s.",
        hint="Signed links and certificates fail on a wrong clock: set it." if wrong else None,
    )


def _token(client: Client, provider: Provider) -> Finding:
    zoo = provider.scheme
    try:
        credential = credential_for(provider, client.settings)
    except ConfigError as error:
        return _told(zoo, "token", "fail", error)
    if credential is None:
        return Finding(
            zoo=zoo,
            check="token",
            verdict="ok",
            text="No token is set: open models only, and the zoo's smaller rate budget.",
            hint=f"`zooclient login {zoo}` stores one.",
        )
    try:
        account = client.whoami(zoo)
    except AccessError as error:
        return _told(zoo, "token", "fail", error)
    except ZooError as error:
        return _told(zoo, "token", "warn", error)
    return Finding(zoo=zoo, check="token", verdict="ok", text=f"The token belongs to {account.name}.")
