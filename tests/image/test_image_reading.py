"""Manifests, configurations, histories and challenges, read without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagekit import COPY_ALL, COPY_WEIGHTS, LABELS, OCI, digest, image, layer, managed

from zooclient.errors import IntegrityError, ProtocolError, ZooError
from zooclient.net.challenge import Challenge, challenges
from zooclient.providers.replicate.image.labels import files_of, is_cog
from zooclient.providers.replicate.image.layers import target_of, weight_layers
from zooclient.providers.replicate.image.managed import image_of, read_weights, weights_of
from zooclient.providers.replicate.image.oci import (
    Index,
    Manifest,
    compression_of,
    read_config,
    read_manifest,
)
from zooclient.records.model import FileEntry, Layer, ModelRecord
from zooclient.records.ref import Ref

WEIGHTS = layer({"src/weights/a.bin": b"a"}, COPY_WEIGHTS)
CODE = layer({"src/predict.py": b"p"}, COPY_ALL)


def parts(made: Any) -> tuple[Manifest, Any]:
    """The manifest and the configuration of an image."""
    manifest = read_manifest(made.manifests[made.version][0], "It")
    assert isinstance(manifest, Manifest)
    return manifest, read_config(made.blobs[made.config], "It")


# -- challenges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="test"', [("basic", {"realm": "test"})]),
        (
            'Bearer realm="https://a.example/token",service="r8",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {"realm": "https://a.example/token", "service": "r8", "scope": "repository:a/b:pull,push"},
                )
            ],
        ),
        ('Negotiate, Basic realm="a b"', [("negotiate", {}), ("basic", {"realm": "a b"})]),
        ('Negotiate YWJj==, Bearer realm = "x"', [("negotiate", {}), ("bearer", {"realm": "x"})]),
        ('BASIC Realm="say \\"hello\\""', [("basic", {"realm": 'say "hello"'})]),
        ("", []),
        ('="', []),
    ],
)
def test_challenges_are_read(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    """Schemes and parameters are read in whatever case, quoting and number they come."""
    assert challenges(header) == tuple(Challenge(scheme=scheme, parameters=told) for scheme, told in expected)


@given(st.text(max_size=300))
def test_no_challenge_breaks_the_reader(header: str) -> None:
    """Whatever stands in the header, reading it ends, and gives schemes in lower case."""
    assert all(one.scheme == one.scheme.lower() for one in challenges(header))


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        max_size=4,
    )
)
def test_quoted_parameters_come_back(told: dict[str, str]) -> None:
    """What a server quotes is read as it was, commas and quotes in it included."""
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in told.items()}
    header = "Bearer " + ",".join(f'{name}="{value}"' for name, value in escaped.items())
    assert challenges(header) == (Challenge(scheme="bearer", parameters=told),)


# -- manifests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("docker", [False, True])
def test_both_families_of_manifests_are_read(docker: bool) -> None:
    """OCI's and Docker's manifests name the same layers and configuration."""
    made = image(WEIGHTS, CODE, docker=docker)
    manifest, config = parts(made)
    assert manifest.config.digest == made.config
    assert [one.digest for one in manifest.layers[1:]] == [WEIGHTS.digest, CODE.digest]
    assert config.labels == LABELS
    assert config.diff_ids[1:] == (digest(WEIGHTS.unpacked), digest(CODE.unpacked))


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"),
        ("application/vnd.oci.image.layer.v1.tar", "none"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd"),
        ("application/vnd.oci.image.layer.v1.tar+bzip2", None),
        ("application/octet-stream", None),
        ("", None),
    ],
)
def test_the_media_type_tells_how_a_layer_is_packed(media_type: str, expected: str | None) -> None:
    """Every media type of the fact sheet is known, and no other is guessed."""
    assert compression_of(media_type) == expected


def good() -> dict[str, Any]:
    """A manifest that can be read."""
    told: dict[str, Any] = json.loads(image(WEIGHTS).manifests[image(WEIGHTS).version][0])
    return told


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 1},
        {"layers": None},
        {"layers": [None]},
        {"layers": [{"digest": "sha512:00", "size": 1}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": -1}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": "1"}]},
        {"config": []},
        {"manifests": []},
        {"mediaType": OCI.format("index")},
    ],
)
def test_what_is_no_manifest_is_refused(change: dict[str, Any]) -> None:
    """Another schema, an index that is a manifest as well, a digest or a size that is none: ProtocolError."""
    with pytest.raises(ProtocolError):
        read_manifest(json.dumps({**good(), **change}).encode(), "The manifest")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["config", "layers", "manifests", "annotations", "mediaType"]), _JSON))
def test_hostile_manifests_end_in_our_errors(told: dict[str, Any]) -> None:
    """A manifest of any shape is read, or is an error with a sentence; never a traceback."""
    try:
        read_manifest(json.dumps({"schemaVersion": 2, **told}).encode(), "The manifest")
    except ZooError as error:
        assert error.message


@given(_JSON)
def test_hostile_configurations_end_in_our_errors(told: Any) -> None:
    """A configuration of any shape is read as far as it goes."""
    body = json.dumps({"config": {"Labels": told}, "history": told, "rootfs": {"diff_ids": told}}).encode()
    assert read_config(body, "It").diff_ids == ()


# -- layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created_by", "expected"),
    [
        (COPY_ALL, "src"),
        ("/bin/sh -c #(nop) COPY . /src", "src"),
        (COPY_WEIGHTS, "src/weights"),
        (
            "COPY --link --from=weights /src/checkpoints/a.pth /src/checkpoints/a.pth # buildkit",
            "src/checkpoints/a.pth",
        ),
        ("COPY --from=weights /src/weights /src/weights # weights", "src/weights"),
        ("RUN /bin/sh -c curl x | tar # weights", "src"),
        ("COPY --from=deps --link /dep /dep # buildkit", None),
        ("COPY requirements.txt /src/requirements.txt # buildkit", None),
        ("COPY --link /src/../etc /src/../etc # buildkit", None),
        ("RUN /bin/sh -c pip install torch", None),
        ('CMD ["python" "-m" "cog.server.http"]', None),
        ("", None),
    ],
)
def test_the_history_tells_where_weights_may_be(created_by: str, expected: str | None) -> None:
    """The steps that Cog and r8im are known by are found, with the folder that they fill; others are left alone."""
    assert target_of(created_by) == expected


@given(st.text(max_size=200))
def test_no_history_breaks_the_choice(created_by: str) -> None:
    """Whatever a step says, a target is a path below the root, or none."""
    target = target_of(created_by)
    assert target is None or (target and not target.startswith("/") and ".." not in target.split("/"))


def test_layers_are_paired_with_the_steps_that_made_them() -> None:
    """Steps that made no layer are passed over, so that each layer has its own digest unpacked."""
    found = weight_layers(*parts(image(WEIGHTS, CODE)))
    assert [(one.target, one.digest, one.unpacked_digest) for one in found.layers] == [
        ("src/weights", WEIGHTS.digest, digest(WEIGHTS.unpacked)),
        ("src", CODE.digest, digest(CODE.unpacked)),
    ]
    assert found.problems == ()


def test_an_image_without_weights_says_so() -> None:
    """Where no step looks like weights, a sentence tells it, and nothing is guessed."""
    found = weight_layers(*parts(image(layer({"a": b"a"}, "RUN pip install torch"))))
    assert found.layers == ()
    assert "No layer of the image" in found.problems[0]


def test_a_history_that_tells_of_other_layers_is_not_believed() -> None:
    """Where steps and layers cannot be paired, no layer is taken for one of weights."""
    manifest, config = parts(image(WEIGHTS))
    found = weight_layers(Manifest(config=manifest.config, layers=manifest.layers[:1]), config)
    assert found.layers == ()
    assert "history" in found.problems[0]


def test_labels_of_both_ages_become_files() -> None:
    """cog.yaml, schema and packages come from the labels of today, else from those of before 2022."""
    old = {"org.cogmodel.config": '{"predict": "a"}', "org.cogmodel.openapi_schema": "{}"}
    assert files_of(old) == {"openapi.json": b"{}", "cog.yaml": b'{"predict": "a"}'}
    assert files_of(LABELS)["pip-freeze.txt"] == b"torch==2.1.0\nnumpy==1.26.0\n"
    assert is_cog(old) and is_cog(LABELS) and not is_cog({"run.cog.config": ""})


# -- managed weights ----------------------------------------------------------------------------


def listed(made: Any) -> tuple[Index, Manifest, bytes]:
    """The index of managed weights, and the first set."""
    index = read_manifest(made.manifests[made.version][0], "It")
    assert isinstance(index, Index)
    (told,) = weights_of(index)
    manifest = read_manifest(made.manifests[told.digest][0], "It")
    assert isinstance(manifest, Manifest)
    return index, manifest, made.blobs[manifest.config.digest]


def test_managed_weights_tell_every_file() -> None:
    """The list of a set names each file with its sha256, and the layer that holds it; the image is told apart."""
    made = image(CODE)
    of_image = made.version
    managed(made, {"b.safetensors": b"b", "a/c.json": b"c"})
    index, manifest, config = listed(made)
    chosen = image_of(index)
    assert chosen is not None and chosen.digest == of_image
    files = read_weights(manifest, config, weights_of(index)[0])
    assert [(file.path, file.size, file.digests["sha256"], file.role) for file in files] == [
        ("src/weights/b.safetensors", 1, digest(b"b"), "weights"),
        ("src/weights/a/c.json", 1, digest(b"c"), "config"),
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"setDigest": "sha256:" + "0" * 64}, IntegrityError),
        ({"files": [{"path": "../a", "layer": "sha256:" + "0" * 64, "size": 1, "digest": "0" * 64}]}, IntegrityError),
        ({"files": [{"path": "a"}]}, ProtocolError),
        ({"files": None}, ProtocolError),
    ],
)
def test_a_set_that_contradicts_itself_is_refused(change: dict[str, Any], error: type[ZooError]) -> None:
    """A set digest that is another, a path that climbs, a file without digest: refused before a byte is fetched."""
    index, manifest, config = listed(managed(image(CODE), {"a": b"a"}))
    with pytest.raises(error):
        read_weights(manifest, json.dumps({**json.loads(config), **change}).encode(), weights_of(index)[0])


def test_a_record_with_layers_survives_a_journey() -> None:
    """A record whose files lie in layers is the same as JSON and back."""
    closed = FileEntry.of_layer(Layer(digest="0" * 64, size=3, compression="zstd", target="src", unpacked_size=9))
    ref = Ref.parse(f"replicate:acme/tiny@{'a' * 64}")
    record = ModelRecord(ref=ref, requested=ref, pin="version", title="tiny", files=(closed, FileEntry(path="a")))
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert (closed.path, closed.unopened) == ("layers/000000000000.tar.zst", True)
