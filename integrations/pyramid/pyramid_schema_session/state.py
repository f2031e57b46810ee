"""What a request knows of its session: one value, so that a rollback is one assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_session_backend._session.timeouts import remembered

if TYPE_CHECKING:
    from schema_session_backend import LoadedSession, Saved

CREATED: Final = "_schema_session_created"
"""The key that keeps a session's creation time in a table without `created_at`."""


# Each request makes several states, and a frozen dataclass would take three times as long to make.
class State(NamedTuple):
    """What a request knows of its session, and what it has done to it.

    A state never changes: each step returns the next one. Only the dict `values` is the application's to
    change, which is why `unread`, the state to return to after a rollback, is without it.

    Attributes:
        sid: the id that the session is stored under, None if it is not; until it is read, the cookie's value.
        is_gone: whether the session was ended elsewhere while the request ran, so that nothing more is saved.
        sends_cookie: whether the answer sets the session's cookie.
        was_ended: whether the request has ended the session that it came with.
        changes_cookie: whether the request has changed how long the browser keeps the cookie.
        was_remembered: `remembered`, from before the session had to be read again.
        values: what the application sees and changes; None until the session is read.
        loaded: the session to base the next save on; None if nothing is stored.
        is_new: whether nothing was stored when the session was read.
        created: when the session was created, in seconds since 1970 UTC.
        keeps_created: whether `created` is stored in the session's data, under the key `CREATED`.
        new_sid: the id that the next save gives the session; None to keep the one it has.
        unknown: the cookie's value, if nothing is stored under it.
    """

    sid: str | None
    is_gone: bool = False
    sends_cookie: bool = False
    was_ended: bool = False
    changes_cookie: bool = False
    was_remembered: float | None = None
    values: dict[str, Any] | None = None
    loaded: LoadedSession | None = None
    is_new: bool = True
    created: int = 0
    keeps_created: bool = False
    new_sid: str | None = None
    unknown: str | None = None

    def __repr__(self) -> str:
        # Without ids and values, which belong into no log.
        return f"<{type(self).__name__} {'unread' if self.values is None else 'read'}>"

    @property
    def handle(self) -> str | None:
        """The public name of the session; None if it is not stored."""
        return None if self.loaded is None else self.loaded.handle

    @property
    def remembered(self) -> float | None:
        """The session's own idle timeout in seconds; None if it has none."""
        return self.was_remembered if self.values is None else remembered(self.values)

    @property
    def data(self) -> dict[str, Any]:
        """What is to be stored."""
        data = dict(self.values or {})
        if self.keeps_created:
            data[CREATED] = self.created
        return data

    def read(self, loaded: LoadedSession, *, now: int) -> State:
        """With the session as it is stored.

        Args:
            loaded: its data becomes `values`.
            now: seconds since 1970 UTC, for a session whose creation time is unknown.
        """
        values = loaded.data
        # A session that other software stored without our creation time is not rewritten just to add it.
        keeps_created = CREATED in values
        created = values.pop(CREATED, None)
        if type(created) is not int:
            created = now if loaded.created_at is None else int(loaded.created_at.timestamp())
        return self._replace(
            sid=loaded.sid,
            values=values,
            loaded=loaded,
            is_new=False,
            created=created,
            keeps_created=keeps_created,
        )

    def begun(self, *, now: int, keeps_created: bool) -> State:
        """With an empty session, because nothing is stored.

        Args:
            now: seconds since 1970 UTC.
            keeps_created: whether the table has no column for the creation time.
        """
        unknown = self.unknown if self.sid is None else self.sid
        return self._replace(sid=None, values={}, created=now, keeps_created=keeps_created, unknown=unknown)

    def renamed(self, new_sid: str) -> State:
        """With a new id from the next save on; a session that is not stored gets a new id in any case."""
        return self if self.loaded is None else self._replace(new_sid=new_sid)

    def with_changed_cookie(self) -> State:
        """With a cookie that the browser shall keep for another time."""
        return self._replace(sends_cookie=True, changes_cookie=True)

    def saved(self, saved: Saved) -> State:
        """After a save, whether it was in time or not."""
        sends_cookie = not saved.is_late and (saved.sends_cookie or self.sends_cookie)
        if saved.is_gone:
            return self._replace(is_gone=True, sends_cookie=False)
        session = saved.session
        return self._replace(sid=session.sid, loaded=session, new_sid=None, sends_cookie=sends_cookie)

    def ended(self) -> State:
        """After the end of the session; reading it begins an empty one."""
        return State(None, was_ended=self.was_ended or self.loaded is not None)

    def unread(self) -> State:
        """What stays true when the request has to read the session again."""
        return State(
            self.sid,
            self.is_gone,
            self.sends_cookie,
            self.was_ended,
            self.changes_cookie,
            self.remembered,
        )
