"""Replicate over real sockets, through the client and the command line."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from cli_shell import environment, typed
from netdoubles import Answer, Server
from replicate_answers import NEW, OLD, REF, model, version
from replicate_double import TOKEN, ReplicateDouble

from zooclient import AsyncClient, Client
from zooclient.client.doctor import check_up
from zooclient.errors import AccessError, IntegrityError, NotFound, Offline, PolicyError, StoreError, Unsupported
from zooclient.providers.registry import credentials, provider_for
from zooclient.providers.replicate.credentials import KEEPER, surrounding_token, token_file
from zooclient.settings import Settings, ZooSettings

OFFICIAL, WEIGHTS, BIG = "replicate:acme/official", "replicate:acme/weights", "replicate:acme/many"


@pytest.fixture
def zoo() -> Iterator[ReplicateDouble]:
    """A community model with a card, an official one, one whose weights lie elsewhere, one of many versions."""
    with ReplicateDouble() as double:
        double.models = {
            "acme/tiny": model(),
            "acme/official": model(name="official", is_official=True, url="https://replicate.com/acme/official"),
            "acme/weights": model(name="weights", weights_url="https://huggingface.co/acme/weights"),
            "acme/many": model(name="many", description="Has many versions"),
        }
        many = [version(id=f"{number:064x}") for number in range(1, 8)]
        double.versions = {name: [version()] for name in double.models if name != "acme/official"}
        double.versions["acme/many"] = [version(), *many, version(id=OLD, cog_version="0.3.0")]
        double.readmes = {"acme/tiny": "# Tiny\n\n## Limitations\n\nIt knows nothing.\n"}
        double.collections = {"text-to-image": ["acme/tiny", "acme/weights"]}
        yield double


@pytest.fixture
def client(zoo: ReplicateDouble, tmp_path: Path) -> Iterator[Client]:
    """A client that is logged in."""
    with Client(home=tmp_path / "home", endpoints={"replicate": zoo.url}, tokens={"replicate": TOKEN}) as made:
        yield made


# -- the client ---------------------------------------------------------------------------------


def test_a_version_beyond_the_first_page_costs_two_requests(zoo: ReplicateDouble, client: Client) -> None:
    """An old version is asked for by its id: pages of newer ones are not looked through."""
    record = client.resolve(f"{BIG}@{OLD}")
    assert (record.ref.revision, record.metadata["cog_version"]) == (OLD, "0.3.0")
    assert sorted(zoo.paths) == ["GET /v1/models/acme/many", f"GET /v1/models/acme/many/versions/{OLD}"]
    zoo.asked.clear()
    assert client.resolve(f"{BIG}@{OLD}") == record
    assert zoo.asked == [], "a pin that is known asks nobody"


def test_both_colours_find_the_same(zoo: ReplicateDouble, client: Client, tmp_path: Path) -> None:
    """A search and a record are the same sync and async."""

    async def both() -> tuple[list[str], str]:
        home = tmp_path / "other"
        async with AsyncClient(home=home, endpoints={"replicate": zoo.url}, tokens={"replicate": TOKEN}) as other:
            hits = [str(hit.ref) async for hit in other.search("tiny", zoos="replicate")]
            return hits, str((await other.resolve("replicate:acme/tiny")).ref)

    hits, ref = asyncio.run(both())
    assert hits == [str(hit.ref) for hit in client.search("tiny", zoos="replicate")] == [REF]
    assert ref == REF == str(client.resolve("replicate:acme/tiny").ref)


def test_a_search_walks_pages_and_collections(zoo: ReplicateDouble, client: Client) -> None:
    """Everything is two pages here; a task is a collection; without a search the words go by QUERY."""
    assert len(list(client.search("", zoos="replicate"))) == 4
    assert [asked.path for asked in zoo.asked] == ["/v1/models", "/v1/models?cursor=2"]
    hits = list(client.search("", zoos="replicate", task="text-to-image"))
    assert [(hit.ref.id, hit.task) for hit in hits] == [
        ("acme/tiny", "text-to-image"),
        ("acme/weights", "text-to-image"),
    ]
    zoo.has_search, zoo.page = False, 1
    assert [hit.ref.id for hit in client.search("acme", zoos="replicate", limit=2)] == ["acme/tiny", "acme/official"]
    assert zoo.paths[-2:] == ["QUERY /v1/models", "QUERY /v1/models?cursor=1"]
    assert [asked.body for asked in zoo.asked[-2:]] == [b"acme", b"acme"]


def test_a_busy_zoo_is_asked_again(zoo: ReplicateDouble, client: Client) -> None:
    """A server that asks to wait is asked again when it said."""
    zoo.busy = 1
    assert str(client.resolve("replicate:acme/tiny").ref) == REF
    assert zoo.paths == ["GET /v1/models/acme/tiny"] * 2


def test_the_card_is_asked_for_when_it_is_wanted(zoo: ReplicateDouble, client: Client) -> None:
    """Resolving asks for no README; a card does, in one more request, and one without a README has what is told."""
    record = client.resolve(REF)
    assert not any(path.endswith("/readme") for path in zoo.paths)
    card = client.card(record)
    assert zoo.paths[-1] == "GET /v1/models/acme/tiny/readme"
    assert card.limitations()[0].text == "It knows nothing."
    assert client.card(WEIGHTS).text.startswith("# weights\n")
    columns = client.compare([REF, WEIGHTS]).columns
    assert [column.limits for column in columns] == ["It knows nothing.", None]
    assert columns[0].license.spdx == "MIT"


def test_the_schema_comes_with_the_stored_record(client: Client) -> None:
    """What was resolved once is checked against without asking anybody."""
    assert client.resolve(REF).schema is not None
    with type(client)(settings=client.settings, offline=True) as offline:
        schema = offline.resolve(REF).schema
        assert schema is not None
        assert schema.check({"prompt": "hello"}) == {"prompt": "hello"}
        with pytest.raises(Offline):
            offline.resolve(OFFICIAL)


@pytest.mark.parametrize("verb", ["plan", "load", "download"])
def test_wanting_files_says_what_would_work(client: Client, verb: str) -> None:
    """Without a registry no file is handed out, and where the weights lie elsewhere, that is part of the hint."""
    with pytest.raises(Unsupported, match="image registry") as caught:
        getattr(client, verb)(f"{WEIGHTS}@{NEW}")
    assert "zooclient get hf:acme/weights" in (caught.value.hint or "")
    with pytest.raises(Unsupported, match="registry") as caught:
        getattr(client, verb)(REF)
    assert "ZOOCLIENT_R8_ENDPOINT" in (caught.value.hint or "")
    with pytest.raises(Unsupported, match="registry"):
        client.file(REF, "model.safetensors")


def test_an_official_model_in_strict_mode(zoo: ReplicateDouble, client: Client) -> None:
    """It resolves, with a problem that says that it is no pin; strict mode takes it for nothing to load."""
    record = client.resolve(OFFICIAL)
    assert (record.pin, str(record.ref)) == ("none", OFFICIAL)
    assert any("no version to pin" in problem for problem in record.problems)
    with type(client)(settings=client.settings, strict=True) as strict:
        assert strict.resolve(OFFICIAL).pin == "none"
        with pytest.raises(PolicyError):
            strict.load(OFFICIAL)
    with pytest.raises(NotFound, match="has no"):
        client.resolve(f"{OFFICIAL}@{NEW}")


def test_an_endpoint_of_somebody_else_is_another_place(zoo: ReplicateDouble, client: Client) -> None:
    """What a double says of a version is never taken for the zoo's own word."""
    record = client.resolve(REF)
    with type(client)(settings=client.settings) as other:
        assert other.store.load_record("replicate", "acme/tiny", NEW) is None
    assert record.endpoint == zoo.url


