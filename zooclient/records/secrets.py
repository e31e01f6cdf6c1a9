"""Credentials that lie in a folder by mistake: told by the names of files and by the shape of what stands in them.

The shapes are those that the issuers document: each begins with letters of its own, so that hardly anything else looks
like one. What has no such letters, a password for instance, is not found; a folder without a finding may hold secrets.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Secret(NamedTuple):
    """A finding.

    Attributes:
        rule: Name of the rule, such as ``huggingface-token``.
        what: What it seems to be, as a sentence names it.
        line: Line on which it stands, from 1. None: the name of the file tells.
    """

    rule: str
    what: str
    line: int | None


class _Shape(NamedTuple):
    """How a kind of credential looks.

    Attributes:
        what: What it is, as a sentence names it.
        marks: Letters of which one lot is in every such credential; looking for them is a hundred times faster.
        whole: All of it.
    """

    what: str
    marks: tuple[bytes, ...]
    whole: re.Pattern[bytes]


def _shape(what: str, marks: tuple[bytes, ...], whole: bytes) -> _Shape:
    return _Shape(what, marks, re.compile(rb"(?<![A-Za-z0-9_])" + whole))


_SHAPES = {
    "huggingface-token": _shape("a token of Hugging Face", (b"hf_", b"api_org_"), rb"(?:hf_|api_org_)[A-Za-z0-9]{30,}"),
    "replicate-token": _shape("a token of Replicate", (b"r8_",), rb"r8_[A-Za-z0-9]{30,}"),
    "modelscope-token": _shape("a token of ModelScope", (b"ms-",), rb"ms-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "aws-access-key": _shape("an access key of AWS", (b"AKIA", b"ASIA"), rb"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    "aws-secret-key": _shape(
        "a secret key of AWS",
        (b"aws_secret_access_key", b"AWS_SECRET_ACCESS_KEY"),
        rb"(?i:aws_secret_access_key)[\"']?\s{0,8}[=:]\s{0,8}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    ),
    "github-token": _shape(
        "a token of GitHub",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    ),
    "gitlab-token": _shape("a token of GitLab", (b"glpat-",), rb"glpat-[A-Za-z0-9_-]{20,}"),
    "openai-key": _shape(
        "a key of OpenAI",
        (b"sk-proj-", b"sk-svcacct-", b"sk-admin-"),
        rb"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}",
    ),
    "anthropic-key": _shape("a key of Anthropic", (b"sk-ant-",), rb"sk-ant-[A-Za-z0-9_-]{40,}"),
    "google-key": _shape("a key of Google", (b"AIza",), rb"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    "slack-token": _shape(
        "a token of Slack",
        (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-"),
        rb"xox[abprs]-[0-9A-Za-z-]{20,}",
    ),
    "pypi-token": _shape("a token of PyPI", (b"pypi-AgE",), rb"pypi-AgE[A-Za-z0-9_-]{50,}"),
    "private-key": _Shape(
        "a private key",
        (b"PRIVATE KEY",),
        re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ),
}

#: Rule → what it is, and the names of files, in lower case.
_NAMES: dict[str, tuple[str, re.Pattern[str]]] = {
    "environment-file": (
        "a file of environment variables, where credentials are kept",
        re.compile(r"(?:\.env|\.env\.(?!(?:example|sample|template|dist)$).+|.+\.env)"),
    ),
    "netrc-file": ("a file of logins", re.compile(r"[._]netrc")),
    "credentials-file": (
        "a file of credentials",
        re.compile(r"\.git-credentials|\.pypirc|\.npmrc|\.dockercfg|\.htpasswd|\.pgpass|stored_tokens|kubeconfig"),
    ),
    "private-key-file": (
        "a private key",
        re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|.+\.(?:p12|pfx|jks|keystore|ppk|kdbx)"),
    ),
}


def secret_by_name(path: str) -> Secret | None:
    """Returns what the name of a file says of it; None: nothing."""
    name = path.rpartition("/")[2].lower()
    for rule, (what, shape) in _NAMES.items():
        if shape.fullmatch(name):
            return Secret(rule, what, None)
    return None


def secret_in(data: bytes) -> Secret | None:
    """Returns the first credential that stands in some bytes; None: none was recognised. What it is is not told."""
    found: tuple[int, str, str] | None = None
    for rule, shape in _SHAPES.items():
        if not any(mark in data for mark in shape.marks):
            continue
        match = shape.whole.search(data)
        if match is not None and (found is None or match.start() < found[0]):
            found = (match.start(), rule, shape.what)
    if found is None:
        return None
    return Secret(found[1], found[2], data.count(b"\n", 0, found[0]) + 1)
