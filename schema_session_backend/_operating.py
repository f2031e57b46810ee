"""The part of `SessionStore` that looks after the table: its definition, its differences, sizes, bad rows."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Final, Self

from ._options import require_count, require_field
from ._session import timeouts
from ._sql.drift.additions import definition
from .errors import ConfigurationError, InvalidField, WrongArgument

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._options import Seconds
    from ._session.ids import Ids
    from ._session.model import Content, LoadedSession, Record, Resealed
    from ._sql.database import Database
    from ._sql.indexing import Indexing
    from ._sql.janitor import Janitor
    from ._sql.moving import Moving
    from ._sql.resealing import Resealing
    from ._sql.search import Search, Where
    from ._sql.survey import Survey
    from ._sql.sync import Synchronizer
    from ._sql.upkeep import Upkeep
    from ._table.declaration import SessionTable
    from ._table.reports import Answer, Inspection, Moved, TableDifference, TableSizes, ValueCount
    from ._table.rows import Rows

SHORTEST_NAME: Final = 6
_NAME: Final = re.compile(rf"[0-9a-f]{{{SHORTEST_NAME},64}}")


class Operating:
    """What an operator asks of a table."""

    _database: Database
    _ids: Ids
    _indexing: Indexing
    _janitor: Janitor
    _moving: Moving
    _resealing: Resealing
    _rows: Rows
    _search: Search
    _survey: Survey
    _synchronizer: Synchronizer
    _table: SessionTable
    _upkeep: Upkeep
    hash_sid: bool

    # -- the database and the table

    def ping(self) -> Answer:
        """Ask the database for its name and its time; the table need not be there."""
        return self._synchronizer.ping()

    def differences(self) -> list[TableDifference]:
        """All that differs between the table in the database and the declared one; nothing is changed.

        Raises:
            ConfigurationError: for a table that this database cannot have.
        """
        return self._synchronizer.differences()

    def ddl(self, database: str | None = None) -> tuple[str, ...]:
        """The statements that create the table with its indexes, in order; no database is asked.

        Args:
            database: `"sqlite"`, `"postgresql"`, `"mariadb"` or `"mysql"`; None for the store's own.

        Raises:
            ConfigurationError: for another database, and for a table that the database cannot have.
        """
        return definition(self._table.table, database or self._database.engine.dialect)

    def without_sync(self) -> Self:
        """This store as a guest of the table, for scripts: it creates nothing, and adds nothing.

        Where the table differs, its operations raise a `SchemaMismatch`.
        """
        store = copy.copy(self)
        store._synchronizer = self._synchronizer.without_changes()  # noqa: SLF001 - a copy of this one
        store._upkeep = self._upkeep.checked_by(store._synchronizer)  # noqa: SLF001 - likewise
        return store

    def build_indexes(self) -> list[str]:
        """Build the declared indexes that the table lacks, while it is used, however long that takes.

        A store with `sync` does so by itself in the background. An index on PostgreSQL whose building was
        interrupted is completed. A table in partitions is left out.

        Returns:
            the statements that were run; none while another process is building indexes.

        Raises:
            StoreUnavailable, AccessDenied, StatementFailed: if the database refuses.
        """
        self._synchronizer.ensure()
        return self._indexing.build()

    def sizes(self) -> TableSizes:
        """How much room the table takes."""
        self._synchronizer.ensure()
        return self._database.sizes(self._table.table)

    @property
    def max_size(self) -> int:
        """Bytes that a session may take beside its columns."""
        return self._rows.max_size

    @property
    def gc_interval(self) -> float:
        """How many seconds pass between two removals of expired sessions; `math.inf` for none by itself."""
        return self._janitor.interval

    # -- its rows

    def inspect(self, *, after: str | None = None, limit: int = 1_000) -> Inspection:
        """Read the next rows of live sessions, to find corrupt and large ones. The log does not tell of them.

        Handles are hashes, so the first rows are a random sample of all sessions.

        Args:
            after: `Inspection.after` of the rows before; None for the first ones.
            limit: read this many rows at most.

        Raises:
            ConfigurationError: for a limit below 1.
        """
        require_count(limit, "inspect: limit takes how many rows to read")
        start = self._ids.own(after) or ""
        return self._survey.inspect(self._upkeep, mark=self._ids.mark, after=start, limit=limit)

    def count_expired(self, older_than: Seconds = 0) -> int:
        """How many rows have expired and are still there, because gc has not removed them yet.

        Args:
            older_than: seconds; count only those that expired so long ago.

        Raises:
            ConfigurationError: for an impossible `older_than`.
        """
        ms = round(timeouts.seconds(older_than, "older_than") * 1000) if older_than else 0
        found = self._search.found((), {}, mark=self._ids.mark)
        return int(self._upkeep.run(*self._search.expired(found, before_ms=ms)).rows[0][0])

    def count_rows(self, *where: Where, **fields: Any) -> int:
        """How many rows `erase` would remove; `where` and `fields` are those of `find`.

        Raises:
            ConfigurationError, InvalidField, WrongArgument: as `find` does.
        """
        found = self._search.found(where, fields, mark=self._ids.mark)
        return int(self._upkeep.run(*self._search.stored(found)).rows[0][0])

    def can_count_values(self, field: str) -> bool:
        """Whether `count_values` takes a declared column: not if it is JSON.

        Args:
            field: the column's name.

        Raises:
            ConfigurationError: naming a column that is not declared.
        """
        require_field(field, [each.name for each in self._table.fields], "count_values")
        return not self._search.is_json(field)

    def count_values(self, field: str, limit: int = 10) -> list[ValueCount]:
        """How many live sessions have which value in a declared column, the most frequent values first.

        Of a large table, about 10,000 rows are counted and the rest is projected from these.

        Args:
            field: the column's name.
            limit: return this many at most.

        Raises:
            ConfigurationError: naming a column that is not declared; for a limit below 1.
            InvalidField: for a JSON column, whose values databases do not compare.
        """
        require_count(limit, "count_values: limit takes how many values to return")
        if not self.can_count_values(field):
            raise InvalidField(self._table.name, field, "is JSON, whose values cannot be counted")
        return self._survey.values(self._upkeep, field, mark=self._ids.mark, limit=limit)

    # -- moving keys between `additional` and their columns

    def promote(self, field: str, *, after: str | None = None, limit: int = 500) -> Moved:
        """Move a key of the next sessions from `additional` to its column, or fill a searchable copy.

        Saves do the same for the sessions that are in use. No session waits, none gets an older value, and
        expiries stay. Keys of other declared columns are moved too.

        Args:
            field: the declared column.
            after: `Moved.after` of the call before; None for the first one. Any call can be the first one:
                what was moved before is passed over.
            limit: read this many rows at most.

        Raises:
            ConfigurationError: naming a column that is not declared; for a limit below 1.
        """
        return self._move("promote", field, self._rows.promoted, after, limit)

    def demote(self, field: str, *, after: str | None = None, limit: int = 500) -> Moved:
        """Move a key of the next sessions from its column to `additional`; the reverse of `promote`.

        For a column that will no longer be declared. A save by a store that declares it moves the key of its
        session back to the column, so end with another round when no such store runs any more.

        Args:
            field: the declared column, which can be NULL and is no searchable copy.
            after: as in `promote`.
            limit: as in `promote`.

        Raises:
            ConfigurationError: naming a column that is not declared, or cannot be NULL; for a limit below 1.
        """
        require_field(field, [each.name for each in self._table.fields if each.path is None], "demote")
        if not self._table.table.c[field].nullable:
            msg = f"demote: the column {field!r} is NOT NULL, so its values cannot leave it"
            raise ConfigurationError(msg)
        return self._move("demote", field, lambda content: self._rows.demoted(content, field), after, limit)

    def _move(
        self, call: str, field: str, change: Callable[[Content], Content], after: str | None, limit: int
    ) -> Moved:
        require_field(field, [each.name for each in self._table.fields], call)
        require_count(limit, f"{call}: limit takes how many rows to read")
        start = self._ids.own(after) or ""
        return self._moving.move(self._upkeep, change, mark=self._ids.mark, after=start, limit=limit)

    # -- what a session is called where others can read it

    def name_of(self, session: Record | LoadedSession | str) -> str:
        """What may be shown of a session: its handle; a hash of it where handles are ids (`hash_sid=False`).

        Args:
            session: its record or its handle.

        Raises:
            WrongArgument: for anything that is no handle.
        """
        handle = self._ids.own(session)
        if handle is None:
            msg = "name_of takes a session's record or its handle"
            raise WrongArgument(msg)
        return self._rows.named_in_log(handle)

    def handles(self, name: str) -> list[str]:
        """The handles of the live sessions whose names begin with a text; two at most, which is one too many.

        Corrupt rows are among them. With `hash_sid=False` it looks through the whole table.

        Args:
            name: at least six hexadecimal digits, such as the start of a handle.

        Raises:
            WrongArgument: for anything else.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            msg = f"the name of a session is {SHORTEST_NAME} to 64 hexadecimal digits, as listings show it"
            raise WrongArgument(msg)
        return self._survey.named(self._upkeep, name, mark=self._ids.mark)

    def reseal(self, batch_size: int = 100, *, progress: Callable[[int], object] | None = None) -> Resealed:
        """Write all live sessions in the form in which a save would write them now: sealed by the first key.

        With `unsealed="write"` it writes them unsealed. Requests go on meanwhile, and what they save stays.
        Sessions that have the form already are passed over, so that after an interruption it goes on where it
        was.

        Args:
            batch_size: how many sessions a transaction writes, whose rows are locked until its end.
            progress: is called after each batch with the number of sessions that it dealt with.

        Raises:
            ConfigurationError: without `encryption_keys`, and for a `batch_size` that is none.
        """
        require_count(batch_size, "reseal: batch_size takes how many sessions a transaction writes")
        return self._resealing.reseal(
            self._upkeep, mark=self._ids.mark, batch_size=batch_size, progress=progress
        )

    # -- garbage collection

    def gc(self, progress: Callable[[int], object] | None = None) -> int:
        """Remove expired sessions, in small batches; returns how many.

        It runs by itself every `gc_interval` seconds in a process that writes; 0 while another one is at it.

        Args:
            progress: is called after each batch with the number of sessions that were removed so far. What
                it raises ends the collection, and what was removed stays removed.
        """
        self._synchronizer.ensure()
        return self._janitor.collect(progress)
