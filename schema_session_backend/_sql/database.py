"""Running statements: in transactions of the store's own, which are tried again, or in a caller's."""

from __future__ import annotations

import math
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Engine, NullPool, text

from .._table.reports import TableSizes
from .._table.rows import HANDLE
from ..errors import ConfigurationError, SessionExists, StoreUnavailable, WrongArgument
from .connections import MOST, BorrowedSlots, OwnSlots, run_on
from .engine import new_engine
from .failures import Failures
from .files import DatabaseFile
from .forks import after_fork, around_fork, keep_alive
from .query import Query
from .turns import Turns
from .vendors import vendor_of
from .watch import SelfWatch, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Table
    from sqlalchemy.engine import URL
    from sqlalchemy.orm import Session

    from .connections import Result, Slot
    from .vendors.base import Vendor

T = TypeVar("T")

_COMMIT: Final = Query(text("COMMIT"))
_ROLLBACK: Final = Query(text("ROLLBACK"))
_PING: Final = Query(text("SELECT 1"))

FIRST_PAUSE: Final = 0.005
LONGEST_PAUSE: Final = 0.25


class Past(NamedTuple):
    """What earlier tries of the same work have met."""

    lost: bool = False
    """Whether a connection was lost."""
    unsure: bool = False
    """Whether an earlier try may have been done, with its answer lost."""


NOTHING: Final = Past()


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

    @property
    def is_unsure(self) -> bool:
        """Whether the same transaction may have been committed before, with its answer lost."""
        ...

    def unknown(self) -> StoreUnavailable:
        """The error for an outcome that cannot be known."""
        ...

    def transact(self, work: Callable[[Runner], T], handle: str | None = None, *, many: bool = False) -> T:
        """Run all statements of `work` in one transaction; raises what `run` raises.

        Args:
            work: is given a runner for the transaction. It may be called again, from its start.
            handle: of the session that it is about; None if it is about many.
            many: whether each statement may take as long as an operation usually may.
        """
        ...


class Transaction:
    """Runs statements inside a transaction, which the database begins and ends around it.

    Args:
        slot: the connection that is in the transaction.
        failures: makes errors.
        is_unsure: see `Runner.is_unsure`.
        proceed: is called before each statement.
    """

    def __init__(
        self, slot: Slot, failures: Failures, *, is_unsure: bool, proceed: Callable[[], None] | None
    ) -> None:
        self.run = slot.run if proceed is None else self._proceed_and_run
        self.is_unsure = is_unsure
        self.unknown = failures.unknown
        self._slot = slot
        self._proceed = proceed

    def transact(self, work: Callable[[Runner], T], handle: str | None = None, *, many: bool = False) -> T:  # noqa: ARG002 - it has begun
        """See `Runner.transact`; a failed transaction is tried again as a whole, by `Database.transact`."""
        return work(self)

    def _proceed_and_run(self, query: Query, values: Mapping[str, Any]) -> Result:
        assert self._proceed is not None
        self._proceed()
        return self._slot.run(query, values)


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
        self.is_unsure = False
        self.unknown = failures.unknown

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """See `Runner.run`; nothing is tried again, because the caller's transaction has to begin anew."""
        # An ORM session has another connection after each of its transactions.
        given = self._given
        connection = given if isinstance(given, Connection) else given.connection()
        if not isinstance(connection, Connection):
            raise _no_connection(given)
        return run_on(connection, query, values, self._failures)

    def transact(self, work: Callable[[Runner], T], handle: str | None = None, *, many: bool = False) -> T:  # noqa: ARG002 - it has begun
        """See `Runner.transact`; nothing is tried again."""
        return work(self)


