"""Beaker: `session.type = schema`, `cache.type = schema`, and the session class that cures what they cannot.

A namespace, in Beaker's words, is one session or one named part of a cache. Beaker finds
`SchemaNamespaceManager` by the entry point `schema` of the group `beaker.backends`; that hands sessions to
`SerializedSessionNamespace` and caches to `CacheNamespace`. `SchemaSession` uses `SessionNamespace` directly.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import logging
import pickle
import time
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from beaker.container import NamespaceManager
from beaker.session import Session
from beaker.synchronization import NameLock, file_synchronizer

from ._session.ids import new_session_id
from ._shared import refuse_unknown, shared_store
from .errors import ConfigurationError, InvalidSessionId

if TYPE_CHECKING:
    from ._session.model import LoadedSession
    from .store import SessionStore

__all__ = ["SchemaNamespaceManager", "SchemaSession"]
_log = logging.getLogger("schema_session_backend")

SESSION_KEY: Final = "session"
ACCESSED: Final = "_accessed_time"
CREATED: Final = "_creation_time"
# Marks a session that was saved with `data_serializer = json`, and is to be read as JSON again.
SERIALIZED_AS: Final = "_beaker_serializer"
JSON: Final = "json"
# What a session still holds after `Session.delete()`.
LEFT_BY_DELETE: Final = frozenset({"_domain", "_path", SERIALIZED_AS})
# What Beaker hands to every back end beside the back end's own settings.
BEAKERS_OWN: Final = frozenset({
    "auto", "cache_regions", "class", "data_dir", "digest_filenames", "enabled", "expire", "id", "key_length",
    "lock_dir", "log_file", "session_class", "timeout", "webtest_varname",
})  # fmt: skip
CACHE_SCHEMAS: Final = "namespace String(255) not null index; key Text"
CACHE_TABLE: Final = "beaker_cache"
LONGEST_NAMESPACE: Final = 255


class SchemaNamespaceManager(NamespaceManager):
    """Beaker's `schema` back end, for `session.type` and for `cache.type`.

    Settings arrive as Beaker passes them on, texts or objects: `store`, or `url` and options of
    `SessionStore`. What cannot work is a `ConfigurationError` at the first read or write. A cache's `key` is
    text or bytes; a `value` that cannot be stored is an `UnserializableValue` or a `SessionTooLarge`.

    A session that others changed meanwhile is merged, one that was deleted or revoked meanwhile is not
    brought back, and a request that only looked writes nothing for a while. Beaker tells no back end enough
    to refuse unknown ids, or to remove rows after `invalidate()` and `regenerate_id()`: see `SchemaSession`.

    Args:
        namespace: the session id, or the name of the cache's namespace.
        settings: ours, and what Beaker hands to every back end.
    """

    # Beaker has one registry for both kinds of back end and does not say which of them it makes. They differ
    # in how they are used: a Session reads and writes the key "session", a Cache uses keys that are bytes.

    def __init__(self, namespace: str, **settings: Any) -> None:
        super().__init__(namespace)
        self._settings = settings

    @cached_property
    def _session(self) -> SerializedSessionNamespace:
        return SerializedSessionNamespace(self.namespace, **self._settings)

    @cached_property
    def _cache(self) -> CacheNamespace:
        return CacheNamespace(self.namespace, **self._settings)

    def _meant_by(self, key: str | bytes) -> NamespaceManager:
        return self._session if key == SESSION_KEY else self._cache

    def __getitem__(self, key: str | bytes) -> Any:
        return self._meant_by(key)[key]

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        self._meant_by(key)[key] = value

    def __delitem__(self, key: str | bytes) -> None:
        del self._meant_by(key)[key]

    def __contains__(self, key: str | bytes) -> bool:
        return key in self._meant_by(key)

    def set_value(self, key: str | bytes, value: Any, expiretime: float | None = None) -> None:
        """Store a value of the cache; after `expiretime` seconds gc may remove it, None is never."""
        self._cache.set_value(key, value, expiretime)

    def keys(self) -> list[str | bytes]:
        """The keys of this namespace of the cache."""
        return self._cache.keys()

    def do_remove(self) -> None:
        """Remove all values of this namespace of the cache."""
        self._cache.do_remove()

    def get_creation_lock(self, key: str | bytes) -> Any:
        """What Beaker holds while it makes a value that is missing; across processes with a `lock_dir`."""
        return self._cache.get_creation_lock(key)


class SessionNamespace(NamespaceManager):
    """One session as a dict under the key "session": reading loads it, writing saves what has changed.

    That is all that Beaker's `Session` tells a back end. `SchemaSession` also tells when the session ends
    (`end`) or gets another id (`rename`), and asks whether a save came too late (`is_gone`).

    Args:
        namespace: the session id.
        timeout: seconds, the idle timeout; Beaker adds two minutes to the session's. None for the store's.
        settings: as for `SchemaNamespaceManager`.
    """

    def __init__(self, namespace: str, *, timeout: float | str | None = None, **settings: Any) -> None:
        super().__init__(namespace)
        self._store = shared_store(_own_settings(settings, prefix="session."), prefix="session.")
        self._timeout = None if timeout is None else float(timeout)
        self._loaded: LoadedSession | None = None
        self.is_gone = False
        """Whether the last save was dropped, because the session had been ended meanwhile."""

    def __getitem__(self, key: str) -> Any:
        """The session's dict, which the caller may change; KeyError if there is no such session."""
        self._loaded = self._store.load(self.namespace)
        if self._loaded is None:
            raise KeyError(key)
        # The time of access is not stored with the rest: every request would have to write it.
        return {**self._loaded.data, ACCESSED: self._accessed_at(self._loaded)}

    def __setitem__(self, key: str, data: Any) -> None:
        """Save the session that was read here before, or a new one; what `Session.delete()` left ends it."""
        if data.keys() <= LEFT_BY_DELETE:
            self.end()
            return
        data.pop(ACCESSED, None)
        try:
            session = self._loaded or self._store.blank(self.namespace)
        except InvalidSessionId:
            # Whoever sends such a cookie would get an answer 500 otherwise.
            _log.warning(
                "a session under an impossible id was not stored; SchemaSession gives such visitors a new id"
            )
            return
        self._save(session, data)

    def __delitem__(self, key: str) -> None:
        """Remove the session; that another request did so after Beaker looked for it is no error."""
        self._store.destroy(self.namespace)

    def __contains__(self, key: str) -> bool:
        return self._store.get(self.namespace) is not None

    def end(self) -> None:
        """Remove the session that was read or saved here, if any."""
        self.is_gone = False
        if self._loaded is not None:
            self._store.destroy(self._loaded.sid)

    def rename(self, sid: str, *, at_once: bool) -> None:
        """Give the session a new id, with its next save or, without what the request changed, `at_once`."""
        self.namespace = sid
        if at_once and self._loaded is not None:
            self._save(self._loaded, self._loaded.data)

    def _save(self, session: LoadedSession, data: dict[str, Any]) -> None:
        saved = self._store.save(session, data, self._timeout, new_sid=self.namespace)
        self._loaded = saved.session
        self.is_gone = saved.is_gone

    def _accessed_at(self, session: LoadedSession) -> float:
        """When the session was last used, by this host's clock, with which Beaker will compare it."""
        idle = session.idle_for(self._store.max_age if self._timeout is None else self._timeout)
        if idle is None:
            return session.data.get(CREATED) or time.time()
        return time.time() - idle


