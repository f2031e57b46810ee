"""The back end that Beaker finds by the entry point `schema` of the group `beaker.backends`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from beaker.container import NamespaceManager

from .cache import CacheNamespace
from .session import SESSION_KEY, SerializedSessionNamespace


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
