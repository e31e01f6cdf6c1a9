"""Where settings come from, and what none of them may do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import platformdirs
import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zooclient.errors import ConfigError
from zooclient.records.rules import ALIASES
from zooclient.settings import LIMITS, Limits, Settings, ZooSettings, is_loopback, plain_address, user_folder
from zooclient.settings.layer import canonical
from zooclient.settings.variables import VARIABLES

EVIL = "https://evil.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder, below which and above which nothing else is found."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose user's config file is ``tmp_path/config.toml``, not there yet."""
    return {"HOME": str(tmp_path), "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml")}


def user(environ: dict[str, str], text: str) -> dict[str, str]:
    """Writes the user's config file."""
    path = Path(environ["ZOOCLIENT_CONFIG"])
    path.write_text(text)
    path.chmod(0o600)
    return environ


# -- by hand ------------------------------------------------------------------------------------


def test_by_hand_nothing_is_read() -> None:
    """Settings made without arguments are the defaults, with no environment and no surroundings."""
    plain = Settings()
    assert (plain.environ, plain.surroundings, plain.offline, plain.strict) == ({}, False, False, False)
    assert plain.zoo("hf") == ZooSettings()
    assert plain.limits == Limits()


def test_the_home_is_the_user_s_cache(tmp_path: Path) -> None:
    """Without a home it is zooclient's folder among the user's caches; the one that platformdirs names."""
    assert Settings(home=tmp_path).store_home() == tmp_path
    assert user_folder("cache", os.environ) == platformdirs.user_cache_path("zooclient", appauthor=False)
    assert user_folder("config", os.environ) == platformdirs.user_config_path("zooclient", appauthor=False)
    assert Settings().store_home() == platformdirs.user_cache_path("zooclient", appauthor=False)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these systems have folders of their own")
def test_the_folders_follow_xdg() -> None:
    """The variables given are used, not those of the process; a relative one is ignored, as its specification says."""
    assert user_folder("cache", {"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/zooclient")
    assert user_folder("config", {"XDG_CONFIG_HOME": "c", "HOME": "/h"}) == Path("/h/.config/zooclient")


@given(
    st.from_regex(r"\A[hHtTpPsSfF]{3,5}:?/{1,3}[a-zA-Z0-9.:\[\]@%_-]{0,12}(:[0-9]{0,6})?(/[ -~]{0,8})?\Z")
    | st.text(max_size=20)
)
@example("https://hub.example:443/v1")
@example("http://127.0.0.1:65536")
@example("https://hub.example:0443/")
@example("https://hub.example:")
@example("https://HUB.example")
def test_a_plain_address_is_read_as_a_parser_reads_it(url: str) -> None:
    """What is read without a parser has the scheme, host and port that the parser finds, and nothing more."""
    found = plain_address(url)
    if found is not None:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname, parts.port) == found
        assert not (parts.query or parts.fragment or parts.username or parts.password)


@pytest.mark.parametrize("url", ["https://hub.example:443/v1", "http://127.0.0.1:8000", "https://a-b.example/x_~/"])
def test_common_addresses_are_plain(url: str) -> None:
    """What an endpoint usually looks like takes no parser."""
    assert plain_address(url) is not None


