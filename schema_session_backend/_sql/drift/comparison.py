"""Compares the table in the database with the declared one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Enum, Integer, String, false, func, inspect, literal_column, or_, select, union

from ..column_types import TEXT, ColumnType
from ..vendors.base import Alteration
from .additions import Additions
from .differences import Addition, Change, Decision, MissingTable, OtherTable, Shortcoming
from .shortcomings import Shortcomings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, Connection
    from sqlalchemy.engine.interfaces import ReflectedColumn
    from sqlalchemy.sql.type_api import TypeEngine

    from ..._table.declaration import SessionTable
    from ..vendors.base import Vendor
    from .differences import Difference

_VALUE: Final = "decide which value the sessions that are there get, or declare the column nullable"
_EXPIRY: Final = "decide when the sessions that are there expire; without a value they never do"
_CASE: Final = "ids that differ in case or in blanks at the end"
_TWINS: Final = "decide which rows to keep, because some share it or have none"


class Comparison:
    """The declared table beside the one in the database.

    Args:
        connection: to the database.
        table: as it was declared.
        vendor: of the database.
    """

    def __init__(self, connection: Connection, table: SessionTable, vendor: Vendor) -> None:
        self._connection = connection
        self._inspector = inspect(connection)
        self._base = table
        self._table = table.table
        self._vendor = vendor
        self._additions = Additions(connection, table, vendor)

    def differences(self) -> list[Difference]:
        """All that keeps the store from working as it was declared.

        Raises:
            ConfigurationError: if the declaration makes no table, or no column, on this database.
        """
        with self._additions.configuration_errors():
            return self._differences()

    def shortcomings(self) -> list[Shortcoming]:
        """What a table lacks with which the store works all the same; see `Shortcomings`."""
        return [
            *Shortcomings(self._inspector, self._table, self._additions),
            *self._inexact_searches(),
        ]

    def _differences(self) -> list[Difference]:
        schema = self._table.schema
        if schema is not None and not self._inspector.has_schema(schema):
            return [Decision(f"there is no table {self._base.name!r}", f"create the schema {schema!r} first")]
        if not self._inspector.has_table(self._table.name, schema=schema):
            return [self._missing_table()]
        found: list[Difference] = []
        to_come = [column for column in self._table.c if column.name not in self._there]
        for column in self._table.c:
            if column.name in self._there:
                found += self._existing_column(column, self._there[column.name])
            else:
                to_come.remove(column)
                found.append(self._missing_column(column, to_come))
        return [*found, *self._surplus_columns(), *self._primary_key()]

    def _missing_table(self) -> Difference:
        problem = f"there is no table {self._base.name!r}"
        task = self._task_of_targets(self._table.c)
        return MissingTable(problem, self._additions) if task is None else Decision(problem, task)

    def _missing_column(self, column: Column[Any], to_come: Sequence[Column[Any]]) -> Difference:
        problem = f"it lacks the column {column.name!r}"
        if column.name == self._base.sid.name:
            return OtherTable(problem)
        default = self._additions.default_of(column)
        task = self._task_before_adding(column, default)
        if task is not None:
            return Decision(problem, task)
        filler = self._fillers.get(column.name) if self._has_rows else None
        ddl = self._additions.of_column(column, to_come, to_rows=self._has_rows, filler=filler)
        later = frozenset(ddl).intersection(self._indexes_for_later() if self._has_rows else ())
        is_synced = column.nullable or _made_by_database(column) or default is not None
        return Addition(problem, ddl, later) if is_synced else Change(problem, ddl)

    def _indexes_for_later(self) -> Iterator[str]:
        """The statements that create declared indexes, if others can read and write meanwhile."""
        for index in self._table.indexes:
            if not index.unique and self._additions.of_index_online(index) is not None:
                yield self._additions.of_index(index)

    def _task_before_adding(self, column: Column[Any], default: str | None) -> str | None:
        needs_value = not column.nullable and not _made_by_database(column)
        if self._has_rows and column.name == self._base.expire_at.name:
            return _EXPIRY
        if self._has_rows and needs_value and column.name not in self._fillers:
            return _VALUE
        if not self._vendor.can_add(column, default, to_rows=self._has_rows):
            return f"add it by hand, because {self._vendor.limits_of_add}"
        return self._task_of_targets([column])

    def _existing_column(self, column: Column[Any], found: ReflectedColumn) -> Iterator[Difference]:
        there, wanted = self._type(found["type"]), self._type(column.type)
        is_nullable = bool(column.nullable and not found["nullable"])
        is_inexact = self._is_inexact(column, there)
        problems = [] if there.holds(wanted) else [f"is {there}, not {wanted}"]
        problems += ["is NOT NULL, and not every session has one"] if is_nullable else []
        problems += [f"takes {_CASE} for the same one"] if is_inexact else []
        problem = f"column {column.name!r} {', and '.join(problems)}"
        if there.holds(wanted):
            wanted = there
        elif not there.can_become(wanted):
            yield Decision(problem, f"decide what becomes of values that {wanted} does not keep as they are")
            return
        if problems:
            alteration = Alteration(self._table, column.name, there, wanted, is_nullable, is_inexact)
            yield self._alteration(problem, alteration)

    def _is_inexact(self, column: Column[Any], there: ColumnType) -> bool:
        """Whether a column holds ids, and its collation takes different ones for the same."""
        if self._base.hashed or column.name != self._base.sid.name or there.group != TEXT:
            return False
        return not self._tells_apart(column, "a", "A", "a ")

    def _inexact_searches(self) -> Iterator[Shortcoming]:
        for column in (field.column for field in self._base.fields if field.name in self._there):
            kind = column.type.dialect_impl(self._connection.dialect)
            there = self._type(self._there[column.name]["type"])
            chosen = getattr(kind, "collation", None)
            if not isinstance(kind, String) or isinstance(kind, Enum) or chosen or there.group != TEXT:
                continue
            # A CHAR loses the blanks at its end anyway.
            texts = ("a", "A") if there.is_padded else ("a", "A", "a ")
            if not self._tells_apart(column, *texts):
                alteration = Alteration(self._table, column.name, there, there, nullable=False, exact=True)
                ddl = self._vendor.alter_column(self._connection, alteration)
                yield Shortcoming(
                    f"ignores case or blanks at the end in the column {column.name!r}",
                    tuple(ddl),
                    "searching it finds other texts too",
                )

    def _tells_apart(self, column: Column[Any], *texts: str) -> bool:
        """Whether different texts are different in that column, as the database compares them there."""
        parts = [select(literal_column(f"'{text}'", String)) for text in texts]
        compared = union(select(column).where(false()), *parts).subquery()
        count = select(func.count()).select_from(compared)
        return bool(self._connection.execute(count).scalar() == len(texts))

    def _surplus_columns(self) -> Iterator[Difference]:
        for name, found in self._there.items():
            if name not in self._table.c and name not in self._key and _needs_value(found):
                there = self._type(found["type"])
                problem = f"column {name!r} is NOT NULL without a default, and it is not declared"
                yield self._alteration(problem, Alteration(self._table, name, there, there, nullable=True))

    def _alteration(self, problem: str, alteration: Alteration) -> Difference:
        ddl = self._vendor.alter_column(self._connection, alteration)
        if ddl:
            return Change(problem, tuple(ddl))
        return Decision(problem, f"change it by hand, because {self._vendor.limits_of_alter}")

    def _primary_key(self) -> Iterator[Difference]:
        name = self._base.sid.name
        if self._key == [name]:
            return
        problem = f"its primary key is {self._key or 'missing'}, not {name!r} alone"
        is_view = self._table.name in self._inspector.get_view_names(self._table.schema)
        if self._key or name not in self._there or is_view:
            yield OtherTable(problem)
            return
        ddl = self._additions.of_primary_key(self._base.sid, self._type(self._there[name]["type"]))
        if not ddl:
            yield Decision(problem, f"add it by hand, because {self._vendor.limits_of_alter}")
        elif self._has_twins():
            yield Decision(problem, _TWINS)
        else:
            yield Change(problem, ddl)

    def _task_of_targets(self, columns: Iterable[Column[Any]]) -> str | None:
        """What to do first if a foreign key refers to a table that is not there."""
        targets = {key.column.table for column in columns for key in column.foreign_keys}
        for target in targets - {self._table}:
            if not self._inspector.has_table(target.name, schema=target.schema):
                return f"create the table {target.fullname!r} first, because a foreign key refers to it"
        return None

    def _has_twins(self) -> bool:
        sid = self._base.sid
        twins = select(sid).group_by(sid).having(or_(func.count() > 1, sid.is_(None))).limit(1)
        return self._connection.execute(twins).first() is not None

    @cached_property
    def _has_rows(self) -> bool:
        any_row = select(literal_column("1", Integer)).select_from(self._table).limit(1)
        return self._connection.execute(any_row).first() is not None

    @cached_property
    def _there(self) -> dict[str, ReflectedColumn]:
        found = self._inspector.get_columns(self._table.name, schema=self._table.schema)
        return {column["name"]: column for column in found}

    @cached_property
    def _key(self) -> list[str]:
        key = self._inspector.get_pk_constraint(self._table.name, schema=self._table.schema)
        return key["constrained_columns"]

    @cached_property
    def _fillers(self) -> dict[str, str]:
        """The SQL of what base columns hold in rows that have had no such column: the beginning."""
        return {self._base.revision.name: "0", self._base.additional.name: "'{}'"}

    def _type(self, kind: TypeEngine[Any]) -> ColumnType:
        return ColumnType.of(kind, self._connection.dialect, self._vendor)


def _made_by_database(column: Column[Any]) -> bool:
    return column.computed is not None or column.identity is not None


def _needs_value(found: ReflectedColumn) -> bool:
    is_made = found.get("computed") or found.get("identity") or found.get("autoincrement") is True
    return not found["nullable"] and found["default"] is None and not is_made
