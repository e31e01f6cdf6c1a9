"""Giving models to ModelScope through its own client.

What is there is read by our own flows; the client, which sends, works in a process of its own, see
:mod:`zooclient.providers.modelscope.official`. It puts files on a branch in several commits, and no commit names the
one that it builds on: that the branch did not move is looked at just before.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from zooclient import __version__
from zooclient.errors import ConfigError, NetworkError, NotFound, ProtocolError, Unsupported, ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Call, Flow, Request, Response
from zooclient.providers.child import OwnClient, ask_child, names_and_texts
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.official import scope_environment
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.providers.modelscope.refusal import refusal
from zooclient.providers.publishing import moved, name_taken, no_branch, no_commit, no_room, only_now_called, tag_taken
from zooclient.providers.reading import is_commit, line, mapping
from zooclient.records.publication import Sending, Sent, Standing, Visibility
from zooclient.records.ref import Ref

_CHILD = Path(__file__).with_name("publish_child.py")

_FULL = re.compile(r"quota|storage limit|insufficient storage|exceed\w* .{0,40}limit", re.IGNORECASE)


@frozen(kw_only=True)
class ModelScopePublisher(OwnClient):
    """``modelscope`` as the one that sends."""

    def standing(self, ref: Ref) -> Flow[Standing]:
        """What is under that name now; a repository in which nothing is yet has no head."""
        if ref.revision is not None and is_commit(ref.revision):
            raise no_commit(ref)
        zoo = ModelScope(self.endpoint)
        try:
            about = yield from zoo.about(ref.at(None))
        except NotFound as error:
            if ref.revision is not None:
                raise no_branch(ref) from error
            return Standing(exists=False)
        name = wire.read_info(about, ref, endpoint=self.endpoint).ref.id
        if name != ref.id:
            raise only_now_called(ref, name)
        visibility = wire.read_visibility(about)
        try:
            record = yield from zoo.resolve(ref)
        except NotFound as error:
            if ref.revision is not None:
                raise no_branch(ref) from error
            return Standing(exists=True, visibility=visibility)
        return Standing(exists=True, visibility=visibility, head=record.ref.revision, files=record.files)

    def make(
        self, ref: Ref, visibility: Visibility, *, license: str | None, hardware: str, cancel: Cancel
    ) -> Flow[None]:
        """Makes the repository with its visibility, before anything is sent: by itself the client makes it public."""
        wish = {"do": "make", "visibility": visibility, "license": license or "other"}
        yield from self._ask(ref, cancel, "make it", name_taken(ref), **wish)

    def send(self, sending: Sending, *, cancel: Cancel) -> Flow[Sent]:
        """Sends files.

        Raises:
            Unsupported: A proposal is wished for, which this zoo takes by its pages alone.
        """
        if sending.pull_request:
            raise no_proposals(sending.ref)
        yield from self._ask(
            sending.ref,
            cancel,
            "send the files",
            moved(sending.ref),
            do="send",
            folder=sending.folder,
            paths=list(sending.paths),
            branch=sending.ref.revision or wire.DEFAULT_BRANCH,
            message=sending.message,
        )
        return Sent()

    def mark(self, ref: Ref, tag: str, *, cancel: Cancel) -> Flow[None]:
        """Cuts a tag. The zoo cuts it at the head of the default branch, whatever commit is meant."""
        yield from self._ask(ref, cancel, f"set the tag {tag!r}", tag_taken(ref, tag), do="mark", tag=tag)

    def _ask(self, ref: Ref, cancel: Cancel, doing: str, conflict: ZooError, **wish: Any) -> Flow[Mapping[str, Any]]:
        whole = {
            "endpoint": self.endpoint,
            "token": self.token() or "",
            "repository": ref.id,
            "version": __version__,
            **wish,
        }
        answer: Mapping[str, Any] = yield Call(run=lambda: self._child(whole, cancel))
        if "chain" in answer:
            chain = [mapping(link) for link in answer["chain"]]
            refused = [mapping(link) for link in answer.get("refused") or ()]
            error = judged(chain, refused, ref, doing, conflict, web=self.endpoint)
            error.about(zoo=wire.SCHEME, ref=str(ref), operation="publish")
            raise error
        return answer

    def _child(self, wish: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="zooclient-", ignore_cleanup_errors=True) as home:
            environ = scope_environment(self.endpoint, self.environ, self.proxy, home=Path(home))
            return ask_child(_CHILD, wish, environ, cancel)


def no_proposals(ref: Ref) -> Unsupported:
    """Returns the error for a proposal."""
    return Unsupported(
        f"A change of {ref} cannot be proposed: ModelScope's interface takes no pull requests.",
        hint="Publish to it without --pr, or propose the change at its page.",
    )


def judged(
    chain: Sequence[Mapping[str, Any]],
    refused: Sequence[Mapping[str, Any]],
    ref: Ref,
    doing: str,
    conflict: ZooError,
    *,
    web: str,
) -> ZooError:
    """Returns our error for what the client raised: by what the server answered where it did, else by name.

    Args:
        chain: The exception and its causes.
        refused: The last answer by which the endpoint refused, if there was one.
        ref: Where a model was to go.
        doing: What was being done, after "could not".
        conflict: What it means that something else is there already.
        web: Address of the pages for people, without a slash at the end.
    """
    names, texts = names_and_texts(chain)
    said = line(texts[0]) if texts else "it said nothing"
    if "ModuleNotFoundError" in names or "ImportError" in names:
        return Unsupported(
            f"modelscope cannot be used here: {said}",
            hint="`python -m pip install modelscope` installs it; publishing to ModelScope needs it.",
        )
    for link in refused:
        body = str(link.get("body") or "")
        if link.get("status") in (402, 413, 507) or _FULL.search(body):
            return no_room(ref, line(body), web)
        response = Response(
            request=Request(url=str(link.get("url"))),
            status=int(link.get("status") or 0),
            headers={name: str(value) for name, value in mapping(link.get("headers")).items()},
            body=body.encode(),
        )
        error = refusal(response, ref, "publish", web=web)
        if isinstance(error, ConfigError):
            return conflict
        if isinstance(error, ProtocolError):
            return ConfigError(f"ModelScope does not take this for {ref}: {line(body)}")
        return error
    if any(_FULL.search(text) for text in texts):
        return no_room(ref, said, web)
    return NetworkError(
        f"modelscope could not {doing} at {ref}: {said}",
        hint="What arrived is kept there: run it again, and the rest is sent.",
    )
