"""The card of a version: what its page tells, as Markdown with front matter; pure.

The site has no card in files. What a record tells becomes one, so that it can be read, kept and audited like any
other: the description and that of the version, the words that call it, the terms in both layers, the marks, and what
the scanners found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from zooclient.providers.civitai.html import code, escaped, link, markdown, tidy
from zooclient.providers.reading import mapping, plain, string, strings
from zooclient.records.model import FileEntry, ModelRecord

_YES = {True: "yes", False: "no", None: "not told"}
_USES = {
    "Image": "sell pictures made with it",
    "RentCivit": "run it as a service on Civitai",
    "Rent": "run it as a service anywhere",
    "Sell": "sell it, or what is merged with it",
}


def card_text(record: ModelRecord) -> str:
    """Returns the card of a version."""
    told = record.metadata
    parts = [
        _front_matter(record),
        f"# {_title(record)}",
        *_about(record),
        *_words(told),
        *_description("Description", told.get("description")),
        *_description("About this version", told.get("version_description")),
        *_terms(record),
        *_marks(told),
        *_scans(record.files),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(record: ModelRecord) -> str:
    version = string(record.metadata.get("version_name"))
    return (
        escaped(f"{record.title} – {version}" if version not in (None, record.title) else record.title) or record.ref.id
    )


def _front_matter(record: ModelRecord) -> str:
    told = record.metadata
    fields: dict[str, Any] = {
        "license": "other" if record.license.raw is not None else None,
        "license_name": record.license.name,
        "license_link": record.license.url,
        "pipeline_tag": record.task,
        "tags": list(record.tags),
        "trigger_words": list(strings(told.get("trained_words"))),
        "base_model_family": told.get("base_model"),
        "source": str(record.ref),
    }
    lines = [f"{name}: {_yaml(value)}" for name, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _yaml(value: Any) -> str:
    """JSON is YAML, once the characters are gone that YAML does not take."""
    kept = [tidy(item) for item in value] if isinstance(value, list) else tidy(str(value))
    return json.dumps(plain(kept), ensure_ascii=False)


def _about(record: ModelRecord) -> list[str]:
    told = record.metadata
    kind = " ".join(part for part in (record.task, f"by {record.author}" if record.author else None) if part)
    family = string(told.get("base_model"))
    sentences = [escaped(f"{kind}, for {family}." if family else f"{kind}.") if kind or family else ""]
    if record.web_url:
        sentences.append(link(escaped(record.web_url), record.web_url))
    if record.access.how:
        sentences.append(f"**Access:** {escaped(record.access.how)}")
    return sentences


def _words(told: Mapping[str, Any]) -> list[str]:
    words = [code(word) for word in strings(told.get("trained_words"))]
    return ["## Trigger words", "\n".join(f"- {word}" for word in words if word)] if any(words) else []


def _description(title: str, html: Any) -> list[str]:
    text = markdown(html) if isinstance(html, str) else ""
    return [f"## {title}", text] if text else []


def _terms(record: ModelRecord) -> list[str]:
    base, terms = mapping(record.metadata.get("base_model_license")), mapping(record.metadata.get("creator_terms"))
    family = string(record.metadata.get("base_model")) or "not told"
    name = string(base.get("name"))
    allowed = terms.get("allowCommercialUse")
    uses = "not told"
    if isinstance(allowed, (list, tuple)):
        uses = "; ".join(_USES.get(str(word), str(word)) for word in allowed) or "none"
    credit = terms.get("allowNoCredit")
    lines = [
        f"- Base model ({escaped(family)}): {escaped(name) if name else 'licence not known here'}",
        f"- Creator: commercial use: {escaped(uses)}",
        f"- Creator: changed versions may be passed on: {_YES[_flag(terms.get('allowDerivatives'))]}",
        f"- Creator: under other terms: {_YES[_flag(terms.get('allowDifferentLicense'))]}",
        f"- Creator: has to be named: {_YES[None if _flag(credit) is None else not credit]}",
        f"- Together: {record.license.kind}",
    ]
    page = link("Text of the terms", record.license.url) if record.license.url else ""
    return ["## Licence", "\n".join(lines), page]


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _marks(told: Mapping[str, Any]) -> list[str]:
    flags = mapping(told.get("flags"))
    named = {
        "nsfw": "It is marked as adult content.",
        "minor": "It shows what looks like a minor.",
        "poi": "It shows a real person.",
        "sfwOnly": "Its creator allows safe uses alone.",
    }
    lines = [f"- {sentence}" for name, sentence in named.items() if flags.get(name) is True]
    return ["## Marks", "\n".join(lines)] if lines else []


def _scans(files: tuple[FileEntry, ...]) -> list[str]:
    lines = []
    for entry in files:
        results = [
            f"{label}: {escaped(string(entry.extra.get(name)) or 'none')}"
            for label, name in (("pickle scan", "pickleScanResult"), ("virus scan", "virusScanResult"))
        ]
        lines.append(f"- {code(entry.path)}: {', '.join(results)}")
    return ["## What the site's scanners found", "\n".join(lines)] if lines else []
