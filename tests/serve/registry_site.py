"""The registry asked directly, without a socket."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

from served_models import tiny

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.exchange import Answer, Question, Span
from zooclient.serve.folder import FolderShelf
from zooclient.serve.protocol import Options, Site
from zooclient.serve.registry.depot import Depot
from zooclient.serve.registry.parts import MANIFESTS
from zooclient.serve.registry.site import speak
from zooclient.serve.replicate.runs import Runs
from zooclient.serve.signing import Signer
from zooclient.testing.registry import AtRegistry
from zooclient.testing.replicate import AtReplicate

BASE = "http://r8.test"
BYTES = "http://bucket.test"
NOW = 1_800_000_000.0
TOKENS = {"me": "0123-me", "org": "0123-org"}
MODEL = "acme/tiny"


class Zoo:
    """A registry over one shelf, with a clock that stands still unless it is told otherwise."""

    def __init__(self, *, accounts: bool = True, **options: Any) -> None:
        self.shelf = FolderShelf(None, keep_limit=2**30)
        self.depot = Depot()
        self.owners = AtReplicate(self.shelf, Runs(), self.depot)
        self.r8 = AtRegistry(self.shelf, self.depot, self.owners)
        self.now = NOW
        known = tuple(Account(name=name, token=token, role="write") for name, token in TOKENS.items())
        site = Site(
            shelf=self.shelf.at("r8"),
            accounts=Accounts(known if accounts else None),
            signer=Signer(),
            byte_origin=lambda base: BYTES,
            options=Options(depot=self.depot, **options),
            clock=lambda: self.now,
        )
        self.origins = speak(site)
        self.shelf.commit(MODEL, tiny())

    def close(self) -> None:
        """Removes what was written down."""
        self.shelf.close()
        self.depot.close()

    def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        authorization: str | None = None,
        body: bytes = b"",
        **headers: str,
    ) -> Answer:
        """Asks one of the two origins."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if authorization is not None:
            sent["authorization"] = authorization
        parts = urlsplit(path)
        handler = self.origins.cdn if path.startswith(BYTES) else self.origins.hub
        question = Question(
            method=method, path=parts.path, query=query or parts.query, headers=sent, body=body, base=BASE, client="c"
        )
        return handler(question)

    def get(self, path: str, *, by: str | None = None, method: str = "GET", **headers: str) -> Answer:
        """Asks below ``/v2/``, logged in as the challenge wants it; any kind of manifest is taken."""
        headers.setdefault("accept", ",".join(MANIFESTS))
        return self.ask(method, f"/v2/{path}", authorization=self.login(path, by), body=b"", **headers)

    def login(self, path: str, by: str | None, actions: str = "pull") -> str | None:
        """The header of somebody, or of a stranger, who wants something of a repository."""
        known = None if by is None else basic(by, TOKENS.get(by, by))
        if self.r8.rules.challenge == "Basic":
            return known
        name = path.split("/manifests/")[0].split("/blobs/")[0].split("/tags/")[0]
        answer = self.ask("GET", "/token", f"service=r8.im&scope=repository:{name}:{actions}", authorization=known)
        return f"Bearer {told(answer)['token']}"

    def push(
        self, method: str, path: str, query: str = "", *, by: str = "me", body: bytes = b"", **headers: str
    ) -> Answer:
        """Sends something below ``/v2/``."""
        parts = urlsplit(path)
        header = self.login(parts.path.removeprefix("/v2/"), by, "pull,push")
        return self.ask(method, path, query, authorization=header, body=body, **headers)


def basic(name: str, token: str) -> str:
    """The header of a login by name and token."""
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()


def told(answer: Answer) -> Any:
    """What an answer says, as JSON."""
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def code(answer: Answer) -> str:
    """The code of a refusal."""
    (error,) = told(answer)["errors"]
    return str(error["code"])


def content(answer: Answer) -> bytes:
    """The bytes of an answer."""
    if isinstance(answer.body, bytes):
        return answer.body
    assert isinstance(answer.body, Span)
    with answer.body.place.path.open("rb") as file:
        file.seek(answer.body.offset)
        return file.read(answer.body.length)
