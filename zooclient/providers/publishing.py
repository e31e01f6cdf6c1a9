"""What every zoo refuses alike under a name by which a model is to be published."""

from __future__ import annotations

from zooclient.errors import AccessError, ConfigError, IntegrityError
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


def name_taken(ref: Ref) -> ConfigError:
    """Returns the error for a repository that is to be made and is there."""
    return ConfigError(
        f"The name {ref} is taken.",
        hint="Choose another. If it is yours, and was made just now, look at it and run it again.",
    )


def tag_taken(ref: Ref, tag: str) -> ConfigError:
    """Returns the error for a tag that is to be set and is there."""
    return ConfigError(f"The tag {tag!r} of {ref.at(None)} is there already.", hint="Choose another; none is moved.")


def moved(ref: Ref) -> IntegrityError:
    """Returns the error for a branch that moved between the look at it and what was to be put on top of it."""
    return IntegrityError(
        f"Somebody changed {ref} meanwhile, so nothing was put on top of it.",
        hint="Look at what is there now, then run it again.",
    )


def no_room(ref: Ref, said: str, page: str) -> AccessError:
    """Returns the error for an account whose room is used up.

    Args:
        ref: Where a model was to go.
        said: The zoo's own words.
        page: Page at which room is got.
    """
    return AccessError(
        f"The account has no room for {ref}: {said}",
        access_url=page,
        hint="Remove what is not needed, or get more room. What arrived is kept there: run it again then.",
    )
