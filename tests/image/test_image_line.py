"""The image of a version through the whole line: listed, planned, fetched, unpacked, loaded; over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cli_shell import environment, typed
from imagekit import (
    COPY_ALL,
    COPY_WEIGHTS,
    LOGIN,
    NAME,
    SCHEMA,
    Zoo,
    digest,
    error,
    image,
    layer,
    managed,
    member,
    tar,
    zoo,
)
from netdoubles import Answer, Server
from replicate_answers import model
from replicate_double import TOKEN

from zooclient import AsyncClient, Client
from zooclient.errors import (
    AccessError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    PolicyError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.records.model import ModelRecord
from zooclient.settings import Limits, Settings
from zooclient.testing import ProviderCase, ProviderSuite

MODEL = os.urandom(2_000_000)
FILES = {"src/weights/model.safetensors": MODEL, "src/weights/config.json": b"{}"}
WEIGHTS = layer(FILES, COPY_WEIGHTS)
CODE = layer({"src/predict.py": b"print()\n", "src/cog.yaml": b"predict: x\n"}, COPY_ALL)
DOCUMENTS = ["image/manifest.json", "image/config.json", "openapi.json", "cog.yaml", "pip-freeze.txt"]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Zoo]:
    """A version with a layer of weights and one of code."""
    with zoo(image(WEIGHTS, CODE), tmp_path / "home") as made:
        yield made


class TestReplicate(ProviderSuite):
    """``replicate:`` keeps what the public suite asks of a zoo that hands out files."""

    @pytest.fixture
    def case(self, tiny: Zoo) -> ProviderCase:
        """The small doubles of API and registry."""
        return ProviderCase(
            client=tiny.client,
            known=tiny.ref,
            floating=f"replicate:{NAME}",
            missing="replicate:acme/nothing",
            missing_revision=f"replicate:{NAME}@{'0' * 64}",
            file="openapi.json",
            content=json.dumps(SCHEMA).encode(),
            words="tiny",
        )


def names(files: Any) -> list[str]:
    return [file.path for file in files]


# -- without a layer ----------------------------------------------------------------------------


def test_a_version_resolves_in_two_requests_and_is_listed_in_two_more(tiny: Zoo) -> None:
    """Resolving asks the API alone; the image's manifest and configuration are asked for when files are wanted."""
    record = tiny.client.resolve(tiny.ref)
    assert (record.files, len(tiny.api.asked), tiny.registry.asked) == ((), 2, [])
    plan = tiny.client.plan(record)
    assert (len(tiny.api.asked), len(tiny.registry.asked)) == (2, 2)
    assert [item.file.path for item in plan.reuse] == DOCUMENTS
    assert (plan.fetch, plan.bytes_to_fetch) == ((), 0)
    snapshot = tiny.client.download(plan)
    assert (len(tiny.api.asked), len(tiny.registry.asked)) == (2, 2)
    assert (snapshot.path / "openapi.json").read_bytes() == json.dumps(SCHEMA).encode()
    assert digest((snapshot.path / "image/manifest.json").read_bytes()) == record.ref.revision


def test_the_default_leaves_layers_and_says_how_to_ask(tiny: Zoo) -> None:
    """The plan names each layer with its size, why it is left, and what fetches it."""
    skipped = tiny.client.plan(tiny.ref).skip
    assert [(item.file.path, item.file.size) for item in skipped] == [
        (f"layers/{WEIGHTS.digest[:12]}.tar.gz", len(WEIGHTS.content)),
        (f"layers/{CODE.digest[:12]}.tar.gz", len(CODE.content)),
    ]
    assert all('weights="all"' in item.reason for item in skipped)
    assert '"src/weights/" (--file)' in skipped[0].reason


def test_what_is_inferred_is_marked_in_the_record(tiny: Zoo) -> None:
    """A record that was listed from an image says that this is experimental; one that was not says nothing of it."""
    assert tiny.client.resolve(tiny.ref).problems == ()
    assert "experimental" in tiny.client.plan(tiny.ref).record.problems[-1]


