"""The hooks that a database's module fills in."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, delete, func
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

    from ..column_types import ColumnType
    from ..failures import Violation

    Scalar = Callable[[Executable], Any]
    Updates = Callable[[ReadOnlyColumnCollection[str, Any]], Sequence[tuple[str, ColumnElement[Any]]]]
    """Given the row that was to be inserted, what to set instead on the one that is there, in order."""


class Vendor(ABC):
    """How one database says what standard SQL leaves open."""

    extra: ClassVar[str | None]
    """The extra of this distribution that installs a driver; None where Python brings one."""

    drivers: ClassVar[tuple[str, ...]]
    """How a URL starts that uses that driver."""

    timed_drivers: ClassVar[frozenset[str]] = frozenset()
    """The drivers that take a `connect_timeout` of whole seconds, and parameters by position."""

    shortest_timeout: ClassVar[int] = 1
    """The least seconds that they take."""

    begin: ClassVar[str] = "BEGIN"

    quotes_no_values: ClassVar[bool] = False
    """Whether the texts of its errors are free of statements' values, and may be shown."""

    now_ms_sql: ClassVar[str]
    utc_now_sql: ClassVar[str]

    insertion_sql: ClassVar[str | None] = None
    """What grows with each row inserted, where the clock is too coarse to tell two rows apart."""

    @property
    def now_ms(self) -> ColumnElement[int]:
        """The database's clock: milliseconds since 1970 UTC, the same throughout a statement."""
        return literal_column(self.now_ms_sql, BigInteger)

    @property
    def utc_now(self) -> ColumnElement[dt.datetime]:
        """The database's clock as it goes into a timestamp column."""
        return literal_column(self.utc_now_sql, DateTime)

    @abstractmethod
    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """A timestamp column's value as milliseconds since 1970 UTC."""

    def day(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        """A timestamp column's day in UTC, as a date or as text like `2026-11-25`."""
        return func.date(moment)

    @abstractmethod
    def least(self, one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
        """The smaller of two numbers."""

    @abstractmethod
    def upsert(self, table: Table, rows: Any, updates: Updates) -> Insert:
        """Insert, or change the row that has the same primary key."""

    @abstractmethod
    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """Insert, or do nothing where the primary key is taken.

        A database that cannot say so raises its duplicate-key error instead; see `is_duplicate_key`.
        """

    def delete_by_key(self, table: Table) -> Delete:
        """A DELETE that finds its rows by the primary key, so that it waits for no other row."""
        return delete(table)

    @abstractmethod
    def is_duplicate_key(self, error: BaseException) -> bool:
        """Whether a statement found its primary key taken."""

    @abstractmethod
    def violation(self, error: BaseException) -> Violation:
        """Which constraint refused a row, as far as the driver's exception tells."""

    @abstractmethod
    def denies(self, error: BaseException) -> bool:
        """Whether the user, the password, the database's name or a right is wrong."""

    @abstractmethod
    def code(self, error: BaseException) -> str | None:
        """The database's own code for a driver's exception."""

    @abstractmethod
    def is_transient(self, code: str | None) -> bool:
        """Whether the same statement may succeed a moment later (deadlock, lock timeout, busy)."""

    def is_outdated(self, error: BaseException) -> bool:  # noqa: ARG002 - most databases do without
        """Whether a connection has prepared a statement for a table that has changed since."""
        return False

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """Arguments of `create_engine` for an engine of our own; `timeout` is in seconds.

        Connecting gives up after it too, also when packets are dropped.
        """
        if url.get_driver_name() not in self.timed_drivers:
            return {}
        # By position, because looking names up takes these drivers longer.
        options: dict[str, Any] = {"paramstyle": "format"}
        if "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": max(self.shortest_timeout, math.ceil(timeout))}
        return options

    def on_connect(self, connection: Any) -> None:  # noqa: B027 - most databases need nothing
        """Set up a new driver connection of an engine of our own."""

    def prepare(self, connection: Connection) -> None:  # noqa: B027 - likewise
        """Set up the database itself, once, when the table is checked."""

    @abstractmethod
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> AbstractContextManager[bool]:
        """Within a transaction: hold a lock that one process at a time has.

        Args:
            scalar: runs a statement in the transaction and returns the value that it selects.
            name: of the lock.
            wait: seconds to wait for it; 0 does not wait.

        Returns:
            a context manager that gives whether the lock was had.
        """

    # -- columns of a table that is there

    type_names: ClassVar[Mapping[str, str]] = {}
    """Names of types that are another type here, each with that type's name."""

    fraction_digits: ClassVar[int] = 6
    """Digits of a second that a time has unless its type says how many."""

    adds_constraints: ClassVar[bool] = True
    """Whether ALTER TABLE adds a constraint by itself, and not only together with a new column."""

    limits_of_add: ClassVar[str] = ""
    """Which columns `can_add` refuses, as a clause for a message."""

    limits_of_alter: ClassVar[str]
    """Which columns `alter_column` does not change, likewise."""

    def named_types(self, connection: Connection, kind: TypeEngine[Any]) -> list[str]:  # noqa: ARG002 - likewise
        """Statements that create what a column's type needs outside of the table and is not there."""
        return []

    def can_add(self, column: Column[Any], default: str | None, *, to_rows: bool) -> bool:  # noqa: ARG002 - likewise
        """Whether ALTER TABLE can add a column.

        Args:
            column: the declared one.
            default: the SQL of its default in the database.
            to_rows: whether the table has rows.
        """
        return True

    def add_with_default(self, table: str, name: str, bare: str, default: str) -> list[str]:
        """Statements that add a column with a default for new rows, and NULL in those that are there.

        Args:
            table: its name, quoted where it has to be.
            name: the column's, likewise.
            bare: what ADD COLUMN takes, without the default.
            default: its SQL.
        """
        return [
            f"ALTER TABLE {table} ADD COLUMN {bare}",
            f"ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT ({default})",
        ]

    @abstractmethod
    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:
        """Statements that widen a column or drop its NOT NULL, and leave all else of it as it is.

        Returns:
            nothing where no statement does that; see `limits_of_alter`.
        """

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:  # noqa: ARG002 - likewise
        """The statement that makes a column the primary key; nothing where no statement does that.

        Args:
            table: its name, quoted where it has to be.
            column: likewise.
            kind: the column's type.
        """
        return [f"ALTER TABLE {table} ADD PRIMARY KEY ({column})"]


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is to change of a column that is there."""

    table: Table
    column: str
    there: ColumnType
    wanted: ColumnType
    """The same as `there` to keep the type."""
    nullable: bool
    """Whether a NOT NULL is dropped."""
