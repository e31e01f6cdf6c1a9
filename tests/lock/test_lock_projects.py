"""A project over real sockets: models are added, locked, brought and loaded by name, and every change is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_shell import environment, typed

from zooclient import Client
from zooclient.errors import ConfigError, IntegrityError, NotFound, ZooError
from zooclient.lock.files import Project
from zooclient.settings import Settings
from zooclient.testing import Flip, LocalZoo

FILES: dict[str, bytes | str | None] = {
    "README.md": "---\nlicense: mit\nbase_model: org/base\n---\n# A model\n",
    "config.json": "{}",
    "model.safetensors": b"s" * 70_000,
    "pytorch_model.bin": b"p" * 70_000,
}


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo() as running:
        running.commit("org/name", FILES)
        running.commit("org/other", {**FILES, "model.safetensors": b"o" * 80_000})
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


def client_of(zoo: LocalZoo, folder: Path, home: str = "home", **options: Any) -> Client:
    settings = Settings.from_env({"HOME": str(folder.parent / "nobody")}, project=folder, surroundings=False)
    return Client(home=folder.parent / home, endpoints=zoo.endpoints, settings=settings, **options)


def locked(zoo: LocalZoo, folder: Path) -> None:
    with client_of(zoo, folder) as client:
        client.add("small", "hf:org/name@main", project=folder)
        client.add("other", "hf:org/other", files=["*.json"], groups=["dev"], project=folder)


def test_a_model_that_is_added_is_locked_to_every_byte(zoo: LocalZoo, folder: Path) -> None:
    """The project file gets the name, and the lock the pin and a sha256 of each chosen file, small ones as well."""
    locked(zoo, folder)
    project = Project.at(folder)
    assert [one.name for one in project.wanted()] == ["other", "small"]
    lock = project.lock()
    assert lock is not None
    small = lock.model("small")
    assert small is not None
    assert small.ref.revision == zoo.head("org/name")
    assert [file.path for file in small.files] == ["README.md", "config.json", "model.safetensors"]
    assert small.license == "MIT"
    assert small.base_models == ("hf:org/base",)
    assert small.origin == zoo.endpoints["hf"]


def test_locking_again_changes_nothing(zoo: LocalZoo, folder: Path) -> None:
    """A lock stays to the byte while the project is the same, though the branch has moved, and no zoo is asked."""
    locked(zoo, folder)
    before = (folder / "zoo.lock").read_bytes()
    zoo.commit("org/name", {"config.json": "{ }"})
    zoo.forget()
    with client_of(zoo, folder) as client:
        client.lock()
        client.lock(check=True)
    assert (folder / "zoo.lock").read_bytes() == before
    assert zoo.requests == []


def test_upgrading_moves_what_is_named_and_nothing_else(zoo: LocalZoo, folder: Path) -> None:
    """A model that is renewed is locked to what its name means now; the others stay."""
    locked(zoo, folder)
    for name in ("org/name", "org/other"):
        zoo.commit(name, {"config.json": "{ }"})
    with client_of(zoo, folder) as client:
        before = client.lock(check=True)
        after = client.lock(renew="small")
    assert before.model("other") == after.model("other")
    small = after.model("small")
    assert small is not None and small.ref.revision == zoo.head("org/name")


def test_a_frozen_sync_asks_for_bytes_alone(zoo: LocalZoo, folder: Path) -> None:
    """On a fresh machine, no zoo is asked what anything means: every request is for a locked file."""
    locked(zoo, folder)
    zoo.commit("org/name", {"config.json": "{ }"})
    zoo.forget()
    with client_of(zoo, folder, "fresh") as client:
        other, small = client.sync(frozen=True)
        assert small.snapshot.content_digest == client.lock(check=True).models[1].content_digest
        assert small.fetched == sum(file.size for file in small.snapshot.files)
    asked = {seen.path for seen in zoo.requests if seen.origin == "hub"}
    assert not any(path.startswith("/api/models") for path in asked), asked
    assert [file.path for file in other.snapshot.files] == ["config.json"]


def test_a_second_sync_opens_no_connection(zoo: LocalZoo, folder: Path) -> None:
    """What is held is found by the lock alone, also offline and after the zoo has gone."""
    locked(zoo, folder)
    with client_of(zoo, folder) as client:
        client.sync()
    zoo.forget()
    with client_of(zoo, folder, offline=True) as client:
        assert [one.fetched for one in client.sync(frozen=True)] == [0, 0]
        assert client.load("small").files == client.sync()[1].snapshot.files
    assert zoo.requests == []


def test_a_name_of_the_project_is_a_model(zoo: LocalZoo, folder: Path) -> None:
    """Every verb takes a name where it takes a reference, and means what is locked."""
    locked(zoo, folder)
    pin = zoo.head("org/name")
    zoo.commit("org/name", {"config.json": "{ }"})
    with client_of(zoo, folder, "fresh") as client:
        zoo.forget()
        assert client.load("small").ref.revision == pin
        assert not any(seen.path.startswith("/api/models/") for seen in zoo.requests)
        assert client.plan("small").bytes_to_fetch == 0
        assert client.file("small", "config.json").read_text() == "{}"
        assert client.resolve("small").ref.revision == pin
        assert client.card("small").license.spdx == "MIT"
        with pytest.raises(NotFound, match="neither a reference nor a model") as caught:
            client.load("smal")
        assert "small" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[models]\nsmall = "hf:org/name@v2"\n', "small is hf:org/name@v2 in the project"),
        ('[models]\nnew = "hf:org/name@main"\n', "new is in the project and not in the lock"),
        ('[models.small]\nref = "hf:org/name@main"\nfiles = ["*.json"]\n', "small wants other files"),
        ("[models]\n", "small is in the lock and not in the project"),
    ],
)
def test_a_lock_that_does_not_fit_is_told_and_nothing_is_fetched(
    zoo: LocalZoo, folder: Path, text: str, told: str
) -> None:
    """Where project and lock disagree, a frozen sync and a check end with exit 2 and name the model."""
    locked(zoo, folder)
    (folder / "zoo.toml").write_text(text)
    zoo.forget()
    with client_of(zoo, folder, "fresh") as client:
        for act in (lambda: client.sync(frozen=True), lambda: client.lock(check=True)):
            with pytest.raises(ConfigError, match=told) as caught:
                act()
            assert caught.value.exit_code == 2
    assert zoo.requests == []


def test_other_bytes_than_locked_are_refused(zoo: LocalZoo, folder: Path) -> None:
    """A server that sends something else gets nothing into a snapshot: exit 5."""
    locked(zoo, folder)
    zoo.fail("model.safetensors", Flip(times=None))
    with client_of(zoo, folder, "fresh", failover=False) as client, pytest.raises(IntegrityError) as caught:
        client.sync(frozen=True)
    assert caught.value.exit_code == 5
    assert list((folder.parent / "fresh").rglob("*.safetensors")) == []


@pytest.mark.parametrize("spoil", ["cut", "edit", "merge", "newer"])
def test_a_lock_that_cannot_be_read_stops_everything(zoo: LocalZoo, folder: Path, spoil: str) -> None:
    """A lock that was cut, edited, half merged or written by a later version: a clear error, and nothing is fetched."""
    locked(zoo, folder)
    path = folder / "zoo.lock"
    text = path.read_text()
    path.write_text(
        {
            "cut": text[: len(text) // 2],
            "edit": text.replace("  2  config.json", "  3  config.json"),
            "merge": text.replace("version = 1", "<<<<<<< ours\nversion = 1"),
            "newer": text.replace("version = 1", "version = 9"),
        }[spoil]
    )
    zoo.forget()
    with client_of(zoo, folder, "fresh") as client:
        for act in (lambda: client.sync(), lambda: client.load("small"), lambda: client.lock()):
            with pytest.raises(ZooError) as caught:
                act()
            assert caught.value.exit_code == (5 if spoil == "edit" else 2)
            assert caught.value.hint
    assert zoo.requests == []


def test_shards_together_are_everything_once(zoo: LocalZoo, folder: Path) -> None:
    """Each of n workers brings its share, and no model is brought twice."""
    locked(zoo, folder)
    with client_of(zoo, folder) as client:
        shares = [[one.name for one in client.sync(frozen=True, shard=(number, 3))] for number in (1, 2, 3)]
        assert sorted(name for share in shares for name in share) == ["other", "small"]
        assert max(map(len, shares)) == 1
        with pytest.raises(ConfigError, match="no shard 4 of 3"):
            client.sync(frozen=True, shard=(4, 3))


def test_groups_choose_what_is_brought(zoo: LocalZoo, folder: Path) -> None:
    """A group brings its models and those that are in none; a name brings one; what is not there is told."""
    locked(zoo, folder)
    with client_of(zoo, folder) as client:
        assert [one.name for one in client.sync(groups="dev")] == ["other", "small"]
        assert [one.name for one in client.sync(groups=[])] == ["small"]
        assert [one.name for one in client.sync(names="other")] == ["other"]
        with pytest.raises(NotFound, match="'nightly'"):
            client.sync(groups="nightly")
        with pytest.raises(NotFound, match="'bigger'"):
            client.sync(names="bigger")


def test_a_model_that_fails_to_lock_leaves_the_project_as_it_was(zoo: LocalZoo, folder: Path) -> None:
    """An add that cannot be finished writes neither file."""
    locked(zoo, folder)
    before = {path.name: path.read_bytes() for path in folder.glob("zoo.*")}
    with client_of(zoo, folder) as client:
        for name, ref in (("gone", "hf:org/missing"), ("../x", "hf:org/name")):
            with pytest.raises(ZooError):
                client.add(name, ref, project=folder)
    assert {path.name: path.read_bytes() for path in folder.glob("zoo.*")} == before


def test_a_hostile_project_sends_no_token_anywhere(zoo: LocalZoo, folder: Path) -> None:
    """A cloned project that names an endpoint of its own gets requests without the user's token."""
    locked(zoo, folder)
    (folder / "zoo.toml").write_text(
        f'[models]\nsmall = "hf:org/name@main"\n\n[zoos.hf]\nendpoint = "{zoo.endpoints["hf"]}"\n'
    )
    zoo.forget()
    environ = {"HOME": str(folder), "HF_TOKEN": "hf_secret", "ZOOCLIENT_HF_TOKEN": "hf_secret"}
    with Client(home=folder.parent / "fresh", settings=Settings.from_env(environ, project=folder)) as client:
        client.lock(renew="small")
        client.sync()
    assert zoo.requests
    assert not any("authorization" in seen.headers for seen in zoo.requests)


