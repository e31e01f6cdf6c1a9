"""Reading from a mirror: when it is asked, what it is believed, and that it gets no credential."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from mirrorkit import WEIGHTS, Prank, Served, body, byte_requests, edit, flipped, nobody, only, pin, reader, status

from zooclient import (
    AsyncClient,
    Client,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    Settings,
    StaleWarning,
    UnpinnedWarning,
    ZooError,
    ZooSettings,
)
from zooclient.client.doctor import check_up
from zooclient.testing import Flip, LocalZoo, Status

MOVING = "hf:org/tiny@main"
POLICIES = ("first", "fallback", "only")


@pytest.fixture
def folder(zoo: LocalZoo, tmp_path: Path) -> Path:
    """A mirror of ``org/tiny``, made by somebody else."""
    with Client(home=tmp_path / "maker", endpoints=zoo.endpoints) as client, pytest.warns(UnpinnedWarning):
        client.mirror(tmp_path / "mirror", MOVING)
    zoo.forget()
    return tmp_path / "mirror"


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with Served(folder) as running:
        yield running


# -- when it is asked ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["served", "folder"])
def test_first_takes_every_byte_from_the_mirror(zoo: LocalZoo, served: Served, tmp_path: Path, kind: str) -> None:
    """By default the mirror is asked before the zoo, which gives the record and no byte; the receipt says who gave."""
    place = served.url if kind == "served" else str(tmp_path / "mirror")
    with reader(zoo, tmp_path / "home", place) as client:
        snapshot = client.download(pin(zoo))
        assert client.verify(snapshot).ok
    assert byte_requests(zoo) == []
    manifest = json.loads(Path(f"{snapshot.path}.json").read_text())
    given = {label for receipt in manifest["receipts"].values() for label in receipt["sources"]}
    assert given == {f"mirror {place.removeprefix('http://')}"}


def test_a_folder_needs_no_connection(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """A mirror that is a path answers where connections are switched off: record, moving name and bytes."""
    with reader(zoo, tmp_path / "home", str(folder), offline=True) as client:
        with pytest.warns(StaleWarning, match="mirror"):
            assert str(client.resolve(MOVING).ref) == pin(zoo)
        assert client.load(pin(zoo)).path.is_dir()
    assert zoo.requests == []


def test_fallback_leaves_the_mirror_alone_while_the_zoo_answers(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """With fallback a mirror is not asked for what the zoo gives."""
    with reader(zoo, tmp_path / "home", served.url, "fallback") as client:
        client.download(pin(zoo))
    assert served.asked == []


@pytest.mark.parametrize("kind", ["served", "folder"])
@pytest.mark.parametrize("fault", [Status(503, times=None), Status(404, times=None), Status(403, times=None), Flip()])
def test_fallback_goes_on_at_the_mirror_when_the_zoo_fails(
    zoo: LocalZoo, served: Served, tmp_path: Path, kind: str, fault: Status | Flip
) -> None:
    """A zoo that has the record and gives no, or wrong, bytes: the mirror's are taken, of that file alone."""
    place = served.url if kind == "served" else str(tmp_path / "mirror")
    zoo.fail("*.safetensors", fault)
    with reader(zoo, tmp_path / "home", place, "fallback") as client:
        snapshot = client.download(pin(zoo))
        assert client.verify(snapshot).ok
    blobs = [path for path in served.paths if "/blobs/" in path]
    assert len(blobs) == (1 if kind == "served" else 0)


@pytest.mark.parametrize("policy", ["first", "fallback"])
def test_a_pin_loads_from_the_mirror_when_the_zoo_is_gone(
    zoo: LocalZoo, served: Served, tmp_path: Path, policy: str
) -> None:
    """With nobody at the zoo's address a pinned record is the mirror's, and a moving name is what it saw, told so."""
    reference = pin(zoo)
    zoo.stop()
    with reader(zoo, tmp_path / "home", served.url, policy) as client:
        assert client.load(reference).path.is_dir()
    with reader(zoo, tmp_path / "other", served.url, policy) as client, pytest.warns(StaleWarning, match="mirror"):
        assert str(client.resolve(MOVING).ref) == reference


