"""The registry asked for images: who is let in, what is sent, and what is said where it is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_site import BYTES, MODEL, TOKENS, Zoo, basic, code, content, told

from zooclient.serve.registry.parts import DOCKER_MANIFEST, MANIFEST


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    made = Zoo()
    yield made
    made.close()


def newest(zoo: Zoo) -> str:
    """Path of the manifest of the newest version."""
    return f"{MODEL}/manifests/sha256:{zoo.owners.version(MODEL)}"


def weights(zoo: Zoo) -> str:
    """Path of the blob with the weights."""
    blob = next(blob for blob in zoo.r8.image(MODEL).blobs.values() if blob.name == "model.safetensors")
    return f"{MODEL}/blobs/{blob.digest}"


# Who is let in


def test_a_stranger_is_sent_to_the_token_server(zoo: Zoo) -> None:
    """401 with realm, service and scope; a token that anybody gets for the asking opens what is public."""
    path = f"/v2/{newest(zoo)}"
    answer = zoo.ask("GET", path, accept=MANIFEST)
    assert (answer.status, code(answer)) == (401, "UNAUTHORIZED")
    asked = 'Bearer realm="http://r8.test/token",service="r8.im",scope="repository:acme/tiny:pull"'
    assert answer.headers["www-authenticate"] == asked
    given = told(zoo.ask("GET", "/token", "service=r8.im&scope=repository:acme/tiny:pull"))
    assert given["token"] == given["access_token"]
    assert given["expires_in"] == 300
    answer = zoo.ask("GET", path, authorization=f"Bearer {given['token']}", accept=MANIFEST)
    assert (answer.status, told(answer)["schemaVersion"]) == (200, 2)
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_a_token_opens_its_scope_alone_and_for_its_time(zoo: Zoo) -> None:
    """Another repository, an hour later, or one letter changed: 401 that says why."""
    zoo.shelf.commit("acme/other", {"a.txt": b"a"})
    token = told(zoo.ask("GET", "/token", "scope=repository:acme/tiny:pull"))["token"]
    answer = zoo.ask("GET", "/v2/acme/other/manifests/latest", authorization=f"Bearer {token}", accept=MANIFEST)
    assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')
    for wrong in (token[:-1] + ("0" if token[-1] != "0" else "1"), "x", "é", "."):
        answer = zoo.ask("GET", f"/v2/{newest(zoo)}", authorization=f"Bearer {wrong}", accept=MANIFEST)
        assert answer.headers["www-authenticate"].endswith('error="invalid_token"')
    zoo.now += 300
    answer = zoo.ask("GET", f"/v2/{newest(zoo)}", authorization=f"Bearer {token}", accept=MANIFEST)
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


def test_a_private_model_is_for_those_who_may_know_of_it(zoo: Zoo) -> None:
    """For a stranger it is no different from what is not there; for another account it is not there."""
    name = newest(zoo)
    zoo.shelf.set_terms(MODEL, evolve(zoo.shelf.terms(MODEL), private=True, readers=frozenset({"me"})))
    assert zoo.get(name).status == zoo.get("acme/nothing/manifests/latest").status == 401
    assert zoo.get(name, by="org").status == 401
    assert zoo.get(name, by="me").status == 200
    zoo.r8.rules.challenge = "Basic"
    assert zoo.get(name).status == zoo.get("acme/nothing/manifests/latest").status == 401
    assert code(zoo.get(name, by="org")) == code(zoo.get("acme/nothing/manifests/latest", by="org")) == "NAME_UNKNOWN"
    assert zoo.get(name, by="me").status == 200


def test_basic_asks_for_name_and_token(zoo: Zoo) -> None:
    """The token alone does not do, and another's name neither; ``/v2/`` tells whether a login is good."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = "Basic", "no"
    answer = zoo.ask("GET", "/v2/")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="r8.im"')
    for wrong in (basic("org", TOKENS["me"]), basic("me", "nobody"), "Basic !", "Basic /w==", f"Bearer {TOKENS['me']}"):
        assert zoo.ask("GET", "/v2/", authorization=wrong).status == 401
    assert zoo.ask("GET", "/v2/", authorization=basic("me", TOKENS["me"])).status == 200
    assert zoo.get(newest(zoo)).status == 401
    assert zoo.get(newest(zoo), by="me").status == 200
    zoo.r8.rules.strangers = "token"
    assert zoo.get(newest(zoo)).status == 200
    assert zoo.ask("GET", f"/v2/{newest(zoo)}", authorization=basic("", ""), accept=MANIFEST).status == 200
    assert zoo.ask("GET", "/v2/").status == zoo.ask("GET", "/v2/", authorization=basic("", "")).status == 401


