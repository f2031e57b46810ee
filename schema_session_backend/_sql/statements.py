"""The SQL statements on sessions that are named by their handles; `search.py` has those on the columns.

Each statement is compiled once (`Query`). Its values go in by name; `_table/rows.py` has the names.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.sql import literal_column

from .._table.rows import LARGEST_REVISION, NONE
from .query import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Select, Table
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

    from .._table.declaration import SessionTable
    from .._table.rows import Rows
    from .vendors.base import Vendor

    Columns = ReadOnlyColumnCollection[str, Any]
    Condition = ColumnElement[bool]


TRACE_MS: Final = 5 * 60 * 1000
"""Milliseconds for which a session can be found by the id that it had before."""
MOST_SHAPES: Final = 64
"""Compiled statements that are kept for different omitted columns and numbers of rows."""


class Statements:
    """The statements on one table, in the words of its database.

    Args:
        table: the sessions' table.
        rows: names the statements' values.
        vendor: the hooks of its database.
        absolute_ms: milliseconds after `created_at` that no expiry passes, or None for no such limit.
    """

    def __init__(self, table: SessionTable, rows: Rows, vendor: Vendor, *, absolute_ms: int | None) -> None:
        self.table = table
        self.vendor = vendor
        self.rows = rows
        self._absolute_ms = absolute_ms
        # A cache for each instance: a cache on the method would keep every store alive.
        self.upsert = lru_cache(MOST_SHAPES)(self._upsert)
        self.insert = lru_cache(MOST_SHAPES)(self._insert)
        self.save = lru_cache(MOST_SHAPES)(self._save)
        self.save_renamed = lru_cache(MOST_SHAPES)(self._save_renamed)

    @cached_property
    def live(self) -> Condition:
        """That a row has not expired."""
        expire_at = self.table.expire_at
        return or_(expire_at.is_(None), expire_at > self.vendor.now_ms)

    # -- which sessions

    def is_(self, handle: ColumnElement[str]) -> Condition:
        """That a row is that of a handle."""
        return self._exact(lambda sid: sid == handle)

    def among(self, handles: Collection[Any]) -> Condition:
        """That a row is that of one of these handles."""
        return self._exact(lambda sid: sid.in_(handles))

    def begins_with(self, mark: str) -> list[Condition]:
        """That a handle begins with a mark; LIKE would take its case for equal on SQLite."""
        sid, exactly = self.table.sid, self.vendor.exactly
        if not self.table.hashed:
            # An application's own column may sort ids in any way.
            return [func.substr(exactly(sid), 1, len(mark)) == mark]
        # The primary key finds them, between the mark and the next possible one.
        past = f"{mark[:-1]}{chr(ord(mark[-1]) + 1)}"
        return [sid >= mark, sid < past, func.substr(sid, 1, len(mark)) == mark]

    def _exact(self, compare: Callable[[ColumnElement[str]], Condition]) -> Condition:
        sid = self.table.sid
        if self.table.hashed:
            return compare(sid)
        # The primary key finds a row by the first comparison, by the column's collation, which may take other
        # ids for the same; the second one is byte for byte.
        return and_(compare(sid), compare(self.vendor.exactly(sid)))

    # -- reading

    @cached_property
    def load(self) -> Query:
        """Read a live session."""
        return Query(self._selected.where(self._this, self.live))

    @cached_property
    def lock(self) -> Query:
        """Read a live session and keep others from changing it until the transaction ends."""
        return Query(self._selected.where(self._this, self.live).with_for_update())

    @cached_property
    def exists(self) -> Query:
        """Look whether there is a live session."""
        return Query(select(literal_column("1")).select_from(self.table.table).where(self._this, self.live))

    @cached_property
    def descends(self) -> Query:
        """Look whether a live row is the one that was inserted, however often it was saved since."""
        there: Select[Any] = select(literal_column("1")).select_from(self.table.table)
        return Query(there.where(self._this, self._descends, self.live))

    def any_of(self, handles: Sequence[str]) -> Query:
        """Look whether any of the sessions is live."""
        there: Select[Any] = select(literal_column("1")).where(self.among(handles), self.live)
        return Query(there.limit(1))

    @cached_property
    def listed(self) -> Select[Any]:
        """Read live sessions; the handle comes last in a row."""
        return self._selected.add_columns(self.table.sid).where(self.live)

    def load_many(self, handles: Sequence[str]) -> Query:
        """Read live sessions; the handle comes last in a row."""
        return Query(self.listed.where(self.among(handles)))

    def starts(self, length: int, *, mark: str, after: str, limit: int) -> Query:
        """Read how the texts of live sessions begin, in the order of handles; the handle comes first."""
        sid = self.table.sid
        own = self.begins_with(mark) if mark else []
        text: ColumnElement[Any] = self.table.additional
        if not isinstance(text.type, String):
            # The column of an application's own table may be JSON.
            text = cast(text, Text)
        start = func.substr(text, 1, length)
        return Query(select(sid, start).where(self.live, sid > after, *own).order_by(sid).limit(limit))

    def texts(self, handles: Sequence[str]) -> Query:
        """Read the texts of live sessions, between the handle and the revision."""
        table = self.table
        text = select(table.sid, table.additional, table.revision)
        return Query(text.where(self.among(handles), self.live))

    # -- storing

    def _upsert(self, omitted: frozenset[str], count: int | None = None) -> Query:
        """Store a session whatever was there; `omitted` columns get the database's own default.

        Args:
            omitted: names of columns.
            count: how many sessions one statement stores, whose values are numbered; None for one alone.
        """
        numbers = [None] if count is None else range(count)
        rows = [self._new_row(omitted, number) for number in numbers]
        values = rows[0] if count is None else rows
        exact = not self.table.hashed
        return Query(self.vendor.upsert(self.table.table, values, self._overwritten, exact=exact))

    def _insert(self, omitted: frozenset[str]) -> Query:
        """Store a session under an id under which nothing is stored."""
        return Query(self.vendor.insert_absent(self.table.table, self._new_row(omitted)))

    def _save(
        self, changed: frozenset[str], *, renew: bool = True, more: Mapping[str, Any] | None = None
    ) -> Query:
        """Save a live session that nobody else has changed since it was loaded.

        Args:
            changed: the names of the declared columns that get another value. The others are left out:
                SQLite rewrites the index of a column also where it is set to the value that it has.
            renew: whether the idle timeout starts anew.
            more: what else is set.
        """
        unchanged = self.table.revision == self.rows.revision
        values = {**self._replaced(changed), **(self._renewed if renew else {}), **(more or {})}
        return Query(update(self.table.table).where(self._this, unchanged, self.live).values(values))

    def _save_renamed(self, changed: frozenset[str], *, renew: bool = True) -> Query:
        """`save`, and give the session a new id."""
        return self._save(changed, renew=renew, more=self._new_sid)

    @cached_property
    def amend(self) -> Query:
        """Replace a session that is locked, and leave its expiry alone."""
        updated_at = self.table.updated_at
        stamp = {} if updated_at is None else {updated_at.name: self.vendor.utc_now}
        every = frozenset(field.name for field in self.table.fields)
        values = self._replaced(every) | stamp | {self.table.revision.name: self.rows.revision}
        return Query(update(self.table.table).where(self._this).values(values))

    @cached_property
    def reseal(self) -> Query:
        """Replace the text of a session that nobody has saved meanwhile, and leave all else alone."""
        table = self.table
        unchanged = table.revision == self.rows.revision
        text = {table.additional.name: self.rows.parameters()[table.additional.name]}
        return Query(update(table.table).where(self._this, unchanged).values(text))

    @cached_property
    def touch(self) -> Query:
        """Move the expiry of a live session, and nothing else."""
        # Nobody has read the row, so its `created_at` may be anything.
        values = self._living(
            self._touched_span,
            lambda created_at: case(
                (self.vendor.is_moment(created_at), created_at), else_=self.vendor.utc_now
            ),
        )
        return Query(update(self.table.table).where(self._this, self.live).values(values))

    @cached_property
    def renew(self) -> Query:
        """Touch a session that is still the one that was loaded, however often it was saved since."""
        return self._still_loaded(self._touched)

    @cached_property
    def renew_renamed(self) -> Query:
        """`renew`, and give the session a new id."""
        return self._still_loaded(self._touched | self._new_sid)

    @cached_property
    def rename(self) -> Query:
        """Give a session that is still the one that was loaded a new id, and leave its expiry alone."""
        return self._still_loaded(self._new_sid)

    @cached_property
    def rotate(self) -> Query:
        """Give a live session a new id."""
        return Query(update(self.table.table).where(self._this, self.live).values(self._new_sid))

    # -- the trace of a session under the id that it had before

    # A trace is a row that has expired, so that no read and no search sees it. How long it stays is in its
    # expiry too: that is the negative of the time, in milliseconds, at which gc may remove the trace.

    @cached_property
    def can_leave_trace(self) -> bool:
        """Whether the table can have a trace: no column is both unique and NOT NULL."""
        return all(self.table.table.c[name].nullable for name in self._unique)

    @cached_property
    def leave_trace(self) -> Query:
        """Leave a trace of a session that just got a new id.

        It has the values of the session's columns, because the table's constraints may demand them.
        """
        table = self.table
        end = self.vendor.now_ms + literal_column(str(TRACE_MS))
        values: dict[str, ColumnElement[Any]] = {
            table.sid.name: self.rows.handle,
            table.additional.name: self.rows.trace,
            table.expire_at.name: -end,
            table.revision.name: literal_column("0"),
        }
        copied = (field.column for field in table.fields if field.name not in self._unique)
        values |= {column.name: column for column in (*copied, *self.table.stamps)}
        trace = select(*values.values()).where(self.is_(self.rows.new_handle))
        return Query(insert(table.table).from_select(list(values), trace, include_defaults=False))

    @cached_property
    def trace(self) -> Query:
        """Read the trace under an id: its text, and how many milliseconds ago the id was changed."""
        expire_at = self.table.expire_at
        age = self.vendor.now_ms + expire_at + literal_column(str(TRACE_MS))
        return Query(select(self.table.additional, age).where(self._this, self._is_trace))

    @cached_property
    def _is_trace(self) -> Condition:
        """That a row is a trace whose time is not over yet."""
        now = self.vendor.now_ms
        # Twice as late as any trace ends, because the clock of a new primary may be behind.
        latest = -now - literal_column(str(2 * TRACE_MS))
        return self.table.expire_at.between(latest, -now - literal_column("1"))

    # -- removing

    @cached_property
    def destroy(self) -> Query:
        """Remove a session, live or not, but not its trace."""
        expire_at = self.table.expire_at
        is_session = or_(expire_at.is_(None), expire_at >= literal_column("0"))
        return Query(delete(self.table.table).where(self._this, is_session))

    def destroy_many(self, handles: Sequence[str]) -> Query:
        """Remove sessions, live or not."""
        return self._delete(handles)

    @cached_property
    def revoke(self) -> Query:
        """Remove a live session."""
        return Query(delete(self.table.table).where(self._this, self.live))

    def revoke_many(self, handles: Sequence[str]) -> Query:
        """Remove live sessions."""
        return self._delete(handles, self.live)

    def expired(self, limit: int, *, skipped: int = 0) -> Query:
        """Handles of expired sessions that no other transaction holds, and keep others from touching them.

        Args:
            limit: the largest number of handles.
            skipped: how many sessions to leave out, those that expired first.
        """
        handles = (
            select(self.table.sid)
            .where(self._expired, not_(self._is_trace))
            .order_by(self.table.expire_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return Query(handles.offset(skipped) if skipped else handles)

    def delete_expired(self, handles: Collection[str]) -> Query:
        """Remove sessions of these handles that are still expired."""
        return self._delete(handles, self._expired)

    def delete_expired_row(self, key: object) -> Query:
        """Remove the expired row of a primary key that need not be a handle."""
        return Query(delete(self.table.table).where(self.table.sid == self.vendor.key(key), self._expired))

    # -- their parts

    @cached_property
    def _selected(self) -> Select[Any]:
        return select(*self.rows.selected(self.vendor.now_ms))

    @cached_property
    def _this(self) -> Condition:
        return self.is_(self.rows.handle)

    @cached_property
    def _descends(self) -> Condition:
        return self.table.revision.between(self.rows.revision, self.rows.last_revision)

    @cached_property
    def _unique(self) -> set[str]:
        return _unique_columns(self.table.table)

    @cached_property
    def _expired(self) -> Condition:
        return self.table.expire_at <= self.vendor.now_ms

    def _delete(self, handles: Collection[str], *where: Condition) -> Query:
        by_key = self.vendor.delete_by_key(self.table.table)
        return Query(by_key.where(self.among(handles), *where))

    def _still_loaded(self, values: dict[str, Any]) -> Query:
        return Query(update(self.table.table).where(self._this, self._descends, self.live).values(values))

    def _new_row(self, omitted: frozenset[str] = NONE, number: int | None = None) -> dict[str, Any]:
        table, now, bound = self.table, self.vendor.utc_now, self.rows.parameters(omitted, number)
        stamps = {column.name: now for column in self.table.stamps}
        expiry = self.vendor.now_ms + bound[table.expire_at.name]
        return {**bound, **stamps, table.expire_at.name: expiry}

    def _overwritten(self, new: Columns) -> list[tuple[str, ColumnElement[Any]]]:
        """What an upsert sets on a row that is there; `new` is the row that was to be inserted."""
        table = self.table
        created_at, new_created_at = table.created_at, None
        # An omitted column too: the new row has its default.
        changes = [(name, new[name]) for name in self.rows.content_columns]
        # Going on counting tells a save in flight that it is still the same session.
        counts_on = and_(self.live, table.revision < literal_column(str(LARGEST_REVISION)))
        next_revision = self.vendor.whole(table.revision) + literal_column("1")
        revision = case((counts_on, next_revision), else_=new[table.revision.name])
        changes.append((table.revision.name, revision))
        if created_at is not None and table.updated_at is not None:
            stays = and_(self.live, self.vendor.is_moment(created_at))
            new_created_at = case((stays, created_at), else_=new[created_at.name])
            changes += [
                (created_at.name, new_created_at),
                (table.updated_at.name, new[table.updated_at.name]),
            ]
        # Last, because the others ask the old value whether the row is live, and MariaDB sets in order.
        expiry = self._limited(new[table.expire_at.name], new_created_at)
        return [*changes, (table.expire_at.name, expiry)]

    def _replaced(self, changed: frozenset[str]) -> dict[str, Any]:
        table, bound = self.table, self.rows.parameters()
        values = {field.name: bound[field.name] for field in table.fields if field.name in changed}
        values[table.additional.name] = bound[table.additional.name]
        return {**values, table.revision.name: table.revision + literal_column("1")}

    @cached_property
    def _renewed(self) -> dict[str, Any]:
        """What a save sets beside the data; the session was read, so `created_at` is a moment or NULL."""
        return self._living(self.rows.parameters()[self.table.expire_at.name], self._known)

    @cached_property
    def _touched(self) -> dict[str, Any]:
        """What a touch sets of a session that was read."""
        return self._living(self._touched_span, self._known)

    @cached_property
    def _touched_span(self) -> ColumnElement[Any]:
        user, usual = self.rows.user, self.rows.parameters()[self.table.expire_at.name]
        # Another request may have signed the user in or out since the session was read.
        return usual if user is None else case((user.is_(None), self.rows.anonymous_max_age), else_=usual)

    def _known(self, created_at: Column[Any]) -> ColumnElement[Any]:
        return func.coalesce(created_at, self.vendor.utc_now)

    def _living(
        self, span: ColumnElement[Any], known: Callable[[Column[Any]], ColumnElement[Any]]
    ) -> dict[str, Any]:
        """What is set on a session that lives that many milliseconds from now.

        Args:
            span: milliseconds.
            known: makes the time of the session's creation of what its row has.
        """
        table = self.table
        renewed: dict[str, Any] = {}
        created = None
        if table.created_at is not None and table.updated_at is not None:
            # A table that got its timestamps later has rows without them.
            created = known(table.created_at)
            renewed = {table.created_at.name: created, table.updated_at.name: self.vendor.utc_now}
        expiry = self.vendor.now_ms + span
        return renewed | {table.expire_at.name: self._limited(expiry, created)}

    @cached_property
    def _new_sid(self) -> dict[str, Any]:
        return {self.table.sid.name: self.rows.new_handle}

    def _limited(self, expiry: ColumnElement[Any], created: ColumnElement[Any] | None) -> ColumnElement[Any]:
        if self._absolute_ms is None or created is None:
            return expiry
        end = self.vendor.milliseconds(created) + literal_column(str(self._absolute_ms))
        return self.vendor.least(expiry, end)


def _unique_columns(table: Table) -> set[str]:
    """The names of columns of which two rows cannot have the same values."""
    groups = [
        {column.name for column in unique.columns}
        for unique in (*table.constraints, *table.indexes)
        if isinstance(unique, UniqueConstraint) or (isinstance(unique, Index) and unique.unique)
    ]
    key = {column.name for column in table.primary_key}
    return {name for group in groups if group.isdisjoint(key) for name in group}
