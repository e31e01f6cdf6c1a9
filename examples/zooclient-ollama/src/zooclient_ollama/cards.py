"""The card of a model, made of what is told: the registry has none; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from zooclient import ModelRecord
from zooclient.extend import reading


def card_text(record: ModelRecord, texts: Mapping[str, str]) -> str:
    """Makes the card of a model, which the registry has none of, out of its record and its small files.

    Args:
        record: The model.
        texts: Path → text.
    """
    head = {
        "license": record.license.spdx or ("other" if record.license.raw else None),
        "license_name": record.license.name,
        "tags": list(record.tags),
        "source": str(record.ref),
    }
    front = [f"{name}: {json.dumps(value)}" for name, value in head.items() if value]
    facts = [f"- {name.replace('_', ' ')}: `{reading.line(str(told), 80)}`" for name, told in record.metadata.items()]
    parts = ["\n".join(("---", *front, "---")), f"# {record.title}"]
    if facts:
        parts.append("\n".join(facts))
    parts += [f"## {_heading(path)}\n\n{_fenced(text)}" for path, text in texts.items()]
    return "\n\n".join(parts) + "\n"


def _heading(path: str) -> str:
    return path.partition(".")[0].capitalize()


def _fenced(text: str) -> str:
    """A text between marks that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}text\n{text.rstrip()}\n{marks}"
