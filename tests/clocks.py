"""Clocks that a test can move: the database's, and the one that a process waits by."""

from __future__ import annotations

import functools
import math
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine, event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

    from schema_session_backend import SessionStore
    from schema_session_backend._sql.connections import Slot

# A clock that is only moved goes on while a test runs, so such tests stay a minute away from every border.
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

A_MOMENT = 1_900_000_000_123
"""Milliseconds since 1970 UTC, for clocks that stand still; not a whole second."""

# pg_catalog is searched first, unless the path names it later.
SEARCH_PATH = 'SET search_path = "$user", public, test_time, pg_catalog'
"""A connection to PostgreSQL looks for a clock that a test moves, before its own."""
_TELLS = "test clock"
"""The name of a client that is told such a time is this, a colon and the time."""

_JULIAN_EPOCH_MS = 210_866_760_000_000


class DatabaseClock:
    """The time that the database tells to a store.

    It goes on like any other, from where `advance` has moved it. Setting `now` stops it there, for what
    happens exactly at a border.

    Args:
        now: where it stands still from the start, in milliseconds since 1970 UTC.
    """

    def __init__(self, now: int | None = None) -> None:
        self._ahead = 0
        self._stands_at = None if now is None else now * 1000

    @property
    def microseconds(self) -> int:
        """What it shows, in microseconds since 1970 UTC."""
        start = time.time_ns() // 1000 if self._stands_at is None else self._stands_at
        return start + self._ahead

    @property
    def now(self) -> int:
        """What it shows, in milliseconds since 1970 UTC."""
        return self.microseconds // 1000

    @now.setter
    def now(self, milliseconds: int) -> None:
        self._ahead, self._stands_at = 0, milliseconds * 1000

    def time(self) -> float:
        """What it shows, as `time.time` tells it."""
        return self.microseconds / 1_000_000

    def advance(self, seconds: float) -> None:
        """Let that time pass."""
        self._ahead += round(seconds * 1_000_000)

    def install(self, store: SessionStore) -> None:
        """Have all connections of a store tell this time."""
        engine, slots = store.engine, store._database._slots
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", self._replace_functions)
            slots.close()
            return
        if engine.dialect.name == "postgresql":
            _create_function(engine.url)
        take = slots.take

        def told(until: float = math.inf) -> Slot:
            slot = take(until)
            connection: Any = slot.connection.connection
            cursor = connection.cursor()
            cursor.execute(self._postgresql() if engine.dialect.name == "postgresql" else self._mariadb())
            cursor.close()
            return slot

        # Each statement and each transaction takes a slot, and so do threads that remove expired sessions.
        slots.take = told  # type: ignore[method-assign]

    def _replace_functions(self, connection: Any, _record: Any) -> None:
        def moment(given: Any) -> Any:
            return (self.now + _JULIAN_EPOCH_MS) / 86_400_000 if given == "now" else given

        connection.create_function("julianday", 1, lambda given: _sqlite("julianday(?)", moment(given)))
        connection.create_function(
            "strftime", 2, lambda form, given: _sqlite("strftime(?, ?)", form, moment(given))
        )

    def _postgresql(self) -> str:
        # PgBouncer takes a client's name to each connection that the client is given, and nothing else that
        # could tell the time; all its connections have this path.
        return f"SET application_name = '{_TELLS}:{self.microseconds}'; {SEARCH_PATH}"

    def _mariadb(self) -> str:
        return f"SET timestamp = {self.microseconds // 1_000_000}.{self.microseconds % 1_000_000:06}"


class FakeTime:
    """Stands in for the module `time`: its clock moves when a process would sleep, so that no test has to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses = 0
        self.at_pause: dict[int, Callable[[], Any]] = {}
        """What happens during a pause, by its number."""

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let that time pass."""
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        """Let that time pass at once."""
        self.advance(seconds)
        self.pauses += 1
        self.at_pause.get(self.pauses, lambda: None)()


@functools.cache
def _plain_sqlite() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


def _sqlite(expression: str, *arguments: Any) -> Any:
    """What an expression gives where no function was replaced."""
    return _plain_sqlite().execute(f"SELECT {expression}", arguments).fetchone()[0]


@functools.cache
def _create_function(url: URL) -> None:
    """Create the function that PostgreSQL finds before its own; once, because it stays in the database."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        # Of two processes that create a function at the same time, one fails.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(815)")
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS test_time")
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION test_time.statement_timestamp() RETURNS timestamptz"
            f" STABLE LANGUAGE sql AS $$ SELECT CASE WHEN split_part(name, ':', 1) = '{_TELLS}'"
            " THEN timestamptz '1970-01-01 00:00:00Z'"
            " + split_part(name, ':', 2)::bigint * interval '1 microsecond'"
            " ELSE pg_catalog.statement_timestamp() END"
            " FROM (SELECT current_setting('application_name') AS name) AS client $$"
        )
