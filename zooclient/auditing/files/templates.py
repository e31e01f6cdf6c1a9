"""Chat templates: what they may do is to format messages."""

from __future__ import annotations

import re

from zooclient.auditing.files.looking import Looking

_TEMPLATE = 4 << 20
_BLOCK = re.compile(rb"\{\{|\{%")
_STRINGS = re.compile(rb"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"", re.DOTALL)
#: In strings too, for Jinja takes attributes by text.
_INNER = re.compile(
    rb"__(?:class|mro|base|bases|subclasses|globals|builtins|init|import|getattribute|dict|code|func|self|module|"
    rb"loader|reduce|reduce_ex|call|getitem)__"
    rb"|\\x5f|\\u005f|\\137|\|\s*attr\b|\battr\s*\(|['\"]_+['\"]\s*[~+*%]|[~+]\s*['\"]_+['\"]"
)
_WORDS = re.compile(
    rb"\b(?:open|eval|exec|compile|getattr|setattr|globals|locals|vars|popen|system|import_module|__import__)\s*\("
    rb"|\b(?:os|sys|subprocess|builtins|importlib|socket|shutil|pickle)\s*[.\[]"
    rb"|\b(?:lipsum|cycler|joiner|self|get_flashed_messages|url_for|request)\s*[.\[|(]"
    rb"|\b(?:gi_frame|f_globals|f_builtins|func_globals|gi_code|cr_frame|tb_frame)\b"
    rb"|^\{%[-+]?\s*(?:import|include|extends|from)\b"
)


def judge_template(looking: Looking, where: str, template: bytes) -> None:
    """Notes a template that reaches for more than messages.

    Args:
        looking: The scan.
        where: Where it stands.
        template: Its text, in UTF-8.
    """
    if len(template) > _TEMPLATE:
        looking.add("scan-incomplete", where, f"The template has {len(template)} bytes.")
        template = template[:_TEMPLATE]
    at = 0
    while opened := _BLOCK.search(template, at):
        closing = b"}}" if opened[0] == b"{{" else b"%}"
        end = template.find(closing, opened.end())
        end = len(template) if end < 0 else end
        block = template[opened.start() : end]
        found = _INNER.search(block) or _WORDS.search(_STRINGS.sub(b"''", block))
        if found:
            told = found[0].decode("utf-8", "replace").strip()
            line = template.count(b"\n", 0, opened.start()) + 1
            looking.add("template-code", where, f"It uses {told!r} in line {line}.")
            return
        at = end