def test_on_the_command_line(zoo: LocalZoo, folder: Path) -> None:
    """add, lock, sync, tree, upgrade and remove print what can be piped, and end with the code that fits."""
    env = environment(folder.parent, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])

    def run(*words: str, code: int = 0) -> str:
        done = typed(*words, env=env, cwd=folder)
        assert done.returncode == code, done.stderr
        return done.stdout

    pin = f"hf:org/name@{zoo.head('org/name')}"
    assert run("add", "small", "hf:org/name@main") == f"{pin}\n"
    assert run("lock", "--check") == f"small\t{pin}\n"
    name, place = run("sync", "--frozen").strip().split("\t")
    assert name == "small" and (Path(place) / "model.safetensors").is_file()
    assert run("sync", "--frozen", "--offline", "--shard", "1/1").strip() == f"small\t{place}"
    assert json.loads(run("sync", "--json"))[0]["fetched"] == 0
    assert run("path", "small").strip() == place
    assert run("tree").splitlines() == [f"small  {pin}  {tree_size(folder)}  MIT", "└─ made from hf:org/base"]
    zoo.commit("org/name", {"config.json": "{ }"})
    assert run("upgrade") == f"small\t{pin}\thf:org/name@{zoo.head('org/name')}\n"
    (folder / "zoo.toml").write_text('[models]\nsmall = "hf:org/name@other"\n')
    assert run("lock", "--check", code=2) == ""
    assert run("sync", "--frozen", code=2) == ""
    run("remove", "small")
    assert run("lock") == ""
    assert run("sync", "--shard", "x", code=2) == ""


