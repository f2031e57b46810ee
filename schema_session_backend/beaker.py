"""Beaker: `session.type = schema`, `cache.type = schema`, and a session class without Beaker's weaknesses.

What Beaker calls a namespace is one session, or one named part of a cache. Beaker finds
`SchemaNamespaceManager` by the entry point `schema` of the group `beaker.backends`. It passes sessions on to
`SerializedSessionNamespace`, and caches to `CacheNamespace`. `SchemaSession` uses `SessionNamespace` itself.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import re
import time
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import cache, cached_property
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from beaker.cache import cache_regions
from beaker.container import NamespaceManager
from beaker.session import Session
from beaker.synchronization import NameLock, file_synchronizer

from ._beaker_text import ENCRYPTION_REFUSED, JSON, SERIALIZER_KEY, deserialized, serialized, through_json
from ._session.ids import new_session_id
from ._session.timeouts import cookie_max_age, remember, remembered
from ._shared import refuse_unknown, shared_store
from .errors import (
    ConfigurationError,
    InvalidSessionId,
    SessionTooLarge,
    StoreUnavailable,
    UnserializableValue,
    WrongArgument,
)
from .unavailable import UnavailableMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ._session.model import LoadedSession
    from ._session.timeouts import Seconds
    from .store import SessionStore

__all__ = ["RequestMiddleware", "SchemaNamespaceManager", "SchemaSession"]
_log = logging.getLogger("schema_session_backend")

SESSION_KEY: Final = "session"
ACCESSED: Final = "_accessed_time"
CREATED: Final = "_creation_time"
# What Beaker adds, in seconds, to the timeout that it passes to a back end.
ADDED_BY_BEAKER: Final = 120
LONG_AGO: Final = -math.inf
# The keys that `Session.delete()` leaves in a session.
LEFT_BY_DELETE: Final = frozenset({"_domain", "_path", SERIALIZER_KEY})
# Beaker's own settings. It passes those to a back end that it has not used itself.
SESSION_SETTINGS: Final = frozenset({
    "auto", "cookie_domain", "cookie_expires", "cookie_path", "crypto_type", "data_dir", "data_serializer",
    "encrypt_key", "encrypt_nonce_bits", "httponly", "invalidate_corrupt", "key", "lock_dir", "samesite",
    "save_accessed_time", "secret", "secure", "session_class", "timeout", "type", "use_cookies",
    "validate_key", "webtest_varname",
})  # fmt: skip
CACHE_SETTINGS: Final = frozenset(
    {"data_dir", "enabled", "expire", "key_length", "lock_dir", "regions", "type"}
)
# What Beaker passes to a back end beside its documented settings.
BEAKER_INTERNALS: Final = frozenset({"class", "digest_filenames", "log_file"})
# Beaker leaves keyword arguments with a prefix among the settings, beside the same ones without it.
PREFIXES: Final = ("session.", "beaker.session.", "cache.", "beaker.cache.")
# What Beaker's `Cache` does not pass on to a back end.
USED_BY_CACHE: Final = frozenset({"expire", "expiretime", "starttime", "type"})
REFUSED_FOR_CACHES: Final = {
    "schemas": "a cache brings its own columns",
    "max_age": "{}expire says how long a value is valid",
}
# What RFC 6265 allows. Python takes a part after a blank for another cookie, and fails if that is illegal.
COOKIE_VALUE: Final = re.compile(r'("?)[!#-+\--:<-\[\]-~]*\1')
CACHE_SCHEMAS: Final = "namespace String(255) not null index; key Text"
# Not "beaker_cache", the table of Beaker's own back ends.
CACHE_TABLE: Final = "beaker_cached_values"
SERVED_WHEN_EXPIRED: Final = 60 * 60
"""Seconds for which an expired value of a cache can still be read."""
LONGEST_NAMESPACE: Final = 255


class SchemaNamespaceManager(NamespaceManager):
    """Beaker's `schema` back end, for `session.type` and for `cache.type`.

    The settings are `store`, or `url` and options of `SessionStore`: texts from an ini file, or values from a
    dict. A setting that cannot work is a `ConfigurationError` at the first read or write. A cache's `key` is
    text or bytes; a `value` that cannot be stored is an `UnserializableValue` or a `SessionTooLarge`.

    Changes of two requests to one session are merged, a session that was deleted or revoked meanwhile is not
    stored again, and a request that only reads its session writes nothing until `touch_interval` has passed.

    A back end cannot refuse an unknown id, nor remove the old row after `invalidate()` and `regenerate_id()`,
    because Beaker does not tell it about them. `SchemaSession` does both.

    Args:
        namespace: the session id, or the name of the cache's namespace.
        settings: the settings, and Beaker's own settings, which are ignored.
    """

    # Beaker has one registry of back ends for sessions and for caches, and does not tell a back end which of
    # the two it is for. The keys tell: a session is the key "session", and the keys of a cache are bytes.

    def __init__(self, namespace: str, **settings: Any) -> None:
        super().__init__(namespace)
        self._settings = settings

    @cached_property
    def _session(self) -> SerializedSessionNamespace:
        return SerializedSessionNamespace(self.namespace, **self._settings)

    @cached_property
    def _cache(self) -> CacheNamespace:
        return CacheNamespace(self.namespace, **self._settings)

    def _namespace_for(self, key: str | bytes) -> NamespaceManager:
        return self._session if key == SESSION_KEY else self._cache

    def __getitem__(self, key: str | bytes) -> Any:
        return self._namespace_for(key)[key]

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        self._namespace_for(key)[key] = value

    def __delitem__(self, key: str | bytes) -> None:
        del self._namespace_for(key)[key]

    def __contains__(self, key: str | bytes) -> bool:
        return key in self._namespace_for(key)

    def set_value(self, key: str | bytes, value: Any, expiretime: float | None = None) -> None:
        """Store a value of the cache.

        Args:
            key: the key.
            value: the value.
            expiretime: seconds after which Beaker takes the value for expired; None for never. It can be read
                for another hour.
        """
        self._cache.set_value(key, value, expiretime)

    def keys(self) -> list[str | bytes]:
        """All keys of this namespace of the cache."""
        return self._cache.keys()

    def do_remove(self) -> None:
        """Remove all values of this namespace of the cache."""
        self._cache.do_remove()

    def get_creation_lock(self, key: str | bytes) -> Any:
        """The lock that Beaker holds while it makes a missing value; between processes with a `lock_dir`."""
        return self._cache.get_creation_lock(key)


class SessionNamespace(NamespaceManager):
    """One session as a dict under the key "session": reading loads the session, writing saves it.

    Beaker's `Session` only reads and writes. `SchemaSession` also calls `end` when the session ends, `rename`
    when it gets another id, and `replace` when its id is unknown.

    Args:
        namespace: the session id.
        timeout: seconds, the idle timeout, which is two minutes longer than Beaker's `session.timeout`; None
            for the store's idle timeout.
        settings: see `SchemaNamespaceManager`.
    """

    def __init__(self, namespace: str, *, timeout: float | str | None = None, **settings: Any) -> None:
        super().__init__(namespace)
        own = _store_settings(settings, SESSION_SETTINGS, prefix="session.", max_age="timeout")
        self._store = shared_store(own, prefix="session.")
        self._timeout = None if timeout is None else float(timeout)
        self.renew = True
        """Whether a save starts the idle timeout anew."""
        self._loaded: LoadedSession | None = None
        self._unknown: str | None = None
        self.last_use: float | None = None
        """When the session that was read had been used last, in seconds since 1970; None if unknown."""
        self.sends_cookie = False
        """Whether the cookie is new, or due for renewal, by the last save."""
        self.is_late = False
        """Whether the session had been ended, or given a new id, before the last save."""

    def __getitem__(self, key: str) -> Any:
        """The session's dict, which the caller may change.

        Raises:
            KeyError: if there is no such session.
        """
        with _failing_once():
            self._loaded = self._store.load(self.namespace)
        if self._loaded is None:
            raise KeyError(key)
        # The time of access is computed instead of stored: otherwise every request would have to write it.
        return {**self._loaded.data, ACCESSED: self._last_use(self._loaded)}

    def __setitem__(self, key: str, data: Any) -> None:
        """Save the session, which is new unless it was read before.

        A session with nothing but the keys that `Session.delete()` leaves is removed.
        """
        if data.keys() <= LEFT_BY_DELETE:
            self.end()
            return
        data.pop(ACCESSED, None)
        try:
            session = self._loaded or self._store.blank(self.namespace, unknown=self._unknown)
        except InvalidSessionId:
            # The id comes from the visitor's cookie, so an error would be a response of status 500.
            _log.warning(
                "a session under an impossible id was not stored; SchemaSession gives such visitors a new id"
            )
            return
        self._save(session, data)

    def __delitem__(self, key: str) -> None:
        """Remove the session; no error if another request has removed it after Beaker looked for it."""
        self._store.destroy(self.namespace)

    def __contains__(self, key: str) -> bool:
        return self._store.get(self.namespace) is not None

    def end(self) -> None:
        """Remove the session that was read or saved here, if any."""
        self.is_late = False
        if self._loaded is not None:
            self._store.destroy(self._loaded.sid)

    @property
    def is_unknown(self) -> bool:
        """Whether the visitor came with an unknown id, and nothing is stored yet under the new one."""
        return self._loaded is None and self._unknown is not None

    def rename(self, sid: str, *, at_once: bool) -> None:
        """Give the session a new id.

        Args:
            sid: the new id.
            at_once: move the row now, without the request's changes; otherwise the next save moves the row.
        """
        self.namespace = sid
        if at_once and self._loaded is not None:
            self._save(self._loaded, self._loaded.data)

    def replace(self, sid: str) -> None:
        """Take a new id instead of the visitor's, under which there is no session."""
        self._unknown, self.namespace = self.namespace, sid

    def _save(self, session: LoadedSession, data: dict[str, Any]) -> None:
        environ = _served.get()
        if environ is None and (self._store.request_fields or self._store.unrenewed_paths):
            _warn_of_unknown_requests()
        saved = self._store.save(
            session,
            data,
            self._max_age(data),
            new_sid=self.namespace,
            renew=self.renew,
            environ=environ,
        )
        self._loaded = saved.session
        self.is_late = saved.is_late
        self.sends_cookie = saved.sends_cookie

    def _max_age(self, data: dict[str, Any]) -> float | None:
        own = remembered(data)
        return self._timeout if own is None else own

    def _last_use(self, session: LoadedSession) -> float:
        """When the session was last used, in seconds since 1970, by the database's clock.

        Beaker ends a session whose last use is longer ago than the timeout by this host's clock, which may be
        wrong, and which Beaker reads before the database answers. Near the timeout, return a time that has
        Beaker do what the database's clock says.
        """
        max_age = self._store.idle_timeout(session, self._max_age(session.data))
        last_use, idle = session.last_use(max_age), session.idle_for(max_age)
        self.last_use = last_use
        is_remembered = remembered(session.data) is not None
        known = last_use or session.data.get(CREATED) or time.time()
        if self._timeout is None or (idle is None and not is_remembered):
            return known
        timeout = self._timeout - ADDED_BY_BEAKER
        # The row tells when a remembered session ends, and Beaker's own timeout must not end it.
        is_over = idle is not None and idle >= timeout and not is_remembered
        return LONG_AGO if is_over else max(known, time.time() - timeout)