def test_a_record_that_was_stored_without_files_is_not_final(tiny: Zoo, tmp_path: Path) -> None:
    """What was resolved before anybody looked at the image is looked at when files are wanted, also by text."""
    tiny.client.resolve(tiny.ref)
    with tiny.another() as later:
        assert names(later.load(tiny.ref).files) == DOCUMENTS


def test_resolving_anew_loses_no_listing(tiny: Zoo) -> None:
    """A floating name that is asked again does not make the image be looked at again."""
    tiny.client.plan(tiny.ref)
    again = tiny.client.resolve(f"replicate:{NAME}")
    assert names(again.files)[:5] == DOCUMENTS
    tiny.client.plan(again)
    tiny.client.plan(tiny.ref)
    assert len(tiny.registry.asked) == 2


def test_documents_that_the_store_lost_come_again(tiny: Zoo) -> None:
    """What came along with the list is asked for once more where nothing of it is held."""
    record = tiny.client.plan(tiny.ref).record
    tiny.client.close()
    with tiny.another() as later:
        for blob in (tiny.home / "v1" / "blobs").rglob("*"):
            if blob.is_file():
                blob.unlink()
        plan = later.plan(record)
        assert names(plan.fetch) == DOCUMENTS
        assert names(later.download(plan).files) == DOCUMENTS


def test_offline_a_version_that_nobody_looked_at_is_told(tiny: Zoo) -> None:
    """With connections off, files that are not known are Offline, and those that are load."""
    tiny.client.resolve(tiny.ref)
    with tiny.another(offline=True) as offline:
        with pytest.raises(Offline, match="not known yet"):
            offline.plan(tiny.ref)
        tiny.client.load(tiny.ref)
        assert names(offline.load(tiny.ref).files) == DOCUMENTS


def test_both_colours_list_alike(tiny: Zoo) -> None:
    """The asynchronous client plans and loads the same."""

    async def run() -> list[str]:
        endpoints = {"replicate": tiny.api.url, "r8": tiny.registry.url}
        async with AsyncClient(home=tiny.home, endpoints=endpoints, tokens={"replicate": TOKEN}) as client:
            plan = await client.plan(tiny.ref)
            return names((await client.load(plan.record, weights="all")).files)

    assert asyncio.run(run()) == [*DOCUMENTS, *FILES, "src/predict.py", "src/cog.yaml"]


def test_dockers_manifests_list_alike(tmp_path: Path) -> None:
    """An image in Docker's form has the same files."""
    with zoo(image(WEIGHTS, docker=True), tmp_path) as made:
        assert names(made.client.load(made.ref).files) == DOCUMENTS


def test_an_image_that_cog_did_not_make_is_told(tmp_path: Path) -> None:
    """Without labels there are manifest and configuration, and a sentence."""
    with zoo(image(labels={}), tmp_path) as made:
        record = made.client.plan(made.ref).record
        assert names(record.files) == DOCUMENTS[:2]
        assert any("not made by Cog" in problem for problem in record.problems)


# -- layers -------------------------------------------------------------------------------------


def test_all_weights_are_every_file_below_src(tiny: Zoo) -> None:
    """Asked for all, the layers are fetched and unpacked, and stand in the snapshot as the files that they hold."""
    plan = tiny.client.plan(tiny.ref, weights="all")
    assert plan.bytes_to_fetch == len(WEIGHTS.content) + len(CODE.content)
    snapshot = tiny.client.download(plan)
    assert names(snapshot.files) == [*DOCUMENTS, *FILES, "src/predict.py", "src/cog.yaml"]
    assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == MODEL
    entry = snapshot.record.file("src/weights/model.safetensors")
    assert entry is not None and entry.layer is not None
    assert (entry.digests, entry.role, entry.format) == ({"sha256": digest(MODEL)}, "weights", "safetensors")
    assert entry.layer.digest == WEIGHTS.digest
    assert all(file.claimed for file in snapshot.files)
    assert tiny.client.verify(tiny.ref).ok


