"""A clock of the database that stands still at a millisecond, for what happens exactly at a border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from clocks import engine_to_tell, plain_sqlite

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

JULIAN_EPOCH_MS = 210_866_760_000_000


class FrozenClock:
    """The time that the database tells to a store: `now` milliseconds since 1970 UTC."""

    def __init__(self) -> None:
        self.now = 1_900_000_000_123

    def install(self, store: SessionStore) -> None:
        """Have all connections of a store's engine tell this time."""
        engine = engine_to_tell(store)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", self._sqlite)
        elif engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(815)")
                connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS frozen_clock")
                connection.exec_driver_sql(
                    "CREATE OR REPLACE FUNCTION frozen_clock.statement_timestamp() RETURNS timestamptz"
                    " STABLE LANGUAGE sql AS $$ SELECT timestamptz '1970-01-01 00:00:00Z'"
                    " + current_setting('frozen_clock.now')::bigint * interval '1 millisecond' $$"
                )
            engine.dispose()
            event.listen(engine, "checkout", self._postgresql)
        else:
            event.listen(engine, "checkout", self._mariadb)

    def _sqlite(self, connection: Any, _record: Any) -> None:
        def moment(given: Any) -> Any:
            return (self.now + JULIAN_EPOCH_MS) / 86_400_000 if given == "now" else given

        def julianday(given: Any) -> Any:
            return plain_sqlite("julianday", moment(given))

        def strftime(form: str, given: Any) -> Any:
            return plain_sqlite("strftime", form, moment(given))

        connection.create_function("julianday", 1, julianday)
        connection.create_function("strftime", 2, strftime)

    def _postgresql(self, connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET frozen_clock.now = '{self.now}'")
        # pg_catalog is searched first, unless the path names it later.
        cursor.execute('SET search_path = frozen_clock, "$user", public, pg_catalog')
        cursor.close()
        if not connection.autocommit:
            connection.commit()

    def _mariadb(self, connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET timestamp = {self.now // 1000}.{self.now % 1000:03}")
        cursor.close()
