"""Whether there is a token for a zoo, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.client.guests import guarded
from zooclient.client.telling import telling
from zooclient.errors import AccessError, ConfigError
from zooclient.providers.registry import canonical, credential_for

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.providers.base import Account


def has_token(wiring: Wiring, zoo: str) -> bool:
    """Whether there is a token for a zoo; one that cannot be counts, for its error is to be told."""
    try:
        credential = credential_for(wiring.provider(zoo), wiring.settings)
        token = None if credential is None else credential.token
        return bool(token if token is None or isinstance(token, str) else token())
    except ConfigError:
        return True


def whoami(wiring: Wiring, zoo: str, token: str | None) -> Flow[Account]:
    """Whose token this is; None: the one that would be used.

    Raises:
        AccessError: There is none.
    """
    scheme = canonical(zoo)
    with telling("whoami", None, scheme), guarded(scheme):
        provider = wiring.provider(scheme)
        if token is None and provider.capability.login and credential_for(provider, wiring.settings) is None:
            raise AccessError(
                f"No token is set for {provider.endpoint}.", hint=f"`zooclient login {scheme}` stores one."
            )
        return (yield from provider.whoami(token))
