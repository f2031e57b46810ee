"""The errors of this package for those of the drivers, whose texts quote statements' values.

An error is raised outside of the handler that caught the driver's exception, so that it is not chained to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import exc as sa_exc
from sqlalchemy.schema import ColumnCollectionConstraint

from ..errors import (
    AccessDenied,
    ConstraintViolated,
    SessionExists,
    SessionStoreError,
    StatementFailed,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine, Table
    from sqlalchemy.engine import URL

    from .vendors.base import Vendor

_FORBIDDEN: Final = "; check the rights on the file and on its directory, to which SQLite also writes"


class Violation(NamedTuple):
    """Which constraint refused a row, as far as the database tells."""

    constraint: str | None = None
    columns: tuple[str, ...] = ()


class Failures:
    """Makes errors of drivers' exceptions.

    Args:
        engine: whose driver raises them.
        vendor: the hooks of its database.
    """

    def __init__(self, engine: Engine, vendor: Vendor) -> None:
        driver: Any = engine.dialect.dbapi
        self.caught: tuple[type[Exception], ...] = (driver.Error, sa_exc.DBAPIError, sa_exc.TimeoutError)
        """What a handler has to catch."""
        self.table: Table | None = None
        """The table whose constraints are named."""
        self.hashed = True
        """Whether its ids are hashes, which any collation tells apart."""
        self._engine = engine
        self.vendor = vendor
        self._integrity_error: type[Exception] = driver.IntegrityError

    def connecting(self, error: Exception) -> SessionStoreError:
        """No connection could be made."""
        if isinstance(error, sa_exc.TimeoutError):
            return self.exhausted()
        raw = _raw(error)
        code, kind = self._described(raw)
        # Nothing was sent yet, so the driver's text has the reason and no value.
        msg = f"cannot connect to {shown(self._engine.url)} ({kind}): {_first_line(raw)}"
        if self.vendor.forbids(code, self._engine.url):
            return AccessDenied(msg + _FORBIDDEN, code=code)
        if self.vendor.denies(raw):
            return AccessDenied(msg, code=code)
        return StoreUnavailable(msg)

    def exhausted(self) -> StoreUnavailable:
        """No connection became free."""
        return StoreUnavailable(
            "no connection of the pool became free in time: raise its size, or close what holds them"
        )

    def undecodable(self, error: Exception) -> StatementFailed:
        """The driver could not decode a row, and cannot go on with the others."""
        return StatementFailed(
            f"the driver {self._engine.driver!r} cannot decode a row ({type(error).__name__}): the URL of"
            f" another driver begins with {' or '.join(self.vendor.drivers)}://",
            code=None,
        )

    def late(self) -> StoreUnavailable:
        """Another request was writing to the session until the deadline."""
        return StoreUnavailable("other requests were writing until the deadline, so this one was not begun")

    def cut_off(self, failure: StoreUnavailable) -> StoreUnavailable:
        """A statement was cancelled or cut off at the deadline."""
        return StoreUnavailable(
            f"the database did not answer until the deadline, or stayed locked: {failure}",
            connection_lost=failure.connection_lost,
        )

    def unconfirmed(self, warnings: str) -> StoreUnavailable:
        """The database says that a commit does not count."""
        return StoreUnavailable(
            f"what was written may be lost: {warnings}; look before you try again", outcome_unknown=True
        )

    def unknown(self) -> StoreUnavailable:
        """The answer of a statement was lost, and nothing in the table tells what it did."""
        return StoreUnavailable(
            "the connection was lost, and whether the change was made before cannot be known; look before"
            " you try again",
            outcome_unknown=True,
        )

    def spoils(self, error: Exception) -> bool:
        """Whether the statement needs another connection."""
        return self.vendor.code(_raw(error)) in self.vendor.spoiling_codes

    def heed_warnings(self, connection: Any, heed: Callable[[str], object]) -> None:
        """Have `heed` called where the database says that a commit on a connection does not count."""
        self.vendor.heed_warnings(connection, heed)

    def of(  # noqa: PLR0911 - each kind of failure is an error of its own
        self, error: Exception, connection: Any, *, quote: bool = False
    ) -> SessionStoreError:
        """A statement failed.

        Args:
            error: the driver's, or SQLAlchemy's around it.
            connection: the driver's, on which the statement ran; None if SQLAlchemy ran it.
            quote: put the driver's text into the error; only for statements without a session's values.
        """
        if isinstance(error, sa_exc.TimeoutError):
            return self.exhausted()
        raw = _raw(error)
        code, kind = self._described(raw)
        if self._is_lost(error, raw, connection):
            msg = f"the connection to {shown(self._engine.url)} was lost ({kind}); try again later"
            return StoreUnavailable(msg, connection_lost=True)
        if self.vendor.is_transient(code):
            return StoreUnavailable(f"the database stayed busy or locked until the deadline ({kind})")
        if code in self.vendor.unsure_codes:
            return self.unconfirmed(f"the database failed to commit ({kind})")
        if self.vendor.is_duplicate_key(raw):
            return SessionExists(f"a session with that id is there already ({kind})", code=code)
        if isinstance(raw, self._integrity_error) or code in self.vendor.violations:
            return self._violated(raw, code, kind)
        may_quote = quote or self.vendor.quotes_no_values
        reason = _first_line(raw) if may_quote else "the database's log tells more"
        if self.vendor.forbids(code, self._engine.url):
            msg = f"the database could not run a statement ({kind}): {reason}{_FORBIDDEN}"
            return AccessDenied(msg, code=code)
        if self.vendor.denies(raw):
            return AccessDenied(f"the database denied a statement ({kind}): {reason}", code=code)
        return StatementFailed(f"the database refused a statement ({kind}): {reason}", code=code)

    def _is_lost(self, error: Exception, raw: BaseException, connection: Any) -> bool:
        if self.vendor.is_outdated(raw):
            return True
        if isinstance(error, sa_exc.DBAPIError):
            return error.connection_invalidated
        return self._engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type]

    def _described(self, raw: BaseException) -> tuple[str | None, str]:
        code = self.vendor.code(raw)
        return code, type(raw).__name__ + (f" {code}" if code else "")

    def _violated(self, raw: BaseException, code: str | None, kind: str) -> ConstraintViolated:
        constraint, columns = self._completed(self.vendor.violation(raw))
        where = "" if self.table is None else f" of table {self.table.fullname!r}"
        what = "a constraint" if constraint is None else f"the constraint {constraint!r}"
        on = f" on {', '.join(map(repr, columns))}" if columns else ""
        msg = f"{what}{on}{where} refused the session ({kind})"
        if columns and columns == self._key and not self.hashed:
            msg = (
                f"the column {columns[0]!r}{where} takes ids that differ in case or in blanks at the end for"
                f" the same one, so the session was not stored; its collation has to change ({kind}):"
                " wait_for_sync() of another store tells how"
            )
        return ConstraintViolated(msg, code=code, constraint=constraint, columns=columns)

    @property
    def _key(self) -> tuple[str, ...]:
        return () if self.table is None else tuple(self.table.primary_key.columns.keys())

    def _completed(self, told: Violation) -> Violation:
        """What the database tells, with what the declaration adds: its columns, or its name."""
        unique = _constraints(self.table, unique=True)
        if told.columns and told.columns == self._key and (unique or self.hashed):
            # MariaDB's upsert sets the key to NULL also where another unique constraint is violated.
            return unique[0] if len(unique) == 1 else Violation()
        for name, columns in _constraints(self.table):
            if told.constraint is not None and name == told.constraint:
                return Violation(name, told.columns or columns)
            if told.constraint is None and columns == told.columns:
                return Violation(name, columns)
        name = told.constraint
        if self.table is not None and name is not None and not told.columns and name in self.table.c:
            # MariaDB calls a key without a name like its first column.
            return Violation(name, (name,))
        return told


def _constraints(table: Table | None, *, unique: bool = False) -> list[Violation]:
    """The declared constraints, or those of them that are unique beside the primary key."""
    if table is None:
        return []
    known = []
    for constraint in (*table.indexes, *table.constraints):
        if isinstance(constraint, Index):
            is_unique = constraint.unique
        elif isinstance(constraint, ColumnCollectionConstraint):
            is_unique = isinstance(constraint, UniqueConstraint)
        else:
            continue
        if is_unique or not unique:
            name = None if constraint.name is None else str(constraint.name)
            known.append(Violation(name, tuple(constraint.columns.keys())))
    return known


def shown(url: URL) -> str:
    """A URL for messages, without passwords, which may be in its query too."""
    secret = {name: "***" for name in url.query if "pass" in name.lower()}
    return repr(url.update_query_dict(secret) if secret else url)


def _raw(error: BaseException) -> BaseException:
    """The driver's own exception."""
    return error.orig if isinstance(error, sa_exc.DBAPIError) and error.orig is not None else error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")
