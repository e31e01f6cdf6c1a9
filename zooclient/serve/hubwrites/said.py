"""What the Hub says to those who may not, or cannot, write; its words as they were seen in reports of them."""

from __future__ import annotations

from zooclient.serve.exchange import Answer
from zooclient.serve.huggingface_answers import error_answer

READ_ONLY = "Forbidden: you must use a write token to upload to a repository."
PULL_ONLY = "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request"
NO_LFS = "Authorization error."
MOVED_ON = "A commit has happened since. Please refresh and try again."
TOO_LARGE = (
    "Your push was rejected because it contains files larger than 10 MiB. Please use https://git-lfs.github.com/ to "
    "store large files."
)
NO_XET = "Xet is not served here. Set HF_HUB_DISABLE_XET=1, so that large files come by git LFS."
_PRIVATE_FULL = (
    "Private repository storage limit reached, please upgrade your plan to increase your private storage limit."
)
_PUBLIC_FULL = (
    "Your storage patterns tripped our internal systems! Please contact us at website@huggingface.co so we can verify "
    "your account and unlock more storage for your use-case."
)


def refused(status: int, message: str, *, code: str | None = None, model: str | None = None) -> Answer:
    """Returns a refusal as the API words it."""
    return error_answer(status, message, code=code, api=True, model=model)


def over_quota(model: str, *, private: bool) -> Answer:
    """Returns what is said to one who has stored too much."""
    return refused(403, _PRIVATE_FULL if private else _PUBLIC_FULL, model=model)


def no_namespace(namespace: str) -> Answer:
    """Returns what is said to one who may not create a model there."""
    return refused(403, f'You don\'t have the rights to create a model under the namespace "{namespace}"')


def no_revision(revision: str, model: str) -> Answer:
    """Returns what is said of a branch that is not there."""
    return refused(404, f"Invalid rev id: {revision}", code="RevisionNotFound", model=model)


def no_object(oids: list[str], model: str) -> Answer:
    """Returns what is said of a commit that names large files which were never sent."""
    files = "".join(f"\n - {oid}" for oid in oids)
    message = f"Your push was rejected because an LFS pointer pointed to a file that does not exist. Offending:{files}"
    return refused(400, message, model=model)
