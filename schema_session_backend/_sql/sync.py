"""Does the table in the database match the declared one? Create it, add to it, or tell what differs."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import Enum, LargeBinary, inspect, literal
from sqlalchemy import exc as sa_exc
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from ..errors import ConfigurationError, SchemaMismatch, SessionStoreError
from .forks import after_fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Column, Connection, Executable, Inspector
    from sqlalchemy.engine.interfaces import ReflectedColumn
    from sqlalchemy.sql.type_api import TypeEngine

    from .._table.declaration import SessionTable
    from .database import Database
    from .vendors.base import Vendor

_log = logging.getLogger("schema_session_backend")

_SYNONYMS: Final = {
    "INT": "INTEGER",
    "BOOL": "BOOLEAN",
    "DECIMAL": "NUMERIC",
    "DOUBLE": "DOUBLE PRECISION",
    "FLOAT": "DOUBLE PRECISION",
    "CHARACTER VARYING": "VARCHAR",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
}
# Each of these holds whatever the ones before it hold.
_WIDENING: Final = (
    ("TINYINT", "SMALLINT", "MEDIUMINT", "INTEGER", "BIGINT"),
    ("VARCHAR", "TEXT", "MEDIUMTEXT", "LONGTEXT"),
    ("BOOLEAN", "TINYINT"),
    ("JSON", "LONGTEXT"),
)
_SAMPLES: Final[dict[type, Any]] = {
    bool: False,
    int: 0,
    float: 0.0,
    Decimal: Decimal(0),
    dt.date: dt.date(1970, 1, 1),
    dt.datetime: dt.datetime.fromisoformat("1970-01-01"),
    dt.time: dt.time(),
    dt.timedelta: dt.timedelta(),
    UUID: UUID(int=0),
    dict: {},
}
_TYPE = re.compile(
    r"(?P<family>[A-Z_]+(?: [A-Z]+)*?)\s*(?:\((?P<sizes>[^)]*)\))?(?P<zone> WITH(?:OUT)? TIME ZONE)?$"
)
_COLLATION = re.compile(r" (CHARACTER SET \w+|COLLATE \S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Difference:
    problem: str
    ddl: tuple[str, ...]
    addable: bool = False
    table_missing: bool = False
    rebuilds: bool = False


class Synchronizer:
    """Makes sure, once per process, that the table exists and matches.

    Args:
        database: where to look.
        table: as it was declared.
        change: whether to create the table and add missing nullable columns; nothing is ever dropped.
        timeout: seconds to wait for a database that cannot be reached.
    """

    def __init__(self, database: Database, table: SessionTable, *, change: bool, timeout: float) -> None:
        self._database = database
        self._table = table
        self._change = change
        self._timeout = timeout
        self._done = False
        self._lock = threading.Lock()
        self._failure: tuple[float, SessionStoreError] | None = None
        after_fork(self._renew_lock)

    def ensure(self, timeout: float | None = None) -> None:
        """Check, and create or add, unless that was done before.

        Args:
            timeout: seconds instead of the usual ones.

        Raises:
            SchemaMismatch: with every difference and the statements that mend it.
            StoreUnavailable: when the time is over.
            StatementFailed: if the database refuses to create or to change the table.
        """
        if self._done:
            return
        asked = time.monotonic()
        with self._lock:
            if self._done:
                return
            if self._failure is not None and self._failure[0] > asked:
                # Those who waited for one attempt share its end, instead of waiting one after the other.
                raise self._failure[1].with_traceback(None)
            try:
                self._synchronize(self._timeout if timeout is None else timeout)
            except SessionStoreError as error:
                self._failure = (time.monotonic(), error)
                raise
            self._done = True

    def _synchronize(self, timeout: float) -> None:
        database, table = self._database, self._table

        def check() -> list[_Difference]:
            with database.connected() as connection:
                if self._change and table.owned:
                    database.vendor.prepare(connection)
                return _differences(connection, table, database.vendor)

        differences = database.attempt(check, retry_for=timeout)
        if differences and not self._change:
            raise _mismatch(table, differences)
        if not differences:
            return

        def mend() -> None:
            with database.transaction() as connection:

                def scalar(statement: Executable) -> Any:
                    return connection.execute(statement).scalar()

                with database.vendor.alone(scalar, f"sync {table.name}", wait=timeout):
                    _mend(connection, table, database.vendor)

        database.attempt(mend, retry_for=timeout)

    def _renew_lock(self) -> None:
        # A thread that does not exist in the child may have held it.
        self._lock = threading.Lock()


def _mend(connection: Connection, table: SessionTable, vendor: Vendor) -> None:
    # Asked again, because another process may have been faster.
    differences = _differences(connection, table, vendor)
    if not all(difference.addable for difference in differences):
        raise _mismatch(table, differences)
    for difference in differences:
        if difference.table_missing:
            # Brings along what stands outside of the table, such as PostgreSQL's types for an Enum.
            table.table.create(connection, checkfirst=True)
        else:
            for statement in difference.ddl:
                connection.exec_driver_sql(statement)
        _log.info("table %r: %s, so it was added", table.name, difference.problem)


def _mismatch(table: SessionTable, differences: Iterable[_Difference]) -> SchemaMismatch:
    found = list(differences)
    # A table that is built anew lacks nothing any more.
    mending = [difference for difference in found if difference.rebuilds][:1] or found
    return SchemaMismatch(
        table.name,
        [difference.problem for difference in found],
        [statement for difference in mending for statement in difference.ddl],
    )


def _differences(connection: Connection, table: SessionTable, vendor: Vendor) -> list[_Difference]:
    declared = table.table
    inspector = inspect(connection)
    if not inspector.has_table(declared.name, schema=declared.schema):
        ddl = tuple(_creation(connection, table))
        return [_Difference(f"there is no table {table.name!r}", ddl, addable=True, table_missing=True)]
    there = {
        column["name"]: column for column in inspector.get_columns(declared.name, schema=declared.schema)
    }
    compare = _Comparison(connection, table, vendor)
    found = []
    for column in declared.c:
        if column.name not in there:
            found.append(compare.missing(column))
        else:
            found += compare.existing(column, there[column.name])
    found += [
        compare.surplus(column)
        for name, column in there.items()
        if name not in declared.c and _required(column)
    ]
    found += compare.primary_key(inspector)
    _warn_of_missing_indexes(connection, inspector, table, there)
    return found


def _creation(connection: Connection, table: SessionTable) -> list[str]:
    try:
        statements: list[CreateTable | CreateIndex] = [CreateTable(table.table)]
        statements += map(CreateIndex, sorted(table.table.indexes, key=lambda index: str(index.name)))
        return [str(statement.compile(dialect=connection.dialect)).strip() for statement in statements]
    except sa_exc.NoReferencedTableError:
        problem = "a foreign key names a table that is not in its MetaData; pass yours as metadata="
    except sa_exc.CompileError as error:
        # The compiler names table and column; there are no values in a declaration.
        problem = str(error).splitlines()[0]
    msg = f"table {table.name!r} cannot be created on {connection.dialect.name}: {problem}"
    raise ConfigurationError(msg)


def _required(column: ReflectedColumn) -> bool:
    generated = column.get("computed") or column.get("identity") or column.get("autoincrement") is True
    return not column["nullable"] and column["default"] is None and not generated


class _Comparison:
    """The differences of one table's columns, each with what mends it."""

    def __init__(self, connection: Connection, table: SessionTable, vendor: Vendor) -> None:
        self._dialect = connection.dialect
        self._connection = connection
        self._table = table
        self._vendor = vendor
        self._name = connection.dialect.identifier_preparer.format_table(table.table)

    def missing(self, column: Column[Any]) -> _Difference:
        spec = str(CreateColumn(column).compile(dialect=self._dialect)).strip()
        if not column.nullable and column.server_default is None:
            spec += f" DEFAULT {self._filler(column)}"
        for key in column.foreign_keys:
            target = key.column
            quote = self._dialect.identifier_preparer
            spec += f" REFERENCES {quote.format_table(target.table)} ({quote.format_column(target)})"
        ddl = [f"ALTER TABLE {self._name} ADD COLUMN {spec}"]
        ddl += [
            str(CreateIndex(index).compile(dialect=self._dialect))
            for index in self._table.table.indexes
            if column.name in index.columns
        ]
        addable = bool(column.nullable) or column.server_default is not None
        return _Difference(f"it lacks the column {column.name!r}", tuple(ddl), addable=addable)

    def _filler(self, column: Column[Any]) -> str:
        """A value for the rows that are there already."""
        kind = column.type
        if isinstance(kind, LargeBinary):
            return "''" if self._dialect.name == "postgresql" else "X''"
        sample: Any = "{}" if column is self._table.additional else _sample(kind)
        value = literal(sample, kind)
        return str(value.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True}))

    def existing(self, column: Column[Any], there: ReflectedColumn) -> list[_Difference]:
        wanted, actual = self._sql(column.type), self._sql(there["type"])
        problems = []
        if not _holds(actual, wanted):
            problems.append(f"column {column.name!r} is {actual}, not {wanted}")
        if column.nullable and not there["nullable"]:
            problems.append(f"column {column.name!r} is NOT NULL, and not every session has one")
        if not problems:
            return []
        return [self._redefined(column.name, wanted, " and ".join(problems), nullable=bool(column.nullable))]

    def surplus(self, there: ReflectedColumn) -> _Difference:
        problem = f"column {there['name']!r} is NOT NULL without a default, and it is not declared"
        return self._redefined(there["name"], self._sql(there["type"]), problem, nullable=True)

    def primary_key(self, inspector: Inspector) -> list[_Difference]:
        declared = self._table.table
        key = inspector.get_pk_constraint(declared.name, schema=declared.schema)["constrained_columns"]
        if key == [self._table.sid.name]:
            return []
        problem = f"its primary key is {key or 'missing'}, not {self._table.sid.name!r} alone"
        if self._dialect.name == "sqlite":
            return [_Difference(problem, self._rebuilt(), rebuilds=True)]
        quoted = self._dialect.identifier_preparer.quote(self._table.sid.name)
        return [
            _Difference(problem, () if key else (f"ALTER TABLE {self._name} ADD PRIMARY KEY ({quoted})",))
        ]

    def _sql(self, kind: TypeEngine[Any]) -> str:
        return str(kind.compile(dialect=self._dialect))

    def _redefined(self, column: str, kind: str, problem: str, *, nullable: bool) -> _Difference:
        quoted = self._dialect.identifier_preparer.quote(column)
        ddl = self._vendor.redefine(self._name, quoted, kind, "NULL" if nullable else "NOT NULL")
        return _Difference(problem, tuple(ddl) or self._rebuilt(), rebuilds=not ddl)

    def _rebuilt(self) -> tuple[str, ...]:
        """For a database that changes no column: the old table stays, under another name."""
        quote = self._dialect.identifier_preparer.quote
        table = self._table.table
        indexes = sorted(quote(str(index.name)) for index in table.indexes)
        return (
            *(f"DROP INDEX IF EXISTS {index}" for index in indexes),
            f"ALTER TABLE {self._name} RENAME TO {quote(table.name + '_old')}",
            *_creation(self._connection, self._table),
        )


