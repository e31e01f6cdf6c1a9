"""Stands in for ``pip install -e .`` where nothing can be fetched: ``python put_on_path.py SITE -e FOLDER``.

The packages below ``src`` are linked into a folder that is on the path, and the entry points written beside them.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def put_on_path(site: Path, folder: Path) -> str:
    """Installs a project, and returns its name and version."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    for package in (folder / "src").iterdir():
        (site / package.name).symlink_to(package.resolve(), target_is_directory=True)
    return f"{name}-{version}"


if __name__ == "__main__":
    if sys.argv[2:3] != ["-e"]:
        sys.exit("Only -e is known here.")
    print("Successfully installed", put_on_path(Path(sys.argv[1]), Path(sys.argv[3])))