class SerializedSessionNamespace(SessionNamespace):
    """One session as Beaker's own `Session` reads and writes it: as text of one of Beaker's serializers."""

    def __getitem__(self, key: str) -> Any:
        """The session's text, from the serializer that it was saved with.

        Raises:
            KeyError: if there is no such session.
        """
        return serialized(super().__getitem__(key))

    def __setitem__(self, key: str, text: Any) -> None:
        """Save the session in a text."""
        super().__setitem__(key, deserialized(text))


class CacheNamespace(NamespaceManager):
    """One namespace of a cache; each value is a row.

    Args:
        namespace: the namespace's name.
        settings: see `SchemaNamespaceManager`. `lock_dir`, or else `data_dir`, is the directory for lock
            files; without both, locks are valid in this process only.
    """

    def __init__(self, namespace: str, **settings: Any) -> None:
        super().__init__(namespace)
        prefix = _cache_prefix(settings)
        own = _store_settings(settings, CACHE_SETTINGS, prefix=prefix, max_age="expire")
        self._store = _cache_store(own, prefix)
        self._lock_dir = settings.get("lock_dir") or settings.get("data_dir")
        self._stored_name = _shortened(namespace)

    def __getitem__(self, key: str | bytes) -> Any:
        entry = self._store.get(self._entry_id(key))
        if entry is None:
            raise KeyError(key)
        return entry["value"]

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        self.set_value(key, value)

    def __delitem__(self, key: str | bytes) -> None:
        if not self._store.destroy(self._entry_id(key)):
            raise KeyError(key)

    def __contains__(self, key: str | bytes) -> bool:
        return self._store.get(self._entry_id(key)) is not None

    def set_value(self, key: str | bytes, value: Any, expiretime: float | None = None) -> None:
        """Store a value; see `SchemaNamespaceManager.set_value`."""
        is_bytes = isinstance(key, bytes)
        entry = {"namespace": self._stored_name, "key": _escaped(key), "is_bytes": is_bytes, "value": value}
        # Beaker serves the expired value while one caller makes it anew, and itself knows when it expires.
        max_age = math.inf if expiretime is None else expiretime + SERVED_WHEN_EXPIRED
        with _about_a_cache():
            self._store.set(self._entry_id(key), entry, max_age)

    def keys(self) -> list[str | bytes]:
        """All keys of this namespace."""
        entries = (record.data for record in self._store.find(namespace=self._stored_name))
        return [_unescaped(entry["key"], is_bytes=entry.get("is_bytes", False)) for entry in entries]

    def do_remove(self) -> None:
        """Remove all values of this namespace."""
        self._store.revoke_where(namespace=self._stored_name)

    def get_creation_lock(self, key: str | bytes) -> Any:
        """The lock that Beaker holds while it makes a missing value."""
        identifier = f"schema/funclock/{self.namespace}/{key!r}"
        if self._lock_dir:
            return file_synchronizer(identifier, lock_dir=self._lock_dir)
        return NameLock(identifier, reentrant=True)

    def _entry_id(self, key: str | bytes) -> str:
        kind = "b" if isinstance(key, bytes) else "s"
        return hashlib.sha256(f"{self.namespace}\0{kind}{_escaped(key)}".encode()).hexdigest()


