"""The indexes that a table lacks are built while sessions are read and written, by one process at a time."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import NoSuchTableError

from ..errors import SessionStoreError, StoreUnavailable
from .drift.comparison import Comparison

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable

    from .._table.declaration import SessionTable
    from .database import Database

PAUSES: Final = (1.0, 10.0, 60.0, 600.0)
"""Seconds to wait before trying again, where transactions that use the table were in the way."""
LONGEST_STOP: Final = 5.0
"""Seconds to wait for an index that is being built; the database finishes a longer one by itself."""

_log = logging.getLogger("schema_session_backend")


class Indexing:
    """Builds declared indexes that are missing; it drops none.

    Args:
        database: where the table is.
        table: as it was declared.
    """

    def __init__(self, database: Database, table: SessionTable) -> None:
        self._database = database
        self._table = table
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def build(self) -> list[str]:
        """Build them, one after the other; those that the thread is building first.

        Returns:
            the statements that were run; none while another process is at it.

        Raises:
            StoreUnavailable, AccessDenied, StatementFailed: if the database is not there, or refuses one.
        """
        if self._thread is not None and self._thread is not threading.current_thread():
            self._stopping.set()
            self._thread.join()
        vendor = self._database.vendor
        with self._database.transaction() as holder:

            def scalar(statement: Executable) -> Any:
                return holder.execute(statement).scalar()

            with vendor.alone_to_index(holder, scalar, f"index {self._table.name}") as alone:
                if not alone:
                    return []
                if not vendor.indexes_apart:
                    return self._build(holder)
                with self._database.connected() as connection:
                    return self._build(connection)

    def start(self) -> None:
        """Build them in a thread, so that the first request waits for none."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._stopping], name="schema-session-index", daemon=True
        )
        # Without it, the interpreter's exit would stop the daemon thread in the middle of a driver's call.
        weakref.finalize(self, _stop, self._stopping, self._thread)
        self._thread.start()

    def stop(self) -> None:
        """Wait a while for an index that is being built, and build no more."""
        if self._thread is not None:
            _stop(self._stopping, self._thread)

    def _run(self, stopping: threading.Event) -> None:
        for pause in PAUSES:
            try:
                self.build()
            except StoreUnavailable as error:
                failure: SessionStoreError = error
            except SessionStoreError as error:
                failure = error
                break
            else:
                return
            if stopping.wait(pause):
                return
        _log.warning("table %r: an index was not built: %s", self._table.name, failure)

    def _build(self, connection: Connection) -> list[str]:
        try:
            missing = Comparison(connection, self._table, self._database.vendor).shortcomings()
        except NoSuchTableError:
            return []  # somebody has dropped it
        statements = [each.online for each in missing if each.online is not None]
        for statement in statements:
            # Without parameters, a % stands for itself with every driver.
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
            _log.info("table %r: a missing index was built: %s", self._table.name, statement)
        return statements


def _stop(stopping: threading.Event, thread: threading.Thread) -> None:
    stopping.set()
    if thread is not threading.current_thread():
        thread.join(LONGEST_STOP)
