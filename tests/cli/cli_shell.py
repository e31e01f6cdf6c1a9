"""The command line as test files run it: in a process of its own, or in this one where nothing hangs on that."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import zooclient
from zooclient.cli.main import run
from zooclient.cli.output import Desk

#: How a verb is started, whether or not the package is installed.
ZOOCLIENT = (sys.executable, "-m", "zooclient")


#: What a process gets of the tests' own environment: where commands are, and zoos that ask nobody outside.
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "ZOOCLIENT_MODELSCOPE_ENDPOINT", "ZOOCLIENT_CIVITAI_ENDPOINT")


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Returns the least that a process needs, so that nothing of this machine's settings leaks in."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    ours = {
        "PYTHONPATH": str(Path(zooclient.__file__).parents[1]),
        "HOME": str(home),
        "ZOOCLIENT_HOME": str(home / "home"),
        "ZOOCLIENT_CONFIG": str(home / "config.toml"),
    }
    return kept | ours | extra


def ran(*words: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a verb to its end, with no terminal and nothing on stdin."""
    return subprocess.run(
        [*ZOOCLIENT, *words],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def typed(*words: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a verb in this process, which is many times faster, with streams of its own."""
    out, err = io.StringIO(), io.StringIO()
    code = run(words, obj=Desk(out=out, err=err, environ=env, project=str(cwd)))
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
