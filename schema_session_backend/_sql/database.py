"""Running statements: in transactions of the store's own, which are tried again, or in a caller's."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, NullPool, text

from ..errors import ConfigurationError, StoreUnavailable, WrongArgument
from .connections import BorrowedSlots, OwnSlots, run_on
from .engine import new_engine
from .failures import Failures
from .files import DatabaseFile
from .forks import after_fork, around_fork, keep_alive
from .query import Query
from .vendors import vendor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.engine import URL
    from sqlalchemy.orm import Session

    from .connections import Result, Slot
    from .vendors.base import Vendor

T = TypeVar("T")

_COMMIT: Final = Query(text("COMMIT"))
_ROLLBACK: Final = Query(text("ROLLBACK"))

RETRY_FOR: Final = 5.0
"""Seconds during which a statement is tried again after an error that can pass."""
FIRST_PAUSE: Final = 0.005
LONGEST_PAUSE: Final = 0.25


class Runner(Protocol):
    """What runs statements."""

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """Run a statement.

        Raises:
            StoreUnavailable: if the database cannot be reached, or stays locked, until the deadline.
            StatementFailed: if it refuses the statement.
            AccessDenied: if it refuses the store's user.
        """
        ...

    def transact(self, work: Callable[[Runner], T]) -> T:
        """Run all statements of `work` in one transaction; raises what `run` raises.

        Args:
            work: is given a runner for the transaction. It may be called again, from its start.
        """
        ...


class Transaction:
    """Runs statements inside a transaction, which the database begins and ends around it.

    Args:
        slot: the connection that is in the transaction.
    """

    def __init__(self, slot: Slot) -> None:
        self.run = slot.run

    def transact(self, work: Callable[[Runner], T]) -> T:
        """See `Runner.transact`; a failed transaction is tried again as a whole, by `Database.transact`."""
        return work(self)


class Joined:
    """Runs statements in the transaction that an application's connection or ORM session is in.

    Args:
        connection: SQLAlchemy's `Connection`, ORM `Session` or `scoped_session`.
        failures: makes errors of the driver's exceptions.

    Raises:
        WrongArgument: for anything else.
    """

    def __init__(self, connection: Connection | Session, failures: Failures) -> None:
        is_usable = isinstance(connection, Connection) or callable(getattr(connection, "connection", None))
        if not is_usable or isinstance(connection, type):
            raise _no_connection(connection)
        self._given = connection
        self._failures = failures

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """See `Runner.run`; nothing is tried again, because the caller's transaction has to begin anew."""
        # An ORM session has another connection after each of its transactions.
        given = self._given
        connection = given if isinstance(given, Connection) else given.connection()
        if not isinstance(connection, Connection):
            raise _no_connection(given)
        return run_on(connection, query, values, self._failures)

    def transact(self, work: Callable[[Runner], T]) -> T:
        """See `Runner.transact`; nothing is tried again."""
        return work(self)


