"""What a card says about a topic: found under its headings, and where there are none under bold words; pure.

The headings are those of the Hub's template (https://huggingface.co/docs/hub/model-card-annotated), and what is common
beside them in English and Chinese. A section of nothing but a template's place-holders says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from zooclient.records.card import LIMITS, Card, heading_key
from zooclient.records.cardcheck import NEEDED, TO_WRITE

#: Topic → headings as :func:`~zooclient.records.card.heading_key` spells them, beside those of the publisher's check.
_FURTHER: dict[str, re.Pattern[str]] = {
    "uses": re.compile(
        r"(direct|downstream|intended|primary|recommended)? ?(use|uses|usage|use cases?|users)|intended uses? .*"
        r"|(how to (use|run|get started)|getting started|get started|quick ?start) ?.*"
        r"|.*(使用方式|适用范围|使用范围|使用方法|预期用途|快速使用|快速开始).*"
    ),
    "limitations": re.compile(
        r".*\b(limitations?|biases|bias|risks|out of scope|misuse)\b.*|.*(局限|限制|偏见|风险).*"
    ),
    "training": re.compile(
        r"(pre ?|post ?)?training( (data|dataset|datasets|details|procedure|mixture|approach|set|corpus))*"
        r"|(fine ?tuning|pretraining) (data|dataset|datasets)|datasets?( overview| used)?"
        r"|data card|.*\btraining data\b.*"
        r"|.*(训练数据|训练集|训练过程|数据集).*"
    ),
    "evaluation": re.compile(
        r"(.* )?(evaluations?|benchmarks?|(evaluation|benchmark|eval|test) results|performance|accuracy)"
        r"|(performance|evaluation) and .*|results|metrics|.*(评测|评估|性能|实验结果).*"
    ),
}
_NAMES = {
    "uses": NEEDED["Uses"][1],
    "limitations": LIMITS,
    "training": NEEDED["Training Details"][1],
    "evaluation": NEEDED["Evaluation"][1],
}
_KEYS = {topic: frozenset(map(heading_key, names)) for topic, names in _NAMES.items()}

#: Topics in the order in which reports list them.
TOPICS = tuple(_FURTHER)

#: What templates and zoos put where nobody has written anything yet, as :func:`heading_key` spells it.
_NOTHING = re.compile(
    r"(more )?information (is )?needed( for further recomm?endations)?"
    r"|more info(rmation)? needed.*|to be (written|added|filled|done|determined)( .*)?"
    r"|to ?do|tbd|tba|n a|none|coming soon"
    r"|users both direct and downstream should be made aware of the risks biases and limitations of the model.*"
    r"|provide a (quick|longer) summary .*|当前模型的贡献者未提供更加详细的模型介绍.*|待补充|暂无"
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,500}>")
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_LABEL = re.compile(r"\s*(?:[-*+]\s+)?\*\*[^*]{1,80}?:?\*\*\s*:?")
_LEAD = re.compile(r"\s*(?:[-*+]\s+)?\*\*(?P<title>[^*\n]{1,80}?):?\*\*\s*:?(?P<rest>.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SPLIT = re.compile(r"[()（）/|:：]")


class Part(NamedTuple):
    """A heading and what stands below it."""

    title: str
    text: str


class Told(NamedTuple):
    """What a card has on a topic: the titles that say something, and those that are place-holders."""

    said: tuple[str, ...]
    empty: tuple[str, ...]


def told(card: Card, topic: str) -> Told:
    """Returns what a card has on a topic of :data:`TOPICS`."""
    found = [part for part in parts(card) if _is_about(part.title, topic)]
    said = tuple(part.title for part in found if says_something(part.text))
    return Told(said, tuple(part.title for part in found if not says_something(part.text)))


def parts(card: Card) -> Iterator[Part]:
    """Yields the sections, and the paragraphs that a bold word begins, which many authors write for headings."""
    for section in card.sections:
        yield Part(section.title, section.text)
    yield from _leads(card.text)


def placeholders(card: Card) -> tuple[str, ...]:
    """Returns the titles of sections in which nobody has written anything."""
    return tuple(
        section.title for section in card.sections if section.text.strip() and not says_something(section.text)
    )


def says_something(text: str) -> bool:
    """Whether there is anything below a heading but place-holders, other headings and comments."""
    bare = _COMMENT.sub("", text)
    return any(_says(line) for line in bare.splitlines())


def _says(line: str) -> bool:
    if _HEADING.match(line) or line.strip().startswith(TO_WRITE):
        return False
    key = heading_key(_TAG.sub(" ", line))
    if not key or _NOTHING.fullmatch(key):
        return False
    rest = heading_key(_TAG.sub(" ", _LABEL.sub("", line, count=1)))
    return bool(rest) and not _NOTHING.fullmatch(rest)


def _is_about(title: str, topic: str) -> bool:
    """Whether a heading is about a topic, whole or in one of its languages: ``评测效果（Evaluation）``."""
    keys = {heading_key(piece) for piece in (title, *_SPLIT.split(title))} - {""}
    return any(key in _KEYS[topic] or _FURTHER[topic].fullmatch(key) is not None for key in keys)


def _leads(text: str) -> Iterator[Part]:
    title, below = "", list[str]()
    fenced = False
    for line in text.splitlines():
        fenced ^= _FENCE.match(line) is not None
        lead = None if fenced else _LEAD.fullmatch(line)
        if lead is None and not (not fenced and _HEADING.match(line)):
            below.append(line)
            continue
        if title:
            yield Part(title, "\n".join(below))
        title, below = ("", []) if lead is None else (lead["title"], [lead["rest"]])
    if title:
        yield Part(title, "\n".join(below))