def _sample(kind: TypeEngine[Any]) -> Any:
    if isinstance(kind, Enum):
        return next(iter(kind.enum_class or kind.enums))
    try:
        return _SAMPLES.get(kind.python_type, "")
    except NotImplementedError:  # a type of one database only
        return ""


def _holds(actual: str, wanted: str) -> bool:
    """Whether a type holds every value of another; wider is fine, so that a table can be changed first."""
    (family, sizes), (wanted_family, wanted_sizes) = _normal(actual), _normal(wanted)
    if family != wanted_family:
        return any(
            family in chain and wanted_family in chain and chain.index(family) > chain.index(wanted_family)
            for chain in _WIDENING
        )
    if family in {"INTEGER", "BIGINT", "SMALLINT", "BOOLEAN", "DOUBLE PRECISION"} or not sizes:
        return True  # display widths, and no limit at all
    if family == "NUMERIC" and len(sizes) == len(wanted_sizes) == 2:  # noqa: PLR2004 - precision and scale
        precision, scale = (int(size) for size in sizes)
        wanted_precision, wanted_scale = (int(size) for size in wanted_sizes)
        return scale >= wanted_scale and precision - scale >= wanted_precision - wanted_scale
    if all(size.isdigit() for size in sizes + wanted_sizes):
        return bool(wanted_sizes) and int(sizes[0]) >= int(wanted_sizes[0])
    return set(wanted_sizes) <= set(sizes)  # the values of an ENUM


