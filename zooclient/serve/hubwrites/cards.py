"""What the Hub checks in the head of a card before it takes it."""

from __future__ import annotations

from zooclient.records import front_matter
from zooclient.serve.exchange import Answer, Refusal, json_answer
from zooclient.serve.hubwrites import said
from zooclient.serve.hubwrites.visit import Visit

_WORDS = ("pipeline_tag", "library_name", "license_name", "license_link")
_LISTS = ("tags", "datasets", "metrics")


def validate(visit: Visit) -> Answer:
    """``POST /api/validate-yaml``."""
    content = visit.body().get("content")
    if not isinstance(content, str):
        raise Refusal(said.refused(400, '"content" is required'))
    errors = [{"message": message} for message in card_errors(content)]
    head, _, _ = front_matter.split(content)
    warnings = [] if head else [{"message": "empty or missing yaml metadata in repo card"}]
    return json_answer({"errors": errors, "warnings": warnings}, status=400 if errors else 200)


def card_errors(content: str) -> list[str]:
    """Returns a sentence for each thing that the Hub refuses a card for; a card without a head has none."""
    head, _, _ = front_matter.split(content)
    if head is None:
        return []
    data, problems = front_matter.read(head)
    if not data and problems:
        return list(problems)
    errors = [f'"{name}" must be a string' for name in _WORDS if not isinstance(data.get(name), str | None)]
    errors += [f'"{name}" must be an array' for name in _LISTS if not isinstance(data.get(name), list | str | None)]
    if not _strings(data.get("license")):
        errors.append('"license" must be a string or an array of strings')
    if not _strings(data.get("base_model")):
        errors.append('"base_model" must be a model id or an array of them')
    return errors


def _strings(value: object) -> bool:
    many = value if isinstance(value, list) else [] if value is None else [value]
    return all(isinstance(one, str) for one in many)
