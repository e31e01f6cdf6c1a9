"""One file on its way: from which source, over how many connections, and what to do when something fails."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from http.client import HTTPException

from zooclient.errors import IntegrityError, NetworkError, ProtocolError, ZooError
from zooclient.net.origin import masked
from zooclient.net.policy import BUSY, Outcome, decide, server_wait
from zooclient.records.receipt import Observed, Receipt
from zooclient.transfer.accepting import Accepting
from zooclient.transfer.crew import Crew
from zooclient.transfer.failures import Passing, Refusal, StartOver, network_error
from zooclient.transfer.item import Item, Source
from zooclient.transfer.lineup import Lineup, Repute
from zooclient.transfer.pace import Pace
from zooclient.transfer.partial import Partial
from zooclient.transfer.ranges import Lease, range_header
from zooclient.transfer.reporter import Reporter
from zooclient.transfer.sink import Sink, Slot
from zooclient.transfer.transport import Reply
from zooclient.transfer.way import Route, Tools, Way

#: Bytes after which a source that failed counts as working again.
_PROGRESS = 1024 * 1024

#: Fruitless attempts at an address before the source is asked for another.
_PATIENCE = 2

#: Fruitless attempts at a source before another is looked for, and after which it is left where there is one.
_ENOUGH = 2

#: Seconds that a server may ask to wait before the same is done.
_BRIEF = 5.0

#: A connection is not relieved of work that it would do within these seconds anyway.
_SOON = 0.2

#: Seconds for the head of an answer from which on a server counts as far away.
_FAR = 0.01

#: Pieces grow up to this multiple, where waiting for the answer to each would cost time.
_GROWTH = 8


class Later(Exception):
    """The places that have the file fail at the moment; other files of the transfer should not wait for that."""


class FileJob:
    """Brings one file into a sink.

    Args:
        item: The file and its sources.
        tools: What every way needs.
        crew: The budget of connections. :meth:`run` and :meth:`help` are called by who has one of them.
        reporter: Who is told.
        repute: Which places failed in this transfer.

    Attributes:
        patient: Whether it stays with a source that fails as long as the limits allow, where nobody else has the file.
            Otherwise it is then given up for the moment, so that other files come first.
    """

    def __init__(
        self, item: Item, tools: Tools, crew: Crew, reporter: Reporter, repute: Repute, *, patient: bool = True
    ) -> None:
        self.item = item
        self.patient = patient
        self._lineup = Lineup(item, repute, tools.cancel)
        self._begun = False
        self._waits = False  # the server asks for a wait, which nothing that comes in between makes shorter
        self._tools = tools
        self._limits = tools.settings.limits
        self._crew = crew
        self._reporter = reporter
        self._partial: Partial | None = None
        self._way: Way | None = None
        self._pace = Pace(self._limits.stall_timeout, time.monotonic())
        self._label = ""
        self._accepting = Accepting(item, "")
        self._single = False
        self._ranged = False
        self._piece = self._limits.piece_size
        self._rate = 0.0
        self._helpers = 0
        self._helper_pause = 0.0
        self._help_after = 0.0
        self._replies: set[Reply] = set()
        self._state = threading.Condition()
        self._interrupt: BaseException | None = None

    # -- the main stream ---------------------------------------------------------------------------------

    def run(self, sink: Sink) -> Receipt:
        """Brings the file; returns how it came.

        Raises:
            ZooError: It did not.
            Later: It may be brought when it is run once more; what has come is kept.
        """
        item = self.item
        try:
            with sink.ingest(item.file, owner=item.owner, cancel=self._tools.cancel) as slot:
                if isinstance(slot, Observed):
                    return self._held(slot)
                with closing(self._partial_in(slot)) as partial:
                    self._partial = partial
                    try:
                        observed = self._bring(partial)
                    finally:
                        self._dismiss_helpers()
                        self._partial = None
                    receipt = self._receipt(partial, observed)
                slot.commit(observed)
        except ZooError as error:
            error.about(ref=item.owner, operation="download")
            raise
        self._reporter.finished(item.file.path)
        return receipt

    def _partial_in(self, slot: Slot) -> Partial:
        # A quarter of the promised step: what stands in the sockets' buffers when the process dies is lost as well.
        return Partial(
            slot,
            self.item.file,
            owner=self.item.owner,
            follow=self._limits.piece_size,
            step=max(1, self._limits.journal_step // 4),
        )

    def _held(self, observed: Observed) -> Receipt:
        path, claimed = self.item.file.path, bool(self.item.file.digests)
        if not self._begun:
            self._reporter.started(path, observed.size, observed.size)
        self._reporter.finished(path)
        return Receipt(path=path, observed=observed, claimed=claimed)

    def _receipt(self, partial: Partial, observed: Observed) -> Receipt:
        return Receipt(
            path=self.item.file.path,
            observed=observed,
            sources=dict(partial.given),
            resumed=partial.resumed,
            claimed=partial.proved,
        )

    def _bring(self, partial: Partial) -> Observed:
        """Takes from one source after the other until the bytes are whole and right."""
        file, source = self.item.file, None
        if not self._begun:
            self._begun = True
            self._reporter.started(file.path, file.size, partial.have)
        failure: ZooError = ProtocolError(f"{file.path} of {self.item.owner} has no source.")
        while True:
            if not partial.complete():
                source = self._source(failure)
                try:
                    self._take_from(source, partial)
                except Refusal as refusal:
                    failure = refusal.error
                    failure.__cause__ = failure.__cause__ or refusal.__cause__
                    self._dismiss_helpers()
                    if partial.complete():  # and more came behind: this is another file than the one promised
                        self._throw_away(partial)
                    self._pass_on(source, failure)
                    continue
            self._dismiss_helpers()
            observed = partial.finish(self._tools.cancel)
            wrong = self._wrong(partial, observed)
            if wrong is None:
                return observed
            failure = wrong
            alone = not partial.resumed and len(partial.given) <= 1
            self._throw_away(partial)
            if alone and source is not None:
                self._pass_on(source, failure)
            # Otherwise nobody knows who lied: the source at hand brings it again, all by itself.

    def _source(self, failure: ZooError) -> Source:
        """Returns the source to take from.

        Raises:
            ZooError: None is left.
            Later: Those that are left failed in this transfer, and there is time.
        """
        lineup, path = self._lineup, self.item.file.path
        source = lineup.first()
        if lineup.stuck and not self.patient and not self._waits:
            lineup.again()
            self._reporter.retried(path, "Nobody else has it. It is tried again when the other files are here.", 0.0)
            raise Later
        if source is None:
            raise lineup.error(failure)
        passed = lineup.passed()
        if passed is not None:
            self._reporter.retried(path, f"{passed.label} failed before. Next: {source.label}.", 0.0)
        return source

    def _pass_on(self, source: Source, failure: ZooError) -> None:
        following = self._lineup.drop(source, failure)
        if following is not None:
            self._reporter.retried(self.item.file.path, f"{failure.message} Next: {following.label}.", 0.0)

    def _wrong(self, partial: Partial, observed: Observed) -> IntegrityError | None:
        digests, path = self.item.file.digests, self.item.file.path
        found = {"sha256": observed.sha256, "git-sha1": observed.git_sha1}
        for algorithm, value in found.items():
            claim = digests.get(algorithm)
            if claim is not None and value is not None and claim != value:
                givers = ", ".join(sorted(partial.given)) or "an earlier attempt"
                return IntegrityError(
                    f"{path} of {self.item.owner}, from {givers}, is not what was promised: "
                    f"{algorithm} {claim} was expected, {value} came.",
                    hint="It was thrown away. The server, or something in between, changes bytes; try another source.",
                )
        return None

    def _take_from(self, source: Source, partial: Partial) -> None:
        """Takes what is missing from one source.

        Raises:
            Refusal: It will not give it.
        """
        if source.bears is not None:
            self._crew.bound(source.bears, self._tools.cancel)
        self._way, self._label = Way(source, self._tools), source.label
        self._accepting = Accepting(self.item, source.label)
        self._pace = Pace(self._limits.stall_timeout, time.monotonic())
        self._single = self._ranged = self._waits = False
        fruitless, restarts, mark = 0, 0, partial.have
        while not partial.complete():
            try:
                self._step(partial)
            except StartOver as over:
                restarts += 1
                if restarts > max(1, self._limits.retries):
                    raise Refusal(over.error) from over
                self._dismiss_helpers()
                self._reporter.retried(self.item.file.path, over.error.message, 0.0)
                self._throw_away(partial)
                self._single = self._single or over.single
                self._way.forget()
                mark = 0
            except Passing as passing:
                # Where no connection can be had, what came over others that are ending says nothing.
                if partial.have - mark >= _PROGRESS and passing.kind != "connect":
                    fruitless = 0
                fruitless, mark = fruitless + 1, partial.have
                if self._is_left(passing, fruitless):
                    raise Refusal(passing.error) from passing
                self._pause(passing, fruitless)
                if fruitless >= _PATIENCE:
                    self._way.forget()

    def _step(self, partial: Partial) -> None:
        """Fetches one span, or waits for those who fetch the last ones."""
        lease = partial.take(self._share(partial), self._least())
        if lease is not None:
            self._stream(lease, partial)
            return
        with partial.changed:
            if not partial.complete():
                partial.changed.wait(0.1)
        self._look_up()
        self._mind_pace()

    def _is_left(self, passing: Passing, fruitless: int) -> bool:
        """Whether to leave a source that may yet recover, because another has the file, or other files can come first.

        With another source at hand, one further attempt is all that is worth its time, and none where it gave bytes
        and now refuses connections, nothing came for as long as a time limit, it crawls, or it asks to wait.
        """
        asked = server_wait(passing.headers, time.time()) if passing.status in BUSY else None
        self._waits = asked is not None and asked > _BRIEF
        if not self._waits and not self._is_hopeless(passing, fruitless):
            return False
        if self._lineup.another(passing.error):
            if asked is not None and asked <= self._limits.max_wait and passing.place is not None:
                self._tools.manners.spare(passing.place, asked)  # it asked, whoever comes there next
            return True
        self._pace = Pace(self._limits.stall_timeout, time.monotonic())  # it is all there is: no word of its pace now
        return not self.patient and self.item.further is not None and not self._waits

    def _is_hopeless(self, passing: Passing, fruitless: int) -> bool:
        died = passing.kind == "connect" and self._partial is not None and self._partial.given[self._label] > 0
        if died or fruitless >= _ENOUGH:
            return True
        if passing.kind == "timeout":
            limits = self._limits
            silence = min(limits.connect_timeout, limits.read_timeout, limits.stall_timeout)
            now = time.monotonic()
            # Where other connections to it still bring bytes, a single one fell silent and not the source.
            return now - self._pace.last >= 0.9 * silence or self._pace.crawls(now)
        return False

    def _pause(self, passing: Passing, attempt: int) -> None:
        """Waits as the server asked, or as is polite.

        Raises:
            Refusal: It has been tried often enough.
        """
        outcome = Outcome(status=passing.status, failure=passing.kind, headers=passing.headers)
        retry = decide(attempt, outcome, self._limits, time.time(), jitter=random.random())  # noqa: S311
        if retry is None:
            raise Refusal(passing.error) from passing
        self._reporter.retried(self.item.file.path, f"{passing.error.message} ({retry.reason})", retry.wait)
        if retry.shared and passing.place is not None:
            self._tools.manners.spare(passing.place, retry.wait)
        if passing.status in BUSY:
            self._crew.back_off()
        self._tools.cancel.wait(retry.wait)

    def _throw_away(self, partial: Partial) -> None:
        lost = partial.start_over()
        if lost:
            self._reporter.advanced(self.item.file.path, -lost)

    # -- helpers: further connections for the same file ------------------------------------------------

    def wants_help(self) -> bool:
        """Whether another connection would find something to do."""
        partial = self._partial
        return (
            partial is not None
            and self._ranged
            and not self._single
            and self._interrupt is None
            and time.monotonic() >= self._help_after
            and partial.offers(self._least())
        )

    def enlist(self) -> bool:
        """Counts a helper that is about to start; False when it came too late."""
        with self._state:
            if self._partial is None or self._interrupt is not None or not self._ranged:
                return False
            self._helpers += 1
            return True

    def help(self) -> None:
        """Fetches spans until none is left, or the connection is wanted elsewhere; then gives it back."""
        try:
            self._help()
        except Passing as passing:
            # The main stream decides whether the source is lost; a helper only steps aside for a while.
            self._helper_pause = min(2 * self._helper_pause + 1.0, self._limits.backoff_max)
            self._help_after = time.monotonic() + self._helper_pause
            if passing.status in BUSY:
                self._crew.back_off()
        except BaseException as error:
            with self._state:
                self._interrupt = self._interrupt or error
        finally:
            with self._state:
                self._helpers -= 1
                self._state.notify_all()
            self._crew.leave()

    def _help(self) -> None:
        partial = self._partial
        while partial is not None and self._interrupt is None and not self._crew.crowded():
            lease = partial.take(self._share(partial), self._least())
            if lease is None:
                return
            self._stream(lease, partial)

    def _dismiss_helpers(self) -> None:
        """Sends all helpers away and waits until they are gone; no other comes before ranges are seen to work again."""
        with self._state:
            self._ranged = False
            self._interrupt = self._interrupt or _Dismissed()
            replies = list(self._replies)
        for reply in replies:
            reply.abort()
        with self._state:
            self._state.wait_for(lambda: self._helpers == 0)
            self._interrupt = None
            self._ranged = False  # one of them may have seen it just before it left

    def _look_up(self) -> None:
        """Raises what has happened elsewhere."""
        self._tools.cancel.check()
        error = self._interrupt
        if error is not None:
            if not isinstance(error, _Dismissed):
                self._interrupt = None
            raise error

    def _share(self, partial: Partial) -> int:
        """Bytes of the next piece: shorter towards the end, so that all connections end together."""
        left = 0 if partial.size is None else partial.size - partial.have
        return max(self._limits.piece_size, min(self._piece, left // 4))

    def _least(self) -> int:
        return max(self._limits.journal_step, int(self._rate * _SOON))

    # -- one span --------------------------------------------------------------------------------------------

    def _stream(self, lease: Lease, partial: Partial) -> None:
        """Asks for one span and stores what comes.

        Raises:
            Passing, Refusal, StartOver: It did not all come.
        """
        way, began = self._way, time.monotonic()
        if way is None:
            return
        try:
            reply, route = way.open(lambda place: self._span_headers(place, lease, partial))
            answered = time.monotonic()
            with self._state:
                self._replies.add(reply)
            try:
                self._accept(reply, lease, partial)
                self._pour(reply, route, lease, partial)
            finally:
                with self._state:
                    self._replies.discard(reply)
                reply.close()
            self._learn_pace(lease.at - lease.start, answered - began, time.monotonic() - answered)
        except (OSError, HTTPException) as error:
            self._look_up()
            broken, kind = network_error(error, way.place)
            raise Passing(broken, kind=kind) from error
        except (IntegrityError, ProtocolError) as error:  # an address that cannot be
            raise Refusal(error) from error
        finally:
            partial.release(lease)

    def _span_headers(self, place: str, lease: Lease, partial: Partial) -> dict[str, str]:
        if self._asks_for_all(lease, partial):
            return {}
        headers = {"Range": range_header(lease.at, lease.stop)}
        validator = partial.validator(place)
        if validator is not None and validator.startswith('"'):
            headers["If-Range"] = validator
        return headers

    def _asks_for_all(self, lease: Lease, partial: Partial) -> bool:
        """Whether the question for this span is one for the file as it is, without a range."""
        return partial.whole(lease) or (self._single and lease.at == 0)

    def _accept(self, reply: Reply, lease: Lease, partial: Partial) -> None:
        """Takes an answer that continues what is here, and learns from it what the source can do."""
        asked_for_all = self._asks_for_all(lease, partial)
        if self._accepting.accept(reply, lease, partial, asked_for_all=asked_for_all):
            self._single = True
        elif reply.status == 206 and not self._ranged and not self._single:
            self._ranged = True
            self._crew.call()

    def _pour(self, reply: Reply, route: Route, lease: Lease, partial: Partial) -> None:
        while lease.left != 0:
            buffer = partial.lend(lease)
            wanted = len(buffer) if lease.left is None else min(len(buffer), lease.left)
            count = reply.fill(buffer[:wanted])
            self._look_up()
            if count == 0:
                break
            count = partial.write(lease, buffer, count, self._label)
            route.gave = True
            self._reporter.advanced(self.item.file.path, count)
            self._crew.arrived(count)
            self._mind_pace(count)
        if lease.stop is None:
            partial.learn(lease.at)  # the body had no length, and has ended well
        elif lease.left:
            place = masked(reply.url)
            raise Passing(NetworkError(f"{place} ended the answer {lease.left} bytes early.", url=place), kind="cut")
        elif reply.length is None and lease.stop == partial.size and reply.fill(memoryview(bytearray(1))):
            raise Refusal(self._accepting.wrong_size(f"more than {partial.size} bytes", reply))

    def _mind_pace(self, count: int = 0) -> None:
        """Counts bytes, and gives the source a rest where it has become far too slow and there may be another."""
        now = time.monotonic()
        with self._state:
            if count:
                self._pace.arrived(now, count)
            crawls = self._pace.crawls(now)
        if crawls and self._lineup.open:
            error = NetworkError(f"{self._label} has become far too slow.", hint="What has arrived is kept.")
            raise Passing(error, kind="timeout")

    def _learn_pace(self, count: int, waited: float, poured: float) -> None:
        """Makes pieces longer where the wait for each answer is a good part of its time."""
        if poured > 0:
            self._rate = count / poured
        if count >= self._piece and waited > max(_FAR, 0.02 * poured):
            self._piece = min(2 * self._piece, _GROWTH * self._limits.piece_size)


class _Dismissed(Exception):
    """A helper is not needed any more."""
