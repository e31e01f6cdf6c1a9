"""A plug-in adds its scheme, is loaded when that is used, and what is broken in it is its own problem."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_shell import typed
from plugin_packages import STILL, environment, installed, on_path

from zooclient import Client, ConfigError, ModelRecord, Ref, RefError, Settings, ZooSettings
from zooclient.client.doctor import check_up
from zooclient.embedded import zoo_folder
from zooclient.loading.loaders import kinds, loader_for
from zooclient.providers import registry
from zooclient.testing import LocalZoo

PROVIDERS = "zooclient.providers"
LOADERS = "zooclient.loaders"

#: How a package can be broken → its module.
BROKEN = {
    "missing": "import no_such_module\n",
    "syntax": "def make(:\n",
    "raises": "raise RuntimeError('no luck')\n",
    "exits": "raise SystemExit(3)\n",
    "unnamed": "x = 1\n",
    "uncalled": "make = 7\n",
    "unmade": "def make(settings):\n    return settings.nothing\n",
    "nothing": "def make(settings):\n    return None\n",
    "other": STILL,
    "unable": STILL.replace('scheme = "still"', 'scheme = "broken"\n    capability = None'),
    "nowhere": STILL.replace('scheme = "still"', 'scheme = "broken"\n    endpoint = "ftp://x"'),
}

#: A zoo that is asked at a search of all, and whose code fails there.
CLUMSY = STILL.replace(
    'scheme = "still"',
    'scheme = "clumsy"\n    capability = Capability(search=True, download=True, identify=True)\n'
    '    endpoint = "http://127.0.0.1:9"\n    official = True\n'
    "    def search(self, query, cursor=None):\n        return {}['hits']\n        yield\n"
    "    def resolve(self, ref, *, demos=False):\n        return {}['files']\n        yield\n"
    "    def holders(self, digests):\n        return {}['digests']\n        yield\n",
).replace("LOADED", "from zooclient import Capability\n\nLOADED")


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """The embedded model at the Hub's double, and nobody else to ask."""
    with LocalZoo(zoo_folder()) as running:
        yield running


def still(site: Path, name: str = "zoo-still", version: str = "1.2", scheme: str = "still") -> Path:
    module = name.replace("-", "_")
    return installed(site, name, version, {PROVIDERS: {scheme: f"{module}:make"}}, {module: STILL})


# -- what it may take -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hf", "civitai", "file", "ms", "huggingface", "Bad", "x", "a b", "air", "a_b"])
def test_no_package_takes_what_is_ours_or_no_scheme(tmp_path: Path, name: str) -> None:
    """A scheme of ours, an alias and what no reference can name are passed over, and ``zoos`` says whose they are."""
    before = registry.schemes()
    with on_path(still(tmp_path, scheme=name)):
        assert registry.schemes() == before
        assert registry.offers_of(name) == ()
        assert [(offer.name, offer.source) for offer in registry.passed_over()] == [(name, "package zoo-still 1.2")]


def test_two_packages_that_offer_one_scheme(tmp_path: Path) -> None:
    """Which of two is meant nobody can know: the error names both, and says how to go on."""
    with on_path(still(tmp_path / "one"), still(tmp_path / "two", "other-still", "3.0")):
        with pytest.raises(ConfigError, match=r"zoo-still 1\.2, package other-still 3\.0") as caught:
            registry.provider_for("still", Settings())
        assert "pip uninstall other-still" in (caught.value.hint or "") and caught.value.zoo == "still"


def test_a_second_copy_of_a_package_is_none(tmp_path: Path) -> None:
    """The same package further down the path is never imported, and in nobody's way."""
    with on_path(still(tmp_path / "one"), still(tmp_path / "two", "zoo_still", "1.1")):
        assert [offer.version for offer in registry.offers_of("still")] == ["1.2"]
        assert registry.provider_for("still", Settings()).scheme == "still"


def test_damaged_metadata_is_in_nobodys_way(tmp_path: Path) -> None:
    """A package whose list of entry points cannot be read offers nothing, and takes nothing from the others."""
    site = still(tmp_path)
    bad = site / "bad-1.dist-info"
    bad.mkdir()
    (bad / "entry_points.txt").write_text(f"[{PROVIDERS}]\nno equals sign\n")
    with on_path(site):
        assert registry.schemes()[-1] == "still"


# -- when it is loaded ----------------------------------------------------------------------------


