"""Who may come in: Basic, or a Bearer token that is had for it.

A registry asks for a login in one of two ways. With ``Basic`` every request carries name and token. With ``Bearer`` a
request is first answered 401 with the place of a token server, service and scope; the token that is had there, with
name and token or as a stranger, opens what its scope says for a few minutes.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from attrs import define, frozen

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.exchange import Answer, Question, Refusal, json_answer
from zooclient.serve.registry.said import refused
from zooclient.serve.signing import Signer

#: Path of the token server.
REALM: Final = "/token"
#: What the registry calls itself.
SERVICE: Final = "r8.im"

#: What some clients send who have neither name nor token: both, empty.
_NOBODY: Final = "Basic Og=="

Action = Literal["pull", "push"]


@define
class Rules:
    """How the registry behaves where a choice is left. May be changed while it runs.

    Attributes:
        challenge: How it asks for a login.
        strangers: Who is not logged in and wants something public: ``token``, gets it with a token that anybody has
            for the asking, and without asking where the challenge is Basic; ``open``, gets it at once; ``no``, does
            not get it.
        redirect: Sends blobs from the second origin.
        token_names: Under which names the token server tells a token.
        token_lifetime: Seconds that a token lives.
    """

    challenge: Literal["Bearer", "Basic"] = "Bearer"
    strangers: Literal["token", "open", "no"] = "token"
    redirect: bool = True
    token_names: tuple[str, ...] = ("token", "access_token")
    token_lifetime: int = 300


@frozen(kw_only=True)
class Pass:
    """What a token opens.

    Attributes:
        account: Name of the account whose it is. None: a stranger's.
        access: Name of a repository and what may be done there.
        expires: Unix time from which it opens nothing.
    """

    account: str | None
    access: tuple[tuple[str, tuple[Action, ...]], ...]
    expires: float


class Door:
    """Lets people in.

    Args:
        accounts: Who may log in.
        rules: How.
        signer: Makes tokens.
        clock: Unix time in seconds.
        may: Called with a visitor, the name of a repository and what is to be done; whether it may.
    """

    def __init__(
        self,
        accounts: Accounts,
        rules: Rules,
        signer: Signer,
        clock: Callable[[], float],
        may: Callable[[Account | None, str, Action], bool],
    ) -> None:
        self._accounts = accounts
        self._rules = rules
        self._signer = signer
        self._clock = clock
        self._may = may

    @property
    def open(self) -> bool:
        """Whether no accounts are known; then nobody is asked who they are, and nobody may send anything."""
        return self._accounts.open

    def enter(self, question: Question, name: str = "", action: Action = "pull") -> Account | None:
        """Returns who asks; None for a stranger whom the door lets pass.

        Args:
            question: What was asked.
            name: Name of the repository; empty where none is asked for.
            action: What is to be done there.

        Raises:
            Refusal: The answer that asks for a login.
        """
        if self._accounts.open:
            return None
        told = question.headers.get("authorization")
        if told is None or told == _NOBODY:
            passes = self._rules.strangers == "open" or (
                self._rules.strangers == "token" and self._rules.challenge == "Basic"
            )
            # Clients ask without a repository to learn how to log in, and never do where they are let in there.
            if passes and name and action == "pull":
                return None
            raise self.challenged(question, name, action)
        kind, _, secret = told.partition(" ")
        if kind.lower() != self._rules.challenge.lower():
            raise self.challenged(question, name, action)
        if self._rules.challenge == "Basic":
            account = self._basic(secret)
            if account is None:
                raise self.challenged(question, name, action)
            return account
        return self._bearer(question, secret.strip(), name, action)

    def challenged(self, question: Question, name: str, action: Action, error: str | None = None) -> Refusal:
        """Returns the refusal that asks for a login, and says how."""
        if self._rules.challenge == "Basic":
            asked = f'Basic realm="{SERVICE}"'
        else:
            asked = f'Bearer realm="{question.base}{REALM}",service="{SERVICE}"'
            if name:
                asked += f',scope="repository:{name}:{"pull,push" if action == "push" else "pull"}"'
            if error is not None:
                asked += f',error="{error}"'
        detail = [{"Type": "repository", "Class": "", "Name": name, "Action": action}] if name else None
        return Refusal(refused("UNAUTHORIZED", detail, headers={"www-authenticate": asked}))

    def token(self, question: Question) -> Answer:
        """Answers at the token server."""
        account = None
        told = question.headers.get("authorization")
        if told is not None:
            kind, _, secret = told.partition(" ")
            account = self._basic(secret) if kind.lower() == "basic" else None
            if account is None:
                return refused("UNAUTHORIZED", headers={"www-authenticate": f'Basic realm="{SERVICE}"'})
        now = self._clock()
        given = Pass(
            account=None if account is None else account.name,
            access=tuple(self._granted(account, question.values("scope"))),
            expires=now + self._rules.token_lifetime,
        )
        text = self._written(given)
        issued = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"
        named = dict.fromkeys(self._rules.token_names, text)
        return json_answer({**named, "expires_in": self._rules.token_lifetime, "issued_at": issued})

    def verified(self, token: str) -> Account | None:
        """Whose token this is, without a name beside it; None: nobody's."""
        return self._accounts.holder(token)

    def _granted(self, account: Account | None, scopes: Iterable[str]) -> list[tuple[str, tuple[Action, ...]]]:
        granted = []
        for scope in (part for text in scopes for part in text.split()):
            kind, _, rest = scope.partition(":")
            name, _, wanted = rest.rpartition(":")
            every: tuple[Action, ...] = ("pull", "push")
            actions = tuple(one for one in every if one in wanted.split(",") and self._grants(account, name, one))
            if kind == "repository" and actions:
                granted.append((name, actions))
        return granted

    def _grants(self, account: Account | None, name: str, action: Action) -> bool:
        return (account is not None or self._rules.strangers != "no") and self._may(account, name, action)

    def _basic(self, secret: str) -> Account | None:
        try:
            name, _, token = base64.b64decode(secret.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._accounts.holder(token)
        return account if account is not None and account.name == name else None

    def _bearer(self, question: Question, secret: str, name: str, action: Action) -> Account | None:
        given = self._read(secret)
        if given is None or self._clock() >= given.expires:
            raise self.challenged(question, name, action, "invalid_token")
        if name and action not in dict(given.access).get(name, ()):
            raise self.challenged(question, name, action, "insufficient_scope")
        return None if given.account is None else self._accounts.named(given.account)

    def _written(self, given: Pass) -> str:
        told = {"sub": given.account, "access": given.access, "exp": given.expires}
        body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
        return f"{body}.{self._signer.sign(body)}"

    def _read(self, text: str) -> Pass | None:
        body, _, signature = text.partition(".")
        if not text.isascii() or not self._signer.holds(body, signature):
            return None
        told: Any = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        access = tuple((name, tuple(actions)) for name, actions in told["access"])
        return Pass(account=told["sub"], access=access, expires=told["exp"])
