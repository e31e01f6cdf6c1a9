"""The environment: every variable that is read, and how its text becomes a value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from zooclient.errors import ConfigError
from zooclient.settings import LIMITS, is_loopback, path_of
from zooclient.settings.layer import Layer, canonical

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Variable(NamedTuple):
    """One variable of the environment.

    Attributes:
        name: Its name; ``<ZOO>`` stands for a scheme in capitals.
        meaning: What it does.
        unit: What its text is.
        default: What holds without it.
    """

    name: str
    meaning: str
    unit: str
    default: str


#: Every variable of ours.
VARIABLES = (
    Variable("ZOOCLIENT_HOME", "Folder of the store.", "path", "zooclient in the user's cache folder"),
    Variable("ZOOCLIENT_STORES", "Further stores, read only.", f"paths joined by {os.pathsep}", "none"),
    Variable(
        "ZOOCLIENT_CONFIG", "The user's config file.", "path", "zooclient/config.toml in the user's config folder"
    ),
    Variable("ZOOCLIENT_OFFLINE", "Open no connection at all.", "boolean", "0"),
    Variable("ZOOCLIENT_FAILOVER", "Go on at another zoo that has the same bytes.", "boolean", "1"),
    Variable(
        "ZOOCLIENT_STRICT", "Refuse moving revisions, stale answers, pickles and code of authors.", "boolean", "0"
    ),
    Variable("ZOOCLIENT_POLICY", "A policy that no project can loosen.", "path of a TOML file", "none"),
    Variable("ZOOCLIENT_ALLOW_PLAIN_HTTP", "Allow http without TLS to other machines.", "boolean", "0"),
    Variable("ZOOCLIENT_LINK_MODE", "How large files get into a snapshot.", "auto, reflink, hardlink, copy", "auto"),
    Variable("ZOOCLIENT_RECORD", "Folder that gets a redacted copy of every exchange.", "path", "none"),
    Variable(
        "ZOOCLIENT_<ZOO>_ENDPOINT", "Where to ask a zoo (HF, MODELSCOPE, CIVITAI, REPLICATE, R8).", "URL", "its own"
    ),
    Variable("ZOOCLIENT_<ZOO>_TOKEN", "Token of a zoo.", "text", "the zoo's own variables and token file"),
    Variable("ZOOCLIENT_<ZOO>_PROXY", "Proxy for a zoo.", "URL", "HTTPS_PROXY and its kin"),
    Variable("ZOOCLIENT_<ZOO>_CONNECTIONS", "Connections to a zoo at the most.", "count", "ZOOCLIENT_CONNECTIONS"),
    Variable("ZOOCLIENT_<ZOO>_MIRRORS", "Mirrors of a zoo's models.", "URLs and paths joined by spaces", "none"),
    Variable("ZOOCLIENT_<ZOO>_MIRROR_POLICY", "When its mirrors are asked.", "first, fallback, only", "first"),
    Variable("ZOOCLIENT_<ZOO>_VIA", "Let the zoo's own client move the bytes.", "official", "ours"),
    Variable("ZOOCLIENT_CONNECTIONS", "Connections at the most, all files together.", "count", "8"),
    Variable("ZOOCLIENT_TIMEOUT", "Longest silence on a connection.", "seconds", "30"),
    Variable("ZOOCLIENT_CONNECT_TIMEOUT", "To open a connection.", "seconds", "10"),
    Variable("ZOOCLIENT_REQUEST_TIMEOUT", "For one whole answer that is not a file's bytes.", "seconds", "300"),
    Variable("ZOOCLIENT_STALL_TIMEOUT", "Without a byte before a source counts as stalled.", "seconds", "30"),
    Variable("ZOOCLIENT_RETRIES", "Attempts after the first.", "count", "5"),
    Variable("ZOOCLIENT_CONNECT_RETRIES", "The same where no connection can be made.", "count", "2"),
    Variable("ZOOCLIENT_BACKOFF_BASE", "Wait before the first retry.", "seconds", "0.5"),
    Variable("ZOOCLIENT_BACKOFF_MAX", "Longest wait that we choose ourselves.", "seconds", "60"),
    Variable("ZOOCLIENT_MAX_WAIT", "Longest wait that a server may ask for.", "seconds", "300"),
    Variable("ZOOCLIENT_PIECE_SIZE", "Length of a range.", "bytes", "33554432"),
    Variable("ZOOCLIENT_JOURNAL_STEP", "Bytes between two notes on progress.", "bytes", "4194304"),
    Variable("ZOOCLIENT_SMALL_FILE", "Size below which a file is copied, not linked.", "bytes", "1048576"),
    Variable("ZOOCLIENT_LOCK_TIMEOUT", "To wait for another process.", "seconds", "3600"),
    Variable("ZOOCLIENT_FIND_TIMEOUT", "To find further sources when one has failed.", "seconds", "30"),
)

#: Variables of others that are honoured, after ours.
FOREIGN = (
    Variable("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies, in capitals or small letters.", "URL", "none"),
    Variable(
        "SSL_CERT_FILE, SSL_CERT_DIR", "Certificate authorities, in place of the system's.", "path", "the system's"
    ),
    Variable("HF_ENDPOINT", "Where to ask Hugging Face.", "URL", "https://huggingface.co"),
    Variable(
        "MODELSCOPE_ENDPOINT, MODELSCOPE_DOMAIN", "Where to ask ModelScope.", "URL or host", "https://modelscope.cn"
    ),
    Variable("MODELSCOPE_PREFER_AI_SITE", "Ask ModelScope's international site.", "1, ON, YES, TRUE", "off"),
    Variable("HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE", "Open no connection at all.", "1, ON, YES, TRUE", "off"),
    Variable("HF_HUB_DOWNLOAD_TIMEOUT", "Longest silence on a connection.", "seconds", "30"),
    Variable("HF_TOKEN, HUGGING_FACE_HUB_TOKEN", "Token of Hugging Face, first wins.", "text", "the token file"),
    Variable("HF_HUB_DISABLE_IMPLICIT_TOKEN", "Use neither of these, nor the token file.", "1, ON, YES, TRUE", "off"),
    Variable("HF_TOKEN_PATH", "Token file of Hugging Face.", "path", "token in HF_HOME"),
    Variable(
        "HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE", "Cache of Hugging Face's own tools, only read.", "path", "hub in HF_HOME"
    ),
    Variable("HF_HOME", "Folder of Hugging Face's own tools.", "path", "huggingface in XDG_CACHE_HOME or ~/.cache"),
    Variable("MODELSCOPE_API_TOKEN", "Token of ModelScope; empty, it means none.", "text", "the stored login"),
    Variable("MODELSCOPE_HOME", "Folder of ModelScope's own tool, with its login.", "path", "~/.modelscope"),
    Variable(
        "CIVITAI_API_KEY, CIVITAI_TOKEN, CIVITAI_API_TOKEN", "Key of Civitai, first wins.", "text", "the stored key"
    ),
    Variable("REPLICATE_BASE_URL", "Where to ask Replicate.", "URL", "https://api.replicate.com"),
    Variable("REPLICATE_API_TOKEN", "Token of Replicate.", "text", "the stored token"),
    Variable("COG_REGISTRY_HOST", "Where to ask for Replicate's images.", "host", "r8.im"),
    Variable("DOCKER_CONFIG", "Folder of Docker's config.json, with the login of `cog login`.", "path", "~/.docker"),
)

_BOOLEANS = {
    "ZOOCLIENT_OFFLINE": "offline",
    "ZOOCLIENT_STRICT": "strict",
    "ZOOCLIENT_FAILOVER": "failover",
    "ZOOCLIENT_ALLOW_PLAIN_HTTP": "allow_plain_http",
}
_PATHS = {"ZOOCLIENT_HOME": "home", "ZOOCLIENT_RECORD": "record_dir"}
_LIMITS = {("ZOOCLIENT_TIMEOUT" if name == "read_timeout" else f"ZOOCLIENT_{name.upper()}"): name for name in LIMITS}
# Longer endings first: _MIRROR_POLICY is no _POLICY of a zoo called hf_mirror.
_OF_A_ZOO = ("_MIRROR_POLICY", "_CONNECTIONS", "_ENDPOINT", "_MIRRORS", "_TOKEN", "_PROXY", "_VIA")


def from_ours(environ: Mapping[str, str]) -> Layer:
    """Reads the ``ZOOCLIENT_*`` variables; an empty one is as good as absent.

    Raises:
        ConfigError: A value that cannot be; names the variable.
    """
    layer = Layer()
    for name, text in environ.items():
        if not name.startswith("ZOOCLIENT_") or not text:
            continue
        if name in _BOOLEANS:
            layer.set(_BOOLEANS[name], _boolean(name, text), name)
        elif name in _PATHS:
            layer.set(_PATHS[name], path_of(text, name), name)
        elif name in _LIMITS:
            layer.limits[_LIMITS[name]] = _number(name, text, LIMITS[_LIMITS[name]])
        elif name == "ZOOCLIENT_STORES":
            layer.set("stores", tuple(path_of(part, name) for part in text.split(os.pathsep) if part), name)
        elif name == "ZOOCLIENT_LINK_MODE":
            layer.set("link_mode", text, name)
        else:
            _of_a_zoo(layer, name, text)
    return layer


def _of_a_zoo(layer: Layer, name: str, text: str) -> None:
    ending = next((ending for ending in _OF_A_ZOO if name.endswith(ending)), None)
    scheme = name[len("ZOOCLIENT_") : -len(ending)] if ending else ""
    if ending is None or not scheme:
        return  # variables of later features, and of people's own scripts
    key, value = ending[1:].lower(), text
    parsed: Any = value
    if key == "connections":
        parsed = _number(name, text, int)
    elif key == "mirrors":
        parsed = tuple(text.split())
    layer.set_zoo(canonical(scheme.lower()), key, parsed, name)


def from_theirs(environ: Mapping[str, str]) -> Layer:
    """Reads the zoos' own variables.

    ``HF_HUB_OFFLINE`` switches every connection off, not those to one zoo alone: who sets it is on a machine, or in
    a moment, without a network. ``ZOOCLIENT_OFFLINE=0`` says otherwise.
    """
    layer = Layer()
    if endpoint := environ.get("HF_ENDPOINT"):
        layer.set_zoo("hf", "endpoint", endpoint, "HF_ENDPOINT")
    _modelscope(layer, environ)
    if endpoint := environ.get("REPLICATE_BASE_URL"):
        layer.set_zoo("replicate", "endpoint", endpoint, "REPLICATE_BASE_URL")
    _images(layer, environ)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if environ.get(name, "").lower() in _TRUE:
            layer.set("offline", True, name)
    if seconds := environ.get("HF_HUB_DOWNLOAD_TIMEOUT"):
        layer.limits["read_timeout"] = _number("HF_HUB_DOWNLOAD_TIMEOUT", seconds, float)
    return layer


def _modelscope(layer: Layer, environ: Mapping[str, str]) -> None:
    """Where ModelScope's own tools would ask: a named server, which may be a bare host, or one of the two sites."""
    for name in ("MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"):
        if named := environ.get(name, "").strip():
            layer.set_zoo("modelscope", "endpoint", named if "://" in named else f"https://{named}", name)
            return
    name = "MODELSCOPE_PREFER_AI_SITE"
    if environ.get(name, "").strip().lower() in _TRUE:
        layer.set_zoo("modelscope", "endpoint", "https://www.modelscope.ai", name)


def _images(layer: Layer, environ: Mapping[str, str]) -> None:
    """Where Replicate's own tool would push and pull: a bare host, which is asked without TLS on this machine alone."""
    if named := environ.get("COG_REGISTRY_HOST", "").strip():
        local = is_loopback(named.rpartition(":")[0] or named)
        address = named if "://" in named else f"{'http' if local else 'https'}://{named}"
        layer.set_zoo("r8", "endpoint", address, "COG_REGISTRY_HOST")


def why_offline(environ: Mapping[str, str]) -> str | None:
    """Returns the variable that switched connections off; None when it was something else."""
    for name in ("ZOOCLIENT_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if environ.get(name, "").strip().lower() in _TRUE:
            return name
    return None


def _boolean(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigError(f"{name} is neither yes nor no: {text!r}.", hint="1, true, yes, on; or 0, false, no, off.")


def _number(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        word = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} is not {word}: {text!r}.") from error