# -- who is asked, with what --------------------------------------------------------------------


def test_without_a_token_a_merged_search_asks_nobody(zoo: ReplicateDouble, tmp_path: Path) -> None:
    """Searching needs a token: who has none is told, no socket is opened to Replicate, and nothing fails."""
    with Client(home=tmp_path, endpoints={"replicate": zoo.url}) as client:
        hits = client.search("tiny", zoos=["replicate", "modelscope"])
        list(hits)
        assert "zooclient login replicate" in hits.skipped["replicate"]
        assert "replicate" not in hits.problems
        with pytest.raises(AccessError, match="logged in"):
            client.search("tiny", zoos="replicate")
    assert (zoo.asked, zoo.connections) == ([], 0)


def test_a_client_without_a_token_opens_no_socket_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no endpoint is named and no token lies around, a search of all zoos neither looks it up nor connects."""
    monkeypatch.delenv("ZOOCLIENT_REPLICATE_ENDPOINT")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    looked_up: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("socket.getaddrinfo", "socket.connect"):
            looked_up.append(repr(arguments))

    sys.addaudithook(watch)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        hub = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with Client.from_env(home=tmp_path, endpoints={"hf": hub}) as client:
            hits = client.search("tiny")
            list(hits)
    watching = False
    assert "replicate" in hits.skipped
    assert looked_up, "the others were asked"
    assert not any("replicate" in told for told in looked_up)


def test_the_token_goes_to_the_api_alone(zoo: ReplicateDouble, tmp_path: Path) -> None:
    """A redirect to another server is not followed, and the token is not shown to it."""
    with (
        Server(lambda asked: Answer(body=b"{}")) as foreign,
        Server(lambda asked: Answer(302, headers={"Location": f"{foreign.url}{asked.path}"})) as lying,
        Client(home=tmp_path, endpoints={"replicate": lying.url}, tokens={"replicate": TOKEN}) as client,
    ):
        for ask in (lambda: client.resolve(REF), lambda: client.whoami("replicate"), lambda: client.card(REF)):
            with pytest.raises(IntegrityError, match="not followed"):
                ask()
        assert all(asked.headers["authorization"] == f"Bearer {TOKEN}" for asked in lying.asked)
        assert foreign.asked == []


def test_an_endpoint_of_a_project_gets_no_token() -> None:
    """A cloned repository that names a server is not sent the token that lies around."""
    environ = {"REPLICATE_API_TOKEN": TOKEN, "HOME": "/nowhere"}

    def found(**zoo: object) -> list[str]:
        settings = Settings(environ=environ, surroundings=True, zoos={"replicate": ZooSettings(**zoo)})  # type: ignore[arg-type]
        return [one.origin for one in credentials(settings) if one.token == TOKEN]

    assert found() == ["https://api.replicate.com:443"]
    assert found(endpoint="https://evil.example", endpoint_trusted=False) == []
    assert found(endpoint="https://mine.example") == ["https://mine.example:443"]


@pytest.mark.parametrize(
    ("told", "endpoint"),
    [
        ({"REPLICATE_BASE_URL": "https://a.example/v1"}, "https://a.example"),
        ({"REPLICATE_BASE_URL": "https://a.example", "ZOOCLIENT_REPLICATE_ENDPOINT": "https://b"}, "https://b"),
        ({"REPLICATE_BASE_URL": ""}, "https://api.replicate.com"),
    ],
)
def test_where_replicates_own_client_would_ask(told: dict[str, str], endpoint: str) -> None:
    """The variable of the zoo's own client is honoured, after ours."""
    assert provider_for("replicate", Settings.from_env({"HOME": "/nowhere", **told})).endpoint == endpoint