class SerializedSessionNamespace(SessionNamespace):
    """One session as Beaker's own `Session` reads and writes it: text that one of its serializers made.

    Beaker does not tell a back end which serializer that is, so a session is read in the form that it was
    saved in.
    """

    def __getitem__(self, key: str) -> Any:
        """The session's text; KeyError if there is no such session."""
        return _serialized(super().__getitem__(key))

    def __setitem__(self, key: str, text: Any) -> None:
        """Save the session that is in this text."""
        super().__setitem__(key, _deserialized(text))


class CacheNamespace(NamespaceManager):
    """One namespace of a cache; each value is a row.

    Args:
        namespace: its name.
        data_dir: where locks are files, if there is no `lock_dir`.
        lock_dir: where locks are files; without either, a lock holds in this process only.
        settings: as for `SchemaNamespaceManager`.
    """

    def __init__(
        self, namespace: str, *, data_dir: str | None = None, lock_dir: str | None = None, **settings: Any
    ) -> None:
        super().__init__(namespace)
        self._store = _cache_store(_own_settings(settings, prefix="cache."))
        self._lock_dir = lock_dir or data_dir
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
        """Store a value; after `expiretime` seconds gc may remove it."""
        is_bytes = isinstance(key, bytes)
        entry = {"namespace": self._stored_name, "key": _escaped(key), "is_bytes": is_bytes, "value": value}
        max_age = float("inf") if expiretime is None else max(expiretime, 0.001)
        self._store.set(self._entry_id(key), entry, max_age)

    def keys(self) -> list[str | bytes]:
        """The keys of all values."""
        entries = (record.data for record in self._store.find(namespace=self._stored_name))
        return [_unescaped(entry["key"], is_bytes=entry.get("is_bytes", False)) for entry in entries]

    def do_remove(self) -> None:
        """Remove all values."""
        self._store.revoke_where(namespace=self._stored_name)

    def get_creation_lock(self, key: str | bytes) -> Any:
        """The lock to hold while making a value."""
        identifier = f"schema/funclock/{self.namespace}/{key!r}"
        if self._lock_dir:
            return file_synchronizer(identifier, lock_dir=self._lock_dir)
        return NameLock(identifier, reentrant=True)

    def _entry_id(self, key: str | bytes) -> str:
        kind = "b" if isinstance(key, bytes) else "s"
        return hashlib.sha256(f"{self.namespace}\0{kind}{_escaped(key)}".encode()).hexdigest()


