"""Giving models to the Hub through its own client: one commit, on top of the one that was looked at.

Sending belongs to the people who own the protocol (LFS, Xet); what is there is read by our own flows. The client works
in a process of its own, see :mod:`zooclient.providers.huggingface.official`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from zooclient import __version__
from zooclient.errors import (
    AccessError,
    ConfigError,
    Gone,
    NetworkError,
    NotFound,
    PolicyError,
    Unsupported,
    ZooError,
)
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Call, Flow, Request, Response
from zooclient.providers.child import OwnClient, ask_child, names_and_texts
from zooclient.providers.huggingface.endpoint import is_official
from zooclient.providers.huggingface.official import hub_environment
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.providers.huggingface.refusal import refusal
from zooclient.providers.publishing import moved, name_taken, no_branch, no_commit, no_room, only_now_called, tag_taken
from zooclient.providers.reading import is_commit, line, mapping, string
from zooclient.records.publication import Sending, Sent, Standing, Visibility
from zooclient.records.ref import Ref

_CHILD = Path(__file__).with_name("publish_child.py")

#: How the Hub, or the storage behind it, says that there is no room.
_FULL = re.compile(r"quota|storage limit|limit reached|insufficient storage|exceeded your", re.IGNORECASE)


@frozen(kw_only=True)
class HubPublisher(OwnClient):
    """``huggingface_hub`` as the one that sends."""

    def standing(self, ref: Ref) -> Flow[Standing]:
        """What is under that name now."""
        if "/" not in ref.id:
            raise ConfigError(
                f"{ref} does not say whose the model is to be.", hint=f"Write the owner first: hf:OWNER/{ref.id}."
            )
        if ref.revision is not None and is_commit(ref.revision):
            raise no_commit(ref)
        hub = HuggingFace(self.endpoint)
        try:
            record = yield from hub.resolve(ref)
        except NotFound as error:
            if ref.revision is not None:
                raise no_branch(ref) from error
            if isinstance(error, Gone):
                raise
            return Standing(exists=False, takes_proposals=True)
        if record.ref.id != ref.id:
            raise only_now_called(ref, record.ref.id)
        if record.access.state == "gone":
            raise Gone(f"The Hub has disabled {ref}.", hint="Its page may say why.")
        return Standing(
            exists=True,
            visibility="private" if record.access.state == "private" else "public",
            head=record.ref.revision,
            files=record.files,
            takes_proposals=True,
        )

    def make(
        self, ref: Ref, visibility: Visibility, *, license: str | None, hardware: str, cancel: Cancel
    ) -> Flow[None]:
        """Makes the repository; its licence is what its card will say."""
        yield from self._ask(ref, cancel, "make it", name_taken(ref), do="make", private=visibility == "private")

    def send(self, sending: Sending, *, cancel: Cancel) -> Flow[Sent]:
        """Sends files in one commit, on top of the head that was looked at, or proposes it."""
        answer = yield from self._ask(
            sending.ref,
            cancel,
            "send the files",
            moved(sending.ref),
            do="send",
            folder=sending.folder,
            paths=list(sending.paths),
            branch=sending.ref.revision,
            head=sending.head,
            message=sending.message,
            pull_request=sending.pull_request,
        )
        return Sent(revision=string(answer.get("revision")), pull_request=string(answer.get("pull_request")))

    def mark(self, ref: Ref, tag: str, *, cancel: Cancel) -> Flow[None]:
        """Sets a tag at a commit."""
        conflict = tag_taken(ref, tag)
        yield from self._ask(ref, cancel, f"set the tag {tag!r}", conflict, do="mark", tag=tag, commit=ref.revision)

    def _ask(self, ref: Ref, cancel: Cancel, doing: str, conflict: ZooError, **wish: Any) -> Flow[Mapping[str, Any]]:
        whole = {
            "endpoint": self.endpoint,
            "token": self.token(),
            "repository": ref.id,
            "version": __version__,
            **wish,
        }
        answer: Mapping[str, Any] = yield Call(run=lambda: self._child(whole, cancel))
        if "chain" in answer:
            chain = [mapping(link) for link in answer["chain"]]
            error = judged(chain, ref, doing, conflict, web=self.endpoint)
            error.about(zoo="hf", ref=str(ref), operation="publish")
            raise error
        return answer

    def _child(self, wish: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="zooclient-", ignore_cleanup_errors=True) as home:
            environ = hub_environment(self.endpoint, self.environ, self.proxy, home=Path(home))
            if not is_official(self.endpoint):
                # Where it can, the client sends by Xet alone, and nobody but the Hub is known to take that.
                environ.setdefault("HF_HUB_DISABLE_XET", "1")
            return ask_child(_CHILD, wish, environ, cancel)


def judged(chain: Sequence[Mapping[str, Any]], ref: Ref, doing: str, conflict: ZooError, *, web: str) -> ZooError:
    """Returns our error for what the client raised: by what the server answered where it did, else by name.

    Args:
        chain: The exception and its causes.
        ref: Where a model was to go.
        doing: What was being done, after "could not".
        conflict: What it means that something else is there already.
        web: Address of the pages for people, without a slash at the end.
    """
    names, texts = names_and_texts(chain)
    said = line(texts[0]) if texts else "it said nothing"
    what = f"huggingface_hub could not {doing} at {ref}: {said}"
    if "ModuleNotFoundError" in names or "ImportError" in names:
        return Unsupported(
            f"huggingface_hub cannot be used here: {said}",
            hint="`python -m pip install huggingface_hub` installs it; publishing to the Hub needs it.",
        )
    if texts and texts[0].startswith("Invalid metadata in README"):
        return PolicyError(f"The Hub refuses the card: {said}", hint="`zooclient card --check DIR` looks at it.")
    if any(_FULL.search(text) for text in texts):
        return no_room(ref, said, f"{web}/settings/billing")
    for link in chain:
        status = link.get("status")
        if isinstance(status, int) and status >= 300:
            return _refused(link, status, ref, conflict, web)
    return NetworkError(what, hint="What arrived is kept there: run it again, and the rest is sent.")


def _refused(link: Mapping[str, Any], status: int, ref: Ref, conflict: ZooError, web: str) -> ZooError:
    response = Response(
        request=Request(url=f"{web}/{ref.id}"),
        status=status,
        headers={name: str(value) for name, value in mapping(link.get("headers")).items()},
        body=str(link.get("body") or "").encode(),
    )
    said = line(str(link.get("body") or link.get("text") or ""))
    if status in (402, 413, 507) or _FULL.search(said):
        return no_room(ref, said, f"{web}/settings/billing")
    if status == 401:
        return AccessError(
            f"The Hub does not know the token with which {ref} was to be published, or none was sent.",
            access_url=f"{web}/settings/tokens",
            hint=f"`zooclient login hf` stores one that may write; it is made at {web}/settings/tokens.",
        )
    if status in (409, 412):
        return conflict
    if status == 400:
        return ConfigError(f"The Hub does not take this for {ref}: {said}", hint="What it says tells what to mend.")
    return refusal(response, ref, "publish", web=web)
