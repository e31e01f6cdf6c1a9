"""The image of a version: manifest, config and labels, as Cog makes them. Pure.

Shapes: OCI image specification 1.0, Docker's image manifest version 2 schema 2, Cog's labels and, for weights in a
manifest of their own, its draft "Managed Weights" 1.0. Whatever an image tells is made from the files of the version,
so that the same version is the same image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from zooclient.serve.registry.form import Form
from zooclient.serve.registry.layers import Member, Packing, Pressed, Recipe, member
from zooclient.serve.registry.parts import (
    CONFIGS,
    DOCKER_MANIFEST,
    INDEX,
    LAYERS,
    MANIFEST,
    WEIGHT,
    WEIGHT_CONFIG,
    Image,
    Manifest,
    Parts,
    descriptor,
    digest_of,
    dumped,
)
from zooclient.serve.shelf import FLOOR, ShelfFile

#: Name of a label's meaning to the name under which it is told.
_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "run.cog": {
        "version": "run.cog.version",
        "config": "run.cog.config",
        "schema": "run.cog.openapi_schema",
        "pip": "run.cog.pip_freeze",
    },
    "org.cogmodel": {
        "version": "org.cogmodel.cog_version",
        "config": "org.cogmodel.config",
        "schema": "org.cogmodel.openapi_schema",
    },
    "none": {},
}
#: Folder in which managed weights are put.
TARGET: Final = "/src/weights"
#: Endings of files that are not worth packing: each has a layer of its own where weights are managed.
_DENSE: Final = (".safetensors", ".bin", ".gguf", ".onnx", ".parquet", ".pt", ".pth")

COG_YAML: Final = {"build": {"gpu": False, "python_version": "3.11"}, "predict": "predict.py:Predictor"}
PIP_FREEZE: Final = "cog==0.9.5\nfastapi==0.98.0\nnumpy==1.26.4\npydantic==1.10.18\nuvicorn==0.30.6"
_PREDICT: Final = b"from cog import BasePredictor\n\n\nclass Predictor(BasePredictor):\n    pass\n"
_BASE: Final = (
    member("etc/os-release", b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'),
    member("usr/local/lib/python3.11/site-packages/cog/__init__.py", b'__version__ = "0.9.5"\n'),
)
_BASE_NAME: Final = "image/base.tar"
_ENV: Final = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "R8_COG_VERSION=0.9.5",
    "R8_PYTHON_VERSION=3.11",
)


@frozen(kw_only=True)
class Source:
    """What an image is made of.

    Attributes:
        model: ``owner/name``.
        files: The files of the version; large ones are weights.
        cog_yaml: Its ``cog.yaml`` as it was read. None: it has none.
        document: The OpenAPI document that describes it.
        cog: Version of Cog that made it.
        push: What tells this push from others.
        form: How it is made.
    """

    model: str
    files: tuple[ShelfFile, ...]
    cog_yaml: Any = field(default=None, hash=False)
    document: Mapping[str, Any] = field(hash=False)
    cog: str
    push: str
    form: Form = field(factory=Form)


def set_digest(files: Mapping[str, str]) -> str:
    """Returns the digest of a set of weights, however it is packed.

    Args:
        files: Path to sha256, 64 hex. Cog sorts the lines whole, hence by digest, and ends with none.
    """
    lines = sorted(f"{sha256}  {path}" for path, sha256 in files.items())
    return digest_of("\n".join(lines).encode())


def build(source: Source, press: Callable[[Recipe], Pressed]) -> Image:
    """Makes the image of a version.

    Args:
        source: What it is made of.
        press: Makes a layer to learn its digests (:func:`zooclient.serve.registry.layers.press`).
    """
    return _Builder(source, press).image()


class _Builder:
    """Collects what an image consists of."""

    def __init__(self, source: Source, press: Callable[[Recipe], Pressed]) -> None:
        self._source = source
        self._form = source.form
        self._press = press
        self._weights = tuple(file for file in source.files if file.sha256 is not None)
        self._parts = Parts()

    def image(self) -> Image:
        top = own = self._own()
        if self._form.weights == "managed" and self._weights:
            top = self._index(own, *self._managed())
        pinned = own if self._form.pinned == "image" else top
        return Image(
            id=pinned.digest.removeprefix("sha256:"),
            manifests=self._parts.manifests,
            blobs=self._parts.blobs,
            document=self._source.document,
            cog=self._source.cog,
        )

    # The image itself

    def _own(self) -> Manifest:
        steps = [("ADD file:base in / ", _BASE_NAME, Recipe(members=_BASE)), *self._steps()]
        steps += [(more.created_by, "image/further.tar", Recipe(archive=more.archive)) for more in self._form.further]
        history: list[dict[str, Any]] = []
        layers, diff_ids = [], []
        for created_by, name, recipe in steps:
            history.append({"created": _CREATED, "created_by": created_by})
            if name == _BASE_NAME:
                nothing = {"created_by": "WORKDIR /src", "comment": "buildkit.dockerfile.v0", "empty_layer": True}
                history.append({"created": _CREATED, **nothing})
            pressed = self._press(recipe)
            layers.append(self._parts.layer(pressed, recipe, name, LAYERS[self._form.types, recipe.packing]))
            diff_ids.append(pressed.diff_id)
        config = {
            "architecture": "amd64",
            "config": {
                "Cmd": ["python", "-m", "cog.server.http"],
                "Env": list(_ENV),
                "ExposedPorts": {"5000/tcp": {}},
                "Labels": self._labels(),
                "WorkingDir": "/src",
            },
            "created": _CREATED,
            "history": history,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        told: dict[str, Any] = {"config": self._parts.config(config, CONFIGS[self._form.types]), "layers": layers}
        if self._form.types == "oci":
            told["annotations"] = {"run.cog.push_id": self._source.push}
        return self._parts.manifest(told, MANIFEST if self._form.types == "oci" else DOCKER_MANIFEST)

    def _steps(self) -> list[tuple[str, str, Recipe]]:
        """What the history says, the name of the blob and what it is made of: weights first, then all the rest."""
        apart = () if self._form.weights == "inside" else self._weights
        steps = []
        for file in () if self._form.weights == "managed" else apart:
            said = f"COPY {file.path} /src/{file.path} # weights"
            if self._form.weights == "linked":
                said = f"COPY --from=weights --link /src/{file.path} /src/{file.path} # buildkit"
            recipe = Recipe(members=(_file("src/", file),), packing=self._form.packing)
            steps.append((said, file.path, recipe))
        members = [_file("src/", file) for file in self._source.files if file not in apart]
        held = {file.path for file in self._source.files}
        ours = {
            "cog.yaml": json.dumps(COG_YAML, indent=2).encode(),
            "predict.py": _PREDICT,
            ".cog/openapi_schema.json": dumped(self._source.document),
        }
        members += [member(f"src/{path}", content) for path, content in ours.items() if path not in held]
        if self._form.weights == "managed":
            told = {"name": self._name, "target": TARGET, "setDigest": self._set_digest()}
            members.append(member(".cog/weights.json", dumped({"weights": [told]})))
        packing: Packing = self._form.packing if self._form.weights == "inside" else "gzip"
        ordered = tuple(sorted(members, key=lambda one: one.path.encode()))
        return [*steps, ("COPY . /src # buildkit", "image/code.tar", Recipe(members=ordered, packing=packing))]

    def _labels(self) -> dict[str, str]:
        config = COG_YAML if self._source.cog_yaml is None else self._source.cog_yaml
        told = {
            "version": self._source.cog,
            "config": dumped(config).decode(),
            "schema": dumped(self._source.document).decode(),
            "pip": PIP_FREEZE,
        }
        return {name: told[meaning] for meaning, name in _LABELS[self._form.labels].items()}

    # Weights in a manifest of their own

    @property
    def _name(self) -> str:
        return self._source.model.rpartition("/")[2]

    def _set_digest(self) -> str:
        return set_digest({file.path: file.content for file in self._weights})

    def _managed(self) -> tuple[Manifest, dict[str, str]]:
        """The manifest of the weights, and what the index repeats of its annotations."""
        bundle = tuple(file for file in self._weights if not file.path.endswith(_DENSE))
        groups: list[tuple[tuple[ShelfFile, ...], Packing]]
        groups = [((file,), "tar") for file in self._weights if file not in bundle]
        groups += [(bundle, "gzip")] if bundle else []
        layers, files, size = [], [], 0
        for group, packing in groups:
            recipe = Recipe(members=tuple(_file("", file) for file in group), packing=packing)
            pressed = self._press(recipe)
            name = group[0].path if packing == "tar" else "image/bundle.tar"
            layer = self._parts.layer(pressed, recipe, name, LAYERS["oci", recipe.packing])
            layers.append({**layer, "annotations": {"run.cog.weight.size.uncompressed": str(pressed.unpacked)}})
            for file in group:
                told = {"layer": pressed.digest, "size": file.size, "digest": f"sha256:{file.content}"}
                files.append({"path": file.path, **told})
                size += file.size
        files.sort(key=lambda told: str(told["path"]))
        known = {"name": self._name, "target": TARGET, "setDigest": self._set_digest()}
        annotations = {"run.cog.weight.name": self._name, "run.cog.weight.set-digest": self._set_digest()}
        config = self._parts.config({**known, "files": files}, WEIGHT_CONFIG)
        told_of = {**annotations, "run.cog.weight.target": TARGET}
        manifest = self._parts.manifest(
            {"artifactType": WEIGHT, "config": config, "layers": layers, "annotations": told_of}, MANIFEST
        )
        return manifest, {**annotations, "run.cog.weight.size.uncompressed": str(size)}

    def _index(self, own: Manifest, manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
        rows = [
            {**descriptor(own), "platform": {"architecture": "amd64", "os": "linux"}},
            {
                **descriptor(manifest),
                "artifactType": WEIGHT,
                "platform": {"architecture": "unknown", "os": "unknown"},
                "annotations": annotations,
            },
        ]
        return self._parts.manifest({"manifests": rows}, INDEX)


_CREATED: Final = f"{FLOOR:%Y-%m-%dT%H:%M:%SZ}"


def _file(folder: str, file: ShelfFile) -> Member:
    return Member(path=f"{folder}{file.path}", size=file.size, digest=file.digest)