def test_a_pattern_fetches_the_layers_that_it_can_mean(tiny: Zoo) -> None:
    """A pattern that begins with the folder of one layer leaves those of another folder alone, where it can."""
    snapshot = tiny.client.download(tiny.ref, files="src/weights/*.json")
    assert names(snapshot.files) == ["src/weights/config.json"]
    got = [path for path in tiny.registry.paths if "/blobs/" in path]
    assert f"/v2/{NAME}/blobs/{WEIGHTS.digest[:6]}" in got


def test_a_pattern_for_a_layer_elsewhere_leaves_it(tmp_path: Path) -> None:
    """What fills another folder than the pattern names is not fetched."""
    other = layer({"src/vae/a.bin": b"a"}, "COPY --from=weights --link /src/vae /src/vae # buildkit")
    with zoo(image(WEIGHTS, other), tmp_path) as made:
        assert names(made.client.download(made.ref, files=["src/vae/*", "cog.yaml"]).files) == [
            "cog.yaml",
            "src/vae/a.bin",
        ]
        assert not any(WEIGHTS.digest[:6] in path for path in made.registry.paths)


def test_a_pattern_that_documents_match_opens_no_layer(tiny: Zoo) -> None:
    """``*.json`` means the documents that are there; nobody pays for a layer that was not meant."""
    assert names(tiny.client.download(tiny.ref, files="*.json").files) == [
        "image/manifest.json",
        "image/config.json",
        "openapi.json",
    ]
    assert len(tiny.registry.asked) == 2


def test_a_file_of_a_layer_is_had_by_its_path(tiny: Zoo) -> None:
    """``file`` takes a path in a layer, whether or not anybody looked into it; one that is in none is NotFound."""
    assert tiny.client.file(tiny.ref, "src/predict.py").read_bytes() == b"print()\n"
    assert tiny.client.file(tiny.ref, "openapi.json").read_bytes() == json.dumps(SCHEMA).encode()
    with pytest.raises(NotFound, match="src/nothing"):
        tiny.client.file(tiny.ref, "src/nothing")
    with pytest.raises(NotFound, match="elsewhere"):
        tiny.client.file(tiny.ref, "elsewhere")


def test_a_layer_that_was_opened_is_not_fetched_twice(tiny: Zoo) -> None:
    """What a layer holds is in the record from then on, and by default it is still left out."""
    tiny.client.load(tiny.ref, weights="all")
    asked = len(tiny.registry.asked)
    plan = tiny.client.plan(tiny.ref, files="src/weights/*")
    assert (plan.fetch, [item.file.path for item in plan.reuse]) == ((), [*FILES])
    assert names(tiny.client.download(plan).files) == [*FILES]
    assert [item.file.path for item in tiny.client.plan(tiny.ref).skip] == [*FILES, "src/predict.py", "src/cog.yaml"]
    assert len(tiny.registry.asked) == asked


def test_files_that_the_store_lost_come_out_of_their_layer_again(tiny: Zoo, tmp_path: Path) -> None:
    """A record that names the files of a layer brings them on another machine, held against their own digests."""
    record = tiny.client.load(tiny.ref, weights="all").record
    assert isinstance(record, ModelRecord)
    with tiny.another(tmp_path / "elsewhere") as other:
        snapshot = other.download(record, files="src/weights/*")
        assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == MODEL


def test_a_format_of_weights_is_chosen_among_what_layers_hold(tiny: Zoo) -> None:
    """``weights="safetensors"`` opens the layers and takes what they turn out to hold; another format is told."""
    snapshot = tiny.client.load(tiny.ref, weights="safetensors")
    assert "src/weights/model.safetensors" in names(snapshot.files)
    with pytest.raises(ConfigError, match="no gguf"):
        tiny.client.load(tiny.ref, weights="gguf")