class SchemaSession(Session):
    """Beaker's session without what a back end alone cannot cure; pass it as `session_class`.

    - an id that nothing is stored under is never taken over from the cookie (session fixation);
    - `regenerate_id()` moves the row to the new id as the request is saved, `invalidate()` and a timeout
      remove it;
    - ids have 256 random bits;
    - a failing database is an error, never an empty session that looks like a logout;
    - the store gets the session itself, which Beaker would pickle and encode first.

    Takes the arguments of Beaker's `Session`: `request`, `id` and `settings`.

    Raises:
        ConfigurationError: for an `encrypt_key`, behind which no field can be found.
    """

    namespace: SessionNamespace
    """Set with the first load or save, so a visitor without a cookie has none; it has the current id."""

    def __init__(self, request: Any, id: str | None = None, **settings: Any) -> None:  # noqa: A002 - Beaker's
        if settings.get("encrypt_key"):
            raise ConfigurationError(_SEALED)
        settings["namespace_class"] = SessionNamespace
        # Beaker would take any error while loading for a corrupt session, and log its id.
        settings["invalidate_corrupt"] = False
        # Beaker fails on the name of any other cookie that it finds illegal.
        request["cookie"] = _own_cookie(request.get("cookie"), settings.get("key", "beaker.session.id"))
        super().__init__(request, id, **settings)

    def load(self) -> None:
        """Read the session; an unknown id from the cookie is replaced."""
        sent = not self.is_new
        super().load()
        if sent and self.is_new and self.use_cookies and not self.was_invalidated:
            self._create_id()
            self.namespace.rename(self.id, at_once=False)

    def invalidate(self) -> None:
        """End the session, row and all, and start an empty one under a new id."""
        if hasattr(self, "namespace"):
            self.namespace.end()
        super().invalidate()

    def regenerate_id(self) -> None:
        """Keep the session under a new id; the old one is dead once this request is saved."""
        super().regenerate_id()
        if hasattr(self, "namespace"):
            # Without saved access times nothing else would save, unless the application does.
            self.namespace.rename(self.id, at_once=not self.save_atime)
            self._keep_cookie_if_gone()

    def save(self, accessed_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        """Save the session; `accessed_only` is that of Beaker's `Session.save`."""
        super().save(accessed_only)
        self._keep_cookie_if_gone()

    def _keep_cookie_if_gone(self) -> None:
        # Of two logins at once only one gives the session its new id, and the browser must keep that one.
        if hasattr(self, "namespace") and self.namespace.is_gone:
            self.request["set_cookie"] = False

    def _create_id(self, set_new: bool = True) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        super()._create_id(set_new)
        self.id = new_session_id()
        if self.use_cookies:
            self._update_cookie_out(set_cookie=not set_new)

    def _encrypt_data(self, session_data: dict[str, Any] | None = None) -> dict[str, Any]:
        """What Beaker writes to the namespace: the session itself, or what JSON makes of it."""
        data = session_data or self.copy()
        return {**_through_json(data), SERIALIZED_AS: JSON} if self.data_serializer == JSON else data

    def _decrypt_data(self, session_data: dict[str, Any]) -> dict[str, Any]:
        """The session in what Beaker read from the namespace."""
        session_data.pop(SERIALIZED_AS, None)
        if self.data_serializer == JSON:
            return _through_json(session_data)
        # Without saved access times, `regenerate_id` stores what was read and nothing that was changed in it.
        return session_data if self.save_atime else copy.deepcopy(session_data)


_SEALED: Final = (
    "session.encrypt_key hides the fields from the store, so they cannot go into columns: leave it out."
    " To seal what stands beside the columns, the store will have an option encryption_keys (docs/roadmap)"
)


def _own_settings(settings: dict[str, Any], *, prefix: str) -> dict[str, Any]:
    """The settings without Beaker's own; a misspelt one is an error."""
    refuse_unknown(settings, BEAKERS_OWN, prefix=prefix)
    return {name: value for name, value in settings.items() if name not in BEAKERS_OWN}


def _own_cookie(header: str | None, key: str) -> str:
    """The part of a Cookie header that has the session's cookie."""
    cookies = (header or "").split(";")
    return ";".join(cookie for cookie in cookies if cookie.partition("=")[0].strip() == key)


# -- caches


def _cache_store(settings: dict[str, Any]) -> SessionStore:
    if "store" not in settings:
        if "schemas" in settings:
            raise ConfigurationError("cache.schemas: a cache brings its own columns; leave it out")
        settings = {"table_name": CACHE_TABLE, **settings, "schemas": CACHE_SCHEMAS}
    store = shared_store(settings, prefix="cache.")
    if not {"namespace", "key"} <= set(store.fields):
        raise ConfigurationError(f"cache.store: a cache needs a store with schemas={CACHE_SCHEMAS!r}")
    return store


def _shortened(name: str) -> str:
    """The name itself or, if its column is too narrow, its start and a hash."""
    if len(name) <= LONGEST_NAMESPACE:
        return str(name)
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: LONGEST_NAMESPACE - len(digest)]}{digest}"


