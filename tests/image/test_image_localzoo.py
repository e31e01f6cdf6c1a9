"""The images of a local zoo's models: every form in which they are made, and every way to be asked."""

from __future__ import annotations

import base64
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagekit import member, tar

from zooclient import Client
from zooclient.errors import AccessError, IntegrityError, NetworkError
from zooclient.settings import Limits, Settings
from zooclient.testing import Cut, Flip, LocalZoo, Status

MODEL = "acme/tiny"
WEIGHTS = b"weights " * 5000
FILES = {"config.json": b'{"hidden_size": 8}', "README.md": b"# Tiny\n", "weights/model.safetensors": WEIGHTS}


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """A model at Replicate and its registry."""
    with LocalZoo(zoos=["replicate", "r8"]) as made:
        made.commit(MODEL, FILES)
        yield made


def client_of(zoo: LocalZoo, home: Path, *, login: bool = True) -> Client:
    tokens = zoo.tokens if login else {"replicate": zoo.tokens["replicate"]}
    return Client(home=home, endpoints=zoo.endpoints, tokens=tokens)


def pin(zoo: LocalZoo) -> str:
    return f"replicate:{MODEL}@{zoo.replicate.version(MODEL)}"


@pytest.mark.parametrize("types", ["oci", "docker"])
@pytest.mark.parametrize("weights", ["marked", "linked", "inside", "managed"])
@pytest.mark.parametrize("packing", ["tar", "gzip"])
def test_every_form_of_an_image_gives_the_same_files(
    zoo: LocalZoo, tmp_path: Path, types: str, weights: str, packing: str
) -> None:
    """Wherever the weights lie in it, an image's files below /src are those that were put there."""
    zoo.r8.form(MODEL, types=types, weights=weights, packing=packing)
    with client_of(zoo, tmp_path) as client:
        snapshot = client.load(pin(zoo), weights="all")
        got = {file.path: (snapshot.path / file.path).read_bytes() for file in snapshot.files}
        path = "src/weights/weights/model.safetensors" if weights == "managed" else "src/weights/model.safetensors"
        assert got[path] == WEIGHTS
        assert got["src/config.json"] == FILES["config.json"]
        assert client.file(pin(zoo), path).read_bytes() == WEIGHTS


@pytest.mark.parametrize("labels", ["run.cog", "org.cogmodel", "none"])
def test_labels_of_every_age_are_read(zoo: LocalZoo, tmp_path: Path, labels: str) -> None:
    """What the labels tell becomes files; an image that Cog did not make has none, and says so."""
    zoo.r8.form(MODEL, labels=labels)
    with client_of(zoo, tmp_path) as client:
        record = client.plan(pin(zoo)).record
    names = {file.path for file in record.files}
    assert ({"openapi.json", "cog.yaml"} <= names) is (labels != "none")
    assert any("not made by Cog" in problem for problem in record.problems) is (labels == "none")


@pytest.mark.parametrize("challenge", ["Bearer", "Basic"])
@pytest.mark.parametrize("strangers", ["token", "open"])
@pytest.mark.parametrize("login", [True, False])
def test_every_way_to_be_asked_is_answered(
    zoo: LocalZoo, tmp_path: Path, challenge: Any, strangers: Any, login: bool
) -> None:
    """Strangers who may come in do, by whichever challenge."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, strangers
    with client_of(zoo, tmp_path, login=login) as client:
        assert client.load(pin(zoo), weights="all").files


@pytest.mark.parametrize("challenge", ["Bearer", "Basic"])
def test_a_registry_for_members_wants_a_login(zoo: LocalZoo, tmp_path: Path, challenge: Any) -> None:
    """Who is a stranger is told what helps, and who is logged in gets every byte."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, "no"
    with client_of(zoo, tmp_path / "stranger", login=False) as client:
        with pytest.raises(AccessError, match="not shown") as caught:
            client.plan(pin(zoo))
        assert "cog login" in (caught.value.hint or "")
    with client_of(zoo, tmp_path / "me") as client:
        assert client.load(pin(zoo), weights="all").files


