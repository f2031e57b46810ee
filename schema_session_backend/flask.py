"""Flask: the sessions that the current request has read, so that saving one merges instead of overwriting.

It also finds what Flask-Caching does not tell a cache. Applications call `answer_unavailable` only. Flask is
never imported here: where the application has not imported it, no request is being served.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

from .errors import StoreUnavailable
from .unavailable import UnavailableMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Flask, Response

    from ._session.model import LoadedSession
    from .store import SessionStore

    Data = dict[str, Any]

__all__ = ["answer_unavailable"]

T = TypeVar("T")

_log = logging.getLogger("schema_session_backend")
_ATTRIBUTE: Final = "_schema_session_backend"
PERMANENT: Final = "_permanent"
"""The key with which Flask marks a session whose cookie outlives the browser."""
# Settings of Flask-Login that only an application with the remember cookie needs.
_REMEMBERING: Final = ("REMEMBER_COOKIE_DURATION", "REMEMBER_COOKIE_REFRESH_EACH_REQUEST")
_warned: WeakSet[Any] = WeakSet()
"""The applications that `_warn_of_remember_cookie` has warned of."""


def answer_unavailable(app: Flask) -> None:
    """Have an application answer 503, with `Retry-After`, where the database of its sessions is down.

    Flask reads and saves sessions outside of its error handlers. This replaces `app.handle_exception`, so
    that Flask logs no traceback of a `StoreUnavailable` and does not try to save the session again, and puts
    `UnavailableMiddleware` around `app.wsgi_app`.

    Args:
        app: the application. Its own error handlers still see the errors of its views.
    """
    handle_exception = app.handle_exception

    def handle_other_exceptions(e: Exception) -> Response:
        if isinstance(e, StoreUnavailable):
            raise e
        return handle_exception(e)

    app.handle_exception = handle_other_exceptions  # type: ignore[method-assign]
    app.wsgi_app = UnavailableMiddleware(app.wsgi_app)  # type: ignore[method-assign]


def per_request(owner: object, make: Callable[[], T]) -> T | None:
    """The object that `owner` has for the request that Flask is serving, made at its first use.

    Returns:
        the object; None if this thread serves no request of Flask.
    """
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    objects = _owned()
    if owner not in objects:
        objects[owner] = make()
    made: T = objects[owner]
    return made


def _owned() -> dict[object, Any]:
    """The objects of the request that Flask is serving."""
    # Several requests may share one `flask.g`, as in tests and commands, or one environ, as events of
    # Flask-SocketIO and nested applications do, but each has its own Request.
    request = sys.modules["flask"].request._get_current_object()  # noqa: SLF001
    owned: dict[object, Any] = vars(request).setdefault(_ATTRIBUTE, {})
    return owned


def caching_config() -> Mapping[str, Any] | None:
    """The configuration with which Flask-Caching is calling the constructor that calls this.

    Flask-Caching passes its `CACHE_KEY_PREFIX` to no class of a module named cachelib, so it is read off the
    frame of the caller.

    Returns:
        the configuration; None for any other caller.
    """
    caller = sys._getframe(2)  # noqa: SLF001
    return caller.f_locals.get("config") if caller.f_globals.get("__name__") == "flask_caching" else None


def session_key() -> str | None:
    """The key under which Flask-Session keeps the session of the current request.

    Returns:
        the key; None outside of a request, and for a session without an id.
    """
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    try:
        sid = getattr(flask.session, "sid", None)
    except AssertionError:
        # Flask has not opened the session yet.
        sid = None
    prefix = getattr(flask.current_app.session_interface, "key_prefix", "")
    return None if sid is None else f"{prefix}{sid}"


class RequestSessions:
    """The sessions of a cache as one request reads and saves them.

    Saving a session that the request has read keeps the changes of other requests, and stores nothing if the
    session was ended meanwhile.

    Flask-Session's `regenerate()` deletes the request's own session, and saves it under another key when the
    request ends. The delete is postponed until that save, which moves the row to the new key in one
    transaction, so that nothing can happen between the two.

    Args:
        store: keeps the sessions.
        is_session: tells whether data that was read is a session, and no other value of the cache.
    """

    def __init__(self, store: SessionStore, *, is_session: Callable[[Data], bool]) -> None:
        self._store = store
        self._is_session = is_session
        self.renew = True
        """Whether this request starts the idle timeout of the visitor's session anew."""
        self._loaded: dict[str, LoadedSession] = {}
        self._own: str | None = None
        """The key of the visitor's session, as it was read or last saved."""
        self._unknown: str | None = None
        """The key that the visitor came with, if there is no session of it."""
        self.withholds_cookie = False
        """Whether the answer must not set the session's cookie; see `_withhold_cookie`."""
        self._postponed_delete: str | None = None
        """The key of the request's own session, if it was deleted here and is still in the table."""

    def get(self, key: str) -> Data | None:
        """The data under a key, which is remembered for a save; None if there is none."""
        if key == self._postponed_delete:
            return None
        loaded = self._store.load(key)
        is_session = loaded is not None and self._is_session(loaded.data)
        if not is_session and _is_of_cookie(key):
            # Flask-Session makes a session of whatever the cookie names, and fails with any other value.
            loaded = None
        if self._own is None and _is_of_cookie(key):
            self._own, self._unknown = (None, key) if loaded is None else (key, None)
            _warn_of_remember_cookie()
        if loaded is not None and is_session:
            # Flask-Session made the request's session from the version that was read first, so keep that.
            self._loaded.setdefault(key, loaded)
        elif key in self._loaded and key != session_key():
            del self._loaded[key]
        return None if loaded is None else loaded.data

    def has(self, key: str) -> bool:
        """Whether there is data under a key."""
        return key != self._postponed_delete and self._store.has(key)

    def set(self, key: str, data: Data, max_age: float) -> bool:
        """Save a session that was read here; overwrite any other data.

        Args:
            key: the key.
            data: the whole session.
            max_age: seconds until it expires; a session of Flask's that is not permanent lives no longer than
                the store's own.

        Returns:
            whether the data was stored.
        """
        self._finish_delete()
        old_key = key
        if self._postponed_delete is not None and key == session_key():
            old_key = self._postponed_delete
        session, is_own = self._loaded.pop(old_key, None), old_key == self._own
        ends_earlier = max_age > self._store.max_age and not data.get(PERMANENT)
        if session is None:
            # `session_key` marks the session accessed, so call it only if the answer matters; see `forget`.
            is_asked = ends_earlier or bool(self._store.request_fields)
            may_be_own = self._unknown is not None or (self._own is None and is_asked)
            is_own = may_be_own and key == session_key()
        if is_own and ends_earlier:
            max_age = self._store.max_age
        if session is None:
            if not is_own:
                self._store.set(key, data, max_age)
                return True
            session = self._store.blank(key, unknown=self._unknown)
        environ = sys.modules["flask"].request.environ if is_own else None
        renew = self.renew or not is_own
        saved = self._store.save(session, data, max_age, new_sid=key, renew=renew, environ=environ)
        # Remember a session that was ended meanwhile too: the request's next save must not store it anew.
        self._loaded[key] = saved.session
        if old_key != key:
            self._postponed_delete = None
        if is_own:
            self._own = key
            becomes_permanent = session.data.get(PERMANENT) != data.get(PERMANENT) and not saved.is_late
            self._withhold_cookie(not (saved.sends_cookie or becomes_permanent))
        return not saved.is_gone

    def forget(self, *keys: str) -> None:
        """Forget what was read under these keys, so that the next save overwrites.

        The request's own session is not forgotten.
        """
        for key in keys:
            # Look the key up first: `session_key` reads `flask.session`, which marks it accessed, and Flask
            # then sends `Vary: Cookie`.
            if key in self._loaded and key != session_key():
                del self._loaded[key]

    def forget_all(self) -> None:
        """Forget what was read under any key; see `forget`."""
        self.forget(*list(self._loaded))

    def destroy(self, key: str) -> bool:
        """Remove the data under a key; returns whether there was any."""
        old_key = key if self._postponed_delete is None else self._postponed_delete
        if self._unknown is not None and key == session_key():
            # The visitor may have a session whose cookie is under way, so the answer must not delete it.
            self._withhold_cookie()
        if old_key not in self._loaded or key != session_key():
            self._loaded.pop(key, None)
            return self._store.destroy(key)
        if _session_has_data():
            if self._postponed_delete is None:
                self._postponed_delete = key
                sys.modules["flask"].after_this_request(self._finish_delete)
                _at_teardown(self._finish_delete)
            return True
        self._postponed_delete = None
        return self._store.destroy(old_key)

    def _withhold_cookie(self, withhold: bool = True) -> None:  # noqa: FBT001, FBT002 - a switch
        """Have the answer set no cookie for the session, or have it set one after all.

        Flask-Session sets the cookie with each answer. An answer that is sent with the old id, while another
        request gives the session a new id, would sign the visitor out.
        """
        self.withholds_cookie = withhold
        sys.modules["flask"].request_finished.connect(_remove_withheld_cookie)

    def _finish_delete(self, response: T | None = None) -> T | None:
        """Carry out the postponed delete, unless the request's session has got another key meanwhile."""
        if self._postponed_delete is not None and self._postponed_delete == session_key():
            self._store.destroy(self._postponed_delete)
            self._postponed_delete = None
        return response


