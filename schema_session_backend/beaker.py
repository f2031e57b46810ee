"""Beaker: `session.type = schema`, `cache.type = schema`, and the session class that cures what they cannot.

Beaker finds `SchemaNamespaceManager` by the entry point `schema` of the group `beaker.backends`. Where a
method's behaviour follows from how Beaker calls it, its docstring says from where.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import pickle
import time
import zlib
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

_log = logging.getLogger("schema_session_backend")

SESSION_KEY: Final = "session"
"""The one key that Beaker's sessions use; keys of its caches are bytes."""
ACCESSED: Final = "_accessed_time"
CREATED: Final = "_creation_time"
SERIALIZED_AS: Final = "_beaker_serializer"
# What is left of a session that was deleted.
BOOKKEEPING: Final = frozenset({"_domain", "_path"})
# What Beaker hands to every back end beside its own settings.
BEAKERS_OWN: Final = frozenset({
    "auto", "cache_regions", "class", "data_dir", "digest_filenames", "enabled", "expire", "id", "key_length",
    "lock_dir", "log_file", "session_class", "timeout", "webtest_varname",
})  # fmt: skip
CACHE_SCHEMAS: Final = "namespace String(255) not null index; key Text"
CACHE_TABLE: Final = "beaker_cache"
LONGEST_NAMESPACE: Final = 255