def test_it_is_loaded_when_its_scheme_is_used(zoo: LocalZoo, tmp_path: Path) -> None:
    """Importing zooclient, asking and loading from other zoos, and ``zoos`` do not import a package's module."""
    site = still(tmp_path / "site")
    code = (
        "import sys, json\n"
        "import zooclient\n"
        "from zooclient.cli.main import run\n"
        f"client = zooclient.Client(home={str(tmp_path / 'home')!r}, endpoints={{'hf': {zoo.endpoints['hf']!r}}},\n"
        "    settings=zooclient.Settings(zoos={'still': zooclient.ZooSettings(token='t', mirror_policy='only')}))\n"
        "assert list(client.search('digits', zoos='hf'))\n"
        "client.load(client.resolve('hf:zooclient/digits@main'))\n"
        "told = [run(words) for words in (['zoos'], ['zoos', '--json'])]\n"
        "before = 'zoo_still' in sys.modules\n"
        "told += [run(['zoos', 'still'])]\n"
        "print(json.dumps([told, before, 'zoo_still' in sys.modules]))\n"
    )
    env = environment(site, home=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[0, 0, 0], False, True]


def test_zoos_says_where_each_comes_from(tmp_path: Path) -> None:
    """Ours are built in, others come with package and version; what one can do is told when it is named."""
    site = still(tmp_path / "site")
    still(tmp_path / "site", "evil", "9", scheme="hf")
    env = environment(site, home=tmp_path)

    def zoos(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zooclient", "zoos", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=tmp_path)

    told = {entry["scheme"]: entry for entry in json.loads(zoos("--json").stdout)}
    assert {entry["from"] for scheme, entry in told.items() if scheme != "still"} == {"built in"}
    assert (told["still"]["from"], told["still"]["capability"]) == ("package zoo-still 1.2", None)
    assert told["still"]["packages"] == [{"name": "zoo-still", "version": "1.2", "object": "zoo_still:make"}]
    text = zoos()
    assert "package zoo-still 1.2" in text.stdout and "zooclient zoos still" in text.stdout
    assert text.stderr.strip() == "The package evil 9 offers 'hf', which no package can: it is passed over."
    (named,) = json.loads(zoos("still", "--json").stdout)
    assert named["capability"]["in_place"] is True and named["from"] == "package zoo-still 1.2"


# -- when it is broken ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_package_is_an_error_of_its_own_scheme(tmp_path: Path, how: str) -> None:
    """However it fails, who names its zoo gets a sentence that names the package, and never a traceback."""
    site = installed(
        tmp_path, "zoo-broken", "0.3", {PROVIDERS: {"broken": f"broken_{how}:make"}}, {f"broken_{how}": BROKEN[how]}
    )
    with on_path(site), Client(home=tmp_path / "home") as client, pytest.raises(ConfigError) as caught:
        client.resolve("broken:x")
    assert "package zoo-broken 0.3" in caught.value.message and caught.value.zoo == "broken"
    assert "zoo-broken" in (caught.value.hint or "")


def test_a_broken_package_is_in_nobodys_way(zoo: LocalZoo, tmp_path: Path) -> None:
    """A search, sources, doctor and identify of all zoos tell what is broken, and go on with the rest."""
    site = installed(
        tmp_path, "zoo-broken", "0.3", {PROVIDERS: {"broken": "broken_zoo:make"}}, {"broken_zoo": "1 / 0\n"}
    )
    (tmp_path / "file.bin").write_bytes(b"x")
    settings = Settings(zoos={"broken": ZooSettings(token="t")})
    endpoints = {scheme: url for scheme, url in zoo.endpoints.items() if scheme != "replicate"}
    with on_path(site), Client(home=tmp_path / "home", endpoints=endpoints, settings=settings) as client:
        hits = client.search("digits")
        assert {hit.ref.scheme for hit in hits} >= {"hf"}
        assert "ZeroDivisionError" in hits.problems["broken"].message
        record = client.resolve("hf:zooclient/digits@main")
        assert "broken" in client.sources(record).problems
        assert client.download(record).files
        assert "broken" in client.identify(tmp_path / "file.bin", online=True).problems
        assert [finding.zoo for finding in check_up(client) if finding.check == "plug-in"] == ["broken"]


def test_the_command_line_goes_on_with_the_rest(zoo: LocalZoo, tmp_path: Path) -> None:
    """Verbs that ask all zoos tell what is broken, and end as they would without it."""
    site = installed(
        tmp_path, "zoo-broken", "0.3", {PROVIDERS: {"broken": "broken_cli:make"}}, {"broken_cli": "1 / 0\n"}
    )
    endpoints = {f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": url for scheme, url in zoo.endpoints.items()}
    env = environment(home=tmp_path, **endpoints)
    with on_path(site):
        assert typed("resolve", "hf:zooclient/digits@main", env=env, cwd=tmp_path).returncode == 0
        weights = str(zoo_folder() / "zooclient" / "digits" / "model.safetensors")
        for words in (["search", "digits"], ["identify", "--online", weights], ["sources", "hf:zooclient/digits@main"]):
            done = typed(*words, env=env, cwd=tmp_path)
            assert (done.returncode, done.stderr.count("zoo-broken 0.3")) == (0, 1), done.stderr
        done = typed("zoos", "broken", env=env, cwd=tmp_path)
        assert done.returncode == 2 and "ZeroDivisionError" in done.stderr


def test_a_clumsy_package_is_in_nobodys_way(zoo: LocalZoo, tmp_path: Path) -> None:
    """A mistake in a package's own code ends that zoo's part of a question, told as that package's."""
    site = installed(tmp_path, "zoo-clumsy", "2", {PROVIDERS: {"clumsy": "clumsy:make"}}, {"clumsy": CLUMSY})
    (tmp_path / "file.bin").write_bytes(b"x")
    endpoints = {scheme: url for scheme, url in zoo.endpoints.items() if scheme != "replicate"}
    with on_path(site), Client(home=tmp_path / "home", endpoints=endpoints) as client:
        hits = client.search("digits")
        assert {hit.ref.scheme for hit in hits} >= {"hf"}
        assert "package zoo-clumsy 2" in hits.problems["clumsy"].message
        assert "KeyError" in client.sources("hf:zooclient/digits@main").problems["clumsy"].message
        assert "KeyError" in client.identify(tmp_path / "file.bin", online=True).problems["clumsy"].message
        with pytest.raises(ConfigError, match="package zoo-clumsy 2") as caught:
            client.resolve("clumsy:x")
        assert (caught.value.zoo, caught.value.operation) == ("clumsy", "resolve")


@pytest.mark.parametrize("how", ["raises", "gives", "never"])
def test_a_clumsy_package_runs_trains_and_takes_nothing(tmp_path: Path, how: str) -> None:
    """A mistake in running, training or publishing is told as that package's, with what was asked of it."""
    wrong = {"raises": "return {}['x']\n        yield", "gives": "return {}\n        yield", "never": "return None"}[
        how
    ]
    source = STILL.replace(
        'scheme = "still"',
        'scheme = "clumsy"\n    capability = Capability(download=True, run=True, publish=True)\n'
        f"    def run(self, record, request, *, told=None):\n        {wrong}\n"
        f"    def train(self, record, request, *, told=None):\n        {wrong}\n"
        f"    def standing(self, ref):\n        {wrong}\n"
        "    def make(self, *_, **__): ...\n    def send(self, *_, **__): ...\n    def mark(self, *_, **__): ...\n",
    ).replace("LOADED", "from zooclient import Capability\n\nLOADED")
    site = installed(
        tmp_path, "zoo-clumsy", "2", {PROVIDERS: {"clumsy": f"clumsy_{how}:make"}}, {f"clumsy_{how}": source}
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "README.md").write_text("---\nlicense: mit\n---\n# x\n\n## Uses\n\nNone.\n")
    ref = Ref.parse("clumsy:x")
    with on_path(site), Client(home=tmp_path / "home") as client:
        model = client.open(ModelRecord(ref=ref, requested=ref, pin="none", title="x"))
        deeds: dict[str, Callable[[], object]] = {
            "run": lambda: model.run(prompt="hi"),
            "train": lambda: model.train(destination="clumsy:y"),
            "publish": lambda: client.publish(tmp_path / "model", ref, visibility="private"),
        }
        for operation, deed in deeds.items():
            with pytest.raises(ConfigError, match="package zoo-clumsy 2") as caught:
                deed()
            assert (caught.value.zoo, caught.value.operation) == ("clumsy", operation)


def test_what_is_gone_is_told_by_its_name(tmp_path: Path) -> None:
    """A reference of a package that is not installed is a RefError that lists the known schemes."""
    with Client(home=tmp_path) as client, pytest.raises(RefError, match="'still'"):
        client.resolve("still:x")


# -- loaders --------------------------------------------------------------------------------------


def test_loaders_have_the_same_manners(tmp_path: Path) -> None:
    """A kind of ours is never replaced, two packages of one kind are refused by name, and a broken one is told."""
    points = {
        LOADERS: {"torch": "kinds_a:load", "twice": "kinds_a:load", "bad": "kinds_b:load", "flat": "kinds_a:SEVEN"}
    }
    sources = {"kinds_a": "SEVEN = 7\ndef load(snapshot, /, *, unsafe, **options): return 1\n", "kinds_b": "1 / 0\n"}
    one = installed(tmp_path / "one", "kinds-a", "1", points, sources)
    two = installed(tmp_path / "two", "kinds-b", "2", {LOADERS: {"twice": "kinds_b:load"}})
    with on_path(one, two):
        assert {"twice", "bad", "flat"} <= set(kinds()) and "kinds_a" not in sys.modules
        assert loader_for("torch").__module__ == "zooclient.loading.kinds"
        with pytest.raises(ConfigError, match="kinds-a 1, package kinds-b 2"):
            loader_for("twice")
        with pytest.raises(ConfigError, match=r"'bad' of the package kinds-a 1 .* ZeroDivisionError"):
            loader_for("bad")
        with pytest.raises(ConfigError, match="cannot be called"):
            loader_for("flat")
