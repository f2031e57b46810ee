"""MariaDB, and MySQL as far as the two agree."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import BigInteger, String, and_, case, delete, func, null, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.sql import literal_column

from ..column_types import BYTES, TEXT
from ..failures import Violation
from .base import Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Delete, Table
    from sqlalchemy.dialects.mysql import Insert as MySQLInsert
    from sqlalchemy.engine import URL
    from sqlalchemy.sql.dml import Insert

    from ..column_types import ColumnType
    from .base import Alteration, Scalar, Updates

_DUPLICATE_KEY: Final = "1062"
_SYNTAX: Final = "1064"
_TRANSIENT: Final = frozenset({
    "1205",  # lock wait timeout
    "1213",  # deadlock; on Galera, another node committed first
    "1020",  # record has changed since last read
    "1040",  # too many connections
    "1047",  # Galera: no quorum yet
    "1053",  # shutting down
    "1317", "1969", "3024",  # cancelled, as at the deadline
    "1290", "1792", "1836",  # read only: a replica now
})  # fmt: skip
# The characters that fit an index of 3072 bytes, at 4 bytes each.
_LONGEST_KEY: Final = 768
# The type at the start of a column's definition in SHOW CREATE TABLE.
_TYPE: Final = re.compile(r"\w+(?:\((?:'(?:[^'\\]|''|\\.)*'|[^)'])*\))?(?: unsigned)?(?: zerofill)?")
# Whether a column refers to another column by a foreign key, or is referred to.
_IN_FOREIGN_KEY: Final = text("""
    SELECT 1 FROM information_schema.KEY_COLUMN_USAGE
    WHERE REFERENCED_TABLE_NAME IS NOT NULL AND (
        (TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table AND COLUMN_NAME = :column)
        OR (
            REFERENCED_TABLE_SCHEMA = COALESCE(:schema, DATABASE())
            AND REFERENCED_TABLE_NAME = :table AND REFERENCED_COLUMN_NAME = :column
        )
    )
""")
# Whether a column is in an index.
_IN_INDEX: Final = text("""
    SELECT 1 FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table AND COLUMN_NAME = :column
""")

# The character set of a text column.
_CHARACTER_SET: Final = text("""
    SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table AND COLUMN_NAME = :column