def test_a_layer_above_hides_one_below(tmp_path: Path) -> None:
    """Of two files of one name the later layer's counts, and what it takes away is gone."""
    below = layer({"src/weights/a": b"old", "src/weights/gone": b"gone", "src/weights/kept": b"kept"}, COPY_WEIGHTS)
    archive = tar({"src/weights/a": b"new"}, more=(member("src/weights/.wh.gone", tarfile.REGTYPE),))
    above = layer({}, COPY_ALL, archive=archive)
    with zoo(image(below, above), tmp_path) as made:
        snapshot = made.client.load(made.ref, weights="all")
        assert names(snapshot.files) == [*DOCUMENTS, "src/weights/kept", "src/weights/a"]
        assert (snapshot.path / "src/weights/a").read_bytes() == b"new"


def test_what_was_passed_over_is_told(tmp_path: Path) -> None:
    """Links in a layer are no files of the snapshot, and a sentence of the record counts them."""
    odd = layer({}, COPY_ALL, archive=tar({"src/a": b"a"}, more=(member("src/l", tarfile.SYMTYPE, "/etc/passwd"),)))
    with zoo(image(odd), tmp_path) as made:
        snapshot = made.client.load(made.ref, weights="all")
        assert names(snapshot.files) == [*DOCUMENTS, "src/a"]
        assert any("passed over" in problem and "1 links" in problem for problem in snapshot.record.problems)


@pytest.mark.parametrize("prefix", ["", "src/weights/"])
def test_managed_weights_are_had_file_by_file(tmp_path: Path, prefix: str) -> None:
    """A set that Cog manages is listed with its digests, and one file takes one layer."""
    made = managed(image(CODE), {"a.safetensors": MODEL, "b.bin": b"b"}, prefix=prefix)
    with zoo(made, tmp_path) as site:
        plan = site.client.plan(site.ref)
        assert [file.path for file in plan.record.files if file.layer and not file.unopened] == [
            "src/weights/a.safetensors",
            "src/weights/b.bin",
        ]
        assert "image/index.json" in names(plan.files)
        before = len(site.registry.asked)
        path = site.client.file(site.ref, "src/weights/a.safetensors")
        assert path.read_bytes() == MODEL
        assert len(site.registry.asked) == before + 1


