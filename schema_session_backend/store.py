"""`SessionStore`: the operations on sessions. All that the host adapters talk to."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterable  # noqa: TC003 - `declared` resolves the constructor's types
from typing import TYPE_CHECKING, Any, Final, Never, TypeVar

from sqlalchemy import URL, Column, Engine, MetaData, Table  # noqa: TC002 - likewise

from . import _options as options
from ._options import Bytes, Object, Seconds, Switch, Text  # noqa: TC001 - likewise
from ._session import timeouts
from ._session.ids import Ids
from ._session.model import LoadedSession, Record, Saved
from ._session.serializer import Serializer, serializer_for
from ._sql.database import Database
from ._sql.janitor import Janitor
from ._sql.saving import Saving, Wanted
from ._sql.statements import Statements, conditions
from ._sql.survey import Page, Survey
from ._sql.sync import Synchronizer
from ._table.codec import EMPTY, Codec
from ._table.declaration import Declaration, Names, is_found_by_index
from ._table.rows import Rows
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from ._sql.database import Joined, Result
    from ._sql.query import Query
    from ._sql.survey import DayCount

T = TypeVar("T")

_log = logging.getLogger("schema_session_backend")

DAY: Final = 24 * 60 * 60
HOUR: Final = 60 * 60
# Of one statement: far below any database's limit of parameters.
ROWS_AT_ONCE: Final = 500
HANDLES_AT_ONCE: Final = 20_000
MOST_DAYS: Final = 1_000


class SessionStore:
    """Web sessions in a table whose declared columns can be searched.

    Constructing one never touches the network; the table is created or checked at the first use, or by
    `wait_for_sync`. One store serves all threads of a process, and the processes that are forked from it.

    Every operation runs in its own transaction, or takes part in the caller's when it is given
    `connection=`, an SQLAlchemy `Connection` or ORM `Session`. Every operation may raise
    `StoreUnavailable` (the database is down or stays locked) and `StatementFailed`; with
    `connection=` neither is retried. Call `wait_for_sync` at start when you use `connection=`.

    Args:
        engine_or_url: an `Engine`, whose pool is then shared, or a URL.
        schemas: the declared columns: SQLAlchemy Columns, or text such as
            `"user_id Integer index; device String(50)"`.
        table: your own `Table` or mapped class instead; all of its columns but the base columns and
            those that the database computes are declared.
        table_name: the table's name, `schema.name` for one outside of the default schema.
        metadata: the `MetaData` to put the table into, such as the one that Alembic looks at.
        sid_name: the name of the column for the handle.
        expire_at_name: the name of the column for the expiry, in milliseconds since 1970 UTC.
        additional_name: the name of the column for everything that is not declared.
        revision_name: the name of the column that counts the saves of a session.
        timestamps: keep `created_at` and `updated_at`.
        sync: create the table and add missing nullable columns; without it, differences are only reported.
        sync_timeout: seconds to wait for the database at the first use.
        gc_interval: seconds between two removals of expired sessions; None leaves that to you.
        max_age: seconds, the idle timeout; `math.inf` for sessions that never expire.
        absolute_max_age: seconds after its creation that no session passes; needs `timestamps`.
        touch_interval: seconds that the expiry of an unchanged session may lag behind; a twentieth of the
            idle timeout and at most 60 unless given, 0 to write each time.
        max_size: bytes that a session may take beside its columns.
        hash_sid: store a hash of the session id. Without it a reader of the table can take over sessions,
            and handles are ids, to be kept secret.
        serializer: `"json"`, `"pickle"` (whoever can write to the table can then run code here) or an
            object of your own, see `Serializer`.

    Raises:
        ConfigurationError: for an option or a column that cannot work.
        MissingDependency: naming the extra that installs the URL's driver.
    """

    def __init__(  # noqa: PLR0913 - each is an option with its default in sight
        self,
        engine_or_url: Engine | URL | str,
        *,
        schemas: Text | Iterable[Column[Any]] = (),
        table: Object[Table | type[Any]] | None = None,
        table_name: Text = "sessions",
        metadata: Object[MetaData] | None = None,
        sid_name: Text = "sid",
        expire_at_name: Text = "expire_at",
        additional_name: Text = "additional",
        revision_name: Text = "revision",
        timestamps: Switch = False,
        sync: Switch = True,
        sync_timeout: Seconds = 3,
        gc_interval: Seconds | None = HOUR,
        max_age: Seconds = DAY,
        absolute_max_age: Seconds = math.inf,
        touch_interval: Seconds | None = None,
        max_size: Bytes = 64 * 1024,
        hash_sid: Switch = True,
        serializer: Text | Serializer = "json",
        **unknown: Never,
    ) -> None:
        options.refuse_unknown(unknown, SessionStore)
        options.require_switches(timestamps=timestamps, sync=sync, hash_sid=hash_sid)
        timeout = timeouts.seconds(sync_timeout, "sync_timeout")
        self._max_age = timeouts.seconds(max_age, "max_age")
        self._absolute = timeouts.seconds(absolute_max_age, "absolute_max_age")
        self._usual_span = timeouts.milliseconds(min(self._max_age, self._absolute))
        self.hash_sid = hash_sid
        """Whether handles are hashes of the session ids, and so may be shown."""
        self._ids = Ids(hashed=hash_sid)
        self._database = Database(engine_or_url, timeout=timeout)
        declaration = Declaration(
            names=Names(sid_name, additional_name, expire_at_name, revision_name),
            timestamps=timestamps,
            hashed=hash_sid,
            dialect=self._database.engine.dialect,
        )
        self._table = (
            declaration.new(schemas, name=table_name, metadata=metadata)
            if table is None
            else declaration.adopt(
                table, instead_of=(schemas, metadata is not None, table_name != "sessions")
            )
        )
        absolute_ms = timeouts.milliseconds(self._absolute)
        if absolute_ms is not None and self._table.created_at is None:
            msg = "absolute_max_age counts from created_at: set timestamps=True too"
            raise ConfigurationError(msg)
        self._codec = Codec(self._table, serializer_for(serializer), max_size=options.size(max_size))
        self._statements = Statements(
            self._table, self._database.vendor, absolute_ms=absolute_ms, hashed=hash_sid
        )
        self._rows = Rows(self._table, self._codec, hashed=hash_sid)
        self._saving = Saving(
            self._database,
            self._statements,
            self._rows,
            self._codec,
            touch_interval=options.span_or_zero(touch_interval, "touch_interval"),
            absolute=self._absolute,
        )
        self._survey = Survey(self._statements, self._rows)
        interval = options.span(gc_interval, "gc_interval")
        self._janitor = Janitor(self._database, self._statements, interval=interval)
        self._synchronizer = Synchronizer(self._database, self._table, change=sync, timeout=timeout)

    def __repr__(self) -> str:
        return f"<SessionStore {self._table.name!r} on {self._database.engine.url!r}>"

    # -- one session by its id

    def get(self, sid: str, *, connection: Joined | None = None) -> dict[str, Any] | None:
        """The session's data, or None if there is no such session or it has expired."""
        loaded = self.load(sid, connection=connection)
        return None if loaded is None else loaded.data

    def set(
        self,
        sid: str,
        data: Mapping[str, Any],
        max_age: Seconds | None = None,
        *,
        connection: Joined | None = None,
    ) -> None:
        """Store a session whatever was there before, in one statement.

        Args:
            sid: the session id, 1 to 255 ASCII characters; `new_session_id` makes one.
            data: the whole session.
            max_age: seconds, this session's idle timeout instead of the store's; `math.inf` for none.
            connection: see the class.

        Raises:
            InvalidSessionId: for an id that no session can have.
            InvalidField: naming a column that a value does not fit.
            UnserializableValue: naming a key whose value would not come back equal.
            SessionTooLarge: if it is larger than `max_size`.
        """
        handle = self._ids.require(sid)
        values, omitted = self._rows.new(handle, self._codec.split(data), self._span(max_age))
        self._run(self._statements.upsert(omitted), values, connection)
        self._janitor.wake()

    def add(
        self,
        sid: str,
        data: Mapping[str, Any],
        max_age: Seconds | None = None,
        *,
        connection: Joined | None = None,
    ) -> bool:
        """Store a session unless there is one; returns whether it was stored.

        Arguments and errors are those of `set`.
        """
        self._synchronizer.ensure()
        handle = self._ids.require(sid)
        added = self._saving.add(handle, Wanted(data, self._span(max_age)), connection)
        self._janitor.wake()
        return added

    def has(self, sid: str, *, connection: Joined | None = None) -> bool:
        """Whether there is such a session; nothing of it is read."""
        if not self._ids.are_possible(sid):
            return False
        return bool(
            self._run(self._statements.exists, {"ssb_handle": self._ids.handle(sid)}, connection).rows
        )

    def update(
        self,
        sid: str,
        change: Callable[[dict[str, Any]], Mapping[str, Any]],
        *,
        connection: Joined | None = None,
    ) -> dict[str, Any] | None:
        """Change a session while nobody else can, such as to count in it; its expiry stays.

        Args:
            sid: the session id.
            change: makes the new data of the old. It must not use the store, and may be called again.
            connection: see the class.

        Returns:
            the new data, or None if there is no such session.

        Raises:
            InvalidField, UnserializableValue, SessionTooLarge: as `set` does.
        """
        if not self._ids.are_possible(sid):
            return None
        self._synchronizer.ensure()
        handle = self._ids.handle(sid)
        if connection is not None:
            return self._saving.update(sid, handle, change, connection)
        data = self._database.transact(lambda own: self._saving.update(sid, handle, change, own))
        self._janitor.wake()
        return data

    def touch(self, sid: str, max_age: Seconds | None = None, *, connection: Joined | None = None) -> bool:
        """Start the idle timeout anew; returns whether there was such a session.

        Args:
            sid: the session id.
            max_age: seconds, see `set`.
            connection: see the class.
        """
        span = self._span(max_age)
        if not self._ids.are_possible(sid):
            return False
        values = {"ssb_handle": self._ids.handle(sid), "ssb_max_age": span}
        touched = self._run(self._statements.touch, values, connection).count
        self._janitor.wake()
        return touched > 0

    def destroy(self, sid: str, *, connection: Joined | None = None) -> bool:
        """Remove a session, expired or not; returns whether there was a row of it."""
        if not self._ids.are_possible(sid):
            return False
        return (
            self._run(self._statements.destroy, {"ssb_handle": self._ids.handle(sid)}, connection).count > 0
        )

    def rotate(self, old_sid: str, new_sid: str, *, connection: Joined | None = None) -> bool:
        """Give a session a new id, as a login should; the old id is dead from then on.

        Args:
            old_sid: the id that it has.
            new_sid: the id that it gets, of which nothing may be stored yet.
            connection: see the class.

        Returns:
            whether there was such a session.

        Raises:
            InvalidSessionId: if no session can have the new id.
            SessionExists: if the new id is taken.
        """
        new_handle = self._ids.require(new_sid)
        if not self._ids.are_possible(old_sid):
            return False
        values = {"ssb_handle": self._ids.handle(old_sid), "ssb_new_handle": new_handle}
        return self._run(self._statements.rotate, values, connection).count > 0

    # -- load, change, save: what host adapters use

    def load(self, sid: str, *, connection: Joined | None = None) -> LoadedSession | None:
        """The session with what a later `save` needs, or None if there is no such session."""
        if not self._ids.are_possible(sid):
            return None
        handle = self._ids.handle(sid)
        return self._rows.first(
            sid, handle, self._run(self._statements.load, {"ssb_handle": handle}, connection)
        )

    def blank(self, sid: str) -> LoadedSession:
        """The start of a session under an id that nothing is stored under.

        Saving it stores it. If another request has done so meanwhile, the changes of both are kept.

        Raises:
            InvalidSessionId: for an id that no session can have.
        """
        handle = self._ids.require(sid)
        return LoadedSession(sid, handle, {}, None, 0, None, None, None, EMPTY)

    def save(
        self,
        loaded: LoadedSession,
        data: Mapping[str, Any],
        max_age: Seconds | None = None,
        *,
        new_sid: str | None = None,
        connection: Joined | None = None,
    ) -> Saved:
        """Save what a request changed of a session that it loaded.

        Keys that other requests have saved meanwhile are kept; of a key that both changed the later save
        wins. A session that was destroyed, revoked or expired meanwhile is not brought back. One that did
        not change is not written, except for a touch when `touch_interval` has passed.

        Args:
            loaded: from `load`, `blank` or the save before.
            data: the whole session as the request leaves it.
            max_age: seconds, see `set`.
            new_sid: the id that the session has from now on, as `rotate` would give it; in the same
                statement, so that an error leaves the old id good.
            connection: see the class.

        Returns:
            the outcome, and the session for a further save.

        Raises:
            InvalidField, UnserializableValue, SessionTooLarge: as `set` does; nothing is written.
            InvalidSessionId, SessionExists: for `new_sid`, as `rotate` does.
        """
        self._synchronizer.ensure()
        wanted = Wanted(data, self._span(max_age))
        if new_sid is None or new_sid == loaded.sid:
            saved = self._saving.save(loaded, wanted, connection)
        else:
            renamed = loaded.renamed(new_sid, self.handle(new_sid))
            saved = self._saving.save_renamed(loaded, renamed, wanted, connection)
        if saved.was_written:
            self._janitor.wake()
        elif saved.is_gone:
            _log.info("a request's changes were dropped, because its session was ended meanwhile")
        return saved

    # -- many sessions

    def get_many(self, sids: Iterable[str], *, connection: Joined | None = None) -> dict[str, dict[str, Any]]:
        """The data of those of the sessions that there are, by id; up to 20,000 in one statement."""
        by_handle = {self._ids.handle(sid): sid for sid in sids if self._ids.are_possible(sid)}
        return {
            by_handle[session.handle]: session.data
            for handles in _batches(list(by_handle), HANDLES_AT_ONCE)
            for session in self._rows.listed(self._run(self._statements.load_many(handles), {}, connection))
        }

    def set_many(
        self,
        sessions: Mapping[str, Mapping[str, Any]],
        max_age: Seconds | None = None,
        *,
        connection: Joined | None = None,
    ) -> None:
        """Store sessions whatever was there before: all of them or, with an error, none.

        One statement serves up to 500 sessions; more, and ones that leave different columns to the
        database's defaults, take several in one transaction. Arguments and errors are those of `set`.
        """
        span = self._span(max_age)
        rows: dict[frozenset[str], list[dict[str, Any]]] = {}
        for sid, data in sessions.items():
            handle = self._ids.require(sid)
            values, omitted = self._rows.new(handle, self._codec.split(data), span)
            rows.setdefault(omitted, []).append(self._statements.row(values))
        batches = [
            self._statements.upsert_many(batch)
            for group in rows.values()
            for batch in _batches(group, ROWS_AT_ONCE)
        ]
        if len(batches) > 1 and connection is None:
            self._synchronizer.ensure()
            self._database.transact(lambda own: [self._database.run(batch, {}, own) for batch in batches])
        else:
            for batch in batches:
                self._run(batch, {}, connection)
        self._janitor.wake()

    def destroy_many(self, sids: Iterable[str], *, connection: Joined | None = None) -> int:
        """Remove sessions, expired or not; returns how many rows that were. Up to 20,000 in one statement."""
        every = [self._ids.handle(sid) for sid in sids if self._ids.are_possible(sid)]
        return sum(
            self._run(self._statements.destroy_many(handles), {}, connection).count
            for handles in _batches(every, HANDLES_AT_ONCE)
        )

    # -- searching and revoking

    def find(
        self,
        *where: ColumnElement[bool],
        limit: int | None = None,
        connection: Joined | None = None,
        **fields: Any,
    ) -> list[Record]:
        """The live sessions with these values in declared columns, the newest first.

        Args:
            where: further conditions on the columns of `repo()`.
            limit: return this many at most.
            connection: see the class.
            fields: a value for each declared column that matters; None asks for sessions without one.

        Raises:
            ConfigurationError: naming a column that is not declared, and for a limit that is none.
            InvalidField: naming a column that a value does not fit.
        """
        if limit is not None and (type(limit) is not int or limit < 0):
            msg = "find: limit takes how many sessions to return at most, 0 or more, or None"
            raise ConfigurationError(msg)
        query = self._statements.find(self._found(where, fields), limit)
        found = self._run(query, {}, connection)
        return [session.record() for session in self._rows.listed(found)]

    def count(self, *where: ColumnElement[bool], connection: Joined | None = None, **fields: Any) -> int:
        """How many live sessions `find` would find."""
        query = self._statements.count(self._found(where, fields))
        return int(self._run(query, {}, connection).rows[0][0])

    def browse(
        self,
        *where: ColumnElement[bool],
        after: str | None = None,
        limit: int = 50,
        connection: Joined | None = None,
        **fields: Any,
    ) -> Page:
        """A page of the live sessions that `find` would find, of however many, in the order of handles.

        Each page takes the database about as long. Where no index finds what is looked for, it looks through
        5,000 rows a page, so that a page may have few sessions or none and still not be the last.

        Args:
            where: as in `find`.
            after: `Page.after` of the page before; None for the first one.
            limit: return this many at most.
            connection: see the class.
            fields: as in `find`.

        Raises:
            ConfigurationError, InvalidField: as `find` does.
        """
        if type(limit) is not int or limit < 1:
            msg = "browse: limit takes how many sessions a page has, 1 or more"
            raise ConfigurationError(msg)
        asked = conditions(self._table, where, fields)
        start = after if self._ids.is_handle(after) else ""

        def run(query: Query) -> Result:
            return self._run(query, {}, connection)

        bounded = bool(asked) and not any(is_found_by_index(self._table, one) for one in asked)
        return self._survey.page(run, asked, self._own, after=str(start), limit=limit, bounded=bounded)

    def count_per_day(self, days: int = 14, *, connection: Joined | None = None) -> list[DayCount]:
        """How many of the live sessions began on each of the last days, the oldest day first.

        Of a large table, about 10,000 rows are counted and the rest is projected from these. Without
        `timestamps` there is nothing to tell: an empty list. With `hash_sid=False` all rows are counted.

        Raises:
            ConfigurationError: for a number of days that is none.
        """
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            msg = f"count_per_day: days takes how many days to tell, 1 to {MOST_DAYS}"
            raise ConfigurationError(msg)
        return self._survey.per_day(
            lambda query: self._run(query, {}, connection), mark=self._ids.mark, days=days
        )

    def having(self, fields: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        """Conditions for `find` and its like: that these declared columns have these values.

        They say what keyword arguments say, also for columns with a name that an argument has, such as
        `limit`.

        Raises:
            ConfigurationError, InvalidField: as `find` does.
        """
        return conditions(self._table, (), fields)

    def revoke(
        self, handle: str, *where: ColumnElement[bool], connection: Joined | None = None, **fields: Any
    ) -> bool:
        """End the session that a record names; returns whether it was live.

        Requests of that session which are running now cannot bring it back.

        Args:
            handle: the session's.
            where: conditions that the session must meet as well, as in `find`.
            connection: see the class.
            fields: values that the session must have as well: so that people end their own sessions only.
        """
        if not self._ids.is_handle(handle):
            return False
        if where or fields:
            this = [self._table.sid == handle, *self._found(where, fields)]
            return self._run(self._statements.revoke_where(this, None), {}, connection).count > 0
        return self._run(self._statements.revoke, {"ssb_handle": handle}, connection).count > 0

    def revoke_many(self, handles: Iterable[str], *, connection: Joined | None = None) -> int:
        """End the sessions that these records name, whoever's they are; returns how many were live."""
        ours = [handle for handle in handles if self._ids.is_handle(handle)]
        return sum(
            self._run(self._statements.revoke_handles(batch), {}, connection).count
            for batch in _batches(ours, HANDLES_AT_ONCE)
        )

    def revoke_where(
        self,
        *where: ColumnElement[bool],
        keep: str | None = None,
        connection: Joined | None = None,
        **fields: Any,
    ) -> int:
        """End all live sessions that `find` would find, in one statement; returns how many.

        Args:
            where: as in `find`.
            keep: the id (not the handle) of a session to spare, such as the current one.
            connection: as in `find`.
            fields: as in `find`.

        Raises:
            ConfigurationError: without any condition; to remove every session there is `clear`.
        """
        found = self._found(where, fields, required_by="revoke_where")
        spared = self._ids.handle(keep) if keep is not None and self._ids.are_possible(keep) else None
        return self._run(self._statements.revoke_where(found, spared), {}, connection).count

    def keep_newest(
        self,
        newest: int,
        *where: ColumnElement[bool],
        connection: Joined | None = None,
        **fields: Any,
    ) -> int:
        """End all live sessions that `find` would find but the newest ones; returns how many.

        The newest are those created last; without `timestamps`, those that expire last.

        Raises:
            ConfigurationError: without any condition, or for a number below 0.
        """
        if type(newest) is not int or newest < 0:
            msg = "keep_newest takes how many sessions to keep, 0 or more"
            raise ConfigurationError(msg)
        found = self._found(where, fields, required_by="keep_newest")
        return self._run(self._statements.revoke_older(newest, found), {}, connection).count

    def handle(self, sid: str) -> str:
        """What the table holds instead of a session's id; `Record.handle` is the same.

        Raises:
            InvalidSessionId: if no session can have that id.
        """
        return self._ids.require(sid)

    def prefixed(self, prefix: str) -> SessionStore:
        """A store for the sessions whose ids begin with a prefix, in the same table and with the same pool.

        It takes ids without the prefix, and finds, counts, revokes and clears no other sessions. With
        `hash_sid=False` no prefix may begin with another one.

        Raises:
            ConfigurationError: for a prefix that no session id could begin with.
        """
        store = copy.copy(self)
        store._ids = self._ids.prefixed(prefix)  # noqa: SLF001 - it is one of us
        return store

    def repo(self) -> Table:
        """The SQLAlchemy table, for queries of your own: `store.repo().select().where(…)`."""
        return self._table.table

    @property
    def table(self) -> Table:
        """The SQLAlchemy table, as Alembic or a foreign key needs it."""
        return self._table.table

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the declared columns."""
        return tuple(field.name for field in self._table.fields)

    @property
    def max_age(self) -> float:
        """The idle timeout in seconds; `math.inf` for none."""
        return self._max_age

    # -- the whole table

    def wait_for_sync(self, timeout: Seconds | None = None) -> None:
        """Make sure that the table exists and matches the declared columns.

        The first operation does the same. With `sync`, a missing table is created and missing nullable
        columns are added; nothing is ever dropped.

        Args:
            timeout: seconds instead of `sync_timeout`.

        Raises:
            SchemaMismatch: with every difference and the statements that mend it.
            StoreUnavailable: if the database cannot be reached in time.
        """
        self._synchronizer.ensure(None if timeout is None else timeouts.seconds(timeout, "timeout"))

    def gc(self) -> int:
        """Remove expired sessions, in small batches; returns how many.

        It runs by itself every `gc_interval` seconds in a process that writes. 0 also when another process
        is at it.
        """
        self._synchronizer.ensure()
        return self._janitor.collect()

    def clear(self, *, connection: Joined | None = None) -> int:
        """Remove every session of this store's table, or of its prefix; returns how many rows that were."""
        return self._run(self._statements.clear(self._own), {}, connection).count

    def close(self) -> None:
        """Stop background work, and close the connections of an engine that was made for this store."""
        self._janitor.stop()
        self._database.close()

    # -- inside

    @property
    def _own(self) -> list[ColumnElement[bool]]:
        mark = self._ids.mark
        return [self._statements.marked(mark)] if mark else []

    def _found(
        self,
        where: Sequence[ColumnElement[bool]],
        fields: Mapping[str, Any],
        *,
        required_by: str | None = None,
    ) -> list[ColumnElement[bool]]:
        return [*conditions(self._table, where, fields, required_by=required_by), *self._own]

    def _run(self, query: Query, values: Mapping[str, Any], connection: Joined | None) -> Result:
        self._synchronizer.ensure()
        return self._database.run(query, values, connection)

    def _span(self, max_age: Seconds | None) -> int | None:
        """Milliseconds of idle time for a statement; None for a session that never expires."""
        if max_age is None:
            return self._usual_span
        return timeouts.milliseconds(min(timeouts.seconds(max_age, "max_age"), self._absolute))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
