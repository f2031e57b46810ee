"""What every contender can do, and how its table gets its sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Engine, MetaData, Table, create_engine, delete, insert, inspect, select, text

from ..sessions import session, sid

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 5_000
OPERATIONS = ("read", "write", "rmw", "create", "touch", "delete")


class Contender(ABC):
    """Something that keeps sessions, on one database. Numbers name the sessions.

    Args:
        url: of the database; its table is made anew.
    """

    name: ClassVar[str]

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def preload(self, count: int) -> None:
        """Store the sessions 0 to `count`."""

    @abstractmethod
    def read(self, number: int) -> None:
        """Look up the user of a session."""

    @abstractmethod
    def write(self, number: int) -> None:
        """Store a whole session, whatever was there."""

    @abstractmethod
    def rmw(self, number: int) -> None:
        """Load a session, change one key, save it."""

    @abstractmethod
    def create(self, number: int) -> None:
        """Store a session under an id that is new."""

    @abstractmethod
    def touch(self, number: int) -> None:
        """Keep a session alive that was read and not changed."""

    @abstractmethod
    def delete(self, number: int) -> None:
        """End a session."""

    def timed(self, operation: str, number: int) -> int:
        """The nanoseconds that an operation takes."""
        work: Callable[[int], None] = getattr(self, operation)
        start = perf_counter_ns()
        work(number)
        return perf_counter_ns() - start

    def close(self) -> None:  # noqa: B027 - not all have some
        """Close its connections."""


class OpenedContender(Contender):
    """One whose sessions are objects that read themselves, and are saved and deleted by methods of theirs."""

    @abstractmethod
    def _open(self, number: int) -> Any:
        """A session, not read yet."""

    def read(self, number: int) -> None:
        assert self._open(number)["user_id"] is not None

    def rmw(self, number: int) -> None:
        opened = self._open(number)
        opened["visits"] += 1
        opened.save()

    def delete(self, number: int) -> None:
        self._open(number).delete()


def drop(url: str, table: str) -> None:
    """Remove a table that an earlier run left."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()


def drop_all(url: str) -> None:
    """Remove all tables of the benchmarks; the database may be somebody's."""
    engine = create_engine(url)
    names = [name for name in inspect(engine).get_table_names() if name.startswith("bench_")]
    engine.dispose()
    for name in names:
        drop(url, name)


def analyze(url: str) -> None:
    """Update the planner's statistics, as databases do by themselves a while after a table is filled."""
    engine = create_engine(url)
    names = [name for name in inspect(engine).get_table_names() if name.startswith("bench_")]
    whole = engine.dialect.name in {"sqlite", "postgresql"}
    with engine.begin() as connection:
        connection.execute(text("ANALYZE" if whole else f"ANALYZE TABLE {', '.join(names)}"))
    engine.dispose()


def fill(engine: Engine, table: Table, rows: Any, count: int) -> None:
    """Insert the row `rows(number)` for each number up to `count`."""
    for start in range(0, count, AT_ONCE):
        with engine.begin() as connection:
            numbers = range(start, min(start + AT_ONCE, count))
            connection.execute(insert(table), [rows(number) for number in numbers])


def clone(url: str, name: str, key: str, key_of: Callable[[int], Any], count: int) -> None:
    """Make `count` rows of the one that a contender has stored itself; only the key differs, and the user.

    Storing them one by one would take each contender minutes.
    """
    engine = create_engine(url)
    table = Table(name, MetaData(), autoload_with=engine)
    columns = [column for column in table.c if column.autoincrement is not True and column.name != "id"]
    with engine.begin() as connection:
        template = connection.execute(select(*columns)).mappings().one()
        connection.execute(delete(table))

    def row(number: int) -> dict[str, Any]:
        values = {**template, key: key_of(number)}
        if "user_id" in template:
            values["user_id"] = session(number)["user_id"]
        return values

    fill(engine, table, row, count)
    engine.dispose()


def sids(prefix: str = "") -> Callable[[int], str]:
    """Keys that are ids with a prefix."""
    return lambda number: prefix + sid(number)