def test_strangers_may_be_kept_out(zoo: Zoo) -> None:
    """Then the token server gives them a token that opens nothing, and refuses a wrong login."""
    zoo.r8.rules.strangers = "no"
    assert zoo.get(newest(zoo)).headers["www-authenticate"].endswith('error="insufficient_scope"')
    assert zoo.get(newest(zoo), by="me").status == 200
    assert zoo.ask("GET", "/token", authorization=basic("me", "nobody")).status == 401
    zoo.r8.rules.strangers = "open"
    assert zoo.ask("GET", f"/v2/{newest(zoo)}", accept=MANIFEST).status == 200


def test_a_gate_and_the_staff_keep_people_out(zoo: Zoo) -> None:
    """Who is not let in, and everybody where the bytes are withheld, is denied; what the zoo keeps has no image."""
    name, terms = newest(zoo), zoo.shelf.terms(MODEL)
    zoo.r8.rules.challenge = "Basic"
    zoo.shelf.set_terms(MODEL, evolve(terms, gated="manual", readers=frozenset({"me"})))
    assert [zoo.get(name, by=by).status for by in (None, "org", "me")] == [401, 403, 200]
    zoo.shelf.set_terms(MODEL, evolve(terms, disabled=True))
    assert code(zoo.get(name, by="me")) == "DENIED"
    zoo.shelf.set_terms(MODEL, terms)
    zoo.owners.keep(MODEL)
    assert code(zoo.get(name, by="me")) == "NAME_UNKNOWN"


def test_a_server_without_accounts_lets_everybody_fetch_and_nobody_send() -> None:
    """No login is asked for, one that is sent is not looked at, and there is nobody who could own anything."""
    zoo = Zoo(accounts=False)
    try:
        assert zoo.ask("GET", "/v2/", authorization="Bearer of-the-real-zoo").status == 200
        assert zoo.ask("GET", f"/v2/{newest(zoo)}", accept=MANIFEST).status == 200
        assert code(zoo.ask("GET", "/v2/acme/nothing/manifests/latest", accept=MANIFEST)) == "NAME_UNKNOWN"
        assert code(zoo.ask("POST", "/v2/acme/tiny/blobs/uploads/")) == "UNSUPPORTED"
    finally:
        zoo.close()


def test_cog_asks_whose_a_token_is(zoo: Zoo) -> None:
    """It posts a form and is told the name; a token that is nobody's, or the API's, is not found."""
    answer = zoo.ask("POST", "/cog/v1/verify-token", body=f"token={TOKENS['me']}".encode())
    assert (answer.status, told(answer)) == (200, {"username": "me"})
    for wrong in (b"token=r8_abc", b"token=", b"", b"\xff"):
        assert zoo.ask("POST", "/cog/v1/verify-token", body=wrong).status == 404
    assert told(zoo.ask("GET", "/cog/v1/display-token-url"))["url"].startswith("https://replicate.com/")


# Manifests


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", DOCKER_MANIFEST])
def test_a_client_that_does_not_take_it_is_told_that_it_is_not_there(zoo: Zoo, accept: str) -> None:
    """Without the right kind in ``Accept`` the answer is 404, and not 406."""
    answer = zoo.get(newest(zoo), accept=accept)
    assert (answer.status, code(answer)) == (404, "MANIFEST_UNKNOWN")


