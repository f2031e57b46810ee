"""A clock of the database that a test can move: the database itself answers with another time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from schema_session_backend._sql.connections import OwnSlots

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from schema_session_backend import SessionStore

# The moved clock ticks on while a test runs, so borders are kept away from by a minute.
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def plain_sqlite(function: str, *arguments: Any) -> Any:
    """What a function of SQLite's gives that was not replaced by a clock."""
    places = ", ".join("?" * len(arguments))
    with closing(sqlite3.connect(":memory:")) as plain:
        return plain.execute(f"SELECT {function}({places})", arguments).fetchone()[0]


def engine_to_tell(store: SessionStore) -> Engine:
    """A store's engine, whose connections are new and are told something as they leave the pool."""
    connections = store._database._slots
    if isinstance(connections, OwnSlots):
        connections.kept = 0
    connections.close()
    return store.engine


class MovedClock:
    """The time that the database tells to a store, `offset` seconds from now."""

    def __init__(self) -> None:
        self.offset = 0.0

    def advance(self, seconds: float) -> None:
        """Let that time pass."""
        self.offset += seconds

    def install(self, store: SessionStore) -> None:
        """Have all connections of a store's engine tell this time."""
        engine = engine_to_tell(store)
        install = {"sqlite": self._sqlite, "postgresql": self._postgresql}.get(
            engine.dialect.name, self._mariadb
        )
        install(engine)

    def _sqlite(self, engine: Engine) -> None:
        def moved(moment: Any) -> Any:
            if moment != "now":
                return moment
            return (time.time() + self.offset) / DAY + 2440587.5

        def connect(connection: Any, _record: Any) -> None:
            connection.create_function(
                "julianday", 1, lambda moment: plain_sqlite("julianday", moved(moment))
            )
            connection.create_function(
                "strftime", 2, lambda form, moment: plain_sqlite("strftime", form, moved(moment))
            )

        event.listen(engine, "connect", connect)

    def _postgresql(self, engine: Engine) -> None:
        with engine.begin() as connection:
            # pg_catalog is searched first, unless the path names it later.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(815)")
            connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS moved_clock")
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION moved_clock.statement_timestamp() RETURNS timestamptz"
                " STABLE LANGUAGE sql AS"
                " $$ SELECT pg_catalog.statement_timestamp() + current_setting('moved_clock.by')::interval $$"
            )

        def checkout(connection: Any, _record: Any, _proxy: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(f"SET moved_clock.by = '{self.offset} seconds'")
            cursor.execute('SET search_path = moved_clock, "$user", public, pg_catalog')
            cursor.close()
            if not connection.autocommit:
                connection.commit()

        engine.dispose()
        event.listen(engine, "checkout", checkout)

    def _mariadb(self, engine: Engine) -> None:
        def checkout(connection: Any, _record: Any, _proxy: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(f"SET timestamp = {time.time() + self.offset:.6f}")
            cursor.close()

        event.listen(engine, "checkout", checkout)
