"""Whether an answer continues what is here of a file: the part that was asked for, of the same content and size."""

from __future__ import annotations

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.net.origin import masked, origin
from zooclient.transfer.failures import Refusal, StartOver
from zooclient.transfer.item import Item
from zooclient.transfer.partial import Partial
from zooclient.transfer.ranges import Lease, parse_content_range, range_header
from zooclient.transfer.transport import Reply


class Accepting:
    """Looks at the answers of one source.

    Args:
        item: The file that is wanted.
        label: What sentences call the source.
    """

    def __init__(self, item: Item, label: str) -> None:
        self._item = item
        self._label = label

    def accept(self, reply: Reply, lease: Lease, partial: Partial, *, asked_for_all: bool) -> bool:
        """Looks at the head of an answer, before a byte of its body is read.

        Args:
            reply: The answer.
            lease: The span that was asked for; made longer where the whole file comes instead.
            partial: What is here.
            asked_for_all: The question was one for the file as it is, without a range.

        Returns:
            Whether the source sends the whole file where the beginning was asked for.

        Raises:
            StartOver: It does not continue what is here.
            Refusal: It is another file than the one promised.
        """
        if reply.status == 416:
            self._refused_range(reply, partial)
        whole = False
        if reply.status == 206:
            self._part(reply, lease, partial)
        else:
            whole = self._whole(reply, lease, partial, asked_for_all=asked_for_all)
        headers = reply.headers
        validator = headers.get("etag") or headers.get("last-modified")
        if not partial.agrees(origin(reply.url), validator):
            raise StartOver(self._replaced(reply), single=whole)
        return whole

    def _part(self, reply: Reply, lease: Lease, partial: Partial) -> None:
        part = parse_content_range(reply.headers.get("content-range", ""))
        if part is None or part.start != lease.at or (part.size is None and partial.size is None):
            raise StartOver(
                self._odd(f"answers another range than the one asked for, {range_header(lease.at, lease.stop)}"),
                single=True,
            )
        if part.size is not None:
            self._hold_size(part.size, reply, partial)

    def _whole(self, reply: Reply, lease: Lease, partial: Partial, *, asked_for_all: bool) -> bool:
        if "content-range" in reply.headers and not asked_for_all:
            # The gateway of ModelScope does so, with whatever length: whether it is the part or the whole is a guess.
            raise StartOver(self._odd("sends part of the file as if it were the whole"), single=True)
        if lease.at != 0 or not partial.untouched:
            # Either it does not do ranges, or the file is another one by now. Appending would mix or double bytes.
            changed = partial.validator(origin(reply.url)) not in (None, reply.headers.get("etag"))
            error = self._replaced(reply) if changed else self._odd("sends the whole file where a part was asked for")
            raise StartOver(error, single=not changed)
        if reply.length is not None:
            self._hold_size(reply.length, reply, partial)
        if partial.whole(lease):
            return False
        partial.widen(lease)
        return True

    def _refused_range(self, reply: Reply, partial: Partial) -> None:
        part = parse_content_range(reply.headers.get("content-range", ""))
        reply.drain()
        if part is not None and part.size is not None:
            self._hold_size(part.size, reply, partial)
        raise StartOver(self._odd("refuses to send a part of the file"), single=True)

    def _hold_size(self, size: int, reply: Reply, partial: Partial) -> None:
        """Refuses an answer of another size than the one claimed."""
        if partial.size is None:
            partial.learn(size)
        elif size != partial.size and self._item.file.size is None:
            raise StartOver(self._replaced(reply))
        elif size != partial.size:
            raise Refusal(self.wrong_size(f"{size} bytes", reply))

    def wrong_size(self, came: str, reply: Reply) -> IntegrityError:
        """Returns the error for an answer of another size than the one promised."""
        path = self._item.file.path
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        page = kind == "text/html" and not path.lower().endswith((".html", ".htm"))
        what = "an HTML page in place of the file, " if page else ""
        return IntegrityError(
            f"{self._label} sends {what}{came} for {path} of {self._item.owner}, "
            f"where {self._item.file.size} were promised.",
            url=masked(reply.url),
            hint="A login page or a proxy stands in between; open the address in a browser."
            if page
            else "The server has another file than the one listed, or something in between cuts it.",
        )

    def _replaced(self, reply: Reply) -> IntegrityError:
        return IntegrityError(
            f"{self._item.file.path} of {self._item.owner} was replaced at {self._label} while it was fetched.",
            url=masked(reply.url),
            hint="What had arrived was thrown away, so that two contents do not mix. Run it again.",
        )

    def _odd(self, what: str) -> ProtocolError:
        return ProtocolError(
            f"{self._label} {what}, for {self._item.file.path} of {self._item.owner}.",
            hint="A proxy or a cache in between may do that.",
        )
