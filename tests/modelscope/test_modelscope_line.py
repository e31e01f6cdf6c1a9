"""One model of ModelScope walks the whole line, over sockets."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from scopezoo import ABSENT, ScopeZoo

from zooclient import (
    AccessError,
    Client,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    Ref,
    StaleWarning,
    UnpinnedWarning,
)
from zooclient.cli.main import run
from zooclient.cli.output import Desk
from zooclient.testing import LocalZoo

TINY = "ms:org/tiny"
INFO = "/api/v1/models/org/tiny"
WEIGHTS = "model.safetensors"


@pytest.fixture
def scope(models: Path) -> Iterator[ScopeZoo]:
    """ModelScope with the shared folder's models."""
    with ScopeZoo() as running:
        for name in ("org/tiny", "org/plain"):
            running.add(name, models / name)
        yield running


@pytest.fixture
def make(scope: ScopeZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of it with one home, and closes them when the test is over."""
    with ExitStack() as stack:

        def made(**options: Any) -> Client:
            return stack.enter_context(
                Client(**{"home": tmp_path / "home", "endpoints": {"ms": scope.endpoint}, **options})
            )

        yield made


@pytest.fixture
def client(make: Callable[..., Client]) -> Client:
    return make()


def pin(scope: ScopeZoo, name: str = "org/tiny") -> str:
    return f"modelscope:{name}@{scope.find(name, 'master')}"


def test_a_name_is_found_pinned_planned_and_loaded(client: Client, scope: ScopeZoo, models: Path) -> None:
    """Search, resolve, plan and load: every byte is the one that the zoo lists, large files from their own origin."""
    hits = client.search("tiny", zoos="ms")
    assert [str(hit.ref) for hit in hits] == ["modelscope:org/tiny"] and hits.problems == {}
    scope.asked.clear()
    record = client.resolve(TINY)
    assert str(record.ref) == pin(scope) and record.ref.pinned
    assert len(scope.asked) <= 3, "a cold resolve is three requests"
    assert {asked.told["Ref"] for asked in scope.asked if "Ref" in asked.told} == {"master"}
    assert record.license.spdx == "Apache-2.0" and record.base_models == ("modelscope:org/base",)

    plan = client.plan(record)
    assert {file.path for file in plan.fetch} >= {WEIGHTS, "sub dir/odd #name.txt"}
    assert [skip.file.path for skip in plan.skip] == ["pytorch_model.bin"]
    model = client.load(str(record.ref))
    for file in model.files:
        body = (model.path / file.path).read_bytes()
        assert body == (models / "org/tiny" / file.path).read_bytes()
        assert file.sha256 == hashlib.sha256(body).hexdigest()
    assert [asked.path for asked in scope.asked if asked.origin == "cdn"], "the weights came from the second origin"
    assert model.tensors()["weight"].shape == (500_000,)


def test_a_moving_name_warns_with_its_pin(client: Client, scope: ScopeZoo) -> None:
    """The branch that every model has, ``master``, is a moving name."""
    with pytest.warns(UnpinnedWarning) as caught:
        client.load(f"{TINY}@master")
    assert pin(scope) in str(caught[0].message)


def test_a_warm_load_asks_nobody_and_makes_no_provider(client: Client, scope: ScopeZoo) -> None:
    """As a process: no socket, no HTTP library, and of the provider no more than where its zoo is."""
    client.load(pin(scope))
    scope.stop()
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import zooclient
client = zooclient.Client(home={str(client.settings.home)!r}, endpoints={{"ms": {scope.endpoint!r}}})
model = client.load({pin(scope)!r})
heavy = {{"httpx", "urllib3", "modelscope", "numpy", "yaml", "filelock", "asyncio", "socket", "ssl", "pickle"}}
ours = [name for name in sys.modules if name.startswith("zooclient.providers.modelscope.")]
print(sorted(heavy & set(sys.modules)), ours, opened, (model.path / "config.json").exists())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['zooclient.providers.modelscope.endpoint'] [] True", done.stdout


@pytest.mark.parametrize("path", [WEIGHTS, "config.json"])
def test_a_wrong_byte_is_refused(client: Client, scope: ScopeZoo, path: str) -> None:
    """A byte that is not the one listed never reaches a snapshot, from neither origin."""
    scope.flipped.add(path)
    with pytest.raises(IntegrityError, match=path):
        client.load(pin(scope))
    scope.flipped.clear()
    assert (client.load(pin(scope)).path / path).is_file()


def test_a_gate_is_an_access_error_before_any_byte(
    make: Callable[..., Client], client: Client, scope: ScopeZoo
) -> None:
    """Who is not let in gets 404 with a number, which is told as what it is; who is let in gets the model."""
    scope.gated.add("org/tiny")
    for act in (client.resolve, client.load):
        with pytest.raises(AccessError, match="gated") as caught:
            act(pin(scope))
        assert caught.value.access_url == f"{scope.endpoint}/models/org/tiny"
    assert scope.files_asked() == []
    let_in = make(tokens={"ms": scope.token})
    assert let_in.resolve(TINY).access.state == "gated"
    assert let_in.whoami("ms").name == "me"
    assert (let_in.load(pin(scope)).path / WEIGHTS).is_file()
    with pytest.raises(AccessError, match="token"):
        client.whoami("ms", token="ms-wrong")


def test_a_token_goes_to_the_endpoint_alone(make: Callable[..., Client], scope: ScopeZoo) -> None:
    """Every question to the endpoint carries it, in a header and no cookie; the origin of the bytes never sees it."""
    client = make(tokens={"ms": scope.token})
    list(client.search("tiny", zoos="ms"))
    client.load(str(client.resolve(TINY).ref))
    assert {asked.origin for asked in scope.asked} == {"hub", "cdn"}
    for asked in scope.asked:
        told = asked.headers.get("authorization")
        assert told == (f"Bearer {scope.token}" if asked.origin == "hub" else None)
        assert "cookie" not in asked.headers
        assert scope.token not in f"{asked.path}{asked.told}"


def test_an_error_under_a_good_status_is_an_error(client: Client, scope: ScopeZoo) -> None:
    """An envelope that refuses on a 200 is read, for a record and in place of a file's bytes."""
    body = {"Code": ABSENT, "Success": False, "Message": "record not found"}
    scope.said[INFO] = (200, body)
    with pytest.raises(NotFound):
        client.resolve(TINY)
    scope.said = {f"{INFO}/repo": (200, body)}
    with pytest.raises(IntegrityError):
        client.load(pin(scope))
    with pytest.raises(NotFound, match="no-such"):
        client.resolve("ms:org/no-such")
    with pytest.raises(NotFound, match="no revision 'main'"):
        client.resolve(f"{TINY}@main")


def test_the_same_bytes_of_another_zoo_are_not_fetched_again(
    make: Callable[..., Client], scope: ScopeZoo, zoo: LocalZoo
) -> None:
    """What came from Hugging Face lies in the store once; the same model of ModelScope moves no byte."""
    client = make(endpoints={"ms": scope.endpoint, **zoo.endpoints})
    first = client.load(f"hf:org/tiny@{zoo.head('org/tiny')}")
    assert client.plan(pin(scope)).bytes_to_fetch == 0
    second = client.load(pin(scope))
    assert scope.files_asked() == [] and not [asked for asked in scope.asked if asked.origin == "cdn"]
    assert second.snapshot.content_digest == first.snapshot.content_digest
    assert second.path != first.path and str(second.ref) == pin(scope)


def test_without_a_connection_the_store_answers(
    make: Callable[..., Client], client: Client, scope: ScopeZoo, models: Path
) -> None:
    """A pin loads offline; a moving name is answered with its age when the zoo is gone; what is not held is Offline."""
    held = client.load(str(client.resolve(TINY).ref))
    offline = make(offline=True)
    assert offline.load(pin(scope)).path == held.path
    with pytest.raises(Offline):
        offline.load("ms:org/plain")
    scope.stop()
    with pytest.warns(StaleWarning):
        assert client.resolve(TINY).ref == held.ref
    with pytest.raises(NetworkError):
        client.resolve("ms:org/plain")


def test_two_servers_are_kept_apart(make: Callable[..., Client], client: Client, scope: ScopeZoo) -> None:
    """What one server said of a name is never another's answer."""
    client.load(pin(scope))
    with ScopeZoo() as other, pytest.raises(NotFound):
        make(endpoints={"ms": other.endpoint}).load(pin(scope))


@pytest.mark.official
def test_the_zoo_s_own_client_moves_the_bytes(client: Client, scope: ScopeZoo, make: Callable[..., Client]) -> None:
    """With ``via="official"`` its client fetches, the bytes pass our door, and the token stays at the endpoint."""
    pytest.importorskip("modelscope_hub", reason="modelscope is not installed")
    client = make(tokens={"ms": scope.token})
    snapshot = client.download(pin(scope), files=[WEIGHTS, "config.json"], via="official")
    assert (snapshot.path / WEIGHTS).is_file() and snapshot.ref == Ref.parse(pin(scope))
    assert all("modelscope" in asked.headers["user-agent"] for asked in scope.asked if asked.origin == "cdn")
    assert not [asked for asked in scope.asked if asked.origin == "cdn" and scope.token in str(asked.headers)]


def test_on_the_command_line(scope: ScopeZoo, tmp_path: Path) -> None:
    """Its endpoint out of the user's file: the zoo is listed, a login is stored for that endpoint and found again."""
    (tmp_path / "config.toml").write_text(f'[zoos.modelscope]\nendpoint = "{scope.endpoint}"\n')
    environ = {
        "HOME": str(tmp_path),
        "ZOOCLIENT_HOME": str(tmp_path / "home"),
        "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml"),
        "MODELSCOPE_HOME": str(tmp_path / "scope"),
    }

    def shell(*words: str, code: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        assert run(words, obj=Desk(out=out, err=err, environ=environ, project=None)) == code, err.getvalue()
        return out.getvalue()

    listed = {zoo["scheme"]: zoo for zoo in json.loads(shell("zoos", "--json"))}
    assert listed["modelscope"]["endpoint"] == scope.endpoint and listed["modelscope"]["capability"]["search"]
    assert f"modelscope\t{scope.endpoint}\tsearch download login" in shell("zoos")
    assert shell("search", "tiny", "--zoo", "modelscope").startswith("modelscope:org/tiny\t")
    assert shell("resolve", TINY).strip() == pin(scope)
    assert Path(shell("get", pin(scope)).strip(), WEIGHTS).is_file()
    shell("whoami", "modelscope", code=4)
    given = subprocess.run(
        [sys.executable, "-m", "zooclient", "login", "modelscope", "--stdin"],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        input=f"{scope.token}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert given.returncode == 0, given.stderr
    assert scope.token not in given.stdout + given.stderr
    assert shell("whoami", "modelscope").strip() == "me"
    shell("logout", "modelscope")
    shell("whoami", "modelscope", code=4)
