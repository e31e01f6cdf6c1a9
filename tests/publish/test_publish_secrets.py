"""Credentials are told by their shape and by the names of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publishkit import HF_TOKEN, R8_TOKEN

from zooclient.records.secrets import secret_by_name, secret_in

#: Rule → something of that shape, put together here so that nobody takes it for a real one.
SHAPED = {
    "huggingface-token": HF_TOKEN,
    "replicate-token": R8_TOKEN,
    "modelscope-token": "ms-" + "0a1b2c3d" + "-0a1b" * 3 + "-" + "0a1b" * 3,
    "aws-access-key": "AKIA" + "Q1W2" * 4,
    "aws-secret-key": 'aws_secret_access_key = "' + "aB3/" * 10 + '"',
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "github-token": "ghp_" + "aB3d" * 9,
    "gitlab-token": "glpat-" + "aB3d" * 5,
    "openai-key": "sk-proj-" + "aB3d" * 12,
    "anthropic-key": "sk-ant-" + "aB3d" * 12,
    "google-key": "AIza" + "aB3d5" * 7,
    "slack-token": "xoxb-" + "1234" * 6,
    "pypi-token": "pypi-AgE" + "aB3d" * 15,
}


@pytest.mark.parametrize("rule", SHAPED)
def test_each_shape_is_told_with_its_line(rule: str) -> None:
    """Each kind of credential is recognised wherever it stands, and its line is named."""
    found = secret_in(f"a\nb\ntoken: {SHAPED[rule]}\n".encode())
    assert found is not None
    assert (found.rule, found.line) == (rule, 3)


@pytest.mark.parametrize("rule", SHAPED)
def test_a_finding_does_not_repeat_the_credential(rule: str) -> None:
    """What is told of a credential does not hold it."""
    found = secret_in(SHAPED[rule].encode())
    assert found is not None
    assert SHAPED[rule] not in " ".join(map(str, found))


@pytest.mark.parametrize(
    "harmless",
    [
        "hf_hub_download(repo_id)",
        "hf_token = os.environ['HF_TOKEN']",
        "self_hf_" + "a" * 40,
        "r8_model",
        "AKIATEST",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "ms-swift 3.0",
        "sk-learn",
        "sha256:" + "0a" * 32,
    ],
)
def test_what_only_resembles_one_is_let_through(harmless: str) -> None:
    """Names of functions, digests and public keys are no credentials."""
    assert secret_in(harmless.encode()) is None


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    """Looking at foreign bytes never fails, and random ones are no credential."""
    assert secret_in(data) is None


@given(st.binary(max_size=300), st.sampled_from(sorted(SHAPED)))
def test_the_surroundings_hide_nothing(before: bytes, rule: str) -> None:
    """A credential on a line of its own is found whatever stands before it."""
    found = secret_in(before + b"\n" + SHAPED[rule].encode() + b"\n")
    assert found is not None


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (".env", "environment-file"),
        ("conf/.env.production", "environment-file"),
        ("prod.env", "environment-file"),
        ("_netrc", "netrc-file"),
        (".netrc", "netrc-file"),
        (".git-credentials", "credentials-file"),
        ("keys/id_ed25519", "private-key-file"),
        ("server.P12", "private-key-file"),
    ],
)
def test_names_that_tell_enough(path: str, rule: str) -> None:
    """A file whose name says that credentials are kept there need not be read."""
    found = secret_by_name(path)
    assert found is not None
    assert (found.rule, found.line) == (rule, None)


@pytest.mark.parametrize("path", [".env.example", "environment.yml", "id_rsa.pub", "model.safetensors", "env/x.py"])
def test_names_that_tell_nothing(path: str) -> None:
    """Templates and public halves of keys are let through."""
    assert secret_by_name(path) is None
