"""Session ids: how they are made, which ones can exist, and what the table holds instead of them."""

from __future__ import annotations

import hashlib
import secrets

from .errors import InvalidSessionId

MAX_LENGTH = 255
HANDLE_LENGTH = 64


def new_session_id() -> str:
    """A new session id of 256 random bits: 43 characters that are safe in a cookie and in a URL."""
    return secrets.token_urlsafe(32)


def is_possible(sid: object) -> bool:
    """Whether a session could have this id; anything else is no such session and never reaches SQL."""
    return type(sid) is str and 0 < len(sid) <= MAX_LENGTH and sid.isascii() and "\0" not in sid


def hashed(sid: str) -> str:
    """The handle of a session: what stands in the table, so that a stolen table logs nobody in."""
    return hashlib.sha256(sid.encode("ascii")).hexdigest()


def plain(sid: str) -> str:
    """The handle with `hash_sid=False`: the id itself, which then has to be kept as secret as the cookie."""
    return sid


def require(sid: object) -> str:
    """`sid` itself, if something may be stored under it.

    Raises:
        InvalidSessionId: if no session can have that id.
    """
    if not is_possible(sid):
        raise InvalidSessionId
    assert isinstance(sid, str)
    return sid
