"""Models side by side: what decides between them, each a column; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from zooclient.errors import ZooError
from zooclient.records.card import Card
from zooclient.records.checks import check_count, check_tuples, check_utc
from zooclient.records.model import Access, License, ModelRecord, Pin
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref

#: Characters of a model's limits that are told at the most, and of the text that is looked at for them.
_TOLD = 300
_READ = 4000

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[^a-z\s])|(?<=[。！？])")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)")
_TAG = re.compile(r"<[^<>]{0,500}>")
_NOT_PROSE = re.compile(r"\s*(?:#{1,6}\s|```|~~~|\||!\[[^\]]*\]\([^)]*\)\s*$|-{3,}\s*$|={3,}\s*$)")
_BULLET = re.compile(r"\A\s*(?:[-*+>]|\d{1,3}[.)])\s+")
_NO_WORDS = re.compile(r"\W*(?:more information needed|tbd|tba|todo|n/?a|none|待补充)?\W*", re.IGNORECASE)


@frozen(kw_only=True)
class Evaluation:
    """One result that a card claims, from its ``model-index``.

    Attributes:
        task: Task id. None when not told.
        dataset: Name of the data it was measured on. None when not told.
        metric: Name of the metric.
        value: The number, or what its author wrote, as text.
        verified: True where the zoo says that it measured it itself.
    """

    task: str | None = None
    dataset: str | None = None
    metric: str
    value: str
    verified: bool = False

    @property
    def label(self) -> str:
        """What was measured, as it stands at the head of a line: ``accuracy on glue``."""
        return self.metric if self.dataset is None else f"{self.metric} on {self.dataset}"


@frozen(kw_only=True)
class Failure:
    """Why a model could not be compared.

    Attributes:
        kind: Class of the error, such as ``NotFound``.
        message: Its sentence.
        hint: What to do next. None when there is nothing to add.
        exit_code: What the command line ends with for it.
    """

    kind: str
    message: str
    hint: str | None = None
    exit_code: int = 1


@frozen(kw_only=True)
class Column:
    """One model of a comparison. What was not told is None or empty.

    Attributes:
        asked: The reference as it was given.
        failure: Why there is nothing else. None: it was resolved.
        ref: The pinned reference.
        pin: What the pin is, see :class:`~zooclient.ModelRecord`.
        title: Name to show.
        license: Licence as claimed.
        task: Task id.
        library: Library id.
        size: Bytes of all files.
        weights_size: Bytes of the weights, all formats and variants together.
        parameters: Number of parameters.
        formats: Formats of the weights.
        access: Whether its bytes may be had.
        evaluations: Results that its card claims.
        limits: First sentences of what its card says it is not fit for. None: it says nothing.
        card_problem: Why the text of the card could not be read. None: it was read.
        base_models: References of the models that it was made from.
        created_at: Aware UTC.
        updated_at: Last change, aware UTC.
        downloads: Count as the zoo counts.
        likes: Count.
        web_url: Page for people.
    """

    asked: str
    failure: Failure | None = None
    ref: Ref | None = None
    pin: Pin = "none"
    title: str = ""
    license: License = field(factory=License)
    task: str | None = None
    library: str | None = None
    size: int | None = None
    weights_size: int | None = None
    parameters: int | None = None
    formats: tuple[str, ...] = ()
    access: Access = field(factory=Access)
    evaluations: tuple[Evaluation, ...] = ()
    limits: str | None = None
    card_problem: str | None = None
    base_models: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    downloads: int | None = None
    likes: int | None = None
    web_url: str | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(formats=self.formats, evaluations=self.evaluations, base_models=self.base_models)
        check_count("size", self.size)
        check_count("weights_size", self.weights_size)
        check_count("parameters", self.parameters)
        check_utc("created_at", self.created_at)
        check_utc("updated_at", self.updated_at)


@frozen(kw_only=True)
class Comparison(Plain):
    """Models side by side, in the order in which they were given.

    Attributes:
        columns: One for each reference; one that failed is there with its error.
    """

    columns: tuple[Column, ...]

    def __attrs_post_init__(self) -> None:
        check_tuples(columns=self.columns)

    @property
    def failure(self) -> Failure | None:
        """The first reference's error that failed; None: all were resolved."""
        return next((column.failure for column in self.columns if column.failure is not None), None)

    def differs(self, name: str) -> bool:
        """Tells whether models that were resolved differ in an attribute of :class:`Column`."""
        values = [getattr(column, name) for column in self.columns if column.failure is None]
        return any(value != values[0] for value in values)


