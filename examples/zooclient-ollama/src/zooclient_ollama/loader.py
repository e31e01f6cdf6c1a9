"""``model.into("ollama")``: the Modelfile with which Ollama takes a snapshot in. It works for whatever zoo it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zooclient import ConfigError, NotFound, Snapshot


def load(snapshot: Snapshot, /, *, unsafe: bool, **options: Any) -> str:
    """Returns a Modelfile: ``ollama create NAME -f`` takes it, and copies the weights.

    Args:
        snapshot: The files.
        unsafe: Unused: no code of the model runs.
        **options: None are taken.

    Raises:
        ConfigError: An option was given.
        NotFound: There are no GGUF weights, or several.
    """
    if options:
        raise ConfigError(f"The loader 'ollama' takes no option {sorted(options)[0]!r}.", operation="load")
    weights = [file.path for file in snapshot.files if file.path.endswith(".gguf")]
    models = [path for path in weights if "mmproj" not in path]
    if len(models) != 1:
        raise NotFound(
            f"{snapshot.ref} holds {len(models)} GGUF models, and a Modelfile names one.",
            operation="load",
            hint='weights="gguf:VARIANT" chooses one.',
        )
    names = [*models, *(path for path in weights if "mmproj" in path)]
    lines = [f"FROM {Path(snapshot.path, name)}" for name in names]
    held = {file.path for file in snapshot.files}
    if "adapter.lora" in held:
        lines.append(f"ADAPTER {Path(snapshot.path, 'adapter.lora')}")
    for keyword, path in (("TEMPLATE", "template.txt"), ("SYSTEM", "system.txt"), ("LICENSE", "LICENSE")):
        if path in held:
            lines.append(f"{keyword} {_quoted(Path(snapshot.path, path).read_text('utf-8', 'replace'))}")
    if "params.json" in held:
        lines += _parameters(Path(snapshot.path, "params.json").read_bytes())
    return "\n".join(lines) + "\n"


def _parameters(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return []
    found = []
    for name, value in told.items() if isinstance(told, dict) else ():
        values = value if isinstance(value, list) else [value]
        found += [f"PARAMETER {name} {json.dumps(one)}" for one in values if str(name).isidentifier()]
    return found


def _quoted(text: str) -> str:
    """A text between marks that it cannot end; a Modelfile has no escape for three quotes."""
    return '"""' + text.replace('"""', "'''") + '"""'
