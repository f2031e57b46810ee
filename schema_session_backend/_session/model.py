"""What the store hands out: a loaded session, a record of a listing, and what became of a save."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from .timeouts import moment

if TYPE_CHECKING:
    import datetime as dt


class Content(NamedTuple):
    """A session's data as its row holds it: the declared columns in their order, and the text of the rest."""

    columns: tuple[Any, ...]
    additional: str


class Version(NamedTuple):
    """The row that a session was read from or saved to: what a later save compares with.

    `expiry` and `now` are milliseconds since 1970 UTC by the database's clock; an `expiry` of None is never.
    """

    revision: int
    content: Content
    expiry: int | None
    now: int


class Outcome(Enum):
    """What became of a save."""

    SAVED = "saved"
    """The row has this request's changes, and those of other requests that were saved meanwhile."""
    TOUCHED = "touched"
    """Nothing had changed; the expiry was moved."""
    UNCHANGED = "unchanged"
    """Nothing had changed and the expiry was fresh enough, so nothing was written."""
    GONE = "gone"
    """The session was destroyed, revoked or expired meanwhile, so nothing was written."""


# A frozen dataclass would take twice as long to make, and each request makes one.
@dataclass(slots=True)
class LoadedSession:
    """A session as it was read, with what a later save needs to keep what other requests change meanwhile.

    A *blank* session (`SessionStore.blank`) stands for an id under which nothing was stored.

    Attributes:
        sid: the session's id, a secret.
        handle: names the session to `SessionStore.revoke`; with hashed ids it is safe to show on a page.
        data: the whole session, which the caller may change.
        created_at: when it was first stored, in UTC; None without `timestamps`.
        updated_at: when it was last saved or touched before it was read, in UTC; None without `timestamps`.
        version: for the next save, and for the store only; None if blank.
    """

    sid: str = field(repr=False)
    handle: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    created_at: dt.datetime | None
    updated_at: dt.datetime | None
    version: Version | None = field(repr=False)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was stored under this id."""
        return self.version is None

    @property
    def expires_at(self) -> dt.datetime | None:
        """When it expires unless it is used, in UTC; None for never, after the year 9999, and if blank."""
        return None if self.version is None else moment(self.version.expiry)

    def idle_for(self, max_age: float) -> float | None:
        """How long ago the session was last saved or touched when it was read, by the database's clock.

        Args:
            max_age: seconds, the idle timeout that the session is saved with.

        Returns:
            seconds; None if that is not known, as for a session that never expires, without `timestamps`.
        """
        if self.version is None:
            return None
        now = self.version.now / 1000
        if self.updated_at is not None:
            return now - self.updated_at.timestamp()
        return None if self.version.expiry is None else now - (self.version.expiry / 1000 - max_age)

    def record(self) -> Record:
        """The session as a listing shows it."""
        return Record(self.handle, self.data, self.expires_at, self.created_at, self.updated_at)


class Saved(NamedTuple):
    """What became of a save.

    Attributes:
        outcome: what became of it.
        session: the session to base the next save of the same request on.
    """

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


class Page(NamedTuple):
    """Some sessions of many.

    Attributes:
        records: the sessions.
        after: where the next page begins, for `browse(after=…)`; None on the last page.
    """

    records: list[Record]
    after: str | None


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many live sessions began on a day.

    Attributes:
        day: the day, in UTC.
        count: how many sessions.
        is_exact: False for a count that was projected from a sample.
    """

    day: dt.date
    count: int
    is_exact: bool