class Database:
    """An engine, and how statements run on it: each in its own transaction, in one round trip.

    Args:
        engine: the application's engine, whose pool is shared, or a URL to make an engine of.
        timeout: seconds that connecting may take at most, with an engine made here.
        deadline: seconds that an operation may take.

    Raises:
        ConfigurationError: for a URL that cannot be used.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    is_unsure = False

    def __init__(self, engine: Engine | URL | str, *, timeout: float, deadline: float) -> None:
        self._deadline = deadline
        self._owned = not isinstance(engine, Engine)
        self.engine = (
            engine if isinstance(engine, Engine) else new_engine(engine, min(timeout, deadline), deadline)
        )
        if self.engine.dialect.is_async:
            msg = f"the driver {self.engine.driver!r} is asynchronous; choose a synchronous driver"
            raise ConfigurationError(msg)
        self.vendor: Vendor = vendor_of(self.engine.url)
        self._has_server = not self.vendor.embedded
        self.failures = Failures(self.engine, self.vendor)
        self._begin = Query(text(self.vendor.begin))
        self._file = DatabaseFile(self.engine, self.vendor) if self.vendor.embedded else None
        self.unknown = self.failures.unknown
        self._turns = Turns(one_writer=self.vendor.one_writer, now=_now)
        # An application may have set a handler of its own where SQLite would ask.
        watch = SelfWatch if self._owned and self.vendor.embedded else Watch
        self._watch = watch(self.vendor, _now)
        self._slots = (
            OwnSlots(self.engine, self.failures, self._watch, self._file)
            if isinstance(self.engine.pool, NullPool) and self._owned
            else BorrowedSlots(self.engine, self.failures, self._watch, self._file)
        )
        around_fork(before=self._slots.before_fork, in_parent=self._slots.after_fork)
        after_fork(self._forget_connections)

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """See `Runner.run`."""
        if query.selects:
            return self.attempt(lambda until, past: self._run_once(query, values, until, past))
        return self.attempt(lambda until, past: self._write_once(query, values, until, past))

    def transact(self, work: Callable[[Runner], T], handle: str | None = None, *, many: bool = False) -> T:
        """See `Runner.transact`."""

        def whole(until: float, past: Past) -> T:
            with self._turn(handle, until), self._slot(until, past, writes=True) as slot:

                def proceed() -> None:
                    self._watch.start(slot, _now() + self._deadline)

                slot.run(self._begin, {})
                try:
                    result = work(
                        Transaction(
                            slot,
                            self.failures,
                            is_unsure=past.unsure,
                            proceed=proceed if many else None,
                        )
                    )
                    try:
                        slot.run(_COMMIT, {})
                    except StoreUnavailable as error:
                        error.outcome_unknown |= error.connection_lost
                        raise
                except BaseException:
                    _roll_back(slot)
                    raise
                return result

        return self.attempt(whole)

    def sizes(self, table: Table) -> TableSizes:
        """See `SessionStore.sizes`."""
        sizes = text(self.vendor.sizes_sql)
        quoted = self.engine.dialect.identifier_preparer.format_table(table)
        names = {"quoted": quoted, "table": table.name, "schema": table.schema}

        def ask(until: float, past: Past) -> TableSizes:
            with self.connected(until, past) as connection:
                row = connection.execute(sizes, names).one()
                return TableSizes(*(None if each is None else int(each) for each in row))

        return self.attempt(ask)

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
    def connected(self, until: float = math.inf, past: Past = NOTHING) -> Iterator[Connection]:
        """An SQLAlchemy connection for statements that hold no session's values; for use inside `attempt`.

        Each of its statements is a transaction of its own.
        """
        with self._slot(until, past) as slot:
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
        """The same inside a transaction that commits at the end and rolls back on an error.

        Its statements may take any time, as those do that change a large table.
        """
        with self.connected() as connection:
            if self._owned:
                self.vendor.unlimit(connection)
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

    def attempt(self, work: Callable[[float, Past], T], *, retry_for: float | None = None) -> T:
        """Do `work`, again until the deadline after an error that can pass, or once after a lost connection.

        Args:
            work: runs statements. It is given the time at which to stop, and what earlier tries have met.
            retry_for: seconds for which to try again, if not until the deadline.

        Raises:
            StoreUnavailable: if the error did not pass in time.
            SessionStoreError: for an error that a retry cannot mend.
        """
        start = time.monotonic()
        until = last_try = start + self._deadline
        if retry_for is not None:
            last_try = start + retry_for
            until = max(until, last_try)
        past = NOTHING
        pause = FIRST_PAUSE
        while True:
            try:
                return work(until, past)
            except StoreUnavailable as error:
                failure = error
            remaining = last_try - _now()
            is_final = failure.outcome_unknown and not failure.connection_lost
            if remaining <= 0 or is_final or (failure.connection_lost and past.lost):
                failure.outcome_unknown |= past.unsure
                raise failure
            past = Past(past.lost or failure.connection_lost, past.unsure or failure.outcome_unknown)
            time.sleep(min(pause * random.uniform(0.5, 1.5), remaining))  # noqa: S311 - jitter is no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connections of an engine that was made here; an application's engine stays open."""
        if self._owned:
            self._slots.close()

    def _write_once(self, query: Query, values: Mapping[str, Any], until: float, past: Past) -> Result:
        handle = values.get(HANDLE)
        if not self._turns.take(handle, until):
            raise self.failures.late()
        try:
            result = self._run_once(query, values, until, past, writes=True)
        except StoreUnavailable as error:
            error.outcome_unknown |= error.connection_lost
            raise
        except SessionExists as error:
            error._is_unsure = past.unsure  # noqa: SLF001 - for `Saving` alone
            raise
        finally:
            self._turns.end(handle)
        result.is_unsure = past.unsure
        return result

    def _run_once(
        self, query: Query, values: Mapping[str, Any], until: float, past: Past, *, writes: bool = False
    ) -> Result:
        # Without `_slot`: a context manager would take longer than all else here.
        slot = self._slots.take(until)
        if (writes and self._has_server) or past.lost:
            slot = self._instead_of_ended(slot, until, past)
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
    def _turn(self, handle: str | None, until: float) -> Iterator[None]:
        if not self._turns.take(handle, until):
            raise self.failures.late()
        try:
            yield
        finally:
            self._turns.end(handle)

    @contextmanager
    def _slot(self, until: float, past: Past, *, writes: bool = False) -> Iterator[Slot]:
        slot = self._slots.take(until)
        if (writes and self._has_server) or past.lost:
            slot = self._instead_of_ended(slot, until, past)
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

    def _instead_of_ended(self, slot: Slot, until: float, past: Past) -> Slot:
        """The slot, or another one if its connection is known to have ended.

        A read on such a connection is simply tried again. A write would leave open whether it was done.
        """
        for _ in range(MOST):
            if not slot.has_ended() and not (past.lost and self._is_dead(slot)):
                break
            slot.is_usable = False
            self._slots.put_back(slot)
            slot = self._slots.take(until)
        return slot

    def _is_dead(self, slot: Slot) -> bool:
        # The others may have died in the same restart.
        try:
            slot.run(_PING, {})
        except StoreUnavailable:
            return True
        except BaseException:
            slot.is_usable = False
            self._slots.put_back(slot)
            raise
        return False

    def _forget_connections(self) -> None:
        self._turns.renew()
        keep_alive(self._slots.forget())


def _now() -> float:
    return time.monotonic()


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
