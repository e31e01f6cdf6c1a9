"""Models of Civitai walk the whole line, over sockets."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from civitai_answers import load
from civzoo import CivZoo, listed_file
from conftest import safetensors

from zooclient import (
    AccessError,
    AsyncClient,
    Client,
    Gone,
    IntegrityError,
    NotFound,
    Offline,
    PolicyError,
    RateLimited,
    StoreError,
    UnpinnedWarning,
    ZooError,
)
from zooclient.client.contract import CIVITAI, ask_live
from zooclient.settings import Limits, Settings
from zooclient.testing import LocalZoo

WEIGHTS = safetensors(7, 500_000)
PIN = "civitai:10@20"
NAME = "tiny.safetensors"
DOWNLOAD = "/api/download/models/20"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    """Civitai with one model, of one version, of one file."""
    with CivZoo() as running:
        running.add({NAME: WEIGHTS})
        yield running


@pytest.fixture
def make(civitai: CivZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of it with one home, and closes them when the test is over."""
    with ExitStack() as stack:

        def made(**options: Any) -> Client:
            told = {"home": tmp_path / "home", "endpoints": {"civitai": civitai.endpoint}, **options}
            return stack.enter_context(Client(**told))

        yield made


@pytest.fixture
def client(make: Callable[..., Client]) -> Client:
    return make()


def replace(civitai: CivZoo, body: bytes = WEIGHTS[:-1] + b"!") -> str:
    """Puts other bytes behind the file's id; returns their sha256."""
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0] |= listed_file(200, NAME, body)
    return hashlib.sha256(body).hexdigest()


# -- the whole line -----------------------------------------------------------------------------


def test_a_model_is_found_pinned_planned_verified_loaded_and_read(client: Client, civitai: CivZoo) -> None:
    """Search to card by the calls of every zoo: a resolve is two requests, a download one at the site."""
    hits = client.search("tiny", zoos="civitai")
    assert [str(hit.ref) for hit in hits] == [PIN]
    civitai.asked.clear()
    record = client.resolve(PIN)
    assert (str(record.ref), record.pin, len(civitai.asked)) == (PIN, "version", 2)
    plan = client.plan(record)
    assert [(file.path, file.digests["sha256"]) for file in plan.fetch] == [(NAME, SHA256)]
    snapshot = client.download(plan)
    assert (snapshot.path / NAME).read_bytes() == WEIGHTS
    assert [asked.told for asked in civitai.downloads] == [{"fileId": "200"}]
    assert client.verify(PIN).ok
    model = client.load(PIN)
    assert model.tensors()["weight"].shape == (500_000,) and str(model.ref) == PIN
    card = client.card(PIN)
    assert "It draws **tiny** things." in card.text and "alert" not in card.text
    assert card.data["trigger_words"] == ["tiny thing"] and card.license == record.license
    assert {asked.headers["user-agent"].split("/")[0] for asked in civitai.asked} == {"zooclient"}


