"""For unit tests of views: a session without a store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pyramid import testing

from schema_session_backend import new_session_id
from schema_session_backend._session.ids import hashed
from schema_session_backend._session.timeouts import remember

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_session_backend._session.timeouts import Seconds

__all__ = ["DummySession"]


class DummySession(testing.DummySession):
    """Pyramid's `DummySession` with `rotate`, `sid` and the like, for `DummyRequest(session=DummySession())`.

    With data it is a session that is stored already; without data it is that of a new visitor. Nothing is
    ever saved, so `rotate` gives the new id at once, and the session of a new visitor stays without an id.

    Args:
        values: what the session holds, as for a dict.
        more: the same as keyword arguments.

    Attributes:
        created: when the session was made, in seconds since 1970 UTC.
        new: whether it is that of a new visitor.
        sid: its id, a secret; None for a new visitor.
    """

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any) -> None:
        super().__init__(values, **more)
        self.created = int(time.time())  # type: ignore[assignment] # None in Pyramid's
        self.new = not self
        self.sid: str | None = None if self.new else new_session_id()

    @property
    def handle(self) -> str | None:
        """The public name of `sid`."""
        return None if self.sid is None else hashed(self.sid)

    def rotate(self) -> None:
        """Give a stored session a new id."""
        if self.sid is not None:
            self.sid = new_session_id()

    def remember(self, max_age: Seconds | None) -> None:
        """Note the session's own idle timeout, which counts for nothing here.

        Args:
            max_age: seconds; None for the timeout of the settings again.

        Raises:
            ConfigurationError: for an impossible `max_age`.
        """
        remember(self, max_age)

    def keep_expiry(self) -> None:
        """Do nothing, because a session without a store does not expire."""

    def invalidate(self) -> None:
        """Empty the session, which is that of a new visitor from then on."""
        super().invalidate()
        self.sid = None
        self.new = True
