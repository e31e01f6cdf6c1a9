"""The direction of imports, read out of the syntax trees.

::

    cli → testing → serve → client → transfer store providers planning lock auditing mirror loading
                                                                     → net → records, settings → errors
"""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from imports_of import PACKAGE, at_import, imports, modules

from zooclient.testing import LocalZoo

#: From the floor up. A room imports rooms on lower floors only; a floor's rooms do not know one another.
FLOORS = (
    ("errors",),
    ("records", "settings", "plugins"),
    ("net",),
    ("transfer", "store", "providers", "planning", "lock", "auditing", "mirror", "loading"),
    ("client",),
    ("serve", "embedded", "extend"),
    ("testing",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Below ``zooclient.providers``: what every provider may use. The rest of it are the concrete ones.
PROVIDER_COMMONS = tuple(
    "base chat child childside further given orphan publishing registry reading refusing tokens".split()
)

#: What a module without side effects has no business with.
IMPURE = frozenset(
    "asyncio concurrent httpx http io multiprocessing os platform random requests select shutil signal socket "
    "socketserver ssl subprocess tempfile threading time urllib3".split()
)

#: Dotted beginnings of modules that are pure: values in, values out.
PURE = (
    "zooclient.records",
    "zooclient.planning",
    "zooclient.net.policy",
    "zooclient.net.challenge",
    "zooclient.net.exchange",
    "zooclient.net.events",
    "zooclient.transfer.ranges",
    "zooclient.store.tarstream",
    "zooclient.lock.format",
    "zooclient.mirror.format",
    *(
        f"zooclient.auditing.{part}"
        for part in "card catalogue cyclonedx formats html judging licences licensetext".split()
    ),
    *(f"zooclient.auditing.{part}" for part in "markdown pictures plaintext provenance sarif sections".split()),
    *(f"zooclient.auditing.{part}" for part in "subject wording".split()),
    "zooclient.mirror.place",
    *(f"zooclient.providers.replicate.image.{part}" for part in ("oci", "layers", "managed", "labels")),
    *(f"zooclient.providers.{zoo}.wire" for zoo in ("huggingface", "modelscope", "civitai", "replicate", "local")),
    "zooclient.providers.replicate.runs_wire",
    "zooclient.providers.huggingface.hosts",
    "zooclient.providers.chat",
)

#: Where a foreign package may be named at all.
HOMES = {
    "httpx": ("zooclient.net",),
    "truststore": ("zooclient.net",),
    "urllib3": ("zooclient.transfer", "zooclient.net"),
    "huggingface_hub": ("zooclient.providers.huggingface",),
    "modelscope": ("zooclient.providers.modelscope",),
    "replicate": ("zooclient.providers.replicate",),
    "filelock": ("zooclient.store", "zooclient.lock"),
    "platformdirs": ("zooclient.settings",),
    "numpy": ("zooclient.loading", "zooclient.embedded"),
    "ml_dtypes": ("zooclient.loading",),
    "click": ("zooclient.cli",),
    "rich": ("zooclient.cli",),
    "starlette": ("zooclient.serve",),
    "uvicorn": ("zooclient.serve",),
}

#: What a warm load of a pinned reference runs through; each imports what it imports when it is imported.
WARM = (
    "zooclient",
    "zooclient.client.sync",
    "zooclient.client.default",
    "zooclient.client.steps",
    "zooclient.client.wiring",
    "zooclient.client.making",
    "zooclient.loading.model",
    "zooclient.settings",
    "zooclient.store.store",
)

#: What costs more to import than a warm load takes.
HEAVY = frozenset(
    "asyncio cattrs click concurrent datetime email filelock http httpx huggingface_hub ipaddress logging ml_dtypes "
    "modelscope multiprocessing numpy packaging pathlib platformdirs replicate requests rich socket ssl starlette "
    "subprocess tomllib truststore urllib urllib3 uvicorn yaml".split()
)

#: The zoos' own clients: never imported before they are used, anywhere.
OFFICIAL = frozenset({"huggingface_hub", "modelscope", "replicate"})

ALL = sorted(modules())


def room(name: str) -> str:
    """The room of a module: the first part below the package."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def top(name: str) -> str:
    return name.partition(".")[0]


def below(name: str, *prefixes: str) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def ours(name: str) -> list[tuple[str, int]]:
    """Every module of ours that a module imports, for typing or not, early or late, with the line."""
    return [(found.module, found.line) for found in imports(name) if top(found.module) == PACKAGE]


def concrete_provider(name: str) -> str | None:
    """``huggingface`` for what lies below ``zooclient.providers.huggingface``; None for the commons and the rest."""
    parts = name.split(".")
    if parts[1:2] != ["providers"] or len(parts) < 3 or parts[2] in PROVIDER_COMMONS:
        return None
    return parts[2]


def test_every_room_has_its_floor() -> None:
    """A new room does not come to exist outside the written order."""
    assert {room(name) for name in ALL} - {""} <= set(FLOOR_OF)


@pytest.mark.parametrize("name", [name for name in ALL if name != PACKAGE])  # the front names every room, lazily
def test_imports_point_down(name: str) -> None:
    """A module imports its own room and the floors below it, and never a neighbour."""
    wrong = [
        f"{name}:{line} imports {target}"
        for target, line in ours(name)
        if room(target) not in ("", room(name)) and FLOOR_OF[room(target)] >= FLOOR_OF[room(name)]
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ALL)
def test_only_the_registry_and_the_client_name_a_concrete_provider(name: str) -> None:
    """Below the client, the registry alone knows which zoos there are; providers do not know one another."""
    if name == "zooclient.providers.registry" or FLOOR_OF.get(room(name), 99) >= FLOOR_OF["client"]:
        return
    wrong = [
        f"{name}:{line} imports {target}"
        for target, line in ours(name)
        if concrete_provider(target) not in (None, concrete_provider(name))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in ALL if below(name, *PURE)])
def test_pure_modules_do_nothing_but_compute(name: str) -> None:
    """Records, planning, retry decisions, range arithmetic and wire formats open no file, no socket and no clock."""
    wrong = [f"{name}:{found.line} imports {found.module}" for found in imports(name) if top(found.module) in IMPURE]
    assert wrong == []


@pytest.mark.parametrize("name", ALL)
def test_foreign_packages_stay_in_their_room(name: str) -> None:
    """Each foreign package is named in the one room that is there to hide it."""
    wrong = [
        f"{name}:{found.line} imports {found.module}"
        for found in imports(name)
        if top(found.module) in HOMES and not below(name, *HOMES[top(found.module)])
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ALL)
def test_official_clients_are_imported_on_use(name: str) -> None:
    """No module needs a zoo's own client to be imported."""
    assert [found.module for found in at_import(name) if top(found.module) in OFFICIAL] == []


def test_the_front_imports_nothing() -> None:
    """``import zooclient`` imports nothing at all: not attrs, not typing, no module of ours."""
    assert list(at_import(PACKAGE)) == []


def test_the_warm_path_imports_nothing_heavy() -> None:
    """Whatever a warm load imports, and what that imports in turn, names nothing heavy at its top."""
    reached: set[str] = set()
    waiting = [name for name in WARM if name in modules()]
    wrong = []
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for found in at_import(name):
            if top(found.module) == PACKAGE:
                waiting.extend(part for part in _packages_of(found.module) if part in modules())
            elif top(found.module) in HEAVY:
                wrong.append(f"{name}:{found.line} imports {found.module}")
    assert wrong == []


def _packages_of(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def test_no_module_imports_itself_around_a_corner() -> None:
    """There is no import cycle between modules at the time they are imported."""
    graph = {
        name: {found.module for found in at_import(name) if found.module in modules() and found.module != name}
        for name in ALL
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_a_warm_load_really_imports_nothing_heavy(tmp_path: Path) -> None:
    """As a process: a warm pinned load has neither a heavy module nor a socket to show for it."""
    from zooclient import Client
    from zooclient.embedded import zoo_folder

    with LocalZoo(zoo_folder()) as zoo, Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        endpoints = zoo.endpoints
        pin = str(client.resolve("hf:zooclient/digits@main").ref)
        client.load(pin)
    code = (
        "import json, sys\n"
        "opened, before = [], set(sys.modules)\n"  # an installed package may make every Python import some
        "sys.addaudithook(lambda event, args: opened.append(event) if event.startswith('socket.') else None)\n"
        "import zooclient\n"
        f"model = zooclient.Client(home={str(tmp_path)!r}, endpoints={endpoints!r}).load({pin!r})\n"
        "loaded = sorted(set(sys.modules) - before)\n"
        "print(json.dumps([loaded, opened, model.path.is_dir()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, opened, there = json.loads(done.stdout)
    assert there
    assert opened == []
    assert sorted(HEAVY.intersection(loaded)) == []
