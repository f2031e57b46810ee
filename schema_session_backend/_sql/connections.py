"""Driver connections for single statements: each statement is a transaction of its own on them."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine, PoolProxiedConnection
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import QueuePool


class Taken:
    """A connection, for one caller alone, and a cursor on it that serves one statement after the other."""

    __slots__ = ("_cursor", "connection", "generation")

    def __init__(self, connection: PoolProxiedConnection, generation: int) -> None:
        self.connection = connection
        self.generation = generation
        self._cursor: DBAPICursor | None = None

    def cursor(self) -> DBAPICursor:
        """The cursor, made at its first use."""
        if self._cursor is None:
            self._cursor = self.connection.cursor()
        return self._cursor

    def drop_cursor(self) -> None:
        """Close the cursor: after an error, SQLite's may have a statement open that locks its file."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            # If it cannot be closed, the connection is dead, and that is seen elsewhere.
            with suppress(Exception):
                cursor.close()

    def invalidate(self) -> None:
        """Close the connection, which nobody can use any more."""
        self.connection.invalidate()


class SharedConnections:
    """Those of an application's engine, which get their own isolation level back.

    Args:
        engine: whose pool they come from.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._generation = 0

    def take(self) -> Taken:
        """A connection, for the caller alone."""
        generation = self._generation
        return Taken(self._engine.raw_connection(), generation)

    def prepare(self, taken: Taken) -> None:
        """Set it up for statements of ours."""
        self._engine.dialect.set_isolation_level(_drivers(taken), "AUTOCOMMIT")

    def restore(self, taken: Taken) -> None:
        """Set it up as it was before."""
        self._engine.dialect.reset_isolation_level(_drivers(taken))

    def put_down(self, taken: Taken) -> None:
        """Let others have it."""
        taken.drop_cursor()
        if taken.generation == self._generation:
            taken.connection.close()
        else:
            # It was in use when all were closed.
            taken.invalidate()

    def waiting(self) -> AbstractContextManager[None]:
        """While something may wait for a connection of the pool."""
        return nullcontext()

    def close(self) -> None:
        """Close all of them: now, or as they are put down."""
        self._generation += 1
        self._engine.dispose()

    def forget(self) -> object:
        """Start anew in a child process; returns what must live on, because its end would be the parent's."""
        inherited = self._engine.pool
        self._engine.dispose(close=False)
        return inherited


class OwnConnections(SharedConnections):
    """Those of an engine of ours, a few of which stay at hand between two statements.

    To check one out of SQLAlchemy's pool and in again takes as long as SQLite takes for a statement, and to
    make a cursor as long as psycopg takes to send one.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        # One stays in the pool, for transactions; the database in memory has no other.
        self.most = cast("QueuePool", engine.pool).size() - 1
        """How many stay at hand."""
        self._start()

    def _start(self) -> None:
        self._at_hand: deque[Taken] = deque()
        self._waiting = 0
        self._lock = threading.Lock()

    def take(self) -> Taken:
        """A connection at hand, or one from the pool."""
        try:
            return self._at_hand.pop()
        except IndexError:
            pass
        with self.waiting():
            try:
                # One may have been put down before the others could know that we wait.
                return self._at_hand.pop()
            except IndexError:
                return super().take()

    def prepare(self, taken: Taken) -> None:
        """It is in AUTOCOMMIT from its start."""

    def restore(self, taken: Taken) -> None:
        """Likewise."""

    def put_down(self, taken: Taken) -> None:
        """Have it at hand for the next statement, or give it to whoever waits for the pool."""
        if self._waiting or len(self._at_hand) >= self.most or taken.generation != self._generation:
            super().put_down(taken)
            return
        self._at_hand.append(taken)
        if self._waiting:
            # Somebody has found none at hand, a moment before.
            self._give_back()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While something may wait for a connection of the pool: what becomes free goes there."""
        with self._lock:
            self._waiting += 1
        try:
            if cast("QueuePool", self._engine.pool).checkedin() == 0:
                self._give_back()
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def close(self) -> None:
        """Close all of them: now, or as they are put down."""
        super().close()
        self._give_back()

    def _give_back(self) -> None:
        """Give the pool what is at hand."""
        while True:
            try:
                super().put_down(self._at_hand.pop())
            except IndexError:
                return

    def forget(self) -> object:
        """Start anew in a child process."""
        inherited = (self._at_hand, super().forget())
        self._start()
        return inherited


def _drivers(taken: Taken) -> DBAPIConnection:
    return cast("DBAPIConnection", taken.connection.dbapi_connection)
