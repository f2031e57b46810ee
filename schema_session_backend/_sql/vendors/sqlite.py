"""SQLite, the embedded default: one file, write-ahead log, one writer at a time."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import BigInteger, LargeBinary, Text, and_, cast, collate, func, literal
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql import literal_column

from ..._table.rows import Unreadable
from ..failures import Violation
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Column, ColumnElement, Connection, Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.engine import URL

    from ..._table.rows import Row
    from ..column_types import ColumnType
    from .base import Alteration, Scalar, Updates

LOCK_WAIT: Final = 0.5
"""Seconds that one try waits for a lock on the file."""
ASKS_EVERY: Final = 100_000
"""Steps of a statement between two questions whether its deadline has passed: some milliseconds."""
_DENIED: Final = ("SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
# julianday() has a precision of milliseconds; adding 0.5 rounds to the nearest.
_MS_SQL = "CAST((julianday({}) - 2440587.5) * 86400000 + 0.5 AS INTEGER)"
# The defaults that ADD COLUMN takes for a table that has rows.
_CONSTANT: Final = re.compile(r"'(?:[^']|'')*'|[-+]?[\d.]+|NULL|TRUE|FALSE", re.IGNORECASE)


class SQLite(Vendor):
    """SQLite's own SQL, error codes and connection options."""

    drivers = ("sqlite",)
    extra = None
    embedded = True
    quotes_no_values = True
    one_writer = True
    # Lock for writing at the start: a transaction that reads first fails when it writes, without waiting, if
    # another transaction has written meanwhile.
    begin = "BEGIN IMMEDIATE"
    now_ms_sql = _MS_SQL.format("'now'")
    # The format in which SQLAlchemy stores a datetime, so that stored values compare as text.
    utc_now_sql = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    # SQLite does not pad texts, and all its floats have 8 bytes. SQLAlchemy reflects BINARY, VARBINARY and
    # UUID as NUMERIC, because that is the affinity of a column whose type SQLite does not know.
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

    sizes_sql = (
        "SELECT (page_count - freelist_count) * page_size, NULL, freelist_count * page_size, NULL"
        " FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
    )

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        days = func.julianday(moment) - literal_column("2440587.5")
        return cast(days * literal_column("86400000") + literal_column("0.5"), BigInteger)

    def is_moment(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """See `Vendor.is_moment`; SQLite keeps any value in a column of timestamps."""
        # With a modifier, SQLite makes the 2nd of March of a 31st of February.
        day = func.date(moment, literal_column("'+0 days'"))
        written = func.substr(moment, literal_column("1"), literal_column("10"))
        return and_(super().is_moment(moment), day == written)

    def whole(self, number: ColumnElement[int]) -> ColumnElement[int]:
        """See `Vendor.whole`; SQLite keeps a fraction in a column of integers."""
        return cast(number, BigInteger)

    def least(self, left: ColumnElement[int], right: ColumnElement[int]) -> ColumnElement[int]:
        """See `Vendor.least`."""
        return func.min(left, right)

    def exactly(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """See `Vendor.exactly`."""
        return collate(column, "BINARY")

    def insert(self, table: Table) -> Insert:
        """See `Vendor.insert`."""
        return insert(table)

    def upsert(self, table: Table, rows: Any, updates: Updates, *, exact: bool = False) -> Insert:
        """See `Vendor.upsert`; SQLite takes NULL for a primary key, but wants the key's own collation."""
        statement = self.insert(table).values(rows)
        (key,) = table.primary_key.columns
        return statement.on_conflict_do_update(
            index_elements=[self.exactly(key) if exact else key], set_=dict(updates(statement.excluded))
        )

    def key(self, value: object) -> ColumnElement[Any]:
        """See `Vendor.key`; SQLite keeps any value in a primary key."""
        if isinstance(value, Unreadable):
            return cast(literal(value.raw, LargeBinary), Text)
        return literal(value)

    def read_leniently(self, connection: Any, sql: str, parameters: Any) -> list[Row]:
        """See `Vendor.read_leniently`; SQLite keeps text that is no UTF-8."""
        usual = connection.text_factory
        cursor = connection.cursor()
        connection.text_factory = _text
        try:
            rows: list[Row] = cursor.execute(sql, parameters).fetchall()
        finally:
            connection.text_factory = usual
            cursor.close()
        return rows

    def is_duplicate_key(self, error: BaseException) -> bool:
        """See `Vendor.is_duplicate_key`."""
        return self.code(error) == "SQLITE_CONSTRAINT_PRIMARYKEY"

    def violation(self, error: BaseException) -> Violation:
        """See `Vendor.violation`; the message is like `UNIQUE constraint failed: sessions.user_id`.

        The message for a foreign key does not name the key.
        """
        kind, _, names = str(error).partition(" constraint failed: ")
        if kind == "CHECK":
            return Violation(names)
        return Violation(None, tuple(name.rpartition(".")[2] for name in names.split(", ") if name))

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`; the file is no database, or this process has no right to write to it."""
        return str(self.code(error)).startswith(_DENIED)

    def forbids(self, code: str | None, url: URL) -> bool:
        """See `Vendor.forbids`; a directory that is not there may be mounted in a moment."""
        if code is None or not code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY")):
            return False
        path = Path((url.database or "").removeprefix("file:"))
        try:
            path.parent.stat()
        except PermissionError:
            return True
        except OSError:
            return False
        if not os.access(path.parent, os.W_OK | os.X_OK):
            return True
        return path.exists() and not os.access(path, os.R_OK)

    def code(self, error: BaseException) -> str | None:
        """SQLite's name of the error, such as `SQLITE_BUSY`."""
        return getattr(error, "sqlite_errorname", None)

    def is_transient(self, code: str | None) -> bool:
        """See `Vendor.is_transient`."""
        return code is not None and code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT"))

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """See `Vendor.engine_options`.

        A database in memory exists in one connection only, so all threads share that connection in turns.
        """
        # The store tries again after SQLite has given up waiting for a lock.
        wait = min(timeout, LOCK_WAIT)
        options: dict[str, Any] = {"connect_args": {"timeout": wait, "check_same_thread": False}}
        if url.database in {None, "", ":memory:"}:
            options |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": timeout}
        return options

    def on_connect(self, connection: Any, deadline: float) -> None:  # noqa: ARG002 - see `engine_options`
        """Enforce foreign keys. Sync less often, which is safe with a write-ahead log, and much faster."""
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def path_of(self, connection: Connection) -> str | None:
        """See `Vendor.path_of`."""
        path: str = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
        # SQLite also gives names to some databases in memory.
        return path if path and Path(path).exists() else None

    def cancellation(self, connection: Any) -> Callable[[], object] | None:
        """See `Vendor.cancellation`."""
        interrupt: Callable[[], object] = connection.interrupt
        return interrupt

    def have_asked(self, connection: Any, is_over: Callable[[], bool]) -> None:
        """See `Vendor.have_asked`."""
        connection.set_progress_handler(is_over, ASKS_EVERY)

    def prepare(self, connection: Connection) -> None:
        """Switch the file to a write-ahead log, so that readers and the writer do not wait for each other."""
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() not in {"wal", "memory"}:
            # Read all rows: a cursor that a listener keeps open would hold a lock.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL").all()

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:  # noqa: ARG002
        """See `Vendor.alone`; `BEGIN IMMEDIATE` has locked the database already."""
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
        """See `Vendor.add_with_default`; SQLite sets a default in existing rows, and cannot add it later."""
        return [
            f"ALTER TABLE {table} ADD COLUMN {bare} DEFAULT {default}",
            f"UPDATE {table} SET {name} = NULL",  # noqa: S608 - quoted names
        ]

    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:  # noqa: ARG002
        """See `Vendor.alter_column`; SQLite cannot change a column."""
        return []

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:  # noqa: ARG002
        """See `Vendor.add_primary_key`; SQLite cannot add a primary key."""
        return []


def _text(raw: bytes) -> str | Unreadable:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Unreadable(raw)


VENDOR = SQLite()
