"""Who asks: accounts and their tokens."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from zooclient.serve.shelf import Terms


@frozen(kw_only=True)
class Account:
    """Somebody who may log in.

    Attributes:
        name: Name of the account.
        token: Its token.
        role: What the token may do.
    """

    name: str
    token: str = field(repr=False)
    role: Literal["read", "write"] = "read"


class Accounts:
    """The accounts that a server knows.

    Args:
        accounts: All of them. None: the server knows no accounts; every visitor is a stranger, and a token that
            somebody sends (their real one, say, because of an environment variable) is neither checked nor refused.
    """

    def __init__(self, accounts: tuple[Account, ...] | None = None) -> None:
        self._open = accounts is None
        self._by_token = {account.token: account for account in accounts or ()}

    @property
    def open(self) -> bool:
        """Whether no accounts are known, so that everybody is let in where somebody has to be known."""
        return self._open

    def add(self, account: Account) -> None:
        """Lets one more in."""
        self._open = False
        self._by_token[account.token] = account

    def holder(self, token: str) -> Account | None:
        """Whose token this is; None: nobody's."""
        return self._by_token.get(token)

    def named(self, name: str) -> Account | None:
        """The account with this name; None when there is none."""
        return next((account for account in self._by_token.values() if account.name == name), None)

    def visitor(self, authorization: str | None) -> Account | None:
        """Whose ``Authorization`` header this is; None for a stranger.

        Raises:
            PermissionError: A token that belongs to nobody.
        """
        if self._open or not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        account = self._by_token.get(token.strip()) if scheme.lower() == "bearer" else None
        if account is None:
            raise PermissionError("no such token")
        return account


def knows(terms: Terms, visitor: Account | None) -> bool:
    """Whether a visitor may know that the repository is there."""
    if visitor is None:
        return not terms.private and not terms.internal
    return not terms.private or visitor.name in terms.readers


def let_in(terms: Terms, visitor: Account | None) -> bool:
    """Whether a visitor has passed the gate."""
    return terms.gated is False or (visitor is not None and visitor.name in terms.readers)
