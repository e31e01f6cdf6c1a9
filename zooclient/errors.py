"""The one tree of errors, cut by what the caller does next.

::

    ZooError                         exit  the caller…
    ├── RefError (ValueError)        2     fixes the reference
    ├── ConfigError (ValueError)     2     fixes the setting, the option, the choice
    ├── NotFound (LookupError)       3     looks elsewhere
    │   └── Gone                     3     looks elsewhere: it was there once
    ├── AccessError                  4     asks for access, or logs in
    ├── IntegrityError               5     distrusts what came
    ├── PolicyError                  6     decides
    ├── NetworkError                 7     waits, tries again
    │   ├── RateLimited              7     waits for ``retry_after`` seconds
    │   ├── Offline                  7     goes online
    │   └── ProtocolError            7     asks through the zoo's own client
    ├── StoreError                   8     frees space, mends permissions
    ├── Unsupported                  9     picks another zoo
    ├── RunFailed                    10    reads why, changes the inputs or tries again
    └── Cancelled                    130   nothing: it was the caller's wish

Exit 1 is a bug of ours, 130 Ctrl-C, 143 SIGTERM.
"""

from __future__ import annotations


class ZooError(Exception):
    """Anything zooclient refuses or fails to do.

    Args:
        message: One sentence: what was being done, and what stopped it.
        zoo: Scheme of the zoo asked, such as ``hf``. None when no zoo was involved.
        ref: The reference as text. None when there was none.
        operation: The verb under way, such as ``resolve``. None when not known.
        url: The address asked, already masked (no query, no user info). None when nothing was asked.
        hint: One sentence: what to do next. None when there is nothing to add.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.zoo = zoo
        self.ref = ref
        self.operation = operation
        self.url = url
        self.hint = hint

    def about(
        self,
        *,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Fills in context that the place of the failure did not know; what is set stays."""
        self.zoo = self.zoo or zoo
        self.ref = self.ref or ref
        self.operation = self.operation or operation
        self.url = self.url or url
        self.hint = self.hint or hint

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with the message alone and lose keyword-only parts.
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[ZooError], message: str, state: dict[str, object]) -> ZooError:
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class RefError(ZooError, ValueError):
    """A reference that cannot be read, or names a scheme that nobody provides.

    Args:
        position: Index of the offending character in the text as given. None when no single one is at fault.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, zoo=zoo, ref=ref, operation=operation, url=url, hint=hint)
        self.position = position


class ConfigError(ZooError, ValueError):
    """A setting, an option or a choice that is wrong or missing."""

    exit_code = 2


class NotFound(ZooError, LookupError):
    """No such model, revision or file, or none that the caller may see."""

    exit_code = 3


class Gone(NotFound):
    """It was there, and the zoo says that it is there no longer."""


class AccessError(ZooError):
    """Gated, private, paid, blocked in this region, or a login is needed.

    Args:
        access_url: The page at which a person asks for access or logs in. None when the zoo names none.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        access_url: str | None = None,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, zoo=zoo, ref=ref, operation=operation, url=url, hint=hint)
        self.access_url = access_url


class IntegrityError(ZooError):
    """Bytes, a size, a commit or a file name that are not what was promised."""

    exit_code = 5


class PolicyError(ZooError):
    """The caller's own rules refuse it: unpinned in strict mode, an unsafe format, whatever a policy forbids.

    Attributes:
        violations: Each :class:`~zooclient.Violation` of a policy; empty where no policy was asked.
    """

    exit_code = 6
    violations: tuple[object, ...] = ()


class NetworkError(ZooError):
    """The zoo could not be reached, or did not answer in time.

    Attributes:
        sent: Whether what was asked may have reached the server all the same.
    """

    exit_code = 7
    sent = True


class RateLimited(NetworkError):
    """The zoo asks to wait.

    Args:
        retry_after: Seconds to wait, as the zoo said. None when it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, zoo=zoo, ref=ref, operation=operation, url=url, hint=hint)
        self.retry_after = retry_after


class Offline(NetworkError):
    """A connection was needed, and connections are switched off."""


class ProtocolError(NetworkError):
    """The zoo answered in a shape that we do not read."""


class StoreError(ZooError):
    """The local store cannot hold it: no space, no permission, a lock that does not open."""

    exit_code = 8


class Unsupported(ZooError):
    """This zoo, or this version of zooclient, cannot do that."""

    exit_code = 9


class RunFailed(ZooError):
    """A model was run, and did not come to a good end: it failed, or its zoo gave it up.

    Args:
        run: The whole :class:`~zooclient.Run`: its logs, id, status, and what there is of its output.
    """

    exit_code = 10

    def __init__(
        self,
        message: str,
        *,
        run: object = None,
        zoo: str | None = None,
        ref: str | None = None,
        operation: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, zoo=zoo, ref=ref, operation=operation, url=url, hint=hint)
        self.run = run


class Cancelled(ZooError):
    """The caller cancelled, or the deadline that the caller set has passed."""

    exit_code = 130


class UnpinnedWarning(UserWarning):
    """A moving name was used where a pin would have been safe; the text holds the pin to paste."""


class StaleWarning(UserWarning):
    """A moving name was answered from the store because the zoo could not be asked; the text tells the age."""


class DamagedWarning(UserWarning):
    """A stored file was changed after it was verified; the text tells which models were hurt."""
