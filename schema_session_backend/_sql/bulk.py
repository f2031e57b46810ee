"""Many rows in few statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .._table.rows import ADDITIONAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._table.rows import Values
    from .query import Query
    from .statements import Statements

T = TypeVar("T")

HANDLES_AT_ONCE: Final = 16_000
"""Below any database's limit of parameters, of which a handle that is no hash takes two."""
ROWS_AT_ONCE: Final = 256
PARAMETERS_AT_ONCE: Final = 30_000
CHARACTERS_AT_ONCE: Final = 1_000_000
"""Of what stands beside the columns: MariaDB takes packets of 16 MiB by default."""


def batches(items: Sequence[T], size: int = HANDLES_AT_ONCE) -> Iterator[Sequence[T]]:
    """The items in parts."""
    return (items[start : start + size] for start in range(0, len(items), size))


def upserts(
    statements: Statements, omitted: frozenset[str], rows: Sequence[Values]
) -> Iterator[tuple[Query, Values]]:
    """The statements that store rows, with their values.

    Args:
        statements: on the table.
        omitted: the columns that all of the rows leave to the database's own default.
        rows: as `Rows.new` makes their values.
    """
    start = 0
    while start < len(rows):
        count = _count(rows, start)
        batch = rows[start : start + count]
        start += count
        if count == 1:
            yield statements.upsert(omitted), batch[0]
        else:
            yield statements.upsert(omitted, count), statements.rows.numbered(batch)


def _count(rows: Sequence[Values], start: int) -> int:
    """How many rows the next statement stores."""
    most = min(ROWS_AT_ONCE, PARAMETERS_AT_ONCE // len(rows[start]))
    characters = 0
    for count, row in enumerate(rows[start : start + most]):
        characters += len(row[ADDITIONAL])
        if count and characters > CHARACTERS_AT_ONCE:
            return count
    return min(most, len(rows) - start)