def _normal(sql: str) -> tuple[str, list[str]]:
    text = _COLLATION.sub("", sql)
    found = _TYPE.match(text.upper())
    if found is None:
        return text.upper(), []
    family = found["family"] + (found["zone"] or "")
    sizes = [size.strip() for size in (found["sizes"] or "").split(",") if size.strip()]
    if family == "TINYINT" and sizes == ["1"]:
        return "BOOLEAN", []
    return _SYNONYMS.get(family, family), sizes


def _warn_of_missing_indexes(
    connection: Connection, inspector: Inspector, table: SessionTable, there: dict[str, ReflectedColumn]
) -> None:
    declared = table.table
    known: list[Sequence[str | None]] = [
        index["column_names"] for index in inspector.get_indexes(declared.name, schema=declared.schema)
    ]
    known += [
        unique["column_names"]
        for unique in inspector.get_unique_constraints(declared.name, schema=declared.schema)
    ]
    for index in declared.indexes:
        names = [column.name for column in index.columns]
        if all(name in there for name in names) and not any(
            list(have[: len(names)]) == names for have in known
        ):
            statement = str(CreateIndex(index).compile(dialect=connection.dialect))
            _log.warning(
                "table %r has no index on %s: searching it will be slow; add it with: %s",
                table.name,
                names,
                statement,
            )
