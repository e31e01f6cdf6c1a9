"""Every recorded answer of ModelScope is read, and gives the values that stand in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from scope_answers import DOLPHIN, OTHER, SHA, SITE, Server, exchange, info, legacy, load, log
from support import recorded

from zooclient.errors import NotFound
from zooclient.net.exchange import replay
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.records.card import Card
from zooclient.records.classify import FORMATS
from zooclient.records.licenses import license_of
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

READ: set[str] = {"PROVENANCE.md"}


def reads(name: str) -> str:
    """Notes that a test reads a recorded file."""
    READ.add(name)
    return name


PAGE = reads("dolphin_models_search_page.json")
VERSIONS = reads("dolphin_models_many_versions.json")
FACETS = reads("dolphin_models_facets.json")

#: Model → stable id, library, task, SPDX, base model, parameters, downloads, likes, last change.
ROWS: dict[str, tuple[Any, ...]] = {
    "DiffSynth-Studio/Qwen-Image-Edit-F2P": (
        *("581440", "pytorch", "text-to-image-synthesis", "Apache-2.0", "modelscope:Qwen/Qwen-Image-Edit"),
        *(235929600, 2038, 55, datetime(2025, 10, 17, 10, 14, 57, tzinfo=UTC)),
    ),
    "lightx2v/Qwen-Image-Lightning": (
        *("528090", "pytorch", "text-to-image-synthesis", "Apache-2.0", "modelscope:Qwen/Qwen-Image"),
        *(None, 9685, 41, datetime(2025, 11, 4, 4, 19, 8, tzinfo=UTC)),
    ),
    "AI-ModelScope/next-scene-qwen-image-lora-2509": (
        *("577652", "diffusers", "image-to-image", "MIT", "modelscope:Qwen/Qwen-Image-Edit-2509"),
        *(None, 399, 13, datetime(2025, 10, 21, 18, 41, 30, tzinfo=UTC)),
    ),
    "DiffSynth-Studio/Qwen-Image-Distill-LoRA": (
        *("528870", "pytorch", None, "Apache-2.0", "modelscope:Qwen/Qwen-Image"),
        *(235929600, 1644, 14, datetime(2025, 8, 18, 10, 49, 17, tzinfo=UTC)),
    ),
    "flymy-ai/qwen-image-edit-2509-inscene-lora": (
        *("565970", "pytorch", "image-to-image", "Apache-2.0", "modelscope:Qwen/Qwen-Image-Edit-2509"),
        *(23592960, 100, 4, datetime(2025, 9, 26, 18, 21, 41, tzinfo=UTC)),
    ),
}


def rows(name: str) -> dict[str, Any]:
    """Returns the recorded rows of a file by id."""
    return {f"{told['Path']}/{told['Name']}": told for told in load(name)["Data"]["Model"]["Models"]}


def record_of(told: Any) -> ModelRecord:
    """Returns the record that a recorded row gives: it has the fields of the answer about one model."""
    return wire.read_info(legacy(told), Ref(scheme="modelscope", id=f"{told['Path']}/{told['Name']}"), endpoint=SITE)


@pytest.mark.parametrize("name", ROWS)
def test_a_recorded_model_gives_its_own_values(name: str) -> None:
    """Stable id, library, task, licence, base model, counts and times of every recorded model are read."""
    record = record_of(rows(PAGE)[name])
    assert (
        *(record.stable_id, record.library, record.task, record.license.spdx, record.base_models[0]),
        *(record.parameters, record.downloads, record.likes, record.updated_at),
    ) == ROWS[name]
    assert record.access.state == "open" and record.problems == ()
    assert record.web_url == f"{SITE}/models/{name}" and record.author == name.partition("/")[0]
    assert ModelRecord.from_dict(record.to_dict()) == record


def test_a_recorded_page_of_the_website() -> None:
    """The website's search gives hits with the same values as the record, and tells how many there are."""
    page = replay(ModelScope().search(Query(text="lora"), "site:1"), Server({DOLPHIN: load(PAGE)}))
    assert [hit.ref.id for hit in page.hits] == list(ROWS)
    for hit in page.hits:
        told = (hit.library, hit.task, hit.license and hit.license.spdx, hit.downloads, hit.likes, hit.updated_at)
        _, library, task, spdx, _, _, downloads, likes, updated = ROWS[hit.ref.id]
        assert told == (library, task, spdx, downloads, likes, updated)
    assert page.cursor == "site:2"
    assert wire.read_site_page(load(PAGE), endpoint=SITE).total == 39692
    assert page.hits[0].extra["ChineseName"] == "Qwen-Image-Edit-F2P 人脸生成图像"


