"""The statements that add what the database lacks: the table, or a column with its index and constraints."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import CheckConstraint, UniqueConstraint, make_url, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from ...errors import ConfigurationError
from ..vendors import vendor_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Column, Connection, Dialect, ForeignKeyConstraint, Index, Table

    from ..._table.declaration import SessionTable
    from ..column_types import ColumnType
    from ..vendors.base import Vendor

_NAMED_TYPES: Final = frozenset({"create_enum_type", "create_domain_type"})
_FOREIGN_KEY_OF_TABLE: Final = re.compile(r"FOREIGN KEY ?\([^)]*\) ")


class Additions:
    """Parts of a declared table that a database lacks, as statements.

    Args:
        connection: to the database.
        table: as it was declared.
        vendor: of the database.
    """

    def __init__(self, connection: Connection, table: SessionTable, vendor: Vendor) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._quote = connection.dialect.identifier_preparer
        self._compiler: Any = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
        self._table = table.table
        self._name = self._quote.format_table(table.table)
        self._vendor = vendor

    def create_table(self) -> None:
        """Create the table and what it needs beside it, such as PostgreSQL's types for an Enum.

        Raises:
            ConfigurationError: if the declaration makes no table on this database.
        """
        with self.configuration_errors():
            self._table.create(self._connection, checkfirst=True)

    def of_table(self) -> tuple[str, ...]:
        """What `create_table` would run.

        Raises:
            ConfigurationError: as `create_table`.
        """
        statements = [sql for column in self._table.c for sql in self._types_of(column)]

        def record(element: Any, *_arguments: Any, **_options: Any) -> None:
            # `named_types` gives these, without those that exist already.
            if element.__visit_name__ not in _NAMED_TYPES:
                statements.append(self._sql(element))

        with self.configuration_errors():
            self._table.create(_Recorder(self._dialect, record), checkfirst=False)
        return tuple(dict.fromkeys(statements))

    def of_column(
        self, column: Column[Any], others: Sequence[Column[Any]], *, to_rows: bool, filler: str | None = None
    ) -> tuple[str, ...]:
        """What adds a column with its indexes and constraints.

        Args:
            column: the one to add.
            others: columns that will be added after it.
            to_rows: whether the table has rows.
            filler: the SQL of the value that these get; NULL without one.
        """
        name, default = self._quote.format_column(column), self.default_of(column)
        inline, after = self._constraints(column, others)
        statements = self._types_of(column)
        if default is not None and column.nullable and (to_rows or self._vendor.adds_constraints):
            checks = [self._plain(self._compiler.process(check)) for check in column.constraints]
            bare = " ".join([name, self._sql(column.type), *checks, *inline])
            statements += self._vendor.add_with_default(self._name, name, bare, default)
        else:
            filling = [] if filler is None else [f"DEFAULT {filler}"]
            whole = " ".join([self._sql(CreateColumn(column)), *filling, *inline])
            statements.append(f"ALTER TABLE {self._name} ADD COLUMN {whole}")
        indexes = (index for index in self._table.indexes if _is_complete(index.columns, column, others))
        statements += sorted(map(self.of_index, indexes))
        return (*statements, *after)

    def of_primary_key(self, column: Column[Any], kind: ColumnType) -> tuple[str, ...]:
        """What makes a column of that type the primary key; nothing where no statement does."""
        return tuple(self._vendor.add_primary_key(self._name, self._quote.format_column(column), kind))

    def default_of(self, column: Column[Any]) -> str | None:
        """The SQL of a column's default in the database."""
        default: str | None = self._compiler.get_column_default_string(column)
        return None if default is None else self._plain(default)

    def of_index(self, index: Index) -> str:
        """What creates a declared index."""
        return self._sql(CreateIndex(index))

    def of_index_online(self, index: Index) -> str | None:
        """What creates a declared index while others read and write; None if nothing does."""
        return self._vendor.online_index(self._connection, self._name, self.of_index(index))

    def of_index_again(self, index: Index) -> str:
        """What completes an index whose creation was interrupted."""
        schema = "" if self._table.schema is None else f"{self._quote.quote_schema(self._table.schema)}."
        return f"REINDEX INDEX CONCURRENTLY {schema}{self._quote.quote(str(index.name))}"

    def unfinished_indexes(self) -> frozenset[str]:
        """The names of the indexes that are being built, or whose creation was interrupted."""
        return self._vendor.unfinished_indexes(self._connection, self._name)

    def of_uniqueness(self, columns: Sequence[str], name: str | None = None) -> str:
        """What makes columns unique together; an index does so where the database adds no constraints."""
        listed = ", ".join(map(self._quote.quote, columns))
        if self._vendor.adds_constraints:
            constraint = "" if name is None else f"CONSTRAINT {self._quote.quote(name)} "
            return f"ALTER TABLE {self._name} ADD {constraint}UNIQUE ({listed})"
        index = self._quote.quote(name or f"uq_{self._table.name}_{'_'.join(columns)}")
        schema = "" if self._table.schema is None else f"{self._quote.quote_schema(self._table.schema)}."
        return f"CREATE UNIQUE INDEX {schema}{index} ON {self._quote.quote(self._table.name)} ({listed})"

    def of_foreign_key(self, constraint: ForeignKeyConstraint) -> str | None:
        """What adds a declared foreign key to a table that has its columns, if a statement does."""
        if not self._vendor.adds_constraints:
            return None
        return f"ALTER TABLE {self._name} ADD {self._plain(self._compiler.process(constraint))}"

    def configuration_errors(self) -> AbstractContextManager[None]:
        """Turns SQLAlchemy's errors about the declaration into ours.

        Raises:
            ConfigurationError: naming the table, and the column if SQLAlchemy does.
        """
        return _configuration_errors(self._table, self._dialect)

    def _constraints(self, column: Column[Any], others: Sequence[Column[Any]]) -> tuple[list[str], list[str]]:
        """The constraints that need no more columns: those to write with this one, and what adds others."""
        inline, after = [], []
        created = self._sql(CreateTable(self._table))
        for constraint in self._table.constraints:
            if not isinstance(constraint, ColumnCollectionConstraint) or not _is_complete(
                constraint.columns, column, others
            ):
                continue
            sql = self._plain(self._compiler.process(constraint))
            if isinstance(constraint, UniqueConstraint):
                names = [each.name for each in constraint.columns]
                after.append(self.of_uniqueness(names, _name_of(constraint)))
            elif isinstance(constraint, CheckConstraint) and sql not in created:
                continue  # that of a Boolean or an Enum, which only some databases need
            elif self._vendor.adds_constraints:
                after.append(f"ALTER TABLE {self._name} ADD {sql}")
            else:
                inline.append(_FOREIGN_KEY_OF_TABLE.sub("", sql))
        return sorted(inline), sorted(after)

    def _types_of(self, column: Column[Any]) -> list[str]:
        return list(map(self._plain, self._vendor.named_types(self._connection, column.type)))

    def _sql(self, element: Any) -> str:
        return self._plain(str(element.compile(dialect=self._dialect)).strip())

    def _plain(self, sql: str) -> str:
        return _as_typed(sql, self._dialect)