class SchemaNamespaceManager(NamespaceManager):
    """Beaker's `schema` back end: a namespace is one session, or one of a cache's namespaces.

    Settings arrive as Beaker passes them on, as text from an ini file or as objects from a dict: `store`,
    or `url` and options of `SessionStore`.

    A session that another request changed meanwhile is merged, one that was deleted or revoked meanwhile
    is not brought back, and a request that only looked writes nothing for a while. What no back end of
    Beaker's can do, because Beaker never tells it: refuse an unknown id, and remove the old row after
    `invalidate()` and `regenerate_id()`. `SchemaSession` does.

    Args:
        namespace: the session id, or the name of the cache's namespace.
        timeout: seconds, the idle timeout; Beaker adds two minutes to the session's.
        data_dir: where caches lock files, if there is no `lock_dir`.
        lock_dir: where caches lock files; without either, the lock is one of this process.
        serialized_as: the one of Beaker's serializers that will read a session, `"pickle"` or `"json"`;
            without it the one that wrote it.
        settings: ours, and what Beaker hands to every back end.

    Raises:
        ConfigurationError: for a misspelt setting.
    """

    def __init__(
        self,
        namespace: str,
        *,
        timeout: float | str | None = None,
        data_dir: str | None = None,
        lock_dir: Any = None,
        serialized_as: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(namespace)
        self._prefix = "session." if "digest_filenames" in settings else "cache."
        refuse_unknown(settings, BEAKERS_OWN, prefix=self._prefix)
        self._settings = {name: value for name, value in settings.items() if name not in BEAKERS_OWN}
        self._timeout = None if timeout is None else float(timeout)
        self._lock_dir = lock_dir or data_dir
        self._serialized_as = serialized_as
        self._session: LoadedSession | None = None
        self.is_gone = False
        """Whether a save was dropped, because the session was ended meanwhile."""

    def __getitem__(self, key: str | bytes) -> Any:
        """The session as Beaker's serializer wrote it, or a value of the cache; KeyError if there is none."""
        if key == SESSION_KEY:
            return self._read_session()
        entry = self._entries.get(self._entry_id(key))
        if entry is None:
            raise KeyError(key)
        return entry["value"]

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        """Save the session that was read here before, if any, or store a value of the cache."""
        if key == SESSION_KEY:
            self._write_session(value)
        else:
            self.set_value(key, value)

    def __delitem__(self, key: str | bytes) -> None:
        """Remove the session or the value; KeyError if there is none."""
        sid = self.namespace if key == SESSION_KEY else self._entry_id(key)
        store = self._sessions if key == SESSION_KEY else self._entries
        if not store.destroy(sid):
            raise KeyError(key)

    def __contains__(self, key: str | bytes) -> bool:
        """Whether there is such a session or value."""
        if key == SESSION_KEY:
            return self._sessions.get(self.namespace) is not None
        return self._entries.get(self._entry_id(key)) is not None

    # -- sessions

    def end(self) -> None:
        """Remove the row of the session that was read or saved here."""
        self.is_gone = False
        if self._session is not None:
            self._sessions.destroy(self._session.sid)

    def rename(self, sid: str) -> None:
        """Give the session a new id, which its row gets with the next save."""
        self.namespace = sid

    def save_as_read(self) -> None:
        """Save the session without what the request has changed."""
        if self._session is not None:
            self._save(self._session, self._session.data)

    @property
    def _sessions(self) -> SessionStore:
        return shared_store(self._settings, prefix=self._prefix)

    def _read_session(self) -> str:
        self._session = self._sessions.load(self.namespace)
        if self._session is None:
            raise KeyError(SESSION_KEY)
        data = dict(self._session.data)
        # Not stored: a request that changes nothing else would be a write because of it.
        data[ACCESSED] = self._last_seen(self._session) or data.get(CREATED) or time.time()
        written_as = data.pop(SERIALIZED_AS, _PICKLE)
        return _encoded(data, self._serialized_as or written_as)

    def _last_seen(self, session: LoadedSession) -> float | None:
        """When the session was last seen by this host's clock, with which Beaker will compare it."""
        seen = session.last_seen(self._sessions.max_age if self._timeout is None else self._timeout)
        return None if seen is None else seen + time.time() - session.now / 1000

    def _write_session(self, value: str) -> None:
        data, kind = _decoded(value)
        if data.keys() <= BOOKKEEPING:
            # What Session.delete() leaves behind.
            self.end()
            return
        data.pop(ACCESSED, None)
        if kind != _PICKLE:
            data[SERIALIZED_AS] = kind
        try:
            session = self._session or self._sessions.blank(self.namespace)
        except InvalidSessionId:
            # An error would be an answer 500 to whoever sends such a cookie.
            _log.warning(
                "a session under an impossible id was not stored; SchemaSession gives such visitors a new id"
            )
            return
        self._save(session, data)

    def _save(self, session: LoadedSession, data: dict[str, Any]) -> None:
        saved = self._sessions.save(session, data, self._timeout, new_sid=self.namespace)
        self._session = saved.session
        self.is_gone = saved.is_gone

    # -- caches

    def set_value(self, key: str | bytes, value: Any, expiretime: float | None = None) -> None:
        """Store a value of the cache; Beaker itself looks at its age, `expiretime` lets gc remove it."""
        entry = {
            "namespace": self._entries_namespace,
            "key": _escaped(key),
            "is_bytes": isinstance(key, bytes),
            "value": value,
        }
        max_age = float("inf") if expiretime is None else max(expiretime, 0.001)
        self._entries.set(self._entry_id(key), entry, max_age)

    def keys(self) -> list[str | bytes]:
        """The keys of this namespace of the cache."""
        entries = (record.data for record in self._entries.find(namespace=self._entries_namespace))
        return [_unescaped(entry["key"], is_bytes=entry.get("is_bytes", False)) for entry in entries]

    def do_remove(self) -> None:
        """Remove all values of this namespace of the cache."""
        self._entries.revoke_where(namespace=self._entries_namespace)

    def get_creation_lock(self, key: str | bytes) -> Any:
        """What Beaker holds while it makes a value that is missing; across processes with a `lock_dir`."""
        identifier = f"schema/funclock/{self.namespace}/{key!r}"
        if self._lock_dir:
            return file_synchronizer(identifier, lock_dir=self._lock_dir)
        return NameLock(identifier, reentrant=True)

    @property
    def _entries(self) -> SessionStore:
        settings = self._settings
        if "store" not in settings:
            if "schemas" in settings:
                msg = f"{self._prefix}schemas: a cache brings its own columns; leave it out"
                raise ConfigurationError(msg)
            settings = {"table_name": CACHE_TABLE, **settings, "schemas": CACHE_SCHEMAS}
        store = shared_store(settings, prefix=self._prefix)
        if not {"namespace", "key"} <= set(store.fields):
            msg = f"{self._prefix}store: a cache needs a store with schemas={CACHE_SCHEMAS!r}"
            raise ConfigurationError(msg)
        return store

    @property
    def _entries_namespace(self) -> str:
        if len(self.namespace) <= LONGEST_NAMESPACE:
            return str(self.namespace)
        digest = hashlib.sha256(self.namespace.encode()).hexdigest()
        return f"{self.namespace[: LONGEST_NAMESPACE - len(digest)]}{digest}"

    def _entry_id(self, key: str | bytes) -> str:
        kind = "b" if isinstance(key, bytes) else "s"
        return hashlib.sha256(f"{self.namespace}\0{kind}{_escaped(key)}".encode()).hexdigest()


class SchemaSession(Session):
    """Beaker's session without what a back end alone cannot cure; pass it as `session_class`.

    - an id that nothing is stored under is never taken over from the cookie (session fixation);
    - `regenerate_id()` moves the row to the new id as the request is saved, `invalidate()` and a timeout
      remove it;
    - ids have 256 random bits;
    - a failing database is an error, never an empty session that looks like a logout.

    Takes the arguments of Beaker's `Session`.

    Raises:
        ConfigurationError: for an `encrypt_key`, behind which no field can be found.
    """

    def __init__(self, request: Any, id: str | None = None, **settings: Any) -> None:  # noqa: A002 - Beaker's
        if settings.get("encrypt_key"):
            raise ConfigurationError(_SEALED)
        settings["namespace_class"] = SchemaNamespaceManager
        # Beaker does not tell a back end, which then could not read what another serializer wrote.
        settings["serialized_as"] = settings.get("data_serializer", _PICKLE)
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

    def invalidate(self) -> None:
        """End the session, row and all, and start an empty one under a new id."""
        if hasattr(self, "namespace"):
            self.namespace.end()
        super().invalidate()

    def regenerate_id(self) -> None:
        """Keep the session under a new id; the old one is dead once this request is saved."""
        old = self.id
        super().regenerate_id()
        if hasattr(self, "namespace") and self.namespace.namespace == old:
            self.namespace.rename(self.id)
            if not self.save_atime:
                # Nothing else would save, unless the application does.
                self.namespace.save_as_read()
                self._keep_cookie_if_gone()

    def save(self, accessed_only: bool = False) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        """Save the session; see Beaker's `Session.save`."""
        super().save(accessed_only)
        self._keep_cookie_if_gone()

    def _keep_cookie_if_gone(self) -> None:
        # Of two logins at once one gives the session its new id, and the visitor must keep that one.
        if hasattr(self, "namespace") and self.namespace.is_gone:
            self.request["set_cookie"] = False

    def _create_id(self, set_new: bool = True) -> None:  # noqa: FBT001, FBT002 - Beaker's signature
        super()._create_id(set_new)
        self.id = new_session_id()
        if self.use_cookies:
            self._update_cookie_out(set_cookie=not set_new)


_SEALED: Final = (
    "session.encrypt_key hides the fields from the store, so they cannot go into columns: leave it out."
    " To seal what stands beside the columns, the store will have an option encryption_keys (docs/roadmap)"
)


def _own_cookie(header: str | None, key: str) -> str:
    """The part of a Cookie header that has the session's cookie."""
    cookies = (header or "").split(";")
    return ";".join(cookie for cookie in cookies if cookie.partition("=")[0].strip() == key)


def _escaped(key: str | bytes) -> str:
    """The key of a cache as text that every database takes, without NUL."""
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    return text.encode("unicode_escape").decode("ascii")


def _unescaped(escaped: str, *, is_bytes: bool) -> str | bytes:
    text = escaped.encode("ascii").decode("unicode_escape")
    return text.encode("latin-1") if is_bytes else text


def _decoded(value: str) -> tuple[dict[str, Any], str]:
    """The dict in what one of Beaker's serializers wrote, and which one it was; Beaker does not say.

    Raises:
        ConfigurationError: if it was neither, as with `encrypt_key`.
    """
    raw = base64.b64decode(value)
    kind = _PICKLE if raw.startswith(_PICKLED_DICT) else _JSON
    try:
        # Unpickled is only what this process's Beaker has just written.
        data = pickle.loads(raw) if kind == _PICKLE else json.loads(zlib.decompress(raw))  # noqa: S301
    except Exception:  # noqa: BLE001 - unpickling and inflating raise anything
        data = None
    if not isinstance(data, dict):
        raise ConfigurationError(_SEALED)
    return data, kind


def _encoded(data: dict[str, Any], kind: str) -> str:
    """The session in the form that one of Beaker's serializers reads.

    Raises:
        ConfigurationError: naming the key that JSON cannot carry.
    """
    raw = pickle.dumps(data, 2) if kind == _PICKLE else zlib.compress(_json_of(data).encode())
    return base64.b64encode(raw).decode("ascii")


def _json_of(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data)
    except TypeError:
        # Beaker would take that for a visitor without a session.
        key, value = next(item for item in data.items() if not _is_json(item))
    msg = f"session key {key!r}: data_serializer = json cannot carry a {type(value).__name__}; use pickle"
    raise ConfigurationError(msg)


def _is_json(item: tuple[str, Any]) -> bool:
    try:
        json.dumps(dict([item]))
    except TypeError:
        return False
    return True


_PICKLE: Final = "pickle"
_JSON: Final = "json"
# How Beaker's pickle of a dict starts; hardly any encrypted text does.
_PICKLED_DICT: Final = b"\x80\x02}"
