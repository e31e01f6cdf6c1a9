"""Git LFS as the Hub has it: what of the large files is there, where the rest is sent to, and whether it came.

Batch API of git-lfs, and the Hub's transfer ``multipart``: a header ``chunk_size`` and one numbered link a part.
"""

from __future__ import annotations

from typing import Any

from zooclient.serve.exchange import Answer, Refusal, json_answer
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.links import read_link, write_link
from zooclient.serve.hubwrites.ndjson import is_sha256, is_size
from zooclient.serve.hubwrites.storage import STORE_PATH
from zooclient.serve.hubwrites.visit import Visit, branch_of
from zooclient.serve.shelf import Repository

_TYPE = {"content-type": "application/vnd.git-lfs+json; charset=utf-8"}
#: Objects of one batch, parts of one object and bytes of one file at the most.
_MOST_OBJECTS, _MOST_PARTS, _MOST_SIZE = 1000, 10_000, 500_000_000_000


def batch(visit: Visit, name: str) -> Answer:
    """``POST {id}.git/info/lfs/objects/batch``: no action for what is there, links for what is not."""
    asked = visit.body()
    ref = asked.get("ref")
    # A pull request names no ref: who opens it may send files without a right to write.
    repository = visit.contributed(name, pull=True) if ref is None else visit.owned(name, said.NO_LFS)
    if isinstance(ref, dict):
        branch_of(repository, str(ref.get("name")))
    objects, transfers = asked.get("objects"), asked.get("transfers", ["basic"])
    if (
        asked.get("operation") != "upload"
        or asked.get("hash_algo", "sha256") != "sha256"
        or not isinstance(transfers, list)
        or not isinstance(objects, list)
        or len(objects) > _MOST_OBJECTS
        or not all(isinstance(entry, dict) for entry in objects)
    ):
        raise Refusal(said.refused(422, "Only uploads of files by their sha256 are taken", model=repository.id))
    held = _held(visit, repository)
    new = sum(
        entry["size"]
        for entry in {str(entry.get("oid")): entry for entry in objects if is_size(entry.get("size"))}.values()
        if str(entry.get("oid")) not in held
    )
    check_room(visit, repository, new)
    multipart = "multipart" in transfers
    told = [_told(visit, repository, entry, held, multipart=multipart) for entry in objects]
    parted = any("chunk_size" in entry.get("actions", {}).get("upload", {}).get("header", {}) for entry in told)
    answer = {"transfer": "multipart" if parted else "basic", "objects": told}
    return json_answer(answer, headers=_TYPE, model=repository.id)


def complete(visit: Visit) -> Answer:
    """``POST /api/complete_multipart``, by a signed link: puts the parts together and checks what they are."""
    question, objects = visit.question, visit.writable.objects
    link = read_link(visit.site.signer, question.path, question.query, visit.site.clock())
    upload = None if link is None else objects.under_way(link["uploadId"])
    if link is None or upload is None:
        raise Refusal(said.refused(403 if link is None else 404, "This upload is over"))
    asked = visit.body()
    parts = asked.get("parts")
    listed = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    sent = [(part.get("partNumber"), part.get("etag")) for part in listed]
    if asked.get("oid") != upload.oid or sent != [
        (number, upload.etags.get(number)) for number in range(1, upload.count + 1)
    ]:
        raise Refusal(said.refused(400, "The parts are not those that were sent", model=link["model"]))
    if not objects.complete(upload):
        raise Refusal(said.refused(400, "The parts are not the file that was announced", model=link["model"]))
    return json_answer({"success": True}, model=link["model"])


def verify(visit: Visit, name: str) -> Answer:
    """``POST {id}.git/info/lfs/objects/verify``."""
    repository = visit.contributed(name, pull=True)
    asked = visit.body()
    size = _held(visit, repository).get(str(asked.get("oid")))
    if size is None or size != asked.get("size"):
        raise Refusal(said.refused(404, "Object does not exist on the server", model=repository.id))
    return json_answer({}, headers=_TYPE, model=repository.id)


def check_room(visit: Visit, repository: Repository, more: int) -> None:
    """Refuses so many bytes more where they would be too many for their owner."""
    quota = visit.writable.quota
    full = more and visit.writable.objects.full
    if full or (quota is not None and more and visit.writable.used(repository.id.partition("/")[0]) + more > quota):
        raise Refusal(said.over_quota(repository.id, private=repository.terms.private))


def _held(visit: Visit, repository: Repository) -> dict[str, int]:
    """Digest to size of every large file of the repository."""
    held = dict(visit.writable.objects.of(repository.stable_id))
    for commit in repository.commits.values():
        held |= {entry.sha256: entry.size for entry in commit.files.values() if entry.sha256 is not None}
    return held


def _told(
    visit: Visit, repository: Repository, entry: dict[str, Any], held: dict[str, int], *, multipart: bool
) -> dict[str, Any]:
    oid, size = entry.get("oid"), entry.get("size")
    if not is_sha256(oid) or not is_size(size) or not isinstance(size, int):
        error = {"code": 422, "message": "An object has a sha256 as its oid, and a size"}
        return {"oid": str(oid), "size": size if is_size(size) else 0, "error": error}
    if held.get(str(oid), size) != size:
        return {"oid": oid, "size": size, "error": {"code": 422, "message": "This object has another size"}}
    if size > _MOST_SIZE:
        return {"oid": oid, "size": size, "error": {"code": 413, "message": "A file has 500 GB at the most"}}
    told = {"oid": oid, "size": size, "authenticated": True}
    if oid in held:
        return told
    verify = f"{visit.question.base}/{repository.id}.git/info/lfs/objects/verify"
    upload = _upload(visit, repository, str(oid), size, multipart=multipart and size > visit.writable.part_size)
    return {**told, "actions": {"upload": upload, "verify": {"href": verify}}}


def _upload(visit: Visit, repository: Repository, oid: str, size: int, *, multipart: bool) -> dict[str, Any]:
    site, owner = visit.site, repository.stable_id
    origin, path = site.byte_origin(visit.question.base), f"{STORE_PATH}{owner}/{oid}"
    expires = int(site.clock() + site.options.link_lifetime)
    about = {"model": repository.id, "owner": owner, "oid": oid, "size": size}
    if not multipart:
        return {"href": write_link(site.signer, origin, path, about, expires)}
    part_size = max(visit.writable.part_size, -(-size // _MOST_PARTS))
    upload = visit.writable.objects.begin(owner, oid, size, part_size)
    about |= {"uploadId": upload.id}
    links = {
        f"{number:05}": write_link(site.signer, origin, path, {**about, "partNumber": number}, expires)
        for number in range(1, upload.count + 1)
    }
    href = write_link(site.signer, visit.question.base, "/api/complete_multipart", about, expires)
    return {"href": href, "header": {"chunk_size": str(part_size), **links}}
