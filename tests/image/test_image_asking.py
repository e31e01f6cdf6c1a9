"""How a registry lets itself be asked: nobody first, both kinds of challenge, and where a login goes and where not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagekit import COPY_WEIGHTS, GRANT, LOGIN, NAME, RegistryDouble, Zoo, image, layer, zoo
from netdoubles import Answer, Asked, Server
from replicate_double import TOKEN

from zooclient import Client
from zooclient.errors import AccessError, ConfigError, IntegrityError, NetworkError
from zooclient.net.auth import Auth, Credential
from zooclient.net.registries import Exchange, Registries, Registry
from zooclient.providers.registry import image_registries
from zooclient.providers.replicate.image.credentials import checked, docker_file, surrounding_login
from zooclient.settings import Settings, ZooSettings

WEIGHTS = layer({"src/weights/a.bin": b"a" * 5000}, COPY_WEIGHTS)
BASIC = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
R8 = "https://r8.im"
MANIFEST = f"{R8}/v2/acme/tiny/manifests/sha256:{'0' * 64}"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Zoo]:
    """A version with a layer of weights, of a registry that is not asked yet."""
    with zoo(image(WEIGHTS), tmp_path / "home") as made:
        yield made


def sent(registry: RegistryDouble) -> list[tuple[str, str]]:
    """What was asked, each with what was sent for authorization."""
    return [
        (path, asked.headers.get("authorization", ""))
        for path, asked in zip(registry.paths, registry.asked, strict=True)
    ]


# -- over sockets -------------------------------------------------------------------------------


def test_an_open_registry_is_sent_nothing(tiny: Zoo) -> None:
    """Who is answered without a login sends none, though there is one."""
    with tiny.another() as client:
        client.load(tiny.ref, weights="all")
    assert {told for _, told in sent(tiny.registry)} == {""}


def test_basic_is_answered_with_the_login(tiny: Zoo) -> None:
    """A registry that asks for Basic gets the login after it asked, for metadata and layers alike."""
    tiny.registry.asks = "basic"
    with tiny.another() as client:
        assert client.load(tiny.ref, weights="all").record.files
    told = [header for _, header in sent(tiny.registry)]
    assert (told[0], set(told[1:])) == ("", {BASIC})


def test_bearer_is_answered_with_a_token_for_the_repository(tiny: Zoo) -> None:
    """A registry that names a realm of its own gets the login there, and its token everywhere else, asked for once."""
    tiny.registry.asks = "bearer"
    with tiny.another() as client:
        client.load(tiny.ref, weights="all")
    exchanges = [(path, header) for path, header in sent(tiny.registry) if path.startswith("/token")]
    assert [header for _, header in exchanges] == [BASIC]
    rest = [header for path, header in sent(tiny.registry) if not path.startswith("/token")]
    assert (rest[0], set(rest[1:])) == ("", {f"Bearer {GRANT}"})


def test_a_realm_elsewhere_is_asked_by_nobody_in_particular(tiny: Zoo) -> None:
    """A token service at another origin is asked without the login, which is the registry's alone."""

    def grant(asked: Asked) -> Answer:
        return Answer(body=json.dumps({"access_token": GRANT}).encode())

    with Server(grant) as realm:
        tiny.registry.asks, tiny.registry.realm = "elsewhere", f"{realm.url}/token"
        with tiny.another() as client:
            client.load(tiny.ref)
        assert [asked.headers.get("authorization") for asked in realm.asked] == [None]
        assert "scope=repository%3Aacme%2Ftiny%3Apull" in realm.asked[0].path
    assert {header for _, header in sent(tiny.registry)} == {"", f"Bearer {GRANT}"}


def test_a_token_that_ran_out_is_had_anew_in_the_midst(tiny: Zoo) -> None:
    """A layer that is asked for with a token that counts no longer makes the engine have another."""
    tiny.registry.asks = "bearer"
    with tiny.another() as client:
        plan = client.plan(tiny.ref, weights="all")
        tiny.registry.grant = "another"
        client.download(plan)
    assert "Bearer another" in [header for _, header in sent(tiny.registry)]


def test_what_is_hidden_from_strangers_is_asked_for_by_name(tiny: Zoo) -> None:
    """A registry that answers 404 to nobody in particular is asked again with the login, if there is one."""
    tiny.registry.asks = "hidden"
    with tiny.another() as client:
        assert client.load(tiny.ref).record.files


def test_no_login_ever_reaches_the_blob_host(tiny: Zoo) -> None:
    """A blob that lies elsewhere is fetched there without login and token; so is the configuration."""
    with RegistryDouble(tiny.registry.image) as host:
        tiny.registry.blobs, tiny.registry.asks = host.url, "bearer"
        with tiny.another() as client:
            snapshot = client.load(tiny.ref, weights="all")
        assert "src/weights/a.bin" in [file.path for file in snapshot.files]
        assert len(host.asked) == 2
        assert all("authorization" not in asked.headers for asked in host.asked)


