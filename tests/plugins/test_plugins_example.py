"""The example distribution works as its author promises, and uses nothing that is not public."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_packages import EXAMPLE, ROOT, environment, example_points, installed, on_path

import zooclient
import zooclient.extend
from zooclient import Client, Offline, Ref, Settings, ZooSettings


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the example counts as installed."""
    return installed(tmp_path / "site", "zooclient-ollama", "0.1.0", example_points())


def test_its_own_tests_pass(site: Path, tmp_path: Path) -> None:
    """The suite of the example, the public provider suite in it, runs as its author runs it."""
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)],
        cwd=EXAMPLE,
        env=environment(site, EXAMPLE / "src", home=home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    told = re.search(r"(\d+) passed, (\d+) skipped", done.stdout)
    # What is skipped is what a zoo without search cannot show, and what one without files would have to.
    assert told is not None and int(told[1]) > 60 and int(told[2]) == 4


def imported() -> Iterator[tuple[str, str, str]]:
    """Every name that the example takes from zooclient: file, module, name."""
    for path in sorted(EXAMPLE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "zooclient":
                yield from ((path.name, node.module or "", alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    assert alias.name.partition(".")[0] != "zooclient", f"{path.name} imports {alias.name} whole"


def test_it_uses_public_names_alone() -> None:
    """The example imports listed names of ``zooclient``, ``zooclient.extend`` and ``zooclient.testing``."""
    rooms: tuple[Any, ...] = (zooclient, zooclient.extend, zooclient.testing)
    public = {room.__name__: room.__all__ for room in rooms}
    found = list(imported())
    assert len(found) > 30
    wrong = [one for one in found if one[1] not in public or one[2] not in public[one[1]]]
    assert wrong == []


def test_what_may_be_used_stands_in_the_reference() -> None:
    """Each name of ``zooclient.extend`` is there, says what it is, and stands on the page for those who extend it."""
    page = (ROOT / "docs" / "reference" / "extending.md").read_text("utf-8")
    for name in zooclient.extend.__all__:
        value = getattr(zooclient.extend, name)
        if name != "Flow":  # an alias of a generator's type
            assert value.__doc__ and value.__doc__.strip(), name
        assert re.search(rf"^\.\. (auto\w+|py:\w+):: zooclient\.extend\.{name}$", page, re.MULTILINE), name
    assert sorted(zooclient.extend.__all__) == zooclient.extend.__all__


@pytest.fixture
def registry(site: Path) -> Iterator[Any]:
    """A double of the registry, with the example on the path of this process."""
    with on_path(site, EXAMPLE / "src", EXAMPLE / "tests"):
        from ollama_double import OllamaDouble

        with OllamaDouble() as running:
            yield running


def test_a_mirror_stands_in_for_it(registry: Any, tmp_path: Path) -> None:
    """A model of a package's zoo is mirrored like any other, and read where that zoo is not to be asked."""
    pin = f"ollama:llama3.2@{registry.push('llama3.2')}"
    with Client(home=tmp_path / "a", endpoints={"ollama": registry.url}) as client:
        client.mirror(tmp_path / "mirror", pin)
    registry.asked.clear()
    alone = ZooSettings(endpoint=registry.url, mirrors=(str(tmp_path / "mirror"),), mirror_policy="only")
    with Client(home=tmp_path / "b", settings=Settings(zoos={"ollama": alone})) as client:
        assert client.verify(client.download(pin)).ok
        with pytest.raises(Offline, match="mirror-policy"):
            client.run(client._wiring.provider("ollama").resolve(Ref.parse("ollama:llama3.2")))
    assert registry.asked == []


def test_a_project_file_gets_nobodys_token(registry: Any, tmp_path: Path) -> None:
    """An endpoint that a cloned repository names for a package's zoo is asked without the user's token."""
    registry.push("llama3.2")
    for trusted in (False, True):
        zoo = ZooSettings(endpoint=registry.url, endpoint_trusted=trusted, token="s3cret")
        with Client(home=tmp_path / str(trusted), settings=Settings(zoos={"ollama": zoo})) as client:
            client.resolve("ollama:llama3.2")
        sent = {one.headers.get("authorization") for one in registry.asked if one.server == "registry"}
        assert sent == ({"Bearer s3cret"} if trusted else {None})
        registry.asked.clear()


def test_the_command_line_gets_from_it(site: Path, tmp_path: Path) -> None:
    """``zooclient get ollama:…`` downloads a verified model, with nothing but the package on the path."""
    code = (
        "import subprocess, sys\n"
        "from ollama_double import OllamaDouble\n"
        "import os\n"
        "with OllamaDouble() as registry:\n"
        "    pin = registry.push('llama3.2')\n"
        "    env = {**os.environ, 'ZOOCLIENT_OLLAMA_ENDPOINT': registry.url}\n"
        "    run = lambda *words: subprocess.run([sys.executable, '-m', 'zooclient', *words], env=env,\n"
        "                                        capture_output=True, text=True, check=True).stdout.strip()\n"
        "    assert run('resolve', 'ollama:llama3.2') == f'ollama:llama3.2@{pin}'\n"
        "    print(run('get', f'ollama:llama3.2@{pin}'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(site, EXAMPLE / "src", EXAMPLE / "tests", home=tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert (folder / "model.gguf").read_bytes().startswith(b"GGUF")
    assert f"{os.sep}ollama+" in str(folder), "what another server than the registry said is kept apart"
