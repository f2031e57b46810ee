"""SQLite, the embedded default: one file, write-ahead log, one writer at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, func
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql import literal_column

from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.engine import URL
    from sqlalchemy.sql.dml import Insert

    from .base import Updates

# julianday() has millisecond precision; the half rounds to the nearest instead of cutting.
_MS_SQL = "CAST((julianday({}) - 2440587.5) * 86400000 + 0.5 AS INTEGER)"


class SQLite(Vendor):
    """The hooks for SQLite."""

    drivers = ("sqlite",)
    extra = None
    # A read transaction that turns into a writer is refused at once when another one has written meanwhile.
    begin = "BEGIN IMMEDIATE"
    now_ms_sql = _MS_SQL.format("'now'")
    # As SQLAlchemy writes a datetime, so that stored moments sort and compare as text.
    utc_now_sql = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
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

    def code(self, error: BaseException) -> str | None:
        """SQLite's name of the error, such as `SQLITE_BUSY`."""
        return getattr(error, "sqlite_errorname", None)

    def is_transient(self, code: str | None) -> bool:
        """See `Vendor.is_transient`."""
        return code is not None and code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """A pool of threads' connections; a database in memory has one, which they take in turns."""
        in_memory = url.database in {None, "", ":memory:"}
        size = {"pool_size": 1, "max_overflow": 0, "pool_timeout": timeout} if in_memory else {}
        return {
            "poolclass": QueuePool,
            "connect_args": {"timeout": timeout, "check_same_thread": False},
            **size,
        }

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
    def alone(self, connection: Connection, name: str, *, wait: float) -> Iterator[bool]:  # noqa: ARG002
        """A transaction that began IMMEDIATE is alone already."""
        yield True

    def redefine(self, table: str, column: str, kind: str, nullability: str) -> list[str]:  # noqa: ARG002
        """SQLite changes no column."""
        return []


VENDOR = SQLite()