def test_the_token_of_the_api_stays_with_the_api(tiny: Zoo) -> None:
    """The registry is never sent the API's token, nor the API the registry's login."""
    tiny.registry.asks = "basic"
    with tiny.another() as client:
        client.load(tiny.ref)
    assert all(TOKEN not in header for _, header in sent(tiny.registry))
    assert {asked.headers["authorization"] for asked in tiny.api.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("asks", ["basic", "bearer"])
def test_without_a_login_the_error_says_what_helps(tiny: Zoo, asks: Any) -> None:
    """Who is not logged in is told about `cog login`, and the record is there all the same."""
    tiny.registry.asks = asks
    with pytest.raises(AccessError) as caught:
        tiny.client.plan(tiny.ref)
    assert "`cog login`" in (caught.value.hint or "")
    assert tiny.client.resolve(tiny.ref).pin == "version"


def test_a_token_of_the_api_is_no_login(tiny: Zoo, tmp_path: Path) -> None:
    """A token that begins with r8_ is refused with the reason, before anything is sent; other zoos do not mind."""
    tiny.registry.asks = "basic"
    endpoints = {"replicate": tiny.api.url, "r8": tiny.registry.url}
    tokens = {"replicate": TOKEN, "r8": "me:r8_abcdef"}
    with Client(home=tmp_path, endpoints=endpoints, tokens=tokens) as client:
        assert client.resolve(tiny.ref).pin == "version"
        with pytest.raises(ConfigError, match="token of the API") as caught:
            client.plan(tiny.ref)
    assert "r8_abcdef" not in str(caught.value) + str(caught.value.hint)
    assert {header for _, header in sent(tiny.registry)} == {""}


def test_a_realm_that_is_out_of_order_is_a_network_error(tiny: Zoo, tmp_path: Path) -> None:
    """A token service that fails is not mistaken for one that refuses."""
    tiny.registry.asks = "bearer"
    tiny.registry.answers["/token"] = Answer(status=503, body=b"busy")
    with tiny.another() as client, pytest.raises(NetworkError):
        client.plan(tiny.ref)


def test_nothing_secret_is_recorded(tiny: Zoo, tmp_path: Path) -> None:
    """A recording holds neither the login nor the token that was granted, nor the answer that granted it."""
    tiny.registry.asks = "bearer"
    with tiny.another(settings=Settings(record_dir=tmp_path / "rec")) as client:
        client.plan(tiny.ref)
    written = "".join(path.read_text() for path in (tmp_path / "rec").iterdir())
    assert f"/v2/{NAME}" in written
    assert GRANT not in written and "cli-token" not in written and BASIC[6:] not in written


# -- the rule by itself -------------------------------------------------------------------------


def bearer(realm: str) -> dict[str, str]:
    return {"www-authenticate": f'Bearer realm="{realm}",service="r8"'}


@pytest.mark.parametrize(
    "realm",
    [
        "http://127.0.0.1/token",
        "http://elsewhere.example/token",
        "https://10.0.0.7/token",
        "https://registry.internal/",
    ],
)
def test_a_realm_that_nobody_outside_could_name_is_refused(realm: str) -> None:
    """A registry on the internet cannot make us ask an address inside, nor one in the clear."""
    rule = Registries([Registry(url=R8, login=LOGIN)])
    with pytest.raises(IntegrityError, match="token from"):
        rule.answer(MANIFEST, 401, bearer(realm), sent=None, tried=set())


@pytest.mark.parametrize("realm", ["ftp://a/b", "https://user@r8.im/token", "token", "https://r8.im\\@evil/"])
def test_a_realm_that_is_no_address_is_refused(realm: str) -> None:
    """What can be read in two ways is never asked."""
    with pytest.raises(IntegrityError):
        Registries([Registry(url=R8, login=LOGIN)]).answer(MANIFEST, 401, bearer(realm), sent=None, tried=set())


def test_each_way_is_tried_once() -> None:
    """A registry that goes on asking ends the question, whatever it asks for."""
    rule, tried = Registries([Registry(url=R8, login=LOGIN)]), set[str]()
    first = rule.answer(MANIFEST, 401, bearer(f"{R8}/token"), sent=None, tried=tried)
    assert isinstance(first, Exchange) and first.headers == {"Authorization": BASIC}
    rule.take(first, 200, b'{"token": "t"}')
    assert rule.granted(MANIFEST) == "Bearer t"
    assert rule.answer(MANIFEST, 401, bearer(f"{R8}/token"), sent="Bearer t", tried=tried) is False
    assert rule.granted(MANIFEST) is None


def test_a_grant_is_for_one_repository() -> None:
    """What was granted for one repository is not sent for another, nor to another server."""
    rule = Registries([Registry(url=R8, login=LOGIN)])
    assert rule.answer(MANIFEST, 401, {"www-authenticate": "Basic"}, sent=None, tried=set()) is True
    assert rule.granted(f"{R8}/v2/acme/tiny/blobs/sha256:{'1' * 64}") == BASIC
    assert rule.granted(f"{R8}/v2/acme/other/blobs/sha256:{'1' * 64}") is None
    assert rule.granted(f"{R8}.evil.example/v2/acme/tiny/blobs/sha256:{'1' * 64}") is None
    assert Auth(registries=rule).headers_for("https://r8.im/elsewhere") == {}


def test_a_login_is_not_sent_in_the_clear() -> None:
    """A registry without TLS on another machine is asked by nobody in particular."""
    plain = "http://registry.example:5000"
    rule = Registries([Registry(url=plain, login=LOGIN)])
    url = f"{plain}/v2/acme/tiny/manifests/sha256:{'0' * 64}"
    assert rule.answer(url, 401, {"www-authenticate": "Basic"}, sent=None, tried=set()) is False


def test_behind_one_gateway_the_registry_is_sent_no_token_of_the_api() -> None:
    """Where API and registry share an origin, the addresses of the registry get what it granted and nothing else."""
    auth = Auth([Credential(origin=R8, token="api")], registries=Registries([Registry(url=R8)]))
    assert auth.headers_for(MANIFEST) == {}
    assert auth.headers_for(f"{R8}/v1/account") == {"Authorization": "Bearer api"}


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"token": 7}', b'{"token": "a b"}', b'{"token": ""}', b"{" * 9000]
)
def test_a_realm_that_gives_no_token_grants_nothing(body: bytes) -> None:
    """Whatever a token service answers, only a text that can stand in a header counts."""
    rule = Registries([Registry(url=R8)])
    rule.take(Exchange(url=f"{R8}/token", place=f"{R8}/v2/acme/tiny"), 200, body)
    assert rule.granted(MANIFEST) is None