def test_the_same_line_in_the_other_colour(civitai: CivZoo, tmp_path: Path) -> None:
    """``AsyncClient`` gives the same answers by the same names."""

    async def walk() -> None:
        async with AsyncClient(home=tmp_path / "home", endpoints={"civitai": civitai.endpoint}) as client:
            assert [str(hit.ref) async for hit in client.search("tiny", zoos="civitai")] == [PIN]
            record = await client.resolve("civitai:@20")
            model = await client.load(record)
            assert (model.path / NAME).read_bytes() == WEIGHTS
            assert (await client.verify(PIN)).ok
            assert "tiny" in (await client.card(record)).text
            replace(civitai)
            with pytest.raises(IntegrityError, match="replaced upstream"):
                await client.resolve(PIN)
            assert str((await client.resolve(PIN, accept_replaced=True)).ref) == PIN

    asyncio.run(walk())


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("civitai:10", PIN),
        ("civitai:@20", PIN),
        ("civitai:10@20+200", "civitai:10@20+200"),
        ("10@20", PIN),
        ("https://civitai.com/models/10", PIN),
        ("https://civitai.com/models/10/some-slug?modelVersionId=20", PIN),
        ("civitai.red/models/10?modelVersionId=20", PIN),
        ("https://civitai.green/model-versions/20", PIN),
        ("https://civitai.com/models/10/model-versions/20/x", PIN),
        ("https://civitai.com/api/v1/models/10", PIN),
        ("https://civitai.com/api/v1/model-versions/20", PIN),
        ("https://civitai.com/api/v1/model-versions/mini/20?modelFileId=200", "civitai:10@20+200"),
        ("https://civitai.com/api/download/models/20?fileId=200&token=s3cret", "civitai:10@20+200"),
        ("https://civitai.com/api/download/models/20?type=Model&format=SafeTensor", PIN),
        ("urn:air:sdxl:lora:civitai:10@20", PIN),
        ("urn:air:sdxl:lora:civitai:10@20+200.safetensors", "civitai:10@20+200"),
        ("air:sdxl:lora:civitai:10@20.safetensors", PIN),
    ],
)
def test_every_way_to_write_it(client: Client, civitai: CivZoo, text: str, pinned: str) -> None:
    """Every address of the site and every AIR leads to the same record; a key in an address goes nowhere."""
    record = client.resolve(text)
    assert str(record.ref) == pinned and [file.key for file in record.files] == ["200"]
    assert "s3cret" not in f"{[(asked.path, asked.told, asked.headers) for asked in civitai.asked]}"
    if text == "civitai:10":
        assert "No version was asked for" in record.problems[0]


def test_a_model_without_a_version_warns_with_the_pin(client: Client) -> None:
    """The creator's first version is a moving name; a version by its id has nothing better to paste."""
    with pytest.warns(UnpinnedWarning) as caught:
        client.load("civitai:10")
    assert [str(warning.message).count(PIN) for warning in caught] == [1]


def test_what_the_audit_will_look_at_is_on_the_record(client: Client, civitai: CivZoo) -> None:
    """Both layers of the licence, what the scanners found, and the marks reach the record, and survive the store."""
    found = civitai.version(20)
    assert found is not None
    found[0]["files"].append(
        listed_file(
            201,
            "old.ckpt",
            b"\x80\x02.",
            pickleScanResult="Danger",
            pickleScanMessage="**Detected Pickle imports (1)**",
            metadata={"format": "PickleTensor"},
        )
    )
    client.resolve(PIN)
    record = Client(home=client.settings.home, settings=client.settings, offline=True).resolve(PIN)
    assert record.metadata["base_model_license"]["name"] == "CreativeML Open RAIL++-M"
    assert record.metadata["creator_terms"]["allowCommercialUse"] == ["Image", "RentCivit"]
    assert record.metadata["flags"] == {"nsfw": False, "nsfwLevel": 1, "minor": False, "poi": False}
    assert record.license.kind == "open-weight"
    assert [file.extra["pickleScanResult"] for file in record.files] == ["Success", "Danger"]
    assert any("dangerous" in problem for problem in record.problems)


# -- search -------------------------------------------------------------------------------------


def test_adult_models_are_found_only_when_wished_for(client: Client, civitai: CivZoo) -> None:
    """Without ``nsfw`` the site is asked for what is for everybody, and the answer is looked at again."""
    civitai.add({"x.safetensors": b"x" * 2000}, model=11, version=21)
    civitai.models[11] |= {"nsfw": True, "nsfwLevel": 28}
    assert [hit.ref.id for hit in client.search("tiny", zoos="civitai")] == ["10"]
    assert {hit.ref.id for hit in client.search("tiny", zoos="civitai", nsfw=True)} == {"10", "11"}
    assert [asked.told["nsfw"] for asked in civitai.at("/api/v1/models")] == ["false", "true"]


