"""What ModelScope's API-Inference means by an answer that is no success.

It words errors in a third way beside the zoo's two: ``{"errors": {"message": …}, "request_id": …}``, now and then
``error``. That nobody runs a model is a 400: «Model id : owner/name , has no provider supported».
"""

from __future__ import annotations

import json

from zooclient.errors import AccessError, ConfigError, NetworkError, Unsupported, ZooError
from zooclient.net.exchange import Response
from zooclient.providers.modelscope.refusal import refusal
from zooclient.providers.reading import line, mapping, strings
from zooclient.providers.refusing import complete, quoted
from zooclient.records.ref import Ref

#: How it says that nobody runs a model.
_NOBODY = ("no provider", "invalid model id", "model not found", "unsupported model", "model disabled")


def run_refusal(response: Response, ref: Ref, *, web: str) -> ZooError:
    """Returns the error that an answer means.

    Args:
        response: The answer, any status but a success.
        ref: The model that was to be run.
        web: Address of the pages for people, without a slash at the end.
    """
    error = _read(response, ref, quoted(_said(response)), web)
    return (
        refusal(response, ref, "run", web=web) if error is None else complete(error, response, "modelscope", ref, "run")
    )


def _read(response: Response, ref: Ref, said: str, web: str) -> ZooError | None:
    status = response.status
    if status in (400, 404) and any(words in said.lower() for words in _NOBODY):
        return Unsupported(
            f"Nobody runs {ref} for ModelScope{said}.",
            hint=f'Its page tells whether it has a studio: {web}/models/{ref.id}. load() and into("transformers") run '
            "it on this machine; a copy of it may be hosted at another zoo.",
        )
    if status == 401:
        return AccessError(
            f"{ref} is run for those alone who are logged in{said}.",
            access_url=f"{web}/my/myaccesstoken",
            hint="The account has to be verified and bound to Alibaba Cloud. `zooclient login modelscope` stores a "
            f"token; one is made at {web}/my/myaccesstoken.",
        )
    if status == 402:
        return AccessError(f"The credits for runs are used up{said}.", access_url=web)
    if status == 403:
        return AccessError(
            f"The account that asks may not run {ref}{said}.",
            access_url=f"{web}/my/myaccesstoken",
            hint="The account has to be verified and bound to Alibaba Cloud.",
        )
    if status in (400, 413, 422):
        return ConfigError(f"ModelScope does not take these inputs for {ref}{said}.")
    if status == 503:
        return NetworkError(f"ModelScope has no machine ready for {ref}{said}.", hint="Try again in a minute.")
    return None


def _said(response: Response) -> str:
    try:
        told = mapping(json.loads(response.body))
    except (ValueError, RecursionError):
        return ""
    for name in ("errors", "error"):
        words = strings(mapping(told.get(name)).get("message")) or strings(told.get(name))
        if words:
            return line("; ".join(words))
    return line("; ".join(strings(told.get("message")) or strings(told.get("Message"))))