def tree_size(folder: Path) -> str:
    from zooclient.cli.output import human

    lock = Project.at(folder).lock()
    assert lock is not None
    return human(sum(file.size for file in lock.models[0].files))


def test_every_zoo_can_be_locked_and_brought_anew(zoo: LocalZoo, folder: Path) -> None:
    """The same model at four zoos: locked once, and brought by the lock alone to a machine that knows none of them."""
    refs = ["hf:org/name", "modelscope:org/name", zoo.civitai.ref("org/name"), zoo.replicate.ref("org/name")]
    with client_of(zoo, folder, tokens=zoo.tokens) as client:
        for ref in refs:
            client.add(ref.partition(":")[0], ref, project=folder)
        before = [model.content_digest for model in client.lock(check=True, project=folder).models]
    with client_of(zoo, folder, "fresh", tokens=zoo.tokens) as client:
        assert [one.snapshot.content_digest for one in client.sync(frozen=True)] == before
        zoo.forget()
        assert all(one.fetched == 0 for one in client.sync(frozen=True))
        assert zoo.requests == []


def test_pruning_keeps_what_a_lock_names(zoo: LocalZoo, folder: Path) -> None:
    """Of two revisions that are held and old, the one that a project's lock names stays, while the lock is there."""
    locked(zoo, folder)
    with client_of(zoo, folder) as client:
        client.sync()
        first = zoo.head("org/name")
        zoo.commit("org/name", {"config.json": "{ }"})
        client.download(f"hf:org/name@{zoo.head('org/name')}")
        removed = client.prune(older_than=timedelta(0)).snapshots
        assert zoo.head("org/name") in [entry.ref.revision for entry in removed]
        zoo.forget()
        assert client.load("small").ref.revision == first
        assert zoo.requests == []
        (folder / "zoo.lock").write_text("<<<<<<< ours\n")
        with pytest.raises(ConfigError, match="merge conflict"):
            client.prune(older_than=timedelta(0))
        (folder / "zoo.lock").unlink()
        assert first in [entry.ref.revision for entry in client.prune(older_than=timedelta(0)).snapshots]