def test_empty_pages_go_on(client: Client, civitai: CivZoo) -> None:
    """With words the site filters after it has cut the page: an empty page is not the last."""
    row = {key: value for key, value in civitai.models[10].items() if key != "modelVersions"} | {"modelVersions": []}
    pages: list[tuple[int, Any]] = [
        (200, {"items": [], "metadata": {"nextCursor": "1"}}),
        (200, {"items": [], "metadata": {"nextCursor": "22138|364671|25494"}}),
        (200, {"items": [row], "metadata": {}}),
    ]
    civitai.answer("/api/v1/models", *pages)
    assert [hit.ref.id for hit in client.search("tiny", zoos="civitai")] == ["10"]
    assert [asked.told.get("cursor") for asked in civitai.asked] == [None, "1", "22138|364671|25494"]


# -- downloads ----------------------------------------------------------------------------------


def quick(**limits: Any) -> Settings:
    """Small pieces, no waiting."""
    told = {"backoff_base": 0.0, "piece_size": 256 * 1024, "journal_step": 64 * 1024, "small_file": 1024, **limits}
    return Settings(limits=Limits(**told))


def test_a_download_is_one_call_to_the_site(make: Callable[..., Client], civitai: CivZoo) -> None:
    """Ranges, and going on after a break, use the link that was given: each call to the site counts as a download."""
    body = safetensors(3, 800_001)  # its size has a fraction in KiB, and is exact
    civitai.add({"big.safetensors": body}, version=21)
    civitai.cut.extend([300_000, 100_000])
    snapshot = make(settings=quick()).download("civitai:10@21")
    assert (snapshot.path / "big.safetensors").read_bytes() == body
    assert len(civitai.downloads) == 1
    assert len([asked for asked in civitai.at("/file/") if "range" in asked.headers]) >= 5
    links = {asked.told["Authorization"] for asked in civitai.at("/file/")}
    assert links == {"3_1"}, "the one link is kept for the length of the download"


