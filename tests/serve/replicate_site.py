"""Replicate's API asked directly, without a socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.protocol import Options, Site
from zooclient.serve.registry.depot import Depot
from zooclient.serve.replicate.runs import Run, Runs
from zooclient.serve.replicate.site import speak
from zooclient.serve.signing import Signer
from zooclient.testing.replicate import AtReplicate

BASE, BYTES = "http://api:1", "http://bytes:2"
NOW = 1_790_000_000.0
TOKENS = {"me": "r8_of_me", "org": "r8_of_org"}

CARD = """---
license: mit
pipeline_tag: text-generation
license_link: https://example.org/LICENSE
---
# Tiny

Says what it is told. See arxiv.org/abs/2307.01952.
"""


class Zoo:
    """An API over a folder.

    Attributes:
        shelf: The models.
        runs: What was run.
        owners: The switches of the owners.
        now: The time.
    """

    def __init__(self, root: Path | None = None, *, accounts: bool = True, **options: Any) -> None:
        self.shelf = FolderShelf(root, keep_limit=1 << 20)
        self.now = NOW
        self.runs = Runs()
        self.depot = Depot()
        self.owners = AtReplicate(self.shelf, self.runs, self.depot)
        known = tuple(Account(name=name, token=token) for name, token in TOKENS.items())
        site = Site(
            shelf=self.shelf.at("replicate"),
            accounts=Accounts(known) if accounts else Accounts(),
            signer=Signer(),
            byte_origin=lambda base: BYTES,
            options=Options(runs=self.runs, depot=self.depot, **options),
            clock=lambda: self.now,
        )
        self.origins = speak(site)

    def model(self, name: str = "acme/tiny", card: str = CARD, **offer: Any) -> str:
        """Puts a model there, hosted like this, and returns its newest version."""
        self.shelf.commit(name, {"README.md": card.encode()})
        self.owners.offer(name, **offer)
        return self.owners.version(name)

    def ask(
        self, method: str, path: str, query: str = "", *, by: str | None = "me", body: Any = b"", **headers: str
    ) -> Answer:
        """Asks the API, as an account or as a stranger; waits where the answer does."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is not None:
            sent["authorization"] = f"Bearer {TOKENS.get(by, by)}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, more = path.partition("?")
        question = Question(
            method=method, path=path, query=query or more, headers=sent, base=BASE, body=content, client="c"
        )
        answer = self.origins.hub(question)
        while answer.later is not None:
            answer = asyncio.run(answer.later.come())
        return answer

    def get(self, path: str, query: str = "", *, by: str = "me") -> Any:
        """Asks for JSON that has to come with 200."""
        answer = self.ask("GET", path, query, by=by)
        assert answer.status == 200, answer
        return told(answer)

    def create(self, version: str, sent: Any = None, **headers: str) -> Any:
        """Creates a prediction that has to be taken."""
        body = {"version": version, "input": {"prompt": "hi"} if sent is None else sent}
        answer = self.ask("POST", "/v1/predictions", body=body, **headers)
        assert answer.status in (201, 202), answer
        return told(answer)

    def ended(self, prediction: Any) -> Any:
        """The prediction once it is over."""
        assert self.run(prediction).stopped.wait(10)
        return self.get(f"/v1/predictions/{prediction['id']}")

    def under_way(self, prediction: Any) -> Any:
        """The prediction once it has started."""
        run = self.run(prediction)

        async def begun() -> None:
            while (rung := run.bell.rung) >= 0 and run.state.started is None:
                assert await run.bell.after(rung, 10)

        asyncio.run(begun())
        return self.get(f"/v1/predictions/{prediction['id']}")

    def run(self, prediction: Any) -> Run:
        """What runs behind a prediction."""
        found = self.runs.get(prediction["id"])
        assert found is not None
        return found

    def fetch(self, link: str, **headers: str) -> Answer:
        """Fetches from the other origin, without a token."""
        assert link.startswith(f"{BYTES}/pbxt/"), link
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.origins.cdn(Question(method="GET", path=urlsplit(link).path, headers=sent, base=BYTES))

    def stream(self, prediction: Any, **headers: str) -> str:
        """The whole stream of a prediction."""
        answer = self.fetch(prediction["urls"]["stream"], accept="text/event-stream", **headers)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        if isinstance(answer.body, bytes):
            return answer.body.decode()
        stream: Any = answer.body

        async def whole() -> bytes:
            return b"".join([block async for block in stream.blocks()])

        return asyncio.run(whole()).decode()


def told(answer: Answer) -> Any:
    """What an answer says, as JSON."""
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def multipart(content: bytes, name: str = "a.txt", kind: str = "text/plain", **fields: str) -> tuple[str, bytes]:
    """A body with one file and further fields, and its content type."""
    parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
    parts.append(f'name="content"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode() + content)
    body = b"".join(b"--edge\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return "multipart/form-data; boundary=edge", body + b"--edge--\r\n"
