"""Models, versions and files in Civitai's own JSON, as it was in August 2026. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

from zooclient.serve.civitai.air import air
from zooclient.serve.civitai.entities import File, Model, Version, chosen
from zooclient.serve.civitai.pictures import Picture
from zooclient.serve.payloads import moment


@frozen(kw_only=True)
class Page:
    """What an answer depends on beside what it tells.

    Attributes:
        base: Origin that its links begin with: the one that was asked.
        now: The time, aware UTC: a gate may have run out.
        counts: Number of a version to its downloads.
        login: Whether only those who are logged in may download where nothing else is said.
        picture_url: Returns the address of a picture.
    """

    base: str
    now: datetime
    counts: Mapping[int, int]
    login: bool = False
    picture_url: Callable[[Picture], str] = field(repr=False)


@frozen(kw_only=True)
class Content:
    """What a version holds.

    Attributes:
        files: Its files.
        pictures: Its pictures.
    """

    files: tuple[File, ...]
    pictures: tuple[Picture, ...] = ()


def model(page: Page, told: Model, contents: Mapping[int, Content], *, listed: bool) -> dict[str, Any]:
    """Returns a model.

    Args:
        page: What it depends on.
        told: The model.
        contents: Number of a version to what it holds; versions that are not here are left out.
        listed: As an item of a list, which keeps what is null; ``/models/:id`` leaves that out of versions.
    """
    terms = told.told.terms
    offer, repository = told.offer, told.repository
    versions = [
        _within(page, told, version, contents[version.id], index)
        for index, version in enumerate(version for version in told.versions if version.id in contents)
    ]
    answer: dict[str, Any] = {
        "id": told.id,
        "name": told.name,
        "description": told.told.description,
        "allowNoCredit": terms.no_credit,
        "allowCommercialUse": "{" + ",".join(terms.commercial) + "}",
        "allowDerivatives": terms.derivatives,
        "allowDifferentLicense": terms.different_license,
        "type": told.told.kind,
        "minor": offer.minor,
        "sfwOnly": False,
        "poi": offer.poi,
        "nsfw": offer.nsfw,
        "nsfwLevel": told.level,
        "availability": "Private" if repository.terms.private else "Public",
        "userId": told.user,
        "cosmetic": None,
        "supportsGeneration": False,
        "stats": {
            "downloadCount": repository.terms.downloads + sum(page.counts.get(v.id, 0) for v in told.versions),
            "thumbsUpCount": repository.terms.likes,
            "thumbsDownCount": 0,
            "commentCount": 0,
            "tippedAmountCount": 0,
        },
        "creator": {"username": told.owner, "image": None},
        "tags": list(told.told.tags),
        "modelVersions": versions if listed else [_without_nulls(version) for version in versions],
    }
    mode = _mode(told)
    return answer if mode is None else {**answer, "mode": mode}


def version(page: Page, told: Model, one: Version, content: Content, *, base: str | None = None) -> dict[str, Any]:
    """Returns a version by itself.

    Args:
        page: What it depends on.
        told: Its model.
        one: The version.
        content: What it holds.
        base: Origin that links begin with instead of that of ``page``.
    """
    origin = page.base if base is None else base
    files = content.files
    main = chosen(files)
    published = _moment(one.original.date)
    about = {"name": told.name, "type": told.told.kind, "nsfw": told.offer.nsfw, "poi": told.offer.poi}
    mode = _mode(told)
    answer: dict[str, Any] = {
        "id": one.id,
        "modelId": told.id,
        "name": one.name,
        "nsfwLevel": told.level,
        "createdAt": published,
        "updatedAt": _moment(one.commit.date),
        "status": "Published",
        "publishedAt": published,
        "trainedWords": list(one.told.words),
        "trainingStatus": None,
        "trainingDetails": None,
        "baseModel": one.told.base_model,
        "baseModelType": _base_type(told),
        "description": None,
        "uploadType": "Created",
        "usageControl": "Download" if told.offer.downloads else "Generation",
        "licensingFee": None,
        "paidAccess": paid_access(told, page.now),
        "air": air(told, one),
        "stats": {"downloadCount": page.counts.get(one.id, 0), "thumbsUpCount": told.repository.terms.likes},
        "model": about if mode is None else {**about, "mode": mode},
        "files": [] if told.offer.archived else [_alone(origin, one, file, file == main) for file in files],
        "images": [_picture(page, told, picture) for picture in content.pictures],
    }
    return answer if told.offer.archived else {**answer, "downloadUrl": download_url(origin, one, main)}


def mini(page: Page, told: Model, one: Version, file: File, *, named: bool) -> dict[str, Any]:
    """Returns ``/model-versions/mini/:id``.

    Args:
        page: What it depends on.
        told: The model.
        one: The version.
        file: The file that is described.
        named: Whether it was asked for by its number.
    """
    gate = paid_access(told, page.now)
    return {
        "air": air(told, one, file if named else None),
        "versionName": one.name,
        "modelName": told.name,
        "userId": told.user,
        "baseModel": one.told.base_model,
        "availability": "Private" if told.repository.terms.private else "Public",
        "publishedAt": _moment(one.original.date),
        "size": size_kb(file.entry.size),
        "fileType": file.type,
        "fileName": file.stored,
        "hashes": file.hashes,
        "downloadUrls": [download_url(page.base, one, file if named else None)],
        "format": file.metadata["format"],
        "canGenerate": False,
        "isFeatured": False,
        "requireAuth": page.login if told.offer.login is None else told.offer.login,
        "checkPermission": gate is not None,
        "earlyAccessEndsAt": None if gate is None else gate["endsAt"],
        "freeTrialLimit": None,
        "additionalResourceCharge": False,
        "minor": told.offer.minor,
        "sfwOnly": False,
        "fees": [],
        "payoutEnabled": False,
    }


def paid_access(told: Model, now: datetime) -> dict[str, Any] | None:
    """Returns the gate before the files; None when there is none, or it has run out."""
    offer = told.offer
    if offer.sold == "permanent":
        return {"permanent": True, "endsAt": None}
    if offer.sold == "early" and (offer.until is None or offer.until > now):
        return {"permanent": False, "endsAt": None if offer.until is None else _moment(offer.until)}
    if told.repository.terms.gated:
        return {"permanent": False, "endsAt": None}
    return None


def download_url(base: str, one: Version, file: File | None) -> str:
    """Returns where a file is had, or with None where a version is."""
    return f"{base}/api/download/models/{one.id}" + ("" if file is None else f"?fileId={file.id}")


def size_kb(size: int) -> float | int:
    """Returns a size in KiB as JavaScript prints it: whole numbers without a point."""
    return size // 1024 if size % 1024 == 0 else size / 1024


def _within(page: Page, told: Model, one: Version, content: Content, index: int) -> dict[str, Any]:
    gate, files = paid_access(told, page.now), content.files
    main = chosen(files)
    answer: dict[str, Any] = {
        "id": one.id,
        "index": index,
        "name": one.name,
        "baseModel": one.told.base_model,
        "baseModelType": _base_type(told),
        "createdAt": _moment(one.original.date),
        "publishedAt": _moment(one.original.date),
        "status": "Published",
        "availability": "Public",
        "nsfwLevel": told.level,
        "description": None,
        "trainedWords": list(one.told.words),
        "paidAccess": gate,
        "earlyAccessDeadline": None if gate is None else gate["endsAt"],
        "stats": {
            "downloadCount": page.counts.get(one.id, 0),
            "thumbsUpCount": told.repository.terms.likes,
            "thumbsDownCount": 0,
        },
        "supportsGeneration": False,
        "files": [] if told.offer.archived else [_listed(page.base, one, file, file == main) for file in files],
        "images": [{"id": picture.id, **_picture(page, told, picture)} for picture in content.pictures],
    }
    return answer if told.offer.archived else {**answer, "downloadUrl": download_url(page.base, one, main)}


def _file(base: str, one: Version, file: File, names: tuple[str, ...]) -> dict[str, Any]:
    waiting = "Pending" in (file.scan.pickle, file.scan.virus)
    return {
        "id": file.id,
        "sizeKB": size_kb(file.entry.size),
        "name": file.name,
        "type": file.type,
        "pickleScanResult": file.scan.pickle,
        "pickleScanMessage": _message(file),
        "virusScanResult": file.scan.virus,
        "virusScanMessage": None,
        "scannedAt": None if waiting else _moment(one.commit.date),
        "metadata": {name: file.metadata[name] for name in names},
        "hashes": file.hashes,
        "downloadUrl": download_url(base, one, file),
    }


def _alone(base: str, one: Version, file: File, primary: bool) -> dict[str, Any]:
    return {**_file(base, one, file, ("format", "size", "fp")), "primary": primary}


def _listed(base: str, one: Version, file: File, primary: bool) -> dict[str, Any]:
    names = ("format", "size", "fp") + (("quantType",) if file.metadata["quantType"] else ())
    answer = _file(base, one, file, names)
    return {**answer, "primary": True} if primary else answer


def _picture(page: Page, told: Model, picture: Picture) -> dict[str, Any]:
    return {
        "url": page.picture_url(picture),
        "nsfwLevel": told.level,
        "width": picture.width,
        "height": picture.height,
        "hash": None,
        "type": "image",
        "hasMeta": False,
        "hasPositivePrompt": False,
        "onSite": False,
        "remixOfId": None,
    }


def _message(file: File) -> str | None:
    if file.scan.message is not None:
        return file.scan.message
    return "No Pickle imports" if file.scan.pickle == "Success" else None


def _base_type(told: Model) -> str | None:
    return "Standard" if told.told.kind == "Checkpoint" else None


def _mode(told: Model) -> str | None:
    if told.offer.archived:
        return "Archived"
    return "TakenDown" if told.gone else None


def _without_nulls(version: dict[str, Any]) -> dict[str, Any]:
    """``/models/:id`` leaves out of a version what is null or empty."""
    return {name: value for name, value in version.items() if value not in (None, "", []) or name == "files"}


def _moment(time: datetime) -> str:
    return moment(time.astimezone(UTC))