def test_a_link_that_ran_out_is_asked_for_once_more(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A store that refuses a link costs one more call to the site, and no byte twice."""
    civitai.expired = True
    assert (make(settings=quick()).load(PIN).path / NAME).read_bytes() == WEIGHTS
    assert len(civitai.downloads) == 2


def test_a_download_that_was_stopped_goes_on(make: Callable[..., Client], civitai: CivZoo) -> None:
    """The next run asks the site for a link once, and the store for the rest alone."""
    civitai.cut.extend([900_000])
    with pytest.raises(ZooError):
        make(settings=quick(retries=0, piece_size=4 * 1024 * 1024)).load(PIN)
    civitai.asked.clear()
    assert (make(settings=quick()).load(PIN).path / NAME).read_bytes() == WEIGHTS
    assert len(civitai.downloads) == 1
    starts = [int(asked.headers["range"].split("=")[1].split("-")[0]) for asked in civitai.at("/file/")]
    assert min(starts) > 500_000


def test_a_file_that_its_id_does_not_find_is_asked_for_as_printed(client: Client, civitai: CivZoo) -> None:
    """A 404 is followed by one other try, by what selects the file; the digest tells whether that is the one."""
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0]["downloadUrl"] = f"https://undefined{DOWNLOAD}?type=Model&format=SafeTensor"
    civitai.lost.add(200)
    assert (client.load(PIN).path / NAME).read_bytes() == WEIGHTS
    assert [asked.told for asked in civitai.downloads] == [
        {"fileId": "200"},
        {"type": "Model", "format": "SafeTensor"},
    ]


def test_a_file_that_is_not_there_is_tried_twice_and_no_more(client: Client, civitai: CivZoo) -> None:
    """Where the other address finds nothing either, that is the end, and the version is asked about once."""
    client.resolve(PIN)
    civitai.asked.clear()
    civitai.answer(DOWNLOAD, (404, {"error": "File not found"}))
    with pytest.raises(NotFound, match="no file for"):
        client.load(PIN)
    assert len(civitai.downloads) == 2
    assert sorted(asked.path for asked in civitai.at("/api/v1/")) == ["/api/v1/model-versions/20", "/api/v1/models/10"]


@pytest.mark.parametrize(
    ("answer", "headers", "kind", "words"),
    [
        ((307, b""), {"Location": "/login?returnUrl=x&reason=download-auth"}, AccessError, "logged in"),
        ((200, b"<html>x</html>"), {"Content-Type": "text/html"}, IntegrityError, "page for people"),
        ((200, {"error": "try later"}), {}, IntegrityError, "page for people"),
        ((401, {"error": "Unauthorized", "message": "requires you to be logged in"}), {}, AccessError, "logged in"),
        ((401, {"message": "The creator of this asset has disabled downloads"}), {}, AccessError, "lets nobody"),
        ((403, {"error": "Early Access", "deadline": "2030-01-01T00:00:00Z"}), {}, AccessError, "bought until 2030"),
        ((410, {"error": "Model archived, not available for download"}), {}, Gone, "not handed out"),
        ((451, {"error": "x", "code": "REGION_BLOCKED"}), {}, AccessError, "from this country"),
        ((307, b""), {"Location": "http://b2.example/file/x"}, ZooError, "without encryption"),
        ((307, b""), {"Location": "https://user:pw@b2.example/file/x"}, IntegrityError, "not plain http or https"),
    ],
)
def test_what_is_no_file_is_refused_in_the_zoo_s_words(
    client: Client, civitai: CivZoo, answer: tuple[int, Any], headers: dict[str, str], kind: type[ZooError], words: str
) -> None:
    """Pages, refusals and redirects to where no file can be: one call, no byte kept, the site's own reason."""
    client.resolve(PIN)
    civitai.answer(DOWNLOAD, answer, **headers)
    with pytest.raises(kind, match=words) as caught:
        client.load(PIN)
    assert len(civitai.downloads) == 1 and not civitai.at("/file/")
    assert caught.value.zoo in (None, "civitai") and PIN in (caught.value.ref or "")
    assert not any(path.is_file() for path in (client.settings.store_home() / "v1" / "snapshots").rglob("*"))


def test_an_overdrawn_quota_is_not_hammered(make: Callable[..., Client], civitai: CivZoo) -> None:
    """The site's quota of downloads lasts for hours: it is told as what it is."""
    civitai.answer(DOWNLOAD, (429, {"error": "We've noticed an unusual amount of downloading from your account."}))
    with pytest.raises(RateLimited) as caught:
        make(settings=quick(retries=1)).load(PIN)
    assert "takes hours" in (caught.value.hint or "")
    assert len(civitai.downloads) <= 2


def test_a_page_at_the_store_is_no_file(client: Client, civitai: CivZoo) -> None:
    """Where the link leads to a page with status 200, nothing of it is kept."""
    civitai.answer(f"/file/200.{NAME}", (200, b"<html>sign in to this network</html>"), **{"Content-Type": "text/html"})
    with pytest.raises(IntegrityError, match="page for people"):
        client.load(PIN)


def test_a_wrong_byte_is_refused_with_both_digests(client: Client, civitai: CivZoo) -> None:
    """What came and what was promised are named; the version is read once more, and not in a loop."""
    client.resolve(PIN)
    civitai.asked.clear()
    civitai.flipped.add(200)
    with pytest.raises(IntegrityError, match=SHA256):
        client.load(PIN)
    assert len(civitai.at("/api/v1/model-versions/")) == 1 and len(civitai.downloads) == 1
    civitai.flipped.clear()
    assert (client.load(PIN).path / NAME).is_file()


def test_the_same_bytes_of_another_zoo_are_not_fetched_again(
    make: Callable[..., Client], civitai: CivZoo, zoo: LocalZoo, models: Path
) -> None:
    """What came from Hugging Face lies in the store once; the same file of Civitai moves no byte."""
    civitai.add({"same.safetensors": (models / "org/tiny/model.safetensors").read_bytes()}, version=21)
    client = make(endpoints={**zoo.endpoints, "civitai": civitai.endpoint})
    first = client.load(f"hf:org/tiny@{zoo.head('org/tiny')}", files="model.safetensors")
    assert client.plan("civitai:10@21").bytes_to_fetch == 0
    second = client.load("civitai:10@21")
    assert civitai.downloads == [] and second.snapshot.weights_digest == first.snapshot.weights_digest


# -- sizes --------------------------------------------------------------------------------------


def test_a_size_that_is_about_right_is_used_as_such(make: Callable[..., Client], civitai: CivZoo) -> None:
    """Whole KiB were rounded: the plan says about, no size is held against what comes, and the bytes decide."""
    body = WEIGHTS + b"x" * 300
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0] |= listed_file(200, NAME, body) | {"sizeKB": 1954}
    client = make()
    plan = client.plan(PIN)
    assert (plan.fetch[0].size, plan.fetch[0].expected_size, plan.approximate) == (None, 1954 * 1024, True)
    assert plan.bytes_to_fetch == plan.bytes_on_disk == 1954 * 1024
    job = client.start(plan)
    assert (job.result(30).path / NAME).read_bytes() == body
    assert job.progress().bytes_total == 1954 * 1024


