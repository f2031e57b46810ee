"""A statement that SQLAlchemy compiles once, and that then runs on a driver's cursor without SQLAlchemy."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

from .._session.tags import CorruptText
from .._table.rows import PREFIX, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Dialect, Executable
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.type_api import TypeEngine

    from .._table.rows import Convert, Row


class Query:
    """A SQLAlchemy statement, which is compiled for a dialect when it is first used."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self.selects = hasattr(statement, "selected_columns")
        """Whether the statement is a SELECT."""
        self._compiled: dict[Dialect, CompiledQuery] = {}

    def compiled(self, dialect: Dialect) -> CompiledQuery:
        """The SQL for a dialect that has connected before, so that it knows the version of its server."""
        # A caller's connection may belong to another engine, even with another driver.
        compiled = self._compiled.get(dialect)
        if compiled is None:
            compiled = self._compiled[dialect] = CompiledQuery(self._statement, dialect)
        return compiled


class CompiledQuery:
    """A statement's SQL, and the conversion of its parameters and of its result's values.

    Args:
        statement: the statement. Parameters whose names begin with `PREFIX` get their values at each run, the
            values of all others are part of the statement.
        dialect: the dialect that has the conversions.
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiler: SQLCompiler = statement.compile(dialect=dialect)
        values = {name: None for name in compiler.binds if name.startswith(PREFIX)}
        # In the expanded state, an IN has a parameter for each of its values.
        state = compiler.construct_expanded_state(values)
        names = state.positiontup if compiler.positional else state.parameters
        processors: dict[str, Any] = {
            compiler.escaped_bind_names.get(name, name): _bind_processor(bind.type, dialect)
            for name, bind in compiler.binds.items()
        }
        processors.update(state.processors)
        self.sql = state.statement
        self._dialect = dialect
        self._constants: Mapping[str, Any] = state.parameters
        self._positional = compiler.positional
        self._binds = [(name, processors.get(name)) for name in names or ()]
        self._pick = self._picker()
        self.selects = hasattr(statement, "selected_columns")
        """Whether the statement is a SELECT."""
        columns = list(getattr(statement, "selected_columns", ()))
        self._types = [column.type for column in columns]
        self._names = [getattr(column, "name", "") for column in columns]
        self._convert: Convert | None = None

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """The driver's parameters for the values of the statement's parameters, by name."""
        if self._pick is not None:
            return self._pick(values)
        constants = self._constants
        bound = [
            # None is NULL for every type; a JSON type would convert it to a JSON null.
            (name, value if process is None or value is None else process(value))
            for name, process in self._binds
            for value in (values[name] if name in values else constants[name],)
        ]
        return tuple(value for _, value in bound) if self._positional else dict(bound)

    def _picker(self) -> Callable[[Mapping[str, Any]], Any] | None:
        """Picks the driver's parameters out of the values; None if a parameter needs more than that."""
        names = [name for name, process in self._binds if process is None and name.startswith(PREFIX)]
        # An itemgetter of one name returns no tuple.
        if not self._positional or len(names) < max(2, len(self._binds)):
            return None
        return itemgetter(*names)

    def convert(self, cursor: Any) -> Convert:
        """The conversion of a row of the driver's to Python values, from a cursor that ran the statement."""
        if self._convert is None:
            dialect = self._dialect
            processors = [
                (index, _result_processor(kind, dialect, described[1]))
                for index, (kind, described) in enumerate(zip(self._types, cursor.description, strict=True))
            ]
            self._convert = _conversion([(index, process) for index, process in processors if process])
        return self._convert

    def convert_read_again(self, row: Row) -> list[Any]:
        """`convert` for a statement that has run before, and for a row in which an `Unreadable` may stand.

        Raises:
            CorruptText: naming the column of the `Unreadable`.
        """
        for name, value in zip(self._names, row, strict=True):
            if isinstance(value, Unreadable):
                msg = f"the driver cannot decode its column {name!r}"
                raise CorruptText(msg)
        assert self._convert is not None
        return self._convert(row)


def _bind_processor(kind: TypeEngine[Any], dialect: Dialect) -> Any:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result_processor(kind: TypeEngine[Any], dialect: Dialect, code: Any) -> Any:
    process = kind.dialect_impl(dialect).result_processor(dialect, code)
    wrapped = kind.type_engine(dialect) if isinstance(kind, TypeDecorator) else kind.dialect_impl(dialect)
    if process is None or not isinstance(wrapped, mysql.TIME):
        return process

    def process_time(value: Any) -> Any:
        # MariaDB's TIME has up to 838 hours, also below zero, of which SQLAlchemy would drop the days.
        if value is not None and value.days:
            msg = "a TIME of it is no time of day"
            raise CorruptText(msg)
        return process(value)

    return process_time


def _conversion(processors: Sequence[tuple[int, Callable[[Any], Any]]]) -> Convert:
    if not processors:
        return list

    def convert(row: Row) -> list[Any]:
        values = list(row)
        for index, process in processors:
            values[index] = process(values[index])
        return values

    return convert
