"""Blobs that come in parts, and manifests that make versions of them."""

from __future__ import annotations

from zooclient.serve.exchange import Answer, Question, Refusal
from zooclient.serve.registry.depot import Depot
from zooclient.serve.registry.names import chunk, is_digest, is_tag
from zooclient.serve.registry.parts import digest_of
from zooclient.serve.registry.pulling import Pulling
from zooclient.serve.registry.pushed import Invalid
from zooclient.serve.registry.said import refused
from zooclient.serve.replicate.catalogue import Model
from zooclient.serve.signing import Signer

#: Bytes of a manifest at the most, as registries have it.
MOST = 4 * 1024 * 1024


class Pushing:
    """What is answered to those who send; who asks may.

    Args:
        depot: Where it is kept.
        pulling: What is there already.
        signer: Signs how far an upload is, so that nobody goes on with it elsewhere.
    """

    def __init__(self, depot: Depot, pulling: Pulling, signer: Signer) -> None:
        self._depot = depot
        self._pulling = pulling
        self._signer = signer

    def begin(self, question: Question, name: str, model: Model, source: Model | None) -> Answer:
        """Begins an upload; where another model has the blob already, there is nothing to send.

        Args:
            question: What was asked.
            name: Name of the repository.
            model: The model.
            source: The model that is said to have the blob. None: none that the visitor may have.
        """
        digest = question.value("mount") or ""
        found = None if source is None or not is_digest(digest) else self._pulling.place_of(source, digest)
        if found is not None:
            self._depot.pushed.adopt(model.id, digest, found[0].stamp[0])
            return _created(question, name, digest)
        upload = self._depot.pushed.begin(model.id)
        return self._so_far(question, name, upload, 0)

    def upload(self, question: Question, name: str, model: Model, upload: str) -> Answer:
        """Goes on with an upload, ends it, tells of it or forgets it."""
        held = self._depot.pushed.size(model.id, upload)
        if held is None:
            raise Refusal(refused("BLOB_UPLOAD_UNKNOWN"))
        match question.method:
            case "GET":
                return self._so_far(question, name, upload, held, status=204)
            case "DELETE":
                self._depot.pushed.drop(model.id, upload)
                return Answer(status=204)
            case "PATCH" | "PUT":
                return self._sent(question, name, model, upload, held)
        raise Refusal(refused("UNSUPPORTED"))

    def _sent(self, question: Question, name: str, model: Model, upload: str, held: int) -> Answer:
        if not self._signer.holds(f"{upload}:{held}", question.value("_state") or ""):
            raise Refusal(refused("BLOB_UPLOAD_INVALID"))
        digest = question.value("digest") or ""
        if question.method == "PUT" and not is_digest(digest):
            raise Refusal(refused("DIGEST_INVALID", digest))
        if not chunk(question.headers.get("content-range"), held, len(question.body)):
            raise Refusal(refused("RANGE_INVALID", headers=_range(held)))
        held = self._depot.pushed.append(model.id, upload, question.body)
        if question.method == "PATCH":
            return self._so_far(question, name, upload, held)
        try:
            self._depot.pushed.finish(model.id, upload, digest)
        except ValueError:
            raise Refusal(refused("DIGEST_INVALID", digest)) from None
        return _created(question, name, digest)

    def manifest(self, question: Question, name: str, model: Model, reference: str) -> Answer:
        """Takes a manifest under a tag or its own digest."""
        body = question.body
        if len(body) > MOST or not (is_digest(reference) or is_tag(reference)):
            raise Refusal(refused("MANIFEST_INVALID" if len(body) > MOST else "TAG_INVALID"))
        tag = None if is_digest(reference) else reference
        if tag is None and digest_of(body) != reference:
            raise Refusal(refused("DIGEST_INVALID", reference))
        media = question.headers.get("content-type", "").partition(";")[0].strip()
        try:
            manifest = self._depot.pushed.put(
                model.id, body, media, tag, self._pulling.knows(model), lambda digest: self._config(model, digest)
            )
        except Invalid as problem:
            raise Refusal(refused(problem.code, problem.detail)) from None
        place = f"{question.base}/v2/{name}/manifests/{manifest.digest}"
        return Answer(status=201, headers={"location": place, "docker-content-digest": manifest.digest})

    def _config(self, model: Model, digest: str) -> bytes | None:
        found = self._pulling.place_of(model, digest)
        return found[0].path.read_bytes() if found is not None and found[0].stamp[0] <= MOST else None

    def _so_far(self, question: Question, name: str, upload: str, held: int, *, status: int = 202) -> Answer:
        state = self._signer.sign(f"{upload}:{held}")
        headers = {
            "location": f"{question.base}/v2/{name}/blobs/uploads/{upload}?_state={state}",
            "docker-upload-uuid": upload,
            **_range(held),
        }
        return Answer(status=status, headers=headers)


def _range(held: int) -> dict[str, str]:
    # Of nothing it says "0-0", as of one byte: the form has no word for it.
    return {"range": f"0-{max(0, held - 1)}"}


def _created(question: Question, name: str, digest: str) -> Answer:
    place = f"{question.base}/v2/{name}/blobs/{digest}"
    return Answer(status=201, headers={"location": place, "docker-content-digest": digest})
