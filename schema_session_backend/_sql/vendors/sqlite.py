"""SQLite, the embedded default: one file, write-ahead log, one writer at a time."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import BigInteger, cast, func
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql import literal_column

from ..failures import Violation
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Column, ColumnElement, Connection, Table
    from sqlalchemy.engine import URL
    from sqlalchemy.sql.dml import Insert

    from ..column_types import ColumnType
    from .base import Alteration, Scalar, Updates

_DENIED: Final = ("SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
# julianday() has millisecond precision; the half rounds to the nearest instead of cutting.
_MS_SQL = "CAST((julianday({}) - 2440587.5) * 86400000 + 0.5 AS INTEGER)"
_CONSTANT: Final = re.compile(r"'(?:[^']|'')*'|[-+]?[\d.]+|NULL|TRUE|FALSE", re.IGNORECASE)


class SQLite(Vendor):
    """The hooks for SQLite."""

    drivers = ("sqlite",)
    extra = None
    quotes_no_values = True
    # A read transaction that turns into a writer is refused at once when another one has written meanwhile.
    begin = "BEGIN IMMEDIATE"
    now_ms_sql = _MS_SQL.format("'now'")
    # As SQLAlchemy writes a datetime, so that stored moments sort and compare as text.
    utc_now_sql = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    # SQLite pads no text, and all its floats have 8 bytes. SQLAlchemy reads BINARY, VARBINARY and UUID back
    # as NUMERIC, because SQLite prefers numbers in a column whose type it does not know.
    type_names: ClassVar = {
        "CHAR": "VARCHAR",
        "TEXT": "VARCHAR",
        "CLOB": "VARCHAR",
        "FLOAT": "DOUBLE PRECISION",
        "REAL": "DOUBLE PRECISION",
        "BINARY": "NUMERIC",
        "VARBINARY": "NUMERIC",
        "UUID": "NUMERIC",
    }
    adds_constraints = False
    limits_of_add = "SQLite adds no such column to a table that is there"
    limits_of_alter = "SQLite changes no column of a table that is there"
    # A table WITHOUT ROWID has none: quoted, the name is then a text, the same for all rows.
    insertion_sql = '"rowid"'

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        days = func.julianday(moment) - literal_column("2440587.5")
        return cast(days * literal_column("86400000") + literal_column("0.5"), BigInteger)

    def least(self, one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
        """See `Vendor.least`."""
        return func.min(one, other)

    def upsert(self, table: Table, rows: Any, updates: Updates) -> Insert:
        """See `Vendor.upsert`."""
        statement = insert(table).values(rows)
        changes = dict(updates(statement.excluded))
        return statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=changes)

    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """See `Vendor.insert_absent`."""
        return insert(table).values(row).on_conflict_do_nothing(index_elements=table.primary_key.columns)

    def is_duplicate_key(self, error: BaseException) -> bool:
        """See `Vendor.is_duplicate_key`."""
        return self.code(error) == "SQLITE_CONSTRAINT_PRIMARYKEY"

    def violation(self, error: BaseException) -> Violation:
        """The text is like `UNIQUE constraint failed: sessions.user_id`; a foreign key's has no name."""
        kind, _, names = str(error).partition(" constraint failed: ")
        if kind == "CHECK":
            return Violation(names)
        return Violation(None, tuple(name.rpartition(".")[2] for name in names.split(", ") if name))

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`: the file is no database, or not this process's to write."""
        return str(self.code(error)).startswith(_DENIED)

    def code(self, error: BaseException) -> str | None:
        """SQLite's name of the error, such as `SQLITE_BUSY`."""
        return getattr(error, "sqlite_errorname", None)

    def is_transient(self, code: str | None) -> bool:
        """See `Vendor.is_transient`."""
        return code is not None and code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """A database in memory lives in its connection, so there is one, which threads take in turns."""
        options: dict[str, Any] = {"connect_args": {"timeout": timeout, "check_same_thread": False}}
        if url.database in {None, "", ":memory:"}:
            options |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": timeout}
        return options

    def on_connect(self, connection: Any) -> None:
        """Foreign keys are off by default; with a write-ahead log, NORMAL is safe and much faster."""
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def prepare(self, connection: Connection) -> None:
        """Readers and the writer do not wait for each other with a write-ahead log; the file remembers it."""
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() not in {"wal", "memory"}:
            # Read to its end, because an open cursor that a listener keeps would hold a lock.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL").all()

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:  # noqa: ARG002
        """A transaction that began IMMEDIATE is alone already."""
        yield True

    def can_add(self, column: Column[Any], default: str | None, *, to_rows: bool) -> bool:
        """See `Vendor.can_add`."""
        if column.computed is not None:
            return not column.computed.persisted
        if any(len(key.constraint.columns) > 1 for key in column.foreign_keys if key.constraint is not None):
            return False
        if default is None or not to_rows:
            return True
        return _CONSTANT.fullmatch(default) is not None and not column.foreign_keys

    def add_with_default(self, table: str, name: str, bare: str, default: str) -> list[str]:
        """See `Vendor.add_with_default`; a default fills the rows, and cannot be set later."""
        return [
            f"ALTER TABLE {table} ADD COLUMN {bare} DEFAULT {default}",
            f"UPDATE {table} SET {name} = NULL",  # noqa: S608 - quoted names
        ]

    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:  # noqa: ARG002
        """SQLite changes no column."""
        return []

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:  # noqa: ARG002
        """SQLite adds no primary key."""
        return []


VENDOR = SQLite()
