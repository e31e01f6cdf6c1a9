"""The embedded Civitai over real sockets, walked by our own client, with its switches and what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from civitai_site import several
from served_models import safetensors, tiny, write

from zooclient import AccessError, Client, Gone, IntegrityError, NetworkError, NotFound, ProtocolError, ZooError
from zooclient.settings import Limits, Settings
from zooclient.testing import (
    Body,
    Claim,
    Cut,
    Edit,
    Expired,
    Fault,
    Flip,
    LocalZoo,
    NullList,
    Redirect,
    Resize,
    Status,
    Truncated,
)

MODEL = "org/tiny"
FILE = "style v1.safetensors"
BYTES = safetensors(3000)

#: Bounds that a test can wait for.
HURRIED = Settings(limits=Limits(retries=2, backoff_base=0.01, backoff_max=0.02, max_wait=1.0))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = several(tmp_path_factory.mktemp("models"))
    write(folder, "org/same", tiny())
    return folder


@pytest.fixture
def zoo(root: Path) -> Iterator[LocalZoo]:
    with LocalZoo(root, zoos=("hf", "civitai")) as running:
        yield running


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    """A stranger."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, settings=HURRIED) as made:
        yield made


@pytest.fixture
def member(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    """Somebody with a key."""
    with Client(home=tmp_path / "member", endpoints=zoo.endpoints, tokens=zoo.tokens, settings=HURRIED) as made:
        yield made


def fetched(client: Client, ref: str) -> bytes:
    """Downloads a version of one file."""
    snapshot = client.download(ref)
    return (snapshot.path / FILE).read_bytes()


def test_from_search_to_a_loaded_model(zoo: LocalZoo, client: Client) -> None:
    """A model is found, resolved, planned, downloaded, verified, loaded and read under its numbers."""
    (hit,) = client.search("style", zoos="civitai")
    assert str(hit.ref) == zoo.civitai.ref(MODEL)
    assert (hit.title, hit.author, hit.task, hit.nsfw) == ("tiny", "org", "LORA", False)
    record = client.resolve(f"civitai:{hit.ref.id}")
    assert str(record.ref) == zoo.civitai.ref(MODEL)
    assert record.license.kind == "non-commercial"
    assert record.metadata["trained_words"] == ["tiny thing", "two, words"]
    assert client.plan(record).bytes_to_fetch == len(BYTES)
    model = client.load(record)
    assert model.tensors()["w"].shape == (3000,)
    assert client.verify(record.ref).ok
    assert "Use **it** with" in client.card(record).text


def test_every_model_arrives_byte_for_byte(zoo: LocalZoo, client: Client, root: Path) -> None:
    """Folders are flattened and names are shared, and each file still is the one that lies in the folder."""
    for name in zoo.names():
        snapshot = client.download(zoo.civitai.ref(name))
        arrived = sorted((snapshot.path / file.path).read_bytes() for file in snapshot.files)
        there = [
            path
            for path in (root / name).rglob("*")
            if path.is_file() and path.name != "README.md" and path.suffix != ".png"
        ]
        assert arrived == sorted(path.read_bytes() for path in there)


def test_one_file_by_its_id(zoo: LocalZoo, client: Client) -> None:
    """A reference may name one file of a version, which then is all that is fetched."""
    ref = zoo.civitai.ref("acme/base-model", "vae/diffusion.safetensors")
    assert [file.path for file in client.download(ref).files] == ["diffusion.safetensors"]


def test_the_same_bytes_are_fetched_once(zoo: LocalZoo, client: Client) -> None:
    """What came from the Hub is not fetched again as Civitai's, though every name and id is another."""
    client.download(f"hf:org/same@{zoo.head('org/same')}", weights="all")
    record = client.resolve(zoo.civitai.ref("org/same"))
    plan = client.plan(record)
    weights = {file.digests["sha256"] for file in record.files if file.role == "weights"}
    assert weights
    assert not weights & {file.digests["sha256"] for file in plan.fetch}


def test_each_download_counts_once_and_the_key_stays_at_home(zoo: LocalZoo, member: Client) -> None:
    """One call to the site a file, whatever the ranges; the storage, a second origin, never sees the key."""
    assert fetched(member, zoo.civitai.ref(MODEL)) == BYTES
    assert zoo.civitai.downloads(MODEL) == 1
    asked = [seen for seen in zoo.requests if seen.zoo == "civitai"]
    assert all(
        seen.headers["authorization"] == f"Bearer {zoo.tokens['civitai']}" for seen in asked if seen.origin == "hub"
    )
    assert all("authorization" not in seen.headers for seen in asked if seen.origin == "cdn")
    assert all(zoo.tokens["civitai"] not in f"{seen.path}?{seen.query}" for seen in asked)
    assert {seen.status for seen in asked if seen.origin == "cdn"} <= {200, 206}


def test_with_one_origin(root: Path, tmp_path: Path) -> None:
    """Site and storage may share a port."""
    with LocalZoo(root, zoos=("civitai",), one_origin=True) as zoo:
        assert zoo.byte_origins == zoo.endpoints
        with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
            assert fetched(client, zoo.civitai.ref(MODEL)) == BYTES


def test_a_key_is_known(zoo: LocalZoo, member: Client, client: Client) -> None:
    """The account of a key is told; each zoo has keys of its own."""
    assert member.whoami("civitai").name == "me"
    assert zoo.tokens["civitai"] != zoo.tokens["hf"]
    with pytest.raises(AccessError):
        client.whoami("civitai")


def test_hashes_find_their_version(zoo: LocalZoo) -> None:
    """The switchboard tells what the site tells: a file's id, name and hashes lead to its version."""
    file = zoo.civitai.file(MODEL, FILE)
    with httpx.Client(base_url=zoo.endpoints["civitai"], trust_env=False, headers={"user-agent": "test"}) as web:
        found = web.get(f"/api/v1/model-versions/by-hash/{file.hashes['AutoV3']}").json()
        rows = web.post("/api/v1/model-versions/by-hash/ids", json=[file.hashes["SHA256"]]).json()
    assert found["files"][0]["id"] == file.id
    assert f"civitai:{rows[0]['modelId']}@{rows[0]['modelVersionId']}" == zoo.civitai.ref(MODEL)


# Switches


@pytest.mark.parametrize(
    ("throw", "kind", "state"),
    [
        (lambda zoo: zoo.civitai.sell(MODEL), AccessError, "paid"),
        (lambda zoo: zoo.civitai.sell(MODEL, permanent=False), AccessError, "gated"),
        (lambda zoo: zoo.civitai.sell(MODEL, until=datetime.now(UTC) + timedelta(days=1)), AccessError, "paid"),
        (lambda zoo: zoo.gate(MODEL), AccessError, "gated"),
        (lambda zoo: zoo.civitai.forbid_downloads(MODEL), AccessError, "private"),
        (lambda zoo: zoo.civitai.archive(MODEL), Gone, "gone"),
        (lambda zoo: zoo.civitai.take_down(MODEL), Gone, "gone"),
        (lambda zoo: zoo.disable(MODEL), Gone, "gone"),
        (lambda zoo: zoo.civitai.rate(MODEL, 1, poi=True), AccessError, "private"),
    ],
)
def test_what_stands_in_the_way_is_seen_before_a_byte(
    zoo: LocalZoo, client: Client, throw: Callable[[LocalZoo], None], kind: type[ZooError], state: str
) -> None:
    """Each switch is told by the record, and refused before or at the first question for bytes."""
    throw(zoo)
    record = client.resolve(zoo.civitai.ref(MODEL))
    assert record.access.state == state
    with pytest.raises(kind):
        client.download(record)
    assert zoo.civitai.downloads(MODEL) == 0
    zoo.civitai.give(MODEL)
    zoo.civitai.rate(MODEL, 1)
    zoo.gate(MODEL, False)
    zoo._change(MODEL, disabled=False)
    assert fetched(client, zoo.civitai.ref(MODEL)) == BYTES


@pytest.mark.parametrize(
    "throw",
    [
        lambda zoo: zoo.civitai.need_login(MODEL),
        lambda zoo: zoo.civitai.sell(MODEL, buyers=("me",)),
        lambda zoo: zoo.gate(MODEL, readers=("me",)),
    ],
)
def test_a_key_opens_what_is_its_holders(
    zoo: LocalZoo, client: Client, member: Client, throw: Callable[[LocalZoo], None]
) -> None:
    """A stranger is refused where an account that logged in, paid or was let in gets the file."""
    throw(zoo)
    with pytest.raises(AccessError):
        client.download(zoo.civitai.ref(MODEL))
    assert fetched(member, zoo.civitai.ref(MODEL)) == BYTES


def test_early_access_ends(zoo: LocalZoo, client: Client) -> None:
    """A gate whose time is over is open."""
    zoo.civitai.sell(MODEL, until=datetime.now(UTC) - timedelta(seconds=1))
    assert client.resolve(zoo.civitai.ref(MODEL)).access.state == "open"
    assert fetched(client, zoo.civitai.ref(MODEL)) == BYTES


@pytest.mark.parametrize("throw", [lambda zoo: zoo.hide(MODEL), lambda zoo: zoo.civitai.rate(MODEL, 0)])
def test_what_is_hidden_is_not_there(zoo: LocalZoo, client: Client, throw: Callable[[LocalZoo], None]) -> None:
    """Private models and those that nobody has looked at are answered like those that never were."""
    throw(zoo)
    with pytest.raises(NotFound):
        client.resolve(zoo.civitai.ref(MODEL))
    assert [hit.title for hit in client.search("style", zoos="civitai")] == []


def test_mature_models_are_found_when_asked_for(zoo: LocalZoo, client: Client) -> None:
    """Without ``nsfw`` a search leaves them out; by their number they are had."""
    zoo.civitai.rate(MODEL, 16, nsfw=True)
    assert list(client.search("style", zoos="civitai")) == []
    (hit,) = client.search("style", zoos="civitai", nsfw=True)
    assert hit.nsfw
    assert client.resolve(hit.ref).nsfw


def test_a_blocked_region(zoo: LocalZoo, client: Client) -> None:
    """Every path of the API answers 451 until it is healed; the other zoo goes on."""
    ref = zoo.civitai.ref(MODEL)
    thrown = zoo.civitai.block_region()
    with pytest.raises(AccessError, match="country"):
        client.resolve(ref)
    assert client.resolve(f"hf:{MODEL}@main")
    assert thrown.hits > 0
    zoo.heal(thrown)
    assert fetched(client, ref) == BYTES


def test_bytes_that_are_replaced_under_the_same_id(zoo: LocalZoo, client: Client) -> None:
    """Other bytes behind a file keep every id, change the digest, and are a commit of their own at the Hub."""
    ref, head, file = zoo.civitai.ref(MODEL), zoo.head(MODEL), zoo.civitai.file(MODEL, FILE)
    before = client.resolve(ref)
    zoo.civitai.replace(MODEL, {FILE: safetensors(3000, 7)})
    assert zoo.civitai.ref(MODEL) == ref
    assert zoo.civitai.file(MODEL, FILE).id == file.id
    assert zoo.head(MODEL) != head
    with pytest.raises(IntegrityError, match="replaced"):
        client.download(before)
    zoo.civitai.replace(MODEL, {FILE: safetensors(3000, 8)})
    assert zoo.civitai.ref(MODEL) == ref
    zoo.commit(MODEL, {FILE: BYTES, "more.safetensors": b"x" * 20})
    assert zoo.civitai.ref(MODEL) != ref
    assert zoo.civitai.ref(MODEL, version=1) == ref


def test_scans_reach_the_record(zoo: LocalZoo, client: Client) -> None:
    """What the scanners found in a file is told of it."""
    zoo.civitai.scan(MODEL, FILE, "Danger", message="*Dangerous import detected*")
    record = client.resolve(zoo.civitai.ref(MODEL))
    assert record.files[0].extra["pickleScanResult"] == "Danger"
    assert any("dangerous" in problem for problem in record.problems)


def test_names_that_are_kept(zoo: LocalZoo, client: Client) -> None:
    """With the names of the upload a version looks like the folder, flattened."""
    zoo.civitai.keep_names("org/same")
    paths = {file.path for file in client.resolve(zoo.civitai.ref("org/same")).files}
    assert paths == {"config.json", "model.safetensors", "model.onnx", "f#1 é.txt", "empty.txt"}


def test_what_is_not_there_is_said(zoo: LocalZoo) -> None:
    """The switchboard knows no model, version or file that is not there."""
    with pytest.raises(LookupError):
        zoo.civitai.ref("no/model")
    with pytest.raises(LookupError):
        zoo.civitai.ref(MODEL, version=5)
    with pytest.raises(LookupError):
        zoo.civitai.file(MODEL, "none.bin")


# Faults


@pytest.mark.parametrize(
    ("pattern", "fault", "calls"),
    [
        ("*.safetensors", Cut(after=5000, origin="cdn"), 1),
        ("*.safetensors", Expired(), 2),
        ("*.safetensors", Status(503, origin="cdn"), 1),
        ("/api/download/*", Status(503), 1),
        ("/api/v1/models/*", Status(500, body="<html>"), 1),
        (MODEL, Status(502), 1),
        ("*", Cut(after=30, origin="hub"), 1),
    ],
)
def test_what_passes_is_outlived(zoo: LocalZoo, client: Client, pattern: str, fault: Fault, calls: int) -> None:
    """A fault that happens once costs a try: the file still arrives, and only a link that ended is asked for again."""
    thrown = zoo.fail(pattern, fault, zoo="civitai")
    assert fetched(client, zoo.civitai.ref(MODEL)) == BYTES
    assert thrown.hits == 1
    assert zoo.civitai.downloads(MODEL) == calls


@pytest.mark.parametrize(
    ("pattern", "fault", "kind"),
    [
        ("*.safetensors", Flip(at=-1), IntegrityError),
        ("*.safetensors", Resize(by=7), IntegrityError),
        ("*.safetensors", Claim(digest="wrong"), IntegrityError),
        ("*.safetensors", Claim(digest="none"), IntegrityError),
        ("*.safetensors", Claim(size_by=4097), IntegrityError),
        ("/api/v1/models/*", Truncated(), ProtocolError),
        ("/api/v1/model-versions/*", Body(), ProtocolError),
        ("/api/v1/model-versions/*", Edit(lambda document: [document]), ProtocolError),
        ("/api/download/*", Redirect("/login?returnUrl=x", code=307), AccessError),
        ("/api/*", Status(503, times=None), NetworkError),
    ],
)
def test_what_stays_is_told(
    zoo: LocalZoo, client: Client, tmp_path: Path, pattern: str, fault: Fault, kind: type[ZooError]
) -> None:
    """A fault that stays is an error of its kind, and nothing of the model is to be seen in the store."""
    zoo.fail(pattern, fault, zoo="civitai")
    with pytest.raises(kind):
        client.download(zoo.civitai.ref(MODEL))
    assert not [path for path in (tmp_path / "home").rglob("*.safetensors") if path.is_file()]
    zoo.heal()
    with Client(home=tmp_path / "another", endpoints=zoo.endpoints) as other:
        assert fetched(other, zoo.civitai.ref(MODEL)) == BYTES


def test_null_in_place_of_lists(zoo: LocalZoo, client: Client) -> None:
    """Lists that are null are read as empty, and a listing without items is an answer of another shape."""
    zoo.fail("/api/v1/models/*", NullList("tags"), zoo="civitai")
    assert client.resolve(zoo.civitai.ref(MODEL)).tags == ()
    zoo.fail("/api/v1/models", NullList("items"), zoo="civitai")
    search = client.search("style", zoos="civitai")
    with pytest.raises(ProtocolError):
        list(search)


def test_an_overloaded_search_is_asked_again(zoo: LocalZoo, client: Client) -> None:
    """503 with ``Retry-After`` is waited for, within bounds."""
    busy = {"error": "Model search is temporarily overloaded — please retry."}
    zoo.fail("/api/v1/models", Status(503, retry_after=0, body=json.dumps(busy)), zoo="civitai")
    assert [hit.title for hit in client.search("style", zoos="civitai")] == ["tiny"]


def test_a_page_in_place_of_a_file_is_refused(zoo: LocalZoo) -> None:
    """Whoever looks like a browser is sent to a login page with status 200; a program is told why."""
    zoo.civitai.need_login(MODEL)
    version = zoo.civitai.ref(MODEL).partition("@")[2]
    options: dict[str, Any] = {"base_url": zoo.endpoints["civitai"], "trust_env": False, "follow_redirects": True}
    with httpx.Client(**options, headers={"user-agent": "Mozilla/5.0"}) as browser:
        page = browser.get(f"/api/download/models/{version}")
        assert (page.status_code, page.url.path) == (200, "/login")
        assert page.headers["content-type"].startswith("text/html")
    with httpx.Client(**options, headers={"user-agent": "zooclient/1"}) as program:
        assert program.get(f"/api/download/models/{version}").status_code == 401


def test_the_storage_refuses_a_key(zoo: LocalZoo) -> None:
    """A client that sends its key on to the storage gets nothing, as at R2."""
    version = zoo.civitai.ref(MODEL).partition("@")[2]
    with httpx.Client(trust_env=False, headers={"user-agent": "test"}) as web:
        link = web.get(f"{zoo.endpoints['civitai']}/api/download/models/{version}").headers["location"]
        assert link.startswith(zoo.byte_origins["civitai"])
        assert web.get(link, headers={"authorization": "Bearer x"}).status_code == 400
        part = web.get(link, headers={"range": "bytes=100-"})
        assert (part.status_code, part.content) == (206, BYTES[100:])
