"""Bad input and bad luck at every zoo: one table, walked by the public client over sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from badluck import SECOND, TROUBLES, Cell, Never
from faultkit import visible
from faultroads import Elsewhere
from support import recorded
from zoosites import MODEL, SITES, WEIGHTS, Site, client_of, connections, owes, ports

from zooclient import Client, ZooError
from zooclient.testing import LocalZoo, Status, Thrown

CELLS = [
    pytest.param(site, cell, id=f"{scheme}-{trouble}")
    for trouble, row in TROUBLES.items()
    for scheme, site in SITES.items()
    if isinstance(cell := row.get(scheme), Cell)
]

#: What the issue names, and the rows in which it is.
NAMED = {
    "not found": "model not found",
    "no such revision": "no such revision",
    "needs login": "needs login",
    "wrong token": "wrong token",
    "rate limited": "rate limited",
    "5xx with HTML": "5xx with a page",
    "cut JSON": "JSON that is cut",
    "empty page": "an empty page in a search that goes on",
    "unknown enum value": "an unknown enum value",
    "null for a list": "null for",
    "hostile file name": "a name",
    "credential asked for by a foreign host": "a foreign host asks for a credential",
    "endless paging": "a cursor that never ends",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def zoo(models: Path) -> Iterator[LocalZoo]:
    """A zoo of its own for a test, where files keep their names at Civitai too."""
    with LocalZoo(models) as running:
        running.civitai.keep_names(MODEL)
        yield running


def test_the_table_is_complete() -> None:
    """Each zoo has a cell, or the reason why it cannot have one, for each trouble; no trouble is left out."""
    for trouble, row in TROUBLES.items():
        assert set(row) == set(SITES), trouble
        assert all(cell.reason.endswith(".") for cell in row.values() if isinstance(cell, Never)), trouble
    for named, begins in NAMED.items():
        assert any(trouble.startswith(begins) for trouble in TROUBLES), named
    # One is ModelScope's, and five are a login of Replicate's alone.
    assert sum(isinstance(cell, Never) for row in TROUBLES.values() for cell in row.values()) == 1 + 5 * 3
    assert len(CELLS) == len(TROUBLES) * len(SITES) - 16


@pytest.mark.parametrize(("site", "cell"), CELLS)
def test_a_trouble_ends_as_the_table_says(zoo: LocalZoo, home: Path, site: Site, cell: Cell) -> None:
    """The error of its class or none, a sentence that helps, nothing half visible, nobody else asked; then it works."""
    denied = '401 Unauthorized\r\nWWW-Authenticate: Bearer realm="elsewhere"'
    with Elsewhere(b'{"error": "log in"}', denied) as other:
        thrown = cell.throw(zoo, site, other)
        ref = site.pin(zoo) if cell.ref is None else cell.ref(zoo, site)
        zoo.forget()
        own, login = token(zoo, site.scheme, cell.token), token(zoo, site.keeper, cell.login)
        with connections() as asked, client_of(zoo, site, home, own, login=login) as client:
            if cell.error is None:
                answer = act(client, site, cell, ref)
            else:
                with pytest.raises(cell.error) as caught:
                    act(client, site, cell, ref)
                answer = caught.value
                assert type(answer) is cell.error and answer.exit_code == cell.error.exit_code
                owes(answer, site, home, None if cell.act == "search" else ref)
                assert re.search(cell.said, answer.message), answer.message
                assert re.search(cell.hint, answer.hint or ""), answer.hint
        assert cell.holds(answer, zoo, site), answer
        for one in thrown if isinstance(thrown, tuple) else (thrown,):
            assert not isinstance(one, Thrown) or one.hits, f"{one} came to nothing"
        homes = ports(*(urls[scheme] for urls in (zoo.endpoints, zoo.byte_origins) for scheme in site.own))
        assert asked and asked <= homes | (ports(other.url) if cell.foreign else set())
        assert bool(other.heads) == cell.foreign
        assert not any("authorization" in head.lower() for head in other.heads)
    carries_on(zoo, site, home, cell.after)


@pytest.mark.parametrize("scheme", SITES)
def test_every_recorded_refusal_ends_in_an_error_that_helps(zoo: LocalZoo, home: Path, scheme: str) -> None:
    """What a real zoo once answered with, met at the record and at the bytes, is an error of ours; then it works."""
    site = SITES[scheme]
    refusals = list(recorded_refusals(scheme))
    assert refusals
    for number, (code, body, headers) in enumerate(refusals):
        own = home / str(number)  # a record that was read once would be known to the next
        for pattern, place in ((site.record, site.scheme), (WEIGHTS, site.keeper)):
            answer = Status(code, body=body, headers=headers, times=None)
            thrown = zoo.fail(pattern, answer, zoo=place)
            with client_of(zoo, site, own) as client, pytest.raises(ZooError) as caught:
                client.download(site.pin(zoo), weights=site.weights)
            assert thrown.hits and caught.value.exit_code in (3, 4, 5, 7), (code, body)
            assert caught.value.zoo == scheme and caught.value.ref == site.pin(zoo), (code, body)
            assert visible(own) == []
            zoo.heal()
        carries_on(zoo, site, own, None)


def recorded_refusals(scheme: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Status, body and headers of each refusal that was recorded of a zoo."""
    if scheme in ("modelscope", "replicate"):
        for path in sorted(recorded(scheme).glob("error_*.json")):
            told = json.loads(path.read_text("utf-8"))
            if scheme == "modelscope":
                yield told["status"], json.dumps(told["body"]), {"content-type": "application/json"}
            else:
                yield told["status"], json.dumps(told), {"content-type": "application/problem+json"}
        return
    hub = scheme == "hf"
    path = (
        recorded("huggingface", "error_matrix_auth_and_gating.json") if hub else recorded(scheme, "error_bodies.json")
    )
    for told in json.loads(path.read_text("utf-8")):
        if not isinstance(told["status"], int) or told["status"] < 400:
            continue
        code, said = told.get("x_error_code"), told.get("message")
        own = {**({"x-error-code": code} if code else {}), **({"x-error-message": said} if said else {})}
        body = json.dumps({"error": said} if hub else told["body"])
        headers = {name: str(value) for name, value in told.get("headers", {}).items()}
        yield told["status"], body, {"content-type": "application/json", **headers, **own}


