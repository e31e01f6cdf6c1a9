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

from zooclient import (
    AccessError,
    Client,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    ProtocolError,
    Ref,
    StaleWarning,
    UnpinnedWarning,
    Unsupported,
)
from zooclient.cli.main import run
from zooclient.cli.output import Desk
from zooclient.serve.server import ZooServer
from zooclient.serve.storeshelf import StoreShelf
from zooclient.testing import (
    Body,
    Claim,
    Cut,
    Edit,
    Expired,
    Fault,
    Flip,
    LocalZoo,
    LyingCommit,
    NullList,
    Seen,
    Status,
    Truncated,
)

TINY = "ms:org/tiny"
INFO = "/api/v1/models/org/tiny"
WEIGHTS = "model.safetensors"


@pytest.fixture
def make(zoo: LocalZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of the zoo with one home, and closes them when the test is over."""
    with ExitStack() as stack:

        def made(**options: Any) -> Client:
            return stack.enter_context(
                Client(**{"home": tmp_path / "home", "endpoints": {"ms": endpoint(zoo)}, **options})
            )

        yield made


@pytest.fixture
def client(make: Callable[..., Client]) -> Client:
    return make()


def pin(zoo: LocalZoo, name: str = "org/tiny") -> str:
    return f"modelscope:{name}@{zoo.head(name, zoo='modelscope')}"


def endpoint(zoo: LocalZoo) -> str:
    return zoo.endpoints["modelscope"]


def asked(zoo: LocalZoo) -> list[Seen]:
    """What ModelScope was asked, at both of its origins."""
    return [seen for seen in zoo.requests if seen.zoo == "modelscope"]


def files_asked(zoo: LocalZoo) -> list[str]:
    """The questions for bytes among them."""
    return [seen.query for seen in asked(zoo) if seen.path.endswith("/repo") or seen.origin == "cdn"]


def test_a_name_is_found_pinned_planned_and_loaded(client: Client, zoo: LocalZoo, models: Path) -> None:
    """Search, resolve, plan and load: every byte is the one that the zoo lists, large files from their own origin."""
    hits = client.search("tiny", zoos="ms")
    assert [str(hit.ref) for hit in hits] == ["modelscope:org/tiny"] and hits.problems == {}
    zoo.forget()
    record = client.resolve(TINY)
    assert str(record.ref) == pin(zoo) and record.ref.pinned
    assert len(asked(zoo)) <= 3, "a cold resolve is three requests"
    assert [seen.query.partition("&")[0] for seen in asked(zoo) if seen.path.endswith("/commits")] == ["Ref=master"]
    assert record.license.spdx == "Apache-2.0" and record.base_models == ("modelscope:org/base",)

    plan = client.plan(record)
    assert {file.path for file in plan.fetch} >= {WEIGHTS, "sub dir/odd #name.txt"}
    assert [skip.file.path for skip in plan.skip] == ["pytorch_model.bin"]
    model = client.load(str(record.ref))
    for file in model.files:
        body = (model.path / file.path).read_bytes()
        assert body == (models / "org/tiny" / file.path).read_bytes()
        assert file.sha256 == hashlib.sha256(body).hexdigest()
    assert [seen.path for seen in asked(zoo) if seen.origin == "cdn"], "the weights came from the second origin"
    assert model.tensors()["weight"].shape == (500_000,)


def test_a_moving_name_warns_with_its_pin(client: Client, zoo: LocalZoo) -> None:
    """The branch that every model has, ``master``, is a moving name."""
    with pytest.warns(UnpinnedWarning) as caught:
        client.load(f"{TINY}@master")
    assert pin(zoo) in str(caught[0].message)


def test_a_warm_load_asks_nobody_and_makes_no_provider(client: Client, zoo: LocalZoo) -> None:
    """As a process: no socket, no HTTP library, and of the provider no more than where its zoo is."""
    pinned = pin(zoo)
    client.load(pinned)
    zoo.stop()
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import zooclient
client = zooclient.Client(home={str(client.settings.home)!r}, endpoints={{"ms": {endpoint(zoo)!r}}})
model = client.load({pinned!r})
heavy = {{"httpx", "urllib3", "modelscope", "numpy", "yaml", "filelock", "asyncio", "socket", "ssl", "pickle"}}
ours = [name for name in sys.modules if name.startswith("zooclient.providers.modelscope.")]
print(sorted(heavy & set(sys.modules)), ours, opened, (model.path / "config.json").exists())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['zooclient.providers.modelscope.endpoint'] [] True", done.stdout


@pytest.mark.parametrize("path", [WEIGHTS, "config.json"])
def test_a_wrong_byte_is_refused(client: Client, zoo: LocalZoo, path: str) -> None:
    """A byte that is not the one listed never reaches a snapshot, from neither origin."""
    zoo.fail(path, Flip())
    with pytest.raises(IntegrityError, match=path):
        client.load(pin(zoo))
    zoo.heal()
    assert (client.load(pin(zoo)).path / path).is_file()


def test_a_gate_is_an_access_error_before_any_byte(make: Callable[..., Client], client: Client, zoo: LocalZoo) -> None:
    """Who is not let in gets 404 with a number, which is told as what it is; who is let in gets the model."""
    zoo.gate("org/tiny", "manual", readers=("me",))
    for act in (client.resolve, client.load):
        with pytest.raises(AccessError, match="gated") as caught:
            act(pin(zoo))
        assert caught.value.access_url == f"{endpoint(zoo)}/models/org/tiny"
    assert files_asked(zoo) == []
    let_in = make(tokens={"ms": zoo.tokens["modelscope"]})
    assert let_in.resolve(TINY).access.state == "gated"
    assert let_in.whoami("ms").name == "me"
    assert (let_in.load(pin(zoo)).path / WEIGHTS).is_file()
    with pytest.raises(AccessError, match="token"):
        client.whoami("ms", token="ms-wrong")


def test_a_token_goes_to_the_endpoint_alone(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """Every question to the endpoint carries it, in a header and no cookie; the origin of the bytes never sees it."""
    token = zoo.tokens["modelscope"]
    client = make(tokens={"ms": token})
    list(client.search("tiny", zoos="ms"))
    client.load(str(client.resolve(TINY).ref))
    assert {seen.origin for seen in asked(zoo)} == {"hub", "cdn"}
    for seen in asked(zoo):
        told = seen.headers.get("authorization")
        assert told == (f"Bearer {token}" if seen.origin == "hub" else None)
        assert "cookie" not in seen.headers
        assert token not in f"{seen.path}{seen.query}"


def test_an_error_under_a_good_status_is_an_error(client: Client, zoo: LocalZoo) -> None:
    """An envelope that refuses on a 200 is read, for a record and in place of a file's bytes."""
    body = json.dumps({"Code": 10010205001, "Success": False, "Message": "record not found"}).encode()
    error = Body(body, content_type="application/json")
    zoo.fail(INFO, error)
    with pytest.raises(NotFound):
        client.resolve(TINY)
    zoo.heal()
    zoo.fail(f"{INFO}/repo", error)
    with pytest.raises(IntegrityError):
        client.load(pin(zoo))
    zoo.heal()
    with pytest.raises(NotFound, match="no-such"):
        client.resolve("ms:org/no-such")
    with pytest.raises(NotFound, match="no revision 'main'"):
        client.resolve(f"{TINY}@main")


def test_the_same_bytes_of_another_zoo_are_not_fetched_again(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """What came from Hugging Face lies in the store once; the same model of ModelScope moves no byte."""
    client = make(endpoints=zoo.endpoints)
    first = client.load(f"hf:org/tiny@{zoo.head('org/tiny')}")
    assert client.plan(pin(zoo)).bytes_to_fetch == 0
    second = client.load(pin(zoo))
    assert files_asked(zoo) == []
    assert second.snapshot.content_digest == first.snapshot.content_digest
    assert second.path != first.path and str(second.ref) == pin(zoo)


def test_without_a_connection_the_store_answers(
    make: Callable[..., Client], client: Client, zoo: LocalZoo, models: Path
) -> None:
    """A pin loads offline; a moving name is answered with its age when the zoo is gone; what is not held is Offline."""
    held = client.load(str(client.resolve(TINY).ref))
    offline = make(offline=True)
    assert offline.load(pin(zoo)).path == held.path
    with pytest.raises(Offline):
        offline.load("ms:org/plain")
    zoo.stop()
    with pytest.warns(StaleWarning):
        assert client.resolve(TINY).ref == held.ref
    with pytest.raises(NetworkError):
        client.resolve("ms:org/plain")


def test_two_servers_are_kept_apart(make: Callable[..., Client], client: Client, zoo: LocalZoo) -> None:
    """What one server said of a name is never another's answer."""
    client.load(pin(zoo))
    with LocalZoo() as other, pytest.raises(NotFound):
        make(endpoints={"ms": endpoint(other)}).load(pin(zoo))


@pytest.mark.official
def test_the_zoo_s_own_client_moves_the_bytes(client: Client, zoo: LocalZoo, make: Callable[..., Client]) -> None:
    """With ``via="official"`` its client fetches, the bytes pass our door, and the token stays at the endpoint."""
    pytest.importorskip("modelscope_hub", reason="modelscope is not installed")
    client = make(tokens={"ms": zoo.tokens["modelscope"]})
    snapshot = client.download(pin(zoo), files=[WEIGHTS, "config.json"], via="official")
    assert (snapshot.path / WEIGHTS).is_file() and snapshot.ref == Ref.parse(pin(zoo))
    moved = [seen for seen in asked(zoo) if seen.origin == "cdn"]
    assert moved and all("modelscope" in seen.headers["user-agent"] for seen in moved)
    assert not [seen for seen in moved if zoo.tokens["modelscope"] in str(seen.headers)]


def test_on_the_command_line(zoo: LocalZoo, tmp_path: Path) -> None:
    """Its endpoint out of the user's file: the zoo is listed, a login is stored for that endpoint and found again."""
    (tmp_path / "config.toml").write_text(f'[zoos.modelscope]\nendpoint = "{endpoint(zoo)}"\n')
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
    assert listed["modelscope"]["endpoint"] == endpoint(zoo) and listed["modelscope"]["capability"]["search"]
    assert f"modelscope\t{endpoint(zoo)}\tsearch download run publish login" in shell("zoos")
    assert shell("search", "tiny", "--zoo", "modelscope").startswith("modelscope:org/tiny\t")
    assert shell("resolve", TINY).strip() == pin(zoo)
    assert Path(shell("get", pin(zoo)).strip(), WEIGHTS).is_file()
    shell("whoami", "modelscope", code=4)
    given = subprocess.run(
        [sys.executable, "-m", "zooclient", "login", "modelscope", "--stdin"],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        input=f"{zoo.tokens['modelscope']}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert given.returncode == 0, given.stderr
    assert zoo.tokens["modelscope"] not in given.stdout + given.stderr
    assert shell("whoami", "modelscope").strip() == "me"
    shell("logout", "modelscope")
    shell("whoami", "modelscope", code=4)


def test_a_file_that_is_cut_or_expires_is_got_over(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """What passes does no harm: broken bodies of large and small files, a link that is over, a busy zoo."""
    thrown = [
        zoo.fail(WEIGHTS, Cut(after=700_000, origin="cdn"), zoo="modelscope"),
        zoo.fail(WEIGHTS, Expired(), zoo="modelscope"),
        zoo.fail("README.md", Cut(after=10), zoo="modelscope"),
        zoo.fail(INFO, Status(503), zoo="modelscope"),
        zoo.fail(f"{INFO}/commits", Status(429, retry_after=0), zoo="modelscope"),
    ]
    snapshot = make().download(str(make().resolve(TINY).ref))
    assert [fault.hits for fault in thrown] == [1] * len(thrown)
    assert (snapshot.path / WEIGHTS).stat().st_size > 700_000


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (LyingCommit(), IntegrityError),
        (Claim(digest="wrong"), IntegrityError),
        (Claim(size_by=1), IntegrityError),
        (Claim(digest="none"), IntegrityError),
        (NullList("Files"), NotFound),
        (Truncated(), ProtocolError),
        (Body(), ProtocolError),
        (Edit(lambda document: {**document, "Data": None}), ProtocolError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fault) else "",
)
def test_a_zoo_that_says_something_false_is_not_believed(
    client: Client, zoo: LocalZoo, fault: Fault, error: type[Exception]
) -> None:
    """A listing of another commit, with wrong sizes or digests, or of another shape never becomes a snapshot."""
    reference = pin(zoo)
    pattern = WEIGHTS if isinstance(fault, Claim) else f"{INFO}/repo/files"
    thrown = zoo.fail(pattern, fault, zoo="modelscope")
    with pytest.raises(error):
        client.load(reference)
    assert thrown.hits
    zoo.heal()
    assert (client.load(reference).path / WEIGHTS).is_file()


def test_what_came_from_a_zoo_is_served_on_by_its_protocol(
    make: Callable[..., Client], zoo: LocalZoo, tmp_path: Path
) -> None:
    """The store serves a model of ModelScope as ModelScope does, under its own commit, and to nobody by the Hub's."""
    with make(endpoints=zoo.endpoints) as client:
        held = client.load(str(client.resolve(TINY).ref))
        shelf = StoreShelf(client.store)
    with (
        ZooServer(shelf, zoos=("modelscope", "hf")) as server,
        Client(home=tmp_path / "other", endpoints=server.bound.urls) as client,
    ):
        again = client.load(str(client.resolve(f"{TINY}@master").ref))
        assert [str(hit.ref) for hit in client.search("tiny")] == ["modelscope:org/tiny"]
        with pytest.raises(NotFound):
            client.resolve("hf:org/tiny")
    assert str(again.ref) == str(held.ref)
    assert again.snapshot.content_digest == held.snapshot.content_digest
    with pytest.raises(Unsupported, match="replicate"):
        shelf.at("replicate")
