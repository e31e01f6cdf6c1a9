"""The images of versions: what they hold, and that their digests are what they say."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from registry_site import MODEL, Zoo, content, told
from served_models import safetensors, tiny

from zooclient.serve.registry.image import set_digest
from zooclient.serve.registry.layers import Recipe, blocks, member, press
from zooclient.serve.registry.parts import DOCKER_MANIFEST, INDEX, MANIFEST, WEIGHT, WEIGHT_CONFIG
from zooclient.serve.replicate.hosted import Input
from zooclient.testing.registry import Further


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    made = Zoo()
    made.r8.rules.strangers, made.r8.rules.redirect = "open", False
    yield made
    made.close()


class Pulled:
    """An image as a client has it after it pulled every byte, each held against its digest."""

    def __init__(self, zoo: Zoo, digest: str, model: str = MODEL) -> None:
        self._zoo = zoo
        self._model = model
        answer = zoo.get(f"{model}/manifests/{digest}")
        assert answer.status == 200
        assert (
            "sha256:" + hashlib.sha256(content(answer)).hexdigest() == answer.headers["docker-content-digest"] == digest
        )
        self.manifest = told(answer)
        assert self.manifest["mediaType"] == answer.headers["content-type"]

    def blob(self, row: Any) -> bytes:
        """A blob that a descriptor names."""
        got = content(self._zoo.get(f"{self._model}/blobs/{row['digest']}"))
        assert ("sha256:" + hashlib.sha256(got).hexdigest(), len(got)) == (row["digest"], row["size"])
        return got

    @property
    def config(self) -> Any:
        """The config."""
        return json.loads(self.blob(self.manifest["config"]))

    def archives(self) -> list[bytes]:
        """The layers, unpacked."""
        packed = [(row["mediaType"], self.blob(row)) for row in self.manifest["layers"]]
        return [gzip.decompress(blob) if media.endswith("gzip") else blob for media, blob in packed]

    def files(self) -> dict[str, bytes]:
        """What a container sees, later layers over earlier ones."""
        seen: dict[str, bytes] = {}
        for archive in self.archives():
            seen |= unpacked(archive)
        return seen


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        return {entry.name: (tar.extractfile(entry) or io.BytesIO()).read() for entry in tar if entry.isfile()}


def pull(zoo: Zoo) -> Pulled:
    """The image of the newest version."""
    return Pulled(zoo, f"sha256:{zoo.owners.version(MODEL)}")


def test_the_id_of_a_version_is_the_digest_of_its_manifest(zoo: Zoo) -> None:
    """Every version that Replicate tells of has an image here under that digest, and the newest is ``latest``."""
    zoo.shelf.commit(MODEL, {"more.txt": b"2"})
    ids = [zoo.owners.version(MODEL, number) for number in (0, 1)]
    assert len(set(ids)) == 2
    for name in ids:
        assert Pulled(zoo, f"sha256:{name}").manifest["schemaVersion"] == 2
    assert zoo.get(f"{MODEL}/manifests/latest").headers["docker-content-digest"] == f"sha256:{ids[0]}"
    assert told(zoo.get(f"{MODEL}/tags/list")) == {"name": MODEL, "tags": ["latest"]}


def test_the_files_of_the_model_are_below_src(zoo: Zoo) -> None:
    """Small files are in the layer of the code, large ones in layers of their own, all with their true contents."""
    image = pull(zoo)
    seen = image.files()
    assert {path.removeprefix("src/"): seen[path] for path in seen if path.removeprefix("src/") in tiny()} == tiny()
    assert json.loads(seen["src/.cog/openapi_schema.json"])["info"]["title"] == "Cog"
    assert {"src/cog.yaml", "src/predict.py"} <= set(seen)
    assert image.config["rootfs"]["diff_ids"] == [
        "sha256:" + hashlib.sha256(archive).hexdigest() for archive in image.archives()
    ]


def test_weights_are_found_in_the_history(zoo: Zoo) -> None:
    """Walked beside the layers, without what made none, it says which layers hold weights; code comes last."""
    image = pull(zoo)
    steps = [step for step in image.config["history"] if not step.get("empty_layer")]
    assert len(steps) == len(image.manifest["layers"]) < len(image.config["history"])
    marked = [
        archive
        for step, archive in zip(steps, image.archives(), strict=True)
        if step["created_by"].endswith(" # weights")
    ]
    assert [list(unpacked(archive)) for archive in marked] == [["src/model.safetensors"], ["src/onnx/model.onnx"]]
    assert steps[-1]["created_by"].startswith("COPY . /src")
    kinds = [row["mediaType"].rpartition(".")[2] for row in image.manifest["layers"]]
    assert kinds == ["tar+gzip", "tar", "tar", "tar+gzip"]


def test_labels_say_what_cog_says(zoo: Zoo) -> None:
    """The schema is the one that the API tells of the version, ``cog.yaml`` as JSON, and packages are listed."""
    zoo.owners.offer(MODEL, inputs={"steps": Input("integer", default=4)})
    zoo.shelf.commit(MODEL, {"cog.yaml": b"build:\n  gpu: true\n  date: 2024-05-06\npredict: run.py:P\n"})
    labels = pull(zoo).config["config"]["Labels"]
    assert list(json.loads(labels["run.cog.openapi_schema"])["components"]["schemas"]["Input"]["properties"]) == [
        "steps"
    ]
    assert json.loads(labels["run.cog.config"])["build"] == {"gpu": True, "date": "2024-05-06"}
    assert labels["run.cog.version"] == "0.9.5"
    assert "numpy==1.26.4" in labels["run.cog.pip_freeze"].splitlines()


def test_another_schema_is_another_version(zoo: Zoo) -> None:
    """An image cannot change, so a model that takes something else is a new version; the old one can still be had."""
    before = zoo.owners.version(MODEL)
    zoo.owners.offer(MODEL, inputs={"text": Input()})
    after = zoo.owners.version(MODEL)
    assert before != after
    schemas = [
        Pulled(zoo, f"sha256:{name}").config["config"]["Labels"]["run.cog.openapi_schema"] for name in (before, after)
    ]
    assert schemas[0] != schemas[1]


@pytest.mark.parametrize(
    ("form", "media", "layer", "step"),
    [
        ({"types": "docker", "packing": "gzip"}, DOCKER_MANIFEST, "docker.image.rootfs.diff.tar.gzip", "# weights"),
        ({"types": "docker"}, DOCKER_MANIFEST, "docker.image.rootfs.diff.tar", "# weights"),
        ({"packing": "gzip"}, MANIFEST, "oci.image.layer.v1.tar+gzip", "# weights"),
        ({"weights": "linked"}, MANIFEST, "oci.image.layer.v1.tar", "COPY --from=weights --link"),
        ({"weights": "inside"}, MANIFEST, "oci.image.layer.v1.tar", "COPY . /src"),
    ],
)
def test_an_image_is_made_as_it_is_wanted(zoo: Zoo, form: dict[str, Any], media: str, layer: str, step: str) -> None:
    """Docker's types or OCI's, packed or not, weights apart or not: the files are the same."""
    zoo.r8.form(MODEL, **form)
    image = pull(zoo)
    assert image.manifest["mediaType"] == media
    assert image.manifest["layers"][1]["mediaType"] == f"application/vnd.{layer}"
    assert step in [one for one in image.config["history"] if not one.get("empty_layer")][1]["created_by"]
    assert image.files()["src/model.safetensors"] == safetensors(5000)


@pytest.mark.parametrize(("labels", "first"), [("org.cogmodel", "org.cogmodel.cog_version"), ("none", None)])
def test_old_labels_and_none(zoo: Zoo, labels: str, first: str | None) -> None:
    """An image of before 2022 names them otherwise, and one that Cog did not make has none."""
    zoo.r8.form(MODEL, labels=labels)
    assert next(iter(pull(zoo).config["config"]["Labels"]), None) == first


def test_managed_weights_are_a_manifest_of_their_own(zoo: Zoo) -> None:
    """An index ties image and weights together; the config of the weights tells every file with its sha256."""
    zoo.shelf.commit(
        MODEL,
        {
            "tokenizer.model": b"t" * 900,
            ".gitattributes": b"*.model filter=lfs\n*.safetensors filter=lfs\n*.onnx filter=lfs\n",
        },
    )
    zoo.r8.form(MODEL, weights="managed")
    top = pull(zoo)
    assert top.manifest["mediaType"] == INDEX
    own, weights = top.manifest["manifests"]
    assert own["platform"] == {"architecture": "amd64", "os": "linux"}
    assert (weights["artifactType"], weights["platform"]["os"]) == (WEIGHT, "unknown")
    held = Pulled(zoo, weights["digest"])
    assert held.manifest["artifactType"] == WEIGHT
    assert held.manifest["config"]["mediaType"] == WEIGHT_CONFIG
    config = held.config
    files = {path: tiny()[path] for path in ("model.safetensors", "onnx/model.onnx")} | {"tokenizer.model": b"t" * 900}
    sums = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    assert [row["path"] for row in config["files"]] == sorted(files)
    assert {row["path"]: (row["size"], row["digest"]) for row in config["files"]} == {
        path: (len(body), f"sha256:{sums[path]}") for path, body in files.items()
    }
    assert config["setDigest"] == weights["annotations"]["run.cog.weight.set-digest"] == set_digest(sums)
    by_layer = dict(zip([row["digest"] for row in held.manifest["layers"]], held.archives(), strict=True))
    for row in config["files"]:
        assert unpacked(by_layer[row["layer"]])[row["path"]] == files[row["path"]]
    assert weights["annotations"]["run.cog.weight.size.uncompressed"] == str(sum(map(len, files.values())))
    seen = Pulled(zoo, own["digest"]).files()
    assert "src/model.safetensors" not in seen
    told_inside = json.loads(seen[".cog/weights.json"])["weights"]
    assert told_inside == [{"name": "tiny", "target": "/src/weights", "setDigest": config["setDigest"]}]
    zoo.r8.form(MODEL, weights="managed", pinned="image")
    assert zoo.owners.version(MODEL) == own["digest"].removeprefix("sha256:")
    assert zoo.get("acme/tiny/weights/tiny/manifests/" + weights["digest"]).status == 200


def test_a_set_of_weights_is_known_by_the_lines_as_cog_sorts_them() -> None:
    """By digest first, joined without a line break at the end."""
    lines = f"{'1' * 64}  z\n{'2' * 64}  a"
    assert set_digest({"a": "2" * 64, "z": "1" * 64}) == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def test_whatever_is_put_on_top_is_served(zoo: Zoo) -> None:
    """A hostile layer comes as it was given, under its true digest."""
    zoo.r8.form(MODEL, further=(Further(b"no archive at all", "COPY evil /src # weights"),))
    image = pull(zoo)
    assert image.blob(image.manifest["layers"][-1])[:2] == b"\x1f\x8b"
    assert gzip.decompress(image.blob(image.manifest["layers"][-1])) == b"no archive at all"
    assert image.config["history"][-1]["created_by"] == "COPY evil /src # weights"


def test_a_version_whose_bytes_are_gone_is_told_without_an_image(tmp_path: Path) -> None:
    """A file that was overwritten before anybody looked leaves a version with an id and no image."""
    from zooclient.serve.folder import FolderShelf
    from zooclient.serve.registry.depot import Depot
    from zooclient.serve.registry.images import reader
    from zooclient.serve.replicate.catalogue import Catalogue

    (tmp_path / "acme/tiny").mkdir(parents=True)
    place = tmp_path / "acme/tiny/model.safetensors"
    place.write_bytes(safetensors(5000))
    shelf = FolderShelf(tmp_path, keep_limit=0)
    repository = shelf.at("replicate").repository("acme/tiny")
    assert repository is not None
    place.write_bytes(b"x")
    depot = Depot()
    model = Catalogue(shelf.at("replicate"), depot).model(repository)
    assert model is not None
    assert model.latest is not None
    assert len(model.latest.id) == 64
    assert depot.images.former(repository) == []
    with pytest.raises(LookupError):
        list(reader(shelf)("0" * 64))
    shelf.close()


def test_what_was_made_once_is_known_after_its_bytes_went(zoo: Zoo) -> None:
    """The id of a version does not change when the shelf cannot give its files any more, and its blobs are gone."""
    name = zoo.owners.version(MODEL)
    image = zoo.r8.image(MODEL)
    zoo.shelf.close()
    layer = next(blob for blob in image.blobs.values() if blob.name == "model.safetensors")
    assert zoo.owners.version(MODEL) == name
    assert zoo.get(f"{MODEL}/blobs/{layer.digest}").status == 404


def test_a_layout_holds_the_whole_image(zoo: Zoo, tmp_path: Path) -> None:
    """Every blob lies under its digest, the index leads to the manifest by its tag, and a second image is added."""
    image = zoo.r8.write(MODEL, tmp_path / "oci", tag="v1")
    zoo.shelf.commit(MODEL, {"more.txt": b"2"})
    zoo.r8.write(MODEL, tmp_path / "oci", tag="v2")
    rows = json.loads((tmp_path / "oci/index.json").read_text())["manifests"]
    assert [row["annotations"]["org.opencontainers.image.ref.name"] for row in rows] == ["v1", "v2"]
    assert rows[0]["digest"] == f"sha256:{image.id}"
    assert json.loads((tmp_path / "oci/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    for path in (tmp_path / "oci/blobs/sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert {digest.removeprefix("sha256:") for digest in (*image.blobs, *image.manifests)} <= {
        path.name for path in (tmp_path / "oci/blobs/sha256").iterdir()
    }


_PATHS = st.from_regex(r"[a-zA-Z0-9_.é\U0001F600 -]{1,60}(/[a-z]{1,60}){0,3}", fullmatch=True).filter(
    lambda path: not any(part.strip(" .") == "" for part in path.split("/"))
)


@given(st.dictionaries(_PATHS, st.binary(max_size=1500), max_size=5), st.sampled_from(["tar", "gzip"]))
def test_layers_are_archives_that_others_read(files: dict[str, bytes], packing: Any) -> None:
    """Any path and any content come back through tarfile; size and digests are those of the bytes."""
    names = {path for path in files if not any(other.startswith(f"{path}/") for other in files)}
    recipe = Recipe(members=tuple(member(path, files[path]) for path in sorted(names)), packing=packing)
    packed = b"".join(blocks(recipe, lambda digest: iter(())))
    archive = gzip.decompress(packed) if packing == "gzip" else packed
    assert unpacked(archive) == {path: files[path] for path in names}
    known = press(recipe, lambda digest: iter(()))
    assert (known.size, known.unpacked) == (len(packed), len(archive))
    assert known.digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert known.diff_id == "sha256:" + hashlib.sha256(archive).hexdigest()
    assert evolve(recipe) == recipe
