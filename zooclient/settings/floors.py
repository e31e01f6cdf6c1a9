"""Where a policy is written that holds for everybody on a machine, or for whoever runs under a variable."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from zooclient.settings import path_of

#: Name of the file in the system's configuration folder.
NAME = "policy.toml"


def floors(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Returns the files of the policies that a project can tighten and not loosen.

    They are that of the system, where there is one, and that which ``ZOOCLIENT_POLICY`` names, which must be there.
    """
    folders = (folder / "zooclient" / NAME for folder in system_folders(environ))
    found = [path for path in folders if os.path.lexists(path)][:1]
    named = environ.get("ZOOCLIENT_POLICY")
    return (*found, *((path_of(named, "ZOOCLIENT_POLICY"),) if named else ()))


def system_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Returns the folders in which a system's administrator keeps configurations, the first wins.

    On systems that follow the XDG base directory specification ``XDG_CONFIG_DIRS`` names them.
    """
    if sys.platform == "win32":
        return (Path(environ.get("PROGRAMDATA") or r"C:\ProgramData"),)
    if sys.platform == "darwin":
        return (Path("/Library/Application Support"),)
    named = [part for part in environ.get("XDG_CONFIG_DIRS", "").split(":") if part.startswith("/")]
    return tuple(Path(part) for part in named) or (Path("/etc/xdg"),)
