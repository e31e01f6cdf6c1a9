"""Configs and other text: remote code, templates, Keras layers that are code, objects in YAML, credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.source import Source
from zooclient.auditing.files.templates import judge_template
from zooclient.records.secrets import secret_in

#: Bytes of a config that are understood, and of anything that is looked through.
_CONFIG = 4 << 20
_THROUGH = 16 << 20
_VALUES = 1_000_000
_CHUNK = 1 << 20
_KERAS = ("keras", "tensorflow", "tf_keras", "keras_hub", "keras_cv", "keras_nlp", "builtins")
_LAMBDA = re.compile(rb'"class_name":\s{0,8}"Lambda"|"__lambda__"|"function_type":\s{0,8}"lambda"')
_FILE_OPS = re.compile(rb"[\x04-\x0d](?:ReadFile|WriteFile|MatchingFiles|PyFunc|EagerPyFunc)(?![A-Za-z])")
#: Letters that no honest writer escapes.
_ESCAPED = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
_YAML = re.compile(rb"!!python/(?:object|name|module)|!<tag:yaml\.org,2002:python/")
_MODEL = re.compile(rb'"(?:auto_map|custom_pipelines|trust_remote_code|chat_template|class_name|__lambda__|module)"')


def look_at_text(looking: Looking, where: str, source: Source) -> None:
    """Notes what a file that is neither archive nor weights says."""
    data = source.read(0, _THROUGH)
    secret = secret_in(data)
    if secret is not None:
        line = "" if secret.line is None else f":{secret.line}"
        looking.add("secret", where + line, f"It holds what looks like {secret.what} (shape {secret.rule}).")
    name = where.lower()
    if name.endswith((".jinja", ".jinja2", ".j2")):
        judge_template(looking, where, data)
    if (match := _YAML.search(data)) is not None:
        looking.add("yaml-object", where, f"It holds the tag {match[0].decode()!r}.")
    if name.endswith(".json") or data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        _config(looking, where, data)


def look_through(looking: Looking, where: str, source: Source, kind: str) -> None:
    """Notes Keras code (``hdf5``) or operations on files (``graph``), which stand in the file as they are."""
    shape, rule = (_LAMBDA, "keras-code") if kind == "hdf5" else (_FILE_OPS, "tensorflow-file-op")
    kept, at = b"", 0
    while piece := source.read(at, _CHUNK):
        window = kept + piece
        if (match := shape.search(window)) is not None:
            looking.add(rule, where, f"It holds {match[0].decode('ascii', 'replace').strip()!r}.")
            return
        at += len(piece)
        kept = window[-64:]


def _config(looking: Looking, where: str, data: bytes) -> None:
    if _MODEL.search(data) is None and _ESCAPED.search(data) is None:
        return
    if len(data) > _CONFIG:
        if b'"auto_map"' in data:
            looking.add("remote-code", where, "It holds `auto_map`.")
        looking.add("scan-incomplete", where, f"It is a config of more than {_CONFIG} bytes.")
        return
    try:
        config = json.loads(data.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        if (match := _LAMBDA.search(data)) is not None:
            looking.add("keras-code", where, f"It holds {match[0].decode()!r}.")
        if b'"auto_map"' in data:
            looking.add("remote-code", where, "It holds `auto_map`, in JSON that is broken.")
        return
    for number, entry in enumerate(_objects(config)):
        if number > _VALUES:
            looking.add("scan-incomplete", where, f"It holds more than {_VALUES} values.")
            return
        _entry(looking, where, entry)


def _objects(config: object) -> Iterator[dict[str, object]]:
    waiting: list[object] = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(value for value in one.values() if isinstance(value, dict | list))
        elif isinstance(one, list):
            waiting.extend(value for value in one if isinstance(value, dict | list))


def _entry(looking: Looking, where: str, entry: dict[str, object]) -> None:
    for key in ("auto_map", "custom_pipelines"):
        if entry.get(key):
            looking.add("remote-code", where, f"It holds `{key}`: {str(entry[key])[:200]}.")
    if entry.get("trust_remote_code") is True:
        looking.add("remote-code", where, "It sets `trust_remote_code`.")
    template = entry.get("chat_template")
    for text in template if isinstance(template, list) else [template]:
        found = text.get("template") if isinstance(text, dict) else text
        if isinstance(found, str):
            judge_template(looking, where, found.encode("utf-8", "replace"))
    kind, module = entry.get("class_name"), entry.get("module")
    if kind in ("Lambda", "__lambda__") or entry.get("function_type") == "lambda":
        looking.add("keras-code", where, f"It holds a layer or function of class {kind!r}.")
    elif isinstance(kind, str) and isinstance(module, str) and "config" in entry and _is_foreign(module, kind):
        looking.add("keras-code", where, f"It names {module[:80]}.{kind[:80]}.")


def _is_foreign(module: str, kind: str) -> bool:
    return module.partition(".")[0] not in _KERAS or (module == "builtins" and kind == "function")
