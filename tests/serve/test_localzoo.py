"""The embedded zoo: the Hub's shape, and what its owners do."""

from __future__ import annotations

import gc
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from served_models import safetensors, tiny, write
from support import recorded

from zooclient.testing import LocalZoo, Stall

_LARGE = "/org/tiny/resolve/main/model.safetensors"
_SMALL = "/org/tiny/resolve/main/config.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one model."""
    write(tmp_path / "served", "org/tiny", tiny())
    return tmp_path / "served"


@pytest.fixture
def zoo(root: Path) -> Iterator[LocalZoo]:
    """That folder, served."""
    with LocalZoo(root) as zoo:
        yield zoo


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    """A stranger who follows no redirect by itself."""
    with httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as client:
        yield client


def test_git_files_go_through_a_relative_307(web: httpx.Client, zoo: LocalZoo) -> None:
    """A git file is redirected within the origin; both answers tell commit and digest, as the Hub's do."""
    first = web.get(_SMALL)
    assert first.status_code == 307
    commit = zoo.head("org/tiny")
    assert first.headers["location"].startswith(f"/api/resolve-cache/models/org/tiny/{commit}/config.json?")
    second = web.get(first.headers["location"])
    assert second.status_code == 200
    assert second.content == tiny()["config.json"]
    blob = b"blob %d\0" % len(second.content) + second.content
    for answer in (first, second):
        assert answer.headers["x-repo-commit"] == commit
        assert answer.headers["etag"] == f'"{hashlib.sha1(blob).hexdigest()}"'


def test_large_files_go_to_another_origin_by_a_signed_link(web: httpx.Client, zoo: LocalZoo) -> None:
    """A large file is redirected to the byte origin, whose entity tag looks like its sha256 and is another."""
    first = web.get(_LARGE)
    content = tiny()["model.safetensors"]
    sha256 = hashlib.sha256(content).hexdigest()
    assert first.status_code == 302
    assert first.headers["x-linked-etag"] == f'"{sha256}"'
    assert first.headers["x-linked-size"] == str(len(content))
    link = first.headers["location"]
    assert link.startswith(zoo.byte_origin + "/")
    assert zoo.byte_origin != zoo.endpoints["hf"]
    second = web.get(link)
    assert second.content == content
    assert "x-repo-commit" not in second.headers
    etag = second.headers["etag"].strip('"')
    assert len(etag) == 64
    assert etag != sha256
    assert not [name for answer in (first, second) for name in answer.headers if "xet" in name.lower()]


@pytest.mark.parametrize("what", ["Signature", "Expires", "Policy"])
def test_a_link_that_was_touched_opens_nothing(web: httpx.Client, what: str) -> None:
    """The byte origin checks signature, time and grant of a link."""
    link = httpx.URL(web.get(_LARGE).headers["location"])
    told = link.params[what]
    assert web.get(link.copy_set_param(what, told[:-2] + ("99" if told[-2:] != "99" else "00"))).status_code == 403
    assert web.get(link.copy_remove_param(what)).status_code == 403
    assert web.get(str(link).replace("/xet-bridge-us/", "/xet-bridge-eu/")).status_code == 403


def test_a_link_ends(root: Path) -> None:
    """A link whose lifetime is over is refused."""
    with LocalZoo(root, link_lifetime=-1) as zoo, httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as web:
        assert web.get(web.get(_LARGE).headers["location"]).status_code == 403


