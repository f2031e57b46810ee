"""Once in a process: check the table, create it or add to it, one process at a time."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from .._session.timeouts import EPOCH, MILLISECOND
from .._table.reports import Answer
from ..errors import AccessDenied, ConfigurationError, SessionStoreError, StatementFailed
from .drift.additions import Additions
from .drift.comparison import Comparison
from .drift.differences import (
    PAGE,
    Addition,
    MissingTable,
    OtherTable,
    mismatch,
    reported,
)
from .forks import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Executable

    from .._table.declaration import SessionTable
    from .._table.reports import TableDifference
    from .clock import Clock
    from .database import Database, Past, Runner
    from .drift.differences import Difference, Shortcoming
    from .indexing import Indexing

_log = logging.getLogger("schema_session_backend")


class Synchronizer:
    """Makes sure, once per process, that the table exists and matches.

    Args:
        database: where to look.
        table: as it was declared.
        clock: is set to the database's time.
        look: looks into the table when it is there, and raises what speaks against using it.
        indexing: builds missing indexes in the background.
        change: whether to create the table and add missing nullable columns and indexes; nothing is ever
            dropped.
        timeout: seconds to wait for a database that cannot be reached.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        database: Database,
        table: SessionTable,
        clock: Clock,
        indexing: Indexing,
        look: Callable[[Runner], None],
        *,
        change: bool,
        timeout: float,
    ) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._look = look
        self._indexing = indexing
        self._change = change
        self._timeout = timeout
        self._lacks_indexes = False
        self._done = False
        self._lock = threading.Lock()
        self._failure: tuple[float, SessionStoreError] | None = None
        after_fork(self._renew_lock)

    def ensure(self, timeout: float | None = None) -> None:
        """Check, and create or add, unless that was done before.

        Args:
            timeout: seconds instead of the usual ones.

        Raises:
            SchemaMismatch: with every difference, and with statements if running them is enough.
            ConfigurationError: if the declaration makes no table on this database, or `look` raises it.
            StoreUnavailable: when the time is over.
            StatementFailed: if the database refuses to create the table or to add to it.
            AccessDenied: if it does so because a right is missing.
        """
        if self._done:
            return
        asked = time.monotonic()
        with self._lock:
            if self._done:
                return
            if self._failure is not None and self._failure[0] > asked:
                # Threads that waited for one attempt share its end, instead of waiting one after the other.
                raise self._failure[1].with_traceback(None)
            try:
                self._synchronize(self._timeout if timeout is None else timeout)
                self._look(self._database)
            except SessionStoreError as error:
                self._failure = (time.monotonic(), error)
                raise
            self._done = True
        if self._lacks_indexes:
            self._indexing.start()

    def without_changes(self) -> Synchronizer:
        """The same that only checks."""
        return Synchronizer(
            self._database,
            self._table,
            self._clock,
            self._indexing,
            self._look,
            change=False,
            timeout=self._timeout,
        )

    def differences(self) -> list[TableDifference]:
        """See `SessionStore.differences`."""

        def compare(until: float, past: Past) -> list[TableDifference]:
            with self._database.connected(until, past) as connection:
                comparison = Comparison(connection, self._table, self._database.vendor)
                found: list[Difference | Shortcoming] = [*comparison.differences()]
                if not any(isinstance(each, (MissingTable, OtherTable)) for each in found):
                    found += comparison.shortcomings()
                return list(map(reported, found))

        return self._database.attempt(compare, retry_for=self._timeout)

    def ping(self) -> Answer:
        """See `SessionStore.ping`."""

        def ask(until: float, past: Past) -> Answer:
            with self._database.connected(until, past) as connection:
                begin = time.perf_counter()
                now = connection.execute(select(self._database.vendor.now_ms)).scalar_one()
                seconds = time.perf_counter() - begin
                return Answer(_server(connection), seconds, EPOCH + now * MILLISECOND)

        return self._database.attempt(ask, retry_for=self._timeout)

    def _synchronize(self, timeout: float) -> None:
        database = self._database
        if not database.attempt(self._checked, retry_for=timeout):
            return

        def add(_until: float, _past: Past) -> None:
            with database.transaction() as connection:

                def scalar(statement: Executable) -> Any:
                    return connection.execute(statement).scalar()

                with database.vendor.alone(scalar, f"sync {self._table.name}", wait=timeout):
                    self._add(connection)

        try:
            database.attempt(add, retry_for=timeout)
        except (StatementFailed, AccessDenied) as error:
            refused = error
        else:
            return
        msg = f"table {self._table.name!r} could not be created or added to: {refused}"
        if database.vendor.lacks_type(refused.code, str(refused)):
            raise ConfigurationError(f"{msg}; check the types of its columns")
        raise type(refused)(f"{msg}; see {PAGE}", code=refused.code)

    def _checked(self, until: float, past: Past) -> list[Difference]:
        """What is missing and to be added."""
        database, table = self._database, self._table
        with database.connected(until, past) as connection:
            if self._change and table.owned:
                database.vendor.prepare(connection)
            self._clock.set(connection.execute(select(database.vendor.now_ms)).scalar_one())
            comparison = Comparison(connection, table, database.vendor)
            differences = comparison.differences()
            if differences and not self._change:
                raise mismatch(table.name, differences)
            self._require_additions(differences)
            if not any(isinstance(difference, MissingTable) for difference in differences):
                for shortcoming in comparison.shortcomings():
                    if self._change and shortcoming.online is not None:
                        self._lacks_indexes = True
                    else:
                        _log.warning("table %r %s", table.name, shortcoming)
            return differences

    def _add(self, connection: Connection) -> None:
        # Compared again, because another process may have been faster.
        table, vendor = self._table, self._database.vendor
        differences = Comparison(connection, table, vendor).differences()
        self._require_additions(differences)
        if any(isinstance(difference, MissingTable) for difference in differences):
            Additions(connection, table, vendor).create_table()
        else:
            added = [each for each in differences if isinstance(each, Addition)]
            self._lacks_indexes |= any(each.later for each in added)
            for statement in dict.fromkeys(sql for each in added for sql in each.at_once):
                # Without parameters, a % stands for itself with every driver.
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        for difference in differences:
            _log.info("table %r: %s, so it was added", table.name, difference.problem)

    def _require_additions(self, differences: list[Difference]) -> None:
        if not all(isinstance(difference, (Addition, MissingTable)) for difference in differences):
            raise mismatch(self._table.name, differences)

    def _renew_lock(self) -> None:
        # A thread that does not exist in the child may have held it.
        self._lock = threading.Lock()


def _server(connection: Connection) -> str:
    """The database and its version, for people."""
    dialect: Any = connection.dialect
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
    name = "MariaDB" if getattr(dialect, "is_mariadb", False) else names.get(dialect.name, "MySQL")
    return f"{name} {'.'.join(map(str, dialect.server_version_info or ()))}".strip()
