"""`request.session`: Pyramid's `ISession`, translated to the store."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from pyramid.interfaces import ISession
from zope.interface import implementer

from schema_session_backend import new_session_id
from schema_session_backend._session.timeouts import remember

from .dict_methods import DictMethods
from .exception_view import FLASH, ExceptionView
from .response import ResponseHeaders
from .state import State
from .transactions import RequestTransaction, is_tried_again

if TYPE_CHECKING:
    from pyramid.request import Request

    from schema_session_backend import SessionStore
    from schema_session_backend._session.timeouts import Seconds

    from .cookie import Cookie

CSRF_TOKEN: Final = "_csrft_"  # noqa: S105 - the name of the key


@implementer(ISession)
class SchemaSession(DictMethods):
    """A request's session: read at its first use, and saved as the request is answered.

    Nothing is stored for a visitor whose session was never written to. An id from a cookie under which
    nothing is stored, because it is junk, expired or revoked, is never adopted.

    Args:
        request: whose session it is.
        store: keeps the session.
        cookie: holds the session's id.
        timeout: seconds, the idle timeout; None for the store's.
        set_on_exception: whether the session is saved when an exception view answers.
        dbsession: the name of the request's attribute with the database session in whose transaction the
            session is saved; None for transactions of its own.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        request: Request,
        store: SessionStore,
        cookie: Cookie,
        *,
        timeout: float | None,
        set_on_exception: bool,
        dbsession: str | None,
    ) -> None:
        self._request = request
        self._store = store
        self._timeout = timeout
        self._renew = True
        self._set_on_exception = set_on_exception
        self._began = int(time.time())
        self._state = self._committed = State(sid=cookie.read(request))
        self._transaction = RequestTransaction(
            request,
            store,
            dbsession,
            before_commit=self._save,
            after_commit=self._commit,
            after_abort=self._roll_back,
        )
        self._exception_view = ExceptionView()
        self._headers = ResponseHeaders(request, cookie, self._finish)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'not read yet' if self._state.values is None else 'read'}>"

    # -- ISession

    @property
    def created(self) -> int:
        """When the session was created: seconds since 1970 UTC."""
        return self._current.created

    @property
    def new(self) -> bool:
        """Whether nothing was stored when the request read the session, or since `invalidate`."""
        return self._current.is_new

    def changed(self) -> None:
        """Need not be called: the save finds what changed, at any depth."""
        self._read()

    def invalidate(self) -> None:
        """End the session, row and all. What is written afterwards belongs to a new one, under a new id."""
        sid = self._current.sid
        if sid is not None:
            with self._transaction.store(writes=True) as store:
                store.destroy(sid)
        self._exception_view.end_session()
        self._state = self._state.ended()

    def flash(self, msg: Any, queue: str = "", allow_duplicate: bool = True) -> None:  # noqa: FBT001, FBT002 - ISession's signature
        """Put `msg` at the end of a `queue`; without `allow_duplicate` only if it is not there already."""
        self[FLASH + queue] = messages = self.peek_flash(queue)
        if allow_duplicate or msg not in messages:
            messages.append(msg)

    def pop_flash(self, queue: str = "") -> list[Any]:
        """Take all messages of a `queue`."""
        return _messages(self.pop(FLASH + queue, []))

    def peek_flash(self, queue: str = "") -> list[Any]:
        """The messages of a `queue`, which stay there."""
        return _messages(self.get(FLASH + queue, []))

    def new_csrf_token(self) -> str:
        """Make a new CSRF token for this session; returns it."""
        self[CSRF_TOKEN] = token = secrets.token_hex(20)
        return token

    def get_csrf_token(self) -> str:
        """The session's CSRF token, made at its first use."""
        token = self.get(CSRF_TOKEN)
        # Whoever can write to the table can put anything there, and Pyramid compares ASCII.
        return token if isinstance(token, str) and token and token.isascii() else self.new_csrf_token()

    # -- beyond ISession

    def rotate(self) -> None:
        """Keep the data under a new id, as at a login; the old id is dead once the request is answered."""
        self._state = self._current.renamed(new_session_id())

    def remember(self, max_age: Seconds | None) -> None:
        """Have the session, and its cookie, live that long after each use instead of `timeout`.

        It counts as long as the session lives, also under a new id.

        Args:
            max_age: seconds; `math.inf` for ever, None for the timeout and the cookie of the settings again.

        Raises:
            ConfigurationError: for an impossible `max_age`.
        """
        remember(self._values, max_age)
        self._state = self._state.with_changed_cookie()

    def keep_expiry(self) -> None:
        """Have this request not start the idle timeout anew, and not renew the cookie.

        What it writes to the session is saved.
        """
        self._renew = False

    @property
    def sid(self) -> str | None:
        """The id that the session is stored under now, a secret; None if it is not stored."""
        return self._current.sid

    @property
    def handle(self) -> str | None:
        """The session's public name, which `SessionStore.revoke` takes; None if it is not stored."""
        return self._current.handle

    @property
    def transaction(self) -> RequestTransaction:
        """The request's transaction, for the modules of this package: `transaction.store()` writes in it."""
        self._transaction.join()
        return self._transaction

    # -- reading and saving

    @property
    def _current(self) -> State:
        self._read()
        return self._state

    @property
    def _values(self) -> dict[str, Any]:
        values = self._current.values
        assert values is not None
        return values

    def _read(self) -> None:
        self._transaction.join()
        if self._state.values is None:
            self._load()
        if self._transaction.has_exception_view:
            self._exception_view.begin(self._state)
        elif self._exception_view.is_undone and not self._is_discarded:
            self._exception_view.redo(self)

    def _load(self) -> None:
        # First of all: the answer depends on the visitor even if the session cannot be read.
        self._headers.expect()
        self._transaction.require_attributes()
        sid = self._state.sid
        loaded = None if sid is None else self._transaction.load(sid)
        if loaded is None:
            keeps_created = "created_at" not in self._store.repo().c
            self._state = self._state.begun(now=self._began, keeps_created=keeps_created)
        else:
            self._state = self._state.read(loaded, now=self._began)

    def _save(self) -> None:
        state = self._state
        if self._is_discarded or (state.loaded is None and not state.values):
            return
        loaded = state.loaded or self._store.blank(new_session_id(), unknown=state.unknown)
        max_age = self._timeout if state.remembered is None else state.remembered
        with self._transaction.store() as store:
            saved = store.save(
                loaded,
                state.data,
                max_age,
                new_sid=state.new_sid,
                renew=self._renew,
                environ=self._request.environ,
            )
        if saved.was_written:
            self._transaction.mark_changed()
        self._state = state.saved(saved)

    @property
    def _is_discarded(self) -> bool:
        """Whether what the request has written is not to be stored."""
        if self._state.is_gone:
            return True
        error = getattr(self._request, "exception", None)
        return error is not None and (not self._set_on_exception or is_tried_again(self._request, error))

    def _finish(self) -> State:
        """Save, for the response, what no transaction has saved."""
        self._transaction.join()
        if self._exception_view.is_undone:
            self._read()
        self._save()
        return self._state

    # -- the ends of a transaction

    def _commit(self) -> None:
        self._exception_view.forget()
        self._committed = self._state.unread()

    def _roll_back(self) -> None:
        self._exception_view.roll_back(self._state)
        self._state = self._committed


def _messages(stored: Any) -> list[Any]:
    """The messages of a queue; none if something else is stored in their place."""
    return stored if isinstance(stored, list) else []
