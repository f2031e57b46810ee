"""Connections that statements run on, each statement in a transaction of its own.

Checking a connection out of SQLAlchemy's pool and in again takes longer than a read on SQLite, and making a
cursor takes as long as psycopg needs to send a statement. So a store's own engine has a pool of *slots*, each
of which is a connection with its cursor.
"""

from __future__ import annotations

import math
import queue
import select
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import NullPool, QueuePool, event

from ..errors import StoreUnavailable
from . import forks
from .greenlets import Patching
from .watch import Wire, on_connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Engine, Pool
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.pool import PoolProxiedConnection

    from .._table.rows import Convert, Row
    from ..errors import SessionStoreError
    from .failures import Failures
    from .files import DatabaseFile
    from .query import CompiledQuery, Query
    from .watch import SelfWatch, Watch

KEPT: Final = 5
"""Connections that stay open while nothing uses them; SQLAlchemy's own default."""
MOST: Final = 15
"""Connections that are open at a time."""


_WARNINGS: Final = "schema_session_backend"
_SETTLED: Final = "schema_session_backend settled"


class Result:
    """What a statement gave.

    Attributes:
        count: how many rows it inserted, changed or removed.
        rows: the rows that it selected, as the driver gave them.
        convert: makes Python values of a row. The rows are converted one by one, so that a corrupt row costs
            no other row.
        is_unsure: whether the same statement may have been done before, with its answer lost.
    """

    __slots__ = ("convert", "count", "is_unsure", "rows")

    def __init__(self, count: int, rows: Sequence[Row] = (), convert: Convert = list) -> None:
        self.count = count
        self.rows = rows
        self.convert = convert
        self.is_unsure = False


def run_on(connection: Connection, query: Query, values: Mapping[str, Any], failures: Failures) -> Result:
    """Run a statement through SQLAlchemy, whose listeners, such as OpenTelemetry, then see it.

    Raises:
        SessionStoreError: for whatever the driver raises.
    """
    compiled = query.compiled(connection.dialect)
    parameters = compiled.parameters(values)
    try:
        _settle(connection, failures)
        found = connection.exec_driver_sql(
            compiled.sql,
            parameters,
            # Some drivers forget the count of an INSERT unless it is asked for.
            execution_options={"preserve_rowcount": True},
        )
        if not found.returns_rows:
            return Result(found.rowcount)
        convert = compiled.convert(found.cursor)
        try:
            return Result(found.rowcount, found.all(), convert)
        except Exception as error:  # noqa: BLE001 - a driver may raise anything for nonsense
            problem = error
        proxied = connection.connection
        return _read_again(proxied, compiled, parameters, failures, problem)
    except failures.caught as error:
        failure = failures.of(error, None)
    raise failure


def _settle(connection: Connection, failures: Failures) -> None:
    """Make a connection safe for the store's statements, once."""
    info = connection.info
    if _SETTLED not in info:
        failures.vendor.settle(connection.connection.dbapi_connection)
        info[_SETTLED] = True


def _read_again(
    proxied: PoolProxiedConnection,
    compiled: CompiledQuery,
    parameters: Any,
    failures: Failures,
    problem: Exception,
) -> Result:
    """Run a SELECT again of which the driver could not decode a row, so that the row costs no other row.

    Raises whatever the driver raises, and `StatementFailed` if the driver has no way to go on.
    """
    rows = failures.vendor.read_leniently(proxied.dbapi_connection, compiled.sql, parameters)
    if rows is not None:
        return Result(len(rows), rows, compiled.convert_read_again)
    if isinstance(problem, failures.caught):
        raise problem
    raise failures.undecodable(problem) from None


