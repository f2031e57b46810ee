"""What the store hands out: a loaded session, a record of a listing, and what became of a save."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from .._table.codec import Split


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Outcome(Enum):
    """What became of a save."""

    SAVED = "saved"
    """The row has this request's changes, and those of others that were saved meanwhile."""
    TOUCHED = "touched"
    """Nothing had changed; the expiry was moved."""
    UNCHANGED = "unchanged"
    """Nothing had changed and the expiry was fresh enough, so nothing was written."""
    GONE = "gone"
    """The session was destroyed, revoked or expired meanwhile, so nothing was written."""


# Not frozen, which would double what each request pays for making one.
@dataclass(slots=True)
class LoadedSession:
    """A session as it was read, with what a later save needs to keep what others change meanwhile.

    `data` is the caller's to change. `expire_at` and `now` are milliseconds since 1970 UTC by the
    database's clock; `expire_at` is None for a session that never expires.

    A *blank* one (`SessionStore.blank`) stands for an id under which nothing was stored.
    """

    sid: str = field(repr=False)
    handle: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    expire_at: int | None
    now: int
    created_at: dt.datetime | None
    updated_at: dt.datetime | None
    revision: int | None = field(repr=False)
    base: Split = field(repr=False)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was stored under this id."""
        return self.revision is None

    def last_seen(self, max_age: float) -> float | None:
        """When the session was last saved or touched: seconds since 1970 UTC, None if that is not kept.

        Args:
            max_age: seconds, the idle timeout that the session is saved with.
        """
        if self.updated_at is not None:
            return self.updated_at.timestamp()
        return None if self.expire_at is None else self.expire_at / 1000 - max_age

    def renamed(self, sid: str, handle: str) -> LoadedSession:
        """The same session under the id that `SessionStore.rotate` gave it."""
        return replace(self, sid=sid, handle=handle)

    def saved(self, base: Split, *, revision: int, expire_at: int | None) -> LoadedSession:
        """The same session after a save of it."""
        # Each request that writes comes through here, and `replace` takes three times as long.
        return LoadedSession(
            self.sid,
            self.handle,
            self.data,
            expire_at,
            self.now,
            self.created_at,
            self.updated_at,
            revision,
            base,
        )

    def record(self) -> Record:
        """The session as a listing shows it."""
        return Record(self.handle, self.data, _moment(self.expire_at), self.created_at, self.updated_at)


class Saved(NamedTuple):
    """What became of a save, and the session to base the next save of the same request on."""

    outcome: Outcome
    session: LoadedSession

    @property
    def is_gone(self) -> bool:
        """Whether nothing was stored, because the session was ended meanwhile."""
        return self.outcome is Outcome.GONE

    @property
    def was_written(self) -> bool:
        """Whether the row was written, be it for its expiry only."""
        return self.outcome in {Outcome.SAVED, Outcome.TOUCHED}


@dataclass(frozen=True, slots=True)
class Record:
    """A live session in a listing.

    Attributes:
        handle: names the session to `SessionStore.revoke`; with hashed ids it is safe to show on a page.
        data: the whole session.
        expires_at: when it expires unless it is used, in UTC; None for never, and after the year 9999.
        created_at: when it was first stored, in UTC; None without `timestamps`.
        updated_at: when it was last saved or touched, in UTC; None without `timestamps`.
    """

    handle: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    expires_at: dt.datetime | None
    created_at: dt.datetime | None
    updated_at: dt.datetime | None


def _moment(milliseconds: int | None) -> dt.datetime | None:
    if milliseconds is None:
        return None
    try:
        return _EPOCH + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
