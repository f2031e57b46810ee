"""The session of one request: Pyramid's `ISession` on what the store has loaded."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from pyramid.interfaces import ISession
from zope.interface import implementer

from schema_session_backend import new_session_id

from .transactions import RequestTransaction

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
        self._dbsession = dbsession
        self._values: dict[str, Any] | None = None
        self._loaded: LoadedSession | None = None
        self._created = int(time.time())
        self._transaction: RequestTransaction | None = None
        self._new_sid: str | None = None
        self._saved: Saved | None = None
        self._was_ended = False

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
        self._open()
        return self._created

    @property
    def new(self) -> bool:
        """Whether nothing is stored of it yet."""
        self._open()
        return self._loaded is None

    def changed(self) -> None:
        """Nothing has to be told: what changed is seen when the session is saved."""
        self._open()

    def invalidate(self) -> None:
        """End the session, row and all. What is written to it afterwards is a new one, under a new id."""
        self._data.clear()
        self._created = int(time.time())
        if self._loaded is not None:
            self._store.destroy(self._loaded.sid, connection=self._connection)
            self._loaded = None
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
        self._open()
        self._new_sid = new_session_id()

    @property
    def sid(self) -> str | None:
        """The id under which it is stored now, a secret; None if it is not."""
        self._open()
        return None if self._loaded is None else self._loaded.sid

    @property
    def handle(self) -> str | None:
        """What names it to `SessionStore.revoke` and in listings, safe to show; None if it is not stored."""
        self._open()
        return None if self._loaded is None else self._loaded.handle

    # -- inside

    @property
    def _data(self) -> dict[str, Any]:
        self._open()
        assert self._values is not None
        return self._values

    @property
    def _keeps_created(self) -> bool:
        return "created_at" not in self._store.table.c

    @property
    def _connection(self) -> Any:
        return None if self._transaction is None else self._transaction.connection

    def _open(self) -> None:
        if self._values is not None:
            return
        sent = self._cookie.read(self._request)
        self._loaded = None if sent is None else self._store.load(sent)
        self._values = {}
        if self._loaded is not None:
            self._values = self._loaded.data
            if self._keeps_created:
                self._created = self._values.pop(CREATED, self._created)
            elif self._loaded.created_at is not None:
                self._created = int(self._loaded.created_at.timestamp())
        self._transaction = RequestTransaction.of(self._request, self._dbsession)
        if self._transaction is not None:
            self._transaction.before_commit(self._save)
        self._request.add_response_callback(self._answered)

    def _answered(self, request: Request, response: Response) -> None:
        """Pyramid calls it when the response is made, outside of all tweens."""
        response.vary = tuple(dict.fromkeys((*(response.vary or ()), "Cookie")))
        response.cache_control.no_store = True
        if self._transaction is None:
            self._save()
        elif not self._transaction.is_committed:
            # What was saved in it, and what was ended in it, was not.
            return
        if self._saved is not None and not self._saved.is_gone:
            if self._saved.session.sid != self._cookie.read(request) or self._cookie.max_age is not None:
                self._cookie.set(response, self._saved.session.sid)
        elif self._was_ended:
            self._cookie.delete(response)

    def _save(self) -> None:
        if not self._set_on_exception and getattr(self._request, "exception", None) is not None:
            return
        if self._loaded is None and not self._data:
            return
        data = dict(self._data)
        if self._keeps_created:
            data[CREATED] = self._created
        loaded = self._store.blank(new_session_id()) if self._loaded is None else self._loaded
        new_sid = None if loaded.is_blank else self._new_sid
        self._saved = self._store.save(
            loaded, data, self._timeout, new_sid=new_sid, connection=self._connection
        )