def column_of(asked: str, record: ModelRecord, card: Card | None, *, card_problem: str | None = None) -> Column:
    """Makes the column of a model.

    Args:
        asked: The reference as it was given.
        record: What the zoo claims.
        card: Its card. None: it could not be read.
        card_problem: One sentence on why not.
    """
    return Column(
        asked=asked,
        ref=record.ref,
        pin=record.pin,
        title=record.title,
        license=record.license,
        task=record.task,
        library=record.library,
        size=record.total_size,
        weights_size=record.weights_size,
        parameters=record.parameters,
        formats=record.formats,
        access=record.access,
        evaluations=evaluations(record, card),
        limits=None if card is None else limits_of(card),
        card_problem=card_problem,
        base_models=record.base_models,
        created_at=record.created_at,
        updated_at=record.updated_at,
        downloads=record.downloads,
        likes=record.likes,
        web_url=record.web_url,
    )


def failed_column(asked: str, error: ZooError) -> Column:
    """Makes the column of a reference that could not be resolved."""
    return Column(asked=asked, failure=failure_of(error))


def failure_of(error: ZooError) -> Failure:
    """Returns an error as data."""
    return Failure(kind=type(error).__name__, message=error.message, hint=error.hint, exit_code=type(error).exit_code)


def evaluations(record: ModelRecord, card: Card | None) -> tuple[Evaluation, ...]:
    """Returns the results of a ``model-index`` (https://huggingface.co/docs/hub/model-cards#evaluation-results).

    The card's own is read, else the one that the zoo parsed. An entry without a metric or a value is passed over.
    """
    index = None if card is None else card.data.get("model-index")
    if not isinstance(index, list):
        index = record.metadata.get("model-index")
    found = [
        Evaluation(
            task=_word(_mapping(result.get("task")).get("type")),
            dataset=_word(_mapping(result.get("dataset")).get("name"))
            or _word(_mapping(result.get("dataset")).get("type")),
            metric=_word(metric.get("name")) or _word(metric.get("type")) or "",
            value=_value(metric.get("value")),
            verified=metric.get("verified") is True,
        )
        for model in _mappings(index)
        for result in _mappings(model.get("results"))
        for metric in _mappings(result.get("metrics"))
    ]
    return tuple(dict.fromkeys(one for one in found if one.metric and one.value))


def limits_of(card: Card) -> str | None:
    """Returns the first sentences of what a card says its model is not fit for; None: it says nothing.

    A section that holds nothing but its template's place-holder says nothing.
    """
    for section in card.limitations():
        told = first_sentences(section.text)
        if told is not None:
            return told
    return None


def first_sentences(text: str, most: int = _TOLD) -> str | None:
    """Returns the first prose of Markdown as one line of whole sentences; None: there are no words.

    Args:
        text: Markdown. Headings, tables, code and pictures are passed over.
        most: Characters at the most. A single sentence that is longer is cut, and ends in an ellipsis.
    """
    prose = _first_prose(text[:_READ])
    if prose is None or len(prose) <= most:
        return prose
    told = ""
    for sentence in _SENTENCE_END.split(prose):
        longer = f"{told} {sentence}".strip()
        if len(longer) > most:
            break
        told = longer
    return told or prose[: most - 1].rstrip() + "…"


def _first_prose(text: str) -> str | None:
    """The first paragraph that has words; a list that follows its introduction is part of it."""
    fence = False
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith(("```", "~~~")):
            fence = not fence
        elif not fence and line.strip() and not _NOT_PROSE.match(line):
            lines.append(_plain(line))
            continue
        prose = " ".join(word for line in lines for word in line.split())
        if not _NO_WORDS.fullmatch(prose) and not prose.endswith(":"):
            return prose
        if _NO_WORDS.fullmatch(prose):
            lines = []
    prose = " ".join(word for line in lines for word in line.split())
    return None if _NO_WORDS.fullmatch(prose) else prose


def _plain(line: str) -> str:
    bare = _TAG.sub(" ", _LINK.sub(r"\1", _BULLET.sub("", line)))
    return re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", bare)


def _word(value: Any) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _value(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (item for item in value if isinstance(item, Mapping))
