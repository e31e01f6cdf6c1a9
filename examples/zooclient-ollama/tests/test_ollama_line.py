"""From a reference to verified files, over real sockets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ollama_double import CONFIG, GGUF, LICENSE, VENDOR, OllamaDouble
from zooclient_ollama import wire
from zooclient_ollama.provider import Ollama

from zooclient import (
    AccessError,
    Client,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    PolicyError,
    ProtocolError,
    RateLimited,
    Ref,
    RefError,
    UnpinnedWarning,
    Unsupported,
    ZooError,
)
from zooclient.extend import Request, Response

NO_LAYERS = b'{"schemaVersion": 2, "layers": []}'


@pytest.fixture
def registry() -> Iterator[OllamaDouble]:
    """A registry with a usual model."""
    with OllamaDouble() as running:
        running.push("llama3.2")
        yield running


@pytest.fixture
def client(registry: OllamaDouble, tmp_path: Path) -> Iterator[Client]:
    """A client with a store of its own and a token, which is nobody's but the registry's."""
    with Client(home=tmp_path / "home", endpoints={"ollama": registry.url}, tokens={"ollama": "s3cret"}) as made:
        yield made


def test_a_name_is_downloaded_and_verified(registry: OllamaDouble, client: Client) -> None:
    """A plain name gives the whole model under names that people know, each file held to its digest."""
    with pytest.warns(UnpinnedWarning, match="ollama:llama3.2@"):
        snapshot = client.download("ollama:llama3.2")
    assert sorted(file.path for file in snapshot.files) == [
        *("LICENSE", "config.json", "model.gguf", "params.json", "template.txt"),
    ]
    assert (snapshot.path / "model.gguf").read_bytes() == GGUF
    assert client.verify(snapshot).ok
    assert {asked.server for asked in registry.asked} == {"registry", "store"}


def test_the_record_tells_what_the_manifest_and_the_config_say(registry: OllamaDouble, client: Client) -> None:
    """Sizes, digests, family, quantisation and licence come from the registry's own words."""
    record = client.resolve("ollama:library/llama3.2@latest")
    weights = record.file("model.gguf")
    assert weights is not None
    assert (weights.size, weights.role, weights.format) == (len(GGUF), "weights", "gguf")
    assert weights.digests == {"sha256": hashlib.sha256(GGUF).hexdigest()}
    assert (record.ref.id, record.author, record.title) == ("llama3.2", None, "llama3.2")
    assert record.ref.pinned and record.pin == "version"
    assert record.parameters == 3_200_000_000
    assert record.metadata["file_type"] == "Q4_K_M" and record.tags == ("llama",)
    assert record.license.name == "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT" and record.license.spdx is None
    assert record.web_url is None, "a server that is not the registry has no page there"
    assert record.extra["os"] == "linux" and record.problems == ()


def test_a_moving_tag_leaves_the_pin_alone(registry: OllamaDouble, client: Client) -> None:
    """After a tag moved, the pin still means the old manifest, asked of the registry anew."""
    old = client.resolve("ollama:llama3.2").ref
    registry.push("llama3.2", "latest", *registry.usual(GGUF[::-1]))
    assert client.resolve("ollama:llama3.2").ref != old
    with Client(home=client.settings.home and client.settings.home / "new", endpoints={"ollama": registry.url}) as new:
        assert new.resolve(str(old)).ref == old
        assert (new.load(old).path / "model.gguf").read_bytes() == GGUF


def test_a_pinned_model_is_loaded_again_without_a_question(registry: OllamaDouble, client: Client) -> None:
    """What is held under a pin opens no socket."""
    pin = client.resolve("ollama:llama3.2").ref
    client.load(pin)
    registry.asked.clear()
    assert client.load(pin).files
    assert registry.asked == []


def test_a_server_without_manifests_among_its_blobs(registry: OllamaDouble, client: Client) -> None:
    """A pin that is still what ``latest`` means is found there, held to its digest; any other is told what that is."""
    pin = registry.tags["library/llama3.2"]["latest"]
    kept = registry.blobs.pop(pin)
    registry.blobs["latest"] = kept
    registry.tags["library/llama3.2"]["latest"] = "latest"
    assert client.resolve(f"ollama:llama3.2@{pin.removeprefix('sha256:')}").ref.pinned
    with pytest.raises(NotFound) as caught:
        client.resolve(f"ollama:llama3.2@{'0' * 64}")
    assert pin.removeprefix("sha256:") in (caught.value.hint or "")


def test_strict_mode_takes_the_pin_alone(registry: OllamaDouble, client: Client, tmp_path: Path) -> None:
    """A tag is refused in strict mode, and the digest is a pin like a commit."""
    pin = client.resolve("ollama:llama3.2").ref
    with Client(home=tmp_path / "strict", endpoints={"ollama": registry.url}, strict=True) as strict:
        with pytest.raises(PolicyError):
            strict.download("ollama:llama3.2@latest")
        assert strict.download(pin).files