@pytest.mark.parametrize("name", [("access_token",), ("token",)])
def test_either_name_of_a_token_is_taken(zoo: LocalZoo, tmp_path: Path, name: tuple[str, ...]) -> None:
    """Token services name what they give in two ways."""
    zoo.r8.rules.token_names = name
    with client_of(zoo, tmp_path) as client:
        assert client.load(pin(zoo)).files


def test_no_secret_leaves_its_origin(zoo: LocalZoo, tmp_path: Path) -> None:
    """Blobs that lie at the second origin are asked for there with no authorization at all."""
    with client_of(zoo, tmp_path) as client:
        client.load(pin(zoo), weights="all")
    elsewhere = [seen for seen in zoo.requests if (seen.zoo, seen.origin) == ("r8", "cdn")]
    assert elsewhere
    assert all("authorization" not in seen.headers for seen in elsewhere)
    at_home = [seen for seen in zoo.requests if (seen.zoo, seen.origin) == ("r8", "hub")]
    assert any(seen.headers.get("authorization", "").startswith("Bearer ") for seen in at_home)


def test_a_version_costs_two_requests_and_two(zoo: LocalZoo, tmp_path: Path) -> None:
    """Two at the API, and manifest and configuration at the registry; challenge, token and redirects stand apart."""
    with client_of(zoo, tmp_path) as client:
        client.load(pin(zoo))
    api = [seen for seen in zoo.requests if seen.zoo == "replicate"]
    served = [seen for seen in zoo.requests if seen.zoo == "r8" and seen.status == 200 and "/token" not in seen.path]
    assert (len(api), len(served)) == (2, 2)


def test_a_layer_that_somebody_put_on_top_is_read_with_care(zoo: LocalZoo, tmp_path: Path) -> None:
    """A further layer that climbs ends the download; one with links and a newer file hides what is below."""
    evil = tar({"src/../../evil": b"evil"})
    zoo.r8.form(MODEL, further=[further(evil)])
    with client_of(zoo, tmp_path / "evil") as client, pytest.raises(IntegrityError, match="climbs"):
        client.load(pin(zoo), weights="all")
    odd = tar({"src/config.json": b"{}"}, more=(member("src/link", tarfile.SYMTYPE, "/etc/passwd"),))
    zoo.r8.form(MODEL, further=[further(odd)])
    with client_of(zoo, tmp_path / "odd") as client:
        snapshot = client.load(pin(zoo), weights="all")
    assert (snapshot.path / "src/config.json").read_bytes() == b"{}"
    assert any("1 links" in problem for problem in snapshot.record.problems)


def further(archive: bytes) -> Any:
    """A layer on top."""
    from zooclient.testing.registry import Further

    return Further(archive)


def test_bytes_that_rot_on_the_way_are_refused(zoo: LocalZoo, tmp_path: Path) -> None:
    """A layer that arrives with another byte is an IntegrityError, and leaves nothing behind."""
    zoo.r8.form(MODEL, weights="linked")
    with client_of(zoo, tmp_path) as client:
        plan = client.plan(pin(zoo), weights="all")
        zoo.fail("weights/model.safetensors", Flip(), zoo="r8")
        with pytest.raises(IntegrityError):
            client.download(plan)
    assert not list(tmp_path.rglob("model.safetensors"))


def test_a_layer_that_is_cut_is_carried_on(zoo: LocalZoo, tmp_path: Path) -> None:
    """A connection that closes in the midst of a layer costs only what is missing."""
    zoo.r8.form(MODEL, weights="linked")
    zoo.fail("weights/model.safetensors", Cut(20_000), zoo="r8")
    with client_of(zoo, tmp_path) as client:
        snapshot = client.load(pin(zoo), weights="all")
    assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("first", ["Basic", "Bearer"])
