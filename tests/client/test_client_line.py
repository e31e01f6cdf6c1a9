"""One datum walks the whole line: reference, record, plan, transfer, snapshot, model."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from zooclient import (
    AccessError,
    Cancelled,
    Client,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    Plan,
    PolicyError,
    Ref,
    RefError,
    Reporter,
    StaleWarning,
    UnpinnedWarning,
    Unsupported,
)
from zooclient.testing import Cut, Flip, LocalZoo, Slow, Status

TINY = "hf:org/tiny@main"


@pytest.fixture
def make(zoo: LocalZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of the zoo with one home, and closes them when the test is over."""
    with ExitStack() as stack:

        def made(**options: Any) -> Client:
            return stack.enter_context(Client(**{"home": tmp_path / "home", "endpoints": zoo.endpoints, **options}))

        yield made


@pytest.fixture
def client(make: Callable[..., Client]) -> Client:
    return make()


def pin(zoo: LocalZoo, model: str = "org/tiny") -> str:
    return f"hf:{model}@{zoo.head(model)}"


def test_a_moving_name_loads_and_tells_its_pin(client: Client, zoo: LocalZoo) -> None:
    """A moving reference works, and the warning holds the pin to paste."""
    with pytest.warns(UnpinnedWarning) as caught:
        model = client.load(TINY)
    assert pin(zoo) in str(caught[0].message)
    assert Path(caught[0].filename) == Path(__file__), "the warning points at the caller's line"
    assert (model.path / "config.json").read_text() == '{"model_type": "tiny"}'
    assert str(model.ref) == pin(zoo)


def test_a_pinned_load_is_silent_and_leaves_out_copies(client: Client, zoo: LocalZoo) -> None:
    """A pinned load warns of nothing and does not fetch the same weights in a second format."""
    model = client.load(pin(zoo))
    names = sorted(file.path for file in model.files)
    assert names == ["README.md", "config.json", "model.safetensors", "sub dir/odd #name.txt"]
    assert not (model.path / "pytorch_model.bin").exists()


def test_a_cold_snapshot_costs_one_request_a_file_and_one_more(client: Client, zoo: LocalZoo) -> None:
    """A cold snapshot of N files costs at most N + 2 requests, redirects counted apart, and no HEAD."""
    snapshot = client.download(pin(zoo), weights="all")
    asked = [seen for seen in zoo.requests if seen.origin == "hub" and "resolve-cache" not in seen.path]
    assert all(seen.method == "GET" for seen in zoo.requests)
    assert len(asked) <= len(snapshot.files) + 2


def test_a_warm_pinned_load_asks_nobody(client: Client, zoo: LocalZoo) -> None:
    """A pinned model that is held loads when the zoo is gone."""
    first = client.load(pin(zoo))
    reference = pin(zoo)
    zoo.stop()
    assert client.load(reference).path == first.path


def test_a_warm_load_imports_nothing_heavy_and_opens_no_socket(client: Client, zoo: LocalZoo) -> None:
    """A warm pinned load, as a process, touches neither socket nor HTTP library."""
    client.load(pin(zoo))
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import zooclient
model = zooclient.Client(home={str(client.settings.home)!r}, endpoints={zoo.endpoints!r}).load({pin(zoo)!r})
heavy = {{"httpx", "urllib3", "huggingface_hub", "numpy", "yaml", "rich", "platformdirs", "filelock", "cattrs",
         "asyncio", "socket", "ssl", "logging"}} & set(sys.modules)
print(sorted(heavy), opened, (model.path / "config.json").exists())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] [] True", done.stdout


