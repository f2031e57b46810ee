"""The part of `SessionStore` that looks for sessions by their columns, lists them and ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._options import require_count
from ._sql.bulk import HANDLES_AT_ONCE, batches
from ._table.rows import HANDLE
from .errors import ConfigurationError, NoSuchSession, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._session.ids import Ids
    from ._session.model import DayCount, LoadedSession, Page, Record
    from ._sql.query import Query
    from ._sql.search import Found, Search, Where
    from ._sql.statements import Statements
    from ._sql.survey import Survey
    from ._sql.upkeep import Upkeep
    from ._table.rows import Rows

MOST_DAYS: Final = 1_000


class Searching:
    """Finding and ending sessions. What `where` and `fields` take is the same in each call, see `find`."""

    _ids: Ids
    _rows: Rows
    _search: Search
    _statements: Statements
    _survey: Survey
    _upkeep: Upkeep

    def find(self, *where: Where, limit: int | None = None, **fields: Any) -> list[Record]:
        """The live sessions with these values in declared columns, the newest first.

        `find(user_id=42)`, `find({"user_id": 42})` and `find(store.repo().c.user_id == 42)` find the same. To
        ask for sessions without a value, write `NULL`; None is refused.

        Args:
            where: conditions on the columns of `repo()`, and mappings of declared columns to values.
            limit: return this many at most; needed where nothing else is asked for.
            fields: values of declared columns.

        Raises:
            ConfigurationError: naming a column that is not declared; for a limit that is none; without a
                condition and a limit.
            InvalidField: naming a column that a value does not fit, or a JSON column.
            WrongArgument: for a value of None, and for anything else that is no condition.
        """
        if limit is not None and (type(limit) is not int or limit < 0):
            msg = "find: limit takes how many sessions to return at most, 0 or more, or None"
            raise ConfigurationError(msg)
        found = self._found(where, fields)
        if limit is None and not found.is_restricted:
            msg = "find without a condition would read every session: name a column, or give a limit"
            raise ConfigurationError(msg)
        return self._records(*self._search.find(found, limit))

    def count(self, *where: Where, **fields: Any) -> int:
        """How many live sessions there are with these values; see `find`."""
        result = self._upkeep.run(*self._search.count(self._found(where, fields)))
        return int(result.rows[0][0])

    def browse(self, *where: Where, after: str | None = None, limit: int = 50, **fields: Any) -> Page:
        """A page of the live sessions that `find` would find, of however many, in the order of handles.

        Each page takes the database about as long. Where no index finds what is looked for, it looks through
        5,000 rows a page, so that a page may have few sessions or none and still not be the last.

        Args:
            where: as in `find`.
            after: `Page.after` of the page before; None for the first one.
            limit: return this many at most.
            fields: as in `find`.

        Raises:
            ConfigurationError, InvalidField, WrongArgument: as `find` does.
        """
        require_count(limit, "browse: limit takes how many sessions a page has")
        found = self._found(where, fields)
        start = self._ids.own(after) or ""
        return self._survey.page(self._upkeep, found, mark=self._ids.mark, after=start, limit=limit)

    def count_per_day(self, days: int = 14) -> list[DayCount]:
        """How many of the live sessions began on each of the last `days`, the oldest day first.

        Days are in UTC, by the database's clock.

        Of a large table, about 10,000 rows are counted and the rest is projected from these. Without
        `timestamps` there is nothing to tell: an empty list. With `hash_sid=False` all rows are counted.

        Raises:
            ConfigurationError: for a number of days that is none.
        """
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            msg = f"count_per_day: days takes how many days to tell, 1 to {MOST_DAYS}"
            raise ConfigurationError(msg)
        return self._survey.per_day(self._upkeep, mark=self._ids.mark, days=days)

    def revoke(self, session: Record | LoadedSession | str, /, *where: Where, **fields: Any) -> bool:
        """End a session; returns whether it was live.

        Requests of that session which are running now cannot bring it back.

        Args:
            session: its record, or its handle; `destroy` takes a session id.
            where: what the session must meet as well, so that people end their own sessions only.
            fields: as in `find`.

        Raises:
            WrongArgument: for the id of a live session; any other text that is no handle names no session.
            ConfigurationError, InvalidField: as `find` does.
        """
        found = self._found(where, fields) if where or fields else None
        handle = self._ids.own(session)
        if handle is None:
            self._refuse_ids([session])
            return False
        if found is None:
            return self._ended(self._statements.revoke, {HANDLE: handle}) > 0
        return self._ended(*self._search.revoke(handle, found)) > 0

    def revoke_many(self, sessions: Iterable[Record | LoadedSession | str]) -> int:
        """End sessions, whoever's they are; returns how many were live.

        Args:
            sessions: their records or handles, as in `revoke`.

        Raises:
            WrongArgument: as `revoke` does; then none is ended.
        """
        named = [(session, self._ids.own(session)) for session in sessions]
        handles = [handle for _, handle in named if handle is not None]
        self._refuse_ids([session for session, handle in named if handle is None])
        return sum(self._ended(self._statements.revoke_many(batch), {}) for batch in batches(handles))

    def revoke_where(
        self, *where: Where, keep: Record | LoadedSession | str | None = None, **fields: Any
    ) -> int:
        """End all live sessions that `find` would find, in one statement; returns how many.

        Args:
            where: as in `find`.
            keep: a session to spare, such as the current one, by its id, its handle or its record. It need
                not be one of those found, but it has to be there.
            fields: as in `find`.

        Raises:
            ConfigurationError: without any condition; to remove every session there is `clear`.
            NoSuchSession: if `keep` names no live session; then none is ended.
            InvalidField, WrongArgument: as `find` does.
        """
        found = self._restricted("revoke_where", where, fields)
        if keep is None:
            return self._ended(*self._search.revoke_all(found))
        kept, mark = self._ids.named(keep), self._ids.mark
        ended = self._ended(*self._search.revoke_others(found, kept, mark=mark)) if kept else 0
        if ended == 0 and not (kept and self._upkeep.run(*self._search.spared(kept, mark=mark)).rows):
            msg = (
                "revoke_where: keep= names no live session, so none was ended; pass the handle of a session"
                " that is stored, or its id with the prefix, if any, under which its host stores it, or leave"
                " keep= out"
            )
            raise NoSuchSession(msg)
        return ended

    def keep_newest(self, newest: int, /, *where: Where, **fields: Any) -> int:
        """End all live sessions that `find` would find but the newest ones; returns how many.

        The newest are those created last; without `timestamps`, those that expire last.

        Args:
            newest: how many sessions to keep, 0 or more.
            where: as in `find`.
            fields: as in `find`.

        Raises:
            ConfigurationError: without any condition, or for a number below 0.
            InvalidField, WrongArgument: as `find` does.
        """
        if type(newest) is not int or newest < 0:
            msg = "keep_newest takes how many sessions to keep, 0 or more"
            raise ConfigurationError(msg)
        found = self._restricted("keep_newest", where, fields)
        return self._ended(*self._search.revoke_older(found, newest))

    def erase(self, *where: Where, **fields: Any) -> int:
        """Remove all rows that `find` would find, and those that have expired; returns how many rows.

        For people who ask that nothing of theirs is left, not even until the next gc. Rows that a change of
        the id has left go too, so that a request which was running meanwhile may sign its visitor out.

        Args:
            where: as in `find`.
            fields: as in `find`.

        Raises:
            ConfigurationError: without any condition; to remove every session there is `clear`.
            InvalidField, WrongArgument: as `find` does.
        """
        return self._ended(*self._search.erase(self._restricted("erase", where, fields)))

    def record(self, handle: str) -> Record | None:
        """The live session with that handle; None if there is none, and if its row is corrupt.

        Args:
            handle: the session's.

        Raises:
            WrongArgument: for the id of a live session, as `revoke` does.
        """
        own = self._ids.own(handle)
        if own is None:
            self._refuse_ids([handle])
            return None
        return next(iter(self._records(self._statements.load_many([own]), {})), None)

    def clear(self) -> int:
        """Remove every session of this store's table, or of its prefix; returns how many rows that were."""
        return self._ended(self._search.clear(self._ids.mark), {})

    def _ended(self, query: Query, values: Mapping[str, Any]) -> int:
        """Run a statement that ends sessions; returns how many.

        Raises:
            StoreUnavailable: if none is left, and an earlier try may have ended some without an answer.
        """
        ended = self._upkeep.run(query, values)
        if ended.is_unsure and not ended.count:
            raise self._upkeep.unknown()
        return ended.count

    def _refuse_ids(self, sessions: Iterable[object]) -> None:
        """Refuse live sessions' ids where handles are meant, so that no session stays alive unnoticed."""
        handles = [handle for session in sessions if (handle := self._ids.handle(session)) is not None]
        if handles and self._upkeep.run(self._statements.any_of(handles[:HANDLES_AT_ONCE]), {}).rows:
            msg = (
                "the id of a session was given where its handle is meant; destroy(sid) ends a session by its"
                " id, and handle(sid) tells the handle"
            )
            raise WrongArgument(msg)

    def _found(self, where: tuple[Where, ...], fields: dict[str, Any]) -> Found:
        return self._search.found(where, fields, mark=self._ids.mark)

    def _restricted(self, call: str, where: tuple[Where, ...], fields: dict[str, Any]) -> Found:
        found = self._found(where, fields)
        if not found.is_restricted:
            msg = f"{call} without a condition would end every session: name a column, or use clear()"
            raise ConfigurationError(msg)
        return found

    def _records(self, *prepared: Any) -> list[Record]:
        result = self._upkeep.run(*prepared)
        return [session.record() for session in self._rows.listed(result.rows, result.convert)]