@pytest.mark.parametrize("challenge", ["Basic", "Bearer"])
def test_a_registry_that_asks_in_both_ways_at_once_is_answered(
    zoo: LocalZoo, tmp_path: Path, challenge: Any, first: str
) -> None:
    """A 401 that offers Basic and Bearer in one header ends in every byte, whichever of the two then counts."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, "no"
    ways = ['Basic realm="r8"', f'Bearer realm="{zoo.endpoints["r8"]}/token",service="r8.im",scope="{SCOPE}"']
    told = ", ".join(ways if first == "Basic" else reversed(ways))
    zoo.fail("/v2/*", Status(401, headers={"www-authenticate": told}, times=1), zoo="r8")
    with client_of(zoo, tmp_path) as client:
        assert client.load(pin(zoo), weights="all").files
    login = base64.b64encode(zoo.tokens["r8"].encode()).decode()
    assert all(seen.origin == "hub" for seen in zoo.requests if login in seen.headers.get("authorization", ""))


def test_a_layer_that_is_cut_for_ever_is_told_and_carried_on_later(zoo: LocalZoo, tmp_path: Path) -> None:
    """Where a line breaks at each try, nothing is visible; the next run asks for what is missing alone."""
    zoo.r8.form(MODEL, weights="linked")
    settings = Settings(failover=False, limits=Limits(retries=2, backoff_base=0.01, backoff_max=0.02))
    with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens, settings=settings) as client:
        zoo.fail("weights/model.safetensors", Cut(20_000), zoo="r8")
        zoo.fail("weights/model.safetensors", Status(0, times=None), zoo="r8")
        with pytest.raises(NetworkError) as caught:
            client.load(pin(zoo), weights="all")
        assert (caught.value.zoo, caught.value.hint is not None) == ("replicate", True)
        assert not list(tmp_path.rglob("model.safetensors"))
        zoo.heal()
        zoo.forget()
        snapshot = client.load(pin(zoo), weights="all")
    assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == WEIGHTS


def _header(archive: bytes, at: int, text: bytes) -> bytes:
    """An archive with other bytes in its first header, whose checksum agrees."""
    head = bytearray(archive[:512])
    head[at : at + len(text)] = text
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + archive[512:]


PLAIN = tar({"src/a.bin": b"a" * 600}, form=tarfile.USTAR_FORMAT)
SCOPE = f"repository:{MODEL}:pull"


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        pytest.param(_header(PLAIN, 124, b"00000077777\0"), "midst|cut|ends", id="promises more than follows"),
        pytest.param(_header(PLAIN, 124, b"77777777777\0"), "midst|cut|ends|more", id="promises eight gigabytes"),
        pytest.param(_header(PLAIN, 124, b"\xff" * 12), "size", id="a size below nothing"),
        pytest.param(_header(PLAIN, 124, b"99999999999\0"), "size|number|octal", id="a size that is no number"),
        pytest.param(_header(PLAIN, 124, b"00000000010\0"), "archive|header|checksum", id="promises less than follows"),
        pytest.param(PLAIN[:700], "midst|cut|ends", id="cut in a file"),
        pytest.param(tar({"src/a": b"a", "src/./a": b"b"}), "twice|part", id="a name twice"),
        pytest.param(tar({"src/..": b"x"}), "climbs", id="climbs by its last part"),
        pytest.param(tar({"..": b"x"}), "climbs", id="is the folder above"),
    ],
)
def test_a_tar_that_lies_ends_the_download(zoo: LocalZoo, tmp_path: Path, archive: bytes, said: str) -> None:
    """Whatever a layer claims of its files, the download ends in a sentence, nothing is visible, and the rest works."""
    zoo.r8.form(MODEL, further=[further(archive)])
    with client_of(zoo, tmp_path) as client:
        with pytest.raises(IntegrityError, match=said) as caught:
            client.load(pin(zoo), weights="all")
        assert caught.value.hint and caught.value.zoo == "replicate" and caught.value.ref == pin(zoo)
        assert not [path for path in (tmp_path / "v1" / "snapshots").rglob("*") if path.is_file()]
        assert client.load(pin(zoo)).files, "its documents are had all the same"