class Database:
    """An engine, and how statements run on it: each in its own transaction, in one round trip.

    Args:
        engine: the application's engine, whose pool is shared, or a URL to make an engine of.
        timeout: seconds that connecting may take, with an engine made here.

    Raises:
        ConfigurationError: for a URL that cannot be used.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    def __init__(self, engine: Engine | URL | str, *, timeout: float) -> None:
        self._owned = not isinstance(engine, Engine)
        self.engine = engine if isinstance(engine, Engine) else new_engine(engine, timeout)
        if self.engine.dialect.is_async:
            msg = f"the driver {self.engine.driver!r} is asynchronous; choose a synchronous driver"
            raise ConfigurationError(msg)
        self.vendor: Vendor = vendor_of(self.engine.url)
        self.failures = Failures(self.engine, self.vendor)
        self._begin = Query(text(self.vendor.begin))
        self._file = DatabaseFile(self.engine, self.vendor) if self.vendor.embedded else None
        self._slots = (
            OwnSlots(self.engine, self.failures, self._file, timeout=RETRY_FOR)
            if isinstance(self.engine.pool, NullPool) and self._owned
            else BorrowedSlots(self.engine, self.failures, self._file)
        )
        around_fork(before=self._slots.before_fork, in_parent=self._slots.after_fork)
        after_fork(self._forget_connections)

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """See `Runner.run`."""
        return self.attempt(lambda: self._run_once(query, values))

    def transact(self, work: Callable[[Runner], T]) -> T:
        """See `Runner.transact`."""

        def whole() -> T:
            with self._slot() as slot:
                slot.run(self._begin, {})
                try:
                    result = work(Transaction(slot))
                    slot.run(_COMMIT, {})
                except BaseException:
                    _roll_back(slot)
                    raise
                return result

        return self.attempt(whole)

    def joined(self, connection: Connection | Session) -> Joined:
        """What runs statements in a caller's transaction.

        Raises:
            WrongArgument: for anything but a connection or an ORM session.
            ConfigurationError: in a child process that has inherited the database's file open.
        """
        if self._file is not None:
            self._file.require_usable()
        return Joined(connection, self.failures)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """An SQLAlchemy connection for statements that hold no session's values; for use inside `attempt`.

        Each of its statements is a transaction of its own.
        """
        with self._slot() as slot:
            try:
                yield slot.connection
            except self.failures.caught as error:
                failure = self.failures.of(error, None, quote=True)
                slot.is_usable = not getattr(failure, "connection_lost", False)
            else:
                return
            # Raised outside of the handler: the driver's exception may quote values.
            raise failure

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The same inside a transaction that commits at the end and rolls back on an error."""
        with self.connected() as connection:
            connection.exec_driver_sql(self.vendor.begin)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                try:
                    connection.exec_driver_sql("ROLLBACK")
                except Exception:  # noqa: BLE001 - what went wrong first is what matters
                    connection.invalidate()
                raise

    def attempt(self, work: Callable[[], T], *, retry_for: float = RETRY_FOR) -> T:
        """Do `work`, again for a while after an error that can pass; a lost connection is replaced once.

        Args:
            work: runs statements.
            retry_for: seconds.

        Raises:
            StoreUnavailable: if the error did not pass within `retry_for` seconds.
            SessionStoreError: for an error that a retry cannot mend.
        """
        deadline = None
        pause = FIRST_PAUSE
        was_lost = False
        while True:
            start = time.monotonic()
            try:
                return work()
            except StoreUnavailable as error:
                failure = error
            if deadline is None:
                deadline = start + retry_for
            remaining = deadline - time.monotonic()
            if remaining <= 0 or (failure.connection_lost and was_lost):
                raise failure
            if failure.connection_lost:
                was_lost = True
                # The other connections died in the same restart.
                self._slots.close()
            time.sleep(min(pause * random.uniform(0.5, 1.5), remaining))  # noqa: S311 - jitter is no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connections of an engine that was made here; an application's engine stays open."""
        if self._owned:
            self._slots.close()

    def _run_once(self, query: Query, values: Mapping[str, Any]) -> Result:
        # Without `_slot`: a context manager would take longer than all else here.
        slot = self._slots.take()
        try:
            return slot.run(query, values)
        except Exception:
            raise
        except BaseException:
            slot.is_usable = False
            raise
        finally:
            self._slots.put_back(slot)

    @contextmanager
    def _slot(self) -> Iterator[Slot]:
        slot = self._slots.take()
        try:
            yield slot
        except Exception:
            raise
        except BaseException:
            # A statement that was cut short, as by gevent's Timeout, may leave half of an answer unread.
            slot.is_usable = False
            raise
        finally:
            self._slots.put_back(slot)

    def _forget_connections(self) -> None:
        keep_alive(self._slots.forget())


def _no_connection(given: object) -> WrongArgument:
    return WrongArgument(
        "within takes an SQLAlchemy Connection or ORM Session, in whose transaction the store then works,"
        f" not {type(given).__name__}"
    )


def _roll_back(slot: Slot) -> None:
    try:
        slot.run(_ROLLBACK, {})
    except Exception:  # noqa: BLE001 - what went wrong first is what matters
        slot.is_usable = False
