"""The model card: what its author says about a model, as data and as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from attrs import field, frozen

from zooclient.records import front_matter
from zooclient.records.licenses import license_of
from zooclient.records.model import License, ModelRecord
from zooclient.records.plain import Plain

#: Headings under which authors write what a model is not fit for, as :func:`heading_key` spells them: the official
#: template (https://huggingface.co/docs/hub/model-card-annotated) and what is common beside it.
LIMITS = (
    *("bias risks and limitations", "risks and limitations", "limitations and bias", "limitations and biases"),
    *("bias and limitations", "limitations", "limitation", "known limitations", "use and limitations"),
    *("limitations and considerations", "bias", "biases", "risks", "risks and biases", "ethical considerations"),
    *("ethical considerations and limitations", "ethics and safety", "out of scope use", "out of scope uses"),
    *("misuse and out of scope use", "recommendations", "caveats and recommendations", "局限性", "模型局限性"),
)

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_TAG = re.compile(r"<[^<>]{0,500}>")
_INLINE_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_OPTIONAL = re.compile(r"[\[(]\s*optional\s*[\])]", re.IGNORECASE)

#: Characters of a card at the most; the Hub takes less.
_MOST = 10_000_000
#: Characters of a heading at the most.
_TITLE = 1000


@frozen(kw_only=True)
class Section:
    """One heading of a card and what stands below it.

    Attributes:
        title: The heading as text, without marks and tags.
        level: 1 to 6.
        text: Markdown below it, down to the next heading of the same or a higher level; subsections are part of it.
    """

    title: str
    level: int
    text: str


@frozen(kw_only=True)
class Card(Plain):
    """A model card. What its author left out is empty; what is broken is a sentence in ``problems``.

    Attributes:
        data: The front matter as plain JSON values.
        text: Markdown below the front matter.
        sections: In order.
        problems: Sentences on what cannot be read, or is missing altogether.
        license: Licence as claimed.
        base_models: Models that it was made from, as written.
        languages: Language codes, as written.
        datasets: Datasets that it was trained on, as written.
        metrics: Names of metrics.
        tags: Free tags.
        task: Task id. None when not told.
        library: Library id. None when not told.
    """

    data: Mapping[str, Any] = field(factory=dict, hash=False)
    text: str = field(default="", repr=False)
    sections: tuple[Section, ...] = field(default=(), repr=False)
    problems: tuple[str, ...] = ()
    license: License = field(factory=License)
    base_models: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    task: str | None = None
    library: str | None = None

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Reads a card (a ``README.md``). Nothing is raised for what an author wrote.

        Args:
            text: The card. Bytes are read as UTF-8, or as UTF-16 where they begin with its mark.
        """
        problems: list[str] = []
        if isinstance(text, bytes):
            text = _decoded(text, problems)
        if len(text) > _MOST:
            text = text[:_MOST]
            problems.append(f"The card is longer than {_MOST} characters; the rest was not read.")
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if not text.strip():
            return cls(problems=(*problems, "The card is empty."))
        head, body, odd = front_matter.split(text)
        data: dict[str, Any] = {}
        if odd is not None:
            problems.append(odd)
        elif head is None:
            problems.append("The card has no front matter.")
        else:
            data, found = front_matter.read(head)
            problems += found
        return cls._made(data, body.lstrip("\n"), problems)

    @classmethod
    def of(cls, record: ModelRecord, *, problem: str) -> Self:
        """Makes a card of what a record tells, for a model whose card cannot be read.

        Args:
            record: The model.
            problem: One sentence: why its text is missing.
        """
        from attrs import evolve

        card = cls._made(dict(record.metadata), "", [problem])
        return evolve(
            card,
            license=record.license if card.license.raw is None else card.license,
            base_models=card.base_models or record.base_models,
            tags=card.tags or record.tags,
            task=card.task or record.task,
            library=card.library or record.library,
        )

    @classmethod
    def _made(cls, data: dict[str, Any], text: str, problems: Sequence[str]) -> Self:
        return cls(
            data=data,
            text=text,
            sections=tuple(_sections(text)),
            problems=tuple(problems),
            license=license_of(
                front_matter.words(data.get("license")),
                name=front_matter.word(data, "license_name"),
                url=front_matter.word(data, "license_link"),
            ),
            base_models=front_matter.words(data.get("base_model", data.get("finetuned_from"))),
            languages=front_matter.words(data.get("language", data.get("languages"))),
            datasets=front_matter.words(data.get("datasets")),
            metrics=front_matter.words(data.get("metrics")),
            tags=front_matter.words(data.get("tags")),
            # ModelScope's cards have lists under other names.
            task=front_matter.word(data, "pipeline_tag") or front_matter.word(data, "tasks"),
            library=front_matter.word(data, "library_name") or front_matter.word(data, "frameworks"),
        )

    def section(self, *titles: str) -> Section | None:
        """Returns the first section that has one of these headings, in their order of preference; None: none has.

        Case, punctuation, emphasis and a trailing "[optional]" do not count.
        """
        for title in titles:
            wanted = heading_key(title)
            for section in self.sections:
                if heading_key(section.title) == wanted:
                    return section
        return None

    def limitations(self) -> tuple[Section, ...]:
        """Returns the sections that tell what the model is not fit for; one inside another is not told twice."""
        found: list[Section] = []
        inside = 7
        for section in self.sections:
            if section.level > inside:
                continue
            inside = 7
            if heading_key(section.title) in LIMITS:
                found.append(section)
                inside = section.level
        return tuple(found)


