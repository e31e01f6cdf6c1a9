"""Manifests, blobs and tags of the models that a visitor may have."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from zooclient.serve.exchange import Answer, Question, Refusal, json_answer
from zooclient.serve.protocol import Site
from zooclient.serve.ranges import file_answer
from zooclient.serve.registry.depot import Depot
from zooclient.serve.registry.names import accepted, is_digest, is_tag
from zooclient.serve.registry.parts import Blob, Manifest
from zooclient.serve.registry.said import refused
from zooclient.serve.registry.storage import Parcel, link
from zooclient.serve.replicate.catalogue import Model
from zooclient.serve.shelf import Place, Shelf

#: The tag that leads to what was pushed last.
_LATEST = "latest"
_OCTETS = "application/octet-stream"


class Pulling:
    """What is answered to those who fetch.

    Args:
        site: What the protocol is made from.
        shelf: The models, as Replicate shows them.
        depot: Their images.
    """

    def __init__(self, site: Site, shelf: Shelf, depot: Depot) -> None:
        self._site = site
        self._shelf = shelf
        self._depot = depot

    def manifest(self, question: Question, model: Model, reference: str) -> Answer:
        """Answers with a manifest, to those who say that they take one of its kind."""
        found = self.manifest_of(model, reference)
        if found is None:
            code = "MANIFEST_UNKNOWN" if is_digest(reference) or is_tag(reference) else "TAG_INVALID"
            raise Refusal(refused(code, {"Tag": reference}))
        if found.media not in accepted(question.headers.get("accept")):
            # Nothing is told of a kind that a client does not take: it is as if it were not there.
            raise Refusal(refused("MANIFEST_UNKNOWN", {"Tag": reference}))
        headers = {
            "content-type": found.media,
            "docker-content-digest": found.digest,
            "etag": f'"{found.digest}"',
        }
        return Answer(headers=headers, body=found.body, file="image/manifest.json")

    def blob(self, question: Question, model: Model, digest: str) -> Answer:
        """Answers with a blob, or with where it lies."""
        if not is_digest(digest):
            raise Refusal(refused("DIGEST_INVALID", digest))
        found = self.place_of(model, digest)
        if found is None:
            raise Refusal(refused("BLOB_UNKNOWN", digest))
        place, name = found
        headers = {"content-type": _OCTETS, "docker-content-digest": digest, "cache-control": "max-age=31536000"}
        if question.method == "GET" and self._depot.rules.redirect:
            expires = int(self._site.clock() + self._site.options.link_lifetime)
            parcel = Parcel(digest=digest, model=model.id, name=name, expires=expires)
            target = link(self._site.byte_origin(question.base), parcel, self._site.signer)
            return Answer(status=307, headers={**headers, "location": target}, file=name)
        return evolve(file_answer(place, place.stamp[0], f'"{digest}"', question, headers), file=name)

    def tags(self, name: str, model: Model) -> Answer:
        """Answers with the tags of a model."""
        told = self._depot.pushed.tags(model.id)
        if model.versions and _LATEST not in told:
            told.append(_LATEST)
        return json_answer({"name": name, "tags": sorted(told)})

    def knows(self, model: Model) -> Callable[[str], bool]:
        """Returns what tells whether a model has a blob or a manifest with a digest."""
        return lambda digest: self.size_of(model, digest) is not None or self.manifest_of(model, digest) is not None

    def size_of(self, model: Model, digest: str) -> int | None:
        """Bytes of a blob of a model; None when it has none of this digest."""
        sent = self._depot.pushed.blob(model.id, digest)
        if sent is not None:
            return sent
        blob = self._made(model, digest)
        return None if blob is None else blob.size

    def place_of(self, model: Model, digest: str) -> tuple[Place, str] | None:
        """Where a blob of a model lies, and what it is; None when it has none of this digest."""
        if self._depot.pushed.blob(model.id, digest) is not None:
            place = self._depot.files.get(digest)
            return None if place is None else (place, "image/pushed.blob")
        blob = self._made(model, digest)
        place = None if blob is None else self._depot.images.place(blob, self._shelf)
        return None if blob is None or place is None else (place, blob.name)

    def manifest_of(self, model: Model, reference: str) -> Manifest | None:
        """The manifest that a tag or a digest names; None when there is none."""
        sent = self._depot.pushed.manifest(model.id, reference)
        if sent is not None:
            return sent
        images = [image for image, _ in self._depot.images.former(model.repository)]
        if reference == _LATEST and model.latest is not None:
            latest = next((image for image in images if image.id == model.latest.id), None)
            newest = self._depot.pushed.manifest(model.id, f"sha256:{model.latest.id}")
            return newest if latest is None else list(latest.manifests.values())[-1]
        return next((image.manifests[reference] for image in images if reference in image.manifests), None)

    def _made(self, model: Model, digest: str) -> Blob | None:
        images = self._depot.images.former(model.repository)
        return next((image.blobs[digest] for image, _ in images if digest in image.blobs), None)
