"""One namespace of a cache, whose values are rows of a table of its own."""

from __future__ import annotations

import hashlib
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from beaker.cache import cache_regions
from beaker.container import NamespaceManager
from beaker.synchronization import NameLock, file_synchronizer

from .._shared import shared_store
from ..errors import ConfigurationError, SessionTooLarge, UnserializableValue, WrongArgument
from .settings import CACHE_SETTINGS, store_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store import SessionStore

# What Beaker's `Cache` does not pass on to a back end.
USED_BY_CACHE: Final = frozenset({"expire", "expiretime", "starttime", "type"})
REFUSED_FOR_CACHES: Final = {
    "schemas": "a cache brings its own columns",
    "max_age": "{}expire says how long a value is valid",
}
CACHE_SCHEMAS: Final = "namespace String(255) not null index; key Text"
# Not "beaker_cache", the table of Beaker's own back ends.
CACHE_TABLE: Final = "beaker_cached_values"
SERVED_WHEN_EXPIRED: Final = 60 * 60
"""Seconds for which an expired value of a cache can still be read."""
LONGEST_NAMESPACE: Final = 255


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
        own = store_settings(settings, CACHE_SETTINGS, prefix=prefix, max_age="expire")
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
