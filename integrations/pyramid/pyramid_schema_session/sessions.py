"""`request.schema_sessions`: where the current user is signed in, and signing out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyramid.interfaces import ISecurityPolicy

from .state import CREATED

if TYPE_CHECKING:
    from pyramid.request import Request

    from schema_session_backend import Record, SessionStore

    from .session import SchemaSession


class UserSessions:
    """The sessions of the request's user: those with the same value in the user's column.

    With a security policy, the user is whom both its `request.authenticated_userid` and the session name.
    Without a user, the list is empty.

    Args:
        request: tells the user.
        store: keeps the sessions; its `user_field` tells whose a session is.
    """

    def __init__(self, request: Request, store: SessionStore) -> None:
        self._request = request
        self._session: SchemaSession = request.session
        self._store = store

    @property
    def current(self) -> str | None:
        """The handle of the request's own session; None if it is not stored."""
        return self._session.handle

    def list(self) -> list[Record]:
        """All of them, the newest first."""
        user = self._user
        if user is None:
            return []
        with self._session.transaction.store() as store:
            found = store.find(user)
        for record in found:
            record.data.pop(CREATED, None)
        return found

    def revoke(self, session: Record | str) -> bool:
        """End one of them; returns False for a session that is not the user's, and leaves it alone.

        Args:
            session: its record or its handle.

        Raises:
            WrongArgument: for the id of a live session, as `SessionStore.revoke` does.
        """
        user = self._user
        if user is None:
            return False
        handle = getattr(session, "handle", session)
        if self.current is not None and self.current == handle:
            self._session.invalidate()
            return True
        with self._session.transaction.store(writes=True) as store:
            return store.revoke(session, user)

    def revoke_others(self) -> int:
        """End all but the request's own; returns how many."""
        user = self._user
        if user is None:
            return 0
        with self._session.transaction.store(writes=True) as store:
            return store.revoke_where(user, keep=self._session.sid)

    @property
    def _user(self) -> dict[str, Any] | None:
        if self._request.registry.queryUtility(ISecurityPolicy) is None:
            return self._store.user_of(self._session)
        return self._store.confirmed_user(self._session, self._request.authenticated_userid)
