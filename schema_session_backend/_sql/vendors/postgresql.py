"""PostgreSQL, and databases that are compatible with it."""

from __future__ import annotations

import math
import re
import zlib
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import BigInteger, Text, cast, collate, func, inspect, select, text
from sqlalchemy.dialects.postgresql import (
    ARRAY,
    DOMAIN,
    ENUM,
    CreateDomainType,
    CreateEnumType,
    insert,
)
from sqlalchemy.sql import literal_column
from sqlalchemy.types import TypeDecorator

from ..._table.rows import Unreadable
from ..failures import Violation
from ..greenlets import patched_by_gevent
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import ColumnElement, Connection, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.schema import ExecutableDDLElement
    from sqlalchemy.sql.type_api import TypeEngine

    from ..._table.rows import Row
    from .base import Alteration, Scalar

_UNIQUE_VIOLATION: Final = "23505"
_NOT_SUPPORTED: Final = "0A000"
_SYNTAX: Final = "42601"
_UNDEFINED: Final = "42704"
_TRANSIENT: Final = frozenset({
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available
    "53300",  # too many connections
    "57P03",  # starting up
    "57014",  # cancelled, as at the deadline
    "25006",  # read only: a standby now
})  # fmt: skip
# The function of the server that waits for a synchronous standby.
_REPLICATION: Final = "SyncRepWaitForLSN"
_REPLICATION_CANCELLED: Final = "canceling wait for synchronous replication"
# As many as psycopg2 keeps in a list of its own.
_KEPT_NOTICES: Final = 50
CANCELLING_TAKES: Final = 1.0
"""Seconds after which a request to cancel is given up."""
# Whether a view, a trigger, a policy, another column's expression or the partitioning depends on a column.
_DEPENDED_ON: Final = text("""
    SELECT EXISTS (
        SELECT FROM pg_depend
        LEFT JOIN pg_attrdef ON classid = CAST('pg_attrdef' AS regclass) AND pg_attrdef.oid = objid
        WHERE refclassid = CAST('pg_class' AS regclass) AND refobjid = attrelid AND refobjsubid = attnum AND (
            classid IN (
                CAST('pg_rewrite' AS regclass), CAST('pg_trigger' AS regclass), CAST('pg_policy' AS regclass)
            ) OR adnum <> attnum
        )
    ) OR EXISTS (
        SELECT FROM pg_partitioned_table WHERE partrelid = attrelid AND attnum = ANY (partattrs)
    )
    FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attname = :column
""")

_IS_PARTITIONED: Final = text("SELECT relkind = 'p' FROM pg_class WHERE oid = CAST(:table AS regclass)")
_UNFINISHED_INDEXES: Final = text("""
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = CAST(:table AS regclass) AND NOT indisvalid
""")

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
    # PgBouncer's; the last one of `options=-c`.
    "no such user",
    "no such database",
    "unsupported startup parameter",
)
# psycopg's numbers for values as text, and in binary.
_FORMATS: Final = (0, 1)
# The columns in an error's detail, such as `Key (user_id)=(42) already exists.`
_KEY: Final = re.compile(r"Key \((.*?)\)=")


