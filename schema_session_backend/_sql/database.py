"""Running statements: the engine, one round trip each, what is retried, and forks."""

from __future__ import annotations

import logging
import os
import random
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import make_url

from .connections import OwnConnections, SharedConnections
from .vendors import vendor_of
from ..errors import (
    ConfigurationError,
    ConstraintViolated,
    MissingDependency,
    SessionExists,
    SessionStoreError,
    StatementFailed,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import URL
    from sqlalchemy.orm import Session

    from .vendors.base import Vendor
    from .query import Convert, Query, Row

    Joined = Connection | Session
    """The transaction of a caller who passes `connection=`."""

T = TypeVar("T")

OURS: Final = "schema_session_backend"
"""The execution option that marks connections of ours."""
RETRY_FOR: Final = 5.0
"""Seconds during which a statement is tried again after an error that can pass."""
FIRST_PAUSE: Final = 0.005
LONGEST_PAUSE: Final = 0.25


@dataclass(slots=True)
class Result:
    """What a statement gave.

    Attributes:
        count: how many rows it inserted, changed or removed.
        rows: those that it selected, as the driver gave them.
        convert: makes Python values of one of them; apart, because a row of nonsense costs no other.
    """

    count: int
    rows: Sequence[Row] = ()
    convert: Convert = list


class _Unreachable(Exception):
    """No connection could be made, for the reason that is its cause."""


class _Lost(Exception):
    """The connection died while a statement ran; its cause is the driver's exception."""


class Database:
    """An engine and how sessions' statements run on it: each in its own transaction, in one round trip.

    Args:
        engine: the application's engine, whose pool is shared, or a URL to make one of.
        timeout: seconds that connecting may take, with an engine made here.

    Raises:
        ConfigurationError: for a URL that cannot be used.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    def __init__(self, engine: Engine | URL | str, *, timeout: float) -> None:
        self._owned = not isinstance(engine, Engine)
        self.engine = engine if isinstance(engine, Engine) else _new_engine(engine, timeout)
        if self.engine.dialect.is_async:
            msg = f"the driver {self.engine.driver!r} is asynchronous; choose a synchronous one"
            raise ConfigurationError(msg)
        self._connections = (OwnConnections if self._owned else SharedConnections)(self.engine)
        self.vendor: Vendor = vendor_of(self.engine.url)
        level = {} if self._owned else {"isolation_level": "AUTOCOMMIT"}
        self._autocommit = self.engine.execution_options(**{OURS: True, **level})
        driver: Any = self.engine.dialect.dbapi
        self._integrity_error: type[Exception] = driver.IntegrityError
        self._driver_errors: tuple[type[Exception], ...] = (
            driver.Error,
            sa_exc.DBAPIError,
            sa_exc.TimeoutError,
        )
        self._errors = (*self._driver_errors, _Lost, _Unreachable)
        after_fork(self._forget_connections)

    def run(self, query: Query, values: Mapping[str, Any], connection: Joined | None = None) -> Result:
        """Run a compiled statement.

        Raises:
            StoreUnavailable: if the database cannot be reached, or stays locked, until the deadline.
            StatementFailed: if it refuses the statement.
        """
        if connection is None:
            run = self._watched if self._is_watched() else self._on_cursor
            return self.attempt(lambda: run(query, values))
        own = connection if isinstance(connection, Connection) else connection.connection()
        if OURS in own.get_execution_options():
            # A transaction of ours, which is done again from its start: see `transact`.
            return _on_connection(own, query, values)
        try:
            return _on_connection(own, query, values)
        except self._errors as error:
            failure = self._translated(error)
        raise failure

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do all of `work` in one transaction, again from its start after an error that can pass."""

        def whole() -> T:
            with self.transaction() as connection:
                return work(connection)

        return self.attempt(whole)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection inside a transaction that commits at the end and rolls back on an error."""
        with self.connected() as connection:
            connection.exec_driver_sql(self.vendor.begin)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def attempt(self, work: Callable[[], T], *, retry_for: float = RETRY_FOR, quote: bool = False) -> T:
        """Do `work`, again for a while after an error that can pass; a lost connection is replaced once.

        Args:
            work: runs statements.
            retry_for: seconds.
            quote: put the driver's text into the error; only for statements without a session's values.

        Raises:
            StoreUnavailable: if the error did not pass within `retry_for` seconds.
            StatementFailed: for an error that a retry cannot mend.
        """
        deadline = time.monotonic() + retry_for
        pause = FIRST_PAUSE
        lost = 0
        while True:
            try:
                return work()
            except self._errors as error:
                is_lost = isinstance(error, _Lost)
                lost += is_lost
                failure = self._translated(error, quote=quote)
            remaining = deadline - time.monotonic()
            if not isinstance(failure, StoreUnavailable) or remaining <= 0 or lost > 1:
                # Raised outside of the handler: the driver's exception would quote the statement's values.
                raise failure
            if is_lost:
                # The other connections died in the same restart.
                self._connections.close()
            time.sleep(min(pause * random.uniform(0.5, 1.5), remaining))  # noqa: S311 - jitter is no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def close(self) -> None:
        """Close the pool of an engine that was made here; an application's engine stays open."""
        if self._owned:
            self._connections.close()

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose statements are transactions of their own; for use inside `attempt`."""
        try:
            with self._connections.waiting():
                connection = self._autocommit.connect()
        except self._driver_errors as error:
            raise _Unreachable from error
        with connection:
            try:
                yield connection
            except sa_exc.DBAPIError as error:
                if error.connection_invalidated:
                    raise _Lost from error
                if error.orig is not None and self.vendor.is_outdated(error.orig):
                    connection.invalidate()
                    raise _Lost from error
                raise

    def _is_watched(self) -> bool:
        """Whether somebody listens to statements, such as OpenTelemetry; a driver's cursor tells nobody."""
        events: Any = self._autocommit.dispatch
        return bool(events.before_cursor_execute or events.after_cursor_execute)

    def _watched(self, query: Query, values: Mapping[str, Any]) -> Result:
        with self.connected() as connection:
            return _on_connection(connection, query, values)

    def _on_cursor(self, query: Query, values: Mapping[str, Any]) -> Result:
        connections, dialect = self._connections, self.engine.dialect
        try:
            taken = connections.take()
        except self._driver_errors as error:
            raise _Unreachable from error
        try:
            connections.prepare(taken)
            compiled = query.compiled(dialect)
            cursor = taken.cursor()
            cursor.execute(compiled.sql, compiled.parameters(values))
            if compiled.selects:
                result = Result(cursor.rowcount, cursor.fetchall(), compiled.convert(cursor))
            else:
                result = Result(cursor.rowcount)
            connections.restore(taken)
        except self._driver_errors as error:
            if dialect.is_disconnect(error, taken.connection, None) or self.vendor.is_outdated(error):  # type: ignore[arg-type]
                taken.invalidate()
                raise _Lost from error
            taken.drop_cursor()
            connections.restore(taken)
            connections.put_down(taken)
            raise
        except BaseException:
            # Cut short, it may still be in the middle of an answer.
            taken.invalidate()
            raise
        connections.put_down(taken)
        return result

    def _translated(self, error: Exception, *, quote: bool = False) -> SessionStoreError:  # noqa: PLR0911 - one each
        """The error of ours for a driver's, with its code and without its text, which quotes values."""
        if isinstance(error, sa_exc.TimeoutError) or isinstance(error.__cause__, sa_exc.TimeoutError):
            msg = "no connection of the pool became free in time: raise its size, or close what holds them"
            return StoreUnavailable(msg)
        cause = error.__cause__ if isinstance(error, (_Lost, _Unreachable)) else error
        driver_error = cause.orig if isinstance(cause, sa_exc.DBAPIError) and cause.orig else cause
        assert driver_error is not None
        code = self.vendor.code(driver_error)
        kind = type(driver_error).__name__ + (f" {code}" if code else "")
        if isinstance(error, _Unreachable):
            # Nothing was sent yet, so the driver's text has the reason and no value.
            return StoreUnavailable(
                f"cannot connect to {self.engine.url!r} ({kind}): {_first_line(driver_error)}"
            )
        if isinstance(error, _Lost):
            return StoreUnavailable(
                f"the connection to {self.engine.url!r} was lost ({kind}); try again later"
            )
        if self.vendor.is_transient(code):
            return StoreUnavailable(f"the database stayed busy or locked until the deadline ({kind})")
        if self.vendor.is_duplicate_key(driver_error):
            return SessionExists(f"a session with that id is there already ({kind})", code=code)
        if isinstance(driver_error, self._integrity_error):
            msg = f"a unique, foreign key or check constraint of the table refused the session ({kind})"
            return ConstraintViolated(msg, code=code)
        reason = _first_line(driver_error) if quote else "its log tells more"
        return StatementFailed(f"the database refused a statement ({kind}): {reason}", code=code)

    def _forget_connections(self) -> None:
        _inherited.append(self._connections.forget())


def _on_connection(connection: Connection, query: Query, values: Mapping[str, Any]) -> Result:
    compiled = query.compiled(connection.dialect)
    found = connection.exec_driver_sql(
        # Some drivers forget the count of an INSERT unless it is asked for.
        compiled.sql,
        compiled.parameters(values),
        execution_options={"preserve_rowcount": True},
    )
    if not found.returns_rows:
        return Result(found.rowcount)
    convert = compiled.convert(found.cursor)
    return Result(found.rowcount, found.all(), convert)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")


def _roll_back(connection: Connection) -> None:
    try:
        connection.exec_driver_sql("ROLLBACK")
    except Exception:  # noqa: BLE001 - what went wrong first is what matters
        connection.invalidate()


def _new_engine(given: URL | str, timeout: float) -> Engine:
    try:
        url = make_url(given)
    except (sa_exc.ArgumentError, ValueError):  # the latter for a port that is no number
        url = None
    if url is None:
        msg = (
            "the database's URL cannot be understood; it looks like"
            " postgresql+psycopg://user:password@host/name or sqlite:///sessions.db"
        )
        raise ConfigurationError(msg)
    vendor = vendor_of(url)
    try:
        # By its module, where OpenTelemetry and its like put one that tells of each engine.
        engine = sqlalchemy.create_engine(
            url,
            # Each statement is a transaction of its own, without a BEGIN before and a ROLLBACK after it.
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            # Logs and exceptions hold no session's values.
            hide_parameters=True,
            logging_name="schema_session_backend",
            **vendor.engine_options(url, timeout),
        )
    except (ImportError, sa_exc.NoSuchModuleError):
        engine = None
    if engine is None:
        msg = f"the driver for {url.drivername}:// is not installed"
        drivers = " or ".join(f"{name}://" for name in vendor.drivers)
        if vendor.extra is None:
            raise ConfigurationError(f"{msg}; Python brings the one for {drivers}")
        if url.drivername not in vendor.drivers:
            msg += f": start the URL with {drivers} for the driver of the extra {vendor.extra!r}"
        raise MissingDependency(msg, extra=vendor.extra)
    if isinstance(engine.logger, logging.Logger):
        engine.logger.addFilter(_without_rows)
    event.listen(engine, "connect", lambda connection, _record: vendor.on_connect(connection))
    return engine


def _without_rows(record: logging.LogRecord) -> bool:
    """SQLAlchemy logs statements as INFO, but as DEBUG the rows, which are sessions."""
    return record.levelno > logging.DEBUG


_inherited: Final[list[Any]] = []
_after_fork: Final[list[weakref.WeakMethod[Callable[[], None]]]] = []


def after_fork(method: Callable[[], None]) -> None:
    """Have a bound method called in the child of each fork, for as long as its object lives."""
    _after_fork.append(weakref.WeakMethod(method))


def _run_after_fork() -> None:
    for reference in _after_fork:
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_after_fork)