def test_recorded_rows_are_filtered_here() -> None:
    """Task, library, format, licence and author are looked at again on rows as they really are."""
    server = Server({DOLPHIN: load(PAGE)})
    for query, expected in (
        (Query(task="image-to-image"), 2),
        (Query(library="diffusers"), 1),
        (Query(format="safetensors"), 5),
        (Query(license="mit"), 1),
        (Query(license="Apache-2.0"), 4),
        (Query(author="diffsynth-studio"), 2),
        (Query(tags=("lora", "qwen")), 2),
        (Query(min_parameters=235929600), 2),
        (Query(max_parameters=23592960), 1),
        (Query(gated=True), 0),
    ):
        assert len(replay(ModelScope().search(query, "site:1"), server).hits) == expected, query


def test_versions_are_kept_and_a_base_model_may_name_a_revision() -> None:
    """The five versions of a recorded model come through whole, and its base model is pinned to a tag."""
    record = record_of(rows(VERSIONS)["zhangquanhao/qwen-image-realistic-portrait"])
    assert record.base_models == ("modelscope:MusePublic/Qwen-image@v1",)
    assert (record.stable_id, record.downloads, record.parameters) == ("555424", 218, 117964800)
    versions = record.extra["MuseInfo"]["versions"]
    assert [version["modelVersion"]["showName"] for version in versions][:2] == ["ckpt-25", "ckpt-20"]
    assert record.extra["ModelInfos"]["safetensor"]["files"][0]["sha256"].startswith("dd2e694c88ee")
    assert len(rows(VERSIONS)) == 2
    listing = wire.read_site_page(load(VERSIONS), endpoint=SITE)
    assert len(listing.hits) == listing.rows == 2


def test_parameters_are_those_of_one_model() -> None:
    """The zoo's sum over 21 variants is no number of parameters; that over shards is one."""
    told = rows(PAGE)["lightx2v/Qwen-Image-Lightning"]
    assert told["ModelInfos"]["safetensor"]["model_size"] == 48929609872
    assert len(told["ModelInfos"]["safetensor"]["files"]) == 21 and record_of(told).parameters is None
    shards = [{"name": f"model-{n:05}-of-00002.safetensors"} for n in (1, 2)]
    sharded = {**told, "ModelInfos": {"safetensor": {"model_size": 5, "files": shards}}}
    assert record_of(sharded).parameters == 5


def test_times_of_a_recorded_row() -> None:
    """Seconds and milliseconds of one row tell the same hour, and the zero of their language is no time."""
    told = rows(VERSIONS)["zhangquanhao/qwen-image-realistic-portrait"]
    assert wire.moment(told["CreatedTime"]) == datetime(2025, 9, 8, 2, 56, 1, tzinfo=UTC)
    assert wire.moment(told["CertificationCreatedTime"]) is None
    made = wire.moment(told["MuseInfo"]["model"]["gmtCreate"])
    assert made == datetime(2025, 9, 8, 0, 59, 38, tzinfo=UTC)
    organized = rows(PAGE)["DiffSynth-Studio/Qwen-Image-Edit-F2P"]["Organization"]["GmtCreated"]
    assert wire.moment(organized) == datetime(2024, 8, 23, 3, 1, 18, tzinfo=UTC)


def test_recorded_facets() -> None:
    """An empty page with a count is an answer; the licences and formats that the zoo counts are known here."""
    listing = wire.read_site_page(load(FACETS), endpoint=SITE)
    assert (listing.hits, listing.rows, listing.total) == ((), 0, 39692)
    page = replay(ModelScope().search(Query(), "site:1"), Server({DOLPHIN: load(FACETS)}))
    assert page.cursor is None, "an empty page is the last, whatever is counted"
    facets = load(FACETS)["Data"]["FiledAgg"]
    unknown = {item["Value"] for item in facets["license"] if license_of([item["Value"]]).kind == "unknown"}
    assert unknown == {"other", "unknown", "cc"}
    assert license_of([facets["license"][0]["Value"]]).spdx == "Apache-2.0"
    assert license_of(["mit license"]).spdx == "MIT"
    libraries = {item["Value"] for item in facets["libraries"]}
    assert libraries & set(FORMATS) == {"safetensors", "gguf", "onnx", "tensorflow", "llamafile"}


