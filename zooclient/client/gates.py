"""Whether the zoo has said already that it will not hand out a model's bytes, so that nobody need ask for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.errors import AccessError, Gone, Unsupported, ZooError

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.records.model import ModelRecord


def refusal_of(wiring: Wiring, record: ModelRecord) -> ZooError | None:
    """Returns the error that a record's own words mean for its bytes; None: they may be asked for.

    With a credential the zoo decides, because its account may have been let in, or have bought the model, which a
    record does not tell; and with mirrors, since these do not ask the zoo.

    Raises:
        ConfigError: The credential cannot be one.
    """
    access, ref = record.access, record.ref
    if not wiring.provider(ref.scheme).capability.download:
        return _hands_out_none(record)
    if access.state == "open" or wiring.settings.zoo(ref.scheme).mirrors:
        return None  # a mirror holds what its owner may have; where it holds nothing, the zoo refuses by itself
    how = access.how or f"Its access is {access.state}."
    if access.state == "gone":
        return Gone(
            f"{ref} is not handed out any longer. {how}",
            zoo=ref.scheme,
            ref=str(ref),
            hint="The same bytes may lie in a store or a mirror.",
        )
    if access.state == "region_blocked":
        return AccessError(f"{ref} is not handed out here. {how}", access_url=access.url, zoo=ref.scheme, ref=str(ref))
    from zooclient.providers.registry import credential_for

    if credential_for(wiring.provider(ref.scheme), wiring.settings) is not None:
        return None
    return AccessError(
        f"{ref} is {access.state}, and no login is at hand. {how}",
        access_url=access.url,
        zoo=ref.scheme,
        ref=str(ref),
        hint=f"`zooclient login {ref.scheme}` stores the key of an account that was let in.",
    )


def _hands_out_none(record: ModelRecord) -> Unsupported:
    """The error for a zoo that hands out no file; where its record tells who has the weights, they are named."""
    ref, weights = record.ref, record.metadata.get("weights")
    hint = f"It is used where it is hosted: {record.web_url}" if record.web_url else None
    if isinstance(weights, str):
        hint = f"Its weights are said to be those of {weights}: `zooclient get {weights}`"
    return Unsupported(
        f"The files of {ref} cannot be downloaded from {ref.scheme}.", zoo=ref.scheme, ref=str(ref), hint=hint
    )