# -- tokens -------------------------------------------------------------------------------------


def test_a_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """A token that is stored is found again, after the variable, and forgotten once."""
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert surrounding_token(environ) is None
    place = KEEPER.store(environ, f" {TOKEN}\n")
    assert place == token_file(environ) == tmp_path / "config" / "zooclient" / "tokens" / "replicate"
    assert place.stat().st_mode & 0o777 == 0o600
    assert surrounding_token(environ) == TOKEN
    assert surrounding_token({**environ, "REPLICATE_API_TOKEN": "r8_other"}) == "r8_other"
    assert KEEPER.forget(environ) == place
    assert KEEPER.forget(environ) is None
    for bad in ("", "a b", "ü"):
        with pytest.raises(ValueError, match="token"):
            KEEPER.store(environ, bad)
    (tmp_path / "config" / "zooclient" / "tokens").rmdir()
    (tmp_path / "config" / "zooclient" / "tokens").write_text("a file")
    with pytest.raises(StoreError):
        KEEPER.store(environ, TOKEN)


# -- the command line ---------------------------------------------------------------------------


def test_the_verbs(zoo: ReplicateDouble, tmp_path: Path) -> None:
    """search, resolve, show, card, compare, whoami, doctor and zoos work; get says why not."""
    env = environment(tmp_path, ZOOCLIENT_REPLICATE_ENDPOINT=zoo.url, REPLICATE_API_TOKEN=TOKEN)

    def run(*words: str, code: int = 0) -> str:
        done = typed(*words, env=env, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert run("search", "tiny", "--zoo", "replicate").startswith(REF)
    assert run("resolve", "replicate:acme/tiny").splitlines()[0] == REF
    assert run("resolve", OFFICIAL).splitlines()[0] == OFFICIAL
    shown = run("show", WEIGHTS)
    assert "made from:   hf:acme/weights" in shown
    assert "MIT (open-source)" in shown
    assert "takes:       prompt" in shown
    assert "problem:" in run("show", OFFICIAL)
    told = json.loads(run("show", REF, "--json"))
    assert told["schema"]["inputs"][0]["name"] == "prompt"
    assert "It knows nothing." in run("card", REF)
    assert REF in run("compare", REF, WEIGHTS)
    assert run("whoami", "replicate").strip() == "acme"
    assert "hf:acme/weights" in run("get", f"{WEIGHTS}@{NEW}", code=9)
    zoos = run("zoos")
    assert f"replicate\t{zoo.url}\tsearch download run publish login" in zoos
    assert "search needs:" in zoos
    assert json.loads(run("zoos", "--json"))[3]["capability"]["search_login"] is True


@pytest.mark.parametrize(
    ("token", "verdicts"), [(None, {"skip"}), (TOKEN, {"ok"}), ("r8_wrong", {"warn", "fail", "ok"})]
)
def test_the_doctor_asks_who_is_logged_in(
    zoo: ReplicateDouble, tmp_path: Path, token: str | None, verdicts: set[str]
) -> None:
    """Without a token it is not asked, because it would not answer; with one a small question is, and whose it is."""
    tokens = {"replicate": token} if token is not None else {}
    with Client(home=tmp_path, endpoints={"replicate": zoo.url}, tokens=tokens) as client:
        quiet = evolve(client.settings, zoos={**client.settings.zoos, **_only(("hf", "modelscope", "civitai"))})
        with Client(settings=quiet) as looking:
            found = [finding for finding in check_up(looking) if finding.zoo == "replicate"]
    assert {finding.verdict for finding in found} == verdicts
    assert set(zoo.paths) == ({"GET /v1/account"} if token is not None else set())


def _only(zoos: tuple[str, ...]) -> dict[str, ZooSettings]:
    """Settings by which the doctor asks none of these zoos."""
    return {zoo: ZooSettings(mirrors=("/nowhere",), mirror_policy="only") for zoo in zoos}


def test_login_and_logout(zoo: ReplicateDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the zoo knows is stored, one that it does not know is not, and logout takes it away."""
    import io

    env = environment(tmp_path, ZOOCLIENT_REPLICATE_ENDPOINT=zoo.url)
    assert typed("search", "tiny", "--zoo", "replicate", env=env, cwd=tmp_path).returncode == 4
    monkeypatch.setattr("sys.stdin", io.StringIO("r8_wrong\n"))
    done = typed("login", "replicate", "--stdin", env=env, cwd=tmp_path)
    assert done.returncode == 4
    assert not token_file(env).exists()
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN + "\n"))
    done = typed("login", "replicate", "--stdin", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert typed("whoami", "replicate", env=env, cwd=tmp_path).stdout.strip() == "acme"
    assert typed("logout", "replicate", env=env, cwd=tmp_path).returncode == 0
    assert not token_file(env).exists()
    assert typed("whoami", "replicate", env=env, cwd=tmp_path).returncode == 4
