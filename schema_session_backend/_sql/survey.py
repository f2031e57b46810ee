"""Looking at a large table without reading all of it: page by page, and by a sample.

Handles are hashes, so the first hundredth of them in their order is a hundredth of the sessions, chosen at
random, and the primary key finds it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement

    from .database import Result
    from .query import Query
    from .._table.rows import Rows
    from .._session.model import Record
    from .statements import Statements

    Run = Callable[[Query], Result]
    Condition = ColumnElement[bool]

EXAMINED: Final = 5_000
"""Rows that one page is looked for in, where no index finds them."""
SAMPLED: Final = 10_000
"""Rows that are about counted."""
# Of a handle's digits, enough to tell a ten-thousandth of all handles.
DIGITS: Final = 4
ALL_PARTS: Final = 16**DIGITS


class Page(NamedTuple):
    """Some sessions of many."""

    records: list[Record]
    after: str | None
    """Where the next page begins, for `browse(after=…)`; None on the last page."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many live sessions began on a day, in UTC."""

    day: dt.date
    count: int
    is_exact: bool
    """False for one that was projected from a sample."""


class Survey:
    """Pages and counts of one table.

    Args:
        statements: on the table.
        rows: makes sessions of its rows.
    """

    def __init__(self, statements: Statements, rows: Rows) -> None:
        self._statements = statements
        self._rows = rows

    def page(  # noqa: PLR0913
        self,
        run: Run,
        asked: Sequence[Condition],
        own: Sequence[Condition],
        *,
        after: str,
        limit: int,
        bounded: bool,
    ) -> Page:
        """See `SessionStore.browse`.

        Args:
            run: runs a statement.
            asked: what is looked for.
            own: what the store's own sessions have in common, which the primary key finds.
            after: the handle to go on behind.
            limit: how many sessions a page has.
            bounded: whether no index finds what is looked for, so that only so many rows are looked through.
        """
        end = None
        if bounded:
            last = run(self._statements.after(after, own, rows=EXAMINED)).rows
            end = last[0][0] if last else None
        found = run(self._statements.browse([*asked, *own], after=after, end=end, limit=limit + 1))
        if len(found.rows) > limit:
            found.rows = found.rows[:limit]
            end = found.rows[-1][-1]
        return Page([session.record() for session in self._rows.listed(found)], end)

    def per_day(self, run: Run, *, mark: str, days: int) -> list[DayCount]:
        """See `SessionStore.count_per_day`; `mark` is what the store's handles begin with."""
        if self._statements.table.created_at is None:
            return []
        parts = self._parts(run, mark) if self._statements.hashed else ALL_PARTS
        today = dt.datetime.now(dt.UTC).date()
        first = today - dt.timedelta(days=days - 1)
        since = dt.datetime.combine(first, dt.time(), dt.UTC)
        found = run(self._statements.per_day(self._share(mark, parts), since))
        counts = {_date(day): round(count * ALL_PARTS / parts) for day, count in found.rows}
        every = [first + dt.timedelta(days=number) for number in range(days)]
        return [DayCount(day, counts.get(day, 0), parts == ALL_PARTS) for day in every]

    def _parts(self, run: Run, mark: str) -> int:
        """How many parts of all are a sample that is large enough."""
        few = ALL_PARTS // 256
        counted = run(self._statements.count_rows(self._share(mark, few))).rows[0][0]
        estimated = counted * 256
        return ALL_PARTS if estimated <= 2 * SAMPLED else max(1, ALL_PARTS * SAMPLED // estimated)

    def _share(self, mark: str, parts: int) -> Sequence[Condition]:
        if parts < ALL_PARTS:
            return self._statements.between(mark, f"{mark}{parts:0{DIGITS}x}")
        return [self._statements.marked(mark)] if mark else []


def _date(day: Any) -> dt.date:
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(day)
