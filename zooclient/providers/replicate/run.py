"""Running and training at Replicate: from inputs to a run that is over.

What costs money is asked for once. A question whose answer was lost is never put again blindly: the account's recent
runs are looked at, and the one that is ours is taken up. Whoever leaves before the end has the run cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from zooclient.errors import (
    Cancelled,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Call, Flow, Listen, Parting, Pause, Request, Response, fetch
from zooclient.net.origin import masked, may_lead, origin
from zooclient.net.reach import leads_inside
from zooclient.providers.given import Given, mapped, read_inputs
from zooclient.providers.replicate import runs_wire as wire
from zooclient.providers.replicate.endpoint import WEB
from zooclient.providers.replicate.inputs import SMALL, SMALL_TOGETHER, multipart
from zooclient.providers.replicate.refusal import refusal
from zooclient.providers.replicate.telling import Hearing, Telling
from zooclient.records.schema import Schema

if TYPE_CHECKING:
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref
    from zooclient.records.run import Run, RunEvent, RunRequest

#: Seconds that an answer is waited for at the most ("Prefer: wait=n", n from 1 to 60), and that the zoo takes as a
#: deadline at the least.
LONGEST_WAIT: Final = 60
SHORTEST_DEADLINE: Final = 5
#: Seconds after which a run that nobody gave a deadline is given up. The zoo ends one after 30 minutes of work, before
#: which it may have waited for a machine; a training takes hours.
LONGEST: Final[Mapping[wire.Kind, float]] = {"predictions": 7200.0, "trainings": 86400.0}
#: Seconds between two looks at a run: short at first, then no longer than this.
_FIRST_PAUSE, _LAST_PAUSE = 0.1, {"predictions": 1.0, "trainings": 5.0}
#: Seconds without a byte after which a stream is given up; the zoo's own patience ends after 30.
_SILENCE = 60.0
#: Bytes of a stream, and of an answer about runs, at the most.
_MOST_BYTES = 1 << 30
#: Looks at the recent runs for one whose answer was lost, and seconds between them.
_LOOKS, _BETWEEN = 2, 1.0


def run(endpoint: str, record: ModelRecord, request: RunRequest, told: Callable[[RunEvent], None] | None) -> Flow[Run]:
    """One prediction, from its inputs to the end; see :class:`~zooclient.providers.further.HostsModels`.

    Where only the end is awaited, the question is answered when it has come (two requests in all); where it is told,
    by the stream of the model if it has one, else by looking at it.
    """
    return _Deed(endpoint, record, request, "predictions", told).done()


def train(
    endpoint: str, record: ModelRecord, request: RunRequest, told: Callable[[RunEvent], None] | None
) -> Flow[Run]:
    """One training, from its inputs to the end; see :class:`~zooclient.providers.further.TrainsModels`."""
    return _Deed(endpoint, record, request, "trainings", told).done()


def refuse_odd(ref: Ref, asked: RunRequest) -> None:
    """Refuses wishes that have no meaning at Replicate, whoever asks it.

    Raises:
        ConfigError: A task, a host, or a deadline that has passed.
    """
    if asked.task is not None or asked.served_by is not None:
        raise ConfigError(f"{ref} is run by Replicate itself, for one task.", hint="Leave task and served_by out.")
    if asked.deadline is not None and not asked.deadline > 0:
        raise ConfigError(f"A deadline of {asked.deadline} seconds leaves no time.")


class _Deed:
    """One prediction or training on its way."""

    def __init__(
        self,
        endpoint: str,
        record: ModelRecord,
        request: RunRequest,
        kind: wire.Kind,
        told: Callable[[RunEvent], None] | None,
    ) -> None:
        self._endpoint = endpoint
        self._record = record
        self._ref = record.ref
        self._request = request
        self._kind = kind
        self._operation = "run" if kind == "predictions" else "train"
        shape = record.schema.output if record.schema is not None and kind == "predictions" else None
        self._telling = Telling(told, shape)
        self._waits = told is None and kind == "predictions"
        self._listens = told is not None
        self._problems: list[str] = []
        self._secrets: tuple[str, ...] = ()

    def done(self) -> Flow[Run]:
        """The whole of it."""
        self._refuse()
        fitting = self._fitting()
        self._secrets = tuple(value for name, value in fitting.items() if isinstance(value, str) and self._secret(name))
        read: dict[str, Any] = yield Call(run=lambda: read_inputs(fitting))
        sent: dict[str, Any] = yield from self._sent_ahead(read)
        state = yield from self._created(sent)
        try:
            yield Parting(leave=lambda: self._cancel(state.id))
            state = yield from self._ended(state)
            yield Parting(leave=None)
        except Cancelled as error:
            error.hint = f"Replicate is asked to cancel the run {state.id}; {state.page} shows what became of it."
            raise
        except ZooError:
            raise
        except Exception:  # whoever was told has failed, and nobody waits for the rest
            with suppress(ZooError):
                yield from self._cancel(state.id)
            raise
        shown = {name: mapped(value, Given.told) for name, value in read.items() if not self._secret(name)}
        return wire.read_run(state, self._record, shown, self._request.destination, tuple(self._problems))

    # -- before anything is billed --------------------------------------------------------------

    def _refuse(self) -> None:
        """Refuses what cannot be run, before anything is sent.

        Raises:
            Unsupported: There is no version to run.
            ConfigError: What is asked has no meaning here.
        """
        ref, asked = self._ref, self._request
        refuse_odd(ref, asked)
        if ref.revision is None and not (self._kind == "predictions" and self._record.metadata.get("official")):
            what = "an official model, which is" if self._record.metadata.get("official") else "a model that is"
            told = "not trained by its name alone" if self._kind == "trainings" else "without any version"
            raise Unsupported(f"{ref} is {what} {told}.", hint=f"Its page: {self._record.web_url or WEB}")
        aim = asked.destination
        if self._kind == "trainings" and (aim is None or aim.scheme != ref.scheme or aim.revision is not None):
            raise ConfigError(
                f"A training at Replicate needs a model there as its destination, and {aim} is none.",
                hint=f"Such as replicate:you/name; one is made at {WEB}/create.",
            )

    def _fitting(self) -> dict[str, Any]:
        """The inputs, held to what the model says that it takes.

        Raises:
            ConfigError: They do not fit.
        """
        given = self._request.inputs
        if self._record.schema is not None:
            return self._record.schema.check(given, training=self._kind == "trainings")
        self._problems.append("The model does not tell what it takes, so its inputs were not checked.")
        return {name: value for name, value in given.items() if value is not None}

    def _secret(self, name: str) -> bool:
        schema: Schema = self._record.schema or Schema()
        known = schema.training_inputs if self._kind == "trainings" else schema.inputs
        return any(one.name == name and one.secret for one in known or ())

    def _sent_ahead(self, read: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        """The inputs as JSON values: each file by an address, which holds it where it is small.

        Raises:
            IntegrityError: Another file arrived than was sent.
        """
        found: list[Given] = []
        mapped(read, found.append)
        addresses: dict[int, str] = {}
        room = SMALL_TOGETHER
        for file in found:
            if len(file.content) <= min(SMALL, room):
                room -= len(file.content)
                addresses[id(file)] = file.data_uri()
            elif id(file) not in addresses:
                addresses[id(file)] = yield from self._uploaded(file)
        sent: dict[str, Any] = mapped(read, lambda file: addresses[id(file)])
        return sent

    def _uploaded(self, file: Given) -> Flow[str]:
        kind, body = multipart(file)
        request = Request(
            method="POST", url=wire.files_url(self._endpoint), headers={"Content-Type": kind}, content=body
        )
        try:
            response: Response = yield request
        except (Offline, RateLimited, ProtocolError):
            raise
        except NetworkError:
            response = yield request  # one that is sent twice is forgotten after a day, and costs nothing
        url, odd = wire.upload_address(self._settled(response).json(), file.sha256)
        self._problems += [odd] if odd is not None else []
        return url

    # -- created --------------------------------------------------------------------------------

    def _created(self, sent: Mapping[str, Any]) -> Flow[wire.State]:
        """Asks for the run, once.

        Raises:
            NetworkError: It is not known whether it was created.
            ZooError: It was not.
        """
        request = self._question(sent)
        began = time.monotonic()
        yield Parting(leave=lambda: self._cancel_unseen(sent, began))
        try:
            response: Response = yield request
        except (Offline, IntegrityError):
            raise
        except RateLimited as error:
            error.hint = (
                "Nothing was created. Without a payment method the limit is far lower; ZOOCLIENT_MAX_WAIT sets the "
                "seconds that we wait by ourselves."
            )
            raise
        except Cancelled as error:
            error.hint = f"If a run was created, Replicate is asked to cancel it; {WEB}/predictions lists it."
            raise
        except NetworkError as error:
            if not error.sent:
                raise
            lost: NetworkError = error
        else:
            try:
                if response.status < 500 or response.status == 501:
                    return self._begun(response)
                lost = NetworkError(f"Replicate answered with status {response.status}.", url=masked(request.url))
            except ProtocolError as error:
                if not response.ok:
                    raise
                lost = error
        return (yield from self._taken_up(sent, began, lost))

    def _begun(self, response: Response) -> wire.State:
        state = wire.read_state(self._settled(response).json())
        self._telling.status(state)
        return state

    def _question(self, sent: Mapping[str, Any]) -> Request:
        headers = {"Content-Type": "application/json"}
        deadline, wait = self._request.deadline, 0
        if self._waits:
            wait = LONGEST_WAIT if deadline is None else max(1, min(LONGEST_WAIT, ceil(deadline)))
            headers["Prefer"] = f"wait={wait}"
        if deadline is not None and self._kind == "predictions":
            headers["Cancel-After"] = f"{max(SHORTEST_DEADLINE, ceil(deadline))}s"
        return Request(
            method="POST",
            url=wire.create_url(self._endpoint, self._ref, self._kind),
            headers=headers,
            content=wire.question(self._ref, sent, self._request.destination),
            wait=float(wait),
            secrets=self._secrets,
        )

    def _taken_up(self, sent: Mapping[str, Any], began: float, lost: NetworkError) -> Flow[wire.State]:
        """The run whose answer was lost, where it can be told among the recent ones.

        Raises:
            NetworkError: It cannot.
        """
        for look in range(_LOOKS):
            if look:
                yield Pause(seconds=_BETWEEN)
            try:
                found = yield from self._recent(sent, began)
            except Cancelled:
                raise
            except ZooError:
                break
            if len(found) == 1:
                self._problems.append(f"The answer was lost ({lost.message.rstrip('.')}); the run was found again.")
                self._telling.status(found[0])
                return found[0]
            if found:
                break
        raise NetworkError(
            f"It is not known whether the run of {self._ref} was created: {lost.message}",
            url=lost.url,
            hint=f"Look at {WEB}/predictions before you run it again: what was created is billed.",
        ) from lost

    def _recent(self, sent: Mapping[str, Any], began: float) -> Flow[list[wire.State]]:
        """The account's recent runs that may be ours."""
        answer = yield from fetch(Request(url=wire.runs_url(self._endpoint, self._kind), secrets=self._secrets))
        payload = self._settled(answer).json()
        date = answer.headers.get("date")
        since = wire.since(date, time.monotonic() - began, datetime.now(UTC))
        return wire.ours(payload, self._ref, sent, since, self._kind)

    # -- under way ------------------------------------------------------------------------------

    def _ended(self, state: wire.State) -> Flow[wire.State]:
        """Follows the run to its end.

        Raises:
            NetworkError: It does not end, and is cancelled; or it cannot be asked about any more.
        """
        longest, began, paused = self._longest(), time.monotonic(), 0.0
        self._telling.catch_up(state)
        pauses = self._pauses()
        if self._listens and not state.over and state.stream is not None:
            yield from self._heard(state.stream)
        elif not self._waits:
            next(pauses)  # it has only begun
        while not state.over:
            pause = next(pauses)
            if pause:
                yield Pause(seconds=pause)
                paused += pause
            state = yield from self._looked_at(state)
            self._telling.catch_up(state)
            if not state.over and max(paused, time.monotonic() - began) > longest:
                yield from self._cancel(state.id)
                raise NetworkError(
                    f"The run {state.id} of {self._ref} did not end within {longest:.0f} seconds, and was cancelled.",
                    hint=f"{state.page} tells more. A deadline bounds a run from the start.",
                )
        return state

    def _longest(self) -> float:
        """Seconds after which it is given up; a deadline is the caller's to keep, and may be longer."""
        return max(LONGEST[self._kind], self._request.deadline or 0.0)

    def _pauses(self) -> Iterator[float]:
        """No pause at first: what was waited for is over in most cases, and only said otherwise."""
        yield 0.0
        pause = _FIRST_PAUSE
        while True:
            yield pause
            pause = min(pause * 1.5, _LAST_PAUSE[self._kind])

    def _looked_at(self, state: wire.State) -> Flow[wire.State]:
        url = wire.run_url(self._endpoint, self._kind, state.id)
        try:
            response = yield from fetch(Request(url=url, secrets=self._secrets))
            return wire.read_state(self._settled(response).json(), state.id)
        except NetworkError as error:
            error.hint = f"The run {state.id} goes on at Replicate: {state.page}"
            raise

    def _heard(self, url: str) -> Flow[None]:
        """Listens to the stream as long as it comes; what it leaves out is looked at afterwards."""
        try:
            if not may_lead(self._endpoint, url) or leads_inside(url, self._endpoint):
                raise IntegrityError("The stream is plain http, or lies inside.")
            headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
            anonymous = origin(url) != origin(self._endpoint)
            request = Request(url=url, headers=headers, anonymous=anonymous, max_bytes=_MOST_BYTES)
            seconds = self._longest()
            yield Listen(request=request, heard=Hearing(self._telling), silence=_SILENCE, seconds=seconds)
        except Cancelled:
            raise
        except (NetworkError, IntegrityError):
            return

    # -- given up -------------------------------------------------------------------------------

    def _cancel(self, name: str) -> Flow[None]:
        url = wire.cancel_url(self._endpoint, self._kind, name)
        yield Request(method="POST", url=url, content=b"", secrets=self._secrets)

    def _cancel_unseen(self, sent: Mapping[str, Any], began: float) -> Flow[None]:
        """Cancels the run that was asked for and of which no answer has come, where it can be told which it is."""
        found = [state for state in (yield from self._recent(sent, began)) if not state.over]
        if len(found) == 1:
            yield from self._cancel(found[0].id)

    def _settled(self, response: Response) -> Response:
        if response.ok:
            return response
        if response.status == 404 and b"training destination" in response.body:
            raise NotFound(
                f"The destination {self._request.destination} is no model that this account may train into.",
                hint=f"It is to be there before, and your own; one is made at {WEB}/create.",
            )
        raise refusal(response, self._ref, self._operation)
