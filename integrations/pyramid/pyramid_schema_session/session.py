"""The session of one request: Pyramid's `ISession` on what the store has loaded."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from pyramid.interfaces import ISession
from zope.interface import implementer

from schema_session_backend import new_session_id

from .transactions import RequestTransaction, is_tried_again

if TYPE_CHECKING:
    from pyramid.request import Request
    from pyramid.response import Response

    from schema_session_backend import LoadedSession, Saved, SessionStore

    from .cookie import Cookie

FLASH: Final = "_f_"
CSRF_TOKEN: Final = "_csrft_"  # noqa: S105 - the name of the key
CREATED: Final = "_schema_session_created"
"""Where a table without timestamps keeps when a session was created."""


@implementer(ISession)
class SchemaSession(MutableMapping[str, Any]):
    """A request's session: read at its first use, and saved as the request is answered.

    Nothing is stored for a visitor whose session was never written to. An id that nothing is stored under,
    junk or expired or revoked, is never taken over from the cookie.

    Args:
        request: whose session it is.
        store: keeps it.
        cookie: holds its id.
        timeout: seconds, the idle timeout; None for the store's.
        set_on_exception: whether it is saved when an exception view answers.
        dbsession: the request's attribute to save with in its transaction, or None.
    """

    def __init__(  # noqa: PLR0913
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
        self._cookie = cookie
        self._timeout = timeout
        self._set_on_exception = set_on_exception
        self._values: dict[str, Any] | None = None
        self._loaded: LoadedSession | None = None
        self._is_new = True
        self._created = int(time.time())
        self._keeps_created = self._must_keep_created
        self._new_sid: str | None = None
        self._saved: Saved | None = None
        self._was_ended = False
        self._committed: tuple[Saved | None, bool] = (None, False)
        self._transaction = RequestTransaction(
            request, dbsession, save=self._save, keep=self._keep, forget=self._forget
        )
        self._will_be_answered = False
        self._is_last = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'not read yet' if self._values is None else 'read'}>"

    # -- the mapping

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, key: object) -> bool:
        return key in self._data

    # -- ISession

    @property
    def created(self) -> int:
        """When the session was created: seconds since 1970 UTC."""
        self._look()
        return self._created

    @property
    def new(self) -> bool:
        """Whether nothing was stored of it when this request began, or since it was invalidated."""
        self._look()
        return self._is_new

    def changed(self) -> None:
        """Nothing has to be told: what changed is seen when the session is saved."""
        self._look()

    def invalidate(self) -> None:
        """End the session, row and all. What is written to it afterwards is a new one, under a new id."""
        self._data.clear()
        self._is_new = True
        self._created = int(time.time())
        if self._loaded is not None:
            with self._transaction.writing() as connection:
                self._store.destroy(self._loaded.sid, connection=connection)
            self._loaded = self._saved = self._new_sid = None
            self._keeps_created = self._must_keep_created
            self._was_ended = True

    def flash(self, msg: Any, queue: str = "", allow_duplicate: bool = True) -> None:  # noqa: FBT001, FBT002 - ISession's signature
        """Put a message at the end of a queue, for a page to come."""
        messages = self.setdefault(FLASH + queue, [])
        if allow_duplicate or msg not in messages:
            messages.append(msg)

    def pop_flash(self, queue: str = "") -> list[Any]:
        """Take all messages of a queue."""
        messages: list[Any] = self.pop(FLASH + queue, [])
        return messages

    def peek_flash(self, queue: str = "") -> list[Any]:
        """The messages of a queue, which stay there."""
        messages: list[Any] = self.get(FLASH + queue, [])
        return messages

    def new_csrf_token(self) -> str:
        """Make a new CSRF token for this session; returns it."""
        self[CSRF_TOKEN] = token = secrets.token_hex(20)
        return token

    def get_csrf_token(self) -> str:
        """The session's CSRF token, made at its first use."""
        token: str | None = self.get(CSRF_TOKEN)
        return self.new_csrf_token() if token is None else token

    # -- beyond ISession

    def rotate(self) -> None:
        """Keep the data under a new id, as at a login; the old one is dead once the request is answered."""
        self._look()
        self._new_sid = new_session_id()

    @property
    def sid(self) -> str | None:
        """The id under which it is stored now, a secret; None if it is not."""
        self._look()
        return None if self._loaded is None else self._loaded.sid

    @property
    def handle(self) -> str | None:
        """What names it to `SessionStore.revoke` and in listings, safe to show; None if it is not stored."""
        self._look()
        return None if self._loaded is None else self._loaded.handle

    # -- inside

    @property
    def _data(self) -> dict[str, Any]:
        self._look()
        assert self._values is not None
        return self._values

    @property
    def _must_keep_created(self) -> bool:
        return "created_at" not in self._store.table.c

    def _look(self) -> None:
        self._transaction.join()
        if self._values is None:
            self._open()

    def _open(self) -> None:
        # First, so that whatever goes wrong, the answer is not for anybody else's eyes.
        if not self._will_be_answered:
            self._will_be_answered = True
            self._request.add_response_callback(self._answered)
        self._transaction.require_its_needs(self._store)
        saved, was_ended = self._committed
        sid = self._cookie.read(self._request) if saved is None else saved.session.sid
        ended = was_ended and saved is None
        loaded = None if sid is None or ended else self._store.load(sid)
        values = {} if loaded is None else loaded.data
        self._keeps_created = self._must_keep_created
        if loaded is not None:
            # One that something else stored without it is not written for that alone.
            self._keeps_created = self._must_keep_created and CREATED in values
            if self._keeps_created:
                self._created = values.pop(CREATED)
            elif loaded.created_at is not None:
                self._created = int(loaded.created_at.timestamp())
        self._is_new = loaded is None
        self._loaded = loaded
        self._values = values

    def _answered(self, request: Request, response: Response) -> None:
        """Pyramid calls it when the response is made, outside of all tweens."""
        if request.response_callbacks and not self._is_last:
            # What other callbacks write is to be saved too.
            self._is_last = True
            request.add_response_callback(self._answered)
            return
        response.vary = tuple(dict.fromkeys((*(response.vary or ()), "Cookie")))
        response.cache_control.no_store = True
        self._transaction.join()
        # What was written after the end of a transaction; without one, all that was written.
        if self._values is not None:
            self._save()
        if self._saved is not None and not self._saved.is_gone:
            sid = self._saved.session.sid
            if sid != self._cookie.read(request) or self._cookie.max_age is not None:
                self._cookie.set(response, sid)
        elif self._was_ended:
            self._cookie.delete(response)

    def _save(self) -> None:
        if self._is_abandoned or (self._loaded is None and not self._values):
            return
        data = dict(self._values or {})
        if self._keeps_created:
            data[CREATED] = self._created
        loaded = self._store.blank(new_session_id()) if self._loaded is None else self._loaded
        new_sid = None if loaded.is_blank else self._new_sid
        with self._transaction.connection() as connection:
            self._saved = self._store.save(
                loaded, data, self._timeout, new_sid=new_sid, connection=connection
            )
        if self._saved.was_written:
            self._transaction.mark_changed()
        if not self._saved.is_gone:
            self._loaded, self._new_sid = self._saved.session, None

    @property
    def _is_abandoned(self) -> bool:
        """Whether what the request wrote is not to be stored."""
        if self._saved is not None and self._saved.is_gone:
            return True
        error = getattr(self._request, "exception", None)
        return error is not None and (not self._set_on_exception or is_tried_again(self._request, error))

    def _keep(self) -> None:
        """What was done in a transaction is committed."""
        self._committed = (self._saved, self._was_ended)

    def _forget(self) -> None:
        """What was done in a transaction was rolled back: whoever looks now gets what is stored."""
        self._values = self._loaded = self._new_sid = None
        self._saved, self._was_ended = self._committed
