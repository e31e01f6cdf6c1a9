"""Why a run at a host of the Hub did not come to its end: from what the official client raised to an error of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zooclient.errors import AccessError, ConfigError, NetworkError, ProtocolError, Unsupported, ZooError
from zooclient.net.exchange import Request, Response
from zooclient.providers.child import names_and_texts
from zooclient.providers.huggingface.endpoint import router
from zooclient.providers.huggingface.refusal import LOGIN, refusal, said_by
from zooclient.providers.reading import line, mapping
from zooclient.providers.refusing import complete, quoted
from zooclient.records.ref import Ref

_TIMEOUTS = frozenset({"InferenceTimeoutError", "TimeoutException", "Timeout", "TimeoutError"})
_CUTS = frozenset({"TransportError", "RequestException", "ConnectionError", "GenerationError"})


def judged(chain: Sequence[Mapping[str, Any]], ref: Ref, host: str, *, web: str) -> ZooError:
    """Returns our error for what the client raised: by what the host answered where it did, else by name.

    Args:
        chain: The exception and its causes.
        ref: The model that was to be run.
        host: Who was asked to.
        web: Address of the Hub, without a slash at the end.
    """
    for link in chain:
        status = link.get("status")
        if isinstance(status, int) and status >= 300:
            response = Response(
                request=Request(url=f"{router(web)}/", method="POST"),
                status=status,
                headers={name: str(value) for name, value in mapping(link.get("headers")).items()},
                body=str(link.get("body") or "").encode(),
            )
            return complete(_refused(response, ref, host, web), response, "hf", ref, "run")
    names, texts = names_and_texts(chain)
    said = line(texts[0]) if texts else "it said nothing"
    if "Misfit" in names:
        return ConfigError(f"{ref} cannot be run so: {said}.")
    if names & {"ModuleNotFoundError", "ImportError"}:
        return Unsupported(
            f"huggingface_hub cannot be used here: {said}",
            hint="`python -m pip install 'huggingface_hub>=0.34'` installs it.",
        )
    if names & _TIMEOUTS:
        return NetworkError(
            f"{host} did not answer for {ref} in time: {said}",
            hint="A model that has to be loaded first takes long: try again, or with a larger deadline.",
        )
    if names & _CUTS:
        return NetworkError(f"The answer of {host} for {ref} did not arrive: {said}")
    if "Crash" in names:
        return ProtocolError(f"huggingface_hub could not run {ref}: {said}")
    if any(link.get("answered") for link in chain):
        return ProtocolError(
            f"What {host} answered for {ref} is not understood: {said}", hint="A newer huggingface_hub may read it."
        )
    return ConfigError(f"{ref} cannot be run so at {host}: {said}")


def _refused(response: Response, ref: Ref, host: str, web: str) -> ZooError:
    status, said = response.status, said_by(response)
    if status == 401:
        return AccessError(
            f"{ref} is run for those alone who are logged in{quoted(said)}.",
            access_url=f"{web}/settings/tokens",
            hint="The token needs the right to call Inference Providers. " + LOGIN.format(web),
        )
    if status == 402:
        return AccessError(
            f"The credits for runs are used up{quoted(said)}.",
            access_url=f"{web}/settings/billing",
            hint=f"More are bought at {web}/settings/billing; some come anew each month.",
        )
    if status == 403:
        return AccessError(
            f"The account that asks may not run {ref}{quoted(said)}.",
            access_url=f"{web}/settings/tokens",
            hint="The token needs the right to call Inference Providers; a gated model needs access besides.",
        )
    if status in (404, 410):
        return Unsupported(f"{host} does not run {ref} any more{quoted(said)}.", hint="Another host may: served_by.")
    if status in (400, 413, 422):
        return ConfigError(f"{host} does not take these inputs for {ref}{quoted(said)}.")
    if status == 503:
        return NetworkError(
            f"{host} has no machine ready for {ref}{quoted(said)}.",
            hint="The model may be loading: try again in a minute.",
        )
    if status == 504:
        return NetworkError(
            f"{host} took too long for {ref}{quoted(said)}.", hint="Ask for less, or stream: then each piece comes."
        )
    return refusal(response, ref, "run", web=web)
