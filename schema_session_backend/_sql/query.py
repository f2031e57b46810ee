"""A statement that is compiled once and then run on a driver's cursor without SQLAlchemy's own overhead."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from .._table.rows import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Dialect, Executable
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.type_api import TypeEngine

    from .._table.rows import Convert, Row


class Query:
    """A SQLAlchemy statement and, from its first use on, its SQL text and value processors for a dialect."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self.selects = hasattr(statement, "selected_columns")
        """Whether it gives rows, and changes none."""
        self._compiled: dict[Dialect, _Compiled] = {}

    def compiled(self, dialect: Dialect) -> _Compiled:
        """The text for a dialect that has connected once, so that it knows its server's version."""
        # A caller's connection may be of another engine, even of another driver.
        if dialect not in self._compiled:
            self._compiled[dialect] = _Compiled(self._statement, dialect)
        return self._compiled[dialect]


class _Compiled:
    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiler: SQLCompiler = statement.compile(dialect=dialect)
        ours = {name: None for name in compiler.binds if name.startswith(PREFIX)}
        # Expanded: an IN has a parameter for each of its values.
        state = compiler.construct_expanded_state(ours)
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
        self._take = self._taker()
        self.selects = hasattr(statement, "selected_columns")
        """Whether it gives rows."""
        self._types = [column.type for column in getattr(statement, "selected_columns", ())]
        self._convert: Convert | None = None

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """The driver's parameters for a statement's values, which are by name."""
        if self._take is not None:
            return self._take(values)
        constants = self._constants
        bound = [
            # None is NULL always, also where a type would make a JSON null of it.
            (name, value if process is None or value is None else process(value))
            for name, process in self._binds
            for value in (values[name] if name in values else constants[name],)
        ]
        return tuple(value for _, value in bound) if self._positional else dict(bound)

    def _taker(self) -> Callable[[Mapping[str, Any]], Any] | None:
        """What takes the parameters out of the values, where they all go to the driver as they are."""
        names = [name for name, process in self._binds if process is None and name.startswith(PREFIX)]
        # Of one name an itemgetter makes no tuple.
        if not self._positional or len(names) < max(2, len(self._binds)):
            return None
        return itemgetter(*names)

    def convert(self, cursor: Any) -> Convert:
        """What makes Python values of the selected columns' types of a row; the cursor has executed it."""
        if self._convert is None:
            dialect = self._dialect
            processors = [
                (index, kind.dialect_impl(dialect).result_processor(dialect, described[1]))
                for index, (kind, described) in enumerate(zip(self._types, cursor.description, strict=True))
            ]
            self._convert = _converting([(index, process) for index, process in processors if process])
        return self._convert


def _bind_processor(kind: TypeEngine[Any], dialect: Dialect) -> Any:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _converting(processors: Sequence[tuple[int, Callable[[Any], Any]]]) -> Convert:
    if not processors:
        return list

    def convert(row: Row) -> list[Any]:
        values = list(row)
        for index, process in processors:
            values[index] = process(values[index])
        return values

    return convert
