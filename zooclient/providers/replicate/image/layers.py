"""Which layers of an image hold weights; pure, and in part a guess.

A layer does not say what is in it. What its history says was learnt from Cog's and r8im's sources: layers of separate
weights are made by ``COPY --link`` to a path below ``/src``, or are marked ``# weights``; the code, and the weights of
older images, come by ``COPY . /src``. What is guessed is only where to look: each layer is held against its digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from zooclient.errors import IntegrityError
from zooclient.providers.replicate.image.oci import Config, Descriptor, Manifest, compression_of
from zooclient.records.model import Layer
from zooclient.records.paths import safe_path

#: Where Cog puts a model.
ROOT = "src"

_MARKED = re.compile(r"\s# weights\s*$")
_LINKED = re.compile(r"\bCOPY\b(?=.*\s--link\b).*?\s(/src/\S+)\s*(?:#.*)?$")
_ALL = re.compile(r"(?:^|/bin/sh -c #\(nop\)\s+)COPY\s+(?:--\S+\s+)*\.\s+/src/?\s*(?:#.*)?$")
_TARGET = re.compile(r"\s(/\S+)\s*(?:#.*)?$")


@frozen(kw_only=True)
class Found:
    """The layers of an image that may hold weights.

    Attributes:
        layers: In the order of the image: what a later one holds hides what an earlier one has under the same name.
        problems: Sentences on what could not be made out.
    """

    layers: tuple[Layer, ...] = ()
    problems: tuple[str, ...] = ()


def weight_layers(manifest: Manifest, config: Config) -> Found:
    """Chooses the layers of an image in which weights, or the files below ``/src``, may lie."""
    paired = list(_paired(manifest, config))
    if not paired:
        return Found(
            problems=("The history of the image does not tell what its layers are.",) if manifest.layers else ()
        )
    layers, problems = [], []
    for descriptor, created_by, unpacked in paired:
        target = target_of(created_by)
        if target is None:
            continue
        packed = compression_of(descriptor.media_type)
        if packed is None:
            problems.append(f"A layer of the image is packed in an unknown way ({descriptor.media_type[:80]}).")
            continue
        layers.append(
            Layer(
                digest=descriptor.digest,
                size=descriptor.size,
                compression=packed,
                target=target,
                unpacked_digest=unpacked,
            )
        )
    if not layers:
        problems.append("No layer of the image looks as if it held weights; they may be fetched when it is run.")
    return Found(layers=_once(layers), problems=tuple(dict.fromkeys(problems)))


def target_of(created_by: str) -> str | None:
    """Returns the path below the root that a step fills; None: no weights are looked for there."""
    line = " ".join(created_by[:4000].split())
    linked = _LINKED.search(line)
    if linked is not None:
        return _below_root(linked[1])
    if _ALL.search(line):
        return ROOT
    if _MARKED.search(line):
        target = _TARGET.search(line)
        return (_below_root(target[1]) if target is not None else None) or ROOT
    return None


def _below_root(path: str) -> str | None:
    found = path.strip("/")
    try:
        safe_path(found)
    except IntegrityError:
        return None
    return found


def _paired(manifest: Manifest, config: Config) -> Iterator[tuple[Descriptor, str, str | None]]:
    """Each layer with the step that made it, and its digest unpacked; nothing where the history tells others."""
    steps = [step for step in config.history if not step.empty]
    if len(steps) != len(manifest.layers):
        return
    known = len(config.diff_ids) == len(manifest.layers)
    for number, (descriptor, step) in enumerate(zip(manifest.layers, steps, strict=True)):
        yield descriptor, step.created_by, config.diff_ids[number] if known else None


def _once(layers: list[Layer]) -> tuple[Layer, ...]:
    """Each layer once; of two places of the same bytes the later one counts."""
    last = {layer.digest: layer for layer in layers}
    return tuple(layer for layer in layers if last[layer.digest] is layer)