def _remove_withheld_cookie(app: Any, response: Any, **_: object) -> None:
    """Remove the session's cookie from an answer; Flask calls this after it has saved the session."""
    if not any(getattr(owned, "withholds_cookie", False) for owned in _owned().values()):
        return
    name = app.session_interface.get_cookie_name(app)
    cookies = response.headers.getlist("Set-Cookie")
    response.headers.setlist("Set-Cookie", [one for one in cookies if not one.startswith(f"{name}=")])


def _is_of_cookie(key: str) -> bool:
    """Whether Flask-Session looks under this key for the session that the visitor's cookie names."""
    flask = sys.modules["flask"]
    prefix = getattr(flask.current_app.session_interface, "key_prefix", None)
    sid = flask.request.cookies.get(flask.current_app.config["SESSION_COOKIE_NAME"])
    # With SESSION_USE_SIGNER, a dot and the signature follow the id.
    return prefix is not None and sid is not None and f"{prefix}{sid}.".startswith(f"{key}.")


def _warn_of_remember_cookie() -> None:
    """Warn, once for an application, if Flask-Login's remember cookie undoes the end of a session."""
    flask = sys.modules["flask"]
    app = flask.current_app._get_current_object()  # noqa: SLF001
    if not hasattr(app, "login_manager") or app in _warned:
        return
    name = app.config.get("REMEMBER_COOKIE_NAME", "remember_token")
    signs = [f"{setting} is set" for setting in _REMEMBERING if app.config.get(setting)]
    signs += [f"a visitor has the cookie {name!r}"] if name in flask.request.cookies else []
    if signs:
        _warned.add(app)
        _log.warning(
            "%s: Flask-Login's remember cookie signs a device in again whose session was ended; keep such"
            ' logins in a permanent session instead, see docs/howto/kicked_out.md ("Kicked out is out")',
            ", ".join(signs),
        )


def _at_teardown(call: Callable[[], object]) -> None:
    """Have a function called when the current request is torn down, as also an event without an answer is."""
    flask = sys.modules["flask"]
    request, app = flask.request._get_current_object(), flask.current_app._get_current_object()  # noqa: SLF001

    def torn_down(_app: object, **_more: object) -> None:
        # The application may be serving other requests too.
        if flask.request._get_current_object() is request:  # noqa: SLF001
            flask.request_tearing_down.disconnect(torn_down, app)
            call()

    flask.request_tearing_down.connect(torn_down, app, weak=False)


def _session_has_data() -> bool:
    return bool(sys.modules["flask"].session)
