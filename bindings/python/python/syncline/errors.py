"""What can go wrong: one class per kind, all of them a :class:`SynclineError`.

>>> import syncline
>>> with syncline.open(":memory:") as sl:
...     try:
...         sl.tenant("---")
...     except syncline.InvalidError as error:
...         print(error)
a tenant's name has at least one letter or digit
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

__all__ = [
    "CorruptError",
    "CursorExpiredError",
    "ExistsError",
    "ForbiddenError",
    "InternalError",
    "InvalidError",
    "NotFoundError",
    "PendingError",
    "PluginError",
    "ProtocolError",
    "RateLimitedError",
    "ReauthoriseError",
    "RefusedError",
    "RejectedError",
    "StaleError",
    "StoppedError",
    "StoreError",
    "SynclineError",
    "UnavailableError",
    "UnsupportedError",
]


class SynclineError(Exception):
    """Something went wrong. ``str(error)`` says what happened, to what, and what to do.

    Attributes:
        kind: What kind of error it is, such as ``"not_found"``; every kind has a class of its own.
        message: The sentence alone, without what was being done and without ``context``.
        context: Facts, such as the record concerned. Never a secret.
        retry_after: How long to wait before trying again; ``None`` where that does not help.
        outcome_unknown: Whether it may have been done all the same: find out before trying again.
        cause: What lies under it, where there is something.
    """

    kind: str = "internal"

    def __init__(
        self,
        text: str,
        *,
        message: str | None = None,
        context: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        outcome_unknown: bool = False,
        cause: str | None = None,
    ) -> None:
        super().__init__(text)
        self.message = text if message is None else message
        self.context = dict(context or {})
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.cause = cause

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross between processes as they are."""
        return (_rebuild, (type(self), str(self), self.__dict__.copy()))


class InvalidError(SynclineError, ValueError):
    """The input is not acceptable; the message says where and why."""

    kind = "invalid"


class NotFoundError(SynclineError, LookupError):
    """What was named does not exist."""

    kind = "not_found"


class ExistsError(SynclineError):
    """It exists already, such as a value that has to be unique."""

    kind = "exists"


class StaleError(SynclineError):
    """Somebody changed it meanwhile: read again and decide anew."""

    kind = "stale"


class RefusedError(SynclineError):
    """The thing is paused, deleted or frozen."""

    kind = "refused"


class ForbiddenError(SynclineError, PermissionError):
    """The actor may not do this."""

    kind = "forbidden"


class ReauthoriseError(SynclineError):
    """The provider no longer accepts our authorisation; a person has to reconnect."""

    kind = "reauthorise"


class RateLimitedError(SynclineError):
    """The provider asks us to slow down; ``retry_after`` says for how long."""

    kind = "rate_limited"


class UnavailableError(SynclineError, ConnectionError):
    """The network failed, or the provider did; trying again may help."""

    kind = "unavailable"


class RejectedError(SynclineError):
    """The provider refused the request for good."""

    kind = "rejected"


class ProtocolError(SynclineError):
    """The provider answered something that can't be read."""

    kind = "protocol"


class CursorExpiredError(SynclineError):
    """A cursor is no longer valid: start over."""

    kind = "cursor_expired"


class CorruptError(SynclineError):
    """Stored data is damaged."""

    kind = "corrupt"


class StoreError(SynclineError):
    """The database failed."""

    kind = "store"


class PendingError(SynclineError):
    """A reference can't be resolved yet; it may be later."""

    kind = "pending"


class StoppedError(SynclineError):
    """The work was stopped on request."""

    kind = "stopped"


class UnsupportedError(SynclineError, NotImplementedError):
    """What this build or provider can't do."""

    kind = "unsupported"


class PluginError(SynclineError):
    """A plugin broke its contract or went past its limits."""

    kind = "plugin"


class InternalError(SynclineError):
    """An error in Syncline itself."""

    kind = "internal"


_BY_KIND: dict[str, type[SynclineError]] = {
    error.kind: error
    for error in (
        InvalidError,
        NotFoundError,
        ExistsError,
        StaleError,
        RefusedError,
        ForbiddenError,
        ReauthoriseError,
        RateLimitedError,
        UnavailableError,
        RejectedError,
        ProtocolError,
        CursorExpiredError,
        CorruptError,
        StoreError,
        PendingError,
        StoppedError,
        UnsupportedError,
        PluginError,
        InternalError,
    )
}


def from_native(
    kind: str,
    text: str,
    message: str,
    context: Mapping[str, str],
    retry_after: float | None,
    outcome_unknown: bool,
    cause: str | None,
) -> SynclineError:
    """Makes the exception of an error of the engine. For the native half."""
    made = _BY_KIND.get(kind, SynclineError)(
        text,
        message=message,
        context=context,
        retry_after=None if retry_after is None else timedelta(seconds=retry_after),
        outcome_unknown=outcome_unknown,
        cause=cause,
    )
    made.kind = kind
    return made


def _rebuild(kind: type[SynclineError], text: str, state: dict[str, object]) -> SynclineError:
    made = kind(text)
    made.__dict__.update(state)
    return made