class SchemaSession(Session):
    """A session class for Beaker that does what a back end alone cannot; pass it as `session_class`.

    - An id from a cookie under which no session is stored is replaced, which prevents session fixation.
    - `regenerate_id()` moves the row to the new id when the session is saved; `invalidate()` and a timeout
      remove the row.
    - Ids have 256 random bits.
    - A failing database is an error, never an empty session that looks like a logout.
    - The store gets the session itself, and not a text that Beaker has pickled and encoded.

    Takes the arguments of Beaker's `Session`: `request`, `id` and `settings`.

    Raises:
        ConfigurationError: for an `encrypt_key`, because no field of an encrypted session can go to a column.
    """

    namespace: SessionNamespace
    """The session's namespace, whose name is always the session's id.

    Beaker creates it with the first load or save, so that a visitor without a cookie has none before.
    """

    _renew = True

    def __init__(self, request: Any, id: str | None = None, **settings: Any) -> None:  # noqa: A002 - Beaker's
        if settings.get("encrypt_key"):
            raise ConfigurationError(ENCRYPTION_REFUSED)
        settings["namespace_class"] = SessionNamespace
        # With True, Beaker treats any error of a load as a corrupt session, and logs the id of the session.
        settings["invalidate_corrupt"] = False
        # Remove the other cookies, and values that no id has: Beaker fails if it takes one for illegal.
        request["cookie"] = _only_cookie(request.get("cookie"), settings.get("key", "beaker.session.id"))
        super().__init__(request, id, **settings)

    def load(self) -> None:
        """Load the session; replace an id from the cookie under which no session is stored."""
        has_cookie = not self.is_new
        super().load()
        self.namespace.renew = self._renew
        if not self.is_new and remembered(self) is not None:
            self.last_accessed = self.namespace.last_use
        if has_cookie and self.is_new and self.use_cookies and not self.was_invalidated:
            self._create_id()
            self.namespace.replace(self.id)

    def invalidate(self) -> None:
        """Remove the session with its row, and start an empty session under a new id."""
        if hasattr(self, "namespace"):
            self.namespace.end()
        super().invalidate()

    def regenerate_id(self) -> None:
        """Give the session a new id; the old id is unknown as soon as the session is saved."""
        super().regenerate_id()
        if hasattr(self, "namespace"):
            # Without `save_accessed_time`, Beaker does not save the session at the end of the request.
            self.namespace.rename(self.id, at_once=not self.save_atime)
            self._keep_cookie_if_late()

    def save(self, accessed_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        """Save the session; `accessed_only` is that of Beaker's `Session.save`."""
        super().save(accessed_only)
        if hasattr(self, "namespace") and self.namespace.sends_cookie and remembered(self) is not None:
            # Beaker itself sets a cookie once, whose time then runs down while the session is in use.
            self._send_cookie()
        self._keep_cookie_if_late()

    def remember(self, max_age: Seconds | None) -> None:
        """Have the session, and its cookie, live that long after each use instead of Beaker's `timeout`.

        It counts from the next save, and as long as the session lives.

        Args:
            max_age: seconds; `math.inf` for ever, None for Beaker's `timeout` and `cookie_expires` again.

        Raises:
            ConfigurationError: for an impossible `max_age`.
        """
        remember(self, max_age)
        self._send_cookie()

    def keep_expiry(self) -> None:
        """Have this request not start the idle timeout anew, and not renew the cookie.

        What it writes to the session is saved.
        """
        self._renew = False
        if hasattr(self, "namespace"):
            self.namespace.renew = False

    def delete(self) -> None:
        """Remove the session, and its cookie if the request has loaded the session."""
        remember(self, None)
        super().delete()
        if hasattr(self, "namespace") and self.namespace.is_unknown:
            self._keep_cookie()

    def _keep_cookie_if_late(self) -> None:
        """Send no cookie if the session was ended or got a new id before the save.

        If two requests log in at the same time, one of them gives the session its new id. The other one must
        not replace that id in the browser. Nor must a request without a session, as long as it stores none: a
        cookie with a new id may be under way.
        """
        if hasattr(self, "namespace") and (self.namespace.is_late or self.namespace.is_unknown):
            self._keep_cookie()

    def _send_cookie(self) -> None:
        if self.use_cookies:
            # A new session's cookie is set by the save that stores it.
            self._update_cookie_out(set_cookie=not self.is_new or self.request["set_cookie"])

    def _set_cookie_expires(self, expires: Any) -> Any:
        """Have the cookie of a remembered session expire with it."""
        own = remembered(self)
        if expires is not None or own is None:
            return super()._set_cookie_expires(expires)
        usual = self.cookie_expires
        date = super()._set_cookie_expires(timedelta(seconds=cookie_max_age(own)))
        self.cookie_expires = usual
        return date

    def _keep_cookie(self) -> None:
        self.request["set_cookie"] = False

    def _create_id(self, set_new: bool = True) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        super()._create_id(set_new)
        self.id = new_session_id()
        if self.use_cookies:
            self._update_cookie_out(set_cookie=not set_new)

    def _encrypt_data(self, session_data: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data that Beaker writes to the namespace: the session itself, after JSON if that is chosen."""
        data = session_data or self.copy()
        return {**through_json(data), SERIALIZER_KEY: JSON} if self.data_serializer == JSON else data

    def _decrypt_data(self, session_data: dict[str, Any]) -> dict[str, Any]:
        """The session in the data that Beaker has read from the namespace."""
        session_data.pop(SERIALIZER_KEY, None)
        if self.data_serializer == JSON:
            return through_json(session_data)
        # Without `save_accessed_time`, `regenerate_id` saves the session as it was read, so the application
        # gets a copy to change.
        return session_data if self.save_atime else copy.deepcopy(session_data)


def _store_settings(
    settings: dict[str, Any], beakers: frozenset[str], *, prefix: str, max_age: str
) -> dict[str, Any]:
    """The settings of the store, without Beaker's own.

    Raises:
        ConfigurationError: for a setting that neither the store nor Beaker knows.
    """
    ours = {name: value for name, value in settings.items() if not name.startswith(PREFIXES)}
    refuse_unknown(ours, BEAKER_INTERNALS, prefix=prefix, options=beakers, max_age=max_age)
    return {name: value for name, value in ours.items() if name not in beakers | BEAKER_INTERNALS}


def _only_cookie(given: Any, name: str) -> Any:
    """The cookies with that name and a value that may be an id, of a Cookie header.

    A dict, which Beaker takes too, gives all that have the name.
    """
    if isinstance(given, dict):
        return {key: value for key, value in given.items() if key == name}
    pairs = (cookie.partition("=") for cookie in (given or "").split(";"))
    named = (value.strip() for key, _, value in pairs if key.strip() == name)
    return ";".join(f"{name}={value}" for value in named if COOKIE_VALUE.fullmatch(value))


# -- requests


class RequestMiddleware:
    """WSGI middleware for what Beaker's own cannot do; put it around Beaker's.

    - A database that is down is an answer with the status 503, as with `UnavailableMiddleware`. A request
      whose session could not be read does not try again. Beaker itself would, with an empty session.
    - The sessions know the request in which they are saved, for `request_fields` and `unrenewed_paths`.
      Beaker passes nothing of a request to its sessions but the cookies.

    In an ini file it is a filter whose `paste.filter_app_factory` is this class.

    Args:
        app: the WSGI application.
        global_conf: what PasteDeploy passes to a filter; not used.
    """

    def __init__(self, app: Any, global_conf: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - PasteDeploy's
        self._app = UnavailableMiddleware(app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        with _serving(environ):
            body = self._app(environ, start_response)
        # A generator runs, and saves its session, when the server asks for the body.
        return _generated(environ, body) if isinstance(body, GeneratorType) else body


_served: Final[ContextVar[dict[str, Any] | None]] = ContextVar("_served", default=None)
"""The WSGI environment of the request that is being served, if `RequestMiddleware` is there."""


FAILED: Final = "schema_session_backend.failed"
"""The key under which the environment of a request has the error with which its session could not be read."""


@contextmanager
def _failing_once() -> Iterator[None]:
    """Raise the error of an unreachable database again, without another try, while a request is served."""
    environ = _served.get()
    if environ is None:
        yield
        return
    if FAILED in environ:
        raise environ[FAILED]
    try:
        yield
    except StoreUnavailable as error:
        environ[FAILED] = error
        raise


@contextmanager
def _serving(environ: dict[str, Any]) -> Iterator[None]:
    before = _served.get()
    _served.set(environ)
    try:
        yield
    finally:
        _served.set(before)


def _generated(environ: dict[str, Any], body: Any) -> Iterator[bytes]:
    with closing(body):
        while True:
            with _serving(environ):
                try:
                    part: bytes = next(body)
                except StopIteration:
                    return
            yield part


@cache
def _warn_of_unknown_requests() -> None:
    _log.warning(
        "request_fields and unrenewed_paths have no effect, because Beaker does not tell of the request: put"
        " RequestMiddleware of schema_session_backend.beaker around its middleware"
    )


# -- caches


def _cache_prefix(settings: dict[str, Any]) -> str:
    """The prefix that the settings of a cache have: "cache.", or that of the region with these settings.

    Beaker does not tell a back end to which region a cache belongs.
    """
    for region, its_settings in cache_regions.items():
        if settings == {name: value for name, value in its_settings.items() if name not in USED_BY_CACHE}:
            return f"cache.{region}."
    return "cache."


def _cache_store(settings: dict[str, Any], prefix: str) -> SessionStore:
    if "store" not in settings:
        for name, advice in REFUSED_FOR_CACHES.items():
            if name in settings:
                raise ConfigurationError(f"{prefix}{name}: {advice.format(prefix)}; leave it out")
        settings = {"table_name": CACHE_TABLE, **settings, "schemas": CACHE_SCHEMAS}
    store = shared_store(settings, prefix=prefix)
    if not {"namespace", "key"} <= set(store.fields):
        raise ConfigurationError(f"{prefix}store: a cache needs a store with schemas={CACHE_SCHEMAS!r}")
    return store


@contextmanager
def _about_a_cache() -> Iterator[None]:
    """Have the errors of a value that cannot be stored speak of a cache, not of a session."""
    try:
        yield
    except UnserializableValue as error:
        raise UnserializableValue(error.key, error.problem, place="the value for the cache") from None
    except SessionTooLarge as error:
        sizes = f"takes {error.size} bytes and max_size allows {error.limit}"
        problem = f"the value for the cache {sizes}: store less, or raise max_size"
        raise SessionTooLarge(problem, size=error.size, limit=error.limit) from None


def _shortened(name: str) -> str:
    """The name itself; if it is too long for its column, its start and a hash."""
    if len(name) <= LONGEST_NAMESPACE:
        return str(name)
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: LONGEST_NAMESPACE - len(digest)]}{digest}"


def _escaped(key: str | bytes) -> str:
    """A cache's key as text that every database can store: as ASCII, with escapes for NUL and the like.

    Raises:
        WrongArgument: for a key that is neither text nor bytes.
    """
    if not isinstance(key, (str, bytes)):
        raise WrongArgument(f"a cache key is text or bytes, not {type(key).__name__}; use str(key)")
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    return text.encode("unicode_escape").decode("ascii")


def _unescaped(escaped: str, *, is_bytes: bool) -> str | bytes:
    text = escaped.encode("ascii").decode("unicode_escape")
    return text.encode("latin-1") if is_bytes else text
