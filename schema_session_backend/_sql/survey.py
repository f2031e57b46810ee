"""Looking at a large table without reading all of it: page by page, and by a sample.

Handles are hashes, so the first hundredth of them in their order is a hundredth of the sessions, chosen at
random, and the primary key finds it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from .._session.model import DayCount, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from .._table.rows import Rows
    from .database import Runner
    from .search import Found, Search

    Condition = ColumnElement[bool]

EXAMINED: Final = 5_000
"""Rows that one page is looked for in, where no index finds them."""
SAMPLED: Final = 10_000
"""Rows that are about counted."""
# Of a handle's digits, enough to tell a ten-thousandth of all handles.
DIGITS: Final = 4
ALL_PARTS: Final = 16**DIGITS


class Survey:
    """Pages and counts of one table.

    Args:
        search: the statements.
        rows: makes sessions of rows.
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
            found: the sessions.
            mark: what the store's handles begin with.
            after: the handle to go on behind.
            limit: how many sessions a page has.
        """
        end = None
        if found.is_restricted and not found.has_index:
            last = runner.run(self._search.end_of(mark, after=after, rows=EXAMINED), {}).rows
            end = last[0][0] if last else None
        result = runner.run(*self._search.page(found, after=after, end=end, limit=limit + 1))
        rows = result.rows[:limit]
        if len(result.rows) > limit:
            end = rows[-1][-1]
        return Page([session.record() for session in self._rows.listed(rows, result.convert)], end)

    def per_day(self, runner: Runner, *, mark: str, days: int) -> list[DayCount]:
        """See `SessionStore.count_per_day`.

        Args:
            runner: runs the statements.
            mark: what the store's handles begin with.
            days: how many days to count.
        """
        if not self._search.has_stamps:
            return []
        parts = self._parts(runner, mark) if self._hashed else ALL_PARTS
        today = dt.datetime.now(dt.UTC).date()
        first = today - dt.timedelta(days=days - 1)
        since = dt.datetime.combine(first, dt.time(), dt.UTC)
        counted = runner.run(self._search.per_day(mark, self._share(mark, parts), since), {})
        counts = {_date(day): round(count * ALL_PARTS / parts) for day, count in counted.rows}
        every = [first + dt.timedelta(days=number) for number in range(days)]
        return [DayCount(day, counts.get(day, 0), parts == ALL_PARTS) for day in every]

    def _parts(self, runner: Runner, mark: str) -> int:
        """How many parts of all are a sample that is large enough."""
        few = ALL_PARTS // 256
        counted = runner.run(self._search.count_rows(mark, self._share(mark, few)), {}).rows[0][0]
        estimated = counted * 256
        return ALL_PARTS if estimated <= 2 * SAMPLED else max(1, ALL_PARTS * SAMPLED // estimated)

    def _share(self, mark: str, parts: int) -> Sequence[Condition]:
        return self._search.between(mark, f"{mark}{parts:0{DIGITS}x}") if parts < ALL_PARTS else []


def _date(day: Any) -> dt.date:
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(day)