# -- the air gap ----------------------------------------------------------------------------------


AUDITED = """
import json, sys, warnings
places = []
def note(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        places.append([str(part) for part in (args[1] if event == "socket.connect" else args[:2])])
sys.addaudithook(note)
warnings.simplefilter("ignore")
from zooclient import Client, NetworkError, Settings, ZooSettings
zoo, mirror, home, pin, moving = sys.argv[1:]
named = ZooSettings(endpoint=zoo, mirrors=(mirror,), mirror_policy="only", token="hf_secret")
client = Client(home=home, settings=Settings(zoos={"hf": named}))
loaded = client.load(pin)
found = [str(loaded.ref), str(client.resolve(moving).ref), "It knows nothing." in client.card(pin).text]
for act in (lambda: list(client.search("x", zoos="hf")), lambda: client.whoami("hf"),
            lambda: client.load("hf:org/plain@" + "0" * 40), lambda: client.resolve("hf:org/plain")):
    try:
        act()
    except NetworkError as error:
        found.append(type(error).__name__)
print(json.dumps([found, places]))
"""


@pytest.mark.parametrize("kind", ["served", "folder"])
def test_only_opens_no_socket_to_the_zoo(zoo: LocalZoo, served: Served, tmp_path: Path, kind: str) -> None:
    """The air gap: pinned and moving references are answered, and no verb connects to anything but the mirror."""
    place = served.url if kind == "served" else str(tmp_path / "mirror")
    words = [zoo.endpoints["hf"], place, str(tmp_path / "home"), pin(zoo), MOVING]
    done = subprocess.run([sys.executable, "-c", AUDITED, *words], capture_output=True, text=True, check=True)
    found, places = json.loads(done.stdout)
    assert found == [pin(zoo), pin(zoo), True, *["Offline"] * 4]
    ports = {port for _, port in places}
    assert ports == ({served.origin.rpartition(":")[2]} if kind == "served" else set())
    assert zoo.requests == []


def test_only_answers_a_moving_name_with_its_age_and_strict_mode_takes_no_such_answer(
    zoo: LocalZoo, served: Served, tmp_path: Path
) -> None:
    """What the mirror saw is a StaleWarning with the age; strict mode refuses it and names the pin."""
    for path in (tmp_path / "mirror").glob("v1/refs/*/*/*.json"):
        edit(path, seen_at="2026-01-01T00:00:00+00:00")
    with reader(zoo, tmp_path / "home", served.url, "only") as client, pytest.warns(StaleWarning, match="days ago"):
        client.resolve(MOVING)
    with reader(zoo, tmp_path / "home", served.url, "only", strict=True) as client:
        with pytest.raises(NetworkError) as caught:
            client.resolve(MOVING)
        assert pin(zoo) in (caught.value.hint or "")
        assert client.load(pin(zoo)).path.is_dir()