""")
# The clauses after a column's type in SHOW CREATE TABLE.
_COLLATION: Final = re.compile(r"^(?: CHARACTER SET \w+)?(?: COLLATE \w+)?")

_DENIED: Final = frozenset({
    "1044",  # no right to use the database
    "1045",  # no such user, or a wrong password
    "1049",  # no such database
    "1130",  # not from this host
    "1142", "1143", "1227",  # a right is missing
    "1698",  # the user does not log in with a password
})  # fmt: skip
# The parts of the messages that name a constraint or a column.
_VIOLATIONS: Final = (
    re.compile(r"for key '(?:[^']*\.)?(?P<constraint>[^']*)'$"),
    re.compile(r"CONSTRAINT `(?P<constraint>[^`]*)` FOREIGN KEY \((?P<columns>[^)]*)\)"),
    re.compile(r"^CONSTRAINT `(?:[^`]*`\.`)?(?P<constraint>[^`]*)` failed"),
    re.compile(r"^(?:Column|Field) '(?P<columns>[^']*)' (?:cannot be null|doesn't have a default value)$"),
)


class MariaDB(Vendor):
    """MariaDB's own SQL, error codes and connection options."""

    drivers = ("mariadb+pymysql", "mysql+pymysql")
    extra = "mysql"
    # CHECK constraints: the first is MariaDB's, the second MySQL's.
    violations = frozenset({"4025", "3819"})
    timed_drivers = frozenset({"pymysql", "mysqldb"})
    transient_codes = _TRANSIENT
    # An error during a commit, as on a node of Galera that loses its quorum.
    unsure_codes = frozenset({"1180"})
    spoiling_codes = frozenset({"1290", "1792", "1836"})
    # Not UNIX_TIMESTAMP(), which takes a local time, and so is ambiguous in the hour when clocks go back.
    now_ms_sql = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
    utc_now_sql = "UTC_TIMESTAMP(6)"
    type_names: ClassVar = {"BOOLEAN": "TINYINT", "JSON": "LONGTEXT", "REAL": "DOUBLE PRECISION"}
    fraction_digits = 0
    limits_of_alter = (
        "MariaDB changes no column of a foreign key, and lengthens none beyond what its index takes"
    )

    def engine_options(self, url: URL, timeout: float) -> dict[str, Any]:
        """See `Vendor.engine_options`.

        PyMySQL's `connect_timeout` ends before the server's first word.
        """
        options = super().engine_options(url, timeout)
        if url.get_driver_name() == "pymysql" and "read_timeout" not in url.query and timeout < math.inf:
            options.setdefault("connect_args", {})["read_timeout"] = max(1, math.ceil(timeout))
        return options

    def on_connect(self, connection: Any, deadline: float) -> None:
        """See `Vendor.on_connect`; waits for locks are in whole seconds, and MySQL limits no statements."""
        if hasattr(connection, "_read_timeout"):
            # From here on, `Watch` looks after the connection.
            connection._read_timeout = None  # noqa: SLF001 - nothing else changes it
        if deadline == math.inf:
            return
        whole = max(1, int(deadline))
        cursor = connection.cursor()
        cursor.execute(
            f"SET innodb_lock_wait_timeout = {whole}, lock_wait_timeout = {whole}"
            f" /*M!100101 , max_statement_time = {deadline:.3f} */"
        )
        cursor.close()

    def unlimit(self, connection: Connection) -> None:
        """See `Vendor.unlimit`."""
        connection.exec_driver_sql("SET @schema_session = 0 /*M!100101 , max_statement_time = 0 */")

    sizes_sql = """
        SELECT DATA_LENGTH, INDEX_LENGTH, DATA_FREE, NULL FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :table
    """

    def milliseconds(self, moment: ColumnElement[Any]) -> ColumnElement[int]:
        """See `Vendor.milliseconds`."""
        microseconds = func.timestampdiff(
            literal_column("MICROSECOND"), literal_column("'1970-01-01'"), moment, type_=BigInteger
        )
        return microseconds.op("DIV", return_type=BigInteger())(literal_column("1000"))

    def is_moment(self, moment: ColumnElement[Any]) -> ColumnElement[bool]:
        """See `Vendor.is_moment`; MariaDB keeps months and days of 0, and may keep a 31st of February."""
        # There is no last day of a month of 0, and a comparison with NULL is not true.
        last_day = func.dayofmonth(func.last_day(moment))
        return and_(super().is_moment(moment), func.dayofmonth(moment).between(literal_column("1"), last_day))

    def insert(self, table: Table) -> MySQLInsert:
        """See `Vendor.insert`."""
        return mysql.insert(table)

    def exactly(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """See `Vendor.exactly`."""
        return func.binary(column, type_=String)

    def upsert(self, table: Table, rows: Any, updates: Updates, *, exact: bool = False) -> Insert:
        """See `Vendor.upsert`; MariaDB sets one column after the other, so their order matters."""
        statement = self.insert(table).values(rows)
        (key,) = table.primary_key.columns
        # ON DUPLICATE KEY applies to other unique keys too. The existing row is then another session's, and
        # must not be changed: setting its primary key to NULL is an error.
        existing = self.exactly(key) if exact else key
        same = case((existing == statement.inserted[key.name], key), else_=null())
        return statement.on_duplicate_key_update([(key.name, same), *updates(statement.inserted)])

    def insert_absent(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """See `Vendor.insert_absent`; a plain INSERT.

        INSERT IGNORE would hide other errors, and ON DUPLICATE KEY reports a row as inserted in both cases.
        """
        return self.insert(table).values(row)

    def delete_by_key(self, table: Table) -> Delete:
        """See `Vendor.delete_by_key`; without the hint, the optimizer may scan the whole table."""
        name = mysql.dialect().identifier_preparer.format_table(table)
        return delete(table).prefix_with(name).with_hint("FORCE INDEX (PRIMARY)", dialect_name="*")

    def is_duplicate_key(self, error: BaseException) -> bool:
        """See `Vendor.is_duplicate_key`; the message ends with the name of the violated key."""
        return self.code(error) == _DUPLICATE_KEY and str(error.args[-1]).endswith("PRIMARY'")

    def violation(self, error: BaseException) -> Violation:
        """See `Vendor.violation`; the message may quote a value, but always before the key's name."""
        message = str(error.args[-1])
        for pattern in _VIOLATIONS:
            if match := pattern.search(message):
                names = match.groupdict()
                columns = (names.get("columns") or "").replace("`", "").split(", ")
                return Violation(names.get("constraint"), tuple(filter(None, columns)))
        return Violation()

    def denies(self, error: BaseException) -> bool:
        """See `Vendor.denies`."""
        return self.code(error) in _DENIED

    def code(self, error: BaseException) -> str | None:
        """The server's error number, from an exception of PyMySQL or mysqlclient."""
        return str(error.args[0]) if error.args and isinstance(error.args[0], int) else None

    def lacks_type(self, code: str | None, reason: str) -> bool:  # noqa: ARG002 - it quotes the statement
        """See `Vendor.lacks_type`."""
        return code == _SYNTAX

    @contextmanager
    def alone(self, scalar: Scalar, name: str, *, wait: float) -> Iterator[bool]:
        """See `Vendor.alone`; named locks are the server's, so the lock's name includes the database's."""
        digest = func.sha2(func.concat(func.database(), ".", name), 256)
        key = func.concat("ssb-", func.left(digest, 40))
        acquired = bool(scalar(select(func.get_lock(key, wait))))
        try:
            yield acquired
        finally:
            if acquired:
                scalar(select(func.release_lock(key)))

    def online_index(self, connection: Connection, table: str, sql: str) -> str | None:  # noqa: ARG002
        """See `Vendor.online_index`; where the table cannot be indexed so, this is an error.

        At its start and end it waits for the transactions that use the table, and all others wait for it, so
        it gives up soon.
        """
        return f"/*M!100101 SET STATEMENT lock_wait_timeout = 1 FOR */ {sql} ALGORITHM=INPLACE LOCK=NONE"

    def alter_column(self, connection: Connection, alteration: Alteration) -> list[str]:
        """See `Vendor.alter_column`.

        MODIFY drops every part of the column's definition that it does not repeat, so the definition is taken
        from SHOW CREATE TABLE.
        """
        quote = connection.dialect.identifier_preparer
        table, start = quote.format_table(alteration.table), f"  {quote.quote_identifier(alteration.column)} "
        lines = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {table}").one()[1]).splitlines()
        definition = next(line.removeprefix(start) for line in lines if line.startswith(start))
        kind, rest = _split_definition(definition.removesuffix(","))
        if alteration.wanted != alteration.there:
            if not _can_change_type(connection, alteration):
                return []
            kind = _widened(kind, alteration)
        if alteration.exact:
            collation = _exact_collation(connection, alteration)
            if collation is None:
                return []
            rest = f"{collation}{_COLLATION.sub('', rest)}"
        if alteration.nullable:
            rest = rest.replace(" NOT NULL", " NULL", 1)
        return [f"ALTER TABLE {table} MODIFY COLUMN {quote.quote(alteration.column)} {kind}{rest}"]

    def add_primary_key(self, table: str, column: str, kind: ColumnType) -> list[str]:
        """See `Vendor.add_primary_key`."""
        return [f"ALTER TABLE {table} ADD PRIMARY KEY ({column})"] if _fits_an_index(kind) else []


def _split_definition(definition: str) -> tuple[str, str]:
    """The type in a column's definition from SHOW CREATE TABLE, and the rest of the definition."""
    match = _TYPE.match(definition)
    assert match is not None
    return match.group(), definition[match.end() :]


def _widened(kind: str, alteration: Alteration) -> str:
    """The column's new type; `kind` is the present one."""
    if not alteration.wanted.values:
        return alteration.wanted.sql
    # A row stores the position of its value in the ENUM, so new values must come at the end.
    more = (
        value.replace("\\", "\\\\").replace("'", "''") for value in alteration.there.lacks(alteration.wanted)
    )
    return "".join([kind.removesuffix(")"), *(f",'{value}'" for value in more), ")"])


def _exact_collation(connection: Connection, alteration: Alteration) -> str | None:
    """The clauses of a collation that compares byte for byte, if the column can have one."""
    names = _names(alteration)
    if connection.execute(_IN_FOREIGN_KEY, names).first() is not None:
        return None
    charset = connection.execute(_CHARACTER_SET, names).scalar_one()
    return f" CHARACTER SET {charset} COLLATE {charset}_nopad_bin"


def _can_change_type(connection: Connection, alteration: Alteration) -> bool:
    """Whether MODIFY can change the column's type: no foreign key and no index prevents it."""
    names = _names(alteration)
    if connection.execute(_IN_FOREIGN_KEY, names).first() is not None:
        return False
    return _fits_an_index(alteration.wanted) or connection.execute(_IN_INDEX, names).first() is None


def _names(alteration: Alteration) -> dict[str, str | None]:
    return {
        "schema": alteration.table.schema,
        "table": alteration.table.name,
        "column": alteration.column,
    }


def _fits_an_index(kind: ColumnType) -> bool:
    if kind.group not in {TEXT, BYTES}:
        return True
    return "CHAR" in kind.sql and kind.measures[0] <= _LONGEST_KEY


VENDOR = MariaDB()
