"""The objects that the store returns: loaded sessions, records of listings, and outcomes of saves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .timeouts import EPOCH, MILLISECOND, moment

if TYPE_CHECKING:
    import datetime as dt


class Content(NamedTuple):
    """A session's data as its row holds it: the values of the declared columns, and the rest as text."""

    columns: tuple[Any, ...]
    additional: str


class Version(NamedTuple):
    """The state of a row when a session was read or saved, with which a later save compares the row."""

    revision: int
    content: Content
    expiry: int | None
    """Milliseconds since 1970 UTC; None for a session that never expires."""
    now: int
    """The database's clock at that time, in milliseconds since 1970 UTC."""


class Outcome(Enum):
    """What a save did."""

    SAVED = "saved"
    """The row was written; it also has the changes that other requests saved meanwhile."""
    TOUCHED = "touched"
    """The data had not changed; only the expiry was moved."""
    UNCHANGED = "unchanged"
    """The data had not changed and `touch_interval` had not passed, so nothing was written."""
    ROTATED = "rotated"
    """Another request gave the session a new id meanwhile; the changes were saved under that id."""
    GONE = "gone"
    """The session was destroyed, revoked or expired meanwhile, so nothing was written."""


# Each request makes a LoadedSession, and a frozen dataclass takes twice as long to make.
@dataclass(slots=True)
class LoadedSession:
    """A session as it was read, with the state that a later save compares with, to merge other changes.

    A *blank* session (`SessionStore.blank`) stands for an id under which no session is stored.

    Attributes:
        sid: the session's id, a secret.
        handle: the session's public name, for `SessionStore.revoke`. It is safe to show on a page, unless
            `hash_sid` is off: then it is the id.
        data: the whole session, which the caller may change.
        created_at: when the session was first stored, in UTC; None without `timestamps`.
        updated_at: when the session was last saved or touched before it was read, in UTC; None without
            `timestamps`.
        version: the state of the row, for the store's own use; None for a blank session.
        unknown: the handle of the id that the visitor of a blank session came with, for the store's own use.
    """

    sid: str = field(repr=False)
    handle: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    created_at: dt.datetime | None
    updated_at: dt.datetime | None
    version: Version | None = field(repr=False)
    unknown: str | None = field(default=None, repr=False)

    @property
    def is_blank(self) -> bool:
        """Whether the session is not stored yet, as after `SessionStore.blank`."""
        return self.version is None

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the session expires if it is not used until then, in UTC.

        None for a session that never expires or expires after the year 9999, and for a blank session.
        """
        return None if self.version is None else moment(self.version.expiry)

    def last_use(self, max_age: float) -> float | None:
        """When the session was last saved or touched before it was read, by the database's clock.

        Args:
            max_age: seconds, the idle timeout with which the session is saved. Without `timestamps`, the last
                use is computed from it and from the expiry.

        Returns:
            seconds since 1970 UTC, in whole milliseconds; None if that cannot be known: for a blank session,
            and without `timestamps` for a session that never expires, or has no idle timeout.
        """
        if self.version is None:
            return None
        if self.updated_at is not None:
            return (self.updated_at - EPOCH) // MILLISECOND / 1000
        if self.version.expiry is None or math.isinf(max_age):
            return None
        return (self.version.expiry - round(max_age * 1000)) / 1000

    def idle_for(self, max_age: float) -> float | None:
        """How long the session had not been used when it was read, by the database's clock.

        Args:
            max_age: see `last_use`.

        Returns:
            seconds since the session was last saved or touched, in whole milliseconds; None as in `last_use`.
        """
        last_use = self.last_use(max_age)
        if self.version is None or last_use is None:
            return None
        return (self.version.now - round(last_use * 1000)) / 1000

    def record(self) -> Record:
        """The session as a listing shows it."""
        return Record(self.handle, self.data, self.expires_at, self.created_at, self.updated_at)


class Saved(NamedTuple):
    """The result of a save.

    Attributes:
        outcome: what the save did.
        session: the session for the next save of the same request.
        sends_cookie: whether the answer should set the session's cookie: because the id is new, or because
            a cookie that expires is due for renewal, which is at most once in `touch_interval`. An answer
            that sets the cookie for no reason may arrive after an answer that sets a newer id.
    """

    outcome: Outcome
    session: LoadedSession
    sends_cookie: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the session was ended meanwhile, so that nothing was stored."""
        return self.outcome is Outcome.GONE

    @property
    def is_late(self) -> bool:
        """Whether the session was ended or got a new id meanwhile, so that no answer may set its cookie."""
        return self.outcome in _LATE

    @property
    def was_written(self) -> bool:
        """Whether the row was written, if only its expiry."""
        return self.outcome in _WRITTEN


_LATE: Final = frozenset({Outcome.GONE, Outcome.ROTATED})
_WRITTEN: Final = frozenset({Outcome.SAVED, Outcome.TOUCHED, Outcome.ROTATED})


@dataclass(frozen=True, slots=True)
class Record:
    """A live session in a listing.

    Attributes:
        handle: the session's public name, for `SessionStore.revoke`. It is safe to show on a page, unless
            `hash_sid` is off: then it is the id.
        data: the whole session.
        expires_at: when the session expires if it is not used until then, in UTC; None for a session that
            never expires, or expires after the year 9999.
        created_at: when the session was first stored, in UTC; None without `timestamps`.
        updated_at: when the session was last saved or touched, in UTC; None without `timestamps`.
    """

    handle: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    expires_at: dt.datetime | None
    created_at: dt.datetime | None
    updated_at: dt.datetime | None


class Page(NamedTuple):
    """A page of a listing; see `SessionStore.browse`.

    Attributes:
        records: the sessions of the page.
        after: the start of the next page, for `browse(after=…)`; None on the last page.
    """

    records: list[Record]
    after: str | None


class Resealed(NamedTuple):
    """The result of `SessionStore.reseal`.

    Attributes:
        resealed: the number of sessions that were written.
        left: the number of sessions that stay as they were, because no key opens them.
    """

    resealed: int
    left: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """The number of live sessions that were created on a day.

    Attributes:
        day: the day, in UTC.
        count: the number of sessions.
        is_exact: whether every session was counted; False if the count is an estimate from a sample.
    """

    day: dt.date
    count: int
    is_exact: bool
