"""What every zoo refuses alike under a name by which a model is to be published."""

from __future__ import annotations

from zooclient.errors import ConfigError
from zooclient.records.ref import Ref


def no_commit(ref: Ref) -> ConfigError:
    """Returns the error for a commit in place of a branch."""
    return ConfigError(
        f"{ref} names a commit, which nobody can change.", hint=f"Name the model ({ref.at(None)}), or a branch of it."
    )


def no_branch(ref: Ref) -> ConfigError:
    """Returns the error for a branch that is not there."""
    return ConfigError(
        f"There is no branch {ref.revision!r} of {ref.at(None)} to publish to.",
        hint=f"Without one, {ref.at(None)}, it goes to the default branch.",
    )


def only_now_called(ref: Ref, name: str) -> ConfigError:
    """Returns the error for a name that leads to a model of another name."""
    return ConfigError(
        f"{ref} leads to {ref.scheme}:{name}, which is another name.",
        hint=f"Name {ref.scheme}:{name} if that is meant.",
    )