def test_a_layer_that_is_cut_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A layer cut midway is asked for from there on, and the whole agrees with its digest."""
    big = layer({"src/weights/big.bin": os.urandom(3 << 20)}, COPY_WEIGHTS, packed=False)
    with zoo(image(big), tmp_path / "home") as made:
        made.registry.cuts[big.digest] = 1 << 20
        with Client(
            settings=Settings(limits=Limits(backoff_base=0.001)),
            home=made.home,
            endpoints={"replicate": made.api.url, "r8": made.registry.url},
            tokens={"replicate": TOKEN},
        ) as client:
            snapshot = client.load(made.ref, weights="all")
        assert "src/weights/big.bin" in names(snapshot.files)
        assert any(int(told.removeprefix("bytes=").partition("-")[0]) > 0 for told in made.registry.ranges)


def test_the_next_run_goes_on_with_a_layer(tmp_path: Path) -> None:
    """A download that failed in the midst of a layer leaves no snapshot, and the next one asks for the rest alone."""
    big = layer({"src/weights/big.bin": os.urandom(8 << 20)}, COPY_WEIGHTS, packed=False)
    with zoo(image(big), tmp_path / "home") as made:
        made.registry.cuts[big.digest] = 6 << 20
        broken = Settings(limits=Limits(retries=0, backoff_base=0.001, connections=1))
        with made.another(settings=broken) as client, pytest.raises(NetworkError):
            client.load(made.ref, weights="all")
        assert not list(tmp_path.rglob("big.bin"))
        made.registry.ranges.clear()
        with made.another() as client:
            assert "src/weights/big.bin" in names(client.load(made.ref, weights="all").files)
        assert min(int(told.removeprefix("bytes=").partition("-")[0]) for told in made.registry.ranges) >= 4 << 20


def test_the_verbs(tiny: Zoo, tmp_path: Path) -> None:
    """show lists the files on request, plan says what is left, get brings what was asked for."""
    env = environment(
        tmp_path,
        ZOOCLIENT_REPLICATE_ENDPOINT=tiny.api.url,
        ZOOCLIENT_R8_ENDPOINT=tiny.registry.url,
        ZOOCLIENT_R8_TOKEN=LOGIN,
        REPLICATE_API_TOKEN=TOKEN,
    )
    tiny.registry.asks = "basic"

    def run(*words: str) -> str:
        done = typed(*words, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "none listed" in run("show", tiny.ref)
    assert f"layers/{WEIGHTS.digest[:12]}.tar.gz" in run("show", tiny.ref, "--files")
    assert "--weights all" in run("plan", tiny.ref)
    out = tmp_path / "out"
    run("get", tiny.ref, "--file", "src/weights/*", "--to", str(out))
    assert (out / "src/weights/model.safetensors").read_bytes() == MODEL


# -- what lies ----------------------------------------------------------------------------------


def test_a_manifest_that_is_not_the_version_is_refused(tiny: Zoo) -> None:
    """Other bytes than those whose digest the version is are not read, and nothing is kept of them."""
    tiny.registry.lies[tiny.registry.image.version] = b'{"schemaVersion": 2}'
    with pytest.raises(IntegrityError, match="is named"):
        tiny.client.plan(tiny.ref)
    assert tiny.client.resolve(tiny.ref).files == ()


def test_a_configuration_that_lies_is_refused(tiny: Zoo) -> None:
    """The configuration is held against the digest that the manifest names."""
    tiny.registry.lies[tiny.registry.image.config] = b"{}"
    with pytest.raises(IntegrityError, match="configuration"):
        tiny.client.load(tiny.ref)


def test_a_layer_that_lies_is_refused(tiny: Zoo) -> None:
    """A layer with other bytes of the same size never becomes a file."""
    tiny.registry.lies[WEIGHTS.digest] = bytes(len(WEIGHTS.content))
    with pytest.raises(IntegrityError):
        tiny.client.load(tiny.ref, weights="all")
    assert not list(tiny.home.rglob("model.safetensors"))


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (tar({"src/../../evil": b"evil"}), "climbs"),
        (tar({"src/a": b"a" * 600})[:900], "midst"),
        (b"no archive at all" * 40, "archive"),
    ],
)
def test_a_layer_that_is_hostile_ends_the_download(tmp_path: Path, archive: bytes, said: str) -> None:
    """A tar that climbs, is cut or is none is an IntegrityError, and no snapshot comes to be."""
    with zoo(image(layer({}, COPY_ALL, archive=archive)), tmp_path) as made:
        with pytest.raises(IntegrityError, match=said):
            made.client.load(made.ref, weights="all")
        assert not list(tmp_path.rglob("evil"))
        assert names(made.client.load(made.ref).files) == DOCUMENTS


def test_addresses_that_a_manifest_names_are_not_asked(tmp_path: Path) -> None:
    """A layer may name where else it lies (``urls``); nobody is asked there, whatever the digest proves."""
    made = image(WEIGHTS)
    with Server(lambda asked: Answer(body=WEIGHTS.content)) as other:
        told = json.loads(made.manifests[made.version][0])
        for row in (told["config"], *told["layers"]):
            row["urls"] = [f"{other.url}/elsewhere"]
        made.version = made.manifest(told, made.manifests[made.version][1])
        with zoo(made, tmp_path) as site:
            assert site.client.load(site.ref, weights="all").files
    assert other.asked == []


def test_an_image_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """A layer that unpacks to another digest than the configuration names is not believed."""
    made = image(WEIGHTS, diff_ids=["sha256:" + "0" * 64] * 2)
    with zoo(made, tmp_path) as site, pytest.raises(IntegrityError, match="claimed"):
        site.client.load(site.ref, weights="all")


def test_managed_weights_that_are_others_are_refused(tmp_path: Path) -> None:
    """A file of a set that has another sha256 than its list says is not taken, though its layer is sound."""
    made = managed(image(CODE), {"a.bin": b"right"})
    with zoo(made, tmp_path) as site:
        record = site.client.plan(site.ref).record
        files = tuple(
            evolve(file, digests={"sha256": digest(b"other")}) if file.path.endswith("a.bin") else file
            for file in record.files
        )
        with pytest.raises(IntegrityError, match="sha256"):
            site.client.download(evolve(record, files=files), weights="all")


# -- what cannot be had -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "UNAUTHORIZED", "not authenticated"), AccessError),
        (error(403, "DENIED", "requested access is denied"), AccessError),
        (error(404, "NAME_UNKNOWN", "repository name not known"), NotFound),
        (error(404, "MANIFEST_UNKNOWN", "manifest unknown"), NotFound),
        (error(400, "DENIED", "denied"), AccessError),
        (error(429, "TOOMANYREQUESTS", "slow down", **{"Retry-After": "100000"}), RateLimited),
        (error(400, "UNSUPPORTED", "no"), Unsupported),
        (Answer(status=404, body=b"<html>edge</html>"), NotFound),
        (Answer(status=200, body=b"<html>login</html>", headers={"Content-Type": "text/html"}), IntegrityError),
    ],
)
def test_refusals_of_the_registry_are_read(tiny: Zoo, answer: Answer, kind: type[ZooError]) -> None:
    """Each word of a registry's errors becomes the error by which a caller knows what to do."""
    tiny.registry.answers[f"/v2/{NAME}/manifests/sha256:{tiny.registry.image.version}"] = answer
    with pytest.raises(kind) as caught:
        tiny.client.plan(tiny.ref)
    assert (caught.value.zoo, caught.value.hint is not None) == ("replicate", True)
    if kind is AccessError:
        assert "cog login" in (caught.value.hint or "")