def test_ranges_and_validators(web: httpx.Client) -> None:
    """Ranges, If-Range and If-None-Match hold at both origins."""
    content = tiny()["model.safetensors"]
    link = web.get(_LARGE).headers["location"]
    etag = web.get(link).headers["etag"]
    part = web.get(link, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    assert web.get(link, headers={"range": "bytes=-5"}).content == content[-5:]
    assert web.get(link, headers={"range": "bytes=20000-"}).content == content[20000:]
    assert web.get(link, headers={"range": "bytes=0-1", "if-range": etag}).status_code == 206
    assert web.get(link, headers={"range": "bytes=0-1", "if-range": '"other"'}).content == content
    beyond = web.get(link, headers={"range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    assert web.get(link, headers={"if-none-match": etag}).status_code == 304
    cached = web.get(_SMALL).headers["location"]
    assert web.get(cached, headers={"range": "bytes=2-11"}).content == tiny()["config.json"][2:12]
    head = web.head(link)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")


def test_every_answer_states_its_budget(root: Path) -> None:
    """Rate-limit headers have the Hub's form; a limit that was asked for is enforced."""
    form = recorded("huggingface", "resolve_head_307_resolve_cache_readme.json").read_text("utf-8")
    assert '\\"fixed window\\";\\"resolvers\\";q=3000;w=300' in form
    with (
        LocalZoo(root, limits={"resolvers": 2}) as zoo,
        httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as web,
    ):
        answers = [web.get(_SMALL) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [307, 307, 429]
        assert answers[1].headers["ratelimit-policy"] == '"fixed window";"resolvers";q=2;w=300'
        assert answers[2].headers["ratelimit"].startswith('"resolvers";r=0;t=')
        assert web.get("/api/models").headers["ratelimit"].startswith('"api";r=')


@pytest.mark.parametrize(
    "path",
    [
        "/org/tiny/resolve/main/..%2f..%2f..%2fetc%2fpasswd",
        "/org/tiny/resolve/main/%2e%2e/%2e%2e/secret.txt",
        "/org/tiny/resolve/main//etc/passwd",
        "/org/tiny/raw/main/..%5c..%5csecret.txt",
        "/..%2forg/tiny/resolve/main/config.json",
        "/org/tiny%2f..%2ftiny/resolve/main/config.json",
        "/api/models/org%2ftiny%2f..%2f..",
        "/api/models/../tiny",
        "/api/resolve-cache/models/org/tiny/main/..%2f..%2fsecret.txt",
        "/api/models/org/tiny/tree/main/..%2f..",
        "/org/tiny/resolve/main/config.json%00.png",
        "/org/tiny/resolve/%0d%0aX-Injected:%201/config.json",
    ],
)
def test_no_path_leaves_the_shelf(zoo: LocalZoo, root: Path, path: str) -> None:
    """Whatever is asked for, only files of a listing are answered, and no header is injected."""
    (root.parent / "secret.txt").write_text("secret")
    (root / "secret.txt").write_text("secret")
    address = urlsplit(zoo.endpoints["hf"])
    # By hand: a client would tidy the path first.
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    assert b"secret" not in answer.replace(b"secret.txt", b"")
    assert b"\nX-Injected" not in answer.partition(b"\r\n\r\n")[0]


def test_links_that_lead_out_are_left_out(zoo: LocalZoo, root: Path, web: httpx.Client) -> None:
    """A link in a model's folder hands out nothing from outside; one that stays inside is a file like any other."""
    (root.parent / "secret.txt").write_text("secret")
    (root / "org/tiny/leak.txt").symlink_to(root.parent / "secret.txt")
    (root / "org/tiny/alias.json").symlink_to("config.json")
    names = [entry["path"] for entry in web.get("/api/models/org/tiny/tree/main").json()]
    assert "alias.json" in names
    assert "leak.txt" not in names


def test_a_changed_folder_is_a_new_commit_and_the_old_one_stays(zoo: LocalZoo, root: Path, web: httpx.Client) -> None:
    """``main`` follows the folder; a state that was seen stays served; the same files are the same commit."""
    old = zoo.head("org/tiny")
    write(root, "org/tiny", {"config.json": b'{"changed": true}', "model.safetensors": safetensors(5000, 9)})
    new = zoo.head("org/tiny")
    assert new != old
    for revision, content in ((old, tiny()["config.json"]), ("main", b'{"changed": true}')):
        answer = web.get(f"/org/tiny/resolve/{revision}/config.json", follow_redirects=True)
        assert answer.content == content
    large = web.get(f"/org/tiny/resolve/{old}/model.safetensors", follow_redirects=True)
    assert large.content == tiny()["model.safetensors"]
    write(root, "org/tiny", tiny())
    assert zoo.head("org/tiny") == old


def test_models_come_and_go(zoo: LocalZoo, root: Path, web: httpx.Client) -> None:
    """A model that is put into the folder is there at once, and one that is taken out is gone."""
    write(root, "org/later", {"config.json": b"{}"})
    assert [row["id"] for row in web.get("/api/models").json()] == ["org/later", "org/tiny"]
    (root / "org/later/config.json").unlink()
    (root / "org/later").rmdir()
    assert [row["id"] for row in web.get("/api/models").json()] == ["org/tiny"]
    assert web.get("/api/models/org/later").headers["x-error-code"] == "RepoNotFound"


def test_names_of_revisions(zoo: LocalZoo, web: httpx.Client) -> None:
    """Branches, tags, pull requests, full and short commits name what they should, in both spellings."""
    first = zoo.head("org/tiny")
    zoo.tag("org/tiny", "v1")
    second = zoo.commit("org/tiny", {"new.txt": "x"})
    pull = zoo.commit("org/tiny", {"new.txt": "y"}, branch="refs/pr/3")
    zoo.branch("org/tiny", "a/b", "v1")
    for name, commit in {
        "main": second,
        "v1": first,
        first[:9]: first,
        "refs%2Fpr%2F3": pull,
        "refs/pr/3": pull,
        "a%2Fb": first,
        "a/b": first,
        "refs%2Fheads%2Fmain": second,
    }.items():
        assert web.get(f"/api/models/org/tiny/revision/{name}").json()["sha"] == commit
        assert web.get(f"/org/tiny/resolve/{name}/config.json").headers["x-repo-commit"] == commit
        assert web.get(f"/api/models/org/tiny/tree/{name}/onnx").json()
    zoo.branch("org/tiny", "main", "v1")
    assert zoo.head("org/tiny") == first
    zoo.drop_commit("org/tiny", second)
    assert web.get(f"/api/models/org/tiny/revision/{second}").headers["x-error-code"] == "RevisionNotFound"
    zoo.drop_commit("org/tiny", "main")
    assert web.get("/api/models").json() == []


def test_gates_hide_bytes_and_not_metadata(zoo: LocalZoo, web: httpx.Client) -> None:
    """Strangers get 401, known ones 403, those who were let in the bytes; messages are the Hub's own."""
    zoo.gate("org/tiny", "manual")
    token = {"authorization": f"Bearer {zoo.tokens['hf']}"}
    assert web.get("/api/models/org/tiny").json()["gated"] == "manual"
    assert web.get("/api/models/org/tiny/tree/main").status_code == 200
    stranger, known = web.get(_LARGE), web.get(_LARGE, headers=token)
    assert (stranger.status_code, known.status_code) == (401, 403)
    seen = recorded("huggingface", "resolve_head_401_gated.json").read_text("utf-8")
    told = stranger.headers["x-error-message"]
    assert told.replace("org/tiny", "meta-llama/Llama-3.1-8B-Instruct") in seen
    assert stranger.headers["x-error-code"] == known.headers["x-error-code"] == "GatedRepo"
    zoo.gate("org/tiny", "manual", pending=("me",))
    assert "awaiting a review" in web.get(_LARGE, headers=token).headers["x-error-message"]
    zoo.gate("org/tiny", "manual", readers=("me",))
    assert web.get(_LARGE, headers=token).status_code == 302
    other = zoo.add_account("other")
    assert web.get(_LARGE, headers={"authorization": f"Bearer {other}"}).status_code == 403
    zoo.gate("org/tiny", False)
    assert web.get(_LARGE).status_code == 302


def test_masked_digests(zoo: LocalZoo, web: httpx.Client) -> None:
    """Digests of a masked listing are asterisks to strangers, and whole to those who were let in."""
    zoo.gate("org/tiny", "auto", readers=("me",), masked=True)
    url = "/api/models/org/tiny/tree/main"
    hidden = {entry["path"]: entry for entry in web.get(url).json()}
    assert hidden["model.safetensors"]["lfs"]["oid"] == "*" * 64
    whole = web.get(url, headers={"authorization": f"Bearer {zoo.tokens['hf']}"}).json()
    assert all("*" not in entry["oid"] for entry in whole)


def test_missing_models_over_https_look_like_private_ones(root: Path) -> None:
    """With the switch, strangers get the bare 401 that the Hub sends; somebody known gets 404."""
    with LocalZoo(root, bare_401=True) as zoo, httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as web:
        zoo.hide("org/tiny")
        for model in ("org/tiny", "no/no"):
            answer = web.get(f"/api/models/{model}")
            assert answer.status_code == 401
            assert "x-error-code" not in answer.headers
            assert answer.json() == {"error": "Invalid username or password."}
        other = {"authorization": f"Bearer {zoo.add_account('other')}"}
        assert web.get("/api/models/org/tiny", headers=other).headers["x-error-code"] == "RepoNotFound"
        own = {"authorization": f"Bearer {zoo.tokens['hf']}"}
        assert web.get("/api/models/org/tiny", headers=own).json()["private"] is True


def test_renames_answer_307(zoo: LocalZoo, web: httpx.Client) -> None:
    """An older name, a name without owner and another case lead to the model, whose stable id stays."""
    stable = web.get("/api/models/org/tiny").json()["_id"]
    zoo.rename("org/tiny", "new/home")
    zoo.rename("tiny", "new/home")
    for name in ("org/tiny", "tiny", "NEW/Home"):
        answer = web.get(f"/api/models/{name}/tree/main?recursive=true")
        assert answer.status_code == 307
        assert answer.headers["location"] == "/api/models/new/home/tree/main?recursive=true"
    moved = web.get("/api/models/org/tiny", follow_redirects=True).json()
    assert (moved["id"], moved["_id"]) == ("new/home", stable)
    assert web.get("/org/tiny/resolve/main/config.json").headers["location"] == "/new/home/resolve/main/config.json"
    assert web.get(_LARGE, follow_redirects=True).content == tiny()["model.safetensors"]
    zoo.rename("new/home", "org/tiny")
    assert [row["id"] for row in web.get("/api/models").json()] == ["org/tiny"]
    assert web.get("/api/models/new/home").headers["location"] == "/api/models/org/tiny"
    assert web.get("/api/models/tiny", follow_redirects=True).json()["_id"] == stable


def test_the_record_of_requests(zoo: LocalZoo, web: httpx.Client) -> None:
    """Every request is written down with origin, status and bytes sent by the time its answer is read."""
    web.get(_LARGE, follow_redirects=True, headers={"x-mine": "1"})
    hub, cdn = zoo.requests
    assert (hub.origin, hub.method, hub.path, hub.status) == ("hub", "GET", _LARGE, 302)
    assert (cdn.origin, cdn.status, cdn.sent) == ("cdn", 200, len(tiny()["model.safetensors"]))
    assert hub.headers["x-mine"] == "1"
    zoo.forget()
    assert zoo.requests == []


def test_an_empty_zoo_takes_commits(tmp_path: Path) -> None:
    """A zoo without a folder holds what is committed to it."""
    with LocalZoo() as zoo, httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as web:
        assert web.get("/api/models").json() == []
        zoo.commit("org/new", {"config.json": "{}", "weights.bin": b"12345"})
        zoo.demos("org/new", "org/demo")
        zoo.popularity("org/new", downloads=7, likes=3)
        row = web.get("/api/models").json()[0]
        assert (row["id"], row["downloads"], row["likes"]) == ("org/new", 7, 3)
        assert [space["id"] for space in web.get("/api/spaces?models=org/new").json()] == ["org/demo"]
        assert web.get("/api/spaces?models=org/other").json() == []
        assert web.get("/org/new/resolve/main/weights.bin", follow_redirects=True).content == b"12345"
        pointer = web.get("/org/new/raw/main/weights.bin").text
        assert pointer.endswith(f"oid sha256:{hashlib.sha256(b'12345').hexdigest()}\nsize 5\n")


@pytest.mark.parametrize("host", ["[bad", "a b", "x:99999999", "evil.example/path"])
def test_an_odd_host_is_not_repeated(zoo: LocalZoo, web: httpx.Client, host: str) -> None:
    """Absolute links are made from the host that a client named, if it is one, and from our own address if not."""
    named = web.get(_LARGE, headers={"host": "models.example:8000"}).headers["location"]
    assert named.startswith(f"http://models.example:{urlsplit(zoo.byte_origin).port}/")
    assert web.get(_LARGE, headers={"host": host}).headers["location"].startswith(zoo.byte_origin)


def test_harnesses_are_not_served(web: httpx.Client) -> None:
    """The official client's question about harnesses gets 404: any list would break it."""
    assert web.get("/api/agent-harnesses").status_code == 404


def test_other_methods_and_bodies_are_refused(web: httpx.Client) -> None:
    """What is not served is said, and a body without end is not read to the end."""
    assert web.delete("/api/models/org/tiny").status_code == 405
    assert web.post("/api/repos/nowhere", json={}).status_code == 404
    url = "/api/models/org/tiny/paths-info/main"
    assert web.post(url, json={"paths": ["config.json", "onnx"]}).json()[1]["type"] == "directory"
    assert web.post(url, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert web.post(url, json={"paths": {"a": 1}}).status_code == 400
    assert web.post(url, content=bytes(5 * 1024 * 1024)).status_code == 413


def test_it_stops_at_once_and_leaves_nothing(root: Path) -> None:
    """Stopping takes less than half a second with a stalled download and idle connections, and warns of nothing."""
    before = set(threading.enumerate())
    zoo = LocalZoo(root)
    zoo.start()
    zoo.fail("*.safetensors", Stall(after=10))
    with httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False, timeout=30) as web:
        web.get("/api/models")
        failures: list[str] = []

        def download() -> None:
            try:
                web.get(_LARGE, follow_redirects=True)
            except httpx.TransportError as error:
                failures.append(type(error).__name__)

        other = threading.Thread(target=download)
        other.start()
        while not any(seen.origin == "cdn" and seen.sent for seen in zoo.requests):
            other.join(0.01)
        began = time.perf_counter()
        zoo.stop()
        assert time.perf_counter() - began < 0.5
        other.join(10)
    assert failures == ["RemoteProtocolError"] or failures == ["ReadError"]
    zoo.stop()
    gc.collect()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "zooclient-serve"]


def test_a_reader_who_leaves_disturbs_nobody(root: Path) -> None:
    """A client that closes its connection in the middle of a large file leaves no open file and no running answer."""
    write(root, "org/tiny", {"model.safetensors": bytes(32 * 1024 * 1024)})
    with LocalZoo(root) as zoo, httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as web:
        link = web.get(_LARGE).headers["location"]
        for _ in range(3):
            with web.stream("GET", link) as answer:
                next(answer.iter_raw(1000))
        assert web.get(link).status_code == 200
    gc.collect()


def test_several_at_a_time(root: Path) -> None:
    """Zoos do not know of each other: a link of one opens nothing at another."""
    with LocalZoo(root) as one, LocalZoo(root) as two, httpx.Client(trust_env=False) as web:
        link = web.get(one.endpoints["hf"] + _LARGE).headers["location"]
        assert web.get(link).status_code == 200
        assert web.get(link.replace(one.byte_origin, two.byte_origin)).status_code == 403
        assert one.tokens != two.tokens
        assert [seen.status for seen in two.requests] == [403]
