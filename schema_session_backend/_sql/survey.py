"""Pages of a large table, and counts that are estimated from a sample of it.

Handles are hashes, so they are distributed evenly: a range of handles is a random sample of the sessions, of
a known share, and the primary key finds it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from .._session.model import DayCount, Page
from .._table.reports import CorruptRow, Inspection, ValueCount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from .._session.model import LoadedSession
    from .._table.rows import Convert, Row, Rows
    from .database import Runner
    from .search import Found, Search

    Condition = ColumnElement[bool]

EXAMINED: Final = 5_000
"""The rows in which one page is searched, if no index finds the sessions."""
NAMED: Final = 2
"""The handles that `named` returns: two tell that a name is not enough."""
SAMPLED: Final = 10_000
"""The approximate size of a sample."""
# The first hexadecimal digits of a handle, after the store's mark, divide all handles into equal parts.
DIGITS: Final = 4
ALL_PARTS: Final = 16**DIGITS


class Survey:
    """Pages and counts of one table.

    Args:
        search: makes the statements.
        rows: translates rows to sessions.
        hashed: whether handles are hashes.
    """

    def __init__(self, search: Search, rows: Rows, *, hashed: bool) -> None:
        self._search = search
        self._rows = rows
        self._hashed = hashed

    def page(self, runner: Runner, found: Found, *, mark: str, after: str, limit: int) -> Page:
        """See `SessionStore.browse`.

        Args:
            runner: runs the statements.
            found: the sessions to list.
            mark: the start of the store's handles.
            after: the handle after which the page begins.
            limit: the largest number of sessions on the page.
        """
        end = None
        if found.is_restricted and not found.has_index:
            last = runner.run(self._search.end_of(mark, after=after, rows=EXAMINED), {}).rows
            end = last[0][0] if last and self._rows.is_handle(last[0][0]) else None
        rows, convert, end = self._next_rows(runner, found, after=after, end=end, limit=limit)
        return Page([session.record() for session in self._rows.listed(rows, convert)], end)

    def inspect(self, runner: Runner, *, mark: str, after: str, limit: int) -> Inspection:
        """See `SessionStore.inspect`; the arguments are those of `page`."""
        found = self._search.found((), {}, mark=mark)
        rows, convert, end = self._next_rows(runner, found, after=after, end=None, limit=limit)
        corrupt: list[CorruptRow] = []
        sizes = [
            (session.handle, self._rows.size(session.version.content))
            for session in self._rows.listed(
                rows, convert, told=lambda name, problem: corrupt.append(CorruptRow(name, problem))
            )
            if session.version is not None
        ]
        return Inspection(len(rows), sizes, corrupt, end)

    def sessions(
        self, runner: Runner, *, mark: str, after: str, limit: int
    ) -> tuple[list[LoadedSession], int, str | None]:
        """The next sessions, of how many rows, and the handle after which further rows begin, if any.

        The arguments are those of `page`.
        """
        found = self._search.found((), {}, mark=mark)
        rows, convert, end = self._next_rows(runner, found, after=after, end=None, limit=limit)
        return list(self._rows.listed(rows, convert)), len(rows), end

    def values(self, runner: Runner, name: str, *, mark: str, limit: int) -> list[ValueCount]:
        """See `SessionStore.count_values`.

        Args:
            runner: runs the statements.
            name: the column's.
            mark: the start of the store's handles.
            limit: the largest number of values.
        """
        parts = self._sample_size(runner, mark) if self._hashed else ALL_PARTS
        query = self._search.per_value(name, mark, self._sample(mark, parts), limit)
        result = runner.run(query, {})
        counted = [
            (self._rows.restored(name, result.convert(row)[0]), round(row[1] * ALL_PARTS / parts))
            for row in result.rows
        ]
        return [ValueCount(value, count, parts == ALL_PARTS) for value, count in counted]

    def named(self, runner: Runner, start: str, *, mark: str) -> list[str]:
        """See `SessionStore.handles`.

        Args:
            runner: runs the statements.
            start: the start of what the log calls them.
            mark: the start of the store's handles.
        """
        if self._hashed:
            found = runner.run(self._search.starting(mark, start, NAMED), {}).rows
            return [handle for (handle,) in found if self._rows.is_handle(handle)]
        # The log has a hash of the handle, and the table has no such column.
        handles: list[str] = []
        after = ""
        while len(handles) < NAMED:
            rows = runner.run(self._search.handles(mark, after=after, limit=EXAMINED), {}).rows
            handles += [handle for (handle,) in rows if self._rows.named_in_log(handle).startswith(start)]
            after = next((handle for (handle,) in reversed(rows) if self._rows.is_handle(handle)), "")
            if len(rows) < EXAMINED or not after:
                break
        return handles[:NAMED]

    def _next_rows(
        self, runner: Runner, found: Found, *, after: str, end: str | None, limit: int
    ) -> tuple[Sequence[Row], Convert, str | None]:
        """The next rows with their conversion, and the handle after which further rows begin, if any."""
        asked = limit
        while True:
            result = runner.run(*self._search.page(found, after=after, end=end, limit=asked + 1))
            rows = result.rows
            if len(rows) <= asked:
                return rows, result.convert, end
            # The next page can begin only after a handle, and a corrupt row may have none.
            ends = [number for number, row in enumerate(rows) if self._rows.is_handle(row[-1])][:limit]
            if ends:
                rows = rows[: ends[-1] + 1]
                return rows, result.convert, rows[-1][-1]
            asked *= 2

    def per_day(self, runner: Runner, *, mark: str, days: int) -> list[DayCount]:
        """See `SessionStore.count_per_day`.

        Args:
            runner: runs the statements.
            mark: the start of the store's handles.
            days: the number of days to count, up to today by the database's clock.
        """
        if not self._search.has_stamps:
            return []
        parts = self._sample_size(runner, mark) if self._hashed else ALL_PARTS
        now = runner.run(self._search.now, {}).rows[0][0]
        today = dt.datetime.fromtimestamp(now / 1000, dt.UTC).date()
        first = today - dt.timedelta(days=days - 1)
        since = dt.datetime.combine(first, dt.time(), dt.UTC)
        result = runner.run(self._search.per_day(mark, self._sample(mark, parts), since), {})
        counts = {_date(day): round(count * ALL_PARTS / parts) for day, count in result.rows}
        counts.pop(None, None)
        all_days = [first + dt.timedelta(days=number) for number in range(days)]
        return [DayCount(day, counts.get(day, 0), parts == ALL_PARTS) for day in all_days]

    def _sample_size(self, runner: Runner, mark: str) -> int:
        """How many of all parts have about `SAMPLED` rows, as estimated from a 256th of the table."""
        statement = self._search.count_rows(mark, self._sample(mark, ALL_PARTS // 256))
        estimate = runner.run(statement, {}).rows[0][0] * 256
        return ALL_PARTS if estimate <= 2 * SAMPLED else max(1, ALL_PARTS * SAMPLED // estimate)

    def _sample(self, mark: str, parts: int) -> Sequence[Condition]:
        """The conditions for the rows in the first parts; none for the whole table."""
        return self._search.between(mark, f"{mark}{parts:0{DIGITS}x}") if parts < ALL_PARTS else []


def _date(day: Any) -> dt.date | None:
    """A day as the database's driver returns it, which is text on SQLite; None for no day."""
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except (TypeError, ValueError):
        return None
