"""MariaDB, and MySQL as far as they agree."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import BigInteger, case, delete, func, null, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.sql import literal_column

from ..column_types import BYTES, TEXT
from ..failures import Violation
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Delete, Table
    from sqlalchemy.sql.dml import Insert

    from ..column_types import ColumnType
    from .base import Alteration, Scalar, Updates

_DUPLICATE_KEY: Final = "1062"
_TRANSIENT: Final = frozenset({
    "1205",  # lock wait timeout
    "1213",  # deadlock; on Galera, another node committed first
    "1020",  # record has changed since last read
    "1040",  # too many connections
    "1047",  # Galera: no quorum yet
    "1053",  # shutting down
})  # fmt: skip
# An index takes 3072 bytes, and a character up to 4 of them.
_LONGEST_KEY: Final = 768
_TYPE: Final = re.compile(r"\w+(?:\((?:'(?:[^'\\]|''|\\.)*'|[^)'])*\))?(?: unsigned)?(?: zerofill)?")
# Whether a column is on either side of a foreign key, and whether it is in an index.
_REFERRING: Final = text("""
    SELECT 1 FROM information_schema.KEY_COLUMN_USAGE
    WHERE REFERENCED_TABLE_NAME IS NOT NULL AND (
        (TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table AND COLUMN_NAME = :column)
        OR (
            REFERENCED_TABLE_SCHEMA = COALESCE(:schema, DATABASE())
            AND REFERENCED_TABLE_NAME = :table AND REFERENCED_COLUMN_NAME = :column
        )
    )
""")
_INDEXED: Final = text("""
    SELECT 1 FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table AND COLUMN_NAME = :column