def test_recorded_files_have_their_own_digests() -> None:
    """Every file has the sha256 of its content, large or small; the commits of single files are no pin."""
    name = reads("repo_files_qwen2.5-0.5b-gguf.json")
    listed = wire.read_tree(load(name))
    card, weights = wire.read_files(listed.entries)
    assert (card.path, card.size) == (".gitattributes", 1630)
    assert card.digests == {"sha256": "c04fe798248680304f09bdd123b107f87a982ab46bb8a4286864c465adf7f486"}
    assert (weights.size, weights.role, weights.format) == (491400032, "weights", "gguf")
    assert weights.digests == {"sha256": "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"}
    assert listed.last is None and not listed.cut
    touched = {file.extra["Revision"] for file in (card, weights)}
    assert len(touched) == 2, "they differ between files, so neither can be the commit of the whole"
    identity = "qwen/Qwen2.5-0.5B-Instruct-GGUF"
    path = f"/api/v1/models/{identity}"
    about = info(Path="qwen", Name="Qwen2.5-0.5B-Instruct-GGUF")
    server = Server({path: about, f"{path}/commits": log(OTHER), f"{path}/repo/files": load(name)})
    record = replay(ModelScope().resolve(Ref.parse(f"ms:{identity}@master")), server)
    assert record.ref.revision == OTHER and record.ref.revision not in touched
    assert record.total_size == 491401662


def test_a_recorded_listing_of_one_file() -> None:
    """The listing of 2022 reads as that of today, with the fields beside it kept."""
    tree = wire.read_tree(load(reads("repo_files_ofa_single_readme.json")))
    (card,) = wire.read_files(tree.entries)
    assert (card.path, card.size, card.role) == ("README.md", 6399, "card")
    assert card.digests["sha256"] == "8bf99f410ae0a572e5a4a85a3949ad268d49023e5c6ef200c9bd4307f9ed0660"
    assert wire.moment(card.extra["CommittedDate"]) == datetime(2022, 11, 4, 7, 53, 6, tzinfo=UTC)
    assert card.extra["CommitterName"] == "行嗔" and card.extra["InCheck"] is False


@pytest.mark.parametrize(
    ("name", "url"),
    [
        (
            reads("error_404_record_not_found.json"),
            "https://www.modelscope.cn/api/v1/models/Qwen/Qwen3.8-27B-Instruct-GGUF",
        ),
        (reads("error_404_files_tree_not_found.json"), "https://modelscope.cn/api/v1/models/no/such/repo/files"),
    ],
)
def test_a_recorded_refusal(name: str, url: str) -> None:
    """The recorded 404 means that there is no such model, and is not asked again."""
    response = exchange(name)
    ref = Ref.parse("modelscope:Qwen/Qwen3.8-27B-Instruct-GGUF")
    error = ModelScope().refused(response, ref, "resolve")
    assert type(error) is NotFound and error.exit_code == 3 and error.url == url
    assert "private" in (error.hint or "") and "zooclient login modelscope" in (error.hint or "")
    paths = ["/api/v1/models/a/b", "/api/v1/models/a/b/commits", "/api/v1/models/a/b/repo/files"]
    server = Server(dict.fromkeys(paths, lambda request: response))
    with pytest.raises(NotFound, match="has no modelscope:a/b"):
        replay(ModelScope().resolve(Ref.parse(f"ms:a/b@{SHA}")), server)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("name", "task", "library", "heading"),
    [
        ("modelscope_bert-base-chinese_widgets.md", "fill-mask", "PyTorch", "克隆该模型"),
        ("modelscope_default_template.md", "text-generation", "Pytorch", None),
        ("modelscope_smokefire_damoyolo.md", "domain-specific-object-detection", "pytorch", "模型描述"),
    ],
)
def test_a_recorded_card_speaks_for_its_commit(name: str, task: str, library: str, heading: str | None) -> None:
    """The card in an answer is the record's metadata where the commit has that very card, and no other."""
    import hashlib

    from scope_answers import blob, model, tree

    text = recorded("cards", name).read_text(encoding="utf-8")
    card = Card.parse(text)
    assert (card.task, card.library, card.license.spdx, card.problems) == (task, library, "Apache-2.0", ())
    assert heading is None or card.section(heading) is not None
    about = info(ReadMeContent=text, Tasks=None, License="Apache License 2.0")
    mine = tree(blob("README.md", len(text.encode()), hashlib.sha256(text.encode()).hexdigest()))
    record = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), Server(model(info=about, tree=mine)))
    assert (record.task, record.license.spdx, record.problems) == (task, "Apache-2.0", ())
    assert record.metadata == card.data
    other = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), Server(model(info=about)))
    assert other.metadata == {} and other.task is None and other.license.spdx == "Apache-2.0"


def test_every_recorded_file_is_read() -> None:
    """No recorded answer lies there without a test that reads it."""
    there = {path.name for path in recorded("modelscope").iterdir()}
    assert there - READ == set() and READ - there == set()
