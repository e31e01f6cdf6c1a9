"""A report as a bill of materials in CycloneDX 1.6, with a model card for each model; pure.

The format: https://cyclonedx.org/docs/1.6/json/. What somebody claims stands in its fields, and the findings are
properties of the model, ``zooclient:finding:SEVERITY``. The same reports make the same document.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from zooclient.auditing.wording import title, verdict
from zooclient.records.audit import AuditReport

_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def cyclonedx(reports: Sequence[AuditReport], *, version: str) -> dict[str, Any]:
    """Returns the reports as one document.

    Args:
        reports: Of any number of models.
        version: Of this program.
    """
    names = "\n".join(str(report.ref) for report in reports)
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, names).urn,
        "version": 1,
        "metadata": {"tools": {"components": [{"type": "application", "name": "zooclient", "version": version}]}},
        "components": [_model(report, number) for number, report in enumerate(reports, 1)],
    }


def _model(report: AuditReport, number: int) -> dict[str, Any]:
    told: Mapping[str, Any] = report.extra
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"model-{number}",
        "name": title(report),
        "version": report.ref.revision or report.ref.content_digest or "",
        "modelCard": _card(told),
        "components": [_file(file) for file in told.get("files") or []],
        "properties": [
            {"name": "zooclient:ref", "value": str(report.ref)},
            {"name": "zooclient:verdict", "value": verdict(report)},
            *({"name": f"zooclient:rule-off:{rule}", "value": "true"} for rule in report.off),
            *(
                {
                    "name": f"zooclient:finding:{one.severity}",
                    "value": f"{one.rule} ({one.where}, {one.basis}): {one.evidence}",
                }
                for one in report.findings
            ),
        ],
    }
    if told.get("author"):
        model["publisher"] = told["author"]
    licenses = _licenses(told.get("license") or {})
    if licenses:
        model["licenses"] = licenses
    bases = [_base(base) for base in told.get("bases") or []]
    if bases:
        model["pedigree"] = {"ancestors": bases}
    return model


def _card(told: Mapping[str, Any]) -> dict[str, Any]:
    card: dict[str, Any] = {"modelParameters": {}, "quantitativeAnalysis": {}, "considerations": {}}
    if told.get("task"):
        card["modelParameters"]["task"] = told["task"]
    if told.get("datasets"):
        card["modelParameters"]["datasets"] = [{"type": "dataset", "name": name} for name in told["datasets"]]
    results = [str(result).rpartition(": ") for result in told.get("evaluations") or []]
    if results:
        card["quantitativeAnalysis"]["performanceMetrics"] = [
            {"type": name, "value": value} for name, _, value in results
        ]
    if told.get("limits"):
        card["considerations"]["technicalLimitations"] = [told["limits"]]
    return {key: value for key, value in card.items() if value}


def _licenses(licence: Mapping[str, Any]) -> list[dict[str, Any]]:
    spdx, name = licence.get("spdx"), licence.get("name")
    if spdx:
        # An expression may name one licence too, and needs no list of ids to be checked against.
        return [{"expression": spdx, "acknowledgement": "declared"}]
    return [{"license": {"name": name, "acknowledgement": "declared"}}] if name else []


def _base(base: Mapping[str, Any]) -> dict[str, Any]:
    licenses = [{"license": {"name": base["license"], "acknowledgement": "declared"}}] if base["license"] else []
    made: dict[str, Any] = {"type": "machine-learning-model", "name": base["name"]}
    return made | {"licenses": licenses} if licenses else made


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "file", "name": file["path"]}
    if file["size"] is not None:
        made["properties"] = [{"name": "zooclient:size", "value": str(file["size"])}]
    if file["sha256"]:
        made["hashes"] = [{"alg": "SHA-256", "content": file["sha256"]}]
    return made
