"""The request's transactions, with pyramid_tm: what is saved in one counts if it commits, and only then."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from schema_session_backend import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyramid.request import Request

    from schema_session_backend import SessionStore


class RequestTransaction:
    """The transaction that pyramid_tm manages for a request, and the application's database session in it.

    A request may have several, one after the other, and the last may be over before the request is.

    Args:
        request: whose `tm` has a transaction now and then.
        dbsession: the name of the request's attribute that is an SQLAlchemy ORM `Session` or `Connection`;
            None to take part in no transaction.
        save: called before a transaction is committed.
        keep: called when it was.
        forget: called when it was rolled back.
    """

    def __init__(
        self,
        request: Request,
        dbsession: str | None,
        *,
        save: Callable[[], None],
        keep: Callable[[], None],
        forget: Callable[[], None],
    ) -> None:
        self._request = request
        self._dbsession = dbsession
        self._save = save
        self._keep = keep
        self._forget = forget
        self._joined: Any = None

    def require_its_needs(self, store: SessionStore) -> None:
        """Refuse requests that lack what is needed.

        Raises:
            ConfigurationError: naming it.
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
        # In the middle of a transaction that writes, SQLite could not create the table on another connection.
        store.wait_for_sync()

    def join(self) -> None:
        """Take part in the transaction that there is now, if there is one."""
        if self._dbsession is None:
            return
        if not self._request.environ.get("tm.active"):
            if self._joined is not None and getattr(self._request, "exception", None) is not None:
                # Something failed before the commit, and nobody has aborted it, so it holds its locks.
                self._joined.abort()
            return
        transaction = self._request.tm.get()
        if transaction is not self._joined:
            self._joined = transaction
            transaction.addBeforeCommitHook(self._save)
            transaction.addAfterCommitHook(self._ended)
            transaction.addAfterAbortHook(self._ended, args=(False,))

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """What takes part in the transaction; None where there is none."""
        if self._joined is None:
            yield None
            return
        session = self._session
        if hasattr(session, "flush"):
            # A foreign key of the session may want a row that was only added yet.
            session.flush()
        try:
            yield session
        except StoreUnavailable as error:
            pyramid_retry = sys.modules.get("pyramid_retry")
            if pyramid_retry is not None:
                pyramid_retry.mark_error_retryable(error)
            raise

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """The same for something that is written in any case."""
        with self.connection() as connection:
            yield connection
        self.mark_changed()

    def mark_changed(self) -> None:
        """Say that something was written, which zope.sqlalchemy would roll back otherwise."""
        zope_sqlalchemy = sys.modules.get("zope.sqlalchemy")
        if self._joined is not None and zope_sqlalchemy is not None and hasattr(self._session, "get_bind"):
            zope_sqlalchemy.mark_changed(self._session, self._request.tm)

    @property
    def _session(self) -> Any:
        assert self._dbsession is not None
        session = getattr(self._request, self._dbsession)
        # A scoped_session stands for the one of this thread.
        return session() if callable(session) else session

    def _ended(self, success: bool) -> None:  # noqa: FBT001 - the hook's signature
        self._joined = None
        if success:
            self._keep()
        else:
            self._forget()


def is_tried_again(request: Request, error: BaseException) -> bool:
    """Whether pyramid_retry will make the request anew after that error, and throw this answer away."""
    pyramid_retry = sys.modules.get("pyramid_retry")
    return pyramid_retry is not None and bool(pyramid_retry.is_error_retryable(request, error))