def test_space_is_looked_for_by_the_size_that_is_about_right(client: Client, civitai: CivZoo) -> None:
    """A file of which only roughly is known how large it is must fit as well, before a byte is asked for."""
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0]["sizeKB"] = 2**39
    with pytest.raises(StoreError, match="needed"):
        client.load(PIN)
    assert civitai.downloads == []


# -- what a pin is ------------------------------------------------------------------------------


def test_a_warm_load_asks_nobody_and_makes_no_provider(client: Client, civitai: CivZoo) -> None:
    """As a process: no socket, no HTTP library, and of the provider no more than where its zoo is."""
    client.load(PIN)
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import zooclient
client = zooclient.Client(home={str(client.settings.home)!r}, endpoints={{"civitai": {civitai.endpoint!r}}})
model = client.load({PIN!r})
heavy = {{"httpx", "urllib3", "numpy", "yaml", "filelock", "asyncio", "socket", "ssl", "pickle"}}
ours = [name for name in sys.modules if name.startswith("zooclient.providers.civitai.")]
print(sorted(heavy & set(sys.modules)), ours, opened, (model.path / {NAME!r}).exists())
"""
    asked = len(civitai.asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['zooclient.providers.civitai.endpoint'] [] True", done.stdout
    assert len(civitai.asked) == asked


def test_what_was_replaced_upstream_is_refused_until_it_is_accepted(
    make: Callable[..., Client], civitai: CivZoo
) -> None:
    """Other bytes under the same id: exit 5 with both digests, each time; the old ones load; accepting pins anew."""
    client = make()
    client.load(PIN)
    other = replace(civitai)
    for _ in range(2):  # a second run must not take what the first refused
        with pytest.raises(IntegrityError, match="replaced upstream") as caught:
            client.resolve(PIN)
        assert SHA256 in caught.value.message and other in caught.value.message and caught.value.exit_code == 5
    assert hashlib.sha256((client.load(PIN).path / NAME).read_bytes()).hexdigest() == SHA256
    record = client.resolve(PIN, accept_replaced=True)
    assert record.files[0].digests["sha256"] == other
    assert hashlib.sha256((client.load(PIN).path / NAME).read_bytes()).hexdigest() == other
    assert client.resolve(PIN).files[0].digests["sha256"] == other


def test_bytes_that_were_replaced_before_they_came(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A pin that was resolved and not fetched is held all the same: the mismatch is told as what it is, every time."""
    make().resolve(PIN)
    other = replace(civitai)
    for _ in range(2):
        civitai.asked.clear()
        with pytest.raises(IntegrityError, match="replaced upstream") as caught:
            make().load(PIN)
        assert SHA256 in caught.value.message and other in caught.value.message
        assert len(civitai.at("/api/v1/model-versions/")) == 1, "the version is read once more, not in a loop"
    civitai.asked.clear()
    with pytest.raises(IntegrityError, match="replaced upstream"):
        make().resolve(PIN)
    assert civitai.downloads == []


