"""What a store tells of its table to whoever operates it: differences, sizes, corrupt rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a database to `SessionStore.ping`.

    Attributes:
        server: the database and its version, such as `"PostgreSQL 15.6"`.
        seconds: how long the answer took, without the time for connecting.
        now: the database's clock, in UTC, which decides when sessions expire.
    """

    server: str
    seconds: float
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class TableDifference:
    """A difference between the table in the database and the declared one.

    Attributes:
        problem: what differs, such as `"it lacks the column 'device'"`.
        ddl: statements, in order; running them is enough and loses nothing. Empty if there are none.
        task: what has to be decided or done first, or another hint; empty if the statements are enough.
        is_added: whether a store with `sync` adds what is missing by itself.
        works: whether the store works all the same, as without an index.
    """

    problem: str
    ddl: tuple[str, ...]
    task: str
    is_added: bool
    works: bool


@dataclass(frozen=True, slots=True)
class CorruptRow:
    """A row that is no session.

    Attributes:
        name: the handle of the row; a hash of it where it is secret or no handle.
        problem: what is wrong, without any value of the row.
    """

    name: str
    problem: str


class Inspection(NamedTuple):
    """Some rows of live sessions; see `SessionStore.inspect`.

    Attributes:
        rows: how many rows were read.
        sizes: the handle and the size of each session in bytes, beside its columns.
        corrupt: the rows that are no sessions.
        after: the start of the next rows, for `inspect(after=…)`; None at the end of the table.
    """

    rows: int
    sizes: Sequence[tuple[str, int]]
    corrupt: Sequence[CorruptRow]
    after: str | None


class Moved(NamedTuple):
    """What became of some sessions; see `SessionStore.promote`.

    Attributes:
        rows: how many rows were read.
        moved: how many of them were written.
        left: how many could not be, because the value does not fit the column, or because others kept saving
            the session.
        after: the start of the next rows, for `promote(after=…)`; None at the end of the table.
    """

    rows: int
    moved: int
    left: int
    after: str | None


@dataclass(frozen=True, slots=True)
class TableSizes:
    """How much room a table takes, as the database tells; each is None where it does not.

    Attributes:
        table: bytes of the table; on SQLite, of the whole file.
        indexes: bytes of its indexes.
        free: bytes that are allocated and unused.
        dead_rows: old versions of rows, which PostgreSQL's VACUUM will remove.
    """

    table: int | None
    indexes: int | None
    free: int | None
    dead_rows: int | None


@dataclass(frozen=True, slots=True)
class ValueCount:
    """The number of live sessions that have a value in a column.

    Attributes:
        value: the value; None for the sessions without one.
        count: the number of sessions.
        is_exact: whether every session was counted; False if the count is an estimate from a sample.
    """

    value: Any
    count: int
    is_exact: bool