def test_a_registry_that_is_down_is_told(tiny: Zoo, tmp_path: Path) -> None:
    """Where nobody answers, resolving still works, and planning is a NetworkError."""
    settings = Settings(limits=Limits(retries=0, connect_retries=0, backoff_base=0.001))
    endpoints = {"replicate": tiny.api.url, "r8": "http://127.0.0.1:9"}
    with Client(settings=settings, home=tmp_path, endpoints=endpoints, tokens={"replicate": TOKEN}) as client:
        assert client.resolve(tiny.ref).pin == "version"
        with pytest.raises(NetworkError):
            client.plan(tiny.ref)


def test_an_official_model_has_no_image(tiny: Zoo) -> None:
    """Of an official model nothing is published: Unsupported, with the page where it is run."""
    tiny.api.models["acme/kept"] = model(name="kept", is_official=True, url="https://replicate.com/acme/kept")
    with pytest.raises(Unsupported) as caught:
        tiny.client.plan("replicate:acme/kept")
    assert "no version" in caught.value.message
    assert "https://replicate.com/acme/kept" in (caught.value.hint or "")


def test_weights_elsewhere_are_named_where_the_image_is_shut(tmp_path: Path) -> None:
    """Who may not have the image hears which model at another zoo its weights are said to be."""
    with zoo(image(WEIGHTS), tmp_path, weights_url="https://huggingface.co/acme/story") as made:
        made.registry.asks = "basic"
        with pytest.raises(AccessError) as caught:
            made.client.load(made.ref)
        assert "zooclient get hf:acme/story" in (caught.value.hint or "")


def test_another_server_has_no_registry_by_itself(tiny: Zoo, tmp_path: Path) -> None:
    """Who names an API of its own, and no registry, is not sent to r8.im with what that API told."""
    alone = Client(home=tmp_path, endpoints={"replicate": tiny.api.url}, tokens={"replicate": TOKEN})
    with alone as client, pytest.raises(Unsupported, match="registry") as caught:
        client.plan(tiny.ref)
    assert "ZOOCLIENT_R8_ENDPOINT" in (caught.value.hint or "")