class PostgreSQL(Vendor):
    """PostgreSQL's own SQL, error codes and connection options."""

    drivers = ("postgresql+psycopg",)
    extra = "postgresql"
    timed_drivers = frozenset({"psycopg", "psycopg2"})
    shortest_timeout = 2
    transient_codes = _TRANSIENT
    # A cancellation may arrive late, and would hit the next statement.
    spoiling_codes = frozenset({"57014", "25006"})
    # statement_timestamp() is constant within a statement, so that an index can be used, and unlike now() it
    # goes on within a long transaction.
    now_ms_sql = "CAST(floor(extract(epoch from statement_timestamp()) * 1000) AS BIGINT)"
    utc_now_sql = "statement_timestamp()"
    type_names: ClassVar = {"TEXT": "VARCHAR", "CITEXT": "VARCHAR", "FLOAT": "DOUBLE PRECISION"}
    indexes_apart = True
    limits_of_alter = (
        "PostgreSQL changes no column on which a view, a trigger, a policy, a generated column or the"
        " partitioning depends"
    )

    # A partitioned table has no rows itself.
    sizes_sql = """
        WITH parts AS (
            SELECT CAST(:quoted AS regclass) AS part UNION SELECT relid FROM pg_partition_tree(:quoted)
        )
        SELECT
            (SELECT sum(pg_table_size(part)) FROM parts),
            (SELECT sum(pg_indexes_size(part)) FROM parts),
            NULL,
            (SELECT sum(n_dead_tup) FROM pg_stat_all_tables WHERE relid IN (SELECT part FROM parts))
    """

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        return cast(func.floor(func.extract("epoch", moment) * literal_column("1000")), BigInteger)

    def day(self, moment: ColumnElement[Any]) -> ColumnElement[Any]:
        """See `Vendor.day`; without UTC it would be the day in the connection's time zone."""
        return func.date(func.timezone(literal_column("'UTC'"), moment))

    def exactly(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """See `Vendor.exactly`; a CITEXT ignores case under any collation."""
        return collate(cast(column, Text), "C")

    def insert(self, table: Table) -> Insert:
        """See `Vendor.insert`."""
        return insert(table)

    def read_leniently(self, connection: Any, sql: str, parameters: Any) -> list[Row] | None:
        """See `Vendor.read_leniently`; a moment in PostgreSQL may be infinite, and JSON nested very deep."""
        with closing(connection.cursor()) as cursor:
            if hasattr(cursor, "adapters"):
                load_leniently = _load_leniently_in_psycopg
            elif hasattr(cursor, "string_types"):
                load_leniently = _load_leniently_in_psycopg2
            else:
                return None  # pg8000, which has nothing of its own for one cursor
            cursor.execute(sql, parameters)
            load_leniently(cursor)
            cursor.execute(sql, parameters)
            rows: list[Row] = cursor.fetchall()
        return rows

    def is_duplicate_key(self, error: BaseException) -> bool:
        """See `Vendor.is_duplicate_key`.

        PostgreSQL's name for a primary key's constraint ends with `_pkey`, unless the application names it.
        """
        constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
        return self.code(error) == _UNIQUE_VIOLATION and str(constraint).endswith("_pkey")

    def violation(self, error: BaseException) -> Violation:
        """See `Vendor.violation`; the columns are at the start of the error's detail."""
        diagnostics: Any = getattr(error, "diag", None)
        column = getattr(diagnostics, "column_name", None)
        key = _KEY.match(getattr(diagnostics, "message_detail", None) or "")
        columns = (column,) if column else tuple(key[1].replace('"', "").split(", ")) if key else ()
        return Violation(getattr(diagnostics, "constraint_name", None), columns)

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`; for a refused connection, libpq reports a text without an SQLSTATE."""
        if self.code(error) is None:
            return any(text in str(error) for text in _DENIED_TEXTS)
        return self.code(error) in _DENIED

    def code(self, error: BaseException) -> str | None:
        """The SQLSTATE, from an exception of psycopg, psycopg2 or pg8000."""
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if state is None and error.args and isinstance(error.args[0], dict):
            state = error.args[0].get("C")
        return state

    def lacks_type(self, code: str | None, reason: str) -> bool:
        """See `Vendor.lacks_type`; a type that takes no size is an error of syntax."""
        return code == _SYNTAX or (code == _UNDEFINED and 'type "' in reason)

    def is_outdated(self, error: BaseException) -> bool:
        """See `Vendor.is_outdated`; the SQLSTATE alone has other meanings too."""
        return self.code(error) == _NOT_SUPPORTED and "cached plan" in str(error)

    def settle(self, connection: Any) -> None:
        """See `Vendor.settle`; psycopg gives the statements that it prepares the same names in all clients.

        A pooler such as PgBouncer gives each transaction another process of the server, with the statements
        that other clients have prepared there. It tells its clients numbers that are not those of processes.
        """
        if getattr(connection, "prepare_threshold", None) is None:
            return
        [(process,)] = connection.execute("SELECT pg_backend_pid()").fetchall()
        if process != connection.info.backend_pid:
            connection.prepare_threshold = None

    def cancellation(self, connection: Any) -> Callable[[], object] | None:
        """See `Vendor.cancellation`; libpq's older way would stop all greenlets if the server is silent.

        With psycopg2, whose `cancel` keeps the interpreter's lock meanwhile, it would stop all threads.
        """
        cancel_safe = getattr(connection, "cancel_safe", None)
        if cancel_safe is not None and (_has_cancel_safe() or not patched_by_gevent()):
            return partial(cancel_safe, timeout=CANCELLING_TAKES)
        if patched_by_gevent() or hasattr(connection, "notices"):
            return None
        return getattr(connection, "cancel", None)

    def heed_warnings(self, connection: Any, heed: Callable[[str], object]) -> None:
        """See `Vendor.heed_warnings`; the name of a function in the server is the same in all languages."""
        unconfirmed = partial(heed, "no standby has confirmed the commit")
        if hasattr(connection, "add_notice_handler"):
            connection.add_notice_handler(
                lambda notice: unconfirmed() if notice.source_function == _REPLICATION else None
            )
        elif hasattr(connection, "notices"):
            connection.notices = _Notices(unconfirmed)

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:
        """See `Vendor.alone`; an advisory lock of the transaction, which works behind PgBouncer too."""
        key = zlib.crc32(name.encode())
        if not wait:
            yield bool(scalar(select(func.pg_try_advisory_xact_lock(key))))
            return
        milliseconds = f"{math.ceil(wait * 1000)}ms"
        scalar(select(func.set_config("lock_timeout", milliseconds, literal_column("true"))))
        scalar(select(func.pg_advisory_xact_lock(key)))
        yield True

    def named_types(self, connection: Connection, kind: TypeEngine[Any]) -> list[str]:
        """See `Vendor.named_types`; these are ENUM, with all its values, and DOMAIN."""
        dialect = connection.dialect
        plain = kind.type_engine(dialect) if isinstance(kind, TypeDecorator) else kind.dialect_impl(dialect)
        if isinstance(plain, ARRAY):
            return self.named_types(connection, plain.item_type)
        if not isinstance(plain, (ENUM, DOMAIN)) or not plain.create_type:
            return []
        there: Any = inspect(connection)
        create: ExecutableDDLElement
        if isinstance(plain, ENUM):
            create, known = CreateEnumType(plain), there.get_enums(schema="*")
        else:
            create, known = CreateDomainType(plain), there.get_domains(schema="*")
        for existing in known:
            is_same_schema = existing["schema"] == plain.schema if plain.schema else existing["visible"]
            if existing["name"] == plain.name and is_same_schema:
                missing = [value for value in getattr(plain, "enums", ()) if value not in existing["labels"]]
                return _add_values(str(plain.compile(dialect=dialect)), missing)
        return [str(create.compile(dialect=dialect)).strip()]

    @contextmanager
    def alone_to_index(self, connection: Connection, scalar: Scalar, name: str) -> Iterator[bool]:
        """See `Vendor.alone_to_index`; a new index waits for all snapshots that are older."""
        # In stricter isolation, a snapshot stays until the end.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        with self.alone(scalar, name, wait=0) as alone:
            # The SELECT of the lock has its snapshot until another statement has taken its place.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            yield alone

    def online_index(self, connection: Connection, table: str, sql: str) -> str | None:
        """See `Vendor.online_index`; none for a partitioned table."""
        if connection.execute(_IS_PARTITIONED, {"table": table}).scalar():
            return None
        return sql.replace("CREATE INDEX ", "CREATE INDEX CONCURRENTLY ", 1)

    def unfinished_indexes(self, connection: Connection, table: str) -> frozenset[str]:
        """See `Vendor.unfinished_indexes`."""
        return frozenset(connection.execute(_UNFINISHED_INDEXES, {"table": table}).scalars())

    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:
        """See `Vendor.alter_column`; a type without a collation would reset the column's collation."""
        quote = connection.dialect.identifier_preparer
        table, column = quote.format_table(alteration.table), quote.quote(alteration.column)
        there, wanted = alteration.there, alteration.wanted
        statements = []
        if wanted.values:
            statements += _add_values(there.sql, there.lacks(wanted))
        elif wanted != there or alteration.exact:
            if connection.execute(_DEPENDED_ON, {"table": table, "column": alteration.column}).scalar():
                return []
            kind = "TEXT" if wanted.sql == "CITEXT" else wanted.sql
            collation = ' COLLATE "C"' if alteration.exact else there.collation
            statements.append(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind}{collation}")
        if alteration.nullable:
            statements.append(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")
        return statements


class _Notices(list[str]):
    """The notices of a connection of psycopg2's, which keeps nothing but their texts.

    Args:
        unconfirmed: called at a notice in English that no standby has confirmed a commit.
    """

    def __init__(self, unconfirmed: Callable[[], object]) -> None:
        super().__init__()
        self._unconfirmed = unconfirmed

    def append(self, notice: str) -> None:
        """Take a notice of the server's."""
        del self[:-_KEPT_NOTICES]
        super().append(notice)
        if _REPLICATION_CANCELLED in notice:
            self._unconfirmed()


def _has_cancel_safe() -> bool:
    import psycopg  # noqa: PLC0415 - only where it is the driver

    return bool(psycopg.capabilities.has_cancel_safe())


def _add_values(name: str, values: Iterable[str]) -> list[str]:
    """The statements that add values to an ENUM."""
    quoted = [value.replace("'", "''") for value in values]
    return [f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS '{value}'" for value in quoted]


def _load_leniently_in_psycopg(cursor: Any) -> None:
    """Have a cursor of psycopg's that has run a SELECT give an `Unreadable` for what it cannot decode."""
    for oid in {column.type_code for column in cursor.description}:
        for form in _FORMATS:
            loader = cursor.adapters.get_loader(oid, form)
            if loader is not None:
                cursor.adapters.register_loader(oid, _lenient(loader))


def _load_leniently_in_psycopg2(cursor: Any) -> None:
    """The same for a cursor of psycopg2's, which decodes by the types of itself, its connection, or all."""
    from psycopg2 import extensions  # noqa: PLC0415 - only where it is the driver

    known = {
        **extensions.string_types,
        **(cursor.connection.string_types or {}),
        **(cursor.string_types or {}),
    }
    for oid in {column.type_code for column in cursor.description}:
        cast_value = _lenient_cast(known.get(oid, extensions.UNICODE))
        extensions.register_type(extensions.new_type((oid,), "LENIENT", cast_value), cursor)


def _lenient(loader: Any) -> Any:
    """A loader of psycopg's that gives an `Unreadable` where `loader` fails."""

    class Lenient:
        format = loader.format

        def __init__(self, oid: int, context: Any = None) -> None:
            self._load = loader(oid, context).load

        def load(self, data: Any) -> Any:
            try:
                return self._load(data)
            except Exception:  # noqa: BLE001 - the loader of an application's own may raise anything too
                return Unreadable(bytes(data))

    return Lenient


def _lenient_cast(cast_value: Callable[[str | None, Any], Any]) -> Callable[[str | None, Any], Any]:
    """A typecaster of psycopg2's that gives an `Unreadable` where `cast_value` fails."""

    def lenient(value: str | None, cursor: Any) -> Any:
        try:
            return cast_value(value, cursor)
        except Exception:  # noqa: BLE001 - as above
            return Unreadable((value or "").encode())

    return lenient


VENDOR = PostgreSQL()
