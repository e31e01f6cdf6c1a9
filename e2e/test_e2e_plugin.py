"""The example distribution, really built, installed into a new environment, and used from its command line."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import threading
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "zooclient-ollama"

#: Serves a usual model until its stdin ends; prints the address and the pin.
SERVE = """
import sys
from ollama_double import OllamaDouble
with OllamaDouble() as registry:
    print(registry.url, registry.push("llama3.2"), flush=True)
    sys.stdin.read()
"""


def ran(*words: str | Path, **environ: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        env={**{name: text for name, text in os.environ.items() if not name.startswith("ZOOCLIENT_")}, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as a wheel. Its build backend is fetched, unless it is there."""
    folder = tmp_path_factory.mktemp("wheel")
    here = ("--no-build-isolation",) if importlib.util.find_spec("hatchling") else ()
    ran(sys.executable, "-m", "pip", "wheel", "--no-deps", *here, "--wheel-dir", folder, EXAMPLE)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of a new environment: the wheel is installed, zooclient and what it needs are those of this one."""
    folder = tmp_path_factory.mktemp("fresh")
    ran(sys.executable, "-m", "venv", folder)
    fresh = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ran(fresh, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    site = Path(ran(fresh, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    needed = [sysconfig.get_path("purelib"), str(Path(importlib.import_module("zooclient").__file__ or "").parents[1])]
    (site / "needed.pth").write_text("\n".join(needed) + "\n")
    return fresh


def test_the_wheel_holds_what_it_names(wheel: Path) -> None:
    """The package, its mark for type checkers and both entry points are in the wheel, and its tests are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert {"zooclient_ollama/provider.py", "zooclient_ollama/py.typed"} <= names
    assert not any("double" in name or "test" in name for name in names)
    assert "[zooclient.providers]" in points and "[zooclient.loaders]" in points


def test_a_new_environment_gets_a_model_from_it(python: Path, tmp_path: Path) -> None:
    """Once installed its scheme is known, says where it comes from, and a download is verified and loads."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env={**os.environ, "PYTHONPATH": str(EXAMPLE / "tests")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # A server that never says where it listens must not hold the session for ever.
    watch = threading.Timer(120, server.kill)
    watch.start()
    try:
        assert server.stdout is not None
        url, pin = server.stdout.readline().split()
        environ = {"ZOOCLIENT_OLLAMA_ENDPOINT": url, "ZOOCLIENT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
        (told,) = json.loads(ran(python, "-m", "zooclient", "zoos", "ollama", "--json", **environ))
        assert told["from"] == "package zooclient-ollama 0.1.0" and told["capability"]["download"] is True
        ref = ran(python, "-m", "zooclient", "resolve", "ollama:llama3.2", **environ).strip()
        assert ref == f"ollama:llama3.2@{pin}"
        folder = Path(ran(python, "-m", "zooclient", "get", ref, **environ).strip())
        assert (folder / "model.gguf").read_bytes().startswith(b"GGUF")
        load = f"import zooclient; print(zooclient.load({ref!r}).into('ollama'))"
        assert f"FROM {folder / 'model.gguf'}" in ran(python, "-c", load, ZOOCLIENT_OFFLINE="1", **environ)
    finally:
        watch.cancel()
        server.kill()
        server.communicate()
