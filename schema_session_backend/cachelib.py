"""cachelib: `SchemaCache`, a cache on a `SessionStore`, on which Flask-Session keeps its sessions.

Where a method's behaviour follows cachelib's contract, `cachelib.BaseCache` documents it.
"""

from __future__ import annotations

import copy
import functools
import logging
import math
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from cachelib import BaseCache

from .errors import (
    ConfigurationError,
    NotAnInteger,
    SchemaMismatch,
    StatementFailed,
    StoreUnavailable,
)
from .flask import RequestSessions, current_request, session_key
from .store import SessionStore

__all__ = ["SchemaCache"]

P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    Timeout = int | dt.timedelta | None
    Method = Callable[Concatenate["SchemaCache", P], T]

_log = logging.getLogger("schema_session_backend")

# The key of a value that is no dict; no column can have that name.
VALUE: Final = "<value>"
# Each time the counter was there, and then again it was not.
COUNTING_TRIES: Final = 10


def _quiet(otherwise: Any) -> Callable[[Method[P, T]], Method[P, T]]:
    """With `ignore_errors`, a failing database is logged and `otherwise` is returned."""

    def decorated(method: Method[P, T]) -> Method[P, T]:
        @functools.wraps(method)
        def quiet(self: SchemaCache, /, *arguments: P.args, **options: P.kwargs) -> T:
            try:
                return method(self, *arguments, **options)
            except (StoreUnavailable, StatementFailed, SchemaMismatch) as error:
                if not self.ignore_errors:
                    raise
                _log.error("cache: %s failed, and its caller does not see it: %s", method.__name__, error)
                # A copy, because a list would be the caller's to change.
                result: T = copy.copy(otherwise)
                return result

        return quiet

    return decorated


