"""One session as Beaker reads and writes it: a namespace with one key."""

from __future__ import annotations

import logging
import math
import re
import time
from typing import TYPE_CHECKING, Any, Final

from beaker.container import NamespaceManager

from .._session.timeouts import remembered
from .._shared import shared_store
from ..errors import InvalidSessionId
from .requests import failing_once, served, warn_of_unknown_requests
from .settings import SESSION_SETTINGS, store_settings
from .text import SERIALIZER_KEY, deserialized, serialized

if TYPE_CHECKING:
    from .._session.model import LoadedSession

_log = logging.getLogger("schema_session_backend")

SESSION_KEY: Final = "session"
ACCESSED: Final = "_accessed_time"
CREATED: Final = "_creation_time"
# What Beaker adds, in seconds, to the timeout that it passes to a back end.
ADDED_BY_BEAKER: Final = 120
LONG_AGO: Final = -math.inf
# The keys that `Session.delete()` leaves in a session.
LEFT_BY_DELETE: Final = frozenset({"_domain", "_path", SERIALIZER_KEY})
# The keys of a session whose values Beaker sends as attributes of its cookie.
COOKIE_ATTRIBUTES: Final = ("_domain", "_path")
ATTRIBUTE: Final = re.compile("[ -:<-~]*")


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
        own = store_settings(settings, SESSION_SETTINGS, prefix="session.", max_age="timeout")
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
        with failing_once():
            self._loaded = self._store.load(self.namespace)
        if self._loaded is None:
            raise KeyError(key)
        # The time of access is computed instead of stored: otherwise every request would have to write it.
        data = {**self._loaded.data, ACCESSED: self._last_use(self._loaded)}
        for name in COOKIE_ATTRIBUTES:
            if data.get(name) is not None and not _is_attribute(data[name]):
                # Whoever can write to the table could send any header, or have the server fail.
                del data[name]
        return data

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
        environ = served.get()
        if environ is None and (self._store.request_fields or self._store.unrenewed_paths):
            warn_of_unknown_requests()
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


def _is_attribute(value: object) -> bool:
    """Whether a value can be that of an attribute of a cookie."""
    return isinstance(value, str) and ATTRIBUTE.fullmatch(value) is not None


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
