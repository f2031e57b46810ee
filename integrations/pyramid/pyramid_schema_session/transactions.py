"""The request's transaction, with pyramid_tm: what is saved in it counts if it commits, and only then."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from schema_session_backend import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyramid.request import Request


class RequestTransaction:
    """The transaction that pyramid_tm manages for a request, and the application's database session in it.

    Args:
        request: whose `tm` has a transaction now.
        dbsession: the name of the request's attribute that is an SQLAlchemy ORM `Session` or `Connection`.
    """

    def __init__(self, request: Request, dbsession: str) -> None:
        self._request = request
        self._dbsession = dbsession
        self.is_committed = False

    @classmethod
    def of(cls, request: Request, dbsession: str | None) -> RequestTransaction | None:
        """The request's transaction; None if it has none, or if `dbsession` is None.

        Raises:
            ConfigurationError: if requests lack what `transactional` needs.
        """
        if dbsession is None:
            return None
        for needed, advice in (("tm", "include pyramid_tm"), (dbsession, "or name another in dbsession")):
            if not hasattr(request, needed):
                msg = f"transactional needs request.{needed}: {advice}"
                raise ConfigurationError(msg)
        return cls(request, dbsession) if request.environ.get("tm.active") else None

    def before_commit(self, work: Callable[[], None]) -> None:
        """Do something last in the transaction, if it is to be committed."""
        transaction = self._request.tm.get()
        transaction.addBeforeCommitHook(work)
        transaction.addAfterCommitHook(self._finished)

    @property
    def connection(self) -> Any:
        """What takes part in the transaction."""
        session = getattr(self._request, self._dbsession)
        zope_sqlalchemy = sys.modules.get("zope.sqlalchemy")
        if zope_sqlalchemy is not None and hasattr(session, "get_bind"):
            # It would roll back a transaction in which it has seen no change.
            zope_sqlalchemy.mark_changed(session, self._request.tm)
        return session

    def _finished(self, success: bool) -> None:  # noqa: FBT001 - the hook's signature
        self.is_committed = success
