"""Turns to write: however many requests wait for a locked row, they leave connections free for others."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS: Final = 10
"""Writes that run at a time. The other connections are for reads, which wait for no locked row."""


class Turns:
    """Lets one request of this process at a time write to a session, and a few to all of them.

    The database would have those that write to one session wait for each other too, each on a connection.

    Args:
        one_writer: whether the database has one writer at a time, whatever is written.
        now: a clock, in seconds.
    """

    def __init__(self, *, one_writer: bool, now: Callable[[], float]) -> None:
        self._one_writer = one_writer
        self._now = now
        self.renew()

    def renew(self) -> None:
        """Start anew in a child process, without the turns that threads of the parent have."""
        self._writer = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[threading.Lock] | None] = {}
        self._room = threading.BoundedSemaphore(WRITERS)

    def take(self, handle: str | None, until: float) -> bool:
        """Wait for a turn to write to a session.

        Args:
            handle: the session's; None for a statement on many sessions.
            until: when to give up.

        Returns:
            whether it came in time; if so, `end` has to be called with the same handle.
        """
        if self._one_writer:
            writer = self._writer
            return writer.acquire(blocking=False) or writer.acquire(timeout=self._remaining(until))
        if handle is not None and not self._take(handle, until):
            return False
        room, came = self._room, False
        try:
            came = room.acquire(blocking=False) or room.acquire(timeout=self._remaining(until))
        finally:
            if not came and handle is not None:
                self._end(handle)
        return came

    def end(self, handle: str | None) -> None:
        """Give the turn to another request."""
        if self._one_writer:
            self._writer.release()
            return
        self._room.release()
        if handle is not None:
            self._end(handle)

    def _take(self, key: str, until: float) -> bool:
        with self._lock:
            if key not in self._waiting:
                self._waiting[key] = None
                return True
            turn = threading.Lock()
            turn.acquire()
            queue = self._waiting[key]
            if queue is None:
                queue = self._waiting[key] = deque()
            queue.append(turn)
        try:
            came = turn.acquire(timeout=self._remaining(until))
        except BaseException:
            # Cut short, as by gevent's Timeout.
            if not self._leave(queue, turn):
                self._end(key)
            raise
        return came or not self._leave(queue, turn)

    def _leave(self, queue: deque[threading.Lock], turn: threading.Lock) -> bool:
        """Stop waiting; returns False if the turn came at the last moment."""
        with self._lock:
            try:
                queue.remove(turn)
            except ValueError:
                return False
            return True

    def _end(self, key: str) -> None:
        """Give the turn to the one who has waited longest."""
        with self._lock:
            queue = self._waiting[key]
            if queue:
                queue.popleft().release()
            else:
                del self._waiting[key]

    def _remaining(self, until: float) -> float:
        return min(max(0.0, until - self._now()), threading.TIMEOUT_MAX)
