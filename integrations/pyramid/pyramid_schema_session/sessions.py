"""`request.schema_sessions`: where the current user is signed in, and signing out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_session_backend import ConfigurationError

from .state import CREATED

if TYPE_CHECKING:
    from pyramid.request import Request

    from schema_session_backend import Record, SessionStore

    from .session import SchemaSession


class UserSessions:
    """The sessions of the request's user: those with the same value in the user's column.

    A session without a value there has no user, and the list is empty.

    Args:
        request: whose session tells the user.
        store: keeps the sessions.
        user_field: the declared column that tells whose a session is.
    """

    def __init__(self, request: Request, store: SessionStore, *, user_field: str) -> None:
        self._session: SchemaSession = request.session
        self._store = store
        self._field = user_field

    @property
    def current(self) -> str | None:
        """The handle of the request's own session; None if it is not stored."""
        return self._session.handle

    def list(self) -> list[Record]:
        """All of them, the newest first."""
        if not self._user:
            return []
        with self._session.transaction.store() as store:
            found = store.find(**self._user)
        for record in found:
            record.data.pop(CREATED, None)
        return found

    def revoke(self, handle: str) -> bool:
        """End one of them; returns False for a session that is not the user's, and leaves it alone."""
        if not self._user:
            return False
        if handle == self.current:
            self._session.invalidate()
            return True
        with self._session.transaction.store(writes=True) as store:
            return store.revoke(handle, **self._user)

    def revoke_others(self) -> int:
        """End all but the request's own; returns how many."""
        if not self._user:
            return 0
        with self._session.transaction.store(writes=True) as store:
            return store.revoke_where(keep=self._session.sid, **self._user)

    @property
    def _user(self) -> dict[str, Any]:
        if self._field not in self._store.fields:
            msg = f"schema_session.user_field: {self._field!r} is no declared column: add it to the schemas"
            raise ConfigurationError(msg)
        user = self._session.get(self._field)
        return {} if user is None else {self._field: user}