def test_the_token_stays_at_the_registry(registry: OllamaDouble, client: Client) -> None:
    """The store of the bytes is another origin, and is sent no credential, for texts and for files alike."""
    client.load(client.resolve("ollama:llama3.2").ref)
    told = {asked.server: set() for asked in registry.asked}  # type: dict[str, set[str | None]]
    for asked in registry.asked:
        told[asked.server].add(asked.headers.get("authorization"))
    assert told == {"registry": {"Bearer s3cret"}, "store": {None}}


def test_a_blob_that_lies_is_refused(registry: OllamaDouble, client: Client) -> None:
    """Other bytes than the digest says never reach a snapshot."""
    pin = client.resolve("ollama:llama3.2").ref
    digest = "sha256:" + hashlib.sha256(GGUF).hexdigest()
    registry.lies[digest] = GGUF[:-1] + b"!"
    with pytest.raises(IntegrityError):
        client.download(pin)
    del registry.lies[digest]
    assert client.download(pin).files


@pytest.mark.parametrize("what", ["manifest", "config"])
def test_a_text_that_lies_is_refused(registry: OllamaDouble, client: Client, what: str) -> None:
    """A manifest and a config are held to their digests before anything is read out of them."""
    pin = registry.push("llama3.2")
    digest = f"sha256:{pin}" if what == "manifest" else registry.blob(json.dumps(CONFIG).encode())
    registry.lies[digest] = b'{"model_family": "other"}'
    with pytest.raises(IntegrityError, match=what):
        client.resolve(f"ollama:llama3.2@{pin}")


def test_a_blob_is_not_fetched_from_inside(registry: OllamaDouble) -> None:
    """A registry out there that sends a text's question into this machine is not followed."""
    flow = Ollama().resolve(Ref.parse("ollama:llama3.2@" + "1" * 64))
    request = next(flow)
    assert isinstance(request, Request)
    inside = Response(request=request, status=307, headers={"location": "http://169.254.169.254/latest/meta-data"})
    with pytest.raises(IntegrityError, match="not followed"):
        flow.send(inside)


def test_a_signed_link_that_ran_out_is_renewed(registry: OllamaDouble, client: Client) -> None:
    """A link is used at once; one that ran out meanwhile is asked for again."""
    pin = client.resolve("ollama:llama3.2").ref
    registry.expire()
    assert client.download(pin).files


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", ProtocolError),
        (b"[]", ProtocolError),
        (b'{"layers": null}', ProtocolError),
        (NO_LAYERS, ProtocolError),
        (b'{"layers": [null]}', ProtocolError),
        (b'{"layers": [{"mediaType": "x", "digest": "md5:1", "size": 1}]}', ProtocolError),
        (b'{"layers": [{"mediaType": "x", "digest": "sha256:../../etc", "size": 1}]}', ProtocolError),
        (b"[" * 100_000, ProtocolError),
    ],
)
def test_a_manifest_of_another_shape(registry: OllamaDouble, client: Client, body: bytes, kind: type[ZooError]) -> None:
    """What is no manifest is an error with a sentence, whatever it is."""
    registry.push_raw("odd", "latest", body)
    with pytest.raises(kind) as caught:
        client.resolve("ollama:odd")
    assert caught.value.zoo == "ollama" and caught.value.ref == "ollama:odd" and caught.value.hint


@pytest.mark.parametrize(
    "media", ["../../evil", VENDOR + "../x", VENDOR + "tensor; name=../../x", 7, None, "a\x1b[31m"]
)
def test_a_kind_of_layer_makes_no_file_name(registry: OllamaDouble, client: Client, media: Any) -> None:
    """A layer of an unknown kind is called by its digest, and the record says that it is odd."""
    layer = {**registry.layer("x", b"odd bytes"), "mediaType": media}
    registry.push("odd", "latest", layer)
    record = client.resolve("ollama:odd")
    assert [file.path for file in record.files] == [
        "config.json",
        f"layer-{hashlib.sha256(b'odd bytes').hexdigest()[:12]}",
    ]
    assert "kinds that are not known" in record.problems[0] and record.problems[0].isprintable()


def test_parts_companions_and_doubles(registry: OllamaDouble, client: Client) -> None:
    """Several model layers are the parts of one model, a projector goes along, a second licence is kept too."""
    layers = [
        registry.layer("model", b"GGUF one"),
        registry.layer("model", b"GGUF two"),
        registry.layer("projector", b"GGUF eyes"),
        registry.layer("adapter", b"GGUF lora"),
        registry.layer("license", b"MIT License\n\nPermission"),
        registry.layer("license", b"and more"),
    ]
    registry.push("me/eyes", "v1", *layers)
    snapshot = client.download(client.resolve("ollama:me/eyes@v1"))
    assert sorted(file.path for file in snapshot.files) == [
        *("LICENSE", "LICENSE-2", "adapter.lora", "config.json", "mmproj.gguf"),
        *("model-00001-of-00002.gguf", "model-00002-of-00002.gguf"),
    ]
    assert (snapshot.record.author, snapshot.record.license.spdx) == ("me", "MIT")