def test_the_home_is_a_path_however_it_was_given() -> None:
    """A home given as text is a Path to whoever asks, None stays None, and a copy keeps it."""
    assert Settings(home="/a/b").home == Path("/a/b") == Settings(home=Path("/a/b")).store_home()
    assert Settings().home is None
    assert evolve(Settings(home="/a/b"), strict=True).home == Path("/a/b")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_this_machine(host: str) -> None:
    """These names mean this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "10.0.0.1", "127.evil.example", "localhost.evil.example", "1270.0.0.1", "::2"])
def test_not_this_machine(host: str) -> None:
    """These do not, however alike they look."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "endpoint",
    [
        "hub.example",
        "ftp://hub.example",
        "https://",
        "https://user:secret@hub.example",
        "https://hub.example?x=1",
        "https://hub.example#x",
        "https://hub.example:port",
        "https://hub .example",
        "https://hub.example\\@evil.example",
        "https://[::1",
        "http://hub.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(endpoint: str) -> None:
    """No URL, user info, a query, or plain http to another machine: ConfigError, and no secret in it."""
    with pytest.raises(ConfigError, match="The endpoint of hf") as caught:
        Settings(zoos={"hf": ZooSettings(endpoint=endpoint)})
    assert "secret" not in f"{caught.value}{caught.value.hint}"


def test_plain_http_can_be_allowed() -> None:
    """To this machine always, to others when a setting says so."""
    Settings(zoos={"hf": ZooSettings(endpoint="http://127.0.0.1:8000")})
    Settings(zoos={"hf": ZooSettings(endpoint="http://[::1]:8000")})
    Settings(zoos={"hf": ZooSettings(endpoint="http://hub.example")}, allow_plain_http=True)


def test_an_endpoint_has_no_slash_at_its_end() -> None:
    """Paths are added to it; one spelling of it."""
    assert ZooSettings(endpoint="https://hub.example/hf/").endpoint == "https://hub.example/hf"


@pytest.mark.parametrize(
    "zoo",
    [ZooSettings(proxy="proxy:1"), ZooSettings(proxy="gopher://x:1"), ZooSettings(connections=0), ZooSettings(via="x")],
)
def test_other_values_that_cannot_be(zoo: ZooSettings) -> None:
    """Proxy, connections and via are looked at as well."""
    with pytest.raises(ConfigError, match="of hf"):
        Settings(zoos={"hf": zoo})


def test_limits_are_numbers_with_sense() -> None:
    """Every limit is listed, positive and finite."""
    assert set(LIMITS) == {field.name for field in attrs.fields(Limits)}
    for wrong in ({"retries": -1}, {"connect_timeout": 0}, {"max_wait": float("inf")}, {"backoff_max": float("nan")}):
        with pytest.raises(ConfigError, match="limit"):
            Limits(**wrong)
    Limits(retries=0, max_wait=0)


def test_no_repr_shows_a_secret() -> None:
    """Tokens, the environment and a proxy's password are left out."""
    zoo = ZooSettings(token="hf_secret", proxy="http://me:secret@proxy.example:1")
    shown = repr(Settings(zoos={"hf": zoo}, environ={"HF_TOKEN": "hf_secret"}))
    assert "secret" not in shown
    assert "proxy.example:1" in shown


# -- variables ----------------------------------------------------------------------------------


def test_every_variable(environ: dict[str, str]) -> None:
    """Each variable of the table sets what it says."""
    environ |= {
        "ZOOCLIENT_HOME": "/home",
        "ZOOCLIENT_STORES": f"/a{os.pathsep}/b{os.pathsep}",
        "ZOOCLIENT_OFFLINE": "yes",
        "ZOOCLIENT_STRICT": "On",
        "ZOOCLIENT_ALLOW_PLAIN_HTTP": "1",
        "ZOOCLIENT_LINK_MODE": "copy",
        "ZOOCLIENT_RECORD": "/r",
        "ZOOCLIENT_HF_ENDPOINT": "http://hub.example/",
        "ZOOCLIENT_HF_TOKEN": "hf_x",
        "ZOOCLIENT_HF_PROXY": "socks5h://p:1",
        "ZOOCLIENT_HF_CONNECTIONS": "3",
        "ZOOCLIENT_HF_MIRRORS": "https://m https://n",
        "ZOOCLIENT_HF_MIRROR_POLICY": "first",
        "ZOOCLIENT_HF_VIA": "official",
        "ZOOCLIENT_MS_TOKEN": "ms",
        "ZOOCLIENT_R8_ENDPOINT": "https://r8.example",
        "ZOOCLIENT_TIMEOUT": "7.5",
        "ZOOCLIENT_RETRIES": "0",
        "ZOOCLIENT_CONNECTIONS": "2",
        "ZOOCLIENT_SOMETHING": "of a later feature",
    }
    got = Settings.from_env(environ)
    assert (got.home, got.stores, got.record_dir) == (Path("/home"), (Path("/a"), Path("/b")), Path("/r"))
    assert (got.offline, got.strict, got.allow_plain_http, got.link_mode) == (True, True, True, "copy")
    assert got.zoo("hf") == ZooSettings(
        endpoint="http://hub.example",
        token="hf_x",
        proxy="socks5h://p:1",
        connections=3,
        mirrors=("https://m", "https://n"),
        mirror_policy="first",
        via="official",
    )
    assert got.zoo("modelscope").token == "ms"
    assert got.zoo("r8").endpoint == "https://r8.example"
    assert (got.limits.read_timeout, got.limits.retries, got.limits.connections) == (7.5, 0, 2)
    assert got.surroundings
    assert got.environ == environ


def test_the_table_of_variables_is_whole(environ: dict[str, str]) -> None:
    """Every variable of the table is read, and every limit has one."""
    for variable in VARIABLES:
        name = variable.name.replace("<ZOO>", "HF")
        if name in ("ZOOCLIENT_CONFIG", "ZOOCLIENT_HF_MIRROR_POLICY"):
            continue
        sample = {
            "boolean": "01"[variable.default == "0"],
            "count": "4",
            "seconds": "6",
            "bytes": "7",
            "URL": "https://x",
        }.get(variable.unit, "copy" if "LINK" in name else "official")
        assert Settings.from_env(environ | {name: sample}) != attrs.evolve(
            Settings.from_env(environ), environ=environ | {name: sample}
        ), name
    named = {variable.name for variable in VARIABLES}
    for limit in LIMITS:
        assert f"ZOOCLIENT_{limit.upper()}" in named or limit == "read_timeout"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ZOOCLIENT_OFFLINE", "maybe"),
        ("ZOOCLIENT_STRICT", "2"),
        ("ZOOCLIENT_RETRIES", "1.5"),
        ("ZOOCLIENT_TIMEOUT", "soon"),
        ("ZOOCLIENT_HF_CONNECTIONS", "many"),
        ("ZOOCLIENT_HF_CONNECTIONS", "0"),
        ("ZOOCLIENT_HF_ENDPOINT", "hub.example"),
        ("ZOOCLIENT_HF_PROXY", "proxy"),
        ("ZOOCLIENT_HF_VIA", "pigeon"),
        ("ZOOCLIENT_LINK_MODE", "softlink"),
        ("ZOOCLIENT_HOME", "~no such user/x"),
        ("ZOOCLIENT_CONFIG", "~no such user/x"),
        ("HF_ENDPOINT", "http://hub.example"),
        ("MODELSCOPE_ENDPOINT", "http://scope.example"),
        ("MODELSCOPE_DOMAIN", "user:secret@scope.example"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "x"),
    ],
)
def test_a_variable_that_cannot_be_is_named(environ: dict[str, str], name: str, text: str) -> None:
    """The sentence begins with its name."""
    with pytest.raises(ConfigError, match=name):
        Settings.from_env(environ | {name: text})