def test_a_moving_name_does_not_unpin_what_is_pinned(client: Client, civitai: CivZoo) -> None:
    """Replaced bytes are refused under every name of the version: of its model, of itself alone, of one file of it."""
    client.load(PIN)
    other = replace(civitai)
    for text in ("civitai:10", "civitai:@20", "civitai:10@20+200", PIN):
        with pytest.raises(IntegrityError, match="replaced upstream") as caught:
            client.resolve(text)
        assert other in caught.value.message and SHA256 in caught.value.message
    assert client.load(PIN).files[0].sha256 == SHA256
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0]["hashes"] = {}  # not hashed yet
    assert client.resolve("civitai:10").files[0].digests["sha256"] == SHA256
    civitai.asked.clear()
    assert client.load("civitai:10@20+200").files[0].sha256 == SHA256
    assert civitai.asked == [], "the digests of the version are those of its file"


def test_bytes_that_lie_elsewhere_when_a_pin_is_gone(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A version that was removed, or a file that was: the hint names the version that holds the same bytes."""
    client = make()
    client.resolve(PIN)
    civitai.add({"renamed.safetensors": WEIGHTS}, model=11, version=21)
    found = civitai.version(20)
    assert found is not None
    listed, found[0]["files"] = found[0]["files"], [listed_file(209, "other.safetensors", b"y" * 3000)]
    with pytest.raises(NotFound, match="lists it no longer") as caught:
        client.load(PIN)
    assert caught.value.hint == "The same bytes are in civitai:11@21, by sha256."
    found[0]["files"] = listed
    client.load(PIN)
    del civitai.models[10]
    with pytest.raises(Gone, match="removed upstream") as caught:
        client.resolve(PIN)
    assert "civitai:11@21" in (caught.value.hint or "")
    assert (client.load(PIN).path / NAME).is_file(), "what is held still loads"


def test_a_content_digest_is_a_pin_of_its_own(make: Callable[..., Client], civitai: CivZoo) -> None:
    """With the digest of a snapshot a reference means those bytes alone, in a new home and in strict mode too."""
    snapshot = make().download(PIN)
    pinned = f"{PIN}#{snapshot.content_digest.replace(':', '=')}"
    fresh = make(home=snapshot.path.parent / "other-home", strict=True)
    assert fresh.load(pinned).snapshot.content_digest == snapshot.content_digest
    replace(civitai)
    with pytest.raises(IntegrityError):
        make(home=snapshot.path.parent / "third-home").load(pinned)


def test_strict_mode_takes_a_version_whose_digests_are_held(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A bare version may be replaced: strict mode refuses it until its digests are stored, and says how."""
    client = make(strict=True)
    with pytest.raises(PolicyError, match="may be replaced") as caught:
        client.load(PIN)
    assert f"zooclient resolve {PIN}" in (caught.value.hint or "")
    client.resolve(PIN)
    assert (client.load(PIN).path / NAME).is_file()
    with pytest.raises(PolicyError, match="moving"):
        client.load("civitai:10")


def test_a_file_without_a_digest_is_taken_only_when_allowed(client: Client, civitai: CivZoo) -> None:
    """Fresh uploads have no hashes: refused before a byte; allowed, their sha256 is observed and never claimed."""
    found = civitai.version(20)
    assert found is not None
    found[0]["files"][0]["hashes"] = {}
    with pytest.raises(IntegrityError, match="no sha256"):
        client.load(PIN)
    assert civitai.downloads == []
    model = client.load(PIN, allow_unverified=True)
    assert [(file.sha256, file.claimed) for file in model.files] == [(SHA256, False)]


def test_two_files_of_one_name_are_two(client: Client, civitai: CivZoo) -> None:
    """Files that the site calls by one name are told apart by id, and each is fetched by its own."""
    half, full = safetensors(1, 1000), safetensors(2, 2000)
    civitai.add({"a.safetensors": half, "b.safetensors": full}, version=21)
    found = civitai.version(21)
    assert found is not None
    for file in found[0]["files"]:
        file["name"] = "same.safetensors"
    model = client.load("civitai:10@21")
    assert {file.path: (model.path / file.path).read_bytes() for file in model.files} == {
        "same.210.safetensors": half,
        "same.211.safetensors": full,
    }
    one = client.load("civitai:10@21+211")
    assert [file.sha256 for file in one.files] == [hashlib.sha256(full).hexdigest()]
    with pytest.raises(NotFound, match="has no file 299"):
        client.load("civitai:10@21+299")


def test_without_a_connection_the_store_answers(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A version that was fetched loads offline, its record and its card too; what is not held is Offline."""
    path = make().load(PIN).path
    offline = make(offline=True)
    assert offline.load(PIN).path == path and "tiny" in offline.card(PIN).text
    with pytest.raises(Offline):
        offline.load("civitai:10@21")


# -- gates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_version", "of_model", "kind", "words"),
    [
        ({"paidAccess": {"permanent": True, "endsAt": None}}, {}, AccessError, "has to be bought"),
        ({"paidAccess": {"permanent": False, "endsAt": "2099-01-01T00:00:00Z"}}, {}, AccessError, "until 2099-01-01"),
        ({"paidAccess": {"permanent": False, "endsAt": None}}, {}, AccessError, "lets in"),
        ({"usageControl": "Generation"}, {}, AccessError, "used on the site"),
        ({}, {"poi": True}, AccessError, "real person"),
        ({"availability": "EarlyAccess"}, {}, AccessError, "early access"),
        ({}, {"mode": "TakenDown"}, Gone, "took it down"),
        ({"files": []}, {"mode": "Archived"}, Gone, "archived it"),
    ],
)
def test_a_gate_is_an_error_before_any_byte(
    client: Client,
    civitai: CivZoo,
    of_version: dict[str, Any],
    of_model: dict[str, Any],
    kind: type[ZooError],
    words: str,
) -> None:
    """What the record says of a gate is believed: plan and download are refused, and no file is asked for."""
    found = civitai.version(20)
    assert found is not None
    found[0].update(of_version)
    found[1].update(of_model)
    assert client.resolve(PIN).access.state != "open"
    for act in (client.plan, client.download, client.load):
        with pytest.raises(kind, match=words):
            act(PIN)
    assert civitai.downloads == []


def test_who_was_let_in_gets_past_the_gate(make: Callable[..., Client], civitai: CivZoo) -> None:
    """With a key the site decides; a gate that ran out is seen to be open."""
    found = civitai.version(20)
    assert found is not None
    found[0]["paidAccess"] = {"permanent": False, "endsAt": "2099-01-01T00:00:00Z"}
    assert (make(tokens={"civitai": civitai.key}).load(PIN).path / NAME).is_file()
    make().resolve(PIN)
    found[0]["paidAccess"] = None
    fresh = make(home=make().settings.store_home() / "other")
    assert fresh.plan(PIN).fetch


def test_a_country_that_is_blocked_is_an_access_error(client: Client, civitai: CivZoo) -> None:
    """451 is told as what it is, at every question."""
    blocked = (451, {"error": "Not available in your country", "code": "REGION_BLOCKED"})
    for path in ("/api/v1/models", "/api/v1/models/10", "/api/v1/model-versions/20"):
        civitai.answer(path, blocked)
    for act in (lambda: list(client.search("x", zoos="civitai")), lambda: client.resolve(PIN)):
        with pytest.raises(AccessError, match="from this country"):
            act()


def test_a_login_is_needed(make: Callable[..., Client], civitai: CivZoo) -> None:
    """A file that is for accounts alone: the error says how to get a key; with it the file comes."""
    civitai.wants_key.add(20)
    with pytest.raises(AccessError, match="logged in") as caught:
        make().load(PIN)
    assert "login civitai" in (caught.value.hint or "") and caught.value.access_url
    client = make(tokens={"civitai": civitai.key})
    civitai.asked.clear()
    assert (client.load(PIN).path / NAME).is_file()
    assert client.whoami("civitai").name == "me"
    with pytest.raises(AccessError, match="does not know the key"):
        client.whoami("civitai", token="civ-wrong")


def test_the_key_goes_to_the_site_alone(make: Callable[..., Client], civitai: CivZoo) -> None:
    """Every question to the site carries it, in a header and nowhere else; the store of the bytes never sees it."""
    civitai.answer("/api/v1/models", (200, {"items": [], "metadata": {"nextPage": "https://evil.example/?token=x"}}))
    client = make(tokens={"civitai": civitai.key})
    list(client.search("tiny", zoos="civitai"))
    civitai.expired = True
    client.load(PIN)
    assert {asked.host for asked in civitai.at("/file/")} == {civitai.byte_origin.removeprefix("http://")}
    for asked in civitai.asked:
        told = asked.headers.get("authorization")
        assert told == (None if asked.path.startswith("/file/") else f"Bearer {civitai.key}")
        assert civitai.key not in f"{asked.path}{asked.told}" and "cookie" not in asked.headers


def test_more_connections_than_the_zoo_bears_are_never_open(make: Callable[..., Client], civitai: CivZoo) -> None:
    """Many files: one connection to the store at first, and four at the most, whatever was wished for."""
    files = {f"{name}.safetensors": safetensors(name, 60_000) for name in range(8)}
    civitai.add(files, version=21)
    begun: list[int] = []
    civitai.on_bytes = lambda: begun.append(civitai.under_way)
    make(settings=quick()).load("civitai:10@21")
    assert begun[:2] == [1, 1] and max(begun) <= 4


def test_the_facts_of_the_live_contract_are_what_was_recorded(
    make: Callable[..., Client], client: Client, civitai: CivZoo
) -> None:
    """``doctor --live`` asks of well-known pins what was recorded of them; each fact holds there, and one that does
    not is told."""
    told = load("model_215485_lora_three_versions_2023.json")
    version = next(item for item in told["modelVersions"] if item["id"] == 243508)
    alone = {**version, "modelId": told["id"], "model": {"name": told["name"], "type": told["type"]}}
    rows = [{**told, "id": number, "modelVersions": []} for number in range(1, 121)]
    pages = ({"items": rows[:100], "metadata": {"nextCursor": "100"}}, {"items": rows[100:], "metadata": {}})
    civitai.answer("/api/v1/models/215485", (200, told))
    civitai.answer("/api/v1/model-versions/243508", (200, alone))
    civitai.answer("/api/v1/models", *((200, page) for page in pages))
    facts = list(ask_live(client, CIVITAI))
    assert len(facts) == 6 and [fact.detail for fact in facts if not fact.held] == []
    changed = {**alone, "files": [{**file, "hashes": {"SHA256": "0" * 63 + "1"}} for file in version["files"]]}
    civitai.answer("/api/v1/model-versions/243508", (200, changed))
    civitai.answer("/api/v1/models", *((200, page) for page in pages))
    fresh = make(home=client.settings.store_home() / "other")
    broken = [fact for fact in ask_live(fresh, CIVITAI) if not fact.held]
    assert [fact.text for fact in broken] == ["What a pin means has not been replaced."]
