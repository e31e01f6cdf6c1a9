"""How the owner of a model hosts it at Replicate: what it takes, what running it does, and how that goes.

Kept with what every zoo knows of a model (:class:`~zooclient.serve.shelf.Terms`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from zooclient.serve.registry.form import Form

if TYPE_CHECKING:
    from zooclient.serve.exchange import Answer
    from zooclient.serve.replicate.runs import Work

#: What an input may be. A file is sent as a URL or a data URI.
InputType = Literal["string", "integer", "number", "boolean", "file", "secret", "array"]
#: What a model may put out. ``tokens`` are texts that are to be joined, one by one as they come.
OutputType = Literal["string", "integer", "number", "boolean", "file", "files", "strings", "tokens", "object"]


@frozen
class Input:
    """One input of a model, as ``cog.Input`` declares it.

    Attributes:
        type: What it is.
        default: Value where none is sent. None: there is none.
        required: Whether one has to be sent. None: where there is no default.
        description: What it is for.
        minimum: Least number.
        maximum: Greatest number.
        min_length: Least characters of a text.
        max_length: Most characters of a text.
        pattern: Regular expression that a text has to match.
        choices: The only values that it may have. Empty: any.
        items: Type of the members of an array.
    """

    type: InputType = "string"
    default: Any = field(default=None, kw_only=True, hash=False)
    required: bool | None = field(default=None, kw_only=True)
    description: str | None = field(default=None, kw_only=True)
    minimum: float | None = field(default=None, kw_only=True)
    maximum: float | None = field(default=None, kw_only=True)
    min_length: int | None = field(default=None, kw_only=True)
    max_length: int | None = field(default=None, kw_only=True)
    pattern: str | None = field(default=None, kw_only=True)
    choices: tuple[Any, ...] = field(default=(), kw_only=True)
    items: InputType = field(default="string", kw_only=True)

    @property
    def needed(self) -> bool:
        """Whether one has to be sent."""
        return self.default is None if self.required is None else self.required


@frozen
class Made:
    """A file that a model made.

    Attributes:
        content: Its bytes.
        name: Its name, the last part of its URL. Its ending tells its type.
    """

    content: bytes = field(repr=False)
    name: str = "output.bin"


@frozen(kw_only=True)
class Course:
    """How a run goes, where it does not go well.

    Attributes:
        boot: Seconds that it stays ``starting``.
        ends: Status that it ends with. ``never``: it stays ``processing`` until it is cancelled.
        error: Why, where it ends ``failed``.
        settled: A create that waited is answered with the final state. Off, what ended well is told as
            ``processing`` with its whole output and files as data URIs, as the API often does.
        version: Version that is said to have run. None: the one that was asked for.
        streams: Whether it has a stream.
        stream_events: Events after which the stream ends without ``done``. None: it does not.
        stream_ids: Whether events have ids.
        stream_news: Name of an event that no client knows, which is sent first. None: none is.
        outputs: ``gone``: files that it made cannot be had any more. ``removed``: nor can input, output and logs
            once it is over, as after an hour. An origin such as ``http://127.0.0.1:9``: files are said to lie there.
    """

    boot: float = 0.0
    ends: Literal["succeeded", "failed", "canceled", "aborted", "never"] = "succeeded"
    error: str = "CUDA out of memory."
    settled: bool = False
    version: str | None = None
    streams: bool = True
    stream_events: int | None = None
    stream_ids: bool = True
    stream_news: str | None = None
    outputs: str = "kept"


@frozen(kw_only=True)
class Collection:
    """A curated list that a model is in.

    Attributes:
        slug: What it is known by.
        name: Its title.
        description: What it holds.
    """

    slug: str
    name: str
    description: str


@frozen(kw_only=True)
class Training:
    """How a version is trained.

    Attributes:
        inputs: Name to what it takes, in order.
        run: Called with what is asked for, and with ``owner/name`` of the destination; returns the new version and
            the weights.
    """

    inputs: Mapping[str, Input] = field(hash=False)
    run: Callable[[Work, str], Mapping[str, Any]]


@frozen(kw_only=True)
class Hosted:
    """How one model is hosted.

    Attributes:
        inputs: Name to what it takes, in order.
        output: What it puts out, or the ``Output`` schema itself.
        run: What running it does: called in a thread of its own, returns the output, or yields it piece by piece;
            bytes and :class:`Made` become files. What it raises is the error of the prediction. None: it returns
            its first text.
        official: The zoo keeps it itself: it has no list of versions, and nothing to pin.
        course: How its runs go.
        guard: Called before a run is created; returns what is said instead. None: it is created.
        training: How it is trained. None: it cannot be.
        example: Input and output that its page shows. None: there are none.
        collections: The curated lists that it is in.
        description: One line on it. None: by its card.
        license_url: Where its licence is told. None: by its card.
        weights_url: Where its weights lie, outside of this zoo. None: nobody says.
        github_url: Where its code lies. None: nobody says.
        paper_url: Where its paper lies. None: by its card.
        image: How the images of its versions are made.
    """

    inputs: Mapping[str, Input] = field(factory=lambda: {"prompt": Input(description="Input prompt")}, hash=False)
    output: OutputType | Mapping[str, Any] = field(default="string", hash=False)
    run: Callable[[Work], Any] | None = None
    official: bool = False
    course: Course = Course()
    guard: Callable[[], Answer | None] | None = None
    training: Training | None = None
    example: tuple[Mapping[str, Any], Any] | None = field(default=None, hash=False)
    collections: tuple[Collection, ...] = ()
    description: str | None = None
    license_url: str | None = None
    weights_url: str | None = None
    github_url: str | None = None
    paper_url: str | None = None
    image: Form = field(factory=Form)
