"""A request's transactions, with pyramid_tm: what is saved in one counts if it commits, and only then."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import PendingRollbackError

from schema_session_backend import ConfigurationError, StatementFailed, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pyramid.request import Request

    from schema_session_backend import LoadedSession, SessionStore


class RequestTransaction:
    """The transaction that pyramid_tm manages for a request, and the application's database session in it.

    A request may have several transactions, one after the other, and the last may end before the request.

    Args:
        request: whose `tm` has the transactions.
        store: keeps the sessions.
        dbsession: the name of the request's attribute that is an SQLAlchemy ORM `Session` or `Connection`;
            None to take part in no transaction.
        before_commit: called before a transaction commits.
        after_commit: called when it has committed.
        after_abort: called when it was rolled back.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        request: Request,
        store: SessionStore,
        dbsession: str | None,
        *,
        before_commit: Callable[[], None],
        after_commit: Callable[[], None],
        after_abort: Callable[[], None],
    ) -> None:
        self._request = request
        self._store = store
        self._dbsession = dbsession
        self._before_commit = before_commit
        self._after_commit = after_commit
        self._after_abort = after_abort
        self._joined: Any = None
        self._answered_error: BaseException | None = None

    def require_attributes(self) -> None:
        """Refuse a request without what a transaction needs.

        Raises:
            ConfigurationError: naming the attribute of the request that is missing.
            SchemaMismatch, StoreUnavailable: as `SessionStore.wait_for_sync` does.
        """
        if self._dbsession is None:
            return
        for needed, advice in (
            ("tm", "include pyramid_tm"),
            (self._dbsession, "or name another in dbsession"),
        ):
            if not hasattr(self._request, needed):
                msg = f"transactional needs request.{needed}: {advice}"
                raise ConfigurationError(msg)
        # Once the transaction has written, SQLite lets no other connection create the table.
        self._store.wait_for_sync()

    def join(self) -> None:
        """Take part in the transaction that there is now, if there is one."""
        if self._dbsession is None:
            return
        if not self._request.environ.get("tm.active"):
            if self._joined is not None and self._commit_has_failed:
                # pyramid_tm leaves the transaction open if a hook fails before the commit and an exception
                # view answers. Abort it, because its locks would block what the view does.
                self._joined.abort()
            return
        transaction = self._request.tm.get()
        if transaction is not self._joined:
            self._joined = transaction
            transaction.addBeforeCommitHook(self._commits)
            transaction.addAfterCommitHook(self._ended)
            transaction.addAfterAbortHook(self._ended, args=(False,))

    @property
    def has_exception_view(self) -> bool:
        """Whether the view in the transaction has failed, so that an exception view works in it now."""
        return self._joined is not None and self._error is not None

    def load(self, sid: str) -> LoadedSession | None:
        """Load the session, so that the request holds one connection at a time.

        It is read in the transaction if that has begun on the database, else by itself.
        """
        if self._joined is None or not self._session.in_transaction():
            return self._store.load(sid)
        try:
            with self._marking_retryable():
                return self._store.within(self._session).load(sid)
        except (StatementFailed, PendingRollbackError):
            # After an error in the transaction the database answers nothing in it.
            return self._store.load(sid)

    def store(self, *, writes: bool = False) -> AbstractContextManager[SessionStore]:
        """The store to use now: inside the transaction if there is one, else by itself.

        Args:
            writes: whether something is written in any case; if that depends, call `mark_changed`.
        """
        return nullcontext(self._store) if self._joined is None else self._joined_store(writes=writes)

    @contextmanager
    def connection(self, *, writes: bool = False) -> Iterator[Any]:
        """The database session that takes part in the transaction; None where there is no transaction.

        Args:
            writes: as in `store`.
        """
        if self._joined is None:
            yield None
            return
        session = self._session
        if hasattr(session, "flush"):
            # A foreign key of the web session may refer to a row that was added but is not inserted yet.
            session.flush()
        with self._marking_retryable():
            yield session
        if writes:
            self.mark_changed()

    def mark_changed(self) -> None:
        """Say that something was written; zope.sqlalchemy rolls back a transaction that only reads."""
        zope_sqlalchemy = sys.modules.get("zope.sqlalchemy")
        if self._joined is not None and zope_sqlalchemy is not None and hasattr(self._session, "get_bind"):
            zope_sqlalchemy.mark_changed(self._session, self._request.tm)

    @contextmanager
    def _joined_store(self, *, writes: bool) -> Iterator[SessionStore]:
        with self.connection(writes=writes) as connection:
            yield self._store.within(connection)

    @staticmethod
    @contextmanager
    def _marking_retryable() -> Iterator[None]:
        try:
            yield
        except StoreUnavailable as error:
            pyramid_retry = sys.modules.get("pyramid_retry")
            if pyramid_retry is not None:
                pyramid_retry.mark_error_retryable(error)
            raise

    @property
    def _session(self) -> Any:
        assert self._dbsession is not None
        session = getattr(self._request, self._dbsession)
        # Calling a scoped_session gives the session of this thread.
        return session() if callable(session) else session

    @property
    def _commit_has_failed(self) -> bool:
        return self._error is not None and self._error is not self._answered_error

    @property
    def _error(self) -> BaseException | None:
        error: BaseException | None = getattr(self._request, "exception", None)
        return error

    def _commits(self) -> None:
        # pyramid_tm may commit after an error that an exception view has answered.
        self._answered_error = self._error
        self._before_commit()

    def _ended(self, success: bool) -> None:  # noqa: FBT001 - the hook's signature
        self._joined = None
        if success:
            self._after_commit()
        else:
            self._after_abort()


def is_tried_again(request: Request, error: BaseException) -> bool:
    """Whether pyramid_retry will make the request anew after that error, and throw this answer away."""
    pyramid_retry = sys.modules.get("pyramid_retry")
    return pyramid_retry is not None and bool(pyramid_retry.is_error_retryable(request, error))