# -- where the login comes from -----------------------------------------------------------------


def docker(folder: Path, told: Any) -> dict[str, str]:
    """Writes Docker's file, and returns the environment that names it."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(told))
    return {"DOCKER_CONFIG": str(folder)}


def auth_of(login: str) -> str:
    return base64.b64encode(login.encode()).decode()


def test_the_login_of_cog_is_found_in_dockers_file(tmp_path: Path) -> None:
    """``cog login`` keeps user and token in Docker's file under ``r8.im``; that of another registry is not taken."""
    environ = docker(tmp_path, {"auths": {"ghcr.io": {"auth": auth_of("a:b")}, "r8.im": {"auth": auth_of("me:cli")}}})
    assert surrounding_login(environ) == "me:cli"
    assert docker_file({"HOME": "/home/me"}) == Path("/home/me/.docker/config.json")


@pytest.mark.parametrize(
    "told",
    [None, [], {"auths": []}, {"auths": {"r8.im": {}}}, {"auths": {"r8.im": {"auth": "!"}}}, {"credsStore": "x"}],
)
def test_a_file_without_the_login_is_nobodys_trouble(tmp_path: Path, told: Any) -> None:
    """A file of another shape, or one that leaves logins to a helper, is as good as none; no program is run."""
    assert surrounding_login(docker(tmp_path, told)) is None
    assert surrounding_login({"DOCKER_CONFIG": str(tmp_path / "missing")}) is None


@pytest.mark.parametrize(
    ("login", "said"), [("r8_abc", "token of the API"), ("me", "joined"), (":x", "joined"), ("me:", "joined")]
)
def test_what_is_no_login_is_told(login: str, said: str) -> None:
    """A token alone, or a user alone, is no login, and the hint says how one is written."""
    with pytest.raises(ConfigError, match=said) as caught:
        checked(login)
    assert "USER:TOKEN" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("zoo_of_images", "surroundings", "expected"),
    [
        (ZooSettings(), True, "me:cli"),
        (ZooSettings(), False, None),
        (ZooSettings(token="us:own"), True, "us:own"),
        (ZooSettings(endpoint="https://mine.example", endpoint_trusted=True), True, "me:cli"),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False), True, None),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False, token="us:own"), True, None),
    ],
)
def test_a_login_goes_where_the_user_said(
    tmp_path: Path, zoo_of_images: ZooSettings, surroundings: bool, expected: str | None
) -> None:
    """Surroundings count at r8.im and at what the user named; a registry that a project file named gets none."""
    environ = docker(tmp_path, {"auths": {"r8.im": {"auth": auth_of("me:cli")}}})
    settings = Settings(zoos={"r8": zoo_of_images}, environ=environ, surroundings=surroundings)
    (found,) = image_registries(settings)
    assert found.login == expected
    assert "cli" not in repr(found)


def test_variables_name_registry_and_login() -> None:
    """Ours come first, then the host that Cog itself would ask."""
    ours = {"ZOOCLIENT_R8_ENDPOINT": "https://ours.example", "COG_REGISTRY_HOST": "theirs.example"}
    assert Settings.from_env({**ours, "ZOOCLIENT_R8_TOKEN": "me:x"}).zoo("r8").endpoint == "https://ours.example"
    theirs = Settings.from_env({"COG_REGISTRY_HOST": "theirs.example"})
    assert [one.url for one in image_registries(theirs)] == ["https://theirs.example"]
    local = Settings.from_env({"COG_REGISTRY_HOST": "localhost:5000"})
    assert local.zoo("r8").endpoint == "http://localhost:5000"
