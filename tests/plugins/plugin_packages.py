"""Packages with plug-ins, as they lie on the path when they are installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import zooclient
from zooclient.providers import registry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "zooclient-ollama"

#: A provider that is there, cannot be searched, and talks to nobody.
STILL = """
from zooclient.providers.local.provider import Local

LOADED = True


class Still(Local):
    scheme = "still"


def make(settings):
    return Still()
"""


def installed(
    site: Path,
    name: str,
    version: str,
    points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] | None = None,
) -> Path:
    """Puts a package into a folder as pip would.

    Args:
        site: The folder.
        name: Of the distribution.
        version: Of the distribution.
        points: Group → name → object.
        modules: Name → source.
    """
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, named in points.items()
        for line in (f"[{group}]", *(f"{one} = {value}" for one, value in named.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, source in (modules or {}).items():
        (site / f"{module}.py").write_text(source)
    return site


@contextmanager
def on_path(*sites: Path) -> Iterator[None]:
    """Makes folders part of this process's path, and forgets what was imported from them afterwards."""
    before = set(sys.modules)
    sys.path[:0] = [str(site) for site in sites]
    registry._foreign.cache_clear()
    try:
        yield
    finally:
        for site in sites:
            sys.path.remove(str(site))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if any(file.startswith(str(site)) for site in sites):
                del sys.modules[name]
        registry._foreign.cache_clear()


def example_points() -> dict[str, dict[str, str]]:
    """The entry points of the example, out of its own ``pyproject.toml``."""
    import tomllib

    told: dict[str, dict[str, str]] = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"][
        "entry-points"
    ]
    return told


def environment(*sites: Path, home: Path, **extra: str) -> dict[str, str]:
    """What a process needs to find zooclient and some folders' packages, and nothing of this machine's settings."""
    path = os.pathsep.join(str(one) for one in (*sites, Path(zooclient.__file__).parents[1]))
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    return {**kept, "PYTHONPATH": path, "HOME": str(home), "ZOOCLIENT_HOME": str(home / "store"), **extra}