class SchemaCache(BaseCache):
    """A cachelib cache in the table of a `SessionStore`.

    A `value` that is a dict is split into the store's declared columns; any other value stands in
    `additional`, and the columns are NULL. It takes the values that `SessionStore.set` takes.

    In a request of Flask's, saving a dict that the request has read keeps what others changed meanwhile,
    and does not bring back what was deleted meanwhile; `set` then returns False. One that did not change is
    not written. Anywhere else `set` overwrites.

    `timeout` takes whole seconds or a timedelta; 0 is for ever, None the `default_timeout`. A `key` is 1 to
    255 ASCII characters, with the prefix; another one finds nothing, and storing under it is an
    `InvalidSessionId`. A failing database is a `StoreUnavailable`, `AccessDenied`, `StatementFailed` or
    `SchemaMismatch`.

    Args:
        store: keeps the values.
        default_timeout: seconds, for calls without a timeout.
        key_prefix: what stands before each key in the table. `clear` removes the rows of this prefix;
            without one, all rows of the store.
        ignore_delete_many_errors: without it, a `delete_many` that fails quietly is a RuntimeError.
        ignore_errors: have a failing database logged and answered with None or False, as other caches do.
            A login that could not be stored is then lost without an error.

    Raises:
        ConfigurationError: for a store that is none, a timeout that is none, and an impossible prefix.
    """

    def __init__(
        self,
        store: SessionStore,
        default_timeout: int | dt.timedelta = 300,
        key_prefix: str = "",
        *,
        ignore_delete_many_errors: bool = True,
        ignore_errors: bool = False,
    ) -> None:
        if not isinstance(store, SessionStore):
            msg = f"SchemaCache takes a SessionStore, not {type(store).__name__}"
            raise ConfigurationError(msg)
        super().__init__(default_timeout, ignore_delete_many_errors)
        self.store = store.prefixed(key_prefix) if key_prefix else store
        """For searching and revoking this cache's rows; its session ids are keys without the prefix."""
        self.ignore_errors = ignore_errors

    # -- the session of the request that Flask is serving

    def current_sid(self) -> str | None:
        """The key of Flask's current session, such as for `keep=`; None outside of a request."""
        return session_key()

    def current_handle(self) -> str | None:
        """The handle of Flask's current session, as in `Record.handle`; None outside of a request."""
        key = session_key()
        return None if key is None else self.store.handle(key)

    # -- one value

    @_quiet(None)
    def get(self, key: str) -> Any:
        """The value, or None if there is none."""
        request = self._request()
        return _value(self.store.get(key) if request is None else request.get(key))

    @_quiet(otherwise=False)
    def has(self, key: str) -> bool:
        """Whether there is a value; it is not read."""
        request = self._request()
        return self.store.has(key) if request is None else request.has(key)

    @_quiet(otherwise=False)
    def set(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Store a value; see the class for sessions in a request.

        Raises:
            InvalidSessionId: if no value can have that key.
            InvalidField, UnserializableValue, SessionTooLarge, ConstraintViolated: as `SessionStore.set`
                does; what was stored stays.
            ConfigurationError: for a timeout that is none.
        """
        data, max_age = _data(value), self._max_age(timeout)
        request = self._request()
        if request is not None and data is value:
            return request.set(key, data, max_age)
        if request is not None:
            request.forget(key)
        self.store.set(key, data, max_age)
        return True

    @_quiet(otherwise=False)
    def add(self, key: str, value: Any, timeout: Timeout = None) -> bool:
        """Store a value unless there is one; returns whether it was stored. Errors as in `set`."""
        return self.store.add(key, _data(value), self._max_age(timeout))

    @_quiet(otherwise=False)
    def delete(self, key: str) -> bool:
        """Remove a value; returns whether there was one."""
        request = self._request()
        return self.store.destroy(key) if request is None else request.destroy(key)

    @_quiet(None)
    def inc(self, key: str, delta: int = 1) -> int | None:
        """Add `delta` to a value while nobody else can; its timeout stays. Without a value, store `delta`.

        Raises:
            NotAnInteger: if the value, or `delta`, is no int; the value stays.
            InvalidSessionId: if no value can have that key.
            StoreUnavailable: if the value is corrupt, or came and went again and again.
        """
        _require_int(delta, "delta")

        def counted(data: dict[str, Any]) -> dict[str, Any]:
            return {VALUE: _require_int(_value(data), "the value") + delta}

        for _ in range(COUNTING_TRIES):
            data = self.store.update(key, counted)
            if data is not None:
                return int(data[VALUE])
            if self.store.add(key, {VALUE: delta}, self._max_age(None)):
                return delta
        msg = "a counter is corrupt, or was removed again and again; delete it, or try again"
        raise StoreUnavailable(msg)

    def dec(self, key: str, delta: int = 1) -> int | None:
        """Subtract `delta` from a value; see `inc`."""
        return self.inc(key, -_require_int(delta, "delta"))

    # -- many values

    def get_many(self, *keys: str) -> list[Any]:
        """The values in the order of `keys`, None for those that there are none of; in one statement."""
        found: dict[str, dict[str, Any]] = self._found(keys)
        return [_value(found.get(key)) if isinstance(key, str) else None for key in keys]

    @_quiet([])
    def set_many(self, mapping: dict[str, Any], timeout: Timeout = None) -> list[Any]:
        """Store the values of a `mapping` by keys, all or none; returns the keys. Errors as in `set`."""
        self.store.set_many({key: _data(value) for key, value in mapping.items()}, self._max_age(timeout))
        return list(mapping)

    def delete_many(self, *keys: str) -> list[Any]:
        """Remove the values of `keys` in one statement; returns the keys, of which none is there any more.

        Raises:
            RuntimeError: if the database failed, with `ignore_errors` and without
                `ignore_delete_many_errors`.
        """
        if self._deleted(keys):
            return list(keys)
        if not self.ignore_delete_many_errors:
            msg = "the keys could not be deleted; the log says why"
            raise RuntimeError(msg)
        return []

    @_quiet(otherwise=False)
    def clear(self) -> bool:
        """Remove all values of this cache's prefix, or of the whole store without one."""
        self.store.clear()
        if (request := self._request()) is not None:
            request.forget_all()
        return True

    # -- inside

    @_quiet({})
    def _found(self, keys: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        return self.store.get_many(keys)

    @_quiet(otherwise=False)
    def _deleted(self, keys: tuple[str, ...]) -> bool:
        self.store.destroy_many(keys)
        if (request := self._request()) is not None:
            request.forget(*keys)
        return True

    def _request(self) -> RequestSessions | None:
        return current_request(self, lambda: RequestSessions(self.store, is_session=_is_dict))

    def _max_age(self, timeout: Timeout) -> float:
        seconds: int = self._normalize_timeout(timeout)
        return math.inf if seconds == 0 else seconds

    @staticmethod
    def _to_seconds(timeout: int | float | dt.timedelta) -> int:  # noqa: PYI041 - cachelib's signature
        try:
            seconds: int = BaseCache._to_seconds(timeout)  # noqa: SLF001 - ours to extend
        except (TypeError, ValueError, OverflowError):
            seconds = -1
        if seconds < 0 or isinstance(timeout, bool):
            msg = f"timeout takes whole seconds or a timedelta, 0 for ever, not {timeout!r}"
            raise ConfigurationError(msg)
        return seconds


def _data(value: Any) -> dict[str, Any]:
    """A value as a session; a dict stands for itself, unless it could be taken for the wrapping of one."""
    return value if type(value) is dict and _is_dict(value) else {VALUE: value}


def _is_dict(data: dict[str, Any]) -> bool:
    """Whether what is stored is a value that is a dict."""
    return data.keys() != {VALUE}


def _value(data: dict[str, Any] | None) -> Any:
    return data if data is None or _is_dict(data) else data[VALUE]


def _require_int(value: Any, what: str) -> int:
    if type(value) is int:
        return value
    msg = f"{what} is no int but {type(value).__name__}, so it cannot be counted with"
    raise NotAnInteger(msg)
