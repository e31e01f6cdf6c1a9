"""Publishing where something goes wrong: taken, forbidden, full, cut, killed, changed, made too visible."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve, field, frozen
from publishkit import CARD, model_folder, safetensors, sent_contents, writes

import zooclient
from zooclient import Cancel, Client
from zooclient.errors import (
    AccessError,
    Cancelled,
    ConfigError,
    IntegrityError,
    PolicyError,
)
from zooclient.serve.exchange import Answer, Question, text_answer
from zooclient.serve.faults import Fault, Handler
from zooclient.testing import LocalZoo

#: The zoos' own clients send the files.
pytestmark = pytest.mark.official

#: Path at which a commit is made, at each zoo.
COMMIT = "*/commit/*"


@pytest.fixture(params=["hf", "modelscope"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zoo(scheme: str) -> Iterator[LocalZoo]:
    with LocalZoo(zoos=(scheme,)) as running:
        yield running


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as made:
        yield made


@frozen(kw_only=True)
class Before(Fault):
    """Something happens just before a request is taken, once."""

    act: Callable[[], object]
    done: list[bool] = field(factory=list)

    def refuse(self, question: Question) -> Answer | None:
        """Lets it happen."""
        if not self.done:
            self.done.append(True)
            self.act()
        return None

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Leaves the answer as it is."""
        return None


@frozen(kw_only=True)
class Held(Fault):
    """A request is held until it is let go, and then refused."""

    times: int | None = 1
    came: threading.Event = field(factory=threading.Event)
    go: threading.Event = field(factory=threading.Event)

    def refuse(self, question: Question) -> Answer | None:
        """Holds it."""
        self.came.set()
        self.go.wait(60)
        return text_answer("", status=503)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Leaves the answer as it is."""
        return None


@frozen(kw_only=True)
class Public(Fault):
    """The zoo says that a model is public, whatever it was asked to be."""

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Says so."""
        if answer.status != 200 or not isinstance(answer.body, bytes):
            return None
        told = json.loads(answer.body)
        told.get("Data", told).update({"Visibility": 5} if "Data" in told else {"private": False})
        return evolve(answer, body=json.dumps(told).encode())


def two_weights(parent: Path) -> Path:
    return model_folder(parent, second__safetensors=safetensors(2))


# -- refused ------------------------------------------------------------------------------------


