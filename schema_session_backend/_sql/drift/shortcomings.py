"""The declared indexes and constraints that a table lacks: the store works all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKeyConstraint, UniqueConstraint

from .differences import Shortcoming

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Index, Inspector, Table

    from .additions import Additions

    Columns = list[Sequence[str | None]]


class Shortcomings:
    """Each of them, with the statement that adds it.

    Args:
        inspector: of the database.
        table: as it was declared; one that is there.
        additions: to it.
    """

    def __init__(self, inspector: Inspector, table: Table, additions: Additions) -> None:
        self._table = table
        self._additions = additions
        # SQLAlchemy does not read every index on an expression back.
        self._declared_indexes = [
            index for index in table.indexes if all(isinstance(each, Column) for each in index.expressions)
        ]
        place: dict[str, Any] = {"table_name": table.name, "schema": table.schema}
        self._there = {column["name"] for column in inspector.get_columns(**place)}
        self._unfinished = additions.unfinished_indexes()
        self._indexes = [
            index for index in inspector.get_indexes(**place) if index["name"] not in self._unfinished
        ]
        self._unique: Columns = [index["column_names"] for index in self._indexes if index["unique"]]
        self._unique += [each["column_names"] for each in inspector.get_unique_constraints(**place)]
        self._inspector = inspector
        self._place = place

    def __iter__(self) -> Iterator[Shortcoming]:
        yield from self._missing_indexes()
        yield from self._missing_uniqueness()
        yield from self._missing_foreign_keys()

    def _missing_indexes(self) -> Iterator[Shortcoming]:
        searched: Columns = [*(index["column_names"] for index in self._indexes), *self._unique]
        for index in self._declared_indexes:
            columns = [column.name for column in index.columns]
            is_there = any(known[: len(columns)] == columns for known in searched)
            if not is_there and not index.unique and self._there.issuperset(columns):
                yield self._missing_index(index, columns)

    def _missing_index(self, index: Index, columns: list[str]) -> Shortcoming:
        sql = self._additions.of_index(index)
        if index.name in self._unfinished:
            problem = f"has an unfinished index on {columns}"
            again = self._additions.of_index_again(index)
            return Shortcoming(problem, (again,), "it is being built, or that was interrupted", online=again)
        return Shortcoming(
            f"has no index on {columns}",
            (sql,),
            "searching it will be slow",
            online=self._additions.of_index_online(index),
        )

    def _missing_uniqueness(self) -> Iterator[Shortcoming]:
        there = [sorted(map(str, columns)) for columns in self._unique]
        declared = [index.columns for index in self._declared_indexes if index.unique]
        declared += [each.columns for each in self._table.constraints if isinstance(each, UniqueConstraint)]
        for columns in (sorted(column.name for column in each) for each in declared):
            if columns not in there and self._there.issuperset(columns):
                sql = self._additions.of_uniqueness(columns)
                yield Shortcoming(
                    f"does not keep {columns} unique",
                    (sql,),
                    "two sessions may share a value, and where they do the statement fails",
                )

    def _missing_foreign_keys(self) -> Iterator[Shortcoming]:
        declared = [each for each in self._table.constraints if isinstance(each, ForeignKeyConstraint)]
        if not declared:
            return
        there = [key["constrained_columns"] for key in self._inspector.get_foreign_keys(**self._place)]
        for constraint in declared:
            columns = [column.name for column in constraint.columns]
            if columns not in there and self._there.issuperset(columns):
                sql = self._additions.of_foreign_key(constraint)
                yield Shortcoming(
                    f"has no foreign key on {columns}",
                    () if sql is None else (sql,),
                    "a session may refer to a row that is gone",
                )