def test_replicate_gives_no_file_of_another_zoo(tiny: Zoo) -> None:
    """``sources`` and ``--from`` cannot be told to take another model's files out of images."""
    with pytest.raises(Unsupported, match="No file of another model"):
        tiny.client.sources(tiny.ref, zoos=["replicate"])


def test_other_ways_say_that_they_are_none(tiny: Zoo) -> None:
    """Neither the zoo's own client nor another zoo brings what a layer holds; asked for by name, they say so."""
    with pytest.raises(Unsupported, match="client"):
        tiny.client.download(tiny.ref, via="official")
    with pytest.raises(Unsupported, match="not known yet"):
        tiny.client.download(tiny.ref, weights="all", only_from="hf")
    assert names(tiny.client.download(tiny.ref, weights="all", only_from="replicate").files)[5:] == [
        *FILES,
        "src/predict.py",
        "src/cog.yaml",
    ]


def test_sources_prove_what_layers_hold(tiny: Zoo) -> None:
    """Where else a file of an opened layer lies is asked by its digest, as for every other file."""
    tiny.client.load(tiny.ref, weights="all")
    with tiny.another(offline=True) as offline:
        found = offline.sources(tiny.ref, zoos=["hf"])
    assert "src/weights/model.safetensors" in found.alone


def test_strict_mode_takes_the_pin_alone(tiny: Zoo) -> None:
    """A version is a pin, so that strict mode loads it; a bare name it refuses."""
    with tiny.another(strict=True) as strict:
        assert names(strict.load(tiny.ref).files) == DOCUMENTS
        with pytest.raises(PolicyError):
            strict.load(f"replicate:{NAME}")


def test_a_mirror_gives_what_layers_hold(tiny: Zoo, tmp_path: Path) -> None:
    """What was pushed to a mirror with its weights comes from there, where nobody else is to be asked."""
    mirror = tmp_path / "mirror"
    tiny.client.mirror(mirror, tiny.ref, weights="all")
    asked = len(tiny.registry.asked)
    wishes = {"ZOOCLIENT_REPLICATE_MIRRORS": str(mirror), "ZOOCLIENT_REPLICATE_MIRROR_POLICY": "only"}
    settings = Settings.from_env(wishes)
    endpoints = {"replicate": tiny.api.url, "r8": tiny.registry.url}
    home = tmp_path / "fresh"
    with Client(settings=settings, home=home, endpoints=endpoints, tokens={"replicate": TOKEN}) as client:
        snapshot = client.load(tiny.ref, weights="all")
    assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == MODEL
    assert len(tiny.registry.asked) == asked


@pytest.mark.parametrize("policy", ["first", "only"])
def test_a_mirror_lists_what_the_registry_cannot(tiny: Zoo, tmp_path: Path, policy: str) -> None:
    """A version that was resolved, and whose registry is then not to be had, is listed and given by a mirror."""
    mirror = tmp_path / "mirror"
    tiny.client.mirror(mirror, tiny.ref, weights="all")
    endpoints = {"replicate": tiny.api.url, "r8": "http://127.0.0.1:9"}
    limits = Limits(retries=0, connect_retries=0, backoff_base=0.001)
    wishes: dict[str, Any] = {"home": tmp_path / "fresh", "endpoints": endpoints, "tokens": {"replicate": TOKEN}}
    with Client(settings=Settings(limits=limits), **wishes) as client:
        assert client.resolve(tiny.ref).files == ()
        with pytest.raises(NetworkError):
            client.plan(tiny.ref)
    told = {"ZOOCLIENT_REPLICATE_MIRRORS": str(mirror), "ZOOCLIENT_REPLICATE_MIRROR_POLICY": policy}
    with Client(settings=evolve(Settings.from_env(told), limits=limits), **wishes) as client:
        snapshot = client.load(tiny.ref, weights="all")
    assert (snapshot.path / "src/weights/model.safetensors").read_bytes() == MODEL
