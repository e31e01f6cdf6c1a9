"""Civitai takes no models by an interface: only its pages do."""

from __future__ import annotations

from attrs import frozen

from zooclient.errors import Unsupported
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow
from zooclient.records.publication import Sending, Sent, Standing, Visibility
from zooclient.records.ref import Ref


@frozen(kw_only=True)
class CivitaiPublisher:
    """Refuses, and names the page.

    Args:
        endpoint: Address of the site, without a slash at the end.
    """

    endpoint: str

    def standing(self, ref: Ref) -> Flow[Standing]:
        """Raises Unsupported."""
        yield from ()
        raise self._refusal(ref)

    def make(
        self, ref: Ref, visibility: Visibility, *, license: str | None, hardware: str, cancel: Cancel
    ) -> Flow[None]:
        """Raises Unsupported."""
        yield from ()
        raise self._refusal(ref)

    def send(self, sending: Sending, *, cancel: Cancel) -> Flow[Sent]:
        """Raises Unsupported."""
        yield from ()
        raise self._refusal(sending.ref)

    def mark(self, ref: Ref, tag: str, *, cancel: Cancel) -> Flow[None]:
        """Raises Unsupported."""
        yield from ()
        raise self._refusal(ref)

    def _refusal(self, ref: Ref) -> Unsupported:
        page = f"{self.endpoint}/models/create"
        return Unsupported(
            "Civitai has no interface by which models are published.",
            zoo="civitai",
            ref=str(ref),
            operation="publish",
            hint=f"Upload the files at {page} by hand.",
        )