def test_strict_mode_refuses_a_moving_name_before_asking(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """In strict mode a moving revision is a policy error that says how to pin, and nothing is asked."""
    client = make(strict=True)
    with pytest.raises(PolicyError) as caught:
        client.load(TINY)
    assert caught.value.exit_code == 6
    assert "zooclient resolve" in (caught.value.hint or "")
    assert zoo.requests == []
    assert client.load(str(client.resolve(TINY).ref)).path.is_dir()


def test_a_moving_name_is_answered_from_the_store_when_the_zoo_is_gone(client: Client, zoo: LocalZoo) -> None:
    """With the zoo gone, a moving name means what it was last seen to mean, and the warning tells the age."""
    with pytest.warns(UnpinnedWarning):
        client.load(TINY)
    reference = pin(zoo)
    zoo.stop()
    with pytest.warns(StaleWarning) as caught:
        record = client.resolve(TINY)
    assert str(record.ref) == reference
    assert "ago" in str(caught[0].message)


def test_strict_mode_takes_no_stale_answer(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """In strict mode an unreachable zoo is a network error, whatever the store remembers."""
    make().resolve(TINY)
    strict = make(strict=True)
    zoo.stop()
    with pytest.raises(NetworkError):
        strict.resolve(TINY)


def test_offline_opens_nothing(client: Client, make: Callable[..., Client], zoo: LocalZoo) -> None:
    """Offline, what is not held is an Offline error, and no request arrives."""
    offline = make(offline=True)
    with pytest.raises(Offline):
        offline.load(pin(zoo))
    assert zoo.requests == []
    client.load(pin(zoo))
    zoo.forget()
    assert offline.load(pin(zoo)).path.is_dir()
    assert zoo.requests == []


def test_a_flipped_byte_is_refused_and_never_seen(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """A wrong byte ends in an integrity error, and no snapshot of the model exists."""
    zoo.fail("*.safetensors", Flip())
    with pytest.raises(IntegrityError) as caught:
        client.load(pin(zoo))
    assert "model.safetensors" in str(caught.value)
    assert caught.value.ref == pin(zoo)
    assert list(tmp_path.rglob("model.safetensors")) == []
    zoo.heal()
    assert client.load(pin(zoo)).path.is_dir()


def test_a_flipped_byte_of_a_small_file_is_refused_too(client: Client, zoo: LocalZoo) -> None:
    """A file that the zoo pins by git's hash is held to it."""
    zoo.fail("config.json", Flip())
    with pytest.raises(IntegrityError):
        client.load(pin(zoo))


def test_a_cut_body_is_fetched_on(client: Client, zoo: LocalZoo) -> None:
    """A body that stops is taken up again, and the model arrives whole."""
    zoo.fail("*.safetensors", Cut(700_000))
    assert client.load(pin(zoo)).path.is_dir()


def test_the_content_digest_holds_the_selection(client: Client, zoo: LocalZoo) -> None:
    """A fragment that is not the snapshot's digest is refused; the right one loads."""
    snapshot = client.download(pin(zoo))
    good = pin(zoo) + "#" + snapshot.content_digest.replace(":", "=")
    assert client.load(good).path == snapshot.path
    with pytest.raises(IntegrityError):
        client.load(pin(zoo) + "#sha256=" + "0" * 64)


def test_a_plan_says_what_a_download_does(client: Client, zoo: LocalZoo) -> None:
    """The bytes that a plan promises are the bytes that move, and afterwards all is held."""
    plan = client.plan(pin(zoo))
    assert isinstance(plan, Plan)
    assert [skip.file.path for skip in plan.skip] == ["pytorch_model.bin"]
    snapshot = client.download(plan)
    assert sum(file.size for file in snapshot.files) == plan.bytes_to_fetch == plan.bytes_on_disk
    assert client.plan(pin(zoo)).bytes_to_fetch == 0


def test_one_file_costs_one_file(client: Client, zoo: LocalZoo) -> None:
    """A single file is fetched alone, under its own name, however odd."""
    path = client.file(pin(zoo), "sub dir/odd #name.txt")
    assert path.read_text() == "odd"
    assert not any("model.safetensors" in seen.path for seen in zoo.requests)
    with pytest.raises(NotFound):
        client.file(pin(zoo), "nothing.txt")


def test_the_card_is_read_without_the_weights(client: Client, zoo: LocalZoo) -> None:
    """Reading the card moves the card alone."""
    card = client.card(pin(zoo))
    section = card.section("Bias, Risks, and Limitations")
    assert section is not None
    assert section.text.strip() == "It knows nothing."
    assert not any("safetensors" in seen.path for seen in zoo.requests)


def test_search_finds_and_respects_the_limit(client: Client) -> None:
    """A search yields hits with the fields of the listing, no more than asked for."""
    hits = list(client.search("tiny", zoos=["hf"]))
    assert [str(hit.ref) for hit in hits] == ["hf:org/tiny"]
    assert hits[0].task == "text-classification"
    assert len(list(client.search("", zoos="hf", limit=1))) == 1


def test_an_unknown_zoo_or_filter_is_named(client: Client) -> None:
    """A scheme nobody provides, a zoo that cannot be searched, a filter that does not exist: each is said."""
    with pytest.raises(RefError):
        client.resolve("nowhere:org/name")
    with pytest.raises(Unsupported):
        client.search("x", zoos=["file"])
    with pytest.raises(ValueError, match="colour"):
        client.search("x", colour="red")


def test_a_gated_model_says_where_to_ask(client: Client, zoo: LocalZoo) -> None:
    """A gate ends in an access error with the page to ask at; the record can be read all the same."""
    zoo.gate("org/tiny", "manual")
    assert client.resolve(TINY).access.state == "gated"
    with pytest.raises(AccessError) as caught:
        client.download(pin(zoo))
    assert caught.value.access_url is not None
    assert caught.value.access_url.endswith("/org/tiny")


def test_a_token_opens_the_gate_and_stays_at_its_origin(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """The token goes to the zoo's origin with every request, and to no other origin."""
    zoo.gate("org/tiny", "manual", readers=("me",))
    make(tokens=zoo.tokens).load(pin(zoo))
    at_hub = [seen for seen in zoo.requests if seen.origin == "hub"]
    elsewhere = [seen for seen in zoo.requests if seen.origin == "cdn"]
    assert all(seen.headers.get("authorization") == f"Bearer {zoo.tokens['hf']}" for seen in at_hub)
    assert elsewhere
    assert not any("authorization" in seen.headers for seen in elsewhere)


def test_an_old_name_leads_on_and_is_warm_afterwards(client: Client, zoo: LocalZoo) -> None:
    """A renamed model is found under its old name, told so, and its pin loads with the zoo gone."""
    zoo.rename("tiny-of-old", "org/tiny")
    old = f"hf:tiny-of-old@{zoo.head('org/tiny')}"
    record = client.resolve(old)
    assert record.ref.id == "org/tiny"
    assert record.problems
    model = client.load(old)
    zoo.stop()
    assert client.load(old).path == model.path


def test_a_folder_is_used_where_it_lies(make: Callable[..., Client], models: Path, tmp_path: Path) -> None:
    """``file:`` loads a folder in place, by the same call, and holds it to its digest."""
    client = make()
    record = client.resolve(f"file:{models}/org/tiny")
    assert record.pin == "content"
    model = client.load(str(record.ref))
    assert model.path == models / "org" / "tiny"
    assert not (tmp_path / "home").exists()
    with pytest.raises(IntegrityError):
        client.load(f"file:{models}/org/tiny#sha256=" + "0" * 64)


def test_plain_copies_for_a_container(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """``to`` puts plain files elsewhere, which share nothing with the store."""
    snapshot = client.download(pin(zoo), to=tmp_path / "out")
    for file in snapshot.files:
        copy, held = tmp_path / "out" / file.path, snapshot.path / file.path
        assert copy.read_bytes() == held.read_bytes()
        assert copy.stat().st_ino != held.stat().st_ino


def test_verify_finds_what_the_disk_lost(client: Client, zoo: LocalZoo) -> None:
    """Verifying needs no network, passes a sound snapshot, and finds a changed byte."""
    snapshot = client.download(pin(zoo))
    zoo.stop()
    assert client.verify(pin(zoo)).ok
    weights = snapshot.path / "model.safetensors"
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert not client.verify(pin(zoo)).ok


def test_a_job_tells_progress_and_can_be_cancelled(client: Client, zoo: LocalZoo) -> None:
    """A started download is cancelled from outside, keeps what arrived, and can be taken up again."""
    zoo.fail("*.safetensors", Slow(200_000))
    begun = threading.Event()

    class Begun(Reporter):
        def advanced(self, path: str, count: int) -> None:
            begun.set()

    job = client.start(pin(zoo), reporter=Begun())
    assert begun.wait(30)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(timeout=30)
    assert job.progress().bytes_done > 0
    zoo.heal()
    assert client.start(pin(zoo)).result(timeout=60).path.is_dir()


def test_a_deadline_stops_a_transfer(client: Client, zoo: LocalZoo) -> None:
    """A deadline ends a slow transfer as a cancellation that says so."""
    zoo.fail("*.safetensors", Slow(50_000))
    with pytest.raises(Cancelled, match="deadline"):
        client.download(pin(zoo), deadline=1.0)


def test_a_zoo_that_fails_for_a_moment_is_asked_again(client: Client, zoo: LocalZoo) -> None:
    """A 503 with Retry-After: 0 on the record and on a file costs nothing but another request."""
    zoo.fail("/api/models/*", Status(503, retry_after=0))
    zoo.fail("*.safetensors", Status(503, retry_after=0))
    assert client.load(pin(zoo)).path.is_dir()


def test_two_clients_at_two_zoos_do_not_mix_answers(make: Callable[..., Client], zoo: LocalZoo) -> None:
    """What one server said of a commit is never served as another's answer, though bytes are shared."""
    reference = pin(zoo)
    make().load(reference)
    with LocalZoo() as empty, pytest.raises(NotFound):
        make(endpoints=empty.endpoints).load(reference)


def test_a_ref_object_and_a_record_do_what_a_string_does(client: Client, zoo: LocalZoo) -> None:
    """Strings, references, records and plans may be handed to the same calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = client.load(pin(zoo)).path
        record = client.resolve(Ref.parse(pin(zoo)))
        assert client.load(record).path == path
        assert client.load(client.plan(record)).path == path
        assert client.download(record.ref).path == path
