"""cachelib: `SchemaCache`, a cache in the table of a `SessionStore`; Flask-Session keeps sessions in it."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import logging
import math
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from cachelib import BaseCache

from ._shared import refuse_unknown, shared_store
from .errors import (
    AccessDenied,
    ConfigurationError,
    NotAnInteger,
    SchemaMismatch,
    StatementFailed,
    StoreUnavailable,
)
from .flask import RequestSessions, caching_config, per_request, session_key
from .store import SessionStore

__all__ = ["SchemaCache"]

P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Timeout = int | dt.timedelta | None
    Method = Callable[Concatenate["SchemaCache", P], T]

_log = logging.getLogger("schema_session_backend")

# The only key of the session that stores a value other than a dict; no column can have that name.
VALUE: Final = "<value>"
# The table of a cache that is given a URL, apart from the table of sessions.
CACHE_TABLE: Final = "cache"
# The constructor's own options, beside the settings of a store.
OPTIONS: Final = ("default_timeout", "key_prefix", "ignore_delete_many_errors", "ignore_errors")
# How often to try again when other requests remove and create a counter at the same time.
COUNTING_TRIES: Final = 10


def _ignoring_errors(otherwise: Any) -> Callable[[Method[P, T]], Method[P, T]]:
    """Make a method log a failing database and return `otherwise`, in a cache with `ignore_errors`."""

    def decorated(method: Method[P, T]) -> Method[P, T]:
        @functools.wraps(method)
        def ignoring_errors(self: SchemaCache, /, *arguments: P.args, **options: P.kwargs) -> T:
            try:
                return method(self, *arguments, **options)
            except (StoreUnavailable, AccessDenied, StatementFailed, SchemaMismatch) as error:
                if not self.ignore_errors:
                    raise
                _log.error("cache: %s failed, and its caller does not see it: %s", method.__name__, error)
                # A copy, because the caller may change a list.
                result: T = copy.copy(otherwise)
                return result

        return ignoring_errors

    return decorated


class SchemaCache(BaseCache):
    """A cachelib cache in the table of a `SessionStore`.

    A `value` that is a dict is split into the store's declared columns and `additional`. Any other value is
    stored in `additional`, and the columns are NULL. Values may be of any type that `SessionStore.set` takes.

    While Flask serves a request, saving a dict that the request has read keeps what other requests changed
    meanwhile. A dict that did not change is not written, and a dict that was deleted meanwhile is not stored
    again; `set` then returns False. Outside of a request `set` overwrites.

    A `timeout` is whole seconds or a timedelta; 0 means for ever, None the `default_timeout`. A `key` has 1
    to 255 ASCII characters, including the prefix; any other key has no value, and to store a value under it
    is an `InvalidSessionId`. A failing database is a `StoreUnavailable`, `AccessDenied`, `StatementFailed` or
    `SchemaMismatch`.

    Args:
        store: the store whose table keeps the values.
        default_timeout: seconds, for calls without a timeout.
        key_prefix: a prefix of all keys in the table. `clear` removes the rows with this prefix; without a
            prefix, all rows of the store. Flask-Caching's `CACHE_KEY_PREFIX` unless given.
        ignore_delete_many_errors: whether `delete_many` returns an empty list after an error that
            `ignore_errors` hides; otherwise it raises RuntimeError.
        ignore_errors: whether a failing database is logged and answered with None or False, as in other
            caches. A login that could not be stored is then lost without an error.
        settings: instead of `store`, the `url` of a database, with options of `SessionStore`; the table is
            then named `cache` unless `table_name` is given. Equal settings share one store in a process.

    Raises:
        ConfigurationError: if `store` is no `SessionStore`, or the timeout, the prefix or a setting cannot
            work.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    def __init__(
        self,
        store: SessionStore | None = None,
        default_timeout: int | dt.timedelta = 300,
        key_prefix: str = "",
        *,
        ignore_delete_many_errors: bool = True,
        ignore_errors: bool = False,
        **settings: Any,
    ) -> None:
        config = caching_config()
        if config is not None:
            key_prefix = key_prefix or _required_prefix(config)
        super().__init__()
        self.default_timeout = _seconds(default_timeout)
        self.ignore_delete_many_errors = ignore_delete_many_errors
        whole = _store(store, settings)
        self.store = whole.prefixed(key_prefix) if key_prefix else whole
        """The store of this cache's rows, for searching and revoking; its ids are keys without the prefix."""
        self.ignore_errors = ignore_errors

    # -- the session of the request that Flask is serving

    def current_sid(self) -> str | None:
        """The key of Flask's current session, for `keep=` and the like; None outside of a request."""
        return session_key()

    def current_handle(self) -> str | None:
        """The handle of Flask's current session, equal to its `Record.handle`; None outside of a request."""
        key = session_key()
        return None if key is None else self.store.handle(key)

    def keep_expiry(self) -> None:
        """Have the current request not start the idle timeout of Flask's session anew, nor renew its cookie.

        What the request writes to the session is saved. Outside of a request it does nothing.
        """
        sessions = self._request_sessions()
        if sessions is not None:
            sessions.renew = False

    # -- one value

    @_ignoring_errors(None)
    def get(self, key: str) -> Any:
        """The value of a key, or None if it has no value."""
        sessions = self._request_sessions()
        return _value((self.store if sessions is None else sessions).get(key))

    @_ignoring_errors(otherwise=False)
    def has(self, key: str) -> bool:
        """Whether a key has a value, without reading the value."""
        sessions = self._request_sessions()
        return (self.store if sessions is None else sessions).has(key)

    @_ignoring_errors(otherwise=False)
    def set(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Store a value; the class tells how a dict is saved that the request has read.

        Args:
            key: the key.
            value: the value.
            timeout: see the class.

        Returns:
            False if the dict was deleted meanwhile, or if `ignore_errors` hides an error.

        Raises:
            InvalidSessionId: if no value can have that key.
            InvalidField, UnserializableValue, SessionTooLarge, ConstraintViolated: see `SessionStore.set`;
                the stored value is unchanged.
            ConfigurationError: if the timeout is not a number of whole seconds, 0 or more, or a timedelta.
        """
        data, max_age = _data(value), self._max_age(timeout)
        sessions = self._request_sessions()
        if sessions is not None and _is_dict(data):
            return sessions.set(key, data, max_age)
        if sessions is not None:
            sessions.forget(key)
        self.store.set(key, data, max_age)
        return True

    @_ignoring_errors(otherwise=False)
    def add(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Store a value if the key has no value; returns whether it was stored. Errors as in `set`."""
        return self.store.add(key, _data(value), self._max_age(timeout))

    @_ignoring_errors(otherwise=False)
    def delete(self, key: str) -> bool:
        """Remove the value of a key; returns whether it had a value."""
        sessions = self._request_sessions()
        return (self.store if sessions is None else sessions).destroy(key)

    @_ignoring_errors(None)
    def inc(self, key: str, delta: int = 1) -> int | None:
        """Add to the value of a key, atomically; its timeout is not renewed.

        Args:
            key: the key; if it has no value, it gets `delta`, with the `default_timeout`.
            delta: what to add.

        Returns:
            the new value; None if `ignore_errors` hides an error.

        Raises:
            NotAnInteger: if the value or `delta` is no int; the value is unchanged.
            InvalidSessionId: if no value can have that key.
            StoreUnavailable: if the row is corrupt, or other requests kept removing and adding the value.
        """
        _require_int(delta, "delta")

        def add_delta(data: dict[str, Any]) -> dict[str, Any]:
            return {VALUE: _require_int(_value(data), "the value") + delta}

        for _ in range(COUNTING_TRIES):
            data = self.store.update(key, add_delta)
            if data is not None:
                return int(data[VALUE])
            if self.store.add(key, {VALUE: delta}, self._max_age(None)):
                return delta
        msg = "a counter is corrupt, or other requests keep removing it; delete it, or try again"
        raise StoreUnavailable(msg)

    def dec(self, key: str, delta: int = 1) -> int | None:
        """Subtract `delta` from the value of a key; see `inc`."""
        return self.inc(key, -_require_int(delta, "delta"))

    # -- many values

    def get_many(self, *keys: str) -> list[Any]:
        """The values of `keys`, in their order; None for a key without a value. One statement reads them."""
        stored: dict[str, dict[str, Any]] = self._read_many(keys)
        return [_value(stored.get(key)) if isinstance(key, str) else None for key in keys]

    @_ignoring_errors([])
    def set_many(self, mapping: dict[str, Any], timeout: Timeout = None) -> list[Any]:
        """Store the values of a `mapping` by keys, all or none; returns the keys. Errors as in `set`."""
        self.store.set_many({key: _data(value) for key, value in mapping.items()}, self._max_age(timeout))
        return list(mapping)

    def delete_many(self, *keys: str) -> list[Any]:
        """Remove the values of `keys`; returns the keys, whether or not they had values.

        Raises:
            RuntimeError: if `ignore_errors` hides an error and `ignore_delete_many_errors` is off.
        """
        if self._destroy_many(keys):
            return list(keys)
        if not self.ignore_delete_many_errors:
            msg = "the keys could not be deleted; the log says why"
            raise RuntimeError(msg)
        return []

    @_ignoring_errors(otherwise=False)
    def clear(self) -> bool:
        """Remove all values with this cache's prefix; without a prefix, all rows of the store."""
        self.store.clear()
        if (sessions := self._request_sessions()) is not None:
            sessions.forget_all()
        return True

    # -- parts of these

    @_ignoring_errors({})
    def _read_many(self, keys: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        return self.store.get_many(keys)

    @_ignoring_errors(otherwise=False)
    def _destroy_many(self, keys: tuple[str, ...]) -> bool:
        self.store.destroy_many(keys)
        if (sessions := self._request_sessions()) is not None:
            sessions.forget(*keys)
        return True

    def _request_sessions(self) -> RequestSessions | None:
        """The sessions of the request that Flask is serving; None outside of a request."""
        return per_request(self, lambda: RequestSessions(self.store, is_session=_is_dict))

    def _max_age(self, timeout: Timeout) -> float:
        seconds = self.default_timeout if timeout is None else _seconds(timeout)
        return math.inf if seconds == 0 else seconds


def _seconds(timeout: float | dt.timedelta) -> int:
    """A timeout in whole seconds, rounded up; 0 for ever."""
    span = timeout.total_seconds() if isinstance(timeout, dt.timedelta) else timeout
    if isinstance(span, bool) or not isinstance(span, (int, float)) or not 0 <= span < math.inf:
        msg = f"timeout takes whole seconds or a timedelta, 0 for ever, not {timeout!r}"
        raise ConfigurationError(msg)
    return math.ceil(span)


def _store(store: SessionStore | None, settings: dict[str, Any]) -> SessionStore:
    """The store of a cache, from the arguments of its constructor."""
    refuse_unknown(settings, prefix="", options=OPTIONS)
    if store is None:
        return shared_store({"table_name": CACHE_TABLE} | settings, prefix="")
    if not isinstance(store, SessionStore):
        msg = f"SchemaCache takes a SessionStore, not {type(store).__name__}; a URL is the setting url="
        raise ConfigurationError(msg)
    return shared_store({"store": store} | settings, prefix="")


def _required_prefix(config: Mapping[str, Any]) -> str:
    """The prefix of Flask-Caching's keys, without which its `clear` would remove what others keep there."""
    prefix: str = config["CACHE_KEY_PREFIX"]
    if prefix:
        return prefix
    msg = (
        "CACHE_KEY_PREFIX is empty, so clear would remove every row of the table, sessions too: set a prefix"
    )
    raise ConfigurationError(msg)


def _data(value: Any) -> dict[str, Any]:
    """The session that stores a value: a dict itself, any other value under the key `VALUE`.

    A dict whose only key is `VALUE` is treated as any other value, so that it comes back as it was.
    """
    return value if isinstance(value, dict) and _is_dict(value) else {VALUE: value}


def _is_dict(data: dict[str, Any]) -> bool:
    """Whether the value that a session stores is a dict."""
    return data.keys() != {VALUE}


def _value(data: dict[str, Any] | None) -> Any:
    return data if data is None or _is_dict(data) else data[VALUE]


def _require_int(value: Any, name: str) -> int:
    if type(value) is int:
        return value
    msg = f"{name} is no int but {type(value).__name__}, so it cannot be incremented or decremented"
    raise NotAnInteger(msg)