class Slot:
    """A connection in AUTOCOMMIT, for one caller at a time, with a cursor for all statements.

    Args:
        engine: where listeners register.
        connection: SQLAlchemy's, from the engine.
        failures: makes errors of the driver's exceptions.
        warnings: what the database says of commits that do not count.
        generation: how often all slots had been closed when this one was opened.
    """

    __slots__ = (
        "__weakref__",
        "_cursor",
        "_dialect",
        "_events",
        "_failures",
        "_poll",
        "_proxied",
        "_warnings",
        "connection",
        "driver_connection",
        "generation",
        "is_cut",
        "is_usable",
        "until",
        "wire",
    )

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        failures: Failures,
        warnings: list[str],
        *,
        generation: int,
    ) -> None:
        self.connection = connection
        self.driver_connection: Any = connection.connection.dbapi_connection
        self.wire = Wire.of(self.driver_connection)
        """The connection's socket; None for SQLite."""
        self.generation = generation
        self.until = math.inf
        """The deadline of what it runs; `Watch` sees to it."""
        self.is_cut = False
        """Whether what it runs was cancelled or cut off at the deadline."""
        self._warnings = warnings
        self._poll: select.poll | None = None
        self.is_usable = True
        """False once the connection has ended, or was cut short in the middle of an answer."""
        self._failures = failures
        self._events: Any = engine.dispatch
        self._dialect = connection.dialect
        self._proxied = connection.connection
        self._cursor: DBAPICursor | None = None

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """Run a statement.

        Raises:
            SessionStoreError: for whatever the driver raises.
        """
        events = self._events
        if events.before_cursor_execute or events.after_cursor_execute:
            return self._watched(query, values)
        compiled = query.compiled(self._dialect)
        parameters = compiled.parameters(values)
        try:
            cursor = self._cursor
            if cursor is None:
                cursor = self._cursor = self._proxied.cursor()
            cursor.execute(compiled.sql, parameters)
            if self._warnings:
                raise self._unconfirmed()
            if not compiled.selects:
                return Result(cursor.rowcount)
            convert = compiled.convert(cursor)
            try:
                return Result(cursor.rowcount, cursor.fetchall(), convert)
            except Exception as error:  # noqa: BLE001 - a driver may raise anything for nonsense
                problem = error
            # SQLite's cursor may still be at the row.
            self._drop_cursor()
            return _read_again(self._proxied, compiled, parameters, self._failures, problem)
        except self._failures.caught as error:
            failure = self._failed(error)
        raise failure

    def has_ended(self) -> bool:
        """Whether the server has ended the connection while nothing used it, as by a restart."""
        if self._poll is None:
            if self.wire is None:
                return False
            self._poll = select.poll()
            self._poll.register(self.wire.number, select.POLLIN)
        # Whatever the server sends of itself is its goodbye.
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Give the connection back to SQLAlchemy's pool, or close it if it is not usable."""
        self._drop_cursor()
        if not self.is_usable:
            self.connection.invalidate()
        self.connection.close()

    def _watched(self, query: Query, values: Mapping[str, Any]) -> Result:
        """Run a statement so that SQLAlchemy's listeners see it; a driver's cursor does not call them."""
        try:
            result = run_on(self.connection, query, values, self._failures)
        except StoreUnavailable as error:
            self.is_usable = not error.connection_lost
            if self.is_cut:
                failure = self._failures.cut_off(error)
            else:
                raise
        else:
            if self._warnings:
                raise self._unconfirmed()
            return result
        raise failure

    def _failed(self, error: Exception) -> SessionStoreError:
        failure = self._failures.of(error, self._proxied.dbapi_connection)
        if isinstance(failure, StoreUnavailable):
            self.is_usable = not (failure.connection_lost or self._failures.spoils(error))
            if self.is_cut:
                failure = self._failures.cut_off(failure)
        # After an error, SQLite's cursor may still have a statement open, which locks the file.
        self._drop_cursor()
        return failure

    def _unconfirmed(self) -> StoreUnavailable:
        warnings = ", ".join(self._warnings)
        self._warnings.clear()
        return self._failures.unconfirmed(warnings)

    def _drop_cursor(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            # A cursor that cannot be closed belongs to a dead connection, which the next statement finds out.
            with suppress(Exception):
                cursor.close()


class BorrowedSlots:
    """Slots on a pool of SQLAlchemy's, such as that of an application's engine: each is for one use.

    Args:
        engine: whose pool it is.
        failures: makes errors of the driver's exceptions.
        watch: sees to the slots' deadlines.
        file: the database's file, if this process opens it itself.
    """

    def __init__(
        self, engine: Engine, failures: Failures, watch: Watch | SelfWatch, file: DatabaseFile | None
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._failures = failures
        self._file = file
        self._old_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
        self._patching = Patching()
        self._generation = 0

    def take(self, until: float = math.inf) -> Slot:
        """A slot for the caller alone, until it is put back.

        Args:
            until: when to stop waiting for it, and when its statements are ended.

        Raises:
            StoreUnavailable, AccessDenied: if no connection could be made.
            ConfigurationError: in a child process that has inherited the database's file open.
        """
        return self._open(until)

    def put_back(self, slot: Slot) -> None:
        """Give the connection back, with the isolation level that it had."""
        self._watch.stop(slot)
        self._close(slot)

    def _open(self, until: float) -> Slot:
        self._patching.check()
        file = self._file
        if file is not None:
            file.require_usable()
            if file.was_replaced():
                self.close()
        generation = self._generation
        slot = None
        try:
            with self._watch.connecting(until) as new:
                connection = self._engine.connect()
            slot = Slot(
                self._engine, connection, self._failures, self._warnings_of(connection), generation=generation
            )
            # A cancellation may arrive late.
            slot.is_cut = any(one.is_cut for one in new)
            self._watch.add(slot)
            self._watch.start(slot, until)
            # Some drivers send a statement for it.
            connection.execution_options(isolation_level="AUTOCOMMIT")
            _settle(connection, self._failures)
            if file is not None:
                file.opened(connection)
        except self._failures.caught as error:
            failure = self._failures.connecting(error)
        except BaseException:
            if slot is not None:
                self._watch.stop(slot)
                self._close(slot)
            raise
        else:
            return slot
        if slot is not None:
            slot.is_usable = False
            self._watch.stop(slot)
            self._close(slot)
        raise failure

    def _warnings_of(self, connection: Connection) -> list[str]:
        """What the database says from now on of commits that do not count; a list for each connection."""
        heard: list[str] | None = connection.info.get(_WARNINGS)
        if heard is None:
            heard = connection.info[_WARNINGS] = []
            self._failures.heed_warnings(connection.connection.dbapi_connection, heard.append)
        heard.clear()
        return heard

    def _close(self, slot: Slot) -> None:
        self._watch.remove(slot)
        if slot.is_cut:
            slot.is_usable = False
        if slot.generation != self._generation:
            # This slot was in use while all others were closed.
            slot.is_usable = False
        slot.close()

    def close(self) -> None:
        """Close all slots: those in use as soon as they are put back."""
        self._generation += 1
        self._engine.dispose()

    def before_fork(self) -> None:
        """Close what nobody uses of a file, because a child must inherit no connection to it."""
        pool = self._engine.pool
        # Other pools would close connections that are in use.
        if self._file is None or not self._file.is_on_disk or not isinstance(pool, (QueuePool, NullPool)):
            return
        # A connection that is in use now will be given back to the pool that it came from.
        self._old_pools.add(pool)
        self.close()
        for old in self._old_pools:
            old.dispose()

    def after_fork(self) -> None:
        """Open connections again, in the parent."""

    def forget(self) -> object:
        """Start anew in a child process.

        Returns:
            the parent's connections. The child must keep them: closing them would end them for the parent.
        """
        inherited = self._engine.pool
        self._engine.dispose(close=False)
        return inherited


class OwnSlots(BorrowedSlots):
    """The slots of a store's own engine, some of which stay open between two statements.

    Args:
        engine: without a pool of its own.
        failures: makes errors of the driver's exceptions.
        watch: sees to the slots' deadlines.
        file: the database's file, if this process opens it itself.
    """

    def __init__(
        self, engine: Engine, failures: Failures, watch: Watch | SelfWatch, file: DatabaseFile | None
    ) -> None:
        super().__init__(engine, failures, watch, file)
        # Before SQLAlchemy's own listener, which runs statements on an engine's first connection.
        event.listen(engine, "connect", on_connect, insert=True)
        self.kept = KEPT
        """How many slots stay open while nothing uses them."""
        self._start()

    def _start(self) -> None:
        # None in the queue is the permission to open a slot, for a thread that waits for one.
        self._idle: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unopened = MOST
        self._waiting = 0
        self._forks = 0

    def take(self, until: float = math.inf) -> Slot:
        """A slot that is open, or a new slot; at the limit, the next slot that is put back."""
        if self._file is not None and self._file.was_replaced():
            self.close()
        try:
            slot = self._idle.get_nowait()
        except queue.Empty:
            slot = self._next_slot(until)
        if slot is None:
            try:
                return self._open(until)
            except BaseException:
                self._permit_another()
                raise
        self._watch.start(slot, until)
        return slot

    def put_back(self, slot: Slot) -> None:
        """Keep the slot open if it is usable and fewer than `kept` are idle."""
        self._watch.stop(slot)
        if (
            slot.is_usable
            and not slot.is_cut
            and slot.generation == self._generation
            and self._idle.qsize() < self.kept
        ):
            self._idle.put(slot)
        else:
            self._close(slot)
            self._permit_another()

    def close(self) -> None:
        """Close all slots: those in use as soon as they are put back."""
        self._generation += 1
        for _ in range(self._idle.qsize()):
            with suppress(queue.Empty):
                slot = self._idle.get_nowait()
                if slot is not None:
                    self._close(slot)
                self._permit_another()

    def before_fork(self) -> None:
        """Close all slots of a file, waiting a while for those in use, and open none until after the fork."""
        if self._file is None or not self._file.is_on_disk:
            return
        with self._lock:
            self._forks += 1
        deadline = time.monotonic() + forks.PATIENCE
        self.close()
        while self._unopened < MOST and time.monotonic() < deadline:
            time.sleep(0.001)
            self.close()

    def after_fork(self) -> None:
        """Let slots be opened again, in the parent."""
        with self._lock:
            self._forks = max(0, self._forks - 1)
            if self._forks:
                return
            permitted = min(self._waiting, self._unopened)
            self._unopened -= permitted
            for _ in range(permitted):
                self._idle.put(None)

    def forget(self) -> object:
        """Start anew in a child process."""
        inherited = (self._idle, super().forget())
        self._start()
        return inherited

    def _next_slot(self, until: float) -> Slot | None:
        """The next slot that is put back, or None as the permission to open a slot."""
        with self._lock:
            if self._unopened and not self._forks:
                self._unopened -= 1
                return None
            self._waiting += 1
        try:
            return self._idle.get(timeout=min(max(0.0, until - self._watch.now()), threading.TIMEOUT_MAX))
        except queue.Empty:
            pass
        finally:
            with self._lock:
                self._waiting -= 1
        raise self._failures.exhausted()

    def _permit_another(self) -> None:
        with self._lock:
            if self._waiting and not self._forks:
                self._idle.put(None)
            else:
                self._unopened += 1
