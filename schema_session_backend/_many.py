"""The part of `SessionStore` that reads, stores and removes many sessions by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._sql.bulk import batches, upserts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._session.ids import Ids
    from ._session.timeouts import Seconds, Timeouts
    from ._sql.query import Query
    from ._sql.statements import Statements
    from ._sql.upkeep import Upkeep
    from ._table.rows import Rows, Values


class ManySessions:
    """Operations on many sessions in few statements."""

    _ended: Callable[[Query, Mapping[str, Any]], int]
    _ids: Ids
    _rows: Rows
    _statements: Statements
    _timeouts: Timeouts
    _upkeep: Upkeep

    def get_many(self, sids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The data of those of the sessions that there are, by id; up to 16,000 in one statement.

        Args:
            sids: the ids.

        Raises:
            WrongArgument: for a session instead of its id.
        """
        by_handle = {handle: sid for sid in sids if (handle := self._ids.handle(sid)) is not None}
        found = {}
        for handles in batches(list(by_handle)):
            result = self._upkeep.run(self._statements.load_many(handles), {})
            for session in self._rows.listed(result.rows, result.convert):
                found[by_handle[session.handle]] = session.data
        return found

    def set_many(self, sessions: Mapping[str, Mapping[str, Any]], max_age: Seconds | None = None) -> None:
        """Store sessions whatever was there before: all of them or, with an error, none.

        A statement serves up to 256 sessions; all statements are one transaction. Errors are those of `set`.

        Args:
            sessions: the whole sessions by their ids.
            max_age: seconds, see `set`.
        """
        span = self._timeouts.span(max_age)
        rows: dict[frozenset[str], list[Values]] = {}
        for sid, data in sessions.items():
            row = self._rows.new(self._ids.require(sid), data, span)
            rows.setdefault(row.omitted, []).append(row.values)
        every = [
            statement
            for omitted, alike in rows.items()
            for statement in upserts(self._statements, omitted, alike)
        ]
        if len(every) == 1:
            self._upkeep.run(*every[0])
        elif every:
            self._upkeep.transact(lambda own: [own.run(*statement) for statement in every], many=True)

    def destroy_many(self, sids: Iterable[str]) -> int:
        """Remove sessions, expired or not; returns how many rows that were. Up to 16,000 in one statement.

        Args:
            sids: the ids.

        Raises:
            WrongArgument: for a session instead of its id; then none is removed.
        """
        handles = [handle for sid in sids if (handle := self._ids.handle(sid)) is not None]
        return sum(self._ended(self._statements.destroy_many(batch), {}) for batch in batches(handles))