def test_an_empty_variable_is_none(environ: dict[str, str]) -> None:
    """As good as absent."""
    empty = {variable.name.replace("<ZOO>", "HF"): "" for variable in VARIABLES if variable.name != "ZOOCLIENT_CONFIG"}
    got = Settings.from_env(environ | empty)
    assert attrs.evolve(got, environ={}) == Settings(surroundings=True)


@given(st.sampled_from([variable.name.replace("<ZOO>", "HF") for variable in VARIABLES]), st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_it_fail_otherwise(name: str, text: str) -> None:
    """Whatever a variable holds: settings, or ConfigError."""
    environ = {"HOME": "/nowhere", "ZOOCLIENT_CONFIG": "/nowhere/config.toml"}
    if "\0" in text:
        return  # no environment can hold it
    try:
        Settings.from_env(environ | {name: text})
    except ConfigError:
        return


def test_the_zoos_own_variables_come_after_ours(environ: dict[str, str]) -> None:
    """HF_ENDPOINT and its kin count where ours are silent, and only with surroundings."""
    theirs = environ | {"HF_ENDPOINT": "https://mirror.example", "HF_HUB_OFFLINE": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "90"}
    got = Settings.from_env(theirs)
    assert (got.zoo("hf").endpoint, got.offline, got.limits.read_timeout) == ("https://mirror.example", True, 90)
    assert got.zoo("hf").endpoint_trusted
    ours = theirs | {"ZOOCLIENT_HF_ENDPOINT": EVIL, "ZOOCLIENT_OFFLINE": "0", "ZOOCLIENT_TIMEOUT": "5"}
    got = Settings.from_env(ours)
    assert (got.zoo("hf").endpoint, got.offline, got.limits.read_timeout) == (EVIL, False, 5)
    got = Settings.from_env(theirs, surroundings=False)
    assert (got.zoo("hf").endpoint, got.offline, got.limits.read_timeout) == (None, False, 30)
    assert not Settings.from_env(environ | {"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "false"}).offline


@pytest.mark.parametrize(
    ("told", "endpoint"),
    [
        ({"MODELSCOPE_ENDPOINT": "http://127.0.0.1:8000/"}, "http://127.0.0.1:8000"),
        ({"MODELSCOPE_ENDPOINT": "www.modelscope.ai"}, "https://www.modelscope.ai"),
        ({"MODELSCOPE_DOMAIN": " scope.example "}, "https://scope.example"),
        ({"MODELSCOPE_ENDPOINT": "a.example", "MODELSCOPE_DOMAIN": "b.example"}, "https://a.example"),
        ({"MODELSCOPE_ENDPOINT": "", "MODELSCOPE_PREFER_AI_SITE": "True"}, "https://www.modelscope.ai"),
        ({"MODELSCOPE_DOMAIN": "a.example", "MODELSCOPE_PREFER_AI_SITE": "true"}, "https://a.example"),
        ({"MODELSCOPE_PREFER_AI_SITE": "false"}, None),
        ({"MODELSCOPE_ENDPOINT": "a.example", "ZOOCLIENT_MODELSCOPE_ENDPOINT": EVIL}, EVIL),
    ],
)
def test_where_modelscope_s_own_tools_would_ask(
    environ: dict[str, str], told: dict[str, str], endpoint: str | None
) -> None:
    """A named server, which may be a bare host, goes before the wish for a site; ours before all, theirs with
    surroundings only.
    """
    got = Settings.from_env(environ | told)
    assert got.zoo("modelscope").endpoint == endpoint and got.zoo("modelscope").endpoint_trusted
    ours = told.get("ZOOCLIENT_MODELSCOPE_ENDPOINT")
    assert Settings.from_env(environ | told, surroundings=False).zoo("modelscope").endpoint == ours


def test_aliases_are_those_of_references() -> None:
    """A zoo has the same names here as in a reference."""
    assert {alias: canonical(alias) for alias in ALIASES} == ALIASES
    assert canonical("hf") == "hf"


# -- files --------------------------------------------------------------------------------------


def test_the_user_s_file_may_set_everything(environ: dict[str, str], tmp_path: Path) -> None:
    """Paths are relative to the file; hyphens in names."""
    text = """
        home = "store"
        stores = ["/shared"]
        strict = true
        link-mode = "copy"
        allow-plain-http = true
        [limits]
        read-timeout = 60
        retries = 1
        [zoos.huggingface]
        endpoint = "http://hub.example"
        token = "hf_x"
        mirrors = ["https://m"]
        mirror-policy = "first"
        proxy = "http://p:1"
        connections = 4
        via = "official"
    """
    got = Settings.from_env(user(environ, text))
    assert (got.home, got.stores, got.strict) == (tmp_path / "store", (Path("/shared"),), True)
    assert (got.link_mode, got.limits.read_timeout, got.limits.retries) == ("copy", 60, 1)
    assert got.zoo("hf") == ZooSettings(
        endpoint="http://hub.example",
        token="hf_x",
        mirrors=("https://m",),
        mirror_policy="first",
        proxy="http://p:1",
        connections=4,
        via="official",
    )


def test_the_user_s_file_is_found(tmp_path: Path) -> None:
    """In the user's config folder, when no variable names another."""
    place = user_folder("config", {"HOME": str(tmp_path)})
    if not place.is_relative_to(tmp_path):
        pytest.skip("this system's config folder does not follow HOME")
    place.mkdir(parents=True)
    (place / "config.toml").write_text("strict = true")
    assert Settings.from_env({"HOME": str(tmp_path)}).strict


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes here")
def test_a_token_that_others_may_read_is_told(environ: dict[str, str]) -> None:
    """A config file with a token wants mode 600; without one, any mode will do."""
    path = Path(user(environ, '[zoos.hf]\ntoken = "hf_x"')["ZOOCLIENT_CONFIG"])
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        assert Settings.from_env(environ).zoo("hf").token == "hf_x"
    path.write_text('[zoos.hf]\nendpoint = "https://hub.example"')
    Settings.from_env(environ)


@pytest.mark.parametrize(("name", "head"), [("zoo.toml", ""), ("pyproject.toml", "tool.zooclient.")])
def test_the_project_s_file_is_found_upward(environ: dict[str, str], folder: Path, name: str, head: str) -> None:
    """Either file, from a folder below; other rooms' tables pass."""
    (folder / name).write_text(
        f'[{head}models]\na = "hf:a/b"\n[{head}policy]\nx = 1\n[{head}groups]\n[{head}zoos.hf]\nendpoint = "{EVIL}"\n'
    )
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    assert Settings.from_env(environ, project=below).zoo("hf").endpoint == EVIL
    assert Settings.from_env(environ).zoo("hf").endpoint is None


def test_two_project_files_are_one_too_many(environ: dict[str, str], folder: Path) -> None:
    """Both in one folder: ConfigError; a pyproject.toml without our table is nobody's concern, broken or not."""
    (folder / "zoo.toml").write_text("strict = true")
    (folder / "pyproject.toml").write_text("[tool.other")
    assert Settings.from_env(environ, project=folder).strict
    (folder / "pyproject.toml").write_text("[tool.zooclient]\nstrict = true")
    with pytest.raises(ConfigError, match="both"):
        Settings.from_env(environ, project=folder)


def test_the_search_ends_at_the_repository(environ: dict[str, str], folder: Path) -> None:
    """What lies above a .git is another's; a pyproject.toml without our table does not end the search."""
    (folder.parent / "zoo.toml").write_text("strict = true")
    assert not Settings.from_env(environ, project=folder).strict
    (folder / "zoo.toml").write_text("offline = true")
    package = folder / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text('[project]\nname = "zooclient-example"')
    assert Settings.from_env(environ, project=package).offline


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[zoos.hf]\ntoken = "hf_x"', "zoos.hf.token"),
        ('home = "/x"', "home"),
        ('stores = ["/x"]', "stores"),
        ('record = "/x"', "record"),
        ("allow-plain-http = true", "allow-plain-http"),
        ('colour = "red"', "colour"),
        ('[zoos.hf]\nendpont = "x"', "zoos.hf.endpont"),
        ("[limits]\nread_timeout = 1", "limits.read_timeout"),
        ('[limits]\nread-timeout = "1"', "limits.read-timeout"),
        ("[limits]\nretries = 1.5", "limits.retries"),
        ("[limits]\nretries = true", "limits.retries"),
        ("strict = 1", "strict"),
        ("zoos = 1", "zoos"),
        ("[zoos]\nhf = 1", "zoos.hf"),
        ("[zoos.hf]\nmirrors = [1]", "zoos.hf.mirrors"),
        ("[zoos.hf]\nconnections = true", "zoos.hf.connections"),
        ('[zoos.hf]\nendpoint = "http://hub.example"', "zoos.hf.endpoint"),
        ('[zoos.hf]\nendpoint = "https://$HF_TOKEN@x"', "zoos.hf.endpoint"),
        ("strict = tru", "TOML"),
    ],
)
def test_a_project_file_that_cannot_be_is_named(environ: dict[str, str], folder: Path, text: str, key: str) -> None:
    """File and key stand in the sentence: what is no setting, of the wrong kind, or the user's alone."""
    (folder / "zoo.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ, project=folder)
    assert str(folder / "zoo.toml") in str(caught.value)
    assert key in str(caught.value)
    assert "hf_x" not in str(caught.value)


def test_no_variable_is_expanded(environ: dict[str, str], folder: Path) -> None:
    """A project file cannot put a secret of the environment into an address."""
    (folder / "zoo.toml").write_text('[zoos.hf]\nendpoint = "https://x.example/$HF_TOKEN/${HF_TOKEN}"')
    got = Settings.from_env(environ | {"HF_TOKEN": "hf_x"}, project=folder)
    assert got.zoo("hf").endpoint == "https://x.example/$HF_TOKEN/${HF_TOKEN}"


def test_what_a_project_names_is_not_trusted(environ: dict[str, str], folder: Path) -> None:
    """Endpoint, proxy and mirrors of a project file are marked, whoever set the token."""
    (folder / "zoo.toml").write_text(
        f'[zoos.hf]\nendpoint = "{EVIL}"\nproxy = "http://evil.example:1"\nmirrors = ["{EVIL}"]'
    )
    user(environ, '[zoos.hf]\ntoken = "hf_x"\nendpoint = "https://hub.example"')
    zoo = Settings.from_env(environ, project=folder).zoo("hf")
    assert (zoo.endpoint, zoo.token) == (EVIL, "hf_x")
    assert (zoo.endpoint_trusted, zoo.proxy_trusted, zoo.mirrors_trusted) == (False, False, False)


def test_a_mirror_may_be_a_path_relative_to_the_file(environ: dict[str, str], tmp_path: Path, folder: Path) -> None:
    """A path is relative to the file that names it, an address stays as it is; the policy is one of three."""
    text = '[zoos.hf]\nmirrors = ["models", "/mnt/models", "https://m.example/x"]\nmirror-policy = "only"'
    zoo = Settings.from_env(user(environ, text)).zoo("hf")
    assert zoo.mirrors == (str(tmp_path / "models"), str(Path("/mnt/models")), "https://m.example/x")
    assert (zoo.mirror_policy, zoo.mirrors_trusted) == ("only", True)
    for wrong in ('mirrors = [""]', 'mirrors = ["http://m.example"]', 'mirror-policy = "always"'):
        (folder / "zoo.toml").write_text(f"[zoos.hf]\n{wrong}")
        with pytest.raises(ConfigError, match=r"zoo\.toml: zoos\.hf\.mirror"):
            Settings.from_env(environ, project=folder)


def test_a_variable_makes_an_endpoint_trusted(environ: dict[str, str], folder: Path) -> None:
    """Who names it in the environment or the user's file vouches for it, also when a project names the same."""
    (folder / "zoo.toml").write_text(f'[zoos.hf]\nendpoint = "{EVIL}/"')
    for variable in ("ZOOCLIENT_HF_ENDPOINT", "HF_ENDPOINT"):
        zoo = Settings.from_env(environ | {variable: "https://hub.example"}, project=folder).zoo("hf")
        assert (zoo.endpoint, zoo.endpoint_trusted) == ("https://hub.example", True)
    zoo = Settings.from_env(user(environ, f'[zoos.hf]\nendpoint = "{EVIL}"'), project=folder).zoo("hf")
    assert (zoo.endpoint, zoo.endpoint_trusted) == (EVIL, True)


def test_the_first_source_wins(environ: dict[str, str], folder: Path) -> None:
    """Arguments, our variables, theirs, the project, the user, the defaults."""
    user(environ, "strict = true\noffline = true\nlink-mode = 'copy'\n[limits]\nretries = 1\nmax-wait = 9")
    (folder / "zoo.toml").write_text("strict = false\nlink-mode = 'hardlink'\n[limits]\nretries = 2")
    got = Settings.from_env(environ, project=folder)
    assert (got.strict, got.offline, got.link_mode, got.limits.retries, got.limits.max_wait) == (
        False,
        True,
        "hardlink",
        2,
        9,
    )
    environ |= {"ZOOCLIENT_STRICT": "1", "ZOOCLIENT_RETRIES": "3"}
    got = Settings.from_env(environ, project=folder)
    assert (got.strict, got.limits.retries) == (True, 3)
    zoos = {"hf": ZooSettings(endpoint="https://argument.example")}
    got = Settings.from_env(environ, project=folder, strict=False, limits=Limits(retries=4), zoos=zoos, home=None)
    assert (got.strict, got.limits.retries, got.home) == (False, 4, None)
    assert got.zoo("hf").endpoint == "https://argument.example"
    with pytest.raises(ConfigError, match="colour"):
        Settings.from_env(environ, colour="red")


def test_an_unreadable_file_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    """A config file that is a folder, or not UTF-8: ConfigError."""
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match=r"config\.toml cannot be read"):
        Settings.from_env(environ)
    other = tmp_path / "other.toml"
    other.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not TOML"):
        Settings.from_env({"ZOOCLIENT_CONFIG": str(other)})


# -- cost ---------------------------------------------------------------------------------------


def test_the_warm_path_imports_little(tmp_path: Path) -> None:
    """With a home given and no file to be read, neither a TOML parser nor platformdirs nor a web library is loaded."""
    program = """
import sys
from pathlib import Path
from zooclient.settings import Settings
Settings.from_env(project=Path.cwd()).store_home()
heavy = {"tomllib", "platformdirs", "httpx", "ssl", "socket", "logging", "asyncio", "ipaddress", "difflib"}
if sys.version_info < (3, 13):
    heavy.discard("ipaddress")  # pathlib imports urllib.parse, and that one this
print(sorted(heavy & set(sys.modules)))
"""
    environ = {
        "HOME": str(tmp_path),
        "ZOOCLIENT_HOME": str(tmp_path / "home"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, env=environ
    )
    assert done.stdout.strip() == "[]"