def test_what_is_not_there_is_said_as_docker_says_it(zoo: Zoo) -> None:
    """Every refusal has its code; a path that leads nowhere has none."""
    zeros = f"sha256:{'0' * 64}"
    assert code(zoo.get(f"{MODEL}/manifests/{zeros}")) == "MANIFEST_UNKNOWN"
    assert code(zoo.get(f"{MODEL}/manifests/v9")) == "MANIFEST_UNKNOWN"
    assert code(zoo.get(f"{MODEL}/blobs/{zeros}")) == "BLOB_UNKNOWN"
    assert code(zoo.get(f"{MODEL}/blobs/sha256:0")) == "DIGEST_INVALID"
    assert [zoo.ask("GET", path).status for path in ("/v3/", "/v2/_catalog", "/cog/v1/other")] == [404, 404, 404]
    assert zoo.ask("GET", "/").status == 200


def test_a_head_tells_what_a_get_would(zoo: Zoo) -> None:
    """Digest, size and type of a manifest and of a blob, without a redirect."""
    for path in (newest(zoo), weights(zoo)):
        zoo.r8.rules.redirect = False
        got, head = zoo.get(path), zoo.get(path, method="HEAD")
        zoo.r8.rules.redirect = True
        assert (got.status, head.status, zoo.get(path, method="HEAD").status) == (200, 200, 200)
        assert (head.length, head.headers) == (got.length, got.headers)
        assert head.headers["docker-content-digest"] == path.rpartition("/")[2]


# Blobs


def test_blobs_come_from_the_second_origin(zoo: Zoo) -> None:
    """By a signed link with an entity tag that is no digest; the link dies, and holds for what it names alone."""
    answer = zoo.get(weights(zoo))
    place = answer.headers["location"]
    assert answer.status == 307
    assert place.startswith(f"{BYTES}/r8-registry/docker/registry/v2/blobs/sha256/")
    sent = zoo.ask("GET", place)
    assert (sent.status, sent.model, sent.file) == (200, MODEL, "model.safetensors")
    digest = answer.headers["docker-content-digest"]
    assert digest.removeprefix("sha256:") not in sent.headers["etag"]
    other = zoo.get(f"{MODEL}/blobs/{told(zoo.get(newest(zoo)))['config']['digest']}").headers["location"]
    forged = f"{place.partition('?')[0]}?{other.partition('?')[2]}"
    assert [zoo.ask("GET", url).status for url in (forged, place.partition("?")[0], place + "0")] == [403, 403, 403]
    assert zoo.ask("POST", place).status == 405
    zoo.now += 3600
    assert zoo.ask("GET", place).status == 403
    zoo.now -= 3600
    zoo.depot.close()
    assert zoo.ask("GET", place).status == 404


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.integers(0, 30_000), last=st.none() | st.integers(0, 30_000), redirect=st.booleans())
def test_any_part_of_a_blob_can_be_had(zoo: Zoo, first: int, last: int | None, redirect: bool) -> None:
    """From either origin a range is 206 with exactly its bytes, and 416 beyond the end."""
    zoo.r8.rules.redirect = False
    whole = content(zoo.get(weights(zoo)))
    zoo.r8.rules.redirect = redirect
    header = f"bytes={first}-{'' if last is None else last}"
    answer = zoo.get(weights(zoo), range=header)
    if redirect:
        answer = zoo.ask("GET", answer.headers["location"], range=header)
    end = len(whole) - 1 if last is None else min(last, len(whole) - 1)
    if last is not None and last < first:
        assert (answer.status, content(answer)) == (200, whole)
    elif first >= len(whole):
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    else:
        assert (answer.status, content(answer)) == (206, whole[first : end + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{end}/{len(whole)}"


@given(st.text(max_size=40), st.text(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_header_is_answered(zoo: Zoo, secret: str, scope: str) -> None:
    """Whatever stands in a login, a token or a scope, the answer is a refusal and no failure."""
    for kind in ("Bearer", "Basic", secret):
        assert zoo.ask("GET", "/v2/acme/tiny/tags/list", authorization=f"{kind} {secret}").status == 401
    encoded = base64.b64encode(secret.encode()).decode()
    assert zoo.ask("GET", "/v2/", authorization=f"Basic {encoded}").status == 401
    token = told(zoo.ask("GET", "/token", f"scope={quote(scope)}"))["token"]
    access = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["access"]
    assert access == [] or scope.startswith("repository:")
