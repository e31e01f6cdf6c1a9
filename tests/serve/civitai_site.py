"""Civitai's protocol asked directly, without a socket."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from served_models import safetensors, write

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.civitai.catalogue import Catalogue
from zooclient.serve.civitai.site import speak
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.protocol import Options, Site
from zooclient.serve.signing import Signer

BASE, BYTES = "http://site:1", "http://bytes:2"
NOW = 1_790_000_000.0
AGENT = "zooclient/1.0"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"
TOKENS = {"me": "key-of-me", "org": "key-of-org"}

LORA = """---
license: cc-by-nc-4.0
base_model: stabilityai/stable-diffusion-xl-base-1.0
tags: [LoRA, Style]
trigger_words: [tiny thing, "two, words"]
---
# Tiny *style*

Use **it** with `care`.
"""

BASE_CARD = """---
license: apache-2.0
tags: [photo]
base_model: stable-diffusion-v1-5/stable-diffusion-v1-5
---
# Base
"""


def png(width: int, height: int) -> bytes:
    """The first bytes of a PNG, which tell its size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(9)


class Zoo:
    """A site over a folder.

    Attributes:
        shelf: The models.
        now: The time.
    """

    def __init__(self, root: Path | None, options: Options | None = None) -> None:
        self.shelf = FolderShelf(root)
        self.now = NOW
        shown = self.shelf.at("civitai")
        accounts = Accounts(tuple(Account(name=name, token=token) for name, token in TOKENS.items()))
        site = Site(
            shelf=shown,
            accounts=accounts,
            signer=Signer(),
            byte_origin=lambda base: BYTES,
            options=options or Options(scanned=True),
            clock=lambda: self.now,
        )
        self.origins = speak(site)
        self.catalogue = Catalogue(shown)

    def ask(
        self,
        path: str,
        query: str = "",
        *,
        by: str | None = None,
        method: str = "GET",
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """Asks the site, as an account or as a stranger."""
        sent = {"user-agent": AGENT, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if by is not None:
            sent["authorization"] = f"Bearer {TOKENS.get(by, by)}"
        content = b"" if body is None else json.dumps(body).encode()
        question = Question(method=method, path=path, query=query, headers=sent, base=BASE, body=content, client="c")
        return self.origins.hub(question)

    def get(self, path: str, query: str = "", *, by: str | None = None) -> Any:
        """Asks for JSON that has to come with 200."""
        answer = self.ask(path, query, by=by)
        assert answer.status == 200, answer
        return told(answer)

    def listed(self, query: str = "", *, by: str | None = None) -> list[str]:
        """The names on one page of the listing."""
        return [item["name"] for item in self.get("/api/v1/models", query, by=by)["items"]]

    def fetch(self, link: str, **headers: str) -> Answer:
        """Follows a signed link."""
        parts = urlsplit(link)
        return self.origins.cdn(Question(method="GET", path=parts.path, query=parts.query, headers=headers, base=BYTES))

    def offer(self, name: str, **changes: Any) -> None:
        """Changes on what terms a model is offered."""
        terms = self.shelf.terms(name)
        self.shelf.set_terms(name, evolve(terms, offer=evolve(terms.offer, **changes)))

    def terms(self, name: str, **changes: Any) -> None:
        """Changes what every zoo knows of a model."""
        self.shelf.set_terms(name, evolve(self.shelf.terms(name), **changes))

    def ids(self, name: str) -> tuple[int, int]:
        """The numbers of a model and of its newest version."""
        model = self.catalogue.named(name)
        assert model is not None
        return model.id, model.versions[0].id

    def file_id(self, name: str, path: str) -> int:
        """The number of a file of the newest version."""
        model = self.catalogue.named(name)
        assert model is not None
        files = self.catalogue.files(model, model.versions[0])
        return next(file.id for file in files if file.entry.path == path)

    def download(self, name: str, path: str | None = None, query: str = "", **more: Any) -> Answer:
        """Asks for a file of the newest version."""
        if path is not None:
            query = f"fileId={self.file_id(name, path)}"
        return self.ask(f"/api/download/models/{self.ids(name)[1]}", query, **more)


def told(answer: Answer) -> Any:
    """What an answer says, as JSON."""
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def several(root: Path) -> Path:
    """Writes a few models of different kinds, and returns the folder."""
    write(root, "org/tiny", {"README.md": LORA.encode(), "style v1.safetensors": safetensors(3000)})
    write(
        root,
        "acme/base-model",
        {
            "README.md": BASE_CARD.encode(),
            "full.safetensors": safetensors(9000, 1),
            "sub/pruned.safetensors": safetensors(4000, 2),
            "vae/diffusion.safetensors": safetensors(500, 3),
            "model.ckpt": bytes(range(256)) * 3,
            "config.yaml": b"a: 1\n",
            "shots/first.png": png(640, 480),
        },
    )
    write(root, "Jo Doe".replace(" ", "-") + "/other.one", {"weights.gguf": b"GGUF" + bytes(96)})
    return root
