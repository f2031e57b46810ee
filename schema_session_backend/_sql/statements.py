"""Every SQL statement on the sessions' table.

The ones that each request runs are compiled once (`Query`); the others are built for the question asked.
Values go in by name, with a prefix that keeps them apart from an application's columns: `ssb_handle`,
`ssb_max_age` (milliseconds, None for never), `ssb_field_0`… (the declared columns in their order),
`ssb_additional`, `ssb_revision`, `ssb_last_revision`, and `ssb_new_handle`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql import literal_column

from ..errors import ConfigurationError, InvalidField
from .query import Query
from .._table.declaration import require_declared

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

    from .vendors.base import Vendor
    from .._table.declaration import SessionTable

    Columns = ReadOnlyColumnCollection[str, Any]
    Row = Mapping[str, Any]
    Condition = ColumnElement[bool]


class Statements:
    """The statements on one table, in the words of its database.

    Args:
        table: the sessions' table.
        vendor: the hooks of its database.
        absolute_ms: milliseconds after `created_at` that no expiry passes, or None for no such limit.
        hashed: whether handles are hashes, in hexadecimal digits.
    """

    def __init__(
        self, table: SessionTable, vendor: Vendor, *, absolute_ms: int | None, hashed: bool
    ) -> None:
        self.table = table
        self.vendor = vendor
        self.absolute_ms = absolute_ms
        self.hashed = hashed
        self._upserts: dict[frozenset[str], Query] = {}
        self._inserts: dict[frozenset[str], Query] = {}

    @cached_property
    def live(self) -> Condition:
        """That a row has not expired."""
        expire_at = self.table.expire_at
        return or_(expire_at.is_(None), expire_at > self.vendor.now_ms)

    @cached_property
    def columns(self) -> list[ColumnElement[Any]]:
        """What a load selects: the declared columns, then the base columns and the database's clock."""
        table = self.table
        stamps = [] if table.created_at is None else [table.created_at, table.updated_at]
        return [
            *(field.column for field in table.fields),
            table.additional,
            table.expire_at,
            table.revision,
            self.vendor.now_ms.label("now_ms"),
            *stamps,  # type: ignore[list-item]
        ]

    @cached_property
    def load(self) -> Query:
        """Read a live session."""
        return Query(self._selected().where(self._this, self.live))

    @cached_property
    def lock(self) -> Query:
        """Read a live session and keep others from changing it until the transaction ends."""
        return Query(self._selected().where(self._this, self.live).with_for_update())

    @cached_property
    def exists(self) -> Query:
        """Look whether there is a live session."""
        return Query(select(literal_column("1")).select_from(self.table.table).where(self._this, self.live))

    def load_many(self, handles: Sequence[str]) -> Query:
        """Read live sessions; the handle comes last in a row."""
        return Query(self._listed().where(self.table.sid.in_(handles), self.live))

    def upsert(self, omitted: frozenset[str]) -> Query:
        """Store a session whatever was there; `omitted` columns get the database's own default."""
        if omitted not in self._upserts:
            self._upserts[omitted] = self.upsert_many([self._bound_row(omitted)])
        return self._upserts[omitted]

    def upsert_many(self, rows: Sequence[Row]) -> Query:
        """Store sessions, all with the same columns, whatever was there."""

        def updates(new: Columns) -> list[tuple[str, ColumnElement[Any]]]:
            table = self.table
            old_created, new_created = table.created_at, None
            # An omitted column too: the new row has its default.
            changes = [(name, new[name]) for name in self._data_columns]
            # Going on counting tells a save in flight that it is still the same session.
            revision = case((self.live, table.revision + literal_column("1")), else_=new[table.revision.name])
            changes.append((table.revision.name, revision))
            if old_created is not None and table.updated_at is not None:
                first = func.coalesce(old_created, new[old_created.name])
                new_created = case((self.live, first), else_=new[old_created.name])
                changes += [
                    (old_created.name, new_created),
                    (table.updated_at.name, new[table.updated_at.name]),
                ]
            # Last, because the others ask the old value whether the row is live, and MariaDB sets in order.
            expire_at = self._limited(new[table.expire_at.name], new_created)
            return [*changes, (table.expire_at.name, expire_at)]

        values = list(rows) if len(rows) > 1 else rows[0]
        return Query(self.vendor.upsert(self.table.table, values, updates))

    def row(self, values: Row) -> dict[str, Any]:
        """A row for `upsert_many` of values by their names (see the module)."""
        table, now = self.table, self.vendor.now_ms
        row: dict[str, Any] = {
            table.sid.name: values["ssb_handle"],
            table.additional.name: values["ssb_additional"],
            table.expire_at.name: now + bindparam(None, values["ssb_max_age"], type_=BigInteger),
            table.revision.name: values["ssb_revision"],
        }
        for index, field in enumerate(table.fields):
            if f"ssb_field_{index}" in values:
                row[field.name] = values[f"ssb_field_{index}"]
        return row | self._first_stamps()

    def insert(self, omitted: frozenset[str]) -> Query:
        """Store a session under an id that nobody has."""
        if omitted not in self._inserts:
            statement = self.vendor.insert_absent(self.table.table, self._bound_row(omitted))
            self._inserts[omitted] = Query(statement)
        return self._inserts[omitted]

    @cached_property
    def save(self) -> Query:
        """Replace a live session that nobody else has changed since it was loaded."""
        return self._save({})

    @cached_property
    def save_renamed(self) -> Query:
        """`save`, and give the session a new id."""
        return self._save(self._new_sid)

    @cached_property
    def amend(self) -> Query:
        """Replace a session that is locked, and leave its expiry alone."""
        updated_at = self.table.updated_at
        stamp = {} if updated_at is None else {updated_at.name: self.vendor.utc_now}
        return Query(update(self.table.table).where(self._this).values(self._replaced | stamp))

    @cached_property
    def touch(self) -> Query:
        """Move the expiry of a live session, and nothing else."""
        return Query(update(self.table.table).where(self._this, self.live).values(self._renewed))

    @cached_property
    def renew(self) -> Query:
        """Touch a session that is still the one that was loaded, however often it was saved since."""
        return self._renew({})

    @cached_property
    def renew_renamed(self) -> Query:
        """`renew`, and give the session a new id."""
        return self._renew(self._new_sid)

    @cached_property
    def destroy(self) -> Query:
        """Remove a session."""
        return Query(delete(self.table.table).where(self._this))

    def destroy_many(self, handles: Sequence[str]) -> Query:
        """Remove sessions."""
        by_key = self.vendor.delete_by_key(self.table.table)
        return Query(by_key.where(self.table.sid.in_(handles)))

    @cached_property
    def revoke(self) -> Query:
        """Remove a live session."""
        return Query(delete(self.table.table).where(self._this, self.live))

    def revoke_handles(self, handles: Sequence[str]) -> Query:
        """Remove live sessions."""
        by_key = self.vendor.delete_by_key(self.table.table)
        return Query(by_key.where(self.table.sid.in_(handles), self.live))

    @cached_property
    def rotate(self) -> Query:
        """Give a live session a new id."""
        return Query(update(self.table.table).where(self._this, self.live).values(self._new_sid))

    def clear(self, where: Sequence[Condition]) -> Query:
        """Remove every session, live or not."""
        return Query(delete(self.table.table).where(*where))

    def marked(self, mark: str) -> Condition:
        """That a handle begins with a mark; LIKE would take its case for equal on SQLite."""
        begins = func.substr(self.table.sid, 1, len(mark)) == mark
        if not self.hashed:
            # An application's own column may sort ids in any way.
            return begins
        # The primary key finds them, between the mark and the next one.
        past = f"{mark[:-1]}{chr(ord(mark[-1]) + 1)}"
        return and_(*self.between(mark, past), begins)

    def find(self, where: Sequence[Condition], limit: int | None) -> Query:
        """Read live sessions, the newest first; the handle comes last in a row."""
        return Query(self._listed().where(self.live, *where).order_by(*self._newest).limit(limit))

    def browse(self, where: Sequence[Condition], *, after: str, end: str | None, limit: int) -> Query:
        """Read live sessions in the order of their handles, up to `end`; the handle comes last in a row."""
        sid = self.table.sid
        span = [sid > after] if end is None else [sid > after, sid <= end]
        return Query(self._listed().where(self.live, *where, *span).order_by(sid).limit(limit))

    def after(self, handle: str, where: Sequence[Condition], *, rows: int) -> Query:
        """The handle that comes so many rows after another one, of sessions live or not."""
        sid = self.table.sid
        return Query(select(sid).where(sid > handle, *where).order_by(sid).offset(rows - 1).limit(1))

    def between(self, start: str, end: str) -> list[Condition]:
        """That a handle is from `start` on, and before `end`."""
        return [self.table.sid >= start, self.table.sid < end]

    def count_rows(self, where: Sequence[Condition]) -> Query:
        """Count sessions, live or not."""
        return Query(select(func.count()).select_from(self.table.table).where(*where))

    def per_day(self, where: Sequence[Condition], since: dt.datetime) -> Query:
        """Count live sessions by the day of their creation, in UTC."""
        created_at = self.table.created_at
        assert created_at is not None
        day = self.vendor.day(created_at)
        return Query(select(day, func.count()).where(self.live, created_at >= since, *where).group_by(day))

    def count(self, where: Sequence[Condition]) -> Query:
        """Count live sessions."""
        return Query(select(func.count()).select_from(self.table.table).where(self.live, *where))

    def revoke_where(self, where: Sequence[Condition], keep: str | None) -> Query:
        """Remove live sessions, all but the one with the handle `keep`."""
        others = [] if keep is None else [self.table.sid != keep]
        return Query(delete(self.table.table).where(self.live, *where, *others))

    def revoke_older(self, newest: int, where: Sequence[Condition]) -> Query:
        """Remove live sessions, all but the newest ones."""
        kept = select(self.table.sid).where(self.live, *where).order_by(*self._newest).limit(newest)
        # MariaDB takes a LIMIT, and the table that is deleted from, in a derived table only.
        derived = kept.subquery("kept")
        kept_handles = select(derived.c[self.table.sid.name])
        return Query(delete(self.table.table).where(self.live, *where, self.table.sid.not_in(kept_handles)))

    def expired(self, limit: int) -> Query:
        """Handles of expired sessions that no other transaction holds, and keep others from touching them."""
        return Query(
            select(self.table.sid)
            .where(self._expired)
            .order_by(self.table.expire_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )

    def delete_expired(self, handles: Collection[str]) -> Query:
        """Remove sessions of these handles, if they are expired still."""
        by_key = self.vendor.delete_by_key(self.table.table)
        return Query(by_key.where(self.table.sid.in_(handles), self._expired))

    @cached_property
    def _this(self) -> Condition:
        return self.table.sid == bindparam("ssb_handle", type_=String)

    @cached_property
    def _replaced(self) -> dict[str, Any]:
        table = self.table
        values = {field.name: self._bound_field(index) for index, field in enumerate(table.fields)}
        values[table.additional.name] = bindparam("ssb_additional", type_=table.additional.type)
        values[table.revision.name] = table.revision + literal_column("1")
        return values

    def _save(self, more: dict[str, Any]) -> Query:
        unchanged = self.table.revision == bindparam("ssb_revision", type_=BigInteger)
        values = self._replaced | self._renewed | more
        return Query(update(self.table.table).where(self._this, unchanged, self.live).values(values))

    def _renew(self, more: dict[str, Any]) -> Query:
        revision = self.table.revision
        first, last = (bindparam(f"ssb_{name}", type_=BigInteger) for name in ("revision", "last_revision"))
        same = revision.between(first, last)
        values = self._renewed | more
        return Query(update(self.table.table).where(self._this, same, self.live).values(values))

    @cached_property
    def _new_sid(self) -> dict[str, Any]:
        return {self.table.sid.name: bindparam("ssb_new_handle", type_=String)}

    @cached_property
    def _expired(self) -> Condition:
        return self.table.expire_at <= self.vendor.now_ms

    @cached_property
    def _newest(self) -> list[ColumnElement[Any]]:
        created_at, expire_at = self.table.created_at, self.table.expire_at
        insertion = self.vendor.insertion_sql
        last = [self.table.sid] if insertion is None else [literal_column(insertion).desc(), self.table.sid]
        if created_at is not None:
            return [created_at.desc(), *last]
        # A session that never expires has NULL there, which the databases sort differently.
        never_first = case((expire_at.is_(None), literal_column("0")), else_=literal_column("1"))
        return [never_first, expire_at.desc(), *last]

    @cached_property
    def _data_columns(self) -> list[str]:
        return [self.table.additional.name, *(field.name for field in self.table.fields)]

    @cached_property
    def _expiry(self) -> ColumnElement[Any]:
        return self.vendor.now_ms + bindparam("ssb_max_age", type_=BigInteger)

    @cached_property
    def _renewed(self) -> dict[str, Any]:
        table = self.table
        renewed: dict[str, Any] = {}
        created = None
        if table.created_at is not None and table.updated_at is not None:
            # A table that got its timestamps later has rows without them.
            created = func.coalesce(table.created_at, self.vendor.utc_now)
            renewed = {table.created_at.name: created, table.updated_at.name: self.vendor.utc_now}
        return renewed | {table.expire_at.name: self._limited(self._expiry, created)}

    def _limited(self, expiry: ColumnElement[Any], created: ColumnElement[Any] | None) -> ColumnElement[Any]:
        if self.absolute_ms is None or created is None:
            return expiry
        end = self.vendor.milliseconds(created) + literal_column(str(self.absolute_ms))
        return self.vendor.least(expiry, end)

    def _bound_field(self, index: int) -> ColumnElement[Any]:
        return bindparam(f"ssb_field_{index}", type_=self.table.fields[index].column.type)

    def _bound_row(self, omitted: frozenset[str]) -> dict[str, Any]:
        table = self.table
        fields = {
            field.name: self._bound_field(index)
            for index, field in enumerate(table.fields)
            if field.name not in omitted
        }
        return {
            table.sid.name: bindparam("ssb_handle", type_=String),
            **fields,
            table.additional.name: bindparam("ssb_additional", type_=table.additional.type),
            table.expire_at.name: self._expiry,
            table.revision.name: bindparam("ssb_revision", type_=BigInteger),
            **self._first_stamps(),
        }

    def _first_stamps(self) -> dict[str, Any]:
        created_at, updated_at = self.table.created_at, self.table.updated_at
        if created_at is None or updated_at is None:
            return {}
        return {created_at.name: self.vendor.utc_now, updated_at.name: self.vendor.utc_now}

    def _selected(self) -> Select[Any]:
        return select(*self.columns)

    def _listed(self) -> Select[Any]:
        return select(*self.columns, self.table.sid)


def conditions(
    table: SessionTable,
    where: Sequence[Condition],
    values: Mapping[str, Any],
    *,
    required_by: str | None = None,
) -> list[Condition]:
    """`where`, and that declared columns have these values; None asks for sessions without one.

    Args:
        table: the sessions' table.
        where: conditions that are ready.
        values: by the columns' names.
        required_by: the operation that needs at least one condition, if it does.

    Raises:
        ConfigurationError: naming a column that is not declared, or the operation without a condition.
        InvalidField: naming a column that a value does not fit.
    """
    found = list(where)
    for name, value in values.items():
        field = require_declared(table, name)
        if value is None:
            found.append(field.column.is_(None))
        elif (problem := field.check(value)) is not None:
            raise InvalidField(table.name, name, problem)
        else:
            found.append(field.column == field.bound(value))
    if required_by is not None and not found:
        msg = f"{required_by} without a condition would end every session: name a column, or use clear()"
        raise ConfigurationError(msg)
    return found
