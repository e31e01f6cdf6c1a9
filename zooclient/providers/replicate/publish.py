"""Giving models to Replicate: a model is made by the API, and its versions are images that ``cog`` pushes."""

from __future__ import annotations

import json

from attrs import frozen

from zooclient.errors import NotFound, Unsupported
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.providers.publishing import name_taken, no_commit, only_now_called
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.publication import Sending, Sent, Standing, Visibility
from zooclient.records.ref import Ref


@frozen(kw_only=True)
class ReplicatePublisher:
    """Makes models, by our own flow.

    Args:
        endpoint: Address of the API, without a slash at the end.
    """

    endpoint: str

    def standing(self, ref: Ref) -> Flow[Standing]:
        """What is under that name now."""
        if ref.revision is not None:
            raise no_commit(ref)
        try:
            record = yield from Replicate(self.endpoint).resolve(ref)
        except NotFound:
            return Standing(exists=False, takes_files=False, steps=_steps(ref))
        if record.ref.id != ref.id:
            raise only_now_called(ref, record.ref.id)
        return Standing(
            exists=True,
            visibility="private" if record.access.state == "private" else "public",
            head=record.ref.revision,
            takes_files=False,
            steps=_steps(ref),
        )

    def make(
        self, ref: Ref, visibility: Visibility, *, license: str | None, hardware: str, cancel: Cancel
    ) -> Flow[None]:
        """Makes the model, without a version."""
        owner, _, name = ref.id.partition("/")
        body = {"owner": owner, "name": name, "visibility": visibility, "hardware": hardware}
        response: Response = yield from fetch(
            Request(
                url=f"{self.endpoint}/v1/models",
                method="POST",
                headers={"Content-Type": "application/json"},
                content=json.dumps(body).encode(),
            )
        )
        if response.ok:
            return
        error = Replicate(self.endpoint).refused(response, ref, "publish")
        if response.status == 409 or "already exists" in response.text():
            raise name_taken(ref) from error
        raise error

    def send(self, sending: Sending, *, cancel: Cancel) -> Flow[Sent]:
        """Raises Unsupported: an image is pushed, and no file sent."""
        yield from ()
        raise Unsupported(f"Replicate takes no files for {sending.ref}.", hint=" ".join(_steps(sending.ref)))

    def mark(self, ref: Ref, tag: str, *, cancel: Cancel) -> Flow[None]:
        """Raises Unsupported: a version is named by its digest alone."""
        yield from ()
        raise Unsupported(f"Versions of {ref} have no names.")


def _steps(ref: Ref) -> tuple[str, ...]:
    return (
        "Replicate takes images and no files: put a cog.yaml and a predict.py beside the weights, then run "
        f"`cog login` and `cog push r8.im/{ref.id}`.",
        "`cog push` builds an image with the weights in it and pushes it; its digest becomes the version, which "
        f"`zooclient resolve replicate:{ref.id}` then prints.",
    )