def heading_key(title: str) -> str:
    """Returns a heading as it is compared: words in lower case, one blank between, nothing else."""
    bare = _OPTIONAL.sub(" ", title)
    return " ".join("".join(c if c.isalnum() else " " for c in bare.casefold()).split())


def _decoded(data: bytes, problems: list[str]) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        problems.append(f"The card is no {encoding.upper()}; what could not be read is shown as \ufffd.")
        return data.decode(encoding, "replace")


def _sections(text: str) -> list[Section]:
    lines = text.split("\n")
    heads = list(_headings(lines))
    ends = [len(lines)] * len(heads)
    open_: list[int] = []
    for place, head in enumerate(heads):
        while open_ and heads[open_[-1]].level >= head.level:
            ends[open_.pop()] = head.at
        open_.append(place)
    return [
        Section(title=head.title, level=head.level, text="\n".join(lines[head.below : end]).strip("\n"))
        for head, end in zip(heads, ends, strict=True)
    ]


class _Head(NamedTuple):
    at: int
    below: int
    level: int
    title: str


def _headings(lines: Sequence[str]) -> Iterator[_Head]:
    """Yields the headings; what stands in a fence or a comment is none."""
    fence = ""
    comment = False
    paragraph = False  # the line before could be the title of an underline
    for number, line in enumerate(lines):
        if fence:
            fence = "" if _closes(line, fence) else fence
            continue
        if comment or line.lstrip().startswith("<!--"):
            comment = "-->" not in line
            continue
        opened = _FENCE.fullmatch(line)
        if opened is not None and not (opened[1][0] == "`" and "`" in opened[2]):
            fence, paragraph = opened[1], False
            continue
        atx = _ATX.match(line)
        underline = _UNDERLINE.fullmatch(line) if paragraph else None
        if atx is not None:
            yield _Head(number, number + 1, len(atx[1]), _shown(line[atx.end() :].rstrip().rstrip("#")))
        elif underline is not None:
            yield _Head(number - 1, number + 1, 1 if underline[1][0] == "=" else 2, _shown(lines[number - 1]))
        paragraph = atx is None and underline is None and _could_be_title(line)


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(fence) and not bare.strip(fence[0]) and len(line) - len(line.lstrip(" ")) < 4


def _could_be_title(line: str) -> bool:
    """Whether a line can stand over an underline: text, and no list, quotation, table or tag."""
    return bool(line.strip()) and not line.startswith("    ") and line.lstrip()[0] not in "-*+>|<=#`:"


def _shown(title: str) -> str:
    bare = _INLINE_LINK.sub(r"\1", _TAG.sub(" ", title[:_TITLE]))
    return " ".join(re.sub(r"[*`]+|\b_+|_+\b", "", bare).split())
