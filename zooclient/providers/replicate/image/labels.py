"""What the labels of an image tell, as files; pure.

Cog writes its ``cog.yaml`` as JSON (which is YAML), the document of inputs and outputs, and the installed packages into
labels ``run.cog.…``; before April 2022 into ``org.cogmodel.…``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Path → the labels that hold it, first wins.
FILES: Final = {
    "openapi.json": ("run.cog.openapi_schema", "org.cogmodel.openapi_schema"),
    "cog.yaml": ("run.cog.config", "org.cogmodel.config"),
    "pip-freeze.txt": ("run.cog.pip_freeze",),
}


def files_of(labels: Mapping[str, str]) -> dict[str, bytes]:
    """Returns path → bytes of what the labels hold."""
    found = {}
    for path, names in FILES.items():
        text = next((labels[name] for name in names if labels.get(name)), None)
        if text is not None:
            found[path] = text.encode("utf-8", "replace")
    return found


def is_cog(labels: Mapping[str, str]) -> bool:
    """Whether an image was made by Cog."""
    return any(labels.get(name) for name in FILES["cog.yaml"])