def test_a_refusal_is_the_same_by_every_door(zoo: LocalZoo, home: Path) -> None:
    """What is not there is not there for resolve, plan, download, load and the card alike, at each zoo."""
    for site in SITES.values():
        with client_of(zoo, site, home) as client:
            for door in (client.resolve, client.plan, client.download, client.load, client.card):
                with pytest.raises(LookupError) as caught:
                    door(site.missing)
                assert getattr(caught.value, "exit_code", None) == 3
    assert visible(home) == []


def token(zoo: LocalZoo, scheme: str, name: str | None) -> str | None:
    """The token that a cell means."""
    return zoo.tokens[scheme] if name == "me" else name


def act(client: Client, site: Site, cell: Cell, ref: str) -> Any:
    """Does what a cell says, and gives what came."""
    if cell.act == "search":
        return list(client.search("tiny", zoos=[site.scheme], author="org", limit=cell.limit))
    return client.resolve(ref) if cell.act == "resolve" else client.download(ref, weights=site.weights)


def carries_on(zoo: LocalZoo, site: Site, home: Path, after: str | None) -> None:
    """The next run, with the trouble mended, finds the model, and ends in a whole one."""
    zoo.heal()
    zoo.r8.form(MODEL)
    own, login = token(zoo, site.scheme, after), zoo.tokens[site.keeper]
    with client_of(zoo, site, home, own, login=login) as client:
        found = {str(hit.ref).partition("@")[0] for hit in client.search("tiny", zoos=[site.scheme])}
        assert site.pin(zoo).partition("@")[0] in found and len(found) == (2 if SECOND in zoo.names() else 1)
        snapshot = client.download(site.pin(zoo), weights=site.weights)
        names = {f"{site.folder}{name}" for name in ("config.json", WEIGHTS)}
        assert names <= {file.path for file in snapshot.files}
        assert client.verify(snapshot).ok
