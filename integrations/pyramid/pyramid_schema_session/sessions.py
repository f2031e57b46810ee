"""`request.schema_sessions`: where the current user is signed in, and signing out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_session_backend import ConfigurationError

from .session import CREATED

if TYPE_CHECKING:
    from pyramid.request import Request

    from schema_session_backend import Record, SessionStore

    from .transactions import RequestTransaction


class UserSessions:
    """The sessions of the user whose request this is: those with the same value in the user's column.

    Without such a value nobody is signed in, and there are none.

    Args:
        request: whose session tells the user.
        store: where the sessions are.
        user_field: the declared column that tells whose a session is.
    """

    def __init__(self, request: Request, store: SessionStore, *, user_field: str) -> None:
        self._session: Any = request.session
        self._store = store
        self._field = user_field

    @property
    def current(self) -> str | None:
        """The handle of the request's own session; None if it is not stored."""
        handle: str | None = self._session.handle
        return handle

    def list(self) -> list[Record]:
        """All of them, the newest first."""
        if not self._user:
            return []
        with self._transaction.connection() as connection:
            found = self._store.find(connection=connection, **self._user)
        for record in found:
            record.data.pop(CREATED, None)
        return found

    def revoke(self, handle: str) -> bool:
        """End one of them; returns False for any other, which is none of the user's."""
        if not self._user:
            return False
        if handle == self.current:
            self._session.invalidate()
            return True
        with self._transaction.writing() as connection:
            return self._store.revoke(handle, connection=connection, **self._user)

    def revoke_others(self) -> int:
        """End all but the request's own; returns how many."""
        if not self._user:
            return 0
        keep = self._session.sid
        with self._transaction.writing() as connection:
            return self._store.revoke_where(keep=keep, connection=connection, **self._user)

    @property
    def _user(self) -> dict[str, Any]:
        if self._field not in self._store.fields:
            msg = f"schema_session.user_field: {self._field!r} is no declared column: add it to the schemas"
            raise ConfigurationError(msg)
        user = self._session.get(self._field)
        return {} if user is None else {self._field: user}

    @property
    def _transaction(self) -> RequestTransaction:
        transaction: RequestTransaction = self._session._transaction  # noqa: SLF001 - one of us
        transaction.join()
        return transaction