""")

_DENIED: Final = frozenset({
    "1044",  # no right to use the database
    "1045",  # no such user, or a wrong password
    "1049",  # no such database
    "1130",  # not from this host
    "1142", "1143", "1227",  # a right is missing
    "1698",  # the user has no password to log in with
})  # fmt: skip
_VIOLATIONS: Final = (
    re.compile(r"for key '(?:[^']*\.)?(?P<constraint>[^']*)'$"),
    re.compile(r"CONSTRAINT `(?P<constraint>[^`]*)` FOREIGN KEY \((?P<columns>[^)]*)\)"),
    re.compile(r"^CONSTRAINT `(?:[^`]*`\.`)?(?P<constraint>[^`]*)` failed"),
    re.compile(r"^(?:Column|Field) '(?P<columns>[^']*)' (?:cannot be null|doesn't have a default value)$"),
)


class MariaDB(Vendor):
    """The hooks for MariaDB."""

    drivers = ("mariadb+pymysql", "mysql+pymysql")
    extra = "mysql"
    timed_drivers = frozenset({"pymysql", "mysqldb"})
    shortest_timeout = 1
    # UNIX_TIMESTAMP() of a local time is ambiguous when the clocks go back: the difference is in UTC.
    now_ms_sql = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
    utc_now_sql = "UTC_TIMESTAMP(6)"
    type_names: ClassVar = {"BOOLEAN": "TINYINT", "JSON": "LONGTEXT", "REAL": "DOUBLE PRECISION"}
    fraction_digits = 0
    limits_of_alter = (
        "MariaDB changes no column of a foreign key, and lengthens none beyond what its index takes"
    )

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        microseconds = func.timestampdiff(
            literal_column("MICROSECOND"), literal_column("'1970-01-01'"), moment, type_=BigInteger
        )
        return microseconds.op("DIV", return_type=BigInteger())(literal_column("1000"))

    def least(self, one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
        """See `Vendor.least`."""
        return func.least(one, other)

    def upsert(self, table: Table, rows: Any, updates: Updates) -> Insert:
        """See `Vendor.upsert`; MariaDB sets one column after the other, so their order matters."""
        statement = insert(table).values(rows)
        (key,) = table.primary_key.columns
        # Any other unique key leads here too, and then the row is somebody else's: NULL is refused.
        same = case((key == statement.inserted[key.name], key), else_=null())
        return statement.on_duplicate_key_update([(key.name, same), *updates(statement.inserted)])

    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """A plain insert: IGNORE would hide other errors, and ON DUPLICATE KEY counts a row either way."""
        return insert(table).values(row)

    def delete_by_key(self, table: Table) -> Delete:
        """See `Vendor.delete_by_key`; left to itself the optimizer may read the table from end to end."""
        name = mysql.dialect().identifier_preparer.format_table(table)
        return delete(table).prefix_with(name).with_hint("FORCE INDEX (PRIMARY)", dialect_name="*")

    def is_duplicate_key(self, error: BaseException) -> bool:
        """The message ends with the violated key; other unique keys are the application's."""
        return self.code(error) == _DUPLICATE_KEY and str(error.args[-1]).endswith("PRIMARY'")

    def violation(self, error: BaseException) -> Violation:
        """See `Vendor.violation`; a text that quotes a value has the name of the key behind it."""
        text = str(error.args[-1])
        for form in _VIOLATIONS:
            if found := form.search(text):
                named = found.groupdict()
                columns = (named.get("columns") or "").replace("`", "").split(", ")
                return Violation(named.get("constraint"), tuple(filter(None, columns)))
        return Violation()

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`."""
        return self.code(error) in _DENIED

    def code(self, error: BaseException) -> str | None:
        """The server's error number, as PyMySQL and mysqlclient give it."""
        return str(error.args[0]) if error.args and isinstance(error.args[0], int) else None

    def is_transient(self, code: str | None) -> bool:
        """See `Vendor.is_transient`."""
        return code in _TRANSIENT

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:
        """A named lock of the whole server, so the database's name is part of its name."""
        digest = func.sha2(func.concat(func.database(), ".", name), 256)
        key = func.concat("ssb-", func.left(digest, 40))
        had = bool(scalar(select(func.get_lock(key, wait))))
        try:
            yield had
        finally:
            if had:
                scalar(select(func.release_lock(key)))

    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:
        """See `Vendor.alter_column`; what MODIFY does not repeat of a definition, it drops."""
        quote = connection.dialect.identifier_preparer
        table, start = quote.format_table(alteration.table), f"  {quote.quote_identifier(alteration.column)} "
        lines = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {table}").one()[1]).splitlines()
        definition = next(line.removeprefix(start) for line in lines if line.startswith(start))
        kind, rest = _split_definition(definition.removesuffix(","))
        if alteration.wanted != alteration.there:
            if not _is_changed_freely(connection, alteration):
                return []
            kind = _widened(kind, alteration)
        if alteration.nullable:
            rest = rest.replace(" NOT NULL", " NULL", 1)
        return [f"ALTER TABLE {table} MODIFY COLUMN {quote.quote(alteration.column)} {kind}{rest}"]

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:
        """See `Vendor.add_primary_key`."""
        return [f"ALTER TABLE {table} ADD PRIMARY KEY ({column})"] if _fits_an_index(kind) else []


def _split_definition(definition: str) -> tuple[str, str]:
    """The type of a column as SHOW CREATE TABLE tells it, and what comes after it."""
    found = _TYPE.match(definition)
    assert found is not None
    return found.group(), definition[found.end() :]


def _widened(kind: str, alteration: Alteration) -> str:
    if not alteration.wanted.values:
        return alteration.wanted.sql
    # A row holds the place of its value in the list, so the list may only grow at its end.
    more = (
        value.replace("\\", "\\\\").replace("'", "''") for value in alteration.there.lacks(alteration.wanted)
    )
    return "".join([kind.removesuffix(")"), *(f",'{value}'" for value in more), ")"])


def _is_changed_freely(connection: Connection, alteration: Alteration) -> bool:
    """Whether neither a foreign key nor an index keeps a column from getting its wanted type."""
    place = {
        "schema": alteration.table.schema,
        "table": alteration.table.name,
        "column": alteration.column,
    }
    if connection.execute(_REFERRING, place).first() is not None:
        return False
    return _fits_an_index(alteration.wanted) or connection.execute(_INDEXED, place).first() is None


def _fits_an_index(kind: ColumnType) -> bool:
    if kind.group not in {TEXT, BYTES}:
        return True
    return "CHAR" in kind.sql and kind.measures[0] <= _LONGEST_KEY


VENDOR = MariaDB()
