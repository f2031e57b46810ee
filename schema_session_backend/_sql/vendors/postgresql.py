"""PostgreSQL, and what speaks its language."""

from __future__ import annotations

import math
import re
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import literal_column

from ..failures import Violation
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.sql.dml import Insert

    from .base import Scalar, Updates

_UNIQUE_VIOLATION: Final = "23505"
_NOT_SUPPORTED: Final = "0A000"
_TRANSIENT: Final = frozenset({
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available
    "53300",  # too many connections
    "57P03",  # starting up
})  # fmt: skip

_DENIED: Final = frozenset({
    "28000",  # no such user, or no line for it in pg_hba.conf
    "28P01",  # wrong password
    "3D000",  # no such database
    "42501",  # a right is missing
})  # fmt: skip
_DENIED_TEXTS: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    '" does not exist',
    "permission denied for database",
)
_KEY: Final = re.compile(r"Key \((.*?)\)=")


class PostgreSQL(Vendor):
    """The hooks for PostgreSQL."""

    drivers = ("postgresql+psycopg",)
    extra = "postgresql"
    timed_drivers = frozenset({"psycopg", "psycopg2"})
    shortest_timeout = 2
    # Stable within a statement, so that an index can be searched by it, and right in a long transaction too.
    now_ms_sql = "CAST(floor(extract(epoch from statement_timestamp()) * 1000) AS BIGINT)"
    utc_now_sql = "statement_timestamp()"

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        return cast(func.floor(func.extract("epoch", moment) * literal_column("1000")), BigInteger)

    def day(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        """See `Vendor.day`; by itself it would be the day in the connection's time zone."""
        return func.date(func.timezone(literal_column("'UTC'"), moment))

    def least(self, one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
        """See `Vendor.least`."""
        return func.least(one, other)

    def upsert(self, table: Table, rows: Any, updates: Updates) -> Insert:
        """See `Vendor.upsert`."""
        statement = insert(table).values(rows)
        changes = dict(updates(statement.excluded))
        return statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=changes)

    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """See `Vendor.insert_absent`."""
        return insert(table).values(row).on_conflict_do_nothing(index_elements=table.primary_key.columns)

    def is_duplicate_key(self, error: BaseException) -> bool:
        """The primary key's constraint has that name unless the application gave it another."""
        constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
        return self.code(error) == _UNIQUE_VIOLATION and str(constraint).endswith("_pkey")

    def violation(self, error: BaseException) -> Violation:
        """See `Vendor.violation`; the detail begins with the columns, as in `Key (user_id)=(42)`."""
        told: Any = getattr(error, "diag", None)
        column = getattr(told, "column_name", None)
        key = _KEY.match(getattr(told, "message_detail", None) or "")
        columns = (column,) if column else tuple(key[1].replace('"', "").split(", ")) if key else ()
        return Violation(getattr(told, "constraint_name", None), columns)

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`; of a connection that was refused, libpq tells the text only."""
        if self.code(error) is None:
            return any(text in str(error) for text in _DENIED_TEXTS)
        return self.code(error) in _DENIED

    def code(self, error: BaseException) -> str | None:
        """The SQLSTATE, as psycopg, psycopg2 and pg8000 give it."""
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if state is None and error.args and isinstance(error.args[0], dict):
            state = error.args[0].get("C")
        return state

    def is_transient(self, code: str | None) -> bool:
        """See `Vendor.is_transient`."""
        return code in _TRANSIENT

    def is_outdated(self, error: BaseException) -> bool:
        """See `Vendor.is_outdated`; that code may mean other things too."""
        return self.code(error) == _NOT_SUPPORTED and "cached plan" in str(error)

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:
        """An advisory lock that ends with the transaction, so that it works behind PgBouncer too."""
        key = zlib.crc32(name.encode())
        if not wait:
            yield bool(scalar(select(func.pg_try_advisory_xact_lock(key))))
            return
        milliseconds = f"{math.ceil(wait * 1000)}ms"
        scalar(select(func.set_config("lock_timeout", milliseconds, literal_column("true"))))
        scalar(select(func.pg_advisory_xact_lock(key)))
        yield True

    def redefine(self, table: str, column: str, kind: str, nullability: str) -> list[str]:
        """See `Vendor.redefine`."""
        change = "DROP NOT NULL" if nullability == "NULL" else "SET NOT NULL"
        bare = kind.partition(" COLLATE ")[0]
        return [
            f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING {column}::{bare}",
            f"ALTER TABLE {table} ALTER COLUMN {column} {change}",
        ]


VENDOR = PostgreSQL()