@pytest.mark.parametrize("digest", [None, "sha256:" + "0" * 64])
def test_a_model_without_a_config(registry: OllamaDouble, client: Client, digest: str | None) -> None:
    """A manifest whose config is missing, or the empty one that newer clients write, resolves, and says so."""
    config = {} if digest is None else {"config": {"digest": digest, "size": 0}}
    registry.push_raw("bare", "latest", json.dumps({"layers": registry.usual(), **config}).encode())
    record = client.resolve("ollama:bare")
    assert record.file("config.json") is None
    assert record.problems == ("It has no config that says what it is.",)


def test_the_card_is_made_of_what_is_told(registry: OllamaDouble, client: Client) -> None:
    """Template, parameters and licence make a card, and no mark in them ends its block."""
    layers = [registry.layer("model", GGUF), registry.layer("system", b"Be kind.\n```\n# No heading\n")]
    registry.push("fenced", "latest", *layers, registry.layer("license", LICENSE.encode()))
    card = client.card("ollama:fenced")
    assert [section.title for section in card.sections] == ["fenced", "System", "License"]
    assert "Be kind." in card.text and "Q4_K_M" in card.text
    assert card.license.name == "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT"


@pytest.mark.parametrize(
    ("ref", "kind"),
    [
        ("ollama:a/b/c", RefError),
        ("ollama:-name", RefError),
        ("ollama:name~x", RefError),
        ("ollama:name@refs/heads/x", RefError),
        ("ollama:nothing", NotFound),
        ("ollama:llama3.2@70b", NotFound),
        (f"ollama:llama3.2@{'0' * 64}", NotFound),
    ],
)
def test_names_that_lead_nowhere(registry: OllamaDouble, client: Client, ref: str, kind: type[ZooError]) -> None:
    """What cannot be a name is told from what is not there, and both say what to do."""
    with pytest.raises(kind) as caught:
        client.resolve(ref)
    assert (caught.value.zoo, caught.value.operation, caught.value.ref) == ("ollama", "resolve", ref)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((302, IntegrityError), (400, ProtocolError), (401, AccessError), (403, AccessError), (404, NotFound)),
        *((410, NotFound), (412, Unsupported), (429, RateLimited), (451, AccessError), (503, NetworkError)),
    ],
)
def test_refusals_in_the_registrys_own_words(status: int, kind: type[ZooError]) -> None:
    """Each status is the error by which a caller knows what to do, with the registry's words in it."""
    provider = Ollama()
    headers = {"location": "https://elsewhere.example/x", "retry-after": "7"}
    for body in (b'{"errors": [{"code": "DENIED", "message": "not you"}]}', b'{"error": "DENIED not you"}'):
        request = Request(url=provider.endpoint + "/v2/")
        answer = Response(request=request, status=status, headers=headers if status in (302, 429) else {}, body=body)
        error = provider.refused(answer, Ref.parse("ollama:a"), "resolve")
        assert isinstance(error, kind)
        assert status == 302 or "DENIED not you" in error.message
        assert (error.zoo, error.ref, error.operation) == ("ollama", "ollama:a", "resolve")


def test_what_it_cannot_do_is_unsupported(client: Client) -> None:
    """Searching and logging in are refused with a sentence, and a search of all zoos passes it over."""
    for call in (lambda: client.search("llama", zoos="ollama"), lambda: client.whoami("ollama")):
        with pytest.raises(Unsupported):
            call()


def test_the_loader_writes_a_modelfile(registry: OllamaDouble, client: Client) -> None:
    """``into("ollama")`` gives what ``ollama create`` takes; a licence cannot end its own quotes."""
    layers = [*registry.usual(), registry.layer("system", b'Say """no""".')]
    registry.push("quoted", "latest", *layers)
    model = client.load(client.resolve("ollama:quoted"))
    lines = str(model.into("ollama")).splitlines()
    assert lines[0] == f"FROM {model.path / 'model.gguf'}"
    assert 'TEMPLATE """{{ .Prompt }}"""' in lines
    assert "SYSTEM \"\"\"Say '''no'''.\"\"\"" in lines
    assert lines[-2:] == ['PARAMETER stop "<|eot_id|>"', "PARAMETER temperature 0.5"]
    with pytest.raises(ConfigError, match="'speed'"):
        model.into("ollama", speed=1)


@pytest.mark.parametrize(
    ("told", "number"),
    [("3.2B", 3_200_000_000), ("137M", 137_000_000), ("1.5 b", 1_500_000_000), ("K2.5", None), (None, None), (7, None)],
)
def test_numbers_of_parameters(told: Any, number: int | None) -> None:
    """A number is read as people write it, and nothing else is taken for one."""
    assert wire.read_parameters(told) == number
