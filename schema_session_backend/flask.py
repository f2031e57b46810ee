"""Flask: what the request that is being served has read of its session, so that its save is no overwrite.

Flask itself is never imported here: where nobody else has, no request is being served.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._session.model import LoadedSession
    from .store import SessionStore

    Data = dict[str, Any]

__all__: list[str] = []

T = TypeVar("T")

_ENVIRON: Final = "schema_session_backend.requests"


def current_request(owner: object, make: Callable[[], T]) -> T | None:
    """What belongs to the request that is being served and to `owner`, made at its first use.

    Returns:
        None if this thread serves no request of Flask's.
    """
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    # Unlike `flask.g`, it cannot outlive the request: tests and commands may keep that open around several.
    owned = flask.request.environ.setdefault(_ENVIRON, {})
    if owner not in owned:
        owned[owner] = make()
    made: T = owned[owner]
    return made


def session_key() -> str | None:
    """The key under which Flask-Session keeps the session of the request that is being served.

    Returns:
        None outside of a request, and without a session that has an id.
    """
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    try:
        sid = getattr(flask.session, "sid", None)
    except AssertionError:
        # Flask has not opened it yet.
        sid = None
    prefix = getattr(flask.current_app.session_interface, "key_prefix", "")
    return None if sid is None else f"{prefix}{sid}"


class RequestSessions:
    """The sessions of a cache as one request reads and saves them.

    What it has read it saves with the changes of others kept, and not at all if it was revoked meanwhile.

    Flask-Session's `regenerate()` deletes the request's own session, and saves it under another key when the
    request ends. Here that is one step, so that nothing can get between: the delete waits for the save.

    Args:
        store: keeps them.
        is_session: whether data that was read is a session at all.
    """

    def __init__(self, store: SessionStore, *, is_session: Callable[[Data], bool]) -> None:
        self._store = store
        self._is_session = is_session
        self._read: dict[str, LoadedSession] = {}
        self._leaving: str | None = None

    def get(self, key: str) -> Data | None:
        """The data, remembered for a save."""
        if key == self._leaving:
            return None
        loaded = self._store.load(key)
        if loaded is not None and self._is_session(loaded.data):
            # The first one read: it is what the session of the request was made of.
            self._read.setdefault(key, loaded)
        elif key in self._read and key != session_key():
            del self._read[key]
        return None if loaded is None else loaded.data

    def has(self, key: str) -> bool:
        """Whether there is one."""
        return key != self._leaving and self._store.has(key)

    def set(self, key: str, data: Data, max_age: float) -> bool:
        """Save what was read, or overwrite; returns whether it was stored."""
        self._settle()
        old = key if self._leaving is None or key != session_key() else self._leaving
        if old not in self._read:
            self._store.set(key, data, max_age)
            return True
        saved = self._store.save(self._read[old], data, max_age, new_sid=key)
        del self._read[old]
        # Also if it is gone: then so it is for a further save of this request.
        self._read[key] = saved.session
        if old != key:
            self._leaving = None
        return not saved.is_gone

    def forget(self, *keys: str) -> None:
        """Take what is saved next under these keys for something new, but not the request's own session."""
        for key in keys:
            # To ask for the session is to have used it, for which Flask adds a header to the answer.
            if key in self._read and key != session_key():
                del self._read[key]

    def forget_all(self) -> None:
        """`forget` all keys."""
        self.forget(*list(self._read))

    def destroy(self, key: str) -> bool:
        """Remove one; returns whether there was one."""
        old = key if self._leaving is None else self._leaving
        if old not in self._read or key != session_key():
            self._read.pop(key, None)
            return self._store.destroy(key)
        if _session_has_data():
            if self._leaving is None:
                self._leaving = key
                sys.modules["flask"].after_this_request(self._settle)
            return True
        self._leaving = None
        return self._store.destroy(old)

    def _settle(self, response: T | None = None) -> T | None:
        """Remove the request's own session, if it was deleted and has not got another key since."""
        if self._leaving is not None and self._leaving == session_key():
            self._store.destroy(self._leaving)
            self._leaving = None
        return response


def _session_has_data() -> bool:
    return bool(sys.modules["flask"].session)