def definition(table: Table, database: Dialect | str) -> tuple[str, ...]:
    """The statements that create a table on a database, with its indexes and its named types, in order.

    Args:
        table: the declared table.
        database: its dialect, or its name as a URL has it.

    Raises:
        ConfigurationError: for an unknown database, and for a table that it cannot have.
    """
    if isinstance(database, str):
        url = make_url(f"{database}://")
        vendor_of(url)
        database = url.get_dialect()()
    dialect = database
    statements: list[str] = []

    def record(element: Any, *_arguments: Any, **_options: Any) -> None:
        statements.append(_as_typed(str(element.compile(dialect=dialect)).strip(), dialect))

    with _configuration_errors(table, dialect):
        table.create(_Recorder(dialect, record), checkfirst=False)
    return tuple(dict.fromkeys(statements))


def _as_typed(sql: str, dialect: Dialect) -> str:
    """A statement as one would type it: compiled for some drivers, each % is there twice."""
    return sql.replace("%%", "%") if dialect.paramstyle in {"format", "pyformat"} else sql


@contextmanager
def _configuration_errors(table: Table, dialect: Dialect) -> Iterator[None]:
    try:
        yield
    except sa_exc.NoReferencedTableError:
        problem = "a foreign key names a table that is not in its MetaData; pass yours as metadata="
    except sa_exc.CompileError as error:
        # The compiler names table and column; there are no values in a declaration.
        problem = str(error).splitlines()[0]
    else:
        return
    raise ConfigurationError(f"table {table.fullname!r} cannot be created on {dialect.name}: {problem}")


def _name_of(constraint: UniqueConstraint) -> str | None:
    return constraint.name if isinstance(constraint.name, str) else None


def _is_complete(needed: Any, column: Column[Any], others: Sequence[Column[Any]]) -> bool:
    """Whether a column is the last one that an index or a constraint waits for."""
    return needed.contains_column(column) and not any(map(needed.contains_column, others))


class _Recorder(MockConnection):
    """Stands for a connection when the table and its listeners only tell what they would run."""

    def exec_driver_sql(self, statement: str, *_arguments: Any, **_options: Any) -> None:
        self.execute(text(statement.replace(":", r"\:")))