def test_a_name_that_another_has_is_taken(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """A model that one may not see has its name all the same, and nothing is sent to it."""
    zoo.commit("me/taken", {"README.md": CARD})
    zoo.hide("me/taken", readers=())
    error, said = {
        "hf": (ConfigError, "The name hf:me/taken is taken"),
        "modelscope": (AccessError, "modelscope:me/taken is private"),
    }[scheme]
    with pytest.raises(error, match=said):
        client.publish(model_folder(tmp_path), f"{scheme}:me/taken", visibility="public")
    assert sent_contents(zoo) == []
    assert not any("/commit/" in what for what in writes(zoo))


def test_without_rights_nothing_is_made(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """Who may not write below a name is told, and where tokens are made."""
    with pytest.raises(AccessError) as caught:
        client.publish(model_folder(tmp_path), f"{scheme}:you/tiny", visibility="private")
    assert (caught.value.zoo, caught.value.operation) == (scheme, "publish")
    assert caught.value.access_url
    assert zoo.names() == ()


def test_a_token_that_may_only_read_makes_nothing(zoo: LocalZoo, scheme: str, tmp_path: Path) -> None:
    """A reading token is refused by the zoo, and the error says that rights are missing."""
    tokens = {scheme: zoo.add_account("reader", zoo=scheme)}
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=tokens) as client, pytest.raises(AccessError):
        client.publish(model_folder(tmp_path), f"{scheme}:reader/tiny", visibility="private")
    assert zoo.names() == ()


def test_over_quota_is_told_and_carried_on(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """An account without room is told so; with more room the same call goes through."""
    folder, ref = model_folder(tmp_path), f"{scheme}:me/tiny"
    zoo.huggingface.quota(100)
    with pytest.raises(AccessError, match="has no room") as caught:
        client.publish(folder, ref, visibility="private")
    assert "run it again" in str(caught.value.hint)
    zoo.huggingface.quota(None)
    (published,) = client.publish(folder, ref, visibility="private")
    assert published.verified


# -- cut, killed, stopped -----------------------------------------------------------------------


def test_a_killed_publication_is_carried_on(zoo: LocalZoo, scheme: str, tmp_path: Path) -> None:
    """After kill -9 nothing goes on behind anybody's back, and the next run sends only what is missing."""
    folder, ref = two_weights(tmp_path), f"{scheme}:me/tiny"
    held = Held()
    zoo.fail(COMMIT, held)
    name = scheme.upper()
    words = [sys.executable, "-m", "zooclient", "publish", str(folder), ref, "--private"]
    env = {
        "PYTHONPATH": str(Path(zooclient.__file__).parents[1]),
        "HOME": str(tmp_path),
        "ZOOCLIENT_HOME": str(tmp_path / "home"),
        f"ZOOCLIENT_{name}_ENDPOINT": zoo.endpoints[scheme],
        f"ZOOCLIENT_{name}_TOKEN": zoo.tokens[scheme],
    }
    process = subprocess.Popen(words, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert held.came.wait(60), process.communicate()
        process.kill()
        # Its helper holds the pipes; they close when it has gone, too.
        out, _ = process.communicate(timeout=30)
    finally:
        held.go.set()
        process.kill()
    assert out == b""
    assert len(sent_contents(zoo)) == 2
    zoo.forget()
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{ref}@{zoo.head('me/tiny', zoo=scheme)}\n"
    assert sent_contents(zoo) == []


def test_it_can_be_stopped(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """A wish to stop ends the zoo's own client, and nothing is committed."""
    held, cancel = Held(), Cancel()
    zoo.fail(COMMIT, held)

    def stop() -> None:
        held.came.wait(60)
        cancel.cancel()

    threading.Thread(target=stop).start()
    try:
        with pytest.raises(Cancelled):
            client.publish(model_folder(tmp_path), f"{scheme}:me/tiny", visibility="private", cancel=cancel)
    finally:
        held.go.set()
    assert [seen for seen in zoo.requests if "/commit/" in seen.path and seen.status == 200] == []


# -- changed, made too visible, ignored ---------------------------------------------------------


def test_a_model_that_changed_since_the_plan_is_left(
    zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path
) -> None:
    """Nothing is put on top of what nobody looked at."""
    zoo.commit("me/tiny", {"README.md": CARD})
    plan = client.plan_publish(model_folder(tmp_path), f"{scheme}:me/tiny")
    zoo.commit("me/tiny", {"other.txt": "x"})
    with pytest.raises(IntegrityError, match="changed since it was looked at"):
        client.publish(plan)
    assert writes(zoo) == []


def test_a_branch_that_moves_while_files_are_sent_is_left(tmp_path: Path) -> None:
    """The Hub takes a commit only on top of the one that was looked at."""
    with (
        LocalZoo(zoos=("hf",)) as zoo,
        Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
    ):
        zoo.commit("me/tiny", {"README.md": CARD})
        zoo.fail("*/preupload/*", Before(act=lambda: zoo.commit("me/tiny", {"other.txt": "x"})))
        with pytest.raises(IntegrityError, match="Somebody changed hf:me/tiny meanwhile"):
            client.publish(model_folder(tmp_path), "hf:me/tiny")
        assert [title.path for title in zoo.requests if "/commit/" in title.path and title.status == 200] == []


def test_what_is_more_visible_than_asked_gets_no_file(
    zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path
) -> None:
    """A repository that was made public although it was asked to be private is found out before a file is sent."""
    zoo.fail("/api*/models/me/tiny", Public(method="GET"))
    with pytest.raises(PolicyError, match="is public although it was asked to be private; no file was sent"):
        client.publish(model_folder(tmp_path), f"{scheme}:me/tiny", visibility="private")
    assert len(writes(zoo)) == 1  # it was made


def test_modelscope_is_never_public_by_accident(tmp_path: Path) -> None:
    """Its client makes what it does not find, and makes it public; here it is made once, as visible as was said."""
    with (
        LocalZoo(zoos=("modelscope",)) as zoo,
        Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
    ):
        (published,) = client.publish(model_folder(tmp_path), "modelscope:me/tiny", visibility="private")
        assert published.visibility == "private"
        made = [json.loads(seen.body) for seen in zoo.requests if writes_model(seen.method, seen.path)]
        assert [(body["Visibility"], body["License"]) for body in made] == [(1, "Apache-2.0")]
        stranger = Client(home=tmp_path / "other", endpoints=zoo.endpoints)
        with stranger, pytest.raises(AccessError):
            stranger.resolve("modelscope:me/tiny")


def writes_model(method: str, path: str) -> bool:
    return (method, path) == ("POST", "/api/v1/models")


def test_a_file_that_the_zoo_ignores_is_found_out(tmp_path: Path) -> None:
    """What was published is looked up, and a file that is missing there is named."""
    with (
        LocalZoo(zoos=("hf",)) as zoo,
        Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
    ):
        zoo.commit("me/tiny", {".gitignore": "*.txt\n"})
        with pytest.raises(IntegrityError, match=r"is not what lies in the folder: notes\.txt"):
            client.publish(model_folder(tmp_path, notes__txt="x"), "hf:me/tiny")


def test_where_every_zoo_fails_each_is_told(zoo: LocalZoo, scheme: str, client: Client, tmp_path: Path) -> None:
    """The first failure is raised, and the others are its notes."""
    with pytest.raises(ConfigError) as caught:
        client.publish(model_folder(tmp_path), [f"{scheme}:me/tiny", f"{scheme}:me/other@nowhere"])
    assert [note.partition(":")[0] for note in caught.value.__notes__] == [scheme]
