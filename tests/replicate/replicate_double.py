"""A small Replicate on loopback: models, versions in pages, collections, both searches, READMEs, accounts, runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from netdoubles import Answer, Asked, Server

TOKEN = "r8_of_me"


class ReplicateDouble(Server):
    """Replicate's protocol over models in memory.

    Attributes:
        models: ``owner/name`` → the answer about a model.
        versions: ``owner/name`` → its versions, newest first; missing for official models.
        readmes: ``owner/name`` → README.
        collections: Slug → names of models.
        has_search: Whether it has the search by words, and takes the method QUERY in its place otherwise.
        name: Whose token it is.
        page: Models, or versions, on a page.
        busy: Answers 429 to so many questions first.
        works: Version → what running it makes of its inputs; bytes are a file. Versions that are not there give back
            their prompt.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.models: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.readmes: dict[str, str] = {}
        self.collections: dict[str, list[str]] = {}
        self.has_search = True
        self.name = "acme"
        self.page = 2
        self.busy = 0
        self.works: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self._made: list[bytes] = []

    @property
    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def __enter__(self) -> ReplicateDouble:
        super().__enter__()
        return self

    def _answer(self, asked: Asked) -> Answer:
        if self.busy:
            self.busy -= 1
            return _problem(429, "Request was throttled.", headers={"ratelimit-reset": "0"})
        if asked.path.startswith("/made/"):
            made = self._made[int(asked.path.split("/")[2])]
            return Answer(body=made, headers={"Content-Type": "image/png"})
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _problem(401, "You did not pass a valid authentication token", title="Unauthenticated")
        where = urlsplit(asked.path)
        told = {name: values[0] for name, values in parse_qs(where.query).items()}
        parts = [unquote(part) for part in where.path.split("/")[1:]]
        if parts[:1] != ["v1"]:
            return _problem(404, "Not found.")
        found = self._found(asked, parts[1:], told)
        return found if isinstance(found, Answer) else _json(found)

    def _found(self, asked: Asked, parts: list[str], told: dict[str, str]) -> Any:
        name, rest = "/".join(parts[1:3]), parts[3:]
        if parts == ["account"]:
            return {"type": "organization", "username": self.name, "name": "Acme"}
        if parts == ["predictions"] and asked.method == "POST":
            return _json(self._ran(json.loads(asked.body)), 201)
        if parts == ["models"]:
            words = asked.body.decode() if asked.method == "QUERY" else ""
            if asked.method == "QUERY" and asked.headers.get("content-type") != "text/plain":
                return _problem(415, "Unsupported media type.")
            return self._paged(f"{self.url}/v1/models", self._matching(words), told)
        if parts == ["search"]:
            if not self.has_search:
                return _problem(404, "Not found.")
            hits = self._matching(told["query"])[: int(told["limit"])]
            rows = [{"model": one, "metadata": {"tags": ["text-to-image"], "score": 1.5}} for one in hits]
            return {"query": told["query"], "models": rows, "collections": [], "pages": []}
        if parts[0] == "collections" and parts[1] in self.collections:
            names = self.collections[parts[1]]
            return {"name": parts[1], "slug": parts[1], "models": [self.models[one] for one in names]}
        if parts[0] != "models" or name not in self.models:
            return _problem(404, "The requested resource could not be found.")
        if not rest:
            return self.models[name]
        if rest == ["readme"] and name in self.readmes:
            return Answer(body=self.readmes[name].encode(), headers={"Content-Type": "text/plain"})
        held = self.versions.get(name)
        if rest[0] == "versions" and held is not None:
            if len(rest) == 1:
                return self._paged(f"{self.url}/v1/models/{name}/versions", held, told)
            found = next((one for one in held if one["id"] == rest[1]), None)
            return found if found is not None else _problem(404, "Version not found.")
        return _problem(404, "The requested resource could not be found.")

    def _ran(self, order: dict[str, Any]) -> dict[str, Any]:
        work = self.works.get(order["version"])
        output = order["input"].get("prompt") if work is None else work(order["input"])
        if isinstance(output, bytes):
            self._made.append(output)
            output = f"{self.url}/made/{len(self._made) - 1}/out.png"
        name = f"{len(self.asked):026d}"
        return {
            "id": name,
            "version": order["version"],
            "input": order["input"],
            "output": output,
            "logs": "thinking\n",
            "status": "succeeded",
            "metrics": {"predict_time": 0.5},
            "urls": {"get": f"{self.url}/v1/predictions/{name}", "web": f"https://replicate.com/p/{name}"},
        }

    def _matching(self, words: str) -> list[dict[str, Any]]:
        wanted = words.lower().split()
        return [
            one
            for name, one in self.models.items()
            if all(word in f"{name} {one['description']}".lower() for word in wanted)
        ]

    def _paged(self, url: str, rows: list[dict[str, Any]], told: dict[str, str]) -> dict[str, Any]:
        start = int(told.get("cursor", "0"))
        end = start + self.page
        following = f"{url}?cursor={end}" if end < len(rows) else None
        return {"next": following, "previous": None, "results": rows[start:end]}


def _json(payload: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return Answer(status=status, body=json.dumps(payload).encode(), headers={"Content-Type": kind, **headers})


def _problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: str) -> Answer:
    told = {"detail": detail, "status": status, **more}
    return _json(told, status, "application/problem+json", **(headers or {}))
