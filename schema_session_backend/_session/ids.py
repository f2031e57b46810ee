"""Session ids: how they are made, which ones can exist, and what the table holds instead of them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from ..errors import ConfigurationError, InvalidSessionId

MAX_LENGTH: Final = 255
HANDLE_LENGTH: Final = 64
# Of a handle's 64 hexadecimal digits; the other 192 bits are those of the id's hash.
MARK_LENGTH: Final = 16


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

    def are_possible(self, sid: object) -> bool:
        """Whether a session of this store could have this id."""
        return type(sid) is str and sid != "" and is_possible(self._prefix + sid)

    def handle(self, sid: str) -> str:
        """The handle of a possible id."""
        whole = self._prefix + sid
        if not self._hashed:
            return whole
        digest = hashed(whole)
        return self.mark + digest[len(self.mark) :]

    def is_handle(self, handle: object) -> bool:
        """Whether a session of this store could have this handle."""
        return is_possible(handle) and str(handle).startswith(self.mark)

    def require(self, sid: object) -> str:
        """The handle of an id, if something may be stored under it.

        Raises:
            InvalidSessionId: if no session can have that id.
        """
        if not self.are_possible(sid):
            raise InvalidSessionId
        assert isinstance(sid, str)
        return self.handle(sid)


def _mark(prefix: str) -> str:
    return hashed(prefix)[:MARK_LENGTH]