def _escaped(key: str | bytes) -> str:
    """The key of a cache as text that every database takes, without NUL."""
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    return text.encode("unicode_escape").decode("ascii")


def _unescaped(escaped: str, *, is_bytes: bool) -> str | bytes:
    text = escaped.encode("ascii").decode("unicode_escape")
    return text.encode("latin-1") if is_bytes else text


# -- what Beaker's serializers make of a session

# How Beaker's pickle of a dict starts; hardly any encrypted text does.
_PICKLED_DICT: Final = b"\x80\x02}"


def _deserialized(text: str) -> dict[str, Any]:
    """The session in a text of either of Beaker's serializers, marked with the one that wrote it."""
    raw = base64.b64decode(text)
    is_pickle = raw.startswith(_PICKLED_DICT)
    try:
        # Unpickled is only what this process's Beaker has just written.
        data = pickle.loads(raw) if is_pickle else json.loads(zlib.decompress(raw))  # noqa: S301
    except Exception:  # noqa: BLE001 - unpickling and inflating raise anything
        data = None
    if not isinstance(data, dict):
        raise ConfigurationError(_SEALED)
    return data if is_pickle else {**data, SERIALIZED_AS: JSON}


def _serialized(data: dict[str, Any]) -> str:
    """The session as text of the serializer that it is marked with."""
    is_json = data.pop(SERIALIZED_AS, None) == JSON
    raw = zlib.compress(_json_of(data).encode()) if is_json else pickle.dumps(data, 2)
    return base64.b64encode(raw).decode("ascii")


def _through_json(data: dict[str, Any]) -> dict[str, Any]:
    """The session as it comes back from JSON: a tuple as a list, a key that is a number as text."""
    return dict(json.loads(_json_of(data)))


def _json_of(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data)
    except TypeError:
        # Beaker takes a TypeError while it loads for a visitor without a session.
        key = next(key for key, value in data.items() if not _is_json({key: value}))
    kind = type(data[key]).__name__
    raise ConfigurationError(f"session key {key!r}: data_serializer = json cannot carry a {kind}; use pickle")


def _is_json(data: dict[str, Any]) -> bool:
    try:
        json.dumps(data)
    except TypeError:
        return False
    return True