def test_the_doctor_leaves_a_closed_zoo_alone(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """With only, the doctor looks up no name and asks nothing of that zoo, and says why."""
    with reader(zoo, tmp_path / "home", str(folder), "only") as client:
        found = next(finding for finding in check_up(client) if finding.zoo == "hf")  # the rest is not looked at
    assert (found.check, found.verdict) == ("network", "skip")
    assert zoo.requests == []


def test_the_newest_word_about_a_moving_name_counts(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """What the store saw after the mirror was made is newer than what the mirror says."""
    old, new = pin(zoo), zoo.commit("org/tiny", {"config.json": '{"model_type": "newer"}'})
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        client.resolve(MOVING)
    with reader(zoo, tmp_path / "home", served.url, "only") as client, pytest.warns(StaleWarning, match="the store"):
        assert client.resolve(MOVING).ref.revision == new
        assert client.load(old).path.is_dir()


def test_only_says_clearly_what_no_mirror_has(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """A model, and a file, that no mirror holds: one sentence each, which names it and says what to do."""
    with reader(zoo, tmp_path / "home", served.url, "only") as client:
        with pytest.raises(Offline, match="org/plain") as model:
            client.load(pin(zoo, "org/plain"))
        assert "mirror push" in (model.value.hint or "")
        with pytest.raises(NotFound, match=r"pytorch_model\.bin"):
            client.load(pin(zoo), weights="all")
    lacking = pytest.raises(Offline, match=r"pytorch_model\.bin")
    with reader(zoo, tmp_path / "home", str(tmp_path / "mirror"), "only") as client, lacking:
        client.load(pin(zoo), weights="all")
    unmounted = pytest.raises(NetworkError, match="not there")
    with reader(zoo, tmp_path / "home", str(tmp_path / "nowhere"), "only") as client, unmounted:
        client.load(pin(zoo, "org/plain"))
    with reader(zoo, tmp_path / "home", served.url, "only") as client:
        nowhere = evolve(client.settings, zoos={"hf": evolve(client.settings.zoo("hf"), mirrors=())})
    unnamed = pytest.raises(Offline, match="none is named")
    with Client(settings=nowhere) as client, unnamed as caught:
        client.load(pin(zoo, "org/plain"))
    assert "ZOOCLIENT_HF_MIRRORS" in (caught.value.hint or "")
    assert zoo.requests == []


def test_a_file_that_nothing_proves_never_comes_from_a_mirror(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """Where the record states no digest a mirror gives no byte, whatever may be taken unverified from the zoo."""
    record = only(folder, "v1/records/*/*/*.json")
    bare = [file | {"digests": {}} for file in json.loads(record.read_text())["files"]]
    edit(record, files=bare)
    with Served(folder) as served:
        for number, place in enumerate((served.url, str(folder))):
            with reader(zoo, tmp_path / str(number), place, "only") as client:
                with pytest.raises(IntegrityError, match="no mirror can prove"):
                    client.download(pin(zoo), allow_unverified=True)
                with pytest.raises(IntegrityError):
                    client.download(pin(zoo))
        assert not any("/blobs/" in path for path in served.paths)


def test_the_air_gap_in_a_loop(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """The async client asks mirrors natively and takes the same bytes."""

    async def walk() -> None:
        async with AsyncClient(settings=reader(zoo, tmp_path / "home", served.url, "only").settings) as client:
            assert (await client.load(pin(zoo))).path.is_dir()
            with pytest.warns(StaleWarning):
                assert str((await client.resolve(MOVING)).ref) == pin(zoo)

    asyncio.run(walk())
    assert zoo.requests == []


# -- what it is believed --------------------------------------------------------------------------


def test_what_one_endpoint_said_is_not_served_as_anothers_answer(
    zoo: LocalZoo, served: Served, models: Path, tmp_path: Path
) -> None:
    """A mirror of one server's models knows nothing of another server's, though the ids and commits be the same."""
    home, unknown = tmp_path / "home", pytest.raises(Offline)
    with LocalZoo(models) as other, reader(other, home, served.url, "only") as client, unknown:
        client.load(pin(zoo))


def test_a_mirror_of_a_project_file_gives_bytes_and_no_word(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """A cloned repository cannot say what a pin holds: its mirror gives proven bytes, and is asked nothing else."""
    with reader(zoo, tmp_path / "home", served.url, trusted=False) as client:
        client.load(pin(zoo))
    assert byte_requests(zoo) == []
    with reader(zoo, tmp_path / "other", served.url, "only", trusted=False) as client:
        with pytest.raises(Offline) as caught:
            client.load(pin(zoo))
        assert "ZOOCLIENT_HF_MIRRORS" in (caught.value.hint or "")
    assert not any("/records/" in path or "/refs/" in path for path in served.paths)


def test_a_reference_with_a_content_digest_holds_a_mirror_to_it(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """Where a lock names the content, a mirror cannot even invent a whole model."""
    with reader(zoo, tmp_path / "home", served.url, "only") as client:
        digest = client.download(pin(zoo)).content_digest
    with reader(zoo, tmp_path / "other", served.url, "only") as client:
        assert client.download(f"{pin(zoo)}#{digest.replace(':', '=')}").content_digest == digest
    record = only(tmp_path / "mirror", "v1/records/*/*/*.json")
    files = [file for file in json.loads(record.read_text())["files"] if file["path"] != "config.json"]
    edit(record, files=files)
    with reader(zoo, tmp_path / "third", served.url, "only") as client, pytest.raises(IntegrityError, match="digest"):
        client.download(f"{pin(zoo)}#{digest.replace(':', '=')}")


BLOB = "/blobs/"
LISTING = "/manifests/"

BAD_LUCK: dict[str, Prank] = {
    "lies": flipped(BLOB),
    "has files of another size": body(b"x" * 2_000_000, of=BLOB),
    "is cut": body(b"short", of=BLOB, length=2_000_000),
    "lacks the files": status(404, of=BLOB),
    "lacks the model": status(404),
    "is forbidden": status(403),
    "wants a login": status(401),
    "is broken": status(500),
    "has a page in its place": body(b"<html>Log in</html>"),
    "lists nonsense": body(b'{"format": 1}', of=LISTING),
    "is of a later format": body(b'{"format": 99}', of=LISTING),
    "sends us elsewhere": status(302, of=LISTING, location="http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("name", BAD_LUCK)
def test_with_first_a_mirror_that_fails_costs_nothing_but_time(
    zoo: LocalZoo, served: Served, tmp_path: Path, name: str
) -> None:
    """Whatever is wrong with the mirror, the zoo's bytes are taken, and the model is whole and right."""
    served.prank = BAD_LUCK[name]
    with reader(zoo, tmp_path / "home", served.url) as client:
        snapshot = client.download(pin(zoo))
        assert client.verify(snapshot).ok
    assert len(byte_requests(zoo)) >= len(snapshot.files)


@pytest.mark.parametrize("name", BAD_LUCK)
def test_with_only_a_mirror_that_fails_is_a_clear_error(
    zoo: LocalZoo, served: Served, tmp_path: Path, name: str
) -> None:
    """The same with nobody else to ask: a sentence with a hint, nothing half visible, and no zoo is asked."""
    served.prank = BAD_LUCK[name]
    with reader(zoo, tmp_path / "home", served.url, "only") as client, pytest.raises(ZooError) as caught:
        client.load(pin(zoo))
    assert caught.value.exit_code in (3, 4, 5, 7)
    assert "mirror" in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint
    assert list((tmp_path / "home").glob("v1/snapshots/**/*.json")) == []
    assert zoo.requests == []


def test_a_mirror_that_is_down_is_passed_by(zoo: LocalZoo, tmp_path: Path) -> None:
    """Nobody at the mirror's address: first goes on with the zoo, only says so."""
    with reader(zoo, tmp_path / "home", nobody()) as client:
        assert client.load(pin(zoo)).path.is_dir()
    with reader(zoo, tmp_path / "other", nobody(), "only") as client, pytest.raises(NetworkError, match="refuse"):
        client.load(pin(zoo))


def test_a_second_mirror_is_asked_when_the_first_has_nothing(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """Mirrors are asked in the order in which they are named, served or not."""
    (tmp_path / "empty").mkdir()
    settings = reader(zoo, tmp_path / "home", served.url, "only").settings
    places = (nobody(), str(tmp_path / "empty"), served.url)
    named = evolve(settings.zoo("hf"), mirrors=places)
    with Client(settings=evolve(settings, zoos={"hf": named})) as client:
        assert client.load(pin(zoo)).path.is_dir()


def test_what_the_zoo_said_is_told_and_not_that_the_mirror_has_nothing_either(
    zoo: LocalZoo, served: Served, tmp_path: Path
) -> None:
    """When both fail, the error is the zoo's, whichever was asked last."""
    served.prank = status(404)
    zoo.fail("*.safetensors", Status(403, times=None))
    for policy in ("first", "fallback"):
        with reader(zoo, tmp_path / policy, served.url, policy) as client, pytest.raises(ZooError) as caught:
            client.load(pin(zoo))
        assert caught.value.exit_code == 4, policy


# -- hostile mirrors ------------------------------------------------------------------------------


def hostile_record(folder: Path, name: str) -> None:
    path = only(folder, "v1/records/*/*/*.json")
    data = json.loads(path.read_text())
    if name == "climbs":
        data["files"][0]["path"] = "../../../climbed"
    elif name == "is absolute":
        data["files"][0]["path"] = "/tmp/climbed"
    elif name == "lists twice":
        data["files"].append(data["files"][0])
    elif name == "is another model's":
        data["ref"] = data["requested"] = data["ref"].replace("org/tiny", "org/other")
    elif name == "is another revision's":
        data["ref"] = data["ref"].partition("@")[0] + "@" + "0" * 40
    elif name == "is of another shape":
        data["files"] = None
    elif name == "has a negative size":
        data["files"][0]["size"] = -1
    path.write_text("[" * 100_000 if name == "is nested" else "{" if name == "is cut" else json.dumps(data))
    if name == "is enormous":
        with path.open("r+b") as file:
            file.truncate((32 << 20) + 1)


HOSTILE = (
    "climbs",
    "is absolute",
    "lists twice",
    "is another model's",
    "is another revision's",
    "is of another shape",
    "has a negative size",
    "is nested",
    "is cut",
    "is enormous",
)


@pytest.mark.parametrize("kind", ["served", "folder"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_refused_and_nothing_is_written(
    zoo: LocalZoo, served: Served, tmp_path: Path, name: str, kind: str
) -> None:
    """A record that climbs, lies about whose it is, or has another shape: a clear error, and no file anywhere."""
    hostile_record(tmp_path / "mirror", name)
    place = served.url if kind == "served" else str(tmp_path / "mirror")
    with reader(zoo, tmp_path / "home", place, "only") as client, pytest.raises(ZooError) as caught:
        client.load(pin(zoo))
    assert caught.value.exit_code in (5, 7)
    assert "Traceback" not in caught.value.message
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
    assert list(tmp_path.rglob("climbed")) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_a_listing_that_climbs_or_names_other_contents_gives_no_byte(
    zoo: LocalZoo, served: Served, tmp_path: Path, policy: str
) -> None:
    """A listing is held to the record: other digests, foreign names and a digest that is a path are refused."""
    listing = only(tmp_path / "mirror", "v1/manifests/*/*/*.json")
    files = json.loads(listing.read_text())["files"]
    for number, change in enumerate(({"path": "../x"}, {"sha256": "../../../../etc/passwd"}, {"sha256": "0" * 64})):
        edit(listing, files=[file | change for file in files])
        with reader(zoo, tmp_path / f"{policy}-{number}", served.url, policy) as client:
            if policy == "only":
                with pytest.raises(ZooError):
                    client.load(pin(zoo))
            else:
                assert client.load(pin(zoo)).path.is_dir()
    assert not any("passwd" in path for path in served.paths)


def test_a_folder_with_a_wrong_content_or_a_pipe_gives_no_byte(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """A blob that is not what its name says, and one that is no ordinary file, are passed by; only says which."""
    sizes = {path: path.stat().st_size for path in folder.glob("v1/blobs/sha256/*/*")}
    large = max(sizes, key=lambda path: sizes[path])
    large.chmod(0o644)
    large.write_bytes(b"x" * sizes[large])
    with reader(zoo, tmp_path / "home", str(folder)) as client:
        assert client.verify(client.download(pin(zoo))).ok
    with reader(zoo, tmp_path / "other", str(folder), "only") as client, pytest.raises(IntegrityError):
        client.load(pin(zoo))
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with a name")
    large.unlink()
    os.mkfifo(large)
    odd = pytest.raises(IntegrityError, match="ordinary")
    with reader(zoo, tmp_path / "third", str(folder), "only") as client, odd:
        client.load(pin(zoo))


def test_a_moving_name_that_means_no_pin_is_refused(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """A mirror whose names lead to names, to paths, or to nothing is not followed."""
    for path in (tmp_path / "mirror").glob("v1/refs/*/*/*.json"):
        edit(path, revision="../../../x")
    with reader(zoo, tmp_path / "home", served.url, "only") as client, pytest.raises(IntegrityError, match="no pin"):
        client.resolve(MOVING)
    assert not (tmp_path / "home").exists()


# -- no credential --------------------------------------------------------------------------------


def test_no_token_ever_goes_to_a_mirror(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """Behind the zoo's own origin even, where the zoo gets its token, a mirror gets none: for no kind of file."""
    with Served(folder, below="/mirror", behind=zoo.endpoints["hf"]) as gate:
        options = {"endpoint": gate.origin, "token": zoo.tokens["hf"]}
        with reader(zoo, tmp_path / "maker too", gate.url, **options) as client, pytest.warns(UnpinnedWarning):
            client.mirror(folder, MOVING)
        gate.asked.clear()
        with reader(zoo, tmp_path / "home", gate.url, **options) as client:
            client.load(pin(zoo))
        to_zoo = [headers for path, headers in gate.asked if not path.startswith("/mirror/")]
        to_mirror = [(path, headers) for path, headers in gate.asked if path.startswith("/mirror/")]
        assert any("authorization" in headers for headers in to_zoo)
        assert {path.split("/")[3] for path, _ in to_mirror} == {"manifests", "blobs"}
        assert not any("authorization" in headers for _, headers in to_mirror)
        gate.prank = status(503, of="/api/")
        gate.asked.clear()
        with reader(zoo, tmp_path / "other", gate.url, **options) as client, pytest.warns(StaleWarning):
            client.resolve(MOVING)
        asked = [(path, headers) for path, headers in gate.asked if path.startswith("/mirror/")]
        assert {path.split("/")[3] for path, _ in asked} == {"refs", "records"}
        assert not any("authorization" in headers for _, headers in asked)


def test_no_token_goes_where_a_mirror_sends_us(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """A mirror that redirects to the zoo itself does not make us ask it with the token, either."""
    there = f"{zoo.endpoints['hf']}/org/tiny/resolve/{zoo.head('org/tiny')}/{WEIGHTS}"
    weights = max((tmp_path / "mirror").glob("v1/blobs/sha256/*/*"), key=lambda path: path.stat().st_size).name
    served.prank = status(302, of=weights, location=there)
    with reader(zoo, tmp_path / "home", served.url, token=zoo.tokens["hf"]) as client:
        client.load(pin(zoo))
    followed = [seen for seen in zoo.requests if seen.path.endswith(WEIGHTS)]
    assert followed
    assert not any("authorization" in seen.headers for seen in followed)
    assert any("authorization" in seen.headers for seen in zoo.requests)


def test_with_only_a_mirror_cannot_send_us_to_the_zoo(zoo: LocalZoo, served: Served, tmp_path: Path) -> None:
    """The air gap holds where a mirror redirects to the zoo: it is refused before a connection is made."""
    there = f"{zoo.endpoints['hf']}/org/tiny/resolve/main/{WEIGHTS}"
    served.prank = status(302, of=BLOB, location=there)
    with reader(zoo, tmp_path / "home", served.url, "only") as client, pytest.raises(Offline, match="mirror-policy"):
        client.load(pin(zoo))
    assert zoo.requests == []


def test_with_only_a_mirror_at_the_zoos_own_origin_is_refused(zoo: LocalZoo, tmp_path: Path) -> None:
    """Who closes the zoo's origin and names a mirror there is told so."""
    place = f"{zoo.endpoints['hf']}/mirror"
    with reader(zoo, tmp_path / "home", place, "only") as client, pytest.raises(ConfigError, match="origin"):
        client.load(pin(zoo))


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ("", "nothing"),
        ("http://models.example/m", "plain http"),
        ("https://me:secret@models.example", "user info"),
        ("ftp://models.example", "http"),
    ],
)
def test_an_address_that_cannot_be_a_mirror_is_refused_at_once(mirror: str, said: str) -> None:
    """Plain http to another machine, user info and other schemes are a ConfigError that shows no secret."""
    with pytest.raises(ConfigError, match=said) as caught:
        Settings(zoos={"hf": ZooSettings(mirrors=(mirror,))})
    assert "secret" not in str(caught.value)


def test_a_policy_that_does_not_exist_is_refused_with_those_that_do() -> None:
    """A misspelt policy must not mean the default."""
    with pytest.raises(ConfigError) as caught:
        Settings(zoos={"hf": ZooSettings(mirror_policy="always")})
    assert "first, fallback, only" in (caught.value.hint or "")
