"""`Vendor`: what differs between the databases, with the defaults that most of them share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, case, delete, func, literal, null
from sqlalchemy.sql import literal_column

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Column, ColumnElement, Connection, Delete, Executable, Table
    from sqlalchemy.engine import URL
    from sqlalchemy.sql.base import ReadOnlyColumnCollection
    from sqlalchemy.sql.dml import Insert
    from sqlalchemy.sql.type_api import TypeEngine

    from ..._table.rows import Row
    from ..column_types import ColumnType
    from ..failures import Violation

    Scalar = Callable[[Executable], Any]
    Updates = Callable[[ReadOnlyColumnCollection[str, Any]], Sequence[tuple[str, ColumnElement[Any]]]]
    """Returns the columns that an upsert sets on an existing row, in order, given the row it would insert."""


class Vendor(ABC):
    """A database's own SQL, error codes and connection options."""

    extra: ClassVar[str | None]
    """The extra of this distribution that installs a driver; None if Python includes a driver."""

    drivers: ClassVar[tuple[str, ...]]
    """The start of a URL, without `://`, for each driver that the extra installs."""

    embedded: ClassVar[bool] = False
    """Whether a process opens the database's file itself, without a server."""

    timed_drivers: ClassVar[frozenset[str]] = frozenset()
    """The drivers that take a `connect_timeout` of whole seconds, and parameters by position."""

    shortest_timeout: ClassVar[int] = 1
    """The shortest `connect_timeout` that these drivers take, in seconds."""

    begin: ClassVar[str] = "BEGIN"

    violations: ClassVar[frozenset[str]] = frozenset()
    """Codes of violated constraints for which its drivers have no IntegrityError."""

    quotes_no_values: ClassVar[bool] = False
    """Whether the database's error messages can be shown, because they never quote a statement's values."""

    transient_codes: ClassVar[frozenset[str]] = frozenset()
    """The codes of the errors after which the same statement may succeed a moment later."""

    spoiling_codes: ClassVar[frozenset[str]] = frozenset()
    """Those of them after which it may succeed on another connection, as on that to a new primary."""

    unsure_codes: ClassVar[frozenset[str]] = frozenset()
    """The codes of the errors after which a statement may have been committed all the same."""

    one_writer: ClassVar[bool] = False
    """Whether the database has one writer at a time, whatever is written."""

    now_ms_sql: ClassVar[str]
    utc_now_sql: ClassVar[str]

    insertion_sql: ClassVar[str | None] = None
    """An expression that grows with each new row, if the clock is too coarse to order two new rows."""

    @property
    def now_ms(self) -> ColumnElement[int]:
        """The database's clock: milliseconds since 1970 UTC, the same throughout a statement."""
        return literal_column(self.now_ms_sql, BigInteger)

    @property
    def utc_now(self) -> ColumnElement[dt.datetime]:
        """The database's clock as a value for a timestamp column."""
        return literal_column(self.utc_now_sql, DateTime)

    @abstractmethod
    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """A timestamp column's value as milliseconds since 1970 UTC."""

    def is_moment(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a timestamp column has a value that every driver can decode, in any time zone."""
        return moment.between(literal_column("'1000-01-01'"), literal_column("'9999-12-30'"))

    def whole(self, number: ColumnElement[int]) -> ColumnElement[int]:
        """The value of an integer column as an integer."""
        return number

    def day(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        """A timestamp column's day in UTC, as a date or as text like `2026-11-25`."""
        return func.date(moment)

    def least(self, left: ColumnElement[int], right: ColumnElement[int]) -> ColumnElement[int]:
        """The smaller of two numbers."""
        return func.least(left, right)

    @abstractmethod
    def exactly(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """A column's text in a form that compares byte for byte, whatever the column's collation is."""

    @abstractmethod
    def insert(self, table: Table) -> Any:
        """An INSERT of the database's own dialect."""

    def upsert(self, table: Table, rows: Any, updates: Updates, *, exact: bool = False) -> Insert:
        """Insert rows; where the primary key is taken, change the existing row.

        Args:
            table: the table.
            rows: the new row, or a list of rows.
            updates: what to set on an existing row.
            exact: whether to fail where the collation takes a new key and another one for the same.
        """
        statement = self.insert(table).values(rows)
        changes = dict(updates(statement.excluded))
        if exact:
            (key,) = table.primary_key.columns
            # A primary key that is set to NULL is an error.
            same = case((self.exactly(key) == statement.excluded[key.name], key), else_=null())
            changes = {key.name: same, **changes}
        upsert: Insert = statement.on_conflict_do_update(
            index_elements=table.primary_key.columns, set_=changes
        )
        return upsert

    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """Insert a row; do nothing if the primary key is taken.

        A database without such a statement raises its duplicate-key error; see `is_duplicate_key`.
        """
        statement = self.insert(table).values(row)
        insert: Insert = statement.on_conflict_do_nothing(index_elements=table.primary_key.columns)
        return insert

    def delete_by_key(self, table: Table) -> Delete:
        """A DELETE that finds its rows by the primary key, so that it waits for no other rows."""
        return delete(table)

    def key(self, value: object) -> ColumnElement[Any]:
        """The primary key of a row as the driver or `read_leniently` gave it, for a comparison."""
        return literal(value)

    def read_leniently(self, connection: Any, sql: str, parameters: Any) -> list[Row] | None:  # noqa: ARG002 - as most
        """Run a SELECT with an `Unreadable` in place of each value that the driver cannot decode.

        Args:
            connection: the driver's.
            sql: the statement.
            parameters: as the driver takes them.

        Returns:
            the rows; None if the driver has no way to do so.
        """
        return None

    @abstractmethod
    def is_duplicate_key(self, error: BaseException) -> bool:
        """Whether a driver's exception says that the primary key of a new row is taken."""

    @abstractmethod
    def violation(self, error: BaseException) -> Violation:
        """The constraint that refused a row, as far as the driver's exception names it."""

    @abstractmethod
    def denies(self, error: BaseException) -> bool:
        """Whether a driver's exception says that the user, the password, the database or a right is wrong."""

    def forbids(self, code: str | None, url: URL) -> bool:  # noqa: ARG002 - only SQLite has files
        """Whether the operating system keeps this process from an embedded database's file or directory.

        Args:
            code: the database's own code of the error.
            url: the database's URL.
        """
        return False

    @abstractmethod
    def code(self, error: BaseException) -> str | None:
        """The database's own code in a driver's exception."""

    def is_transient(self, code: str | None) -> bool:
        """Whether the same statement may succeed a moment later, as after a deadlock or a lock timeout."""
        return code in self.transient_codes

    def lacks_type(self, code: str | None, reason: str) -> bool:  # noqa: ARG002 - SQLite takes any type
        """Whether the database refused to create a table because it does not have the type of a column."""
        return False

    def is_outdated(self, error: BaseException) -> bool:  # noqa: ARG002 - most databases do without
        """Whether the connection's prepared statement is outdated, because the table has changed since."""
        return False

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """The arguments of `create_engine` for an engine that is made for a store.

        Args:
            url: the database's URL.
            timeout: seconds after which connecting fails, also if packets are dropped.
        """
        if url.get_driver_name() not in self.timed_drivers:
            return {}
        # Parameters by position, because these drivers take longer to look names up.
        options: dict[str, Any] = {"paramstyle": "format"}
        if "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": max(self.shortest_timeout, math.ceil(timeout))}
        return options

    def on_connect(self, connection: Any, deadline: float) -> None:  # noqa: B027 - most databases need nothing
        """Set up a new driver connection of an engine that is made for a store.

        Args:
            connection: the driver's.
            deadline: seconds that a statement may take; `math.inf` for any.
        """

    def unlimit(self, connection: Connection) -> None:  # noqa: B027 - likewise
        """Let statements take any time; their wait for locks stays limited."""

    def settle(self, connection: Any) -> None:  # noqa: B027 - likewise
        """Make a driver's connection safe for the store's statements, before the first of them.

        Args:
            connection: the driver's, also one of the application's own.
        """

    def cancellation(self, connection: Any) -> Callable[[], object] | None:  # noqa: ARG002 - likewise
        """What cancels the statement that a driver's connection is running; None if nothing does."""
        return None

    def have_asked(self, connection: Any, is_over: Callable[[], bool]) -> None:
        """Have an embedded database ask now and then, while it runs a statement, whether to end it."""
        raise NotImplementedError

    def heed_warnings(self, connection: Any, heed: Callable[[str], object]) -> None:  # noqa: B027 - likewise
        """Have `heed` called where the database says that a commit does not count, with what it says."""

    def path_of(self, connection: Connection) -> str | None:  # noqa: ARG002 - only SQLite has files
        """The file that an embedded database is in; None if it is in memory."""
        return None

    def prepare(self, connection: Connection) -> None:  # noqa: B027 - likewise
        """Set up the database itself, once, when the table is checked."""

    @abstractmethod
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> AbstractContextManager[bool]:
        """Hold a lock that only one process can hold; inside of a transaction only.

        Args:
            scalar: runs a statement in the transaction and returns the value that it selects.
            name: the lock's name.
            wait: seconds to wait for the lock; 0 does not wait.

        Returns:
            a context manager whose value tells whether the lock was acquired.
        """

    sizes_sql: ClassVar[str]
    """Selects what a `TableSizes` has, of `:table` in `:schema`, whose quoted name is `:quoted`."""

    # -- changes of an existing table

    type_names: ClassVar[Mapping[str, str]] = {}
    """Names of types that the database treats as another type, with that type's name."""

    fraction_digits: ClassVar[int] = 6
    """The digits of a fraction of a second in a time whose type does not say how many."""

    adds_constraints: ClassVar[bool] = True
    """Whether ALTER TABLE can add a constraint alone; otherwise only together with a new column."""

    limits_of_add: ClassVar[str] = ""
    """Which columns `can_add` refuses, as a clause for an error message."""

    limits_of_alter: ClassVar[str]
    """Which columns `alter_column` cannot change, as a clause for an error message."""

    def named_types(self, connection: Connection, kind: TypeEngine[Any]) -> list[str]:  # noqa: ARG002 - likewise
        """The statements that create the missing named types that a column's type needs."""
        return []

    def can_add(self, column: Column[Any], default: str | None, *, to_rows: bool) -> bool:  # noqa: ARG002 - likewise
        """Whether ALTER TABLE can add a column.

        Args:
            column: the declared column.
            default: the SQL of the column's default in the database; None without a default.
            to_rows: whether the table has rows.
        """
        return True

    def add_with_default(self, table: str, name: str, bare: str, default: str) -> list[str]:
        """The statements that add a column with a default for new rows, and NULL in existing rows.

        Args:
            table: the table's name, quoted if necessary.
            name: the column's name, quoted if necessary.
            bare: the definition of the column in ADD COLUMN, without the default.
            default: the default's SQL.
        """
        return [
            f"ALTER TABLE {table} ADD COLUMN {bare}",
            f"ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT ({default})",
        ]

    @abstractmethod
    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:
        """The statements that widen a column or drop its NOT NULL, and change nothing else of the column.

        Returns:
            an empty list if no statement does that; see `limits_of_alter`.
        """

    indexes_apart: ClassVar[bool] = False
    """Whether an index is built outside of the transaction that has the lock for it."""

    def alone_to_index(
        self,
        connection: Connection,  # noqa: ARG002 - likewise
        scalar: Scalar,
        name: str,
    ) -> AbstractContextManager[bool]:
        """`alone`, without waiting, in a transaction for whose end no new index waits."""
        return self.alone(scalar, name, wait=0)

    def online_index(self, connection: Connection, table: str, sql: str) -> str | None:  # noqa: ARG002 - likewise
        """The statement that creates an index while others read and write; None if there is none.

        Args:
            connection: to the database.
            table: the table's name, quoted if necessary.
            sql: the plain statement.
        """
        return sql

    def unfinished_indexes(self, connection: Connection, table: str) -> frozenset[str]:  # noqa: ARG002 - likewise
        """The names of a table's indexes that no search uses yet, because they are not complete."""
        return frozenset()

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:  # noqa: ARG002 - likewise
        """The statement that makes a column the primary key; an empty list if no statement does that.

        Args:
            table: the table's name, quoted if necessary.
            column: the column's name, quoted if necessary.
            kind: the column's type.
        """
        return [f"ALTER TABLE {table} ADD PRIMARY KEY ({column})"]


@dataclass(frozen=True, slots=True)
class Alteration:
    """A change of an existing column."""

    table: Table
    column: str
    there: ColumnType
    """The column's type in the database."""
    wanted: ColumnType
    """The column's new type; the same as `there` to keep the type."""
    nullable: bool
    """Whether to drop a NOT NULL."""
    exact: bool = False
    """Whether to give the column a collation that compares byte for byte."""
