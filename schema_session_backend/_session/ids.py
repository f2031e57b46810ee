"""Session ids: how they are made, which ids are possible, and the handles that the table holds instead."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from ..errors import ConfigurationError, InvalidSessionId, WrongArgument
from .model import LoadedSession, Record

MAX_LENGTH: Final = 255
HANDLE_LENGTH: Final = 64
# The hexadecimal digits of a handle that tell the store's prefix; the other 192 bits are from the id's hash.
MARK_LENGTH: Final = 16

_HANDLE: Final = re.compile(rf"[0-9a-f]{{{HANDLE_LENGTH}}}")
_ID_EXPECTED: Final = "this call takes a session id, not a record; revoke(record) ends a record's session"


def new_session_id() -> str:
    """A new session id of 256 random bits: 43 characters that are safe in a cookie and in a URL."""
    return secrets.token_urlsafe(32)


def hashed(sid: str) -> str:
    """The hash of an id. The table holds hashes, so that nobody can sign in with a stolen table."""
    return hashlib.sha256(sid.encode("ascii")).hexdigest()


def fingerprint(raw: bytes) -> str:
    """What the log calls a row whose primary key is not to be shown."""
    return hashlib.sha256(raw).hexdigest()


def is_handle(value: object) -> bool:
    """Whether a value has the form of a handle that is a hash."""
    return isinstance(value, str) and _HANDLE.fullmatch(value) is not None


def is_possible(sid: object) -> bool:
    """Whether a session can have this id. An impossible id never reaches SQL: there is no such session."""
    return type(sid) is str and 0 < len(sid) <= MAX_LENGTH and sid.isascii() and "\0" not in sid


class Ids:
    """Translates the ids of a store's sessions to their handles, which the table holds.

    Args:
        hashed: whether a handle is a hash of the id. Otherwise the handle is the id itself, a secret.
        prefix: a text before each id, which tells apart the stores that share a table.

    Raises:
        ConfigurationError: for a prefix that no id can begin with.
    """

    def __init__(self, *, hashed: bool, prefix: str = "") -> None:
        if prefix and not is_possible(prefix + "x"):
            msg = f"a prefix of session ids is less than {MAX_LENGTH} ASCII characters without NUL"
            raise ConfigurationError(msg)
        self._hashed = hashed
        self._prefix = prefix
        self.mark = _mark(prefix) if hashed and prefix else prefix
        """The start of each handle of this store, which differs between stores of different prefixes."""

    def prefixed(self, prefix: str) -> Ids:
        """The ids with a further prefix, after the present one."""
        return Ids(hashed=self._hashed, prefix=self._prefix + prefix)

    def handle(self, sid: object) -> str | None:
        """The handle of a session's id; None if no session of this store can have that id.

        Raises:
            WrongArgument: for a record or a session instead of an id.
        """
        if type(sid) is not str:
            if isinstance(sid, (Record, LoadedSession)):
                raise WrongArgument(_ID_EXPECTED)
            return None
        if sid == "" or not is_possible(whole := self._prefix + sid):
            return None
        if not self._hashed:
            return whole
        return self.mark + hashed(whole)[len(self.mark) :]

    def require(self, sid: object) -> str:
        """The handle of an id under which a session is to be stored.

        Raises:
            InvalidSessionId: if no session can have that id.
            WrongArgument: for a record or a session instead of an id.
        """
        handle = self.handle(sid)
        if handle is None:
            raise InvalidSessionId
        return handle

    def own(self, session: object) -> str | None:
        """The handle of a session, from its record or from the handle itself.

        Returns:
            the handle; None for a value that is no handle of this store.
        """
        handle = session.handle if isinstance(session, (Record, LoadedSession)) else session
        return str(handle) if self._is_handle(handle) else None

    def named(self, session: object) -> tuple[str, ...]:
        """The possible handles of a session, from its id, its handle or its record.

        Returns:
            two handles for a text that looks like a handle, because applications can make ids of that form.

        Raises:
            WrongArgument: for any other kind of value.
        """
        if isinstance(session, (Record, LoadedSession)):
            return (session.handle,)
        if not isinstance(session, str):
            msg = f"keep takes the id, the handle or the record of a session, not {type(session).__name__}"
            raise WrongArgument(msg)
        candidates = (self.handle(session), self.own(session))
        return tuple(handle for handle in candidates if handle is not None)

    def _is_handle(self, value: object) -> bool:
        if not isinstance(value, str) or not value.startswith(self.mark):
            return False
        return is_handle(value) if self._hashed else is_possible(value)


def _mark(prefix: str) -> str:
    return hashed(prefix)[:MARK_LENGTH]
