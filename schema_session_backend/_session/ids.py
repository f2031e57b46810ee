"""Session ids: how they are made, which ones can exist, and what the table holds instead of them."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from ..errors import ConfigurationError, InvalidSessionId, WrongArgument
from .model import LoadedSession, Record

MAX_LENGTH: Final = 255
HANDLE_LENGTH: Final = 64
# Of a handle's 64 hexadecimal digits; the other 192 bits are those of the id's hash.
MARK_LENGTH: Final = 16


_HANDLE: Final = re.compile(rf"[0-9a-f]{{{HANDLE_LENGTH}}}")
_AN_ID_IS_MEANT: Final = "a session id is meant here; what takes a record is revoke(record)"


def new_session_id() -> str:
    """A new session id of 256 random bits: 43 characters that are safe in a cookie and in a URL."""
    return secrets.token_urlsafe(32)


def hashed(sid: str) -> str:
    """The hash of an id, so that a stolen table logs nobody in."""
    return hashlib.sha256(sid.encode("ascii")).hexdigest()


def is_possible(sid: object) -> bool:
    """Whether there could be such an id; anything else is no such session and never reaches SQL."""
    return type(sid) is str and 0 < len(sid) <= MAX_LENGTH and sid.isascii() and "\0" not in sid


class Ids:
    """The ids of a store's sessions and their handles, which is what the table holds.

    Args:
        hashed: whether a handle is a hash. Without it the handle is the id, to be kept as secret.
        prefix: what stands before each id in the table, to tell apart stores that share one.

    Raises:
        ConfigurationError: for a prefix that no id could begin with.
    """

    def __init__(self, *, hashed: bool, prefix: str = "") -> None:
        if prefix and not is_possible(prefix + "x"):
            msg = f"a prefix of session ids is less than {MAX_LENGTH} ASCII characters without NUL"
            raise ConfigurationError(msg)
        self._hashed = hashed
        self._prefix = prefix
        self.mark = _mark(prefix) if hashed and prefix else prefix
        """How the handles of this store's sessions begin, and those of stores with other prefixes do not."""

    def prefixed(self, prefix: str) -> Ids:
        """The ids that have this prefix too."""
        return Ids(hashed=self._hashed, prefix=self._prefix + prefix)

    def handle(self, sid: object) -> str | None:
        """The handle of a session's id; None if no session of this store could have that id.

        Raises:
            WrongArgument: for a session instead of an id.
        """
        if type(sid) is not str:
            if isinstance(sid, (Record, LoadedSession)):
                raise WrongArgument(_AN_ID_IS_MEANT)
            return None
        if sid == "" or not is_possible(whole := self._prefix + sid):
            return None
        if not self._hashed:
            return whole
        return self.mark + hashed(whole)[len(self.mark) :]

    def require(self, sid: object) -> str:
        """The handle of an id, if something may be stored under it.

        Raises:
            InvalidSessionId: if no session can have that id.
            WrongArgument: for a session instead of an id.
        """
        handle = self.handle(sid)
        if handle is None:
            raise InvalidSessionId
        return handle

    def own(self, session: object) -> str | None:
        """The handle of a session that is named by its record or its handle.

        Returns:
            None if no session of this store could have it.
        """
        given = session.handle if isinstance(session, (Record, LoadedSession)) else session
        return str(given) if self.is_handle(given) else None

    def is_handle(self, given: object) -> bool:
        """Whether a session of this store could have this handle."""
        if not isinstance(given, str) or not given.startswith(self.mark):
            return False
        return _HANDLE.fullmatch(given) is not None if self._hashed else is_possible(given)

    def named(self, session: object) -> tuple[str, ...]:
        """The handles that a session may have which is named by its id, its handle or its record.

        A text that looks like a handle may also be an id that the application made in that form.

        Raises:
            WrongArgument: for anything else.
        """
        if isinstance(session, (Record, LoadedSession)):
            return (session.handle,)
        if not isinstance(session, str):
            msg = f"keep takes the id, the handle or the record of a session, not {type(session).__name__}"
            raise WrongArgument(msg)
        named = (self.handle(session), self.own(session))
        return tuple(handle for handle in named if handle is not None)


def _mark(prefix: str) -> str:
    return hashed(prefix)[:MARK_LENGTH]
